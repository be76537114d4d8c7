"""What a check finds: a fixed word, what it means, and what mending will and will not do."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from git_par import files
from git_par.repo import Repo, linked_checkout
from git_par.state.session import Session
from git_par.state.tasks import Task, Tasks
from git_par.workspaces import clones, registry

IDS = (
    "state-damaged",
    "state-open",
    "record-missing",
    "base-guessed",
    "registration-half",
    "registration-locked",
    "repository-moved",
    "repository-copied",
    "repository-unknown",
    "git-lock",
    "config-bare",
    "config-worktree",
    "config-hooks",
    "config-events",
    "config-push",
    "config-fetch",
    "publish-cut-off",
    "add-unfinished",
    "removal-unfinished",
    "workspaces-directory",
    "workspace-missing",
    "workspace-moved",
    "workspace-replaced",
    "workspace-unlinked",
    "workspace-unregistered",
    "workspace-index",
    "workspace-unknown",
    "branch-gone",
    "branch-renamed",
    "branch-moved",
    "branch-diverged",
    "branch-elsewhere",
    "base-gone",
    "work-unmerged",
    "clone-shared",
    "kept-workspace",
    "spare-damaged",
    "spare-edited",
    "leftovers",
    "unchecked",
)
"""The words of all findings, in the order in which they are looked for."""


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong."""

    id: str
    message: str
    """What is wrong, and what that means."""
    fix: str
    """What `--fix` does about it and what it does not do; where it does nothing, what a person can do."""
    task: str | None = None
    note: bool = False
    """Whether it is only to be known, and nothing is wrong."""
    mend: Callable[[], object] | None = field(default=None, compare=False)
    """Mends it, if it is still so; a list that it returns are findings that need a person."""


@dataclass(frozen=True)
class Case:
    """A repository that is looked at, and what mending needs of the commands."""

    session: Session
    remove: Callable[[Task], bool]
    """Removes a task by the safe rules, and tells whether it is gone."""

    @property
    def repo(self) -> Repo:
        """The repository."""
        return self.session.repo

    @cached_property
    def tasks(self) -> list[Task]:
        """The tasks that can be read and that nobody is changing now."""
        held = self.session.locks.is_held
        return [task for task in self.quiet.all() if not held("task", task.name)]

    @property
    def quiet(self) -> Tasks:
        """The records, without a word about those that cannot be read: that is a finding."""
        return Tasks(self.repo, lambda _: None)

    @cached_property
    def checkouts(self) -> list[Path]:
        """The directories of all checkouts, as the registry has them, there or not."""
        linked = (linked_checkout(entry) for entry in registry.entries(self.repo))
        cloned = (directory.parent for _, directory in clones.living(self.repo))
        return [place for place in (self.repo.main, *linked, *cloned) if place]

    def set_aside(self, path: Path) -> Path:
        """Rename a damaged file or directory to where it disturbs nobody; nothing is deleted."""
        place = self.repo.state.with_name("par-damaged") if path == self.repo.state else self.repo.state / "damaged"
        target = files.private_directory(place) / f"{path.name}-{time.time_ns()}"
        path.rename(target)
        return target

    def change(self, task: Task, **fields: object) -> bool:
        """Change the record of `task` under its lock, unless it is another one by now; with an entry in the journal."""
        with self.session.journal.operation() as operation, self.session.locks.task(task.name):
            before = self.quiet.get(task.name)
            if before != task:
                return False
            operation.entry.task(before, self.quiet.change(task.name, **fields))
            return True
