"""Which files several tasks of one level may change: they would meet in them when they come home."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product

from git_par.repo import Repo
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


def find(repo: Repo, plan: TaskFile, base: str) -> list[Shared]:
    """Every overlap between two tasks of one level, among the files that `base` has and those that are made new."""
    listed = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", f"refs/heads/{base}")
    levels = plan.levels
    files = repo.git.fields(*listed) if any(one.owns for level in levels for one in level) else []
    return [shared for number, level in enumerate(levels, 1) for shared in _in(number, level, files)]


def _in(number: int, level: Sequence[Wanted], files: Sequence[str]) -> Iterator[Shared]:
    for one, other in combinations([one for one in level if one.owns], 2):
        fresh = [*product(one.creates, other.owns), *product(one.modifies, other.creates)]
        if both := owned.overlap(Owned(one.owns), Owned(other.owns), files, fresh):
            yield Shared(number, one.name, other.name, tuple(both))
