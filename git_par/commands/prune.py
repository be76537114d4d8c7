"""`git par prune`: remove every task that is safely in, and say why the others stay."""

from datetime import UTC, datetime, timedelta

from git_par.commands import older, remove
from git_par.errors import Status
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import expiry, remains


def run(session: Session, *, new: bool, older_than: str | None, dry_run: bool) -> Report:
    """Look at all tasks and remove the integrated ones; what stays is not a failure."""
    limit = older.before(older_than) if older_than is not None else None
    wanted = [task for task in session.tasks.all() if older.is_from_before(task, limit)]
    with session.journal.operation() as operation:
        swept = remove.sweep(session, wanted, operation, standing_too=False, new_too=new, dry_run=dry_run)
    talk = list(swept.talk)
    if not swept.removed and not swept.left:
        talk.append("nothing to prune: there are no tasks" + (" that old" if older_than else ""))
    status = Status.FAILED if swept.problems else Status.DONE
    return Report(data=swept.data, lines=swept.lines(), talk=talk, status=status)


def kept(session: Session, *, older_than: str | None, dry_run: bool) -> Report:
    """Sweep what removals kept longer than `par.keepDays` ago, or than `older_than`, and what else was put aside by then."""
    limit = datetime.now(UTC) - timedelta(days=session.settings.number("keepDays"))
    if older_than is not None:
        limit = older.before(older_than)
    swept = []
    for keepsake in list(expiry.old(session, limit)):
        if not dry_run:
            expiry.sweep(session, keepsake)
        swept.append(keepsake)
    if not dry_run:
        expiry.sweep_unfinished(session, limit)
    others = list(remains.old(session.repo, limit))
    for other in [] if dry_run else others:
        remains.sweep(session.repo, other)
    word = "would sweep" if dry_run else "swept"
    return Report(
        data=lambda: {
            "removed": [],
            "left": [],
            "swept": [
                {"name": one.task.name, "ref": one.ref, "files": str(one.files) if one.files else None} for one in swept
            ],
            "remains": [{"kind": one.kind, "name": one.name} for one in others],
        },
        lines=[
            *(f"{word} {one.task.name} (kept at {one.stamp})" for one in swept),
            *(f"{word} {one.name} ({one.kind})" for one in others),
        ],
        talk=[] if swept or others else ["nothing to sweep: nothing kept is that old"],
    )
