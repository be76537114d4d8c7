"""What the main checkout has that a workspace gets too: ignored files to copy or to link.

That is up to `par.copy` with `.worktreeinclude`, and to `par.link`.

Git says what is ignored.  A directory that is ignored as a whole is taken when a pattern matches it, looked into when one
with a slash leads there, and not searched otherwise, however many files it holds.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from git_par import beside, names
from git_par.errors import UsageError
from git_par.repo import Repo, is_true
from git_par.state.session import Session
from git_par.state.settings import Settings
from git_par.workspaces import patterns
from git_par.workspaces.patterns import Patterns

INCLUDE = ".worktreeinclude"
"""The file on top of the main checkout that says, to several tools, which ignored files a worktree needs."""


@dataclass(frozen=True)
class Incoming:
    """Paths below `top`; those that end with `/` are directories."""

    top: Path
    copied: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    """Directories in which something may be wanted, and that nobody can look into."""

    def __bool__(self) -> bool:
        return bool(self.copied or self.linked or self.unreadable)


def look(session: Session) -> Incoming | None:
    """What is to be brought into a workspace; None where there is no main checkout to bring it from.

    UsageError for a pattern that leads out of the repository.
    """
    repo = session.repo
    copy, link = check(session)
    top = repo.main
    if top is None or not top.is_dir():
        return None
    if not (copy or link):
        return Incoming(top)
    found = ignored(repo, top)
    unreadable: dict[str, None] = {}
    linked = tuple(_select(repo, top, found, link, unreadable))
    selected = _select(repo, top, found, copy, unreadable)
    copied = tuple(one for one in selected if one not in linked and not _is_environment(top, one))
    return Incoming(top, copied, linked, tuple(unreadable))


def check(session: Session) -> tuple[Patterns, Patterns]:
    """The patterns of what is copied and of what is linked; UsageError for one that leads out of the repository."""
    link = _checked("link", session.settings.patterns("link"))
    return to_copy(session.settings), _parse(session.repo, link)


def look_ahead(session: Session) -> Callable[[], Incoming | None]:
    """Begin to look, beside what is done meanwhile; what comes back waits for the answer, which is that of `look`."""
    return beside.begin(lambda: look(session))


def ignored(repo: Repo, top: Path) -> list[str]:
    """What git ignores in the main checkout `top`; a directory that it does not look into ends with `/`."""
    asked = ("ls-files", "--others", "--ignored", "--exclude-standard", "--directory", "-z")
    listed = sorted(repo.checkout(top, repo.common).fields(*asked))
    # Git also names directories of which it names the files; what it does not look into stands for itself.
    return [one for one, after in pairwise([*listed, ""]) if not _holds(one, after)]


def entries(top: Path, directory: str) -> list[str] | None:
    """What is in `directory`, which ends with `/` and lies below `top`; None when nobody can look into it.

    Of a repository, and of a directory that went meanwhile, nothing.
    """
    try:
        with os.scandir(top / directory) as found:
            inside = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in found)
    except PermissionError:
        return None
    except (FileNotFoundError, NotADirectoryError):
        return []
    if any(name == ".git" for name, _ in inside):
        return []
    return [f"{directory}{name}{'/' if is_directory else ''}" for name, is_directory in inside]


def to_copy(settings: Settings) -> Patterns:
    """The patterns of what is copied: those of `par.copy`, then those of the file, so that its `!` hold for both."""
    repo = settings.repo
    return _parse(repo, [*_checked("copy", settings.patterns("copy")), *(_included(repo.main) if repo.main else [])])


def is_asked_for(settings: Settings) -> bool:
    """Whether somebody set what is to be brought along, and it is not only the default."""
    return any(value.strip() for name in ("copy", "link") for value in settings.values(name))


def _checked(name: str, found: Sequence[str]) -> Sequence[str]:
    for pattern in found:
        if names.leads_out(pattern):
            raise UsageError(
                f"par.{name}: '{pattern}' leads out of the repository",
                hint=f"patterns begin at its top: git config --show-origin --get-all par.{name}, and see .gitpar",
            )
    return found


def _included(top: Path) -> list[str]:
    try:
        descriptor = os.open(top / INCLUDE, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return os.fsdecode(file.read().removeprefix(b"\xef\xbb\xbf")).split("\n")
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return []
    except OSError:
        if (top / INCLUDE).is_symlink():
            return []  # as with .gitignore, a link may lead anywhere
        raise


def _parse(repo: Repo, lines: Sequence[str]) -> Patterns:
    return patterns.parse(lines, ignore_case=is_true(repo.setting("core.ignorecase")))


def _holds(directory: str, path: str) -> bool:
    return directory.endswith("/") and path.startswith(directory)


def _select(
    repo: Repo, top: Path, listed: Sequence[str], wanted: Patterns, unreadable: dict[str, None]
) -> Iterator[str]:
    waiting = list(listed)[::-1] if wanted else []
    while waiting:
        path = waiting.pop()
        directory = path.endswith("/")
        plain = path.rstrip("/")
        if wanted.select(plain, directory=directory):
            yield path
        elif directory and wanted.lead_into(plain) and top / plain not in (repo.workspaces, repo.common):
            inside = entries(top, path)
            if inside is None:
                unreadable[path] = None
            waiting += (inside or [])[::-1]


def _is_environment(top: Path, path: str) -> bool:
    """Whether it is a Python environment that is only called like a secret: it holds none, and would be large."""
    return path.endswith("/") and names.is_secret(path.rstrip("/")) and (top / path / "pyvenv.cfg").exists()
