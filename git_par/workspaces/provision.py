"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import bringing, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.incoming import Incoming


def provision(session: Session, task: Task, incoming: Incoming | None) -> Brought:
    """Fill the registered, empty workspace of `task`; outside of the repository lock, under the task's own.

    `incoming` is what comes along from the main checkout; what became of that.
    """
    path = Path(task.path)
    worktree.fill(session.repo, path)
    return bringing.bring(session, path, incoming) if incoming else Brought()
