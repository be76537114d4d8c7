"""What a new task claims: its name, its branch, its slot; under the repository lock, where nobody else makes any."""

from collections.abc import Iterator, Mapping, Sequence
from shlex import quote

from git_par import git
from git_par.errors import UsageError
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task


def taken(task: Task) -> UsageError:
    """The name is another task's, whatever stage that one is at."""
    what, hint = "there is a task of that name", f'cd "$(git par path {quote(task.name)})", or choose another name'
    if task.state == "creating":
        what, hint = "another process is making a task of that name", "wait for it, or choose another name"
    elif task.state == "removing":
        what, hint = "a task of that name is half removed", f"git par remove {quote(task.name)}"
    return UsageError(f"{task.name}: {what}", hint=hint)


def clear_dead(session: Session, name: str) -> None:
    """Take back what a killed add left under this very name."""
    task = session.tasks.get(name)
    if task is None or task.state != "creating" or session.locks.is_held("task", name):
        return
    from git_par.workspaces import removal  # 5 ms to import, and rarely needed

    with session.locks.task(name):
        why = removal.abandon(session.repo, task)
        if why:
            raise UsageError(f"{name}: {why.detail}", hint=why.hint)
        session.tasks.drop(name)


def free_slots(used: set[int]) -> Iterator[int]:
    """The slots that are not `used`, lowest first."""
    slot = 0
    while True:
        slot += 1
        if slot not in used:
            yield slot


def check_branches(repo: Repo, planned: Sequence[Task]) -> None:
    """No branch may exist, nor one that is a directory to it or the other way round."""
    for task, why, hint in rivals(repo, {task.name: task.branch for task in planned}):
        raise UsageError(f"{task}: {why}", hint=hint)


def rivals(repo: Repo, planned: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """Each task that is `planned`, with its branch, and cannot have that: its name, why, and a hint."""
    patterns = {f"refs/heads/{branch}" for branch in planned.values()}
    for branch in planned.values():
        parts = f"refs/heads/{branch}".split("/")
        patterns |= {"/".join(parts[:count]) for count in range(3, len(parts))}
    listed = repo.git.line("for-each-ref", "--format=%(refname)", *sorted(patterns)).splitlines() if planned else []
    there = {ref.removeprefix("refs/heads/") for ref in listed}
    for name, branch in planned.items():
        for other in sorted(there):
            if other == branch:
                how = "choose another name, or --branch TEMPLATE"
                if repo.git.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1)).out.strip() != f"refs/heads/{other}":
                    how = f"git par adopt {quote(other)}, or {how}"
                yield name, f"branch '{other}' exists already", how
            elif other.startswith(f"{branch}/") or branch.startswith(f"{other}/"):
                why = f"git cannot have branch '{branch}' beside '{other}'"
                yield name, why, "choose a name that is not a part of the other"
        there.add(branch)


def create_branches(repo: Repo, made: Sequence[Task], commit: str, message: str) -> None:
    """All branches in one transaction (git-update-ref(1)); none of them follows a remote, so no configuration is written.

    Killed or on a full disk git may make some of them: after its `prepare: ok` nobody else can have made what stands there.
    """
    creates = "".join(f"create {task.ref}\0{commit}\0" for task in made)
    command = ("update-ref", "--stdin", "-z", "-m", message)
    reply = repo.git.run(*command, feed=f"start\0{creates}prepare\0commit\0", ok=range(-64, 256))
    if reply.code:
        if "prepare: ok" in reply.out.splitlines():
            delete_branches(repo, made, commit)
        raise git.failed(command, reply)


def delete_branches(repo: Repo, made: Sequence[Task], commit: str) -> None:
    """Take back `create_branches`, but for those that somebody has moved."""
    for task in made:
        repo.git.run("update-ref", "-d", task.ref, commit, ok=range(256))
