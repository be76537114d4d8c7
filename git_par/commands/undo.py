"""`git par undo`: take an operation back, and with it, by the same steps, what was taken back before."""

from collections.abc import Sequence
from dataclasses import replace

from git_par import interrupts, streams
from git_par.commands import facts, log, undo_reach, undo_steps
from git_par.commands.undo_steps import Move, Step
from git_par.errors import ParError, Refused, Status, UsageError
from git_par.report import Report
from git_par.state import journal
from git_par.state.journal import Open, Past
from git_par.state.session import Session


def run(session: Session, wanted: str | None, *, dry_run: bool) -> Report:
    """Take back the operation `wanted`, else the last one of this user from this checkout."""
    if dry_run:
        target, _ = _chosen(session, wanted)
        return _report(session, target, _checked(session, target), None)
    hooks = facts.hooks(session, "post-add", "pre-remove", "post-remove")
    with session.locks.journal():
        target, again = _chosen(session, wanted)
        steps = _checked(session, target)
        with session.journal.operation(again) as operation:
            operation.entry.undoes = target.name
            with interrupts.held():
                well = _take(session, steps, operation)
                _mark(session, target, "undone")
    for step in steps:
        task = session.tasks.get(step.task.name) if isinstance(step, undo_steps.Return) else None
        if task and (problem := hooks.added(task)):
            session.tell(f"{task.name}: {problem}")
            well = False
    return replace(_report(session, target, steps, operation), status=Status.DONE if well else Status.FAILED)


def _chosen(session: Session, wanted: str | None) -> tuple[Past, Past | None]:
    """The operation to take back, and the undo of it that was cut off and is to be finished, if there is one."""
    past = session.journal.find(wanted) if wanted is not None else _last(session)
    if past.entry.undoes and past.entry.state == "started" and not past.is_running():
        return session.journal.find(past.entry.undoes), past
    if past.entry.state == "expired":
        raise Refused(f"{past.id}: expired: what was kept for it is gone", hint="see 'git par log'")
    if past.is_running():
        raise Refused(f"{past.id}: it is still running", hint="wait for it, or see 'git par log'")
    undos = [one for one in session.journal.all(lambda _: None) if one.entry.undoes == past.name]
    if past.entry.state == "undone":
        done = next((one for one in undos if one.entry.state == "done"), None)
        hint = f"git par undo {done.id}, to have it done again" if done else "see 'git par log'"
        raise Refused(f"{past.id}: it was undone already", hint=hint)
    return past, next((one for one in undos if one.entry.state == "started" and not one.is_running()), None)


def _last(session: Session) -> Past:
    """The last own operation from this checkout that stands; those of others that came after it are shown."""
    own = (journal.user(), str(session.repo.top or session.repo.common))
    others: list[Past] = []
    for past in session.journal.all(session.tell):
        entry = past.entry
        is_own = (entry.user, entry.checkout) == own
        if is_own and (entry.state == "done" or (entry.undoes and entry.state == "started" and not past.is_running())):
            break
        if not is_own and entry.state in ("started", "done"):
            others.append(past)
    else:
        raise UsageError("undo: nothing was done from this checkout", hint="git par undo ID; see 'git par log'")
    for other in others[:5]:
        session.tell(f"newer, and not undone: {other.id}, by {other.entry.user}: git par {log.command(other.entry)}")
    if others and not streams.has_terminal():
        raise UsageError(
            f"undo: newer operations by others or from elsewhere: {len(others)}",
            hint=f"git par undo {past.id}, to take back: git par {log.command(past.entry)}",
        )
    return past


def _checked(session: Session, target: Past) -> list[Step]:
    """The steps that take `target` back; Refused with everything that stands in their way."""
    steps = undo_steps.plan(session, target.entry)
    if not steps:
        raise Refused(f"{target.id}: it left nothing to take back", hint="see 'git par log'")
    found = []
    for step in steps:
        found += step.obstacles(session)
        if isinstance(step, Move) and step.backwards and session.repo.git.commit(step.ref) == step.here:
            found += undo_reach.find(session, target.entry, step)
    if found:
        why = "; ".join(one.why for one in found)
        hint = next((one.hint for one in found if one.hint), "see 'git par log'")
        raise Refused(f"{target.id}: not undone: {why}", hint=hint)
    return steps


def _take(session: Session, steps: Sequence[Step], operation: Open) -> bool:
    """Carry out all steps; what fails at the first leaves no trace, what fails later is finished by the next undo.

    Whether the user's hooks went well.
    """
    well = True
    for number, step in enumerate(steps):
        try:
            well = step.take(session, operation, number) and well
        except ParError as error:
            if number == 0:
                operation.forget()
            else:
                error.hint = f"{error.hint + '; then ' if error.hint else ''}git par undo finishes it"
            raise
    return well


def _mark(session: Session, past: Past, state: str) -> None:
    """An undone operation is undone; when it was an undo itself, what that took back is done again."""
    past.mark(state)
    if past.entry.undoes:
        try:
            below = session.journal.find(past.entry.undoes)
        except ParError as error:
            session.tell(error.message)
            return
        _mark(session, below, "done" if state == "undone" else "undone")


def _report(session: Session, target: Past, steps: Sequence[Step], operation: Open | None) -> Report:
    word = "undone" if operation else "would be undone"
    stays = [ref.removeprefix("refs/heads/") for ref in target.entry.work if session.repo.git.commit(ref)]
    talk = [f"{name}: what was committed there stays" for name in stays]
    name = operation.file.stem if operation else None
    if name:
        talk.append(f"hint: git par undo {session.journal.id(name)} takes that back")
    return Report(
        data=lambda: {
            "undone": log.as_json(target),
            "operation": name,
            "steps": [{"kind": type(step).__name__.lower(), "detail": step.said} for step in steps],
        },
        lines=[f"{word}: git par {log.command(target.entry)}", *(f"  {step.said}" for step in steps)],
        talk=talk,
    )
