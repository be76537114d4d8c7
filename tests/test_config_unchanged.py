"""The shared `.git/config` is the user's: whatever a verb does, it stays as it is, byte for byte."""

from collections.abc import Iterator

import pytest

from tests.world import World


@pytest.fixture
def config_stays(world: World) -> Iterator[World]:
    """A world with a remote, settings of the user's own and a file that git would write in another way."""
    world.git("clone", "-q", "--bare", ".", str(world.root / "origin.git"))
    world.git("remote", "add", "origin", str(world.root / "origin.git"))
    world.git("fetch", "-q", "origin")
    config = world.repo / ".git" / "config"
    config.write_bytes(config.read_bytes() + b"; mine\n[Par]\n   portBase=3000 ; odd\n[push]\n\tautoSetupRemote\n")
    before = (config.read_bytes(), config.stat().st_mtime_ns, config.stat().st_ino)
    yield world
    assert (config.read_bytes(), config.stat().st_mtime_ns, config.stat().st_ino) == before
    assert not (config.parent / "config.lock").exists()
    assert not (config.parent / "config.worktree").exists()


def test_no_verb_writes_it(config_stays: World) -> None:
    world = config_stays
    world.ok("add", "one", "two", "--fetch")
    world.ok("add", "tracking", "--from", "origin/main", "--exec", "true")
    for verb in (["list"], ["path", "one"], ["env", "one"], ["show", "one"], ["set", "one", "--title", "T"]):
        world.ok(*verb)
    for name in ("one", "two", "tracking"):
        world.commit(name, cwd=world.workspaces / name, **{name: name})
    world.ok("merge", "one", "--dry-run")
    world.ok("merge", "one", "--squash")
    world.ok("merge", "--all", "--prune")
    world.ok("add", "three", "four")
    world.ok("remove", "three")
    world.ok("prune", "--new")


def test_refusals_and_failures_do_not_write_it(config_stays: World) -> None:
    world = config_stays
    world.task("one", a__txt="one\n")
    world.task("two", a__txt="two\n")
    assert world.par("merge", "--all").status == 1
    assert world.par("remove", "two").status == 3
    assert world.par("add", "one").status == 2
    world.hook("post-checkout", "exit 1")
    assert world.par("add", "three").status == 5
