"""`git par path`: where a task lives, for scripts."""

from git_par.render import Report
from git_par.state.session import Session


def run(session: Session, name: str) -> Report:
    """Report the directory of the task `name`."""
    task = session.named(name)
    return Report(data=lambda: {"name": task.name, "path": task.path}, lines=[task.path])
