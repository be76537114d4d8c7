"""`git par hook`: make and drop worktrees for a coding agent, which asks in JSON and reads a path.

Whatever can be answered is answered with status 0: an agent takes any other one for the end of its work.
"""

import json
import os
import select
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from git_par import names, parent
from git_par.commands import add, remove
from git_par.commands.add_plan import Options
from git_par.errors import ParError, Status, UsageError
from git_par.landing import healing
from git_par.report import Report
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import usage

LONGEST = 1 << 20
"""Bytes that a request may have."""
PATIENCE = 30.0
"""Seconds for which the caller may say nothing before it has finished."""


class Event(StrEnum):
    """What can be asked for."""

    CREATE = "worktree-create"
    REMOVE = "worktree-remove"


@dataclass(frozen=True)
class Request:
    """What the caller wants, checked."""

    name: str = ""
    """What the task is to be called; empty: whatever is free."""
    cwd: Path | None = None
    """A directory of the repository; None: the current one."""
    path: Path | None = None
    """The workspace to remove."""


def run(session: Session, event: Event) -> Report:
    """Read the request and carry it out in the repository that it means."""
    request = _request(event, _read(event))
    if event is Event.CREATE:
        return _create(replace(session, cwd=request.cwd), request.name)
    assert request.path
    return _remove(session, request.path)


def _create(session: Session, name: str) -> Report:
    """The workspace of the task `name`, made when there is none yet; exactly its path is on stdout."""
    parent.check(session.repo.common)
    healing.heal(session)
    if not name:
        return _add(session, Options(lenient=True))
    other = names.substitute(name)
    problem, refusal = names.task_problem(name), None
    for wanted in [other] if problem else [name, other]:
        if task := _existing(session, wanted):
            return _at(task)
    if not problem:
        try:
            return _make(session, Options(names=(name,), lenient=True))
        except UsageError as error:
            problem, refusal = error.about(name), error
    shown = "".join(sign if sign.isprintable() else " " for sign in name).strip()[:200]
    try:
        made = _make(session, Options(names=(other,), title=shown or None, lenient=True))
    except UsageError as error:
        raise refusal or error from None
    return replace(made, talk=[f"'{shown}': {problem}; the task is '{other}'", *made.talk])


def _make(session: Session, options: Options) -> Report:
    """Make the task, or take the one that another process made meanwhile."""
    try:
        return _add(session, options)
    except UsageError:
        if task := _existing(session, *options.names):
            return _at(task)
        raise


def _at(task: Task) -> Report:
    return Report(lines=[task.path], talk=[f"{task.name}: is there already, returns to {task.base}"])


def _add(session: Session, options: Options) -> Report:
    """What ran in the new workspace and failed was said, and the workspace is there."""
    return replace(add.run(session, options), status=Status.DONE)


def _existing(session: Session, name: str) -> Task | None:
    """The task of that name, ready to be worked on; one that is being made is waited for."""
    task = session.tasks.get(name)
    if task is not None and task.state != "active":
        with session.locks.task(name):
            task = session.tasks.get(name)
    return task if task and task.state == "active" and (Path(task.path) / ".git").exists() else None


def _remove(session: Session, path: Path) -> Report:
    """Remove the task whose workspace `path` is when nothing would be lost; else say why it stays."""
    place = Path(os.path.realpath(path))
    if not place.is_dir():
        return Report(talk=[f"git par: '{path}': no such directory, nothing to remove"])
    try:
        inside = replace(session, cwd=place)
        task = inside.here()
        if task is None or task.path != str(place):
            return Report(talk=[f"git par: left '{path}': not the workspace of a task"])
        return _sweep(replace(session, cwd=inside.repo.main or inside.repo.common), task)
    except ParError as error:
        return Report(talk=[f"git par: left '{path}': {error.message}"])


def _sweep(session: Session, task: Task) -> Report:
    """The caller is the agent, which may still stand in the workspace that it wants removed: it is not in its own way."""
    healing.heal(session)
    with session.journal.operation() as operation, usage.sparing_caller():
        swept = remove.sweep(session, [task], operation, standing_too=True, new_too=True)
    for _, found in swept.left:
        return Report(talk=[f"git par: left {task.name}: {'; '.join(reason.detail for reason in found)}"])
    return Report(talk=[f"git par: {line}" for line in [*swept.lines(), *swept.talk]])


def _request(event: Event, said: Mapping[str, Any]) -> Request:
    """What was said, each field checked that means something here; a null counts as not said."""
    if event is Event.CREATE:
        name = _text(event, said, "name") or _text(event, said, "worktree_name")
        cwd = _directory(event, said, "cwd")
        if cwd and not cwd.is_dir():
            raise UsageError(f"hook {event}: \"cwd\": '{cwd}' is no directory", hint="name one of the repository")
        return Request(name=name, cwd=cwd)
    path = _directory(event, said, "worktree_path")
    if path is None:
        raise UsageError(f'hook {event}: "worktree_path" is missing', hint=_hint(event))
    return Request(path=path)


def _directory(event: Event, said: Mapping[str, Any], field: str) -> Path | None:
    text = _text(event, said, field)
    try:
        if b"\0" in os.fsencode(text):
            raise ValueError("a path holds no NUL")
    except ValueError:
        raise UsageError(f'hook {event}: "{field}" is no path', hint=_hint(event)) from None
    return Path(text).absolute() if text else None


def _text(event: Event, said: Mapping[str, Any], field: str) -> str:
    value = said.get(field)
    if value is not None and not isinstance(value, str):
        raise UsageError(f'hook {event}: "{field}" is not a string', hint=_hint(event))
    return value or ""


def _read(event: Event) -> Mapping[str, Any]:
    """The one JSON object on stdin.  Its end is the end of the request: the caller may keep the pipe open."""
    data = b""
    while not sys.stdin.isatty():
        if not select.select([0], [], [], PATIENCE)[0]:
            raise UsageError(f"hook {event}: no whole JSON object came within {PATIENCE:g} s", hint=_hint(event))
        more = os.read(0, 1 << 16)
        data += more
        if len(data) > LONGEST:
            raise UsageError(f"hook {event}: more than {LONGEST} bytes on stdin", hint=_hint(event))
        # Only a brace ends an object.
        if b"}" in more and (said := _decoded(data)) is not None:
            return said
        if not more or data.lstrip()[:1] not in (b"", b"{"):
            break
    raise UsageError(f"hook {event}: no JSON object on stdin", hint=_hint(event))


def _decoded(data: bytes) -> Mapping[str, Any] | None:
    """The object that `data` begins with; None while it is not whole."""
    try:
        said, _ = json.JSONDecoder().raw_decode(os.fsdecode(data.lstrip()))
    except (ValueError, RecursionError):
        return None
    return said if isinstance(said, dict) else None


def _hint(event: Event) -> str:
    field = "name" if event is Event.CREATE else "worktree_path"
    return f"""echo '{{"{field}": "..."}}' | git par hook {event}"""
