"""`git par exec`: a command in each workspace, all at once."""

import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from git_par.commands.exec_output import Grouped, Output, Prefixed
from git_par.errors import NotStartedError, Status, UsageError
from git_par.repo import Repo
from git_par.report import Report
from git_par.runs import guard
from git_par.spawn import crowd, foreground
from git_par.spawn.jobs import Job
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import moved

_AT_ONCE = 64
"""How many run at a time when nobody says it: each takes two of our open files, of which macOS allows 256."""


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    every: bool = False
    group: str | None = None
    jobs: int | None = None
    grouped: bool = False
    aside: bool = False
    """Whether what the commands write goes to stderr, since stdout is for the report."""


@dataclass(frozen=True)
class Ended:
    """How the command ended for one task, and after how many seconds."""

    task: Task
    code: int
    seconds: float


@dataclass(frozen=True)
class Left:
    """A task whose workspace cannot be worked in."""

    task: Task
    reason: str
    detail: str
    hint: str


def run(session: Session, options: Options) -> Report:
    """Run the command that stands behind `--` for the named tasks, else for the one whose workspace one stands in."""
    command = session.command
    if not command:
        raise UsageError("exec: no command", hint="git par exec NAME -- git status, or with --all")
    if options.jobs is not None and options.jobs < 1:
        raise UsageError(f"--jobs {options.jobs}: not 1 or more", hint="leave it out, or name a number")
    wanted = _wanted(session, options)
    alone = len(wanted) == 1 and not options.every and options.group is None
    left = [problem for task in wanted if (problem := _problem(session.repo, task))]
    out = {problem.task.name for problem in left}
    ready = [task for task in wanted if task.name not in out]
    ended, unstarted = (_alone if alone else _together)(session, ready, command, options)
    return _report(ended, left, unstarted, alone=alone)


def _wanted(session: Session, options: Options) -> list[Task]:
    if sum((bool(options.names), options.every, options.group is not None)) > 1:
        raise UsageError("exec: names, --all and --group do not go together", hint="choose one of them")
    if options.names:
        return list({task.name: task for task in map(session.named, options.names)}.values())
    if options.every:
        return session.tasks.all()
    if options.group is not None:
        found = [task for task in session.tasks.all() if task.group == options.group]
        if not found:
            raise UsageError(f"--group {options.group}: no task is in that group", hint="see 'git par list'")
        return found
    here = session.here()
    if here is None:
        raise UsageError(
            "exec: this is not the workspace of a task", hint="git par exec NAME -- CMD, or with --all for every task"
        )
    return [here]


def _problem(repo: Repo, task: Task) -> Left | None:
    """Why nothing can be run for `task`."""
    if task.state == "creating":
        return Left(task, "creating", "it is being made, or its making was cut short", "git par doctor")
    if not os.path.lexists(os.path.join(task.path, ".git")):
        if why := moved.told(repo, task):
            return Left(task, "gone", why, moved.HINT)
        return Left(task, "gone", f"its workspace is gone: '{task.path}'", "git par doctor")
    return None


def _alone(
    session: Session, ready: Sequence[Task], command: Sequence[str], options: Options
) -> tuple[list[Ended], list[NotStartedError]]:
    """One command has our streams, the terminal and what is typed there; how it ended, and why it did not start."""
    ended, unstarted = [], []
    for task in ready:
        env = guard.of_commands(session, task)
        began = time.monotonic()
        try:
            code = foreground.supervised(command, env, cwd=Path(task.path), stdout=2 if options.aside else None)
        except NotStartedError as error:
            session.tell(error.message)
            code = error.code
            unstarted.append(error)
        ended.append(Ended(task, code, time.monotonic() - began))
    return ended, unstarted


def _together(
    session: Session, ready: Sequence[Task], command: Sequence[str], options: Options
) -> tuple[list[Ended], list[NotStartedError]]:
    """Run them side by side; how each ended, in the order of the tasks, and why some did not start."""
    make: type[Grouped] | type[Prefixed] = Grouped if options.grouped else Prefixed
    found: dict[str, Ended] = {}

    def done(task: Task, output: Output, code: int, seconds: float) -> None:
        found[task.name] = Ended(task, code, seconds)
        output.close()

    jobs = []
    for task in ready:
        output = make(task.name, options.aside)
        env = guard.of_commands(session, task)
        jobs.append(Job(command, Path(task.path), env, output.take, partial(done, task, output)))
    try:
        unstarted = crowd.run(jobs, options.jobs or _AT_ONCE)
    except KeyboardInterrupt:
        cut = [task.name for task in ready if task.name not in found]
        with suppress(OSError):
            session.tell(f"interrupted: ended, or not begun, in {', '.join(cut)}")
        raise
    return [found[task.name] for task in ready], unstarted


def _report(
    ended: Sequence[Ended], left: Sequence[Left], unstarted: Sequence[NotStartedError], *, alone: bool
) -> Report:
    failed = [one for one in ended if one.code]
    talk = [line for one in left for line in (f"{one.task.name}: {one.detail}", f"hint: {one.hint}")]
    if not alone:
        talk += [f"{one.task.name}: {_how(one.code)}" for one in failed]
    talk += [f"hint: {hint}" for hint in dict.fromkeys(error.hint for error in unstarted)]
    if not alone:
        total = len(ended) + len(left)
        bad = len(failed) + len(left)
        talk.append(f"{bad} of {total} failed" if bad else f"{total} done" if total else "there are no tasks")
    status = Status.PARTIAL if failed or left else Status.DONE
    return Report(
        data=lambda: _data(ended, left),
        talk=talk,
        status=ended[0].code if alone and ended else status,
    )


def _how(code: int) -> str:
    return f"ended by signal {code - 128}" if code > 128 else f"ended with status {code}"


def _data(ended: Sequence[Ended], left: Sequence[Left]) -> dict[str, Any]:
    return {
        "tasks": [{"name": one.task.name, "exit": one.code, "seconds": round(one.seconds, 3)} for one in ended],
        "left": [{"name": one.task.name, "reason": one.reason, "detail": one.detail} for one in left],
    }
