"""`git par log --runs`: the runs of task files in this repository, the newest first."""

from itertools import islice

from git_par.commands import run_report
from git_par.report import Report, Table
from git_par.runs.record import MET, Run, Runs
from git_par.state.session import Session


def run(session: Session, limit: int | None) -> Report:
    """Report all runs that are on record, or the newest `limit` of them."""
    runs = Runs(session)
    found = [(one, state(runs, one)) for one in islice(runs.all(session.tell), limit)]
    rows = [[one.id, one.began, how, one.base, home(one), what(one)] for one, how in found]
    return Report(
        data=lambda: {"runs": [{**run_report.as_json(one), "state": how} for one, how in found]},
        table=Table(["ID", "TIME", "STATE", "BASE", "HOME", "WHAT"], rows) if found else None,
        talk=() if found else ["nothing was run here yet"],
    )


def state(runs: Runs, one: Run) -> str:
    """How a run stands: a record says `running` until the end, also where nobody lives to write another word."""
    if runs.is_held(one):
        return "running"
    return "cut off" if one.state == "running" else one.state


def home(one: Run) -> str:
    """How many of its tasks came home."""
    return f"{sum(part.state in MET for part in one.parts)} of {len(one.parts)}"


def what(one: Run) -> str:
    """What was carried out: the task file, or the command of `--each`."""
    return one.file or f"--each -- {one.plan.command or ''}"
