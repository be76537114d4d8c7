"""Which files of a workspace stay out of commits: the one place that answers this.

Those that are called like secrets, those that `par.copy` and `.worktreeinclude` select, and those that were brought into
this workspace, whatever is set by now.  Only untracked and ignored files are asked about: what is tracked is in commits
already.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from git_par import files, names
from git_par.state.settings import Settings
from git_par.workspaces import incoming
from git_par.workspaces.patterns import Patterns

_RECORD = "par-brought"
"""The file in the git directory of a workspace that names what was brought into it."""


@dataclass(frozen=True)
class Arrivals:
    """What was brought into one workspace."""

    paths: frozenset[str]

    def __bool__(self) -> bool:
        return bool(self.paths)

    def __contains__(self, path: str) -> bool:
        """Whether `path` was brought, itself or a directory above it."""
        parts = path.rstrip("/").split("/")
        return any("/".join(parts[:count]) in self.paths for count in range(1, len(parts) + 1))


@dataclass(frozen=True)
class Secrets:
    """What stays out of commits in one workspace."""

    top: Path | None
    """The main checkout."""
    wanted: Patterns
    brought: Arrivals

    def __call__(self, path: str) -> bool:
        """Whether the untracked or ignored file `path` stays out."""
        path = path.rstrip("/")
        if names.is_secret(path) or path in self.brought:
            return True
        return self.wanted.select(path) and (self.wanted.name(path) or self._came(path))

    def _came(self, path: str) -> bool:
        """Whether the main checkout has it: a `*` would select every new file."""
        return self.top is not None and os.path.lexists(self.top / path)


def of(settings: Settings, git_dir: Path | None) -> Secrets:
    """What stays out of commits in the workspace whose git directory is `git_dir`."""
    return Secrets(settings.repo.main, incoming.to_copy(settings), arrivals(git_dir))


def arrivals(git_dir: Path | None) -> Arrivals:
    """What was brought into the workspace whose git directory is `git_dir`."""
    return Arrivals(frozenset(_read(git_dir) if git_dir else ()))


def note(git_dir: Path, paths: Iterable[str]) -> None:
    """Write down that `paths` are about to be brought into the workspace of `git_dir`."""
    before = _read(git_dir)
    after = list(dict.fromkeys([*before, *(path.rstrip("/") for path in paths)]))
    if after != before:
        files.replace(git_dir / _RECORD, os.fsencode("".join(f"{path}\0" for path in after)))


def _read(git_dir: Path) -> list[str]:
    try:
        return os.fsdecode((git_dir / _RECORD).read_bytes()).split("\0")[:-1]
    except FileNotFoundError:
        return []
