"""Settings: `par.*` of git's configuration, then `.gitpar` of the main checkout, then the defaults.

Of a `.gitpar`, which came with the repository, only keys that cannot do harm count.
"""

import os
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from git_par.errors import UsageError
from git_par.repo import Repo


@dataclass(frozen=True)
class Key:
    """One setting: its name as written, its default, and what it does."""

    name: str
    default: str
    does: str
    committed: bool = False
    """Whether a `.gitpar` may set it without trust."""


KEYS = (
    Key("branch", "{name}", "the branch of a new task; {name}, {group}, {user}, {date}", committed=True),
    Key(
        "directory",
        "",
        "the workspaces directory; relative to the main worktree; default ../<repo>-worktrees",
    ),
    Key(
        "dirty",
        "refuse",
        "uncommitted changes where add starts: refuse, or warn and start from the commit",
        committed=True,
    ),
    Key("gate", "", "a shell command that must pass on what merge is about to publish"),
    Key("gateRetries", "3", "how often merge plans and tests again when others overtake what it tested"),
    Key("gateTries", "5", "how many plans merge tests at most, each without the task that broke the one before"),
    Key(
        "jobs",
        "0",
        "how many git processes may look at workspaces, or fill them, at once; 0 is one for each processor, at most 8",
    ),
    Key("keepDays", "30", "how many days what removals kept stays, before prune --kept may sweep it"),
    Key("lockTimeout", "60", "seconds to wait for a lock, counted from the last change of its holder"),
    Key("message", "", "the message of merge and squash commits; {task}, {branch}, {title}, {group}, {base}"),
    Key(
        "order",
        "",
        "the order in which merge takes tasks: created, given or fewest-conflicts; default as named, else created",
        committed=True,
    ),
    Key("portBase", "20000", "GIT_PAR_PORT is portBase + slot * portStep", committed=True),
    Key("portStep", "10", "how many ports a task has for itself", committed=True),
    Key(
        "regenerable",
        "node_modules .venv venv target __pycache__ .mypy_cache .pytest_cache .ruff_cache .tox .gradle .next "
        "*.pyc *.o *.class .DS_Store",
        "patterns for names of ignored files that removal need not keep; all values count, with the default ones",
    ),
)
_BY_NAME = {key.name.lower(): key for key in KEYS}


@dataclass(frozen=True)
class Settings:
    """The settings of one repository; every read is checked."""

    repo: Repo
    committed: Mapping[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """The value of `par.NAME`."""
        key = _BY_NAME[name.lower()]
        values = self.values(name)
        return values[-1] if values else key.default

    def values(self, name: str) -> list[str]:
        """All values of `par.NAME` that were set, in order: those of `.gitpar`, as far as they count, come first."""
        key = _BY_NAME[name.lower()]
        committed = self._committed.get(name.lower(), []) if key.committed else []
        return [*committed, *self.repo.config.get(f"par.{name.lower()}", [])]

    def number(self, name: str) -> int:
        """The value of `par.NAME`, a number of 0 or more."""
        text = self.text(name)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise UsageError(f"par.{name}: '{text}' is not a number", hint=f"git config par.{name} NUMBER")
        return int(text)

    @property
    def jobs(self) -> int:
        """How many git processes may look at workspaces at once."""
        return self.number("jobs") or min(8, os.cpu_count() or 1)

    def choice(self, name: str, *choices: str) -> str:
        """The value of `par.NAME`, one of `choices`."""
        text = self.text(name)
        if text not in choices:
            raise UsageError(
                f"par.{name}: '{text}' is none of {', '.join(choices)}",
                hint=f"git config par.{name} {choices[0]}",
            )
        return text

    def patterns(self, name: str) -> tuple[str, ...]:
        """The patterns of `par.NAME`, split at white space: the default ones, then all set; an empty one drops what was."""
        patterns: list[str] = _BY_NAME[name.lower()].default.split()
        for value in self.values(name):
            patterns = [*patterns, *value.split()] if value.strip() else []
        return tuple(patterns)

    @cached_property
    def _committed(self) -> dict[str, list[str]]:
        """What `.gitpar` says: of the main checkout, else of the commit a bare repository's HEAD names."""
        if self.repo.main:
            source = ["--file", str(self.repo.main / ".gitpar")]
            if not (self.repo.main / ".gitpar").is_file():
                return {}
        else:
            source = ["--blob", "HEAD:.gitpar"]
        reply = self.repo.git.run("config", "--null", "--no-includes", *source, "--list", ok=(0, 1, 128, 255))
        if reply.code != 0:
            if not self.repo.main and not self.repo.git.holds("rev-parse", "--verify", "--quiet", "HEAD:.gitpar"):
                return {}
            raise UsageError(".gitpar: git cannot read it", hint=f"git config {shlex.join(source)} --list")
        pairs = (entry.partition("\n") for entry in reply.out.split("\0")[:-1])
        found: dict[str, list[str]] = {}
        for key, newline, value in pairs:
            if key.startswith("par."):
                found.setdefault(key.removeprefix("par."), []).append(value if newline else "true")
        return found
