"""Many tasks with filled workspaces: listing them, and merging them, each checked for uncommitted work before."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from bench.context import Bench, par, workspaces
from bench.measures import listing
from bench.measures.merge import same
from bench.processes import PAR, run
from bench.repositories import Repository, make
from bench.results import Measure
from bench.ways import Way, at_most, take_turns

_ROOM = 6e-6
"""Gigabytes that one small file takes on disk, with its share of directories and index."""

LOOP, OURS = "a loop of git status and git merge --no-ff", "git-par merge --all"


def measure(bench: Bench) -> Iterator[Measure]:
    """20 of the tasks are listed, then all are merged, beside what a careful user does: look at each, then merge it."""
    files, tasks, seen = (2_000, 20, 10) if bench.quick else (50_000, 60, 20)
    if not bench.has_room(files * (tasks + 1) * _ROOM, f"listing and merging tasks with workspaces of {files:,} files"):
        return
    root = bench.directory("filled")
    repository = make(root / "many", files=files, directories=files * 3 // 50, branches=tasks)
    fill(repository, repository.branches[:seen])
    yield listing.of_big(bench, repository, seen)
    fill(repository, repository.branches[seen:])
    yield _merge(bench, repository)
    shutil.rmtree(root)


def _merge(bench: Bench, repository: Repository) -> Measure:
    keep_state(repository)
    before = repository.git("rev-parse", "main")
    trees: set[str] = set()
    loop: list[list[object]] = []
    for name in repository.branches:
        loop.append(["git", "-C", workspaces(repository) / name, "status", "--porcelain", "-uno"])
        loop.append(["git", "merge", "-q", "--no-ff", "--no-edit", name])

    def back() -> None:
        trees.add(repository.git("rev-parse", "main^{tree}"))
        put_back(repository, before)

    timings = take_turns(
        bench.rounds(3),
        [
            Way(LOOP, lambda: run(*loop, cwd=repository.path), back),
            Way(OURS, lambda: run([PAR, "merge", "--all", "--no-ff"], cwd=repository.path), back),
        ],
        warm=False,
    )
    same(trees)
    says = "60 tasks with workspaces at least 2.5 times faster than a loop of status and merge"
    budgets = () if bench.quick else (at_most(timings, OURS, LOOP, 1 / 2.5, says),)
    count = len(repository.branches)
    title = f"Merging {count} tasks with filled workspaces, {repository.files:,} files"
    return Measure("merge-filled", title, timings, budgets)


def fill(repository: Repository, names: tuple[str, ...]) -> None:
    """Make each of these branches that of a task with a workspace."""
    for name in names:
        repository.git("branch", "-q", "-m", name, f"was/{name}")
        par(repository, "add", name, "--from", f"was/{name}", "--base", "main")


def keep_state(repository: Repository) -> None:
    """For `put_back`."""
    shutil.copytree(_state(repository), _kept_state(repository))


def put_back(repository: Repository, before: str) -> None:
    """`main` and what git-par remembers as they were: a task that landed once would be looked at more closely."""
    repository.git("reset", "-q", "--hard", before)
    shutil.rmtree(_state(repository))
    shutil.copytree(_kept_state(repository), _state(repository))


def _state(repository: Repository) -> Path:
    return repository.path / ".git" / "par"


def _kept_state(repository: Repository) -> Path:
    return repository.path.parent / f"{repository.path.name}-state"
