"""What git-par does not promise: each limit that `docs/safety.md` tells of is one, no smaller and no larger."""

import os
import shutil
import subprocess
import time

import pytest

from tests.test_removal import kept_refs, landed
from tests.world import World


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


@pytest.mark.parametrize(
    ("prepare", "place", "seen"), [("true", "{path}", True), ("mount --bind {path} {other}", "{other}", False)]
)
def test_one_who_has_the_workspace_mounted_elsewhere_is_not_seen(
    world: World, prepare: str, place: str, seen: bool
) -> None:
    path, other, ready = landed(world), world.root / "other", world.root / "ready"
    other.mkdir()
    if subprocess.run(
        ["unshare", "--mount", "mount", "--bind", path, other], capture_output=True, check=False
    ).returncode:
        pytest.skip("nothing can be mounted here")
    script = f"{prepare} && cd {place} && touch {ready} && exec sleep 60".format(path=path, other=other)
    process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script])
    try:
        while not ready.exists():
            assert process.poll() is None
            time.sleep(0.02)
        assert (world.par("remove", "t", "--dry-run").status == 3) == seen
    finally:
        process.kill()
        process.wait()
