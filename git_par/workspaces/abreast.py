"""The same work for several tasks, side by side: all of it is done, or none goes on."""

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

from git_par import beside, git, interrupts

_Thing = TypeVar("_Thing")


def each(
    work: Callable[[_Thing], object],
    things: Sequence[_Thing],
    at_once: int,
    meanwhile: Callable[[], object] = lambda: None,
) -> None:
    """Do `work` for each of `things`, no more than `at_once` at a time; `meanwhile` is called now and then.

    The first failure, or an interrupt, ends the git processes of the others, and is raised when nobody is at work any more.
    """
    waiting: SimpleQueue[_Thing] = SimpleQueue()
    for thing in things:
        waiting.put(thing)
    failures: list[BaseException] = []

    def worker() -> None:
        with suppress(Empty):
            while not failures:
                thing = waiting.get_nowait()
                try:
                    work(thing)
                except BaseException as failure:  # whoever waits for us raises it
                    failures.append(failure)

    threads = [threading.Thread(target=worker) for _ in range(min(at_once, len(things)))]
    try:
        for thread in threads:
            with interrupts.later():  # starting takes a lock that the thread needs too (see `beside`)
                thread.start()
        while not failures and not _are_over(threads):
            meanwhile()
        if failures:
            raise failures[0]
    except BaseException as failure:
        with interrupts.held():
            failures.append(failure)
            git.end_running()
            while not _are_over(threads):
                git.end_running()
        raise


def _are_over(threads: Sequence[threading.Thread]) -> bool:
    """Wait for the threads, but not long; whether all have ended."""
    return all(map(beside.is_over, threads))
