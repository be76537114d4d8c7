"""What git-par's own corner takes on disk."""

from pathlib import Path

from git_par import files
from git_par.repo import Repo
from git_par.workspaces.worktree import PRIVATE


def usage(repo: Repo) -> dict[str, int | None]:
    """Bytes on disk: what is kept, what waits to be deleted, private workspaces, spares, the records; None: unreadable."""
    corner = repo.workspaces / PRIVATE
    return {
        "kept": size(corner / "kept"),
        "trash": size(corner / "trash"),
        "private": _sum(size(corner / "gate"), size(corner / "merge")),
        "spares": size(corner / "spares"),
        "state": size(repo.state),
    }


def _sum(*sizes: int | None) -> int | None:
    return None if None in sizes else sum(one or 0 for one in sizes)


def size(path: Path) -> int | None:
    """What a directory takes on disk, in bytes; None when it cannot be told."""
    if not path.is_dir():
        return 0
    try:
        return sum(
            entry.stat(follow_symlinks=False).st_blocks * 512
            for _, entries in files.walk_directories(path)
            for entry in entries
        )
    except OSError:
        return None
