"""The dataclasses of git_par are as dataclasses are, but for what they cost to load."""

import dataclasses
import importlib
import inspect
from collections.abc import Iterator
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest

from git_par.classes import _dataclass as ours

PACKAGE = Path(__file__).parent.parent / "git_par"


def all_of_ours() -> Iterator[Any]:
    for file in PACKAGE.rglob("*.py"):
        if "git_par.classes import dataclass" in file.read_text():
            name = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
            module = importlib.import_module(name)
            for one in vars(module).values():
                if isinstance(one, type) and one.__module__ == name and dataclasses.is_dataclass(one):
                    yield one


class Plain:
    """One with everything that is used."""

    first: int
    second: str = "two"
    third: list[int] = field(default_factory=list)
    apart: int = field(default=4, compare=False)
    kept: dict[str, int] = field(default_factory=dict, init=False)


def both(*, frozen: bool) -> Iterator[Any]:
    makers: tuple[Any, Any] = (ours, dataclasses.dataclass)
    for make in makers:
        made = type("Plain", (Plain,), dict(Plain.__dict__))
        yield make(frozen=frozen)(made)


@pytest.mark.parametrize("frozen", [False, True])
def test_they_do_what_dataclasses_do(frozen: bool) -> None:
    for Made in both(frozen=frozen):
        one = Made(1)
        assert (one.first, one.second, one.third, one.apart, one.kept) == (1, "two", [], 4, {})
        assert Made(1).third is not one.third
        assert repr(one) == "Plain(first=1, second='two', third=[], apart=4, kept={})"
        assert one == Made(first=1, apart=5) != Made(2)
        assert one != 1
        assert replace(Made(1, "x", [1]), second="y") == Made(1, "y", [1])
        assert asdict(one) == {"first": 1, "second": "two", "third": [], "apart": 4, "kept": {}}
        assert Made.__match_args__ == ("first", "second", "third", "apart")
        with pytest.raises(TypeError):
            Made()
        with pytest.raises(TypeError):
            Made(1, kept={})
        if frozen:
            with pytest.raises(FrozenInstanceError):
                one.first = 2
            with pytest.raises(FrozenInstanceError):
                del one.other
        else:
            one.first = 2
            assert one == Made(2)
            with pytest.raises(TypeError):
                hash(one)


def test_equal_ones_have_one_hash() -> None:
    for make in (ours, dataclasses.dataclass):

        @make(frozen=True)
        class Made:
            first: int
            apart: int = field(default=0, compare=False)

        assert hash(Made(1, 2)) == hash(Made(1, 3))  # type: ignore[call-arg]
        assert {Made(1), Made(1), Made(2)} == {Made(1), Made(2)}  # type: ignore[call-arg]


def test_what_a_class_says_itself_counts() -> None:
    class Made:
        first: int

        def __eq__(self, other: object) -> bool:
            return True

        def __repr__(self) -> str:
            return "me"

    made: Any = ours(frozen=True)(Made)
    assert repr(made(1)) == "me"
    assert made(1) == made(2)


def test_the_first_instances_may_come_from_several_threads() -> None:
    for _ in range(20):
        Made = next(both(frozen=True))
        start = Barrier(4)
        made: list[Any] = []

        def make(Made: Any = Made, start: Barrier = start, made: list[Any] = made) -> None:
            start.wait()
            made.append(Made(1, "x"))

        threads = [Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [Made(1, "x")] * 4


@pytest.mark.parametrize("cls", list(all_of_ours()), ids=lambda cls: f"{cls.__module__}.{cls.__name__}")
def test_each_class_takes_what_a_dataclass_would(cls: Any) -> None:
    asked = fields(cls)
    assert all(one.repr and one.hash is None and not one.kw_only for one in asked), "not built: see git_par/classes.py"
    assert not hasattr(cls, "__post_init__")
    twin = dataclasses.make_dataclass(
        cls.__name__,
        [
            (one.name, object, field(default=one.default, default_factory=one.default_factory, init=one.init))
            for one in asked
        ],
    )
    with pytest.raises(TypeError):
        cls(*(0 for _ in range(len(asked) + 1)))  # now its __init__ is written
    wanted = {name: one.default is not one.empty for name, one in inspect.signature(twin).parameters.items()}
    assert {name: one.default is not one.empty for name, one in inspect.signature(cls).parameters.items()} == wanted


def test_no_class_inherits_from_one_of_ours() -> None:
    """What is shared goes by the fields of a class alone."""
    known = set(all_of_ours())
    assert len(known) > 100
    assert [one for one in known if known & set(one.__mro__[1:])] == []
