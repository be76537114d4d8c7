"""A short way for git's own fast-forward through a deep history.

`git merge --ff-only` asks, more than once, whether the branch is in the history of what it moves to, and each time walks
down to the oldest commit that a task of the plan left from.  The plan knows the answer.  A replace ref (git-replace(1)) in
a namespace of this one process (GIT_REPLACE_REF_BASE) tells git that the planned commit follows the base at once.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from git_par.landing.trees import NOBODY
from git_par.repo import Repo, is_true

_SHALLOW = 1_000_000
"""Bytes of pack index, some 30 an object, up to which a walk costs less than being spared it."""


@contextmanager
def spared(repo: Repo, before: str, after: str) -> Iterator[Mapping[str, str]]:
    """The environment in which git sees `after` as a child of `before`; an empty one where that gains nothing or may not be.

    It may not when `before` is not in the first-parent line of `after`, and when the user has replaced something.
    """
    if not _is_deep(repo) or not _follows(repo, before, after) or _replaces(repo):
        yield {}
        return
    namespace = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}-short/"
    child = repo.git.run("commit-tree", f"{after}^{{tree}}", "-p", before, feed="seen short\n", env=NOBODY).out.strip()
    repo.git.run("update-ref", f"{namespace}{after}", child, "")
    try:
        yield {"GIT_REPLACE_REF_BASE": namespace}
    finally:
        repo.git.run("update-ref", "-d", f"{namespace}{after}", ok=range(256))


def _is_deep(repo: Repo) -> bool:
    try:
        with os.scandir(repo.common / "objects" / "pack") as packs:
            return sum(entry.stat().st_size for entry in packs if Path(entry.name).suffix == ".idx") > _SHALLOW
    except OSError:
        return False


def _follows(repo: Repo, before: str, after: str) -> bool:
    """Whether going from parent to first parent leads from `after` to `before`.

    The walk ends there; when git goes on because of odd dates, the last line is another, and the answer is no.
    """
    lines = repo.git.run("rev-list", "--first-parent", "--parents", after, f"^{before}").out.splitlines()
    return bool(lines) and lines[-1].split()[1:2] == [before]


def _replaces(repo: Repo) -> bool:
    if not is_true(repo.setting("core.usereplacerefs") or "true"):
        return True
    return bool(repo.git.line("for-each-ref", "--count=1", "refs/replace"))
