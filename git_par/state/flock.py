"""One lock: a file that is locked with flock(2) and tells who holds it; how it is taken, and how it is waited for.

It is never unlinked: that would let two waiters lock two different inodes.  The kernel frees a lock when its holder dies,
and the descriptor goes to the git children of the critical section, so that it stays held while one of them still runs.
"""

import json
import os
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path

from git_par import files, git, interrupts
from git_par.errors import Busy
from git_par.state import tasks

_TELL_AFTER = 1.0
_LOOK_EVERY = 0.2

# A poll costs 0.2 ms, so hundreds of waiters that ask a hundred times a second take the processors from the holder.  With
# many of them somebody asks soon anyway; alone, a waiter loses a fiftieth of what it has waited already.
_LONGEST_PAUSE = 0.2
POLL = 0.01
_PAUSE_SHARE = 0.02


@dataclass(frozen=True)
class Lock:
    """The lock `name`, a file in `directory`, for the `command` that others are told of."""

    directory: Path
    name: str
    command: str

    def is_held(self) -> bool:
        """Whether some living process holds it; nothing is written."""
        import fcntl

        try:
            descriptor = os.open(self.directory / self.name, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def take_free(self, stack: ExitStack, *, carried: bool = True) -> bool:
        """Take a lock that nobody has, until `stack` unwinds; whether it could be taken.

        As filelock does it, which takes longer to load than what most locks are held for, and is for who has to wait.
        """
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with interrupts.later():  # who hears of one meanwhile has the lock on his stack
            descriptor = os.open(self._place(), flags, 0o600)
            with ExitStack() as attempt:
                attempt.callback(os.close, descriptor)
                with suppress(PermissionError):
                    os.fchmod(descriptor, 0o600)
                if not _is_free(descriptor):
                    return False
                # No git may be told the descriptor when it is closed: unwind in this order.
                attempt.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
                (self._keep(attempt) if carried else self._sign)(descriptor)
                stack.push(attempt.pop_all())
        return True

    def wait(self, stack: ExitStack, shown: str, timeout: float, tell: Callable[[str], None]) -> None:
        """Take a lock that somebody has, which is `shown` as that, when he lets it go; who waits for long is told so.

        Busy after `timeout` seconds, counted from the last change of the holder.
        """
        from filelock import FileLock, Timeout

        lock = FileLock(
            self._place(),
            mode=0o600,
            poll_interval=POLL,
            fallback_to_soft=False,
            preserve_lock_file=True,
            on_acquired=self._keep(stack),
        )
        # No git may be told the descriptor when it is closed: unwind in this order.
        stack.callback(lock.release)
        patience = _Patience(Path(lock.lock_file), shown, timeout, tell)
        try:
            lock.acquire(cancel_check=patience.is_over)
        except Timeout:
            raise Busy(
                f"{shown}: locked by {patience.holder} for more than {timeout:g} s",
                hint="wait for it to finish and run the command again, or raise par.lockTimeout",
            ) from None

    def _keep(self, stack: ExitStack) -> Callable[[int], None]:
        """What is done with the descriptor of an acquired lock: our name goes in, and git children carry it."""

        def acquired(descriptor: int) -> None:
            self._sign(descriptor)
            stack.enter_context(git.carrying(descriptor))

        return acquired

    def _sign(self, descriptor: int) -> None:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, self._note(), 0)

    def _place(self) -> Path:
        files.private_directory(self.directory.parent)
        return files.private_directory(self.directory) / self.name

    def _note(self) -> bytes:
        holder = {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "start": tasks.now(),
            "command": self.command,
        }
        return (json.dumps(holder) + "\n").encode()


def _is_free(descriptor: int) -> bool:
    """Whether the open file could be locked, and somebody else will find it by its name."""
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # some file systems say so that somebody has it
        return False
    return os.fstat(descriptor).st_nlink > 0


@dataclass
class _Patience:
    """How long a waiter waits, and what it says meanwhile."""

    file: Path
    shown: str
    timeout: float
    tell: Callable[[str], None]
    holder: str = "another process"
    _began: float = field(default_factory=time.monotonic)
    _changed: float = field(default_factory=time.monotonic)
    _looked: float = 0.0
    _told: bool = False

    def is_over(self) -> bool:
        """Asked at every poll: is it time to give up?  Who has waited for long is made to ask less often."""
        time.sleep(min(_LONGEST_PAUSE, (time.monotonic() - self._began) * _PAUSE_SHARE))
        now = time.monotonic()
        if now - self._looked < _LOOK_EVERY:
            return False
        self._looked = now
        holder = self._read()
        if holder != self.holder:
            self.holder, self._changed = holder, now
        if not self._told and now - self._began > _TELL_AFTER:
            self._told = True
            self.tell(f"waiting for {self.shown}, held by {self.holder}")
        return now - self._changed > self.timeout

    def _read(self) -> str:
        try:
            note = json.loads(self.file.read_bytes())
            where = "" if note["host"] == os.uname().nodename else f" on {note['host']}"
            return f"'{note['command']}' (process {note['pid']}{where}, since {note['start']})"
        except (OSError, ValueError, KeyError, TypeError):
            return "another process"
