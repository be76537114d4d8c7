"""What a person sees of a run: on a terminal a table below the workers' lines, elsewhere the lines alone."""

import fcntl
import os
import re
import signal
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from git_par import live, render
from git_par.commands import run_show
from git_par.commands.run_show import frame
from git_par.runs import counts
from git_par.runs.counts import Count, Counter
from git_par.runs.record import Part, Run, Runs
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state.session import Session
from tests.screens import Terminal
from tests.world import World

UNTIL = "until [ -e '{flag}' ]; do sleep 0.02; done"


def flag(world: World, name: str) -> Path:
    return world.root / "flags" / name


def set_flag(world: World, name: str) -> None:
    flag(world, name).parent.mkdir(exist_ok=True)
    flag(world, name).touch()


def until(world: World, name: str) -> str:
    return UNTIL.format(flag=flag(world, name))


def task_file(world: World, *tasks: str, **run: object) -> str:
    """A task file of one task for each `NAME: COMMAND`, or `NAME<NEED: COMMAND`."""
    lines = ["[run]", *(f"{key} = {value!r}" for key, value in run.items())]
    for task in tasks:
        head, _, command = task.partition(": ")
        name, _, need = head.partition("<")
        lines += ["[[task]]", f'name = "{name}"', f"command = '''{command}'''"]
        lines += [f'needs = ["{need}"]'] if need else []
    return str(world.write("tasks.toml", "\n".join(lines) + "\n", world.root))


def row(lines: list[str], name: str) -> str:
    """The last row of the table that is about `name`."""
    return next((line for line in reversed(lines) if re.match(rf"{name} +\d ", line)), "")


def test_a_table_stays_below_what_the_workers_write(world: World) -> None:
    file = task_file(
        world,
        f"one: echo hello of one; echo x >new.txt; {until(world, 'commit')}; git add .; git commit -qm work;"
        f" echo committed; {until(world, 'one')}",
        f"two: echo hello of two; {until(world, 'two')}; echo y >two.txt; echo over",
        f"three<one: echo at last; {until(world, 'three')}; echo z >three.txt",
    )
    seen = Terminal("run", file, cwd=world.repo, columns=100)
    lines = seen.until(lambda lines: re.search(r"^one +1 +running +\d+ s +0 +1 +hello of one$", row(lines, "one")))
    heading = next(number for number, line in enumerate(lines) if line.startswith("TASK   LEVEL"))
    assert {"one: hello of one", "two: hello of two"} <= set(lines[:heading])
    assert re.match(r"run \S+: 0 of 3 came home to main; 1 waiting, 2 running$", lines[heading - 1])
    assert re.match(r"three +2 +waiting$", lines[-1])
    set_flag(world, "commit")
    seen.until(lambda lines: re.search(r"^one +1 +running +\d+ s +1 +0 +committed$", row(lines, "one")))
    set_flag(world, "one")
    seen.until(lambda lines: re.search(r"^one +1 +done +\S+ s? *1 +committed$", row(lines, "one")))
    set_flag(world, "two")
    lines = seen.until(lambda lines: re.search(r"^three +2 +running +\d+ s +at last$|at last$", row(lines, "three")))
    assert re.search(r"^two +1 +landed", row(lines, "two"))
    set_flag(world, "three")
    assert seen.end() == 0
    text = "\n".join(seen.glass.all)
    for said in ("one: hello of one", "one: committed", "two: hello of two", "two: over", "three: at last"):
        assert text.count(said) == 1
    assert "LAST LINE" not in text
    assert text.count("came home to main") == 1
    assert re.search(r"LEVEL +TASK +STATE +TIME +COMMITS +NOTE\n1 +one +landed", text)


def test_each_state_is_written_over_the_last_without_a_blank_screen(world: World) -> None:
    file = task_file(world, f"one: for n in 1 2 3 4 5; do echo $n; sleep 0.3; done; {until(world, 'one')}")
    seen = Terminal("run", file, cwd=world.repo)
    seen.shows("one: 5")
    before = len(seen.written)
    seen.read(2.5)
    states = seen.written[before:].count("\x1b[?7l")
    assert 2 <= states <= 4, "once a second, for its time"
    set_flag(world, "one")
    assert seen.end() == 0
    assert seen.glass.seen <= {"F", "J", "K", "m", "?7l", "?7h", ""}
    assert "\x1b[2J" not in seen.written
    assert seen.glass.modes == {"7"}


@pytest.mark.parametrize("wraps", [True, False])
def test_a_resize_does_no_harm(world: World, wraps: bool) -> None:
    talk = "; ".join(f"echo line {number} of the output" for number in range(8))
    file = task_file(world, *(f"{name}: {talk}; {until(world, name)}; echo x >{name}.txt" for name in ("one", "two")))
    seen = Terminal("run", file, cwd=world.repo, columns=110, lines=40, wraps=wraps)
    said = [f"{name}: line {number} of the output" for name in ("one", "two") for number in range(8)]
    seen.until(lambda lines: all(lines.count(line) == 1 for line in said) and row(lines, "two").endswith("output"))
    for columns, lines in ((60, 40), (44, 40), (130, 40), (60, 20), (60, 40)):
        seen.resize(columns, lines)
        seen.read(0.7)
        assert all(len(line) <= columns for line in seen.glass.shown)
        assert "\n".join(seen.glass.all).count("TASK") == 1, "\n".join(seen.glass.all)
        assert all(seen.glass.all.count(line) == 1 for line in said), "\n".join(seen.glass.all)
    set_flag(world, "one")
    set_flag(world, "two")
    assert seen.end() == 0
    assert "LAST LINE" not in "\n".join(seen.glass.all)


def test_many_tasks_in_a_small_terminal(world: World) -> None:
    names = [f"task-{number:02}" for number in range(14)]
    file = task_file(world, *(f"{name}: echo so far; {until(world, name)}" for name in names), jobs=2)
    seen = Terminal("run", file, cwd=world.repo, columns=60, lines=15)
    lines = seen.until(
        lambda lines: len([line for line in lines if re.match(r"task-\d\d .*running .*so far", line)]) == 2
    )
    assert re.match(r"and 7 more: 7 ready$", lines[-1])
    assert len(lines) - next(n for n, line in enumerate(lines) if line.startswith("run ")) == 10
    for name in names:
        set_flag(world, name)
    assert seen.end() == 0
    assert all(len(line) <= 60 for line in seen.glass.all if not line.startswith(("hint", "LEVEL", "1 ")))


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_whoever_ends_it_finds_the_terminal_as_it_was(world: World, number: int, status: int) -> None:
    seen = Terminal("run", task_file(world, "one: echo begun; sleep 60"), cwd=world.repo)
    seen.until(lambda lines: row(lines, "one").endswith("begun"))
    seen.process.kill(number)
    assert seen.end() == status
    text = "\n".join(seen.glass.all)
    assert "LAST LINE" not in text
    assert "one: begun\n" in text
    assert "git par: ending the workers; interrupt once more to end them at once\n" in text
    assert seen.glass.modes == {"7"}


def test_a_stop_and_going_on_leave_what_others_wrote(world: World) -> None:
    seen = Terminal("run", task_file(world, f"one: echo begun; {until(world, 'one')}"), cwd=world.repo)
    seen.until(lambda lines: row(lines, "one").endswith("begun"))
    seen.process.kill(signal.SIGSTOP)
    seen.read(0.3)
    seen.glass.feed("\r\n" * 6 + "[1]+  Stopped\r\n$ fg\r\n")
    seen.process.kill(signal.SIGCONT)
    seen.read(1.5)
    assert {"[1]+  Stopped", "$ fg"} <= set(seen.glass.all)
    assert seen.glass.shown[-1].startswith("one ")
    set_flag(world, "one")
    assert seen.end() == 0
    assert {"[1]+  Stopped", "$ fg"} <= set(seen.glass.all)


def test_a_terminal_that_cannot_move_its_cursor_gets_lines_alone(world: World) -> None:
    seen = Terminal("run", task_file(world, "one: echo begun; echo x >f"), cwd=world.repo, term="dumb")
    assert seen.end() == 0
    assert "one: begun" in seen.glass.all
    assert "\x1b[?7l" not in seen.written


def test_where_commits_are_signed_the_terminal_is_free_for_a_passphrase(world: World) -> None:
    world.git("config", "gpg.program", str(world.root / "sign"))
    world.git("config", "commit.gpgsign", "true")
    signer = world.write(
        "sign",
        f"#!/bin/sh\necho 'the passphrase?' >/dev/tty\n{until(world, 'sign')}\ncat >/dev/null\n"
        "echo '[GNUPG:] SIG_CREATED ' >&2\n"
        "printf -- '-----BEGIN PGP SIGNATURE-----\\n\\nx\\n-----END PGP SIGNATURE-----\\n'\n",
        world.root,
    )
    signer.chmod(0o755)
    file = task_file(world, "one: echo x >f", f"two: echo from two; sleep 1; echo y >g; {until(world, 'two')}")
    seen = Terminal("run", file, cwd=world.repo)
    seen.shows("the passphrase?")
    seen.read(1.5)
    assert "LAST LINE" not in "\n".join(seen.glass.shown)
    set_flag(world, "sign")
    seen.shows("LAST LINE")
    set_flag(world, "two")
    assert seen.end() == 0


def test_elsewhere_there_are_the_lines_and_nothing_else(world: World) -> None:
    done = world.par_process("run", task_file(world, "one: echo begun; printf end; echo x >f"))
    assert done.status == 0
    assert "one: begun\none: end\n" in done.err
    assert "LAST LINE" not in done.err + done.out
    assert "\x1b" not in done.err + done.out


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_commits_and_changed_files_are_counted_where_the_worker_is(world: World, kind: str) -> None:
    world.ok("add", "one", "--isolation", kind)
    path = world.workspaces / "one"
    session = Session(("run",), render.tell, cwd=world.repo)
    task = session.tasks.expect("one")
    assert counts.count(session, task) == (0, 0, world.rev("HEAD", path))
    world.write("a.txt", "changed\n", path)
    world.write("new.txt", "x\n", path)
    world.git("add", "new.txt", cwd=path)
    world.write("new.txt", "y\n", path)
    first = counts.count(session, task)
    assert first == Count(0, 2, world.rev("HEAD", path))
    world.commit("work", cwd=path)
    world.commit("more", cwd=path)
    assert counts.count(session, task, first) == (2, 0, world.rev("HEAD", path))
    path.rename(world.root / "elsewhere")
    assert counts.count(session, task) is None


def test_counting_is_seldom_and_leaves_the_index_alone(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = world.add("one", "two", "gone")
    for path in paths:
        os.utime(path / "a.txt", (1, 1))  # git status would like to write that down
    before = [(path, world.git("rev-parse", "--git-path", "index", cwd=path)) for path in paths]
    indexes = [Path(path / index).stat().st_mtime_ns for path, index in before]
    world.ok("remove", "gone")
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(world.root / "trace"))
    session = Session(("run",), render.tell, cwd=world.repo)
    counter = Counter(session, lambda: ["one", "two", "gone"])
    began = time.monotonic()
    counter.open()
    while not (counter.get("one") and counter.get("two")) or time.monotonic() - began < 1:
        assert time.monotonic() - began < 60
        time.sleep(0.05)
    counter.close()
    calls = (world.root / "trace").read_text().count('"name":"status"')
    assert 2 <= calls <= 2 * (1 + (time.monotonic() - began) // 2)
    assert (counter.get("one"), counter.get("gone")) == (Count(0, 0, world.rev("one")), None)
    assert indexes[:2] == [Path(path / index).stat().st_mtime_ns for path, index in before[:2]]


def test_who_asks_whether_a_run_is_carried_out_is_in_nobodys_way(world: World) -> None:
    session = Session(("run",), render.tell, cwd=world.repo)
    runs = Runs(session)
    run = runs.begin(TaskFile(tasks=(Wanted("one"),)), "main", None, allow_overlap=False)
    with runs.held(run) as got:
        assert got
        assert [one.id for one in Runs(session).living()] == [run.id]
    assert list(runs.living()) == []
    lock = os.open(world.repo / ".git" / "par" / "locks" / f"run-{run.id}", os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_SH)
    threading.Timer(0.04, lambda: os.close(lock)).start()
    with runs.held(run) as got:
        assert got


def of(*parts: Part) -> Run:
    names = tuple(Wanted(part.name) for part in parts)
    return Run("20260101T000000Z", "", "main", "2026-01-01T00:00:00Z", TaskFile(tasks=names), list(parts))


def test_what_a_worker_writes_does_not_steer_the_table() -> None:
    run = of(
        Part("one", 1, "running"), Part("two", 1, "running"), Part("three", 1, "failed", detail="ended\x1b[2J badly")
    )
    said = {
        "one": b"first\n\x1b[2J\x1b]0;evil\x07\x1b[31mred\x1b[0m \xff\xe2\x80\xae\n\x1b[0m\n",
        "two": b"10%\r20%\r30%",
    }
    lines = frame(run, said, {"one": Count(2, 3)}.get, live.Size(100, 20))
    assert lines[1:] == [
        "TASK   LEVEL  STATE    TIME  COMMITS  CHANGED  LAST LINE",
        r"one    1      running        2        3        \x1b[2J\x1b]0;evil\x07red " + "\ufffd" + r"\u202e",
        "two    1      running                          30%",
        r"three  1      failed                           ended\x1b[2J badly",
    ]


def test_a_frame_fits_whatever_there_is_to_say() -> None:
    states = ("landed", "landed", "running", "waiting", "failed", "waiting", "running", "skipped")
    run = of(*(Part(f"a-task-with-a-long-name-{n}", 1, state) for n, state in enumerate(states)))
    for lines in range(1, 14):
        for columns in (10, 20, 59, 80):
            shown = frame(run, {}, lambda _: None, live.Size(columns, lines))
            assert len(shown) <= lines
            assert all(len(line) <= columns for line in shown)
    shown = frame(run, {}, lambda _: None, live.Size(80, 6))
    assert [line.split()[0][-1] for line in shown[2:5]] == ["2", "6", "4"]
    assert shown[5] == "and 5 more: 2 waiting, 2 landed, 1 skipped"


@pytest.mark.parametrize(("seconds", "shown"), [(59, "59 s"), (60, "1:00"), (3599, "59:59"), (3600, "1:00:00")])
def test_how_long_a_worker_has_run(seconds: int, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    began = datetime(2026, 1, 1, tzinfo=UTC)
    clock = SimpleNamespace(now=lambda _: began + timedelta(seconds=seconds), fromisoformat=datetime.fromisoformat)
    monkeypatch.setattr(run_show, "datetime", clock)
    assert run_show.duration(Part("one", 1, state="running", began=began.isoformat())) == shown
