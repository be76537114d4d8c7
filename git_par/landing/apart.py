"""Which commits provably merge without a conflict, so that their merge need not be tried.

A commit that left the bases at one place only has that for its root.  Two that share no commit beyond the bases have one
merge base when one root lies in the history of the other: the older root.  Then they merge cleanly when what the older one
changed since meets neither what the other changed nor what changed on the way from root to root.  This takes a few walks and
one `git diff-tree`, however many commits there are.  Sets of commits are the bits of a number.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from git_par.git import Git
from git_par.landing.order import bits


@dataclass(frozen=True)
class Grown:
    """What changed from one commit to another: the paths that were deleted, added and changed otherwise."""

    deleted: frozenset[str]
    added: frozenset[str]
    changed: frozenset[str]

    @property
    def paths(self) -> frozenset[str]:
        """All of them."""
        return self.deleted | self.added | self.changed


@dataclass(frozen=True)
class History:
    """What is known of some commits and of the bases they left."""

    place: Mapping[str, int]
    """The commits and the bases, by bit; bits above those are the steps from each root to the next."""
    shared: Mapping[str, int]
    """For each, those that have a commit beyond the bases in common with it."""
    holders: Mapping[str, int]
    """For each, those that have it in their history."""
    roots: Mapping[str, str]
    """For each that left the bases at one place only, that place."""
    line: Mapping[str, int]
    """The roots, numbered so that none comes before another one that it has in its history."""
    younger: Mapping[str, int]
    """For each root, by number, the roots that have it in their history."""
    grown: Mapping[str, Grown]
    """For each that has a root, what it changed since then."""
    meeting: Mapping[str, int]
    """For each of those, the others and the steps that touched a path of its, or a file where it has a directory."""
    adding: int = 0
    """The steps that added something, by number."""
    deleting: int = 0

    def is_within(self, one: str, other: str) -> bool:
        """Whether the commit `other` has `one` in its history; what lies in the bases is not told."""
        return one != other and bool(self.holders.get(one, 0) >> self.place[other] & 1)

    def may_collide(self, one: str, other: str) -> bool:
        """False when these two are sure to merge without a conflict."""
        if one == other:
            return False
        if one not in self.roots or other not in self.roots:
            return True
        if self.is_within(one, other) or self.is_within(other, one):
            return False
        if self.line[self.roots[one]] > self.line[self.roots[other]]:
            one, other = other, one
        old, new = self.line[self.roots[one]], self.line[self.roots[other]]
        if self.shared[one] >> self.place[other] & 1 or not self.younger[self.roots[one]] >> new & 1:
            return True
        steps = (1 << new) - (1 << old)
        if self.meeting[one] & (1 << self.place[other] | steps << len(self.place)):
            return True
        mine, theirs = self.grown[one], self.grown[other]
        added = bool(theirs.added or self.adding & steps)
        deleted = bool(theirs.deleted or self.deleting & steps)
        # Git may take something for a rename, and a renamed directory takes along what the other side puts into it.
        return bool((mine.deleted and mine.added and added) or (deleted and added and mine.added))


def read(git: Git, commits: Collection[str], bases: Collection[str]) -> History:
    """The history of `commits` beyond `bases`; without a base nothing is known of them."""
    nodes = list(dict.fromkeys([*commits, *bases]))
    place = {node: at for at, node in enumerate(nodes)}
    if not bases:
        return History(place, {}, {}, {}, {}, {}, {}, {})
    holders, boundary = _walk(git, place, dict.fromkeys(bases))
    shared = dict.fromkeys(nodes, 0)
    for some in set(holders.values()):
        for at in bits(some):
            shared[nodes[at]] |= some
    left = {node: [one for one, some in boundary.items() if some >> place[node] & 1] for node in nodes}
    left |= {node: [node] for node in nodes if node not in holders}  # all they have is in the bases
    roots = {node: some[0] for node, some in left.items() if len(some) == 1}
    line, younger = _in_line(git, list(dict.fromkeys(roots.values())))
    ordered = sorted(line, key=lambda root: line[root])
    steps = list(pairwise(ordered))
    found = _diffs(git, [*((root, node) for node, root in roots.items()), *steps])
    grown, moves = dict(zip(roots, found, strict=False)), found[len(roots) :]
    paths = {place[node]: one.paths for node, one in grown.items()}
    paths |= {len(nodes) + at: one.paths for at, one in enumerate(moves)}
    met = _meeting(paths)
    return History(
        place,
        shared,
        {node: holders.get(node, 0) for node in nodes},
        roots,
        line,
        younger,
        grown,
        {node: met[place[node]] for node in roots},
        sum(1 << at for at, one in enumerate(moves) if one.added),
        sum(1 << at for at, one in enumerate(moves) if one.deleted),
    )


def _walk(git: Git, place: Mapping[str, int], limits: Iterable[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Which of `place` have each commit beyond the `limits`, and which of them left the limits at each of the others.

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


def _in_line(git: Git, roots: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """The `roots` by number, and for each, by number, those that have it in their history; itself is one of them."""
    place = {root: at for at, root in enumerate(roots)}
    have = {root: 1 << at for root, at in place.items()}
    limits = git.run("merge-base", "--octopus", *roots, ok=(0, 1)).out.split() if len(roots) > 1 else []
    if limits:
        holders, boundary = _walk(git, place, limits)
        have = {root: have[root] | holders.get(root, 0) | boundary.get(root, 0) for root in roots}
    # What more of them have in their history is not the younger one.
    ordered = sorted(roots, key=lambda root: -have[root].bit_count())
    line = {root: at for at, root in enumerate(ordered)}
    return line, {root: sum(1 << line[roots[at]] for at in bits(have[root])) for root in roots}


def _diffs(git: Git, pairs: Sequence[tuple[str, str]]) -> list[Grown]:
    """What changed from the first to the second of each pair, for all of them at once.

    A line `COMMIT OTHER` on standard input compares the two as if the other were the parent (git-diff-tree(1), --stdin).
    """
    if not pairs:
        return []
    feed = "".join(f"{new} {old}\n" for old, new in pairs)
    text = git.run("diff-tree", "--stdin", "--always", "-r", "-z", "--no-renames", "--name-status", feed=feed).out
    found: list[dict[str, list[str]]] = []
    fields = iter(text.split("\0")[:-1])
    for field in fields:
        if len(field) > 1:
            found.append({})
        else:
            found[-1].setdefault(field if field in "DA" else "M", []).append(next(fields))
    return [Grown(*(frozenset(some.get(kind, ())) for kind in "DAM")) for some in found]


def _meeting(paths: Mapping[int, frozenset[str]]) -> dict[int, int]:
    """Who touched a path that another one touched too, or that lies in what is a file for the other."""
    files: dict[str, int] = {}
    directories: dict[str, int] = {}
    for at, touched in paths.items():
        for path in touched:
            files[path] = files.get(path, 0) | 1 << at
        for directory in _around(touched):
            directories[directory] = directories.get(directory, 0) | 1 << at
    found = {}
    for at, touched in paths.items():
        met = 0
        for path in touched:
            met |= files[path] | directories.get(path, 0)
        for directory in _around(touched):
            met |= files.get(directory, 0)
        found[at] = met
    return found


def _around(paths: Iterable[str]) -> set[str]:
    """The directories that `paths` lie in."""
    found: set[str] = set()
    for path in paths:
        directory = path.rpartition("/")[0]
        while directory and directory not in found:
            found.add(directory)
            directory = directory.rpartition("/")[0]
    return found
