"""What each verb costs, counted and not timed: git processes, looks at files, bytes read.

The numbers are exact: more is a loss that nobody would notice on a fast machine, fewer is a gain to be kept by writing the
new number down here.  Only what git-par starts itself counts, so that the numbers are those of every git.
"""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from git_par.repo import git_version
from tests.world import PAR, World

FILES = 40


def git_processes(world: World, *args: str, cwd: Path | None = None) -> list[list[str]]:
    """What `git par ARGS` asks git, in order: each call's words, less the options before them."""
    log = world.root / "trace2.json"
    log.unlink(missing_ok=True)
    done = world.par_process(*args, cwd=cwd, env={"GIT_TRACE2_EVENT": str(log), "GIT_TRACE2_EVENT_NESTING": "1"})
    assert done.status == 0, done
    events = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
    # What a git process starts itself has its parent's id before its own.
    return [_words(event["argv"]) for event in events if event["event"] == "start" and "/" not in event["sid"]]


def _words(argv: list[str]) -> list[str]:
    words = iter(argv[1:])
    for word in words:
        if word == "-c":
            next(words)
        elif not word.startswith(("--git-dir", "--work-tree")):
            return [word, *words]
    return []


def count(world: World, *args: str, cwd: Path | None = None) -> int:
    return len(git_processes(world, *args, cwd=cwd))


def test_questions(world: World) -> None:
    world.add("one")
    assert count(world, "path", "one") == 1
    assert count(world, "env", "one") == 2
    assert count(world, "log") == 2
    assert count(world, "show", "one") == 4


def test_add(world: World) -> None:
    assert count(world, "add", "one") == 8
    assert count(world, "add", "two", "three") == 8 + 2, "each further task costs two"


def test_list(world: World) -> None:
    assert count(world, "list") == 2
    world.add("one", "two", "three")
    assert count(world, "list") == 3 + 3, "new tasks cost one each, their status"
    world.commit("work", cwd=world.workspaces / "one", one__txt="one\n")
    assert count(world, "list") == 3 + 3 + 3, "one has work"
    assert count(world, "list") == 3 + 3, "and that is remembered"
    for name in ("two", "three"):
        world.commit("work", cwd=world.workspaces / name, **{name: "work\n"})
    # From 2.41 on git tells of all branches at once how far ahead they are; asked before, it is one process more.
    assert count(world, "list") == 3 + 3 + 1 + 2 * (2 if git_version() >= (2, 41) else 3), "two have work"


def test_conflicts(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    assert count(world, "conflicts") == 6 + 3
    world.task("four")
    assert count(world, "conflicts") == 6 + 4, "each further task costs its status"


def test_merge(world: World) -> None:
    for name in ("one", "two", "three", "four"):
        world.task(name)
    assert count(world, "merge", "one") == 30
    assert count(world, "merge", "two", "three", "four") == 30 + 2 * 9 - 2, "each further merge costs nine"


def test_remove_and_prune(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    world.ok("merge", "--all")
    assert count(world, "remove", "one") == 20
    assert count(world, "prune") == 38


class Touched(NamedTuple):
    """What a command did to tracked files in work trees: how many looks at them, and how many bytes read of them.

    `state` is how many files of what git-par remembers it opened.
    """

    stats: int
    read: int
    state: int


def touched(world: World, *args: str) -> Touched:
    """Of `git par ARGS` and everything that it starts."""
    strace = shutil.which("strace")
    if not strace:
        if os.environ.get("CI"):
            pytest.fail("strace is missing")
        pytest.skip("strace is missing")
    log = world.root / "strace"
    shutil.rmtree(log, ignore_errors=True)
    log.mkdir()
    calls = "trace=%%stat,read,pread64,openat,open"
    before = {str(path) for path in (world.repo, *world.workspaces.glob("*"))}
    done = world.process(strace, "-ff", "-qq", "-y", "-s", "0", "-o", str(log / "of"), "-e", calls, *PAR, *args)
    assert done.status in (0, 1), done
    stats = read = state = 0
    for file in log.iterdir():
        for line in file.read_text(errors="replace").splitlines():
            if line.startswith(("read(", "pread64(")):
                found = re.match(r"\w+\(\d+<([^>]*)>.* = (\d+)$", line)
                if found and _tracked(found[1]) and str(Path(found[1]).parent) in before:
                    read += int(found[2])
            elif "stat" in line.partition("(")[0]:
                name = re.search(r'"([^"]*)"', line)
                stats += name is not None and _tracked(name[1])
            elif (opened := re.search(r"= \d+<([^>]*)>$", line)) and f"{world.repo}/.git/par/" in opened[1]:
                state += opened[1].endswith(".json") and "O_RDONLY" in line
    return Touched(stats, read, state)


def _tracked(path: str) -> bool:
    return re.fullmatch(r"(.*/)?tracked-\d+\.txt", path) is not None


@pytest.fixture
def filled(world: World) -> World:
    """A repository with tracked files that are known by their names, of 100 bytes each."""
    for number in range(FILES):
        world.write(f"tracked-{number}.txt", f"{number:99}\n")
    world.commit("files")
    return world


def _settle(world: World, *names: str) -> None:
    """Make these tasks, and let all indexes be newer than their files, as a second later: else git reads them."""
    if names:
        world.add(*names)
    places = [path for path in world.workspaces.glob("*") if path.name != ".par"]
    for path in (world.repo, *places):
        for file in path.glob("tracked-*.txt"):
            os.utime(file, (1_600_000_000, 1_600_000_000))
        world.git("update-index", "--refresh", cwd=path)


def _with_work(world: World) -> None:
    world.task("one")
    _settle(world)


@pytest.mark.parametrize(
    ("prepare", "argv", "expected"),
    [
        (lambda world: _settle(world, "one"), ("path", "one"), Touched(0, 0, 1)),
        (lambda world: _settle(world, "one"), ("list",), Touched(FILES, 0, 2)),
        (lambda world: _settle(world, "one", "two", "three"), ("list",), Touched(3 * FILES, 0, 6)),
        (_settle, ("add", "one"), Touched(2 * FILES, 0, 0)),
        (_with_work, ("merge", "one"), Touched(2 * FILES, 0, 13)),
        (_with_work, ("conflicts",), Touched(FILES, 0, 2)),
        (lambda world: _settle(world, "one"), ("remove", "one"), Touched(2 * FILES, 0, 6)),
    ],
    ids=["path", "list of one", "list of three", "add", "merge", "conflicts", "remove"],
)
def test_each_file_is_looked_at_so_often(
    filled: World, prepare: Callable[[World], object], argv: tuple[str, ...], expected: Touched
) -> None:
    prepare(filled)
    assert touched(filled, *argv) == expected
