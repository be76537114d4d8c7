"""`git par add`: a branch and a directory for every name, all of them or none."""

import getpass
import os
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from git_par import interrupts, names, render
from git_par.errors import Status, UsageError
from git_par.render import Report
from git_par.state import tasks
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import claims, environment, provision, worktree
from git_par.workspaces import registry as worktrees
from git_par.workspaces import start as starts
from git_par.workspaces.start import Start


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    start: str | None = None
    base: str | None = None
    template: str | None = None
    group: str | None = None
    title: str | None = None
    sparse: tuple[str, ...] = ()
    allow_dirty: bool = False
    fetch: bool = False
    command: str | None = None


def run(session: Session, options: Options) -> Report:
    """Make the tasks and report their paths, in the order asked for."""
    wanted = _wanted(options)
    environment.check_settings(session)
    repo = session.repo
    if options.fetch:
        starts.fetch(repo, options.start)
    start = starts.find(session, options.start, options.base, allow_dirty=options.allow_dirty)
    with session.journal.operation() as operation, ExitStack() as busy, interrupts.taking_back() as undo:
        with session.locks.repository():
            planned = _plan(session, options, start, wanted)
            busy.enter_context(session.locks.every_task([task.name for task in planned]))
            made = []
            with interrupts.held():  # each step and how it is undone belong together
                for task in planned:
                    path = worktree.reserve(repo, task.name)
                    undo.callback(worktree.take_back, repo, path)
                    task = replace(task, path=str(path))
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
                    worktrees.register(repo, Path(task.path), task.branch, task.name)
                    if options.sparse:
                        worktree.make_sparse(repo, Path(task.path), options.sparse)
        provision.provision_all(session, made)
        # From here on the workspaces are handed over: nothing below takes them back.
        with interrupts.held():
            undo.pop_all()
            made = [replace(task, state="active") for task in made]
            for task in made:
                session.tasks.put(task)
                operation.entry.task(None, task)
    try:
        ended = _begin(session, options, made, start)
    except KeyboardInterrupt:
        with suppress(OSError):
            session.tell(
                f"{', '.join(task.name for task in made)}: interrupted; what was made stays: see 'git par list'"
            )
        raise
    return Report(
        data=lambda: _data(session, made),
        lines=[task.path for task in made],
        talk=[f"{task.name}: starts at {start.shown}, returns to {start.base}" for task in made],
        status=ended,
    )


def _data(session: Session, made: Sequence[Task]) -> dict[str, Any]:
    from git_par.commands import facts  # 10 ms to import, and nobody but a program asks

    return {"tasks": [fact.as_json() for fact in facts.gather(session, made)]}


def _begin(session: Session, options: Options, made: Sequence[Task], start: Start) -> Status:
    """What users have run in new workspaces: the hook, then the command."""
    problems = [
        f"{task.name}: {problem}"
        for task in made
        if (problem := worktree.run_checkout_hook(Path(task.path), start.commit))
    ]
    for problem in problems:
        session.tell(problem)
    if options.command and not _execute(session, made, options.command):
        return Status.PARTIAL
    return Status.FAILED if problems else Status.DONE


def _wanted(options: Options) -> list[str]:
    """The names asked for; empty when one is to be made up."""
    seen: set[str] = set()
    for name in options.names:
        if problem := names.task_problem(name):
            made = names.from_title(name)
            raise UsageError(
                f"'{name}': {problem}",
                hint=f"git par add {made}" if made and made != name else "choose another name",
            )
        if name in seen:
            raise UsageError(f"{name}: named twice", hint="name each task once")
        seen.add(name)
    if options.title is not None and len(options.names) > 1:
        raise UsageError(
            "--title: one title for several tasks", hint="add them one by one, or git par set NAME --title T"
        )
    return list(options.names)


def _plan(session: Session, options: Options, start: Start, wanted: list[str]) -> list[Task]:
    """The records of the new tasks, all checked; under the repository lock, where nobody else makes any."""
    for name in wanted:
        claims.clear_dead(session, name)
    known = session.tasks.all()
    if not wanted:
        wanted = [_invent(session, options)]
    slots = claims.free_slots({task.slot for task in known})
    template = options.template or session.settings.text("branch")
    planned: list[Task] = []
    for name in wanted:
        if there := session.tasks.get(name):
            raise claims.taken(there)
        branch = _branch(name, template, options.group)
        planned.append(
            Task(
                name=name,
                branch=branch,
                path="/",
                base=start.base,
                base_commit=start.commit,
                state="creating",
                created=tasks.now(precise=True),
                slot=next(slots),
                placed=start.commit,
                group=options.group,
                title=options.title,
            )
        )
    claims.check_branches(session.repo, planned)
    return planned


def _invent(session: Session, options: Options) -> str:
    """A free name: from the title, else from the group and the time."""
    stem = names.from_title(options.title) if options.title else ""
    stem = stem or names.stamped(options.group or "task", datetime.now())
    for number in range(1, 10_000):
        name = stem if number == 1 else f"{stem}-{number}"
        if problem := names.task_problem(name):
            raise UsageError(f"'{name}': {problem}", hint="name the task")
        branch = _branch(name, options.template or session.settings.text("branch"), options.group)
        if session.tasks.get(name) is None and session.repo.git.commit(f"refs/heads/{branch}") is None:
            return name
    raise UsageError(f"'{stem}': no free name", hint="name the task")


def _branch(name: str, template: str, group: str | None) -> str:
    branch, problem = names.fill_template(
        template, name=name, group=group or "", user=_user(), date=f"{datetime.now():%Y%m%d}"
    )
    if problem:
        raise UsageError(f"branch template '{template}': {problem}", hint="see --branch and par.branch")
    if problem := names.branch_problem(branch):
        raise UsageError(f"branch '{branch}': {problem}", hint="choose another name or template")
    return branch


def _user() -> str:
    try:
        return names.from_title(getpass.getuser())
    except (KeyError, OSError):
        return str(os.getuid())


def _execute(session: Session, made: Sequence[Task], command: str) -> bool:
    """Run `command` in each workspace, all at once; whether all went well.

    One task on a terminal has the terminal to itself; else each line comes out on stderr with the task in front.
    """
    from git_par import spawn

    if len(made) == 1 and render.has_terminal():
        (task,) = made
        codes = [spawn.shell(command, Path(task.path), environment.of_commands(session, task), line=None)]
    else:
        codes = spawn.shells(
            command,
            [
                spawn.Place(Path(task.path), environment.of_commands(session, task), partial(render.relay, task.name))
                for task in made
            ],
        )
    for task, code in zip(made, codes, strict=True):
        if code:
            session.tell(f"{task.name}: the command ended with status {code}")
    return not any(codes)
