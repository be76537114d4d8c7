"""Write git's registry of worktrees: make an entry, lock it, let it follow a move, take it out.

An entry is taken out in one step: git, which dies of half a one, never sees that.
"""

import os
import time
from contextlib import suppress
from pathlib import Path

from git_par import files, git, processes
from git_par.repo import Repo
from git_par.workspaces import registry

_TRIES = 8


def register(repo: Repo, path: Path, branch: str, task: str, *, detached: bool = False) -> None:
    """Make the empty worktree `path` for the existing `branch`, locked in our name; under the repository lock.

    With `detached` it is the commit `branch` that is checked out.
    """
    options = ["--detach"] if detached else []
    _add(repo, path, registry.reason_for(task), branch, *options)


def register_private(repo: Repo, path: Path, commit: str) -> None:
    """Make the empty, detached worktree `path` for git-par's own use; under the repository lock."""
    _add(repo, path, registry.PRIVATE_LOCK, commit, "--detach")


def register_spare(repo: Repo, path: Path, commit: str) -> None:
    """Make the empty, detached worktree `path` that is to become a spare; under the repository lock."""
    _add(repo, path, registry.SPARE_LOCK, commit, "--detach")


def follow(repo: Repo, entry: Path, path: Path) -> None:
    """Let the registration `entry` be that of its checkout, which has been moved to `path`; under the repository lock."""
    if repo.setting("extensions.relativeworktrees") == "true":
        files.replace(path / ".git", os.fsencode(f"gitdir: {os.path.relpath(entry, path)}\n"), mode=0o644)
        files.replace(entry / "gitdir", os.fsencode(f"{os.path.relpath(path, entry)}/.git\n"), mode=0o644)
    else:
        files.replace(entry / "gitdir", os.fsencode(f"{path}/.git\n"), mode=0o644)


def lock(entry: Path, reason: str) -> None:
    """Lock the worktree of `entry` for another reason."""
    files.replace(entry / "locked", os.fsencode(f"{reason}\n"), mode=0o644)


def unregister(repo: Repo, path: Path, into: Path | None = None) -> None:
    """Take out the entries that claim `path`, each in one step: git never sees half an entry.

    One of them, which in truth is the only one, becomes the new directory `into`.
    """
    for entry in registry.entries_for(repo, path):
        if into is not None and not os.path.lexists(into):
            with suppress(FileNotFoundError):
                entry.rename(into)
            continue
        drop(repo, entry)


def drop(repo: Repo, directory: Path) -> None:
    """Delete a directory of git-par's records, taken out of sight in one step first."""
    aside = repo.state / f"dropped-{directory.name}-{os.getpid()}-{time.time_ns()}"
    with suppress(FileNotFoundError):
        directory.rename(aside)
        files.delete_tree(aside)


def sweep_dropped(repo: Repo) -> None:
    """Delete what killed ones were about to."""
    for aside in repo.state.glob("dropped-*-*-*"):
        pid = aside.name.split("-")[-2]
        if not (pid.isdigit() and processes.is_running(int(pid))):
            with suppress(OSError):
                files.delete_tree(aside)


def _add(repo: Repo, path: Path, reason: str, start: str, *options: str) -> None:
    """Add an empty worktree.

    The lock keeps `git worktree prune` and a bare `git worktree remove` off.  What other tools' git commands disturb is
    tried again: a prune between two of git's own steps makes an add fail.
    """
    # Relative links would write an extension into the shared configuration.
    relative = "true" if repo.setting("extensions.relativeworktrees") == "true" else "false"
    for attempt in range(_TRIES):
        path.mkdir(exist_ok=True)  # a failing `worktree add` deletes it
        reply = repo.git.run(
            "-c",
            f"worktree.useRelativePaths={relative}",
            *("worktree", "add", "--lock", "--reason", reason, "--no-checkout", *options, str(path), start),
            ok=range(256),
        )
        if reply.code == 0 and registry.admin_dir(repo, path):
            return
        unregister(repo, path)
        _clear(repo, path)
        time.sleep(0.01 * 2**attempt)
    raise git.failed(["worktree add"], reply)


def _clear(repo: Repo, path: Path) -> None:
    """Delete the pointer to a registration that is gone, if nothing else is there: git takes an empty directory only."""
    entry = registry.claimed_entry(repo, path)
    with suppress(OSError):
        if entry and not os.path.lexists(entry) and list(path.iterdir()) == [path / ".git"]:
            (path / ".git").unlink()
