"""Who collides with whom: every pair merged in the object database, but for those that provably cannot collide."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from sys import maxsize

from git_par import beside
from git_par.git import Git
from git_par.landing import apart, trees
from git_par.landing.attributes import Attributes, renormalizes
from git_par.landing.order import Order, arrange
from git_par.repo import Repo

_PROCESSES = 2
"""More than so many do not merge faster."""

_FEW = 50
"""So many merges are not worth a second process."""


@dataclass(frozen=True)
class Collision:
    """Two that do not merge cleanly, and the paths in conflict."""

    a: str
    b: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class Matrix:
    """All collisions of some commits, and what the order in which they land depends on."""

    pairs: tuple[Collision, ...]
    bases: tuple[Collision, ...]
    """Of a name (`a`) with its base (`b`)."""
    sizes: Mapping[str, int]
    """How many paths each changed since it left its base; without those that left it at several places."""
    within: Mapping[str, tuple[str, ...]]
    """For each, those whose commit it has in its history, as far as they are beyond the bases."""


def best_order(repo: Repo, tips: Sequence[tuple[str, str]], base: tuple[str, str], below: Mapping[str, str]) -> Order:
    """The order in which the most of `tips` (names and commits) land on `base` (its name and commit).

    `below` tells which stands on which other.  Nothing is written into the repository.
    """
    seen = foresee(repo, tips, base)
    names = [name for name, _ in tips]
    return arrange(
        names,
        {(one.a, one.b) for one in seen.pairs},
        {name: (one,) for name, one in below.items()},
        {name: seen.sizes.get(name, maxsize) for name in names},
        unfit={one.a for one in seen.bases},
        after=seen.within,
    )


def foresee(repo: Repo, tips: Sequence[tuple[str, str]], base: tuple[str, str]) -> Matrix:
    """All collisions among `tips` and with their one base; nothing is written into the repository."""
    with repo.scratch() as objects:
        git = with_attributes(repo, repo.git.writing_to(objects, repo.objects), base[1])
        return look(git, tips, (base[1],), {name: base for name, _ in tips})


def with_attributes(repo: Repo, git: Git, base: str) -> Git:
    """Let merges heed the attributes of the commit `base`; before git 2.43 that may crash, and they heed none.

    Where it has none, those count that come in, as far as git asks for any (see `Attributes.are_named`).
    """
    named = repo.version >= (2, 43) and (not renormalizes(repo) or Attributes(repo, base, ()).given)
    return replace(git, lead=(f"--attr-source={base}", *git.lead)) if named else git


def look(
    git: Git,
    tips: Sequence[tuple[str, str]],
    limits: Collection[str],
    bases: Mapping[str, tuple[str, str]] | None = None,
    *,
    skip: bool = True,
) -> Matrix:
    """Merge each pair of `tips` (names and commits), and each with its base (`bases`: by name, its name and commit).

    `limits` are the commits on which all of this stands: what they have in their history is not walked through.  Without
    `skip` every pair is merged, whatever is known of it.  Whether two collide does not depend on which of them comes first.
    """
    commits, bases = dict(tips), bases or {}
    history = apart.read(git, commits.values(), limits)
    wanted = [(a, b, commits[a], commits[b]) for a, b in combinations(commits, 2)]
    # With the sides as they will be: where a commit sets line ends right, that matters (merge.renormalize).
    wanted += [(name, bases[name][0], bases[name][1], commits[name]) for name in commits if name in bases]
    asked = list(dict.fromkeys(pair[2:] for pair in wanted if not skip or history.may_collide(*pair[2:])))
    answers = dict(zip(asked, _merged(git, asked), strict=True))
    found = [Collision(a, b, answers.get((ours, theirs), ())) for a, b, ours, theirs in wanted]
    split = len(commits) * (len(commits) - 1) // 2
    return Matrix(
        tuple(one for one in found[:split] if one.files),
        tuple(one for one in found[split:] if one.files),
        {name: len(history.grown[commit].paths) for name, commit in tips if commit in history.grown},
        {
            name: tuple(one for one in commits if history.is_within(commits[one], commit))
            for name, commit in commits.items()
        },
    )


def _merged(git: Git, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The paths in conflict for each of `pairs`, by a few processes."""
    if len(pairs) < _FEW:
        return trees.merge_pairs(git, pairs)
    with beside.pool(_PROCESSES) as pool:
        parts = list(pool.each(lambda at: trees.merge_pairs(git, pairs[at::_PROCESSES]), range(_PROCESSES)))
    return [parts[at % _PROCESSES][at // _PROCESSES] for at in range(len(pairs))]
