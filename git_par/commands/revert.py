"""`git par revert`: one landed task back out of its base, as a new commit."""

from shlex import quote

from git_par.errors import Status
from git_par.landing import message, revert, signing
from git_par.landing.revert import Reverted
from git_par.report import Report
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import kept


def run(session: Session, name: str, *, dry_run: bool) -> Report:
    """Revert the landing of the task `name` and report."""
    task = _landed(session, name)
    if not dry_run:
        message.committer(session.repo)  # better to hear of it before the work
        if signing.is_wanted(session.repo):
            signing.check(session.repo)
    with session.journal.operation() as operation:
        done = revert.revert(session, task, operation, dry_run=dry_run)
    moves = done.after != done.before
    return Report(
        data=lambda: {
            "reverted": {
                "name": task.name,
                "branch": task.branch,
                "base": done.base,
                "landed": {"onto": done.onto, "commit": done.commit},
                "before": done.before,
                "after": done.after,
                "published": moves and not dry_run,
                "files": list(done.files),
                "detail": done.veto or None,
                "private": done.private or None,
            }
        },
        lines=[_line(done, dry=dry_run)],
        talk=_talk(session, done, dry=dry_run),
        status=Status.DONE if moves else Status.PARTIAL,
    )


def _landed(session: Session, name: str) -> Task:
    """The task `name` as it is recorded, else as it was when it was removed."""
    if name != "." and session.tasks.get(name) is None:
        for keepsake in kept.find(session.repo, name):
            if keepsake.task.landed:
                return keepsake.task
    return session.named(name)


def _line(done: Reverted, *, dry: bool) -> str:
    if done.files:
        return f"{done.base}: {done.task.name} not reverted, in conflict: {', '.join(done.files)}"
    if done.veto:
        return f"{done.base}: {done.task.name} not reverted: {done.veto}"
    how = f", made in a private workspace ({done.private})" if done.private else ""
    word = "would be reverted" if dry else "reverted"
    return f"{done.base}: {done.task.name} {word} ({done.before[:8]}..{done.after[:8]}){how}"


def _talk(session: Session, done: Reverted, *, dry: bool) -> list[str]:
    if done.after == done.before:
        is_merge = session.repo.git.run("rev-parse", "--quiet", "--verify", f"{done.commit}^2", ok=range(256)).code == 0
        what = f"-m 1 {done.commit[:12]}" if is_merge else f"{done.onto[:12]}..{done.commit[:12]}"
        return [f"hint: solve it by hand, where {done.base} is checked out: git revert {what}"]
    if dry:
        return []
    name = quote(done.task.name)
    first = "" if session.tasks.get(done.task.name) else f"git par restore {name}, then "
    return [f"hint: {first}git par merge {name} brings it back, with what is committed in it until then"]
