"""Hooks of git's own (githooks(5)) that git-par runs where git would have run them."""

import os
from pathlib import Path

from git_par.git import Git
from git_par.repo import Repo


def run(repo: Repo, path: Path, git: Git, name: str, *args: str) -> str:
    """Run the hook `name` of the checkout at `path`, by `git`; what went wrong, or nothing."""
    if _shares(repo, path) and _has_none(repo, name):
        return ""
    reply = git.run("hook", "run", "--ignore-missing", name, "--", *args, ok=range(256), hooks=True)
    return f"{name} hook failed with status {reply.code}" if reply.code else ""


def _shares(repo: Repo, path: Path) -> bool:
    """Whether the checkout has the hooks of the repository: the main one, or a linked worktree."""
    return path == repo.main or (path / ".git").is_file()


def _has_none(repo: Repo, name: str) -> bool:
    """Whether there is no hook of that name for sure, so that git need not be started to look for it.

    Not sure is where a setting names hooks, or may do so in that checkout only (git-config(1), Conditional includes).
    """
    unsure = ("core.hookspath", "extensions.worktreeconfig", "hook.", "includeif.")
    return not any(key.startswith(unsure) for key in repo.config) and not os.path.lexists(repo.common / "hooks" / name)
