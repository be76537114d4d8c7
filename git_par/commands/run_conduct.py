"""Carry out a run, level by level: workspaces, workers, their commits, the merge, the clean-up.

Every step is on record before it is taken, so that whoever goes on after a kill finds either that it was not begun or that
it may have been; each can be taken again.
"""

import threading
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from git_par import files, interrupts, processes, spawn
from git_par.commands import add, merge, remove
from git_par.commands.run_show import Show
from git_par.landing import autocommit, signing
from git_par.landing.land import Wish
from git_par.landing.planned import Order, Outcome
from git_par.landing.select import Batch, Item
from git_par.runs import guard
from git_par.runs.engine import Ended, Local, Work
from git_par.runs.log import Log
from git_par.runs.record import MET, OVER, Part, Run, Runs
from git_par.runs.taskfile import Wanted
from git_par.state import tasks
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces.isolation import Isolation

MARK = "GIT_PAR_RUN"
"""The variable that tells a worker, and what it starts, which run it belongs to."""


@dataclass
class Conductor:
    """The life of one run, which this process holds."""

    session: Session
    runs: Runs
    run: Run
    jobs: int
    live: bool = True
    _writing: threading.Lock = field(default_factory=threading.Lock, init=False)

    @cached_property
    def _show(self) -> Show:
        return Show(self.session, self.run, live=self.live)

    def carry_out(self) -> None:
        """Do all that is not done yet; a KeyboardInterrupt, or what refuses, leaves a run that can be gone on with."""
        try:
            with self._show:
                self._look_again()
                for number in range(1, 1 + max(part.level for part in self.run.parts)):
                    self._level([part for part in self.run.parts if part.level == number])
        except BaseException:
            with interrupts.held():
                self._note(run="interrupted")
            self.session.tell(f"run {self.run.id}: not finished; go on with 'git par run --resume'")
            raise
        self._note(run="done" if all(part.state in MET for part in self.run.parts) else "failed")

    def _level(self, parts: Sequence[Part]) -> None:
        self._skip(parts)
        if not all(part.state in OVER for part in parts):
            self._add([part for part in parts if part.state in ("waiting", "adding")])
            self._work([part for part in parts if part.state in ("ready", "running", "ended")])
            self._merge([part for part in parts if part.state == "done"])
        self._clean(parts)

    def _note(self, *parts: Part, run: str = "", **fields: Any) -> None:
        """Put on record that `fields` of `parts` are so, or the state of the whole run."""
        with self._writing:
            for part in parts:
                for name, value in fields.items():
                    setattr(part, name, value)
            if run:
                self.run.state = run
                self.run.ended = "" if run == "running" else tasks.now()
            self.runs.write(self.run)

    # before

    def _look_again(self) -> None:
        """What an earlier process began: its workers end if any live, and what failed is tried once more."""
        if self.run.state == "running" and all(part.state == "waiting" for part in self.run.parts):
            return  # nobody began yet
        processes.end_marked({MARK: self.run.id}, spawn.GRACE)
        for part in self.run.parts:
            if part.state == "failed" and part.created:
                landed = self._task(part) is None or self._has_landed(part)
                again = "done" if part.reason not in ("exit", "timeout", "hook") else "ready"
                part.state = ("landed" if landed else again) if self._task(part) else part.state
            elif part.state in ("failed", "skipped"):
                part.state = "waiting"
            elif part.state == "running":
                part.state = "ready"
            if part.state not in ("failed", "skipped"):
                part.reason = part.detail = ""
        self._note(run="running")

    def _has_landed(self, part: Part) -> bool:
        task = self._task(part)
        return bool(task and task.landed and task.landed.tip == self.session.repo.git.commit(task.ref))

    def _skip(self, parts: Sequence[Part]) -> None:
        for part in parts:
            missing = [need for need in self._wanted(part).needs if self.run.part(need).state not in MET]
            if part.state == "waiting" and missing:
                how = {"failed": "failed", "skipped": "was skipped"}
                needs = ", ".join(f"'{need}', which {how[self.run.part(need).state]}" for need in missing)
                self._note(part, state="skipped", reason="needs", detail=f"it needs {needs}")
                self.session.tell(f"{part.name}: skipped: {part.detail}")

    # workspaces

    def _add(self, parts: Sequence[Part]) -> None:
        """Make the workspaces of a level, all or none."""
        for part in parts:
            if part.state == "adding" and (task := self.session.tasks.get(part.name)) and self._is_ours(task):
                self._note(part, state="ready", created=task.created)
        fresh = [part for part in parts if part.state != "ready"]
        if not fresh:
            return
        self._note(*fresh, state="adding")
        plan = self.run.plan
        options = add.Options(
            names=tuple(part.name for part in fresh),
            start=f"refs/heads/{self.run.base}",
            base=self.run.base,
            isolation=Isolation(plan.isolation) if plan.isolation else None,
            allow_dirty=True,
            details={part.name: self._detail(part) for part in fresh},
        )
        try:
            made = add.make(self.session, options)
        except BaseException:
            with interrupts.held():
                # An interrupt after the hand-over leaves them there; before it, there is no trace of them.
                left = [part for part in fresh if not self.session.tasks.get(part.name)]
                self._note(*left, state="waiting")
            raise
        for line in made.report.talk:
            self.session.tell(line)
        for part in fresh:
            task = self.session.tasks.expect(part.name)
            if part.name in made.unfit:
                self._note(part, state="failed", created=task.created, reason="hook", detail=made.unfit[part.name])
            else:
                self._note(part, state="ready", created=task.created)

    def _is_ours(self, task: Task) -> bool:
        """Whether a task of the name was made by this run: it is whole, and younger."""
        began = datetime.fromisoformat(self.run.began)
        return task.state == "active" and datetime.fromisoformat(task.created) >= began

    def _detail(self, part: Part) -> add.Detail:
        one = self._wanted(part)
        return add.Detail(one.title, one.instructions, one.owns)

    # workers

    def _work(self, parts: Sequence[Part]) -> None:
        """Run the workers of a level; each that ends well has its work committed at once."""
        for part in parts:
            if part.state == "ended":  # cut off before its work was committed
                self._commit(part)
        waiting = [part for part in parts if part.state in ("ready", "running")]
        if not waiting:
            return
        with ExitStack() as stack:
            logs = {part.name: stack.enter_context(self._log(part)) for part in waiting}
            engine = stack.enter_context(Local(_Ear(self, self._show, logs), self.jobs))
            pending = {engine.submit(self._job(part, logs[part.name])): part for part in waiting}
            try:
                self._wait(pending)
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    self.session.tell("ending the workers; interrupt once more to end them at once")
                self._stop(engine, pending)
                raise

    def _wait(self, pending: "dict[Future[Ended], Part]") -> None:
        while pending:
            # Not for ever: where another thread was told of an interrupt, this one hears of it when it wakes.
            done, _ = wait(pending, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                with interrupts.later():
                    part = pending.pop(future)
                    self._show.close(part.name)
                    self._ended(part, future.result())

    def _stop(self, engine: Local, pending: "dict[Future[Ended], Part]") -> None:
        """End all workers, at once when asked twice; those that were at work are run again when the run goes on."""
        interrupts.heard()
        engine.shutdown(wait=False, cancel_futures=True)
        while True:
            try:
                wait(pending)
                engine.shutdown()
                break
            except KeyboardInterrupt:
                engine.hurry()
                interrupts.heard()
        with interrupts.held():
            for future, part in pending.items():
                over = not future.cancelled() and future.exception() is None and not future.result().stopped
                if over and future.result().code == 0:
                    self._note(part, state="ended", **_how(future.result()))
                elif part.state == "running":
                    self._note(part, state="ready")

    def _job(self, part: Part, log: Log) -> Work:
        task, wanted, plan = self.session.tasks.expect(part.name), self._wanted(part), self.run.plan
        command = wanted.command or plan.command or ""
        env = {**guard.of_commands(self.session, task), MARK: self.run.id}
        timeout = wanted.timeout or plan.timeout
        self._note(part, log=str(log.file))
        return Work(part.name, command, Path(task.path), env, timeout)

    def _log(self, part: Part) -> Log:
        directory = files.private_directory(self.session.repo.state / "logs")
        task = self.session.tasks.expect(part.name)
        return Log(directory / f"{task.slug}.log", fresh=not part.log)

    def begins(self, part: Part) -> None:
        """Its worker is about to begin."""
        self._note(part, state="running", began=tasks.now(), ended="", exit=None, seconds=None)

    def _ended(self, part: Part, ended: Ended) -> None:
        if ended.code == 0 and not ended.overdue:
            self._note(part, state="ended", **_how(ended))
            self._commit(part)
            return
        if ended.overdue:
            reason, detail = "timeout", f"it took longer than {ended.seconds:.0f} s"
        else:
            code = ended.code
            reason, detail = "exit", f"ended by signal {code - 128}" if code > 128 else f"ended with status {code}"
        self._fail(part, reason, detail, **_how(ended))

    def _fail(self, part: Part, reason: str, detail: str, **fields: Any) -> None:
        self._note(part, state="failed", reason=reason, detail=detail, **fields)
        self.session.tell(f"{part.name}: failed: {detail}" + (f"; see '{part.log}'" if part.log else ""))
        if self.run.plan.on_failure == "remove":
            self._remove([part], force=True)

    def _commit(self, part: Part) -> None:
        """Commit what its worker left uncommitted, where the file wants that, and count what there is."""
        task = self._task(part)
        if task is None:
            self._fail(part, "gone", "its task is gone")
            return
        if self.run.plan.autocommit:
            batch = Batch(self.run.base, (Item(task.name, task.branch, task),))
            with self._asking(), self.session.journal.operation() as operation:
                vetoed = autocommit.run(self.session, batch, autocommit.Wish(), operation)
            if task.branch in vetoed:
                self._fail(part, vetoed[task.branch].reason, vetoed[task.branch].detail)
                return
        counted = self.session.repo.git.line("rev-list", "--count", f"{task.placed}..{task.ref}")
        self._note(part, state="done", commits=int(counted))

    # the way home

    def _merge(self, parts: Sequence[Part]) -> None:
        """Bring home what the workers of a level made, in the order of the file."""
        there = [part for part in parts if self._task(part)]
        for part in parts:
            if part not in there:
                self._fail(part, "gone", "its task is gone")
        if not there:
            return
        options = merge.Options(
            names=tuple(part.name for part in there),
            order=Order.GIVEN,
            gate=self.run.plan.gate,
            wish=Wish(into=self.run.base),
            counts=False,
        )
        with self._asking():
            told, outcomes = merge.bring(self.session, options)
        for line in (*told.lines, *told.talk):
            self.session.tell(line)
        with interrupts.held():
            self.run.merges += told.data()["merges"]
            self._take_note(there, outcomes)

    def _take_note(self, parts: Sequence[Part], outcomes: Iterable[Outcome]) -> None:
        by_name = {part.name: part for part in parts}
        for made in (outcome.plan for outcome in outcomes):
            for merged in made.merged:
                self._note(by_name.pop(merged.item.name), state="landed", landed=merged.commit)
            for one in made.skipped:
                if one.harmless:
                    part = by_name.pop(one.item.name)
                    task = self._task(part)
                    commit = task.landed.commit if task and task.landed else ""
                    self._note(part, state="landed" if commit else "unchanged", landed=commit)
                else:
                    self._fail(by_name.pop(one.item.name), one.reason, one.detail)
            for clash in made.conflicted:
                files = ", ".join(file.path for file in clash.files)
                self._fail(by_name.pop(clash.item.name), "conflict", f"in conflict: {files}")
            for broken in made.failed:
                why = f"it breaks the gate (status {broken.exit}); see '{broken.log}'"
                self._fail(by_name.pop(broken.item.name), "gate", why)
        for part in by_name.values():
            self._fail(part, "gone", "its task was removed meanwhile")

    def _clean(self, parts: Sequence[Part]) -> None:
        if self.run.plan.cleanup == "merged":
            self._remove([part for part in parts if part.state in MET and not part.removed], force=False)

    def _remove(self, parts: Sequence[Part], *, force: bool) -> None:
        """Remove workspaces; what was in them is kept, and what must stay is said."""
        wanted = [task for part in parts if (task := self._task(part))]
        with self.session.journal.operation() as operation:
            swept = remove.sweep(self.session, wanted, operation, standing_too=False, new_too=True, force=force)
        for line in swept.talk:
            self.session.tell(line)
        gone = {one.task.name for one in swept.removed}
        self._note(*(part for part in parts if part.name in gone or not self._task(part)), removed=True)

    def _asking(self) -> AbstractContextManager[None]:
        """Where commits are signed, somebody may have to type a passphrase."""
        return self._show.away() if signing.is_wanted(self.session.repo) else nullcontext()

    # what is known

    def _wanted(self, part: Part) -> Wanted:
        return next(one for one in self.run.plan.tasks if one.name == part.name)

    def _task(self, part: Part) -> Task | None:
        """The task that was made for `part`, if it is still there."""
        task = self.session.tasks.get(part.name)
        return task if task and task.created == part.created else None


@dataclass(frozen=True)
class _Ear:
    """Hears the workers, in the engine's thread."""

    conductor: Conductor
    show: Show
    logs: dict[str, Log]

    def begins(self, work: Work) -> None:
        self.conductor.begins(self.conductor.run.part(work.name))
        self.logs[work.name].begins(work.command)

    def wrote(self, work: Work, data: bytes) -> None:
        self.logs[work.name].take(data)
        self.show.take(work.name, data)


def _how(ended: Ended) -> dict[str, Any]:
    return {"exit": ended.code, "seconds": round(ended.seconds, 3), "ended": tasks.now()}
