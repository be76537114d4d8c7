"""What can be refused, with its exit status and the command that helps.

Nothing here prints: `cli.main` is the one place where an error becomes words and a status.
"""

import errno
from collections.abc import Sequence
from enum import IntEnum
from pathlib import Path
from shlex import quote


class Status(IntEnum):
    """The exit statuses of every verb."""

    DONE = 0
    PARTIAL = 1
    """Finished, but something asked for was left out."""
    USAGE = 2
    REFUSED = 3
    """Nothing was done: it would put work at risk, or the repository is unfit."""
    BUSY = 4
    """Gave up waiting for a lock."""
    FAILED = 5
    """Git itself failed, or a hook after the work was done."""
    INTERRUPTED = 130


class ParError(Exception):
    """A refusal: `message` reads "what: why", `hint` names the command to run next.

    Where several things are wrong at once, `details` has a line for each.
    """

    status = Status.FAILED

    def __init__(self, message: str, *, hint: str = "", details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = tuple(details)

    def about(self, what: str) -> str:
        """The message where `what` was named before it anyway."""
        return self.message.removeprefix(f"{what}: ")


class UsageError(ParError):
    """The command line asks for something that does not exist or cannot be."""

    status = Status.USAGE


class Refused(ParError):
    """Going on would put work at risk."""

    status = Status.REFUSED


class Busy(ParError):
    """Another process held a lock for too long."""

    status = Status.BUSY


class GitFailed(ParError):
    """A git command ended in a way that has no meaning for its caller."""

    status = Status.FAILED


class NotStartedError(UsageError):
    """A command could not be started; `code` is what a shell would end with then."""

    def __init__(self, command: str, error: OSError, cwd: Path | None = None) -> None:
        found = not isinstance(error, FileNotFoundError)
        what, why = command, (error.strerror or str(error)).lower()
        if cwd is not None:
            what = f"'{cwd}'"
        elif not found or isinstance(error, PermissionError):
            why = "not executable" if found else "command not found"
        super().__init__(f"{what}: {why}", hint=_instead(command, error) if cwd is None else "git par doctor")
        self.code = 126 if found else 127


def _instead(command: str, error: OSError) -> str:
    """What to write after '--' when `command` cannot be started."""
    if error.errno == errno.ENOEXEC:
        return f"after '--': sh {quote(command)}, or begin the file with '#!/bin/sh'"
    if isinstance(error, PermissionError):
        return f"name a program after '--', or make it one: chmod +x {quote(command)}"
    if len(command.split()) > 1:
        return f"after '--': sh -c {quote(command)}"
    return "name a program after '--'; what only a shell knows goes as sh -c '…'"
