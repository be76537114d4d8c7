"""`git par merge`: bring tasks home, each into its base.

Each base gets one plan, computed in the object database, and one publish.  When base or tips move meanwhile, it is
planned again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from git_par import render
from git_par.commands import choose, facts, prunable, remove
from git_par.commands import merge_report as report
from git_par.commands.remove_report import Sweep
from git_par.errors import Busy, GitFailed, Refused, UsageError
from git_par.landing import gate, land, message, premerge, select, signing
from git_par.landing.land import Wish
from git_par.landing.planned import OnConflict, Order, Outcome, Plan
from git_par.landing.select import Item
from git_par.report import Report
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.workspaces import clones, registry
from git_par.workspaces.hooks import Hooks


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    every: bool = False
    group: str | None = None
    order: Order | None = None
    gate: str | None = None
    gate_each: bool = False
    gate_tries: int | None = None
    wish: Wish = field(default_factory=Wish)
    prune: bool = False
    counts: bool = True
    """Whether to say how many tasks a prune would remove now."""


def run(session: Session, options: Options) -> Report:
    """Merge what was asked for and report, base by base."""
    if not options.names and not options.every and options.group is None and session.can_ask and not session.here():
        names = choose.tasks(session, "merge", "NAME...", several=True)
        session, options = session.naming(*names), replace(options, names=tuple(names))
    if not options.wish.dry_run:
        return bring(session, options)[0]
    with clones.rehearsing(session) as seeing:
        return bring(seeing, options)[0]


def bring(session: Session, options: Options) -> tuple[Report, list[Outcome]]:
    """Merge what was asked for: what there is to say about it, and what became of each base."""
    wish = replace(options.wish, into=_into(session, options.wish.into), gate=_gate(session, options))
    wish = replace(wish, order=_order(session, options))
    items = _items(session, options, wish)
    if wish.order is Order.CREATED:
        items = sorted(items, key=_age)
    batches = select.batches(items, into=wish.into, here=session.repo.branch_here())
    if wish.on_conflict is OnConflict.ABORT and len(batches) > 1:
        bases = ", ".join(batch.base for batch in batches)
        raise UsageError(
            f"--atomic: the tasks have several bases: {bases}",
            hint="git par merge NAME…, with tasks of one base, or with --into BRANCH",
        )
    wish = _with_words(session, wish, needed=bool(items) and not wish.dry_run)
    if not wish.dry_run and items and signing.is_wanted(session.repo):
        signing.check(session.repo)
    hooks = None
    if items and not wish.dry_run:
        hooks = facts.hooks(
            session, "pre-merge", "post-merge", *(("pre-remove", "post-remove") if options.prune else ())
        )
    wish = replace(wish, hooks=hooks)
    outcomes: list[Outcome] = []
    problems: list[str] = []
    with session.journal.operation() as operation:
        for batch in batches:
            try:
                outcome = land.land(session, wish, batch, operation)
            except (Refused, Busy, GitFailed) as error:
                if len(batches) == 1:
                    raise
                outcome = Outcome(Plan(batch.base, "", ""), refused=error)
            outcomes.append(outcome)
        if hooks and options.prune:
            problems += _tell_hooks(hooks, outcomes)  # as long as the workspaces are there
        swept = _sweep(session, options, outcomes, operation)
    if hooks and not options.prune:
        problems += _tell_hooks(hooks, outcomes)
    notes = [*(f"{one.plan.base}: {one.problem}" for one in outcomes if one.problem), *problems]
    talk = [*notes, *report.hints(session, outcomes), *(swept.talk if swept else ())]
    if options.counts and swept is None and not options.wish.dry_run:
        talk += prunable.hint(session, outcomes, clean=not options.wish.allow_dirty)
    lines = [line for outcome in outcomes for line in report.lines(outcome, dry=options.wish.dry_run)]
    if not items:
        talk.append("nothing to merge: there are no tasks")
    home = _home(session, swept)
    told = Report(
        data=lambda: {
            "merges": [report.as_json(outcome) for outcome in outcomes],
            **({"pruned": swept.data()} if swept else {}),
        },
        lines=[str(home)] if home else lines,
        talk=[*lines, *talk] if home else talk,
        status=report.status(outcomes, swept, [*notes, *(swept.problems if swept else ())]),
    )
    return told, outcomes


def check(session: Session, options: Options) -> None:
    """Find out, long before a merge, whether a setting or a key makes it refuse whatever it merges."""
    _gate(session, options)
    _order(session, options)
    _with_words(session, options.wish, needed=True)
    if signing.is_wanted(session.repo):
        signing.check(session.repo)
    facts.hooks(session, "pre-merge", "post-merge")


def _tell_hooks(hooks: Hooks, outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Run the post-merge hooks of each task that landed; what went wrong."""
    if not hooks.wanted("post-merge"):
        return
    for plan in (outcome.plan for outcome in outcomes if outcome.published):
        for one in plan.merged:
            told = {"before": plan.before, "after": plan.after, "tip": one.tip, "commit": one.commit}
            if why := hooks.run("post-merge", premerge.about(hooks, one.item, plan.base, told)):
                yield f"{one.item.name}: {why}"


def _items(session: Session, options: Options, wish: Wish) -> list[Item]:
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
        return [Item(task.name, task.branch, task) for task in found if task.branch != wish.into]
    if options.names:
        return select.named(session, options.names)
    here = session.here()
    if here is None:
        raise UsageError(
            "merge: nothing named, and this is not the workspace of a task",
            hint="git par merge NAME…, or git par merge --all",
        )
    return [Item(here.name, here.branch, here)]


def _order(session: Session, options: Options) -> Order | None:
    configured = session.settings.text("order")
    if configured:
        configured = session.settings.choice("order", *Order)
    return options.order or (Order(configured) if configured else None)


def _age(item: Item) -> tuple[bool, str, int]:
    """Tasks from the oldest on, then plain branches, which have no age."""
    return (False, item.task.created, item.task.slot) if item.task else (True, "", 0)


def _gate(session: Session, options: Options) -> gate.Policy | None:
    """The gate, whose command's output is shown as it comes."""
    line = partial(render.relay, "gate")
    return gate.policy(session, options.gate, options.gate_tries, each=options.gate_each, line=line)


def _into(session: Session, into: str | None) -> str | None:
    if into is None:
        return None
    task = None if into.startswith("refs/heads/") else session.tasks.get(into)
    branch = task.branch if task else into.removeprefix("refs/heads/")
    if f"refs/heads/{branch}" not in session.repo.branches():
        raise UsageError(f"--into {into}: no such local branch", hint="see 'git branch'")
    return branch


def _with_words(session: Session, wish: Wish, *, needed: bool) -> Wish:
    """The wish with what messages are made of; where a name is `needed`, better to hear of it before the work."""
    signer = message.committer(session.repo) if wish.signoff or needed else ""
    return replace(wish, template=message.template(session), signer=signer if wish.signoff else "")


def _sweep(session: Session, options: Options, outcomes: Sequence[Outcome], operation: Open) -> Sweep | None:
    """With --prune: remove what landed, or had landed before."""
    if not options.prune or options.wish.dry_run:
        return None
    landed = [merged.item for outcome in outcomes if outcome.published for merged in outcome.plan.merged][::-1]
    landed += [one.item for outcome in outcomes for one in outcome.plan.skipped if one.reason == "already in"]
    tips = session.repo.branches()
    wanted = [item.task for item in landed if item.task and not facts.is_new(item.task, tips.get(item.ref))]
    return remove.sweep(session, wanted, operation, standing_too=True, new_too=False)


def _home(session: Session, swept: Sweep | None) -> Path | None:
    """Where to go when the workspace one stood in is gone: the checkout of its base, else the main one."""
    here = next((one.task for one in swept.removed if one.standing), None) if swept else None
    if here is None:
        return None
    found = [one.path for one in registry.worktrees(session.repo) if one.branch == f"refs/heads/{here.base}"]
    return next(iter(found), session.repo.main or session.repo.common)
