"""Which commits provably merge without a conflict, so that their merge need not be tried.

Two that share no commit beyond the bases, that both left them at one and the same commit, and whose changes since then
touch no path in common, merge cleanly: that commit is their only merge base, and every path comes from one side.  It takes
one walk and one `git diff-tree`, however many they are.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from git_par.git import Git


@dataclass(frozen=True)
class Grown:
    """What a commit has beyond the one it left: the paths it deleted, added and changed otherwise."""

    deleted: frozenset[str]
    added: frozenset[str]
    changed: frozenset[str]

    @property
    def paths(self) -> frozenset[str]:
        """All of them."""
        return self.deleted | self.added | self.changed

    @property
    def may_rename(self) -> bool:
        """Whether git could take something for a rename."""
        return bool(self.deleted and self.added)


@dataclass(frozen=True)
class History:
    """What one walk tells of some commits; sets of them are the bits of a number."""

    place: Mapping[str, int]
    shared: Mapping[str, int]
    """For each, those that have a commit beyond the bases in common with it."""
    holders: Mapping[str, int]
    """For each, those that have it in their history."""
    roots: Mapping[str, frozenset[str]]
    """For each, where it left the bases."""
    grown: Mapping[str, Grown]
    """For those that left them at one place only."""
    meeting: Mapping[str, int]
    """For each, those that left at the same place and touched a path in common, or a file where it has a directory."""

    def is_within(self, one: str, other: str) -> bool:
        """Whether the commit `other` has `one` in its history; what lies in the bases is not told."""
        return one != other and bool(self.holders.get(one, 0) >> self.place[other] & 1)

    def may_collide(self, one: str, other: str) -> bool:
        """False when these two, or one of them and a base, are sure to merge without a conflict."""
        if one == other or self.roots.get(one) == frozenset((other,)):
            return False
        if one not in self.roots or other not in self.roots:
            return True
        bit = self.place[other]
        if self.is_within(one, other) or self.is_within(other, one):
            return False
        if self.shared[one] >> bit & 1 or self.roots[one] != self.roots[other] or len(self.roots[one]) != 1:
            return True
        mine, theirs = self.grown[one], self.grown[other]
        # A renamed directory takes along what the other side puts into it.
        moving = (mine.may_rename and theirs.added) or (theirs.may_rename and mine.added)
        return bool(moving or self.meeting[one] >> bit & 1)


def read(git: Git, commits: Collection[str], bases: Collection[str]) -> History:
    """The history of `commits` beyond `bases`; without a base nothing is known of them."""
    tips = list(dict.fromkeys(commits))
    place = {tip: at for at, tip in enumerate(tips)}
    if not bases:
        return History(place, {}, {}, {}, {}, {})
    holders, boundary = _walk(git, place, dict.fromkeys(bases))
    shared = dict.fromkeys(tips, 0)
    for some in set(holders.values()):
        for at in _bits(some):
            shared[tips[at]] |= some
    roots = {tip: frozenset(one for one, some in boundary.items() if some >> at & 1) for tip, at in place.items()}
    for tip in tips:
        if tip not in holders:
            roots[tip] = frozenset({tip})  # it is in the bases, and all it has is there
    alone = {tip: next(iter(some)) for tip, some in roots.items() if len(some) == 1}
    grown = _diffs(git, alone)
    meeting = dict.fromkeys(tips, 0)
    for _, group in groupby(sorted(alone, key=lambda tip: alone[tip]), key=lambda tip: alone[tip]):
        meeting |= _meeting(place, {tip: grown[tip].paths for tip in group})
    known = {tip: holders.get(tip, 1 << at) for tip, at in place.items()}
    return History(place, shared, known, roots, grown, meeting)


def _walk(git: Git, place: Mapping[str, int], limits: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Which of the tips have each commit beyond the `limits`, and which of them left the limits at each of the others.

    Each commit comes before its parents; those of the limits that have a child beyond are marked with `-` (git-rev-list(1)).
    """
    feed = "".join([*(f"{tip}\n" for tip in place), *(f"^{limit}\n" for limit in limits)])
    reached = {tip: 1 << at for tip, at in place.items()}
    holders: dict[str, int] = {}
    boundary: dict[str, int] = {}
    for line in git.run("rev-list", "--topo-order", "--parents", "--boundary", "--stdin", feed=feed).out.splitlines():
        commit, *parents = line.split(" ")
        if commit.startswith("-"):
            boundary[commit[1:]] = reached.get(commit[1:], 0)
            continue
        holders[commit] = reached[commit]
        for parent in parents:
            reached[parent] = reached.get(parent, 0) | reached[commit]
    return holders, boundary


def _diffs(git: Git, roots: Mapping[str, str]) -> dict[str, Grown]:
    """What each commit changed since its root, for all of them at once.

    A line `COMMIT ROOT` on standard input compares the two as if that were its parent (git-diff-tree(1), --stdin).
    """
    if not roots:
        return {}
    feed = "".join(f"{tip} {root}\n" for tip, root in roots.items())
    text = git.run("diff-tree", "--stdin", "--always", "-r", "-z", "--no-renames", "--name-status", feed=feed).out
    found: dict[str, dict[str, list[str]]] = {}
    current: dict[str, list[str]] = {}
    fields = iter(text.split("\0")[:-1])
    for field in fields:
        if len(field) > 1:
            current = found[field] = {}
        else:
            current.setdefault(field if field in "DA" else "M", []).append(next(fields))
    return {tip: Grown(*(frozenset(some.get(kind, ())) for kind in "DAM")) for tip, some in found.items()}


def _meeting(place: Mapping[str, int], paths: Mapping[str, frozenset[str]]) -> dict[str, int]:
    """Who touched a path that another one touched too, or that lies in what is a file for the other."""
    files: dict[str, int] = {}
    directories: dict[str, int] = {}
    for tip, touched in paths.items():
        bit = 1 << place[tip]
        for path in touched:
            files[path] = files.get(path, 0) | bit
        for directory in {one for path in touched for one in _around(path)}:
            directories[directory] = directories.get(directory, 0) | bit
    found = {}
    for tip, touched in paths.items():
        met = 0
        for path in touched:
            met |= files[path] | directories.get(path, 0)
        for directory in {one for path in touched for one in _around(path)}:
            met |= files.get(directory, 0)
        found[tip] = met
    return found


def _around(path: str) -> Iterator[str]:
    """The directories that a path lies in."""
    at = path.find("/")
    while at >= 0:
        yield path[:at]
        at = path.find("/", at + 1)


def _bits(some: int) -> Iterator[int]:
    while some:
        low = some & -some
        yield low.bit_length() - 1
        some ^= low
