"""A deep history: every question about ancestors or merge bases is a walk."""

import shutil
from collections.abc import Iterator

from bench import deep_history
from bench.context import Bench
from bench.measures.filled import fill, keep_state, put_back
from bench.measures.merge import LOOP, OURS, same
from bench.processes import PAR, run
from bench.repositories import Repository
from bench.results import Budget, Measure
from bench.ways import Way, at_most, take_turns


def measure(bench: Bench) -> Iterator[Measure]:
    """Merge tasks that left a deep history at old and at new commits, without and with a commit-graph."""
    commits, tasks = (5_000, 10) if bench.quick else (100_000, 30)
    root = bench.directory("deep")
    repository = deep_history.make(root / "deep", commits=commits, tasks=tasks)
    fill(repository, repository.branches)
    keep_state(repository)
    for graph in ("without", "with"):
        if graph == "with":
            repository.git("commit-graph", "write", "--reachable")
        where = f"{commits:,} commits, {graph} a commit-graph"
        for what, names in (
            (f"{tasks} tasks", repository.branches),
            ("one old task", repository.branches[:1]),
            ("one new task", repository.branches[-1:]),
        ):
            name = f"deep-{graph}-{'all' if len(names) > 1 else what.split()[1]}"
            yield _merge(bench, repository, names, name, f"Merging {what}, {where}")
    shutil.rmtree(root)


def _merge(bench: Bench, repository: Repository, names: tuple[str, ...], name: str, title: str) -> Measure:
    before = repository.git("rev-parse", "main")
    trees: set[str] = set()

    def back() -> None:
        trees.add(repository.git("rev-parse", "main^{tree}"))
        put_back(repository, before)

    loop = [["git", "merge", "-q", "--no-ff", "--no-edit", one] for one in names]
    timings = take_turns(
        bench.rounds(3 if len(names) > 1 else 5),
        [
            Way(LOOP, lambda: run(*loop, cwd=repository.path), back),
            Way(OURS, lambda: run([PAR, "merge", *names], cwd=repository.path), back),
        ],
        warm=False,
    )
    same(trees)
    budgets: tuple[Budget, ...] = ()
    # One merge alone also pays for the start-up of git-par.
    if len(names) > 1 and not bench.quick:
        budgets = (at_most(timings, OURS, LOOP, 1.0, f"{title[0].lower()}{title[1:]}: no slower than the loop"),)
    return Measure(name, title, timings, budgets)
