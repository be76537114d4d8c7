"""Plan a merge: every step computed in the object database, nothing published, nobody's checkout touched.

Each step is `git merge-tree --write-tree` onto the commit planned so far, then `git commit-tree`.
"""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from git_par.landing import audit, integrated, message, signing, trees
from git_par.landing.select import Item
from git_par.repo import Repo


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
    held: Collection[str],
    strategy: Strategy,
    words: message.Words,
) -> Plan:
    """Plan `ready` (items with their tips) onto `before`, in order, and audit every step.

    `held` are branches that stay out, and with them what is based on them.  An audit that fails leaves out its task, and
    everything is planned again without it.
    """
    unfit: dict[str, Skipped] = {}
    while True:
        plan = _chain(
            repo,
            Plan(base, before, before, skipped=tuple(unfit.values())),
            [(item, tip) for item, tip in ready if item.branch not in unfit],
            {*held, *unfit},
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


def _chain(
    repo: Repo,
    plan: Plan,
    ready: Sequence[tuple[Item, str]],
    held: set[str],
    strategy: Strategy,
    words: message.Words,
) -> Plan:
    merged: list[Merged] = []
    conflicted: list[Conflicted] = []
    skipped = list(plan.skipped)
    tip = plan.before
    for item, theirs in ready:
        if item.task and item.task.base in held:
            held.add(item.branch)
            detail = f"it is based on {item.task.base}, which was left out"
            skipped.append(Skipped(item, "stacked", detail))
            continue
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
        elif before := _landed_before(repo, plan.base, item, tip, theirs, roots):
            skipped.append(before)
            if not before.harmless:
                held.add(item.branch)
        elif strategy is Strategy.FF and roots == (tip,):
            merged.append(Merged(item, theirs, tip, theirs, roots, fast_forward=True))
            tip = theirs
        else:
            tree, clashes = trees.merge(repo, tip, theirs)
            if clashes:
                others = _others(repo, merged, item, plan, roots[0])
                files = (Clash(path, tuple(others.get(path, ()))) for path in clashes)
                conflicted.append(Conflicted(item, theirs, tuple(files)))
                held.add(item.branch)
                continue
            if strategy is Strategy.SQUASH and tree == repo.git.line("rev-parse", f"{tip}^{{tree}}"):
                skipped.append(Skipped(item, "already in", "it adds nothing", harmless=True))
                continue
            commit = _commit(repo, tree, tip, item, theirs, strategy, words, roots)
            merged.append(Merged(item, theirs, tip, commit, roots))
            tip = commit
    return replace(plan, after=tip, merged=tuple(merged), conflicted=tuple(conflicted), skipped=tuple(skipped))


def _landed_before(repo: Repo, base: str, item: Item, tip: str, theirs: str, roots: tuple[str, ...]) -> Skipped | None:
    """Why there is nothing to merge: this tip came home before, as itself or as the commit that was recorded then.

    What the base took back since is not merged again on top of that: it would come without what was taken back.
    """
    landed = item.task.landed if item.task else None
    if roots != (theirs,) and landed is None:
        return None
    found = integrated.verdict(repo, theirs, [(base, tip)], landed)
    if found.reverted:
        return Skipped(item, "reverted", f"{base} reverted it", hint=f"git log {base}, and 'git revert' of that revert")
    if roots == (theirs,) or found.reason == "landed":
        return Skipped(item, "already in", harmless=True)
    return None


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
    if strategy is Strategy.SQUASH:
        text, env = message.squash(repo, words, item, roots[0], theirs)
        return commit_tree(repo, tree, (onto,), text, env, sign=words.sign)
    text = message.merge(repo, words, item, theirs)
    return commit_tree(repo, tree, (onto, theirs), text, sign=words.sign)


def commit_tree(
    repo: Repo,
    tree: str,
    parents: Sequence[str],
    text: str,
    env: Mapping[str, str] | None = None,
    *,
    sign: bool = True,
) -> str:
    """A new commit in the object database, signed where commit.gpgSign asks for it unless `sign` forbids that."""
    named = [word for parent in parents for word in ("-p", parent)]
    args = (tree, *named, "-F", "-")
    if sign and signing.is_wanted(repo):
        return signing.commit_tree(repo, *args, text=text, env=env)
    return repo.git.run("commit-tree", *args, feed=text, env=env).out.strip()


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
