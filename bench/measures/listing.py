"""`git par list` beside a shell loop of `git status`, one at a time and two at a time."""

from collections.abc import Iterator

from bench.context import Bench, par, workspaces
from bench.processes import PAR, run
from bench.repositories import Repository
from bench.results import Budget, Measure, Timing
from bench.ways import Way, at_most, at_most_more, take_turns, yardstick

ONE, TWO, OURS = "git status in each", "git status in each, two at a time", "git-par list"


def measure(bench: Bench) -> Iterator[Measure]:
    """20 tasks of 200 files; the other tools list worktrees that they made themselves."""
    repository = bench.small
    tasks = 20
    names = [f"task-{number}" for number in range(tasks)]
    par(repository, "add", *names)
    own = listed(repository, tasks, rounds=bench.rounds(10))
    bench.clear(repository)
    others: list[Timing] = []
    for one in bench.peers:
        for name in names:
            run(one.peer.creating(name), cwd=repository.path, env=one.env, check=False)
        way = Way(one.name, lambda one=one: run(one.peer.listing(), cwd=repository.path, env=one.env, check=False))  # type: ignore[misc]
        others += take_turns(bench.rounds(5), [way])
        for name in names:
            run(one.peer.removing(name), cwd=repository.path, env=one.env, check=False)
        bench.clear(repository)
    says = "20 tasks of 200 files within a loop of `git status` and 120 ms, scaled by bare Python"
    budgets: tuple[Budget, ...] = () if bench.quick else (at_most_more(own, OURS, ONE, 0.120, says),)
    note = "The other tools' turns come after; several of them show no status."
    yield Measure("list-small", f"Listing {tasks} tasks, 200 files", (*own, *others), budgets, note=note)


def listed(repository: Repository, tasks: int, *, rounds: int) -> tuple[Timing, ...]:
    """The loop, the same two at a time, and git-par, for tasks that are there already."""
    places = sorted(path for path in workspaces(repository).iterdir() if path.name != ".par")[:tasks]
    loop = [["git", "-C", path, "status", "--porcelain"] for path in places]
    here = repository.path
    return take_turns(
        rounds,
        [
            Way(ONE, lambda: run(*loop, cwd=here)),
            Way(TWO, lambda: run(*loop, cwd=here, width=2)),
            Way(OURS, lambda: run([PAR, "list"], cwd=here)),
            yardstick(here),
        ],
    )


def of_big(bench: Bench, repository: Repository, tasks: int) -> Measure:
    """The same where each status costs something."""
    timings = listed(repository, tasks, rounds=bench.rounds(5))
    says = "20 tasks of 50,000 files within 1.2 times the loop two at a time"
    budgets: tuple[Budget, ...] = () if bench.quick else (at_most(timings, OURS, TWO, 1.2, says),)
    return Measure("list-big", f"Listing {tasks} tasks, {repository.files:,} files", timings, budgets)
