"""`git par sync`: bring the base into tasks, in the workspaces where conflicts are solved.

A clean merge is planned in the object database and published into the workspace as any merge is, so uncommitted work stays
as it is.  Markers are left only for the one task that was named.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from shlex import quote
from typing import Any

from git_par import interrupts
from git_par.errors import Busy, GitFailed, Refused, Status, UsageError
from git_par.landing import integrated, message, publish, trees
from git_par.landing.select import Item
from git_par.names import going_to
from git_par.render import Report
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import registry, status, usage
from git_par.workspaces.usage import User

_REPLANS = 20


@dataclass(frozen=True)
class Left:
    """A task that was not brought up to date, and why; `hint` is what to run."""

    task: Task
    reason: str
    detail: str
    hint: str = ""


@dataclass
class Synced:
    """What a sync of several tasks came to."""

    synced: list[tuple[Task, str, str]] = field(default_factory=list)
    """Tasks with their commit before and after."""
    current: list[Task] = field(default_factory=list)
    """Tasks that had all of their base already."""
    conflicted: list[tuple[Task, tuple[str, ...], bool]] = field(default_factory=list)
    """Tasks, the files in conflict, and whether markers stand in the workspace."""
    left: list[Left] = field(default_factory=list)

    def data(self) -> dict[str, Any]:
        """The JSON of a sync."""
        return {
            "synced": [{"name": task.name, "before": before, "after": after} for task, before, after in self.synced],
            "current": [task.name for task in self.current],
            "conflicted": [
                {"name": task.name, "files": list(files), "started": started}
                for task, files, started in self.conflicted
            ],
            "left": [{"name": one.task.name, "reason": one.reason, "detail": one.detail} for one in self.left],
        }

    def lines(self) -> list[str]:
        """A line a task."""
        return [
            *(f"{task.name}: {task.base} is in now ({before[:8]}..{after[:8]})" for task, before, after in self.synced),
            *(f"{task.name}: up to date with {task.base}" for task in self.current),
            *(
                f"{task.name}: {'solve' if started else 'would conflict'}: {', '.join(files)}"
                for task, files, started in self.conflicted
            ),
        ]


def run(session: Session, names: Sequence[str], *, every: bool) -> Report:
    """Sync the named tasks, else the one whose workspace one stands in."""
    wanted = _wanted(session, names, every=every)
    alone = len(wanted) == 1 and not every
    users: dict[Path, list[User]] = {}
    if not alone and wanted:
        users = usage.users([Path(task.path) for task in wanted])
    done = Synced()
    with session.journal.operation() as operation:
        for task in wanted:
            if found := users.get(Path(task.path)):
                who = ", ".join(f"{user.command} (process {user.pid})" for user in found[:3])
                done.left.append(Left(task, "in-use", f"in use by {who}", f"git par sync {quote(task.name)}"))
                continue
            _sync(session, task, done, operation, markers=alone)
    talk = [f"left {one.task.name}: {one.detail}" for one in done.left]
    talk += [f"hint: {one.hint}" for one in done.left if one.hint]
    talk += [hint for task, _, started in done.conflicted for hint in _way_on(session, task, started=started)]
    if not wanted:
        talk.append("nothing to sync: there are no tasks")
    ended = Status.PARTIAL if done.conflicted or done.left else Status.DONE
    return Report(data=done.data, lines=done.lines(), talk=talk, status=ended)


def _wanted(session: Session, names: Sequence[str], *, every: bool) -> list[Task]:
    if every:
        if names:
            raise UsageError("--all: not together with names", hint="name the tasks, or leave the names out")
        return [task for task in session.tasks.all() if task.state == "active"]
    if names:
        return list({task.name: task for task in map(session.named, names)}.values())
    here = session.here()
    if here is None:
        raise UsageError(
            "sync: nothing named, and this is not the workspace of a task",
            hint="git par sync NAME…, or git par sync --all",
        )
    return [here]


def _sync(session: Session, task: Task, done: Synced, operation: Open, *, markers: bool) -> None:
    """Bring one task up to date; plan again when somebody commits in it meanwhile."""
    repo = session.repo
    for _ in range(_REPLANS):
        tips = repo.branches()
        base, tip = tips.get(f"refs/heads/{task.base}"), tips.get(task.ref)
        if base is None or tip is None:
            gone = task.base if base is None else task.branch
            done.left.append(
                Left(task, "gone", f"branch '{gone}' is gone", f"git par set {quote(task.name)} --base BRANCH")
            )
            return
        if why := _unfit(session, task):
            done.left.append(why)
            return
        roots = repo.git.run("merge-base", "--all", tip, base, ok=(0, 1)).out.split()
        if roots == [base]:
            done.current.append(task)
            return
        if not roots:
            done.left.append(Left(task, "unrelated", f"it has no history in common with {task.base}"))
            return
        if integrated.verdict(repo, tip, [(task.base, base)], task.landed).reverted:
            hint = f"git log {quote(task.base)}, and 'git revert' of that revert"
            done.left.append(Left(task, "reverted", f"{task.base} reverted it", hint))
            return
        if roots == [tip]:
            after = base
        else:
            merged = trees.merge(repo, tip, base)
            if merged.clashes:
                _conflict(session, task, base, merged.clashes, done, markers=markers)
                return
            words = message.words(repo, task.branch, tip, None)
            text = message.merge(repo, words, Item(task.base, task.base), base)
            after = trees.commit(repo, merged.tree, (tip, base), text)
        if _publish(session, task, tip, after, done, operation):
            return
    raise Busy(f"{task.name}: it kept moving", hint="run the command again when nobody commits there")


def _unfit(session: Session, task: Task) -> Left | None:
    """Why the workspace cannot take a merge now."""
    path = Path(task.path)
    git, directory = registry.checkout(session.repo, path), registry.git_dir(session.repo, path)
    if git is None or directory is None:
        return Left(
            task, "broken", f"its workspace '{path}' is gone or damaged", f"git worktree repair {quote(str(path))}"
        )
    if busy := registry.operation(directory):
        how = "git merge --continue, or git merge --abort" if busy == "a merge" else "git status"
        return Left(task, "operation", f"{busy} is in progress in it", f"{_go(session, task)}{how}")
    on = status.read(git, untracked="no").branch
    if on != task.branch:
        where = f"branch '{on}'" if on else "a detached HEAD"
        return Left(task, "other-branch", f"it is on {where}", f"git -C {quote(str(path))} switch {quote(task.branch)}")
    return None


def _publish(session: Session, task: Task, before: str, after: str, done: Synced, operation: Open) -> bool:
    def ready(_place: publish.Place | None) -> None:
        operation.entry.ref(task.ref, before, after)
        operation.write()

    try:
        with session.locks.base(task.branch), interrupts.held():
            note = f"git-par sync: {task.base}"
            if not publish.publish(session.repo, base=task.branch, before=before, after=after, note=note, ready=ready):
                operation.entry.refs.pop(task.ref, None)
                return False
            if task.placed == before:
                with session.locks.task(task.name):
                    operation.entry.task(task, session.tasks.change(task.name, placed=after))
            operation.write()
    except Refused as error:
        operation.entry.refs.pop(task.ref, None)
        done.left.append(Left(task, "dirty", error.message, error.hint))
        return True
    done.synced.append((task, before, after))
    return True


def _conflict(
    session: Session, task: Task, base: str, clashes: tuple[str, ...], done: Synced, *, markers: bool
) -> None:
    """Start the merge where it is to be solved, when that was asked for and nothing uncommitted stands there."""
    if not markers:
        done.conflicted.append((task, clashes, False))
        return
    path = Path(task.path)
    git = registry.checkout(session.repo, path)
    if git is None:
        raise GitFailed(f"'{path}': it is gone", hint="see 'git par list'")
    dirt = status.read(git, untracked="no").tracked_dirt
    if dirt:
        raise Refused(
            f"{task.name}: it conflicts with {task.base}, and has uncommitted changes: {', '.join(dirt[:3])}",
            hint=f"{_go(session, task)}git commit -a, then git par sync",
        )
    tip = session.repo.git.commit(task.ref) or ""
    merged = trees.merge(session.repo, tip, base)
    # A real merge would overwrite ignored files, and --no-overwrite-ignore does not hold it back (git-merge(1)).
    if blocked := publish.in_the_way(session.repo, git, tip, merged.tree):
        raise Refused(
            f"{task.name}: in the way in '{path}': {', '.join(blocked[:3])}",
            hint=f"move them away, then git par sync {quote(task.name)}",
        )
    text = message.merge(
        session.repo, message.words(session.repo, task.branch, base, None), Item(task.base, task.base), base
    )
    # A real merge: only that leaves the index, the markers and MERGE_HEAD that git merge --continue wants.
    reply = git.run(
        *("merge", "--no-ff", "--no-edit", "--no-autostash", "--no-squash", "--commit", "--quiet", "-m", text, base),
        ok=range(256),
        hooks=True,
    )
    directory = registry.git_dir(session.repo, path)
    if reply.code == 0:
        after = session.repo.git.commit(task.ref)
        done.synced.append((task, tip, after or tip))
    elif directory and registry.operation(directory):
        done.conflicted.append((task, clashes, True))
    else:
        why = next(iter(reply.err.strip().splitlines()), f"exit status {reply.code}")
        raise Refused(
            f"{task.name}: git did not start the merge: {why}",
            hint=f"{_go(session, task)}git merge {quote(task.base)}",
        )


def _way_on(session: Session, task: Task, *, started: bool) -> list[str]:
    if not started:
        return [f"hint: {_go(session, task)}git par sync, then git par merge {quote(task.name)}"]
    return [
        f"hint: solve and git add the files, then {_go(session, task)}git merge --continue"
        " (git merge --abort takes it back)",
        f"hint: then git par merge {quote(task.name)}",
    ]


def _go(session: Session, task: Task) -> str:
    return going_to(Path(task.path), session.repo.cwd)
