"""Announcements: what is on disk while a checkout is fast-forwarded, so that one that was cut off can be healed."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from git_par import files
from git_par.repo import Repo


@dataclass(frozen=True)
class Announcement:
    """A fast-forward about to begin: the branch `base`, checked out in `checkout`, goes from one commit to another."""

    checkout: str
    base: str
    before: str
    after: str


@contextmanager
def announced(repo: Repo, announcement: Announcement) -> Iterator[None]:
    """Announce a fast-forward while it is under way; call it under the base's lock."""
    files.private_directory(repo.state)
    file = files.private_directory(_directory(repo)) / f"{os.getpid()}-{os.urandom(6).hex()}.json"
    files.create(file, json.dumps(asdict(announcement)).encode())
    try:
        yield
    finally:
        file.unlink()


def pending(repo: Repo) -> list[Path]:
    """The announcements on disk: fast-forwards under way, or cut off."""
    try:
        return [path for path in _directory(repo).iterdir() if path.suffix == ".json" and path.name[0] != "."]
    except (FileNotFoundError, NotADirectoryError):
        return []


def read(file: Path) -> Announcement:
    """One announcement; ValueError when it is none."""
    try:
        found = Announcement(**json.loads(file.read_bytes()))
    except (TypeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    if not all(isinstance(value, str) for value in asdict(found).values()):
        raise ValueError("a field has the wrong type")
    return found


def _directory(repo: Repo) -> Path:
    return repo.state / "publishing"
