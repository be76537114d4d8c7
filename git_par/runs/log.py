"""The log of a worker: all that it wrote, byte for byte, between lines that say when it began and how it ended."""

import os
import re
import stat
from contextlib import suppress
from pathlib import Path

from git_par.state import tasks

_START, _EXIT = "# start: ", "# exit: "
_COLOUR = re.compile("\x1b\\[[0-9;:]*m")

TAIL = 4096
"""How much of what a worker wrote is looked through for its last line, in bytes."""


class Log:
    """One file, for its owner only; unbuffered, so that it can be watched.  `fresh` drops what an earlier run wrote."""

    def __init__(self, file: Path, *, fresh: bool) -> None:
        self.file = file
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | (os.O_TRUNC if fresh else 0)
        self._stream = os.fdopen(os.open(file, flags, 0o600), "wb", buffering=0)
        os.fchmod(self._stream.fileno(), stat.S_IRUSR | stat.S_IWUSR)  # an older one may be open to others
        self._whole = True

    def begins(self, command: str) -> None:
        """The worker is about to begin."""
        shown = command.strip().replace("\n", "\n#   ")
        self._note(f"# command: {shown}\n{_START}{tasks.now()}\n")

    def take(self, data: bytes) -> None:
        """What it wrote; a full disk is no failure of the worker."""
        with suppress(OSError):
            self._stream.write(data)
            self._whole = data.endswith(b"\n")

    def ended(self, code: int) -> None:
        """The worker has ended; that is all."""
        start = "" if self._whole else "\n"
        self._note(f"{start}# end: {tasks.now()}\n{_EXIT}{code}\n")
        self.close()

    def close(self) -> None:
        """There is nothing more to write."""
        self._stream.close()

    def _note(self, text: str) -> None:
        self.take(os.fsencode(text))


def last_line(data: bytes) -> str:
    """What a worker said last, as the end of what it wrote tells; carriage returns end lines too, and colours are none."""
    text = _COLOUR.sub("", data.decode(errors="replace")).replace("\r", "\n")
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def last_line_in(file: Path) -> str:
    """The same, as the log `file` has it; empty when there is nothing yet, or nothing to be read."""
    try:
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - TAIL))
            found = last_line(stream.read())
    except (OSError, ValueError):
        return ""
    return "" if found.startswith((_START, _EXIT)) else found
