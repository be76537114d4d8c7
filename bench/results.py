"""What was measured, as data: the ways of doing one thing, their seconds and memory, and whether budgets are met."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

FILE = Path(__file__).parent / "results.json"

VERSION = 1


@dataclass(frozen=True)
class Spread:
    """The middle of some figures, and the least and the greatest of them."""

    median: float
    min: float
    max: float

    @classmethod
    def of(cls, figures: Sequence[float]) -> "Spread":
        """Rounded to what can be told apart."""
        return cls(*(round(value(figures), 5) for value in (median, min, max)))


@dataclass(frozen=True)
class Timing:
    """One way of doing the thing: seconds of each round, kibibytes of its largest process, and what else was counted.

    `ratio` is that to the first way of the measure, round by round; `counts` are figures a round, such as failures.
    """

    way: str
    seconds: tuple[float, ...]
    peak: int = 0
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    ratio: Spread | None = None

    @property
    def spread(self) -> Spread:
        """Of the seconds."""
        return Spread.of(self.seconds)


@dataclass(frozen=True)
class Budget:
    """A promise: `value` is not greater than `limit`.  `unit` is `x` for a ratio, `s` for seconds, or what is counted."""

    says: str
    value: float
    limit: float
    unit: str

    @property
    def met(self) -> bool:
        """Kept in this run."""
        return self.value <= self.limit


@dataclass(frozen=True)
class Measure:
    """Several ways of doing one thing; the first is what the others are compared with.

    Measures of one `group` are points of one curve, `at` so many files, tasks or processes.
    """

    name: str
    title: str
    timings: tuple[Timing, ...]
    budgets: tuple[Budget, ...] = ()
    group: str = ""
    at: int = 0
    note: str = ""

    def timing(self, way: str) -> Timing:
        """That of one way."""
        return next(one for one in self.timings if one.way == way)


@dataclass(frozen=True)
class Suite:
    """All that one kind of measure gave, in one run."""

    name: str
    date: str
    measures: tuple[Measure, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """Everything, with the machine it was measured on."""

    quick: bool
    machine: Mapping[str, str | int]
    peers: Mapping[str, str]
    suites: tuple[Suite, ...]

    def with_suite(self, suite: Suite, order: Sequence[str]) -> "Results":
        """The same with one suite more, or anew, in the order of all."""
        suites = [one for one in self.suites if one.name != suite.name] + [suite]
        suites.sort(key=lambda one: order.index(one.name) if one.name in order else len(order))
        return Results(self.quick, self.machine, self.peers, tuple(suites))

    @property
    def measures(self) -> tuple[Measure, ...]:
        """Of all suites."""
        return tuple(measure for suite in self.suites for measure in suite.measures)


def write(results: Results, file: Path) -> None:
    """As JSON, with the medians, spreads and verdicts that follow from the raw figures."""
    data = asdict(results)
    for suite, plain in zip(results.suites, data["suites"], strict=True):
        for measure, row in zip(suite.measures, plain["measures"], strict=True):
            for timing, one in zip(measure.timings, row["timings"], strict=True):
                one["seconds"] = [round(seconds, 5) for seconds in timing.seconds]
                one |= asdict(timing.spread)
            for budget, one in zip(measure.budgets, row["budgets"], strict=True):
                one["met"] = budget.met
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({"version": VERSION} | data, indent=1) + "\n")


def read(file: Path) -> Results | None:
    """What `write` wrote; None when there is nothing of this version."""
    if not file.exists():
        return None
    data = json.loads(file.read_text())
    if data["version"] != VERSION:
        return None
    suites = tuple(
        Suite(one["name"], one["date"], tuple(map(_measure, one["measures"])), tuple(one["left_out"]))
        for one in data["suites"]
    )
    return Results(data["quick"], data["machine"], data["peers"], suites)


def _measure(row: Mapping[str, Any]) -> Measure:
    return Measure(
        row["name"],
        row["title"],
        tuple(map(_timing, row["timings"])),
        tuple(Budget(one["says"], one["value"], one["limit"], one["unit"]) for one in row["budgets"]),
        row["group"],
        row["at"],
        row["note"],
    )


def _timing(row: Mapping[str, Any]) -> Timing:
    counts = {name: tuple(figures) for name, figures in row["counts"].items()}
    ratio = Spread(**row["ratio"]) if row["ratio"] else None
    return Timing(row["way"], tuple(row["seconds"]), row["peak"], counts, ratio)
