"""Ways to do one thing, taking turns and timed: so a busy machine is busy for all of them."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median

from bench.processes import Run, run
from bench.results import Budget, Spread, Timing

YARDSTICK = "python -c pass"
"""A bare Python process: how fast this machine is at this moment."""

REFERENCE = 0.0116
"""Seconds of the yardstick on the machine that the absolute budgets were written for."""


class Way:
    """One way to do a thing: what is timed, and what puts everything back after it."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Run],
        back: Callable[[], object] = lambda: None,
        counts: Callable[[Run], dict[str, int]] = lambda _: {},
    ) -> None:
        self.name, self.work, self.back, self.counts = name, work, back, counts
        self._seconds: list[float] = []
        self._peaks: list[int] = []
        self._counted: list[dict[str, int]] = []

    def round(self, *, counts: bool = True) -> None:
        """Do it once, and put everything back; `counts` unless it only warms up."""
        done = self.work()
        if counts:
            self._seconds.append(done.seconds)
            self._peaks.append(done.peak)
            self._counted.append(self.counts(done))
        self.back()

    def timing(self) -> Timing:
        """All rounds so far."""
        kinds = self._counted[0] if self._counted else {}
        counts = {kind: tuple(one[kind] for one in self._counted) for kind in kinds}
        return Timing(self.name, tuple(self._seconds), max(self._peaks), counts)


def yardstick(cwd: Path) -> Way:
    """For measures that have a budget in seconds."""
    return Way(YARDSTICK, lambda: run([sys.executable, "-c", "pass"], cwd=cwd))


def take_turns(rounds: int, ways: Sequence[Way], *, warm: bool = True) -> tuple[Timing, ...]:
    """Let the `ways` take turns; ratios are to the first, each with its neighbour of the same round."""
    for number in range(-1 if warm else 0, rounds):
        for way in ways:
            way.round(counts=number >= 0)
    return compared([way.timing() for way in ways])


def compared(timings: Sequence[Timing]) -> tuple[Timing, ...]:
    """With their ratios to the first."""
    first = timings[0]
    return tuple(
        timing
        if timing is first
        else replace(timing, ratio=Spread.of([a / b for a, b in zip(timing.seconds, first.seconds, strict=False)]))
        for timing in timings
    )


def at_most(timings: Sequence[Timing], way: str, other: str, ratio: float, says: str) -> Budget:
    """One way takes no more than so many times another one's time."""
    return Budget(says, round(_median(timings, way) / _median(timings, other), 4), ratio, "x")


def at_most_more(timings: Sequence[Timing], way: str, other: str, seconds: float, says: str) -> Budget:
    """One way takes no more than so many seconds more than another; they are scaled by the yardstick."""
    more = _median(timings, way) - _median(timings, other)
    return Budget(says, round(more, 4), round(seconds * scale(timings), 4), "s")


def at_most_seconds(timings: Sequence[Timing], way: str, seconds: float, says: str, plus: str = "") -> Budget:
    """One way takes no more than so many seconds, scaled by the yardstick, and what another takes where `plus` names it."""
    limit = seconds * scale(timings) + (_median(timings, plus) if plus else 0)
    return Budget(says, round(_median(timings, way), 4), round(limit, 4), "s")


def scale(timings: Sequence[Timing]) -> float:
    """How many times slower the yardstick was here than where the budgets were written; never less than once."""
    found = [timing for timing in timings if timing.way == YARDSTICK]
    return max(1.0, median(found[0].seconds) / REFERENCE) if found else 1.0


def _median(timings: Sequence[Timing], way: str) -> float:
    return next(median(one.seconds) for one in timings if one.way == way)
