"""Jobs: commands with streams of their own that are begun here and waited for by somebody else, such as `crowd`."""

import errno
import os
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_par.errors import NotStartedError
from git_par.spawn import watchers

NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
"""Why no process can be started at the moment, whatever its command."""

LAST_WORDS = 1.0
"""How long a command is listened to that has ended but left somebody who goes on writing, in seconds."""


@dataclass(frozen=True)
class Job:
    """A command as words, where it runs and with what environment, and who hears what it writes and how it ended."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    take: Callable[[bytes, bool], None]
    """Takes a piece of what it wrote; True for standard error."""
    done: Callable[[int, float], None]
    """Takes its status (128 + n when signal n ended it) and how many seconds it ran, after all that it wrote."""
    before: Callable[[int], None] | None = None
    """Takes the number of its process, which waits until this has returned: nothing runs that is not on record."""


@dataclass
class Running:
    """A job that was started and is not reaped yet: until then nobody else can get its number."""

    job: Job
    process: "subprocess.Popen[bytes]"
    began: float
    pipes: dict[int, bool]
    """The pipes that are open yet; True for that of standard error."""
    hushed: float = 0.0
    """When it closed the last of them."""
    ended: float = 0.0


def begin(job: Job) -> Running:
    """Start a job in a session of its own, where no terminal can be asked; NotStartedError when there is no such command.

    One with a `before` waits for `let_go`.
    """
    waits = job.before is not None
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", watchers.WAIT, os.devnull, *job.argv] if waits else job.argv,
            cwd=job.cwd,
            env=job.env,
            stdin=subprocess.PIPE if waits else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise not_started(job.argv, job.cwd, error) from None
    assert process.stdout is not None
    assert process.stderr is not None
    return Running(job, process, time.monotonic(), {process.stdout.fileno(): False, process.stderr.fileno(): True})


def let_go(running: Running) -> None:
    """Let a job begin that waits, once it is noted."""
    if running.job.before is not None:
        running.job.before(running.process.pid)
        watchers.let_go(running.process)


def not_started(argv: Sequence[str], cwd: Path | None, error: OSError) -> OSError | NotStartedError:
    """What to raise when a command did not start: `error` itself when that is not the command's fault."""
    if error.errno in NO_ROOM:
        return error
    return NotStartedError(argv[0], error, cwd if cwd and str(error.filename) == str(cwd) else None)
