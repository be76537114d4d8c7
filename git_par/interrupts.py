"""Signals: an interrupt takes back what is half done, and waits while something must not be cut in two."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Interrupted(KeyboardInterrupt):
    """The process was asked to end by signal `number`; what is under way is taken back on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


@dataclass
class _State:
    leaving: bool = False
    """An interrupt is on its way out; another one would only cut the taking back."""
    delays: int = 0
    came: int | None = None


_state = _State()


def install() -> None:
    """Let SIGTERM and a closed terminal end the program as Ctrl-C does; one that is ignored, as under nohup, stays so.

    Whoever started us may not care for the ends of its children (SIGCHLD); we and git have to hear of those of ours.
    """
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


@contextmanager
def held() -> Iterator[None]:
    """Let interrupts wait until the block is done.

    A blocked signal stays blocked in the children (sigprocmask(2)), so a git started here is not cut short either.  The
    system gives it to another thread then, if there is one, and Python answers it in this one.
    """
    with later():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def heeded() -> Iterator[None]:
    """Let interrupts through for as long as the block runs, although a block around it lets them wait.

    For what may take any time, such as a user's command, and what can be cut off there as well as anywhere.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ())
    delays, _state.delays = _state.delays, 0
    try:
        _answer()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)
        yield
    finally:
        _state.delays = delays  # first: the next call may be where Python hears of one
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def disown() -> None:
    """In a child that is about to become a command: a signal means to it what it means to any; one that waited comes now."""
    for number in _SIGNALS:
        if signal.getsignal(number) is _interrupt:
            signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _SIGNALS)


@contextmanager
def later() -> Iterator[None]:
    """Let interrupts wait for us only: a process that is started here hears them, and is not started unknown to us."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no interrupt is ever raised here
        return
    _state.delays += 1
    try:
        yield
    finally:
        _state.delays -= 1
        _answer()


def waits() -> bool:
    """Whether an interrupt has come that waits until the block around this is done."""
    return _state.came is not None


@contextmanager
def taking_back() -> Iterator[ExitStack]:
    """What undoes the block when it fails; no further interrupt cuts that short."""
    with ExitStack() as undo:
        try:
            yield undo
        except BaseException:
            with held():
                undo.close()
            raise


def heard() -> None:
    """The interrupt that was caught does not end the program: the next one is raised again."""
    _state.leaving = False


def _answer() -> None:
    """Raise what came, when nothing has it wait any more."""
    if _state.came is not None and not _state.delays:
        number, _state.came = _state.came, None
        _interrupt(number, None)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    if _state.leaving:
        return
    if _state.delays:
        _state.came = number
        return
    _state.leaving = True
    raise Interrupted(number)
