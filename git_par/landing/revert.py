"""Take one landed task back out of the branch it landed in, and publish that as any merge is."""

from dataclasses import dataclass
from shlex import quote

from git_par import interrupts
from git_par.errors import Busy, Refused
from git_par.landing import audit, integrated, publish, takeback
from git_par.landing.jobs import Clashing, Made, Vetoed, Way
from git_par.landing.message import Words
from git_par.landing.pins import LostError, Pins
from git_par.landing.planned import Strategy
from git_par.landing.select import Item
from git_par.repo import Repo
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Landed, Task

_REPLANS = 20


@dataclass(frozen=True)
class Reverted:
    """What became of it: the branch `base` went from `before` to `after`, which are the same when that was not to be.

    `onto` and `commit` are the branch around the landing.  `files` are in conflict; `veto` is why it cannot be otherwise.
    """

    task: Task
    base: str
    before: str
    after: str
    onto: str
    commit: str
    files: tuple[str, ...] = ()
    veto: str = ""
    private: str = ""


def revert(session: Session, task: Task, operation: Open, *, dry_run: bool) -> Reverted:
    """Revert the landing of `task`; planned again when the branch moves meanwhile."""
    landed = task.landed
    if landed is None:
        raise Refused(
            f"{task.name}: git-par did not merge it",
            hint=f"git par merge {quote(task.name)}, or 'git revert' of the commit that brought it",
        )
    for _ in range(_REPLANS):
        found = _look(session, task, landed)
        try:
            with Pins(session.repo) as pins:
                done = _plan(session, found, dry_run=dry_run)
                if dry_run or done.after == done.before:
                    return done
                pins.hold(done.after, done.before)
                if _publish(session, done, operation):
                    return done
        except LostError:
            continue
    raise Busy(f"{landed.into}: it kept moving", hint="run the command again when fewer others commit there")


def _look(session: Session, task: Task, landed: Landed) -> Reverted:
    """Where the branch and the landing stand now; Refused when there is nothing to revert."""
    repo, name = session.repo, quote(task.name)
    before = repo.git.commit(f"refs/heads/{landed.into}")
    if before is None:
        raise Refused(
            f"{task.name}: it landed in {landed.into}, which is gone", hint="see 'git branch' and 'git par log'"
        )
    publish.target(repo, landed.into)  # refuses early what it would refuse at the end
    onto = landed.onto or _parent(repo, task, landed)
    if repo.git.run("merge-base", "--is-ancestor", landed.commit, before, ok=range(256)).code:
        raise Refused(
            f"{task.name}: its landing {landed.commit[:8]} is not in {landed.into} any more",
            hint=f"git par merge {name}",
        )
    if integrated.verdict(repo, landed.tip, [(landed.into, before)], landed).reverted:
        raise Refused(f"{task.name}: {landed.into} reverted it already", hint=f"git par merge {name} brings it back")
    return Reverted(task, landed.into, before, before, onto, landed.commit)


def _parent(repo: Repo, task: Task, landed: Landed) -> str:
    """Where the branch stood before a landing that was recorded without that: of a merge it is the first parent."""
    parents = repo.git.run("rev-parse", "--verify", "--quiet", f"{landed.commit}^2", ok=range(256))
    if parents.code:
        raise Refused(
            f"{task.name}: an older git-par recorded its landing, without where it began",
            hint=f"git revert {landed.commit[:12]}, and the commits of it before that one",
        )
    return repo.git.line("rev-parse", f"{landed.commit}^1")


def _plan(session: Session, found: Reverted, *, dry_run: bool) -> Reverted:
    repo, task = session.repo, found.task
    item = Item(task.name, task.branch, task)
    way = Way(repo, Strategy.SQUASH, Words(found.base, sign=not dry_run))
    place = takeback.Place(session, way, found.base, item, found.before)
    done = takeback.take(place, found.onto, found.commit)
    match done:
        case None:
            raise Refused(f"{task.name}: {found.base} has nothing of it any more", hint=f"git log {quote(found.base)}")
        case Clashing():
            return _kept_out(found, files=done.paths)
        case Vetoed():
            return _kept_out(found, veto=done.why)
        case Made():
            if alarms := audit.check(repo, [done.steps]).alarms[0]:
                detail = "the revert would not keep a change as it is: " + "; ".join(map(str, alarms[:3]))
                return _kept_out(found, veto=detail)
            return Reverted(task, found.base, found.before, done.commit, found.onto, found.commit, private=done.private)


def _kept_out(found: Reverted, *, files: tuple[str, ...] = (), veto: str = "") -> Reverted:
    return Reverted(found.task, found.base, found.before, found.before, found.onto, found.commit, files, veto)


def _publish(session: Session, done: Reverted, operation: Open) -> bool:
    """Move the branch, unless that moved meanwhile; the journal has the step before anything does."""
    ref = f"refs/heads/{done.base}"

    def ready(_: publish.Place | None) -> None:
        operation.entry.ref(ref, done.before, done.after)
        operation.write()

    note = f"git-par revert: {done.task.name}"
    with session.locks.base(done.base), interrupts.held():
        if publish.publish(session.repo, base=done.base, before=done.before, after=done.after, note=note, ready=ready):
            return True
    operation.entry.refs.pop(ref, None)
    return False
