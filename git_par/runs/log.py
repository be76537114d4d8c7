"""The log of a worker: all that it wrote, byte for byte, between lines that say when it began and how it ended."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Self

from git_par.state import tasks


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
        self.take(os.fsencode(f"# command: {shown}\n# start: {tasks.now()}\n"))

    def take(self, data: bytes) -> None:
        """What it wrote; a full disk is no failure of the worker."""
        with suppress(OSError):
            self._stream.write(data)
