"""Why a workspace must stay: everything a removal looks for before it takes anything away.

Not knowing is a reason too: any check that fails means that nothing is removed.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from git_par import beside, files
from git_par.errors import ParError, Refused
from git_par.git import Git
from git_par.names import some
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import (
    clones,
    hidden_edits,
    in_progress,
    listing,
    moved,
    nested_repositories,
    registry,
    secrets,
    status,
    submodules,
)
from git_par.workspaces.submodules import Checkout

if TYPE_CHECKING:  # who only removes looks for users
    from git_par.workspaces.usage import User

REASONS = (
    "standing",
    "in-use",
    "creating",
    "operation",
    "locked",
    "protected",
    "other-branch",
    "hidden-edits",
    "nested",
    "uncommitted",
    "untracked",
    "only-here",
    "diverged",
    "unmerged",
    "reverted",
    "new",
    "young",
    "vetoed",
    "not-ours",
    "unknown",
)
"""Why a task can be left, as `prune` and `remove` report it."""

FORCED = frozenset(
    (
        "operation",
        "other-branch",
        "hidden-edits",
        "nested",
        "uncommitted",
        "untracked",
        "only-here",
        "unmerged",
        "reverted",
        "new",
    )
)
"""Those that a removal by force overrides, because everything can be kept."""


@dataclass(frozen=True)
class Reason:
    """Why a task is left, in a word and in a sentence; `hint` is the command that shows or helps."""

    word: str
    detail: str
    hint: str = ""
    firm: bool = False
    """Whether it holds against force although others of its word do not."""

    @property
    def yields(self) -> bool:
        """Whether a removal by force overrides it."""
        return self.word in FORCED and not self.firm


def find(repo: Repo, task: Task, patterns: Sequence[str], users: "Sequence[User]") -> list[Reason]:
    """Why the workspace of `task` must stay; none means that it can go.  A workspace that is gone holds nothing back."""
    path = Path(task.path)
    if task.protected:
        return [Reason("protected", "it is protected", f"git par set {quote(task.name)} --no-protect")]
    try:
        if not os.path.lexists(path):
            return _gone(repo, task, path)
        found = _foreign(repo, path)
        if found:
            return [found]
        found_users = [f"{user.command} (process {user.pid})" for user in users]
        busy = [Reason("in-use", f"in use by {some(found_users)}")] if found_users else []
        return busy + _work(repo, task, path, patterns)
    except (OSError, ParError) as error:
        return [Reason("unknown", f"it cannot be checked: {error}", f"git -C {quote(task.path)} status")]


def _gone(repo: Repo, task: Task, path: Path) -> list[Reason]:
    """A workspace that is not there was deleted by hand, unless it is only somewhere else or out of reach."""
    if why := moved.told(repo, task):
        return [Reason("not-ours", why, moved.HINT)]
    if not path.parent.is_dir():
        detail = f"'{path.parent}' is not there: a file system that is not mounted?"
        return [Reason("unknown", detail, f"mkdir -p {quote(str(path.parent))}, if it was deleted for good")]
    for one in registry.worktrees(repo):
        entry = registry.admin_dir(repo, one.path)
        lock = registry.lock_reason(entry) if entry else None
        if one.branch == task.ref and lock and lock.startswith(registry.OUR_LOCK):
            back = f"git worktree move -f -f {quote(str(one.path))} {quote(str(path))}"
            return [Reason("not-ours", f"its workspace was moved to '{one.path}'", back)]
    return []


def _foreign(repo: Repo, path: Path) -> Reason | None:
    """Whether something is not ours: record, path and registration must agree."""
    if path.is_symlink() or not path.is_dir() or Path(os.path.realpath(path)) != path:
        return Reason("not-ours", f"'{path}' is not the directory that was made for it", f"ls -ld {quote(str(path))}")
    entry = registry.admin_dir(repo, path)
    if entry is None:
        if clones.linked(path):
            return Reason("not-ours", f"'{path}' is not the clone that was made for it", "git par doctor")
        return Reason("not-ours", f"'{path}' is not registered as a worktree of this repository", "git worktree list")
    around = {_identity(repo.common), *([_identity(repo.main)] if repo.main else [])}
    inside = [one.path for one in registry.worktrees(repo) if one.path != path and path in one.path.parents]
    if _identity(path) in around or path in repo.common.parents or (repo.main and path in repo.main.parents):
        return Reason("not-ours", f"'{path}' holds the repository itself")
    if inside:
        return Reason("nested", f"the worktree '{inside[0]}' lies inside", "git worktree list", firm=True)
    lock = registry.lock_reason(entry)
    if lock is not None and not lock.startswith(registry.OUR_LOCK):
        return Reason(
            "locked", f"its worktree is locked: {lock or 'no reason given'}", f"git worktree unlock {quote(str(path))}"
        )
    return None


def _work(repo: Repo, task: Task, path: Path, patterns: Sequence[str]) -> list[Reason]:
    git = _checkout(repo, path)
    listing_it = beside.begin(lambda: listing.read(git))
    now = status.read(git, untracked="all", ignored=True, seeing=True)
    listed = listing_it()
    show = f"git -C {quote(task.path)} status"
    found = []
    entry = registry.admin_dir(repo, path)
    if busy := in_progress.operation(entry) if entry else "":
        found.append(Reason("operation", f"{busy} is in progress in it", show))
    elif now.branch != task.branch:
        on = f"branch '{now.branch}'" if now.branch else "a detached HEAD"
        found.append(
            Reason(
                "other-branch",
                f"it is on {on}, not '{task.branch}'",
                f"git -C {quote(task.path)} switch {quote(task.branch)}",
            )
        )
    if now.tracked_dirt:
        found.append(Reason("uncommitted", f"uncommitted changes: {some(now.tracked_dirt)}", show))
    if entry == path / ".git":
        found += _of_clone(repo, task, git, path)
    mounted = files.mounts_below(path)
    inside = submodules.checkouts(git, entry, repo.common) if entry else []
    settled = {one.path for one in inside}
    for one in inside:
        if why := submodule(one, patterns):
            look = f"git -C {quote(str(one.git.cwd))} status"
            found.append(Reason("nested", f"submodule '{one.path}': {why}", look))
    if (
        nested := [one for one in nested_repositories.find(git, path, now, patterns, listed) if one not in settled]
        + mounted
    ):
        detail = f"another repository or file system lies inside: {some(nested)}"
        found.append(Reason("nested", detail, show, firm=bool(mounted)))
    came = secrets.arrivals(entry)  # nobody's work, and kept like what is ignored
    untracked = [one for one in now.untracked if not (one.endswith("/") or one in came)]
    if untracked:
        found.append(Reason("untracked", f"untracked files: {some(untracked)}", f"{show} --untracked-files=all"))
    if hidden := hidden_edits.find(git, path, listed):
        found.append(
            Reason(
                "hidden-edits",
                f"edits hidden by assume-unchanged or skip-worktree: {some(hidden)}",
                f"git -C {quote(task.path)} ls-files -v",
            )
        )
    return found


def _of_clone(repo: Repo, task: Task, git: Git, path: Path) -> list[Reason]:
    """What only a clone holds: refs of its own, and worktrees that were made from it."""
    found = []
    if any((path / ".git" / "worktrees").glob("*")):
        show = f"git -C {quote(task.path)} worktree list"
        found.append(Reason("nested", "worktrees were made from it", show, firm=True))
    own = (task.ref, "refs/remotes/", "refs/par/", "refs/bisect/", "refs/worktree/", "refs/rewritten/")
    if refs := [ref for ref in clones.alone(repo, git) if not ref.startswith(own[1:]) and ref != own[0]]:
        names = [ref.removeprefix("refs/heads/").removeprefix("refs/") for ref in refs]
        show = f"git -C {quote(task.path)} for-each-ref"
        found.append(Reason("only-here", f"only its clone has: {some(names)}", show))
    return found


def submodule(one: Checkout, patterns: Sequence[str]) -> str:
    """Why the submodule `one` must stay; empty when nothing of it would be lost."""
    if one.odd:
        return one.odd
    if busy := in_progress.operation(one.directory):
        return f"{busy} is in progress in it"
    now = status.read(one.git, untracked="all", ignored=True, seeing=True, submodules=False)
    # Of what is staged of submodules inside git says nothing there.
    if now.tracked_dirt or not one.git.holds("diff-index", "--cached", "--quiet", "--ignore-submodules=none", "HEAD"):
        return f"uncommitted changes: {some(now.tracked_dirt)}" if now.tracked_dirt else "uncommitted changes"
    if now.untracked:
        return f"untracked files: {some(now.untracked)}"
    if now.head != one.commit:
        return "it is not at the commit that is recorded for it"
    if hidden := hidden_edits.find(one.git, one.git.cwd):
        return f"edits hidden by assume-unchanged or skip-worktree: {some(hidden)}"
    if nested := nested_repositories.ignored(one.git, one.git.cwd, now, patterns):
        return f"another repository lies inside: {some(nested)}"
    return "it has commits that nothing else has" if submodules.stranded(one) else ""


def _checkout(repo: Repo, path: Path) -> Git:
    git = registry.checkout(repo, path)
    if git is None:
        raise Refused(f"'{path}': not a worktree of this repository")
    return git


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino
