"""What a merge comes to: what was planned for one base, and for each task what becomes of it and why."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Literal

from git_par.errors import ParError
from git_par.landing.audit import Step
from git_par.landing.select import Item


class Strategy(StrEnum):
    """How one task comes into its base."""

    NO_FF = "no-ff"
    FF = "ff"
    SQUASH = "squash"
    REBASE = "rebase"


class Order(StrEnum):
    """In which order tasks come into their base; those that stand on others always after them."""

    CREATED = "created"
    GIVEN = "given"
    FEWEST_CONFLICTS = "fewest-conflicts"


class OnConflict(StrEnum):
    """What becomes of the others when a task cannot land."""

    SKIP = "skip"
    STOP = "stop"
    ABORT = "abort"


Reason = Literal[
    "already in",
    "atomic",
    "audit",
    "broken",
    "dirty",
    "diverged",
    "foreign",
    "gone",
    "operation",
    "other-branch",
    "removed",
    "stacked",
    "stopped",
    "unrelated",
    "untested",
    "vetoed",
]
"""Why a task is left out that neither conflicts nor breaks the gate; programs go by these words."""


@dataclass(frozen=True)
class Merged:
    """One task in the plan: `before` and `commit` are the base around it.

    `steps` are the merges that made it, for the audit; a fast-forward has none.  `private` says why it was made in a
    private workspace; empty when it was made in the object database.
    """

    item: Item
    tip: str
    before: str
    commit: str
    steps: tuple[Step, ...] = ()
    private: str = ""
    driven: tuple[str, ...] = ()
    """Paths that a merge driver of the user's may have merged."""
    reverts: tuple[str, ...] = ()
    """The commits that had taken its landing back, and that were reverted first."""


@dataclass(frozen=True)
class Clash:
    """A file in conflict, and with whose work."""

    path: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Conflicted:
    """A task that does not merge cleanly."""

    item: Item
    tip: str
    files: tuple[Clash, ...]


@dataclass(frozen=True)
class Failed:
    """A task that broke the gate: its command, its exit status and where its output lies."""

    item: Item
    gate: str
    exit: int
    log: str


@dataclass(frozen=True)
class Skipped:
    """A task that was left out; `harmless` when there was nothing to do."""

    item: Item
    reason: Reason
    detail: str = ""
    hint: str = ""
    harmless: bool = False
    files: tuple[str, ...] = ()
    """What a task changed that it does not own."""


@dataclass(frozen=True)
class Plan:
    """What will become of one base."""

    base: str
    before: str
    after: str
    merged: tuple[Merged, ...] = ()
    conflicted: tuple[Conflicted, ...] = ()
    failed: tuple[Failed, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    exempt: tuple[str, ...] = ()
    """Paths that the audit could not judge, because a rename moved them or a merge driver of the user's merged them."""
    warnings: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether everything lands that was asked for."""
        return not self.conflicted and not self.failed and all(one.harmless for one in self.skipped)


@dataclass(frozen=True)
class Outcome:
    """What became of one base."""

    plan: Plan
    published: bool = False
    refused: ParError | None = None
    untracked: tuple[tuple[str, int], ...] = ()
    """Tasks with untracked files, which stay where they are, and how many."""
    problem: str = ""
    """What the post-merge hook had to complain of afterwards."""
    checkout: Path | None = None
    """Where the base was checked out when it was published."""
    behind: tuple[str, ...] = ()
    """Submodules that are not there where the base has them now."""
