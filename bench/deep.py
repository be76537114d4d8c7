"""A deep history: every question about ancestors or merge bases is a walk."""

from pathlib import Path

from bench import history
from bench.filled import fill, put_back
from bench.repositories import Repository
from bench.ways import PAR, Way, compare, run


def measure(root: Path, *, quick: bool) -> None:
    """Merge tasks that left a deep history at old and at new commits, without and with a commit-graph."""
    commits, tasks, rounds = (5_000, 10, 3) if quick else (100_000, 30, 3)
    repository = history.make(root / "deep", commits=commits, tasks=tasks)
    fill(repository)
    for graph in ("without", "with"):
        if graph == "with":
            repository.git("commit-graph", "write", "--reachable")
        where = f"history of {commits} commits, {graph} a commit-graph"
        # One merge alone also pays for the start-up of git-par, and few commits are no walk.
        budget = None if quick else 1.0
        _merge(repository, repository.branches, f"merge --all, {tasks} tasks, {where}", rounds, budget)
        _merge(repository, repository.branches[:1], f"merge of one old task, {where}", 2 * rounds)
        _merge(repository, repository.branches[-1:], f"merge of one new task, {where}", 2 * rounds)


def _merge(
    repository: Repository, names: tuple[str, ...], title: str, rounds: int, budget: float | None = None
) -> None:
    before = repository.git("rev-parse", "main")
    trees: set[str] = set()

    def loop() -> None:
        for name in names:
            run(["git", "merge", "-q", "--no-ff", "--no-edit", name], repository.path)

    def back() -> None:
        trees.add(repository.git("rev-parse", "main^{tree}"))
        put_back(repository, before)

    what = ("--all",) if names == repository.branches else names
    compare(
        title,
        rounds,
        Way("a loop of git merge --no-ff", loop, back),
        Way(f"git-par merge {' '.join(what)}", lambda: run([PAR, "merge", *what], repository.path), back),
        warm=False,
        budget=budget,
    )
    if len(trees) != 1:
        raise SystemExit("bench: the merges came to different trees")
