"""Processes as Linux tells of them in /proc (proc(5)): the answers of `by_psutil`, many times as fast.

One that ends while it is looked at raises ProcessLookupError or FileNotFoundError, one that cannot be read PermissionError.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

IS_HERE = sys.platform.startswith("linux")
"""Whether this is a system that tells it so."""

_DELETED = " (deleted)"
"""What Linux puts behind the path of what is not there any more."""


def numbers() -> list[int]:
    """All processes of the machine that can be seen from here."""
    return sorted(int(name) for name in _names("/proc") if name.isdigit())


def places(number: int, counts: Callable[[str], bool]) -> list[str]:
    """Where a process is at work, as far as that `counts`: its working directory, its root, the files it writes."""
    home = f"/proc/{number}"
    found = []
    with suppress(FileNotFoundError, ProcessLookupError):  # a thread of the kernel stands nowhere, and a zombie
        found.append(_there(os.readlink(f"{home}/cwd")))
    with suppress(OSError):
        found.append(os.readlink(f"{home}/root"))
    found = [place for place in found if counts(place)]
    for descriptor in _names(f"{home}/fd"):
        try:
            path = os.readlink(f"{home}/fd/{descriptor}")
            if counts(path) and _is_file(_there(path)) and _is_written(f"{home}/fdinfo/{descriptor}"):
                found.append(path)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it was closed since
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENAMETOOLONG):
                raise
    if found:
        os.stat(home)
    return found


def is_ours(number: int) -> bool:
    """Whether a process belongs to this user; no, when that cannot be told."""
    try:
        with open(f"/proc/{number}/status", "rb") as lines:
            return int(next(line for line in lines if line.startswith(b"Uid:")).split()[1]) == os.getuid()
    except (OSError, ValueError, StopIteration):
        return False


def parents() -> Iterator[tuple[int, str]]:
    """The processes above this one, the nearest first, each with the first 15 bytes of its name."""
    with suppress(OSError):
        _, above, began = _origin(os.getpid())
        while True:
            number = above
            name, above, earlier = _origin(number)
            if earlier > began:
                return  # the parent is gone, and its number was given to another
            began = earlier
            yield number, name


def _origin(number: int) -> tuple[str, int, int]:
    """A process's name, its parent, and when it began, in ticks since the start of the machine."""
    with open(f"/proc/{number}/stat", "rb") as file:
        text = file.read()
    name, rest = text[text.index(b"(") + 1 : text.rindex(b")")], text[text.rindex(b")") + 2 :].split()
    return os.fsdecode(name), int(rest[1]), int(rest[19])


def _names(directory: str) -> list[str]:
    with os.scandir(directory) as entries:
        return [entry.name for entry in entries]


def _there(path: str) -> str:
    """Where a file or directory is, or was."""
    return path if not path.endswith(_DELETED) or os.path.lexists(path) else path.removesuffix(_DELETED)


def _is_file(path: str) -> bool:
    """Whether there is a file; PermissionError when nobody can tell."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except PermissionError:
        raise
    except OSError:
        return False


def _is_written(about: str) -> bool:
    """Whether a descriptor is open for writing, by what /proc has about it: its second line has the flags of open(2)."""
    with open(about, "rb") as lines:
        next(lines)
        return int(next(lines).split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
