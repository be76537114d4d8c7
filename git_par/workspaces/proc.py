"""Processes as Linux tells of them in /proc (proc(5)): the answers of `by_psutil`, many times as fast.

One that ends while it is looked at raises ProcessLookupError or FileNotFoundError, one that cannot be read PermissionError.
"""

import errno
import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress

from git_par.errors import Refused
from git_par.workspaces import namespaces

IS_HERE = sys.platform.startswith("linux")
"""Whether this is a system that tells it so."""

_DELETED = " (deleted)"
"""What Linux puts behind the path of what is not there any more."""


_ENDING = 0x4
"""The flag of a thread that has begun to end (PF_EXITING)."""


def numbers() -> list[int]:
    """All processes of the machine that can be seen from here; Refused where /proc does not tell even of us."""
    if not os.path.lexists("/proc/self"):
        raise Refused(
            "/proc: it does not tell of processes, so nobody knows who uses what", hint="mount -t proc proc /proc"
        )
    return sorted(int(name) for name in _names("/proc") if name.isdigit())


def places(number: int, counts: Callable[[str], bool]) -> list[str]:
    """Where a process is at work, as far as that `counts`: its working directory, its root, the files it writes.

    Of one that has ended and was not reaped Linux tells nothing, or lets nobody look; threads may outlive the first one.
    """
    home = f"/proc/{number}"
    try:
        return _places(home, counts)
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        if not _has_ended(home):
            raise
        threads = (f"{home}/task/{name}" for name in _names(f"{home}/task"))
        living = next((one for one in threads if not _has_ended(one)), None)
        return _places(living, counts) if living else []


def _places(home: str, counts: Callable[[str], bool]) -> list[str]:
    names = namespaces.names(home)
    standing = [_link(f"{home}/cwd")]
    with suppress(OSError):
        standing.append(_link(f"{home}/root"))
    found = [place for path in standing for place in map(_there, names(path)) if counts(place)]
    for descriptor in _names(f"{home}/fd"):
        try:
            for path in names(_link(f"{home}/fd/{descriptor}")):
                if counts(path) and _is_file(_there(path)) and _is_written(f"{home}/fdinfo/{descriptor}"):
                    found.append(path)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it was closed since
        except OSError as error:
            if error.errno != errno.EINVAL:
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
    name, rest = _facts(f"/proc/{number}")
    return os.fsdecode(name), int(rest[1]), int(rest[19])


def _has_ended(home: str) -> bool:
    """Whether a process, or a thread, runs nothing any more."""
    return bool(int(_facts(home)[1][6]) & _ENDING)


def _facts(home: str) -> tuple[bytes, list[bytes]]:
    """The name of a process or thread, and what Linux tells of it from its state on."""
    with open(f"{home}/stat", "rb") as file:
        text = file.read()
    return text[text.index(b"(") + 1 : text.rindex(b")")], text[text.rindex(b")") + 2 :].split()


def _link(name: str) -> str:
    """Where a link of /proc leads; PermissionError when that is too long to be told."""
    try:
        return os.readlink(name)
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            raise PermissionError(error.errno, error.strerror, name) from None
        raise


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
