"""Whether the deletion in the background slows other work down: `git status` in a loop, meanwhile."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench.context import Bench, par, workspaces
from bench.processes import environment, run
from bench.results import Measure, Timing
from bench.ways import compared

ALONE = "git status, nothing else running"
OURS = "git status, while git-par deletes in the background"
GIT = "git status, while git worktree remove runs"


def measure(bench: Bench) -> Iterator[Measure]:
    """Each status is a figure; how many fit into the deletion, and how long that took, are counted beside."""
    repository = bench.big
    here = repository.path
    status = ["git", "status", "--porcelain"]
    by_hand = here.parent / "by-hand-removal"
    trash = workspaces(repository) / ".par" / "trash"
    alone: list[float] = []
    taken: dict[str, list[list[float]]] = {OURS: [], GIT: []}
    took: dict[str, list[float]] = {OURS: [], GIT: []}

    def statuses(way: str, busy: Callable[[], bool]) -> None:
        began = time.perf_counter()
        figures = []
        while busy():
            figures.append(run(status, cwd=here).seconds)
        took[way].append(time.perf_counter() - began)
        taken[way].append(figures)

    for _ in range(bench.rounds(3)):
        alone += [run(status, cwd=here).seconds for _ in range(10)]
        par(repository, "add", "one")
        par(repository, "remove", "one")
        statuses(OURS, lambda: _any(trash))
        repository.git("worktree", "add", "-q", "-b", "by-hand", str(by_hand))
        argv = ["git", "worktree", "remove", str(by_hand)]
        with subprocess.Popen(argv, cwd=here, env=environment()) as removal:
            statuses(GIT, lambda: removal.poll() is None)
        repository.git("branch", "-q", "-D", "by-hand")
    bench.clear(repository)
    timings = [Timing(ALONE, tuple(alone))]
    for way in (OURS, GIT):
        figures = [figure for one in taken[way] for figure in one]
        if figures:
            milliseconds = tuple(round(1000 * one) for one in took[way])
            counts = {"statuses": tuple(map(len, taken[way])), "deletion_ms": milliseconds}
            timings.append(Timing(way, tuple(figures), 0, counts))
    yield Measure("deletion", f"`git status` beside a deletion, {repository.files:,} files", compared(timings))


def _any(directory: Path) -> bool:
    return directory.is_dir() and any(directory.iterdir())
