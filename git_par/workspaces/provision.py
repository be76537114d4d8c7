"""Make a new workspace ready to work in, before it is handed over: what is checked out in it, and what comes along."""

from collections.abc import Callable, Sequence
from pathlib import Path

from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import abreast, worktree


def provision(
    session: Session, task: Task, *, at_once: int = 1, watch: Callable[[int, int], None] | None = None
) -> None:
    """Fill the registered, empty workspace of `task`; outside of the repository lock, under the task's own.

    It is one of `at_once` that are filled at the same time, in threads of their own; `watch` is told how many of how many
    files are checked out.
    """
    worktree.fill(session.repo, Path(task.path), at_once, watch)


def provision_all(session: Session, tasks: Sequence[Task]) -> None:
    """Fill the workspaces of `tasks`, `par.jobs` at a time, with word of how far that is."""
    at_once = min(session.settings.jobs, len(tasks))
    files: dict[str, tuple[int, int]] = {}

    def fill(task: Task) -> None:
        provision(session, task, at_once=at_once, watch=lambda done, total: files.update({task.name: (done, total)}))

    def tell() -> None:
        if files:
            done, total = map(sum, zip(*files.values(), strict=True))
            # Those that wait have as many files as the others, as far as anybody knows.
            session.progress("checking out files", done, total * len(tasks) // len(files))

    abreast.each(fill, tasks, at_once, tell)
