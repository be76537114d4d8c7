"""What was brought into a workspace stays out of `git add --all` there, for as long as a command of the task's runs.

Linked worktrees share one `info/exclude` (gitrepository-layout(5)), where a line would hide the original in the main
checkout.  So the environment of the command names another ignore file in the place of the user's own (git-config(1),
core.excludesFile), which has what that says too.
"""

import os
from pathlib import Path

from git_par import files
from git_par.repo import Repo
from git_par.workspaces import bringing, links, registry, secrets

_FILE = "par-exclude"
"""What it is called in the git directory of the workspace."""


def file(repo: Repo, path: Path) -> Path | None:
    """The ignore file for commands in the workspace `path`, as of now; None where git ignores all that was brought there."""
    git, directory = registry.checkout(repo, path), registry.git_dir(repo, path)
    came = sorted(secrets.arrivals(directory).paths)
    if not (git and directory and came):
        return None
    shown = set(came) - bringing.ignored_there(git, came)
    lines = [links.pattern(one) for one in sorted(shown) if "\n" not in one and "\r" not in one]
    if not lines:
        return None
    place = directory / _FILE
    own = _of_user(repo)
    gap = b"\n" if own and not own.endswith(b"\n") else b""
    files.replace(place, own + gap + os.fsencode("".join(f"{line}\n" for line in lines)))
    return place


def _of_user(repo: Repo) -> bytes:
    """What the user's own ignore file says, which git looks for at a place of its own where none is set."""
    reply = repo.git.run("config", "--type=path", "--get", "core.excludesFile", ok=(0, 1))
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.environ.get("HOME", "/"), ".config")
    own = Path(reply.out.removesuffix("\n")) if reply.code == 0 else Path(home) / "git" / "ignore"
    try:
        return own.read_bytes()  # below such a command it is ours, with what the user's says
    except OSError:
        return b""
