"""Audit planned merges: every one-sided change must survive as it is.

Against the merge base, a path changed on one side only must equal that side, and a path changed on neither must not
change.  This catches what a merge can get wrong without a conflict: git before 2.51.1 could drop or keep files in some
renames, and a wrong merge base reverts earlier work.

Exempt are paths that a rename on either side may have moved the change to or from, and everything under
merge.renormalize, which rewrites files on the way; they are listed, not hidden.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par.git import Git
from git_par.repo import Repo, is_true

Change = tuple[str, str]
"""Mode and object id of a path's new side; mode 000000 is a deletion."""
Diff = Mapping[str, Change]

_MANY = 5
"""So many files that a task sets back are worth a warning."""

_RECENT = 200
"""How many commits of the base are looked at for that."""


@dataclass(frozen=True)
class Step:
    """One merge, as commits: the merge bases, both sides and the result."""

    roots: tuple[str, ...]
    ours: str
    theirs: str
    result: str


@dataclass(frozen=True)
class Alarm:
    """A path that a merge did not keep."""

    path: str
    should: str
    stands: str

    def __str__(self) -> str:
        return f"'{self.path}' should be {self.should}, is {self.stands}"


@dataclass(frozen=True)
class Findings:
    """What was found: for each task its alarms, and the paths it sets back when they are many; what could not be judged."""

    alarms: tuple[tuple[Alarm, ...], ...]
    exempt: tuple[str, ...] = ()
    set_back: tuple[tuple[str, ...], ...] = ()


def check(repo: Repo, tasks: Sequence[Sequence[Step]]) -> Findings:
    """Audit the steps of each task with one `git cat-file` and one `git diff-tree`, whatever their number."""
    steps = [step for task in tasks for step in task]
    if not steps:
        return Findings(tuple(() for _ in tasks), set_back=tuple(() for _ in tasks))
    trees = _trees(
        repo.git, {commit for step in steps for commit in (*step.roots, step.ours, step.theirs, step.result)}
    )
    wanted: list[tuple[str, str]] = []
    for step in steps:
        root = trees[step.roots[0]]
        wanted += [
            (root, trees[step.theirs]),
            (root, trees[step.ours]),
            (trees[step.ours], trees[step.result]),
        ]
        wanted += [(root, trees[other]) for other in step.roots[1:]]
    diffs = _diffs(repo.git, wanted)
    exempt: dict[str, None] = {}
    renormalizes = is_true(repo.setting("merge.renormalize"))

    def alarms(step: Step) -> list[Alarm]:
        root, ours, theirs = trees[step.roots[0]], trees[step.ours], trees[step.theirs]
        unclear = {path for other in step.roots[1:] for path in diffs[root, trees[other]]}
        found = judge(diffs[root, ours], diffs[root, theirs], diffs[ours, trees[step.result]], unclear)
        if not found:
            return []
        moved = _Moves.read(repo.git, [trees[one] for one in step.roots], (ours, theirs))
        unsure = {alarm.path for alarm in found if renormalizes or moved.touch(alarm.path)}
        exempt.update(dict.fromkeys(sorted(unsure)))
        return [alarm for alarm in found if alarm.path not in unsure]

    found = tuple(tuple(alarm for step in task for alarm in alarms(step)) for task in tasks)
    changes = [
        {path: one for step in task for path, one in diffs[trees[step.roots[0]], trees[step.theirs]].items()}
        for task in tasks
    ]
    return Findings(found, tuple(exempt), _set_back(repo.git, tasks, changes))


def _set_back(git: Git, tasks: Sequence[Sequence[Step]], changes: Sequence[Diff]) -> tuple[tuple[str, ...], ...]:
    """For each task the paths that it brings back to what they were earlier on the base, when they are many.

    That is what a commit made from a stale checkout looks like: it takes others' work back, and merges cleanly.
    """
    if all(len(change) < _MANY for change in changes):
        return tuple(() for _ in tasks)
    start = next(step.ours for task in tasks for step in task)
    fields = git.fields(
        *("log", "--no-show-signature", "--first-parent", "-m", "--raw", "-z", "--no-renames", "--no-abbrev"),
        *("--format=", f"--max-count={_RECENT}", start),
    )
    earlier: dict[str, set[Change]] = {}
    for entry, path in zip(fields[::2], fields[1::2], strict=True):
        mode, _, blob, *_ = entry.removeprefix(":").split(" ")
        earlier.setdefault(path, set()).add((mode, blob))
    found = (tuple(path for path, one in change.items() if one in earlier.get(path, ())) for change in changes)
    return tuple(paths if len(paths) >= _MANY else () for paths in found)


def judge(ours: Diff, theirs: Diff, result: Diff, unclear: set[str]) -> list[Alarm]:
    """The paths that a merge did not keep.

    `ours` and `theirs` are what the sides changed since the merge base, `result` is what the merge changed on top of ours.
    """
    alarms = []
    for path, change in result.items():
        if path in unclear or (path in theirs and path in ours):
            continue
        if path not in theirs:
            alarms.append(Alarm(path, "as it was", _shown(change)))
        elif theirs[path] != change:
            alarms.append(Alarm(path, _shown(theirs[path]), _shown(change)))
    alarms += [
        Alarm(path, _shown(change), "as it was")
        for path, change in theirs.items()
        if path not in ours and path not in result and path not in unclear
    ]
    return alarms


@dataclass(frozen=True)
class _Moves:
    """Where renames of either side took files from and to."""

    paths: frozenset[str]
    directories: frozenset[str]
    stood: frozenset[str]
    """What was there before both sides; a renamed directory takes along only what is new."""

    @classmethod
    def read(cls, git: Git, roots: Sequence[str], sides: Sequence[str]) -> "_Moves":
        """The renames since each of `roots`, and those between them: what they have in common is what git goes by."""
        paths: set[str] = set()
        directories: set[str] = set()
        pairs = [(root, side) for at, root in enumerate(roots) for side in (*sides, *roots[:at], *roots[at + 1 :])]
        for root, side in pairs:
            # The same search as the merge's own: its limit is 7000 renames (merge.renameLimit), and half a file must agree.
            fields = git.fields("diff-tree", "-r", "-z", "-M", "-l7000", "--diff-filter=R", "--name-status", root, side)
            for source, target in zip(fields[1::3], fields[2::3], strict=True):
                paths |= {source, target}
                # A renamed directory takes along what the other side puts into it.
                if _parent(source) != _parent(target):
                    directories |= {_parent(source), _parent(target)}
        listed = (
            [set(git.fields("ls-tree", "-r", "-z", "--name-only", root)) for root in roots] if directories else [set()]
        )
        return cls(frozenset(paths), frozenset(directories), frozenset(set.intersection(*listed)))

    def touch(self, path: str) -> bool:
        if path in self.paths:
            return True
        return path not in self.stood and any(path.startswith(f"{one}/") or not one for one in self.directories)


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _shown(change: Change) -> str:
    mode, oid = change
    return "deleted" if mode == "000000" else f"{oid[:8]} ({mode})"


def _trees(git: Git, commits: set[str]) -> dict[str, str]:
    ordered = sorted(commits)
    feed = "".join(f"{commit}^{{tree}}\n" for commit in ordered)
    lines = git.run("cat-file", "--batch-check=%(objectname)", feed=feed).out.splitlines()
    return dict(zip(ordered, lines, strict=True))


def _diffs(git: Git, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], dict[str, Change]]:
    """What changed from one tree to another, for all pairs at once (git-diff-tree(1), RAW OUTPUT FORMAT)."""
    pairs = list(dict.fromkeys(wanted))
    feed = "".join(f"{old} {new}\n" for old, new in pairs)
    text = git.run("diff-tree", "--stdin", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", feed=feed).out
    found: dict[tuple[str, str], dict[str, Change]] = {pair: {} for pair in pairs}
    current: dict[str, Change] = {}
    fields = iter(text.split("\0"))
    for field in fields:
        while field and not field.startswith(":"):
            pair, _, field = field.partition("\n")
            old, _, new = pair.partition(" ")
            current = found[old, new]
        if field:
            _, mode, _, oid, _ = field.split(" ")
            current[next(fields)] = (mode, oid)
    return found
