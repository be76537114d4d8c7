"""`git par env`: what a task's commands are told, as shell text to `eval`."""

import shlex

from git_par.errors import UsageError
from git_par.render import Report
from git_par.state.session import Session
from git_par.workspaces import environment


def run(session: Session, name: str | None) -> Report:
    """Report the environment of the task `name`, else of the one whose workspace one stands in."""
    task = session.named(name) if name else session.here()
    if task is None:
        raise UsageError("env: this is not the workspace of a task", hint="git par env NAME")
    values = environment.variables(session, task)
    return Report(
        data=lambda: {"environment": values},
        lines=[f"export {key}={shlex.quote(value)}" for key, value in values.items()],
    )
