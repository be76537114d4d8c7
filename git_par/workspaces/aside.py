"""Put a workspace aside, out of everybody's reach, and look again: what would be lost is kept, the rest goes to the trash.

Whatever changed since the first look, or goes wrong before all is kept, brings it back to where it was.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from shlex import quote

from git_par import beside, files
from git_par.errors import ParError, Refused
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import (
    clones,
    hidden_edits,
    kept,
    links,
    nested_repositories,
    reasons,
    regenerable,
    registry,
    secrets,
    status,
    submodules,
    trash,
    usage,
    watcher,
)
from git_par.workspaces.keeping import Keeping
from git_par.workspaces.kept import Keepsake
from git_par.workspaces.reasons import Reason
from git_par.workspaces.status import Status
from git_par.workspaces.submodules import Checkout
from git_par.workspaces.worktree import PRIVATE


def put(repo: Repo, path: Path, keeping: Keeping, patterns: Sequence[str], *, force: bool) -> Keepsake | Reason:
    """Rename the workspace into the kept directory, look again, keep what would be lost and hand the rest to the trash.

    Until the very end everything lies in the kept directory, which nobody sweeps and where nobody looks for it.
    """
    aside = path.parent / PRIVATE / "kept" / keeping.task.slug / keeping.stamp
    place, stay = aside / "workspace", aside / "files"
    entry = registry.admin_dir(repo, path)
    if entry and (watched := registry.checkout(repo, path)):
        watcher.stop(watched, entry)
    try:
        files.private_directory(path.parent / PRIVATE)
        files.private_directory(aside)
        path.rename(place)
    except OSError as error:
        _clear(aside)
        return Reason("unknown", f"'{path}' cannot be moved: {error.strerror}", f"ls -ld {quote(str(path))}")
    try:
        if entry is None:
            raise Refused("its registration is gone")
        is_clone = entry == path / ".git"
        entry = place / ".git" if is_clone else entry
        there = clones.opened(repo, place) if is_clone else repo.checkout(place, entry)
        # Nobody comes in any more, and who is gone by now has written what the look at the files sees.
        if late := usage.users([aside])[aside]:
            raise Refused(f"in use by {late[0].command} (process {late[0].pid})")
        # Their repositories go along with those of a clone.
        inside = submodules.checkouts(there, entry, repo.common, stood=None if is_clone else path)
        modules = _part_with_modules(there, stay) if force else []
        heads = beside.begin(partial(keeping.heads, entry, keeping.refs.get("tip")))
        try:
            moving = (
                _keep_work(there, entry, keeping, patterns) if force else _look(there, entry, inside, keeping, patterns)
            )
        finally:
            heads()
        hidden = [one for one in moving if keeping.secret(one)]
        keepsake = keeping.write(stay if moving or modules else None, hidden, entry if is_clone else None)
        for one in moving:
            files.private_directory((stay / one).parent)
            _move(place / one, stay / one)
        _bring_home(inside, force=force)
        if is_clone:
            entry.rename(aside / kept.REPOSITORY)
        trash.throw(path.parent, place, keeping.task.slug)
    except (OSError, ParError) as error:
        try:
            if (aside / kept.REPOSITORY).is_dir():
                (aside / kept.REPOSITORY).rename(place / ".git")
            _move_back(stay, place)
            place.rename(path)
        except OSError:
            return Reason("in-use", f"{error}, and somebody took its place: all it had is in '{place}'")
        keeping.drop()
        _clear(aside)
        return Reason("in-use", str(error), f"git -C {quote(str(path))} status")
    if not force and not is_clone:  # it is that of the commit
        (entry / "index").unlink(missing_ok=True)
    if not (moving or modules):
        _clear(aside)
    return keepsake


def bring_in(repo: Repo, task: Task) -> bool:
    """Put the workspace of `task` back that a killed removal had put aside; whether there was one.

    Call it under the task's lock.  What was kept of it by then stays kept.
    """
    path = Path(task.path)
    if os.path.lexists(path):
        return False
    entries = registry.entries_for(repo, path)
    newest = next((one.stamp for one in kept.find(repo, task.name)), "")
    for place in sorted((path.parent / PRIVATE / "kept" / task.slug).glob("*/workspace"), reverse=True):
        # An older one is none of this removal, which had already thrown its own away.
        if place.parent.name < newest:
            continue
        own = place.parent / kept.REPOSITORY
        if clones.is_clone(task) and own.is_dir() and not os.path.lexists(place / ".git"):
            own.rename(place / ".git")
        if clones.claims(repo, task, place) or registry.claimed_entry(repo, place, path) in entries:
            _move_back(place.parent / "files", place)
            place.rename(path)
            return True
    return False


def _part_with_modules(there: Git, stay: Path) -> list[str]:
    """Move the submodules aside before git looks at the rest: the way to their repositories is relative, and led from there.

    An empty directory, which is what git takes an absent submodule for, stays in the place of each.
    """
    modules = nested_repositories.submodules(there, there.cwd)
    found = [one for one in modules if (there.cwd / one).is_dir() and not (there.cwd / one).is_symlink()]
    for one in found:
        files.private_directory((stay / one).parent)
        _move(there.cwd / one, stay / one)
        (there.cwd / one).mkdir()
    return found


def _look(there: Git, entry: Path, inside: Sequence[Checkout], keeping: Keeping, patterns: Sequence[str]) -> list[str]:
    """What must be moved aside from a workspace that is still as `reasons` wants it, and from its submodules `inside`."""
    hiding = beside.begin(lambda: hidden_edits.find(there, there.cwd))
    now = status.read(there, untracked="all", ignored=True, seeing=True, submodules=not inside)
    came = secrets.arrivals(entry)
    moving = [*_ignored(there, now, keeping, patterns), *(one for one in now.untracked if one in came)]
    for one in inside:  # by themselves: the way to their repositories is relative, and led from where they were
        if why := reasons.submodule(one, patterns):
            raise Refused(f"submodule '{one.path}': {why}")
        there_now = status.read(one.git, untracked="all", ignored=True, seeing=True, submodules=False)
        ignored = [path for path in there_now.ignored if not regenerable.matches(one.git, path, patterns)]
        moving += [f"{one.path}/{path.rstrip('/')}" for path in ignored]
    if inside and not there.holds("diff-index", "--cached", "--quiet", "--ignore-submodules=none", "HEAD"):
        raise Refused("it was changed while it was being removed")
    moved = keeping.refs.get("tip", now.head) != now.head
    fresh = any(one not in came for one in now.untracked)
    if now.tracked_dirt or hiding() or fresh or now.branch != keeping.task.branch or moved:
        raise Refused("it was changed while it was being removed")
    return moving


def _bring_home(inside: Sequence[Checkout], *, force: bool) -> None:
    """Save the commits of submodules that the repository's own history may name; by force all of it is kept anyway."""
    for one in inside:
        if not one.odd:
            with suppress(*((OSError, ParError) if force else ())):
                submodules.bring_home(one)


def _keep_work(there: Git, entry: Path, keeping: Keeping, patterns: Sequence[str]) -> list[str]:
    """Make commits of what can be one; what must be moved aside."""
    now = status.read(there, untracked="all", ignored=True, seeing=True)
    keeping.index(entry)
    left = [*keeping.work(there, entry), *nested_repositories.find(there, there.cwd, now, patterns)]
    left += keeping.converted(there)
    wanted = sorted({one.rstrip("/") for one in (*left, *_ignored(there, now, keeping, patterns))})
    # What lies in a directory goes with it.
    above = {one: {"/".join(one.split("/")[:count]) for count in range(1, one.count("/") + 1)} for one in wanted}
    return [one for one in wanted if not above[one] & set(wanted)]


def _ignored(there: Git, now: Status, keeping: Keeping, patterns: Sequence[str]) -> list[str]:
    """The ignored files that cannot be made again; what a link of ours leads to stays where it is."""
    top, path = keeping.repo.main, Path(keeping.task.path)
    return [
        one.rstrip("/")
        for one in now.ignored
        if not (regenerable.matches(there, one, patterns) or links.is_ours(top, path, one, there.cwd / one))
    ]


def _move_back(source: Path, target: Path) -> None:
    """Move all that lies in `source` to where it was in `target`; what is there already stays as it is."""
    if not source.is_dir():
        return
    for one in list(source.iterdir()):
        if not os.path.lexists(target / one.name):
            _move(one, target / one.name)
        elif one.is_dir() and not one.is_symlink():
            _move_back(one, target / one.name)
    with suppress(OSError):
        source.rmdir()


def _move(source: Path, target: Path) -> None:
    """Rename a file or directory; a read-only directory has to be writable for as long as that takes (rename(2))."""
    try:
        source.rename(target)
    except PermissionError:
        mode = source.lstat().st_mode
        if not stat.S_ISDIR(mode):
            raise
        source.chmod(stat.S_IMODE(mode) | stat.S_IRWXU)
        try:
            source.rename(target)
        finally:
            (target if target.is_dir() else source).chmod(stat.S_IMODE(mode))


def _clear(aside: Path) -> None:
    """Take away the empty directories of one removal; others may lie beside it."""
    with suppress(OSError):
        aside.rmdir()
        aside.parent.rmdir()
