"""Many tasks with filled workspaces, each to be checked for uncommitted work before it is merged."""

import shutil
from pathlib import Path

from bench.repositories import Repository, make
from bench.ways import PAR, Way, compare, run

_ROOM = 6 * 1024
"""Bytes that one small file takes on disk, with its share of directories and index."""


def measure(root: Path, *, quick: bool) -> None:
    """`git par merge --all` beside what a careful user does: look at each workspace, then merge its branch."""
    files, directories, tasks, rounds = (2_000, 120, 20, 3) if quick else (50_000, 3_000, 60, 3)
    title = f"merge --all --no-ff, {tasks} tasks with filled workspaces, {files} files"
    needed = files * (tasks + 1) * _ROOM
    if shutil.disk_usage(root).free < 2 * needed:
        print(f"{title}\n  left out: it takes {needed / 1e9:.0f} GB of disk")
        return
    repository = make(root / "many", files=files, directories=directories, branches=tasks)
    fill(repository)
    before = repository.git("rev-parse", "main")
    trees: set[str] = set()

    def loop() -> None:
        for name in repository.branches:
            if run(["git", "-C", _workspace(repository, name), "status", "--porcelain", "-uno"], repository.path):
                raise SystemExit(f"bench: {name}: it is not clean")
            run(["git", "merge", "-q", "--no-ff", "--no-edit", name], repository.path)

    def back() -> None:
        trees.add(repository.git("rev-parse", "main^{tree}"))
        put_back(repository, before)

    compare(
        title,
        rounds,
        Way("a loop of status and merge --no-ff", loop, back),
        Way("git-par merge --all --no-ff", lambda: run([PAR, "merge", "--all", "--no-ff"], repository.path), back),
        budget=None if quick else 1 / 2.5,
    )
    if len(trees) != 1:
        raise SystemExit("bench: the merges came to different trees")


def fill(repository: Repository) -> None:
    """Make every branch of the repository that of a task with a workspace."""
    for name in repository.branches:
        repository.git("branch", "-q", "-m", name, f"was/{name}")
        run([PAR, "add", name, "--from", f"was/{name}", "--base", "main"], repository.path)
    shutil.copytree(_state(repository), _kept_state(repository))


def put_back(repository: Repository, before: str) -> None:
    """`main` and what git-par remembers as they were: a task that landed once would be looked at more closely."""
    repository.git("reset", "-q", "--hard", before)
    shutil.rmtree(_state(repository))
    shutil.copytree(_kept_state(repository), _state(repository))


def _workspace(repository: Repository, name: str) -> Path:
    return repository.path.parent / f"{repository.path.name}-worktrees" / name


def _state(repository: Repository) -> Path:
    return repository.path / ".git" / "par"


def _kept_state(repository: Repository) -> Path:
    return repository.path.parent / f"{repository.path.name}-state"
