"""The journal: one file an operation, written before it begins and again when it is done.

It says what stood where before and after, which is all that taking back, and recovery after a crash, need.
"""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from git_par import files
from git_par.repo import Repo
from git_par.state import tasks
from git_par.state.tasks import Task

VERSION = 1
_numbers = count(1)


@dataclass
class Entry:
    """One operation: refs and tasks are pairs of before and after, None where there was nothing."""

    command: list[str]
    checkout: str
    user: str
    started: str
    state: str = "started"
    """started, done, undone or expired"""
    refs: dict[str, list[str | None]] = field(default_factory=dict)
    tasks: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)
    kept: dict[str, str] = field(default_factory=dict)
    """Of each task that was removed, the stamp of what was kept."""

    def ref(self, name: str, before: str | None, after: str | None) -> None:
        """The ref `name` goes from one commit to another; None is 'not there'."""
        self.refs[name] = [self.refs.get(name, [before])[0], after]

    def task(self, before: Task | None, after: Task | None) -> None:
        """A task's record changes."""
        name = (before or after).name  # type: ignore[union-attr]
        old = tasks.encode(before) if before else None
        self.tasks[name] = [self.tasks.get(name, [old])[0], tasks.encode(after) if after else None]


@dataclass(frozen=True)
class Journal:
    """The journal of one repository."""

    repo: Repo
    command: tuple[str, ...]

    @property
    def directory(self) -> Path:
        """Where the entries lie."""
        return self.repo.state / "journal"

    def expire(self, stamp: str) -> None:
        """Mark the operations that cannot be taken back without what was kept at `stamp`; call it before that goes."""
        for file in sorted(self.directory.glob("*.json")) if self.directory.is_dir() else []:
            try:
                data = json.loads(file.read_bytes())
                if stamp in data["kept"].values() and data["state"] != "expired":
                    files.replace(file, f"{json.dumps({**data, 'state': 'expired'}, indent=1)}\n".encode())
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OSError):
                continue  # what cannot be read is of no use to anybody who takes back

    @contextmanager
    def operation(self) -> Iterator["Open"]:
        """One operation; the entry becomes `done` when the block ends well and stays `started` when it does not."""
        files.private_directory(self.repo.state)
        files.private_directory(self.directory)
        time = datetime.now(UTC)
        file = self.directory / f"{time:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}-{next(_numbers)}.json"
        entry = Entry(
            command=list(self.command),
            checkout=str(self.repo.top or self.repo.common),
            user=_user(),
            started=tasks.now(),
        )
        operation = Open(file, entry)
        yield operation
        if entry.refs or entry.tasks:
            entry.state = "done"
            operation.write()
        else:
            file.unlink(missing_ok=True)


@dataclass(frozen=True)
class Open:
    """An operation under way."""

    file: Path
    entry: Entry

    def write(self) -> None:
        """Put the entry on disk as it stands; before the first irreversible step at the latest."""
        text = json.dumps({"version": VERSION, **asdict(self.entry)}, indent=1)
        files.replace(self.file, f"{text}\n".encode())

    def forget(self) -> None:
        """The operation took back all it did: no trace of it is needed."""
        self.entry.refs.clear()
        self.entry.tasks.clear()
        self.file.unlink(missing_ok=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
