"""Which files several tasks of one level have to do with.

What two may change is where they would meet when they come home; what one reads and another may change it reads as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, permutations, product

from git_par.names import some
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.workspaces import owned
from git_par.workspaces.owned import Owned


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


def look(plan: TaskFile, files: Sequence[str]) -> tuple[list[Shared], list[Stale]]:
    """What tasks of one level own both, and what one reads that another owns.

    Among the `files` of the base, and those that are made new; of a task that may change everything nothing is said.
    """
    directories, levels = owned.directories(files), list(enumerate(plan.levels, 1))
    # Each is asked about all files once only.
    owners = {one.name: Owned(one.owns) for one in plan.tasks if one.owns}
    readers = {one.name: Owned(one.reads) for one in plan.tasks if one.reads}
    mine = {name: set(own.of(files)) for name, own in owners.items()}
    read = {name: set(own.of(files)) for name, own in readers.items()}

    def shared(one: Wanted, other: Wanted) -> list[str]:
        fresh = [*product(one.creates, other.owns), *product(one.modifies, other.creates)]
        both = mine[one.name] & mine[other.name]
        return owned.overlap(owners[one.name], owners[other.name], both, fresh, directories)

    def stale(one: Wanted, other: Wanted) -> list[str]:
        fresh, both = product(one.reads, other.creates), read[one.name] & mine[other.name]
        return owned.overlap(readers[one.name], owners[other.name], both, fresh, directories)

    return (
        [
            Shared(number, one.name, other.name, tuple(both))
            for number, level in levels
            for one, other in combinations([one for one in level if one.owns], 2)
            if (both := shared(one, other))
        ],
        [
            Stale(number, one.name, other.name, tuple(both))
            for number, level in levels
            for one, other in permutations(level, 2)
            if one.reads and other.owns and (both := stale(one, other))
        ],
    )
