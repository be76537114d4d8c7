"""What is known of tasks, gathered from records, refs and workspaces; the JSON of a task."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from git_par import beside, render
from git_par.errors import GitFailed, ParError
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import clones, environment, meeting, moved, registry, status
from git_par.workspaces.hooks import Hooks
from git_par.workspaces.status import Status

if TYPE_CHECKING:  # who makes tasks shows nothing of them
    from git_par.landing.integrated import Verdict
    from git_par.landing.standing import Standings


@dataclass(frozen=True)
class Facts:
    """One task as it stands now; None is 'not asked' or 'cannot be told'."""

    task: Task
    state: str
    port: int
    head: str | None
    on: str | None
    tip: str | None
    ahead: int | None
    behind: int | None
    status: Status | None
    verdict: "Verdict"
    conflicts: tuple[str, ...]
    in_use: tuple[dict[str, Any], ...] | None
    size: int | None
    foreign: tuple[str, ...] = ()
    """Files that it changed, committed or not, and does not own."""
    apart: bool = False
    """Whether the branch moved both in the clone and here."""
    moved: str = ""
    """That its workspace was moved, and where to; empty when it was not."""

    def as_json(self) -> dict[str, Any]:
        """The task as every report shows it."""
        task, now = self.task, self.status
        dirt = now and {
            "staged": len(now.staged),
            "changed": len(now.changed),
            "untracked": len(now.untracked),
        }
        reason = self.verdict.reason and {"reason": self.verdict.reason, "into": self.verdict.into}
        return {
            "name": task.name,
            "branch": task.branch,
            "path": task.path,
            "base": task.base,
            "base_commit": task.base_commit,
            "isolation": task.isolation,
            "state": self.state,
            "group": task.group,
            "title": task.title,
            "created": task.created,
            "slot": task.slot,
            "port": self.port,
            "head": self.head,
            "on": self.on,
            "ahead": self.ahead,
            "behind": self.behind,
            "dirty": dirt,
            "integrated": reason,
            "conflicts": list(self.conflicts),
            "in_use": None if self.in_use is None else list(self.in_use),
            "size": self.size,
            "landed": asdict(task.landed) if task.landed else None,
            "protected": task.protected,
            "owns": list(task.owns),
            "foreign": list(self.foreign),
        }


def gather(session: Session, wanted: Sequence[Task], *, size: bool = False, in_use: bool = False) -> list[Facts]:
    """The facts of the `wanted` tasks."""
    return list(each(session, wanted, size=size, in_use=in_use))


def each(session: Session, wanted: Sequence[Task], *, size: bool = False, in_use: bool = False) -> Iterator[Facts]:
    """The facts of the `wanted` tasks, in their order and as they are known; `par.jobs` are looked at side by side."""
    if not wanted:
        return
    from git_par.landing import standing

    session = clones.seeing(session)
    standings = standing.standings(session.repo, wanted)
    used: dict[Path, list[Any]] | None = None
    if in_use:
        from git_par.workspaces import usage

        used = dict(usage.users([Path(task.path) for task in wanted]))
    try:
        with beside.pool(session.settings.jobs) as pool:
            looking = pool.each(lambda task: _facts(session, task, standings, used, size), wanted)
            yield from session.followed("looking at tasks", looking, len(wanted))
    finally:
        standings.memory.write()


def hooks(session: Session, *events: str) -> Hooks:
    """The user's hooks; what those of `events` need is read now, so that a bad setting is found before the work."""
    found = Hooks(session, lambda task: gather(session, [task])[0].as_json(), render.relay)
    wanted = [event for event in events if found.wanted(event)]
    if wanted:
        environment.check_settings(session)
    return found


def _facts(
    session: Session,
    task: Task,
    standings: "Standings",
    used: Mapping[Path, Sequence[Any]] | None,
    size: bool,
) -> Facts:
    path, tip = Path(task.path), standings.refs.tips.get(task.ref)
    now = _status(session.repo, path)
    try:
        stands = standings.of(task, tip)
    except GitFailed as error:
        session.tell(f"{task.name}: how it stands to {task.base} cannot be told: {error.message}")
        stands = standings.unknown
    users = None
    if used is not None:
        users = tuple({"pid": user.pid, "command": user.command} for user in used[path])
    return Facts(
        task=task,
        state=_state(task, tip, now, stands.verdict),
        port=environment.port(session, task),
        head=now.head if now else None,
        on=now.branch if now else None,
        tip=tip,
        ahead=stands.ahead,
        behind=stands.behind,
        status=now,
        verdict=stands.verdict,
        conflicts=(task.base,) if stands.verdict.conflict else (),
        in_use=users,
        size=_size(path) if size else None,
        foreign=_foreign(session.repo, task, tip, now, standings) if task.owns else (),
        apart=clones.is_clone(task) and meeting.apart(session.repo, task) is not None,
        moved=moved.told(session.repo, task) if now is None else "",
    )


def _size(path: Path) -> int | None:
    from git_par.checkup import disk  # few ask

    return disk.size(path)


def _foreign(repo: Repo, task: Task, tip: str | None, now: Status | None, standings: "Standings") -> tuple[str, ...]:
    from git_par.landing import ownership

    found: set[str] = set()
    bases = [commit for _, commit in standings.refs.bases(task)]
    if tip and tip not in bases:
        found |= set(ownership.committed(repo, task, tip, bases))
    git = registry.checkout(repo, Path(task.path)) if now and (now.tracked_dirt or now.untracked) else None
    if git:
        with suppress(ParError):
            found |= set(ownership.uncommitted(git, registry.git_dir(repo, Path(task.path)), task))
    return tuple(sorted(found))


def is_new(task: Task, tip: str | None) -> bool:
    """Whether nothing was committed in the task since it was made."""
    return tip == task.placed and task.landed is None


def _state(task: Task, tip: str | None, now: Status | None, verdict: "Verdict") -> str:
    if task.state != "active":
        return task.state
    if tip is None or now is None:
        return "broken"
    if verdict.reverted:
        return "reverted"
    if is_new(task, tip):
        return "new"
    return "landed" if verdict.reason else "active"


def _status(repo: Repo, path: Path) -> Status | None:
    git = registry.checkout(repo, path)
    try:
        return status.read(git) if git else None
    except ParError:
        return None
