"""The branch of a task with a clone stands in two repositories: bring the parent's up to the clone's, and back.

Who works in the clone moves its branch; git-par moves both.  `agreed` under `refs/par/clone/<slug>/` is where the two stood
when git-par saw them last, so that one that moved can be told from two.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from git_par import beside, git
from git_par.errors import Refused
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clone, clones, moved, registry, taking_over
from git_par.workspaces.clone import SHARED

_FETCH = (
    *("-c", "fetch.prune=false", "-c", "fetch.recurseSubmodules=false"),
    *("-c", "fetch.writeCommitGraph=false", "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap="),
    *("--no-recurse-submodules", "--no-auto-maintenance", "--no-prune", clone.SERVING),
)
_KEPT_NOTE = "git-par: kept"


@dataclass(frozen=True)
class Apart:
    """Why the two cannot be brought together, and what is to be run about it."""

    detail: str
    hint: str


def catch_up(repo: Repo, task: Task) -> Apart | None:
    """Let the parent's branch of `task` stand where the clone's stands; why not, when it cannot.

    By fast-forward, and with the old value.  Where the clone's commits were made again, and the parent's branch has not
    moved of its own, that follows too, and what it had is kept.  A workspace that is no clone, or is gone, is as it is.
    """
    if not clones.is_clone(task) or clones.git_dir(repo, Path(task.path)) is None:
        return None
    there, here = clones.tip(repo, task), repo.git.commit(task.ref)
    pin(repo, task)
    if there is None or there == here:
        return None
    if places := [one.path for one in _elsewhere(repo, task)]:
        where = quote(str(places[0]))
        return Apart(
            f"its branch '{task.branch}' is checked out in '{places[0]}' too", f"git -C {where} switch --detach"
        )
    with brought(repo, Path(task.path), {"tip": task.ref}) as came:
        there = came["tip"]
        forward = here is None or repo.git.holds("merge-base", "--is-ancestor", here, there)
        if not forward and here != agreed(repo, task):
            return _apart(repo, task, here or "", there)
        lines = f"update {task.ref}\0{there}\0{here or ''}\0update {_agreed(task)}\0{there}\0\0"
        if here and not forward:
            keep = f"refs/par/kept/{task.slug}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}/tip"
            lines += f"create {keep}\0{here}\0"
        note = f"git-par: as in its clone '{task.path}'"
        reply = repo.git.run("update-ref", "--create-reflog", "-m", note, "--stdin", "-z", feed=lines, ok=range(256))
        if reply.code and repo.git.commit(task.ref) != there:  # else another process has just done the same
            raise git.failed(["update-ref"], reply)
    return None


def missing(repo: Repo, task: Task) -> Apart | None:
    """Why nobody knows where the branch of `task` stands: its clone is not where it should be.

    One that was deleted has left nothing but the parent's branch, which counts then.
    """
    path = Path(task.path)
    if not clones.is_clone(task) or clones.git_dir(repo, path):
        return None
    if os.path.lexists(path):
        return Apart(f"'{path}' is not the clone that was made for it", "git par doctor")
    if why := moved.told(repo, task):
        return Apart(why, moved.HINT)
    return None


def reach(repo: Repo, task: Task) -> Apart | None:
    """Bring the two together, of a task whose work is asked for; why not, also when its clone is not found."""
    return missing(repo, task) or catch_up(repo, task)


def expect_together(repo: Repo, task: Task) -> None:
    """Bring the two together, or Refused."""
    if why := reach(repo, task):
        raise Refused(f"{task.name}: {why.detail}", hint=why.hint)


def catch_up_all(session: Session, tasks: Sequence[Task]) -> dict[str, Apart]:
    """Bring all of `tasks` together with their clones, a few at a time; by name, those that cannot be."""
    wanted = [task for task in tasks if clones.is_clone(task)]
    if not wanted:
        return {}
    with beside.pool(session.settings.jobs) as pool:
        found = pool.each(lambda task: reach(session.repo, task), wanted)
        looked = session.followed("fetching from clones", found, len(wanted))
        return {task.name: why for task, why in zip(wanted, looked, strict=True) if why}


def catch_up_branch(session: Session, branch: str | None) -> None:
    """Bring the task together whose branch `branch` is, if it is one; Refused when that cannot be."""
    for task in session.tasks.all():
        if task.branch == branch:
            expect_together(session.repo, task)


def apart(repo: Repo, task: Task) -> Apart | None:
    """Why a `catch_up` would not bring the two together, told by a `repo` that sees the clones (see `clones.seeing`)."""
    there = dict(repo.git.seen).get(task.ref)
    here = repo.git.line("for-each-ref", "--format=%(objectname)", task.ref)
    if not there or not here or there == here or here == agreed(repo, task):
        return None
    return None if repo.git.holds("merge-base", "--is-ancestor", here, there) else _apart(repo, task, here, there)


def agreed(repo: Repo, task: Task) -> str:
    """Where the two stood when git-par saw them last: at first where the task was made."""
    return repo.git.commit(_agreed(task)) or task.placed


def follow(repo: Repo, task: Task, before: str, after: str, note: str) -> None:
    """Let the parent's branch go where a publish has just taken the clone's."""
    lines = f"update {task.ref}\0{after}\0{before}\0update {_agreed(task)}\0{after}\0\0"
    # Where that is refused because it moved as well, the next look at the two says so.
    repo.git.run("update-ref", "-m", note, "--stdin", "-z", feed=lines, ok=range(256))


@contextmanager
def brought(repo: Repo, place: Path, refs: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The objects of some `refs` of the clone at `place`, in the parent and pinned there while the block runs.

    `refs` are by short names of one's own; what comes back are their commits, each when the clone has it.
    """
    space = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}"
    specs = [f"{ref}:{space}/{name}" for name, ref in refs.items()]
    try:
        repo.git.run(*_FETCH, "--", str(place), *specs, env=clone.BETWEEN)
        listed = repo.git.line("for-each-ref", "--format=%(objectname) %(refname)", space).splitlines()
        yield {ref.removeprefix(f"{space}/"): commit for commit, _, ref in (one.partition(" ") for one in listed)}
    finally:
        _drop(repo.git, space)


@contextmanager
def given(repo: Repo, place: Path, commit: str) -> Iterator[None]:
    """A `commit` of the clone at `place`, whatever names it there, in the parent and pinned there while the block runs."""
    there, ref = clones.opened(repo, place), f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}"
    there.run("update-ref", ref, commit, "")
    try:
        with brought(repo, place, {"given": ref}):
            yield
    finally:
        there.run("update-ref", "-d", ref, ok=range(256))


@contextmanager
def lent(repo: Repo, place: Path, *commits: str, branch: str | None = None) -> Iterator[None]:
    """The objects of some `commits` of the parent, in the clone at `place` and pinned there while the block runs.

    Its remote-tracking ref of `branch` is brought up to date with them.
    """
    space = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}"
    there = clones.opened(repo, place)
    create = "".join(f"create {space}/{number}\0{commit}\0" for number, commit in enumerate(commits))
    specs = [f"{space}/*:{space}/*"]
    if branch and repo.git.commit(f"refs/heads/{branch}"):
        specs.append(f"+refs/heads/{branch}:refs/remotes/{taking_over.REMOTE}/{branch}")
    try:
        repo.git.run("update-ref", "--stdin", "-z", feed=create)
        there.run(*_FETCH, "--", str(repo.common), *specs, env=clone.BETWEEN)
        yield
    finally:
        _drop(repo.git, space)
        _drop(there, space)


def pin(repo: Repo, task: Task) -> None:
    """Hold in the parent all that the refs of a clone reach, when that has no objects of its own."""
    if task.isolation != SHARED:
        return
    space = f"{clones.PINS}/{task.slug}"
    specs = (f"+HEAD:{space}/HEAD", f"+refs/*:{space}/refs/*", "^refs/par/*")
    repo.git.run(*_FETCH, "--", str(task.path), *specs, ok=range(256), env=clone.BETWEEN)


def pin_start(repo: Repo, task: Task) -> None:
    """Pin where a clone starts, before it borrows that; from then on this is where the two stood together."""
    repo.git.run("update-ref", _agreed(task), task.placed)


def unpin(repo: Repo, task: Task) -> None:
    """The clone is gone, and what was pinned for it is not borrowed any more."""
    if clones.is_clone(task):
        _drop(repo.git, f"{clones.PINS}/{task.slug}")


def _elsewhere(repo: Repo, task: Task) -> list[registry.Worktree]:
    return [one for one in registry.worktrees(repo) if one.branch == task.ref and str(one.path) != task.path]


def _apart(repo: Repo, task: Task, here: str, there: str) -> Apart:
    """The clone's owner brings the two together, as with any remote."""
    how = "--ff-only" if repo.git.holds("merge-base", "--is-ancestor", there, here) else "--no-rebase"
    return Apart(
        f"its branch stands at {here[:8]} here and at {there[:8]} in its clone",
        f"git -C {quote(task.path)} pull {how} {taking_over.REMOTE} {quote(task.branch)}",
    )


def _agreed(task: Task) -> str:
    return f"{clones.PINS}/{task.slug}/agreed"


def _drop(where: Git, space: str) -> None:
    refs = where.line("for-each-ref", "--format=%(refname)", space).splitlines()
    if refs:
        lines = "".join(f"delete {ref}\0\0" for ref in refs)
        where.run("update-ref", "--stdin", "-z", feed=lines, ok=range(256))
