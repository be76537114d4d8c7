"""One task's way onto the plan: what is asked of it, and what comes of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par.landing import trees
from git_par.landing.audit import Step
from git_par.landing.message import Words
from git_par.landing.planned import Strategy
from git_par.landing.select import Item
from git_par.repo import Repo


@dataclass(frozen=True)
class Way:
    """How the tasks of one batch come home."""

    repo: Repo
    strategy: Strategy
    words: Words

    def commit(self, tree: str, parents: Sequence[str], text: str, env: Mapping[str, str] | None = None) -> str:
        """A commit of this batch."""
        return trees.commit(self.repo, tree, parents, text, env, sign=self.words.sign)


@dataclass(frozen=True)
class Job:
    """One task and the planned commit `onto` that it comes onto; `roots` are their merge bases.

    `landed` are commits of the task that `onto` has already, but under other commits; `bases` are the merge bases that
    count, as git would find them if it knew that.
    """

    item: Item
    onto: str
    tip: str
    roots: tuple[str, ...]
    bases: tuple[str, ...]
    landed: tuple[str, ...] = ()
    shown: str | None = None
    """What git is shown in place of `tip` where that lacks `bases` in its history: the same files, and those in it."""

    @property
    def theirs(self) -> str:
        """The commit that git merges."""
        return self.shown or self.tip

    @property
    def known(self) -> tuple[str, ...]:
        """Commits whose history is none of the task's.  Where clocks were wrong, `onto` alone does not tell git of all."""
        return (self.onto, *self.roots, *self.landed)


@dataclass(frozen=True)
class Made:
    """The new planned commit, and what the audit needs to know of it; see `planned.Merged`."""

    commit: str
    steps: tuple[Step, ...] = ()
    private: str = ""
    driven: tuple[str, ...] = ()


@dataclass(frozen=True)
class Clashing:
    """It does not merge: the paths in conflict, and of what kinds git calls the conflicts."""

    paths: tuple[str, ...]
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Vetoed:
    """A hook of the repository refused it, or git could not go on; in its own words."""

    why: str


Outcome = Made | Clashing | Vetoed | None
"""None: there is nothing to add."""
