"""What stands uncommitted in a checkout, as `git status --porcelain=v2 -z` tells it."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par.errors import Refused
from git_par.git import Git


@dataclass(frozen=True)
class Status:
    """One checkout: where it is and what is not committed."""

    head: str | None
    """The commit checked out; None before the first one."""
    branch: str | None
    """The branch checked out, without `refs/heads/`; None when detached."""
    staged: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    """Tracked, different on disk from the index; unmerged paths count here."""
    unmerged: tuple[str, ...] = ()
    untracked: tuple[str, ...] = ()
    """A path that ends with `/` is a directory: a repository of its own, unless directories were folded."""
    ignored: tuple[str, ...] = ()

    @property
    def tracked_dirt(self) -> tuple[str, ...]:
        """The tracked paths with uncommitted changes."""
        return tuple(dict.fromkeys((*self.staged, *self.changed)))


def read(
    git: Git,
    *,
    untracked: str = "normal",
    ignored: bool = False,
    paths: Sequence[str] = (),
    seeing: bool = False,
    submodules: bool = True,
    renames: bool = True,
) -> Status:
    """The status of a checkout, or of `paths` in it; `untracked` is no, normal or all (git-status(1)).

    Without `submodules` git does not look into any, nor at the commits that are staged of them.  Without `renames` the old
    path of a file counts too.

    Settings that would hide something are overruled; nothing is written, not even a refreshed index.  Refused,
    when `seeing` is asked for, where there is a directory that git cannot look into: it warns, and takes it for empty.
    """
    reply = git.run(
        *("status", "--porcelain=v2", "--branch", "-z", f"--untracked-files={untracked}"),
        *(["--ignored=matching"] if ignored else ["--ignored=no"]),
        f"--ignore-submodules={'none' if submodules else 'all'}",
        "--no-ahead-behind",
        *([] if renames else ["--no-renames"]),
        "--",
        *(f":(top,literal){path}" for path in paths),
    )
    if seeing and reply.err:
        _see_all(git.cwd)
    return _parse(iter(reply.out.split("\0")))


def _see_all(top: Path) -> None:
    """Refused when a directory below `top` cannot be read."""

    def blind(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            where = str(error.filename)
            raise Refused(f"'{where}': what is in it cannot be read", hint=f"ls -ld {quote(where)}")

    for directory, below, _ in os.walk(top, onerror=blind):
        if ".git" in below and Path(directory) == top:
            below.remove(".git")


def _parse(fields: Iterator[str]) -> Status:
    head: str | None = None
    branch: str | None = None
    found: dict[str, list[str]] = {"staged": [], "changed": [], "unmerged": [], "untracked": [], "ignored": []}
    for field in fields:
        kind, _, rest = field.partition(" ")
        if field.startswith("# branch.oid "):
            head = None if rest.endswith("(initial)") else rest.split(" ", 1)[1]
        elif field.startswith("# branch.head "):
            name = rest.split(" ", 1)[1]
            branch = None if name == "(detached)" else name
        elif kind in ("1", "2", "u"):
            path = rest.split(" ", {"1": 7, "2": 8, "u": 9}[kind])[-1]
            if kind == "u":
                found["changed"].append(path)
                found["unmerged"].append(path)
            else:
                if rest[0] != ".":
                    found["staged"].append(path)
                if rest[1] != ".":
                    found["changed"].append(path)
            if kind == "2":
                next(fields)  # where it was renamed from
        elif kind == "?":
            found["untracked"].append(rest)
        elif kind == "!":
            found["ignored"].append(rest)
    return Status(head, branch, **{name: tuple(paths) for name, paths in found.items()})
