"""Making a workspace that is a repository of its own, beside one that is a linked worktree, in repositories of two sizes."""

from collections.abc import Iterator

from bench.context import Bench, emptied, par
from bench.processes import PAR, run
from bench.repositories import Repository
from bench.results import Measure
from bench.ways import Way, at_most, take_turns

GIT, WORKTREE, CLONE = "git worktree add -b", "git-par add", "git-par add --isolation clone"


def measure(bench: Bench) -> Iterator[Measure]:
    """Each is removed again before the next is made."""
    for size, repository, rounds in (("small", bench.small, 10), ("big", bench.big, 5)):
        yield _made(bench, size, repository, bench.rounds(rounds))


def _made(bench: Bench, size: str, repository: Repository, rounds: int) -> Measure:
    here = repository.path
    by_hand = here.parent / f"by-hand-{size}"

    def back_by_hand() -> None:
        repository.git("worktree", "remove", "--force", str(by_hand))
        repository.git("branch", "-q", "-D", "by-hand")

    def back() -> None:
        par(repository, "remove", "one")
        emptied(repository)

    timings = take_turns(
        rounds,
        [
            Way(GIT, lambda: run(["git", "worktree", "add", "-b", "by-hand", by_hand], cwd=here), back_by_hand),
            Way(WORKTREE, lambda: run([PAR, "add", "one"], cwd=here), back),
            Way(CLONE, lambda: run([PAR, "add", "one", "--isolation", "clone"], cwd=here), back),
        ],
    )
    bench.clear(repository)
    says = f"a clone of {repository.files:,} files at most twice a worktree"
    budgets = () if bench.quick else (at_most(timings, CLONE, WORKTREE, 2.0, says),)
    return Measure(
        f"clone-{size}", f"Adding a workspace of each isolation, {repository.files:,} files", timings, budgets
    )
