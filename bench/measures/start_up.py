"""What git-par costs before it does anything."""

from collections.abc import Iterator
from pathlib import Path

from bench.context import Bench, par
from bench.peers import Found
from bench.processes import PAR, run
from bench.results import Measure
from bench.ways import Way, at_most_seconds, take_turns, yardstick

BUDGET = 0.090


def measure(bench: Bench) -> Iterator[Measure]:
    """`--version`, and the path of one task; the other tools say their version."""
    repository = bench.small
    here = repository.path
    par(repository, "add", "one")
    path, version = "git-par path", "git-par --version"
    timings = take_turns(
        bench.rounds(20),
        [
            yardstick(here),
            Way("git --version", lambda: run(["git", "--version"], cwd=here)),
            Way(version, lambda: run([PAR, "--version"], cwd=here)),
            Way(path, lambda: run([PAR, "path", "one"], cwd=here)),
            *map(_peer, bench.peers),
        ],
    )
    bench.clear(repository)
    budgets = tuple(
        at_most_seconds(timings, way, BUDGET, f"`{way}` within 90 ms, scaled by bare Python") for way in (path, version)
    )
    yield Measure("start-up", "Start-up", timings, budgets)


def _peer(one: Found) -> Way:
    # The time of asking is what counts; one of them knows no --version.
    argv = [*one.peer.command, "--version"]
    return Way(f"{one.name} --version", lambda: run(argv, cwd=Path("/"), env=one.env, check=False))
