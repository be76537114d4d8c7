"""Links from a workspace to what the main checkout has, and how they are kept out of commits.

They are relative, so that they survive a move of both.  To a pattern such as `node_modules/` a link is no directory: where
the ignore files do not cover one, a line in the repository's own `info/exclude` (gitignore(5)) does.
"""

import os
import re
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from git_par import files
from git_par.git import Git
from git_par.state.session import Session

_TITLE = "# git-par: links into the main worktree"


def text(top: Path, workspace: Path, path: str) -> str:
    """What the link at `path` in `workspace` says, to lead to what `top` has at `path`."""
    return os.path.relpath(top / path, (workspace / path).parent)


def is_ours(top: Path | None, workspace: Path, path: str, place: Path) -> bool:
    """Whether `place` is the link that is made at `path` in `workspace`, wherever that has been moved to."""
    try:
        return top is not None and os.readlink(place) == text(top, workspace, path)
    except OSError:
        return False


def exclude(session: Session, git: Git, paths: Sequence[str]) -> None:
    """Let git ignore `paths` in every checkout of the repository of `git`, and say so.

    Those that no line can name stay as they are, and so does a file that we may not write.
    """
    lines = [pattern(path) for path in paths if "\n" not in path and "\r" not in path]
    file = Path(git.line("rev-parse", "--path-format=absolute", "--git-path", "info/exclude"))
    with session.locks.exclude(), suppress(PermissionError):
        try:
            before = file.read_bytes()
        except FileNotFoundError:
            before = b""
        known = os.fsdecode(before).split("\n")
        fresh = [line for line in lines if line not in known]
        if not fresh:
            return
        gap = b"\n" if before and not before.endswith(b"\n") else b""
        title = [] if _TITLE in known else [_TITLE]
        added = "".join(f"{line}\n" for line in [*title, *fresh])
        file.parent.mkdir(exist_ok=True)
        mode = file.stat().st_mode & 0o777 if file.exists() else 0o666 & ~files.umask()
        files.replace(Path(os.path.realpath(file)), before + gap + os.fsencode(added), mode=mode)
        session.tell(f"'{file}': git ignores {', '.join(fresh)} from now on, so that no link is committed")


def pattern(path: str) -> str:
    """The line of an ignore file that names `path`, from the top, and nothing else (gitignore(5)); it has no newline."""
    return "/" + re.sub(r"([][\\*?!# ])", r"\\\1", path)
