"""A sealed world for one test: a repository, real git, git-par in this process or in one of its own."""

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from git_par import cli


class Result(NamedTuple):
    """How a command ended and what it wrote."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


def expect_files(directory: Path) -> None:
    """Skip a test that writes the refs or reflogs of the git directory `directory` itself, where they are no files."""
    import pytest  # not where no test runs

    if (directory / "reftable").is_dir():
        pytest.skip("refs lie in tables here, and are no files to be written")


def with_relative_links(world: "World") -> None:
    """Let worktrees and repository find each other by relative paths, as git can since 2.48."""
    import pytest

    world.git("config", "worktree.useRelativePaths", "true")
    world.git("worktree", "add", "-q", "--detach", str(world.root / "relative"))
    if world.try_git("config", "extensions.relativeWorktrees").status:
        pytest.skip("this git links worktrees by absolute paths only")
    world.git("worktree", "remove", str(world.root / "relative"))


class World:
    """One repository `repo` in `root`, with a first commit on `main`."""

    def __init__(self, root: Path, name: str = "repo") -> None:
        self.root = root
        self.repo = root / name
        self.workspaces = root / f"{name}-worktrees"

    def init(self) -> "World":
        self.repo.mkdir()
        self.git("init", "-q", "-b", "main")
        self.write("a.txt", edited())
        self.write(".gitignore", "*.log\n.env\nnode_modules/\nbuild/\n")
        self.commit("first")
        return self

    # git

    def git(self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> str:
        """What `git ARGS` writes; it must succeed."""
        done = self.try_git(*args, cwd=cwd, env=env)
        assert done.status == 0, (args, done)
        return done.out.removesuffix("\n")

    def try_git(self, *args: str, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Result:
        if cwd and "main" in args and (cwd / ".git" / "par-parent").is_file():  # a clone knows it as its parent's
            self.process("git", "fetch", "-q", "par", cwd=cwd)
            args = tuple("par/main" if word == "main" else word for word in args)
        return self.process("git", *args, cwd=cwd, env=env)

    def write(self, name: str, text: str, cwd: Path | None = None) -> Path:
        file = (cwd or self.repo) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        return file

    def hook(self, name: str, text: str) -> Path:
        """Make a hook of git's in the repository, from the text of a shell script."""
        return script(self.repo / ".git" / "hooks" / name, text)

    def commit(self, message: str, cwd: Path | None = None, **files: str) -> str:
        """Commit everything, with `files` (`name__txt="…"` writes name.txt) written first; the new commit."""
        for name, text in files.items():
            self.write(name.replace("__", "."), text, cwd)
        self.git("add", "--all", cwd=cwd)
        self.git("commit", "-q", "--allow-empty", "-m", message, cwd=cwd)
        return self.rev("HEAD", cwd=cwd)

    def rev(self, name: str, cwd: Path | None = None) -> str:
        """The commit that `name` is; of a task with a clone, as that has it."""
        return self.git("rev-parse", "--verify", name, cwd=cwd or self.home(name))

    def home(self, revision: str) -> Path:
        """Where the branch that `revision` begins with stands: in its clone, else in the repository."""
        directory = re.split(r"[~^@:]", revision.removeprefix("refs/heads/"))[0].replace("/", "-")
        clone = self.workspaces / directory
        return clone if directory and (clone / ".git" / "par-parent").is_file() else self.repo

    def branches(self) -> list[str]:
        return self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").splitlines()

    # git-par

    def par(self, *args: str, cwd: Path | None = None) -> Result:
        """Run `git par ARGS` in this process."""
        out, err = io.StringIO(), io.StringIO()
        with _standing_in(cwd or self.repo), redirect_stdout(out), redirect_stderr(err):
            status = cli.main(args)
        return Result(int(status), out.getvalue(), err.getvalue())

    def ok(self, *args: str, cwd: Path | None = None) -> Result:
        """The same, and it must succeed."""
        done = self.par(*args, cwd=cwd)
        assert done.status == 0, (args, done)
        return done

    def add(self, *names: str) -> list[Path]:
        """Make tasks; their workspaces."""
        return [Path(line) for line in self.ok("add", *names).out.splitlines()]

    def task(self, name: str, **files: str) -> Path:
        """Make a task with one commit that writes `files`; its workspace."""
        path = self.add(name)[0]
        self.commit(f"work of {name}", cwd=path, **(files or {f"{name}__txt": f"{name}\n"}))
        return path

    def landed(self, name: str = "t") -> Path:
        """Make a task that came home and could go; its workspace."""
        path = self.task(name)
        self.ok("merge", name)
        return path

    def record(self, name: str = "t") -> Path:
        """Where the record of a task lies."""
        return self.repo / ".git" / "par" / "tasks" / f"{name}.json"

    def listed(self, name: str) -> dict[str, Any]:
        """What `list --json` says of one task."""
        found = [task for task in self.ok("list", "--json").json["tasks"] if task["name"] == name]
        assert len(found) == 1, found
        return dict(found[0])

    # processes

    def start(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[str] = subprocess.PIPE,
    ) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            argv,
            cwd=cwd or self.repo,
            # The git_par that is tested, not one that happens to be installed.
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="surrogateescape",
        )

    def process(
        self,
        *argv: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[str] = subprocess.PIPE,
    ) -> Result:
        running = self.start(*argv, cwd=cwd, env=env, stdout=stdout)
        out, err = running.communicate(timeout=300)
        return Result(running.returncode, out or "", err)

    def par_process(
        self,
        *args: str,
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        stdout: int | IO[str] = subprocess.PIPE,
    ) -> Result:
        """Run `git par ARGS` in a process of its own; what it writes to a `stdout` of the caller's is not in the result."""
        return self.process(*PAR, *args, cwd=cwd, env=env, stdout=stdout)

    def to_nobody(self, *args: str) -> Result:
        """The same, with a standard output whose reader has gone away."""
        reader, writer = os.pipe()
        os.close(reader)
        try:
            return self.par_process(*args, stdout=writer)
        finally:
            os.close(writer)

    # what must hold

    def check_sound(self) -> None:
        """Nothing half made: git is content, every registration is whole, every task has branch and workspace."""
        # Other people's gc and maintenance may have left git's index over several packs behind the packs.
        fsck = self.try_git("-c", "core.multiPackIndex=false", "fsck", "--no-dangling", "--connectivity-only")
        assert fsck.status == 0, fsck
        listed = self.git("worktree", "list", "--porcelain", "-z")
        paths = [line[9:] for line in listed.split("\0") if line.startswith("worktree ")]
        paths += [str(file.parent.parent) for file in self.workspaces.glob("*/.git/par-parent")]
        assert "prunable" not in listed
        assert all(Path(path).exists() for path in paths), paths
        entries = self.repo / ".git" / "worktrees"
        for entry in entries.iterdir() if entries.is_dir() else []:
            assert (entry / "gitdir").read_text().strip(), entry
            assert (entry / "commondir").read_text() == "../..\n", entry
            assert "initializing" not in (entry / "locked").read_text() if (entry / "locked").exists() else True
        tasks = self.ok("list", "--json").json["tasks"]
        assert all(task["state"] in ("new", "active", "landed", "reverted") for task in tasks), tasks
        assert {task["path"] for task in tasks} <= set(paths)
        assert {task["branch"] for task in tasks} <= set(self.branches())
        slots = [task["slot"] for task in tasks]
        assert len(set(slots)) == len(slots)


def script(path: Path, text: str) -> Path:
    """An executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def clone_of_a_remote(root: Path) -> World:
    """A clone whose `origin` is a real repository beside it, with a second branch there; git's own defaults."""
    remote = World(root, "remote").init()
    remote.git("branch", "feature")
    clone = World(root, "clone")
    remote.git("clone", "-q", str(remote.repo), str(clone.repo), cwd=root)
    return clone


def edited(**lines: str) -> str:
    """The file a.txt of a new world with some lines replaced: `l3="x"` is line 3."""
    wanted = {int(name[1:]): text for name, text in lines.items()}
    return "".join(f"{wanted.get(number, f'line {number}')}\n" for number in range(1, 21))


def fillers(world: World) -> list[str]:
    """The processes in the background that fill the pool of this world."""
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if "git_par.workspaces.refill" in line and str(world.root) in line]


def living(home: str) -> list[int]:
    """The processes that were started with this directory as HOME, and those of them that have not begun their program."""
    found = []
    for process in Path("/proc").iterdir():
        with suppress(OSError):
            if process.name.isdigit() and f"HOME={home}\0".encode() in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


PAR = (sys.executable, "-m", "git_par")


@contextmanager
def _standing_in(directory: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(directory)
    try:
        yield
    finally:
        os.chdir(before)
