"""A terminal that is ours for a while: its screen, and its keys one by one.  It is given back however that ends."""

import os
import select
import signal
import sys
import termios
from collections.abc import Sequence
from contextlib import suppress
from types import FrameType
from typing import Any, Self

from git_par import interrupts
from git_par.live import Screen

_LOCAL_FLAGS = 3
"""Their place in what tcgetattr(3) gives."""


class Sitting:
    """The terminal at stdin and its `screen`; for the main thread.

    A signal, such as that of a new size, ends a wait.  Whoever stops us (Ctrl-Z) gets the terminal back until we go on.
    """

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._keyboard = sys.stdin.fileno()
        self._settings: list[Any] = []
        self._woken, self._waker = os.pipe()
        self._handlers: dict[int, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> Self:
        try:
            with interrupts.later():
                self._settings = termios.tcgetattr(self._keyboard)
                for end in (self._woken, self._waker):
                    os.set_blocking(end, False)
                self._wakeup = signal.set_wakeup_fd(self._waker, warn_on_full_buffer=False)
                for number, handler in ((signal.SIGWINCH, _noted), (signal.SIGTSTP, self._stop)):
                    self._handlers[number] = signal.signal(number, handler)
                self._take()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        with interrupts.held():
            self._give_back()
            for number, handler in self._handlers.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._wakeup)

    def wake(self) -> None:
        """End the wait of the main thread."""
        with suppress(BlockingIOError):
            os.write(self._waker, b".")

    def wait(self, others: Sequence[int], seconds: float) -> str | None:
        """The keys that were pressed, empty when nobody can press any more; None when it was something else, or over."""
        ready, _, _ = select.select([self._keyboard, self._woken, *others], [], [], max(0.0, seconds))
        if self._woken in ready:
            with suppress(BlockingIOError):
                while os.read(self._woken, 512):
                    pass
        if self._keyboard not in ready:
            return None
        try:
            return os.read(self._keyboard, 512).decode(errors="replace")
        except OSError:  # the terminal was closed
            return ""

    def _take(self) -> None:
        mine = list(self._settings)
        mine[_LOCAL_FLAGS] &= ~(termios.ICANON | termios.ECHO)
        termios.tcsetattr(self._keyboard, termios.TCSADRAIN, mine)
        self.screen.enter()

    def _give_back(self) -> None:
        if self._settings:
            self.screen.leave()
            with suppress(termios.error):  # it was closed
                termios.tcsetattr(self._keyboard, termios.TCSADRAIN, self._settings)

    def _stop(self, *_: object) -> None:
        with interrupts.later():
            self._give_back()
            signal.signal(signal.SIGTSTP, signal.SIG_DFL)
            signal.raise_signal(signal.SIGTSTP)  # from here we go on when somebody says so
            signal.signal(signal.SIGTSTP, self._stop)
            self._take()


def _noted(_number: int, _frame: FrameType | None) -> None:
    """The signal has ended the wait; that is all it is for."""
