"""Find the repository of a directory, once, with the environment as inherited; where there is none, say the way out."""

import os
from contextlib import suppress
from pathlib import Path
from shlex import quote

from git_par import git, parent
from git_par.errors import Refused
from git_par.repo import Repo, git_version

MINIMUM_GIT = "2.39"

# Known since 2.39; an older git echoes an option it does not know, so the version costs no process of its own.
_SINCE_2_39 = "--exclude-hidden=receive"


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
        if why.startswith(("unknown repository extension", "Expected git repo version")):
            version = ".".join(map(str, git_version()))
            raise Refused(
                f"'{cwd}': {why}: too new for git {version}", hint="run it with a newer git; see 'git version'"
            )
        said = (line.strip() for line in reply.err.splitlines())
        # For a repository of another user git itself names the way out.
        way_out = next((line for line in said if line.startswith("git config ")), "")
        if _is_in_trash(cwd):
            main = _damaged(cwd)
            hint = f"cd {quote(str(main))}" if main else "run 'cd' into a directory that exists"
            raise Refused("the current directory: its workspace was removed", hint=hint)
        if not way_out and (repository := _damaged(cwd)):
            raise Refused(f"'{cwd}': {why}", hint=f"git -C {quote(str(repository))} par doctor")
        if not way_out and (repository := _gone(cwd)):
            raise Refused(
                f"'{cwd}': this worktree belongs to '{repository}', which is not there",
                hint="git par doctor --fix, in that repository where it is now",
            )
        raise Refused(f"'{cwd}': {why}", hint=way_out or "cd into a repository, or name one with 'git -C DIR par …'")
    lines = reply.out.removesuffix("\n").split("\n")
    if lines[0] == _SINCE_2_39:
        version = ".".join(map(str, git_version()))
        raise Refused(f"git {version}: too old, git-par needs {MINIMUM_GIT} or newer", hint="see 'git version'")
    if len(lines) != 2:
        raise Refused(f"'{cwd}': a newline in the path of the repository", hint="move the repository")
    common, git_dir = (Path(os.path.realpath(line)) for line in lines)
    return Repo(common=parent.of(common) or common, git_dir=git_dir, cwd=cwd)


def _damaged(cwd: Path) -> Path | None:
    """The repository of the linked worktree that `cwd` lies in, when git does not find it from there."""
    common = _told(cwd)
    if common is None or not (common / "HEAD").is_file():
        return None
    return common.parent if common.name == ".git" else common


def _gone(cwd: Path) -> Path | None:
    """The same, when there is nothing any more: it was moved, or the worktree was together with it."""
    common = _told(cwd)
    if common is None or os.path.lexists(common):
        return None
    return common.parent if common.name == ".git" else common


def _told(cwd: Path) -> Path | None:
    """The common directory that the linked worktree around `cwd` names."""
    for place in (cwd, *cwd.parents):
        with suppress(OSError):
            target = Path(os.fsdecode((place / ".git").read_bytes()).removeprefix("gitdir: ").removesuffix("\n"))
            found = Path(os.path.realpath(place / target))
            return found.parent.parent if target.parent.name == "worktrees" else None
    return None


def _is_in_trash(cwd: Path) -> bool:
    """Whether the workspace that `cwd` lies in was renamed away, to be deleted."""
    return any(place.name == "trash" and place.parent.name == ".par" for place in cwd.parents)
