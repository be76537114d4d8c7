"""A git-par killed at any of its git calls leaves the old state or the new one, and the next command goes on from there."""

import shutil
from pathlib import Path

import pytest

from tests.test_removal import everything
from tests.world import World

KILLER = """#!/bin/sh
# Ends git-par before or after its n-th git call, then does what git was asked.
count=$(cat "$KILL_COUNT" 2>/dev/null || echo 0)
count=$((count + 1))
echo "$count" >"$KILL_COUNT"
if [ "$count" = "$KILL_BEFORE" ]; then kill -9 "$PPID"; exit 1; fi
"$REAL_GIT" "$@"
status=$?
if [ "$count" = "$KILL_AFTER" ]; then kill -9 "$PPID"; fi
exit "$status"
"""


def run_killed(world: World, when: str, number: int, *args: str) -> bool:
    """Run git-par, killed before or after its git call `number`; whether it got that far."""
    tools = world.root / "tools"
    tools.mkdir(exist_ok=True)
    (tools / "git").write_text(KILLER)
    (tools / "git").chmod(0o755)
    counter = world.root / "count"
    counter.unlink(missing_ok=True)
    git = shutil.which("git")
    assert git
    env = {
        "PATH": f"{tools}:{Path(git).parent}:/usr/bin:/bin",
        "REAL_GIT": git,
        "KILL_COUNT": str(counter),
        f"KILL_{when.upper()}": str(number),
    }
    return world.par_process(*args, env=env).status == -9


def test_add(world: World) -> None:
    for number in range(1, 60):
        killed = run_killed(world, "before", number, "add", "one", "two")
        world.git("fsck", "--connectivity-only")
        for name in ("one", "two"):
            done = world.par("add", name)
            assert done.status == 0 or "there is a task of that name" in done.err, (number, done)
        world.check_sound()
        assert sorted(world.branches()) == ["main", "one", "two"]
        world.ok("remove", "one", "two")
        assert world.branches() == ["main"]
        if not killed:
            assert number > 8
            return
    pytest.fail("it never got through")


def test_remove(world: World) -> None:
    for number in range(1, 60):
        path = world.task("one", f__txt=f"{number}\n")
        tip = world.rev("one")
        world.write(".env", "secret\n", path)
        world.ok("merge", "one")
        killed = run_killed(world, "before", number, "remove", "one")
        again = world.par("remove", "one")
        assert again.status == 0 or "no such task" in again.err, (number, again)
        world.check_sound()
        assert world.branches() == ["main"]
        assert not path.exists()
        assert world.git("merge-base", "--is-ancestor", tip, "main") == ""
        kept = list((world.workspaces / ".par" / "kept").rglob(".env"))
        assert [file.read_text() for file in kept] == ["secret\n"] * number, number
        if not killed:
            assert number > 8
            return
    pytest.fail("it never got through")


def test_remove_by_force_and_restore(world: World) -> None:
    """Whichever of the two was killed, and wherever: the work is in the workspace or comes back whole."""
    path = world.task("one")
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    world.write("staged", "edited\n", path)
    world.write("untracked", "untracked\n", path)
    world.write(".env", "secret\n", path)
    before = everything(path), world.git("status", "--porcelain=v2", "--ignored", cwd=path)
    for number in range(1, 60):
        killed = run_killed(world, "before", number, "remove", "--force", "one")
        again = world.par("remove", "--force", "one")
        assert again.status == 0 or "no such task" in again.err, (number, again)
        world.check_sound()
        assert world.branches() == ["main"]
        killed |= run_killed(world, "before", number, "restore", "one")
        again = world.par("restore", "one")
        assert again.status == 0 or "there is a task of that name" in again.err, (number, again)
        assert (everything(path), world.git("status", "--porcelain=v2", "--ignored", cwd=path)) == before, number
        world.check_sound()
        if not killed:
            assert number > 20
            return
    pytest.fail("it never got through")


@pytest.mark.parametrize("when", ["before", "after"])
def test_merge(world: World, when: str) -> None:
    for number in range(1, 60):
        base = world.rev("main")
        for name in ("one", "two"):
            world.task(f"{name}-{number}", **{f"{name}{number}": f"{name}\n"})
        killed = run_killed(world, when, number, "merge", "--all", "--no-ff")
        assert world.git("status", "--porcelain") == ""
        assert world.try_git("merge-base", "--is-ancestor", base, "main").status == 0
        world.ok("merge", "--all", "--no-ff")
        assert (world.repo / f"one{number}").read_text() == "one\n"
        assert (world.repo / f"two{number}").read_text() == "two\n"
        world.check_sound()
        world.ok("prune")
        assert world.branches() == ["main"]
        if not killed:
            assert number > 8
            return
    pytest.fail("it never got through")


@pytest.mark.parametrize(("when", "start"), [("before", 1), ("after", 3)])
def test_undo(world: World, when: str, start: int) -> None:
    world.task("one")
    before = refs(world)
    world.ok("merge", "one", "--prune")
    after = refs(world)
    (merge,) = (one["name"] for one in world.ok("log", "--json").json["operations"] if one["command"][0] == "merge")
    for wanted, other in ((before, after), (after, before)):
        for number in range(start, 90, 9):
            # Each of these takes a second, so not every call has one.
            target = merge if wanted == before else last_done(world)
            killed = run_killed(world, when, number, "undo", target)
            again = world.par("undo", target)
            assert again.status == 0 or "it was undone already" in again.err, (number, again)
            assert refs(world) == wanted, number
            assert world.git("status", "--porcelain") == ""
            world.check_sound()
            if not killed:
                assert number > 15
                break
            world.ok("undo", last_done(world))
            assert refs(world) == other, number
        else:
            pytest.fail("it never got through")


def refs(world: World) -> str:
    return world.git("for-each-ref", "refs/heads")


def last_done(world: World) -> str:
    """The newest operation that stands."""
    found = (one["name"] for one in world.ok("log", "--json").json["operations"] if one["state"] == "done")
    return str(next(found))
