"""Who is fit to be merged: on its branch, nothing in progress, nothing uncommitted that would be left behind."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote

from git_par import beside
from git_par.errors import ParError
from git_par.git import Git
from git_par.landing import ownership
from git_par.landing.planned import Skipped
from git_par.landing.select import Batch, Item
from git_par.names import some
from git_par.state.session import Session
from git_par.workspaces import in_progress, moved, registry, secrets, status

_UNCOMMITTED = "commit them, or have it done with --autocommit, or merge what is committed with --allow-dirty"
_ONE_THREAD = ("-c", "core.preloadIndex=false")
"""Where a processor has a look of its own, threads inside each look only get into each other's way."""


def inspect(
    session: Session,
    batch: Batch,
    tips: Mapping[str, str],
    *,
    allow_dirty: bool,
    allow_foreign: bool,
    into: str | None,
    vetoed: Mapping[str, Skipped],
) -> tuple[list[tuple[Item, str]], list[Skipped], tuple[tuple[str, int], ...]]:
    """Who is fit to be merged, with the tip that will be; who is not, and why; and who has untracked files.

    `vetoed` are branches that are left out already.
    """
    jobs = session.settings.jobs
    lead = _ONE_THREAD if len(batch.items) > jobs else ()
    owning = [] if allow_foreign else [item for item in batch.items if item.task and item.task.owns]
    with beside.pool(jobs) as pool:
        asking = pool.each(lambda item: _strayed(session, batch, item, tips), owning)
        looking = pool.each(lambda item: _look(session, item, tips.get(item.ref), allow_dirty, into, lead), batch.items)
        looks = list(session.followed("looking at workspaces", looking, len(batch.items)))
        strayed = dict(zip((item.branch for item in owning), asking, strict=True))
    ready, left, untracked = [], [], []
    for item, (why, count) in zip(batch.items, looks, strict=True):
        if why := vetoed.get(item.branch, why) or strayed.get(item.branch):
            left.append(why)
            continue
        ready.append((item, tips[item.ref]))
        if count:
            untracked.append((item.name, count))
    return ready, left, tuple(untracked)


def _look(
    session: Session, item: Item, tip: str | None, allow_dirty: bool, into: str | None, lead: tuple[str, ...]
) -> tuple[Skipped | None, int]:
    """Why `item` cannot be merged now, and how many untracked files lie in its workspace.

    A task that another process removes while this one looks was in its base already.  One that git cannot judge is in
    nobody else's way.
    """
    try:
        found = _look_at(session, item, tip, allow_dirty, lead)
    except ParError as error:
        found = Skipped(item, "unknown", f"it cannot be checked: {error.message}", "git par doctor"), 0
    if not _is_removed(session, item):
        return found
    return Skipped(item, "removed", "removed meanwhile", harmless=into is None), 0


def _is_removed(session: Session, item: Item) -> bool:
    if item.task is None:
        return False
    task = session.tasks.get(item.task.name)
    return task is None or task.state == "removing" or task.created != item.task.created


def _look_at(
    session: Session, item: Item, tip: str | None, allow_dirty: bool, lead: tuple[str, ...]
) -> tuple[Skipped | None, int]:
    if tip is None:
        return _gone(session, item), 0
    if item.task is None:
        return None, 0
    path = Path(item.task.path)
    git, directory = registry.checkout(session.repo, path), registry.git_dir(session.repo, path)
    if git is None or directory is None:
        if why := moved.told(session.repo, item.task):  # what lies there uncommitted nobody has looked at
            return Skipped(item, "unknown", why, moved.HINT), 0
        return None, 0  # the branch is all there is
    if busy := in_progress.operation(directory):
        return Skipped(item, "operation", f"{busy} is in progress in it", f"git -C {quote(str(path))} status"), 0
    alone = Git(git.cwd, (*lead, *git.lead))
    now = status.read(alone)
    if now.branch != item.branch:
        on = f"branch '{now.branch}'" if now.branch else "a detached HEAD"
        hint = f"git -C {quote(str(path))} switch {quote(item.branch)}"
        return Skipped(item, "other-branch", f"it is on {on}", hint), 0
    if now.tracked_dirt and not allow_dirty:
        return Skipped(item, "dirty", f"uncommitted changes: {some(now.tracked_dirt)}", _UNCOMMITTED), 0
    return None, _count(alone, directory, now.untracked)


def _count(git: Git, git_dir: Path, untracked: Sequence[str]) -> int:
    """How many of the `untracked` somebody might miss: not what was brought into the workspace."""
    came = secrets.arrivals(git_dir) if untracked else None
    if not came:
        return len(untracked)
    return sum(one not in came for one in status.read(git, untracked="all").untracked)


def _strayed(session: Session, batch: Batch, item: Item, tips: Mapping[str, str]) -> Skipped | None:
    """Why `item` must be left out: its task changed what it does not own."""
    tip = tips.get(item.ref)
    if item.task is None or tip is None:
        return None
    bases = [tips[ref] for name in (batch.base, item.task.base) if (ref := f"refs/heads/{name}") in tips]
    found = ownership.committed(session.repo, item.task, tip, bases)
    return foreign(item, found) if found else None


def foreign(item: Item, paths: Sequence[str]) -> Skipped:
    """`item`, left out because its task changed `paths`, which it does not own."""
    hint = f"git par merge {quote(item.name)} --allow-foreign, or git par set {quote(item.name)} --owns GLOB ..."
    return Skipped(item, "foreign", ownership.said(paths), hint, files=tuple(paths))


def _gone(session: Session, item: Item) -> Skipped:
    """A task without its branch; `git branch -m`, run in the workspace, leaves word of itself in the reflog."""
    what = f"branch '{item.branch}' is gone"
    git = registry.checkout(session.repo, Path(item.task.path)) if item.task else None
    if item.task and git:
        now = status.read(git, untracked="no").branch
        told = git.run("log", "--walk-reflogs", "--format=%gs", "HEAD", "--", ok=range(256)).out if now else ""
        if f"Branch: renamed {item.ref} to refs/heads/{now}" in told.splitlines():
            hint = f"git -C {quote(item.task.path)} branch -m {quote(item.branch)}"
            return Skipped(item, "gone", f"{what}: it was renamed to '{now}'", hint)
    return Skipped(item, "gone", what, hint="see 'git par list'")
