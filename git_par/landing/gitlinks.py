"""What landed tasks recorded of submodules: brought along, so that other checkouts can have it, and where it is not yet."""

from collections.abc import Iterable
from pathlib import Path

from git_par.errors import ParError
from git_par.git import Git
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import registry, submodules


def bring(session: Session, landed: Iterable[Task]) -> None:
    """Let the repository have the commits where the workspaces of `landed` have their submodules.

    What cannot be had now stays in the workspace, which is not removed without it.
    """
    repo = session.repo
    for task in landed:
        entry = registry.admin_dir(repo, Path(task.path))
        if entry is None or not (entry / "modules").is_dir():
            continue
        try:
            there = repo.checkout(Path(task.path), entry)
            for one in submodules.checkouts(there, entry, repo.common):
                if not one.odd:
                    submodules.bring_home(one)
        except (OSError, ParError) as error:
            session.tell(f"{task.name}: its submodules could not be read: {error}")


def behind(git: Git, before: str, after: str) -> tuple[str, ...]:
    """The submodules that a step moved, and that the checkout `git` has where they were, as after a merge by git."""
    if not (git.cwd / ".gitmodules").is_file():
        return ()
    raw = ("diff-tree", "-r", "-z", "--raw", "--no-renames", "--ignore-submodules=none")
    fields = git.fields(*raw, before, after)
    moved = [path for how, path in zip(fields[::2], fields[1::2], strict=True) if how.split(" ")[1] == "160000"]
    if not moved:
        return ()
    asked = ("--literal-pathspecs", "diff-files", "-z", "--name-only", "--ignore-submodules=dirty", "--")
    return tuple(git.fields(*asked, *moved))
