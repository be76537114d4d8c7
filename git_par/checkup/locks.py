"""Locks of git whose owner is dead: until they go, git refuses to write what they guard."""

import os
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

from git_par import files
from git_par.checkup.finding import Case, Finding
from git_par.repo import Repo
from git_par.workspaces import clones, owners, registry


def check(case: Case) -> Iterator[Finding]:
    """Every lock file of git that no living git can own."""
    known = {lock: seen for lock in _locks(case.repo) if (seen := files.identity(lock))}
    if known and not _owned(case, list(known)):
        for lock, seen in known.items():
            if files.identity(lock) == seen:
                yield Finding(
                    "git-lock",
                    f"'{lock}' was left by a git that is dead: what it guards cannot be written",
                    "--fix deletes this lock file, after one more look whether a git is at work",
                    mend=partial(_unlock, case, lock, seen),
                )
    pid = case.repo.common / "gc.pid"
    if why := _gc_is_dead(pid):
        yield Finding(
            "git-lock",
            f"'{pid}' was left by a 'git gc' that is dead ({why}), and keeps git from collecting garbage",
            "--fix deletes this file",
            mend=partial(_unlock_gc, pid),
        )


def _owned(case: Case, locks: list[Path]) -> bool:
    return owners.of([case.repo.common, *case.checkouts], locks) is not None


def _locks(repo: Repo) -> Iterator[Path]:
    """The lock files that git makes below the common directory (git's lockfile.h); submodules have their own."""
    flat, deep = [], []
    for home in (repo.common, *(directory for _, directory in clones.living(repo))):
        flat += [home, home / "objects/info", home / "objects/info/commit-graphs", home / "objects/pack"]
        flat += [home / "reftable", home / "info"]
        deep += [home / "refs", home / "logs"]
    for entry in registry.entries(repo):
        flat += [entry, entry / "reftable"]
        deep += [entry / "refs", entry / "logs"]
    for directory in flat:
        with suppress(OSError), os.scandir(directory) as found:
            yield from sorted(Path(one.path) for one in found if _is_lock(one))
    for top in deep:
        with suppress(OSError):
            for directory, found_here in files.walk_directories(top):
                yield from (directory / one.name for one in found_here if _is_lock(one))


def _is_lock(entry: "os.DirEntry[str]") -> bool:
    return entry.name.endswith(".lock") and entry.is_file(follow_symlinks=False)


def _unlock(case: Case, lock: Path, seen: files.Identity) -> None:
    with case.session.locks.repository():
        # Whoever comes after this look finds the lock still there, and makes none.
        if not _owned(case, [lock]) and files.identity(lock) == seen:
            lock.unlink(missing_ok=True)


def _gc_is_dead(pid_file: Path) -> str:
    """Why the gc that wrote `gc.pid` ("PID HOST", git's builtin/gc.c) is gone; empty when it lives or cannot be told."""
    import psutil

    try:
        words = pid_file.read_text(encoding="utf-8", errors="replace").split()
    except OSError:
        return ""
    if len(words) != 2 or not words[0].isdigit():
        return "it says nothing"
    if words[1] != os.uname().nodename:
        return ""
    try:
        name = psutil.Process(int(words[0])).name()
    except (psutil.Error, OverflowError):
        return f"there is no process {words[0]}"
    return "" if name.startswith("git") else f"process {words[0]} is {name}"


def _unlock_gc(pid_file: Path) -> None:
    if _gc_is_dead(pid_file):
        pid_file.unlink(missing_ok=True)
