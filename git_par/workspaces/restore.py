"""Bring back what a removal kept: the task, its branch and its workspace, with all that was in it.

What is kept stays kept, so that it can be brought back again.  How it comes into the new workspace, `unpacking` has.
"""

import os
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote

from git_par import interrupts
from git_par.errors import UsageError
from git_par.repo import Repo
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    claims,
    clone,
    clones,
    isolation,
    kept,
    meeting,
    own_refs,
    ports,
    registering,
    registry,
    unpacking,
    worktree,
)
from git_par.workspaces.kept import Keepsake


def bring_back(session: Session, keepsake: Keepsake, operation: Open, *, name: str | None = None) -> Task:
    """Make the task of `keepsake` again, as it was, under another `name` if given; its record.

    Call it without any lock of a task or of the repository.  UsageError when name or branch are taken or nothing of the
    branch was kept; whatever fails, all that was made is taken back, in `operation` too.
    """
    repo = session.repo
    with ExitStack() as busy, interrupts.taking_back() as undo:
        with session.locks.repository():
            task, tip = _plan(session, keepsake, name)
            busy.enter_context(session.locks.every_task([*{task.name, keepsake.task.name}]))
            with interrupts.held():  # each step and how it is undone belong together
                task = replace(task, path=str(_reserve(repo, task, keepsake.task)))
                undo.callback(isolation.take_back, repo, task)
                operation.entry.task(None, task)
                operation.entry.ref(task.ref, None, tip)
                undo.callback(_forget, operation, task)
                operation.write()
                session.tasks.add(task)
                undo.callback(session.tasks.drop, task.name)
                claims.create_branches(repo, [task], tip, f"git-par: restored from {keepsake.ref}")
                undo.callback(claims.delete_branches, repo, [task], tip)
                _register(repo, task, keepsake)
        _make(repo, task, keepsake)
        unpacking.unpack(repo, task, keepsake)
        # From here on the workspace is handed over.
        with interrupts.held():
            undo.pop_all()
            task = replace(task, state="active", placed=keepsake.task.placed)
            session.tasks.put(task)
            operation.entry.task(None, task)
            operation.write()
    return task


def _plan(session: Session, keepsake: Keepsake, name: str | None) -> tuple[Task, str]:
    """The record to make, checked, and where its branch is to stand."""
    old = keepsake.task
    tip = keepsake.refs.get("tip") or keepsake.refs.get("head") or session.repo.git.commit(old.placed)
    if tip is None:
        raise UsageError(f"{old.name}: no commit of it was kept", hint=f"ls -A {quote(str(keepsake.files or '.'))}")
    new = name or old.name
    claims.clear_dead(session, new)
    used = {task.slot for task in session.tasks.all()}
    slot = next(ports.free_slots(session, used, first=old.slot))
    branch = f"{old.branch.removesuffix(old.name)}{new}" if old.branch.endswith(old.name) else new
    branch = old.branch if new == old.name else branch
    # As long as it stands where we placed it, the next command may take back what a kill left.
    task = replace(old, name=new, branch=branch, state="creating", slot=slot, placed=tip)
    hint = f"git par restore {quote(old.name)} --as NEW"
    if session.tasks.get(new):
        raise UsageError(f"{new}: there is a task of that name", hint=hint)
    try:
        claims.check_branches(session.repo, [task])
    except UsageError as error:
        raise UsageError(error.message, hint=hint) from None
    return task, tip


def _reserve(repo: Repo, task: Task, old: Task) -> Path:
    """Where the workspace was, when that is free and the task keeps its name; else a place as for a new task."""
    path = Path(old.path)
    if task.name == old.name and path.parent.is_dir() and Path(os.path.realpath(path)) == path:
        with suppress(OSError):
            path.mkdir()
            return path
    return worktree.reserve(repo, task.name)


def _forget(operation: Open, task: Task) -> None:
    """Take the task out of the operation, which others may have a part in."""
    operation.entry.tasks.pop(task.name, None)
    operation.entry.refs.pop(task.ref, None)
    operation.write() if operation.entry.tasks or operation.entry.refs else operation.forget()


def _register(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Make the worktree stand where it stood: on the task's branch, on another one, or detached."""
    path, head = Path(task.path), _head(repo, keepsake)
    if clones.is_clone(task):
        isolation.register(repo, task)
        meeting.pin_start(repo, task)  # here the two stand together again
        return
    branch = head.removeprefix("ref: refs/heads/")
    if head and branch == head and repo.git.commit(head) == head:
        registering.register(repo, path, head, task.name, detached=True)
        return
    registering.register(repo, path, task.branch, task.name)
    if not head or branch in (head, keepsake.task.branch):
        return
    commit, there = keepsake.refs.get("head"), repo.git.commit(f"refs/heads/{branch}")
    taken = any(one.branch == f"refs/heads/{branch}" for one in registry.worktrees(repo))
    git = worktree.opened(repo, path)
    if there == commit and not taken:
        git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    elif commit:
        git.run("update-ref", "--no-deref", "HEAD", commit)


def _make(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Make a clone again, from its own git directory where that was kept: with its refs, reflogs, settings and stash."""
    source = kept.registration(repo, keepsake)
    if not clones.is_clone(task):
        return
    if source.is_dir():
        clone.copy(source, Path(task.path) / ".git")
        clone.rename(repo, task, keepsake.task)
        (Path(task.path) / ".git" / "index").unlink(missing_ok=True)  # it comes back when the files are there
        meeting.pin(repo, task)
    else:
        isolation.make(repo, task)


def _head(repo: Repo, keepsake: Keepsake) -> str:
    """What HEAD said: `ref: refs/heads/…` or a commit; empty when nobody knows."""
    try:
        return own_refs.head_aside(repo, kept.registration(repo, keepsake)) or keepsake.refs.get("head", "")
    except (OSError, ValueError):
        return keepsake.refs.get("head", "")
