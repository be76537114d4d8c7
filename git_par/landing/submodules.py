"""Submodules in a private workspace: their commits are needed to merge them, their files are not."""

import os
from pathlib import Path

from git_par.repo import Repo


def lend(repo: Repo, checkout: Path, commit: str) -> None:
    """Show the submodules of `commit` in its `checkout` where their repositories are, so that git can merge them.

    A linked worktree has none of them (git-worktree(1), BUGS); the main checkout's are under `modules/<name>`
    (gitmodules(5)).  Nothing is checked out, fetched or configured.
    """
    if not (checkout / ".gitmodules").is_file():
        return
    source = ("config", "--null", "--no-includes", "--blob", f"{commit}:.gitmodules")
    listed = repo.git.run(*source, "--get-regexp", r"^submodule\..*\.path$", ok=range(256)).out
    for entry in listed.split("\0")[:-1]:
        key, _, path = entry.partition("\n")
        name = key.removeprefix("submodule.").removesuffix(".path")
        place = checkout / path
        if ".." in Path(name).parts or os.path.realpath(place) != os.path.join(os.path.realpath(checkout), path):
            continue  # git takes no such submodule either
        home = repo.common / "modules" / name
        if home.is_dir() and place.is_dir() and not os.path.lexists(place / ".git"):
            (place / ".git").write_bytes(b"gitdir: " + os.fsencode(home) + b"\n")
