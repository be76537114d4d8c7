"""What is coloured, and whether anything is.

`--color` decides; without it NO_COLOR says no; else git's `color.ui` decides, and by default there is colour on a terminal.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import IO, Self


class When(StrEnum):
    """What `--color` may say."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class Style(StrEnum):
    """How a piece of text is shown, as its code (ECMA-48, SGR)."""

    HEADING = "1"
    GOOD = "32"
    BAD = "31"
    HEED = "33"


STATES = {
    "landed": Style.GOOD,
    "merged": Style.GOOD,
    "done": Style.GOOD,
    "reverted": Style.HEED,
    "creating": Style.HEED,
    "removing": Style.HEED,
    "cut off": Style.BAD,
    "broken": Style.BAD,
    "failed": Style.BAD,
    "conflict": Style.BAD,
    "left out": Style.HEED,
}
"""The words for what became of a task or an operation that are shown in a style of their own."""


class Marked(str):
    """A line of which some pieces have a style."""

    pieces: tuple[tuple[str, Style | None], ...]

    @classmethod
    def of(cls, *pieces: str | tuple[str, Style | None]) -> Self:
        """A line of plain pieces and of those with a style."""
        pairs = tuple((piece, None) if isinstance(piece, str) else piece for piece in pieces)
        line = cls("".join(text for text, _ in pairs))
        line.pieces = pairs
        return line


@dataclass
class Choice:
    """Whether there is colour on a stream."""

    asked: When | None = None
    """What `--color` said."""
    setting: Callable[[str], str | None] = lambda _: None
    """Git's settings, by their names in lower case."""

    def on(self, stream: IO[str]) -> bool:
        """Whether what goes to `stream` is coloured; git's settings are asked for only where they count."""
        when = self.asked
        if when is None and os.environ.get("NO_COLOR"):
            return False
        if when is None:
            when = _as_git_says(self.setting("color.ui"))
        if when is When.AUTO:
            return steers(stream) or self._paged()
        return when is When.ALWAYS

    def _paged(self) -> bool:
        """Whether git shows what we write in its pager, on a terminal (git-config(1), color.pager)."""
        paged = os.environ.get("GIT_PAGER_IN_USE") in ("1", "true") and _has_capable_terminal()
        return paged and _as_git_says(self.setting("color.pager")) is not When.NEVER


def steers(stream: IO[str]) -> bool:
    """Whether `stream` is a terminal that knows more than to print one line after the other."""
    return stream.isatty() and _has_capable_terminal()


def painted(text: str, style: Style | None) -> str:
    """`text` in its style."""
    return f"\x1b[{style}m{text}\x1b[m" if style and text else text


def _as_git_says(value: str | None) -> When:
    """`always`, a false boolean, or anything else (git-config(1), color.ui)."""
    word = (value or "auto").lower()
    if word == "always":
        return When.ALWAYS
    return When.NEVER if word in ("never", "false", "no", "off", "0") else When.AUTO


def _has_capable_terminal() -> bool:
    return os.environ.get("TERM", "") not in ("", "dumb", "unknown")
