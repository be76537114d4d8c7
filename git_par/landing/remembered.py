"""What was found out about how tips stand to their bases, kept from one listing to the next.

It is shown and never acted upon: what removes or merges a task asks git again.  A file that cannot be read is as good as
none, and of two processes that write it the later one wins.
"""

import json
import os
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from git_par import files
from git_par.landing.integrated import Verdict
from git_par.repo import Repo
from git_par.state.tasks import Landed

VERSION = 1
_MOST = 500
"""How many answers are kept beyond those just asked for."""

_LONGEST = 4_000_000
"""Bytes; a longer file is none of ours."""


@dataclass(frozen=True)
class Standing:
    """How one tip stands to its bases; None: it cannot be told."""

    verdict: Verdict
    ahead: int | None = None
    behind: int | None = None


@dataclass
class Memory:
    """The answers on disk, and those of this run."""

    file: Path
    circumstances: str
    """What else an answer depends on; others are forgotten."""
    _old: dict[str, Any] = field(default_factory=dict)
    _new: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def read(cls, repo: Repo, replaced: str) -> "Memory":
        """What is remembered of `repo`, as far as it holds in today's circumstances; `replaced`: see `Refs`."""
        memory = cls(repo.state / "standing.json", _circumstances(repo, replaced))
        with suppress(OSError, ValueError, RecursionError):
            with open(memory.file, "rb") as file:
                found = json.loads(file.read(_LONGEST))
            if isinstance(found, dict) and (found.get("version"), found.get("circumstances")) == memory._stamp:
                answers = found.get("answers")
                memory._old = answers if isinstance(answers, dict) else {}
        return memory

    @property
    def _stamp(self) -> tuple[int, str]:
        return VERSION, self.circumstances

    @staticmethod
    def key(tip: str, bases: Sequence[tuple[str, str]], landed: Landed | None) -> str:
        """The commits that an answer is about."""
        return json.dumps([tip, *bases, *(asdict(landed).values() if landed else ())], separators=(",", ":"))

    def get(self, key: str) -> Standing | None:
        """The answer for `key`; None when there is none that can be read."""
        return _decode(self._new.get(key, self._old.get(key)))

    def put(self, key: str, standing: Standing) -> None:
        """Remember an answer, or that it was of use."""
        verdict = standing.verdict
        self._new[key] = [
            standing.ahead,
            standing.behind,
            verdict.reason,
            verdict.into,
            verdict.reverted,
            verdict.conflict,
        ]

    def write(self) -> None:
        """Put it on disk when something is new; where that cannot be written, the next listing asks again."""
        if all(self._old.get(key) == answer for key, answer in self._new.items()):
            return
        older = {key: value for key, value in self._old.items() if key not in self._new}
        kept = dict(list(older.items())[-_MOST:]) | self._new
        data = {"version": VERSION, "circumstances": self.circumstances, "answers": kept}
        with suppress(OSError):
            files.replace(self.file, json.dumps(data).encode())


def _decode(answer: object) -> Standing | None:
    if not isinstance(answer, list) or len(answer) != 6:
        return None
    *counts, reason, into, reverted, conflict = answer
    if not all(type(count) is int for count in counts):
        return None
    if type(reverted) is not bool or type(conflict) is not bool:
        return None
    if not all(text is None or isinstance(text, str) for text in (reason, into)):
        return None
    return Standing(Verdict(reason, into, reverted, conflict), *counts)


def _circumstances(repo: Repo, replaced: str) -> str:
    """What decides besides the commits: how git is to merge and compare, which attributes count, how far history goes.

    As a checksum, because some of git's settings are secrets.
    """
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    attributes = os.path.expanduser(repo.setting("core.attributesfile") or f"{home}/git/attributes")  # noqa: PTH111
    common = repo.common
    seen = [
        _stat(file) for file in (attributes, common / "info/attributes", common / "info/grafts", common / "shallow")
    ]
    text = json.dumps([sorted(repo.config.items()), seen, replaced])
    return f"{len(text):x}-{zlib.crc32(text.encode()):08x}"


def _stat(file: str | Path) -> list[int]:
    try:
        found = os.stat(file)
    except OSError:
        return []
    return [found.st_mtime_ns, found.st_size, found.st_ino]
