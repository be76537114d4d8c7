"""The workers of a level: started, heard, ended; what each that ended well left uncommitted is committed at once."""

import signal
from collections.abc import Sequence
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from git_par import beside, files, interrupts, names
from git_par.commands import run_home
from git_par.commands.run_book import Book
from git_par.commands.run_show import Show
from git_par.errors import ParError
from git_par.landing import autocommit
from git_par.landing.select import Batch, Item
from git_par.names import some
from git_par.runs import guard
from git_par.runs.engine import Local
from git_par.runs.log import Log
from git_par.runs.record import Part
from git_par.runs.work import Ended, Engine, Start, Work
from git_par.state import tasks
from git_par.state.tasks import Task
from git_par.workspaces import copying, moved, registry

MARK = "GIT_PAR_RUN"
"""The variable that tells a worker, and what it starts, which run it belongs to."""

_LOOK_EVERY = 0.1
"""Seconds between two looks at whether an interrupt has come once more."""


@dataclass(frozen=True)
class Workers:
    """Those who work on the tasks of a level, `jobs` at a time."""

    book: Book
    jobs: int
    show: Show
    start: Start = Local

    def work(self, parts: Sequence[Part]) -> None:
        """Run the workers of `parts` that have not ended well, and commit what they leave."""
        waiting: list[tuple[Part, Work]] = []
        for part in parts:
            task = self.book.task(part)
            if task is None:
                run_home.miss(self.book, part)
            elif part.state == "ended":  # cut off before its work was committed
                self._commit(part)
            else:
                waiting.append((part, self._work(part, task)))
        if not waiting:
            return
        with self.start(_Ear(self.book, self.show), self.jobs) as engine:
            with interrupts.later():  # the engine must not find a lock that was left behind (see `beside`)
                pending = {engine.submit(work): part for part, work in waiting}
            try:
                self._wait(pending)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    self.book.session.tell("ending the workers; interrupt once more to end them at once")
                self._stop(engine, pending)
                raise

    def _work(self, part: Part, task: Task) -> Work:
        session, wanted, plan = self.book.session, self.book.wanted(part), self.book.run.plan
        env = {**guard.of_commands(session, task), MARK: self.book.run.id}
        return Work(part.name, wanted.command or plan.command or "", Path(task.path), env, self._timeout(part))

    def _timeout(self, part: Part) -> float | None:
        return self.book.wanted(part).timeout or self.book.run.plan.timeout

    def _wait(self, pending: "dict[Future[Ended], Part]") -> None:
        while pending:
            for future in beside.first(pending):
                with interrupts.later():
                    ended = future.result()
                    part = pending.pop(future)
                    self.show.close(part.name)
                    self._note(part, ended)
                if part.state == "ended":
                    self._commit(part)
                else:
                    self.book.give_up([part])

    def _stop(self, engine: Engine, pending: "dict[Future[Ended], Part]") -> None:
        """End all workers, at once when asked twice; those that were at work are run again when the run goes on."""
        with interrupts.later():
            interrupts.heard()
            engine.shutdown(wait=False, cancel_futures=True)
            while wait(pending, timeout=_LOOK_EVERY).not_done:
                if interrupts.waits():
                    engine.hurry()
            engine.shutdown()
            for future, part in pending.items():
                if not future.cancelled() and future.exception() is None and not future.result().stopped:
                    self._note(part, future.result())
                elif part.state == "running":
                    self.book.note(part, state="ready")

    def _note(self, part: Part, ended: Ended) -> None:
        """Put on record how a worker ended."""
        how: dict[str, Any] = {"exit": ended.code, "seconds": round(ended.seconds, 3), "ended": tasks.now()}
        if ended.overdue:
            self.book.fail(part, "timeout", f"it took longer than {self._timeout(part) or 0:g} s", **how)
        elif ended.code:
            self.book.fail(part, "exit", _words(ended.code), **how)
        else:
            self.book.note(part, state="ended", **how)

    def _commit(self, part: Part) -> None:
        """Commit what its worker left uncommitted, where the file wants that, and count what there is.

        What git has against one task does not end the workers of the others.
        """
        try:
            problem = self._try_commit(part)
        except ParError as error:
            problem = ("git", error.about(part.name))
        if problem:
            self.book.fail(part, *problem)
        if problem and problem[0] != "gone":
            self.book.give_up([part])

    def _try_commit(self, part: Part) -> tuple[str, str] | None:
        session, run = self.book.session, self.book.run
        task = self.book.task(part)
        if task is None:
            run_home.miss(self.book, part)
            return None
        path = Path(task.path)
        if registry.checkout(session.repo, path) is None:  # what may lie there uncommitted nobody knows
            return "gone", moved.told(session.repo, task) or f"its workspace is gone or damaged: '{path}'"
        if run.plan.autocommit:
            batch = Batch(run.base, (Item(task.name, task.branch, task),))
            with self.show.asking(), session.journal.operation() as operation:
                vetoed = autocommit.run(session, batch, autocommit.Wish(), operation)
            if task.branch in vetoed:
                return vetoed[task.branch].reason, vetoed[task.branch].detail
        if edited := copying.changed(session.repo, path):
            session.tell(
                f"{task.name}: it changed its copy of {some(edited)}, which is not merged and goes to what is kept"
            )
        git = registry.refs(session.repo, path)
        # That of a branch which is gone is for the merge to tell, with the way out.
        counted = git.line("rev-list", "--count", f"{task.placed}..{tip}") if (tip := git.commit(task.ref)) else None
        self.book.note(part, state="done", commits=int(counted) if counted else None)
        return None


@dataclass(frozen=True)
class _Ear:
    """Hears the workers, in the engine's thread."""

    book: Book
    show: Show
    _logs: dict[str, Log] = field(default_factory=dict)

    def begins(self, work: Work) -> None:
        log = self._log(work)
        fresh: dict[str, Any] = {"began": tasks.now(), "ended": "", "exit": None, "seconds": None}
        self.book.note(self.book.run.part(work.name), state="running", **fresh)
        log.begins(work.command)

    def wrote(self, work: Work, data: bytes) -> None:
        self._log(work).take(data)
        with suppress(OSError, ValueError):  # what nobody reads any more does not end the worker
            self.show.take(work.name, data)

    def ended(self, work: Work, ended: Ended) -> None:
        if log := self._logs.pop(work.name, None):
            log.ended(ended.code)

    def _log(self, work: Work) -> Log:
        """The log of a worker; a later one of the same task goes on in it."""
        if work.name not in self._logs:
            part = self.book.run.part(work.name)
            directory = files.private_directory(self.book.session.repo.state / "logs")
            slug = names.slug(work.name)
            aside = "%" if slug.startswith("gate-") else ""  # gates have logs there too
            log = Log(directory / f"{aside}{slug}.log", fresh=not part.log)
            self._logs[work.name], part.log = log, str(log.file)
        return self._logs[work.name]


def _words(code: int) -> str:
    """How it ended, where a shell has 128 + n for signal n."""
    with suppress(ValueError):  # not every number is one
        return f"ended by {signal.Signals(code - 128).name}"
    return f"ended with status {code}"
