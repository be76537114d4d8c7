"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import submodules, worktree


def provision(session: Session, task: Task) -> None:
    """Fill the registered, empty workspace of `task`; outside of the repository lock, under the task's own."""
    path = Path(task.path)
    # git-lfs then leaves the pointers in place, which its clean filter takes for what they are (git-lfs-smudge(1)).
    env = {"GIT_LFS_SKIP_SMUDGE": "1"} if session.settings.choice("lfs", "auto", "skip") == "skip" else {}
    worktree.fill(session.repo, path, env)
    if session.settings.choice("submodules", "auto", "off") == "auto":
        for problem in submodules.provision(session.repo, path, session.settings.jobs, env):
            session.tell(f"{task.name}: {problem}")
