"""How the output of commands that run side by side is told apart: a name before each line, or one piece a task."""

import tempfile
from dataclasses import dataclass, field
from typing import Any, Protocol

from git_par import render, streams

_LONGEST_LINE = 1 << 20
"""What is longer is broken, so that a task that never ends a line does not fill the memory, in bytes."""

_PIECE = 1 << 16


class Output(Protocol):
    """What becomes of a task's output."""

    def take(self, data: bytes, is_error: bool) -> None:
        """A piece of it came, from standard error if so."""

    def close(self) -> None:
        """That was all."""


@dataclass
class Prefixed:
    """Each line at once, with the task in front; standard output and standard error stay apart."""

    name: str
    aside: bool
    """Whether everything goes to stderr."""
    _rest: dict[bool, bytes] = field(default_factory=lambda: {False: b"", True: b""}, init=False)

    def take(self, data: bytes, is_error: bool) -> None:
        """Show the lines that are whole now."""
        whole, newline, rest = (self._rest[is_error] + data).rpartition(b"\n")
        if len(rest) > _LONGEST_LINE:
            whole, newline, rest = whole + newline + rest, b"\n", b""
        self._rest[is_error] = rest
        if newline:
            self._show(whole, is_error)

    def close(self) -> None:
        """Show what did not end with a line end, as a line."""
        for is_error, rest in self._rest.items():
            if rest:
                self._show(rest, is_error)

    def _show(self, text: bytes, is_error: bool) -> None:
        mark = f"{self.name}: ".encode(errors="surrogateescape")
        render.pour(mark + text.replace(b"\n", b"\n" + mark) + b"\n", aside=is_error or self.aside)


@dataclass
class Grouped:
    """All of it, byte for byte and in the order in which it came, under a heading as head(1) writes it, at the end."""

    name: str
    aside: bool
    _held: Any = field(default_factory=lambda: tempfile.SpooledTemporaryFile(_PIECE), init=False)  # noqa: SIM115 (closed at the end)
    _pieces: list[tuple[bool, int]] = field(default_factory=list, init=False)

    def take(self, data: bytes, is_error: bool) -> None:
        """Hold it back."""
        self._held.write(data)
        if self._pieces and self._pieces[-1][0] is is_error:
            self._pieces[-1] = (is_error, self._pieces[-1][1] + len(data))
        else:
            self._pieces.append((is_error, len(data)))

    def close(self) -> None:
        """Show it; nothing of a task that wrote nothing."""
        headed: set[bool] = set()
        ends: dict[bool, bytes] = {}
        self._held.seek(0)
        for is_error, length in self._pieces:
            aside = is_error or self.aside
            stream = aside and not streams.are_one()
            if stream not in headed:
                headed.add(stream)
                render.pour(f"==> {self.name} <==\n".encode(errors="surrogateescape"), aside=aside)
            while length:
                data = self._held.read(min(length, _PIECE))
                length -= len(data)
                ends[stream] = data[-1:]
                render.pour(data, aside=aside)
        for stream, end in ends.items():
            if end != b"\n":
                render.pour(b"\n", aside=stream or self.aside)
        self._held.close()
