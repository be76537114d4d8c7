"""What removals saved, each as a keepsake: commits under `refs/par/kept/`, files beside the workspaces, and a record.

The record tells what the task was.  Without it the refs alone still make a keepsake, as good as they can: nothing is lost
because a record is.  The registration of the workspace lies beside the record: its index, its reflog, and what was in
progress there.
"""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from git_par import files, names
from git_par.repo import Repo
from git_par.state import tasks
from git_par.state.tasks import Task
from git_par.workspaces import clones
from git_par.workspaces.worktree import PRIVATE

REFS = "refs/par/kept"
VERSION = 1
UNFINISHED = "unfinished"
"""What a half made workspace is called in its kept directory: a killed command left it before anybody was told of it."""
REPOSITORY = "repository"
"""What the git directory of a removed clone is called in its kept directory."""
_NOTHING = "0" * 40


@dataclass(frozen=True)
class Keepsake:
    """What one removal of a task saved."""

    task: Task
    """As it was recorded then."""
    stamp: str
    """When that was, UTC to the microsecond; with the task's slug it names all that was kept."""
    refs: Mapping[str, str] = field(default_factory=dict)
    """`tip`, `head`, `head-2`, …, `index`, `unmerged` and `work`, as far as there was need, each with its commit."""
    files: Path | None = None
    """The directory of the files that were moved aside; they lie in it as they lay in the workspace."""
    secrets: tuple[str, ...] = ()
    """Those of `files` that look like secrets, which is why they are in no commit."""

    @property
    def ref(self) -> str:
        """What the names of its refs begin with."""
        return f"{REFS}/{self.task.slug}/{self.stamp}"


def stamp() -> str:
    """The time as a stamp."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}"


def time(of: str) -> datetime | None:
    """When `of`, a stamp, was; None when it is none."""
    try:
        return datetime.strptime(of, "%Y%m%dT%H%M%S.%fZ").replace(tzinfo=UTC)
    except ValueError:
        return None


def record_file(repo: Repo, slug: str, stamp: str) -> Path:
    """Where the record of a keepsake lies."""
    return repo.state / "kept" / slug / f"{stamp}.json"


def registration(repo: Repo, keepsake: Keepsake) -> Path:
    """Where the registration of the workspace lies, as far as it was kept; of a clone, all of its git directory."""
    if clones.is_clone(keepsake.task):
        inside = Path(PRIVATE, "kept", keepsake.task.slug, keepsake.stamp, REPOSITORY)
        place = Path(keepsake.task.path).parent / inside
        since = repo.workspaces / inside  # the workspaces directory may have been moved
        return since if since.is_dir() and not place.is_dir() else place
    return repo.state / "kept" / keepsake.task.slug / keepsake.stamp


def record(repo: Repo, keepsake: Keepsake) -> None:
    """Write down what a removal saves, before it takes anything away."""
    file = record_file(repo, keepsake.task.slug, keepsake.stamp)
    for directory in (repo.state, file.parent.parent, file.parent):
        files.private_directory(directory)
    data = {
        "version": VERSION,
        "task": tasks.encode(keepsake.task),
        "refs": dict(keepsake.refs),
        "files": str(keepsake.files) if keepsake.files else None,
        "secrets": list(keepsake.secrets),
    }
    files.replace(file, f"{json.dumps(data, indent=1)}\n".encode())


def find(repo: Repo, name: str | None = None) -> list[Keepsake]:
    """What is kept of the task `name`, or of every task, newest first."""
    slug = names.slug(name) if name is not None else None
    found: dict[tuple[str, str], dict[str, str]] = {key: {} for key in _recorded(repo, slug)}
    listed = repo.git.line("for-each-ref", "--format=%(objectname) %(refname)", f"{REFS}/{slug}" if slug else REFS)
    for line in listed.splitlines():
        commit, _, ref = line.partition(" ")
        of, _, rest = ref.removeprefix(f"{REFS}/").partition("/")
        when, _, which = rest.partition("/")
        if which:
            found.setdefault((of, when), {})[which] = commit
    return [_keepsake(repo, *key, refs) for key, refs in sorted(found.items(), key=lambda one: one[0][1], reverse=True)]


def _recorded(repo: Repo, slug: str | None) -> Iterator[tuple[str, str]]:
    """The slugs and stamps of which there are records."""
    directory = repo.state / "kept"
    for of in [slug] if slug else _entries(directory):
        for entry in _entries(directory / of):
            if entry.endswith(".json") and not entry.startswith("."):
                yield of, entry.removesuffix(".json")


def _entries(directory: Path) -> list[str]:
    try:
        return [entry.name for entry in os.scandir(directory)]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _keepsake(repo: Repo, slug: str, stamp: str, refs: Mapping[str, str]) -> Keepsake:
    place = repo.workspaces / PRIVATE / "kept" / slug / stamp / "files"
    try:
        data = json.loads(record_file(repo, slug, stamp).read_bytes())
        keepsake = _decode(data, slug, stamp, refs)
    except (ValueError, OSError, RecursionError):
        keepsake = Keepsake(_guess(repo, slug, refs), stamp, refs, place)
    # The workspaces directory may have been moved since.
    there = next((one for one in (keepsake.files, place) if one and one.is_dir()), None)
    return Keepsake(keepsake.task, stamp, refs, there, keepsake.secrets)


def _decode(data: Any, slug: str, stamp: str, refs: Mapping[str, str]) -> Keepsake:
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("not a record of this version")
    task, where, secrets = tasks.decode(data.get("task")), data.get("files"), data.get("secrets")
    if task.slug != slug or not isinstance(where, str | None) or not isinstance(secrets, list):
        raise ValueError("a field has the wrong value")
    if not all(isinstance(one, str) for one in secrets):
        raise ValueError("a field has the wrong type")
    return Keepsake(task, stamp, refs, Path(where) if where else None, tuple(secrets))


def _guess(repo: Repo, slug: str, refs: Mapping[str, str]) -> Task:
    """The task as its refs tell it; it returns to the branch of the main worktree."""
    name = names.unslug(slug)
    reply = repo.git.run("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1))
    base = reply.out.strip() or "main"
    tip = refs.get("tip") or refs.get("head")
    shared = repo.git.run("merge-base", tip, "HEAD", ok=(0, 1, 128)).out.strip() if tip else ""
    return Task(
        name=name,
        branch=name,
        path=str(repo.workspaces / next(names.directories(name))),
        base=base,
        base_commit=shared or _NOTHING,
        state="active",
        created=tasks.now(precise=True),
        slot=0,
        placed=shared or _NOTHING,
    )
