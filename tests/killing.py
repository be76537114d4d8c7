"""Kill git-par where it stands, and hold the repository against what stood there before.

`Killer` ends git-par at its n-th git call (a `git` first in PATH does it) or at its n-th write of a state file (strace does
it).  `Before` reads a repository itself: refs, worktrees, files, locks.  Nothing here believes what git-par says.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.world import World

GIT_POINTS = ("group-before", "group-after", "parent", "git-before", "git-after")
"""Who dies at a git call, and when: the process group; git-par alone, and git goes on; git alone."""

# Counts the git calls, and at one of them kills whom it was told to.
SHIM = """#!/bin/sh
# One file a call, made exclusively: some run side by side.
set -C
count=1
until true >"$KILL_COUNT/$count"; do count=$((count + 1)); done 2>/dev/null
set +C
if [ "$count" != "$KILL_AT" ]; then exec "$REAL_GIT" "$@"; fi
case "$KILL_WHO" in
group-before) kill -s KILL -- "-$KILL_PID" ;;
group-after) "$REAL_GIT" "$@"; kill -s KILL -- "-$KILL_PID" ;;
parent) kill -s KILL "$KILL_PID"; "$REAL_GIT" "$@"; touch "$KILL_COUNT/over"; exit ;;
git-after) "$REAL_GIT" "$@" ;;
esac
kill -s KILL $$
"""

WRITES = ("rename", "renameat", "renameat2", "link", "linkat", "unlink", "unlinkat", "mkdir", "mkdirat", "rmdir")
"""The calls by which state comes, goes and changes: everything before them lies in a file that nobody reads."""


class End(NamedTuple):
    """How a killed command ended: whether the point was reached, and what is known otherwise."""

    reached: bool
    status: int
    err: str


@dataclass(frozen=True)
class Killer:
    """Runs git-par in a world, and ends it at a point."""

    world: World

    def git_calls(self, *args: str) -> int:
        """How many git calls `git par ARGS` makes; it must succeed."""
        end = self._run(args, {"KILL_AT": "0", "KILL_WHO": ""})
        assert end.status == 0, (args, end)
        return self._counted()

    def at_git_call(self, who: str, number: int, *args: str) -> End:
        """Run `git par ARGS` up to its git call `number`, and kill `who` there."""
        end = self._run(args, {"KILL_AT": str(number), "KILL_WHO": who})
        reached = self._counted() >= number
        deadline = time.monotonic() + 60
        while reached and who == "parent" and not (self._count / "over").exists():
            assert time.monotonic() < deadline, "the git that was left behind never ended"
            time.sleep(0.005)
        return end._replace(reached=reached)

    def writes(self, *args: str) -> Counter[str]:
        """How often `git par ARGS` writes state, by system call; it must succeed."""
        log = self._tools / "strace.log"
        end = self._run(args, {}, (_strace(), "-qq", "-o", str(log), "-e", f"trace={_calls(WRITES)}"))
        assert end.status == 0, (args, end)
        return Counter(re.findall(r"^(\w+)\(", log.read_text(errors="replace"), re.MULTILINE))

    def at_write(self, call: str, number: int, *args: str) -> End:
        """Run `git par ARGS`, killed as it enters the system call `call` for the `number`-th time."""
        inject = f"inject={call}:signal=KILL:when={number}"
        end = self._run(args, {}, (_strace(), "-qq", "-o", "/dev/null", "-e", f"trace={call}", "-e", inject))
        return end._replace(reached=end.status == -9)

    @property
    def _tools(self) -> Path:
        return self.world.root.parent / "tools"

    @property
    def _count(self) -> Path:
        return self._tools / "count"

    def _counted(self) -> int:
        return sum(file.name != "over" for file in self._count.iterdir())

    def _run(self, args: tuple[str, ...], told: dict[str, str], tracer: tuple[str, ...] = ()) -> End:
        git = shutil.which("git")
        assert git
        if not self._tools.is_dir():
            self._tools.mkdir()
            (self._tools / "git").write_text(SHIM)
            (self._tools / "git").chmod(0o755)
        shutil.rmtree(self._count, ignore_errors=True)
        self._count.mkdir()
        env = {
            **os.environ,
            "PYTHONPATH": str(Path(__file__).parent.parent),
            "PYTHONDONTWRITEBYTECODE": "1",
            **({"PATH": f"{self._tools}:{os.environ['PATH']}"} if told else {}),
            "REAL_GIT": git,
            "KILL_COUNT": str(self._count),
            **told,
        }
        started = ("/bin/sh", "-c", 'KILL_PID=$$; export KILL_PID; exec "$@"', "sh", *tracer)
        done = subprocess.run(
            [*started, sys.executable, "-m", "git_par", *args],
            cwd=self.world.repo,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=120,
            start_new_session=True,
            check=False,
        )
        return End(False, done.returncode, done.stderr)


def run_killed(world: World, number: int, *args: str) -> bool:
    """Run `git par ARGS`, killed with all it started before its git call `number`; whether it got that far."""
    return Killer(world).at_git_call("group-before", number, *args).reached


def _strace() -> str:
    found = shutil.which("strace")
    if not found:
        if os.environ.get("CI"):
            pytest.fail("strace is missing")
        pytest.skip("strace is missing")
    return found


def _calls(names: tuple[str, ...]) -> str:
    return ",".join(f"?{name}" for name in names)  # not every machine has all of them


class File(NamedTuple):
    """What a file is: type and permissions, and its bytes (of a link, where it points)."""

    mode: int
    data: bytes


@dataclass(frozen=True)
class Before:
    """A repository as it stands, as far as nobody may change it."""

    main: str
    commits: frozenset[str]
    """All that a ref or the HEAD of a worktree reaches."""
    precious: dict[Path, File]
    """Every file whose content is in no commit, by its path."""
    staged: frozenset[str]
    """Every blob that only an index has."""
    config: bytes
    foreign: dict[Path, bytes]
    """Files of git that are other people's: their worktrees' registrations and locks, the stash."""

    @classmethod
    def of(cls, world: World) -> "Before":
        """Read the repository of `world`."""
        precious, staged = {}, set()
        for tree in worktrees(world):
            raw = world.git("status", "--porcelain", "-z", "--untracked-files=all", "--ignored=matching", cwd=tree)
            for name in (entry[3:] for entry in raw.split("\0") if entry):
                for path in files_below(tree / name):
                    if "node_modules" not in path.parts:
                        precious[path] = read(path)
            cached = world.git("diff-index", "--cached", "--raw", "--no-abbrev", "HEAD", cwd=tree)
            staged |= {line.split()[3] for line in cached.splitlines() if line.split()[4] != "D"}
        git_dir = world.repo / ".git"
        return cls(
            world.rev("main"),
            commits(world),
            precious,
            frozenset(staged),
            (git_dir / "config").read_bytes(),
            {path: path.read_bytes() for path in _foreign(git_dir)},
        )

    def check(self, world: World, trees: frozenset[str] = frozenset(), *, back: bool = False) -> None:
        """Nothing of it is lost or touched, and main stands where it stood or on a commit with one of `trees`."""
        lost = self.commits - commits(world)
        assert not lost, f"commits that nothing reaches any more: {lost}"
        main = world.git("rev-parse", "main", "main^{tree}").split()
        if main[0] != self.main:
            assert main[1] in trees, "main stands on a commit that nobody planned"
            assert back or self.main in world.git("rev-list", "main").split(), "main went backwards"
        self._check_files(world)
        assert (world.repo / ".git" / "config").read_bytes() == self.config
        changed = {path for path, data in self.foreign.items() if not path.exists() or path.read_bytes() != data}
        assert not changed, f"other people's: {changed}"

    def _check_files(self, world: World) -> None:
        moved = {path: file for path, file in self.precious.items() if read_if_there(path) != file}
        if moved:
            aside = [(path, read(path)) for path in files_below(world.workspaces / ".par" / "kept")]
            kept = kept_blobs(world)
            for path, file in moved.items():
                name = path.name
                assert any(other.name == name and there == file for other, there in aside) or (
                    (file.mode, file.data) in kept
                ), f"'{path}' is not where it was, and not kept"
        # Of every registration, wherever its workspace lies by now.
        git_dir = world.repo / ".git"
        indexes = {
            blob
            for index in (
                git_dir / "index",
                *git_dir.glob("worktrees/*/index"),
                *(clone / "index" for clone in clones(world) if (clone / "index").exists()),
            )
            for blob in _indexed(world, index)
        }
        unstaged = self.staged - indexes
        if unstaged:
            listed = world.git("rev-list", "--objects", "--glob=refs/par/kept").split()
            assert unstaged <= set(listed), f"staged content that is gone: {unstaged}"


def commits(world: World) -> frozenset[str]:
    """All commits that a ref or the HEAD of any worktree reaches, in the repository or in a clone, wherever that lies."""
    found = set(world.git("rev-list", "--all").split())
    for clone in clones(world):
        found |= set(world.git("--git-dir", str(clone), "rev-list", "--all").split())
    return frozenset(found)


def clones(world: World) -> list[Path]:
    """The git directories of all clones, removed ones too."""
    kept = world.workspaces / ".par" / "kept"
    places = (*world.workspaces.glob("*/.git"), *kept.glob("*/*/repository"), *kept.glob("*/*/*/.git"))
    return [place for place in places if (place / "par-parent").is_file() and (place / "HEAD").is_file()]


def worktrees(world: World) -> list[Path]:
    """The directories that git has registered, the main one first, private ones left out."""
    listed = world.git("worktree", "list", "--porcelain", "-z").split("\0")
    paths = [Path(line[9:]) for line in listed if line.startswith("worktree ")]
    paths += [clone.parent for clone in clones(world) if clone.name == ".git"]
    return [path for path in paths if ".par" not in path.parts]


def files_below(path: Path) -> Iterator[Path]:
    """`path` itself when it is a file or a link, else all files below it that are not git's."""
    if path.is_symlink() or path.is_file():
        yield path
        return
    for directory, names, found in os.walk(path):
        names[:] = [name for name in names if name != ".git"]
        yield from (Path(directory) / name for name in found if name != ".git")


def read(path: Path) -> File:
    """What is at `path`."""
    mode = path.lstat().st_mode
    return File(mode, os.fsencode(os.readlink(path)) if stat.S_ISLNK(mode) else path.read_bytes())


def read_if_there(path: Path) -> File | None:
    """The same, None when there is nothing."""
    return read(path) if os.path.lexists(path) else None


def kept_blobs(world: World) -> set[tuple[int, bytes]]:
    """Mode and content of every file in a kept commit; git has two modes of files."""
    found = set()
    for ref in world.git("for-each-ref", "--format=%(refname)", "refs/par/kept").splitlines():
        for line in world.git("ls-tree", "-r", ref).splitlines():
            mode, _, blob = line.split("\t")[0].split()
            data = subprocess.run(
                ["git", "cat-file", "blob", blob], cwd=world.repo, stdout=subprocess.PIPE, check=True
            ).stdout
            found.add((int(mode, 8), data))
    return found


def check_registrations(world: World) -> None:
    """No worktree is half registered, no lock is left, and git itself works on."""
    for entry in (world.repo / ".git" / "worktrees").glob("*"):
        place = Path((entry / "gitdir").read_text().strip())
        assert place.name == ".git", entry
        assert place.exists(), f"registered and not there: {place}"
        assert (entry / "commondir").read_text() == "../..\n", entry
        assert (entry / "HEAD").read_text().strip(), entry
        assert not (entry / "locked").exists() or (entry / "locked").read_text() != "initializing", entry
    for command in ("fetch -q", "branch --all", "fsck --connectivity-only", "worktree list"):
        done = world.try_git(*command.split())
        assert done.status == 0, (command, done)
    locks = [path for path in (world.repo / ".git").rglob("*.lock") if "par" not in path.relative_to(world.repo).parts]
    assert not locks, locks


def end_state(world: World) -> dict[str, object]:
    """What a command comes to, without times and ids: trees of branches, tasks, files that are in no commit."""
    refs = world.git("for-each-ref", "--format=%(refname) %(tree)", "refs/heads").splitlines()
    tasks = [
        (task["name"], task["state"], task["branch"], task["base"], task["integrated"] is not None)
        for task in world.ok("list", "--json").json["tasks"]
    ]
    return {
        "branches": refs,
        "tasks": sorted(tasks),
        "dirt": sorted(
            world.git("status", "--porcelain", "--branch", "--untracked-files=all", "--ignored", cwd=tree)
            for tree in worktrees(world)
        ),
        # One killed right after its mkdir leaves an empty directory that nobody knows of; the next takes another.
        "directories": sorted(
            path.name.removesuffix("-2") for path in world.workspaces.glob("[!.]*") if any(path.iterdir())
        ),
        "under way": [path.name for path in (world.repo / ".git" / "par" / "publishing").glob("[!.]*")],
    }


def fingerprint(world: World, known: frozenset[str]) -> frozenset[tuple[str, int, bytes]]:
    """What there is on disk, less times, process numbers and the ids of commits that are not `known`.

    Names, modes, sizes, the content of what people work on, and of refs whether they stand on a known commit.
    """
    found = set()
    for directory, names, inside in os.walk(world.root):
        place = Path(directory)
        in_git = ".git" in place.parts
        if in_git and place.name == "objects":
            names[:] = []
            continue
        for name in (*inside, *names):
            path = place / name
            if name in names and not path.is_symlink():
                found.add((_unnumbered(path), path.stat().st_mode, b""))
                continue
            file = read(path)
            if not in_git:
                data = file.data
            elif "logs" not in place.parts and re.fullmatch(rb"[0-9a-f]{40}\n", file.data):
                data = file.data if file.data.decode().strip() in known else b"new"
            else:
                data = b"%d" % len(file.data)
            found.add((_unnumbered(path), file.mode, data))
    return frozenset(found)


def _unnumbered(path: Path) -> str:
    return re.sub(r"[0-9a-f]{8,}|[0-9]+", "#", str(path))


def _indexed(world: World, index: Path) -> Iterator[str]:
    listed = world.git("ls-files", "--stage", env={"GIT_INDEX_FILE": str(index)})
    return (line.split()[1] for line in listed.splitlines())


def _foreign(git_dir: Path) -> Iterator[Path]:
    yield from (path for path in (git_dir / "refs" / "stash", git_dir / "logs" / "refs" / "stash") if path.exists())
    for entry in (git_dir / "worktrees").glob("*"):
        locked = entry / "locked"
        if not (locked.exists() and locked.read_text().startswith("git-par: ")):
            yield from (path for name in ("HEAD", "gitdir", "commondir", "locked") if (path := entry / name).exists())
