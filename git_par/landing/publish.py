"""Publish a plan: the one step that moves a branch to the planned commit.

By compare-and-swap where the branch is not checked out; by git's own fast-forward where it is, or its `reset --keep` where
its commits were made again, because only those keep unrelated edits, refuse what would be overwritten and move files,
index and branch together.
"""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from shlex import quote

from git_par import git
from git_par.errors import Busy, GitFailed, Refused
from git_par.git import Git, Reply
from git_par.landing import recover, shortcut
from git_par.names import some
from git_par.repo import Repo
from git_par.state.announce import Announcement, announced
from git_par.workspaces import clones, git_hooks, in_progress, meeting, registry, status

_RETRIES = 5
"""How often a fast-forward is tried again that failed for no reason that is still there."""

_FEW = 500
"""Up to so many paths git is asked about them alone, which costs nothing in a large checkout."""

_INDEX_PATIENCE = 10.0
"""Seconds to wait for an editor or another git to let go of the index of the base's checkout."""

_EMPTY = "GIT_PAR_EMPTY"
"""A variable with nothing in it, the value of settings that must not have a say."""


@dataclass(frozen=True)
class Place:
    """Where a base is checked out: its directory and git there."""

    path: Path
    git: Git


@dataclass(frozen=True)
class _Move:
    """The branch `base` goes from `before` to `after`; `note` is for the reflog.

    `replayed` when `after` does not contain `before`, because its commits were made again.
    """

    base: str
    before: str
    after: str
    note: str
    replayed: bool

    @property
    def ref(self) -> str:
        return f"refs/heads/{self.base}"

    @property
    def command(self) -> tuple[str, ...]:
        """What takes a checkout there, and keeps edits to other files."""
        if self.replayed:
            return ("reset", "--keep", "--quiet", self.after)
        return (
            # With a strategy such as `ours` in the branch's own options, or in pull.twohead, git would not fast-forward.
            f"--config-env=branch.{self.base}.mergeOptions={_EMPTY}",
            *("merge", "--strategy=ort", "--ff-only", "--no-overwrite-ignore", "--no-autostash", "--no-squash"),
            *("--commit", "--no-verify-signatures", "--no-stat", "--quiet", self.after),
        )

    def failed(self, reply: Reply) -> GitFailed:
        return git.failed(["reset" if self.replayed else "merge"], reply)

    def announcement(self, where: Place) -> Announcement:
        return Announcement(str(where.path), self.base, self.before, self.after)


def place(repo: Repo, base: str) -> Place | None:
    """The checkout of `base`, None when it has none; Refused when the base must not be moved now."""
    found = [one.path for one in registry.worktrees(repo) if one.branch == f"refs/heads/{base}"]
    if len(found) > 1:
        places = " and ".join(f"'{path}'" for path in found)
        raise Refused(f"{base}: checked out twice, in {places}", hint=f"git -C {quote(str(found[1]))} switch --detach")
    if busy := in_progress.moving(repo, base):
        raise Refused(f"{base}: {busy}", hint=in_progress.WAY_OUT)
    if not found:
        if away := [task for task, _ in clones.living(repo) if task.branch == base]:
            go = f"git -C {quote(away[0].path)} switch {quote(base)}"
            raise Refused(f"{base}: its clone '{away[0].path}' is on another branch", hint=go)
        # Moving it would move that other branch under its checkout: those show by their own name only.
        if other := repo.git.run("symbolic-ref", "--quiet", f"refs/heads/{base}", ok=(0, 1, 128)).out.strip():
            name = other.removeprefix("refs/heads/")
            raise Refused(
                f"{base}: it is another name for '{name}'",
                hint=f"git par merge --into {quote(name)}, or git par set NAME --base {quote(name)}",
            )
        return None
    path = found[0]
    checkout = registry.checkout(repo, path)
    directory = registry.git_dir(repo, path)
    if checkout is None or directory is None:
        raise Refused(
            f"{base}: checked out in '{path}', which is gone or damaged",
            hint=f"git worktree repair {quote(str(path))}, or 'git worktree prune' when it is gone for good",
        )
    if busy := in_progress.operation(directory):
        raise Refused(
            f"{base}: {busy} is in progress in '{path}'", hint=f"cd {quote(str(path))} and finish or abort it"
        )
    return Place(path, checkout)


def target(repo: Repo, base: str) -> Place | None:
    """The same for a branch that tasks land in; Refused when it is that of a clone, where only its own work goes on."""
    for task, directory in clones.living(repo):
        if task.branch == base:
            name = quote(task.name)
            raise Refused(
                f"{base}: it lives in a clone, '{directory.parent}', and nothing lands there",
                hint=f"name {name} too, so that all of it lands in {task.base}, or merge --into BRANCH",
            )
    return place(repo, base)


def publish(
    repo: Repo,
    *,
    base: str,
    before: str,
    after: str,
    note: str,
    ready: Callable[[Place | None], None],
    replayed: bool = False,
) -> bool:
    """Move `base` from `before` to `after`; False when it stands elsewhere, so that it must be planned again.

    Call it under the base's lock.  `ready` is told the place right before anything moves.  `note` is for the reflog.
    `replayed` when the commits of `before` are not in `after`, because they were made again.
    """
    move = _Move(base, before, after, note, replayed)
    where = place(repo, base)
    if registry.refs(repo, where.path if where else None).commit(move.ref) != before:
        return False
    ready(where)
    if where is None:
        reply = repo.git.run("update-ref", "-m", note, move.ref, after, before, ok=range(256))
        if reply.code == 0:
            return True
        if repo.git.commit(move.ref) != before:
            return False
        raise git.failed(["update-ref"], reply)
    if replayed:
        _expect_room(repo, where, move)
        _refresh(where)
    if task := clones.owner(repo, where.path):
        with meeting.lent(repo, where.path, after, branch=task.base), announced(repo, move.announcement(where)):
            moved = _move(repo, where, move, {})
        if moved:
            meeting.follow(repo, task, before, after, note)
        return moved
    with shortcut.spared(repo, before, after) as spared, announced(repo, move.announcement(where)):
        return _move(repo, where, move, spared)


def check(repo: Repo, *, base: str, before: str, after: str, replayed: bool) -> None:
    """Refused where a publish would be, as far as that can be told before."""
    where = place(repo, base)
    if where and replayed:
        _expect_room(repo, where, _Move(base, before, after, "", replayed))
    elif where and (blocked := in_the_way(repo, where.git, before, after)):
        raise _in_the_way(where, _Move(base, before, after, "", replayed), blocked)


def _expect_room(repo: Repo, where: Place, move: _Move) -> None:
    """Refused where `reset --keep` would do harm: it overwrites ignored files, and unstages all that is staged."""
    if blocked := in_the_way(repo, where.git, move.before, move.after):
        raise _in_the_way(where, move, blocked)
    if staged := where.git.fields("diff-index", "--cached", "--name-only", "-z", "--no-renames", move.before, "--"):
        raise Refused(f"{move.base}: staged in '{where.path}': {some(staged, 5)}", hint="commit or unstage them first")


def _refresh(where: Place) -> None:
    """Unlike a merge, `reset --keep` takes a file for edited when only its times have changed: look at it once more."""
    where.git.run("update-index", "-q", "--refresh", ok=range(256))


def _in_the_way(where: Place, move: _Move, blocked: list[str]) -> Refused:
    return Refused(
        f"{move.base}: in the way in '{where.path}': {some(blocked, 5)}",
        hint="commit those files or move them away, then run the command again",
    )


def _move(repo: Repo, where: Place, move: _Move, spared: Mapping[str, str]) -> bool:
    base, before, after = move.base, move.before, move.after
    refs = registry.refs(repo, where.path)
    deadline = time.monotonic() + _INDEX_PATIENCE
    # Asked before git writes anything: afterwards its own half-written files would be in the way.
    blocked = in_the_way(repo, where.git, before, after)
    # In a sparse checkout git overwrites untracked files, with a warning only (seen in 2.39).
    if blocked and where.git.run("config", "--type=bool", "core.sparseCheckout", ok=(0, 1)).out == "true\n":
        raise _in_the_way(where, move, blocked)
    retries = _RETRIES
    while True:
        reply = where.git.run(*move.command, ok=range(256), env={**spared, "GIT_REFLOG_ACTION": move.note, _EMPTY: ""})
        stands = refs.commit(move.ref)
        if reply.code == 0 and stands == after:
            break
        if stands != before:
            return False
        index_lock = registry.git_dir(repo, where.path)
        if index_lock and (index_lock / "index.lock").exists():
            if time.monotonic() > deadline:
                raise Busy(
                    f"{base}: another git holds the index of '{where.path}'",
                    hint="wait for it; when none runs there: git par doctor --fix",
                )
            time.sleep(0.05)
            continue
        if blocked or not recover.is_torn(where.git, where.path, before, after):
            blocked = blocked or in_the_way(repo, where.git, before, after)
            if not blocked and retries:
                retries -= 1  # what held git back, such as a lock on the index, was gone when we looked
                time.sleep(0.05)
                continue
            if not blocked:
                raise move.failed(reply)
            raise _in_the_way(where, move, blocked)
        # A filter, a full disk or a directory that cannot be written stopped git half way.
        raise _taken_back(repo, where, move.announcement(where), move.failed(reply))
    if _moved_exactly(refs, move.ref, before, after):
        return True
    # Somebody moved the base between our look and git's: what git moved on was not what was planned on.
    earlier = refs.commit(f"{move.ref}@{{1}}")
    if earlier:
        _refresh(where)
        where.git.run("reset", "--keep", "--quiet", earlier)
    return False


def run_post_merge(repo: Repo, where: Place) -> str:
    """Run the post-merge hook where git would have (githooks(5)); what went wrong, or nothing."""
    # Only where the checkout itself does not lead to its repository is that named, and so seen by the hook.
    git_there = Git(where.path) if (where.path / ".git").exists() else where.git
    problem = git_hooks.run(repo, where.path, git_there, "post-merge", "0")
    return f"the {problem}" if problem else ""


def _moved_exactly(refs: Git, ref: str, before: str, after: str) -> bool:
    """Whether the reflog has the step before → after; a repository without reflogs cannot tell, and is believed."""
    values = refs.run("log", "--no-show-signature", "-g", "--format=%H", "-n", "8", ref, "--", ok=(0, 128)).out.split()
    return len(values) < 2 or (after, before) in pairwise(values)


def _taken_back(repo: Repo, where: Place, cut_off: Announcement, problem: GitFailed) -> GitFailed:
    """`problem`, after the checkout was put back; when that fails too, with the command that does it."""
    said: list[str] = []
    try:
        recover.restore(repo, cut_off, said.append)
    except GitFailed:
        left = recover.differing(where.git, where.path, cut_off.before, cut_off.after)
        names = " ".join(quote(name) for name in left[:20])
        problem.hint = f"git -C {quote(str(where.path))} checkout HEAD -- {names}"
        return problem
    problem.hint = f"mend that and run the command again; '{where.path}' is as it was"
    return problem


def in_the_way(repo: Repo, checkout: Git, before: str, after: str) -> list[str]:
    """What stands uncommitted, untracked or ignored where going from one tree or commit to another would write."""
    coming = set(repo.git.fields("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after))
    above = {path[:at] for path in coming for at, sign in enumerate(path) if sign == "/"} - coming
    files = [path for path in above if os.path.lexists(checkout.cwd / path) and not _is_directory(checkout.cwd / path)]
    now = status.read(checkout, untracked="all", ignored=True, paths=sorted(coming) if len(coming) <= _FEW else ())
    local = {*now.staged, *now.changed, *now.untracked, *now.ignored}
    folders = tuple(path for path in local if path.endswith("/"))
    return sorted(files) + sorted(
        path
        for path in coming
        if path in local or path.startswith(folders) or any(one.startswith(f"{path}/") for one in local)
    )


def _is_directory(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()
