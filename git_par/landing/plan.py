"""Plan a merge: every step computed before anything is published, nobody's checkout touched."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from shlex import quote

from git_par.landing import audit, history, integrated, takeback
from git_par.landing.attributes import Attributes
from git_par.landing.history import History
from git_par.landing.integrated import Verdict
from git_par.landing.jobs import Clashing, Job, Made, Outcome, Vetoed, Way
from git_par.landing.planned import Clash, Conflicted, Failed, Merged, OnConflict, Plan, Reason, Skipped, Strategy
from git_par.landing.select import Item
from git_par.landing.steps import Steps
from git_par.landing.workshop import Workshop
from git_par.names import some
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Landed

Ready = Sequence[tuple[Item, str]]
"""What is fit to be merged, in order, each with its tip."""


@dataclass(frozen=True)
class Draft:
    """What is to be planned for one base: who is `ready`, and who is `left` out before anything was tried."""

    session: Session
    way: Way
    base: str
    before: str
    ready: Ready
    left: Sequence[Skipped] = ()
    on_conflict: OnConflict = OnConflict.SKIP

    def made(self, failed: Sequence[Failed] = ()) -> Plan:
        """The plan; without what `failed` the gate, and what is based on it."""
        plan = self._audited({one.item.branch for one in failed})
        plan = replace(plan, failed=tuple(failed), skipped=(*self.left, *plan.skipped))
        if self.on_conflict is OnConflict.ABORT and not plan.is_whole:
            return nothing(plan, "atomic", "nothing lands unless all do")
        return plan

    def _audited(self, out: Collection[str]) -> Plan:
        """Plan in order and audit every step; an alarm leaves out its task, and everything is planned again without it."""
        repo = self.session.repo
        tips = tuple(tip for _, tip in self.ready)
        landed = [task.landed for task in self.session.tasks.all() if task.landed]
        walked = history.read(repo, self.before, tips, alone=not landed)
        attributes = Attributes(repo, self.before, tips)
        held = {one.item.branch for one in self.left if not one.harmless} | set(out)
        unfit: dict[str, Skipped] = {}
        with Workshop(self.session, self.way, self.base).opened() as workshop:
            while True:
                chain = _Chain(
                    Steps(self.way, attributes, workshop, walked.is_far),
                    walked,
                    landed,
                    Plan(self.base, self.before, self.before, skipped=tuple(unfit.values())),
                    {*held, *unfit},
                    self.on_conflict,
                )
                plan = chain.made(
                    [(item, tip) for item, tip in self.ready if item.branch not in unfit and item.branch not in out]
                )
                found = audit.check(repo, [one.steps for one in plan.merged])
                wrong = next((pair for pair in zip(plan.merged, found.alarms, strict=True) if pair[1]), None)
                if wrong is None:
                    driven = (path for one in plan.merged for path in one.driven)
                    exempt = tuple(dict.fromkeys((*found.exempt, *driven)))
                    return replace(plan, exempt=exempt, warnings=_warnings(plan, found))
                merged, alarms = wrong
                unfit[merged.item.branch] = Skipped(
                    merged.item,
                    "audit",
                    "the merge would not keep a change as it is: " + "; ".join(map(str, alarms[:3])),
                    hint=f"look at it by hand: git merge --no-commit {quote(merged.item.branch)}",
                )


def nothing(plan: Plan, reason: Reason, detail: str) -> Plan:
    """The plan without what would have landed, each for this reason."""
    kept_back = (Skipped(one.item, reason, detail) for one in plan.merged)
    return replace(plan, after=plan.before, merged=(), skipped=(*plan.skipped, *kept_back))


def _warnings(plan: Plan, found: audit.Findings) -> tuple[str, ...]:
    return tuple(
        f"{merged.item.name}: it sets {len(paths)} files of {plan.base} back to an older state: {some(paths)}"
        for merged, paths in zip(plan.merged, found.set_back, strict=True)
        if paths
    )


@dataclass
class _Chain:
    """The commits of a plan, one task on top of the other."""

    steps: Steps
    walked: History
    landed: Sequence[Landed]
    plan: Plan
    held: set[str]
    on_conflict: OnConflict
    merged: list[Merged] = field(default_factory=list)
    conflicted: list[Conflicted] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    brought: frozenset[str] = frozenset()
    """The commits beyond the base that the chain has by now."""
    alike: dict[str, None] = field(default_factory=dict)
    """The tips that the chain has by now under other commits."""

    @property
    def repo(self) -> Repo:
        return self.steps.way.repo

    @property
    def tip(self) -> str:
        return self.merged[-1].commit if self.merged else self.plan.before

    def made(self, ready: Ready) -> Plan:
        self.skipped += self.plan.skipped
        for item, tip in self.steps.workshop.session.followed(f"planning {self.plan.base}", ready, len(ready)):
            if self.conflicted and self.on_conflict is OnConflict.STOP:
                after = self.conflicted[0].item.name
                self.skipped.append(Skipped(item, "stopped", f"it comes after {after}, which is in conflict"))
            elif not self._land(item, tip):
                self.held.add(item.branch)
        return replace(
            self.plan,
            after=self.tip,
            merged=tuple(self.merged),
            conflicted=tuple(self.conflicted),
            skipped=tuple(self.skipped),
        )

    def _land(self, item: Item, tip: str) -> bool:
        """Bring one task onto the chain; whether what is based on it may follow."""
        if item.task and item.task.base in self.held:
            return self._skip(item, "stacked", f"it is based on {item.task.base}, which was left out")
        roots = self.walked.roots(self.tip, self.brought, tip)
        if not roots:
            hint = f"git merge --allow-unrelated-histories {quote(item.branch)}"
            return self._skip(item, "unrelated", f"it has no history in common with {self.plan.base}", hint)
        before = self._landed_before(item, tip, roots)
        if before and not before.reverted:
            self.skipped.append(Skipped(item, "already in", harmless=True))
            return True
        reverts = self._reverts(item, tip, before) if before else ()
        landed = self._in_already(item, tip)
        done = self._taken(
            Job(item, self.tip, tip, roots, integrated.merge_bases(self.repo, roots, landed), landed), reverts
        )
        match done:
            case Made():
                made = Merged(item, tip, self.tip, done.commit, done.steps, done.private, done.driven, reverts)
                self.merged.append(made)
                if self.steps.way.strategy in (Strategy.NO_FF, Strategy.FF) or done.commit == tip:
                    self.brought |= self.walked.own(tip)
                else:
                    self.alike[tip] = None
                return True
            case Clashing():
                since = (*(one for one in landed if one not in self.alike), *self.walked.forks[tip], *roots)
                others = self._others(item, tip, since[0])
                files = tuple(Clash(path, tuple(others.get(path, ()))) for path in done.paths)
                self.conflicted.append(Conflicted(item, tip, files))
                return False
            case Vetoed():
                hint = f"git merge {quote(item.branch)}, on {self.plan.base}, to see what stops it"
                return self._skip(item, "vetoed", f"its merge was refused: {done.why}", hint)
            case None:
                self.alike[tip] = None
                self.skipped.append(Skipped(item, "already in", "it adds nothing", harmless=True))
                return True

    def _taken(self, job: Job, reverts: tuple[str, ...]) -> Outcome:
        """The task on the chain; where its landing was reverted, that is taken back first, as a commit of its own."""
        if not reverts:
            return self.steps.take(job)
        session = self.steps.workshop.session
        again = takeback.again(takeback.Place(session, self.steps.way, self.plan.base, job.item, self.tip), reverts)
        if not isinstance(again, Made) or job.tip in (*job.roots, *job.landed):
            return again  # nothing came on top
        done = self.steps.take(replace(job, onto=again.commit))
        if done is None:
            return again
        if not isinstance(done, Made):
            return done
        steps, driven = (*again.steps, *done.steps), (*again.driven, *done.driven)
        return Made(done.commit, steps, again.private or done.private, driven)

    def _reverts(self, item: Item, tip: str, before: Verdict) -> tuple[str, ...]:
        """The commits that took its landing back."""
        landed = item.task.landed if item.task else None
        if before.revert is None:
            return ()
        return tuple(takeback.standing(self.repo, self.tip, tip, landed, before.revert))

    def _skip(self, item: Item, reason: Reason, detail: str, hint: str = "") -> bool:
        self.skipped.append(Skipped(item, reason, detail, hint))
        return False

    def _in_already(self, item: Item, tip: str) -> tuple[str, ...]:
        """What of `tip` is in the chain under other commits.

        That is what this plan squashed or rebased of tasks below, and what landed so before, of this task or of others.
        """
        own = self.walked.own(tip)
        below = (one for one in self.alike if one in own and one not in self.brought)
        mine = item.task.landed if item.task else None  # it may have been reset since
        records = (one for one in self.landed if one == mine or one.tip in own)
        before = (integrated.start(self.repo, tip, self.plan.before, one) for one in records)
        return tuple(dict.fromkeys((*below, *(one for one in before if one))))

    def _landed_before(self, item: Item, tip: str, roots: tuple[str, ...]) -> Verdict | None:
        """How this tip stands in the base, where it came home before: as itself or as the commit recorded then."""
        landed = item.task.landed if item.task else None
        if roots != (tip,) and landed is None:
            return None
        found = integrated.verdict(self.repo, tip, [(self.plan.base, self.tip)], landed)
        return found if found.reverted or roots == (tip,) or found.reason == "landed" else None

    def _others(self, item: Item, tip: str, root: str) -> dict[str, list[str]]:
        """Who changed which path before: each planned task that `tip` does not stand on by name, and the base by its own."""
        own = self.walked.own(tip)
        steps = [(one.item.name, one.before, one.commit) for one in self.merged if one.tip not in own]
        found: dict[str, list[str]] = {}
        for name, old, new in [(self.plan.base, root, self.plan.before), *steps]:
            for path in self.repo.git.fields("diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new):
                if name != item.name:
                    found.setdefault(path, []).append(name)
        return found
