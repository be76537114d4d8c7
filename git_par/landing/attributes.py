"""Attributes that change how files merge (gitattributes(5)), as the planned commit has them, never as a checkout does.

Only paths that both sides changed are merged at all, so only their attributes count.  `merge` picks the driver; the others
have a say when merge.renormalize is set.
"""

import os
import tempfile
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from git_par.repo import Repo, is_true

_BUILT_IN = ("set", "unset", "unspecified", "text", "binary", "union")
_CONVERSIONS = ("text", "eol", "crlf", "filter", "ident", "working-tree-encoding")
_TOP = ".gitattributes"
_FILES = ":(top,glob)**/.gitattributes"


def renormalizes(repo: Repo) -> bool:
    """Whether line ends and filters are set right before files are merged (git-merge(1), renormalize)."""
    return is_true(repo.setting("merge.renormalize"))


@dataclass(frozen=True)
class AtStake:
    """Of the paths that both sides changed: those with a merge driver of the user's, and those with another attribute."""

    driven: tuple[str, ...] = ()
    marked: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attributes:
    """The attributes of one batch: of the commit `before` that it starts from, and of the `tips` that come in."""

    repo: Repo
    before: str
    tips: tuple[str, ...]

    @cached_property
    def anywhere(self) -> bool:
        """Whether any attribute is given at all, in a commit or outside of them; mostly none is."""
        return self._outside or bool(self._within(self.before)) or self._come_in

    @property
    def given(self) -> bool:
        """Whether the commit that the batch starts from gives any."""
        return bool(self._within(self.before))

    def are_named(self, ours: str, theirs: str) -> bool:
        """Whether a merge in the object database can and must be told that the attributes of `ours` count (git 2.43).

        With merge.renormalize, where `ours` has no file at the top, git takes the one that comes in, as it does in a
        checkout; told whose count, it would not (merge-ort.c, initialize_attr_index).
        """
        own = self._within(ours)
        if not own or self.repo.version < (2, 43):
            return False
        return _TOP in own or not renormalizes(self.repo) or _TOP not in self._within(theirs)

    def at_stake(self, bases: Sequence[str], ours: str, theirs: str, *, stepwise: bool = False) -> AtStake:
        """What the attributes of `ours` say of the paths that both sides changed since `bases`.

        With `stepwise` the commits of `theirs` come one by one, and those attributes count too that they bring.
        """
        if not self.anywhere:
            return AtStake()
        steps = self._changed_by_steps(bases, ours, theirs) if stepwise else frozenset()
        paths = self._meeting(bases, ours, theirs, steps)
        if not paths:
            return AtStake()
        sources = (ours, theirs) if any(path.rpartition("/")[2] == _TOP for path in steps) else (ours,)
        wanted = ("merge", *(_CONVERSIONS if renormalizes(self.repo) else ()))
        driven: dict[str, None] = {}
        marked: dict[str, None] = {}
        for path, name, value in (said for one in sources for said in self._asked(one, paths, wanted)):
            if name != "merge":
                if value != "unspecified":
                    marked[path] = None
            elif self._is_driver(value):
                driven[path] = None
            elif value not in ("unspecified", "set", "text"):
                marked[path] = None
        return AtStake(tuple(driven), tuple(marked))

    def _is_driver(self, value: str) -> bool:
        name = self.repo.setting("merge.default") if value == "unspecified" else value
        if name is None or (name in _BUILT_IN and name != "unspecified"):
            return False
        # The name is a subsection, which keeps its case (git-config(1)).
        return f"merge.{name}.driver" in self.repo.config

    def _changed_by_steps(self, bases: Sequence[str], ours: str, theirs: str) -> frozenset[str]:
        """What single commits changed, though in the end it may be as it was."""
        feed = f"{theirs}\n^{ours}\n" + "".join(f"^{base}\n" for base in bases)
        how = ("--first-parent", "--diff-merges=first-parent", "--name-only", "--no-renames", "--format=", "-z")
        return frozenset(self.repo.git.fields("log", "--no-show-signature", *how, "--stdin", feed=feed))

    def _meeting(self, bases: Sequence[str], ours: str, theirs: str, steps: Collection[str]) -> list[str]:
        """The paths where the sides may meet; where one renames, whatever it renames may.

        Several merge bases are merged with each other first, and may meet wherever they differ.
        """
        root, *others = bases
        changed: list[set[str]] = []
        moved: set[str] = set()
        for side in (ours, theirs, *others):
            fields = self.repo.git.fields("diff-tree", "-r", "-z", "--name-status", "--no-renames", root, side)
            kinds = dict(zip(fields[1::2], fields[::2], strict=True))
            changed.append(set(kinds))
            if {"A", "D"} <= set(kinds.values()):
                moved |= {path for path, kind in kinds.items() if kind in "AD"}
        mine, yours, *differing = changed
        return sorted((mine & yours.union(steps)).union(moved, *differing))

    def _asked(self, commit: str, paths: Iterable[str], names: Iterable[str]) -> list[tuple[str, str, str]]:
        """Path, attribute and value, by an index that holds nothing but the attribute files of `commit`."""
        with tempfile.TemporaryDirectory(prefix="git-par-") as directory:
            env = {"GIT_INDEX_FILE": str(Path(directory) / "index")}
            listed = "".join(f"{entry}\t{path}\0" for path, entry in self._within(commit).items())
            self.repo.git.run("update-index", "-z", "--index-info", feed=listed, env=env)
            feed = "".join(f"{path}\0" for path in paths)
            fields = self.repo.git.run("check-attr", "--cached", "-z", "--stdin", *names, feed=feed, env=env).out
            values = fields.split("\0")[:-1]
            return list(zip(values[::3], values[1::3], values[2::3], strict=True))

    @cached_property
    def _first(self) -> dict[str, str]:
        return self._listed(self.before)

    def _within(self, commit: str) -> dict[str, str]:
        """The attribute files of a commit, with mode and blob as git-update-index(1) reads them."""
        return self._first if commit == self.before or not self._come_in else self._listed(commit)

    def _listed(self, commit: str) -> dict[str, str]:
        how = ("-r", "-z", "--no-renames", "--no-abbrev")
        fields = self.repo.git.fields("diff-tree", *how, self._empty, commit, "--", _FILES)
        entries = (field.split(" ") for field in fields[::2])
        return {path: f"{mode} {blob}" for path, (_, mode, _, blob, _) in zip(fields[1::2], entries, strict=True)}

    @cached_property
    def _empty(self) -> str:
        """The tree without files."""
        return self.repo.git.line("hash-object", "-t", "tree", "--stdin")

    @cached_property
    def _come_in(self) -> bool:
        """Whether some tip has other attribute files than the start."""
        feed = "".join(f"{self.before} {tip}\n" for tip in self.tips)
        text = self.repo.git.run(
            "diff-tree", "--stdin", "-r", "-z", "--name-only", "--no-renames", "--", _FILES, feed=feed
        ).out
        return any(_TOP in field.rpartition("/")[2] for field in text.split("\0"))

    @cached_property
    def _outside(self) -> bool:
        """Whether attributes are given outside of the commits (gitattributes(5))."""
        home = os.environ.get("XDG_CONFIG_HOME") or str(Path("~/.config").expanduser())
        chosen = self.repo.setting("core.attributesfile")
        user = Path(chosen).expanduser() if chosen else Path(home) / "git" / "attributes"
        places = (self.repo.common / "info" / "attributes", user, Path("/etc/gitattributes"))
        return any(place.exists() for place in places)
