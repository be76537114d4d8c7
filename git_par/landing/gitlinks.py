"""Bring along what landed tasks recorded of submodules, so that other checkouts can have it without a remote."""

from collections.abc import Iterable
from pathlib import Path

from git_par.errors import ParError
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
