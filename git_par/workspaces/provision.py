"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import abreast, bringing, taking, worktree
from git_par.workspaces.bringing import Brought
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.spares import Spare

if TYPE_CHECKING:
    from git_par.workspaces.carry import Load


def provision_all(
    session: Session,
    tasks: Sequence[Task],
    incoming: Incoming | None,
    load: "Load | None" = None,
    claimed: Mapping[str, Spare] | None = None,
    asked: Mapping[str, Incoming] | None = None,
) -> dict[str, Brought]:
    """Fill the registered, empty workspaces of `tasks`, with files of the main checkout and `load` on top.

    Those that were spares are full already: `claimed` has them by the names of their tasks, and `asked` what some of the
    tasks are to find besides (see `copying`).  Call it outside of the repository lock, under the tasks' own.  What became
    of `incoming`, by the names of the tasks.
    """
    spares = claimed or {}
    if empty := [task for task in tasks if task.name not in spares]:
        _check_out(session, empty)
    made = {task.name: _complete(session, task, incoming, load, spares.get(task.name)) for task in tasks}
    for task in tasks:
        if extra := (asked or {}).get(task.name):
            made[task.name] = made[task.name].joined(bringing.bring(session, Path(task.path), extra, openly=True))
    return made


def provision(session: Session, task: Task, incoming: Incoming | None, load: "Load | None" = None) -> Brought:
    """The same for one task."""
    return provision_all(session, [task], incoming, load)[task.name]


def _check_out(session: Session, tasks: Sequence[Task]) -> None:
    """Check out the branches of `tasks`, `par.jobs` at a time, with word of how far that is."""
    at_once = min(session.settings.jobs, len(tasks))
    files: dict[str, tuple[int, int]] = {}
    env = _filters(session)

    def check_out(task: Task) -> None:
        path = Path(task.path)
        worktree.fill(session.repo, path, env, at_once, lambda done, total: files.update({task.name: (done, total)}))

    def tell() -> None:
        if files:
            done, total = map(sum, zip(*files.values(), strict=True))
            # Those that wait have as many files as the others, as far as anybody knows.
            session.progress("checking out files", done, total * len(tasks) // len(files))

    abreast.each(check_out, tasks, at_once, tell)


def _complete(
    session: Session, task: Task, incoming: Incoming | None, load: "Load | None", spare: Spare | None
) -> Brought:
    """Bring what comes along; one workspace after the other, for it reads this process's umask by setting it."""
    path = Path(task.path)
    _submodules(session, task)
    if spare:
        brought = taking.settle(session, task, spare, incoming)
    else:
        brought = bringing.bring(session, path, incoming) if incoming else Brought()
    if load:
        from git_par.workspaces import carry  # few have something to carry

        carry.bring(session.repo, path, load)
    return brought


def follow(session: Session, task: Task, before: str, after: str) -> None:
    """Bring the submodules of a workspace along that went from one commit to another: those that stood where it had them."""
    if session.settings.choice("submodules", "auto", "off") == "auto":
        from git_par.workspaces import populating

        for problem in populating.follow(session.repo, Path(task.path), before, after):
            session.tell(f"{task.name}: {problem}")
        _submodules(session, task)


def _submodules(session: Session, task: Task) -> None:
    if session.settings.choice("submodules", "auto", "off") == "auto" and os.path.lexists(
        Path(task.path) / ".gitmodules"
    ):
        from git_par.workspaces import populating  # most repositories have none

        jobs = session.settings.jobs
        for problem in populating.populate(session.repo, Path(task.path), jobs, _filters(session)):
            session.tell(f"{task.name}: {problem}")


def _filters(session: Session) -> dict[str, str]:
    """The environment of filters: git-lfs leaves pointers in place, which its clean filter takes for what they are."""
    return {"GIT_LFS_SKIP_SMUDGE": "1"} if session.settings.choice("lfs", "auto", "skip") == "skip" else {}
