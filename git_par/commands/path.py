"""`git par path`: where a task lives, for scripts."""

import os

from git_par.report import Report
from git_par.state.session import Session


def run(session: Session, name: str | None) -> Report:
    """Report the directory of the task `name`, or of the one that is chosen."""
    if name is None:
        from git_par.commands import choose  # it looks at all tasks, and who names one pays for none

        (name,) = choose.tasks(session, "path", "NAME")
    task = session.named(name)
    if not os.path.lexists(task.path):
        from git_par.workspaces import moved  # rarely needed

        moved.expect_not(session.repo, task)
    return Report(data=lambda: {"name": task.name, "path": task.path}, lines=[task.path])
