"""Ctrl-C, SIGTERM, a closed terminal, a kill: the workers end, everything is kept, and the run goes on where it was."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.processes import ALONE, wait_for
from tests.running import SETSID, Tasks, alive, lines, log_of, parts, record, states, task_file
from tests.world import PAR, World

# Works until it is told to go on; it counts its runs outside of its workspace, and says when it is asked to end.
WORKER = """
echo "$GIT_PAR_TASK" >>"$OUT/runs"; echo $$ >>"$OUT/pids"
trap 'echo asked; exit 7' TERM
echo half >>"$GIT_PAR_TASK.txt"; echo staged >staged; git add staged
touch "$OUT/begun.$GIT_PAR_TASK"
while [ ! -e "$OUT/go" ]; do sleep 0.05; done
git rm -qf --cached staged; rm staged
"""
DEAF = """
trap '' TERM INT HUP
echo $$ >>"$OUT/pids"; touch "$OUT/begun.$GIT_PAR_TASK"
while [ ! -e "$OUT/go" ]; do sleep 0.05; done
"""


@pytest.fixture
def out(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers leave word."""
    directory = world.root / "out"
    directory.mkdir()
    monkeypatch.setenv("OUT", str(directory))
    return directory


def three(world: World) -> str:
    """One that is over, two at work, one that waits for its turn, one that waits for the others."""
    tasks: Tasks = {
        "quick": {"command": "echo quick >>$OUT/runs; echo x >quick.txt"},
        "one": {},
        "two": {},
        "turn": {},
        "last": {"needs": ["one"], "command": "echo last >>$OUT/runs; cat one.txt >last.txt"},
    }
    return task_file(world, tasks, command=WORKER, jobs=2)


def begun(world: World, out: Path) -> None:
    """Until `quick` is committed and two others are at work."""
    wait_for(out / "begun.one", out / "begun.two")
    deadline = time.monotonic() + 60
    while states(record(world))["quick"] != "done":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def check_kept(world: World, out: Path) -> None:
    """Everything is where it was, and no worker is left."""
    assert alive(out / "pids") == []
    for name in ("one", "two"):
        path = world.workspaces / name
        assert (path / f"{name}.txt").read_text() == "half\n"
        assert world.git("status", "--porcelain", cwd=path) == f"A  staged\n?? {name}.txt"
    assert not (out / "begun.turn").exists()
    assert world.git("log", "--format=%s", "main") == "first"


def check_goes_on(world: World, out: Path) -> None:
    """Who had ended is not run again, who was at work is, in the same workspace."""
    (out / "go").touch()
    done = world.ok("run", "--resume", "--json")
    assert set(states(done.json).values()) == {"landed"}
    assert sorted(lines(out / "runs")) == ["last", "one", "one", "quick", "turn", "two", "two"]
    assert (world.repo / "last.txt").read_text() == "half\nhalf\n"
    assert lines(log_of(world, "one")).count("# end: ") + log_of(world, "one").read_text().count("# start: ") == 2
    assert record(world)["state"] == "done"
    world.check_sound()


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 143),
        # The others are in the tests at a terminal too.
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.soak),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.soak),
    ],
)
def test_a_signal_ends_the_workers_and_keeps_everything(number: int, status: int, world: World, out: Path) -> None:
    running = world.start(*ALONE, *PAR, "run", three(world))
    begun(world, out)
    running.send_signal(number)
    _, err = running.communicate(timeout=60)
    assert running.returncode == status
    assert "git par: ending the workers; interrupt once more to end them at once\n" in err
    assert err.endswith(f"git par: run {record(world)['id']}: not finished; go on with 'git par run --resume'\n")
    assert (record(world)["state"], states(record(world))) == (
        "interrupted",
        {"quick": "done", "one": "ready", "two": "ready", "turn": "ready", "last": "waiting"},
    )
    assert "asked" in lines(log_of(world, "one"))
    assert lines(log_of(world, "one"))[-1] == "# exit: 7"
    check_kept(world, out)
    check_goes_on(world, out)


def test_twice_is_at_once(world: World, out: Path) -> None:
    tasks: Tasks = {"deaf": {}, "too": {}, "turn": {}}
    running = world.start(*ALONE, *PAR, "run", task_file(world, tasks, command=DEAF, jobs=2))
    wait_for(out / "begun.deaf", out / "begun.too")
    running.send_signal(signal.SIGINT)
    time.sleep(1)
    assert running.poll() is None
    assert len(alive(out / "pids")) == 2
    began = time.monotonic()
    running.send_signal(signal.SIGINT)
    running.send_signal(signal.SIGINT)  # who is in a hurry does not stop at two
    running.communicate(timeout=60)
    assert time.monotonic() - began < 8
    assert running.returncode == 130
    assert alive(out / "pids") == []
    assert states(record(world)) == dict.fromkeys(tasks, "ready")
    (out / "go").touch()
    assert states(world.ok("run", "--resume", "--json").json) == dict.fromkeys(tasks, "unchanged")


@pytest.mark.parametrize("how", ["ctrl-c", "closed"])
def test_at_a_terminal(how: str, world: World, out: Path) -> None:
    child = pexpect.spawn(PAR[0], [*PAR[1:], "run", three(world)], cwd=str(world.repo), timeout=60)
    try:
        begun(world, out)
        if how == "ctrl-c":
            child.sendintr()
            child.expect("not finished; go on with")
            child.expect(pexpect.EOF)
        else:
            terminal: Any = child
            terminal.ptyproc.fileobj.close()
            terminal.closed = terminal.ptyproc.closed = True
        child.wait()
    finally:
        if not child.closed:
            child.close(force=True)
    assert child.exitstatus == (130 if how == "ctrl-c" else 129)
    assert states(record(world))["one"] == "ready"
    check_kept(world, out)
    check_goes_on(world, out)


def test_a_kill_ends_the_workers_and_the_run_goes_on_at_once(world: World, out: Path) -> None:
    running = world.start(*ALONE, *PAR, "run", three(world))
    begun(world, out)
    running.kill()
    running.communicate(timeout=60)
    assert states(record(world)) == {
        "quick": "done",
        "one": "running",
        "two": "running",
        "turn": "ready",
        "last": "waiting",
    }
    check_goes_on(world, out)
    assert alive(out / "pids") == []


def test_who_left_the_group_of_a_killed_run_is_ended_before_that_goes_on(
    world: World, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two never work in one workspace: whoever the watcher cannot know is found by the mark of the run."""
    monkeypatch.setattr("git_par.processes.GRACE", 0.5)
    deaf = DEAF.replace("''", '""')
    away = f"export GIT_PAR_TASK=away; {SETSID} sh -c '{deaf}' & wait"
    running = world.start(*ALONE, *PAR, "run", task_file(world, {"one": {"command": away}}))
    wait_for(out / "begun.away")
    running.kill()
    running.communicate(timeout=60)
    time.sleep(0.5)
    (left,) = alive(out / "pids")
    (out / "begun.away").unlink()

    def let_go() -> None:
        wait_for(out / "begun.away")
        (out / "go").touch()

    other = threading.Thread(target=let_go)
    other.start()
    world.ok("run", "--resume")
    other.join()
    assert left not in alive(out / "pids")
    assert len(lines(out / "pids")) == 2


def test_what_a_hook_left_running_does_not_hold_a_killed_run(world: World, out: Path) -> None:
    world.hook("post-commit", f'{SETSID} sleep 60 >/dev/null 2>&1 &\necho $! >>"$OUT/left"')
    running = world.start(*ALONE, *PAR, "run", three(world))
    begun(world, out)
    running.kill()
    running.communicate(timeout=60)
    try:
        assert len(alive(out / "left")) == 1
        (out / "go").touch()
        world.ok("run", "--resume")
    finally:
        for number in alive(out / "left"):
            os.kill(number, signal.SIGKILL)


def test_an_interrupt_while_its_commit_is_under_way(world: World, out: Path) -> None:
    """A hook that takes its time does not hold an interrupt up, and the commit is made when the run goes on."""
    world.hook("pre-commit", 'touch "$OUT/hook"\nwhile [ ! -e "$OUT/go" ]; do sleep 0.05; done')
    running = world.start(
        *ALONE, *PAR, "run", task_file(world, {"one": {"command": "echo one >>$OUT/runs; echo x >x"}})
    )
    wait_for(out / "hook")
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=60)
    assert running.returncode == 143
    assert parts(record(world)) == {"one": ("ended", "")}
    assert world.git("status", "--porcelain", cwd=world.workspaces / "one") == "?? x"
    (out / "go").touch()
    world.ok("run", "--resume")
    assert lines(out / "runs") == ["one"]
    assert (world.repo / "x").exists()


def test_an_interrupt_while_the_gate_runs(world: World, out: Path) -> None:
    gate = 'touch "$OUT/gate"; while [ ! -e "$OUT/go" ]; do sleep 0.05; done'
    file = task_file(world, {"one": {"command": "echo one >>$OUT/runs; echo x >x"}}, gate=gate)
    running = world.start(*ALONE, *PAR, "run", file)
    wait_for(out / "gate")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert (record(world)["state"], parts(record(world))) == ("interrupted", {"one": ("done", "")})
    (out / "go").touch()
    world.ok("run", "--resume")
    assert lines(out / "runs") == ["one"]


def test_an_interrupt_while_its_workspace_is_made(world: World, out: Path) -> None:
    """What users have run in a new workspace is run again, because nobody knows how far it came."""
    world.git(
        "config",
        "par.hook.post-add",
        'echo hook >>"$OUT/hooks"; while [ ! -e "$OUT/go" ]; do sleep 0.05; done; touch ok',
    )
    file = task_file(world, {"one": {"command": "test -e ok && echo x >x"}}, autocommit=True)
    running = world.start(*ALONE, *PAR, "run", file)
    wait_for(out / "hooks")
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=60)
    assert running.returncode == 130
    assert parts(record(world)) == {"one": ("adding", "")}
    (out / "go").touch()
    assert states(world.ok("run", "--resume", "--json").json) == {"one": "landed"}
    assert lines(out / "hooks") == ["hook", "hook"]
