"""How much the running workers have done so far: their commits, and the files they have changed and not committed.

It is counted in a thread of its own, one workspace after the other, none more often than every two seconds and for a tenth
of the time at most, and without a lock on any index: the workers do not feel it.
"""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from git_par import interrupts
from git_par.errors import ParError
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import registry, status

_EVERY = 2.0
_SHARE = 9
"""How many times as long as a look took nobody looks."""


class Count(NamedTuple):
    """What one worker has done."""

    commits: int
    changed: int
    head: str | None = None


@dataclass
class Counter:
    """Counts for the tasks that `wanted` names, for as long as it is open."""

    session: Session
    wanted: Callable[[], Sequence[str]]
    _found: dict[str, Count] = field(default_factory=dict, init=False)
    _looked: dict[str, float] = field(default_factory=dict, init=False)
    _over: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def open(self) -> None:
        """Begin to count."""
        with interrupts.held():  # a signal is for the thread that ends the workers
            self._thread = threading.Thread(target=self._count, daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Count no more; a look that takes long is not waited for."""
        self._over.set()
        if self._thread:
            self._thread.join(1)

    def get(self, name: str) -> Count | None:
        """What was counted last for the task `name`."""
        return self._found.get(name)

    def _count(self) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            began = time.monotonic()
            due = [name for name in self.wanted() if began - self._looked.get(name, -_EVERY) >= _EVERY]
            if due:
                self._look(min(due, key=lambda name: self._looked.get(name, 0.0)))
                pause = max(0.02, _SHARE * (time.monotonic() - began))
            else:
                pause = 0.2

    def _look(self, name: str) -> None:
        try:
            task = self.session.tasks.get(name)
            found = count(self.session, task, self._found.get(name)) if task else None
        except (ParError, OSError, ValueError):  # it is being removed, or made
            found = None
        if found:
            self._found[name] = found
        self._looked[name] = time.monotonic()


def count(session: Session, task: Task, known: Count | None = None) -> Count | None:
    """What was done in the workspace of `task`; `known` spares the counting of commits where no new ones came."""
    git = registry.checkout(session.repo, Path(task.path))
    if git is None:
        return None
    now = status.read(git, submodules=False)
    changed = len({*now.staged, *now.changed, *now.untracked})
    if known and known.head == now.head:
        return Count(known.commits, changed, now.head)
    commits = int(git.line("rev-list", "--count", f"{task.placed}..{now.head}")) if now.head else 0
    return Count(commits, changed, now.head)
