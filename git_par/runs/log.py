"""The log of a worker: all that it wrote, byte for byte, between lines that say when it began and how it ended."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Self

from git_par.state import tasks

_START = "# start: "
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")

TAIL = 4096
"""How much of what a worker wrote is looked through for its last line, in bytes."""


class Log:
    """One file, for its owner only; unbuffered, so that it can be watched.  `fresh` drops what an earlier run wrote."""

    def __init__(self, file: Path, *, fresh: bool) -> None:
        self.file = file
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | (os.O_TRUNC if fresh else 0)
        self._stream = os.fdopen(os.open(file, flags, 0o600), "wb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def begins(self, command: str) -> None:
        """The worker is about to begin."""
        shown = command.replace("\n", "\n#   ")
        self.take(os.fsencode(f"# command: {shown}\n{_START}{tasks.now()}\n"))

    def take(self, data: bytes) -> None:
        """What it wrote; a full disk is no failure of the worker."""
        with suppress(OSError):
            self._stream.write(data)


def last_line(data: bytes) -> str:
    """What a worker said last, as the end of what it wrote tells; carriage returns end lines too, and colours are none."""
    text = _COLOUR.sub("", data.decode(errors="replace")).replace("\r", "\n")
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def last_line_in(file: Path) -> str:
    """The same, as the log `file` has it; empty when there is nothing yet, or nothing to be read."""
    try:
        with open(file, "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            found = last_line(stream.read())
    except (OSError, ValueError):
        return ""
    return "" if found.startswith(_START) else found
