"""Many processes that each add a workspace at the same moment: how many come through whole, and how long all take."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.context import START, Bench
from bench.processes import PAR, Run, environment, run
from bench.repositories import Repository
from bench.results import Budget, Measure, Timing
from bench.ways import Way, compared

GIT, OURS = "git worktree add -b", "git-par add"


def measure(bench: Bench) -> Iterator[Measure]:
    """From HEAD and from a remote's branch, which git makes the upstream of each new branch."""
    repository = bench.small
    for start in ("", START):
        for count in (1, 5, 10) if bench.quick else (1, 10, 50, 100):
            yield _burst(bench, repository, start, count)


def _burst(bench: Bench, repository: Repository, start: str, count: int) -> Measure:
    here = repository.path
    names = [f"burst-{number}" for number in range(count)]
    place = here.parent / "burst"
    by_git = [["git", "worktree", "add", "-q", "-b", name, place / name, *([start] if start else [])] for name in names]
    by_us = [[PAR, "add", name, *(["--from", start, "--base", "main"] if start else [])] for name in names]

    def back() -> None:
        bench.clear(repository)
        shutil.rmtree(place, ignore_errors=True)

    def counts(done: Run) -> dict[str, int]:
        return _whole(repository, names, done)

    ways = [
        Way(GIT, lambda: run(*by_git, cwd=here, width=count, check=False), back, counts),
        Way(OURS, lambda: run(*by_us, cwd=here, width=count, check=False), back, counts),
    ]
    rounds = bench.rounds(3)
    for _ in range(rounds):
        for way in ways:
            way.round()
    # A burst of the other tools is slow, and some say everything.
    for one in bench.peers if count in (10, 50) else ():
        if start and one.name not in bench.starters:
            continue
        argvs = [one.peer.creating(name, start) for name in names]
        work = Way(
            one.name,
            lambda argvs=argvs, env=one.env: run(*argvs, cwd=here, width=count, env=env, check=False),  # type: ignore[misc]
            back,
            counts,
        )
        for _ in range(min(rounds, 2 if count > 10 else 1)):
            work.round()
        ways.append(work)
    timings = compared([way.timing() for way in ways])
    where = start or "HEAD"
    return Measure(
        f"at-once-{'origin' if start else 'head'}-{count}",
        f"{count} simultaneous adds from {where}",
        timings,
        _budgets(timings[1], count, where) if count > 1 else (),
        group=f"at-once-{'origin' if start else 'head'}",
        at=count,
    )


def _whole(repository: Repository, names: Sequence[str], done: Run) -> dict[str, int]:
    """Of the worktrees asked for: commands that failed, worktrees that are not there whole, branches left without one."""
    listed = subprocess.run(
        ["git", "worktree", "list", "--porcelain", "-z"], cwd=repository.path, env=environment(), capture_output=True
    )
    path, places = "", {}
    for line in listed.stdout.decode(errors="replace").split("\0"):
        if line.startswith("worktree "):
            path = line.removeprefix("worktree ")
        elif line.startswith("branch refs/heads/"):
            places[line.removeprefix("branch refs/heads/")] = Path(path)
    if listed.returncode:  # one half-made entry, and git lists nothing
        places = {}
    branches = set(repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split())
    whole = [name for name in names if name in places and _filled(repository, places[name])]
    return {
        "failed": sum(one.status != 0 for one in done.ended),
        "missing": len(names) - len(whole),
        "orphans": sum(name in branches and name not in whole for name in names),
    }


def _filled(repository: Repository, place: Path) -> bool:
    """Whether all files are there, as they are in the main checkout."""
    first = sorted(path.name for path in repository.path.iterdir() if path.name != ".git")
    return place.is_dir() and first == sorted(path.name for path in place.iterdir() if path.name != ".git")


def _budgets(ours: Timing, count: int, where: str) -> tuple[Budget, ...]:
    wrong = sum(sum(figures) for figures in ours.counts.values())
    return (
        Budget(f"{count} simultaneous adds from {where}: none fails, nothing is left half made", wrong, 0, "wrong"),
    )
