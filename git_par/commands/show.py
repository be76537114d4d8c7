"""`git par show`: everything about one task."""

from git_par.commands import facts
from git_par.commands import list as listing
from git_par.errors import UsageError
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import clones, environment


def run(session: Session, name: str | None, *, prompt: bool = False) -> Report:
    """Report the task `name`, else the one whose workspace one stands in; with `prompt` only what to tell an agent."""
    task = session.named(name) if name else session.here()
    if task is None:
        raise UsageError("show: this is not the workspace of a task", hint="git par show NAME")
    session = clones.seeing(session)
    if prompt:
        text = environment.variables(session, task)["GIT_PAR_PROMPT"]
        return Report(
            data=lambda: {"task": facts.gather(session, [task], in_use=True)[0].as_json(), "prompt": text}, lines=[text]
        )
    one = facts.gather(session, [task], in_use=True)[0]
    commits = []
    if one.tip and one.ahead:
        commits = session.repo.git.line(
            "log", "--no-show-signature", "--format=%h %s", "-n", "20", f"refs/heads/{task.base}..{one.tip}"
        ).splitlines()
    pairs = [
        ("task", task.name),
        ("title", task.title or ""),
        ("group", task.group or ""),
        ("state", one.state),
        ("branch", task.branch),
        ("path", task.path),
        ("kind", task.isolation if task.isolation != "worktree" else ""),
        ("base", f"{task.base}, left at {task.base_commit[:8]}"),
        ("ahead", "?" if one.ahead is None else str(one.ahead)),
        ("behind", "?" if one.behind is None else str(one.behind)),
        ("owns", ", ".join(task.owns)),
        ("changes", listing.changes(one) or "none"),
        ("in use", ", ".join(f"{user['command']} ({user['pid']})" for user in one.in_use or ()) or "no"),
        ("port", str(one.port)),
        ("created", f"{task.created[:19]}Z ({listing.age(task.created)} ago)"),
        ("note", "; ".join(listing.notes(one))),
    ]
    return Report(
        data=lambda: {"task": one.as_json()},
        lines=[
            *(f"{key + ':':9}{value}" for key, value in pairs if value),
            *(f"  not its own: {path}" for path in one.foreign),
            *(f"  {commit}" for commit in commits),
        ],
    )
