"""What can be wrong with a clone: that it does not say whose it is, and where its branch stands."""

import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from git_par.checkup.finding import Case, Finding
from git_par.errors import Refused
from git_par.parent import PARENT, Link, link
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import clone, meeting, registry
from git_par.workspaces.taking_over import REMOTE


def branch(case: Case, task: Task, seen: Repo, elsewhere: Iterator[Finding]) -> Iterator[Finding]:
    """A branch that stands in a clone, and here too."""
    here = case.repo.git.commit(task.ref)
    if seen.git.commit(task.ref) is None:
        gone = f"its branch '{task.branch}' is not in its clone any more"
        if here is None:
            yield Finding("branch-gone", f"{gone}, nor here", _CHOOSE.format(name=quote(task.name)), task=task.name)
        else:
            yield Finding(
                "branch-gone",
                f"{gone}; here it stands at {here[:8]}",
                f"--fix makes the branch again in the clone, at {here[:8]}; it touches no file",
                task=task.name,
                mend=partial(_make_again_there, case, task, here),
            )
    elif why := meeting.apart(seen, task):
        yield Finding("branch-diverged", why.detail, f"for you to do: {why.hint}; --fix merges nothing", task=task.name)
    else:
        yield from elsewhere
    if task.isolation == "shared-clone":
        yield Finding(
            "clone-shared",
            f"its clone has no objects of its own: it needs those of '{case.repo.common}', which are pinned for it",
            f"to have it stand alone: git -C {quote(task.path)} repack -a -d, then rm .git/objects/info/alternates there",
            task=task.name,
            note=True,
        )


_CHOOSE = "for you to do: make it there again with git branch, or git par remove {name}; --fix does not choose a commit"


def _make_again_there(case: Case, task: Task, commit: str) -> None:
    with case.session.locks.task(task.name), meeting.lent(case.repo, Path(task.path), commit):
        registry.refs(case.repo, Path(task.path)).run("update-ref", "--create-reflog", task.ref, commit, "")


def _relink(case: Case, task: Task) -> None:
    """Let a clone know its parent again; of its files only git's are touched."""
    repo = case.repo
    with case.session.locks.repository(), case.session.locks.task(task.name):
        if case.quiet.get(task.name) != task or not _was_ours(repo, task):
            return
        clone.relink(repo, task)


def _was_ours(repo: Repo, task: Task) -> bool:
    """Whether the repository at the place of a clone's task is that clone, though it does not say so."""
    path = Path(task.path)
    told = link(path / ".git")
    if told is not None:  # its parent is in another place now
        return (told.task, told.created) == (task.name, task.created) and not told.parent.exists()
    config = repo.git.run("config", "--file", str(path / ".git/config"), f"remote.{REMOTE}.url", ok=range(256))
    return (path / ".git/HEAD").is_file() and config.out == f"{repo.common}\n"


def unlinked(case: Case, task: Task) -> Iterator[Finding]:
    """A directory in the place of a clone that does not say that it is the one."""
    path = Path(task.path)
    told = link(path / ".git")
    if not _was_ours(case.repo, task):
        if told:
            why = f"'{path}' says that it is the clone of task '{told.task}' of '{told.parent}'"
        else:
            why = f"'{path}' is not the clone that was made there"
        yield another(task, why)
    elif told:
        yield Finding(
            "repository-moved",
            f"the repository was moved, and the clone '{path}' does not find it any more",
            "--fix tells the clone where it is now: .git/par-parent, its remote 'par', and where it borrows objects; "
            "no other file of it is touched",
            task=task.name,
            mend=partial(_relink, case, task),
        )
    else:
        yield Finding(
            "workspace-unlinked",
            f"'{path / '.git' / PARENT}' is gone or damaged: git-par does not know the clone by it any more",
            "--fix writes that one file again; it touches no other file of the workspace",
            task=task.name,
            mend=partial(_relink, case, task),
        )


def another(task: Task, why: str) -> Finding:
    """Something else stands in the place of a workspace."""
    return Finding(
        "workspace-replaced",
        f"{why}, so the workspace cannot be used or removed",
        "for you to do: move what is yours away, then run 'git par doctor --fix'; --fix deletes nothing there",
        task=task.name,
    )


def unknown(case: Case, path: Path, told: Link, record: Callable[[], object]) -> Finding | None:
    """A clone in the workspaces directory that no task has there; `record` makes the record of its task again."""
    if case.session.locks.is_held("task", told.task):
        return None
    if not os.path.lexists(case.quiet.file(told.task)):
        return Finding(
            "record-missing",
            f"'{path}' is a clone of git-par without a record: no command knows it",
            "--fix makes the record again, from the journal or from the clone; --cleanup then also removes the task, "
            "when nothing would be lost by that",
            task=told.task,
            mend=record,
        )
    try:
        task = case.quiet.get(told.task)
    except Refused:
        return None  # told with the records
    if task is None or not Path(task.path).exists() or path.samefile(task.path):
        return None  # told as moved
    return Finding(
        "workspace-unknown",
        f"'{path}' is a copy of the clone of task '{told.task}', and no command knows it",
        "for you to do: save what you need of it and delete it, or rm .git/par-parent there to have it stand alone; "
        "--fix and --cleanup do not, because its work may be in no other place",
    )
