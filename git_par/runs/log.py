"""The log of a worker: all that it wrote, byte for byte, between lines that say when it began and how it ended."""

import os
import stat
from contextlib import suppress
from pathlib import Path

from git_par.state import tasks


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
        self._note(f"# command: {shown}\n# start: {tasks.now()}\n")

    def take(self, data: bytes) -> None:
        """What it wrote; a full disk is no failure of the worker."""
        with suppress(OSError):
            self._stream.write(data)
            self._whole = data.endswith(b"\n")

    def ended(self, code: int) -> None:
        """The worker has ended; that is all."""
        start = "" if self._whole else "\n"
        self._note(f"{start}# end: {tasks.now()}\n# exit: {code}\n")
        self.close()

    def close(self) -> None:
        """There is nothing more to write."""
        self._stream.close()

    def _note(self, text: str) -> None:
        self.take(os.fsencode(text))
