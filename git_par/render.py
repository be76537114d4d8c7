"""Show reports: to people as text, to programs as JSON.  The only module that prints.

Stdout carries the answer, stderr the talk about it.
"""

import json
import re
import shutil
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import IO, Any

from git_par import colour, columns, streams
from git_par.colour import Marked, Style
from git_par.errors import ParError
from git_par.live import Board, Screen
from git_par.report import Report, Table

VERSION = 1

_HEEDED = ("hint:", "warning:")
"""What lines of talk begin with that are more than talk."""

_AT_ONCE = 0.3
"""Seconds within which an answer is waited for as a whole."""


def show(report: Report, *, as_json: bool) -> None:
    """Print a report."""
    progress.wipe()
    preview.wipe()
    if as_json:
        _write(json.dumps({"version": VERSION, **report.data()}, indent=2))
    else:
        if report.table is not None:
            _show_table(report.table)
        for line in report.lines:
            _write(line)
    sys.stdout.flush()
    for line in report.talk:
        say(line)


def show_error(error: ParError, *, as_json: bool) -> None:
    """Print a refusal: one line what and why, one line what to run next."""
    say(Marked.of(("git par:", Style.BAD), f" {error.message}"))
    for detail in error.details:
        say(f"  {detail}")
    if error.hint:
        say(f"hint: {error.hint}")
    if as_json:
        body: dict[str, Any] = {"status": int(error.status), "message": error.message, "hint": error.hint}
        if error.details:
            body["details"] = list(error.details)
        _write(json.dumps({"version": VERSION, "error": body}, indent=2))


@dataclass
class Progress:
    """How far a long piece of work is, on the last line of a terminal, and after the first second only."""

    _began: float = field(default_factory=time.monotonic)
    _shown: float = 0.0

    def __call__(self, what: str, done: int, total: int) -> None:
        """`done` of `total` are done."""
        now = time.monotonic()
        if (
            now - self._began < 1
            or now - self._shown < 0.1
            or preview.is_shown
            or board.is_on
            or not colour.steers(sys.stderr)
        ):
            return
        self._shown = now
        sys.stderr.write(f"\r\x1b[K{one_line(what)}: {done}/{total}")
        sys.stderr.flush()

    def wipe(self) -> None:
        """Make room for other words."""
        if self._shown:
            self._shown = 0.0
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()


@dataclass
class Preview:
    """A table that is still growing, on a terminal and when it takes long; the whole one takes its place in the end.

    Each state of it is written over the one before in one piece, so that nothing flickers.
    """

    _began: float = field(default_factory=time.monotonic)
    _shown: float = 0.0
    _height: int = 0

    @property
    def is_shown(self) -> bool:
        """Whether lines of it stand on the terminal."""
        return self._height > 0

    def __call__(self, table: Table) -> None:
        """The table as far as it is known."""
        now = time.monotonic()
        if now - self._began < _AT_ONCE or now - self._shown < 0.1 or not colour.steers(sys.stdout):
            return
        table, width = _harmless(table), streams.width()
        if any(columns.cells(line) > width for line in columns.drawn(table.headings, table.rows, width)):
            return  # the terminal would break that line, and nobody could tell how far back the first one is
        lines = _drawn(table, width)[: shutil.get_terminal_size().lines - 1]
        progress.wipe()
        sys.stdout.write(self._back + "".join(f"{line}\x1b[K\n" for line in lines) + "\x1b[J")
        sys.stdout.flush()
        self._shown, self._height = time.monotonic(), len(lines)

    def wipe(self) -> None:
        """Make room for other words."""
        if self._height:
            sys.stdout.write(f"{self._back}\x1b[J")
            sys.stdout.flush()
            self._height = 0

    @property
    def _back(self) -> str:
        return f"\x1b[{self._height}F" if self._height else ""


progress, preview, colours = Progress(), Preview(), colour.Choice()
board, screen = Board(lambda: sys.stderr), Screen(lambda: sys.stdout)
"""There is one terminal."""


def answer(text: str) -> None:
    """One line of the answer, on stdout at once: for a command whose answer is a story."""
    _write(text)
    sys.stdout.flush()


def say(text: str) -> None:
    """One line of talk, on stderr; control characters in names come out harmless."""
    preview.wipe()
    if text.startswith(_HEEDED) and not isinstance(text, Marked):
        label, colon, rest = text.partition(":")
        text = Marked.of((label + colon, Style.HEED), rest)
    _aside(_dressed(text, sys.stderr, one_line))


def ask(question: str) -> bool:
    """Ask the person at the terminal; only a plain yes is one."""
    return ask_for(question).lower() in ("y", "yes")


def ask_for(what: str) -> str:
    """Ask the person at the terminal for words; empty when none came."""
    progress.wipe()
    print(one_line(what), end="", file=sys.stderr, flush=True)
    answered = sys.stdin.readline()
    if not answered.endswith("\n"):
        print(file=sys.stderr)
    return answered.strip()


def relay(name: str, line: str) -> None:
    """A line that a user's command of the task `name` wrote, as it is."""
    _aside(f"{name}: {line}")


def pour(data: bytes, *, aside: bool) -> None:
    """What a user's command wrote, byte for byte, on stdout, or `aside` on stderr."""
    progress.wipe()
    if aside and board.is_on:
        board.above(data)
        return
    stream = sys.stderr if aside else sys.stdout
    stream.flush()
    if hasattr(stream, "buffer"):
        stream.buffer.write(data)
    else:
        stream.write(data.decode(errors="surrogateescape"))
    stream.flush()


def tell(text: str) -> None:
    """One line of talk that comes while a command runs, on stderr, with our name in front."""
    say(f"git par: {text}")


def is_coloured() -> bool:
    """Whether talk is coloured."""
    return colours.on(sys.stderr)


def one_line(text: str) -> str:
    """`text` with control characters spelled out: what a user typed neither breaks the line nor steers the terminal."""
    return re.sub("[\x00-\x1f\x7f-\x9f]", _spelled_out, text)


def _spelled_out(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def _aside(line: str) -> None:
    progress.wipe()
    if board.is_on:
        board.above(f"{line}\n".encode(errors="surrogateescape"))
    else:
        print(line, file=sys.stderr, flush=True)


def _write(text: str) -> None:
    """One line of the answer, or several: byte for byte, but on a terminal nothing in it steers that."""
    progress.wipe()
    sys.stdout.write(f"{_dressed(text, sys.stdout, _steering_nothing if sys.stdout.isatty() else str)}\n")


def _steering_nothing(text: str) -> str:
    return re.sub("[\x00-\x08\x0b-\x1f\x7f-\x9f]", _spelled_out, text)


def _dressed(text: str, stream: IO[str], plain: Callable[[str], str]) -> str:
    """`text` as it goes out on `stream`, with its colours where that has some."""
    if isinstance(text, Marked) and colours.on(stream):
        return "".join(colour.painted(plain(piece), style) for piece, style in text.pieces)
    return plain(text)


def _show_table(table: Table) -> None:
    """On a terminal the columns share its width; elsewhere nothing is cut, so that it can be searched."""
    for line in _drawn(_harmless(table), streams.width() if sys.stdout.isatty() else None):
        sys.stdout.write(f"{line}\n")


def _harmless(table: Table) -> Table:
    return Table(table.headings, [[one_line(cell) for cell in row] for row in table.rows])


def _drawn(table: Table, width: int | None) -> list[str]:
    """The lines of a table, as a terminal shows it."""
    return columns.drawn(table.headings, table.rows, width, coloured=colours.on(sys.stdout))
