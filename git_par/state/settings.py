"""Settings: `par.*` of git's configuration, then `.gitpar` of the main checkout, then the defaults.

Of a `.gitpar`, which came with the repository, only keys that cannot do harm count, until the user trusts its text.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from git_par import names
from git_par.errors import Refused, UsageError
from git_par.repo import Repo
from git_par.state import gitpar, trust
from git_par.state.gitpar import Committed


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
        "copy",
        ".env*",
        "patterns (gitignore) for ignored files of the main checkout that a workspace gets a copy of; all values count",
        committed=True,
    ),
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
        "isolation",
        "worktree",
        "what a workspace is: worktree, clone (a repository of its own), or shared-clone (one without objects of its own)",
        committed=True,
    ),
    Key(
        "jobs",
        "0",
        "how many workspaces are looked at or filled, and how many workers of run are at work, at once; 0 is one for each "
        "processor, at most 8",
    ),
    Key("keepDays", "30", "how many days what removals kept stays, before prune --kept may sweep it"),
    Key(
        "lfs",
        "auto",
        "skip leaves the pointers of git-lfs in new workspaces, for git lfs pull to fetch later; auto is as git-lfs is set",
        committed=True,
    ),
    Key(
        "link",
        "",
        "patterns (gitignore) for ignored files and directories of the main checkout that a workspace gets a link to",
        committed=True,
    ),
    Key("lockTimeout", "60", "seconds to wait for a lock, counted from the last change of its holder"),
    Key("maxTasks", "0", "how many tasks there may be before add refuses to make more; 0 is any number"),
    Key("message", "", "the message of merge and squash commits; {task}, {branch}, {title}, {group}, {base}"),
    Key(
        "order",
        "",
        "the order in which merge takes tasks: created, given or fewest-conflicts; default as named, else created",
        committed=True,
    ),
    Key("pool", "0", "how many spares stand ready for add; see git-par-pool(1)", committed=True),
    Key(
        "poolMinFree",
        "2g",
        "no spare is filled when less than this is free on the disk of the workspaces; bytes, or with k, m, g",
    ),
    Key("portBase", "20000", "GIT_PAR_PORT is portBase + slot * portStep", committed=True),
    Key("portStep", "10", "how many ports a task has for itself", committed=True),
    Key(
        "prompt",
        "",
        "what show --prompt and GIT_PAR_PROMPT say to an agent; {task}, {title}, {group}, {path}, {branch}, {base}, {main}, "
        "{port}, {slot}, {owns}, {prompt}",
    ),
    Key(
        "regenerable",
        "node_modules .venv venv target __pycache__ .mypy_cache .pytest_cache .ruff_cache .tox .gradle .next "
        "*.pyc *.o *.class .DS_Store",
        "patterns for names of ignored files that removal need not keep; all values count, with the default ones",
    ),
    Key(
        "submodules",
        "auto",
        "auto fills the submodules of new workspaces from the objects that are here, off leaves them empty",
        committed=True,
    ),
)
_BY_NAME = {key.name.lower(): key for key in KEYS}

EVENTS = ("post-add", "pre-merge", "post-merge", "pre-remove", "post-remove")
"""When commands of the user's run: `par.hook.EVENT`."""

HOOK = "hook."

_INSIDE = frozenset(("copy", "link"))
"""Patterns for files of the repository."""

_PROTECTIONS = frozenset(("gate", *(f"{HOOK}{event}" for event in EVENTS if event.startswith("pre-"))))
"""What keeps something from being done: it must not fall away unnoticed."""


@dataclass(frozen=True)
class Settings:
    """The settings of one repository; every read is checked."""

    repo: Repo
    tell: Callable[[str], None] = lambda _: None
    """Told once when something of `.gitpar` would count if it were trusted."""

    def text(self, name: str) -> str:
        """The value of `par.NAME`."""
        key = _BY_NAME[name.lower()]
        values = self.values(name)
        return values[-1] if values else key.default

    def values(self, name: str) -> list[str]:
        """All values of `par.NAME` that were set, in order: those of `.gitpar`, as far as they count, come first."""
        return [*self.committed_values(name), *self.repo.config.get(f"par.{name.lower()}", [])]

    def hooks(self, event: str) -> list[str]:
        """The commands of `par.hook.EVENT`, in order; an empty one drops those before."""
        commands: list[str] = []
        for command in self.values(f"{HOOK}{event}"):
            commands = [*commands, command] if command.strip() else []
        return commands

    def committed_values(self, name: str) -> list[str]:
        """All values that `.gitpar` has for `par.NAME`, as far as they count.

        Refused when they are meant to keep something from being done, and counted until the text changed.
        """
        values = self.committed.values.get(name.lower(), [])
        harmless = [value for value in values if self.is_harmless(name, value)]
        if len(harmless) == len(values) or self._is_trusted:
            return values
        keys = ", ".join(dict.fromkeys(f"par.{key}" for key, _ in self.in_need_of_trust))
        if name.lower() in _PROTECTIONS and trust.trusted(self.repo) is not None:
            raise Refused(
                f"{gitpar.NAME}: it has changed since it was trusted, and sets {keys}",
                hint="git par trust, to see and accept it, or git par trust --forget, to do without",
            )
        self._tell_once(f"{gitpar.NAME}: not trusted, so this does not count: {keys}; see 'git par trust'")
        return harmless

    @staticmethod
    def is_harmless(name: str, value: str) -> bool:
        """Whether `.gitpar` may set `par.NAME` to `value` without trust."""
        key = _BY_NAME.get(name.lower())
        if key is None or not key.committed:
            return False
        return name.lower() not in _INSIDE or not any(map(names.leads_out, value.split()))

    @property
    def in_need_of_trust(self) -> list[tuple[str, str]]:
        """What `.gitpar` sets that counts only when it is trusted; also what this version does not know, a later one may."""
        return [(key, value) for key, value in self.committed.pairs if not self.is_harmless(key, value)]

    @cached_property
    def committed(self) -> Committed:
        """What `.gitpar` says, as it was when it was first asked for."""
        return gitpar.read(self.repo)

    @cached_property
    def _is_trusted(self) -> bool:
        return trust.trusted(self.repo) == self.committed.digest

    @cached_property
    def _told(self) -> set[str]:
        return set()

    def _tell_once(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self.tell(text)

    def number(self, name: str) -> int:
        """The value of `par.NAME`, a number of 0 or more."""
        text = self.text(name)
        if not text.isascii() or not text.isdigit() or len(text) > 9:
            raise UsageError(f"par.{name}: '{text}' is not a number", hint=f"git config par.{name} NUMBER")
        return int(text)

    def size(self, name: str) -> int:
        """The value of `par.NAME`, a number of bytes as git writes them: k, m or g mean 1024 of what is before."""
        text = self.text(name).lower()
        digits, unit = (text[:-1], text[-1]) if text[-1:] in ("k", "m", "g") else (text, "")
        if not digits.isascii() or not digits.isdigit() or len(digits) > 15:
            raise UsageError(
                f"par.{name}: '{self.text(name)}' is not a size", hint=f"git config par.{name} SIZE, such as 500m or 2g"
            )
        return int(digits) << {"": 0, "k": 10, "m": 20, "g": 30}[unit]

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
