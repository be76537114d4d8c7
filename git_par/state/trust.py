"""Whose `.gitpar` the user trusts: by the path of the repository and the digest of the text that was shown.

One small file a repository, under the user's own state directory (XDG Base Directory Specification) and not in the
repository, which may have come from anywhere.
"""

import json
import os
from pathlib import Path

from git_par import files
from git_par.repo import Repo

VERSION = 1


def directory() -> Path:
    """Where it is remembered; a relative $XDG_STATE_HOME does not count."""
    chosen = Path(os.environ.get("XDG_STATE_HOME", ""))
    return (chosen if chosen.is_absolute() else Path.home() / ".local" / "state") / "git-par" / "trust"


def trusted(repo: Repo) -> str | None:
    """The digest of the text that is trusted in this repository; None when none is, or when that cannot be read."""
    try:
        found = json.loads(_file(repo).read_bytes())
        if found["version"] == VERSION and found["repository"] == _path(repo) and isinstance(found["text"], str):
            return str(found["text"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None


def trust(repo: Repo, digest: str) -> None:
    """From now on the text of this digest is trusted in this repository, and no other."""
    files.private_directory(directory())
    data = {"version": VERSION, "repository": _path(repo), "text": digest}
    files.replace(_file(repo), f"{json.dumps(data, indent=1)}\n".encode())


def forget(repo: Repo) -> bool:
    """From now on nothing is trusted in this repository; whether anything was."""
    there = trusted(repo) is not None
    _file(repo).unlink(missing_ok=True)
    return there


def _path(repo: Repo) -> str:
    """The repository, as text that JSON can hold whatever bytes its path is made of."""
    return os.fsencode(repo.common).decode("utf-8", "backslashreplace")


def _file(repo: Repo) -> Path:
    import hashlib  # 3 ms, and few ask

    return directory() / f"{hashlib.sha256(os.fsencode(repo.common)).hexdigest()}.json"
