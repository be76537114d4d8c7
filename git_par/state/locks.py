"""Keep processes out of each other's way.

One file a name under `<common dir>/par/locks`, locked with flock(2) and never unlinked: that would let two waiters lock
two different inodes.  The kernel frees a lock when its holder dies, and the descriptor goes to the git children of the
critical section, so that it stays held while one of them still runs.  Correctness never rests on a lock alone: every ref
moves by compare-and-swap, every path and record is made exclusively.
"""

import itertools
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from git_par import files, git, interrupts, names
from git_par.errors import Busy
from git_par.repo import Repo
from git_par.state import tasks

_RANKS = ("queue", "base", "repository", "task", "exclude")
"""The order in which locks are taken; never the other way."""

_LENT = "GIT_PAR_LOCK"
"""Names the process that holds the repository lock for its children, and the repository."""

_GATES = 60
"""Who holds the queue of a base may be running a gate: that takes minutes, where everything else takes milliseconds."""

_POOL = "%pool"

_TELL_AFTER = 1.0
_LOOK_EVERY = 0.2

# A poll costs 0.2 ms, so hundreds of waiters that ask a hundred times a second take the processors from the holder.  With
# many of them somebody asks soon anyway; alone, a waiter loses a fiftieth of what it has waited already.
_LONGEST_PAUSE = 0.2
_POLL = 0.01
_PAUSE_SHARE = 0.02


@dataclass
class Locks:
    """The locks of one repository, for one command."""

    repo: Repo
    timeout: float
    """Seconds to wait, counted from the last change of the holder: a moving queue never times out."""
    tell: Callable[[str], None]
    command: str
    _held: list[tuple[int, str]] = field(default_factory=list)

    @contextmanager
    def queue(self, branch: str) -> Iterator[None]:
        """For merges into `branch` that others keep overtaking: they go one by one, from plan to publish."""
        with self._hold("queue", names.slug(branch), f"the merges into '{branch}'"):
            yield

    @contextmanager
    def journal(self) -> Iterator[None]:
        """While an operation of the journal is taken back; before all other locks."""
        with self._hold("queue", "%journal", "the journal"):
            yield

    @contextmanager
    def repository(self) -> Iterator[None]:
        """For milliseconds: names, slots, registrations, git's shared configuration."""
        below = self._lent()
        with self._hold("repository", below, "the repository"):
            yield

    def passed_on(self) -> dict[str, str]:
        """What a command that runs under the repository lock is told, so that a git-par below it need not wait for us."""
        return {_LENT: f"{os.getpid()}:{self.repo.common}"}

    @contextmanager
    def base(self, branch: str) -> Iterator[None]:
        """While a merge checks and publishes `branch`."""
        with self._hold("base", names.slug(branch), f"branch '{branch}'"):
            yield

    @contextmanager
    def task(self, name: str) -> Iterator[None]:
        """While a task is made, changed or removed."""
        with self._hold("task", names.slug(name), f"task '{name}'"):
            yield

    @contextmanager
    def exclude(self) -> Iterator[None]:
        """While a line is added to `info/exclude`, which all worktrees share."""
        with self._hold("exclude", "", "'info/exclude'"):
            yield

    @contextmanager
    def every_task(self, wanted: list[str]) -> Iterator[None]:
        """Several tasks, in the one order that everybody takes them in."""
        with ExitStack() as stack:
            for name in sorted(wanted, key=names.slug):
                stack.enter_context(self.task(name))
            yield

    @contextmanager
    def private(self, kind: str, usable: Callable[[int], bool]) -> Iterator[int]:
        """The lowest usable number of a private workspace of `kind` that no living process has.

        It is tried and never waited for, so it has no rank.
        """
        for number in itertools.count(1):
            with self._attempt(f"{kind}-{number}") as got:
                if got and usable(number):
                    yield number
                    return

    @contextmanager
    def spare(self, name: str) -> Iterator[bool]:
        """A spare, unless a living process has it; it is tried and never waited for, so it has no rank."""
        with self._attempt(f"spare-{names.slug(name)}") as got:
            yield got

    @contextmanager
    def run(self, id: str) -> Iterator[bool]:
        """A run of a task file, unless a living process has it; it is tried and never waited for, so it has no rank.

        No git child carries it: hooks run below some of them, and may leave somebody behind who lives for long.  Who only
        asks whether it is held (`is_held`) holds it for a moment, and that does not count.
        """
        with self._attempt(f"run-{names.slug(id)}", carried=False, patience=0.1) as got:
            yield got

    @contextmanager
    def pool(self) -> Iterator[None]:
        """While spares are filled or drained; before all other locks."""
        with self._hold("queue", _POOL, "the pool of spares"):
            yield

    @contextmanager
    def idle_pool(self) -> Iterator[bool]:
        """The same, unless somebody is at it already."""
        with self._attempt(f"queue-{_POOL}") as got:
            yield got

    def is_held(self, kind: str, name: str) -> bool:
        """Whether some living process holds the lock `kind` (base, task; repository without a name); nothing is written."""
        import fcntl

        file = f"{kind}-{names.slug(name)}" if name else kind
        try:
            descriptor = os.open(self.repo.state / "locks" / file, os.O_RDONLY)
        except (FileNotFoundError, NotADirectoryError):
            return False
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    @contextmanager
    def _attempt(self, file: str, *, carried: bool = True, patience: float = 0.0) -> Iterator[bool]:
        deadline = time.monotonic() + patience
        with ExitStack() as stack:
            while not (got := self._take_free(file, stack, carried=carried)) and time.monotonic() < deadline:
                time.sleep(_POLL)
            yield got

    @contextmanager
    def _hold(self, kind: str, name: str, shown: str) -> Iterator[None]:
        place = (_RANKS.index(kind), name)
        assert all(place > held for held in self._held), f"lock order: {place} after {self._held}"
        file = f"{kind}-{name}" if name else kind
        with ExitStack() as stack:
            if not self._take_free(file, stack):
                self._wait(file, stack, shown, self.timeout * (_GATES if kind == "queue" else 1))
            self._held.append(place)
            stack.callback(self._held.remove, place)
            yield

    def _take_free(self, file: str, stack: ExitStack, *, carried: bool = True) -> bool:
        """Take a lock that nobody has, until `stack` unwinds; whether it could be taken.

        As filelock does it, which takes longer to load than what most locks are held for, and is for who has to wait.
        """
        import fcntl

        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
        with interrupts.later():  # who hears of one meanwhile has the lock on his stack
            descriptor = os.open(self._place(file), flags, 0o600)
            with ExitStack() as attempt:
                attempt.callback(os.close, descriptor)
                with suppress(PermissionError):
                    os.fchmod(descriptor, 0o600)
                if not self._is_free(descriptor):
                    return False
                # No git may be told the descriptor when it is closed: unwind in this order.
                attempt.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
                (self._keep(attempt) if carried else self._sign)(descriptor)
                stack.push(attempt.pop_all())
        return True

    @staticmethod
    def _is_free(descriptor: int) -> bool:
        """Whether the open file could be locked, and somebody else will find it by its name."""
        import fcntl

        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError):  # some file systems say so that somebody has it
            return False
        return os.fstat(descriptor).st_nlink > 0

    def _wait(self, file: str, stack: ExitStack, shown: str, timeout: float) -> None:
        """Take a lock that somebody has, when he lets it go."""
        from filelock import FileLock, Timeout

        lock = FileLock(
            self._place(file),
            mode=0o600,
            poll_interval=_POLL,
            fallback_to_soft=False,
            preserve_lock_file=True,
            on_acquired=self._keep(stack),
        )
        # No git may be told the descriptor when it is closed: unwind in this order.
        stack.callback(lock.release)
        patience = _Patience(Path(lock.lock_file), shown, timeout, self.tell)
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

    def _lent(self) -> str:
        """Which lock to take instead of the repository's when a living ancestor holds that for us; empty when none does.

        Several git-par below one holder still take turns, at a lock of that holder.
        """
        holder, _, common = os.environ.get(_LENT, "").partition(":")
        if common != str(self.repo.common) or not holder.isdigit():
            return ""
        import psutil

        ancestors = {process.pid for process in psutil.Process().parents()}
        return f"below-{holder}" if int(holder) in ancestors else ""

    def _place(self, file: str) -> Path:
        files.private_directory(self.repo.state)
        return files.private_directory(self.repo.state / "locks") / file

    def _note(self) -> bytes:
        holder = {
            "pid": os.getpid(),
            "host": os.uname().nodename,
            "start": tasks.now(),
            "command": self.command,
        }
        return (json.dumps(holder) + "\n").encode()


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
