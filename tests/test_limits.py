"""What git-par does not promise: each limit that `docs/safety.md` tells of is one, no smaller and no larger."""

import os
import shutil
import subprocess

import pytest

from tests.test_removal import kept_refs
from tests.world import PAR, World


def test_of_untracked_files_and_branches_not_everything_comes_back(world: World) -> None:
    path = world.task("t")
    world.write("run", "run\n", path).chmod(0o700)
    world.write("plain", "plain\n", path).chmod(0o600)
    (path / "empty").mkdir()
    world.git("config", "branch.t.description", "about it")
    os.umask(0o022)
    world.ok("remove", "t", "--force")
    world.ok("restore", "t")
    assert [(path / name).stat().st_mode & 0o777 for name in ("run", "plain")] == [0o700, 0o600]
    assert not (path / "empty").exists()
    assert world.try_git("config", "branch.t.description").out == ""


def test_who_deletes_the_workspaces_directory_deletes_kept_files_and_no_commit(world: World) -> None:
    path = world.task("t")
    world.write("untracked", "untracked\n", path)
    world.write(".env", "secret\n", path)
    world.ok("remove", "t", "--force")
    shutil.rmtree(world.workspaces)
    world.ok("restore", "t")
    assert (path / "t.txt").read_text() == "t\n"
    assert (path / "untracked").read_text() == "untracked\n"
    assert not (path / ".env").exists()


def test_a_clone_has_nothing_of_what_is_kept(world: World) -> None:
    world.task("t")
    world.ok("remove", "t", "--force")
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "clone"))
    world.git("push", "-q", "--all", str(world.root / "clone"))
    assert kept_refs(world)
    assert world.git("for-each-ref", "refs/par", cwd=world.root / "clone") == ""


@pytest.mark.parametrize(("container", "status"), [([], 3), (["unshare", "--pid", "--fork", "--mount-proc"], 0)])
def test_from_within_a_container_one_outside_is_not_seen(world: World, container: list[str], status: int) -> None:
    path = world.landed()
    if container and world.process(*container, "true").status:
        pytest.skip("no namespace of processes can be made here")
    process = subprocess.Popen(["sleep", "60"], cwd=path)
    try:
        assert world.process(*container, *PAR, "remove", "t", "--dry-run").status == status
    finally:
        process.kill()
        process.wait()
