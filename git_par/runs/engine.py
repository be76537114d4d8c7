"""The engine of this machine: carry out workers' commands, in one thread that starts, hears and ends all processes."""

import resource
import selectors
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from git_par import beside, processes
from git_par.runs.work import Ear, Ended, Work
from git_par.spawn import crowd, jobs, watchers

_OUR_FILES = 64
"""How many files we may have open beside those of the workers."""

_FILES_EACH = 3
"""How many a worker takes: both its streams, and its log."""


@dataclass
class _Running:
    """A piece of work that has begun."""

    work: Work
    future: "Future[Ended]"
    deadline: float | None
    overdue: bool = False
    stopped: bool = False
    ending: threading.Thread | None = None
    again: float = 0.0
    """When to try once more to end it."""
    settled: bool = False
    """Whether it has ended, and with it all that it left running."""


@dataclass
class Local:
    """Workers of this machine, `at_once` at most, each in a session of its own.

    Nothing that stays in its session outlives a worker; when this process is killed, the workers end too.  Where there is
    no room for another process or for more open files, fewer run at once.
    """

    ear: Ear
    at_once: int
    grace: float = field(default_factory=lambda: processes.GRACE)
    """Seconds between asking a worker to end and ending it."""
    _waiting: "deque[tuple[Work, Future[Ended]]]" = field(default_factory=deque, init=False)
    _running: dict[int, _Running] = field(default_factory=dict, init=False)
    _closed: threading.Event = field(default_factory=threading.Event, init=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _hurried: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)
    _failure: BaseException | None = field(default=None, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    """For what waits: nothing may be added once nobody takes it any more."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown(cancel_futures=True)

    def submit(self, work: Work, /) -> "Future[Ended]":
        """Carry it out as soon as there is room; RuntimeError after `shutdown`.

        When the engine itself fails, every future that has no result has that failure.
        """
        future: Future[Ended] = Future()
        with self._guard:
            if self._failure is not None:
                future.set_exception(self._failure)
                return future
            if self._closed.is_set():
                raise RuntimeError("the engine takes no more work")
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
            while not beside.is_over(self._thread):
                pass

    def hurry(self) -> None:
        """Do not wait for what was asked to end."""
        self._hurried.set()

    def _carry_out(self) -> None:
        """The life of the thread."""
        try:
            with selectors.DefaultSelector() as selector, closing(watchers.Watcher()) as watcher:
                many = crowd.Crowd(selector, watcher)
                self.at_once = min(self.at_once, _room())
                try:
                    while self._waiting or many.running or not self._closed.is_set():
                        self._step(many)
                except BaseException:
                    many.end(self._hurried.is_set)
                    raise
        except BaseException as error:  # whoever waits for a result raises it
            self._give_up(error)

    def _step(self, many: crowd.Crowd) -> None:
        if self._stopped.is_set():
            self._cancel()
        while self._waiting and len(many.running) < self.at_once:
            self._begin(many, *self._waiting.popleft())
        many.listen()
        self._attend(many)

    def _cancel(self) -> None:
        while self._waiting:
            _, future = self._waiting.popleft()
            future.cancel()
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(CancelledError())  # there was no room when its turn came

    def _give_up(self, error: BaseException) -> None:
        with self._guard:
            self._failure = error
            self._closed.set()
            futures = [*(one.future for one in self._running.values()), *(future for _, future in self._waiting)]
            self._waiting.clear()
        for future in futures:
            if future.running() or future.set_running_or_notify_cancel():
                future.set_exception(error)

    def _begin(self, many: crowd.Crowd, work: Work, future: "Future[Ended]") -> None:
        if not (future.running() or future.set_running_or_notify_cancel()):
            return
        began: list[int] = []

        def before(number: int) -> None:
            began.append(number)
            deadline = time.monotonic() + work.timeout if work.timeout is not None else None
            self._running[number] = _Running(work, future, deadline)
            self.ear.begins(work)

        def done(code: int, seconds: float) -> None:
            one = self._running[began[0]] if began else _Running(work, future, None)
            ended = Ended(code, seconds, overdue=one.overdue, stopped=one.stopped)
            self.ear.ended(work, ended)
            if began:
                del self._running[began[0]]
            future.set_result(ended)

        argv = ("/bin/sh", "-c", work.command)
        job = jobs.Job(argv, work.cwd, work.env, lambda data, _: self.ear.wrote(work, data), done, before)
        try:
            many.begin(job)
        except BaseException as error:
            if began or future.done():
                raise
            self._waiting.appendleft((work, future))
            if not (isinstance(error, OSError) and error.errno in jobs.NO_ROOM and many.running):
                raise
            self.at_once = len(many.running)

    def _attend(self, many: crowd.Crowd) -> None:
        """End what takes too long, what stays of those that have ended, and all when there is an end to be made."""
        now, over = time.monotonic(), []
        for number, one in self._running.items():
            if one.settled or (one.ending and one.ending.is_alive()):
                continue
            ended = many.has_ended(number)
            if one.ending:  # what became another user's may not have heard us
                many.detained.discard(number)
                one.ending, one.settled, one.again = None, ended, now + self.grace
            elif ended or (now > one.again and self._is_due(one, now)):
                over.append(number)
        if over:
            many.detained.update(over)
            ending = threading.Thread(target=processes.end, args=(over, self.grace, self._hurried.is_set), daemon=True)
            for number in over:
                self._running[number].ending = ending
            ending.start()

    def _is_due(self, one: _Running, now: float) -> bool:
        """Whether it is to be ended although it works."""
        if one.deadline is not None and now > one.deadline:
            one.overdue = True
        elif self._stopped.is_set():
            one.stopped = True
        return one.overdue or one.stopped


def _room() -> int:
    """How many workers' files may be open at once; at least one worker's."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most == resource.RLIM_INFINITY:
        return 1 << 16
    return max(1, (most - len(list(Path("/dev/fd").iterdir())) - _OUR_FILES) // _FILES_EACH)
