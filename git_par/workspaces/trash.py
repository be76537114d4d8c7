"""The trash: renamed-away directories whose bytes go in the background.

A sweep takes everything that lies there, so what a killed one left is taken by the next.  Run as a module it is that
sweep: `python -m git_par.workspaces.trash DIRECTORY`.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from git_par import files
from git_par.spawn import background
from git_par.workspaces.worktree import PRIVATE

_STRETCH = 0.02
"""How long a gentle sweep works before it rests, in seconds."""

_LONGEST_REST = 0.1
"""On a machine that is so busy that a sweep hardly runs, resting as long again would only draw it out."""


def throw(workspaces: Path, path: Path, name: str) -> None:
    """Rename the directory `path` into the trash of a workspaces directory on the same file system."""
    path.rename(files.private_directory(workspaces / PRIVATE / "trash") / f"{name}-{time.time_ns()}")


def sweep_later(workspaces: Path) -> None:
    """Start a background process that empties the trash of a workspaces directory, when there is something in it."""
    trash = workspaces / PRIVATE / "trash"
    if trash.is_dir() and any(trash.iterdir()):
        background.start([*background.gently(), sys.executable, "-m", "git_par.workspaces.trash", str(trash)])


def sweep(trash: Path, *, gently: bool = False) -> None:
    """Delete all that lies in `trash`; what resists is left for the next sweep, and a link leads nobody elsewhere.

    Who has nobody waiting for it goes `gently`.
    """
    if os.path.realpath(trash) != str(trash):
        return
    rest = _Rest()
    for path in list(trash.iterdir()):
        with suppress(OSError):
            files.delete_tree(path, rest if gently else None)


class _Rest:
    """Takes up to half of the time off: a file system that is busy with deleting lets everybody wait."""

    def __init__(self) -> None:
        self._since = time.monotonic()

    def __call__(self) -> None:
        worked = time.monotonic() - self._since
        if worked > _STRETCH:
            time.sleep(min(worked, _LONGEST_REST))
            self._since = time.monotonic()


if __name__ == "__main__":
    os.nice(10)
    sweep(Path(sys.argv[1]), gently=True)
