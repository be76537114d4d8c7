"""Start the merge or rebase that conflicts, in the workspace of its task: only there does its owner solve it.

It is git's own, because only that leaves the index, the markers and the state that `--continue` wants, and lets rerere
record what is solved.
"""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par.errors import Busy, GitFailed, Refused
from git_par.git import Git, Reply
from git_par.landing import bring, message, publish, trees
from git_par.landing.bring import Arrival
from git_par.names import going_to, some
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clones, in_progress, meeting, registry, status

_NO_EDITOR = {"GIT_EDITOR": ":", "GIT_SEQUENCE_EDITOR": ":"}

_INDEX_PATIENCE = 10.0
"""Seconds to wait for an editor or another git to let go of the index of a workspace."""


@dataclass(frozen=True)
class Started:
    """What came of it: the new commit when nothing was left to solve, else None, and markers stand in the workspace."""

    after: str | None


def start(session: Session, one: Arrival) -> Started:
    """Start it; Refused when uncommitted work stands there, or git cannot."""
    task, path = one.task, Path(one.task.path)
    git, directory = registry.checkout(session.repo, path), registry.git_dir(session.repo, path)
    if git is None or directory is None:
        raise GitFailed(f"'{path}': it is gone", hint="see 'git par list'")
    again = f"git par sync{' --rebase' if one.rebase else ''}"
    if dirt := status.read(git, untracked="no").tracked_dirt:
        raise Refused(
            f"{task.name}: it conflicts with {task.base}, and has uncommitted changes: {some(dirt)}",
            hint=f"{going_to(path, session.repo.cwd)}git commit -a, then {again}",
        )
    # Git would overwrite ignored files here, and --no-overwrite-ignore does not hold it back (git-merge(1)).
    if blocked := publish.in_the_way(session.repo, git, one.tip, _coming(session, one)):
        raise Refused(
            f"{task.name}: in the way in '{path}': {some(blocked)}",
            hint=f"move them away, then {again} {quote(task.name)}",
        )
    _await_index(task, path, directory)
    with _with_objects(session, one):
        reply = _rebase(one, git) if one.rebase else _merge(session, one, git)
    if in_progress.operation(directory):
        if one.rebase or not _is_hollow(git):
            return Started(None)
        git.run("merge", "--quit")
    elif reply.code == 0:
        meeting.expect_together(session.repo, task)
        return Started(session.repo.git.commit(task.ref))
    verb = "rebase" if one.rebase else "merge"
    why = next(iter(reply.err.strip().splitlines()), f"exit status {reply.code}")
    raise Refused(
        f"{task.name}: git did not start the {verb}: {why}",
        hint=f"{going_to(path, session.repo.cwd)}git {verb} {quote(task.base)}",
    )


def _await_index(task: Task, path: Path, directory: Path) -> None:
    """Wait until nobody holds the index of the workspace; Busy when that stays so."""
    deadline = time.monotonic() + _INDEX_PATIENCE
    while (directory / "index.lock").exists():
        if time.monotonic() > deadline:
            raise Busy(
                f"{task.name}: another git holds the index of '{path}'",
                hint="wait for it; when none runs there: git par doctor --fix",
            )
        time.sleep(0.05)


def _is_hollow(git: Git) -> bool:
    """Whether a merge is in progress of which nothing is there: a commit would conclude it without what it was to bring.

    Git leaves one behind when it cannot write the index, because another git took hold of that meanwhile.
    """
    now = status.read(git, untracked="no")
    return not now.unmerged and not now.tracked_dirt


@contextmanager
def _with_objects(session: Session, one: Arrival) -> Iterator[None]:
    """See that git finds in a clone what it is to bring there."""
    if not clones.is_clone(one.task):
        yield
        return
    seen = (one.base, bring.shown(session, one), one.start)
    wanted = [commit for commit in seen if commit]
    with meeting.lent(session.repo, Path(one.task.path), *wanted, branch=one.task.base):
        yield
        meeting.pin(session.repo, one.task)


def can_rebase(session: Session, one: Arrival) -> bool:
    """Whether git's own rebase asks no conflict again: it replays what was merged on the way commit by commit."""
    found = session.repo.git.run("rev-list", "--merges", "--max-count=1", one.tip, f"^{one.base}", f"^{_since(one)}")
    return not found.out


def _coming(session: Session, one: Arrival) -> str:
    """What git writes first."""
    if one.rebase:
        return one.base
    bases = bring.bases(session, one)
    return trees.merge(session.repo, one.tip, bring.shown(session, one) or one.base, bases=bases).tree


def _merge(session: Session, one: Arrival, git: Git) -> Reply:
    text = message.merge(session.repo, bring.words(session, one), bring.came_from(one.task), one.base)
    how = ("--no-ff", "--no-edit", "--no-autostash", "--no-squash", "--commit", "--quiet", "-m", text)
    refs = registry.refs(session.repo, git.cwd)
    with _seen_as(refs, one.base, bring.shown(session, one)) as env:
        return git.run("-c", "core.useReplaceRefs=true", "merge", *how, one.base, ok=range(256), hooks=True, env=env)


@contextmanager
def _seen_as(refs: Git, commit: str, shown: str | None) -> Iterator[dict[str, str]]:
    """The environment in which git sees `commit` as `shown`, and calls it by its own name all the same.

    So a real merge finds the merge bases that count, and writes down what it merged.  The replacement stands in a
    namespace that only those look at who are told (git-replace(1), GIT_REPLACE_REF_BASE).
    """
    if shown is None:
        yield {}
        return
    space = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}/"
    refs.run("update-ref", f"{space}{commit}", shown, "")
    try:
        yield {"GIT_REPLACE_REF_BASE": space}
    finally:
        refs.run("update-ref", "-d", f"{space}{commit}", ok=range(256))


def _rebase(one: Arrival, git: Git) -> Reply:
    how = ("--no-autostash", "--no-autosquash", "--no-update-refs", "--no-rebase-merges", "--no-fork-point", "--quiet")
    # The pre-rebase hook has had its say: --no-verify.
    return git.run(
        "rebase", "--no-verify", *how, "--onto", one.base, _since(one), ok=range(256), hooks=True, env=_NO_EDITOR
    )


def _since(one: Arrival) -> str:
    """What git's rebase leaves out: what landed before, else what the base has."""
    return one.start or one.base
