"""What `git par sync` says: what became of each task, and how to go on where it is in conflict."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from git_par.colour import Marked, Style
from git_par.landing import solve
from git_par.landing.bring import Arrival, Left
from git_par.names import going_to
from git_par.state.session import Session
from git_par.state.tasks import Task


@dataclass(frozen=True)
class Moved:
    """A task that has its base now, its commit before and after, and why that took a private workspace, if it did."""

    task: Task
    before: str
    after: str
    private: str


@dataclass
class Synced:
    """What a sync of several tasks came to."""

    synced: list[Moved] = field(default_factory=list)
    current: list[Task] = field(default_factory=list)
    """Tasks that had all of their base already."""
    conflicted: list[tuple[Arrival, tuple[str, ...], bool]] = field(default_factory=list)
    """Tasks, the files in conflict, and whether markers stand in the workspace."""
    left: list[Left] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    """What hooks had to complain of afterwards."""

    def data(self) -> dict[str, Any]:
        """The JSON of a sync."""
        return {
            "synced": [
                {"name": one.task.name, "before": one.before, "after": one.after, "private": one.private or None}
                for one in self.synced
            ],
            "current": [task.name for task in self.current],
            "conflicted": [
                {"name": one.task.name, "files": list(files), "started": started}
                for one, files, started in self.conflicted
            ],
            "left": [{"name": one.task.name, "reason": one.reason, "detail": one.detail} for one in self.left],
        }

    def lines(self) -> list[str]:
        """A line a task."""
        return [
            *map(_line, self.synced),
            *(f"{task.name}: up to date with {task.base}" for task in self.current),
            *(
                Marked.of(
                    f"{one.task.name}: ",
                    ("solve" if started else "would conflict", Style.BAD),
                    f": {', '.join(files)}",
                )
                for one, files, started in self.conflicted
            ),
        ]


def _line(one: Moved) -> str:
    how = f", made in a private workspace ({one.private})" if one.private else ""
    return f"{one.task.name}: {one.task.base} is in now ({one.before[:8]}..{one.after[:8]}){how}"


def way_on(session: Session, one: Arrival, *, started: bool) -> list[str]:
    """What to run for a task in conflict."""
    go, name = going_to(Path(one.task.path), session.repo.cwd), quote(one.task.name)
    if started:
        verb = "rebase" if one.rebase else "merge"
        solving = (
            f"hint: solve and git add the files, then {go}git {verb} --continue (git {verb} --abort takes it back)"
        )
        return [solving, f"hint: then git par merge {name}"]
    if one.rebase and not solve.can_rebase(session, one):
        return [f"hint: {name} has merges, and a rebase would ask their conflicts again: {go}git par sync"]
    return [f"hint: {go}git par sync{' --rebase' if one.rebase else ''}, then git par merge {name}"]


def stacked(session: Session, done: Synced) -> list[str]:
    """Hints, after a rebase, for the tasks based on one that was moved: they stand on commits that it has no more."""
    said = []
    moved = [one.task for one in done.synced]
    for task in moved:
        above = [one.name for one in session.tasks.all() if one.base == task.branch and one.name not in _names(moved)]
        if above:
            names = " ".join(map(quote, above))
            said.append(f"hint: based on {task.name} as it was: git par sync --rebase {names}")
    return said


def _names(tasks: Sequence[Task]) -> set[str]:
    return {task.name for task in tasks}
