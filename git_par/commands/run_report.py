"""What `git par run` says: what is about to be done, and what became of each task."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from git_par import names
from git_par.commands.run_check import Outlook
from git_par.errors import Status
from git_par.report import Report, Table
from git_par.runs.record import MET, Part, Run
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state.session import Session
from git_par.workspaces import registry


def rehearsal(outlook: Outlook) -> Report:
    """What a run would do: each level's tasks, where they would work, and what they own."""
    plan, base = outlook.plan, outlook.base
    rows, data = [], []
    for number, level in enumerate(plan.levels, 1):
        for one in level:
            path = str(outlook.paths[one.name])
            rows.append(
                [str(number), one.name, ", ".join(one.needs), path, ", ".join(dict.fromkeys(one.owns)), one.title or ""]
            )
            data.append(_planned(number, one, path))
    shared = [{"level": two.level, "tasks": [two.one, two.other], "files": list(two.files)} for two in outlook.shared]
    stale = [
        {"level": two.level, "task": two.reader, "changed_by": two.writer, "files": list(two.files)}
        for two in outlook.stale
    ]
    return Report(
        data=lambda: {
            "base": base,
            "dry_run": True,
            "tasks": data,
            "overlaps": shared,
            "reads": stale,
            "merges": [],
        },
        table=Table(["LEVEL", "TASK", "NEEDS", "WORKSPACE", "OWNS", "TITLE"], rows),
        talk=[*outlook.words, f"{base}: {_count(plan)}; nothing was done"],
    )


def _count(plan: TaskFile) -> str:
    """How many tasks and levels there are."""
    tasks, levels = len(plan.tasks), len(plan.levels)
    return f"{tasks} task{'s' if tasks > 1 else ''} in {levels} level{'s' if levels > 1 else ''}"


def _planned(number: int, one: Wanted, path: str) -> dict[str, Any]:
    return {
        "name": one.name,
        "level": number,
        "needs": list(one.needs),
        "path": path,
        "owns": list(one.owns),
        "reads": list(one.reads),
        "copy": list(one.copy),
        "title": one.title,
    }


def of(session: Session, run: Run) -> Report:
    """What became of a run."""
    rows = [[str(part.level), part.name, part.state, seconds(part), commits(part), part.detail] for part in run.parts]
    missing = [part for part in run.parts if part.state not in MET]
    came = len(run.parts) - len(missing)
    return Report(
        data=lambda: as_json(run),
        table=Table(["LEVEL", "TASK", "STATE", "TIME", "COMMITS", "NOTE"], rows),
        talk=[
            f"run {run.id}: {came} of {len(run.parts)} came home to {run.base}",
            *_hints(session, missing),
        ],
        status=Status.PARTIAL if missing else Status.DONE,
    )


def _hints(session: Session, missing: Sequence[Part]) -> Iterator[str]:
    """What to run next, for everything that did not come home."""
    for part in missing:
        if part.state == "failed" and (way := _way_out(session, part)):
            yield f"hint: {part.name}: {way}"
    if missing:
        yield "hint: then git par run --resume"


def _way_out(session: Session, part: Part) -> str:
    """How to find out what is wrong with a task, or to mend it; empty where there is nothing of it."""
    see = f"see '{part.log}'" if part.reason in ("exit", "timeout") else ""
    task = session.tasks.get(part.name)
    if task is None or task.created != part.created:
        back = f"git par restore {quote(part.name)} brings back what it made" if part.removed else ""
        return "; ".join(filter(None, (see, back)))
    if see:
        return see
    if part.reason == "gone" and registry.checkout(session.repo, Path(task.path)) is None:
        return f"git par doctor; git par merge {quote(part.name)} brings home what is committed"
    go = names.going_to(Path(task.path), session.repo.cwd)
    if part.reason in ("conflict", "gate"):
        return f"{'solve' if part.reason == 'conflict' else 'mend'} it where it was made: {go}git par sync"
    return f"mend it where it was made: {go}git status"


def seconds(part: Part) -> str:
    """How long its worker took, for people."""
    if part.seconds is None:
        return ""
    whole = round(part.seconds)
    return f"{whole // 60}:{whole % 60:02}" if whole >= 60 else f"{part.seconds:.1f} s"


def commits(part: Part) -> str:
    """How many commits its worker made, for people."""
    return "" if part.commits is None else str(part.commits)


def as_json(run: Run) -> dict[str, Any]:
    """A run as reports show it."""
    return {
        "id": run.id,
        "file": run.file or None,
        "base": run.base,
        "state": run.state,
        "began": run.began,
        "ended": run.ended or None,
        "tasks": [_task(part) for part in run.parts],
        "merges": run.merges,
    }


def _task(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "level": part.level,
        "state": part.state,
        "reason": part.reason or None,
        "detail": part.detail or None,
        "exit": part.exit,
        "seconds": part.seconds,
        "commits": part.commits,
        "landed": part.landed or None,
        "removed": part.removed,
        "log": part.log or None,
    }
