"""Edits that git was told not to look at: files marked assume-unchanged or skip-worktree (git-update-index(1))."""

import os
from pathlib import Path

from git_par.git import Git
from git_par.workspaces import listing
from git_par.workspaces.listing import Listing


def find(git: Git, path: Path, listed: Listing | None = None) -> list[str]:
    """Tracked files that git was told not to look at, and that differ from what the index has, which is `listed`."""
    marked = (listed or listing.read(git)).marked
    there = [one for one in marked if os.path.lexists(path / one.path)]
    return [one.path for one in there if _differs(git, path / one.path, one.mode, one.blob)]


def _differs(git: Git, file: Path, mode: str, oid: str) -> bool:
    if mode == "120000":
        if not file.is_symlink():
            return True
        return git.line("hash-object", "--stdin", feed=os.readlink(file)) != oid
    if mode == "160000" or file.is_symlink() or not file.is_file():
        return True
    if (mode == "100755") != bool(file.stat().st_mode & 0o100):
        return True
    return git.line("hash-object", "--", str(file)) != oid
