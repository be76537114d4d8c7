"""What the index of a checkout lists, read once for all who ask: in a large one that takes git some time."""

from collections.abc import Iterator
from dataclasses import dataclass

from git_par.git import Git


@dataclass(frozen=True)
class Entry:
    """One line of it, as `git ls-files -v -s` writes it (git-ls-files(1))."""

    tag: str
    mode: str
    blob: str
    path: str


@dataclass(frozen=True)
class Listing:
    """All of it, not taken apart: mostly nobody finds in it what he looks for."""

    text: str

    @property
    def marked(self) -> list[Entry]:
        """What git was told not to look at: assume-unchanged has a tag in lower case, skip-worktree an S."""
        if f"\0{self.text}".count("\0H ") == self.text.count("\0"):
            return []
        return [one for one in self._entries() if one.tag.islower() or one.tag == "S"]

    @property
    def submodules(self) -> list[str]:
        """The paths of submodules."""
        return [one.path for one in self._entries() if one.mode == "160000"] if " 160000 " in self.text else []

    def _entries(self) -> Iterator[Entry]:
        for field in self.text.split("\0")[:-1]:
            how, _, path = field.partition("\t")
            tag, mode, blob, _ = how.split(" ")
            yield Entry(tag, mode, blob, path)


def read(git: Git) -> Listing:
    """List the index of a checkout."""
    return Listing(git.run("ls-files", "-v", "-s", "-z").out)
