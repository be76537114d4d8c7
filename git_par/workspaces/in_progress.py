"""What is in progress in a checkout, such as a merge or a rebase, as the files tell that git keeps until it is over."""

from pathlib import Path

from git_par import files
from git_par.repo import Repo, linked_checkout
from git_par.workspaces import clones, own_refs, registry

_OPERATIONS = (
    ("rebase-merge", "a rebase"),
    ("rebase-apply", "a rebase"),
    ("MERGE_HEAD", "a merge"),
    ("CHERRY_PICK_HEAD", "a cherry-pick"),
    ("REVERT_HEAD", "a revert"),
    ("sequencer", "a cherry-pick or revert"),
    ("BISECT_LOG", "a bisection"),
)

_REFS = ("CHERRY_PICK_HEAD", "REVERT_HEAD")
"""Those that are refs (gitglossary(7), pseudoref), which are no files where refs lie in tables."""

WAY_OUT = "finish it there, or take it back with 'git rebase --abort' or 'git bisect reset'"
"""What helps against `moving`."""


def operation(git_dir: Path) -> str:
    """What is in progress in the checkout of `git_dir`, in words; empty when nothing is."""
    noted = own_refs.noted(git_dir, [name for name, _ in _OPERATIONS if name in _REFS])
    return next((words for name, words in _OPERATIONS if name in noted or (git_dir / name).exists()), "")


def moving(repo: Repo, branch: str) -> str:
    """Where and how `branch` is being rebased or bisected, which git does not show as checked out; empty when nowhere."""
    cloned = [directory for task, directory in clones.living(repo) if task.branch == branch]
    for directory in (repo.common, *registry.entries(repo), *cloned):
        if registry.lock_reason(directory) in registry.OWN_LOCKS:
            continue
        place = repo.main if directory == repo.common else linked_checkout(directory)
        if directory in cloned:
            place = directory.parent
        for name in ("rebase-merge/head-name", "rebase-apply/head-name"):
            if own_refs.content(directory / name) == f"refs/heads/{branch}":
                return f"a rebase of it is in progress in '{place}'"
        if own_refs.content(directory / "BISECT_START") == branch:
            return f"a bisection of it is in progress in '{place}'"
    return ""


def abandon(git_dir: Path) -> None:
    """Forget what a killed run left in progress, and its locks, in a checkout of our own that is reset next."""
    # With the merge's autostash in place, git would put it on the stash that all worktrees share.
    for path in (*(git_dir / name for name, _ in _OPERATIONS), git_dir / "MERGE_AUTOSTASH"):
        files.delete_tree(path)
    for path in (*git_dir.glob("BISECT_*"), *git_dir.glob("*.lock"), *git_dir.glob(f"{own_refs.TABLES}/*.lock")):
        path.unlink(missing_ok=True)
    own_refs.forget(git_dir, (*_REFS, "MERGE_AUTOSTASH", "BISECT_*"))
