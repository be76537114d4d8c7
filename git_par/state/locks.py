"""Keep processes out of each other's way: which locks there are, and in which order they are taken.

Each is a file of its name under `<common dir>/par/locks` (see `flock`).  Correctness never rests on a lock alone: every ref
moves by compare-and-swap, every path and record is made exclusively.
"""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from git_par import names
from git_par.repo import Repo
from git_par.state import flock
from git_par.state.flock import Lock

_RANKS = ("queue", "base", "repository", "task", "exclude")
"""The order in which locks are taken; never the other way."""

_LENT = "GIT_PAR_LOCK"
"""Names the process that holds the repository lock for its children, and the repository."""

_GATES = 60
"""Who holds the queue of a base may be running a gate: that takes minutes, where everything else takes milliseconds."""

_POOL = "%pool"


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
        return self._lock(f"{kind}-{names.slug(name)}" if name else kind).is_held()

    @contextmanager
    def _attempt(self, file: str, *, carried: bool = True, patience: float = 0.0) -> Iterator[bool]:
        lock, deadline = self._lock(file), time.monotonic() + patience
        with ExitStack() as stack:
            while not (got := lock.take_free(stack, carried=carried)) and time.monotonic() < deadline:
                time.sleep(flock.POLL)
            yield got

    @contextmanager
    def _hold(self, kind: str, name: str, shown: str) -> Iterator[None]:
        place = (_RANKS.index(kind), name)
        assert all(place > held for held in self._held), f"lock order: {place} after {self._held}"
        lock = self._lock(f"{kind}-{name}" if name else kind)
        with ExitStack() as stack:
            if not lock.take_free(stack):
                lock.wait(stack, shown, self.timeout * (_GATES if kind == "queue" else 1), self.tell)
            self._held.append(place)
            stack.callback(self._held.remove, place)
            yield

    def _lock(self, file: str) -> Lock:
        return Lock(self.repo.state / "locks", file, self.command)

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
