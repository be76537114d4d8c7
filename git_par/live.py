"""Tables that stay on a terminal and change in place: how they are laid out, and how one state goes over the last.

Each state goes out in one piece, so that nothing flickers.  Wrapping is off meanwhile: whatever a terminal takes a letter's
width for, a line of ours stays one line.
"""

import os
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TextIO, TypeVar

from git_par import interrupts

_LAST = 12
"""How many columns the last cell of a row has at least, before others make room."""

_NAME, _SHORT_NAME = 16, 8
"""How many the first has at least, before others make room for it and after."""

_COLOUR = re.compile("\x1b\\[[0-9;:]*m")
_PLAIN, _WRAPPING, _DOWN = "\x1b[?7l", "\x1b[?7h", "\x1b[K\n"
_QUIET = b"\x1b\\\x1b[0m"
"""Ends what a worker's line may have left open: a title that is not over, a colour."""

_AT_ONCE = 1 << 16
"""More than this is not held back until the next state, in bytes."""


_Thing = TypeVar("_Thing")


def fit(headings: Sequence[str], rows: Iterable[Sequence[str]], width: int, yielding: Sequence[str] = ()) -> list[str]:
    """A table as lines of at most `width` columns; the headings come first.

    The last column gets what is left.  When that is too little, the first one is cut, and then the columns of the headings
    `yielding` go, one by one.
    """
    from rich.cells import cell_len  # 5 ms to import

    cells = [[harmless(cell)[: 4 * width] for cell in row] for row in (headings, *rows)]
    shown = list(range(len(headings)))
    widths = [max(cell_len(row[place]) for row in cells) for place in shown]

    def lacking() -> int:
        taken = sum(widths[place] + 2 for place in shown[:-1])
        return max(0, min(widths[-1], _LAST) - (width - taken))

    widths[0] = max(min(widths[0], _NAME), widths[0] - lacking())
    for heading in yielding:
        if lacking():
            shown.remove(list(headings).index(heading))
    widths[0] = max(min(widths[0], _SHORT_NAME), widths[0] - lacking())
    lines = ["  ".join(_sized(row[place], widths[place]) for place in shown).rstrip() for row in cells]
    return [cut(line, width) for line in lines]


def choose(things: Sequence[_Thing], urgency: Callable[[_Thing], int], room: int) -> tuple[list[_Thing], list[_Thing]]:
    """The `things` to show on `room` lines, in their order when all fit, and those left out.

    Otherwise those of the least `urgency` come first, and a line stays for the number of the others.
    """
    if len(things) <= room:
        return list(things), []
    ranked, most = sorted(things, key=urgency), max(0, room - 1)
    return ranked[:most], ranked[most:]


def harmless(text: str) -> str:
    """`text` on one line, without colours, and with whatever else could steer a terminal spelled out."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_spelled_out, _COLOUR.sub("", text)))


def cut(text: str, width: int) -> str:
    """As much of `text` as fits `width` columns."""
    from rich.cells import cell_len, set_cell_size

    if cell_len(text) <= width:
        return text
    return f"{set_cell_size(text, width - 1)}…" if width > 1 else set_cell_size(text, max(0, width))


def _spelled_out(letter: str) -> str:
    if letter.isprintable():
        return letter
    return " " if letter == "\t" or (letter > "\x9f" and letter.isspace()) else letter.encode("unicode_escape").decode()


def _sized(text: str, width: int) -> str:
    from rich.cells import set_cell_size

    return set_cell_size(cut(text, width), width)


@dataclass(frozen=True)
class Size:
    """What a terminal has room for."""

    columns: int
    lines: int


def size(stream: TextIO) -> Size:
    """The size of the terminal at `stream`, as it is now; COLUMNS and LINES may make it less, not more."""
    columns = lines = 0
    with suppress(OSError, ValueError):
        columns, lines = os.get_terminal_size(stream.fileno())
    return Size(_at_most(columns or 80, "COLUMNS"), _at_most(lines or 24, "LINES"))


def _at_most(there: int, variable: str) -> int:
    asked = os.environ.get(variable, "")
    return min(there, int(asked) or there) if asked.isascii() and asked.isdigit() else there


@dataclass
class Board:
    """Lines that stay at the bottom of a terminal, while what is said there scrolls by above them.

    The cursor rests on the first of them: a terminal that wraps its lines anew when it is resized takes it along, and what
    others write while we are stopped moves it below that.
    Lines are shown and things are said in any thread.
    """

    stream: Callable[[], TextIO]
    is_on: bool = False
    _lines: tuple[str, ...] = ()
    _held: bytearray = field(default_factory=bytearray)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def on(self) -> None:
        """From now on lines may be shown, and what is said goes above them."""
        self.is_on = True

    @property
    def size(self) -> Size:
        """What the terminal has room for."""
        return size(self.stream())

    def show(self, lines: Sequence[str]) -> None:
        """Put `lines` in place of those that are shown, below what was said meanwhile."""
        with interrupts.later(), self._lock:
            if self.is_on and (self._held or tuple(lines) != self._lines):
                self._paint(lines)

    def above(self, text: bytes) -> None:
        """Whole lines that were said: they are shown with the next state, and soon."""
        with interrupts.later(), self._lock:
            self._held += text
            if not self.is_on or len(self._held) > _AT_ONCE:
                self._paint(self._lines)

    def off(self) -> None:
        """Take the lines away; what was said stays."""
        with interrupts.later(), self._lock:
            if self.is_on:
                self._paint(())
                self.is_on = False

    def _paint(self, lines: Sequence[str]) -> None:
        stream, said = self.stream(), bytes(self._held)
        if said:
            said = (b"\x1b[J" if self._lines else b"") + said + (_QUIET if lines else b"")
        text = state(lines) if lines or self._lines else ""
        self._held.clear()
        self._lines = tuple(lines)
        with suppress(OSError):  # the terminal was closed, but the work goes on
            _put(stream, said + text.encode(stream.encoding or "utf-8", "replace"))


def state(lines: Sequence[str]) -> str:
    """What puts `lines` over whatever stands at the cursor and below, and the cursor back on the first of them."""
    back = f"\x1b[{len(lines) - 1}F" if len(lines) > 1 else "\r"
    return f"{_PLAIN}{_DOWN.join(lines)}\x1b[J{_WRAPPING}{back}"


@dataclass
class Screen:
    """A whole terminal, for as long as it is held; what stood on it comes back then."""

    stream: Callable[[], TextIO]
    _lines: tuple[str, ...] | None = None

    def enter(self) -> None:
        """Turn to a page of our own (xterm, private mode 1049), without a cursor."""
        self._lines = None
        _put(self.stream(), b"\x1b[?1049h\x1b[?25l\x1b[H")

    def leave(self) -> None:
        """Turn back."""
        with suppress(OSError):
            _put(self.stream(), b"\x1b[?25h\x1b[?1049l")

    @property
    def size(self) -> Size:
        """What the terminal has room for."""
        return size(self.stream())

    def show(self, lines: Sequence[str]) -> None:
        """Put `lines` in place of those that are shown."""
        if tuple(lines) != self._lines:
            self._lines = tuple(lines)
            stream = self.stream()
            _put(stream, state(lines).encode(stream.encoding or "utf-8", "replace"))


def _put(stream: TextIO, data: bytes) -> None:
    """Write `data` in one piece, past what the stream would hold back and cut."""
    stream.flush()
    while data:
        data = data[os.write(stream.fileno(), data) :]
