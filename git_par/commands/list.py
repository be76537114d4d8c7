"""`git par list`: every task and how it stands."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from git_par.commands import facts
from git_par.commands.facts import Facts
from git_par.names import some
from git_par.report import Report, Table
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import spares


@dataclass(frozen=True)
class Columns:
    """Which columns were asked for."""

    size: bool = False
    owns: bool = False
    in_use: bool = False


def run(session: Session, columns: Columns) -> Report:
    """Report all tasks, oldest first."""
    wanted = session.tasks.all()
    head = headings(columns)
    found: list[Facts] = []
    rows: list[list[str]] = []
    for one in facts.each(session, wanted, size=columns.size, in_use=columns.in_use):
        found.append(one)
        rows.append(row(one, columns))
        session.preview(Table(head, [*rows, *(pending(task, head) for task in wanted[len(rows) :])]))
    return Report(
        data=lambda: {"tasks": [one.as_json() for one in found]},
        table=Table(head, rows) if found else None,
        talk=[
            *(() if found else ["no tasks; git par add NAME makes one"]),
            *(
                ["hint: git par doctor --fix, for what is broken"]
                if any(one.state == "broken" for one in found)
                else ()
            ),
            *_spares(session),
        ],
    )


def headings(columns: Columns) -> list[str]:
    """What stands above the columns; the note is always the last."""
    found = ["TASK", "STATE", "BASE", "AHEAD", "BEHIND", "CHANGES", "AGE"]
    found += ["SIZE"] if columns.size else []
    found += ["OWNS"] if columns.owns else []
    found += ["IN USE"] if columns.in_use else []
    return [*found, "NOTE"]


def _spares(session: Session) -> list[str]:
    """How many spares stand ready, where there are any; whether somebody worked in them is for `git par pool` to tell."""
    if not spares.directory(session.repo).is_dir():
        return []
    found = spares.find(session.repo)
    ready = sum(one.ready for one in found)
    return [f"{ready} spare{'' if ready == 1 else 's'} ready; see git par pool"] if found else []


def pending(task: Task, headings: Sequence[str]) -> list[str]:
    """The row of a task that is still looked at: what its record says."""
    known = {"TASK": task.name, "BASE": task.base, "AGE": age(task.created), "NOTE": task.title or ""}
    known["OWNS"] = ", ".join(task.owns)
    return [known.get(heading, "...") for heading in headings]


def row(one: Facts, columns: Columns) -> list[str]:
    """The cells of a task."""
    cells = [
        one.task.name,
        one.state,
        one.task.base,
        "?" if one.ahead is None else str(one.ahead),
        "?" if one.behind is None else str(one.behind),
        changes(one),
        age(one.task.created),
    ]
    if columns.size:
        cells.append("?" if one.size is None else human_size(one.size))
    if columns.owns:
        cells.append(", ".join(one.task.owns))
    if columns.in_use:
        cells.append(", ".join(f"{user['command']} ({user['pid']})" for user in one.in_use or ()))
    return [*cells, "; ".join(notes(one))]


def changes(one: Facts) -> str:
    """What is uncommitted, in words; empty when nothing is."""
    if one.status is None:
        return "?"
    counts = (
        ("staged", one.status.staged),
        ("changed", one.status.changed),
        ("untracked", one.status.untracked),
    )
    return ", ".join(f"{len(paths)} {word}" for word, paths in counts if paths)


def notes(one: Facts) -> list[str]:
    """What else a person should know."""
    said = []
    if one.status and one.on != one.task.branch:
        said.append(f"on {one.on or 'a detached HEAD'}")
    if one.tip is None:
        said.append(f"branch {one.task.branch} is gone")
    elif one.status is None and one.state == "broken":
        said.append(one.moved or "its workspace is gone or damaged")
    if one.verdict.reason and one.state != "new":
        said.append(f"in {one.verdict.into} ({one.verdict.reason})")
    said += [f"conflicts with {name}" for name in one.conflicts]
    if one.foreign:
        said.append(f"changes what it does not own: {some(one.foreign)}")
    if one.apart:
        said.append("moved here and in its clone")
    if one.task.protected:
        said.append("protected")
    if one.task.title:
        said.append(one.task.title)
    return said


def age(created: str) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(created)).total_seconds())
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{seconds // length} {unit}"
    return f"{max(seconds, 0)} s"


def human_size(size: int) -> str:
    """Bytes, in the largest unit that fits."""
    for unit, length in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= length:
            return f"{size / length:.1f} {unit}"
    return f"{size} B"
