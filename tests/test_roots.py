"""Merge bases: found without asking git for each, and shown to git where it is to use certain ones."""

import random

import pytest

from git_par import discovery
from git_par.landing import history, trees
from git_par.repo import Repo
from tests.histories import History, Kind, fast_import, made_up
from tests.world import World


def graph(seed: int) -> History:
    """Commits without files, with any parents before them: several roots, criss-crosses, stacks, clocks that go wrong."""
    dice = random.Random(seed)
    made = History(dice, skewed=dice.random() < 0.5)
    for number in range(dice.choice((6, 15, 40))):
        near = range(max(0, number - dice.choice((3, 8, 40))), number)
        made.commit({}, *dice.sample(near, min(len(near), dice.choices((0, 1, 2, 3), (1, 10, 6, 1))[0])))
    names = ["main", *(f"topic/{number}" for number in range(dice.choice((1, 2, 3, 8))))]
    made.branches = {name: dice.randrange(len(made.trees)) for name in names}
    return made


def bases(world: World, one: str, other: str) -> set[str]:
    return set(world.try_git("merge-base", "--all", one, other).out.split())


def check_roots(world: World, seed: int) -> None:
    """Some of the tips come into the plan, some do not, as merges do and as squashes do."""
    made = graph(seed)
    fast_import(world, made)
    repo = discovery.find(world.repo)
    base, *tips = (world.rev(f"refs/heads/{name}") for name in made.branches)
    walked = history.read(repo, base, tips)
    plan, brought = base, frozenset[str]()
    for tip in tips:
        assert set(walked.roots(plan, brought, tip)) == bases(world, plan, tip), (seed, tip)
        if made.dice.random() < 0.6:
            plan = world.git("commit-tree", f"{plan}^{{tree}}", "-p", plan, "-p", tip, "-m", "merged")
            brought |= walked.own(tip)
        else:
            plan = world.git("commit-tree", f"{plan}^{{tree}}", "-p", plan, "-m", "squashed")


def found(repo: Repo, ours: str, theirs: str, *roots: str) -> trees.Result:
    """The merge; what stands in the files of a conflict names the sides, so their tree says nothing."""
    merged = trees.merge(repo, ours, theirs, bases=roots)
    return trees.Result("" if merged.clashes else merged.tree, tuple(sorted(merged.clashes)), merged.kinds)


def check_bases(world: World, seed: int) -> int:
    """Every pair of branches; how many of them had several merge bases."""
    made = made_up(seed, Kind(merges=1, skewed=seed % 2 == 0))
    fast_import(world, made)
    repo = discovery.find(world.repo)
    several = 0
    names = list(made.branches)[-5:]
    for one in names:
        for other in names:
            ours, theirs = world.rev(f"refs/heads/{one}"), world.rev(f"refs/heads/{other}")
            roots = sorted(bases(world, ours, theirs))
            if one == other or not roots:
                continue
            several += len(roots) > 1
            assert found(repo, ours, theirs, *roots) == found(repo, ours, theirs), (seed, one, other)
    return several


@pytest.mark.parametrize("seed", range(12))
def test_the_merge_bases_are_those_that_git_finds(world: World, seed: int) -> None:
    check_roots(world, seed)


def test_a_merge_on_given_bases_is_the_one_that_git_makes_when_it_finds_them(world: World) -> None:
    assert sum(check_bases(world, seed) for seed in range(4)) > 3


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10_000, 10_500))
def test_many_more_merge_bases_are_those_that_git_finds(world: World, seed: int) -> None:
    check_roots(world, seed)
    check_bases(world, seed)
