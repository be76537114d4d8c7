"""`python -m bench`: how long git-par takes, beside plain git in the same run.

The two take turns, so that a busy machine is busy for both; what is printed are medians, with the fastest and the slowest
round, and their ratio.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median

from bench import conflicts
from bench.repositories import Repository, environment, make

PAR = Path(sys.executable).parent / "git-par"


class Way:
    """One way to do a thing: what is timed, and what puts everything back after it."""

    def __init__(self, name: str, work: Callable[[], object], back: Callable[[], object] = lambda: None) -> None:
        self.name, self.work, self.back = name, work, back
        self.seconds: list[float] = []

    def round(self, *, counts: bool) -> None:
        began = time.perf_counter()
        self.work()
        if counts:
            self.seconds.append(time.perf_counter() - began)
        self.back()


def run(argv: Sequence[object], cwd: Path) -> None:
    done = subprocess.run([*map(str, argv)], cwd=cwd, env=environment(), capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"bench: {' '.join(map(str, argv))}: {done.stderr}")


def compare(title: str, rounds: int, *ways: Way, warm: bool = True) -> None:
    """Let the `ways` take turns and print how they did; the first is what the others are measured by."""
    for number in range(-1 if warm else 0, rounds):
        for way in ways:
            way.round(counts=number >= 0)
    print(title)
    for way in ways:
        low, middle, high = (1000 * value(way.seconds) for value in (min, median, max))
        ratio = median(way.seconds) / median(ways[0].seconds)
        times = f"{middle:9.1f} ms  ({low:.1f} to {high:.1f})"
        print(f"  {way.name:34}{times:42}{'' if way is ways[0] else f'{ratio:8.3f}'}", flush=True)


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


def merge_tasks(repository: Repository, rounds: int) -> None:
    """The branches of the repository once more, this time as tasks with a workspace each."""
    for branch in repository.branches:
        repository.git("branch", "-q", "-m", branch, f"was/{branch}")
        run([PAR, "add", branch], repository.path)
        checkout = repository.path.parent / f"{repository.path.name}-worktrees" / branch
        run(["git", "merge", "-q", "--ff-only", f"was/{branch}"], checkout)
    count = len(repository.branches)
    merge(f"merge --all, {count} tasks with workspaces", repository, rounds, ["--all"])


def foresee(title: str, repository: Repository, rounds: int) -> None:
    merge_sample, times = conflicts.loop(repository)
    compare(
        title,
        rounds,
        Way(f"git merge-tree, 1 pair in {times:.0f}", merge_sample),
        Way("git-par conflicts, all pairs", lambda: run([PAR, "conflicts", *repository.branches], repository.path)),
    )


def _wait_for_the_trash(repository: Repository) -> None:
    """What is deleted in the background would slow the next round down."""
    trash = repository.path.parent / f"{repository.path.name}-worktrees" / ".par" / "trash"
    while trash.is_dir() and any(trash.iterdir()):
        time.sleep(0.05)


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small repositories, few rounds")
    parser.add_argument(
        "--workspaces",
        type=int,
        default=0,
        metavar="N",
        help="also merge N tasks that have workspaces; takes N times the room of a checkout",
    )
    parser.add_argument("--only", choices=("start-up", "add", "merge", "conflicts"), help="measure just this")
    options = parser.parse_args()
    wanted = {options.only} if options.only else {"start-up", "add", "merge", "conflicts"}
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
        big = make(root / "big", files=files, directories=directories, branches=branches)
        if "add" in wanted:
            add(f"add, {files} files", big, rounds)
        if "merge" in wanted:
            merge(f"merge of {branches} branches, {files} files", big, max(2, rounds // 2), big.branches)
        if "conflicts" in wanted:
            count = 20 if options.quick else 100
            for kind, prepare in (("that collide", conflicts.prepare), ("that do not", make)):
                these = prepare(root / kind, files=files, directories=directories, branches=count)
                foresee(f"conflicts of {count} branches {kind}, {files} files", these, rounds)
        if options.workspaces:
            many = make(root / "many", files=files, directories=directories, branches=options.workspaces)
            merge_tasks(many, max(2, rounds // 2))
    finally:
        shutil.rmtree(root, ignore_errors=True)


if __name__ == "__main__":
    main()
