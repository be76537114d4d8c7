"""What all measures share: where they work, the repositories, and the other tools."""

import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from bench.peers import Found, end, find
from bench.processes import PAR, run
from bench.repositories import Repository, make

START = "origin/main"

KEPT_CONFIG = "config.kept"
"""The configuration as it was before anybody added to it."""


@dataclass
class Bench:
    """One run.  Repositories are made when they are first asked for; `quick` ones are small."""

    root: Path
    quick: bool
    tell: Callable[[str], None]
    left_out: list[str] = field(default_factory=list)

    def rounds(self, many: int) -> int:
        """How often each way has its turn."""
        return min(many, 2) if self.quick else many

    @cached_property
    def small(self) -> Repository:
        """200 files."""
        return _with_origin(make(self.root / "small", files=200, directories=20, branches=1))

    @cached_property
    def middle(self) -> Repository:
        """10,000 files, or 1,000."""
        files = 1_000 if self.quick else 10_000
        return make(self.root / "middle", files=files, directories=files // 17, branches=1)

    @cached_property
    def big(self) -> Repository:
        """50,000 files in 3,000 directories and 60 branches, or 2,000 and 20."""
        files, branches = (2_000, 20) if self.quick else (50_000, 60)
        return make(self.root / "big", files=files, directories=files * 3 // 50, branches=branches)

    @cached_property
    def peers(self) -> tuple[Found, ...]:
        """The other tools that are here and do what they are asked for."""
        return tuple(one for one in find(self.home) if self._works(one))

    def _works(self, found: Found) -> bool:
        repository, name = self.small, "does-it-work"
        for argv, there in ((found.peer.creating(name), True), (found.peer.removing(name), False)):
            done = run(argv, cwd=repository.path, env=found.env, check=False).ended[0]
            branches = repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()
            listed = f"branch refs/heads/{name}" in repository.git("worktree", "list", "--porcelain")
            if done.status or listed is not there or (name in branches) is not there:
                said = re.sub(r"(?<!\S)['\"]?/\S+", "PATH", (done.err or done.out).strip()).splitlines()
                self.left_out.append(
                    f"{found.name} {found.version}: {Path(argv[0]).name} {argv[1]}: {(said or ['?'])[-1]}"
                )
                self.clear(repository)
                return False
        return True

    @cached_property
    def starters(self) -> frozenset[str]:
        """Those of the other tools that can start from a remote's branch."""
        return frozenset(one.name for one in self.peers if one.peer.start and self._starts(one))

    def _starts(self, found: Found) -> bool:
        argv = found.peer.creating("does-it-start", START)
        works = run(argv, cwd=self.small.path, env=found.env, check=False).ended[0].status == 0
        if not works:
            self.left_out.append(f"{found.name} {found.version}: starts from no remote's branch")
        self.clear(self.small)
        return works

    def clear(self, repository: Repository) -> None:
        """Take away all that was made beside the repository, whoever made it and in whatever state, without asking them."""
        git = repository.path / ".git"
        for entry in git.glob("worktrees/*/gitdir"):
            path = Path(entry.read_text().strip()).parent
            if path.is_relative_to(self.root) and path != repository.path:
                shutil.rmtree(path, ignore_errors=True)
        for path in (git / "worktrees", git / "par", *repository.path.parent.glob(f"{repository.path.name}[-_.]*")):
            shutil.rmtree(path, ignore_errors=True)
        keep = {"main", *repository.branches}
        for name in set(repository.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()) - keep:
            repository.git("update-ref", "-d", f"refs/heads/{name}")
        if (git / KEPT_CONFIG).exists():
            shutil.copy(git / KEPT_CONFIG, git / "config")
        if "peers" in self.__dict__:
            end(self.peers)
            # What they remember of worktrees that are gone would make the next ones fail.
            shutil.rmtree(self.home, ignore_errors=True)
            self.home.mkdir()

    @property
    def home(self) -> Path:
        """The home directory of the other tools."""
        return self.root / "home"

    def directory(self, name: str) -> Path:
        """A new directory for one measure's own repositories."""
        path = self.root / name
        path.mkdir()
        return path

    def has_room(self, gigabytes: float, what: str) -> bool:
        """Whether the disk has twice what a measure takes; where it has not, that is noted."""
        enough = shutil.disk_usage(self.root).free > 2e9 * gigabytes
        if not enough:
            self.left_out.append(f"{what}: it takes {gigabytes:.0f} GB of disk")
        return enough


def par(repository: Repository, *words: object) -> float:
    """Run git-par, untimed."""
    return run([PAR, *words], cwd=repository.path).seconds


def workspaces(repository: Repository) -> Path:
    """Where git-par makes them."""
    return repository.path.parent / f"{repository.path.name}-worktrees"


def emptied(repository: Repository) -> float:
    """Wait until nothing is left in the trash, and say how long that took; else it would slow the next round down."""
    trash = workspaces(repository) / ".par" / "trash"
    began = time.perf_counter()
    while trash.is_dir() and any(trash.iterdir()):
        time.sleep(0.02)
    return time.perf_counter() - began


def _with_origin(repository: Repository) -> Repository:
    repository.git("remote", "add", "origin", str(repository.path))
    repository.git("update-ref", f"refs/remotes/{START}", "main")
    shutil.copy(repository.path / ".git" / "config", repository.path / ".git" / KEPT_CONFIG)
    return repository
