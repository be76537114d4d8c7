"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import bringing, carry, taking, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.carry import Load
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.spares import Spare


def provision(
    session: Session, task: Task, incoming: Incoming | None, load: Load | None = None, spare: Spare | None = None
) -> Brought:
    """Fill the registered, empty workspace of `task`, with files of the main checkout and `load` on top.

    One that was the `spare` is full already.  Call it outside of the repository lock, under the task's own.  What became of
    `incoming`.
    """
    path = Path(task.path)
    if spare:
        brought = taking.settle(session, task, spare, incoming)
    else:
        worktree.fill(session.repo, path)
        brought = bringing.bring(session, path, incoming) if incoming else Brought()
    if load:
        carry.bring(session.repo, path, load)
    return brought
