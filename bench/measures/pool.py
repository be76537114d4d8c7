"""Adding a workspace where a spare stands ready."""

from collections.abc import Iterator

from bench.context import Bench, emptied, par
from bench.processes import PAR, run
from bench.results import Measure
from bench.ways import Way, at_most, at_most_seconds, take_turns, yardstick

GIT, OURS, CHECK = "git worktree add -b", "git-par add, from a spare", "git diff-files of it"


def measure(bench: Bench) -> Iterator[Measure]:
    """The spare is made before, untimed; git has none."""
    repository = bench.big
    here = repository.path
    if run([PAR, "pool", "-h"], cwd=here, check=False).ended[0].status:
        bench.left_out.append("adding from a spare: this git-par has no `pool`")
        return
    repository.git("config", "par.pool", "1")
    par(repository, "pool", "fill")
    by_hand = here.parent / "by-hand-pool"

    def remove_by_hand() -> None:
        repository.git("worktree", "remove", "--force", str(by_hand))
        repository.git("branch", "-q", "-D", "by-hand")

    def back() -> None:
        par(repository, "remove", "warm")
        emptied(repository)
        par(repository, "pool", "fill")

    timings = take_turns(
        bench.rounds(5),
        [
            Way(GIT, lambda: run(["git", "worktree", "add", "-b", "by-hand", by_hand], cwd=here), remove_by_hand),
            Way(CHECK, lambda: run(["git", "diff-files", "--quiet"], cwd=here)),
            Way(OURS, lambda: run([PAR, "add", "warm"], cwd=here), back),
            yardstick(here),
        ],
    )
    par(repository, "pool", "drain")
    repository.git("config", "--unset", "par.pool")
    bench.clear(repository)
    says = "a warm add in 150 ms, scaled by bare Python, and one `git diff-files`"
    budgets = (
        at_most_seconds(timings, OURS, 0.150, says, plus=CHECK),
        at_most(timings, OURS, GIT, 1 / 8, "a warm add at least 8 times faster than `git worktree add`"),
    )
    title = f"Adding a workspace from a spare, {repository.files:,} files"
    yield Measure("pool", title, timings, () if bench.quick else budgets)
