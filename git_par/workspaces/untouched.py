"""A file that was copied from the main checkout, or a link into it: it is git-par's to delete until somebody touches it."""

import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Came:
    """A file that was copied from the main checkout, as it was then; of a link where it leads."""

    path: str
    time: int
    """When it was changed, in nanoseconds."""
    size: int
    mode: int


def is_as_it_came(path: Path, came: Came) -> bool:
    """Whether nobody has touched the copy `came` in the spare at `path`."""
    try:
        return look(path / came.path, came.path) == came
    except OSError:
        return False


def look(place: Path, path: str) -> Came:
    """The file or link at `place` as it is now; FileNotFoundError when it is none."""
    about = place.lstat()
    if not (stat.S_ISREG(about.st_mode) or stat.S_ISLNK(about.st_mode)):
        raise FileNotFoundError(str(place))
    mode = stat.S_IFMT(about.st_mode) | (0 if stat.S_ISLNK(about.st_mode) else stat.S_IMODE(about.st_mode) & 0o777)
    return Came(path, about.st_mtime_ns, about.st_size, mode)


def says(place: Path) -> str | None:
    """Where the link at `place` leads, as it says; None when there is none."""
    try:
        return os.readlink(place)
    except OSError:
        return None


def delete(path: Path, one: str) -> None:
    """Delete a file or link, and the directories above it that are empty then; through no link."""
    place = path / one
    above = [place.parents[count] for count in range(one.count("/"))]
    if any(directory.is_symlink() for directory in above):
        return
    place.unlink(missing_ok=True)
    with suppress(OSError):
        for directory in above:
            directory.rmdir()
