"""Merging many branches: `git par merge` beside a loop of `git merge --no-ff`."""

from collections.abc import Iterator, Sequence

from bench.context import Bench
from bench.processes import PAR, run
from bench.repositories import Repository
from bench.results import Measure, Timing
from bench.ways import Way, at_most, take_turns

LOOP, OURS = "a loop of git merge --no-ff", "git-par merge"


def measure(bench: Bench) -> Iterator[Measure]:
    """Branches without workspaces: nothing is there to be checked for uncommitted work."""
    repository = bench.big
    names = repository.branches
    timings = beside(repository, names, bench.rounds(3))
    says = "60 branches at least 12 times faster than a loop of `git merge --no-ff`"
    budgets = () if bench.quick else (at_most(timings, OURS, LOOP, 1 / 12, says),)
    yield Measure("merge", f"Merging {len(names)} branches, {repository.files:,} files", timings, budgets)


def beside(repository: Repository, names: Sequence[str], rounds: int) -> tuple[Timing, ...]:
    """Both merge the same commits; they must come to the same tree."""
    before = repository.git("rev-parse", "main")
    trees: set[str] = set()

    def back() -> None:
        trees.add(repository.git("rev-parse", "main^{tree}"))
        repository.git("reset", "-q", "--hard", before)

    loop = [["git", "merge", "-q", "--no-ff", "--no-edit", name] for name in names]
    timings = take_turns(
        rounds,
        [
            Way(LOOP, lambda: run(*loop, cwd=repository.path), back),
            Way(OURS, lambda: run([PAR, "merge", *names], cwd=repository.path), back),
        ],
        warm=False,
    )
    same(trees)
    return timings


def same(trees: set[str]) -> None:
    """Give up when ways that should do the same did not."""
    if len(trees) != 1:
        raise SystemExit("bench: the merges came to different trees")
