"""The record of a run: what it was to do and how far each task is, one file a run, replaced whole before each step.

`git par run --resume` needs nothing else.  The environment of workers is in none of it.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from git_par import files
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state import tasks
from git_par.state.session import Session

VERSION = 1

STATES = ("waiting", "adding", "ready", "running", "ended", "done", "landed", "unchanged", "failed", "skipped")
"""Of a task in a run: not begun; its workspace is made, is there; its worker runs, has ended well; its work is committed,
is in the base; there was none; it did not come home; what it needs did not."""

OVER = ("landed", "unchanged", "failed", "skipped")
MET = ("landed", "unchanged")
"""What those that need a task wait for."""

RUN_STATES = ("running", "done", "failed", "interrupted")

_ID = re.compile(r"(\d{8}T\d{6}Z)(?:-(\d{1,9}))?", re.ASCII)
"""The second in which a run began, and where several did in one, which of them it is."""


@dataclass
class Part:
    """One task of a run, and how far it is."""

    name: str
    level: int
    state: str = "waiting"
    reason: str = ""
    """Why it failed or was skipped, in a word: exit, timeout, copy, hook, gone, git, needs, or one of `git par merge`."""
    detail: str = ""
    """The same in a sentence."""
    created: str = ""
    """The record of the task that was made for it says the same; empty until it is about to be made."""
    began: str = ""
    ended: str = ""
    exit: int | None = None
    seconds: float | None = None
    log: str = ""
    commits: int | None = None
    """How many its worker made; None until it has ended."""
    landed: str = ""
    """The commit that brought it home."""
    removed: bool = False
    """Whether its workspace was cleaned up."""


@dataclass
class Run:
    """One run."""

    id: str
    file: str
    """The task file, absolute; empty for `--each`."""
    base: str
    began: str
    plan: TaskFile
    parts: list[Part]
    state: str = "running"
    ended: str = ""
    allow_overlap: bool = False
    merges: list[dict[str, Any]] = field(default_factory=list)
    """What `git par merge --json` says of each level's merge."""

    def part(self, name: str) -> Part:
        """The task `name`."""
        return next(part for part in self.parts if part.name == name)


def decode(data: object) -> Run:
    """The run that `data` (JSON) records; ValueError when it is none that this version can read."""
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise ValueError("not a run of this version")
    fields = {key: value for key, value in data.items() if key in Run.__dataclass_fields__}
    try:
        plan, parts = fields.pop("plan"), fields.pop("parts")
        wanted = tuple(Wanted(**_tuples(one, Wanted)) for one in plan.pop("tasks"))
        run = Run(plan=TaskFile(tasks=wanted, **plan), parts=[Part(**one) for one in parts], **fields)
    except (TypeError, KeyError, AttributeError):
        raise ValueError("a field is missing, unknown or of the wrong type") from None
    texts = [run.id, run.file, run.base, run.began, run.ended]
    texts += [getattr(part, name) for part in run.parts for name in _TEXTS]
    if not all(isinstance(text, str) for text in texts) or run.state not in RUN_STATES:
        raise ValueError("a field has the wrong type")
    for time in (run.began, *filter(None, (run.ended, *(part.began for part in run.parts)))):
        if datetime.fromisoformat(time).tzinfo is None:
            raise ValueError("its time has no zone")
    if not run.parts or not all(
        type(part.level) is int and isinstance(part.seconds, int | float | None) for part in run.parts
    ):
        raise ValueError("a field has the wrong value")
    if any(part.state not in STATES for part in run.parts):
        raise ValueError("a field has the wrong value")
    if [part.name for part in run.parts] != [one.name for level in run.plan.levels for one in level]:
        raise ValueError("its tasks are not those of its plan")
    return run


_TEXTS = ("name", "reason", "detail", "created", "began", "log", "landed")


def _tuples(fields: Mapping[str, Any], kind: type) -> dict[str, Any]:
    """JSON has lists where records have tuples."""
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    return {key: tuple(value) if isinstance(value, list) else value for key, value in fields.items() if key in known}


@dataclass(frozen=True)
class Runs:
    """The runs of one repository."""

    session: Session

    @property
    def directory(self) -> Path:
        """Where their records lie."""
        return self.session.repo.state / "runs"

    def begin(self, plan: TaskFile, base: str, file: Path | None, *, allow_overlap: bool) -> Run:
        """Put a new run on record."""
        files.private_directory(self.directory)
        began, stamp = tasks.now(), f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
        parts = [Part(one.name, number) for number, level in enumerate(plan.levels, 1) for one in level]
        number = 0
        while True:
            number += 1
            id = stamp if number == 1 else f"{stamp}-{number}"
            run = Run(id, str(file or ""), base, began, plan, parts, allow_overlap=allow_overlap)
            try:
                files.create(self._file(id), _text(run))
            except FileExistsError:
                continue
            return run

    def read(self, id: str) -> Run:
        """The run as it stands on disk; ValueError or OSError when it cannot be read."""
        return self._read(self._file(id))

    def write(self, run: Run) -> None:
        """Put the run on disk as it stands."""
        files.replace(self._file(run.id), _text(run))

    def drop(self, run: Run) -> None:
        """Forget the run."""
        self._file(run.id).unlink(missing_ok=True)

    def all(self, tell: Callable[[str], None]) -> Iterator[Run]:
        """Every run that can be read, newest first; `tell` is told of the others."""
        for file in self._files():
            try:
                yield self._read(file)
            except (ValueError, OSError, RecursionError) as error:
                tell(f"'{file}': this run cannot be read ({error}); left as it is")

    def living(self) -> Iterator[Run]:
        """Those that a living process carries out, newest first."""
        for file in self._files():
            if self.session.locks.is_held("run", file.stem):
                with suppress(ValueError, OSError, RecursionError):
                    yield self._read(file)

    @contextmanager
    def held(self, run: Run) -> Iterator[bool]:
        """Whether this process may carry the run out: no other does."""
        with self.session.locks.run(run.id) as got:
            yield got

    def is_held(self, run: Run) -> bool:
        """Whether a living process carries it out."""
        return self.session.locks.is_held("run", run.id)

    def _files(self) -> list[Path]:
        """Newest first; what somebody else put beside them is no run."""
        found = self.directory.glob("*.json") if self.directory.is_dir() else ()
        named = [(match[1], int(match[2] or 1), one) for one in found if (match := _ID.fullmatch(one.stem))]
        return [one for _, _, one in sorted(named, reverse=True)]

    def _read(self, file: Path) -> Run:
        run = decode(json.loads(file.read_bytes()))
        if run.id != file.stem:
            raise ValueError(f"it records run {run.id}")
        return run

    def _file(self, id: str) -> Path:
        return self.directory / f"{id}.json"


def _text(run: Run) -> bytes:
    fields = {**vars(run), "parts": [vars(part) for part in run.parts]}
    del fields["plan"]
    return f'{json.dumps({"version": VERSION, **fields})[:-1]}, "plan": {_plan_text(run.plan)}}}\n'.encode()


@lru_cache(maxsize=1)
def _plan_text(plan: TaskFile) -> str:
    """A plan never changes, and with its prompts it may be long."""
    return json.dumps(asdict(plan))
