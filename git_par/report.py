"""What a command has to say when it has ended: an answer for programs, the same for people, and its exit status."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from git_par.errors import Status


@dataclass(frozen=True)
class Table:
    """Rows under headings; a row has a cell for each heading."""

    headings: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Report:
    """What a command has to say: `data` for programs, the rest for people, and how it ended."""

    data: Callable[[], Mapping[str, Any]] = dict
    """Asked for only when it is shown."""
    lines: Sequence[str] = ()
    """The answer, on stdout."""
    table: Table | None = None
    """The answer as a table, on stdout before the lines."""
    talk: Sequence[str] = ()
    """On stderr, in both forms."""
    status: int = Status.DONE
