"""Remove a task's workspace, registration and branch: the one way in which what people worked in is ever deleted.

First every reason to leave it is looked for (see `reasons`), and not knowing is one of them.  Then the directory is renamed
away in one step and looked at once more, and what would be lost is kept (see `aside`); only then do registration and branch
go.  The bytes go later, in the background (see `trash`).
"""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.errors import GitFailed
from git_par.repo import Repo
from git_par.state.tasks import NOT_PLACED, Task
from git_par.workspaces import aside, clones, kept, meeting, moved, registering, registry
from git_par.workspaces.keeping import Keeping
from git_par.workspaces.kept import Keepsake
from git_par.workspaces.reasons import Reason
from git_par.workspaces.worktree import PRIVATE


def remove(
    repo: Repo,
    task: Task,
    tip: str | None,
    patterns: Sequence[str],
    *,
    secret: Callable[[str], bool],
    force: bool = False,
) -> Keepsake | Reason:
    """Remove workspace, registration and branch of `task`, whose branch stands at `tip` (None: it is gone).

    Call it under the task's lock, when there are no `reasons`, or, to `force` it, none that do not yield.  Untracked and
    ignored files that are `secret` go into no commit.  A change that came between those and the rename, and whatever goes
    wrong before all is kept, brings everything back and is returned as a Reason.
    """
    path = Path(task.path)
    keeping = Keeping(repo, task, kept.stamp(), secret, {"tip": tip} if tip else {})
    entries = registry.entries_for(repo, path)
    if os.path.lexists(path):
        outcome = aside.put(repo, path, keeping, patterns, force=force)
        if isinstance(outcome, Reason):
            return outcome
        keepsake = outcome
    else:
        keepsake = keeping.unfinished(tip, entries) or _keep_registered(keeping, entries, tip)
    registering.unregister(repo, path, into=kept.registration(repo, keepsake))
    meeting.unpin(repo, task)
    if tip and not _checked_out(repo, task):
        _delete_branch(repo, task, tip)
    return keepsake


def abandon(repo: Repo, task: Task) -> Reason | None:
    """Take back what a killed `add` left of `task`; why not, when somebody has committed there.

    Call it under the task's lock, which the killed one no longer holds.  A branch that was there before stays.

    Nothing is deleted: files that somebody may have put into the half made workspace go to the kept directory with it.
    """
    if why := moved.told(repo, task):
        return Reason("not-ours", why, moved.HINT)
    path, tip = Path(task.path), None if task.placed == NOT_PLACED else repo.git.commit(task.ref)
    own = clones.tip(repo, task) if clones.is_clone(task) and clones.claims(repo, task, path) else None
    if tip not in (None, task.placed) or own not in (None, task.placed):
        where = f"git -C {quote(task.path)} log" if own else "git log"
        return Reason("creating", "it was never finished, and has commits", f"{where} {task.branch}")
    spare = registry.claimed_entry(repo, path)
    if os.path.lexists(path):
        place = path.parent / PRIVATE / "kept" / task.slug / kept.stamp()
        path.rename(files.private_directory(place) / kept.UNFINISHED)
    registering.unregister(repo, path)
    if spare and registry.lock_reason(spare) == registry.SPARE_LOCK:
        registering.drop(repo, spare)  # it had just come, and its registration did not follow yet
    if tip:
        _delete_branch(repo, task, tip)
    meeting.unpin(repo, task)
    return None


def forget_settings(repo: Repo, branch: str) -> None:
    """Take the section of a deleted branch out of the shared configuration, as `git branch -d` does.

    Under the repository lock; most branches have none, and then the file is not touched.
    """
    section = f"branch.{branch}."
    listed = repo.git.fields("config", "--file", "config", "--null", "--name-only", "--list")
    if any(key.startswith(section) for key in listed) and repo.git.commit(f"refs/heads/{branch}") is None:
        repo.git.run("config", "--file", "config", "--remove-section", f"branch.{branch}", ok=(0, 128))


def _keep_registered(keeping: Keeping, entries: Sequence[Path], tip: str | None) -> Keepsake:
    """Keep what the registration of a workspace knows that somebody deleted: its index may hold staged work."""
    for entry in entries[:1]:
        keeping.heads(entry, tip)
        keeping.index(entry)
    return keeping.write(None)


def _delete_branch(repo: Repo, task: Task, tip: str) -> None:
    for attempt in range(5):
        # A pack-refs next door makes a delete fail that is fine the next moment.
        if repo.git.run("update-ref", "-d", task.ref, tip, ok=range(256)).code == 0:
            return
        if repo.git.commit(task.ref) != tip:
            return  # somebody moved it: it is theirs now
        time.sleep(0.02 * 2**attempt)
    raise GitFailed(f"{task.branch}: git cannot delete the branch", hint=f"git branch -D {quote(task.branch)}")


def _checked_out(repo: Repo, task: Task) -> bool:
    return any(one.branch == task.ref and str(one.path) != task.path for one in registry.worktrees(repo))
