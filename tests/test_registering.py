"""How git's registry of worktrees is written while others write it too."""

import pytest

from git_par.errors import GitFailed
from git_par.state.session import Session
from git_par.workspaces import registering, registry
from tests.world import World


def test_what_a_worktree_add_that_failed_left_behind_is_not_in_the_way(session: Session, world: World) -> None:
    """A foreign prune may take the registration from under git (2.47), which then leaves the pointer to it."""
    path = world.workspaces / "t"
    world.write(".git", f"gitdir: {world.repo}/.git/worktrees/t\n", path)
    world.git("branch", "t")
    registering.register(session.repo, path, "t", "t")
    assert registry.admin_dir(session.repo, path)
    other = world.workspaces / "other"
    world.write(".git", f"gitdir: {world.repo}/.git/worktrees/other\n", other)
    world.write("mine", "x\n", other)
    with pytest.raises(GitFailed, match="already exists"):
        registering.register(session.repo, other, "main", "other", detached=True)
    assert sorted(file.name for file in other.iterdir()) == [".git", "mine"]
