"""`git par with-lock`: any command under the repository lock, so that it takes its turn among git-par's own."""

import os
from collections.abc import Sequence

from git_par.errors import NotStartedError, UsageError
from git_par.report import Report
from git_par.spawn import foreground
from git_par.state.session import Session


def run(session: Session, command: Sequence[str]) -> Report:
    """Run `command` and end with its status, or that with which a shell would end when it cannot be started.

    It has the environment as inherited.  It does not get the lock's descriptor, which a daemon that it starts would keep;
    it ends with this process instead.
    """
    if not command:
        raise UsageError("with-lock: no command", hint="git par with-lock -- git fetch")
    with session.locks.repository():
        env = {**os.environ, **session.locks.passed_on()}
        try:
            return Report(status=foreground.supervised(command, env))
        except NotStartedError as error:
            session.tell(error.message)
            return Report(status=error.code, talk=[f"hint: {error.hint}"])
