"""The measures: one module a kind, each with `measure(bench)`, which gives what it found as it goes.

A new one needs its line below and a block of its name in `docs/performance.md`.
"""

from collections.abc import Callable, Iterator, Mapping

from bench.context import Bench
from bench.measures import (
    at_once,
    clone,
    conflicts,
    create,
    deep,
    filled,
    growth,
    listing,
    merge,
    pool,
    profile,
    removal,
    start_up,
    tab,
)
from bench.results import Measure

ALL: Mapping[str, Callable[[Bench], Iterator[Measure]]] = {
    "start-up": start_up.measure,
    "add": create.measure,
    "add-many": create.measure_many,
    "clone": clone.measure,
    "pool": pool.measure,
    "removal": removal.measure,
    "list": listing.measure,
    "merge": merge.measure,
    "conflicts": conflicts.measure,
    "deep": deep.measure,
    "tab": tab.measure,
    "at-once": at_once.measure,
    "growth": growth.measure,
    "profile": profile.measure,
    "filled": filled.measure,
}
"""In the order in which they run."""
