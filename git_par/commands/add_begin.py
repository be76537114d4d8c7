"""What users have run in new workspaces: git's hook, their own hooks, then the command of `--exec`."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from git_par import render, streams
from git_par.commands import facts
from git_par.errors import Status
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import worktree


def begin(session: Session, made: Sequence[Task], commit: str, command: str | None) -> tuple[Status, Mapping[str, str]]:
    """What users have run in new workspaces: git's hook, their own, then the command, where their own hooks went well.

    How that ended, and by task what went wrong with the own hooks.
    """
    problems = [
        f"{task.name}: {problem}"
        for task in made
        if (problem := worktree.run_checkout_hook(session.repo, Path(task.path), commit))
    ]
    for problem in problems:
        session.tell(problem)
    hooks = facts.hooks(session)
    ready: list[Task] = []
    unfit: dict[str, str] = {}
    for task in made:
        if problem := hooks.added(task):
            unfit[task.name] = problem
            without = "; the command was not run there" if command else ""
            problems.append(problem)
            session.tell(f"{task.name}: {problem}{without}")
        else:
            ready.append(task)
    if command and ready and not _execute(session, ready, command):
        return Status.PARTIAL, unfit
    return Status.FAILED if problems else Status.DONE, unfit


def again(session: Session, task: Task) -> str:
    """Run what users have run in a new workspace once more, where that was cut off; what went wrong, or nothing."""
    problem = worktree.run_checkout_hook(session.repo, Path(task.path), task.placed)
    return problem or facts.hooks(session, "post-add").added(task)


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
