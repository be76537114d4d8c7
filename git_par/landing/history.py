"""Where tasks left their base: each walk through the history is made once, for all of them together.

An ancestor or merge-base question is a walk, and in a deep history, or once an old fork is in the plan, each takes as
long as a merge or longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from git_par import beside
from git_par.repo import Repo


@dataclass(frozen=True)
class History:
    """What some tips have beyond the commit `base`, and where they left it."""

    repo: Repo
    base: str
    forks: Mapping[str, tuple[str, ...]]
    """The merge bases of each tip with the base."""
    parents: Mapping[str, tuple[str, ...]]
    """The commits that the base does not have, with their parents.

    Where clocks were wrong git may list some that it has (rev-list gives up looking after a few commits), never too few.
    """

    @property
    def is_far(self) -> bool:
        """Whether some tip left the base before its last commit, so that git would have to look for that place."""
        return any(forks != (self.base,) for forks in self.forks.values())

    def own(self, tip: str) -> frozenset[str]:
        """The commits of `tip` that the base does not have."""
        found: set[str] = set()
        waiting = [tip]
        while waiting:
            commit = waiting.pop()
            if commit in self.parents and commit not in found:
                found.add(commit)
                waiting += self.parents[commit]
        return frozenset(found)

    def roots(self, plan: str, brought: frozenset[str], tip: str) -> tuple[str, ...]:
        """The merge bases of `tip` and the planned commit `plan`, which has `brought` of the commits beyond the base.

        Where `tip` shares nothing with what was brought, they are those with the base.  Everything else is asked of git.
        """
        if not brought & self.own(tip):
            return self.forks[tip]
        return tuple(self.repo.git.run("merge-base", "--all", plan, tip, ok=(0, 1)).out.split())


def read(repo: Repo, base: str, tips: Sequence[str], *, alone: bool = False) -> History:
    """Walk from `tips` down to the history of `base`: once for the merge bases, and beside it for the rest.

    A single tip that is `alone`, because nothing of it can be in a plan otherwise, is spared the second walk.
    """
    wanted = list(dict.fromkeys(tips))
    with beside.pool(2) as pool:
        forks = pool.begin(partial(_forks, repo, base, wanted))
        parents = pool.begin(partial(_beyond, repo, base, [] if alone and len(wanted) == 1 else wanted))
        return History(repo, base, forks(), parents())


def _forks(repo: Repo, base: str, tips: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The merge bases of `base` and each tip.

    Each `BASE...TIP` comes out as TIP, BASE, and every merge base after a `^` (git-rev-parse(1)).
    """
    found: dict[str, tuple[str, ...]] = {}
    lines = iter(repo.git.run("rev-parse", *(f"{base}...{tip}" for tip in tips)).out.split() if tips else ())
    current = ""
    for line in lines:
        if line.startswith("^"):
            found[current] += (line[1:],)
        else:
            current = line
            found[current] = ()
            next(lines)
    return found


def _beyond(repo: Repo, base: str, tips: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The commits of `tips` that `base` does not have, with their parents."""
    if not tips:
        return {}
    feed = "".join(f"{tip}\n" for tip in tips) + f"^{base}\n"
    lines = (line.split(" ") for line in repo.git.run("rev-list", "--parents", "--stdin", feed=feed).out.splitlines())
    return {commit: tuple(above) for commit, *above in lines}
