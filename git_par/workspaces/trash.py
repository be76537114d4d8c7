"""The trash: renamed-away directories whose bytes go in the background.

A sweep takes everything that lies there, so what a killed one left is taken by the next.  Run as a module it is that
sweep: `python -m git_par.workspaces.trash DIRECTORY`.
"""

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

from git_par import files, spawn
from git_par.workspaces.worktree import PRIVATE


def throw(workspaces: Path, path: Path, name: str) -> None:
    """Rename the directory `path` into the trash of a workspaces directory on the same file system."""
    path.rename(files.private_directory(workspaces / PRIVATE / "trash") / f"{name}-{time.time_ns()}")


def sweep_later(workspaces: Path) -> None:
    """Start a background process that empties the trash of a workspaces directory, when there is something in it."""
    trash = workspaces / PRIVATE / "trash"
    if trash.is_dir() and any(trash.iterdir()):
        spawn.in_background([sys.executable, "-m", "git_par.workspaces.trash", str(trash)])


def sweep(trash: Path) -> None:
    """Delete all that lies in `trash`; what resists is left for the next sweep, and a link leads nobody elsewhere."""
    if os.path.realpath(trash) != str(trash):
        return
    for path in list(trash.iterdir()):
        with suppress(OSError):
            files.delete_tree(path)


if __name__ == "__main__":
    os.nice(10)
    sweep(Path(sys.argv[1]))
