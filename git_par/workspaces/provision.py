"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import bringing, carry, submodules, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.carry import Load
from git_par.workspaces.incoming import Incoming


def provision(session: Session, task: Task, incoming: Incoming | None, load: Load | None = None) -> Brought:
    """Fill the registered, empty workspace of `task`, with files of the main checkout and `load` on top.

    Call it outside of the repository lock, under the task's own.  What became of `incoming`.
    """
    path = Path(task.path)
    worktree.fill(session.repo, path, _filters(session))
    _submodules(session, task)
    brought = bringing.bring(session, path, incoming) if incoming else Brought()
    if load:
        carry.bring(session.repo, path, load)
    return brought


def follow(session: Session, task: Task, before: str, after: str) -> None:
    """Bring the submodules of a workspace along that went from one commit to another: those that stood where it had them."""
    if session.settings.choice("submodules", "auto", "off") == "auto":
        for problem in submodules.follow(session.repo, Path(task.path), before, after):
            session.tell(f"{task.name}: {problem}")
        _submodules(session, task)


def _submodules(session: Session, task: Task) -> None:
    if session.settings.choice("submodules", "auto", "off") == "auto":
        jobs = session.settings.jobs
        for problem in submodules.provision(session.repo, Path(task.path), jobs, _filters(session)):
            session.tell(f"{task.name}: {problem}")


def _filters(session: Session) -> dict[str, str]:
    """The environment of filters: git-lfs leaves pointers in place, which its clean filter takes for what they are."""
    return {"GIT_LFS_SKIP_SMUDGE": "1"} if session.settings.choice("lfs", "auto", "skip") == "skip" else {}
