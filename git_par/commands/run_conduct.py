"""Carry out a run, level by level: workspaces, workers, their commits, the merge, the clean-up.

Every step is on record before it is taken, so that whoever goes on after a kill finds either that it was not begun or that
it may have been; each can be taken again.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from git_par import interrupts, processes
from git_par.commands import add, add_begin, run_check, run_home
from git_par.commands.add_plan import Detail, Options
from git_par.commands.run_book import Book
from git_par.commands.run_show import Show
from git_par.commands.run_workers import MARK, Workers
from git_par.errors import ParError
from git_par.names import some
from git_par.runs.record import MET, OVER, Part, Run, Runs
from git_par.state import tasks
from git_par.state.session import Session
from git_par.workspaces import owners, registry
from git_par.workspaces.isolation import Isolation

_OF_THE_WORKER = ("exit", "timeout", "hook")
"""Why something failed that is mended by running its worker again; after all else it has done its work."""


def _was_begun(part: Part) -> bool:
    """Whether anything was made for it, or run, be it gone by now."""
    return part.state != "waiting" or part.began != ""


@dataclass
class Conductor:
    """The life of one run, which this process holds."""

    session: Session
    runs: Runs
    run: Run
    jobs: int
    live: bool = True
    _book: Book = field(init=False)
    _show: Show = field(init=False)

    def __post_init__(self) -> None:
        self._book = Book(self.session, self.runs, self.run)
        self._show = Show(self.session, self.run, live=self.live)

    def carry_out(self) -> None:
        """Do all that is not done yet; a KeyboardInterrupt, or what refuses, leaves a run that can be gone on with."""
        try:
            with self._show:
                self._look_again()
                for number in range(1, 1 + max(part.level for part in self.run.parts)):
                    self._level([part for part in self.run.parts if part.level == number])
        except BaseException as error:
            with interrupts.held(), suppress(OSError):  # a full disk may be why
                if isinstance(error, ParError) and not any(map(_was_begun, self.run.parts)):
                    self.runs.drop(self.run)  # nothing is there that could be gone on with
                    raise
                self._book.close("interrupted")
            self.session.tell(f"run {self.run.id}: not finished; go on with 'git par run --resume'")
            raise
        self._book.close("done" if all(part.state in MET for part in self.run.parts) else "failed")

    def _level(self, parts: Sequence[Part]) -> None:
        self._skip(parts)
        if not all(part.state in OVER for part in parts):
            self._tell_level(parts)
            self._add([part for part in parts if part.state in ("waiting", "adding")])
            working = [part for part in parts if part.state in ("ready", "running", "ended")]
            Workers(self._book, self.jobs, self._show).work(working)
            with self._show.asking():
                run_home.bring(self._book, [part for part in parts if part.state == "done"])
        if self.run.plan.cleanup == "merged":
            landed = [part for part in parts if part.state in MET and not part.removed]
            if landed:
                self._book.remove(landed, force=False)

    def _tell_level(self, parts: Sequence[Part]) -> None:
        """Say who is next, where there are several levels."""
        last = max(part.level for part in self.run.parts)
        if last > 1:
            names = [part.name for part in parts if part.state not in OVER]
            self.session.tell(f"level {parts[0].level} of {last}: {some(names, 10)}")

    def _look_again(self) -> None:
        """What an earlier process began: its workers end if any live, and what failed is tried once more."""
        if self.run.state == "running" and all(part.state == "waiting" for part in self.run.parts):
            return  # nobody began yet
        # Two repositories may have begun a run in the same second.
        main = str(self.session.repo.main or self.session.repo.common)
        processes.end_marked({MARK: self.run.id, "GIT_PAR_MAIN": main}, processes.GRACE)
        for part in self.run.parts:
            if part.state == "running":
                self._unlock(part)
            part.state = self._state_again(part)
            if part.state == "waiting":
                part.created = ""
            if part.state not in ("failed", *MET):
                part.removed = False
            if part.state not in ("failed", "skipped"):
                part.reason = part.detail = ""
        self._book.close("running")

    def _unlock(self, part: Part) -> None:
        """Delete the locks of a git that was ended with its worker in the wrong moment: the next one would find them."""
        task = self._book.task(part)
        if task and (directory := registry.git_dir(self.session.repo, Path(task.path))):
            place = Path(task.path)
            owners.release(place, owners.left_behind(self.session.repo, place, directory, task.branch))

    def _state_again(self, part: Part) -> str:
        """The state from which a task goes on."""
        if part.state == "running":
            return "ready"
        if part.state == "skipped" or (part.state == "failed" and not part.created):
            return "waiting"
        if part.state != "failed":
            return part.state
        task = self._book.task(part)
        if task is None:
            if run_home.has_come(self.session, part, self.run.base):
                return "landed"
            return "waiting" if self.run.plan.on_failure == "remove" else "failed"
        tip = registry.refs(self.session.repo, Path(task.path)).commit(task.ref)
        if task.landed and (task.landed.tip, task.landed.into) == (tip, self.run.base):
            return "landed"
        return "ready" if part.reason in _OF_THE_WORKER else "ended"

    def _skip(self, parts: Sequence[Part]) -> None:
        for part in parts:
            missing = [need for need in self._book.wanted(part).needs if self.run.part(need).state not in MET]
            if part.state == "waiting" and missing:
                how = {"failed": "failed", "skipped": "was skipped"}
                needs = ", ".join(f"'{need}', which {how[self.run.part(need).state]}" for need in missing)
                self._book.note(part, state="skipped", reason="needs", detail=f"it needs {needs}")
                self.session.tell(f"{part.name}: skipped: {part.detail}")

    def _add(self, parts: Sequence[Part]) -> None:
        """Make the workspaces of a level, all or none."""
        fresh = [part for part in parts if not self._is_made(part)]
        lacking = run_check.lacking(self.session, self.run.base, [self._book.wanted(part) for part in fresh])
        for part in (one for one in fresh if one.name in lacking):
            self._book.fail(part, "copy", f"copy: {lacking[part.name]}", created="")
        fresh = [part for part in fresh if part.name not in lacking]
        if not fresh:
            return
        for part in fresh:
            part.created = tasks.now(precise=True)
        self._book.note(*fresh, state="adding")
        plan = self.run.plan
        options = Options(
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
            with interrupts.held(), suppress(OSError):
                # An interrupt after the hand-over leaves them there; before it, there is no trace of them.
                self._book.note(*(part for part in fresh if not self._book.task(part)), state="waiting", created="")
            raise
        for line in made.report.talk:
            self.session.tell(line)
        well = [part for part in fresh if part.name not in made.unfit]
        for part in fresh:
            if part not in well:
                self._book.note(part, state="failed", reason="hook", detail=made.unfit[part.name])
        if well:
            self._book.note(*well, state="ready")
        self._book.give_up([part for part in fresh if part not in well])

    def _is_made(self, part: Part) -> bool:
        """Whether an earlier process made its workspace and was cut off before that was on record.

        What users have run there is run once more: nobody knows how far it came.
        """
        task = self._book.task(part)
        if part.state != "adding" or task is None or task.state != "active":
            return False
        try:
            problem = add_begin.again(self.session, task)
        except ParError as error:
            problem = error.about(part.name)
        if problem:
            self._book.fail(part, "hook", problem)
            self._book.give_up([part])
        else:
            self._book.note(part, state="ready")
        return True

    def _detail(self, part: Part) -> Detail:
        one = self._book.wanted(part)
        return Detail(one.title, one.instructions, one.owns, one.copy, part.created)
