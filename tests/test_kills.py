"""What takes back and brings back, killed at its git calls: the old state or the new one, and the next run goes on."""

import pytest

from tests.killing import run_killed
from tests.test_removal import everything
from tests.world import World


def test_remove_by_force_and_restore(world: World) -> None:
    """Whichever of the two was killed, and wherever: the work is in the workspace or comes back whole."""
    path = world.task("one")
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    world.write("staged", "edited\n", path)
    world.write("untracked", "untracked\n", path)
    world.write(".env", "secret\n", path)
    before = everything(path), world.git("status", "--porcelain=v2", "--ignored", cwd=path)
    for number in range(1, 80, 4):
        killed = run_killed(world, number, "remove", "--force", "one")
        again = world.par("remove", "--force", "one")
        assert again.status == 0 or "no such task" in again.err, (number, again)
        world.check_sound()
        assert world.branches() == ["main"]
        killed |= run_killed(world, number, "restore", "one")
        again = world.par("restore", "one")
        assert again.status == 0 or "there is a task of that name" in again.err, (number, again)
        assert (everything(path), world.git("status", "--porcelain=v2", "--ignored", cwd=path)) == before, number
        world.check_sound()
        if not killed:
            assert number > 20
            return
    pytest.fail("it never got through")


def test_undo(world: World) -> None:
    world.task("one")
    before = refs(world)
    world.ok("merge", "one", "--prune")
    after = refs(world)
    (merge,) = (one["name"] for one in world.ok("log", "--json").json["operations"] if one["command"][0] == "merge")
    for wanted, other in ((before, after), (after, before)):
        for number in range(2, 90, 11):
            # Each of these takes a second, so not every call has one.
            target = merge if wanted == before else last_done(world)
            killed = run_killed(world, number, "undo", target)
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
