"""Make a workspace: a linked worktree, registered under the repository lock and filled outside of it."""

import os
from collections.abc import Callable, Container, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from git_par import files, names
from git_par.errors import GitFailed, UsageError
from git_par.git import Git
from git_par.repo import Repo
from git_par.workspaces import git_hooks, registering, registry

PRIVATE = ".par"
"""Git-par's own corner of the workspaces directory; no task can be called so."""


_BIG_INDEX = 500_000
"""The size of an index, in bytes, from which on several workers are faster, and it is worth a refresh: some 5,000 files."""

_MOST_WORKERS = 8


def reserve(repo: Repo, name: str) -> Path:
    """Make the empty directory for the task `name`; nobody else can get the same one."""
    repo.workspaces.mkdir(parents=True, exist_ok=True)
    repo.remember_main()
    return next(path for directory in names.directories(name) if _is_made(path := repo.workspaces / directory))


def _is_made(directory: Path) -> bool:
    """Make it, unless something is there."""
    with suppress(FileExistsError):
        directory.mkdir()
        return True
    return False


def expected(repo: Repo, name: str, taken: Container[Path]) -> Path:
    """The directory that `reserve` would make for the task `name` now, were those `taken` there already."""
    places = (repo.workspaces / directory for directory in names.directories(name))
    return next(path for path in places if path not in taken and not os.path.lexists(path))


def make_sparse(repo: Repo, path: Path, directories: Sequence[str]) -> None:
    """Restrict the empty worktree `path` to `directories` (git-sparse-checkout(1), cone mode).

    Under the repository lock: git switches `extensions.worktreeConfig` on in the shared configuration.
    """
    opened(repo, path).run("sparse-checkout", "set", "--cone", "--skip-checks", "--end-of-options", *directories)


def check_sparse(repo: Repo, commit: str, directories: Sequence[str]) -> list[str]:
    """Those of `directories` that `commit` has not, which may come with the work; UsageError for what can never be one."""
    absent = []
    for one in directories:
        if one.startswith("/") or not one.strip("/.") or ".." in one.split("/"):
            raise UsageError(
                f"--sparse '{one}': not a directory inside of the repository", hint="see 'git ls-tree -d HEAD'"
            )
        reply = repo.git.run("cat-file", "-t", f"{commit}:{one.rstrip('/')}", ok=range(256))
        if reply.code:
            absent.append(one)
        elif reply.out.strip() != "tree":
            raise UsageError(f"--sparse '{one}': it is a file", hint="name the directory that it lies in")
    return absent


def fill(
    repo: Repo,
    path: Path,
    env: Mapping[str, str] | None = None,
    at_once: int = 1,
    watch: Callable[[int, int], None] | None = None,
) -> None:
    """Check out the branch or commit of the empty worktree `path`, one of `at_once` that are filled at the same time.

    `env` is for the filters that run; `watch` is told how many of how many files are there, after the first second.

    A file that is as young as the index, to the second, git reads again at every status.  So an index that took its time
    is written anew once; one that did not would be as young as before, and the user's own first status does it anyway.
    """
    git = opened(repo, path)
    quiet = () if watch else ("--quiet",)
    git.run(*_by_several(repo, at_once), "reset", "--hard", *quiet, "--no-recurse-submodules", env=env, watch=watch)
    directory = registry.git_dir(repo, path)
    if directory and (directory / "index").stat().st_size >= _BIG_INDEX:
        git.run("update-index", "-q", "--refresh", ok=(0, 1), env=env)


def _by_several(repo: Repo, at_once: int) -> Sequence[str]:
    """Git's options for a checkout by as many of its workers as there are processors to spare, where that pays.

    A worker costs some milliseconds to start; what the user has set for it counts (git-config(1), checkout.workers).
    """
    spare = min(_MOST_WORKERS, (os.cpu_count() or 1) // at_once)
    if spare < 2 or repo.setting("checkout.workers") is not None:
        return ()
    try:
        size = (repo.common / "index").stat().st_size
    except OSError:
        return ()
    return ("-c", f"checkout.workers={spare}") if size >= _BIG_INDEX else ()


def run_checkout_hook(repo: Repo, path: Path, commit: str) -> str:
    """Run post-checkout as `git worktree add` does (githooks(5)); what went wrong, or nothing."""
    problem = git_hooks.run(repo, path, Git(path), "post-checkout", "0" * len(commit), commit, "1")
    return f"its {problem}" if problem else ""


def take_back(repo: Repo, path: Path) -> None:
    """Undo what this very call made of a workspace: nobody has been told of it yet."""
    registering.unregister(repo, path)
    files.delete_tree(path)


def opened(repo: Repo, path: Path) -> Git:
    """Git on the worktree `path`, which must be there."""
    git = registry.checkout(repo, path)
    if git is None:
        raise GitFailed(f"'{path}': it is not a worktree any more", hint="run the command again")
    return git
