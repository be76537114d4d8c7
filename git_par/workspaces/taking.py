"""Take a spare for a new task, and give it back when the task comes to nothing.

One rename brings it to its place.  From then on it belongs to the task as any half made workspace does, and who comes upon
it after a kill takes it back as one (see `removal.abandon`).
"""

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import registering, registry, renewal, spares, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.spares import Record, Spare

_POINTER = b"version https://git-lfs"
_LARGEST_POINTER = 1024
"""Bytes; see git-lfs's docs/spec.md."""


def take(repo: Repo, spare: Spare, task: Task) -> bool:
    """Let `spare` be the workspace of `task`, whose empty directory and branch are there; whether it could be moved.

    Under the repository lock, and the spare's own.
    """
    path = Path(task.path)
    try:
        spare.path.rename(path)
    except OSError:
        return False
    registering.follow(repo, spare.entry, path)
    repo.checkout(path, spare.entry).run("symbolic-ref", "-m", "git-par: claimed", "HEAD", task.ref)
    registering.lock(spare.entry, registry.reason_for(task.name))
    spares.forget(spare)
    return True


def give_back(session: Session, spare: Spare, task: Task) -> None:
    """Undo `take`, as far as it went: what anybody has in it is his, so nothing is deleted.

    It is ready again when the pool is filled the next time, if it is as it was.
    """
    repo, path = session.repo, Path(task.path)
    record = spare.record
    assert record
    if registry.claimed_entry(repo, path) == spare.entry and not os.path.lexists(spare.path):
        path.rename(spare.path)
    if not spares.is_there(repo, spare):
        return
    spares.opened(repo, spare).run("update-ref", "--no-deref", "HEAD", record.commit)
    registering.follow(repo, spare.entry, spare.path)
    registering.lock(spare.entry, registry.SPARE_LOCK)
    spares.note(spare, replace(record, index=""))


def settle(session: Session, task: Task, spare: Spare, incoming: Incoming | None) -> Brought:
    """Do in the claimed workspace of `task` what could not be done before; what came along."""
    path = Path(task.path)
    record = spare.record or Record(task.placed)
    if record.large:
        _fetch_large(session, path)
    if incoming is None:
        renewal.drop(path, record)
        return Brought()
    return renewal.bring(session, path, record, incoming, path)[0]


def _fetch_large(session: Session, path: Path) -> None:
    """Let git-lfs put its files in the place of their pointers, where the user wants that."""
    repo = session.repo
    if not (repo.setting("filter.lfs.process") or repo.setting("filter.lfs.smudge")):
        return
    if session.settings.values("lfs")[-1:] == ["skip"]:
        return
    git = worktree.opened(repo, path)
    pointers = [one for one in spares.large(git) if _is_pointer(path / one)]
    if pointers:
        for one in pointers:
            (path / one).unlink()
        git.run("checkout-index", "--index", "-z", "--stdin", feed="".join(f"{one}\0" for one in pointers))


def _is_pointer(file: Path) -> bool:
    with suppress(OSError):
        if not file.is_symlink() and file.stat().st_size <= _LARGEST_POINTER:
            return file.read_bytes().startswith(_POINTER)
    return False
