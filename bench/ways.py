"""Ways to do one thing, taking turns and timed: so a busy machine is busy for all of them."""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench.repositories import environment

PAR = Path(sys.executable).parent / "git-par"


class Way:
    """One way to do a thing: what is timed, and what puts everything back after it."""

    def __init__(self, name: str, work: Callable[[], object], back: Callable[[], object] = lambda: None) -> None:
        self.name, self.work, self.back = name, work, back
        self.seconds: list[float] = []

    def round(self, *, counts: bool) -> None:
        began = time.perf_counter()
        self.work()
        if counts:
            self.seconds.append(time.perf_counter() - began)
        self.back()


def run(argv: Sequence[object], cwd: Path) -> str:
    done = subprocess.run([*map(str, argv)], cwd=cwd, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, argv))}: {done.stderr}")
    return done.stdout


def compare(title: str, rounds: int, *ways: Way, warm: bool = True, budget: float | None = None) -> None:
    """Let the `ways` take turns and print how they did; the first is what the others are measured by.

    `budget` is the ratio that the others must not exceed.
    """
    for number in range(-1 if warm else 0, rounds):
        for way in ways:
            way.round(counts=number >= 0)
    print(title)
    for way in ways:
        low, middle, high = (1000 * value(way.seconds) for value in (min, median, max))
        ratio = median(way.seconds) / median(ways[0].seconds)
        times = f"{middle:9.1f} ms  ({low:.1f} to {high:.1f})"
        told = "" if way is ways[0] else f"{ratio:8.3f}"
        if told and budget is not None:
            told += f"  ({'within' if ratio <= budget else 'OVER'} the budget of {budget:.3f})"
        print(f"  {way.name:34}{times:42}{told}", flush=True)
