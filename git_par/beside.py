"""Work that goes on beside other work, such as a git process that takes its time while another one does."""

import threading
from collections.abc import Callable
from typing import TypeVar

from git_par import interrupts

_Answer = TypeVar("_Answer")


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
        thread.join()
        if failures:
            raise failures[0]
        return answers[0]

    return answer
