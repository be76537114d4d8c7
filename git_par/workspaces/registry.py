"""Git's registry of worktrees, and the clones: who is where, and why it is locked.

`git worktree list` dies while any other process is half way through an add (git-worktree's writer makes the entry, then
fills it), so it is asked again; see gitrepository-layout(5) for what an entry holds.
"""

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from git_par import git
from git_par.git import Git
from git_par.repo import Repo, linked_checkout
from git_par.state.tasks import Task
from git_par.workspaces import clones, own_refs

OUR_LOCK = "git-par:"
"""How the reason of a worktree lock of ours begins."""

PRIVATE_LOCK = f"{OUR_LOCK} private"
"""The reason of those that git-par uses itself; what is checked out or going on there counts for nobody."""

SPARE_LOCK = f"{OUR_LOCK} spare"
"""The reason of those that stand ready for a new task: nobody works in them."""

OWN_LOCKS = (PRIVATE_LOCK, SPARE_LOCK)
"""Both: the worktrees that are no task's."""

_TRIES = 8


@dataclass(frozen=True)
class Worktree:
    """One line of git's registry."""

    path: Path
    branch: str | None
    """The full ref it has checked out; None when detached or bare."""


def worktrees(repo: Repo) -> list[Worktree]:
    """Every registered worktree but our private ones and the spares, the main one first, and then the clones."""
    for attempt in range(_TRIES):
        reply = repo.git.run("worktree", "list", "--porcelain", "-z", ok=range(256))
        if reply.code == 0:
            return [*_parse(reply.out, repo), *_clones(repo)]
        time.sleep(0.01 * 2**attempt)
    failure = git.failed(["worktree list"], reply)
    failure.hint = "git par doctor"
    raise failure


def _parse(text: str, repo: Repo) -> Iterator[Worktree]:
    for number, block in enumerate(text.split("\0\0")):
        lines = dict(line.partition(" ")[::2] for line in block.split("\0") if line)
        if "worktree" not in lines:
            continue
        # For a submodule git names the repository here instead of the checkout.
        path = repo.main if number == 0 and repo.main else Path(lines["worktree"])
        if "bare" not in lines and lines.get("locked") not in OWN_LOCKS:
            yield Worktree(path, lines.get("branch"))


def _clones(repo: Repo) -> Iterator[Worktree]:
    """The clones; of a branch of theirs only the task's own is also the repository's."""
    for task, directory in clones.living(repo):
        yield Worktree(directory.parent, task.ref if branch_of(directory) == task.branch else None)


def admin_dir(repo: Repo, path: Path) -> Path | None:
    """The administrative directory of the worktree `path`, when both point at each other; of a clone its own one."""
    entry = claimed_entry(repo, path)
    if entry is None:
        return clones.git_dir(repo, path)
    return entry if linked_checkout(entry) == Path(os.path.realpath(path)) else None


def claimed_entry(repo: Repo, path: Path, stood: Path | None = None) -> Path | None:
    """The administrative directory in this repository that `path` points at, whether that exists and agrees or not.

    One that was put aside points there from where it `stood`: from 2.48 on the way may be relative.
    """
    try:
        text = os.fsdecode((path / ".git").read_bytes())
    except OSError:
        return None
    entry = Path(os.path.realpath((stood or path) / text.removeprefix("gitdir: ").removesuffix("\n")))
    return entry if entry.parent == repo.common / "worktrees" else None


def entries_for(repo: Repo, path: Path) -> list[Path]:
    """The administrative directories that claim `path`, whether it still exists or not."""
    place = Path(os.path.realpath(path))
    return [entry for entry in entries(repo) if linked_checkout(entry) == place]


def checkout(repo: Repo, path: Path) -> Git | None:
    """Git on the worktree `path`; None when it is not a registered one."""
    if path == repo.main:
        return repo.checkout(path, repo.common)
    entry = admin_dir(repo, path)
    if entry == path / ".git":
        return clones.opened(repo, path)
    return repo.checkout(path, entry) if entry else None


def refs(repo: Repo, path: Path | None) -> Git:
    """Git on the refs that the checkout at `path` moves: those of the repository, or a clone's own."""
    directory = clones.git_dir(repo, path) if path and path != repo.main else None
    return clones.opened(repo, path) if path and directory else repo.git


def git_dir(repo: Repo, path: Path) -> Path | None:
    """The git directory of the worktree `path`."""
    return repo.common if path == repo.main else admin_dir(repo, path)


def claimed_by_task(tasks: Iterable[Task], repo: Repo, entry: Path) -> bool:
    """Whether the workspace of one of `tasks` leads to `entry`, whatever that says."""
    return any(claimed_entry(repo, Path(task.path)) == entry for task in tasks)


def lock_reason(entry: Path) -> str | None:
    """Why the worktree of `entry` is locked; None when it is not."""
    try:
        return os.fsdecode((entry / "locked").read_bytes()).strip()
    except (FileNotFoundError, NotADirectoryError):
        return None


def reason_for(task: str) -> str:
    """Why the worktree of `task` is locked."""
    return f"{OUR_LOCK} remove with 'git par remove {task}'"


def task_of(entry: Path) -> str | None:
    """The task for which `entry` was made, by the reason of its lock."""
    before, after = f"{OUR_LOCK} remove with 'git par remove ", "'"
    reason = lock_reason(entry) or ""
    return reason.removeprefix(before).removesuffix(after) if reason.startswith(before) else None


def branch_of(git_dir: Path) -> str | None:
    """The branch that the checkout of `git_dir` is on, without `refs/heads/`, whether there is such a branch or not."""
    text = own_refs.head(git_dir)
    return text.removeprefix("ref: refs/heads/") if text.startswith("ref: refs/heads/") else None


def entries(repo: Repo) -> list[Path]:
    """The administrative directories of all linked worktrees, half made ones too."""
    try:
        with os.scandir(repo.common / "worktrees") as found:
            return [Path(entry.path) for entry in found]
    except (FileNotFoundError, NotADirectoryError):
        return []
