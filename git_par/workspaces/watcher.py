"""Git's own watcher of a checkout (git-fsmonitor--daemon(1)), which does not see that the checkout goes."""

from pathlib import Path

from git_par.git import Git

SOCKET = "fsmonitor--daemon.ipc"
"""Where it is spoken to, in the git directory; what is left of a dead one is no socket of anybody's."""

OWN = (SOCKET, "fsmonitor--daemon")
"""What it has in the git directory, which nobody needs when it is gone."""


def stop(git: Git, git_dir: Path) -> None:
    """End the one that watches the checkout of `git`, if any: the next `git status` there starts another."""
    if (git_dir / SOCKET).is_socket():
        git.run("fsmonitor--daemon", "stop", ok=range(256))
