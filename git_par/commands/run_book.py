"""What is on record of a run that is carried out, and the tasks that were made for it."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from git_par.commands import remove
from git_par.errors import ParError
from git_par.runs.record import Part, Run, Runs
from git_par.runs.taskfile import Wanted
from git_par.state import tasks
from git_par.state.session import Session
from git_par.state.tasks import Task


@dataclass
class Book:
    """The record of one run, which this process holds; any thread may write it."""

    session: Session
    runs: Runs
    run: Run
    _writing: threading.Lock = field(default_factory=threading.Lock, init=False)

    def note(self, *parts: Part, **fields: Any) -> None:
        """Put on record that `fields` of `parts` are so."""
        with self._writing:
            for part in parts:
                for name, value in fields.items():
                    setattr(part, name, value)
            self.runs.write(self.run)

    def close(self, state: str) -> None:
        """Put on record how the whole run stands."""
        with self._writing:
            self.run.state = state
            self.run.ended = "" if state == "running" else tasks.now()
            self.runs.write(self.run)

    def fail(self, part: Part, reason: str, detail: str, **fields: Any) -> None:
        """Put on record that it does not come home, and why; and say so."""
        self.note(part, state="failed", reason=reason, detail=detail, **fields)
        self.tell_failed(part)

    def tell_failed(self, part: Part) -> None:
        """Say why it does not come home, and where that is to be read that its worker knows."""
        log = f"; see '{part.log}'" if part.log and part.reason in ("exit", "timeout") else ""
        self.session.tell(f"{part.name}: failed: {part.detail}{log}")

    def give_up(self, parts: Sequence[Part]) -> None:
        """Do with the workspaces of what failed as the task file wants."""
        if self.run.plan.on_failure == "remove" and parts:
            self.remove(parts, force=True)

    def remove(self, parts: Sequence[Part], *, force: bool) -> None:
        """Remove workspaces; what was in them is kept, and what must stay is said.

        A removal that somebody is in the way of does not end the workers of others.
        """
        try:
            wanted = [task for part in parts if (task := self.task(part))]
            with self.session.journal.operation() as operation:
                swept = remove.sweep(self.session, wanted, operation, standing_too=False, new_too=True, force=force)
        except ParError as error:
            self.session.tell(f"{', '.join(part.name for part in parts)}: not removed: {error.message}")
            return
        for line in swept.talk:
            self.session.tell(line)
        gone = {one.task.name for one in swept.removed}
        if over := [part for part in parts if part.name in gone or not self.task(part)]:
            self.note(*over, removed=True)

    def wanted(self, part: Part) -> Wanted:
        """What the task file says of it."""
        return next(one for one in self.run.plan.tasks if one.name == part.name)

    def task(self, part: Part) -> Task | None:
        """The task that was made for it, if that is still there."""
        task = self.session.tasks.get(part.name)
        return task if task and task.created == part.created else None
