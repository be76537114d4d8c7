"""Repositories that lie inside of a workspace: untracked and ignored ones, and submodules; `git status` looks into none."""

import os
from collections.abc import Sequence
from pathlib import Path

from git_par import files
from git_par.git import Git
from git_par.workspaces import listing, regenerable, snapshot
from git_par.workspaces.listing import Listing
from git_par.workspaces.status import Status

_SHALLOW = 3
"""How deep a directory that can be made again is searched for repositories."""


def find(git: Git, path: Path, now: Status, patterns: Sequence[str], listed: Listing | None = None) -> list[str]:
    """The repositories that lie in the workspace `path`, submodules too, as far as anybody looks; `listed` is its index."""
    nested = [one for one in now.untracked if one.endswith("/")]
    return nested + ignored(git, path, now, patterns) + submodules(git, path, listed)


def ignored(git: Git, path: Path, now: Status, patterns: Sequence[str]) -> list[str]:
    """Those of them that are ignored."""
    nested = []
    for one in now.ignored:
        # Package managers put repositories near the top of what they make; deeper down there are thousands of files.
        nested += _below(path, one, depth=_SHALLOW if regenerable.matches(git, one, patterns) else None)
    return nested


def _below(path: Path, place: str, *, depth: int | None) -> list[str]:
    """Repositories of their own in an ignored directory, which `git status` does not look into."""
    if not place.endswith("/"):
        return []
    found = []
    for directory, entries in files.walk_directories(path / place, depth=depth):
        if any(entry.name == ".git" for entry in entries):
            found.append(os.path.relpath(directory, path))
    return found


def submodules(git: Git, path: Path, listed: Listing | None = None) -> list[str]:
    """The submodules of the workspace `path` that are there; what a link leads to is not."""
    standing, _ = snapshot.split(path, (listed or listing.read(git)).submodules)
    return [name for name in standing if _holds_something(path / name)]


def _holds_something(place: Path) -> bool:
    """Whether more than the empty directory of a submodule is there; git itself never looks into it."""
    if not os.path.lexists(place):
        return False
    return place.is_symlink() or not place.is_dir() or any(place.iterdir())
