"""What a task changed although it does not own it."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from git_par.git import Git
from git_par.landing import integrated
from git_par.names import some
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import secrets, status
from git_par.workspaces.owned import Owned


def committed(repo: Repo, task: Task, tip: str, bases: Iterable[str]) -> list[str]:
    """The files outside of what `task` owns that its commits up to `tip` changed; `bases` are the commits it is seen from.

    What it merged of any of them is not its own change, and neither is a file that stands as one of them has it by now.
    Both sides of a rename are changed.
    """
    if not task.owns:
        return []
    seen = list(dict.fromkeys(bases))
    roots = dict.fromkeys(root for base in seen for root in _roots(repo, task, tip, base))
    found: set[str] | None = None
    for root in roots:
        changed = _differing(repo.git, root, tip)
        found = changed if found is None else found & changed
    outside = Owned(task.owns).outside(found or ())
    for base in seen:
        if outside:
            now = _differing(repo.git, base, tip)
            outside = [path for path in outside if path in now]
    return outside


def uncommitted(git: Git, git_dir: Path | None, task: Task) -> list[str]:
    """The files outside of what `task` owns that are changed or new in the checkout that `git` is on.

    What was brought into that checkout, whose git directory is `git_dir`, is not new.
    """
    if not task.owns:
        return []
    now, came = status.read(git, untracked="all", renames=False), secrets.arrivals(git_dir)
    return Owned(task.owns).outside({*now.tracked_dirt, *(one for one in now.untracked if one not in came)})


def staged(repo: Repo, git: Git, task: Task, merging: Sequence[str], index: str | None) -> list[str]:
    """The files outside of what `task` owns that a commit of the checkout that `git` is on would change.

    That is what `index` (None: its usual one) has otherwise than HEAD and all of `merging`, the commits that are merged,
    have it; what stands as the base has it, or had it when the task left, is not changed but brought back.
    """
    env = {"GIT_INDEX_FILE": index} if index else None
    head = git.commit("HEAD")
    if head is None:
        return Owned(task.owns).outside(git.run("ls-files", "-z", env=env).out.split("\0")[:-1])

    def differing(commit: str) -> set[str]:
        how = ("--cached", "-z", "--no-renames", "--name-only", "--ignore-submodules=none")
        return set(git.run("diff-index", *how, commit, "--", env=env).out.split("\0")[:-1])

    outside = Owned(task.owns).outside(set.intersection(*map(differing, (head, *merging))))
    base = repo.git.commit(f"refs/heads/{task.base}") if outside else None
    if base:
        git = git.reading(repo.objects)  # a clone need not have the base as it is now
        for commit in (base, *git.run("merge-base", "--all", base, head, ok=(0, 1)).out.split()):
            now = differing(commit)
            outside = [path for path in outside if path in now]
    return outside


def said(paths: Sequence[str]) -> str:
    """Why a task with these changes is left out."""
    return f"it changed what it does not own: {some(paths, 10)}"


def _roots(repo: Repo, task: Task, tip: str, base: str) -> tuple[str, ...]:
    roots = repo.git.run("merge-base", "--all", base, tip, ok=(0, 1)).out.split()
    landed = integrated.start(repo, tip, base, task.landed)
    return integrated.merge_bases(repo, roots, [landed] if landed else [])


def _differing(git: Git, one: str, other: str) -> set[str]:
    how = ("-r", "-z", "--no-renames", "--name-only", "--ignore-submodules=none")
    return set(git.fields("diff-tree", *how, one, other))
