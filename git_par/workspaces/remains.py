"""What undo, healing and the doctor put aside, and nobody has asked for since: swept with what removals kept.

Each bears the time in its name; what bears none stays.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from git_par import files
from git_par.repo import Repo
from git_par.workspaces import kept
from git_par.workspaces.worktree import PRIVATE

UNDONE = "refs/par/undone"


@dataclass(frozen=True)
class Remains:
    """One thing that was put aside: commits that an undo took out of a branch, a file cut off, a damaged record."""

    kind: str
    """undone, torn or damaged."""
    name: str
    """The ref, or the path."""
    commit: str = ""
    """What the ref stands at."""


def old(repo: Repo, before: datetime) -> Iterator[Remains]:
    """What was put aside before that time."""
    listed = repo.git.line("for-each-ref", "--format=%(objectname) %(refname)", UNDONE).splitlines()
    for commit, ref in (line.split(" ", 1) for line in listed):
        time = kept.time(ref.removeprefix(f"{UNDONE}/").partition("-")[0])
        if time is not None and time < before:
            yield Remains("undone", ref, commit)
    # A workspaces directory that was chosen may be that of other repositories too, and the copies do not say whose they are.
    if not repo.setting("par.directory"):
        for place in _entries(repo.workspaces / PRIVATE / "kept" / ".torn"):
            time = kept.time(place.name)
            if time is not None and time < before:
                yield Remains("torn", str(place))
    for place in _entries(repo.state / "damaged"):
        when = place.name.rpartition("-")[2]
        if re.fullmatch("[0-9]{19}", when) and datetime.fromtimestamp(int(when) / 1e9, UTC) < before:
            yield Remains("damaged", str(place))


def sweep(repo: Repo, one: Remains) -> None:
    """Give it up, unless the ref has moved."""
    if one.commit:
        repo.git.run("update-ref", "-d", one.name, one.commit)
    else:
        files.delete_tree(Path(one.name))


def _entries(directory: Path) -> list[Path]:
    """What lies in `directory`, unless a link leads there."""
    if not directory.is_dir() or os.path.realpath(directory) != str(directory):
        return []
    return sorted(directory.iterdir())
