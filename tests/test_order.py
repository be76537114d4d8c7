"""The order that lands the most, beside trying all of them."""

import itertools
import random
import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par.landing.order import Order, arrange

NAMES = "abcdefg"
Pairs = set[tuple[str, str]]
Below = dict[str, set[str]]


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], Pairs, Below, dict[str, int], set[str]]:
    names = draw(st.permutations(NAMES[: draw(st.integers(0, len(NAMES)))]))
    pairs = [pair for pair in itertools.combinations(sorted(names), 2) if draw(st.integers(0, 2)) == 0]
    below: Below = {}
    for a, b in itertools.combinations(draw(st.permutations(sorted(names))), 2):
        if draw(st.integers(0, 6)) == 0:
            below.setdefault(b, set()).add(a)
    size = {name: draw(st.integers(0, 3)) for name in names}
    unfit = {name for name in names if draw(st.integers(0, 7)) == 0}
    return list(names), set(pairs), below, size, unfit


def lands(some: Sequence[str], pairs: Pairs, below: Mapping[str, set[str]], unfit: set[str]) -> bool:
    return (
        not any(a in some and b in some for a, b in pairs)
        and not any(name in unfit for name in some)
        and all(one in some for name in some for one in below.get(name, ()))
    )


@given(graphs())
def test_no_other_order_lands_more(graph: tuple[list[str], Pairs, Below, dict[str, int], set[str]]) -> None:
    names, pairs, below, size, unfit = graph
    found = arrange(names, pairs, below, size, unfit)
    assert sorted([*found.fits, *found.rest]) == sorted(names)
    assert lands(found.fits, pairs, below, unfit)
    most = max(
        len(some)
        for count in range(len(names) + 1)
        for some in itertools.combinations(names, count)
        if lands(some, pairs, below, unfit)
    )
    assert len(found.fits) == most


@given(graphs())
def test_ancestors_come_first_then_the_small_then_as_given(
    graph: tuple[list[str], Pairs, Below, dict[str, int], set[str]],
) -> None:
    names, pairs, below, size, unfit = graph
    found = arrange(names, pairs, below, size, unfit)
    for line in (found.fits, found.rest):
        for at, name in enumerate(line):
            ready = [
                one for one in line[at:] if not any(needed in line[at:] for needed in _all_below(one, below) - {one})
            ]
            assert name == min(ready, key=lambda one: (size[one], names.index(one)))


def _all_below(name: str, below: Mapping[str, set[str]]) -> set[str]:
    return {one for direct in below.get(name, ()) for one in {direct} | _all_below(direct, below)}


def test_the_one_in_everybodys_way_comes_last() -> None:
    pairs = {("a", "b"), ("a", "c"), ("a", "d")}
    assert arrange("abcd", pairs, {}, {"b": 3, "c": 1}) == Order(("d", "c", "b"), ("a",))


def test_what_stands_on_it_counts_for_it() -> None:
    pairs = {("a", "x"), ("a", "y")}
    assert arrange("xyabc", pairs, {"b": {"a"}, "c": {"b"}}, {}) == Order(("a", "b", "c"), ("x", "y"))


def test_a_task_goes_where_what_it_stands_on_goes() -> None:
    assert arrange("abc", (), {"b": {"a"}, "c": {"b"}}, {}, unfit={"a"}) == Order((), ("a", "b", "c"))
    assert arrange("ab", {("a", "b")}, {"b": {"a"}}, {}) == Order(("a",), ("b",))


def test_what_could_land_alone_comes_behind_what_it_has_anyway() -> None:
    assert arrange("abc", (), {}, {"b": 5}, unfit={"c"}, after={"a": {"b", "c"}}) == Order(("b", "a"), ("c",))


def test_a_circle_is_no_endless_loop() -> None:
    assert arrange("abc", (), {"a": {"b"}, "b": {"a"}}, {"a": 1}) == Order(("c", "b", "a"), ())


def test_names_that_are_not_asked_for_do_not_count() -> None:
    assert arrange("ab", {("a", "x"), ("b", "b")}, {"a": {"y"}}, {}) == Order(("a", "b"), ())


@pytest.mark.parametrize("density", [0.02, 0.05, 0.1, 0.3, 0.9])
def test_two_hundred_are_arranged_in_bounded_time(density: float) -> None:
    dice = random.Random(density)
    names = [f"task-{number}" for number in range(200)]
    pairs = {pair for pair in itertools.combinations(names, 2) if dice.random() < density}
    below = {name: {dice.choice(names[:at])} for at, name in enumerate(names) if at and dice.random() < 0.2}
    began = time.monotonic()
    found = arrange(names, pairs, below, {})
    assert time.monotonic() - began < 20
    assert lands(found.fits, pairs, below, set())
    assert len(found.fits) + len(found.rest) == 200


@pytest.mark.parametrize("seed", range(10))
def test_forty_that_collide_are_arranged_exactly(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    dice = random.Random(seed)
    names = [f"task-{number}" for number in range(40)]
    pairs = {pair for pair in itertools.combinations(names, 2) if dice.random() < 0.03 * (seed + 1)}
    found = arrange(names, pairs, {}, {})
    monkeypatch.setattr("git_par.landing.order._PATIENCE", 10**9)
    assert len(arrange(names, pairs, {}, {}).fits) == len(found.fits)
