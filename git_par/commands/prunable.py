"""What `git par prune` would remove, told after a merge and at a price that a merge can bear.

What is in by its content only, or since long ago, is not seen, unless the record says that it landed.  Nor is who works in
a workspace, because that takes a look at every process of the machine.
"""

from collections.abc import Sequence

from git_par.commands import facts
from git_par.landing import integrated
from git_par.landing.planned import Outcome
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import reasons

_RECENT = 1_000
"""How many commits of a base are looked through for tasks of which no record says that they landed."""

_MANY = 10
"""How many tasks that the merge has not looked at are looked at for this."""


def hint(session: Session, outcomes: Sequence[Outcome], *, clean: bool) -> list[str]:
    """One line, when there is something to prune; `clean` says that what was merged had no changes in tracked files."""
    if not any(outcome.published for outcome in outcomes):
        return []
    merged = {one.item.name for outcome in outcomes if outcome.published for one in outcome.plan.merged}
    untracked = {name for outcome in outcomes for name, _ in outcome.untracked}
    found = [task for task in _landed(session) if task.name not in untracked]
    known = [task for task in found if clean and task.name in merged]
    others = [task for task in found if task not in known]
    count = len(known) + sum(_can_go(session, task) for task in others[:_MANY])
    if not count:
        return []
    least = "at least " if len(others) > _MANY else ""
    some = f"{least}{count} task{'s' if count > 1 else ''}"
    return [f"hint: git par prune would remove {some}, unless in use"]


def _landed(session: Session) -> list[Task]:
    """Tasks that prune looks at and whose tip is in the base, as far as the records and one listing for each base tell."""
    repo, tips = session.repo, session.repo.branches()
    tasks = [
        task
        for task in session.tasks.all()
        if task.state == "active"
        and not task.protected
        and task.path != str(repo.top)
        and task.ref in tips
        and not facts.is_new(task, tips[task.ref])
    ]
    told = [task for task in tasks if task.landed and task.landed.tip == tips[task.ref]]
    others = {task.base for task in tasks if task not in told}
    recent = {base: _recent(repo, tip) for base in others if (tip := tips.get(f"refs/heads/{base}"))}
    return [task for task in tasks if task in told or tips[task.ref] in recent.get(task.base, ())]


def _recent(repo: Repo, tip: str) -> set[str]:
    """The youngest commits in the history of `tip`: how many there are in all makes no difference to what this takes."""
    return set(repo.git.line("rev-list", f"--max-count={_RECENT}", tip).split())


def _can_go(session: Session, task: Task) -> bool:
    """Whether prune finds nothing against it."""
    tip = session.repo.git.commit(task.ref)
    if tip is None:
        return False
    verdict = integrated.verdict(session.repo, tip, integrated.bases(session.repo, task), task.landed)
    return verdict.reason is not None and not reasons.find(
        session.repo, task, session.settings.patterns("regenerable"), []
    )
