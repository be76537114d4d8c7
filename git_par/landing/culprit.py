"""Who breaks the gate: the first planned commit that fails, found with as few tests as it takes.

Pure: `passes` answers for a commit, by running a command or by remembering.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class Result:
    """How the gate answered for one commit."""

    ok: bool
    exit: int
    log: Path | None
    """None when the answer was remembered."""
    seconds: float = 0.0

    @property
    def remembered(self) -> bool:
        """Whether the command was not run, because it has passed on this very tree."""
        return self.log is None


class Step(Protocol):
    """One step of a plan."""

    @property
    def commit(self) -> str:
        """The commit that it made."""


@dataclass(frozen=True)
class Passes:
    """The plan may be published."""


@dataclass(frozen=True)
class BaseFails:
    """The base alone fails, so nobody is to blame."""

    result: Result


@dataclass(frozen=True)
class Culprit:
    """The step of this index is the first that fails."""

    index: int
    result: Result


Verdict = Passes | BaseFails | Culprit


def judge(passes: Callable[[str], Result], before: str, steps: Sequence[Step], *, each: bool) -> Verdict:
    """Whether the plan of `steps` on the base commit `before` passes; with `each` every commit of it has to.

    Without, the last one is what counts.  The base is asked before anyone is blamed, and only then.
    """
    commits = [step.commit for step in steps]
    results: dict[str, Result] = {}

    def ok(commit: str) -> bool:
        results[commit] = passes(commit)
        return results[commit].ok

    if each:
        failing = next((index for index, commit in enumerate(commits) if not ok(commit)), None)
        ask_base = failing == 0  # behind the first, the base's place is taken by a commit that passed
    else:
        failing = len(commits) - 1 if commits and not ok(commits[-1]) else None
        ask_base = True
    if failing is None:
        return Passes()
    if ask_base and not ok(before):
        return BaseFails(results[before])
    if not each:
        failing = first_failing(commits, ok)
    return Culprit(failing, results[commits[failing]])


def first_failing(commits: Sequence[str], ok: Callable[[str], bool]) -> int:
    """The index of the first of `commits` that is not `ok`, where what is before them is and the last one is not.

    Where some that pass come after one that fails, it is one that fails right behind one that passes.
    """
    passing, failing = -1, len(commits) - 1
    while failing - passing > 1:
        middle = (passing + failing) // 2
        if ok(commits[middle]):
            passing = middle
        else:
            failing = middle
    return failing
