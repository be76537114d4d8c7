"""The steps that take an adoption back, and that do it again: the branch stays in both."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from git_par import interrupts
from git_par.commands.undo_obstacle import Obstacle
from git_par.errors import Refused
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    adoption,
    claims,
    incoming,
    provision,
    reasons,
    registry,
    removal,
    secrets,
    trash,
    usage,
    worktree,
)
from git_par.workspaces.reasons import Reason


@dataclass(frozen=True)
class GiveBack:
    """An adopted task is none any more: its worktree goes back to `before`, or away if there was none."""

    task: Task
    before: Path | None

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.task.name}: given back, branch '{self.task.branch}' stays"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What was changed since, and who is there."""
        task, repo = session.tasks.get(self.task.name), session.repo
        if task is None:
            if repo.git.commit(self.task.ref):
                return []
            return [Obstacle(f"{self.task.name} is not there any more", f"git par restore {quote(self.task.name)}")]
        path = Path(task.path)
        if task.created != self.task.created:
            return [Obstacle(f"{task.name} is another task now", "see 'git par list'")]
        if path == self.before or (self.before and adoption.is_half_back(repo, task, self.before)):
            return []
        if self.before is not None:
            if os.path.lexists(self.before) or not self.before.parent.is_dir():
                return [Obstacle(f"{task.name} cannot go back to '{self.before}'", f"ls -ld {quote(str(self.before))}")]
            why = adoption.hindrance(session, path)
            return [Obstacle(f"{task.name}: {why}", f"cd {quote(str(repo.main or '/'))}")] if why else []
        if repo.top == path:
            return [Obstacle(f"you are standing in {task.name}", f"cd {quote(str(repo.main or '/'))}")]
        found = reasons.find(repo, task, session.settings.patterns("regenerable"), usage.users([path])[path])
        return [Obstacle(f"{task.name}: {one.detail}", one.hint) for one in found]

    def take(self, session: Session, operation: Open, _: int) -> bool:
        """Do it; no hook has a say."""
        operation.entry.task(self.task, None)
        operation.entry.adopted[self.task.name] = str(self.before or "")
        operation.write()
        with session.locks.repository(), session.locks.task(self.task.name), interrupts.held():
            task = session.tasks.get(self.task.name)
            if task is None:
                return True
            if self.before is not None:
                adoption.give_back(session, task, self.before)
                return True
            secret = secrets.of(session.settings, registry.git_dir(session.repo, Path(task.path)))
            patterns = session.settings.patterns("regenerable")
            outcome = removal.remove(session.repo, task, None, patterns, secret=secret)
            if isinstance(outcome, Reason):
                raise Refused(f"{task.name}: {outcome.detail}", hint=outcome.hint)
            session.tasks.drop(task.name)
        trash.sweep_later(Path(self.task.path).parent)
        return True


@dataclass(frozen=True)
class TakeAgain:
    """A task that was given back is adopted again, as it was recorded."""

    task: Task
    before: Path | None

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.task.name}: adopted again"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What was changed since."""
        task, repo = session.tasks.get(self.task.name), session.repo
        if task:
            same = task.created == self.task.created
            return [] if same else [Obstacle(f"there is another task {task.name} now", "see 'git par list'")]
        if repo.git.commit(self.task.ref) is None:
            return [Obstacle(f"branch '{self.task.branch}' is gone", "see 'git reflog'")]
        tree = next((one for one in registry.worktrees(repo) if one.branch == self.task.ref), None)
        if (tree.path if tree else None) != self.before:
            where = f"checked out in '{tree.path}'" if tree else f"not in '{self.before}' any more"
            return [Obstacle(f"branch '{self.task.branch}' is {where}", f"git par adopt {quote(self.task.branch)}")]
        moves = self.before is not None and str(self.before) != self.task.path
        if moves and self.before and (why := adoption.hindrance(session, self.before)):
            return [Obstacle(f"{self.task.name}: {why}", f"git par adopt --keep-directory {quote(self.task.branch)}")]
        return []

    def take(self, session: Session, operation: Open, _: int) -> bool:
        """Do it; no hook has a say."""
        with interrupts.taking_back() as undo:
            with session.locks.repository():
                claims.clear_dead(session, self.task.name)  # of an undo that was cut off
                with session.locks.task(self.task.name), interrupts.held():
                    if session.tasks.get(self.task.name):
                        return True
                    task = self.task
                    stay = self.before is not None and str(self.before) == task.path
                    if not stay:
                        task = replace(task, path=str(_place(session, task)))
                        undo.callback(_clear, session, Path(task.path))
                    operation.entry.task(None, task)
                    operation.entry.adopted[task.name] = str(self.before or "")
                    operation.write()
                    undo.callback(_forget, operation, task)
                    task = adoption.take(session, task, self.before, undo, stay=stay)
            if self.before is None:
                provision.provision(session, task, incoming.look(session))
            with interrupts.held():
                undo.pop_all()
                task = replace(task, state="active", placed=self.task.placed)
                session.tasks.put(task)
                operation.entry.task(None, task)
        return True


def _place(session: Session, task: Task) -> Path:
    """Where its workspace was, when that is free, else a place as for a new task."""
    path = Path(task.path)
    with suppress(OSError):
        path.mkdir()
        return path
    return worktree.reserve(session.repo, task.name)


def _forget(operation: Open, task: Task) -> None:
    """Take the task out of the operation, which others may have a part in."""
    del operation.entry.tasks[task.name], operation.entry.adopted[task.name]
    operation.write() if operation.entry.tasks or operation.entry.refs else operation.forget()


def _clear(session: Session, path: Path) -> None:
    """Take away what was made at `path`; a worktree that was there before has been moved back by now."""
    if not os.path.lexists(path) or not any(path.iterdir()):
        adoption.forget_reserved([path])
        return
    worktree.take_back(session.repo, path)
