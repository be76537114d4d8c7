"""`git par add`: a branch and a directory for every name, all of them or none."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from git_par import interrupts
from git_par.commands import add_begin, add_plan, facts, limit
from git_par.commands.add_plan import Options
from git_par.repo import Repo
from git_par.report import Report
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    claims,
    copying,
    environment,
    incoming,
    isolation,
    owned,
    prompt,
    provision,
    refill,
    spares,
    taking,
    worktree,
)
from git_par.workspaces import start as starts
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.isolation import Isolation
from git_par.workspaces.spares import Spare
from git_par.workspaces.start import Start

if TYPE_CHECKING:
    from git_par.workspaces.carry import Load


@dataclass(frozen=True)
class Made:
    """What there is to say about new tasks, and why a hook's failure leaves some unfit to work in."""

    report: Report
    unfit: Mapping[str, str]


def run(session: Session, options: Options) -> Report:
    """Make the tasks and report their paths, in the order asked for."""
    return make(session, options).report


def make(session: Session, options: Options) -> Made:
    """Make the tasks, all of them or none."""
    try:
        with starts.within_reach(session, options.start, options.base, staged=options.carry):
            return _make(session, options)
    except limit.Full as full:
        raise limit.refusal(session, full) from None


def check(session: Session, *, isolated: bool) -> None:
    """Find out before the work whether a setting makes it refuse; `isolated` when par.isolation counts."""
    environment.check_settings(session)
    session.settings.number("maxTasks")
    prompt.check(session)
    facts.hooks(session, "post-add")
    if isolated:
        isolation.wanted(session)


def _make(session: Session, options: Options) -> Made:
    wanted = add_plan.wanted_names(options)
    owned.wanted(options.owns)
    check(session, isolated=options.isolation is None)
    repo = session.repo
    chosen = options.isolation or isolation.wanted(session)
    if options.fetch:
        starts.fetch(repo, options.start)
    dirty_too = options.allow_dirty or options.carry
    coming = incoming.look_ahead(session) if options.files else None
    fits = chosen == Isolation.WORKTREE and not options.sparse
    count = max(len(wanted), 1) if fits else 0
    looks = spares.look_ahead(session, count)
    start = starts.find(session, options.start, options.base, allow_dirty=dirty_too, lenient=options.lenient)
    for one in worktree.check_sparse(repo, start.commit, options.sparse):
        session.tell(f"--sparse '{one}': commit {start.commit[:8]} has no such directory")
    load = _gathered(repo, start) if options.carry else None
    with session.journal.operation() as operation, ExitStack() as busy, interrupts.taking_back() as undo:
        ready = busy.enter_context(spares.held(session, start.commit, count, looks))
        claimed: dict[str, Spare] = {}
        arriving = _arrived(session, coming) if coming else None
        with session.locks.repository():
            planned = add_plan.plan(session, options, start, wanted)
            busy.enter_context(session.locks.every_task([task.name for task in planned]))
            made = []
            with interrupts.held():  # each step and how it is undone belong together
                for task in planned:
                    path = worktree.reserve(repo, task.name)
                    task = replace(task, path=str(path), isolation=isolation.fitting(session, path, chosen))
                    undo.callback(isolation.take_back, repo, task)
                    operation.entry.task(None, task)
                    operation.entry.ref(task.ref, None, start.commit)
                    made.append(task)
                undo.callback(operation.forget)
                operation.write()
                for task in made:
                    session.tasks.add(task)
                    undo.callback(session.tasks.drop, task.name)
                claims.create_branches(repo, made, start.commit, f"git-par: created from {start.shown}")
                undo.callback(claims.delete_branches, repo, made, start.commit)
                for task in made:
                    if spare := _claim(session, ready, task, undo):
                        claimed[task.name] = spare
                    else:
                        isolation.register(repo, task, options.sparse)
        for task in made:
            isolation.make(repo, task, options.sparse)
        brought = provision.provision_all(session, made, arriving, load, claimed, _asked(session, options))
        # From here on the workspaces are handed over: nothing below takes them back.
        with interrupts.held():
            undo.pop_all()
            made = [replace(task, state="active") for task in made]
            for task in made:
                session.tasks.put(task)
                operation.entry.task(None, task)
    if fits:
        refill.later(session, start.commit)
    try:
        ended, unfit = add_begin.begin(session, made, start.commit, options.command)
    except KeyboardInterrupt:
        with suppress(OSError):
            session.tell(
                f"{', '.join(task.name for task in made)}: interrupted; what was made stays: see 'git par list'"
            )
        raise
    report = Report(
        data=lambda: {"tasks": [fact.as_json() for fact in facts.gather(session, made)]},
        lines=[task.path for task in made],
        talk=[
            *(
                line
                for task in made
                for line in (
                    f"{task.name}: starts at {start.shown}, returns to {start.base}",
                    *(f"{task.name}: {words}" for words in brought[task.name].words()),
                )
            ),
            *(_shared(session, made) if options.owns else ()),
            *(_carried(load) if load else ()),
        ],
        status=ended,
    )
    return Made(report, unfit)


def _claim(session: Session, ready: list[Spare], task: Task, undo: ExitStack) -> Spare | None:
    """The spare that becomes the workspace of `task`; None when there is none."""
    while ready:
        spare = ready.pop(0)
        undo.callback(taking.give_back, session, spare, task)
        if taking.take(session.repo, spare, task):
            return spare
    return None


def _arrived(session: Session, coming: Callable[[], Incoming | None]) -> Incoming | None:
    found = coming()
    if found is None and incoming.is_asked_for(session.settings):
        session.tell("no main checkout: there is nothing to copy files from, or to link to")
    return found


def _asked(session: Session, options: Options) -> dict[str, Incoming]:
    """What some tasks are to find beside what all of them do."""
    wanted = {name: detail.copy for name, detail in options.details.items() if detail.copy}
    if not wanted:
        return {}
    sources = copying.sources(session.repo)
    return {name: found for name, patterns in wanted.items() if (found := sources.select(patterns))}


def _shared(session: Session, made: Sequence[Task]) -> list[str]:
    from git_par.commands import owners  # few ask

    return owners.shared(session, made)


def _gathered(repo: Repo, start: Start) -> "Load":
    from git_par.workspaces import carry  # few ask

    return carry.gather(repo, start)


def _carried(load: "Load") -> list[str]:
    """What came along, and what did not."""
    count = len(load.paths)
    what = "nothing was uncommitted" if not count else f"{count} path{'' if count == 1 else 's'}"
    return [f"carried: {what}", *(f"not carried: {path}: {why}" for path, why in load.left)]
