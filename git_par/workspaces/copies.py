"""Copy files, links and whole directories from one open directory into another, as they are.

No link is followed, on either side; what is neither file, link nor directory is named and left out.  A file is for its
owner's eyes only from its first byte on, and gets the mode of the original when it is whole; where a file system would let
others read what they cannot read in the original, it stays out.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Literal

from git_par import files
from git_par.workspaces import cow

Why = Literal[
    "exists",
    "not-ignored",
    "no-directory",
    "in-the-way",
    "unreadable",
    "special",
    "repository",
    "exposed",
    "no-links",
]
"""Why something is not brought along."""

_READABLE = stat.S_IRGRP | stat.S_IROTH

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW


@dataclass
class Copying:
    """One run: which directories it stays out of, how far it is, and what it left."""

    closed: frozenset[tuple[int, int]] = frozenset()
    """Device and inode of directories that are never entered."""
    progress: Callable[[int, int], None] = lambda *_: None
    """Is told how many things are copied, and how many are known."""
    left: list[tuple[str, Why]] = field(default_factory=list)
    done: int = 0
    known: int = 0

    def put(self, source: int, name: str, target: int, path: str) -> bool:
        """Copy `name` from the open directory `source` into `target`, where nothing may be called so; whether it was.

        `path` is what it is called when it is left.  A directory stays for its owner only: see `finish`.
        """
        try:
            found = os.lstat(name, dir_fd=source)
            if stat.S_ISLNK(found.st_mode):
                if not link(source, name, target):
                    return self._leave(path, "no-links")
            elif stat.S_ISREG(found.st_mode):
                if not file(source, name, target):
                    return self._leave(path, "exposed")
            elif stat.S_ISDIR(found.st_mode):
                if not self._directory(source, name, target, path):
                    return self._leave(path, "repository")
            else:
                return self._leave(path, "special")
        except FileNotFoundError:
            return False  # it went meanwhile
        except PermissionError:
            return self._leave(path, "unreadable")
        self.done += 1
        self.progress(self.done, self.known)
        return True

    def _leave(self, path: str, why: Why) -> bool:
        self.left.append((path, why))
        return False

    def _directory(self, source: int, name: str, target: int, path: str) -> bool:
        with directory(source, name) as there:
            about = os.fstat(there)
            with os.scandir(there) as found:
                entries = sorted(entry.name for entry in found)
            if (about.st_dev, about.st_ino) in self.closed or ".git" in entries:
                return False
            os.mkdir(name, 0o700, dir_fd=target)
            self.known += len(entries)
            with directory(target, name) as here:
                for entry in entries:
                    if self.put(there, entry, here, f"{path.rstrip('/')}/{entry}"):
                        finish(there, entry, here)
        return True


def file(source: int, name: str, target: int) -> bool:
    """Copy a file; False where the file system would let others read it who cannot read the original."""
    # Not blocking, in case it has become a pipe since it was looked at.
    there = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=source)
    with closing(there):
        cloned = cow.clone_into(there, target, name)
        new = os.O_RDONLY if cloned else os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with closing(os.open(name, new | os.O_NOFOLLOW, 0o600, dir_fd=target)) as here:
            try:
                exposed = os.fstat(here).st_mode & ~os.fstat(there).st_mode & _READABLE
                if not exposed and not cloned:
                    cow.copy(there, here)
                if not exposed:
                    same(there, here)
            except BaseException:
                os.unlink(name, dir_fd=target)
                raise
        if exposed:
            os.unlink(name, dir_fd=target)
    return not exposed


def link(source: int, name: str, target: int) -> bool:
    """Copy a link as the link it is; False where the file system has none."""
    about = os.lstat(name, dir_fd=source)
    if not symlink(os.readlink(name, dir_fd=source), name, target):
        return False
    os.utime(name, ns=(about.st_atime_ns, about.st_mtime_ns), dir_fd=target, follow_symlinks=False)
    return True


def symlink(says: str, name: str, target: int) -> bool:
    """Make a link in the open directory `target`; False where the file system has none."""
    try:
        os.symlink(says, name, dir_fd=target)
    except OSError as error:
        if error.errno not in files.NO_LINKS:
            raise
        return False
    return True


def finish(source: int, name: str, target: int) -> None:
    """Give the copy of a directory its mode and times: it is whole, and has been moved to where it belongs."""
    if stat.S_ISDIR(os.lstat(name, dir_fd=target).st_mode):
        with directory(source, name) as there, directory(target, name) as here:
            same(there, here)


def same(there: int, here: int) -> None:
    """Give the open copy `here` the mode and times of `there`; nobody gets another's rights by it (chmod(2))."""
    about = os.fstat(there)
    narrow(here, stat.S_IMODE(about.st_mode) & 0o777)
    os.utime(here, ns=(about.st_atime_ns, about.st_mtime_ns))


def narrow(here: int, mode: int) -> None:
    """Give the open file or directory `here`, which is for its owner only, its `mode`, as far as the file system has any."""
    with suppress(PermissionError):
        os.fchmod(here, mode)


@contextmanager
def directory(parent: int, name: str) -> Iterator[int]:
    """The directory `name` of the open directory `parent`, open; OSError when it is a link."""
    with closing(os.open(name, _DIRECTORY, dir_fd=parent)) as descriptor:
        yield descriptor


@contextmanager
def closing(descriptor: int) -> Iterator[int]:
    """Close an open file at the end of the block."""
    try:
        yield descriptor
    finally:
        os.close(descriptor)
