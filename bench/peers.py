"""Other tools for worktrees, as far as they are on PATH: how each makes, removes and lists one, and which one it is.

Some share a name (`wt`, `git wt`, `par`); they are told apart by what their help says.  A tool that cannot do a step in
one command without a question is not asked for it.
"""

import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from bench.processes import environment

PLACE = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "git-par" / "peers"
"""Where `script/bench-peers` installs."""

BINS = ("bin", "cargo/bin", "go/bin", "npm/node_modules/.bin", "python/bin")


@dataclass(frozen=True)
class Peer:
    """A tool and its three commands; NAME and START stand for the branch and what it starts from.

    `says` are words of its help.  Of two tools with one command the first one whose words are there has it.
    `start` is added to `create` where a start is named, else `head`.
    """

    name: str
    command: tuple[str, ...]
    says: str
    create: tuple[str, ...]
    remove: tuple[str, ...]
    list: tuple[str, ...]
    start: tuple[str, ...] = ()
    head: tuple[str, ...] = ()
    needs: str = ""

    def creating(self, name: str, start: str = "") -> tuple[str, ...]:
        """The command that makes a branch with a worktree, from HEAD or from `start`."""
        words = (*self.command, *self.create, *(self.start if start else self.head))
        return tuple({"NAME": name, "START": start}.get(word, word) for word in words)

    def removing(self, name: str) -> tuple[str, ...]:
        """The command that removes both."""
        return tuple(name if word == "NAME" else word for word in (*self.command, *self.remove))

    def listing(self) -> tuple[str, ...]:
        """The command that lists all worktrees."""
        return (*self.command, *self.list)


KNOWN = (
    Peer(
        "worktrunk",
        ("wt",),
        "parallel AI agent",
        ("switch", "--no-cd", "--yes", "--create", "NAME"),
        ("remove", "--foreground", "--yes", "--force-delete", "NAME"),
        ("list",),
        ("--base", "START"),
    ),
    Peer(
        "agent-worktree",
        ("wt",),
        "workflow tool for AI agents",
        ("new", "NAME"),
        ("rm", "--force", "NAME"),
        ("ls",),
        ("--base", "START"),
    ),
    Peer(
        "git-worktree-runner",
        ("git-gtr",),
        "gtr",
        ("new", "NAME", "--no-fetch", "--yes"),
        ("rm", "NAME", "--delete-branch", "--yes"),
        ("list",),
        ("--from", "START"),
        ("--from-current",),
    ),
    Peer(
        "phantom",
        ("phantom",),
        "worktree",
        ("create", "NAME"),
        ("delete", "NAME"),
        ("list",),
        ("--base", "START"),
    ),
    Peer(
        "par",
        ("par",),
        "tmux sessions",
        ("start", "NAME"),
        ("rm", "NAME"),
        ("ls",),
        ("--base", "START"),
        needs="tmux",
    ),
    Peer(
        "workmux",
        ("workmux",),
        "worktree",
        ("add", "--headless", "NAME"),
        ("remove", "--force", "NAME"),
        ("list",),
        ("--base", "START"),
    ),
    Peer(
        "workz",
        ("workz",),
        "worktree",
        ("start", "NAME"),
        ("done", "--delete-branch", "NAME"),
        ("status",),
        ("--base", "START"),
    ),
    Peer(
        "worktrunk as git wt",
        ("git-wt",),
        "parallel AI agent",
        ("switch", "--no-cd", "--yes", "--create", "NAME"),
        ("remove", "--foreground", "--yes", "--force-delete", "NAME"),
        ("list",),
        ("--base", "START"),
    ),
    Peer("gwq", ("gwq",), "worktree", ("add", "-b", "NAME"), ("remove", "-b", "NAME"), ("status",)),
    Peer(
        "wtp",
        ("wtp",),
        "worktree",
        ("add", "-b", "NAME"),
        ("remove", "--with-branch", "NAME"),
        ("list",),
        ("START",),
    ),
    Peer("git-wt", ("git-wt",), "worktree", ("--nocd", "NAME"), ("-D", "NAME"), (), ("START",)),
)


@dataclass(frozen=True)
class Found:
    """A tool that is here."""

    peer: Peer
    version: str
    env: Mapping[str, str]

    @property
    def name(self) -> str:
        """Its own name, not that of its command."""
        return self.peer.name


def search_path() -> str:
    """PATH, and where `script/bench-peers` installs."""
    here = [str(PLACE / part) for part in BINS if (PLACE / part).is_dir()]
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *here])


def find(home: Path) -> tuple[Found, ...]:
    """The tools that are here, each with `home` as home directory: what they remember goes with it."""
    home.mkdir(exist_ok=True)
    env = {
        **environment(),
        "PATH": search_path(),
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "TMUX_TMPDIR": str(home),
        "NO_COLOR": "1",
    }
    found: list[Found] = []
    for peer in KNOWN:
        for program in _programs(peer.command[0]):
            if peer.needs and not shutil.which(peer.needs):
                continue
            if program in (one.peer.command[0] for one in found):
                continue
            if peer.says.lower() in _said(program, "--help", home).lower():
                version = next(iter(_said(program, "--version", home).splitlines()), "").split()
                found.append(Found(replace(peer, command=(program,)), version[-1] if version else "unknown", env))
                break
    return tuple(found)


def end(found: Sequence[Found]) -> None:
    """End the terminal servers that some of them leave behind; each is named by its own socket."""
    if found and shutil.which("tmux"):
        subprocess.run(["tmux", "kill-server"], env=dict(found[0].env), capture_output=True, check=False)


def _programs(name: str) -> list[str]:
    """All programs of that name: two tools may share it."""
    places = dict.fromkeys(search_path().split(os.pathsep))
    return [found for place in places if place and (found := shutil.which(name, path=place))]


@cache
def _said(program: str, option: str, home: Path) -> str:
    try:
        done = subprocess.run(
            [program, option],
            env={**environment(), "PATH": search_path(), "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
            errors="replace",
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout or done.stderr
