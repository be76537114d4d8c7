"""What one task is to find in its workspace beside what is tracked: files of the main checkout, ignored or not.

A task file names them (`copy`).  Where git does not ignore such a copy it is no work of the task all the same: it stays out
of the commits that git-par makes (see `secrets`) and of those of its worker (see `excludes`), holds no removal back and is
kept by it.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from git_par.repo import Repo
from git_par.workspaces import bringing, incoming, owned, patterns, registry, secrets
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.patterns import Patterns


@dataclass(frozen=True)
class Sources:
    """Where such files come from: what a branch has, and what lies untracked in the main checkout."""

    tracked: tuple[str, ...]
    top: Path | None
    """The main checkout; None where there is none."""
    untracked: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()
    """Directories that are ignored as a whole end with `/`."""
    closed: tuple[Path, ...] = ()
    """Directories that are not looked into."""

    def lacking(self, wanted: Sequence[str], coming: Iterable[str] = ()) -> list[str]:
        """Why a task would not find all that is `wanted`, a sentence for each pattern.

        `coming` are paths that are tracked by the time the task is made.
        """
        return [why for pattern in wanted if not pattern.startswith("!") and (why := self._lacks(pattern, coming))]

    def select(self, wanted: Sequence[str]) -> Incoming | None:
        """What is to be brought so that a task finds what is `wanted`; None when git has it all, or there is nothing."""
        if self.top is None or not wanted:
            return None
        unreadable: list[str] = []
        found = tuple(dict.fromkeys(self._loose(wanted, unreadable)))
        return Incoming(self.top, found, (), tuple(unreadable)) if found or unreadable else None

    def _lacks(self, pattern: str, coming: Iterable[str]) -> str:
        plain = pattern.strip("/")
        if owned.is_exact(pattern) and plain in self._known:
            return ""
        if owned.Owned((pattern,)).has_any((*self.tracked, *coming)):
            return ""
        found = self.select((pattern,))
        if self.top is None:
            return f"'{pattern}': nothing tracked is called so, and there is no main checkout to copy from"
        if found is None:
            return f"'{pattern}': nothing is called so, neither tracked nor in '{self.top}'"
        closed = [*found.unreadable, *(one for one in found.copied if not os.access(self.top / one, os.R_OK))]
        # A link is copied as it is, wherever it leads.
        closed = [one for one in closed if not (self.top / one.rstrip("/")).is_symlink()]
        return f"'{pattern}': '{self.top / closed[0]}' cannot be read" if closed else ""

    @cached_property
    def _known(self) -> frozenset[str]:
        """All that is tracked, and the directories around it."""
        above = {path[:at] for path in self.tracked for at, sign in enumerate(path) if sign == "/"}
        return frozenset({*self.tracked, *above})

    def _loose(self, wanted: Sequence[str], unreadable: list[str]) -> Iterator[str]:
        chosen = patterns.parse(map(owned.anchored, wanted))
        yield from (one for one in self.untracked if chosen.claim(one))
        yield from self._ignored(chosen, unreadable, whole=not any(one.startswith("!") for one in wanted))

    def _ignored(self, chosen: Patterns, unreadable: list[str], *, whole: bool) -> Iterator[str]:
        """The ignored files that are `chosen`; directories as a `whole` only where nothing in them can be excepted."""
        assert self.top is not None
        waiting = list(self.ignored)[::-1]
        while waiting:
            path = waiting.pop()
            plain = path.rstrip("/")
            if not path.endswith("/"):
                if chosen.claim(plain):
                    yield path
                continue
            named = chosen.select(plain, directory=True)
            if named and whole:
                yield path
            elif (named or chosen.lead_into(plain)) and self.top / plain not in self.closed:
                inside = incoming.entries(self.top, path)
                if inside is None:
                    unreadable.append(path)
                waiting += (inside or [])[::-1]


def sources(repo: Repo, tracked: Sequence[str] = ()) -> Sources:
    """What a task can find beside the files `tracked`, as it lies there now."""
    top = repo.main
    if top is None or not top.is_dir():
        return Sources(tuple(tracked), None)
    there = repo.checkout(top, repo.common)
    loose = there.fields("ls-files", "--others", "--exclude-standard", "-z")
    return Sources(
        tuple(tracked),
        top,
        tuple(one for one in loose if not one.endswith("/")),  # a directory here is a repository of its own
        tuple(incoming.ignored(repo, top)),
        (repo.workspaces, repo.common),
    )


def changed(repo: Repo, path: Path) -> list[str]:
    """What was brought into the workspace `path` and is not as in the main checkout, as far as git does not ignore it."""
    git, directory = registry.checkout(repo, path), registry.git_dir(repo, path)
    came = secrets.arrivals(directory)
    if not (git and came and repo.main):
        return []
    shown = sorted(came.paths - bringing.ignored_there(git, sorted(came.paths)))
    there = [one for one in shown if os.path.lexists(repo.main / one) and (path / one).is_file()]
    return [one for one in there if not bringing.alike(repo.main / one, path / one)]
