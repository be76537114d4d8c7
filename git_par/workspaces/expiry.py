"""Sweep what removals kept: only when somebody asks for it, and only what is old enough."""

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from git_par.parent import link
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.workspaces import clones, kept, registering, registry, trash
from git_par.workspaces.kept import Keepsake
from git_par.workspaces.worktree import PRIVATE


def old(session: Session, before: datetime) -> Iterator[Keepsake]:
    """What was kept before that time, oldest first; what a removal has yet to finish, or has no time, is not old."""
    removing = {task.name for task in session.tasks.all() if task.state == "removing"}
    for keepsake in reversed(kept.find(session.repo)):
        time = kept.time(keepsake.stamp)
        if time is not None and time < before and keepsake.task.name not in removing:
            yield keepsake


def sweep(session: Session, keepsake: Keepsake) -> None:
    """Give up a keepsake: its operation expires, then its files, refs and record go.

    The record goes last, so that a sweep that was killed is finished by the next.
    """
    repo = session.repo
    with session.locks.task(keepsake.task.name):
        session.journal.expire(keepsake.stamp)
        if keepsake.files and _is_ours(keepsake, keepsake.files):
            workspaces = keepsake.files.parents[4]
            _throw(workspaces, keepsake.files, f"{keepsake.task.slug}-kept")
            trash.sweep_later(workspaces)
        _drop_registration(repo, keepsake)
        if keepsake.refs:
            lines = "".join(f"delete {keepsake.ref}/{name}\0{commit}\0" for name, commit in keepsake.refs.items())
            repo.git.run("update-ref", "--stdin", "-z", feed=lines)
        record = kept.record_file(repo, keepsake.task.slug, keepsake.stamp)
        record.unlink(missing_ok=True)
        with suppress(OSError):
            record.parent.rmdir()


def sweep_unfinished(session: Session, before: datetime) -> None:
    """Throw away the half made workspaces that were put aside before that time."""
    workspaces = session.repo.workspaces
    for place in list((workspaces / PRIVATE / "kept").glob(f"*/*/{kept.UNFINISHED}")):
        time = kept.time(place.parent.name)
        # Another repository may have its workspaces here too.
        told = link(place / ".git")
        entry = registry.claimed_entry(session.repo, place, workspaces / place.name)
        ours = entry or (told and told.parent == session.repo.common)
        if time is not None and time < before and ours:
            _throw(workspaces, place, f"{place.parent.parent.name}-{kept.UNFINISHED}")
    trash.sweep_later(workspaces)


def _drop_registration(repo: Repo, keepsake: Keepsake) -> None:
    directory = kept.registration(repo, keepsake)
    if not clones.is_clone(keepsake.task):
        registering.drop(repo, directory)
    elif directory.is_dir() and os.path.realpath(directory) == str(directory):
        workspaces = directory.parents[4]
        _throw(workspaces, directory, f"{keepsake.task.slug}-{kept.REPOSITORY}")
        trash.sweep_later(workspaces)


def _throw(workspaces: Path, place: Path, name: str) -> None:
    """Throw away what was kept in `place`, and the directories of its removal and its task when nothing else is in them."""
    trash.throw(workspaces, place, name)
    with suppress(OSError):  # others may lie there
        place.parent.rmdir()
        place.parent.parent.rmdir()


def _is_ours(keepsake: Keepsake, files: Path) -> bool:
    """Whether `files` is the very directory that a removal makes for this keepsake."""
    own = (PRIVATE, "kept", keepsake.task.slug, keepsake.stamp, "files")
    return files.parts[-5:] == own and os.path.realpath(files) == str(files)
