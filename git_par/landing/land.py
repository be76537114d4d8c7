"""Land the tasks of one base: plan, test, publish, record; again when base or tips moved meanwhile."""

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from git_par import interrupts
from git_par.errors import Busy, Refused
from git_par.landing import autocommit, fitness, gitlinks, matrix, message, publish, trial
from git_par.landing.gate import Policy
from git_par.landing.jobs import Way
from git_par.landing.pins import LostError, Pins
from git_par.landing.plan import Draft
from git_par.landing.planned import OnConflict, Order, Outcome, Plan, Skipped, Strategy
from git_par.landing.premerge import Asked
from git_par.landing.select import Batch, Item
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Landed
from git_par.workspaces import clones, meeting
from git_par.workspaces.hooks import Hooks

_REPLANS = 20
_PATIENCE = 3
"""After so many plans that were overtaken a merge queues up with the others that were."""


@dataclass(frozen=True)
class Wish:
    """How the tasks are to come home."""

    strategy: Strategy = Strategy.NO_FF
    text: str | None = None
    template: str = ""
    signoff: bool = False
    signer: str = ""
    autocommit: bool = False
    allow_dirty: bool = False
    allow_foreign: bool = False
    dry_run: bool = False
    into: str | None = None
    """The branch that all of them go into, when it is not each one's base."""
    order: Order | None = None
    on_conflict: OnConflict = OnConflict.SKIP
    gate: Policy | None = None
    hooks: Hooks | None = None
    """The user's own commands; None when none are to run."""


def land(session: Session, wish: Wish, batch: Batch, operation: Open) -> Outcome:
    """Plan and publish one base; Busy when it keeps moving."""
    vetoed: dict[str, Skipped] = {}
    if wish.autocommit:
        publish.target(session.repo, _on_living_base(session, batch).base)  # where it must not move, nothing is done
        how = autocommit.Wish(wish.text, signoff=wish.signoff, dry_run=wish.dry_run, allow_foreign=wish.allow_foreign)
        vetoed = autocommit.run(session, batch, how, operation)
    asked = None
    if wish.hooks and wish.hooks.wanted("pre-merge") and not wish.dry_run:
        living = _on_living_base(session, batch)
        publish.target(session.repo, living.base)
        asked = Asked(wish.hooks, wish.allow_dirty, wish.allow_foreign, wish.into, vetoed)
        asked.ask(living)
    gated = wish.gate is not None and not wish.dry_run
    attempts = 1 + wish.gate.retries if wish.gate and gated else _REPLANS
    with ExitStack() as queue:
        for attempt in range(attempts):
            # One with a gate waits from the start: ten of them would test each other away.
            if attempt == (0 if gated else _PATIENCE):
                queue.enter_context(session.locks.queue(batch.base))
            if asked and attempt:
                asked.ask(_on_living_base(session, batch))
            landed = _try(session, wish, _on_living_base(session, batch), operation, vetoed, asked)
            if landed is not None:
                return landed
    raise Busy(
        f"{batch.base}: it kept moving, {attempts} plans were overtaken",
        hint="run the command again when fewer others commit there" + (", or raise par.gateRetries" if gated else ""),
    )


def _on_living_base(session: Session, batch: Batch) -> Batch:
    """The batch, on the base that its tasks moved to when another process removed theirs meanwhile."""
    tips = session.repo.branches()
    if f"refs/heads/{batch.base}" in tips:
        return batch
    records = [session.tasks.get(item.task.name) for item in batch.items if item.task]
    bases = {task.base for task in records if task and task.branch != batch.base}
    base = bases.pop() if len(bases) == 1 else batch.base
    if f"refs/heads/{base}" in tips:
        return replace(batch, base=base)
    raise Refused(
        f"{batch.base}: the base of {', '.join(item.name for item in batch.items)} is gone",
        hint="git par set NAME --base BRANCH, or merge --into BRANCH",
    )


def _try(
    session: Session,
    wish: Wish,
    batch: Batch,
    operation: Open,
    vetoed: Mapping[str, Skipped],
    asked: Asked | None,
) -> Outcome | None:
    """One plan and its publish; None when base or tips moved before it was published."""
    repo = session.repo
    vetoed = {**_apart(session, batch, dry_run=wish.dry_run), **vetoed}
    tips = repo.branches()
    before = tips.get(f"refs/heads/{batch.base}")
    if before is None:
        return None
    publish.target(repo, batch.base)  # refuses early what it would refuse at the end
    # What would be committed first is no reason to leave a task out of a rehearsal.
    allow_dirty = wish.allow_dirty or (wish.autocommit and wish.dry_run)
    ready, left, untracked = fitness.inspect(
        session,
        batch,
        tips,
        allow_dirty=allow_dirty,
        allow_foreign=wish.allow_foreign,
        into=wish.into,
        vetoed=vetoed,
    )
    if wish.order is Order.FEWEST_CONFLICTS:
        ready = _fewest_conflicts(session, batch, before, ready)
    told = {"template": wish.template, "signer": wish.signer}
    words = message.words(repo, batch.base, before, wish.text, **told, sign=not wish.dry_run)
    draft = Draft(
        session=session,
        way=Way(repo, wish.strategy, words),
        base=batch.base,
        before=before,
        ready=ready,
        left=left,
        on_conflict=wish.on_conflict,
    )
    try:
        with Pins(repo) as pins:
            made = trial.passing(draft, wish.gate, pins) if wish.gate and not wish.dry_run else draft.made()
            if asked and not all(asked.has_passed(one.item, one.tip) for one in made.merged):
                return None
            outcome = Outcome(made, untracked=untracked)
            if wish.dry_run or made.after == before:
                return outcome
            pins.hold(made.after, before, *(one.tip for one in made.merged))
            with session.locks.base(batch.base), interrupts.held():
                published, where = _publish(session, made, operation)
                if published:
                    _record(session, made, operation)
    except LostError:
        return None
    if not published:
        return None
    gitlinks.bring(session, [one.item.task for one in made.merged if one.item.task])
    if where is None:
        return replace(outcome, published=True)
    problem = publish.run_post_merge(repo, where)
    behind = gitlinks.behind(where.git, made.before, made.after)
    return replace(outcome, published=True, problem=problem, checkout=where.path, behind=behind)


def _apart(session: Session, batch: Batch, *, dry_run: bool) -> dict[str, Skipped]:
    """Bring the tasks together with their clones; by branch, those whose branch moved on both sides."""
    branches = {item.branch for item in batch.items}
    tasks = [task for task in session.tasks.all() if task.branch in branches]
    if dry_run:
        looked = ((task, meeting.missing(session.repo, task) or meeting.apart(session.repo, task)) for task in tasks)
        found = {task.name: why for task, why in looked if why}
    else:
        found = meeting.catch_up_all(session, tasks)
    why = {task.branch: found[task.name] for task in tasks if task.name in found}
    return {
        item.branch: Skipped(item, "diverged", why[item.branch].detail, why[item.branch].hint)
        for item in batch.items
        if item.branch in why
    }


def _fewest_conflicts(
    session: Session, batch: Batch, before: str, ready: list[tuple[Item, str]]
) -> list[tuple[Item, str]]:
    """Those that are `ready`, in the order that lands the most of them."""
    by_branch = {item.branch: item.name for item, _ in ready}
    below = {item.name: by_branch[item.task.base] for item, _ in ready if item.task and item.task.base in by_branch}
    arranged = matrix.best_order(session.repo, [(item.name, tip) for item, tip in ready], (batch.base, before), below)
    place = {name: at for at, name in enumerate((*arranged.fits, *arranged.rest))}
    return sorted(ready, key=lambda pair: place[pair[0].name])


def _publish(session: Session, made: Plan, operation: Open) -> tuple[bool, publish.Place | None]:
    """Publish `made` if its tips still stand; the journal has the step before anything moves."""
    repo = session.repo
    where: publish.Place | None = None

    def ready(place: publish.Place | None) -> None:
        nonlocal where
        where = place
        operation.entry.ref(f"refs/heads/{made.base}", made.before, made.after)
        operation.write()

    tips = repo.branches()
    tips |= {task.ref: clones.tip(repo, task) or "" for task, _ in clones.living(repo)}
    if any(tips.get(merged.item.ref) != merged.tip for merged in made.merged):
        return False, None
    count = len(made.merged)
    note = f"git-par merge: {made.merged[0].item.name if count == 1 else f'{count} tasks'}"
    published = publish.publish(repo, base=made.base, before=made.before, after=made.after, note=note, ready=ready)
    if not published:
        operation.entry.refs.pop(f"refs/heads/{made.base}", None)
    return published, where


def _record(session: Session, made: Plan, operation: Open) -> None:
    """What landed, in the journal and in the tasks' records."""
    for merged in made.merged:
        if merged.item.task is None:
            continue
        try:
            with session.locks.task(merged.item.name):
                task = session.tasks.get(merged.item.name)
                if task and task.branch == merged.item.branch:
                    landed = Landed(merged.tip, merged.commit, made.base, merged.before)
                    operation.entry.task(task, session.tasks.change(task.name, landed=landed))
        except Busy as error:
            session.tell(f"{error.message}; it has landed all the same")
    operation.write()
