"""Which branch each task lands in, and in which order: pure, no repository."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par.errors import UsageError
from git_par.landing.select import Batch, Item, batches
from git_par.state.tasks import Task


def task(name: str, base: str = "main", branch: str = "") -> Item:
    branch = branch or name
    record = Task(
        name=name,
        branch=branch,
        path=f"/workspaces/{name}",
        base=base,
        base_commit="0" * 40,
        state="active",
        created="2026-01-01T00:00:00Z",
        slot=1,
        placed="0" * 40,
    )
    return Item(name, branch, record)


def plain(name: str) -> Item:
    return Item(name, name)


def shown(found: list[Batch]) -> dict[str, list[str]]:
    assert len({batch.base for batch in found}) == len(found)
    return {batch.base: [item.name for item in batch.items] for batch in found}


def test_nothing_makes_no_batch() -> None:
    assert batches([], into=None, here="main") == []


def test_tasks_are_grouped_by_base_in_the_order_given() -> None:
    items = [task("c"), task("b", "release"), task("a"), task("d", "release")]
    assert shown(batches(items, into=None, here=None)) == {"main": ["c", "a"], "release": ["b", "d"]}


def test_bases_come_in_the_order_of_their_first_task() -> None:
    items = [task("a", "z"), task("b", "y"), task("c", "z")]
    assert [batch.base for batch in batches(items, into=None, here=None)] == ["z", "y"]


def test_a_stacked_task_comes_right_behind_the_task_below() -> None:
    items = [task("below"), task("other"), task("above", "below")]
    assert shown(batches(items, into=None, here=None)) == {"main": ["below", "above", "other"]}


def test_a_stacked_task_named_first_still_comes_behind() -> None:
    items = [task("top", "middle"), task("middle", "below"), task("below")]
    assert shown(batches(items, into=None, here=None)) == {"main": ["below", "middle", "top"]}


def test_several_on_one_task_keep_their_order() -> None:
    items = [task("below"), task("second", "below"), task("third", "below"), task("on-second", "second")]
    assert shown(batches(items, into=None, here=None)) == {"main": ["below", "second", "on-second", "third"]}


def test_stacking_goes_by_branch_not_by_name() -> None:
    items = [task("below", branch="user/below"), task("above", "user/below"), task("stranger", "below")]
    assert shown(batches(items, into=None, here=None)) == {"main": ["below", "above"], "below": ["stranger"]}


def test_a_task_on_one_that_was_not_selected_lands_in_that_ones_branch() -> None:
    assert shown(batches([task("above", "below")], into=None, here="main")) == {"below": ["above"]}


def test_into_takes_them_all() -> None:
    items = [task("a"), task("b", "release"), plain("c")]
    assert shown(batches(items, into="next", here="main")) == {"next": ["a", "b", "c"]}


def test_into_keeps_stacked_tasks_behind_each_other() -> None:
    items = [task("above", "below"), task("x", "release"), task("below")]
    assert shown(batches(items, into="next", here="main")) == {"next": ["x", "below", "above"]}


def test_a_plain_branch_goes_to_the_branch_one_stands_on() -> None:
    assert shown(batches([plain("fix"), task("a", "release")], into=None, here="next")) == {
        "next": ["fix"],
        "release": ["a"],
    }


def test_a_task_stacked_on_a_plain_branch_that_is_named_too_comes_behind_it() -> None:
    assert shown(batches([task("a", "fix"), plain("fix")], into=None, here="main")) == {"main": ["fix", "a"]}


def test_a_plain_branch_needs_somewhere_to_go() -> None:
    with pytest.raises(UsageError) as caught:
        batches([plain("fix")], into=None, here=None)
    assert caught.value.message == "fix: a plain branch, and no branch is checked out here to merge it into"
    assert caught.value.hint == "git par merge fix --into BRANCH"


@pytest.mark.parametrize(("into", "here"), [("fix", "main"), (None, "fix")])
def test_nothing_is_merged_into_itself(into: str | None, here: str) -> None:
    with pytest.raises(UsageError, match="fix: it cannot be merged into itself"):
        batches([plain("fix")], into=into, here=here)


@pytest.mark.parametrize("size", [2, 3, 7])
def test_a_circle_is_refused_by_name(size: int) -> None:
    ring = [task(f"t{number}", f"t{(number + 1) % size}") for number in range(size)]
    with pytest.raises(UsageError) as caught:
        batches([task("fine"), *ring], into=None, here="main")
    names = ", ".join(f"t{number}" for number in range(size))
    assert caught.value.message == f"{names}: based on each other in a circle"


def test_a_circle_opened_by_into_is_none() -> None:
    """One of the two is the branch that everything goes to, so only the other is left."""
    assert shown(batches([task("a", "b")], into="b", here="main")) == {"b": ["a"]}


@given(
    bases=st.lists(st.integers(min_value=-2, max_value=8), min_size=1, max_size=9),
    order=st.randoms(use_true_random=False),
)
def test_every_item_lands_once_behind_what_it_stands_on(bases: list[int], order: object) -> None:
    # A task stands on an earlier one or on one of two real bases, so there are no circles.
    items = [
        task(f"t{number}", f"t{base}" if 0 <= base < number else f"base{base % 2}") for number, base in enumerate(bases)
    ]
    order.shuffle(items)  # type: ignore[attr-defined]
    found = batches(items, into=None, here=None)
    flat = [item.name for batch in found for item in batch.items]
    assert sorted(flat) == sorted(item.name for item in items)
    for batch in found:
        names = [item.branch for item in batch.items]
        for item in batch.items:
            assert item.task
            if item.task.base.startswith("base"):
                assert batch.base == item.task.base
            else:
                assert names.index(item.task.base) < names.index(item.branch)
