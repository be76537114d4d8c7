"""Making a workspace and removing it again: git, git-par and the other tools in turn, in repositories of three sizes."""

from collections.abc import Iterator
from pathlib import Path

from bench.context import Bench, emptied, par
from bench.peers import Found
from bench.processes import PAR, Run, run
from bench.repositories import Repository
from bench.results import Budget, Measure, Timing
from bench.ways import Way, at_most, at_most_more, at_most_seconds, compared, take_turns, yardstick

GIT, OURS = "git worktree add -b", "git-par add"
GIT_REMOVE, OURS_REMOVE = "git worktree remove", "git-par remove"
GONE = "git-par remove, until the bytes are gone"


def measure(bench: Bench) -> Iterator[Measure]:
    """Both measures of one size come from the same checkouts."""
    sizes = (("small", bench.small, 10, 10), ("middle", bench.middle, 5, 3), ("big", bench.big, 5, 2))
    for size, repository, rounds, peer_rounds in sizes:
        yield from _cycle(bench, size, repository, bench.rounds(rounds), bench.rounds(peer_rounds))


def measure_many(bench: Bench) -> Iterator[Measure]:
    """Four at once by one command, beside a loop."""
    repository = bench.big
    names = [f"many-{number}" for number in range(4)]
    by_hand = [repository.path.parent / f"by-hand-{name}" for name in names]

    def loop_back() -> None:
        for name, path in zip(names, by_hand, strict=True):
            repository.git("worktree", "remove", "--force", str(path))
            repository.git("branch", "-q", "-D", name)

    def back() -> None:
        par(repository, "remove", *names)
        emptied(repository)

    loop = [["git", "worktree", "add", "-b", name, path] for name, path in zip(names, by_hand, strict=True)]
    one, many = "a loop of git worktree add -b", "git-par add a b c d"
    timings = take_turns(
        bench.rounds(2),
        [
            Way(one, lambda: run(*loop, cwd=repository.path), loop_back),
            Way(many, lambda: run([PAR, "add", *names], cwd=repository.path), back),
        ],
        warm=False,
    )
    bench.clear(repository)
    budgets = (at_most(timings, many, one, 1.0, "four cold adds no slower than a loop of git's"),)
    yield Measure(
        "add-many", f"Adding 4 workspaces, {_files(repository)} files", timings, () if bench.quick else budgets
    )


def _cycle(bench: Bench, size: str, repository: Repository, rounds: int, peer_rounds: int) -> Iterator[Measure]:
    here = repository.path
    by_hand = here.parent / f"by-hand-{size}"
    still: list[float] = []
    ours_remove = Way(
        OURS_REMOVE, lambda: run([PAR, "remove", "one"], cwd=here), lambda: still.append(emptied(repository))
    )
    pairs = [
        (
            Way(GIT, lambda: run(["git", "worktree", "add", "-b", "by-hand", by_hand], cwd=here)),
            Way(
                GIT_REMOVE,
                lambda: run(["git", "worktree", "remove", by_hand], ["git", "branch", "-q", "-d", "by-hand"], cwd=here),
            ),
        ),
        (Way(OURS, lambda: run([PAR, "add", "one"], cwd=here)), ours_remove),
    ]
    others = [_pair(one, here) for one in bench.peers]
    # The others take fewer turns, and where one takes seconds none to warm up: git and git-par did that.
    turns = range(-1 if size == "small" else 0, peer_rounds)
    rule = yardstick(here)
    for number in range(-1, rounds):
        rule.round(counts=number >= 0)
        for create, remove in pairs + (others if number in turns else []):
            create.round(counts=number >= 0)
            remove.round(counts=number >= 0)
    bench.clear(repository)
    made = compared([create.timing() for create, _ in pairs + others] + [rule.timing()])
    removed = [remove.timing() for _, remove in pairs + others]
    gone = Timing(GONE, tuple(a + b for a, b in zip(removed[1].seconds, still[1:], strict=True)))
    removals = compared([*removed[:2], gone, *removed[2:], rule.timing()])
    files = _files(repository)
    budgets, removal_budgets = _budgets(size, made, removals) if not bench.quick else ((), ())
    yield Measure(f"add-{size}", f"Adding a workspace, {files} files", made, budgets)
    yield Measure(f"remove-{size}", f"Removing a workspace, {files} files", removals, removal_budgets)


def _pair(one: Found, here: Path) -> tuple[Way, Way]:
    # A failure of theirs is told and does not end the run.
    return (
        Way(one.name, lambda: run(one.peer.creating("other"), cwd=here, env=one.env, check=False), counts=_failed),
        Way(one.name, lambda: run(one.peer.removing("other"), cwd=here, env=one.env, check=False), counts=_failed),
    )


def _failed(done: Run) -> dict[str, int]:
    return {"failed": sum(one.status != 0 for one in done.ended)}


def _budgets(
    size: str, made: tuple[Timing, ...], removed: tuple[Timing, ...]
) -> tuple[tuple[Budget, ...], tuple[Budget, ...]]:
    if size == "small":
        return (at_most_more(made, OURS, GIT, 0.1, "a cold add in git's time and 100 ms, scaled by bare Python"),), ()
    if size == "middle":
        return (), ()
    return (
        (at_most(made, OURS, GIT, 1.0, "a cold add of 50,000 files no slower than git's"),),
        (at_most_seconds(removed, OURS_REMOVE, 0.5, "a removal returns in 500 ms, scaled by bare Python"),),
    )


def _files(repository: Repository) -> str:
    return f"{repository.files:,}"
