"""Carry out workers' commands: an engine takes work and gives futures, as `concurrent.futures.Executor` does.

Work is plain data, so that another engine could carry it elsewhere.  `Local` runs it on this machine, in one thread that
starts, hears and ends all processes.
"""

import selectors
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self

from git_par import crowd, processes, spawn


@dataclass(frozen=True)
class Work:
    """A shell command, where it runs and with what environment, and after how many seconds it is ended."""

    name: str
    command: str
    cwd: Path
    env: Mapping[str, str]
    timeout: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its status (128 + n when signal n ended it), and after how many seconds."""

    code: int
    seconds: float
    overdue: bool = False
    """Whether that was too long."""
    stopped: bool = False
    """Whether it was ended because all were."""


class Ear(Protocol):
    """Who hears of the work; all of it in one thread."""

    def begins(self, work: Work) -> None:
        """It is about to begin; when this fails, it does not."""

    def wrote(self, work: Work, data: bytes) -> None:
        """A piece of what it wrote came."""


class Engine(Protocol):
    """Where workers run, in the shape of an Executor."""

    def submit(self, work: Work, /) -> "Future[Ended]":
        """Carry it out as soon as there is room."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; with `cancel_futures` begin nothing that has not begun, and end what runs."""


@dataclass
class _Running:
    """A piece of work that has begun."""

    work: Work
    future: "Future[Ended]"
    deadline: float | None
    overdue: bool = False
    stopped: bool = False
    ending: threading.Thread | None = None


@dataclass
class Local:
    """Workers of this machine, `at_once` at most, each in a session of its own.

    Nothing that stays in its session outlives a worker; when this process is killed, the workers end too.
    """

    ear: Ear
    at_once: int
    grace: float = spawn.GRACE
    """Seconds between asking a worker to end and ending it."""
    _waiting: "deque[tuple[Work, Future[Ended]]]" = field(default_factory=deque, init=False)
    _running: dict[int, _Running] = field(default_factory=dict, init=False)
    _closed: threading.Event = field(default_factory=threading.Event, init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _hurried: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown(cancel_futures=True)

    def submit(self, work: Work, /) -> "Future[Ended]":
        """Carry it out as soon as there is room; RuntimeError after `shutdown`."""
        if self._closed.is_set():
            raise RuntimeError("the engine takes no more work")
        future: Future[Ended] = Future()
        self._waiting.append((work, future))
        if self._thread is None:
            self._thread = threading.Thread(target=self._carry_out, daemon=True)
            self._thread.start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; with `cancel_futures` begin nothing that has not begun, and end what runs."""
        self._closed.set()
        if cancel_futures:
            self._stopped.set()
        if wait and self._thread:
            while self._thread.is_alive():
                self._thread.join(0.1)  # in pieces, so that an interrupt comes through

    def hurry(self) -> None:
        """Do not wait for what was asked to end."""
        self._hurried.set()

    def _carry_out(self) -> None:
        with selectors.DefaultSelector() as selector:
            many = crowd.Crowd(selector, spawn.Watcher())
            try:
                while self._waiting or many.running or not self._closed.is_set():
                    if self._stopped.is_set():
                        self._cancel()
                    while self._waiting and len(many.running) < self.at_once:
                        self._begin(many, *self._waiting.popleft())
                    many.listen()
                    self._attend(many)
            except BaseException as error:  # whoever waits for a result raises it
                self._closed.set()
                many.end()
                for one in self._running.values():
                    one.future.set_exception(error)
                self._cancel()
            finally:
                many.watcher.close()

    def _cancel(self) -> None:
        while self._waiting:
            self._waiting.popleft()[1].cancel()

    def _begin(self, many: crowd.Crowd, work: Work, future: "Future[Ended]") -> None:
        if not future.set_running_or_notify_cancel():
            return
        began: list[int] = []

        def before(number: int) -> None:
            began.append(number)
            self._running[number] = _Running(
                work, future, time.monotonic() + work.timeout if work.timeout is not None else None
            )
            self.ear.begins(work)

        def done(code: int, seconds: float) -> None:
            one = self._running.pop(began[0]) if began else None
            overdue, stopped = (one.overdue, one.stopped) if one else (False, False)
            future.set_result(Ended(code, seconds, overdue=overdue, stopped=stopped))

        argv = ("/bin/sh", "-c", work.command)
        many.begin(spawn.Job(argv, work.cwd, work.env, lambda data, _: self.ear.wrote(work, data), done, before))

    def _attend(self, many: crowd.Crowd) -> None:
        """End what takes too long, what stays of those that have ended, and all when there is an end to be made."""
        now, over = time.monotonic(), []
        for number, one in self._running.items():
            if one.ending:
                if not one.ending.is_alive():
                    many.detained.discard(number)
            elif many.has_ended(number):
                over.append(number)
            elif self._stopped.is_set():
                one.stopped = True
                over.append(number)
            elif one.deadline is not None and now > one.deadline:
                one.overdue = True
                over.append(number)
        if over:
            ending = threading.Thread(target=processes.end, args=(over, self.grace, self._hurried.is_set), daemon=True)
            for number in over:
                self._running[number].ending = ending
            many.detained.update(over)
            ending.start()
