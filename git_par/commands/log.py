"""`git par log`: what git-par did in this repository, the newest first."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice
from shlex import join
from typing import Any

from git_par.report import Report, Table
from git_par.state.journal import Entry, Past
from git_par.state.session import Session

_FEW = 3
"""So many names are shown in a line; of more, the count."""


def run(session: Session, limit: int | None) -> Report:
    """Report the journal, or its newest `limit` entries."""
    found = list(islice(session.journal.all(session.tell), limit))
    rows = [
        [past.id, past.entry.started, state(past), past.entry.user, command(past.entry), summary(past.entry)]
        for past in found
    ]
    return Report(
        data=lambda: {"operations": [as_json(past) for past in found]},
        table=Table(["ID", "TIME", "STATE", "USER", "COMMAND", "WHAT"], rows) if found else None,
        talk=() if found else ["nothing was done here yet"],
    )


def state(past: Past) -> str:
    """How an operation ended, in words."""
    if past.entry.state != "started":
        return past.entry.state
    return "running" if past.is_running() else "cut off"


def command(entry: Entry) -> str:
    """What was typed, without passwords in addresses."""
    return join(_safe(entry.command))


def summary(entry: Entry) -> str:
    """What an operation did, in one line."""
    became = _became(entry)
    said = [
        f"{ref.removeprefix('refs/heads/')}: {before[:8]}..{after[:8]}"
        for ref, (before, after) in entry.refs.items()
        if before and after and before != after
    ]
    if len(said) > _FEW:
        said = [f"{len(said)} branches moved"]
    verbs = {"added": "added", "removed": "removed", "landed": "merged", "changed": "changed"}
    if entry.command[:1] in (["undo"], ["restore"]):
        verbs |= {"added": "brought back"}
    if entry.undoes:
        verbs |= {"landed": "changed"}
    for kind, verb in verbs.items():
        names = became[kind]
        if names:
            said.append(f"{', '.join(names) if len(names) <= _FEW else f'{len(names)} tasks'} {verb}")
    return ", ".join(said)


def as_json(past: Past) -> Mapping[str, Any]:
    """An operation as reports show it."""
    entry = past.entry
    return {
        "id": past.id,
        "name": past.name,
        "started": entry.started,
        "state": entry.state,
        "running": past.is_running(),
        "command": _safe(entry.command),
        "checkout": entry.checkout,
        "user": entry.user,
        "undoes": entry.undoes,
        "refs": [{"ref": ref, "before": before, "after": after} for ref, (before, after) in entry.refs.items()],
        "tasks": _became(entry),
    }


def _became(entry: Entry) -> dict[str, list[str]]:
    """What became of tasks, by kind."""
    found: dict[str, list[str]] = {"added": [], "removed": [], "landed": [], "changed": []}
    for name, (before, after) in entry.tasks.items():
        if before is None or after is None:
            kind = "added" if after else "removed"
        else:
            kind = "landed" if before.get("landed") != after.get("landed") else "changed"
        found[kind].append(name)
    return found


def _safe(words: Sequence[str]) -> list[str]:
    return [re.sub(r"://[^/@\s]+@", "://…@", word) for word in words]
