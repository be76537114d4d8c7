"""What is looked at before a run: everything that could refuse a part of it later, so that all of it is heard at once."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_par.commands import add, add_plan, merge
from git_par.errors import Refused, UsageError
from git_par.landing import publish
from git_par.landing.publish import Place
from git_par.names import some
from git_par.runs import overlap
from git_par.runs.overlap import Shared, Stale
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state.session import Session
from git_par.workspaces import claims, copying, incoming, owned, status, worktree


@dataclass(frozen=True)
class Outlook:
    """A run that can begin: its plan, the branch all of it returns to, and what there is to say about it."""

    plan: TaskFile
    base: str
    paths: dict[str, Path]
    """Where each task is going to work, as it looks now."""
    shared: tuple[Shared, ...] = ()
    """What tasks of one level own both, where that was allowed."""
    stale: tuple[Stale, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> list[str]:
        """What is to be said, a line each."""
        return [*(one.words for one in self.shared), *(one.words for one in self.stale), *self.notes]


def look(session: Session, plan: TaskFile, *, allow_overlap: bool) -> Outlook:
    """Look at all that can be known before, and write nothing.

    UsageError with all that is wrong with the tasks; Refused where no task could come home.
    """
    base = _base(session, plan)
    _settings(session, plan)
    place = _target(session, base)
    files = session.repo.git.fields("ls-tree", "-r", "-z", "--name-only", "--full-tree", f"refs/heads/{base}")
    shared, stale = overlap.look(plan, files)
    problems = [*_names(session, plan), *_limits(session, plan), *_copies(session, plan, files)]
    problems += _in_the_way(plan, place, files) if place else []
    meeting = [] if allow_overlap else [one.words for one in shared]
    if problems or meeting:
        many = len(problems) + len(meeting)
        hint = (
            "git par list, and see the task file" if problems else "put them into levels with needs, or --allow-overlap"
        )
        what = f"{many} things are" if many > 1 else "one thing is"
        raise UsageError(f"run: {what} in the way; nothing was done", hint=hint, details=[*problems, *meeting])
    unseen = f"'{place.path}' has uncommitted changes that the tasks will not see" if place else ""
    dirt = status.read(place.git, untracked="no").tracked_dirt if place else ()
    notes = (f"{unseen}: {some(dirt)}",) if dirt else ()
    return Outlook(plan, base, _paths(session, plan), tuple(shared), tuple(stale), notes)


def _base(session: Session, plan: TaskFile) -> str:
    repo = session.repo
    here = session.here()
    base = plan.base.removeprefix("refs/heads/") if plan.base else repo.branch_here()
    if base is None:
        raise UsageError("run: no branch is checked out here", hint='name one in the file: base = "main"')
    if f"refs/heads/{base}" not in repo.branches():
        raise UsageError(f"base '{base}': no such local branch", hint="see 'git branch'")
    if here and here.branch == base and not plan.base:
        session.tell(f"all of it returns to {base}, the branch of task {here.name}")
    return base


def _settings(session: Session, plan: TaskFile) -> None:
    """What makes workspaces and merges refuse whatever the tasks are."""
    add.check(session, isolated=plan.isolation is None)
    incoming.check(session)
    merge.check(session, merge.Options(gate=plan.gate))


def _target(session: Session, base: str) -> Place | None:
    """Where the base is checked out, if it is; Refused when it must not be moved."""
    try:
        return publish.target(session.repo, base)
    except Refused as error:
        here = session.here()
        if here and here.branch == base:
            error.hint = f'in the file: base = "{here.base}"'
        raise


def _names(session: Session, plan: TaskFile) -> Iterator[str]:
    """What has the name or the branch of a task already."""
    known = {task.name: task for task in session.tasks.all()}
    branches = {}
    for one in plan.tasks:
        task = known.get(one.name)
        if task and (task.state != "creating" or session.locks.is_held("task", task.name)):
            yield f"task '{one.name}': name: there is a task of that name"
        elif task is None:  # what a killed add left is taken back before another is made
            branches[one.name] = add_plan.branch_of(session, add_plan.Options(), one.name)
    for name, why, _ in claims.rivals(session.repo, branches):
        yield f"task '{name}': name: {why}"


def _limits(session: Session, plan: TaskFile) -> Iterator[str]:
    """The levels in which there would be more tasks than there may be."""
    most, known = session.settings.number("maxTasks"), len(session.tasks.all())
    for number, level in enumerate(plan.levels, 1):
        there = known + len(level)
        if most and there > most:
            yield f"level {number}: par.maxTasks: at most {most} at a time, and there would be {there}"
        if plan.cleanup == "never":
            known = there


def _copies(session: Session, plan: TaskFile, files: Sequence[str]) -> Iterator[str]:
    """The files that a task would not find."""
    if not any(one.copy for one in plan.tasks):
        return
    sources, coming = copying.sources(session.repo, files), list[str]()
    found: dict[str, list[str]] = {}
    for level in plan.levels:
        found |= {one.name: sources.lacking(one.copy, coming) for one in level}
        coming += [pattern for one in level for pattern in one.creates]
    for one in plan.tasks:
        yield from (f"task '{one.name}': copy: {why}" for why in found[one.name])


def _in_the_way(plan: TaskFile, place: Place, files: Sequence[str]) -> Iterator[str]:
    """What a task is to make anew, and what lies uncommitted where the base is checked out: no merge would write over it."""
    tracked = set(files)
    for one in plan.tasks:
        for path in (pattern.strip("/") for pattern in one.creates if owned.is_exact(pattern)):
            there = place.path / path
            if path not in tracked and os.path.lexists(there) and (there.is_symlink() or not there.is_dir()):
                yield f"task '{one.name}': creates: '{path}' lies in '{place.path}' and is in no commit"


def _paths(session: Session, plan: TaskFile) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for level in plan.levels:
        own: dict[str, Path] = {}
        for one in level:
            others = {*own.values(), *(found.values() if plan.cleanup == "never" else ())}
            own[one.name] = worktree.expected(session.repo, one.name, others)
        found |= own
    return found


def lacking(session: Session, base: str, wanted: Sequence[Wanted]) -> dict[str, str]:
    """Why some of the tasks `wanted` would not find the files they need, as `base` and the main checkout are now."""
    asking = [one for one in wanted if one.copy]
    if not asking:
        return {}
    listed = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", f"refs/heads/{base}")
    sources = copying.sources(session.repo, session.repo.git.fields(*listed))
    return {one.name: "; ".join(why) for one in asking if (why := sources.lacking(one.copy))}
