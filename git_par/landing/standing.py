"""How tasks stand to their bases: how far ahead and behind, and whether they are in.

The history of a commit never changes, so an answer is remembered for as long as the commits it is about stay the same.
What is uncommitted is never remembered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par.landing import integrated
from git_par.landing.integrated import Verdict
from git_par.landing.remembered import Memory, Standing
from git_par.repo import Repo
from git_par.state.tasks import Task

_MOST = 1000
"""As many refs git is asked for by name; of more it lists all branches."""

Bases = Sequence[tuple[str, str]]
"""The refs that count as a task's base, with their commits; the first is the base itself."""


@dataclass(frozen=True)
class Refs:
    """The branches of some tasks and what counts as their bases, read together."""

    tips: Mapping[str, str]
    """Full refs with their commits."""
    targets: Mapping[str, Bases]
    replaced: str
    """Which objects stand for others (git-replace(1))."""

    def bases(self, task: Task) -> Bases:
        """Where `task` may be integrated; empty when its base is gone."""
        return [target for name in integrated.base_names(task) for target in self.targets.get(name, ())]


def refs(repo: Repo, tasks: Sequence[Task]) -> Refs:
    """Read the refs that say how `tasks` stand: one git process, and one more for each base with an upstream."""
    names = {name for task in tasks for name in integrated.base_names(task)}
    wanted = sorted({task.ref for task in tasks} | {f"refs/heads/{name}" for name in names})
    listed = repo.git.line(
        "for-each-ref",
        "--format=%(objectname)%00%(refname)%00%(upstream)",
        "refs/replace",
        *(wanted if len(wanted) <= _MOST else ["refs/heads"]),
    )
    rows = [line.split("\0") for line in listed.splitlines()]
    seen = dict(repo.git.seen)
    found = {ref: (now, upstream) for commit, ref, upstream in rows if (now := seen.get(ref, commit))}
    targets = {
        name: integrated.with_upstream(repo, name, *found[ref])
        for name in names
        if (ref := f"refs/heads/{name}") in found
    }
    replaced = " ".join(f"{ref}={commit}" for commit, ref, _ in rows if ref.startswith("refs/replace/"))
    return Refs({ref: commit for ref, (commit, _) in found.items()}, targets, replaced)


@dataclass(frozen=True)
class Standings:
    """The answers for some tasks: remembered, counted together, or asked for one by one."""

    repo: Repo
    refs: Refs
    memory: Memory
    counted: Mapping[tuple[str, str], tuple[int, int]]
    unknown = Standing(Verdict())

    def of(self, task: Task, tip: str | None) -> Standing:
        """How `task`, whose work ends at the commit `tip` (None: its branch is gone), stands; several threads may ask."""
        bases = self.refs.bases(task)
        if not tip or not bases:
            return self.unknown
        key = self.memory.key(tip, bases, task.landed)
        known = self.memory.get(key)
        if known is None:
            verdict = integrated.verdict(self.repo, tip, list(bases), task.landed)
            known = Standing(verdict, *self._count(tip, bases[0][1]))
        self.memory.put(key, known)
        return known

    def _count(self, tip: str, base: str) -> tuple[int, int]:
        if tip == base:
            return 0, 0
        if counted := self.counted.get((tip, base)):
            return counted
        behind, ahead = self.repo.git.line("rev-list", "--left-right", "--count", f"{base}...{tip}").split()
        return int(ahead), int(behind)


def standings(repo: Repo, tasks: Sequence[Task]) -> Standings:
    """What `Standings.of` needs to answer for `tasks`."""
    found = refs(repo, tasks)
    memory = Memory.read(repo, found.replaced)
    open_: dict[str, list[str]] = {}
    for task in tasks:
        tip, bases = found.tips.get(task.ref), found.bases(task)
        if tip and bases and tip != bases[0][1] and memory.get(memory.key(tip, bases, task.landed)) is None:
            open_.setdefault(bases[0][1], []).append(task.ref)
    return Standings(repo, found, memory, _count_together(repo, open_))


def _count_together(repo: Repo, open_: Mapping[str, Sequence[str]]) -> dict[tuple[str, str], tuple[int, int]]:
    """Ahead and behind of the refs for each base commit, as far as git can count many in one walk (2.41)."""
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    for base, refs in open_.items():
        if len(refs) < 2:
            continue
        form = f"--format=%(objectname) %(ahead-behind:{base})"
        reply = repo.git.run("for-each-ref", form, *refs[:_MOST], ok=range(256))
        if reply.code:
            break  # an older git does not know the field
        for fields in map(str.split, reply.out.splitlines()):
            if len(fields) == 3:  # git leaves the counts empty for a commit that a gc takes from under it
                tip, ahead, behind = fields
                counted[tip, base] = int(ahead), int(behind)
    return counted
