"""`git par copy`: what the main checkout has for a workspace, brought again."""

from pathlib import Path

from git_par.errors import Refused, Status, UsageError
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import bringing, incoming, moved, registry


def run(session: Session, name: str | None) -> Report:
    """Bring files into the workspace of the task `name`, else into the one that one stands in."""
    task = session.named(name) if name else session.here()
    if task is None:
        raise UsageError("copy: this is not the workspace of a task", hint="git par copy NAME")
    found = incoming.look(session)
    if found is None:
        raise Refused(
            "copy: a bare repository has no main checkout to copy from",
            hint="git worktree list shows checkouts to copy from by hand",
        )
    with session.locks.task(task.name):
        path = Path(session.tasks.expect(task.name).path)
        if registry.checkout(session.repo, path) is None:
            moved.expect_not(session.repo, task)
            raise Refused(f"{task.name}: its workspace '{path}' is gone or damaged", hint="git par doctor")
        brought = bringing.bring(session, path, found)
    return Report(
        data=lambda: {
            "name": task.name,
            "copied": list(brought.copied),
            "linked": list(brought.linked),
            "left": [{"path": path, "reason": why} for path, why in brought.left],
        },
        lines=[
            *(f"copied {path}" for path in brought.copied),
            *(f"linked {path}" for path in brought.linked),
        ],
        talk=[f"left {path}: {bringing.WHY[why]}" for path, why in brought.left],
        status=Status.PARTIAL if brought.left else Status.DONE,
    )
