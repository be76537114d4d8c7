"""The refs that a checkout has for itself: HEAD, and what git notes beside it while something is in progress.

Where refs are files these are read, which costs no process.  Where refs lie in tables (git-init(1), `--ref-format`) the
file HEAD is a stub that says nothing, the others are no files at all, and git is asked.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from git_par.git import Git
from git_par.repo import Repo

TABLES = "reftable"
"""What the directory of the tables is called in a git directory."""

_STUB = "ref: refs/heads/.invalid"


def in_tables(git_dir: Path) -> bool:
    """Whether the refs of the checkout of `git_dir` lie in tables."""
    return (git_dir / TABLES).is_dir()


def head(git_dir: Path) -> str:
    """What HEAD says in `git_dir`: `ref: refs/heads/…` or a commit; empty when it cannot be read."""
    text = content(git_dir / "HEAD")
    return text if text != _STUB else _asked(_opened(git_dir))


def noted(git_dir: Path, names: Sequence[str]) -> dict[str, str]:
    """Those of the refs `names` beside HEAD that are in the tables of `git_dir`, each with its object."""
    if not in_tables(git_dir):
        return {}
    form = "--format=%(objectname) %(refname)"
    # Every git that knows tables knows this option.
    reply = _opened(git_dir).run("for-each-ref", "--include-root-refs", form, *names)
    return {name: found for found, _, name in (line.partition(" ") for line in reply.out.splitlines())}


def forget(git_dir: Path, names: Sequence[str]) -> None:
    """Delete those of the refs `names` beside HEAD that are in the tables of `git_dir`."""
    for name in noted(git_dir, names):
        _opened(git_dir).run("update-ref", "-d", name)


def head_aside(repo: Repo, git_dir: Path) -> str:
    """The same as `head`, of a registration that was put aside, and from where no way leads to the repository."""
    text = content(git_dir / "HEAD")
    if text != _STUB:
        return text
    with _copied(repo, git_dir) as git:
        return _asked(git)


def last(repo: Repo, git_dir: Path) -> str | None:
    """The commit at which the checkout of `git_dir` last knew itself to stand, by the reflog of HEAD.

    Its branch may be gone; None when that cannot be told.
    """
    if not in_tables(git_dir):
        try:
            line = (git_dir / "logs/HEAD").read_bytes().splitlines()[-1]
            return repo.git.commit(line.split(b" ")[1].decode("ascii"))
        except (OSError, IndexError, UnicodeDecodeError):
            return None
    told = _reflog(_opened(git_dir))
    if not told:  # of a HEAD whose branch is gone git shows none
        try:
            with _copied(repo, git_dir) as git:
                known = next(iter(repo.branches()), "HEAD")
                git.run("symbolic-ref", "HEAD", known, ok=range(256))
                told = _reflog(git)[1:]  # what came last is of this very change
        except OSError:
            return None  # written meanwhile
    return repo.git.commit(told[0]) if told else None


def _reflog(git: Git) -> list[str]:
    """The last two commits in the reflog of HEAD, the newest first."""
    form = ("log", "--no-show-signature", "-g", "--format=%H", "-n", "2", "HEAD", "--")
    return git.run(*form, ok=range(256)).out.split()


def bring(source: Path, git_dir: Path) -> None:
    """Let `git_dir` have the tables of `source` with all that is noted in them and their reflogs; HEAD stays as it is."""
    import shutil

    stands = head(git_dir)
    shutil.rmtree(git_dir / TABLES)
    shutil.copytree(source / TABLES, git_dir / TABLES)
    git = _opened(git_dir)
    if stands != head(git_dir):
        branch = stands.removeprefix("ref: ")
        git.run(*(("update-ref", "--no-deref", "HEAD") if branch == stands else ("symbolic-ref", "HEAD")), branch)
    git.run("update-ref", "-d", "AUTO_MERGE", ok=range(256))  # a tree, which nothing keeps


def content(file: Path) -> str:
    """What a file of a git directory says; empty when it cannot be read."""
    try:
        return os.fsdecode(file.read_bytes()).removesuffix("\n")
    except OSError:
        return ""


def _asked(git: Git) -> str:
    told = git.run("for-each-ref", "--include-root-refs", "--format=%(symref) %(objectname)", "HEAD", ok=range(256)).out
    branch, _, commit = told.removesuffix("\n").partition(" ")
    if not told:  # it names what is not there
        branch = git.run("symbolic-ref", "--quiet", "HEAD", ok=range(256)).out.removesuffix("\n")
        commit = "" if branch else git.run("rev-parse", "--verify", "--quiet", "HEAD", ok=range(256)).out.strip()
    return f"ref: {branch}" if branch else commit


def _opened(git_dir: Path) -> Git:
    return Git(git_dir, ("--git-dir=.", "--work-tree=."))  # in a submodule core.worktree counts from elsewhere


@contextmanager
def _copied(repo: Repo, git_dir: Path) -> Iterator[Git]:
    """Git on a copy of the refs of `git_dir`, for as long as the block runs; OSError when that is written meanwhile."""
    import shutil
    import tempfile  # 5 ms to import

    with tempfile.TemporaryDirectory(prefix="git-par-refs-") as directory:
        place = Path(directory) / "copy"
        place.mkdir()
        (place / "commondir").write_bytes(os.fsencode(f"{repo.common}\n"))
        for name in ("HEAD", "refs", TABLES):
            if (git_dir / name).is_dir():
                shutil.copytree(git_dir / name, place / name)
            else:
                shutil.copy2(git_dir / name, place / name)
        yield _opened(place)
