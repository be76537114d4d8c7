"""Replace and delete files safely.

A record is replaced whole or not at all; a tree is deleted without following a link or leaving its file system.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

NO_LINKS = (errno.EPERM, errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK)
"""Why a link cannot be made on a file system that has none, such as FAT (link(2), symlink(2))."""

_DEEPEST = 100


def private_directory(path: Path) -> Path:
    """Make `path` for this user's eyes only (0700), with its parents, when it is not there."""
    if not path.is_dir():
        private_directory(path.parent)
        path.mkdir(mode=0o700, exist_ok=True)
    return path


def replace(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Put `data` into `path` with `mode`: a reader sees the old content or the new, also after a crash.

    Both are whole, so only a name that is new has its directory written out too.
    """
    temporary = _beside(path, data, mode)
    is_new = not os.path.lexists(path)
    try:
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if is_new:
        _sync(path.parent)


def create(path: Path, data: bytes) -> None:
    """Put `data` into the new file `path` (0600); FileExistsError when it is there.

    Where there are no hard links, a kill can leave an empty file.
    """
    temporary = _beside(path, data)
    try:
        try:
            os.link(temporary, path, follow_symlinks=False)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync(path.parent)


def umask() -> int:
    """What this process takes off the mode of a new file, and git with it; it can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def delete_tree(path: Path, rest: Callable[[], None] | None = None) -> None:
    """Delete `path` and all below it, as far as it lies on one file system; links are deleted, not followed.

    `rest` is called after each file.
    """
    try:
        top = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    except NotADirectoryError:
        path.unlink(missing_ok=True)
        return
    except FileNotFoundError:
        return
    try:
        while _empty(top, top, os.fstat(top).st_dev, 0, rest):
            pass
    finally:
        os.close(top)
    path.rmdir()


Identity = tuple[int, int, int]
"""Which file it is, and as of when."""


def identity(path: Path) -> Identity | None:
    """What tells the file `path` from a later one of that name; None when there is none."""
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def walk_directories(path: Path, *, depth: int | None = None) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """Each directory from `path` down, `depth` levels at most, with its entries; links are not followed."""
    waiting = [(path, 0)]
    while waiting:
        directory, level = waiting.pop()
        with os.scandir(directory) as found:
            entries = list(found)
        yield directory, entries
        if depth is None or level < depth:
            below = (entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
            waiting += [(directory / name, level + 1) for name in below]


def mounts_below(path: Path) -> list[str]:
    """The mount points under `path`, from the kernel's table (Linux) or by asking each directory on top."""
    inside = f"{os.path.realpath(path)}/"
    try:
        mounted = mounts()
    except OSError:
        return [entry.path for entry in os.scandir(path) if os.path.ismount(entry.path)]
    return [one.point for one in mounted if f"{one.point}/".startswith(inside)]


class Mount(NamedTuple):
    """A directory `root` of the file system `device`, as it is mounted at `point`."""

    device: str
    root: str
    point: str


def mounts(process: str = "/proc/self") -> list[Mount]:
    """What is mounted where, as a process sees it, by the kernel's table (proc(5)); a later one hides an earlier."""
    with open(f"{process}/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        fields = (line.split(" ") for line in table)
        return [Mount(field[2], _unescaped(field[3]), _unescaped(field[4])) for field in fields]


def _unescaped(point: str) -> str:
    for code, sign in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        point = point.replace(code, sign)
    return point


def _beside(path: Path, data: bytes, mode: int = 0o600) -> Path:
    temporary = path.with_name(f".{path.name[:150]}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if mode != 0o600:
                os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # some file systems cannot
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _empty(directory: int, top: int, device: int, depth: int, rest: Callable[[], None] | None) -> bool:
    """Delete what is in the open `directory`; a read-only directory is made writable first, another device refused.

    What lies too deep for our stack and our open files is brought up to the open directory `top`, and then it is true.
    """
    brought_up = False
    if not os.fstat(directory).st_mode & stat.S_IWUSR:
        os.fchmod(directory, 0o700)
    with os.scandir(directory) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    for name, is_directory in entries:
        if not is_directory:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
            if rest is not None:
                rest()
            continue
        try:
            below = _open_directory(name, directory)
        except FileNotFoundError:
            continue
        try:
            if os.fstat(below).st_dev != device:
                raise OSError(f"'{name}' is another file system")
            if depth == _DEEPEST:
                os.rename(name, f".deep-{os.urandom(8).hex()}", src_dir_fd=directory, dst_dir_fd=top)
                brought_up = True
                continue
            brought_up |= _empty(below, top, device, depth + 1, rest)
        finally:
            os.close(below)
        with suppress(FileNotFoundError):
            os.rmdir(name, dir_fd=directory)
    return brought_up


def _open_directory(name: str, parent: int) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
    try:
        return os.open(name, flags, dir_fd=parent)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=parent)
        return os.open(name, flags, dir_fd=parent)
