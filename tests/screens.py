"""A terminal for tests: what a person would see of what a program writes, and the program under it."""

import io
import re
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from unicodedata import combining, east_asian_width

import pexpect

from tests.world import PAR

PATIENCE = 60
"""Seconds for one sight; only ever used up when something is wrong."""

_SEQUENCE = re.compile(r"\x1b(?:\[([?\d;]*)([A-Za-z])|\\)")
_HALF = "\u2060"
"""Stands for the second half of a wide letter."""

_UNFINISHED = re.compile(r"\x1b(?:\[[?\d;]*)?\Z")


class Glass:
    """What stands on a screen of `columns` by `lines`, and what has scrolled off its top.

    It knows the few sequences that git-par writes, and fails at any other.  When it gets narrower it `wraps` anew what was
    longer, as most terminals do, or cuts it off.
    """

    def __init__(self, columns: int, lines: int, *, wraps: bool = False) -> None:
        self.columns, self.lines, self.wraps = columns, lines, wraps
        self.gone: list[str] = []
        self.modes = {"7"}
        self.seen: set[str] = set()
        """Every sequence, less its numbers."""
        self._rest = ""
        self._clear()

    def _clear(self) -> None:
        self.rows = [""]
        self._on = [False]
        """Which rows go on in the next."""
        self.row = self.column = 0

    @property
    def shown(self) -> list[str]:
        """The rows, without what is blank at their ends and at the end of them."""
        text = "\n".join(row.rstrip() for row in self.rows).rstrip("\n")
        return text.replace(_HALF, "").split("\n")

    @property
    def all(self) -> list[str]:
        """The same, with those that are gone."""
        return [*self.gone, *self.shown]

    def feed(self, text: str) -> None:
        """A program wrote `text`."""
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        self._rest, text = (cut[0], text[: cut.start()]) if cut else ("", text)
        while text:
            if found := _SEQUENCE.match(text):
                self._obey(found[1] or "", found[2] or "")
                text = text[found.end() :]
            else:
                assert text[0] >= " " or text[0] in "\r\n", text[:40]
                self._put(text[0])
                text = text[1:]

    def resize(self, columns: int, lines: int) -> None:
        """The person pulls at a corner."""
        if self.wraps and columns != self.columns:
            self._wrap(columns)
        elif columns < self.columns:
            self.rows = [row[:columns] for row in self.rows]
        self.columns, self.lines = columns, lines
        self._scroll()
        self.column = min(self.column, columns - 1)

    def _wrap(self, columns: int) -> None:
        rows, on, cursor = [""], [False], (0, 0)
        for number, row in enumerate(self.rows):
            if number and not self._on[number - 1]:
                rows.append("")
                on.append(False)
            if number == self.row:
                cursor = (len(rows) - 1, min(self.column, columns - 1))
            for letter in row.rstrip() if not self._on[number] else row:
                if len(rows[-1]) >= columns:
                    on[-1] = True
                    rows.append("")
                    on.append(False)
                rows[-1] += letter
        self.rows, self._on, (self.row, self.column) = rows, on, cursor

    def _obey(self, numbers: str, command: str) -> None:
        self.seen.add(f"{numbers if numbers[:1] == '?' else ''}{command}")
        count = int(numbers) if numbers.isdigit() else 1
        if numbers[:1] == "?":
            (self.modes.add if command == "h" else self.modes.discard)(numbers[1:])
            if numbers == "?1049":
                if command == "h":
                    self._behind = (self.rows, self._on, self.row, self.column)
                    self._clear()
                else:
                    self.rows, self._on, self.row, self.column = self._behind
        elif command == "F":
            self.row, self.column = max(0, self.row - count), 0
        elif command == "H":
            self.row = self.column = 0
        elif command in "JK" and command:
            self.rows[self.row] = self.rows[self.row][: self.column]
            self._on[self.row] = False
            if command == "J":
                assert numbers in ("", "0"), numbers
                del self.rows[self.row + 1 :], self._on[self.row + 1 :]
        else:
            assert command in ("m", ""), (numbers, command)

    def _put(self, letter: str) -> None:
        if letter == "\r":
            self.column = 0
        elif letter == "\n":
            self._down()
        elif not combining(letter):
            width = 2 if east_asian_width(letter) in "WF" else 1
            if self.column + width > self.columns and "7" in self.modes:
                self._on[self.row] = True
                self._down()
                self.column = 0
            self.column = min(self.column, self.columns - width)
            row = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = row[: self.column] + letter + _HALF * (width - 1) + row[self.column + width :]
            self.column += width

    def _down(self) -> None:
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")
            self._on.append(False)
        self._scroll()

    def _scroll(self) -> None:
        over = max(0, min(len(self.rows) - self.lines, self.row))
        self.gone += [row.rstrip() for row in self.rows[:over]]
        self.rows = self.rows[over:][: self.lines]
        self._on = self._on[over:][: self.lines]
        self.row -= over


class Tty(io.StringIO):
    """A stream that takes itself for a terminal."""

    def isatty(self) -> bool:
        return True


class Terminal:
    """git-par at work under a terminal of `columns` by `lines`, started by the command `under`."""

    def __init__(
        self,
        *args: str,
        cwd: Path,
        columns: int = 80,
        lines: int = 24,
        wraps: bool = False,
        term: str = "xterm",
        under: Sequence[str] = (),
        program: Sequence[str] = PAR,
    ) -> None:
        self.glass = Glass(columns, lines, wraps=wraps)
        self.process = pexpect.spawn(
            "/usr/bin/env",
            ["-u", "COLUMNS", "-u", "LINES", f"TERM={term}", *under, *program, *args],
            cwd=str(cwd),
            encoding="utf-8",
            codec_errors="replace",
            timeout=PATIENCE,
            dimensions=(lines, columns),
        )
        self.process.delaybeforesend = None
        self.written = ""

    def until(self, seen: Callable[[list[str]], object]) -> list[str]:
        """What is shown, once it is as `seen` wants it; what has scrolled away counts too."""
        deadline = time.monotonic() + PATIENCE
        while not seen(self.glass.all):
            assert time.monotonic() < deadline, "\n".join(self.glass.all)
            self.read(0.2)
        return self.glass.all

    def shows(self, text: str) -> list[str]:
        """What is shown, once there is a line with `text`."""
        return self.until(lambda lines: any(text in line for line in lines))

    def read(self, seconds: float) -> bool:
        """Hear what is written for so long; whether there will be more."""
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            try:
                text = self.process.read_nonblocking(1 << 16, max(left, 0.01))
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                return False
            self.written += text
            self.glass.feed(text)
        return True

    def resize(self, columns: int, lines: int) -> None:
        self.read(0.1)
        self.glass.resize(columns, lines)
        self.process.setwinsize(lines, columns)

    def hear_out(self) -> None:
        """Hear all that it writes until its end."""
        deadline = time.monotonic() + PATIENCE
        while self.read(0.2):
            assert time.monotonic() < deadline, "\n".join(self.glass.all)

    def end(self) -> int:
        """The same, and how it ended: 128 + n for signal n."""
        self.hear_out()
        self.process.close()
        status, number = self.process.exitstatus, self.process.signalstatus
        return 128 + number if number is not None else status if status is not None else -1
