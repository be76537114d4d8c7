"""`git par conflicts` beside a loop of `git merge-tree`, one process a pair."""

import random
import subprocess
from collections.abc import Callable, Iterator
from itertools import combinations
from pathlib import Path

from bench.repositories import Repository, environment, make
from bench.ways import PAR, Way, compare, run

SAMPLE = 200
"""So many pairs are merged by the loop; its time is told for all of them."""


def prepare(root: Path, *, files: int, directories: int, branches: int) -> Repository:
    """A repository whose branches left its base here and there, and change a few files each, some of them the same."""
    made = make(root, files=files, directories=directories, branches=0)
    names = tuple(f"work-{number}" for number in range(branches))
    stream = b"".join(_stream(made.git("ls-files").splitlines(), names))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, env=environment(), input=stream, check=True)
    made.git("reset", "-q", "--hard", "main")
    return Repository(root, names)


def _stream(paths: list[str], names: tuple[str, ...]) -> Iterator[bytes]:
    dice = random.Random(1)
    base = "refs/heads/main^0"
    for number in range(10):
        yield _commit("main", base, number + 1, [dice.choice(paths)])
        base = f":{number + 1}"
    for number, name in enumerate(names):
        yield _commit(name, f":{1 + number % 10}", 100 + number, [*dice.sample(paths, 10), dice.choice(paths[:30])])


def _commit(branch: str, parent: str, mark: int, paths: list[str]) -> bytes:
    lines = [
        f"commit refs/heads/{branch}\nmark :{mark}\ncommitter Bench <bench@example.com> {1700000000 + mark} +0000\n",
        f"data {len(branch)}\n{branch}\nfrom {parent}\n",
    ]
    for path in paths:
        text = f"new in {branch} {mark}\n"
        lines.append(f"M 100644 inline {path}\ndata {len(text)}\n{text}\n")
    return "".join(lines).encode()


def loop(repository: Repository) -> tuple[Callable[[], object], float]:
    """Merge a sample of the pairs, each by a process; and how many times as many there are."""
    commits = repository.git("rev-parse", *repository.branches).split()
    pairs = list(combinations(commits, 2))
    sample = random.Random(2).sample(pairs, min(SAMPLE, len(pairs)))

    def merge() -> None:
        for ours, theirs in sample:
            argv = ["git", "merge-tree", "--write-tree", "--name-only", ours, theirs]
            done = subprocess.run(argv, cwd=repository.path, env=environment(), capture_output=True, check=False)
            if done.returncode > 1:
                raise SystemExit(f"bench: git merge-tree: {done.stderr.decode()}")

    return merge, len(pairs) / len(sample)


def measure(root: Path, *, quick: bool) -> None:
    """All pairs of many branches, some that collide and some that do not."""
    files, directories, branches, rounds = (2_000, 120, 20, 3) if quick else (50_000, 3_000, 100, 5)
    for kind, fork in (("that collide", prepare), ("that do not", make)):
        repository = fork(root / kind, files=files, directories=directories, branches=branches)
        merge_sample, times = loop(repository)
        argv = [PAR, "conflicts", *repository.branches]
        compare(
            f"conflicts of {branches} branches {kind}, {files} files",
            rounds,
            Way(f"git merge-tree, 1 pair in {times:.0f}", merge_sample),
            Way("git-par conflicts, all pairs", lambda argv=argv, at=repository.path: run(argv, at)),  # type: ignore[misc]
        )
