"""Dotenv files: variables as shells, dotenv readers and container tools read them alike."""

import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path

from git_par import files
from git_par.errors import Refused, UsageError

_PLAIN = re.compile(r"[\w@%+=:,./-]+", re.ASCII)

_ESCAPED = re.compile(r'["\\]')

_DISPUTED = re.compile(r"[\x00-\x1f\x7f]|\$\{")
"""A line end, and what some readers fill in whatever the quotes around it."""


def line(key: str, value: str) -> str:
    """One assignment that all readers agree upon; UsageError when there is none.

    In single quotes everything is itself, but for a backslash before another or at the end.  In double quotes shells and
    readers agree on `\\"` and on `\\\\` only.
    """
    if not value or _PLAIN.fullmatch(value):
        return f"{key}={value}"
    if not _DISPUTED.search(value):
        if "'" not in value and "\\\\" not in value and value[-1] != "\\":
            return f"{key}='{value}'"
        if not re.search(r"[$`]", value):
            return f'{key}="{_ESCAPED.sub(lambda found: chr(92) + found[0], value)}"'
    raise UsageError(
        f"--dotenv: {key} is {value!r}, which readers of such files take differently",
        hint='eval "$(git par env NAME)"',
    )


def update(path: Path, values: Mapping[str, str]) -> None:
    """Set the variables in the file `path`, made when it is not there (0600); all other lines and its mode stay.

    Refused when `path` is a link, which may lead to a file that others share, or no file; OSError when it cannot be written.
    """
    text = "".join(f"{line(key, value)}\n" for key, value in values.items())
    try:
        found = path.lstat()
    except FileNotFoundError:
        files.replace(path, os.fsencode(text))
        return
    if not stat.S_ISREG(found.st_mode):
        what = "a symbolic link, and what it leads to may be shared" if stat.S_ISLNK(found.st_mode) else "no plain file"
        raise Refused(f"--dotenv: '{path}' is {what}", hint="name another file, or '-' to print it")
    before = path.read_bytes()
    after = _merged(before, os.fsencode(text), values)
    if after != before:
        files.replace(path, after, stat.S_IMODE(found.st_mode))


def _merged(before: bytes, ours: bytes, values: Mapping[str, str]) -> bytes:
    """`before` with `ours` where it first sets one of the variables, else at its end, and nowhere else."""
    names = b"|".join(key.encode() for key in values)
    old = re.compile(rb"[ \t]*(?:export[ \t]+)?(?:" + names + rb")[ \t]*=")
    kept: list[bytes] = []
    place = None
    for one in before.splitlines(keepends=True):
        if old.match(one):
            place = len(kept) if place is None else place
        else:
            kept.append(one)
    place = len(kept) if place is None else place
    head, tail = b"".join(kept[:place]), b"".join(kept[place:])
    gap = b"\n" if head and not head.endswith((b"\n", b"\r")) else b""
    return head + gap + ours + tail
