"""`git par prune`: remove every task that is safely in, and say why the others stay."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from git_par.commands import remove
from git_par.errors import Status, UsageError
from git_par.render import Report
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import expiry

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def run(session: Session, *, new: bool, older_than: str | None, dry_run: bool) -> Report:
    """Look at all tasks and remove the integrated ones; what stays is not a failure."""
    wanted: Sequence[Task] = session.tasks.all()
    if older_than is not None:
        limit = _before(older_than)
        wanted = [task for task in wanted if datetime.fromisoformat(task.created) < limit]
    with session.journal.operation() as operation:
        swept = remove.sweep(session, wanted, operation, standing_too=False, new_too=new, dry_run=dry_run)
    talk = list(swept.talk)
    if not swept.removed and not swept.left:
        talk.append("nothing to prune: there are no tasks" + (" that old" if older_than else ""))
    status = Status.FAILED if swept.problems else Status.DONE
    return Report(data=swept.data, lines=swept.lines(), talk=talk, status=status)


def kept(session: Session, *, older_than: str | None, dry_run: bool) -> Report:
    """Sweep what removals kept longer than `par.keepDays` ago, or than `older_than`."""
    limit = datetime.now(UTC) - timedelta(days=session.settings.number("keepDays"))
    if older_than is not None:
        limit = _before(older_than)
    swept = []
    for keepsake in list(expiry.old(session, limit)):
        if not dry_run:
            expiry.sweep(session, keepsake)
        swept.append(keepsake)
    if not dry_run:
        expiry.sweep_unfinished(session, limit)
    word = "would sweep" if dry_run else "swept"
    return Report(
        data=lambda: {
            "removed": [],
            "left": [],
            "swept": [
                {"name": one.task.name, "ref": one.ref, "files": str(one.files) if one.files else None} for one in swept
            ],
        },
        lines=[f"{word} {one.task.name} (kept at {one.stamp})" for one in swept],
        talk=[] if swept else ["nothing to sweep: nothing kept is that old"],
    )


def _before(text: str) -> datetime:
    """The time `90m`, `12h`, `3d` or `2w` ago."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text)
    if not found:
        raise UsageError(f"--older-than {text}: not an age", hint="write 90m, 12h, 3d or 2w")
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise UsageError(f"--older-than {text}: before all time", hint="write 90m, 12h, 3d or 2w") from None
