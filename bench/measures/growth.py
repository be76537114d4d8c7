"""What one more costs: repositories of more files, commands for more tasks.  How many processes at once is in `at_once`."""

import shutil
from collections.abc import Iterator

from bench.context import Bench, emptied, par
from bench.measures.merge import beside
from bench.processes import PAR, run
from bench.repositories import Repository, make
from bench.results import Measure, Timing
from bench.ways import Way, take_turns


def measure(bench: Bench) -> Iterator[Measure]:
    """By files: an add, and a merge of ten.  By tasks, of 1,000 files: a merge, and a list."""
    sizes, counts = ((200, 1_000), (1, 5, 10)) if bench.quick else ((1_000, 5_000, 20_000, 50_000), (1, 10, 30, 100))
    root = bench.directory("growth")
    for files in sizes:
        repository = make(root / f"files-{files}", files=files, directories=max(20, files // 17), branches=10)
        title = f"{files:,} files"
        yield Measure(f"growth-add-{files}", title, _add(bench, repository), group="growth-add", at=files)
        merged = beside(repository, repository.branches, bench.rounds(2))
        yield Measure(f"growth-merge-{files}", title, merged, group="growth-merge-files", at=files)
        shutil.rmtree(repository.path)
    repository = make(root / "tasks", files=1_000, directories=60, branches=max(counts))
    made = 0
    for count in counts:
        merged = beside(repository, repository.branches[:count], bench.rounds(3))
        title = f"{count} tasks"
        yield Measure(f"growth-merge-tasks-{count}", title, merged, group="growth-merge-tasks", at=count)
    for count in counts:
        par(repository, "add", *(f"task-{number}" for number in range(made, count)))
        made = count
        listed = _list(bench, repository, count)
        yield Measure(f"growth-list-{count}", f"{count} tasks", listed, group="growth-list", at=count)
    shutil.rmtree(root)


def _add(bench: Bench, repository: Repository) -> tuple[Timing, ...]:
    here = repository.path
    by_hand = here.parent / "by-hand"

    def back() -> None:
        repository.git("worktree", "remove", "--force", str(by_hand))
        repository.git("branch", "-q", "-D", "by-hand")

    def ours_back() -> None:
        par(repository, "remove", "one")
        emptied(repository)

    timings = take_turns(
        bench.rounds(3),
        [
            Way(
                "git worktree add -b", lambda: run(["git", "worktree", "add", "-b", "by-hand", by_hand], cwd=here), back
            ),
            Way("git-par add", lambda: run([PAR, "add", "one"], cwd=here), ours_back),
        ],
    )
    bench.clear(repository)
    return timings


def _list(bench: Bench, repository: Repository, count: int) -> tuple[Timing, ...]:
    places = [
        repository.path.parent / f"{repository.path.name}-worktrees" / f"task-{number}" for number in range(count)
    ]
    loop = [["git", "-C", place, "status", "--porcelain"] for place in places]
    return take_turns(
        bench.rounds(3),
        [
            Way("git status in each", lambda: run(*loop, cwd=repository.path)),
            Way("git-par list", lambda: run([PAR, "list"], cwd=repository.path)),
        ],
    )
