"""The journal: one file an operation, written before it begins and again when it is done.

It says what stood where before and after, which is all that taking back, and recovery after a crash, need.  What cannot be
read is named and left where it is.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

from git_par import files
from git_par.errors import Refused, UsageError
from git_par.repo import Repo
from git_par.state import tasks
from git_par.state.tasks import Task

VERSION = 1
STATES = ("started", "done", "undone", "expired")
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
    work: list[str] = field(default_factory=list)
    """Those of the refs that only got a commit of what their owner had written: taking back leaves it there."""
    kept: dict[str, str] = field(default_factory=dict)
    """Of each task that was removed, the stamp of what was kept."""
    adopted: dict[str, str] = field(default_factory=dict)
    """Of each task that was adopted, or given back, where its worktree is when it is none; empty when it has none then."""
    undoes: str | None = None
    """The name of the entry that this operation takes back."""

    def ref(self, name: str, before: str | None, after: str | None, *, work: bool = False) -> None:
        """The ref `name` goes from one commit to another; None is 'not there'."""
        if work and name not in self.refs:
            self.work.append(name)
        self.refs[name] = [self.refs.get(name, [before])[0], after]

    def task(self, before: Task | None, after: Task | None) -> None:
        """A task's record changes."""
        name = (before or after).name  # type: ignore[union-attr]
        old = tasks.encode(before) if before else None
        self.tasks[name] = [self.tasks.get(name, [old])[0], tasks.encode(after) if after else None]


def decode(data: object) -> Entry:
    """The entry that `data` (JSON) records; ValueError when it is none that this version can read."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("not an entry of this version")
    try:
        entry = Entry(**{key: value for key, value in data.items() if key in Entry.__dataclass_fields__})
    except TypeError as error:
        raise ValueError(str(error)) from None
    texts = [entry.checkout, entry.user, entry.started, *([entry.undoes] if entry.undoes is not None else [])]
    if not all(type(part) is dict for part in (entry.refs, entry.tasks, entry.kept, entry.adopted)):
        raise ValueError("a field has the wrong type")
    if not isinstance(entry.command, list) or not isinstance(entry.work, list) or entry.state not in STATES:
        raise ValueError("a field has the wrong type")
    if not all(
        isinstance(text, str)
        for text in (*texts, *entry.command, *entry.work, *entry.kept.values(), *entry.adopted.values())
    ):
        raise ValueError("a field has the wrong type")
    for pair in (*entry.refs.values(), *entry.tasks.values()):
        if not isinstance(pair, list) or len(pair) != 2:
            raise ValueError("a field has the wrong type")
    commits = [commit for pair in entry.refs.values() for commit in pair if commit is not None]
    if not all(isinstance(commit, str) and tasks.COMMIT.fullmatch(commit) for commit in commits):
        raise ValueError("a field has the wrong value")
    for record in (record for pair in entry.tasks.values() for record in pair if record is not None):
        tasks.decode(record)
    if datetime.fromisoformat(entry.started).tzinfo is None:
        raise ValueError("its time has no zone")
    return entry


@dataclass(frozen=True)
class Past:
    """One entry as it stands on disk; `id` is what people call it."""

    file: Path
    id: str
    entry: Entry

    @property
    def name(self) -> str:
        """Its full name: the time to the microsecond, the process and a number."""
        return self.file.stem

    def is_running(self) -> bool:
        """Whether the process that began it may still be at work; a later one may have its number."""
        import psutil  # 20 ms to import, and rarely needed

        number = self.name.split("-")[1:2]
        if self.entry.state != "started" or not number or not number[0].isdigit():
            return False
        began = datetime.fromisoformat(self.entry.started).timestamp()
        try:
            return psutil.Process(int(number[0])).create_time() < began + 1
        except psutil.NoSuchProcess:
            return False
        except (psutil.Error, OSError, OverflowError):
            return True

    def mark(self, state: str) -> None:
        """Change the state, and only that, on disk."""
        self.entry.state = state
        _write(self.file, self.entry)


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
        for past in self.all(lambda _: None):
            if stamp in past.entry.kept.values() and past.entry.state != "expired":
                past.mark("expired")

    def all(self, tell: Callable[[str], None]) -> Iterator[Past]:
        """Every entry that can be read, newest first; `tell` is told of the others."""
        names = self._names()
        for name in names:
            try:
                yield self._read(name, names)
            except FileNotFoundError:
                continue  # it came to nothing since the directory was read
            except (ValueError, OSError, RecursionError) as error:
                tell(f"'{self._file(name)}': this entry of the journal cannot be read ({error}); left as it is")

    def find(self, id: str) -> Past:
        """The one entry whose name begins with `id`; UsageError when there is none, or several."""
        names = self._names()
        found = [name for name in names if id and name.startswith(id)]
        if not found:
            raise UsageError(f"{id or repr(id)}: no such operation", hint="see 'git par log'")
        if len(found) > 1:
            some = ", ".join(_short(name, names) for name in found[:5])
            raise UsageError(f"{id}: several operations begin so: {some}", hint="type more of it; see 'git par log'")
        try:
            return self._read(found[0], names)
        except (ValueError, OSError, RecursionError) as error:
            what = f"its entry in the journal cannot be read ({error})"
            raise Refused(f"{id}: {what}", hint=f"nothing was changed; see '{self._file(found[0])}'") from None

    def _file(self, name: str) -> Path:
        return self.directory / f"{name}.json"

    def _read(self, name: str, names: list[str]) -> Past:
        file = self._file(name)
        return Past(file, _short(name, names), decode(json.loads(file.read_bytes())))

    def id(self, name: str) -> str:
        """What people call the entry of this full name."""
        return _short(name, self._names())

    def _names(self) -> list[str]:
        try:
            listed = [file.name for file in self.directory.iterdir()]
        except FileNotFoundError:
            return []
        return sorted((name[:-5] for name in listed if name.endswith(".json") and name[0] != "."), reverse=True)

    @contextmanager
    def operation(self, again: Past | None = None) -> Iterator["Open"]:
        """One operation; the entry becomes `done` when the block ends well and stays `started` when it does not.

        `again` is one that was cut off and is finished now.
        """
        files.private_directory(self.repo.state)
        files.private_directory(self.directory)
        time = datetime.now(UTC)
        name = f"{time:%Y%m%dT%H%M%S.%fZ}-{os.getpid()}-{next(_numbers)}"
        file = again.file if again else self._file(name)
        entry = Entry(
            command=list(self.command),
            checkout=str(self.repo.top or self.repo.common),
            user=user(),
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
        _write(self.file, self.entry)

    def forget(self) -> None:
        """The operation took back all it did: no trace of it is needed."""
        self.entry.refs.clear()
        self.entry.tasks.clear()
        self.entry.work.clear()
        self.entry.adopted.clear()
        self.file.unlink(missing_ok=True)


def _write(file: Path, entry: Entry) -> None:
    text = json.dumps({"version": VERSION, **asdict(entry)}, indent=1)
    files.replace(file, f"{text}\n".encode())


def _short(name: str, names: list[str]) -> str:
    """As much of a name as tells it from the others: the time to the second, else to the microsecond, else all of it."""
    for length in (15, name.find("-")):
        if sum(other[:length] == name[:length] for other in names) == 1:
            return name[:length]
    return name


def user() -> str:
    """Who runs this, as the journal records it."""
    # As getpass.getuser does it, which brings the whole terminal along.
    if named := next(filter(None, map(os.environ.get, ("LOGNAME", "USER", "LNAME", "USERNAME"))), None):
        return named
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, OSError):
        return str(os.getuid())
