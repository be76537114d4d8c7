"""Make a clone: a workspace with a repository of its own, whose objects are hard links to the parent's.

Across file systems there are no hard links.  There, and where it is asked for, the objects are the parent's own
(git-clone(1), `--shared`), and what is borrowed is pinned in the parent.
"""

import os
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from git_par import files, git
from git_par.git import Git
from git_par.parent import PARENT, link
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import clones, taking_over, watcher

SHARED = "shared-clone"

SERVING = "--upload-pack=git -c transfer.hideRefs=!refs upload-pack"
"""The other side of a fetch between parent and clone: what is hidden from the rest of the world is not from them."""

BETWEEN = {"GIT_ALLOW_PROTOCOL": "file"}
"""The environment of that fetch: whatever the user allows for the rest of the world, the two are on this machine."""

_PROBE = ".git-par-link-"

_TRIES = 6


def can_link(repo: Repo, place: Path) -> bool:
    """Whether the objects of the repository can have hard links in the directory `place` and beside it.

    It is tried beside it: a directory in which a kill leaves something would stay reserved.  The next one takes that away.
    """
    probe = place.parent / f"{_PROBE}{os.getpid()}-{os.urandom(4).hex()}"
    try:
        if repo.objects.stat().st_dev != place.stat().st_dev:
            return False
        for one in _objects(repo):
            os.link(one, probe)
            break
    except FileNotFoundError:
        return True  # taken by a gc meanwhile
    except OSError:
        return False
    finally:
        for one in place.parent.glob(f"{_PROBE}*"):  # another one's has served when it is there
            with suppress(OSError):
                one.unlink()
    return True


def make(repo: Repo, task: Task) -> None:
    """Clone the parent into the empty directory of `task`, on its branch, with nothing checked out; needs no lock.

    A gc that takes what is being linked makes git fail, or leave something out: then it is tried again.
    """
    path = Path(task.path)
    how = "--shared" if task.isolation == SHARED else "--local"
    with taking_over.template(repo, task) as template, _shut(path):
        for attempt in range(_TRIES):
            before = _look(repo)
            reply = Git(path.parent).run(
                *("clone", "--quiet", "--origin", taking_over.REMOTE),
                *("--no-checkout", "--single-branch", "--no-tags", "--no-recurse-submodules", "--no-reject-shallow"),
                *(SERVING, how, f"--template={template}", "--branch", task.branch, "--", str(repo.common), str(path)),
                ok=range(256),
                env=BETWEEN,
            )
            if reply.code == 0 and (before == _look(repo) or _is_whole(repo, task)):
                break
            _clear(path)
            time.sleep(0.02 * 2**attempt)
        else:
            raise git.failed(["clone"], reply)
        taking_over.narrow(template, path / ".git")
    _settle(repo, task)


@contextmanager
def _shut(path: Path) -> Iterator[None]:
    """For as long as the block runs, nobody else reads what comes into the directory `path`."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(mode & ~(stat.S_IRWXG | stat.S_IRWXO))
    try:
        yield
    finally:
        if path.is_dir():
            path.chmod(mode)


def _settle(repo: Repo, task: Task) -> None:
    """Let the remote have all branches of the parent, and the task's branch follow none, as in a worktree."""
    config = Git(repo.common, ("--git-dir=" + str(Path(task.path) / ".git"),))
    every = f"+refs/heads/*:refs/remotes/{taking_over.REMOTE}/*"
    config.run("config", "--replace-all", f"remote.{taking_over.REMOTE}.fetch", every)
    config.run("config", "--remove-section", f"branch.{task.branch}", ok=(0, 128))
    if base := repo.git.commit(f"refs/heads/{task.base}"):
        # When the base has moved since, its commit may not be here: the next fetch brings it.
        config.run("update-ref", f"refs/remotes/{taking_over.REMOTE}/{task.base}", base, ok=range(256))


def _look(repo: Repo) -> dict[str, int]:
    """The directories of the object database as they stand: while none of them changes, nothing comes or goes."""
    found = {}
    with suppress(OSError), os.scandir(repo.objects) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                found[entry.name] = entry.stat().st_mtime_ns
    return found


def _is_whole(repo: Repo, task: Task) -> bool:
    """Whether all that the task's branch reaches came along."""
    there = Git(repo.common, (f"--git-dir={Path(task.path) / '.git'}",))
    return there.run("rev-list", "--objects", "--quiet", task.ref, "--", ok=range(256)).code == 0


def _objects(repo: Repo) -> list[Path]:
    """A file of the object database, if it has any."""
    for directory, entries in files.walk_directories(repo.objects, depth=1):
        for entry in entries:
            if entry.is_file(follow_symlinks=False) and directory != repo.objects and directory.name != "info":
                return [Path(entry.path)]
    return []


def _clear(path: Path) -> None:
    """Empty the directory, which stays reserved."""
    path.mkdir(exist_ok=True)
    for one in path.iterdir():
        files.delete_tree(one)


def copy(source: Path, target: Path) -> None:
    """Copy the git directory of a clone; its objects, which never change, as hard links where that works."""

    def objects_linked(one: str, into: str) -> str:
        if "/objects/" in one.removeprefix(str(source)) and "/info/" not in one.removeprefix(str(source)):
            with suppress(OSError):
                os.link(one, into, follow_symlinks=False)
                return into
        return str(shutil.copy2(one, into, follow_symlinks=False))

    passing = shutil.ignore_patterns("*.lock", *watcher.OWN)
    shutil.copytree(source, target, symlinks=True, copy_function=objects_linked, ignore=passing)


def relink(repo: Repo, task: Task) -> None:
    """Let the clone of `task` know whose it is, and where that is now: it may have been another place."""
    directory = Path(task.path) / ".git"
    told = link(directory)
    if told and told.parent != repo.common:
        alternates = directory / "objects" / "info" / "alternates"
        if alternates.is_file():
            lines, old = os.fsdecode(alternates.read_bytes()).splitlines(), str(told.parent / "objects")
            data = "".join(f"{repo.objects if line == old else line}\n" for line in lines)
            files.replace(alternates, os.fsencode(data))
        there = clones.opened(repo, Path(task.path))
        there.run("config", f"remote.{taking_over.REMOTE}.url", str(repo.common))
        taking_over.follow(there, directory, told.parent, repo.common)
    files.replace(directory / PARENT, clones.parent_file(repo, task))


def rename(repo: Repo, task: Task, old: Task) -> None:
    """Let the clone of `old`, copied to the workspace of `task`, belong to `task`."""
    if not clones.claims(repo, task, Path(task.path)):
        relink(repo, task)
    if task.branch != old.branch:
        git = clones.opened(repo, Path(task.path))
        head, tip = git.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).out.strip(), git.commit(old.ref)
        # While it is being rebased, git does not rename it.
        if git.run("branch", "-m", old.branch, task.branch, ok=range(256)).code and tip:
            git.run("update-ref", "--create-reflog", task.ref, tip, "")
            if head == old.ref:
                git.run("symbolic-ref", "HEAD", task.ref)
            git.run("update-ref", "-d", old.ref, tip)
