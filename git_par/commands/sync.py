"""`git par sync`: bring the base into tasks, in the workspaces where conflicts are solved.

A clean merge or rebase is planned in the object database and published into the workspace as any merge is, so uncommitted
work stays as it is.  Markers are left only for the one task that was named, or where that was asked for.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote

from git_par import interrupts
from git_par.commands import sync_report as report
from git_par.commands.sync_report import Moved, Synced
from git_par.errors import Busy, GitFailed, Refused, Status, UsageError
from git_par.landing import bring, publish, signing, solve
from git_par.landing.bring import Arrival, Left
from git_par.landing.jobs import Clashing, Made
from git_par.landing.pins import LostError, Pins
from git_par.names import some
from git_par.report import Report
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import provision, usage
from git_par.workspaces.usage import User

_REPLANS = 20


@dataclass(frozen=True)
class Options:
    """What was asked for."""

    names: tuple[str, ...] = ()
    every: bool = False
    rebase: bool = False
    conflicts: bool = False
    """Leave markers in every task that conflicts."""


def run(session: Session, options: Options) -> Report:
    """Sync the named tasks, else the one whose workspace one stands in."""
    wanted = _wanted(session, options)
    alone = len(wanted) == 1 and not options.every
    users: dict[Path, list[User]] = {}
    if not alone and wanted:
        users = usage.users([Path(task.path) for task in wanted])
    if wanted and signing.is_wanted(session.repo):
        signing.check(session.repo)
    done = Synced()
    with session.journal.operation() as operation:
        for task in wanted:
            if found := users.get(Path(task.path)):
                who = some([f"{user.command} (process {user.pid})" for user in found])
                done.left.append(Left(task, "in-use", f"in use by {who}", _again(task, options)))
                continue
            sync = _Sync(session, options, done, operation)
            try:
                sync.one(task, markers=alone or options.conflicts)
            except (Refused, Busy, GitFailed) as error:
                if alone:
                    raise
                done.left.append(Left(task, "failed", error.about(task.name), error.hint))
    for moved in done.synced:
        provision.follow(session, moved.task, moved.before, moved.after)
    talk = [*done.problems, *(f"left {one.task.name}: {one.detail}" for one in done.left)]
    talk += [f"hint: {one.hint}" for one in done.left if one.hint]
    talk += [hint for one, _, started in done.conflicted for hint in report.way_on(session, one, started=started)]
    if options.rebase:
        talk += report.stacked(session, done)
    if not wanted:
        talk.append("nothing to sync: there are no tasks")
    ended = Status.PARTIAL if done.conflicted or done.left else Status.FAILED if done.problems else Status.DONE
    return Report(data=done.data, lines=done.lines(), talk=talk, status=ended)


def _wanted(session: Session, options: Options) -> list[Task]:
    if options.every:
        if options.names:
            raise UsageError("--all: not together with names", hint="name the tasks, or leave the names out")
        return _bases_first([task for task in session.tasks.all() if task.state == "active"])
    if options.names:
        return _bases_first(list({task.name: task for task in map(session.named, options.names)}.values()))
    here = session.here()
    if here is None:
        raise UsageError(
            "sync: nothing named, and this is not the workspace of a task",
            hint="git par sync NAME…, or git par sync --all",
        )
    return [here]


def _bases_first(tasks: Sequence[Task]) -> list[Task]:
    """The tasks in their order, but none before the one that it is based on."""
    by_branch = {task.branch: task for task in tasks}

    def depth(task: Task) -> int:
        below: list[str] = []
        while task.base in by_branch and task.base not in below:
            below.append(task.base)
            task = by_branch[task.base]
        return len(below)

    return sorted(tasks, key=depth)


@dataclass(frozen=True)
class _Sync:
    """One run of the verb."""

    session: Session
    options: Options
    done: Synced
    operation: Open

    def one(self, task: Task, *, markers: bool) -> None:
        """Bring one task up to date; plan again when somebody commits in it meanwhile."""
        for _ in range(_REPLANS):
            found = bring.look(self.session, task, rebase=self.options.rebase)
            if found is None:
                self.done.current.append(task)
                return
            made = bring.plan(self.session, found) if isinstance(found, Arrival) else found
            if isinstance(made, Left):
                self.done.left.append(made)
                return
            assert isinstance(found, Arrival)
            if isinstance(made, Clashing):
                self._conflict(found, made.paths, markers=markers)
                return
            if self._published(found, made):
                return
        raise Busy(f"{task.name}: it kept moving", hint="run the command again when nobody commits there")

    def _published(self, one: Arrival, made: Made) -> bool:
        """Whether the task stands where it was planned to, or could not be moved; False when it moved meanwhile."""
        session, task, entry = self.session, one.task, self.operation.entry
        where: publish.Place | None = None
        replayed = one.rebase and one.has_own
        kept = ""

        def ready(place: publish.Place | None) -> None:
            nonlocal where, kept
            where = place
            kept = self._keep(one) if replayed else ""
            entry.ref(task.ref, one.tip, made.commit)
            self.operation.write()

        try:
            with Pins(session.repo) as pins, session.locks.base(task.branch), interrupts.held():
                pins.hold(made.commit, one.tip)
                if not publish.publish(
                    session.repo,
                    base=task.branch,
                    before=one.tip,
                    after=made.commit,
                    note=f"git-par sync: {task.base}",
                    ready=ready,
                    replayed=replayed,
                ):
                    self._forget(one, kept)
                    return False
                if task.placed == one.tip:
                    with session.locks.task(task.name):
                        entry.task(task, session.tasks.change(task.name, placed=made.commit))
                self.operation.write()
        except LostError:
            return False
        except Refused as error:
            self._forget(one, kept)
            self.done.left.append(Left(task, "dirty", error.about(task.name), error.hint))
            return True
        self.done.synced.append(Moved(task, one.tip, made.commit, made.private))
        if where and not one.rebase and (problem := publish.run_post_merge(session.repo, where)):
            self.done.problems.append(f"{task.name}: {problem}")
        return True

    def _keep(self, one: Arrival) -> str:
        """Keep the commits that a rebase makes again: afterwards only reflogs know them; the ref that does."""
        keep = f"refs/par/kept/{one.task.slug}/{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}/tip"
        self.session.repo.git.run("update-ref", "--create-reflog", "-m", "git-par: kept", keep, one.tip, "")
        return keep

    def _forget(self, one: Arrival, kept: str) -> None:
        """The task did not move."""
        self.operation.entry.refs.pop(one.task.ref, None)
        if kept:
            self.session.repo.git.run("update-ref", "-d", kept, one.tip)

    def _conflict(self, one: Arrival, clashes: tuple[str, ...], *, markers: bool) -> None:
        """Start the merge where it is to be solved, when that was asked for and nothing uncommitted stands there."""
        if not markers or (one.rebase and not solve.can_rebase(self.session, one)):
            self.done.conflicted.append((one, clashes, False))
            return
        kept = self._keep(one) if one.rebase else ""
        try:
            after = solve.start(self.session, one).after
        except (Refused, GitFailed):
            self._forget(one, kept)
            raise
        if after is None:
            self.done.conflicted.append((one, clashes, True))
            return
        self.operation.entry.ref(one.task.ref, one.tip, after)
        self.operation.write()
        self.done.synced.append(Moved(one.task, one.tip, after, ""))


def _again(task: Task, options: Options) -> str:
    return f"git par sync{' --rebase' if options.rebase else ''} {quote(task.name)}"
