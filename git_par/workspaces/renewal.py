"""Files of the main checkout in a spare: what came is remembered, and what is not as it was there is brought anew.

Only what nobody has touched since it came is ever deleted; what somebody wrote stays, and is named as with `git par copy`.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from git_par import files
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.workspaces import bringing, links, untouched
from git_par.workspaces.bringing import Brought
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.spares import Record
from git_par.workspaces.untouched import Came

_SMALL = 1 << 16
"""Bytes up to which files of one size and time are read, to be sure."""


def bring(session: Session, path: Path, record: Record, incoming: Incoming, home: Path) -> tuple[Brought, Record]:
    """Let the spare at `path`, which stands or is to stand at `home`, have what `incoming` says, and that as it is now.

    All that came, earlier or now, and what is to be remembered.
    """
    stays = _drop_stale(path, record, incoming, home)
    brought = bringing.bring(session, path, incoming, home)
    left = {one for one, _ in brought.left}
    linked = tuple(
        (one, links.text(incoming.top, home, one))
        for one in (entry.rstrip("/") for entry in incoming.linked)
        if links.is_ours(incoming.top, home, one, path / one)
    )
    copied = {one.path: one for one in stays}
    copied |= {one.path: one for entry in brought.copied for one in _list(path, entry)}
    came = Brought(
        tuple(one for one in incoming.copied if one in brought.copied or (one not in left and _came(one, copied))),
        tuple(one for one, _ in linked),
        brought.left,
    )
    return came, replace(record, copied=tuple(copied[one] for one in sorted(copied)), linked=linked)


def drop(path: Path, record: Record) -> None:
    """Delete from the spare at `path` all that came and that nobody has touched."""
    for came in record.copied:
        if untouched.is_as_it_came(path, came):
            untouched.delete(path, came.path)
    for one, text in record.linked:
        if untouched.says(path / one) == text:
            untouched.delete(path, one)


def is_like_main(repo: Repo, path: Path, one: str) -> bool:
    """Whether the untracked file or link at `one` in `path` is the same as in the main checkout, or the link to it."""
    if repo.main is None:
        return False
    here, there = path / one, repo.main / one
    if links.is_ours(repo.main, repo.workspaces / "-", one, here):
        return True
    try:
        return _same(there, here, one)
    except OSError:
        return False


def _drop_stale(path: Path, record: Record, incoming: Incoming, home: Path) -> list[Came]:
    """Delete what is not as in the main checkout, or is not wanted any more; what is left of the copies."""
    stays = []
    for came in record.copied:
        if not untouched.is_as_it_came(path, came):
            continue
        try:
            fresh = _is_wanted(incoming, came.path) and _same(incoming.top / came.path, path / came.path, came.path)
        except OSError:
            fresh = False
        if fresh:
            stays.append(came)
        else:
            untouched.delete(path, came.path)
    for one, text in record.linked:
        keep = any(entry.rstrip("/") == one for entry in incoming.linked) and text == links.text(
            incoming.top, home, one
        )
        if not keep and untouched.says(path / one) == text:
            untouched.delete(path, one)
    return stays


def _is_wanted(incoming: Incoming, path: str) -> bool:
    return any(path == one or (one.endswith("/") and path.startswith(one)) for one in incoming.copied)


def _came(entry: str, copied: dict[str, Came]) -> bool:
    return entry in copied or (entry.endswith("/") and any(path.startswith(entry) for path in copied))


def _same(there: Path, here: Path, path: str) -> bool:
    """Whether two files or links are the same in time, size, mode and, as far as that is quickly read, content."""
    one, other = untouched.look(there, path), untouched.look(here, path)
    if one != other:
        return False
    if stat.S_ISLNK(one.mode):
        return there.readlink() == here.readlink()
    return one.size > _SMALL or there.read_bytes() == here.read_bytes()


def _list(path: Path, entry: str) -> Iterator[Came]:
    """All files and links of what was copied as one."""
    if not entry.endswith("/"):
        with suppress(OSError):
            yield untouched.look(path / entry, entry)
        return
    for where, entries in files.walk_directories(path / entry.rstrip("/")):
        for one in entries:
            if not one.is_dir(follow_symlinks=False):
                plain = os.path.relpath(where / one.name, path)
                with suppress(OSError):
                    yield untouched.look(path / plain, plain)
