"""Take branches and worktrees that others made under management, and give them back.

A worktree is only moved where nobody notices; what is in it stays as it is.  Its branch is never touched.
"""

import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.errors import GitFailed, Refused, UsageError
from git_par.repo import Repo, linked_checkout
from git_par.state.session import Session
from git_par.state.tasks import NOT_PLACED, Task
from git_par.workspaces import claims, in_progress, registering, registry, submodules, usage, worktree


@dataclass(frozen=True)
class Found:
    """What is to be adopted: a branch, and the linked worktree that has it checked out, if there is one."""

    branch: str
    tip: str
    path: Path | None


def find(session: Session, word: str) -> Found:
    """The worktree or the branch that `word` names; UsageError or Refused when it cannot be adopted."""
    repo = session.repo
    place = Path(os.path.realpath(repo.cwd / word))
    for left in session.tasks.all():  # perhaps by a killed one
        if left.branch == word.removeprefix("refs/heads/") or left.path == str(place):
            claims.clear_dead(session, left.name)
    trees = registry.worktrees(repo)
    tree = next((one for one in trees if Path(os.path.realpath(one.path)) == place), None)
    if tree is None:
        branch = word.removeprefix("refs/heads/")
        if not branch or repo.git.commit(f"refs/heads/{branch}") is None:
            raise UsageError(
                f"{word}: neither a worktree nor a branch", hint="see 'git worktree list' and 'git branch'"
            )
        tree = next((one for one in trees if one.branch == f"refs/heads/{branch}"), None)
    else:
        branch = (tree.branch or "").removeprefix("refs/heads/")
    if tree and tree.path == repo.main:
        raise UsageError(f"{word}: it is the main worktree, which is no task", hint="git par add NAME")
    if task := next((one for one in session.tasks.all() if branch and one.branch == branch), None):
        already = f"{word}: it is task {task.name} already"
        # A killed one had moved it, or somebody has.
        if task.state == "active" and registry.admin_dir(repo, Path(task.path)) is None:
            raise UsageError(f"{already}, and not at '{task.path}' any more", hint="git par doctor --fix")
        raise UsageError(already, hint=f'cd "$(git par path {quote(task.name)})"')
    if tree:
        _check(repo, word, tree.path, branch)
    if branch == registry.branch_of(repo.common):
        raise UsageError(f"{word}: it is the branch that others return to", hint="git par add NAME")
    if why := in_progress.moving(repo, branch):
        raise Refused(f"{word}: {why}", hint=in_progress.WAY_OUT)
    tip = repo.git.commit(f"refs/heads/{branch}")
    if tip is None:
        raise UsageError(f"{word}: no commit yet", hint=f"git -C {quote(str(place))} commit")
    return Found(branch, tip, tree.path if tree else None)


def _check(repo: Repo, word: str, path: Path, branch: str) -> None:
    entry = registry.admin_dir(repo, path)
    if entry is None or Path(os.path.realpath(path)) != path:
        raise Refused(
            f"{word}: '{path}' and git's registration of it do not agree",
            hint=f"git worktree repair {quote(str(path))}",
        )
    if not branch:
        busy = in_progress.operation(entry)
        what = f"{busy} is in progress in it" if busy else "it is on no branch"
        there = quote(str(path))
        raise UsageError(f"{word}: {what}", hint=f"git -C {there} {'status' if busy else 'switch -c BRANCH'}")
    lock = registry.lock_reason(entry)
    if lock is not None and not lock.startswith(registry.OUR_LOCK):
        raise Refused(
            f"{word}: it is locked: {lock or 'no reason given'}", hint=f"git worktree unlock {quote(str(path))}"
        )


def base_of(repo: Repo, found: Found, wanted: str | None) -> tuple[str, str]:
    """The branch that `found` returns to, and the commit where it left it.

    Without `wanted` it is that of the main worktree, `init.defaultBranch`, or the branch for which its upstream stands,
    whichever it left last.
    """
    candidates = [wanted.removeprefix("refs/heads/")] if wanted is not None else _candidates(repo, found.branch)
    best: tuple[int, str, str] | None = None
    for name in dict.fromkeys(one for one in candidates if one != found.branch):
        tip = repo.git.commit(f"refs/heads/{name}")
        if tip is None:
            continue
        roots = repo.git.run("merge-base", tip, found.tip, ok=(0, 1)).out.split()
        for root in roots:
            distance = int(repo.git.line("rev-list", "--count", f"{root}..{found.tip}"))
            if best is None or distance < best[0]:
                best = (distance, name, root)
    if best:
        return best[1:]
    if wanted is not None:
        raise UsageError(f"--base {wanted}: no branch that {found.branch} could have left", hint="see 'git branch'")
    raise UsageError(
        f"{found.branch}: git does not say which branch it returns to", hint="name that with --base BRANCH"
    )


def _candidates(repo: Repo, branch: str) -> list[str]:
    names = [registry.branch_of(repo.common), repo.setting("init.defaultbranch")]
    form = "--format=%(upstream)%00%(refname)"
    tracking = [line.split("\0") for line in repo.git.line("for-each-ref", form, "refs/heads").splitlines()]
    upstream = next((one for one, ref in tracking if ref == f"refs/heads/{branch}"), "")
    names += [ref.removeprefix("refs/heads/") for one, ref in tracking if upstream and one == upstream]
    if upstream.startswith("refs/heads/"):
        names.append(upstream.removeprefix("refs/heads/"))
    return [name for name in names if name]


def hindrance(session: Session, path: Path) -> str:
    """Why the worktree `path` cannot be moved now; empty when it can."""
    if session.repo.top == path:
        return "you are standing in it"
    if path in session.repo.common.parents:
        return "the repository lies inside"
    if found := usage.users([path])[path]:
        return f"in use by {found[0].command} (process {found[0].pid})"
    if any(path in one.path.parents for one in registry.worktrees(session.repo)):
        return "another worktree lies inside"
    if files.mounts_below(path):
        return "another file system lies inside"
    return ""


def take(session: Session, task: Task, before: Path | None, undo: ExitStack, *, stay: bool) -> Task:
    """Record `task` and make the worktree `before` its workspace, moved to `task.path` unless it is to `stay`, or must.

    Without `before` the workspace at `task.path`, a directory that is reserved, is registered, and to be filled.  Call it
    under the locks of the repository and of the task; `undo` learns how each step is taken back.
    """
    repo = session.repo
    if before is None:
        task = replace(task, state="creating", placed=NOT_PLACED)
        session.tasks.add(task)
        undo.callback(session.tasks.drop, task.name)
        registering.register(repo, Path(task.path), task.branch, task.name)
        return task
    entry = registry.admin_dir(repo, before)
    if entry is None:
        raise GitFailed(f"'{before}': it is not a worktree any more", hint="git worktree list")
    # Recorded first: a kill from here on leaves a task, where it was or where `git par doctor` finds it.
    session.tasks.add(replace(task, path=str(before)))
    undo.callback(session.tasks.drop, task.name)
    undo.callback(_lock, entry, registry.lock_reason(entry))
    _lock(entry, registry.reason_for(task.name))
    if stay:
        return replace(task, path=str(before))
    undo.callback(_move_back, repo, entry, Path(task.path), before)
    try:
        move(repo, entry, before, Path(task.path))
    except OSError:
        _move_back(repo, entry, Path(task.path), before)
        forget_reserved([Path(task.path)])
        return replace(task, path=str(before))
    session.tasks.put(task)
    return task


def give_back(session: Session, task: Task, before: Path) -> None:
    """Forget `task`, whose worktree stands at `before` again and in nobody's name; under the same locks."""
    repo, path = session.repo, Path(task.path)
    cut_off = is_half_back(repo, task, before)
    entry = registry.claimed_entry(repo, before) if cut_off else registry.admin_dir(repo, path)
    if entry is None:
        raise GitFailed(f"'{path}': it is not a worktree any more", hint="git par doctor")
    if path != before:
        if cut_off:
            _tell_git(repo, entry, before)
        else:
            move(repo, entry, path, before)
        session.tasks.put(replace(task, path=str(before)))
    _lock(entry, None)
    session.tasks.drop(task.name)


def is_half_back(repo: Repo, task: Task, before: Path) -> bool:
    """Whether the worktree of `task` stands at `before` already, and a killed `give_back` had no time to say so."""
    entry = registry.claimed_entry(repo, before)
    if entry is None or os.path.lexists(task.path) or Path(os.path.realpath(before)) != before:
        return False
    return registry.task_of(entry) == task.name and linked_checkout(entry) in (Path(task.path), before)


def _move_back(repo: Repo, entry: Path, new: Path, before: Path) -> None:
    if not os.path.lexists(before):
        move(repo, entry, new, before)


def _lock(entry: Path, reason: str | None) -> None:
    if reason is None:
        (entry / "locked").unlink(missing_ok=True)
    else:
        files.replace(entry / "locked", os.fsencode(reason))


def move(repo: Repo, entry: Path, old: Path, new: Path) -> None:
    """Rename the worktree `old` of the registration `entry` to `new`, an empty directory or nothing."""
    old.rename(new)
    _tell_git(repo, entry, new)


def _tell_git(repo: Repo, entry: Path, new: Path) -> None:
    """Let registration and worktree point at each other, which stands at `new` now."""
    told = os.fsdecode((entry / "gitdir").read_bytes())
    if Path(told).is_absolute():
        files.replace(entry / "gitdir", os.fsencode(f"{new}/.git\n"))
    else:  # from 2.48 on, when the repository wants it so
        files.replace(entry / "gitdir", os.fsencode(f"{os.path.relpath(new, entry)}/.git\n"))
        (new / ".git").write_bytes(os.fsencode(f"gitdir: {os.path.relpath(entry, new)}\n"))
    submodules.connect(worktree.opened(repo, new), entry)


def reserve(session: Session, found: Found, name: str, *, stay: bool) -> tuple[Path, bool, str]:
    """Where the workspace is to be, whether that is where it is already, and why it must be there if it must."""
    repo, path = session.repo, found.path
    if path is None:
        return worktree.reserve(repo, name), False, ""
    if stay or path.parent == repo.workspaces:
        return path, True, ""
    if why := hindrance(session, path):
        return path, True, why
    target = worktree.reserve(repo, name)
    if target.stat().st_dev != path.stat().st_dev:
        target.rmdir()
        return path, True, "the workspaces directory is on another file system"
    return target, False, ""


def forget_reserved(places: Sequence[Path]) -> None:
    """Delete the directories that were reserved and never used."""
    for place in places:
        with suppress(OSError):
            place.rmdir()
