"""What a person sees while a run is carried out: each line of a worker with its task in front, and on a terminal a table
of all tasks below them."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import Self

from git_par import interrupts, live, render, streams
from git_par.commands import run_report
from git_par.commands.exec_output import Prefixed
from git_par.landing import signing
from git_par.runs.counts import Count, Counter
from git_par.runs.log import TAIL, last_line
from git_par.runs.record import MET, STATES, Part, Run
from git_par.state.session import Session

_EVERY = 0.2
"""Seconds between two states of the table, where anything has changed."""

_HEADINGS = ("TASK", "LEVEL", "STATE", "TIME", "COMMITS", "CHANGED", "LAST LINE")
_YIELDING = ("LEVEL", "CHANGED", "COMMITS")

_FIRST = ("running", "ended", "adding", "ready", "failed", "done", "waiting")
"""Who is shown first where there is no room for all."""


class Show:
    """Shows how a run goes; `take` may be called in any thread, what else there is by the main one."""

    def __init__(self, session: Session, run: Run, *, live: bool) -> None:
        self._session, self._run = session, run
        self._is_drawn = live and streams.can_draw()
        self._outputs: dict[str, Prefixed] = {}
        self._tails: dict[str, bytes] = {}
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._counter = Counter(session, self._running)
        self._painter = threading.Thread(target=self._paint, daemon=True)

    def __enter__(self) -> Self:
        if self._is_drawn:
            render.board.on()
            self._counter.open()
            with interrupts.held():  # a signal is for the thread that ends the workers
                self._painter.start()
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._outputs):
            self.close(name)
        if self._is_drawn:
            with interrupts.held():
                self._over.set()
                self._counter.close()
                self._painter.join()
                render.board.off()

    def take(self, name: str, data: bytes) -> None:
        """The worker of the task `name` wrote that."""
        with self._lock:
            self._tails[name] = (self._tails.get(name, b"") + data[-TAIL:])[-TAIL:]
            self._outputs.setdefault(name, Prefixed(name, aside=True)).take(data, is_error=True)

    def close(self, name: str) -> None:
        """The worker of the task `name` writes no more."""
        with self._lock, suppress(OSError, ValueError):  # nobody need read it
            if output := self._outputs.pop(name, None):
                output.close()

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Where commits are signed somebody may have to type a passphrase: the terminal is free while the block runs."""
        if not self._is_drawn or not signing.is_wanted(self._session.repo):
            yield
            return
        render.board.off()
        try:
            yield
        finally:
            render.board.on()

    def _running(self) -> list[str]:
        """Those that may be shown."""
        return [part.name for part in self._run.parts if part.state == "running"][: render.board.size.lines]

    def _paint(self) -> None:
        while not self._over.wait(_EVERY):
            with self._lock:
                said = dict(self._tails)
            size = render.board.size
            # The cursor has a column of its own, and what the workers write a part of the terminal.
            room = live.Size(size.columns - 1, size.lines - max(2, size.lines // 3))
            render.board.show(frame(self._run, said, self._counter.get, room))


def frame(run: Run, said: dict[str, bytes], count: Callable[[str], Count | None], room: live.Size) -> list[str]:
    """How `run` stands, as lines: `said` is the end of what each worker wrote, `count` what it has done."""
    shown, hidden = live.choose(run.parts, _urgency, room.lines - 2)
    rows = [_row(part, said.get(part.name, b""), count(part.name)) for part in shown]
    table = live.fit(_HEADINGS, rows, room.columns, _YIELDING)
    more = [live.cut(f"and {len(hidden)} more: {states(hidden)}", room.columns)] if hidden else []
    return [live.cut(_summary(run), room.columns), *table, *more][: max(1, room.lines)]


def _urgency(part: Part) -> int:
    return _FIRST.index(part.state) if part.state in _FIRST else len(_FIRST)


def _summary(run: Run) -> str:
    home = sum(part.state in MET for part in run.parts)
    return f"run {run.id}: {home} of {len(run.parts)} came home to {run.base}; {states(run.parts)}"


def states(parts: Sequence[Part]) -> str:
    """How many tasks of a run are in which state."""
    counts = {state: sum(part.state == state for part in parts) for state in STATES}
    return ", ".join(f"{count} {state}" for state, count in counts.items() if count)


def _row(part: Part, said: bytes, count: Count | None) -> list[str]:
    over = part.state in ("failed", "skipped")
    commits = part.commits if part.commits is not None else count.commits if count else ""
    return [
        part.name,
        str(part.level),
        part.state,
        duration(part),
        str(commits),
        str(count.changed) if count and part.state in ("running", "failed") else "",
        part.detail if over else last_line(said),
    ]


def duration(part: Part) -> str:
    """How long a worker has run, to the second while it does."""
    if part.state != "running" or not part.began:
        return run_report.seconds(part)
    seconds = max(0, int((datetime.now(UTC) - datetime.fromisoformat(part.began)).total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}" if minutes >= 60 else f"{minutes}:{seconds:02}"
