"""The repository that a clone was made from: what the clone says of itself, and what that repository's own record says."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par import names
from git_par.errors import Refused
from git_par.git import Git

PARENT = "par-parent"
"""The file in the git directory of a clone that names the repository and the task it was made for."""

CLONES = ("clone", "shared-clone")
"""The isolations of tasks that have a repository of their own."""


@dataclass(frozen=True)
class Link:
    """What a clone says of itself: the repository it was made from, as its common directory, and its task."""

    parent: Path
    task: str
    created: str
    """When the task was made, as its record says it: with the name that tells which task it is."""


def link(git_dir: Path) -> Link | None:
    """What the clone of the git directory `git_dir` says of itself; None when it is none, or cannot be read."""
    try:
        if git_dir.is_symlink():
            return None
        data = json.loads((git_dir / PARENT).read_bytes())
        found = Link(Path(data["parent"]), data["task"], data["created"])
        os.fsencode(found.parent)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    whole = isinstance(found.task, str) and isinstance(found.created, str) and found.parent.is_absolute()
    return found if whole and not names.task_problem(found.task) else None


def of(git_dir: Path) -> Path | None:
    """The repository that the clone of `git_dir` belongs to, when that one's own record names this very directory.

    What a clone says of itself proves nothing: it may have been copied or moved, or come from somebody else.  A repository
    that is not the user's own is left to git to judge, as where one stands in that (git-config(1), safe.directory).
    """
    found = link(git_dir)
    if found is None or git_dir.name != ".git":
        return None
    try:
        data = json.loads((found.parent / "par" / "tasks" / f"{names.slug(found.task)}.json").read_bytes())
        told = (data["name"], data["created"], data["path"])
        ours = data["isolation"] in CLONES and told == (found.task, found.created, str(git_dir.parent))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not ours:
        return None
    stand = found.parent.parent if found.parent.name == ".git" else found.parent
    if _is_own(found.parent) and _is_own(stand) and (found.parent / "HEAD").is_file():
        return found.parent
    reply = Git(stand).run("rev-parse", "--path-format=absolute", "--git-common-dir", ok=range(256))
    common = Path(os.path.realpath(reply.out.removesuffix("\n")))
    return common if reply.code == 0 and common == found.parent else None


def left(git_dir: Path) -> Path | None:
    """Where the repository of the clone `git_dir` still has it, though nothing is there: somebody moved the clone."""
    found = link(git_dir)
    try:
        data = (
            json.loads((found.parent / "par" / "tasks" / f"{names.slug(found.task)}.json").read_bytes())
            if found
            else {}
        )
        told, place = (data["name"], data["created"]), Path(data["path"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return place if found and told == (found.task, found.created) and not os.path.lexists(place) else None


def check(git_dir: Path) -> None:
    """Refused where the repository `git_dir` is a clone whose parent is not there: nobody takes it for one of its own."""
    found = link(git_dir)
    if found and not os.path.lexists(found.parent):
        parent = found.parent.parent if found.parent.name == ".git" else found.parent
        raise Refused(
            f"'{git_dir.parent}': this workspace belongs to '{parent}', which is not there",
            hint="git par doctor --fix, in that repository where it is now; "
            f"or rm {quote(str(git_dir / PARENT))}, to have this one stand alone",
        )


def _is_own(directory: Path) -> bool:
    """Whether the directory is this user's, and no link leads to it."""
    try:
        return directory.stat().st_uid == os.geteuid() and os.path.realpath(directory) == str(directory)
    except OSError:
        return False
