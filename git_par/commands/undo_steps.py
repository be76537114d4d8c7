"""The steps that take an operation back: each looks what stands in its way, and does nothing where it is done already.

So an undo that was cut off is finished by running it again.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from shlex import quote
from typing import Any

from git_par.commands import remove
from git_par.commands.undo_adopted import GiveBack, TakeAgain
from git_par.commands.undo_obstacle import Obstacle
from git_par.errors import ParError, Refused
from git_par.landing import publish
from git_par.state import tasks
from git_par.state.journal import Entry, Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import kept, reasons, restore, usage
from git_par.workspaces.kept import Keepsake

_ITS_OWN = frozenset(("name", "branch", "path", "slot", "state", "created", "isolation"))
"""What of a record an operation on a task never changes, or finds out anew when the task is brought back."""


@dataclass(frozen=True)
class Move:
    """A branch goes from the commit `here` to the commit `there`; `backwards` when that has not all that it has here."""

    branch: str
    here: str
    there: str
    backwards: bool

    @property
    def ref(self) -> str:
        """The branch, as a full ref."""
        return f"refs/heads/{self.branch}"

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.branch}: {self.here[:8]}..{self.there[:8]}"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What stands in the way."""
        stands = session.repo.git.commit(self.ref)
        if stands == self.there:
            return []
        if stands != self.here:
            why = f"{self.branch} has moved on since, to {stands[:8]}" if stands else f"branch '{self.branch}' is gone"
            return [Obstacle(why, f"git log {quote(self.branch)}" if stands else "see 'git reflog' and 'git par log'")]
        if session.repo.git.commit(self.there) is None:
            return [Obstacle(f"expired: git has {self.there[:8]} no more")]
        try:
            publish.check(session.repo, base=self.branch, before=self.here, after=self.there, replayed=self.backwards)
        except Refused as error:
            return [Obstacle(error.message, error.hint)]
        return []

    def take(self, session: Session, operation: Open, number: int) -> bool:
        """Do it; what leaves the branch is kept.  True."""
        repo = session.repo
        operation.entry.ref(self.ref, self.here, self.there)
        operation.write()
        with session.locks.base(self.branch):
            if repo.git.commit(self.ref) == self.there:
                return True
            keep = f"refs/par/undone/{operation.file.stem}/{number}"
            if self.backwards:
                repo.git.run("update-ref", keep, self.here)
            try:
                moved = publish.publish(
                    repo,
                    base=self.branch,
                    before=self.here,
                    after=self.there,
                    note="git-par undo",
                    ready=lambda _: None,
                    replayed=self.backwards,
                )
                if not moved:
                    raise Refused(f"{self.branch}: it moved meanwhile", hint=f"git log {quote(self.branch)}")
            except ParError:
                if repo.git.commit(self.ref) != self.there:
                    repo.git.run("update-ref", "-d", keep, ok=range(256))
                raise
        return True


@dataclass(frozen=True)
class Return:
    """A removed task comes back, as it was recorded before the operation."""

    task: Task
    stamp: str | None

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.task.name}: brought back"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What stands in the way."""
        there = session.tasks.get(self.task.name)
        if there and there.created == self.task.created:
            return []
        if there:
            return [
                Obstacle(f"there is another task {there.name} now", f"git par restore {quote(there.name)} --as NEW")
            ]
        if session.repo.git.commit(self.task.ref):
            return [Obstacle(f"there is a branch '{self.task.branch}' again", f"git log {quote(self.task.branch)}")]
        if self._keepsake(session) is None:
            return [Obstacle(f"expired: what was kept of {self.task.name} is gone")]
        return []

    def take(self, session: Session, operation: Open, _: int) -> bool:
        """Do it.  True."""
        current = session.tasks.get(self.task.name)
        if current is None or current.state == "creating":
            keepsake = self._keepsake(session)
            if keepsake is None:
                raise Refused(f"{self.task.name}: expired: what was kept of it is gone", hint="see 'git par log'")
            current = restore.bring_back(session, keepsake, operation)
        with session.locks.task(current.name):
            before = {one.name: getattr(self.task, one.name) for one in fields(Task) if one.name not in _ITS_OWN}
            after = session.tasks.change(current.name, **before)
            operation.entry.task(None, after)
            operation.entry.ref(self.task.ref, None, session.repo.git.commit(self.task.ref))
        operation.write()
        return True

    def _keepsake(self, session: Session) -> Keepsake | None:
        found = [one for one in kept.find(session.repo, self.task.name) if one.refs or one.files]
        if self.stamp is not None:
            return next((one for one in found if one.stamp == self.stamp), None)
        return next((one for one in found if one.task.created == self.task.created), None)


@dataclass(frozen=True)
class Remove:
    """A task that came into being goes again, if nothing was done in it; its branch must stand at `tip`."""

    task: Task
    tip: str | None

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.task.name}: removed"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What was done in it, and who is there."""
        task, name = session.tasks.get(self.task.name), quote(self.task.name)
        if task is None:
            return []
        if task.created != self.task.created:
            return [Obstacle(f"{task.name} is another task now", "see 'git par list'")]
        if task.state == "creating":
            return [Obstacle(f"{task.name} was never finished", "git par doctor --fix")]
        if session.repo.top == Path(task.path):
            return [Obstacle(f"you are standing in {task.name}", f"cd {quote(str(session.repo.main or '/'))}")]
        tip = session.repo.git.commit(task.ref)
        if tip is not None and tip != self.tip:
            log = f"git log {quote(f'{(self.tip or tip)[:12]}..{task.branch}')}"
            return [Obstacle(f"{task.name} has commits since", f"{log}, or git par remove {name}")]
        above = [one.name for one in session.tasks.all() if one.base == task.branch and one.name != task.name]
        if above:
            return [Obstacle(f"{', '.join(above)}: based on {task.name}", f"git par remove {name}")]
        users = usage.users([Path(task.path)])[Path(task.path)]
        found = reasons.find(session.repo, task, session.settings.patterns("regenerable"), users)
        return [Obstacle(f"{task.name}: {one.detail}", one.hint) for one in found]

    def take(self, session: Session, operation: Open, _: int) -> bool:
        """Do it as every removal is done; all that it has is kept first.  Whether the hooks of that went well."""
        task = session.tasks.get(self.task.name)
        if task is None:
            operation.entry.task(self.task, None)
            operation.entry.ref(self.task.ref, self.tip, None)
            return True
        # What is not in its base was looked at before: nothing came to it here, and all of it is kept.
        swept = remove.sweep(session, [task], operation, standing_too=False, new_too=True)
        if swept.left and all(one.word in ("unmerged", "reverted") for one in swept.left[0][1]):
            swept = remove.sweep(session, [task], operation, standing_too=False, new_too=True, force=True)
        if swept.left:
            why = swept.left[0][1][0]
            raise Refused(f"{task.name}: {why.detail}", hint=why.hint)
        for problem in swept.problems:
            session.tell(problem)
        return not swept.problems


@dataclass(frozen=True)
class Record:
    """What is recorded of a task becomes again what it was; `before` and `after` are the fields that were changed."""

    name: str
    before: dict[str, Any]
    after: dict[str, Any]

    @property
    def said(self) -> str:
        """What it does, in words."""
        return f"{self.name}: {', '.join(self.before)} as before"

    def obstacles(self, session: Session) -> list[Obstacle]:
        """What was changed since."""
        task = session.tasks.get(self.name)
        if task is None:
            return [Obstacle(f"{self.name} is not there any more", f"git par restore {quote(self.name)}")]
        changed = [key for key in self.before if getattr(task, key) not in (self.before[key], self.after[key])]
        if changed:
            return [
                Obstacle(f"{self.name}: its {', '.join(changed)} was changed since", f"git par show {quote(self.name)}")
            ]
        return []

    def take(self, session: Session, operation: Open, _: int) -> bool:
        """Do it.  True."""
        with session.locks.task(self.name):
            if blocked := self.obstacles(session):
                raise Refused(blocked[0].why, hint=blocked[0].hint)
            task = session.tasks.expect(self.name)
            operation.entry.task(replace(task, **self.after), replace(task, **self.before))
            operation.write()
            session.tasks.change(self.name, **self.before)
        return True


Step = Move | Return | Remove | Record | GiveBack | TakeAgain


def plan(session: Session, entry: Entry) -> list[Step]:
    """What takes `entry` back, in order; Refused when the journal does not say enough for that."""
    moves: list[Step] = []
    returns: list[Step] = []
    removes: list[Step] = []
    records: list[Step] = []
    adopted: list[Step] = []
    with_tasks: set[str] = set()
    for name, (old, new) in entry.tasks.items():
        before, after = (tasks.decode(one) if one else None for one in (old, new))
        if before and after:
            changed = [one.name for one in fields(Task) if getattr(before, one.name) != getattr(after, one.name)]
            changed = [key for key in changed if key not in _ITS_OWN]
            if changed:
                of = ({key: getattr(one, key) for key in changed} for one in (before, after))
                records.append(Record(name, *of))
        elif name in entry.adopted and (task := after or before):
            place = Path(entry.adopted[name]) if entry.adopted[name] else None
            adopted.append(GiveBack(task, place) if after else TakeAgain(task, place))
        elif before:
            returns.append(Return(before, entry.kept.get(name)))
            with_tasks.add(before.ref)
        elif after:
            removes.append(Remove(after, entry.refs.get(after.ref, [None, None])[1]))
            with_tasks.add(after.ref)
    for ref, (here, there) in entry.refs.items():
        if ref in with_tasks or ref in entry.work or here == there:
            continue
        if not here or not there or not ref.startswith("refs/heads/"):
            raise Refused(f"{ref}: the journal does not say how it came or went", hint="see 'git par log --json'")
        # An entry has what was before first; the way back begins at what came after.
        moves.append(Move(ref.removeprefix("refs/heads/"), there, here, _goes_back(session, there, here)))
    return [*moves, *returns, *removes, *adopted, *records]


def _goes_back(session: Session, here: str, there: str) -> bool:
    """Whether the commit `there` lacks something of `here`; also when that cannot be told."""
    return session.repo.git.run("merge-base", "--is-ancestor", here, there, ok=range(256)).code != 0
