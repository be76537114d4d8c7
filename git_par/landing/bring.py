"""Bring a base into one task: what its branch becomes, planned by the same steps as a merge into a base."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from git_par.git import Git
from git_par.landing import audit, integrated, message, trees
from git_par.landing.attributes import Attributes
from git_par.landing.jobs import Clashing, Job, Made, Vetoed, Way
from git_par.landing.message import Words
from git_par.landing.planned import Strategy
from git_par.landing.select import Item
from git_par.landing.steps import Steps
from git_par.landing.workshop import Workshop
from git_par.names import going_to
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clones, in_progress, meeting, moved, registry, status


@dataclass(frozen=True)
class Left:
    """A task that was not brought up to date, and why; `hint` is what to run."""

    task: Task
    reason: str
    detail: str
    hint: str = ""


@dataclass(frozen=True)
class Arrival:
    """The base, at the commit `base`, that comes into the task `task`, which stands at `tip`; both as ids.

    With `rebase` the task comes onto the base instead.
    """

    task: Task
    base: str
    tip: str
    roots: tuple[str, ...]
    start: str | None
    rebase: bool

    @property
    def has_own(self) -> bool:
        """Whether the task has commits that its base has not; else it is fast-forwarded."""
        return self.roots != (self.tip,)


def look(session: Session, task: Task, *, rebase: bool) -> Arrival | Left | None:
    """What is to come into the task; None when it has all of its base."""
    repo = session.repo
    for one in (task, *(other for other in session.tasks.all() if other.branch == task.base)):
        if apart := meeting.reach(repo, one):
            return Left(task, "diverged", apart.detail, apart.hint)
    tips = repo.branches()
    base, tip = tips.get(f"refs/heads/{task.base}"), tips.get(task.ref)
    if base is None or tip is None:
        gone = task.base if base is None else task.branch
        return Left(task, "gone", f"branch '{gone}' is gone", f"git par set {quote(task.name)} --base BRANCH")
    if why := _unfit(session, task):
        return why
    roots = tuple(repo.git.run("merge-base", "--all", tip, base, ok=(0, 1)).out.split())
    if roots == (base,):
        return None
    if not roots:
        return Left(task, "unrelated", f"it has no history in common with {task.base}")
    if integrated.verdict(repo, tip, [(task.base, base)], task.landed).reverted:
        return Left(task, "reverted", f"{task.base} reverted it", f"git par merge {quote(task.name)}")
    start = integrated.start(repo, tip, base, task.landed)
    if start is None and rebase:
        start = _left_behind(session, task, tip, tips)
    return Arrival(task, base, tip, roots, start, rebase)


def _left_behind(session: Session, task: Task, tip: str, tips: Mapping[str, str]) -> str | None:
    """Where a task stacked on another left it, when that was rebased since: its old commits are not the task's own."""
    if not any(one.branch == task.base for one in session.tasks.all()):
        return None
    git = session.repo.git
    fork = git.run("merge-base", "--fork-point", f"refs/heads/{task.base}", tip, ok=(0, 1)).out.strip()
    if not fork or git.holds("merge-base", "--is-ancestor", fork, tips[f"refs/heads/{task.base}"]):
        return None
    return fork


def plan(session: Session, one: Arrival) -> Made | Clashing | Left:
    """The commit that the task's branch is to become, audited."""
    repo, task = session.repo, one.task
    if not one.has_own:
        return Made(one.base)
    if one.rebase and (why := _refused(task)):
        return Left(task, "vetoed", why, f"{_go(session, task)}git rebase {quote(task.base)}, to see what stops it")
    landed = (one.start,) if one.start else ()
    if one.rebase:
        way = Way(repo, Strategy.REBASE, Words(task.base))
        job = Job(Item(task.name, task.branch, task), one.base, one.tip, one.roots, bases(session, one), landed)
    else:
        way = Way(repo, Strategy.NO_FF, words(session, one))
        job = Job(came_from(task), one.tip, one.base, one.roots, bases(session, one), landed, shown(session, one))
    with Workshop(session, way, task.base if one.rebase else task.branch).opened() as workshop:
        done = Steps(way, Attributes(repo, job.onto, (job.tip,)), workshop).take(job)
    if isinstance(done, Clashing):
        return done
    if isinstance(done, Vetoed):
        verb = "rebase" if one.rebase else "merge"
        hint = f"{_go(session, task)}git {verb} {quote(task.base)}, to see what stops it"
        return Left(task, "vetoed", done.why, hint)
    if done is None:
        return Made(one.base)  # all that the task had is in its base
    if alarms := audit.check(repo, [done.steps]).alarms[0]:
        detail = "the merge would not keep a change as it is: " + "; ".join(map(str, alarms[:3]))
        return Left(task, "audit", detail, f"{_go(session, task)}git merge --no-commit {quote(task.base)}")
    return done


def _refused(task: Task) -> str:
    """Why the pre-rebase hook does not let the task be rebased (githooks(5)); empty when it does."""
    hook = ("hook", "run", "--ignore-missing", "pre-rebase", "--", task.base)
    reply = Git(Path(task.path)).run(*hook, ok=range(256), hooks=True)
    if reply.code == 0:
        return ""
    said = f"{reply.err}\n{reply.out}".split("\n")
    return next((line for line in said if line.strip()), f"the pre-rebase hook ended with status {reply.code}")


def words(session: Session, one: Arrival) -> Words:
    """The words of the merge of the base."""
    return message.words(session.repo, one.task.branch, one.tip, None)


def came_from(task: Task) -> Item:
    """The base of `task` as what is merged."""
    return Item(task.base, task.base)


def shown(session: Session, one: Arrival) -> str | None:
    """The base as git has to be shown it, when the history that it has lacks the merge base that counts."""
    return trees.on_bases(session.repo, one.base, bases(session, one)) if one.start else None


def bases(session: Session, one: Arrival) -> tuple[str, ...]:
    """The merge bases that count."""
    return integrated.merge_bases(session.repo, one.roots, (one.start,) if one.start else ())


def _unfit(session: Session, task: Task) -> Left | None:
    """Why the workspace cannot take a merge now."""
    path = Path(task.path)
    git, directory = registry.checkout(session.repo, path), registry.git_dir(session.repo, path)
    if git is None or directory is None:
        if why := moved.told(session.repo, task):
            return Left(task, "broken", why, moved.HINT)
        detail = f"its workspace '{path}' is gone or damaged"
        mend = "git par doctor" if clones.is_clone(task) else f"git worktree repair {quote(str(path))}"
        return Left(task, "broken", detail, mend)
    if busy := in_progress.operation(directory):
        verb = {"a merge": "merge", "a rebase": "rebase"}.get(busy)
        how = f"git {verb} --continue, or git {verb} --abort" if verb else "git status"
        return Left(task, "operation", f"{busy} is in progress in it", f"{_go(session, task)}{how}")
    on = status.read(git, untracked="no").branch
    if on != task.branch:
        where = f"branch '{on}'" if on else "a detached HEAD"
        return Left(task, "other-branch", f"it is on {where}", f"git -C {quote(str(path))} switch {quote(task.branch)}")
    return None


def _go(session: Session, task: Task) -> str:
    return going_to(Path(task.path), session.repo.cwd)
