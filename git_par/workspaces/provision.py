"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import submodules, worktree


def provision(session: Session, task: Task) -> None:
    """Fill the registered, empty workspace of `task`; outside of the repository lock, under the task's own."""
    path = Path(task.path)
    worktree.fill(session.repo, path)
    if session.settings.choice("submodules", "auto", "off") == "auto":
        for problem in submodules.provision(session.repo, path, session.settings.jobs):
            session.tell(f"{task.name}: {problem}")
