"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import bringing, carry, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.carry import Load
from git_par.workspaces.incoming import Incoming


def provision(session: Session, task: Task, incoming: Incoming | None, load: Load | None = None) -> Brought:
    """Fill the registered, empty workspace of `task`, with files of the main checkout and `load` on top.

    Call it outside of the repository lock, under the task's own.  What became of `incoming`.
    """
    path = Path(task.path)
    worktree.fill(session.repo, path)
    brought = bringing.bring(session, path, incoming) if incoming else Brought()
    if load:
        carry.bring(session.repo, path, load)
    return brought
