"""The isolations of a workspace, behind one face: a linked worktree, or a clone with or without objects of its own."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clone, clones, meeting, registering, worktree


class Isolation(StrEnum):
    """What a new workspace is."""

    WORKTREE = "worktree"
    CLONE = "clone"
    SHARED_CLONE = clone.SHARED


def wanted(session: Session) -> Isolation:
    """What `par.isolation` says."""
    return Isolation(session.settings.choice("isolation", *Isolation))


def fitting(session: Session, path: Path, chosen: str) -> str:
    """The isolation of the workspace to be made in the reserved directory `path`: as `chosen`, as far as that can be."""
    if chosen != Isolation.CLONE or clone.can_link(session.repo, path):
        return chosen
    session.tell(f"'{path}': no hard links to the objects of '{session.repo.common}' there, so the clone shares them")
    return Isolation.SHARED_CLONE


def register(repo: Repo, task: Task, sparse: Sequence[str] = ()) -> None:
    """Make known what is about to be made in the empty directory of `task`; under the repository lock."""
    path = Path(task.path)
    if clones.is_clone(task):
        if task.isolation == Isolation.SHARED_CLONE:
            meeting.pin_start(repo, task)
        return
    registering.register(repo, path, task.branch, task.name)
    if sparse:
        worktree.make_sparse(repo, path, sparse)


def make(repo: Repo, task: Task, sparse: Sequence[str] = ()) -> None:
    """Make what can be made without the repository lock; then `task` has a workspace with nothing checked out."""
    if clones.is_clone(task):
        clone.make(repo, task)
        meeting.pin(repo, task)
        if sparse:
            worktree.make_sparse(repo, Path(task.path), sparse)


def take_back(repo: Repo, task: Task) -> None:
    """Undo what this very call made of the workspace of `task`: nobody has been told of it yet."""
    worktree.take_back(repo, Path(task.path))
    meeting.unpin(repo, task)
