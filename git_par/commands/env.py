"""`git par env`: what a task's commands are told, as shell text to `eval` or in a dotenv file."""

import shlex

from git_par.errors import UsageError
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import dotenv, environment, moved


def run(session: Session, name: str | None, file: str | None = None) -> Report:
    """Report the environment of the task `name`, else of the one whose workspace one stands in, or put it into `file`."""
    task = session.named(name) if name else session.here()
    if task is None:
        raise UsageError("env: this is not the workspace of a task", hint="git par env NAME")
    moved.expect_not(session.repo, task)
    values = environment.variables(session, task)
    lines = [f"export {key}={shlex.quote(value)}" for key, value in values.items()]
    # A text of many lines, for agents: no two readers of such files agree how that is written.
    settable = {key: value for key, value in values.items() if key != "GIT_PAR_PROMPT"}
    if file == "-":
        lines = [dotenv.line(key, value) for key, value in settable.items()]
    elif file is not None:
        lines = []
        try:
            dotenv.update(session.repo.cwd / file, settable)
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise UsageError(
                f"--dotenv {file}: cannot be written: {why}", hint="name a file in a directory you can write to"
            ) from None
    return Report(data=lambda: {"environment": values}, lines=lines)
