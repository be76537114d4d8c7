"""The user's hooks, lent to a private workspace.

Git looks for them in the checkout of the base, and a private workspace has not all that lies there: a relative
core.hooksPath may lead to files that are not committed, and `$GIT_DIR/hooks` (the sample pre-merge-commit looks there) is
the main checkout's alone.
"""

import os
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.repo import Repo
from git_par.workspaces import registry

_AFTERWARDS = "post-merge"
"""It looks at what was published, in the checkout of the base; what is only planned is not its concern."""


def hooks_directory(repo: Repo, base: str) -> Path:
    """The directory with the hooks of a merge into `base`.

    A relative path counts from the top of the checkout (git-config(1), core.hooksPath).
    """
    chosen = repo.setting("core.hookspath")
    if not chosen:
        return repo.common / "hooks"
    directory = Path(chosen).expanduser()
    if directory.is_absolute():
        return directory
    tops = (one.path for one in registry.worktrees(repo) if one.branch == f"refs/heads/{base}")
    return next(tops, repo.main or repo.common) / directory


def lend(place: Path, target: Path) -> None:
    """Make `target` a directory of hooks that run those of the directory `place`, each by its own path."""
    files.delete_tree(target)
    target.mkdir()
    try:
        found = [Path(entry.path) for entry in os.scandir(place) if entry.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return
    for hook in found:
        if hook.suffix != ".sample" and hook.name != _AFTERWARDS and os.access(hook, os.X_OK):
            lent = target / hook.name
            lent.write_bytes(os.fsencode(f'#!/bin/sh\nexec {quote(str(hook))} "$@"\n'))
            lent.chmod(0o755)
