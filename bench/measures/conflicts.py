"""`git par conflicts` beside a loop of `git merge-tree`, one process a pair."""

import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from pathlib import Path

from bench.context import Bench
from bench.processes import PAR, environment, run
from bench.repositories import Repository, make
from bench.results import Measure
from bench.ways import Way, at_most_seconds, compared, take_turns, yardstick

SAMPLE = 200
"""So many pairs are merged by the loop; its time is told for all of them."""

LOOP, OURS = "a loop of git merge-tree", "git-par conflicts"


def measure(bench: Bench) -> Iterator[Measure]:
    """All pairs of many branches, some that collide and some that do not."""
    files, branches = (2_000, 20) if bench.quick else (50_000, 100)
    for kind, title, fork in (("colliding", "that collide", prepare), ("apart", "that do not", make)):
        root = bench.directory(f"conflicts-{kind}")
        repository = fork(root / "repository", files=files, directories=files * 3 // 50, branches=branches)
        sample, times = _sample(repository)
        here, argv = repository.path, [PAR, "conflicts", *repository.branches]
        timings = take_turns(
            bench.rounds(4),
            [
                Way(LOOP, lambda sample=sample, here=here: run(*sample, cwd=here, check=False)),  # type: ignore[misc]
                Way(OURS, lambda argv=argv, here=here: run(argv, cwd=here)),  # type: ignore[misc]
                yardstick(here),
            ],
        )
        loop = replace(timings[0], seconds=tuple(seconds * times for seconds in timings[0].seconds))
        timings = compared([loop, *(replace(one, ratio=None) for one in timings[1:])])
        pairs = branches * (branches - 1) // 2
        says = f"100 branches {title}, 4,950 pairs, in 3 s, scaled by bare Python"
        yield Measure(
            f"conflicts-{kind}",
            f"Conflicts of {branches} branches {title}, {pairs:,} pairs, {files:,} files",
            timings,
            () if bench.quick else (at_most_seconds(timings, OURS, 3.0, says),),
            note=f"The loop took {len(sample)} of the pairs; its seconds are told for all.",
        )
        shutil.rmtree(root)


def prepare(root: Path, *, files: int, directories: int, branches: int) -> Repository:
    """A repository whose branches left its base here and there, and change a few files each, some of them the same."""
    made = make(root, files=files, directories=directories, branches=0)
    names = tuple(f"work-{number}" for number in range(branches))
    stream = b"".join(_stream(made.git("ls-files").splitlines(), names))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=root, env=environment(), input=stream, check=True)
    made.git("reset", "-q", "--hard", "main")
    return Repository(root, names, files)


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


def _sample(repository: Repository) -> tuple[list[list[str]], float]:
    """The commands that merge some of the pairs, and how many times as many there are."""
    commits = repository.git("rev-parse", *repository.branches).split()
    pairs = list(combinations(commits, 2))
    some = random.Random(2).sample(pairs, min(SAMPLE, len(pairs)))
    return [["git", "merge-tree", "--write-tree", "--name-only", *pair] for pair in some], len(pairs) / len(some)
