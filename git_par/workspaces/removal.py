"""Remove a workspace: the one place of the program that deletes what people worked in.

First every reason to leave it is looked for, and not knowing is one of them.  Then what would be lost is kept, the
directory is renamed away in one step and looked at once more, and only then do registration and branch go.  The bytes go
later, in the background (see `trash`).
"""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.errors import GitFailed, ParError, Refused
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import reasons, registry, status, trash, usage
from git_par.workspaces.reasons import Reason
from git_par.workspaces.worktree import PRIVATE


@dataclass(frozen=True)
class Kept:
    """What a removal saved: a ref for the commits, a directory for the files that were moved aside."""

    ref: str
    files: str | None


def remove(repo: Repo, task: Task, tip: str | None, patterns: Sequence[str]) -> Kept | Reason:
    """Remove workspace, registration and branch of `task`, whose branch stands at `tip` (None: it is gone).

    Call it under the task's lock, when there are no `reasons`.  A change that came between those and the rename brings
    everything back and is returned as a Reason.
    """
    path = Path(task.path)
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
    keep = f"refs/par/kept/{task.slug}/{stamp}"
    if tip:
        repo.git.run("update-ref", "--create-reflog", "-m", "git-par: kept", f"{keep}/tip", tip, "")
    moved = None
    gone = not os.path.lexists(path)
    if not gone:
        aside = path.parent / PRIVATE / "kept" / task.slug / stamp
        entry = registry.admin_dir(repo, path)
        late = _put_aside(repo, task, path, aside, patterns, tip)
        if isinstance(late, Reason):
            if tip:
                repo.git.run("update-ref", "-d", f"{keep}/tip", tip)
            return late
        moved = late
        if entry is None:
            raise GitFailed(f"'{path}': its registration is gone", hint="git worktree list")
    for entry in registry.entries_for(repo, path):
        _keep_registered(repo, entry, tip, keep, index=gone)
    registry.unregister(repo, path)
    if tip and not _checked_out(repo, task):
        _delete_branch(repo, task, tip)
    return Kept(keep, str(moved) if moved else None)


def abandon(repo: Repo, task: Task) -> Reason | None:
    """Take back what a killed `add` left of `task`; why not, when somebody has committed there.

    Call it under the task's lock, which the killed one no longer holds.  Nothing is deleted: files that somebody may have
    put into the half made workspace go to the kept directory with it.
    """
    tip = repo.git.commit(task.ref)
    if tip not in (None, task.placed):
        return Reason("creating", "it was never finished, and has commits", f"git log {task.branch}")
    path = Path(task.path)
    if os.path.lexists(path):
        aside = path.parent / PRIVATE / "kept" / task.slug / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"
        path.rename(files.private_directory(aside) / "workspace")
    registry.unregister(repo, path)
    if tip:
        _delete_branch(repo, task, tip)
    return None


def forget_settings(repo: Repo, branch: str) -> None:
    """Take the section of a deleted branch out of the shared configuration, as `git branch -d` does.

    Under the repository lock; most branches have none, and then the file is not touched.
    """
    section = f"branch.{branch}."
    listed = repo.git.fields("config", "--file", "config", "--null", "--name-only", "--list")
    if any(key.startswith(section) for key in listed) and repo.git.commit(f"refs/heads/{branch}") is None:
        repo.git.run("config", "--file", "config", "--remove-section", f"branch.{branch}", ok=(0, 128))


def _put_aside(
    repo: Repo, task: Task, path: Path, aside: Path, patterns: Sequence[str], tip: str | None
) -> Path | Reason | None:
    """Rename the workspace into the kept directory, look again, move what is to stay and hand the rest to the trash.

    Until the very end everything lies in the kept directory, which nobody sweeps.
    """
    files.private_directory(path.parent / PRIVATE)
    files.private_directory(aside)
    place = aside / "workspace"
    entry = registry.admin_dir(repo, path)
    try:
        path.rename(place)
    except OSError as error:
        with suppress(OSError):
            aside.rmdir()
        return Reason("unknown", f"'{path}' cannot be moved: {error.strerror}", f"ls -ld {quote(str(path))}")
    try:
        if entry is None:
            raise Refused("its registration is gone")
        now = status.read(repo.checkout(place, entry), untracked="all", ignored=True)
        if now.tracked_dirt or now.untracked or now.branch != task.branch or (tip and now.head != tip):
            raise Refused("it was changed while it was being removed")
        there = repo.checkout(place, entry)
        kept = [one for one in now.ignored if not reasons.regenerable(there, one, patterns)]
        if late := usage.users([place])[place]:
            raise Refused(f"in use by {late[0].command} (process {late[0].pid})")
    except (OSError, ParError) as error:
        try:
            place.rename(path)
        except OSError:
            return Reason("in-use", f"{error}, and somebody took its place: all it had is in '{place}'")
        with suppress(OSError):
            aside.rmdir()
        return Reason("in-use", str(error), f"git -C {quote(task.path)} status")
    try:
        for one in kept:
            target = aside / "files" / one
            files.private_directory(target.parent)
            (place / one).rename(target)
    except OSError:
        return aside  # something cannot be moved: then all of it stays there
    trash.throw(path.parent, place, task.slug)
    if kept:
        return aside / "files"
    aside.rmdir()
    with suppress(OSError):  # others may lie there from earlier removals
        aside.parent.rmdir()
    return None


def _keep_registered(repo: Repo, entry: Path, tip: str | None, keep: str, *, index: bool) -> None:
    """Keep the commits that only the registration knows: a detached HEAD, a merge begun, refs/worktree; and the index.

    The index of a workspace that somebody deleted may hold staged work; where the workspace was looked at, it is clean.
    """
    there = Git(repo.common, (f"--git-dir={entry}",))
    found = [there.commit(name) for name in ("HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")]
    found += there.line("for-each-ref", "--format=%(objectname)", "refs/worktree").split()
    for number, commit in enumerate(dict.fromkeys(one for one in found if one and one != tip)):
        name = "head" if number == 0 else f"head-{number + 1}"
        repo.git.run("update-ref", "--create-reflog", "-m", "git-par: kept", f"{keep}/{name}", commit, "")
    if not index or not tip or not (entry / "index").exists():
        return
    tree = there.line("write-tree")
    if tree != repo.git.line("rev-parse", f"{tip}^{{tree}}"):
        commit = there.run("commit-tree", tree, "-p", tip, "-m", "the index of a deleted workspace").out.strip()
        repo.git.run("update-ref", "--create-reflog", "-m", "git-par: kept", f"{keep}/index", commit, "")


def _delete_branch(repo: Repo, task: Task, tip: str) -> None:
    for attempt in range(5):
        # A pack-refs next door makes a delete fail that is fine the next moment.
        if repo.git.run("update-ref", "-d", task.ref, tip, ok=range(256)).code == 0:
            return
        if repo.git.commit(task.ref) != tip:
            return  # somebody moved it: it is theirs now
        time.sleep(0.02 * 2**attempt)
    raise GitFailed(f"{task.branch}: git cannot delete the branch", hint=f"git branch -D {task.branch}")


def _checked_out(repo: Repo, task: Task) -> bool:
    return any(one.branch == task.ref and str(one.path) != task.path for one in registry.worktrees(repo))
