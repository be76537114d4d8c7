"""`python -m bench`: how long git-par takes, beside plain git in the same run.

The two take turns, so that a busy machine is busy for both; what is printed are medians, with the fastest and the slowest
round, and their ratio.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from bench import conflicts, deep, filled, growth
from bench.repositories import Repository, make
from bench.ways import PAR, Way, compare, run

MORE = {"merge-filled": filled.measure, "growth": growth.measure, "deep": deep.measure, "conflicts": conflicts.measure}
"""Measures that make their own repositories below a directory, smaller ones when it has to be quick."""


def start_up(repository: Repository, rounds: int) -> None:
    run([PAR, "add", "one"], repository.path)
    compare(
        "start-up",
        rounds,
        Way("python -c pass", lambda: run([sys.executable, "-c", "pass"], repository.path)),
        Way("git-par --version", lambda: run([PAR, "--version"], repository.path)),
        Way("git-par path one", lambda: run([PAR, "path", "one"], repository.path)),
    )
    run([PAR, "remove", "one"], repository.path)


def add(title: str, repository: Repository, rounds: int) -> None:
    by_hand = repository.path.parent / "by-hand"

    def remove_by_hand() -> None:
        repository.git("worktree", "remove", "--force", str(by_hand))
        repository.git("branch", "-q", "-D", "by-hand")

    def remove() -> None:
        run([PAR, "remove", "one"], repository.path)
        _wait_for_the_trash(repository)

    compare(
        title,
        rounds,
        Way(
            "git worktree add -b",
            lambda: run(["git", "worktree", "add", "-b", "by-hand", by_hand], repository.path),
            remove_by_hand,
        ),
        Way("git-par add", lambda: run([PAR, "add", "one"], repository.path), remove),
    )


def merge(title: str, repository: Repository, rounds: int, names: Sequence[str]) -> None:
    """Both merge the same commits: by branch name for git, by `names` for git-par."""
    before = repository.git("rev-parse", "main")

    def loop() -> None:
        for name in repository.branches:
            run(["git", "merge", "-q", "--no-ff", "--no-edit", name], repository.path)

    def back() -> None:
        repository.git("reset", "-q", "--hard", before)

    trees = []

    def note_and_back() -> None:
        trees.append(repository.git("rev-parse", "main^{tree}"))
        back()

    compare(
        title,
        rounds,
        Way("a loop of git merge --no-ff", loop, note_and_back),
        Way("git-par merge", lambda: run([PAR, "merge", *names], repository.path), note_and_back),
        warm=False,
    )
    if len(set(trees)) != 1:
        raise SystemExit("bench: the merges came to different trees")


def _wait_for_the_trash(repository: Repository) -> None:
    """What is deleted in the background would slow the next round down."""
    trash = repository.path.parent / f"{repository.path.name}-worktrees" / ".par" / "trash"
    while trash.is_dir() and any(trash.iterdir()):
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small repositories, few rounds")
    parser.add_argument("--only", choices=("start-up", "add", "merge", *MORE), help="measure just this")
    options = parser.parse_args()
    wanted = {options.only} if options.only else {"start-up", "add", "merge", *MORE}
    if not PAR.exists():
        raise SystemExit("bench: no git-par beside this Python; use script/bench")
    files, directories, branches, rounds = (2_000, 120, 20, 3) if options.quick else (50_000, 3_000, 60, 5)
    root = Path(tempfile.mkdtemp(prefix="git-par-bench-")).resolve()
    try:
        small = make(root / "small", files=200, directories=20, branches=1)
        if "start-up" in wanted:
            start_up(small, 4 * rounds)
        if "add" in wanted:
            add("add, 200 files", small, 2 * rounds)
        big = small
        if wanted & {"add", "merge"}:
            big = make(root / "big", files=files, directories=directories, branches=branches)
        if "add" in wanted:
            add(f"add, {files} files", big, rounds)
        if "merge" in wanted:
            merge(f"merge of {branches} branches, {files} files", big, max(2, rounds // 2), big.branches)
        shutil.rmtree(big.path)
        for name, measure in MORE.items():
            if name in wanted:
                (root / name).mkdir()
                measure(root / name, quick=options.quick)
                shutil.rmtree(root / name)
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
