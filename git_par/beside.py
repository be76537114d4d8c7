"""Work that goes on beside other work, such as a git process that takes its time while another one does.

The locks of the standard library's threads and futures are taken in the main thread too, in Python, where a signal may be
answered at any point: what is raised there leaves a lock behind that the other thread waits for without end.  So interrupts
wait here while such a lock may be held, and are raised between two looks at what the others have done.
"""

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from git_par import interrupts

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_Answer = TypeVar("_Answer")
_Thing = TypeVar("_Thing")

_LOOK_EVERY = 0.1
"""Seconds after which whoever waits hears of an interrupt."""


def begin(work: Callable[[], _Answer]) -> Callable[[], _Answer]:
    """Begin to do `work` in a thread of its own; what comes back waits for its answer, and raises what it raised."""
    answers: list[_Answer] = []
    failures: list[BaseException] = []

    def working() -> None:
        try:
            answers.append(work())
        except BaseException as failure:  # whoever waits raises it
            failures.append(failure)

    thread = threading.Thread(target=working)
    with interrupts.held():  # it takes no signal that the main thread is to wait with
        thread.start()

    def answer() -> _Answer:
        while not is_over(thread):
            pass
        if failures:
            raise failures[0]
        return answers[0]

    return answer


def is_over(thread: threading.Thread) -> bool:
    """Wait for a thread, but not long; whether it has ended, or was never started."""
    with interrupts.later():
        if thread.is_alive():
            thread.join(_LOOK_EVERY)
        return not thread.is_alive()


@dataclass(frozen=True)
class Pool:
    """A few threads that do one piece of work after the other."""

    _executor: "ThreadPoolExecutor"

    def begin(self, work: Callable[[], _Answer]) -> Callable[[], _Answer]:
        """Do `work` as soon as a thread is free; what comes back waits for its answer, and raises what it raised."""
        with interrupts.later():
            future = self._executor.submit(work)

        def answer() -> _Answer:
            while not first([future]):
                pass
            with interrupts.later():
                return future.result()

        return answer

    def each(self, work: Callable[[_Thing], _Answer], things: Iterable[_Thing]) -> Iterator[_Answer]:
        """Do `work` for each of `things`, begun at once; the answers, in their order."""
        answers = [self.begin(partial(work, thing)) for thing in things]
        return (answer() for answer in answers)


@contextmanager
def pool(at_once: int) -> Iterator[Pool]:
    """Threads that do `at_once` pieces of work at a time; in the end what has not begun is dropped, the rest waited for."""
    from concurrent.futures import ThreadPoolExecutor  # 4 ms to import

    executor = ThreadPoolExecutor(max_workers=at_once)
    try:
        yield Pool(executor)
    finally:
        with interrupts.later():
            executor.shutdown(cancel_futures=True)


def first(futures: "Iterable[Future[_Answer]]") -> "set[Future[_Answer]]":
    """Wait until one of `futures` has its result, but not long; those that have it."""
    from concurrent.futures import FIRST_COMPLETED, wait

    with interrupts.later():
        return wait(futures, timeout=_LOOK_EVERY, return_when=FIRST_COMPLETED).done
