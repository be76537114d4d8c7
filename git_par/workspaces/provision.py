"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import carry, worktree
from git_par.workspaces.carry import Load


def provision(session: Session, task: Task, load: Load | None = None) -> None:
    """Fill the registered, empty workspace of `task`, with the uncommitted work `load` on top.

    Call it outside of the repository lock, under the task's own.
    """
    worktree.fill(session.repo, Path(task.path))
    if load:
        carry.bring(session.repo, Path(task.path), load)
