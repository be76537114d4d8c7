"""What `git par add` is asked for, and what is to be made of that: the names, the branches, the records of the tasks."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from git_par import names
from git_par.commands import limit
from git_par.errors import UsageError
from git_par.state import journal, tasks
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import claims, owned, ports
from git_par.workspaces.isolation import Isolation
from git_par.workspaces.start import Start


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


def wanted_names(options: Options) -> list[str]:
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


def plan(session: Session, options: Options, start: Start, wanted: list[str]) -> list[Task]:
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
