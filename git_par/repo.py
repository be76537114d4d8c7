"""Where things are: the repository, its main worktree, the directory one stands in, the workspaces directory.

The repository is found once, with the environment as inherited; from then on every path is absolute and every git call
says where it runs.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from shlex import quote

from git_par import git, names
from git_par.errors import Refused, UsageError
from git_par.git import Git

MINIMUM_GIT = "2.39"

PARENT = "par-parent"
"""The file in the git directory of a clone that names the repository and the task it was made for."""

CLONES = ("clone", "shared-clone")
"""The isolations of tasks that have a repository of their own."""

# Known since 2.39; an older git echoes an option it does not know, so the version costs no process of its own.
_SINCE_2_39 = "--exclude-hidden=receive"


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
        return _separated_checkout(self.common, self.cwd) if self.git_dir == self.common else None

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


def find(cwd: Path | None = None) -> Repo:
    """The repository of `cwd`, by the environment as inherited; Refused when there is none or git is too old."""
    try:
        cwd = cwd or Path.cwd()
    except FileNotFoundError:
        raise Refused("the current directory: it is gone", hint="run 'cd' into a directory that exists") from None
    reply = git.discover(cwd, "rev-parse", _SINCE_2_39, "--path-format=absolute", "--git-common-dir", "--git-dir")
    if reply.code != 0:
        why = git.failed(["rev-parse"], reply).message.partition(": ")[2]
        if "not a git repository" in why or not why:
            why = "not a git repository"
        said = (line.strip() for line in reply.err.splitlines())
        # For a repository of another user git itself names the way out.
        way_out = next((line for line in said if line.startswith("git config ")), "")
        if _is_in_trash(cwd):
            main = _damaged(cwd)
            hint = f"cd {quote(str(main))}" if main else "run 'cd' into a directory that exists"
            raise Refused("the current directory: its workspace was removed", hint=hint)
        if not way_out and (repository := _damaged(cwd)):
            raise Refused(f"'{cwd}': {why}", hint=f"git -C {quote(str(repository))} par doctor")
        raise Refused(f"'{cwd}': {why}", hint=way_out or "cd into a repository, or name one with 'git -C DIR par …'")
    lines = reply.out.removesuffix("\n").split("\n")
    if lines[0] == _SINCE_2_39:
        version = ".".join(map(str, git_version()))
        raise Refused(f"git {version}: too old, git-par needs {MINIMUM_GIT} or newer", hint="see 'git version'")
    if len(lines) != 2:
        raise Refused(f"'{cwd}': a newline in the path of the repository", hint="move the repository")
    common, git_dir = (Path(os.path.realpath(line)) for line in lines)
    return Repo(common=parent_of(common) or common, git_dir=git_dir, cwd=cwd)


@dataclass(frozen=True)
class Link:
    """What a clone says of itself: the repository it was made from, as its common directory, and its task."""

    parent: Path
    task: str
    created: str
    """When the task was made, as its record says it: with the name that tells which task it is."""


def link(git_dir: Path) -> Link | None:
    """What the clone of the git directory `git_dir` says of itself; None when it is none, or cannot be read."""
    try:
        if git_dir.is_symlink():
            return None
        data = json.loads((git_dir / PARENT).read_bytes())
        found = Link(Path(data["parent"]), data["task"], data["created"])
        os.fsencode(found.parent)
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    whole = isinstance(found.task, str) and isinstance(found.created, str) and found.parent.is_absolute()
    return found if whole and not names.task_problem(found.task) else None


def parent_of(git_dir: Path) -> Path | None:
    """The repository that the clone of `git_dir` belongs to, when that one's own record names this very directory.

    What a clone says of itself proves nothing: it may have been copied or moved, or come from somebody else.  A repository
    that is not the user's own is left to git to judge, as where one stands in that (git-config(1), safe.directory).
    """
    found = link(git_dir)
    if found is None or git_dir.name != ".git":
        return None
    try:
        data = json.loads((found.parent / "par" / "tasks" / f"{names.slug(found.task)}.json").read_bytes())
        told = (data["name"], data["created"], data["path"])
        ours = data["isolation"] in CLONES and told == (found.task, found.created, str(git_dir.parent))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None
    if not ours:
        return None
    stand = found.parent.parent if found.parent.name == ".git" else found.parent
    if _is_own(found.parent) and _is_own(stand) and (found.parent / "HEAD").is_file():
        return found.parent
    reply = Git(stand).run("rev-parse", "--path-format=absolute", "--git-common-dir", ok=range(256))
    common = Path(os.path.realpath(reply.out.removesuffix("\n")))
    return common if reply.code == 0 and common == found.parent else None


def _is_own(directory: Path) -> bool:
    """Whether the directory is this user's, and no link leads to it."""
    try:
        return directory.stat().st_uid == os.geteuid() and os.path.realpath(directory) == str(directory)
    except OSError:
        return False


def _damaged(cwd: Path) -> Path | None:
    """The repository of the linked worktree that `cwd` lies in, when git does not find it from there."""
    for place in (cwd, *cwd.parents):
        with suppress(OSError):
            target = Path(os.fsdecode((place / ".git").read_bytes()).removeprefix("gitdir: ").removesuffix("\n"))
            common = Path(os.path.realpath(place / target)).parent.parent
            if target.parent.name == "worktrees" and (common / "HEAD").is_file():
                return common.parent if common.name == ".git" else common
            return None
    return None


def _is_in_trash(cwd: Path) -> bool:
    """Whether the workspace that `cwd` lies in was renamed away, to be deleted."""
    return any(place.name == "trash" and place.parent.name == ".par" for place in cwd.parents)


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
        with suppress(OSError):
            pointer = os.fsdecode((place / ".git").read_bytes()).removeprefix("gitdir: ").removesuffix("\n")
            return place if Path(os.path.realpath(place / pointer)) == common else None
    return None


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
