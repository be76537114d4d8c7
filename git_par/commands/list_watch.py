"""`git par list --watch`: how every task stands, for as long as somebody watches, and what the workers of a run are at.

It has a page of the terminal for itself: whatever size that becomes, nothing of an earlier state is left, and what stood
there before comes back in the end.  What git has to be asked is found out in a thread of its own, so that keys are heard
at once: when a file system that can tell says that something has changed, else every two seconds.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from git_par import git, interrupts, live, render, streams
from git_par.changes import Changes
from git_par.commands import facts, run_report
from git_par.commands import list as listing
from git_par.commands.facts import Facts
from git_par.commands.list import Columns
from git_par.commands.run_show import duration, states
from git_par.errors import ParError, UsageError
from git_par.repo import Repo
from git_par.report import Report
from git_par.runs import log
from git_par.runs.record import OVER, Part, Run, Runs
from git_par.sitting import Sitting
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clones
from git_par.workspaces.own_refs import TABLES

_EVERY, _AFTER_CHANGE, _TOGETHER = 2.0, 0.3, 0.05
"""Seconds from one look to the next, when nothing is heard and when something is; and how long what comes together takes."""

_SHARE, _SHARE_AFTER_CHANGE = 9, 4
"""How many times as long as a look took nobody looks, in the same two cases."""

_TICK = 1.0
_MOST = 1000
"""How many directories are followed."""

_YIELDING = ("AGE", "BASE", "BEHIND", "AHEAD", "SIZE", "OWNS", "IN USE")


@dataclass(frozen=True)
class View:
    """What one look has found."""

    tasks: tuple[Task, ...] = ()
    facts: tuple[Facts, ...] = ()
    """Of those tasks; none before the first look is over."""
    runs: tuple[Run, ...] = ()
    """Those that a living process carries out."""
    said: tuple[str, ...] = ()
    seconds: float = 0.0
    is_whole: bool = True
    """Whether it could be found out."""


def check(*, as_json: bool) -> None:
    """UsageError where nobody can watch."""
    if as_json:
        raise UsageError("--watch, --json: not together", hint="git par list --json")
    if not streams.has_screen():
        raise UsageError("list --watch: there is no terminal to show it on", hint="git par list")


def run(session: Session, columns: Columns) -> Report:
    """Show how the tasks stand until somebody presses q."""
    pool = ThreadPoolExecutor(max_workers=1)
    git.let_stop()
    try:
        with Changes() as changes, Sitting(render.screen) as sitting:
            _Watch(session, columns, changes, sitting, pool).go()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
    return Report()


@dataclass
class _Watch:
    session: Session
    columns: Columns
    changes: Changes
    sitting: Sitting
    pool: ThreadPoolExecutor
    view: View = field(default_factory=View)
    looking: "Future[View] | None" = None
    changed: bool = False
    """Whether something has since the last look began."""
    due: float = 0.0
    """When to look again."""
    soonest: float = 0.0
    """The same when something has changed."""

    def go(self) -> None:
        name = (self.session.repo.main or self.session.repo.common).name
        self.view = View(tuple(self.session.tasks.all()))
        while True:
            self._look()
            screen = self.sitting.screen
            screen.show(frame(name, self.view, self.columns, screen.size))
            # A flood of changes is heard once; the next look hears the rest.
            heard = [] if self.changed else self.changes.descriptors
            wait = _TICK if self.looking else min(_TICK, self.due - time.monotonic())
            keys = self.sitting.wait(heard, wait)
            if keys == "" or (keys and "q" in keys.lower()):
                return

    def _look(self) -> None:
        now = time.monotonic()
        if not self.changed and self.changes.came():
            self.changed = True
            self.due = min(self.due, max(self.soonest, now + _TOGETHER))
        if found := self._found():
            # What cannot be found out at the moment stays as it was.
            self.view = found if found.is_whole else replace(self.view, said=found.said)
            self.soonest = now + max(_AFTER_CHANGE, _SHARE_AFTER_CHANGE * found.seconds)
            self.due = self.soonest if self.changed else now + max(_EVERY, _SHARE * found.seconds)
        if not self.looking and now >= self.due:
            self.changed = False
            self.changes.came()
            with interrupts.later():  # the other thread must not find a lock that was left behind (see `beside`)
                self.looking = self.pool.submit(look, self.session, self.columns, self.changes.follow)
                self.looking.add_done_callback(lambda _: self.sitting.wake())

    def _found(self) -> View | None:
        """What the look that went on has found, when it is over."""
        with interrupts.later():
            if not self.looking or not self.looking.done():
                return None
            found, self.looking = self.looking.result(), None
            return found


def look(session: Session, columns: Columns, follow: Callable[[Iterable[Path]], None] = lambda _: None) -> View:
    """Find out how all stands, as `git par list` does; nothing is remembered from look to look but what that remembers.

    `follow` gets the directories in which something changes when that does, each before what is in it is read.
    """
    began, said = time.monotonic(), list[str]()
    session = replace(session, tell=said.append, progress=lambda *_: None, preview=lambda _: None)
    try:
        follow(islice(_places(session.repo), _MOST))
        tasks = session.tasks.all()
        follow(islice(_places_of(tasks), _MOST))
        found = facts.gather(session, tasks, size=columns.size, in_use=columns.in_use)
        runs = tuple(Runs(session).living())
    except (ParError, OSError) as error:
        told = error.message if isinstance(error, ParError) else str(error)
        return View(said=(f"git par: {told}",), seconds=time.monotonic() - began, is_whole=False)
    return View(tuple(tasks), tuple(found), runs, tuple(said), time.monotonic() - began)


def _places(repo: Repo) -> Iterator[Path]:
    yield from (repo.common, repo.state, repo.state / "tasks", repo.state / "runs", repo.common / TABLES)
    worktrees = repo.common / "worktrees"
    yield worktrees
    if worktrees.is_dir():
        for entry in worktrees.iterdir():
            yield from (entry, entry / TABLES)
    yield from (Path(directory) for directory, _, _ in os.walk(repo.common / "refs" / "heads"))


def _places_of(tasks: Iterable[Task]) -> Iterator[Path]:
    for task in tasks:
        path = Path(task.path)
        yield path
        if clones.is_clone(task):
            yield from (path / ".git", path / ".git" / TABLES)
            yield path / ".git" / Path(task.ref).parent


def frame(name: str, view: View, columns: Columns, size: live.Size) -> list[str]:
    """How all stands, as lines that fit a terminal of that `size`."""
    width = size.columns - 1  # what clears the rest of a line would take a letter in the last column
    parts = {part.name: part for run in view.runs for part in run.parts}
    known = {one.task.name: one for one in view.facts}
    # Of what a run is about to make, and what it has removed, there is no task.
    rows: list[Task | Part] = [*view.tasks]
    names = {task.name for task in view.tasks}
    rows += [part for part in parts.values() if part.name not in names]
    said = [live.cut(live.harmless(line), width) for line in view.said]
    room = size.lines - len(said) - 3
    shown, hidden = live.choose(rows, lambda row: _urgency(parts.get(row.name), known.get(row.name)), room)
    headings = [*listing.headings(columns)[:-1], *(["WORKER"] if parts else []), "NOTE"]
    cells = [_row(row, headings, columns, known.get(row.name), parts.get(row.name)) for row in shown]
    lines = [live.cut(live.harmless(_summary(name, view)), width)]
    if rows:
        lines += live.fit(headings, cells, width, _YIELDING)
    if hidden:
        lines.append(f"and {len(hidden)} more")
    return [*[*lines, *said][: max(0, size.lines - 1)], "q quits"]


def _summary(name: str, view: View) -> str:
    count = len(view.tasks)
    tasks = f"{count} task{'' if count == 1 else 's'}" if count else "no tasks; git par add NAME makes one"
    return "; ".join([f"{name}: {tasks}", *(f"run {run.id}: {states(run.parts)}" for run in view.runs)])


def _urgency(part: Part | None, known: Facts | None) -> int:
    if part and part.state == "running":
        return 0
    if part and part.state not in OVER:
        return 1 if known else 2
    return 1 if known and known.state != "landed" else 3


def _row(row: Task | Part, headings: list[str], columns: Columns, known: Facts | None, part: Part | None) -> list[str]:
    notes: list[str] = []
    if part and part.state == "running":
        notes += filter(None, [log.last_line_in(Path(part.log))])
    if part and part.state in ("failed", "skipped"):
        notes.append(part.detail)
    if known:
        *cells, more = listing.row(known, columns)
        notes += filter(None, [more])
    elif isinstance(row, Task):
        *cells, more = listing.pending(row, listing.headings(columns))
        notes += filter(None, [more])
    else:
        cells = [row.name, *("" for _ in listing.headings(columns)[2:])]
    worker = [_worker(part)] if "WORKER" in headings else []
    return [*cells, *worker, "; ".join(notes)]


def _worker(part: Part | None) -> str:
    if part is None:
        return ""
    time_taken = duration(part) if part.state == "running" else run_report.seconds(part)
    return f"{part.state} {time_taken}".rstrip()
