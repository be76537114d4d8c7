"""Locks: held by a living process or by the git it started, by nobody else, and never taken over."""

import json
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from git_par import beside, discovery, git
from git_par.state.locks import Locks
from tests.processes import wait_for
from tests.world import PAR, World

HOLDER = """
import sys, time
from git_par import discovery
from git_par.state.locks import Locks

kind, name, *rest = sys.argv[1:]
locks = Locks(discovery.find(), 60.0, print, "git par holder")
for seconds in map(float, rest or ["1000"]):
    with locks.repository() if kind == "repository" else getattr(locks, kind)(name):
        print("held", flush=True)
        time.sleep(seconds)
"""


@contextmanager
def holder(world: World, kind: str = "repository", name: str = "-", *seconds: str) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds a lock, for ever unless `seconds` says for how long; killed at the end."""
    process = world.start(sys.executable, "-c", HOLDER, kind, name, *seconds)
    try:
        assert process.stdout
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def locks_of(world: World) -> Path:
    return world.repo / ".git" / "par" / "locks"


def note(world: World, file: str) -> dict[str, str]:
    return dict(json.loads((locks_of(world) / file).read_bytes()))


def ours(world: World, timeout: float = 0.5) -> Locks:
    return Locks(discovery.find(world.repo), timeout, lambda _: None, "git par test")


def files_below(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if "locks" not in path.parts}


def test_holder_is_named_while_waiting(world: World) -> None:
    with holder(world, "repository", "-", "2.5") as held:
        since = note(world, "repository")["start"]
        added = world.par_process("add", "late")
    assert added.status == 0
    assert added.err.splitlines()[0] == (
        f"git par: waiting for the repository, held by 'git par holder' (process {held.pid}, since {since})"
    )
    assert added.err.count("waiting for") == 1


def test_nothing_is_said_of_a_short_wait(world: World) -> None:
    with holder(world, "repository", "-", "0.1"):
        added = world.par_process("add", "soon")
    assert added.status == 0
    assert "waiting" not in added.err


@pytest.mark.parametrize(
    ("kind", "name", "shown", "command"),
    [
        ("repository", "-", "the repository", ("add", "b")),
        ("task", "a", "task 'a'", ("remove", "a")),
        ("task", "a", "task 'a'", ("set", "a", "--title", "T")),
        ("base", "main", "branch 'main'", ("merge", "a")),
    ],
)
def test_timeout_names_the_holder_and_does_nothing(
    world: World, kind: str, name: str, shown: str, command: tuple[str, ...]
) -> None:
    world.task("a")
    world.git("config", "par.lockTimeout", "1")
    with holder(world, kind, name) as held:
        since = note(world, kind if kind == "repository" else f"{kind}-{name}")["start"]
        refs, files = world.git("for-each-ref"), files_below(world.root)
        ended = world.par_process(*command)
        assert world.git("for-each-ref") == refs
        assert {one for one in files_below(world.root) ^ files if "/objects" not in one} <= {"repo/.git/refs/par"}
    assert ended.status == 4
    assert ended.out == ""
    who = f"'git par holder' (process {held.pid}, since {since})"
    assert ended.err.splitlines()[-2:] == [
        f"git par: {shown}: locked by {who} for more than 1 s",
        "hint: wait for it to finish and run the command again, or raise par.lockTimeout",
    ]
    world.ok("list")
    world.check_sound()


def test_timeout_is_told_as_json_too(world: World) -> None:
    world.git("config", "par.lockTimeout", "0")
    with holder(world):
        ended = world.par_process("add", "a", "--json")
    assert ended.status == ended.json["error"]["status"] == 4
    assert ended.json["error"]["message"].startswith("the repository: locked by 'git par holder' (process ")


def test_killed_holder_frees_its_lock(world: World) -> None:
    with holder(world) as held:
        held.kill()
        held.wait()
        assert world.ok("add", "a").err.startswith("a: starts at main")


def slow_git(world: World, word: str) -> tuple[dict[str, str], Path, Path]:
    """An environment in which `git … WORD …` writes its process id and then waits until a file appears."""
    folder = world.root / "bin"
    folder.mkdir()
    started, go = world.root / "started", world.root / "go"
    real = subprocess.check_output(["/bin/sh", "-c", "command -v git"], text=True).strip()
    script = folder / "git"
    script.write_text(
        f'#!/bin/sh\ncase " $* " in *" {word} "*) echo $$ >"{started}.new"; mv "{started}.new" "{started}"\n'
        f'n=0; while [ ! -e "{go}" ] && [ $((n += 1)) -lt 600 ]; do sleep 0.1; done;; esac\nexec {real} "$@"\n'
    )
    script.chmod(0o755)
    return {"PATH": f"{folder}:{os.environ['PATH']}"}, started, go


def test_git_child_of_a_killed_parent_keeps_the_lock_until_it_ends(world: World) -> None:
    env, started, go = slow_git(world, "worktree add")
    parent = world.start(*PAR, "add", "a", env=env)
    wait_for(started)
    parent.kill()
    parent.wait()
    os.kill(int(started.read_text()), 0)  # git is still at it
    with pytest.raises(Exception, match=f"process {parent.pid}"), ours(world).repository():
        pass
    go.touch()
    with ours(world, 30).repository():
        # It came to its end before anybody else got in: by itself, or because nobody reads what it says.
        assert world.git("worktree", "list").count("\n") == len(
            list((world.repo / ".git").glob("worktrees/*/commondir"))
        )
    parent.communicate()
    world.ok("add", "a")
    world.check_sound()


def open_locks(pid: int | str) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except OSError:
            continue
        if "/par/locks/" in target:
            found.append(Path(target).name)
    return sorted(found)


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_git_under_a_lock_has_its_descriptor(world: World) -> None:
    env, started, go = slow_git(world, "worktree add")
    running = world.start(*PAR, "add", "b", "a", env=env)
    wait_for(started)
    assert open_locks(started.read_text().strip()) == ["repository", "task-a", "task-b"]
    go.touch()
    running.communicate()
    assert running.returncode == 0


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
@pytest.mark.parametrize("waits", [False, True])
def test_a_git_that_another_thread_starts_is_not_in_the_way_of_a_release(
    world: World, monkeypatch: pytest.MonkeyPatch, waits: bool
) -> None:
    locks, start = ours(world, 10), subprocess.Popen
    begun, told = threading.Event(), []

    def slow(*args: Any, **options: Any) -> "subprocess.Popen[bytes]":
        told.append(options["pass_fds"])
        begun.set()
        time.sleep(0.05)
        return start(*args, **options)

    with ExitStack() as stack:
        if waits:
            stack.enter_context(holder(world, "repository", "-", "0.3"))
        with locks.repository():
            monkeypatch.setattr(subprocess, "Popen", slow)
            asking = beside.begin(lambda: git.Git(world.repo).run("version"))
            assert begun.wait(10)
        assert asking().code == 0
    assert [len(one) for one in told] == [1]


def test_users_commands_do_not_inherit_a_lock(world: World) -> None:
    command = "ls -l /proc/self/fd | grep -c /par/locks/ || true"
    added = world.par_process("add", "a", "--exec", command)
    assert added.status == 0, added
    assert added.err.splitlines()[0] == "a: 0"


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
def test_hooks_do_not_inherit_a_lock(world: World) -> None:
    found = world.root / "found"
    for name in ("post-checkout", "post-merge"):
        world.hook(name, f"ls -l /proc/self/fd | grep /par/locks/\necho {name} >>'{found}'")
    done = world.par_process("add", "a")
    assert done.status == 0, done
    world.commit("work", cwd=world.workspaces / "a")
    done = world.par_process("merge", "a")
    assert done.status == 0, done
    assert found.read_text() == "post-checkout\npost-merge\n"


def test_a_command_that_goes_on_in_the_background_holds_nothing(world: World) -> None:
    added = world.par_process("add", "a", "--exec", "sleep 30 >/dev/null 2>&1 & echo $! >../pid")
    assert added.status == 0, added
    try:
        with ours(world).repository(), ours(world).task("a"):
            pass
    finally:
        os.kill(int((world.workspaces / "pid").read_text()), signal.SIGKILL)


def test_lock_files_are_private_and_stay(world: World) -> None:
    before = os.umask(0)
    try:
        world.task("a")
    finally:
        os.umask(before)
    first = {file.name: file.stat() for file in locks_of(world).iterdir()}
    assert sorted(first) == ["repository", "task-a"]
    assert {stat.S_IMODE(one.st_mode) for one in first.values()} == {0o600}
    assert stat.S_IMODE(locks_of(world).stat().st_mode) == 0o700
    world.ok("merge", "a", "--prune")
    world.ok("add", "a")
    again = {file.name: file.stat().st_ino for file in locks_of(world).iterdir()}
    assert sorted(again) == ["base-main", "repository", "task-a"]
    assert {name: again[name] for name in first} == {name: one.st_ino for name, one in first.items()}


def test_holder_is_written_inside(world: World) -> None:
    with holder(world, "task", "feature/ä") as held:
        said = note(world, "task-feature%2F%C3%A4")
    assert said == {"pid": held.pid, "host": os.uname().nodename, "start": said["start"], "command": "git par holder"}


def test_long_holder_is_not_forgotten_for_a_shorter_one(world: World) -> None:
    with ours(world).repository():
        (locks_of(world) / "repository").write_text("x" * 4000)
    with ours(world).repository():
        assert note(world, "repository")["command"] == "git par test"


def test_unreadable_note_still_times_out(world: World) -> None:
    with holder(world):
        (locks_of(world) / "repository").write_text("{")
        with pytest.raises(Exception, match=r"the repository: locked by another process for more than 0\.5 s"):
            ours(world).repository().__enter__()


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (("task", "a"), ("repository",)),
        (("task", "a"), ("base", "main")),
        (("task", "b"), ("task", "a")),
        (("task", "a"), ("task", "a")),
        (("repository",), ("base", "main")),
        (("repository",), ("repository",)),
        (("base", "main"), ("base", "main")),
        (("base", "main"), ("base", "develop")),
    ],
)
def test_wrong_order_is_a_bug_and_not_a_deadlock(world: World, first: tuple[str, ...], second: tuple[str, ...]) -> None:
    locks = ours(world)
    with (
        getattr(locks, first[0])(*first[1:]),
        pytest.raises(AssertionError, match="lock order"),
        getattr(locks, second[0])(*second[1:]),
    ):
        pass
    with getattr(locks, second[0])(*second[1:]):
        pass


def test_right_order_is_fine(world: World) -> None:
    locks = ours(world)
    with locks.base("main"), locks.repository(), locks.every_task(["b", "a", "c"]):
        assert locks_of(world).is_dir()
    assert sorted(file.name for file in locks_of(world).iterdir()) == [
        "base-main", "repository", "task-a", "task-b", "task-c",
    ]  # fmt: skip


def test_is_held_tells_a_living_process(world: World) -> None:
    assert not ours(world).is_held("task", "a")
    with holder(world, "task", "a"):
        assert ours(world).is_held("task", "a")
        assert not ours(world).is_held("task", "b")
    assert not ours(world).is_held("task", "a")


def test_moving_queue_never_times_out(world: World) -> None:
    """Twelve processes hold the lock for 0.4 s each; the last waits nearly five times its patience of a second."""
    world.git("config", "par.lockTimeout", "1")
    script = HOLDER.replace("60.0", "1.0")
    with holder(world, "repository", "-", "0.4"):
        queue = [world.start(sys.executable, "-c", script, "repository", "-", "0.4") for _ in range(12)]
        ended = [process.communicate(timeout=60) for process in queue]
    assert [process.returncode for process in queue] == [0] * 12, ended
    assert all(out.endswith("held\n") for out, _ in ended)


def test_standing_queue_does_time_out(world: World) -> None:
    """Waiters do not count as movement, only holders."""
    world.git("config", "par.lockTimeout", "1")
    with holder(world):
        queue = [world.start(*PAR, "add", f"task-{number}") for number in range(4)]
        ended = [process.communicate(timeout=60) for process in queue]
    assert [process.returncode for process in queue] == [4] * 4, ended
    assert world.branches() == ["main"]


def test_an_add_does_not_take_a_merge_on_its_way_for_uncommitted_work(world: World) -> None:
    for options in ([], ["--from", "main"]):
        with holder(world, "base", "main"):
            world.write("a.txt", "as the merge has it\n")
            adding = world.start(*PAR, "add", f"task-{len(options)}", *options)
            assert adding.stderr
            assert "waiting for branch 'main'" in adding.stderr.readline()
            world.git("checkout", "-q", "a.txt")
        _, err = adding.communicate(timeout=60)
        assert adding.returncode == 0, err
    world.write("a.txt", "edited\n")
    assert world.par("add", "three").status == 3


def test_different_bases_and_tasks_do_not_wait_for_each_other(world: World) -> None:
    world.git("branch", "develop")
    world.task("a")
    world.task("b")
    world.ok("set", "b", "--base", "develop")
    world.git("config", "par.lockTimeout", "0")
    with holder(world, "base", "main"), holder(world, "task", "a"):
        assert world.par_process("merge", "b").status == 0
        assert world.par_process("remove", "b").status == 0


def test_readers_never_wait(world: World) -> None:
    world.task("a")
    world.git("config", "par.lockTimeout", "0")
    with holder(world), holder(world, "base", "main"), holder(world, "task", "a"):
        assert world.par("path", "a").status == 0
        assert world.par("list").status == 0
        assert world.par("show", "a").status == 0
        assert world.par("env", "a").status == 0
        assert world.par("merge", "a", "--dry-run").status == 0
