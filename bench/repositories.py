"""Repositories to measure on, made by git-fast-import(1) in seconds."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.processes import environment


@dataclass(frozen=True)
class Repository:
    """A checkout of `main`, and branches of one commit each that change a file of their own."""

    path: Path
    branches: tuple[str, ...]
    files: int = 0

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, env=environment(), capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"bench: git {' '.join(args)}: {done.stderr}")
        return done.stdout.strip()


def make(path: Path, *, files: int, directories: int, branches: int) -> Repository:
    """A repository at `path` of the given size."""
    path.mkdir()
    repository = Repository(path, tuple(f"branch-{number}" for number in range(branches)), files)
    repository.git("init", "-q", "-b", "main")
    stream = b"".join(_stream(files, directories, repository.branches))
    subprocess.run(["git", "fast-import", "--quiet"], cwd=path, env=environment(), input=stream, check=True)
    repository.git("reset", "-q", "--hard")
    repository.git("update-index", "-q", "--refresh")
    return repository


def _stream(files: int, directories: int, branches: tuple[str, ...]) -> Iterator[bytes]:
    def name(number: int) -> str:
        return f"d{number % directories // 50}/d{number % directories}/file-{number}.txt"

    yield _commit("main", "first")
    for number in range(files):
        yield file_line(name(number), "".join(f"line {line} of file {number}\n" for line in range(40)))
    for number, branch in enumerate(branches):
        yield _commit(branch, f"work of {branch}", "main")
        yield file_line(name(number * (files // len(branches))), f"all new by {branch}\n")


def _commit(branch: str, message: str, parent: str = "") -> bytes:
    come = f"from refs/heads/{parent}\n" if parent else ""
    return (
        f"commit refs/heads/{branch}\ncommitter Bench <bench@example.com> 1700000000 +0000\n"
        f"data {len(message)}\n{message}\n{come}"
    ).encode()


def file_line(path: str, text: str) -> bytes:
    return f"M 100644 inline {path}\ndata {len(text)}\n{text}\n".encode()
