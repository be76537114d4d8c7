"""Commit what stands uncommitted in tasks, before they are merged.

As the user's own `git commit --all` would: hooks run, signatures are made, and no lock of ours is held meanwhile.  Untracked
files go with it, except those that look like secrets.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par import beside, interrupts, names
from git_par.errors import GitFailed, ParError
from git_par.git import Git, Reply
from git_par.landing import fitness, ownership
from git_par.landing.planned import Skipped
from git_par.landing.select import Batch, Item
from git_par.names import some
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.workspaces import in_progress, registry, secrets, status

_INDEX_PATIENCE = 10.0
"""Seconds to wait for an editor or another git to let go of the index of a workspace."""


@dataclass(frozen=True)
class Wish:
    """What was asked for: the message of `-m`, and the options that matter here."""

    text: str | None = None
    signoff: bool = False
    dry_run: bool = False
    allow_foreign: bool = False


@dataclass(frozen=True)
class Work:
    """What is to be committed in one workspace."""

    item: Item
    path: Path
    git_dir: Path
    head: str
    untracked: tuple[str, ...]


def run(session: Session, batch: Batch, wish: Wish, operation: Open) -> dict[str, Skipped]:
    """Commit in every task of `batch` that is fit for it, and say so; by branch, the tasks in which that was refused.

    What is not fit, because an operation is in progress or the workspace is elsewhere, is left for others to report.
    """
    vetoed: dict[str, Skipped] = {}
    with beside.pool(session.settings.jobs) as pool:
        looks = list(pool.each(lambda item: _look(session, item, wish), batch.items))
    for found in looks:
        if isinstance(found, Skipped):
            vetoed[found.item.branch] = found
        elif found and wish.dry_run:
            session.tell(f"{found.item.name}: what is uncommitted would be committed first; the plan is without it")
        elif found:
            try:
                refused = _commit(session, found, wish, operation)
            except GitFailed:
                if found.path.exists():
                    raise
                continue  # removed meanwhile
            if refused:
                vetoed[found.item.branch] = refused
    return vetoed


def _look(session: Session, item: Item, wish: Wish) -> Work | Skipped | None:
    """What is to be committed in the workspace of `item`; None when there is nothing, or nobody may commit there now."""
    if item.task is None:
        return None
    path = Path(item.task.path)
    try:
        git, directory = registry.checkout(session.repo, path), registry.git_dir(session.repo, path)
        if git is None or directory is None or in_progress.operation(directory):
            return None
        now = status.read(git, untracked="all")
    except ParError:
        return None  # removed meanwhile, or damaged: whoever looks at it next says which
    if now.branch != item.branch or now.head is None:
        return None
    if now.unmerged:
        detail = f"unmerged files: {some(now.unmerged)}"
        return Skipped(item, "dirty", detail, f"git -C {quote(str(path))} status")
    # A path that ends with '/' is a repository of its own, which nobody means to be a submodule.
    secret = secrets.of(session.settings, directory)
    fresh = tuple(one for one in now.untracked if not one.endswith("/") and not secret(one))
    if not now.tracked_dirt and not fresh:
        return None
    if not wish.allow_foreign and (found := ownership.uncommitted(git, directory, item.task)):
        strayed = [path for path in found if path in fresh or path not in now.untracked]
        if strayed:
            return fitness.foreign(item, strayed)
    return Work(item, path, directory, now.head, fresh)


def _commit(session: Session, work: Work, wish: Wish, operation: Open) -> Skipped | None:
    """Make one commit; why not, when git or a hook refused it, and the index is as it was."""
    task = work.item.task
    title = task.title if task else None
    text = wish.text or title or f"Work on {work.item.name}"
    # Found by git itself and not named outright, so that hooks see what they see in the user's own commit.
    git = Git(work.path)
    with interrupts.taking_back() as undo:
        if work.untracked:
            undo.callback(_forget, work, git)
            reply = _patiently(work, lambda: git.run(*_ADD, feed="\0".join(work.untracked), ok=range(256)))
            if reply.code:
                return _vetoed(session, work, reply)
        # A title that begins with '#' is no comment, whatever commit.cleanup says.
        options = ["--cleanup=whitespace", *(["--signoff"] if wish.signoff else [])]
        command = ["commit", "--all", "--quiet", "--file=-", *options]
        reply = _patiently(work, lambda: git.run(*command, feed=f"{text}\n", hooks=True, ok=range(256)))
        head = registry.refs(session.repo, work.path).commit(work.item.ref)
        if reply.code == 0 or head != work.head:
            undo.pop_all()
        elif git.run("commit", "--all", "--dry-run", ok=range(256)).code:
            return None  # nothing to commit after all, such as a submodule with edits of its own
        else:
            return _vetoed(session, work, reply)
    operation.entry.ref(work.item.ref, work.head, head, work=True)
    operation.write()
    session.tell(f"{work.item.name}: committed what was uncommitted ({(head or '')[:8]})")
    return None


_ADD = ("--literal-pathspecs", "add", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul")


def _patiently(work: Work, run: Callable[[], Reply]) -> Reply:
    """What `run` ends with, again while an editor or another git holds the index of the workspace for a moment.

    Git takes that lock first, so no hook runs twice.
    """
    deadline = time.monotonic() + _INDEX_PATIENCE
    lock, released = work.git_dir / "index.lock", False
    while True:
        reply = run()
        held = lock.exists()
        # What git still saw may be gone by now: then once more.
        if reply.code != 128 or not (held or (lock.name in reply.err and not released)) or time.monotonic() > deadline:
            return reply
        released = not held
        time.sleep(0.05)


def _forget(work: Work, git: Git) -> None:
    """Make untracked again what was added for the commit that came to nothing."""
    feed = "\0".join(work.untracked) + "\0"
    _patiently(work, lambda: git.run("update-index", "--force-remove", "-z", "--stdin", feed=feed, ok=range(256)))


def _vetoed(session: Session, work: Work, reply: Reply) -> Skipped:
    said = [line for line in map(str.strip, reply.err.splitlines()) if line and not line.startswith("warning:")]
    why = said[0] if said else f"status {reply.code}"
    go = names.going_to(work.path, session.repo.cwd)
    hint = f"{go}git add --all && git commit, then git par merge {quote(work.item.name)}"
    return Skipped(work.item, "vetoed", f"its commit was refused: {why}", hint)
