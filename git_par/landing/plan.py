"""Plan a merge: every step computed in the object database, nothing published, nobody's checkout touched.

Each step is `git merge-tree --write-tree` onto the commit planned so far, then `git commit-tree`.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from git_par.errors import GitFailed
from git_par.landing import audit, message
from git_par.landing.select import Item
from git_par.repo import Repo, is_true


class Strategy(StrEnum):
    """How one task comes into its base."""

    NO_FF = "no-ff"
    FF = "ff"
    SQUASH = "squash"


@dataclass(frozen=True)
class Merged:
    """One planned step: `before` and `commit` are the base around it, `roots` the merge bases."""

    item: Item
    tip: str
    before: str
    commit: str
    roots: tuple[str, ...]
    fast_forward: bool = False


@dataclass(frozen=True)
class Clash:
    """A file in conflict, and with whose work."""

    path: str
    others: tuple[str, ...]


@dataclass(frozen=True)
class Conflicted:
    """A task that does not merge cleanly."""

    item: Item
    tip: str
    files: tuple[Clash, ...]


@dataclass(frozen=True)
class Skipped:
    """A task that was left out before anything was tried; `harmless` when there was nothing to do."""

    item: Item
    reason: str
    detail: str = ""
    hint: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class Plan:
    """What will become of one base."""

    base: str
    before: str
    after: str
    merged: tuple[Merged, ...] = ()
    conflicted: tuple[Conflicted, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    exempt: tuple[str, ...] = ()
    """Paths that the audit could not judge, because a rename moved them."""


def make(
    repo: Repo,
    *,
    base: str,
    before: str,
    ready: Sequence[tuple[Item, str]],
    strategy: Strategy,
    words: message.Words,
) -> Plan:
    """Plan `ready` (items with their tips) onto `before`, in order, and audit every step.

    An audit that fails leaves out its task, and everything is planned again without it.
    """
    unfit: dict[str, Skipped] = {}
    while True:
        plan = _chain(
            repo,
            Plan(base, before, before, skipped=tuple(unfit.values())),
            [(item, tip) for item, tip in ready if item.branch not in unfit],
            strategy,
            words,
        )
        found = audit.check(
            repo,
            [
                audit.Step(merged.roots, merged.before, merged.tip, merged.commit)
                for merged in plan.merged
                if not merged.fast_forward
            ],
        )
        wrong = next(
            (
                (merged, alarms)
                for merged, alarms in zip(
                    (one for one in plan.merged if not one.fast_forward), found.alarms, strict=True
                )
                if alarms
            ),
            None,
        )
        if wrong is None:
            return replace(plan, exempt=found.exempt)
        merged, alarms = wrong
        unfit[merged.item.branch] = Skipped(
            merged.item,
            "audit",
            "the merge would not keep a change as it is: " + "; ".join(map(str, alarms[:3])),
            hint=f"look at it by hand: git merge --no-commit {merged.item.branch}",
        )


def _chain(repo: Repo, plan: Plan, ready: Sequence[tuple[Item, str]], strategy: Strategy, words: message.Words) -> Plan:
    merged: list[Merged] = []
    conflicted: list[Conflicted] = []
    skipped = list(plan.skipped)
    tip = plan.before
    for item, theirs in ready:
        reply = repo.git.run("merge-base", "--all", tip, theirs, ok=(0, 1))
        roots = tuple(reply.out.split())
        if not roots:
            skipped.append(
                Skipped(
                    item,
                    "unrelated",
                    f"it has no history in common with {plan.base}",
                    hint=f"git merge --allow-unrelated-histories {item.branch}",
                )
            )
        elif roots == (theirs,):
            skipped.append(Skipped(item, "already in", harmless=True))
        elif strategy is Strategy.FF and roots == (tip,):
            merged.append(Merged(item, theirs, tip, theirs, roots, fast_forward=True))
            tip = theirs
        else:
            tree, clashes = merge_trees(repo, tip, theirs)
            if clashes:
                others = _others(repo, merged, item, plan, roots[0])
                files = (Clash(path, tuple(others.get(path, ()))) for path in clashes)
                conflicted.append(Conflicted(item, theirs, tuple(files)))
                continue
            if strategy is Strategy.SQUASH and tree == repo.git.line("rev-parse", f"{tip}^{{tree}}"):
                skipped.append(Skipped(item, "already in", "it adds nothing", harmless=True))
                continue
            commit = _commit(repo, tree, tip, item, theirs, strategy, words, roots)
            merged.append(Merged(item, theirs, tip, commit, roots))
            tip = commit
    return replace(plan, after=tip, merged=tuple(merged), conflicted=tuple(conflicted), skipped=tuple(skipped))


def merge_trees(repo: Repo, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The tree of `theirs` merged onto `ours` (both commit ids), and the paths in conflict; none when it is clean.

    git-merge-tree(1): only the exit status tells a conflict, and a bad name ends with the same one, so ids come in here.
    """
    reply = repo.git.run("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs, ok=(0, 1))
    fields = reply.out.split("\0")
    if len(fields) < 2 or not fields[0]:
        raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
    if reply.code == 0:
        return fields[0], ()
    end = fields.index("", 1)
    paths = dict.fromkeys(fields[1:end])
    # Some conflicts, such as those of renamed directories, name their paths in a message only.
    rest = iter(fields[end + 1 :])
    for count in rest:
        if not count.isdigit():
            break
        named = [next(rest) for _ in range(int(count))]
        kind = next(rest)
        next(rest)
        if kind.startswith("CONFLICT"):
            paths.update(dict.fromkeys(named))
    # Where a file and a directory want one name, git sets the file aside as `NAME~SIDE`.
    aside = re.compile(f"~(?:{ours}|{theirs})(?:_[0-9]+)?$")
    return fields[0], tuple(dict.fromkeys(aside.sub("", path) for path in paths))


def _commit(
    repo: Repo,
    tree: str,
    onto: str,
    item: Item,
    theirs: str,
    strategy: Strategy,
    words: message.Words,
    roots: tuple[str, ...],
) -> str:
    signing = ["-S"] if is_true(repo.setting("commit.gpgsign")) else []
    env: Mapping[str, str] = {}
    if strategy is Strategy.SQUASH:
        parents = ["-p", onto]
        text, env = message.squash(repo, words, item, roots[0], theirs)
    else:
        parents = ["-p", onto, "-p", theirs]
        text = message.merge(repo, words, item, theirs)
    reply = repo.git.run("commit-tree", *signing, tree, *parents, "-F", "-", feed=text, env=env)
    return reply.out.strip()


def _others(repo: Repo, merged: Sequence[Merged], item: Item, plan: Plan, root: str) -> dict[str, list[str]]:
    """Who changed which path before: each planned task by name, and the base by its own."""
    steps = [(one.item.name, one.before, one.commit) for one in merged]
    found: dict[str, list[str]] = {}
    for name, old, new in [(plan.base, root, plan.before), *steps]:
        for path in repo.git.fields("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new):
            if name != item.name:
                found.setdefault(path, []).append(name)
    return found


def pin(repo: Repo, commit: str) -> str:
    """Keep a planned commit from a gc until it is published; the ref to drop afterwards."""
    ref = f"refs/par/plan/{os.getpid()}-{os.urandom(6).hex()}"
    repo.git.run("update-ref", ref, commit, "")
    return ref


def unpin(repo: Repo, ref: str) -> None:
    """Drop the ref that `pin` made."""
    repo.git.run("update-ref", "-d", ref, ok=range(256))
