"""Workspaces that somebody moved, alone, with their directory or with the repository: where they stand now.

Records have whole paths, and so have git's registrations, unless it was told to write relative ones.  What stands in another
place is a workspace only by proof: its `.git` leads to its registration, or to the one of that name where the repository
was, and nothing is there any more.  A clone has to name its task, and that repository.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from git_par import files
from git_par.errors import Refused
from git_par.names import some
from git_par.parent import link
from git_par.repo import Repo, linked_checkout
from git_par.state.journal import Journal, Past
from git_par.state.tasks import Task
from git_par.workspaces import clones, registry
from git_par.workspaces.worktree import PRIVATE

HINT = "git par doctor --fix"


def told(repo: Repo, task: Task) -> str:
    """That the workspace of `task` was moved, and where it stands, in words; empty when it is in its place or not found."""
    found = [f"'{place}'" for place in Search(repo).places(task)]
    return f"its workspace was moved to {some(found)}" if found else ""


def expect_not(repo: Repo, task: Task) -> None:
    """Refused when the workspace of `task` was moved: what its record says leads nowhere."""
    if not os.path.lexists(task.path) and (why := told(repo, task)):
        raise Refused(f"{task.name}: {why}", hint=HINT)


@dataclass(frozen=True)
class Search:
    """One look for what was moved in `repo`."""

    repo: Repo

    def places(self, task: Task) -> list[Path]:
        """Every directory that proves to be the workspace of `task`, if nothing is in its place; of two, one is a copy."""
        if os.path.lexists(task.path):
            return []
        return [place for place in dict.fromkeys(self._candidates(task)) if self._is_of(task, place)]

    def leads(self, entry: Path, was: Path, place: Path) -> bool:
        """Whether `place` is the worktree of `entry` that was at `was`: it leads there, or to where that has been."""
        target = _target(place)
        if target is None or target == entry:
            return target is not None
        named = target.name == entry.name and target.parent.name == "worktrees"
        return named and self._was_ours(target.parent.parent, was, place)

    def entries(self, task: Task) -> list[Path]:
        """The registrations of the worktree of `task`: they have its old place, or its name."""
        was = Path(task.path)
        return [
            entry
            for entry in registry.entries(self.repo)
            if linked_checkout(entry) == was or registry.task_of(entry) == task.name
        ]

    def _is_of(self, task: Task, place: Path) -> bool:
        if PRIVATE in place.parts:  # what lies there git-par has put there itself
            return False
        if place.is_symlink() or not place.is_dir() or os.path.realpath(place) != str(place):
            return False
        if clones.is_clone(task):
            said = link(place / ".git")
            ours = said and (said.task, said.created) == (task.name, task.created)
            return bool(said and ours) and self._is_parent(said.parent if said else place, Path(task.path), place)
        return any(self.leads(entry, Path(task.path), place) for entry in self.entries(task))

    def _is_parent(self, parent: Path, was: Path, place: Path) -> bool:
        return parent == self.repo.common or self._was_ours(parent, was, place)

    def _was_ours(self, common: Path, was: Path, place: Path) -> bool:
        """Whether the repository was at `common`, where none is now, when the workspace that is at `place` was at `was`.

        Both were moved together, and lie as they lay; or the journal knows that place.
        """
        if os.path.lexists(common / "HEAD"):  # without one it is none; who still worked there may have left something
            return False
        together = os.path.relpath(common, was) == os.path.relpath(self.repo.common, place)
        return together or common in self._former

    def _candidates(self, task: Task) -> Iterator[Path]:
        was, home = Path(task.path), self.repo.workspaces
        for directory in dict.fromkeys([was.parent, home]):
            yield from _directories(directory)
        # The workspaces directory itself may have another name.
        for directory in dict.fromkeys([was.parent.parent, home.parent, self._folder.parent]):
            yield from (beside / was.name for beside in _directories(directory))
        for former in self._former:
            yield Path(os.path.normpath(self.repo.common / os.path.relpath(was, former)))
        # One that is given back moves to where it came from, and git may have been told already.
        yield from (Path(past.entry.adopted[task.name]) for past in self._past if past.entry.adopted.get(task.name))
        yield from filter(None, map(linked_checkout, self.entries(task)))
        yield from (self.repo.cwd, *self.repo.cwd.parents)

    @property
    def _folder(self) -> Path:
        return self.repo.main or self.repo.common

    @cached_property
    def _past(self) -> list[Past]:
        return list(Journal(self.repo, ()).all(lambda _: None))

    @cached_property
    def _former(self) -> list[Path]:
        """Where the repository was, by the checkouts that the journal has."""
        tops = dict.fromkeys(Path(past.entry.checkout) for past in self._past)
        return [place for top in tops for place in (top / ".git", top) if place != self.repo.common]


def follow(entry: Path, place: Path) -> None:
    """Let the worktree at `place` and its registration lead to each other; the worktree first, which proves whose it is."""
    if _target(place) != entry:
        files.replace(place / ".git", os.fsencode(f"gitdir: {entry}\n"))
    if linked_checkout(entry) != place:
        files.replace(entry / "gitdir", os.fsencode(f"{place}/.git\n"))


def _target(place: Path) -> Path | None:
    """Where the `.git` file of a worktree leads, whether anything is there or not."""
    file = place / ".git"
    try:
        text = os.fsdecode(file.read_bytes()) if not file.is_symlink() else ""
    except OSError:
        return None
    before = "gitdir: "
    return Path(os.path.realpath(place / text.removeprefix(before).rstrip("\n"))) if text.startswith(before) else None


def _directories(home: Path) -> list[Path]:
    found: list[Path] = []
    with suppress(OSError), os.scandir(home) as entries:
        found = sorted(Path(one.path) for one in entries if one.is_dir(follow_symlinks=False))
    return found
