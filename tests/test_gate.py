"""The gate: what it runs where, what it remembers, what it leaves behind, and who is blamed."""

import json
import os
import signal
import stat
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, log2
from pathlib import Path

import pexpect
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par.errors import UsageError
from git_par.landing import culprit
from git_par.landing.culprit import BaseFails, Culprit, Passes, Result
from git_par.landing.gate import Gate, policy
from git_par.state.session import Session
from tests.processes import ALONE, wait_for
from tests.world import World

# A gate in a process of its own; it gives up on the stubborn after a second.
RUN = """
import sys
from git_par import interrupts, processes
from git_par.landing.gate import Gate
from git_par.state.session import Session

interrupts.install()
processes.GRACE = 1.0
gate = Gate(Session(("merge",), lambda text: None), sys.argv[1], "main", lambda text: print(text, flush=True))
try:
    print(gate.passes(sys.argv[2]).exit)
except KeyboardInterrupt as interrupt:
    sys.exit(128 + interrupt.number)
"""

# One that hears no signal, one whose parent is gone, one of these in a group of its own, one in a session of its own.
BROOD = """
(trap '' INT TERM HUP; exec sleep 300) & echo $! >>"$PIDS"
(sleep 300 & echo $! >>"$PIDS")
("$PYTHON" -c 'import os; os.setpgid(0, 0); os.execvp("sleep", ["sleep", "300"])' & echo $! >>"$PIDS")
"$PYTHON" -c 'import os; os.setsid(); os.execvp("sleep", ["sleep", "300"])' & echo $! >>"$PIDS"
sleep 0.5
mv "$PIDS" "$PIDS.all"
echo begun >new.txt
wait
"""


@pytest.fixture
def pids(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the brood writes who it is; none of it survives the test."""
    monkeypatch.setenv("PIDS", str(world.root / "pids"))
    monkeypatch.setenv("PYTHON", sys.executable)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent.parent))
    file = world.root / "pids.all"
    yield file
    if file.exists():
        for pid in brood(file):
            psutil.Process(pid).kill()


def brood(file: Path) -> list[int]:
    """Those of the brood that live."""
    wait_for(file)
    living = []
    for pid in map(int, file.read_text().split()):
        try:
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                living.append(pid)
        except psutil.NoSuchProcess:
            pass
    return living


def heard(session: Session, command: str, base: str = "main") -> tuple[Gate, list[str]]:
    """A gate, and the lines that come out of it."""
    lines: list[str] = []
    return Gate(session, command, base, lines.append), lines


def outcome(session: Session, command: str, commit: str) -> tuple[bool, int, bool]:
    result = heard(session, command)[0].passes(commit)
    return result.ok, result.exit, result.remembered


def memories(world: World) -> list[Path]:
    directory = world.repo / ".git" / "par" / "gates"
    return sorted(directory.iterdir()) if directory.is_dir() else []


# what runs


def test_it_runs_on_the_commit_and_nowhere_else(world: World, session: Session) -> None:
    old = world.rev("main")
    world.commit("new", a__txt="new\n")
    world.write("a.txt", "uncommitted\n")
    gate, lines = heard(session, "git rev-parse HEAD; cat a.txt; pwd; git status --porcelain")
    assert gate.passes(old).ok
    place = str(world.workspaces / ".par" / "gate" / "1")
    assert lines == [old, *(f"line {number}" for number in range(1, 21)), place]
    assert (world.repo / "a.txt").read_text() == "uncommitted\n"


@pytest.mark.parametrize(
    ("command", "exit_"),
    [
        ("true", 0),
        ("exit 3", 3),
        ("no-such-command-of-anyone", 127),
        ("kill -9 $$", 137),
        ("kill -TERM $$", 143),
        ("echo x | grep -q y", 1),
        ("cat; exec test -t 0", 1),
    ],
)
def test_its_status_is_the_answer(world: World, session: Session, command: str, exit_: int) -> None:
    assert outcome(session, command, world.rev("main")) == (exit_ == 0, exit_, False)


def test_lines_come_while_it_runs(world: World, session: Session) -> None:
    go = world.root / "go"
    lines: list[str] = []

    def take(line: str) -> None:
        lines.append(line)
        go.touch()

    command = f"echo first; echo second >&2; while ! [ -e '{go}' ]; do sleep 0.02; done; printf 'l\\303\\274st\\377'"
    assert Gate(session, command, "main", take).passes(world.rev("main")).ok
    assert lines == ["first", "second", "lüst\ufffd"]


def test_a_reader_that_is_gone_does_not_disturb_it(world: World, session: Session) -> None:
    def take(line: str) -> None:
        raise BrokenPipeError

    assert Gate(session, "seq 100000", "main", take).passes(world.rev("main")).ok


def test_the_environment(world: World, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TASK", "BRANCH", "GROUP", "SLOT", "PORT", "PROMPT", "BASE"):
        monkeypatch.setenv(f"GIT_PAR_{name}", "of another")
    monkeypatch.setenv("GIT_PAR_LOCK", "1:/x")
    monkeypatch.setenv("GIT_INDEX_FILE", "/no/such")
    monkeypatch.setenv("MINE", "$(x) ü")
    gate, lines = heard(session, "env | grep -e ^GIT_PAR -e ^MINE= -e GIT_INDEX | sort", "rel/ä")
    assert gate.passes(world.rev("main")).ok
    assert lines == [
        "GIT_PAR_BASE=rel/ä",
        "GIT_PAR_LOCK=1:/x",
        f"GIT_PAR_MAIN={world.repo}",
        f"GIT_PAR_PATH={world.workspaces}/.par/gate/1",
        "MINE=$(x) ü",
    ]


def test_odd_paths(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = World(world.root, "ein Würfel $(x)'s").init()
    monkeypatch.chdir(odd.repo)
    gate, lines = heard(Session((), print), 'cat "$GIT_PAR_PATH/a.txt" >/dev/null && pwd')
    assert gate.passes(odd.rev("main")).ok
    assert lines == [str(odd.workspaces / ".par" / "gate" / "1")]
    assert gate.log.exists()


# the workspace


def test_ignored_files_stay_untracked_ones_go_and_it_is_said_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(world.repo)
    told: list[str] = []
    command = "ls -A; mkdir -p build; echo x >>build/cache; echo x >new.txt; echo x >a.txt; cat build/cache; false"
    lines: list[str] = []
    gate = Gate(Session((), told.append), command, "main", lines.append)
    commit = world.rev("main")
    assert (gate.passes(commit).exit, gate.passes(commit).exit) == (1, 1)
    assert lines == [".git", ".gitignore", "a.txt", "x", ".git", ".gitignore", "a.txt", "build", "x", "x"]
    assert told == [f"gate workspace '{world.workspaces}/.par/gate/1': ignored files stay from run to run"]


def test_two_at_once_have_a_workspace_each(world: World, session: Session, pids: Path) -> None:
    go, commit = world.root / "go", world.rev("main")
    running = world.start(sys.executable, "-c", RUN, f"pwd; while ! [ -e '{go}' ]; do sleep 0.02; done", commit)
    assert running.stdout
    assert running.stdout.readline() == f"{world.workspaces}/.par/gate/1\n"
    gate, lines = heard(session, f"pwd; touch '{go}'")
    assert gate.passes(commit).ok
    assert lines == [f"{world.workspaces}/.par/gate/2"]
    assert running.communicate(timeout=60)[0] == "0\n"


# the log


def test_the_log_has_all_runs_of_one_gate_and_none_of_the_last(world: World, session: Session) -> None:
    commit = world.rev("main")
    heard(session, "echo old", "rel/1")[0].passes(commit)
    gate, _ = heard(session, "echo out\necho ü >&2; exit 2", "rel/1")
    result = gate.passes(commit)
    gate.passes(commit)
    assert result.log == world.repo / ".git" / "par" / "logs" / "gate-rel%2F1.log"
    assert stat.S_IMODE(result.log.stat().st_mode) == 0o600
    assert stat.S_IMODE(result.log.parent.stat().st_mode) == 0o700
    lines = result.log.read_text().splitlines()
    kinds = [line.partition(": ")[0] if line.startswith("# ") else line for line in lines]
    run = ["# commit", "# command", "#   echo ü >&2; exit 2", "# start", "out", "ü", "# end", "# exit"]
    assert kinds == run * 2
    assert lines[0] == f"# commit: {commit}"
    assert lines[1] == "# command: echo out"
    assert lines[7] == "# exit: 2"
    assert 0 < result.seconds < 60


def test_a_log_that_is_a_link_is_not_followed(world: World, session: Session) -> None:
    gate, _ = heard(session, "echo x")
    victim = world.write("victim", "mine\n", world.root)
    gate.log.parent.mkdir(parents=True)
    gate.log.symlink_to(victim)
    with pytest.raises(OSError):
        gate.passes(world.rev("main"))
    assert victim.read_text() == "mine\n"


# memory


def test_a_pass_is_remembered_for_its_tree_and_command(world: World, session: Session) -> None:
    commit = world.rev("main")
    assert outcome(session, "true", commit) == (True, 0, False)
    assert outcome(session, "true", commit) == (True, 0, True)
    assert outcome(session, "true", world.commit("same tree")) == (True, 0, True)
    assert outcome(session, "true ", commit) == (True, 0, False)
    assert outcome(session, "true", world.commit("another", b__txt="b\n")) == (True, 0, False)
    (first, *_) = memories(world)
    assert stat.S_IMODE(first.stat().st_mode) == 0o600
    assert {"version", "command", "tree", "time"} == set(json.loads(first.read_bytes()))


def test_a_failure_is_never_remembered(world: World, session: Session) -> None:
    switch = world.root / "switch"
    command = f"test -e '{switch}'"
    assert outcome(session, command, world.rev("main")) == (False, 1, False)
    assert memories(world) == []
    switch.touch()
    assert outcome(session, command, world.rev("main")) == (True, 0, False)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"null", b'{"command": "true"}', b'{"command":"x","tree":"y"}', b"\xff"]
)
def test_a_damaged_memory_is_none(world: World, session: Session, content: bytes) -> None:
    outcome(session, "true", world.rev("main"))
    memories(world)[0].write_bytes(content)
    assert outcome(session, "true", world.rev("main")) == (True, 0, False)
    assert outcome(session, "true", world.rev("main")) == (True, 0, True)


def test_old_memories_go_when_a_new_one_comes(world: World, session: Session) -> None:
    outcome(session, "true", world.rev("main"))
    outcome(session, ":", world.rev("main"))
    old, young = memories(world)
    now = time.time()
    os.utime(old, (now - 31 * 86400,) * 2)
    os.utime(young, (now - 29 * 86400,) * 2)
    outcome(session, "false", world.rev("main"))
    assert memories(world) == [old, young]
    outcome(session, "test 1", world.rev("main"))
    assert old not in memories(world)
    assert young in memories(world)
    assert len(memories(world)) == 2


# how it ends


def test_what_it_leaves_running_does_not_hold_us_and_ends_with_it(world: World, session: Session, pids: Path) -> None:
    file = world.root / "pid"
    began = time.monotonic()
    gate, lines = heard(session, f"sleep 300 & echo $! >'{file}'; (while :; do echo on and on; done) & echo done")
    assert gate.passes(world.rev("main")).ok
    assert time.monotonic() - began < 20
    assert "done" in lines
    file.rename(pids)
    assert brood(pids) == []


def in_the_soak(number: signal.Signals) -> object:
    """Each of these waits until the gate is killed; the suite has one with a terminal and one without."""
    return pytest.param(number, marks=pytest.mark.soak)


@pytest.mark.parametrize("number", [signal.SIGINT, in_the_soak(signal.SIGTERM), in_the_soak(signal.SIGHUP)])
def test_an_interrupt_leaves_no_process_and_no_memory(world: World, pids: Path, number: signal.Signals) -> None:
    running = world.start(*ALONE, sys.executable, "-c", RUN, BROOD, world.rev("main"))
    assert len(brood(pids)) == 4
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert brood(pids) == []
    assert memories(world) == []
    log = world.repo / ".git" / "par" / "logs" / "gate-main.log"
    assert log.read_text().splitlines()[-1].startswith("# interrupted: ")


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(None, marks=pytest.mark.soak), in_the_soak(signal.SIGHUP)]
)
def test_the_same_at_a_terminal(world: World, pids: Path, number: signal.Signals | None) -> None:
    child = pexpect.spawn(sys.executable, ["-c", RUN, BROOD, world.rev("main")], cwd=str(world.repo), timeout=60)
    try:
        assert len(brood(pids)) == 4
        if number is None:
            child.sendintr()
        else:
            child.kill(number)
        child.expect(pexpect.EOF)
    finally:
        child.close()
    assert child.exitstatus == 128 + (number or signal.SIGINT)
    assert brood(pids) == []
    assert memories(world) == []


def test_a_killed_git_par_ends_it_and_the_next_run_starts_clean(world: World, session: Session, pids: Path) -> None:
    command = 'echo $$ >"$PIDS"; echo x >new.txt; git checkout -q --orphan x; mv "$PIDS" "$PIDS.all"; sleep 300; :'
    running = world.start(sys.executable, "-c", RUN, command, world.rev("main"))
    assert len(brood(pids)) == 1
    running.kill()
    running.communicate(timeout=60)
    for _ in range(600):
        if not brood(pids):
            break
        time.sleep(0.05)
    assert brood(pids) == []
    locks = world.repo / ".git" / "par" / "locks"
    assert [file.name for file in locks.glob("gate-*")] == ["gate-1"]
    for _ in range(300):  # the watcher lets go a moment later
        gate, lines = heard(session, "pwd; git status --porcelain; git rev-parse HEAD; false")
        assert not gate.passes(world.rev("main")).ok
        if lines[0].endswith("/1"):
            break
    assert lines == [f"{world.workspaces}/.par/gate/1", world.rev("main")]


def test_the_workspace_is_not_given_away_while_a_killed_run_is_ending(
    world: World, session: Session, pids: Path
) -> None:
    command = 'trap "" TERM; echo $$ >"$PIDS"; mv "$PIDS" "$PIDS.all"; while :; do sleep 0.05; done'
    running = world.start(sys.executable, "-c", RUN, command, world.rev("main"))
    assert len(brood(pids)) == 1
    running.kill()
    running.communicate(timeout=60)
    gate, lines = heard(session, "pwd")
    assert gate.passes(world.rev("main")).ok
    assert lines == [f"{world.workspaces}/.par/gate/2"]
    assert len(brood(pids)) == 1


# settings


def test_the_flag_wins_over_the_setting_and_none_is_none(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(world.repo)

    def chosen(command: str | None = None, tries: int | None = None) -> tuple[str, int, int] | None:
        found = policy(Session((), print), command, tries, each=False, line=print)
        return (found.command, found.tries, found.retries) if found else None

    assert chosen() is None
    assert chosen("make") == ("make", 5, 3)
    for key, value in (("gate", "make test"), ("gateTries", "2"), ("gateRetries", "0")):
        world.git("config", f"par.{key}", value)
    assert chosen() == ("make test", 2, 0)
    assert chosen("make", 9) == ("make", 9, 0)
    assert chosen("") is None
    world.git("config", "par.gateTries", "0")
    with pytest.raises(UsageError, match="with 0 nothing could be tested"):
        chosen()


# who is blamed


@dataclass(frozen=True)
class Step:
    commit: str


@given(st.integers(1, 200).flatmap(lambda count: st.tuples(st.just(count), st.integers(0, count - 1))))
def test_bisection_finds_what_a_linear_search_finds_with_few_calls(drawn: tuple[int, int]) -> None:
    count, first = drawn
    calls: list[str] = []

    def ok(commit: str) -> bool:
        calls.append(commit)
        return int(commit) < first

    commits = [str(number) for number in range(count)]
    assert culprit.first_failing(commits, ok) == first
    assert len(calls) <= ceil(log2(count)) if count > 1 else not calls
    assert str(count - 1) not in calls
    assert len(set(calls)) == len(calls)


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_whoever_is_blamed_fails_right_behind_one_that_passes(answers: list[bool]) -> None:
    answers[-1] = False
    found = culprit.first_failing([str(number) for number in range(len(answers))], lambda one: answers[int(one)])
    assert not answers[found]
    assert found == 0 or answers[found - 1]


def judged(answers: Sequence[bool], base: bool = True, *, each: bool = False) -> tuple[culprit.Verdict, list[int]]:
    """The verdict on a plan whose commits answer so, and which were asked, the base being -1."""
    calls: list[int] = []

    def passes(commit: str) -> Result:
        calls.append(int(commit))
        ok = base if commit == "-1" else answers[int(commit)]
        return Result(ok=ok, exit=0 if ok else 10 + int(commit), log=Path("log"))

    return culprit.judge(passes, "-1", [Step(str(number)) for number in range(len(answers))], each=each), calls


def failure(number: int) -> Result:
    return Result(ok=False, exit=10 + number, log=Path("log"))


def test_a_plan_that_passes_is_tested_once() -> None:
    assert judged([False, False, True]) == (Passes(), [2])
    assert judged([]) == (Passes(), [])


def test_the_base_is_asked_before_anyone_is_blamed() -> None:
    assert judged([True, False, False], base=False) == (BaseFails(failure(-1)), [2, -1])
    assert judged([False], base=False) == (BaseFails(failure(-1)), [0, -1])
    assert judged([False], base=True) == (Culprit(0, failure(0)), [0, -1])


def test_the_first_that_fails_is_blamed() -> None:
    assert judged([True, True, False, False, False]) == (Culprit(2, failure(2)), [4, -1, 1, 2])
    assert judged([True, False]) == (Culprit(1, failure(1)), [1, -1, 0])
    assert judged([False, False]) == (Culprit(0, failure(0)), [1, -1, 0])


def test_each_one_is_tested_in_its_order() -> None:
    assert judged([True, True, True], each=True) == (Passes(), [0, 1, 2])
    assert judged([True, False, True], each=True) == (Culprit(1, failure(1)), [0, 1])
    assert judged([False, True], each=True) == (Culprit(0, failure(0)), [0, -1])
    assert judged([False, True], base=False, each=True) == (BaseFails(failure(-1)), [0, -1])
    assert judged([True, False], base=False, each=True) == (Culprit(1, failure(1)), [0, 1])


@given(st.lists(st.booleans(), min_size=1, max_size=12), st.booleans(), st.booleans())
def test_a_verdict_always_rests_on_what_was_seen(answers: list[bool], base: bool, each: bool) -> None:
    verdict, calls = judged(answers, base, each=each)
    assert len(set(calls)) == len(calls)
    match verdict:
        case Passes():
            assert all(answers) if each else answers[-1]
        case BaseFails(result):
            assert not base
            assert result == failure(-1)
        case Culprit(index, result):
            assert not answers[index]
            assert answers[index - 1] if index else base
            assert result == failure(index)
