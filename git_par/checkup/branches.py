"""Do the branches of the tasks stand where they were left, and is there a base to return to?"""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from shlex import quote

from git_par.checkup import clones as cloned
from git_par.checkup import registrations
from git_par.checkup.finding import Case, Finding
from git_par.errors import ParError
from git_par.repo import Repo, linked_checkout
from git_par.state.tasks import Task
from git_par.workspaces import clones, in_progress, own_refs, registry, status


def check(case: Case) -> Iterator[Finding]:
    """The branch and the base of each task that is neither being made nor removed."""
    seen = clones.seeing(case.session).repo
    tips = seen.branches()
    standing = cache(registry.branch_of)  # where refs lie in tables, each costs a process
    for task in case.tasks:
        if task.state != "active":
            continue
        entry = registry.admin_dir(case.repo, Path(task.path))
        tip = tips.get(task.ref)
        if clones.is_clone(task) and entry is not None:
            yield from cloned.branch(case, task, seen, _elsewhere(case, task, entry, standing))
        elif tip is None:
            yield from _gone(case, task, entry)
        elif entry is not None and not registrations.lacks(entry):  # that is told with the registrations
            yield from _elsewhere(case, task, entry, standing)
            yield from _moved(case, task, entry, tip)
        if f"refs/heads/{task.base}" not in tips:
            yield _base(case, task)
        elif tip is not None:
            yield from _unmerged(case, seen, task, tip)


def _gone(case: Case, task: Task, entry: Path | None) -> Iterator[Finding]:
    if entry is None and os.path.lexists(task.path):
        return  # told with the workspace
    if new := _renamed(case.repo, task.branch):
        yield Finding(
            "branch-renamed",
            f"its branch '{task.branch}' was renamed to '{new}'",
            "--fix records the new name; it renames nothing",
            task=task.name,
            mend=partial(case.change, task, branch=new),
        )
    elif entry is not None and (last := own_refs.last(case.repo, entry)) and registry.branch_of(entry) == task.branch:
        yield Finding(
            "branch-gone",
            f"its branch '{task.branch}' was deleted; its workspace stood at {last[:8]}",
            f"--fix makes the branch again, at {last[:8]}; it touches no file",
            task=task.name,
            mend=partial(_make_again, case, task.ref, last),
        )
    elif entry is not None:
        yield Finding(
            "branch-gone",
            f"its branch '{task.branch}' was deleted, and its workspace is on {_on(entry)}",
            f"for you to do: git branch {quote(task.branch)} COMMIT, or git par remove {quote(task.name)}; "
            "--fix does not choose a commit",
            task=task.name,
        )


def _make_again(case: Case, ref: str, commit: str) -> None:
    """Let the branch stand at `commit`; what is no commit in its file, after a power failure, is moved aside."""
    with case.session.locks.repository():
        loose = case.repo.common / ref
        if loose.is_file() and case.repo.git.commit(ref) is None:
            case.set_aside(loose)
        case.repo.git.run("update-ref", "--create-reflog", ref, commit, "")


def _on(entry: Path) -> str:
    branch = registry.branch_of(entry)
    return f"branch '{branch}'" if branch else "a detached HEAD"


def _renamed(repo: Repo, branch: str) -> str | None:
    """What `branch` is called now: `git branch -m` writes it into the reflog of the new name."""
    said = f"Branch: renamed refs/heads/{branch} to "
    told = repo.git.run("log", "--no-show-signature", "-g", "--format=%gs", "--branches", "--", ok=range(256)).out
    said_so = {line.removeprefix(said) for line in told.splitlines() if line.startswith(said)}
    found = [ref.removeprefix("refs/heads/") for ref in repo.branches() if ref in said_so]
    return found[0] if len(found) == 1 else None


def _elsewhere(case: Case, task: Task, entry: Path, standing: Callable[[Path], str | None]) -> Iterator[Finding]:
    if standing(entry) != task.branch and not in_progress.operation(entry):
        yield Finding(
            "branch-elsewhere",
            f"its workspace is on {_on(entry)}, not on '{task.branch}': merge, sync and prune leave it",
            f"for you to do: git -C {quote(task.path)} switch {quote(task.branch)}; --fix does not switch what you work in",
            task=task.name,
        )
    for directory in (case.repo.common, *registry.entries(case.repo)):
        place = case.repo.main if directory == case.repo.common else linked_checkout(directory)
        if directory != entry and place and standing(directory) == task.branch:
            yield Finding(
                "branch-elsewhere",
                f"its branch '{task.branch}' is checked out in '{place}' too: a commit in one is undone in the other",
                f"for you to do: git -C {quote(str(place))} switch --detach; --fix does not switch what you work in",
                task=task.name,
            )


def _moved(case: Case, task: Task, entry: Path, tip: str) -> Iterator[Finding]:
    """A branch that was set elsewhere behind the back of its workspace, with commits that nothing else holds."""
    last = own_refs.last(case.repo, entry)
    if registry.branch_of(entry) != task.branch or last in (None, tip) or last is None:
        return
    git = case.repo.git
    if git.holds("merge-base", "--is-ancestor", last, tip) or git.line("for-each-ref", "--count=1", "--contains", last):
        return
    keep = f"refs/par/kept/{task.slug}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}/tip"
    yield Finding(
        "branch-moved",
        f"its branch '{task.branch}' was moved to {tip[:8]}, and the commits up to {last[:8]} are on no branch any more",
        f"--fix keeps them under refs/par/kept/{task.slug}; it does not move the branch back "
        f"(git -C {quote(task.path)} reset --keep {last[:8]})",
        task=task.name,
        mend=partial(git.run, "update-ref", "--create-reflog", "-m", "git-par: kept", keep, last, ""),
    )


def _base(case: Case, task: Task) -> Finding:
    gone = f"the branch it returns to, '{task.base}', is gone"
    given = f"git par set {quote(task.name)} --base BRANCH"
    if new := _renamed(case.repo, task.base):
        return Finding(
            "base-gone",
            f"{gone}: it was renamed to '{new}'",
            f"--fix records '{new}' as its base; it moves no commit",
            task=task.name,
            mend=partial(case.change, task, base=new),
        )
    listed = case.repo.git.line("for-each-ref", "--format=%(refname:strip=2)", f"refs/remotes/*/{task.base}")
    if remote := next(iter(listed.splitlines()), ""):
        given = f"git branch {quote(task.base)} {quote(remote)}, or {given}"
    return Finding(
        "base-gone",
        f"{gone}: it cannot be merged",
        f"for you to do: {given}; --fix does not choose a base",
        task=task.name,
    )


def _unmerged(case: Case, seen: Repo, task: Task, tip: str) -> Iterator[Finding]:
    """Work in a task that has landed, and that may be taken for done."""
    if task.landed is None:
        return
    git, said = seen.git, []
    later = git.run("rev-list", "--count", tip, f"^{task.landed.tip}", f"^refs/heads/{task.base}", "--", ok=(0, 128))
    if later.code == 0 and (count := int(later.out)):
        said.append(f"{count} commit{'s' if count > 1 else ''} since")
    there = registry.checkout(case.repo, Path(task.path))
    try:
        now = status.read(there) if there else None
    except ParError:
        now = None  # told with the workspace
    if now and (dirt := len(now.tracked_dirt) + len(now.untracked)):
        said.append(f"{dirt} uncommitted file{'s' if dirt > 1 else ''}")
    if said:
        yield Finding(
            "work-unmerged",
            f"it has landed in '{task.landed.into}', and has {' and '.join(said)} that did not",
            f"for you to do: commit, then git par merge {quote(task.name)}; --fix neither commits nor merges",
            task=task.name,
        )
