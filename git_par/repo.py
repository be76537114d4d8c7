"""Where things are: the repository, its main worktree, the directory one stands in, the workspaces directory.

Every path is absolute, and every git call says where it runs.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from git_par import files, git
from git_par.errors import UsageError
from git_par.git import Git
from git_par.parent import PARENT

_MAIN = "checkout"
"""The file among git-par's records that says where the main worktree is, where only that knows."""


@dataclass(frozen=True)
class Repo:
    """One repository, seen from one directory."""

    common: Path
    """The directory all worktrees share."""
    git_dir: Path
    """The git directory of the checkout one stands in; `common` itself in the main one."""
    cwd: Path
    directory: Callable[[], str] = str
    """What names the workspaces directory where git's configuration does not; empty for the usual one."""

    @cached_property
    def git(self) -> Git:
        """Git on the repository as a whole: objects, refs, configuration; no checkout's attributes."""
        return Git(self.common, ("--git-dir=.",))

    @cached_property
    def config(self) -> dict[str, list[str]]:
        """Every git setting in force, all its values in order; section and variable in lower case."""
        values: dict[str, list[str]] = {}
        # With the user's hooks: where we switch them off, core.hooksPath would be ours.
        for field in self.git.run("config", "--null", "--list", hooks=True).out.split("\0")[:-1]:
            key, newline, value = field.partition("\n")
            values.setdefault(key, []).append(value if newline else "true")
        return values

    def setting(self, key: str) -> str | None:
        """The last value of the git setting `key` (lower case)."""
        values = self.config.get(key)
        return values[-1] if values else None

    @cached_property
    def main(self) -> Path | None:
        """The main worktree; None in a bare repository."""
        if worktree := self.setting("core.worktree"):
            return (self.common / worktree).resolve()
        if is_true(self.setting("core.bare")):
            return None
        if self.common.name == ".git":
            return self.common.parent
        if self.git_dir == self.common:
            return _separated_checkout(self.common, self.cwd)
        told = Path(os.fsdecode(_read(self.state / _MAIN).removesuffix(b"\n")))
        return told if told.is_absolute() and _leads_to(told, self.common) else None

    def remember_main(self) -> None:
        """Note where the main worktree is, of a repository made with --separate-git-dir: elsewhere git knows of none."""
        if self.main and self.git_dir == self.common and _leads_to(self.main, self.common):
            text = os.fsencode(f"{self.main}\n")
            if _read(self.state / _MAIN) != text:
                files.replace(files.private_directory(self.state) / _MAIN, text)

    @cached_property
    def top(self) -> Path | None:
        """The checkout one stands in; None outside of any."""
        if self.git_dir == self.common:
            return self.main
        if (self.git_dir / PARENT).is_file():
            return self.git_dir.parent
        return linked_checkout(self.git_dir)

    @cached_property
    def here(self) -> Git:
        """Git on the checkout one stands in, else on the repository."""
        return self.checkout(self.top, self.git_dir) if self.top else self.git

    def checkout(self, top: Path, git_dir: Path) -> Git:
        """Git on the checkout `top`.

        Its git directory is named outright: discovery in a damaged checkout would go up and answer for another
        repository.
        """
        return Git(top, (f"--git-dir={git_dir}", f"--work-tree={top}"), self.git.env)

    def branch_here(self) -> str | None:
        """The branch checked out where one stands, without `refs/heads/`; None when detached."""
        reply = self.here.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
        return reply.out.strip().removeprefix("refs/heads/") or None

    def branches(self) -> dict[str, str]:
        """Every branch, as full ref, with its commit, as they stand now."""
        listed = self.git.line("for-each-ref", "--format=%(objectname) %(refname)", "refs/heads")
        pairs = (line.split(" ", 1) for line in listed.splitlines())
        found = {ref: commit for commit, ref in pairs} | dict(self.git.seen)
        return {ref: commit for ref, commit in found.items() if commit}

    @property
    def objects(self) -> Path:
        """The object database."""
        return self.common / "objects"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A directory for objects that nobody keeps, as `Git.writing_to` takes it."""
        import tempfile  # 5 ms to import

        with tempfile.TemporaryDirectory(prefix="git-par-objects-") as directory:
            yield Path(directory)

    @contextmanager
    def asked(self) -> Iterator["Repo"]:
        """The same repository, where git writes nothing into it to answer a question: it may be full or read-only."""
        with self.scratch() as objects:
            apart = replace(self)
            apart.__dict__.update(self.__dict__, git=self.git.writing_to(objects, self.objects))
            yield apart

    @property
    def state(self) -> Path:
        """Where git-par keeps its records."""
        return self.common / "par"

    @cached_property
    def workspaces(self) -> Path:
        """The workspaces directory, existing or not."""
        chosen = self.setting("par.directory")
        if chosen is None:
            chosen = self.directory()
        if chosen:
            try:
                home = Path(chosen).expanduser()
            except RuntimeError:
                raise UsageError(
                    f"par.directory: '{chosen}': no such home", hint="git config par.directory DIRECTORY"
                ) from None
            return Path(os.path.realpath(self._folder / home))
        return Path(os.path.realpath(self._folder.parent / f"{self._name}-worktrees"))

    @cached_property
    def _folder(self) -> Path:
        """The folder that a person takes for the repository."""
        superproject = _superproject(self.common)
        if superproject:
            return superproject
        if self.main:
            return self.main
        return self.common.parent if self.common.name in (".bare", ".git") else self.common

    @cached_property
    def _name(self) -> str:
        if _superproject(self.common) and self.main:
            return f"{self._folder.name}-{self.main.name}"
        return self._folder.name.removesuffix(".git") or "repository"

    @cached_property
    def version(self) -> tuple[int, int]:
        """Git's own version, major and minor."""
        return git_version()


def linked_checkout(git_dir: Path) -> Path | None:
    """The directory of the linked worktree whose administrative directory is `git_dir` (gitrepository-layout(5))."""
    try:
        pointer = os.fsdecode((git_dir / "gitdir").read_bytes()).removesuffix("\n")
    except OSError:
        return None
    # From 2.48 on it may be relative to the administrative directory.
    return Path(os.path.realpath((git_dir / pointer).parent)) if pointer else None


def _separated_checkout(common: Path, cwd: Path) -> Path | None:
    """The main worktree of a repository made with --separate-git-dir, as seen from inside it: git knows of none."""
    here = Path(os.path.realpath(cwd))
    for place in (here, *here.parents):
        if (place / ".git").is_file():
            return place if _leads_to(place, common) else None
    return None


def _leads_to(place: Path, common: Path) -> bool:
    """Whether `place` is a checkout of the repository `common` that lies elsewhere."""
    pointer = os.fsdecode(_read(place / ".git")).removeprefix("gitdir: ").removesuffix("\n")
    return Path(os.path.realpath(place / pointer)) == common


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError:
        return b""


def git_version() -> tuple[int, int]:
    """The version of the git in PATH, major and minor."""
    words = git.discover(Path("/"), "version").out.split()
    parts = words[2].split(".") if len(words) > 2 else []
    try:
        return int(parts[0]), int(parts[1])
    except (IndexError, ValueError):
        raise UsageError("git version: cannot be read", hint="run 'git version' and see what it answers") from None


def is_true(value: str | None) -> bool:
    """A git boolean (git-config(1), Values)."""
    return value is not None and value.lower() in ("true", "yes", "on", "1")


def _superproject(common: Path) -> Path | None:
    """The outermost superproject of a submodule, whose repository lies in `<superproject>/.git/modules/…`."""
    for parent in reversed(common.parents):
        if parent.name == "modules" and parent.parent.name == ".git":
            return parent.parent.parent
    return None
