"""The tasks git-par knows: one JSON file each, replaced whole.

A record that cannot be read is left where it is and named; nothing is ever deleted because a record is missing.
"""

import json
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from git_par import files, names
from git_par.errors import Refused, UsageError
from git_par.repo import Repo

VERSION = 1
STATES = ("creating", "active", "removing")
NOT_PLACED = "0" * 40
"""What is recorded as `placed` while a workspace is made for a branch that was there before."""
COMMIT = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True)
class Landed:
    """The tip that came home, the commit that brought it, the branch that got it, and where that stood before."""

    tip: str
    commit: str
    into: str
    onto: str | None = None


@dataclass(frozen=True)
class Task:
    """One named piece of parallel work, as recorded."""

    name: str
    branch: str
    path: str
    base: str
    """The branch it left and returns to, without `refs/heads/`."""
    base_commit: str
    state: str
    """creating, active or removing; everything else is found out when it is asked."""
    created: str
    """RFC 3339, UTC, to the microsecond: with the name it says which task this is."""
    slot: int
    placed: str
    """The commit where add put the branch: a task that still stands there is new."""
    isolation: str = "worktree"
    group: str | None = None
    title: str | None = None
    prompt: str | None = None
    """What its worker was asked to do, in a task file."""
    protected: bool = False
    owns: tuple[str, ...] = ()
    """Patterns of the files that it may change (`workspaces.owned`); without any it may change all."""
    landed: Landed | None = None

    @property
    def slug(self) -> str:
        """Its name in file names and refs."""
        return names.slug(self.name)

    @property
    def ref(self) -> str:
        """Its branch, as a full ref."""
        return f"refs/heads/{self.branch}"


def now(*, precise: bool = False) -> str:
    """The time as it stands in records; `precise` where it tells one task from the next of the same name."""
    timespec = "microseconds" if precise else "seconds"
    return datetime.now(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def encode(task: Task) -> dict[str, Any]:
    """A task as JSON."""
    return {"version": VERSION, **asdict(task)}


def decode(data: object) -> Task:
    """The task that `data` (JSON) records; ValueError when it is not a task this version can read."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("not a task of this version")
    fields = {key: value for key, value in data.items() if key in Task.__dataclass_fields__}
    landed, owns = fields.pop("landed", None), fields.pop("owns", [])
    if not isinstance(owns, list | tuple):
        raise ValueError("a field has the wrong type")
    try:
        task = Task(**fields, owns=tuple(owns), landed=Landed(**landed) if landed is not None else None)
    except TypeError as error:
        raise ValueError(str(error)) from None
    texts = [task.name, task.branch, task.path, task.base, task.state, task.created, task.isolation]
    texts += [
        text
        for text in (task.group, task.title, task.prompt, task.landed.into if task.landed else None)
        if text is not None
    ]
    commits = [task.base_commit, task.placed]
    if task.landed:
        commits += [task.landed.tip, task.landed.commit, *([task.landed.onto] if task.landed.onto is not None else [])]
    if not all(isinstance(text, str) for text in (*texts, *commits, *task.owns)) or type(task.slot) is not int:
        raise ValueError("a field has the wrong type")
    if names.task_problem(task.name) or names.branch_problem(task.branch) or task.base[:1] in ("", "-"):
        raise ValueError("a field has the wrong value")
    if task.state not in STATES or not all(COMMIT.fullmatch(commit) for commit in commits):
        raise ValueError("a field has the wrong value")
    if type(task.protected) is not bool or not Path(task.path).is_absolute() or b"\0" in os.fsencode(task.path):
        raise ValueError("a field has the wrong value")
    if not all(task.owns) or any("\0" in pattern for pattern in task.owns):
        raise ValueError("a field has the wrong value")
    if datetime.fromisoformat(task.created).tzinfo is None:
        raise ValueError("its time has no zone")
    return task


@dataclass(frozen=True)
class Tasks:
    """The records of one repository."""

    repo: Repo
    tell: Callable[[str], None]
    """Told of a record that cannot be read."""

    @property
    def directory(self) -> Path:
        """Where the records lie."""
        return self.repo.state / "tasks"

    def file(self, name: str) -> Path:
        """The record of the task `name`."""
        return self.directory / f"{names.slug(name)}.json"

    def get(self, name: str) -> Task | None:
        """The task `name`; Refused when its record is there and cannot be read."""
        if names.task_problem(name):
            return None
        try:
            return self._read(self.file(name))
        except FileNotFoundError:
            return None
        except (ValueError, OSError, RecursionError) as error:
            raise Refused(
                f"{name}: its record cannot be read ({error}): '{self.file(name)}'",
                hint="git par doctor --fix moves it aside, and makes it again as far as it can",
            ) from None

    def expect(self, name: str) -> Task:
        """The task `name`, or a UsageError that helps."""
        task = self.get(name)
        if task is None:
            raise UsageError(f"{name}: no such task" if name else "'': no such task", hint="see 'git par list'")
        return task

    def all(self) -> list[Task]:
        """Every task that can be read, oldest first."""
        return sorted(self._readable(), key=lambda task: (task.created, task.slot))

    def at(self, top: Path | None) -> Task | None:
        """The task whose workspace is `top`."""
        return next((task for task in self.all() if top and task.path == str(top)), None)

    def add(self, task: Task) -> None:
        """Record a new task; FileExistsError when there is one of that name."""
        files.private_directory(self.repo.state)
        files.private_directory(self.directory)
        files.create(self.file(task.name), self._text(task))

    def put(self, task: Task) -> None:
        """Replace the record of `task`."""
        files.replace(self.file(task.name), self._text(task))

    def change(self, name: str, **fields: Any) -> Task | None:
        """Change some fields of the record as it stands now; call it under the task's lock."""
        task = self.get(name)
        if task is None:
            return None
        task = replace(task, **fields)
        self.put(task)
        return task

    def drop(self, name: str) -> None:
        """Forget the task `name`."""
        self.file(name).unlink(missing_ok=True)

    def _text(self, task: Task) -> bytes:
        return (json.dumps(encode(task), indent=1) + "\n").encode()

    def _read(self, file: Path) -> Task:
        task = decode(json.loads(file.read_bytes()))
        if file.name != f"{task.slug}.json":
            raise ValueError(f"it records '{task.name}'")
        return task

    def _readable(self) -> Iterator[Task]:
        for file in sorted(self.directory.glob("*.json")) if self.directory.is_dir() else []:
            if file.name.startswith("."):
                continue
            try:
                yield self._read(file)
            except FileNotFoundError:
                continue  # removed since the directory was read
            except (ValueError, OSError, RecursionError) as error:
                self.tell(f"'{file}': this record cannot be read ({error}); left as it is")
