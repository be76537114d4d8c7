"""`git par list --watch`: it shows how all stands without a key, and the terminal comes back as it was."""

import re
import signal
import sys
import termios
import time
from pathlib import Path

import pexpect
import pytest

from git_par import live, render
from git_par.changes import Changes
from git_par.commands import list_watch
from git_par.commands.list import Columns
from git_par.commands.list_watch import View
from git_par.runs.record import Part, Run
from git_par.runs.taskfile import TaskFile
from git_par.state.session import Session
from tests.screens import Terminal
from tests.test_run_show import set_flag, task_file, until
from tests.world import PAR, World


def watched(world: World, *args: str, columns: int = 80, lines: int = 24) -> Terminal:
    seen = Terminal("list", "--watch", *args, cwd=world.repo, columns=columns, lines=lines)
    seen.shows("q quits")
    return seen


def settings(seen: Terminal) -> list[object]:
    return termios.tcgetattr(seen.process.child_fd)


def test_it_shows_what_list_shows_and_goes_on_without_a_key(world: World) -> None:
    world.task("one")
    world.add("two")
    seen = watched(world)
    seen.until(
        lambda lines: re.match(r"one +active +main +1 +0 +\d+ s$", lines[2]) and lines[3].startswith("two   new")
    )
    assert seen.glass.shown[0] == "repo: 2 tasks"
    assert seen.glass.shown[1].split() == ["TASK", "STATE", "BASE", "AHEAD", "BEHIND", "CHANGES", "AGE", "NOTE"]
    path = world.add("three")[0]
    seen.shows("three")
    world.write("new.txt", "x\n", path)
    seen.until(lambda lines: any(re.match(r"three +new .*1 untracked", line) for line in lines))
    world.commit("work", cwd=path)
    seen.until(lambda lines: any(re.match(r"three +active +main +1 +0 +\d+ s", line) for line in lines))
    world.ok("remove", "two")
    seen.until(lambda lines: not any(line.startswith("two") for line in lines))
    seen.process.send("q")
    assert seen.end() == 0


def test_a_change_is_heard_of_where_the_system_tells(world: World) -> None:
    with Changes() as changes:
        if not changes.descriptors:
            pytest.skip("no inotify here")
    rarely = "from git_par import cli; from git_par.commands import list_watch as watch; watch._EVERY = 1000; cli.run()"
    seen = Terminal("list", "--watch", cwd=world.repo, program=(PAR[0], "-c", rarely))
    seen.shows("no tasks")
    path = world.add("one")[0]
    seen.until(lambda lines: any(re.match(r"one +new", line) for line in lines))
    world.write("new.txt", "x\n", path)
    seen.until(lambda lines: any(re.match(r"one +new .*1 untracked", line) for line in lines))
    world.commit("work", cwd=path)
    seen.until(lambda lines: any(re.match(r"one +active +main +1 +0 +\d+ s", line) for line in lines))
    world.commit("more", a__txt="changed\n")
    seen.until(lambda lines: any(re.match(r"one +active +main +1 +1 +\d+ s", line) for line in lines))
    world.ok("merge", "one")
    seen.until(lambda lines: any(re.match(r"one +landed", line) for line in lines))
    seen.process.send("q")
    assert seen.end() == 0


def test_an_edit_deep_in_a_workspace_is_seen_soon(world: World) -> None:
    path = world.task("one", **{"deep/down/file__txt": "x\n"})
    seen = watched(world)
    seen.until(lambda lines: any(re.match(r"one +active", line) for line in lines))
    world.write("deep/down/file.txt", "y\n", path)
    seen.until(lambda lines: any(re.match(r"one +active .*1 changed", line) for line in lines))
    seen.process.send("q")
    assert seen.end() == 0


@pytest.mark.parametrize(
    ("end", "status"),
    [("q", 0), ("Q", 0), ("\x03", 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
)
def test_the_terminal_comes_back_as_it_was(world: World, end: str | int, status: int) -> None:
    world.add("one")
    seen = Terminal("list", "--watch", cwd=world.repo)
    seen.glass.feed("$ git par list --watch\r\n")
    before = settings(seen)
    seen.shows("q quits")
    assert settings(seen) != before
    assert seen.glass.modes == {"7", "1049"}
    if isinstance(end, str):
        seen.process.send(end)
    else:
        seen.process.kill(end)
    seen.hear_out()
    assert settings(seen) == before
    assert seen.glass.modes == {"7", "25"}
    assert seen.glass.shown == ["$ git par list --watch", *(["^C"] if end == "\x03" and "^C" in seen.written else [])]
    assert seen.end() == status


def test_a_stop_gives_the_terminal_back_for_as_long(world: World) -> None:
    world.add("one")
    shell = ("sh", "-c", 'set -m; "$@"; echo stopped; read line; fg', "sh")
    seen = Terminal("list", "--watch", cwd=world.repo, under=shell)
    before = settings(seen)
    seen.shows("q quits")
    mine = settings(seen)
    seen.process.send("\x1a")
    seen.shows("stopped")
    assert "1049" not in seen.glass.modes
    assert settings(seen) == before
    seen.process.send("\r")
    seen.shows("q quits")
    assert "1049" in seen.glass.modes
    assert settings(seen) == mine
    world.add("two")
    seen.shows("two")
    seen.process.send("q")
    assert seen.end() == 0


STARTING = """
import sys, threading, time
from pathlib import Path
from git_par import git
git.let_stop()
def start():
    while True:
        git.Git(Path(".")).run("--version")
threading.Thread(target=start, daemon=True).start()
print("starting", flush=True)
time.sleep(60)
"""


def test_a_stop_that_meets_a_git_on_its_way_is_a_stop(world: World) -> None:
    shell = 'set -m; "$@"; echo stopped; kill -KILL %1'
    for _ in range(20):
        seen = pexpect.spawn("sh", ["-c", shell, "sh", sys.executable, "-c", STARTING], cwd=world.repo, timeout=20)
        seen.expect("starting")
        time.sleep(0.03)
        seen.send("\x1a")
        seen.expect("stopped")
        seen.close(force=True)


def test_a_narrow_and_a_low_terminal(world: World) -> None:
    for number in range(12):
        world.add(f"a-task-with-a-long-name-{number}")
    seen = watched(world, columns=60, lines=10)
    lines = seen.until(lambda lines: re.match(r"a-task-\S+ +new ", lines[2]))
    assert lines[-2:] == ["and 6 more", "q quits"]
    assert len(lines) == 10
    assert all(len(line) <= 60 for line in lines)
    seen.resize(100, 30)
    lines = seen.until(lambda lines: len(lines) == 15)
    seen.resize(40, 8)
    lines = seen.until(lambda lines: lines[-2] == "and 8 more")
    assert all(len(line) <= 40 for line in lines)
    seen.process.send("q")
    assert seen.end() == 0


def test_each_state_goes_over_the_last(world: World) -> None:
    world.task("one")
    seen = watched(world)
    seen.read(3)
    assert 2 <= seen.written.count("\x1b[?7l") <= 12
    assert seen.glass.seen <= {"?1049h", "?25l", "H", "F", "J", "K", "?7l", "?7h"}
    assert seen.written.count("\x1b[?1049h") == 1
    seen.process.send("q")
    assert seen.end() == 0


def test_what_the_workers_of_a_run_are_at(world: World) -> None:
    world.task("other")
    file = task_file(world, f"one: echo so far; {until(world, 'one')}; echo x >f", "two<one: echo y >g", jobs=1)
    going = world.start(*PAR, "run", file)
    seen = watched(world, columns=110)
    lines = seen.until(lambda lines: any(re.match(r"one +new .* running \d+ s +so far$", line) for line in lines))
    assert re.match(r"repo: 2 tasks; run \S+: 1 waiting, 1 running$", lines[0])
    assert any(re.match(r"other +active +main +1 +0 +\d+ s$", line) for line in lines)
    assert any(re.match(r"two +waiting$", line) for line in lines)
    set_flag(world, "one")
    seen.until(lambda lines: "WORKER" not in lines[1])
    assert going.wait(60) == 0
    going.communicate()
    seen.process.send("q")
    assert seen.end() == 0


def test_no_tasks(world: World) -> None:
    seen = watched(world)
    assert seen.glass.shown == ["repo: no tasks; git par add NAME makes one", "q quits"]
    world.add("one")
    seen.until(lambda lines: any(line.startswith("one ") for line in lines))
    seen.process.send("q")
    assert seen.end() == 0


def test_who_cannot_watch_is_told_what_to_run(world: World) -> None:
    done = world.par_process("list", "--watch")
    assert done == (2, "", "git par: list --watch: there is no terminal to show it on\nhint: git par list\n")
    done = world.par("list", "--watch", "--json")
    assert (done.status, done.json["error"]["message"]) == (2, "--watch, --json: not together")
    assert done.err == "git par: --watch, --json: not together\nhint: git par list --json\n"
    seen = Terminal("list", "--watch", cwd=world.repo, term="dumb")
    assert seen.end() == 2


def git_calls(world: World, trace: Path) -> int:
    return trace.read_text().count('"event":"start"') if trace.exists() else 0


def test_a_look_costs_no_more_than_a_list(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        world.task(f"t{number}")
    world.ok("list")
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(world.root / "list"))
    world.ok("list")
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(world.root / "look"))
    session = Session(("list",), render.tell, cwd=world.repo)
    view = list_watch.look(session, Columns())
    assert [one.task.name for one in view.facts] == [f"t{number}" for number in range(5)]
    assert 5 < git_calls(world, world.root / "look") <= git_calls(world, world.root / "list")
    again = list_watch.look(session, Columns())
    assert [one.tip for one in again.facts] == [one.tip for one in view.facts]


def test_what_cannot_be_found_out_is_said_and_the_rest_stays(world: World) -> None:
    world.add("one")
    session = Session(("list",), render.tell, cwd=world.repo)
    view = list_watch.look(session, Columns())
    lines = list_watch.frame("repo", view, Columns(), live.Size(80, 24))
    (world.repo / ".git").rename(world.root / "elsewhere")
    lost = list_watch.look(session, Columns())
    assert (lost.tasks, lost.is_whole) == ((), False)
    assert re.match(r"git par: .*not a git repository", lost.said[0])
    assert lines[-1] == "q quits"


def test_where_not_all_have_room_those_at_work_are_shown_first_and_why_one_failed() -> None:
    parts = [
        Part("landed", 1, "landed"),
        Part("failed", 1, "failed", detail="ended with status 3"),
        Part("ready", 1, "ready"),
        Part("running", 1, "running", log="no such log"),
    ]
    run = Run("20260101T000000Z", "", "main", "2026-01-01T00:00:00Z", TaskFile(), parts)

    def names(lines: int) -> list[str]:
        frame = list_watch.frame("repo", View(runs=(run,)), Columns(), live.Size(100, lines))
        return [line.split()[0] for line in frame if line.startswith(("landed", "failed", "ready", "running"))]

    frame = list_watch.frame("repo", View(runs=(run,)), Columns(), live.Size(100, 24))
    assert any(re.match(r"failed .* ended with status 3$", line) for line in frame)
    assert (names(6), names(5)) == (["running", "ready"], ["running"])


def test_a_record_that_cannot_be_read_is_said_below(world: World) -> None:
    world.add("one")
    bad = world.write(".git/par/tasks/bad.json", "{")
    view = list_watch.look(Session(("list",), render.tell, cwd=world.repo), Columns())
    lines = list_watch.frame("repo", view, Columns(), live.Size(200, 24))
    assert lines[-2].startswith(f"'{bad}': this record cannot be read")
