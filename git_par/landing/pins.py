"""Keep planned commits from a gc until they are published (git-gc(1), NOTES)."""

import os
from dataclasses import dataclass, field
from types import TracebackType

from git_par.repo import Repo


class LostError(Exception):
    """A gc took objects of the plan before it was pinned."""


@dataclass
class Pins:
    """The pins of one plan; they go when the block ends."""

    repo: Repo
    _refs: list[str] = field(default_factory=list)

    def __enter__(self) -> "Pins":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for ref in self._refs:
            self.repo.git.run("update-ref", "-d", ref, ok=range(256))

    def hold(self, commit: str, *known: str) -> None:
        """Keep the planned `commit`, with all it consists of; LostError when some of that is gone already.

        What branches have, such as the `known` commits that the plan was made of, no gc takes.
        """
        ref = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}"
        self._refs.append(ref)
        if self.repo.git.run("update-ref", ref, commit, "", ok=range(256)).code:
            raise LostError
        # What a plan is made of has no name until now, and a `gc --prune=now` beside us takes it.
        if self.repo.git.run(
            "rev-list", "--objects", "--quiet", commit, *(f"^{one}" for one in known), ok=range(256)
        ).code:
            raise LostError
