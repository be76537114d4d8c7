"""Heal a publish that was cut off: the checkout becomes exactly what it was, and no edit is lost.

Inside a fast-forward or a `reset --keep` git writes first the files, then the index, then the branch (read-tree -m -u,
update-ref).  Killed before the last step it leaves files of both sides, perhaps one half written, an old or new index and
its `index.lock`, and refuses to go on.  So each publish is announced on disk first.  When the announcement is still there
and the base's lock is free, publisher and git are dead: every path that differs between the two commits was clean then, so
what holds the content of either may be put back, and anything else is copied aside before it is.
"""

import os
import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from git_par import files
from git_par.git import Git
from git_par.repo import Repo
from git_par.state import announce
from git_par.state.announce import Announcement
from git_par.state.locks import Locks
from git_par.state.tasks import Tasks
from git_par.workspaces import owners, registry
from git_par.workspaces.worktree import PRIVATE


@dataclass(frozen=True)
class _Path:
    """A path that the publish writes, with its blob (None: not there) on either side."""

    name: str
    modes: tuple[str, str]
    blobs: tuple[str | None, str | None]


def heal(repo: Repo, locks: Locks, tell: Callable[[str], None]) -> None:
    """Bring every checkout whose publish was cut off back to what it was before."""
    for file in announce.pending(repo):
        try:
            cut_off = announce.read(file)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            tell(f"'{file}': a cut-off publish that cannot be read ({error}); left as it is")
            continue
        if locks.is_held("base", cut_off.base):
            continue  # it is under way
        with locks.base(cut_off.base):
            if file.exists() and restore(repo, cut_off, tell):
                file.unlink(missing_ok=True)


def restore(repo: Repo, cut_off: Announcement, tell: Callable[[str], None]) -> bool:
    """Whether the checkout is whole again, or was, or is gone for good."""
    place = Path(cut_off.checkout)
    checkout, directory = registry.checkout(repo, place), registry.git_dir(repo, place)
    if checkout is None or directory is None:
        return not _is_expected(repo, place)
    if registry.refs(repo, place).commit(f"refs/heads/{cut_off.base}") != cut_off.before:
        return True  # the branch moves last, so the files had all moved; or somebody went on from here
    if checkout.commit(cut_off.after) is None:
        return True  # a clone that was not even given the commit
    if not owners.release(place, owners.left_behind(repo, place, directory, cut_off.base)):
        tell(f"{cut_off.base}: another git is at work in '{place}'; a cut-off merge there is healed after it")
        return False
    paths = _paths(checkout, cut_off.before, cut_off.after)
    touched = _touched(checkout, place, paths)
    if touched is None:
        return True
    for path in touched:
        aside = repo.workspaces / PRIVATE / "kept" / ".torn" / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}" / path.name
        _copy(place / path.name, aside)
        tell(f"'{place / path.name}': a copy of what stood there is in '{aside}'")
    _put_back(checkout, place, paths, cut_off.before)
    tell(f"{cut_off.base}: a merge that was cut off in '{place}' is taken back")
    return True


def _is_expected(repo: Repo, place: Path) -> bool:
    """Whether a checkout that is not found at `place` may be there again: it is only out of reach, or its link is broken."""
    tasks = Tasks(repo, lambda _: None).all()
    return bool(registry.entries_for(repo, place)) or any(Path(task.path) == place for task in tasks)


def is_torn(checkout: Git, place: Path, before: str, after: str) -> bool:
    """Whether git has written some of the way from one commit to the other."""
    for path in _paths(checkout, before, after):
        blob = _blob(checkout, place / path.name)
        if blob != path.blobs[0] and (blob in (path.blobs[1], None) or _is_begun(checkout, place, path)):
            return True
    return False


def _is_begun(checkout: Git, place: Path, path: _Path) -> bool:
    """Whether a file holds the beginning of what git was to write: the disk was full."""
    file = place / path.name
    if path.blobs[1] is None or file.is_symlink() or not file.is_file():
        return False
    return os.fsencode(checkout.run("cat-file", "blob", path.blobs[1], ok=(0, 128)).out).startswith(file.read_bytes())


def differing(checkout: Git, place: Path, before: str, after: str) -> list[str]:
    """The paths between the two commits that do not stand as in the first."""
    return [
        path.name for path in _paths(checkout, before, after) if _blob(checkout, place / path.name) != path.blobs[0]
    ]


def _paths(checkout: Git, before: str, after: str) -> list[_Path]:
    fields = iter(checkout.fields("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", before, after))
    found = []
    for field in fields:
        old_mode, new_mode, old, new, _ = field.removeprefix(":").split(" ")
        blobs = (old if old.strip("0") else None, new if new.strip("0") else None)
        found.append(_Path(next(fields), (old_mode, new_mode), blobs))
    return found


def _touched(checkout: Git, place: Path, paths: Sequence[_Path]) -> list[_Path] | None:
    """The paths that hold neither side's content; None when all, and the index, stand as before."""
    before = True
    torn = []
    for path in paths:
        blob = _blob(checkout, place / path.name)
        if blob == path.blobs[0]:
            continue
        before = False
        if blob is not None and blob != path.blobs[1]:
            torn.append(path)
    staged = checkout.fields("diff-index", "--cached", "--name-only", "-z", "--no-renames", "HEAD", "--")
    if before and not {path.name for path in paths}.intersection(staged):
        return None
    return torn


def _blob(checkout: Git, file: Path) -> str | None:
    """The blob that git would make of what stands at `file`; None when nothing does, '' for what is no file."""
    if file.is_symlink():
        return checkout.line("hash-object", "--stdin", feed=os.readlink(file))
    if file.is_file():
        return checkout.line("hash-object", "--", str(file))
    return "" if os.path.lexists(file) else None


def _put_back(checkout: Git, place: Path, paths: Sequence[_Path], before: str) -> None:
    """Files and index of `paths` as they are in `before`."""
    added = [path.name for path in paths if path.blobs[0] is None]
    for name in added:
        with suppress(FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError):
            (place / name).unlink()
        _remove_empty(place, (place / name).parent)
    listed = "".join(f"{name}\0" for name in added)
    if added:
        checkout.run("update-index", "-z", "--force-remove", "--stdin", feed=listed)
    stood = [path.name for path in paths if path.blobs[0] is not None]
    # What a sparse checkout leaves out is in the index only, and `git checkout` does not know its name.
    sparse = {one[2:] for one in checkout.fields("ls-files", "-t", "-z") if one.startswith("S ")} if stood else set()
    unseen = [name for name in stood if name in sparse and not os.path.lexists(place / name)]
    if unseen:
        listed = "".join(f"{name}\0" for name in unseen)
        how = ("reset", "--quiet", before, "--pathspec-from-file=-", "--pathspec-file-nul")
        checkout.run(*how, feed=listed, env={"GIT_LITERAL_PATHSPECS": "1"})
    wanted = "".join(f"{name}\0" for name in stood if name not in unseen)
    if wanted:
        checkout.run(
            *("checkout", "--quiet", "--no-overlay", before, "--pathspec-from-file=-", "--pathspec-file-nul"),
            feed=wanted,
            env={"GIT_LITERAL_PATHSPECS": "1"},
        )
    checkout.run("update-index", "-q", "--refresh", ok=(0, 1))


def _remove_empty(place: Path, directory: Path) -> None:
    while directory != place and place in directory.parents:
        try:
            directory.rmdir()
        except OSError:
            return
        directory = directory.parent


def _copy(source: Path, target: Path) -> None:
    files.private_directory(target.parent)
    if source.is_symlink():
        target.symlink_to(os.readlink(source))
    elif source.is_file():
        shutil.copy2(source, target)
    elif source.is_dir():
        shutil.copytree(source, target, symlinks=True)
