"""`git par merge`: bring tasks home, each into its base.

Each base gets one plan, computed in the object database, and one publish.  When base or tips move meanwhile, it is
planned again.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from git_par import interrupts
from git_par.commands import facts, remove
from git_par.commands import merge_report as report
from git_par.commands.merge_report import Outcome
from git_par.errors import Busy, GitFailed, Refused, UsageError
from git_par.landing import fitness, message, plan, publish, select
from git_par.landing.plan import Plan, Strategy
from git_par.landing.select import Batch, Item
from git_par.render import Report
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Landed
from git_par.workspaces import registry

_REPLANS = 20
_PATIENCE = 3
"""After so many plans that were overtaken a merge queues up with the others that were."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    every: bool = False
    group: str | None = None
    into: str | None = None
    strategy: Strategy = Strategy.NO_FF
    text: str | None = None
    allow_dirty: bool = False
    dry_run: bool = False
    prune: bool = False


def run(session: Session, options: Options) -> Report:
    """Merge what was asked for and report, base by base."""
    items = _items(session, options)
    batches = select.batches(items, into=_into(session, options), here=session.repo.branch_here())
    if not options.dry_run and items:
        _check_identity(session)
    outcomes: list[Outcome] = []
    notes: list[str] = []
    with session.journal.operation() as operation:
        for batch in batches:
            try:
                outcome, note = _land(session, options, batch, operation)
                notes += note
            except (Refused, Busy, GitFailed) as error:
                if len(batches) == 1:
                    raise
                outcome = Outcome(Plan(batch.base, "", ""), refused=error)
            outcomes.append(outcome)
        swept = _sweep(session, options, outcomes, operation)
    talk = [*notes, *report.hints(session, outcomes), *(swept.talk if swept else ())]
    lines = [line for outcome in outcomes for line in report.lines(outcome, dry=options.dry_run)]
    if not items:
        talk.append("nothing to merge: there are no tasks")
    home = _home(session, swept)
    return Report(
        data=lambda: {
            "merges": [report.as_json(outcome) for outcome in outcomes],
            **({"pruned": swept.data()} if swept else {}),
        },
        lines=[str(home)] if home else lines,
        talk=[*lines, *talk] if home else talk,
        status=report.status(outcomes, swept, notes),
    )


def _items(session: Session, options: Options) -> list[Item]:
    """What is to be merged, in order: as named, else from the oldest to the newest."""
    if options.every or options.group is not None:
        if options.names:
            raise UsageError("--all, --group: not together with names", hint="name the tasks, or leave the names out")
        found = [
            task
            for task in session.tasks.all()
            if (options.group is None or task.group == options.group) and task.state != "creating"
        ]
        if options.group is not None and not found:
            raise UsageError(f"--group {options.group}: no task is in that group", hint="see 'git par list'")
        into = _into(session, options)
        return [Item(task.name, task.branch, task) for task in found if task.branch != into]
    if options.names:
        return select.named(session, options.names)
    here = session.here()
    if here is None:
        raise UsageError(
            "merge: nothing named, and this is not the workspace of a task",
            hint="git par merge NAME…, or git par merge --all",
        )
    return [Item(here.name, here.branch, here)]


def _into(session: Session, options: Options) -> str | None:
    if options.into is None:
        return None
    task = None if options.into.startswith("refs/heads/") else session.tasks.get(options.into)
    branch = task.branch if task else options.into.removeprefix("refs/heads/")
    if f"refs/heads/{branch}" not in session.repo.branches():
        raise UsageError(f"--into {options.into}: no such local branch", hint="see 'git branch'")
    return branch


def _check_identity(session: Session) -> None:
    """A merge commit needs a name and an address; better to hear of it before the work."""
    if session.repo.here.run("var", "GIT_COMMITTER_IDENT", ok=(0, 128)).code:
        raise Refused(
            "user.name, user.email: git does not know who merges",
            hint="git config --global user.name NAME && git config --global user.email ADDRESS",
        )


def _land(session: Session, options: Options, batch: Batch, operation: Open) -> tuple[Outcome, list[str]]:
    """Plan and publish one base, again when something moved; with what a hook had to say afterwards."""
    with ExitStack() as queue:
        for attempt in range(_REPLANS):
            if attempt == _PATIENCE:
                queue.enter_context(session.locks.queue(batch.base))
            landed = _try_to_land(session, options, _on_living_base(session, batch), operation)
            if landed is not None:
                return landed
    raise Busy(
        f"{batch.base}: it kept moving, {_REPLANS} plans were overtaken",
        hint="run the command again when fewer others commit there",
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


def _try_to_land(session: Session, options: Options, batch: Batch, operation: Open) -> tuple[Outcome, list[str]] | None:
    """One plan and its publish; None when base or tips moved before it was published."""
    repo = session.repo
    tips = repo.branches()
    before = tips.get(f"refs/heads/{batch.base}")
    if before is None:
        return None
    publish.place(repo, batch.base)  # refuses early what it would refuse at the end
    ready, left, untracked = fitness.inspect(session, batch, tips, allow_dirty=options.allow_dirty, into=options.into)
    made = plan.make(
        repo,
        base=batch.base,
        before=before,
        ready=ready,
        held={one.item.branch for one in left if not one.harmless},
        strategy=options.strategy,
        words=message.words(repo, batch.base, before, options.text),
    )
    made = replace(made, skipped=(*left, *made.skipped))
    outcome = Outcome(made, untracked=untracked)
    if options.dry_run or made.after == before:
        return outcome, []
    pinned = plan.pin(repo, made.after)
    try:
        with session.locks.base(batch.base), interrupts.held():
            published, where = _publish(session, made, operation)
            if published:
                _record(session, made, operation)
    finally:
        plan.unpin(repo, pinned)
    if not published:
        return None
    problem = publish.run_post_merge(where) if where else ""
    return replace(outcome, published=True), [f"{batch.base}: {problem}"] if problem else []


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
                    landed = Landed(merged.tip, merged.commit, made.base)
                    operation.entry.task(task, session.tasks.change(task.name, landed=landed))
        except Busy as error:
            session.tell(f"{error.message}; it has landed all the same")
    operation.write()


def _sweep(session: Session, options: Options, outcomes: Sequence[Outcome], operation: Open) -> remove.Sweep | None:
    """With --prune: remove what landed, or had landed before."""
    if not options.prune or options.dry_run:
        return None
    landed = [merged.item for outcome in outcomes if outcome.published for merged in outcome.plan.merged][::-1]
    landed += [one.item for outcome in outcomes for one in outcome.plan.skipped if one.reason == "already in"]
    tips = session.repo.branches()
    wanted = [item.task for item in landed if item.task and not facts.is_new(item.task, tips.get(item.ref))]
    return remove.sweep(session, wanted, operation, standing_too=True, new_too=False)


def _home(session: Session, swept: remove.Sweep | None) -> Path | None:
    """Where to go when the workspace one stood in is gone: the checkout of its base, else the main one."""
    here = next((one.task for one in swept.removed if one.standing), None) if swept else None
    if here is None:
        return None
    found = [one.path for one in registry.worktrees(session.repo) if one.branch == f"refs/heads/{here.base}"]
    return next(iter(found), session.repo.main or session.repo.common)
