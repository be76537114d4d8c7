"""`git par add`: a branch and a directory for every name, all of them or none."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from git_par import interrupts, names, render, streams
from git_par.commands import facts, limit
from git_par.errors import Status, UsageError
from git_par.repo import Repo
from git_par.report import Report
from git_par.state import journal, tasks
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    claims,
    copying,
    environment,
    incoming,
    isolation,
    owned,
    ports,
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
class Detail:
    """What is asked for one task of several."""

    title: str | None = None
    prompt: str | None = None
    owns: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    """Patterns of files that are to be there: what is not tracked comes from the main checkout (`workspaces.copying`)."""
    created: str | None = None
    """What its record is to say of when it was made, so that whoever asked knows it again; None: the time."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    start: str | None = None
    base: str | None = None
    template: str | None = None
    group: str | None = None
    title: str | None = None
    isolation: Isolation | None = None
    sparse: tuple[str, ...] = ()
    owns: tuple[str, ...] = ()
    carry: bool = False
    """Whether the uncommitted work of the checkout one stands in comes along."""
    allow_dirty: bool = False
    lenient: bool = False
    """Whether nobody is there who could be asked: see `start.find`."""
    fetch: bool = False
    files: bool = True
    """Whether files of the main checkout come along."""
    command: str | None = None
    details: Mapping[str, Detail] = field(default_factory=dict)
    """What is asked for some of the names, in the place of the title and the patterns of all."""


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
    wanted = _wanted(options)
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
            planned = _plan(session, options, start, wanted)
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
        ended, unfit = _begin(session, options, made, start)
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


def _begin(session: Session, options: Options, made: Sequence[Task], start: Start) -> tuple[Status, Mapping[str, str]]:
    """What users have run in new workspaces: git's hook, their own, then the command, where their own hooks went well.

    How that ended, and by task what went wrong with the own hooks.
    """
    problems = [
        f"{task.name}: {problem}"
        for task in made
        if (problem := worktree.run_checkout_hook(session.repo, Path(task.path), start.commit))
    ]
    for problem in problems:
        session.tell(problem)
    hooks = facts.hooks(session)
    ready: list[Task] = []
    unfit: dict[str, str] = {}
    for task in made:
        if problem := hooks.added(task):
            unfit[task.name] = problem
            without = "; the command was not run there" if options.command else ""
            problems.append(problem)
            session.tell(f"{task.name}: {problem}{without}")
        else:
            ready.append(task)
    if options.command and ready and not _execute(session, ready, options.command):
        return Status.PARTIAL, unfit
    return Status.FAILED if problems else Status.DONE, unfit


def begin_again(session: Session, task: Task) -> str:
    """Run what users have run in a new workspace once more, where that was cut off; what went wrong, or nothing."""
    problem = worktree.run_checkout_hook(session.repo, Path(task.path), task.placed)
    return problem or facts.hooks(session, "post-add").added(task)


def _wanted(options: Options) -> list[str]:
    """The names asked for; empty when one is to be made up."""
    seen: set[str] = set()
    for name in options.names:
        if problem := names.task_problem(name):
            made = names.from_title(name)
            raise UsageError(
                f"'{name}': {problem}",
                hint=f"git par add {made}" if made and made != name else "git par add NAME, with another name",
            )
        if name in seen:
            raise UsageError(f"{name}: named twice", hint="name each task once")
        seen.add(name)
    if options.title is not None and len(options.names) > 1:
        raise UsageError(
            "--title: one title for several tasks",
            hint="git par add NAME --title T, one by one, or git par set NAME --title T",
        )
    return list(options.names)


def _plan(session: Session, options: Options, start: Start, wanted: list[str]) -> list[Task]:
    """The records of the new tasks, all checked; under the repository lock, where nobody else makes any."""
    for name in wanted:
        claims.clear_dead(session, name)
    known = session.tasks.all()
    if not wanted:
        wanted = [_invent(session, options, {task.name for task in known})]
    slots = ports.free_slots(session, {task.slot for task in known})
    planned: list[Task] = []
    for name in wanted:
        if there := session.tasks.get(name):
            raise claims.taken(there)
        branch = branch_of(session, options, name)
        detail = options.details.get(name) or Detail(options.title, None, options.owns)
        planned.append(
            Task(
                name=name,
                branch=branch,
                path="/",
                base=start.base,
                base_commit=start.commit,
                state="creating",
                created=detail.created or tasks.now(precise=True),
                slot=next(slots),
                placed=start.commit,
                group=options.group or None,
                title=detail.title or None,
                prompt=detail.prompt or None,
                owns=owned.wanted(detail.owns),
            )
        )
    claims.check_branches(session.repo, planned)
    limit.check(session, len(known), len(planned))
    return planned


def _invent(session: Session, options: Options, known: set[str]) -> str:
    """A name that neither a task nor a branch has: from the title, else from the group and the time."""
    group = options.group or "task"
    if names.task_problem(group):
        group = names.from_title(group) or "task"
    stem = names.from_title(options.title or "") or names.stamped(group, datetime.now())
    if problem := names.task_problem(stem):
        raise UsageError(f"'{stem}': {problem}", hint="git par add NAME")
    # One listing: when a hundred are made in one second, the last one has a hundred names to try.
    taken = {ref.removeprefix("refs/heads/") for ref in session.repo.branches()}
    taken |= {"/".join(parts[:end]) for parts in (one.split("/") for one in taken) for end in range(1, len(parts))}
    tries = (stem if number == 1 else f"{stem}-{number}" for number in itertools.count(1))
    return next(name for name in tries if name not in known and branch_of(session, options, name) not in taken)


def branch_of(session: Session, options: Options, name: str) -> str:
    """The branch that a new task `name` gets; UsageError when that cannot be one."""
    template = options.template or session.settings.text("branch")
    branch, problem = names.fill_template(
        template, name=name, group=options.group or "", user=_user(), date=f"{datetime.now():%Y%m%d}"
    )
    if problem:
        raise UsageError(
            f"branch template '{template}': {problem}",
            hint="git par add --branch 'work/{name}', or git config par.branch TEMPLATE",
        )
    if problem := names.branch_problem(branch):
        raise UsageError(f"branch '{branch}': {problem}", hint="git par add with another name, or --branch TEMPLATE")
    return branch


def _user() -> str:
    who = journal.user()
    return who if who.isdigit() else names.from_title(who)


def _execute(session: Session, made: Sequence[Task], command: str) -> bool:
    """Run `command` in each workspace, all at once; whether all went well.

    One task on a terminal has the terminal to itself; else each line comes out on stderr with the task in front.
    """
    from git_par.runs import guard
    from git_par.spawn import foreground, heard

    if len(made) == 1 and streams.has_terminal():
        (task,) = made
        codes = [foreground.shell(command, Path(task.path), guard.of_commands(session, task))]
    else:
        codes = heard.shells(
            command,
            [
                heard.Place(Path(task.path), guard.of_commands(session, task), partial(render.relay, task.name))
                for task in made
            ],
        )
    for task, code in zip(made, codes, strict=True):
        if code:
            session.tell(f"{task.name}: the command ended with status {code}")
    return not any(codes)
