"""`git par remove` and the removing half of `git par prune`: look, keep, take away, record.

A task that must stay is reported with every reason; one that another process removed meanwhile is simply gone.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from shlex import quote

from git_par import beside, interrupts
from git_par.commands import choose, facts, older
from git_par.commands.remove_report import Removed, Sweep
from git_par.errors import Status
from git_par.landing import integrated
from git_par.landing.integrated import Verdict
from git_par.report import Report
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    aside,
    clones,
    hooks,
    meeting,
    reasons,
    registering,
    registry,
    removal,
    secrets,
    trash,
    usage,
)
from git_par.workspaces.hooks import Hooks, Matter
from git_par.workspaces.kept import Keepsake
from git_par.workspaces.reasons import Reason
from git_par.workspaces.usage import User


def run(session: Session, names: Sequence[str], *, force: bool, dry_run: bool, older_than: str | None = None) -> Report:
    """Remove the named tasks, each only when nothing would be lost, or, by force, when all of it can be kept."""
    limit = older.before(older_than) if older_than is not None else None
    if not names:
        names = choose.tasks(session, "remove", "NAME...", several=True)
        session = session.naming(*names)
    named = list({task.name: task for task in map(session.named, names)}.values())
    wanted = [task for task in named if older.is_from_before(task, limit)]
    with session.journal.operation() as operation:
        swept = sweep(session, wanted, operation, standing_too=True, new_too=True, force=force, dry_run=dry_run)
    swept.left += [(task, [Reason("young", f"not older than {older_than}")]) for task in named if task not in wanted]
    swept.offers_force = not force
    status = Status.FAILED if swept.problems else Status.DONE
    if swept.left:
        status = Status.PARTIAL if swept.removed else Status.REFUSED
    return Report(data=swept.data, lines=swept.lines(), talk=swept.talk, status=status)


def sweep(
    session: Session,
    wanted: Sequence[Task],
    operation: Open,
    *,
    standing_too: bool,
    new_too: bool,
    force: bool = False,
    dry_run: bool = False,
) -> Sweep:
    """Remove those of `wanted` that hold nothing which would be lost.

    `standing_too` means the task one stands in as well; `new_too` those in which nothing was ever committed;
    `force` keeps everything first that would be lost.
    """
    swept = Sweep(dry=dry_run)
    if not wanted:
        return swept
    if dry_run:
        session = clones.seeing(session)
    asked = None if dry_run else facts.hooks(session, "pre-remove", "post-remove")
    users = usage.users([Path(task.path) for task in wanted])
    for task in wanted:
        if task.state == "creating" and session.locks.is_held("task", task.name):
            swept.left.append((task, [Reason("creating", "it is still being made")]))
            continue
        terms = _Terms(users[Path(task.path)], standing_too=standing_too, new_too=new_too, force=force)
        matter = _ask(session, asked, task, terms) if asked else None
        if isinstance(matter, list):
            swept.left.append((task, matter))
            continue
        with session.locks.task(task.name):
            current = session.tasks.get(task.name)
            if current is None or current.created != task.created:
                continue
            # Killed, or undone in vain: somebody had taken its place.
            if not dry_run and aside.bring_in(session.repo, current):
                current = session.tasks.change(current.name, state="active") or current
            look = _look(session, current, terms)
            if not look.goes:
                swept.left.append((current, look.found))
                continue
            if current.state == "creating" and not dry_run:
                _abandon(session, current, operation, swept)
                continue
            if dry_run:
                swept.removed.append(Removed(current, look.tip, look.reason, None, look.standing))
                continue
            outcome = _remove(session, current, look.tip, operation, force=force)
            if isinstance(outcome, Reason):
                swept.left.append((current, [outcome]))
            else:
                swept.removed.append(Removed(current, look.tip, look.reason, outcome, look.standing, matter))
    _settle(session, swept, operation)
    if asked:
        _tell_hooks(asked, swept)
    return swept


@dataclass(frozen=True)
class _Terms:
    """On what terms a task may go, and who was seen in its workspace."""

    users: Sequence[User]
    standing_too: bool
    new_too: bool
    force: bool


@dataclass(frozen=True)
class _Look:
    """How a task stands: why it must stay, and why it can go if it does."""

    tip: str | None
    found: list[Reason]
    reason: str
    standing: bool
    goes: bool


def _look(session: Session, task: Task, terms: _Terms) -> _Look:
    standing = session.repo.top == Path(task.path)
    if not session.repo.git.seen and task.state == "active" and (why := meeting.catch_up(session.repo, task)):
        return _Look(None, [Reason("diverged", why.detail, why.hint)], "", standing, goes=False)
    tip = session.repo.git.commit(task.ref)
    if standing and not terms.standing_too:
        verdict = _verdict(session, task, tip)
        found = [Reason("standing", "you are standing in it", f"git par remove {quote(task.name)}")]
    else:
        patterns = session.settings.patterns("regenerable")
        finding = beside.begin(lambda: reasons.find(session.repo, task, patterns, terms.users))
        verdict = _verdict(session, task, tip)
        found = finding()
        found += _of_history(session, task, tip, verdict, found, new_too=terms.new_too)
    goes = not found or (terms.force and all(one.yields for one in found))
    reason = "forced" if found else "new" if facts.is_new(task, tip) else verdict.reason or "gone"
    return _Look(tip, found, reason, standing, goes)


def _ask(session: Session, asked: Hooks, task: Task, terms: _Terms) -> Matter | list[Reason] | None:
    """Ask the hooks about a task that could go now; what they are told of it, or why it stays.

    What a hook did there is seen by the look that decides, under the lock of the task.
    """
    current = session.tasks.get(task.name)
    if not (asked.wanted("pre-remove") or asked.wanted("post-remove")):
        return None
    if current is None or current.created != task.created or current.state != "active":
        return None  # it is gone, or what is half done is finished
    look = _look(session, current, terms)
    if not look.goes:
        return look.found
    told = {"tip": look.tip, "reason": look.reason, "kept": None}
    matter = replace(asked.about(current), removal=told)
    if why := asked.run("pre-remove", matter):
        return [Reason("vetoed", why, hooks.without("pre-remove", f"remove {quote(task.name)}"))]
    return matter


def _tell_hooks(asked: Hooks, swept: Sweep) -> None:
    for one in swept.removed:
        if one.matter is None:
            continue
        told = {"tip": one.tip, "reason": one.reason, "kept": one.kept_json()}
        if why := asked.run("post-remove", replace(one.matter, removal=told)):
            swept.problems.append(f"{one.task.name}: {why}")


def _verdict(session: Session, task: Task, tip: str | None) -> Verdict:
    bases = integrated.bases(session.repo, task)
    return integrated.verdict(session.repo, tip, bases, task.landed) if tip else Verdict()


def _of_history(
    session: Session, task: Task, tip: str | None, verdict: Verdict, found: Sequence[Reason], *, new_too: bool
) -> list[Reason]:
    """Why the task must stay by what is in its base, besides what was `found` in its workspace."""
    more: list[Reason] = []
    if session.repo.git.seen and clones.is_clone(task) and (why := meeting.apart(session.repo, task)):
        more.append(Reason("diverged", why.detail, why.hint))
    if task.state == "creating" or (found and found[0].word == "protected"):
        return more
    if tip is not None and facts.is_new(task, tip):
        if not new_too:
            more.append(
                Reason(
                    "new",
                    "nothing was committed in it yet",
                    f"git par remove {quote(task.name)}, or git par prune --new",
                )
            )
        # Its one commit was there before it was; whether the base still has it is not its doing.
        return more
    if verdict.reverted:
        more.append(
            Reason(
                "reverted",
                f"its landing in {task.base} was reverted",
                f"git log {quote(f'{task.base}..{task.branch}')}",
            )
        )
    elif tip is not None and verdict.reason is None:
        detail = f"not in {task.base}" + (", and in conflict with it" if verdict.conflict else "")
        way = "sync" if verdict.conflict else "merge"  # a conflict is solved in the workspace
        more.append(Reason("unmerged", detail, f"git par {way} {quote(task.name)}"))
    return more


def _remove(session: Session, task: Task, tip: str | None, operation: Open, *, force: bool) -> Keepsake | Reason:
    """The point of no return is inside: from the rename on, what is half done is finished by the next removal."""
    operation.entry.task(task, None)
    operation.entry.ref(task.ref, tip, None)
    operation.write()
    with interrupts.held():
        return _take_away(session, task, tip, operation, force=force)


def _take_away(session: Session, task: Task, tip: str | None, operation: Open, *, force: bool) -> Keepsake | Reason:
    secret = secrets.of(session.settings, registry.git_dir(session.repo, Path(task.path)))
    patterns = session.settings.patterns("regenerable")
    session.tasks.change(task.name, state="removing")
    outcome = removal.remove(session.repo, task, tip, patterns, secret=secret, force=force)
    if isinstance(outcome, Reason):
        session.tasks.put(task)
        del operation.entry.tasks[task.name], operation.entry.refs[task.ref]
    else:
        operation.entry.kept[task.name] = outcome.stamp
        operation.write()
        session.tasks.drop(task.name)
    return outcome


def _abandon(session: Session, task: Task, operation: Open, swept: Sweep) -> None:
    why = removal.abandon(session.repo, task)
    if why:
        swept.left.append((task, [why]))
        return
    operation.entry.task(task, None)
    session.tasks.drop(task.name)
    swept.removed.append(Removed(task, None, "unfinished", None))


def _settle(session: Session, swept: Sweep, operation: Open) -> None:
    """What a removal leaves to do, outside of the tasks' locks: settings of the branch, tasks based on it, the bytes."""
    if swept.dry or not swept.removed:
        return
    heirs = {one.task.branch: one.task.base for one in swept.removed}
    for one in swept.removed:
        with session.locks.repository():
            removal.forget_settings(session.repo, one.task.branch)
    for task in session.tasks.all():
        base, seen = task.base, set()
        while base in heirs and base not in seen:
            seen.add(base)
            base = heirs[base]
        if base != task.base and session.repo.git.commit(f"refs/heads/{task.base}") is None:
            with session.locks.task(task.name):
                operation.entry.task(task, session.tasks.change(task.name, base=base))
            swept.moved.append((task.name, base))
    registering.sweep_dropped(session.repo)
    for workspaces in {Path(one.task.path).parent for one in swept.removed}:
        trash.sweep_later(workspaces)
