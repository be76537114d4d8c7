"""Many processes at once: none fails because of another, and nothing half made is left behind."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.world import PAR, Result, World, clone_of_a_remote

Running = subprocess.Popen[str]


def finish(running: Sequence[Running]) -> list[Result]:
    """Wait for all; each one's result, in the order they were started."""
    ended = []
    for process in running:
        out, err = process.communicate(timeout=600)
        ended.append(Result(process.returncode, out, err))
    return ended


def at_once(world: World, commands: Sequence[Sequence[str]], cwd: Path | None = None) -> list[Result]:
    """`git par ARGS` for each of `commands`, all running at the same time."""
    return finish([world.start(*PAR, *args, cwd=cwd) for args in commands])


def expect_done(ended: Sequence[Result]) -> None:
    failed = [one for one in ended if one.status != 0]
    assert not failed, "\n".join(f"status {one.status}: {one.err}" for one in failed[:3])


def check_tasks(world: World, names: Sequence[str]) -> None:
    """Exactly these tasks, each with a branch, a directory and a slot of its own, and nothing else."""
    tasks = world.ok("list", "--json").json["tasks"]
    assert sorted(task["name"] for task in tasks) == sorted(names)
    assert len({task["path"] for task in tasks}) == len(names)
    assert len({task["slot"] for task in tasks}) == len(names)
    assert sorted(world.branches()) == sorted(["main", *(task["branch"] for task in tasks)])
    # All of them are locked in our name; the private one of a gate stays for the next gate.
    reasons = [(entry / "locked").read_text().strip() for entry in (world.repo / ".git").glob("worktrees/*")]
    assert len([reason for reason in reasons if reason != "git-par: private"]) == len(names)
    assert sorted(str(path) for path in world.workspaces.iterdir() if path.name != ".par") == sorted(
        task["path"] for task in tasks
    )
    world.check_sound()


def check_nothing_open(world: World) -> None:
    """No operation is still under way, no plan pinned, no temporary file left."""
    state = world.repo / ".git" / "par"
    entries = [json.loads(file.read_bytes()) for file in (state / "journal").glob("*.json")]
    assert {entry["state"] for entry in entries} <= {"done"}
    assert world.git("for-each-ref", "refs/par/plan") == ""
    assert not [path for path in state.rglob("*") if path.name.endswith(".tmp") or path.name.startswith("dropped-")]


def reachable(world: World) -> set[str]:
    return set(world.git("rev-list", "--all", "--reflog").split())


@contextmanager
def unchanged_config(world: World) -> Iterator[None]:
    file = world.repo / ".git" / "config"
    before = file.read_bytes()
    yield
    assert file.read_bytes() == before


@contextmanager
def foreign_loops(world: World, *commands: Sequence[str]) -> Iterator[None]:
    """Other people's git, over and over until the block is done; whether it succeeds is their affair."""
    stop = world.root / "stop"
    # Not a moment longer than the test, not even when that is killed.
    script = 'while [ ! -e "$0" ] && kill -0 $PPID; do git "$@" >/dev/null 2>&1; done'
    running = [subprocess.Popen(["/bin/sh", "-c", script, str(stop), *command], cwd=world.repo) for command in commands]
    try:
        yield
    finally:
        stop.touch()
        for process in running:
            process.wait(60)


WORKER = """
import random, subprocess, sys, time
from pathlib import Path

number, deadline = sys.argv[1], time.time() + float(sys.argv[2])
chance, made = random.Random(number), 0
repo = Path.cwd()
# Of an index over several packs that maintenance and gc leave behind the packs, git 2.55 makes an error.
GIT = ["git", "-c", "core.multiPackIndex=false"]


def par(*args, fine=(0,)):
    done = subprocess.run([sys.executable, "-m", "git_par", *args], capture_output=True, text=True)
    assert done.returncode in fine, (args, done)
    return done.stdout


def commit(path, message):
    # Git may see the value before while a branch is packed: of 7,576 commits beside a loop of pack-refs 56 failed, by
    # git 2.39 alone.
    for _ in range(20):
        done = subprocess.run([*GIT, "commit", "-q", "-m", message], cwd=path, stderr=subprocess.PIPE, text=True)
        if done.returncode == 0:
            return
        assert "cannot lock ref 'HEAD': is at" in done.stderr, done.stderr
    raise AssertionError(done.stderr)


while time.time() < deadline:
    made += 1
    name = f"{sys.argv[3]}-{number}-{made}"
    path = Path(par("add", name).strip())
    # Git refuses, as it is checked out; after a removal by somebody else there is nothing to delete.
    assert subprocess.run([*GIT, "branch", "-D", name], capture_output=True).returncode
    for one in range(chance.randrange(3)):
        (path / f"{name}-{one}.txt").write_text(name)
        subprocess.run([*GIT, "add", "--all"], cwd=path, check=True)
        commit(path, f"{name} {one}")
        print(subprocess.check_output([*GIT, "rev-parse", "HEAD"], cwd=path, text=True).strip(), flush=True)
    what = chance.randrange(10)
    if what in (0, 1):
        par("merge", name)
    elif what == 2:
        par("merge", name, "--prune", fine=(0, 1))
    elif what == 3:
        par("merge", "--all", fine=(0, 1))
    elif what == 4:
        par("prune")
    elif what == 5:
        par("sync", name, *chance.choice([(), ("--rebase",)]))
    elif what == 6:
        par("conflicts")
    elif what == 7:
        par("merge", name, "--gate", "true", fine=(0, 1))
    else:
        # Refused (3) while there is work in it that no base has.
        par("remove", name, fine=(0, 2, 3))
    par("list", "--json")
"""


def test_fifty_adds_at_once(world: World) -> None:
    names = [f"task-{number}" for number in range(50)]
    with unchanged_config(world):
        ended = at_once(world, [["add", name] for name in names])
    expect_done(ended)
    assert [one.out for one in ended] == [f"{world.workspaces / name}\n" for name in names]
    assert {world.rev(f"refs/heads/{name}") for name in names} == {world.rev("HEAD")}
    check_tasks(world, names)
    check_nothing_open(world)


def test_fifty_adds_at_once_from_a_remote_branch(tmp_path: Path) -> None:
    world = clone_of_a_remote(tmp_path)
    names = [f"group/task-{number}" for number in range(50)]
    with unchanged_config(world):
        ended = at_once(world, [["add", "--from", "origin/main", name] for name in names])
    expect_done(ended)
    assert len({one.out for one in ended}) == 50
    check_tasks(world, names)
    check_nothing_open(world)


def test_one_name_wanted_by_many_is_made_once(world: World) -> None:
    ended = at_once(world, [["add", "same", f"other-{number}"] for number in range(8)])
    assert sorted(one.status for one in ended) == [0] + [2] * 7
    done = next(number for number, one in enumerate(ended) if one.status == 0)
    assert {one.err.splitlines()[-2] for one in ended if one.status} <= {
        "git par: same: there is a task of that name",
        "git par: same: another process is making a task of that name",
    }
    check_tasks(world, ["same", f"other-{done}"])
    check_nothing_open(world)


def test_names_made_up_at_once_are_all_different(world: World) -> None:
    ended = at_once(world, [["add", "--title", "Free mixer channel"]] * 6 + [["add"]] * 6)
    expect_done(ended)
    names = [Path(one.out.strip()).name for one in ended]
    assert len(set(names)) == 12
    assert sorted(names[:6]) == ["free-mixer-channel", *(f"free-mixer-channel-{number}" for number in range(2, 7))]
    check_tasks(world, names)


def collecting(world: World) -> list[list[str]]:
    """Who collects garbage meanwhile: nobody with git 2.55, where `git gc` loses commits of a plain `git commit` beside it.

    Not --prune=now, which takes what a `git commit` beside it is making (git-gc(1), NOTES).
    """
    version = tuple(map(int, re.findall(r"\d+", world.git("version"))[:2]))
    return [["gc", "--quiet"]] if version < (2, 55) else []


def test_adds_beside_other_peoples_git(world: World) -> None:
    """Each of these kills some `git worktree add` that runs beside it."""
    remote = World(world.root, "remote").init()
    world.git("remote", "add", "origin", str(remote.repo))
    world.commit("more to pack")
    names = [f"task-{number}" for number in range(16)]
    with (
        unchanged_config(world),
        foreign_loops(
            world,
            ["worktree", "prune", "--expire", "now"],
            *collecting(world),
            ["fetch", "--quiet", "origin"],
            ["pack-refs", "--all"],
            ["worktree", "list"],
        ),
    ):
        ended = at_once(world, [["add", name] for name in names])
    expect_done(ended)
    check_tasks(world, names)
    check_nothing_open(world)


def test_merges_and_prunes_beside_other_peoples_git(world: World) -> None:
    names = [f"task-{number}" for number in range(8)]
    for path in world.add(*names):
        world.commit(f"work of {path.name}", cwd=path, **{path.name: "new\n"})
    before = reachable(world)
    with (
        unchanged_config(world),
        foreign_loops(
            world,
            ["worktree", "prune", "--expire", "now"],
            ["pack-refs", "--all"],
            *collecting(world),
            ["worktree", "list"],
        ),
    ):
        merged = at_once(world, [["merge", name] for name in names])
        pruned = at_once(world, [["prune"]] * 3)
    expect_done(merged)
    expect_done(pruned)
    assert sorted(line for one in pruned for line in one.out.splitlines()) == [
        f"removed {name} (merged)" for name in sorted(names)
    ]
    assert before <= reachable(world)
    check_tasks(world, [])
    check_nothing_open(world)


def test_everything_at_once_beside_other_peoples_git(world: World) -> None:
    """Some seconds of every verb, with others packing refs, pruning, fetching and collecting garbage."""
    with (
        unchanged_config(world),
        foreign_loops(
            world,
            ["pack-refs", "--all"],
            *collecting(world),
            ["worktree", "prune", "--expire", "now"],
            ["fetch", "--quiet", "."],
        ),
    ):
        ended = finish([world.start(sys.executable, "-c", WORKER, str(number), "4", "storm") for number in range(4)])
    expect_done(ended)
    made = {line for one in ended for line in one.out.split()}
    assert made
    assert made <= reachable(world)
    expect_done(at_once(world, [["merge", "--all"]]))
    expect_done(at_once(world, [["prune", "--new"]]))
    assert world.git("status", "--porcelain") == ""
    check_tasks(world, [])
    check_nothing_open(world)


@pytest.mark.parametrize("processes", [2, 4])
def test_merges_of_overlapping_sets_land_every_task_once(world: World, processes: int) -> None:
    names = [f"task-{number}" for number in range(8)]
    paths = world.add(*names)
    tips = {path.name: world.commit(f"work of {path.name}", cwd=path, **{path.name: "new\n"}) for path in paths}
    share = 8 // processes + 2
    sets = [[names[(number * 8 // processes + step) % 8] for step in range(share)] for number in range(processes)]
    with unchanged_config(world):
        ended = at_once(world, [["merge", *wanted] for wanted in sets])
    expect_done(ended)
    merges = world.git("rev-list", "--first-parent", "--merges", "--format=%P", "--no-commit-header", "main")
    assert sorted(line.split()[1] for line in merges.splitlines()) == sorted(tips.values())
    assert world.git("status", "--porcelain") == ""
    assert all((world.repo / name).read_text() == "new\n" for name in names)
    check_tasks(world, names)
    check_nothing_open(world)


def test_merges_of_different_tasks_do_not_outrun_each_other(world: World) -> None:
    """Each publish overtakes everybody else's plan; the last one home has seen that more often than anybody."""
    names = [f"task-{number}" for number in range(30)]
    for path in world.add(*names):
        world.commit(f"work of {path.name}", cwd=path, **{path.name: "new\n"})
    world.git("config", "par.lockTimeout", "20")
    ended = at_once(world, [["merge", name] for name in names])
    expect_done(ended)
    assert world.git("rev-list", "--first-parent", "--merges", "--count", "main") == "30"
    check_tasks(world, names)
    check_nothing_open(world)


def test_merges_at_once_leave_the_same_conflict_out(world: World) -> None:
    """Of two tasks that collide exactly one lands, whoever is first; every process says what it left out."""
    for name in ("one", "two"):
        world.task(name, a__txt=f"{name}\n")
    world.task("apart")
    ended = at_once(world, [["merge", "--all"]] * 4)
    assert {one.status for one in ended} == {1}
    assert all("conflict" in one.out for one in ended)
    subjects = world.git("log", "--first-parent", "--format=%P", "main").splitlines()
    assert len([line for line in subjects if " " in line]) == 2
    assert world.git("status", "--porcelain") == ""
    assert (world.repo / "a.txt").read_text() in ("one\n", "two\n")
    check_tasks(world, ["one", "two", "apart"])
    check_nothing_open(world)


def test_fifty_mixed_adds_merges_and_prunes(world: World) -> None:
    old = [f"old-{number}" for number in range(12)]
    for path in world.add(*old):
        world.commit(f"work of {path.name}", cwd=path, **{path.name: "new\n"})
    before = reachable(world)
    fresh = [f"new-{number}" for number in range(26)]
    commands = [["add", name] for name in fresh]
    commands[2:2] = [["merge", "--all"]]
    for place in range(23):
        commands.insert(2 * place + 1, [["merge", "--all"], ["prune"]][place % 2])
    assert len(commands) == 50
    with unchanged_config(world):
        ended = at_once(world, commands)
    expect_done(ended)
    expect_done(at_once(world, [["merge", "--all"]]))
    expect_done(at_once(world, [["prune"]]))
    assert before <= reachable(world)
    assert all((world.repo / name).read_text() == "new\n" for name in old)
    assert world.git("status", "--porcelain") == ""
    merges = world.git("rev-list", "--first-parent", "--merges", "--count", "main")
    assert merges == "12"
    check_tasks(world, fresh)
    check_nothing_open(world)


@pytest.mark.soak
def test_two_hundred_adds_at_once(world: World) -> None:
    names = [f"task-{number}" for number in range(200)]
    with unchanged_config(world):
        ended = at_once(world, [["add", name] for name in names])
    expect_done(ended)
    check_tasks(world, names)
    check_nothing_open(world)


@pytest.mark.soak
def test_two_hundred_adds_at_once_from_a_remote_branch(tmp_path: Path) -> None:
    world = clone_of_a_remote(tmp_path)
    names = [f"task-{number}" for number in range(200)]
    with unchanged_config(world):
        ended = at_once(world, [["add", "--from", "origin/main", name] for name in names])
    expect_done(ended)
    check_tasks(world, names)
    check_nothing_open(world)


@pytest.mark.soak
def test_minutes_of_everything_at_once(world: World) -> None:
    minutes = 4
    with (
        unchanged_config(world),
        foreign_loops(world, ["worktree", "list"], ["pack-refs", "--all"]),
    ):
        ended = finish(
            [world.start(sys.executable, "-c", WORKER, str(number), str(minutes * 60), "soak") for number in range(8)]
        )
    expect_done(ended)
    made = {line for one in ended for line in one.out.split()}
    assert made <= reachable(world)
    deadline = time.monotonic() + 60
    while (trash := world.workspaces / ".par" / "trash").is_dir() and any(trash.iterdir()):
        assert time.monotonic() < deadline, "the trash is never emptied"
        time.sleep(0.2)
    expect_done(at_once(world, [["merge", "--all"]]))
    expect_done(at_once(world, [["prune", "--new"]]))
    assert world.git("status", "--porcelain") == ""
    check_tasks(world, [])
    check_nothing_open(world)
