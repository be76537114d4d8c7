"""Which files several tasks of one level have to do with.

What two may change is where they would meet when they come home; what one reads and another may change it reads as it was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

from git_par.runs.taskfile import TaskFile, Wanted
from git_par.workspaces import owned
from git_par.workspaces.owned import Owned
from git_par.workspaces.reasons import some


@dataclass(frozen=True)
class Shared:
    """What two tasks of one level own both."""

    level: int
    one: str
    other: str
    files: tuple[str, ...]

    @property
    def words(self) -> str:
        """The same in a sentence."""
        return f"level {self.level}: '{self.one}' and '{self.other}' both own {some(self.files, 10)}"


@dataclass(frozen=True)
class Stale:
    """What a task reads and another one of its level may change meanwhile."""

    level: int
    reader: str
    writer: str
    files: tuple[str, ...]

    @property
    def words(self) -> str:
        """The same in a sentence."""
        return f"{self.reader} reads {some(self.files, 10)}, which {self.writer} of the same level may change"


def shared(plan: TaskFile, files: Sequence[str]) -> list[Shared]:
    """Every overlap between two tasks of one level, among the `files` of the base and those that are made new."""
    return [one for number, level in enumerate(plan.levels, 1) for one in _shared(number, level, files)]


def stale(plan: TaskFile, files: Sequence[str]) -> list[Stale]:
    """All that a task reads while another one may change it; of a task that may change everything nothing is said."""
    return [one for number, level in enumerate(plan.levels, 1) for one in _stale(number, level, files)]


def _stale(number: int, level: Sequence[Wanted], files: Sequence[str]) -> Iterator[Stale]:
    for one, other in permutations(level, 2):
        if one.reads and other.owns:
            fresh = product(one.reads, other.creates)
            if both := owned.overlap(Owned(one.reads), Owned(other.owns), files, fresh):
                yield Stale(number, one.name, other.name, tuple(both))


def _shared(number: int, level: Sequence[Wanted], files: Sequence[str]) -> Iterator[Shared]:
    for one, other in combinations([one for one in level if one.owns], 2):
        fresh = [*product(one.creates, other.owns), *product(one.modifies, other.creates)]
        if both := owned.overlap(Owned(one.owns), Owned(other.owns), files, fresh):
            yield Shared(number, one.name, other.name, tuple(both))
