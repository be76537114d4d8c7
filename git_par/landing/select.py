"""What a merge is to bring where: tasks and branches grouped by the branch they land in, in order."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote

from git_par.errors import UsageError
from git_par.state.session import Session
from git_par.state.tasks import Task


@dataclass(frozen=True)
class Item:
    """One thing to merge: a task, or a plain branch."""

    name: str
    branch: str
    task: Task | None = None

    @property
    def ref(self) -> str:
        """Its branch, as a full ref."""
        return f"refs/heads/{self.branch}"


@dataclass(frozen=True)
class Batch:
    """Everything that lands in one base, in the order in which it does."""

    base: str
    items: tuple[Item, ...]


def named(session: Session, names: Sequence[str]) -> list[Item]:
    """Each of `names` as a task, else as a branch, and each only once; `refs/heads/X` is always the branch.

    A branch is one by its very name: `main~1` is a commit, and nothing can be merged into it.
    """
    found: dict[str, Item] = {}
    plain: list[str] = []
    for name in names:
        task = None
        if not name.startswith("refs/heads/"):
            task = session.named(name) if name == "." else session.tasks.get(name)
        branch = task.branch if task else name.removeprefix("refs/heads/")
        if task is None:
            plain.append(name)
        found[branch] = Item(task.name if task else branch, branch, task)
    if not plain:
        return list(found.values())
    known = session.repo.branches()
    by_branch = {task.branch: task for task in session.tasks.all()}
    for name in plain:
        branch = name.removeprefix("refs/heads/")
        if f"refs/heads/{branch}" not in known:
            raise UsageError(f"{name}: no such task or branch", hint="see 'git par list' and 'git branch'")
        if not name.startswith("refs/heads/") and found[branch].task is None:
            found[branch] = Item(branch, branch, by_branch.get(branch))
    return list(found.values())


def batches(items: Sequence[Item], *, into: str | None, here: str | None) -> list[Batch]:
    """Group `items` by base: `into`, else a task's own, and for a plain branch `here`, the branch one stands on.

    A task stacked on another selected one goes into that one's batch, right behind it.
    """
    by_branch = {item.branch: item for item in items}
    stacked: dict[str, list[Item]] = {}
    roots: dict[str, list[Item]] = {}
    for item in items:
        base = into or (item.task.base if item.task else here)
        if base is None:
            raise UsageError(
                f"{item.name}: a plain branch, and no branch is checked out here to merge it into",
                hint=f"git par merge {quote(item.name)} --into BRANCH",
            )
        if item.branch == base:
            raise UsageError(f"{item.name}: it cannot be merged into itself", hint="name another branch with --into")
        below = by_branch.get(item.task.base) if item.task else None
        if below is not None and below.branch != into:
            stacked.setdefault(below.branch, []).append(item)
        else:
            roots.setdefault(base, []).append(item)
    found = [
        Batch(base, tuple(one for root in group for one in _with_stack(root, stacked))) for base, group in roots.items()
    ]
    lost = set(by_branch) - {item.branch for batch in found for item in batch.items}
    if lost:
        names = ", ".join(sorted(lost))
        raise UsageError(f"{names}: based on each other in a circle", hint="git par set NAME --base BRANCH")
    return found


def _with_stack(root: Item, stacked: dict[str, list[Item]]) -> list[Item]:
    return [root, *(one for above in stacked.get(root.branch, []) for one in _with_stack(above, stacked))]
