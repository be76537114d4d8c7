"""Is a git at work that may own a lock?  Judged by the living processes, never by a lock's age."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from git_par import files
from git_par.repo import Repo
from git_par.workspaces import usage
from git_par.workspaces.own_refs import TABLES
from git_par.workspaces.usage import User

if TYPE_CHECKING:
    from psutil import Process

_IDLE = ("fsmonitor--daemon", "credential-cache--daemon")
"""Gits that stay for days and lock nothing."""


def left_behind(repo: Repo, place: Path, git_dir: Path, branch: str) -> dict[Path, files.Identity]:
    """The locks that a git which writes the index and `branch` in the checkout `place` takes, as far as they are there."""
    home = git_dir if git_dir == place / ".git" else repo.common
    locks = [git_dir / name for name in ("index.lock", "ORIG_HEAD.lock", "HEAD.lock")]
    locks += [home / f"refs/heads/{branch}.lock", *(one / TABLES / "tables.list.lock" for one in (home, git_dir))]
    return {lock: seen for lock in locks if (seen := files.identity(lock))}


def release(place: Path, locks: Mapping[Path, files.Identity]) -> bool:
    """Delete `locks`, which a dead git left behind in `place`; False when a living git may own one, and they stay."""
    if locks and of([place], list(locks)):
        return False
    for lock, seen in locks.items():
        if files.identity(lock) == seen:  # tables are everybody's: another may have begun to write them
            lock.unlink(missing_ok=True)
    return True


def of(places: Sequence[Path], locks: Sequence[Path]) -> User | None:
    """A living git that may own one of `locks`: it has one open, or stands in one of `places` (its editor is open).

    One of our own whose directory cannot be read counts, because not knowing means leaving.
    """
    import psutil

    names = {str(lock) for lock in locks}
    ours = usage.calling_chain()
    for process in psutil.process_iter():
        with suppress(psutil.NoSuchProcess, OSError):
            # `git par` only waits for git-par, which takes its turn by locks of its own.
            if process.pid in ours or "par" in _words(process)[1:]:
                continue
            if process.name().startswith("git") and not set(_IDLE).intersection(_words(process)):
                where = _cwd(process)
                if where is None or any(where == place or place in where.parents for place in places):
                    return User(process.pid, process.name())
            with suppress(psutil.Error):
                if any(one.path in names for one in process.open_files()):
                    return User(process.pid, process.name())
    return None


def _words(process: "Process") -> list[str]:
    import psutil

    try:
        return list(process.cmdline())
    except (psutil.AccessDenied, psutil.ZombieProcess):
        return []


def _cwd(process: "Process") -> Path | None:
    """Where a process stands; None when that cannot be told; a dead one raises NoSuchProcess."""
    import psutil

    try:
        return Path(process.cwd())
    except psutil.ZombieProcess:
        raise psutil.NoSuchProcess(process.pid) from None
    except psutil.AccessDenied:
        if process.uids().real != os.getuid():
            return Path("/")
        return None
