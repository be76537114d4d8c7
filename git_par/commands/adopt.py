"""`git par adopt`: worktrees that others made, and branches without one, become tasks; all of them or none."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from git_par import interrupts, names
from git_par.commands import facts
from git_par.errors import UsageError
from git_par.report import Report
from git_par.state import tasks
from git_par.state.session import Session
from git_par.state.tasks import NOT_PLACED, Task
from git_par.workspaces import adoption, claims, environment, incoming, ports, provision, worktree
from git_par.workspaces.adoption import Found


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    words: tuple[str, ...]
    name: str | None = None
    base: str | None = None
    group: str | None = None
    keep_directory: bool = False


def run(session: Session, options: Options) -> Report:
    """Make tasks of what is named, and report their paths in the order asked for."""
    if options.name is not None and len(options.words) > 1:
        raise UsageError("--name: one name for several tasks", hint="git par adopt BRANCH --name NEW, one by one")
    environment.check_settings(session)
    repo = session.repo
    talk: list[str] = []
    made: list[Task] = []
    with session.journal.operation() as operation, ExitStack() as busy, interrupts.taking_back() as undo:
        with session.locks.repository():
            planned = _plan(session, options)
            busy.enter_context(session.locks.every_task([task.name for _, task in planned]))
            with interrupts.held():  # each step and how it is undone belong together
                undo.callback(operation.forget)
                for found, task in planned:
                    path, stays, why = adoption.reserve(session, found, task.name, stay=options.keep_directory)
                    if found.path is None:
                        undo.callback(worktree.take_back, repo, path)
                    elif not stays:
                        undo.callback(adoption.forget_reserved, [path])
                    task = replace(task, path=str(path))
                    operation.entry.task(None, task)
                    operation.entry.adopted[task.name] = str(found.path or "")
                    operation.write()
                    made.append(adoption.take(session, task, found.path, undo, stay=stays))
                    if made[-1].path != task.path:
                        why = "it cannot be renamed"
                    talk += _said(session, found, made[-1], why)
        for task in made:
            if task.placed == NOT_PLACED:
                brought = provision.provision(session, task, incoming.look(session))
                talk += [f"{task.name}: {words}" for words in brought.words()]
        # From here on the workspaces are handed over: nothing below takes them back.
        with interrupts.held():
            undo.pop_all()
            made = [replace(task, state="active", placed=task.base_commit) for task in made]
            for task in made:
                session.tasks.put(task)
                operation.entry.task(None, task)
    return Report(
        data=lambda: {"tasks": [fact.as_json() for fact in facts.gather(session, made)]},
        lines=[task.path for task in made],
        talk=talk,
    )


def _plan(session: Session, options: Options) -> list[tuple[Found, Task]]:
    """What is to be adopted, all of it checked, and the records; under the repository lock."""
    found: dict[str, Found] = {}
    for word in options.words:
        one = adoption.find(session, word)
        if one.branch in found:
            raise UsageError(f"{word}: named twice", hint="name each branch or worktree once")
        found[one.branch] = one
    wanted = {options.name or branch: one for branch, one in found.items()}
    for name in wanted:
        if problem := names.task_problem(name):
            raise UsageError(f"'{name}': {problem}", hint="choose a name for the task with --name NAME")
        claims.clear_dead(session, name)
    slots = ports.free_slots(session, {task.slot for task in session.tasks.all()})
    planned = []
    for name, one in wanted.items():
        if there := session.tasks.get(name):
            raise claims.taken(there)
        base, root = adoption.base_of(session.repo, one, options.base)
        planned.append((one, _record(name, one, base, root, next(slots), options.group)))
    return planned


def _record(name: str, one: Found, base: str, root: str, slot: int, group: str | None) -> Task:
    return Task(
        name=name,
        branch=one.branch,
        path="/",
        base=base,
        base_commit=root,
        state="active",
        created=tasks.now(precise=True),
        slot=slot,
        placed=root,
        group=group,
    )


def _said(session: Session, found: Found, task: Task, why: str) -> Sequence[str]:
    """What was found out, and what a person may want otherwise."""
    said = [f"{task.name}: returns to {task.base}, which it left at {task.base_commit[:8]}"]
    if why:
        said.append(f"{task.name}: its directory stays where it is: {why}")
    home = Path(task.path).parent
    if home != session.repo.workspaces:
        said.append(f"{task.name}: what its removal keeps will lie in '{home / worktree.PRIVATE}'")
    if session.repo.git.commit(f"refs/heads/{task.base}") == found.tip:
        said.append(f"hint: git par set {quote(task.name)} --base BRANCH, if it left another branch")
    return said
