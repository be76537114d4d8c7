"""The three standard streams: who sits there and what can be shown, and how they are taken over and left."""

import os
import shutil
import sys
from contextlib import suppress

from git_par import colour


def width() -> int:
    """How many columns a line of the answer may fill: the terminal's, else what COLUMNS says, else 80."""
    return shutil.get_terminal_size().columns


def has_screen() -> bool:
    """Whether a person can watch a whole terminal and press keys there."""
    return sys.stdin.isatty() and colour.steers(sys.stdout)


def has_terminal() -> bool:
    """Whether a person sits at all three streams."""
    return can_ask() and sys.stdout.isatty()


def can_ask() -> bool:
    """Whether somebody is there to be asked, wherever the answer goes, such as into `$(…)`."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def can_draw() -> bool:
    """Whether talk goes to a terminal that can be drawn on: lines can stay there, while others scroll by above them."""
    return colour.steers(sys.stderr)


def are_one() -> bool:
    """Whether stdout and stderr go to the same place."""
    try:
        return os.path.sameopenfile(sys.stdout.fileno(), sys.stderr.fileno())
    except (OSError, ValueError):
        return False


def as_typed() -> None:
    """Let paths and names that are no valid text go out byte for byte, as they came in.

    A stream that the caller closed becomes /dev/null, lest the next file opened takes its place.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r"))  # noqa: SIM115 (it is there to stay)
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="surrogateescape")


def finish() -> None:
    """Let everything that was said go out, as far as somebody listens."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()


def close_quietly() -> None:
    """The reader of our stdout went away: leave without a complaint from the interpreter."""
    sink = os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, sys.stdout.fileno())
