"""A deep history with merges, made by git-fast-import(1), and tasks that left it at old and at new commits."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.processes import environment
from bench.repositories import Repository, file_line

_EPOCH = 1_400_000_000
_STEP = 600
"""Seconds from one commit to the next."""

_SIDE = 4
"""Commits on a side branch, before it comes back by a merge."""

_FILES = 2_000
"""Files that history works on; tasks work on others."""


def make(path: Path, *, commits: int, tasks: int) -> Repository:
    """`main` with so many commits, a good sixth of them merges, and branches of two commits each.

    Half of the branches left in the last hundredth of the history, the others all over it.
    """
    path.mkdir()
    names = tuple(f"task-{number}" for number in range(tasks))
    repository = Repository(path, names)
    repository.git("init", "-q", "-b", "main")
    with subprocess.Popen(
        ["git", "fast-import", "--quiet"], cwd=path, env=environment(), stdin=subprocess.PIPE
    ) as process:
        assert process.stdin
        process.stdin.writelines(_stream(commits, names))
    if process.returncode:
        raise SystemExit("bench: git fast-import failed")
    repository.git("reset", "-q", "--hard")
    repository.git("update-index", "-q", "--refresh")
    return repository


def _stream(commits: int, names: tuple[str, ...]) -> Iterator[bytes]:
    half = len(names) // 2
    forks: dict[int, list[int]] = {}
    for number in range(len(names)):
        at = (
            commits * (number + 1) // (half + 1)
            if number < half
            else commits - (number - half) * commits // 100 // half
        )
        forks.setdefault(max(2, min(at, commits)), []).append(number)
    yield from _commit(1, 1, ())
    for number in range(_FILES):
        yield file_line(_name(number), f"first of {number}\n" * 20)
    for number in range(len(names)):
        yield file_line(f"tasks/area-{number}/file.txt", f"first of {number}\n" * 20)
    main, mark, marks = 1, 1, len(names) * 2
    since: list[int] = []
    while mark < commits:
        mark += 1
        # A side branch of four commits beside one of main's own, then the merge of it.
        turn = mark % (_SIDE + 2)
        if turn == 0 and since:
            yield from _commit(mark, mark, (main, since[-1]))
            for one in since:
                yield file_line(_name(one % _FILES), f"change {one}\n" * 20)
            main, since = mark, []
        elif turn == 1 or mark < _SIDE + 2:
            yield from _commit(mark, mark, (main,))
            yield file_line(_name(mark % _FILES), f"change {mark}\n" * 20)
            main = mark
        else:
            yield from _commit(mark, mark, (since[-1] if since else main,))
            yield file_line(_name(mark % _FILES), f"change {mark}\n" * 20)
            since.append(mark)
        for number in forks.get(mark, ()):
            own = commits + marks
            marks += 2
            for step in range(2):
                yield from _commit(own + step, mark + step, (own if step else main,), names[number])
                yield file_line(f"tasks/area-{number}/file.txt", f"step {step} of task {number}\n" * 20)
                yield file_line(f"tasks/area-{number}/new-{step}.txt", f"step {step} of task {number}\n")
    yield f"reset refs/heads/main\nfrom :{main}\n\n".encode()


def _name(number: int) -> str:
    return f"d{number // 400}/d{number // 20}/file-{number}.txt"


def _commit(mark: int, moment: int, parents: tuple[int, ...], branch: str = "main") -> Iterator[bytes]:
    """The beginning of a commit, made at step `moment` of the history."""
    message = f"{mark} on {branch}\n"
    yield (
        f"commit refs/heads/{branch}\nmark :{mark}\ncommitter Bench <bench@example.com> {_EPOCH + _STEP * moment} +0000\n"
        f"data {len(message)}\n{message}"
    ).encode()
    for word, parent in zip(("from", "merge"), parents, strict=False):
        yield f"{word} :{parent}\n".encode()
