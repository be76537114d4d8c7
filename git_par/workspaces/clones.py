"""Workspaces that are repositories of their own: which they are, and where their branches stand.

The registration of a clone is `.git/par-parent` in it.  It counts when the record of its task, the path and that file
agree; what a directory says of itself is never enough.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from git_par.errors import Refused
from git_par.git import Git
from git_par.parent import CLONES, PARENT, Link, link
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task, Tasks

PINS = "refs/par/clone"
"""Under `<slug>/` in the parent: `agreed`, and what a clone without objects of its own borrows."""

_PASSING = (f"{PINS}/", "refs/par/plan/")
_LASTING = (*(f"--exclude={space}*" for space in _PASSING), "--all")
"""All refs of the parent (git-rev-list(1)) but those."""

_OBJECT = re.compile(rb"(?:[0-9a-f]{40}|[0-9a-f]{64})\n")


def is_clone(task: Task) -> bool:
    """Whether the workspace of `task` is a repository of its own."""
    return task.isolation in CLONES


def claims(repo: Repo, task: Task, place: Path) -> bool:
    """Whether the directory `place`, wherever it lies, is the clone that was made for `task`."""
    return link(place / ".git") == Link(repo.common, task.name, task.created)


def owner(repo: Repo, path: Path) -> Task | None:
    """The task whose clone stands at `path`: record, path and the clone itself agree."""
    found = link(path / ".git")
    if found is None or found.parent != repo.common:
        return None
    try:
        task = Tasks(repo, lambda _: None).get(found.task)
    except Refused:
        return None
    return task if task and task.path == str(path) and is_clone(task) and claims(repo, task, path) else None


def around(repo: Repo) -> Task | None:
    """The task in whose clone one stands, or in a worktree that was made from that."""
    place = repo.git_dir.parents[1] if repo.git_dir.parent.name == "worktrees" else repo.git_dir
    return owner(repo, place.parent) if place.name == ".git" and place != repo.common else None


def git_dir(repo: Repo, path: Path) -> Path | None:
    """The git directory of the clone at `path`; None when there is none of this repository."""
    return path / ".git" if owner(repo, path) else None


def living(repo: Repo) -> Iterator[tuple[Task, Path]]:
    """Every task whose clone stands where it should, with the git directory of that."""
    for task in _records(repo):
        if is_clone(task) and claims(repo, task, Path(task.path)):
            yield task, Path(task.path) / ".git"


def opened(repo: Repo, place: Path) -> Git:
    """Git on the clone that stands at `place`."""
    return repo.checkout(place, place / ".git").reading(place / ".git" / "objects")


def tip(repo: Repo, task: Task) -> str | None:
    """Where the branch of `task` stands in its clone; None when that has no such branch."""
    directory = Path(task.path) / ".git"
    try:
        text = (directory / task.ref).read_bytes()
    except OSError:
        text = b""
    if _OBJECT.fullmatch(text) and not (directory / "reftable").exists():
        return text.decode().strip()
    return opened(repo, Path(task.path)).commit(task.ref)


def seeing(session: Session) -> Session:
    """The session of a verb that only reads: every branch stands where its clone has it, and the clones' objects are read.

    Nothing is written for that, neither here nor there.
    """
    repo = session.repo
    found = list(living(repo)) if not repo.git.seen else []
    if not found:
        return session
    stand = tuple((task.ref, tip(repo, task) or "") for task, _ in found)
    git = replace(repo.git.reading(*(directory / "objects" for _, directory in found)), seen=stand)
    view, seen = replace(repo), replace(session)
    view.__dict__.update({key: value for key, value in repo.__dict__.items() if key != "here"}, git=git)
    seen.__dict__.update(session.__dict__, repo=view)
    return seen


@contextmanager
def rehearsing(session: Session) -> Iterator[Session]:
    """The same for one that plans what it does not do: where there are clones, the objects of that go nowhere."""
    seen = seeing(session)
    if not seen.repo.git.seen:
        yield session
        return
    with seen.repo.scratch() as objects:
        seen.repo.__dict__["git"] = seen.repo.git.writing_to(objects, seen.repo.objects)
        yield seen


def alone(repo: Repo, there: Git) -> dict[str, str]:
    """The refs of the clone that `there` is git on, with their objects, as far as no ref of the parent reaches these.

    What the parent only holds for clones, or for the moment, does not count.
    """
    own = refs(there)
    known = {found for ref, found in refs(repo.git).items() if not ref.startswith(_PASSING)}
    asked = "".join(f"{one}\n" for one in sorted(set(own.values()) - known))
    told = repo.git.run("cat-file", "--batch-check", feed=asked).out.splitlines() if asked else []
    reached = {line.split(" ")[0] for line in told if line.split(" ")[1] == "commit"}
    if commits := "".join(f"{one}\n" for one in reached):
        reached -= set(repo.git.run("rev-list", "--stdin", "--not", *_LASTING, feed=commits).out.split())
    return {ref: found for ref, found in own.items() if found not in known | reached}


def refs(git: Git) -> dict[str, str]:
    """Every ref of a repository, with its object."""
    listed = git.line("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    return {ref: found for found, _, ref in (line.partition(" ") for line in listed)}


def beside(path: Path) -> list[Path]:
    """The clones that lie in the directory of the workspace `path`, whose ever they are."""
    try:
        with os.scandir(path.parent) as entries:
            found = sorted(Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False))
    except OSError:
        return []
    return [place for place in found if linked(place)]


def parent_file(repo: Repo, task: Task) -> bytes:
    """What stands in `.git/par-parent` of the clone of `task`."""
    import json

    told = {"version": 1, "parent": str(repo.common), "task": task.name, "created": task.created}
    return f"{json.dumps(told, indent=1)}\n".encode()


def linked(place: Path) -> bool:
    """Whether the directory `place` says that it is a clone of some repository of git-par."""
    return (place / ".git" / PARENT).is_file()


def _records(repo: Repo) -> list[Task]:
    return Tasks(repo, lambda _: None).all()
