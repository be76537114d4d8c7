"""What killed commands left: half made and half removed tasks, cut-off publishes, pins, trash, unknown directories."""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.checkup import clones as cloned
from git_par.checkup import rebuild
from git_par.checkup.finding import Case, Finding
from git_par.landing import recover
from git_par.parent import link
from git_par.repo import Repo, linked_checkout
from git_par.state import announce
from git_par.state.tasks import Task
from git_par.workspaces import aside, clones, registry, removal, trash, usage
from git_par.workspaces.worktree import PRIVATE

_NAMED = re.compile(r"\.(?:.*\.)?(\d+)\.[0-9a-f]{8}\.tmp|dropped-.*-(\d+)-\d+")
"""A file being written, or a registration being deleted, by the process of that number."""


def publishes(case: Case) -> Iterator[Finding]:
    """Merges that were killed while the checkout of their base moved."""
    for file in announce.pending(case.repo):
        try:
            cut_off = announce.read(file)
        except (OSError, ValueError):
            continue  # told with the records
        if not case.session.locks.is_held("base", cut_off.base):
            yield Finding(
                "publish-cut-off",
                f"a merge into '{cut_off.base}' was killed while it moved '{cut_off.checkout}'",
                "--fix puts that checkout back, as the next git-par command would; what stood there is copied aside first",
                mend=partial(recover.heal, case.repo, case.session.locks, case.session.tell),
            )


def halves(case: Case) -> Iterator[Finding]:
    """Tasks whose making or removal was killed."""
    for task in case.tasks:
        if task.state == "creating":
            yield Finding(
                "add-unfinished",
                f"its making was killed half way, in '{task.path}'",
                "--fix takes it back, or finishes it when somebody has committed in it; files in it are kept",
                task=task.name,
                mend=partial(_take_back, case, task),
            )
        if task.state == "removing":
            yield Finding(
                "removal-unfinished",
                "its removal was killed half way",
                "--fix brings its workspace back where that was put aside, else it finishes the removal, by the rules of "
                "git par remove; what these leave becomes an active task again",
                task=task.name,
                mend=partial(_finish, case, task),
            )


def _take_back(case: Case, task: Task) -> None:
    path = Path(task.path)
    with case.session.locks.task(task.name):
        if case.quiet.get(task.name) != task or usage.users([path])[path]:
            return
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
        if removal.abandon(case.repo, task) is None:
            case.quiet.drop(task.name)
            return
    case.change(task, state="active")


def _finish(case: Case, task: Task) -> None:
    path = Path(task.path)
    with case.session.locks.task(task.name):
        if case.quiet.get(task.name) != task:
            return
        entries = registry.entries_for(case.repo, path)
        back = clones.is_clone(task) and aside.bring_in(case.repo, task)
        lying = _put_aside(path.parent, task.slug)
        found = [one for one in lying if registry.claimed_entry(case.repo, one, path) in entries]
        if found and not os.path.lexists(path):
            found[-1].rename(path)
            back = True
    if back or not case.remove(task):
        now = case.quiet.get(task.name)
        if now and now.state == "removing":
            case.change(now, state="active")


def _put_aside(workspaces: Path, slug: str) -> list[Path]:
    """The whole workspaces that lie in the kept directory of a task, oldest first."""
    return sorted((workspaces / PRIVATE / "kept" / slug).glob("*/workspace"))


def orphans(case: Case) -> Iterator[Finding]:
    """Workspaces that git or we once registered and of which there is no record, and directories that nobody knows."""
    repo = case.repo
    homes = {task.path for task in case.quiet.all()}
    for entry in registry.entries(repo):
        name, place = registry.task_of(entry), linked_checkout(entry)
        if not name or not place or str(place) in homes or os.path.lexists(case.quiet.file(name)):
            continue
        if case.session.locks.is_held("task", name):
            continue
        yield Finding(
            "record-missing",
            f"'{place}' is a workspace of git-par without a record: no command knows it",
            "--fix makes the record again, from the journal or from git's registry; --cleanup then also removes the task, "
            "when nothing would be lost by that",
            task=name,
            mend=partial(_record, case, name),
        )
    known = {str(linked_checkout(entry)) for entry in registry.entries(repo)} | homes
    home = repo.workspaces
    if home.is_dir() and not case.session.locks.is_held("repository", ""):
        for path in sorted(home.iterdir()):
            if path.name == PRIVATE or str(path) in known or path.is_symlink() or not path.is_dir():
                continue
            if found := _unknown(case, path):
                yield found


def _record(case: Case, name: str) -> list[Finding]:
    with case.session.locks.repository(), case.session.locks.task(name):
        return [] if os.path.lexists(case.quiet.file(name)) else rebuild.record(case, case.quiet.file(name).stem)


def _unknown(case: Case, path: Path) -> Finding | None:
    """A directory among the workspaces that no worktree has; those of other repositories are none of our business."""
    if not any(path.iterdir()):
        return Finding(
            "leftovers",
            f"'{path}' is empty and belongs to no task",
            "--fix deletes this empty directory",
            mend=partial(_remove_empty, case, path),
        )
    if (told := link(path / ".git")) and told.parent == case.repo.common:
        return cloned.unknown(case, path, told, partial(_record, case, told.task))
    entry = registry.claimed_entry(case.repo, path)
    if entry is None or entry.is_dir():
        return None  # it belongs to somebody else, or was moved
    task = next((one for one in rebuild.told(case.repo) if one and one.path == str(path)), None)
    if task and case.repo.git.commit(task.ref) and not os.path.lexists(case.quiet.file(task.name)):
        return Finding(
            "record-missing",
            f"'{path}' was a workspace, and neither git nor git-par knows it any more",
            "--fix makes its record again, from the journal; it touches no file in it",
            task=task.name,
            mend=partial(_remember, case, task),
        )
    return Finding(
        "workspace-unknown",
        f"'{path}' was a worktree of this repository, and git does not know it any more",
        "for you to do: save what you need of it and delete it; --fix and --cleanup do not, because its work may be in no "
        "commit",
    )


def _remember(case: Case, task: Task) -> None:
    with case.session.locks.repository(), case.session.locks.task(task.name):
        if not os.path.lexists(case.quiet.file(task.name)):
            case.quiet.add(task)


def _remove_empty(case: Case, path: Path) -> None:
    with case.session.locks.repository():
        if not any(task.path == str(path) for task in case.quiet.all()):
            path.rmdir()


def kept(case: Case) -> Iterator[Finding]:
    """Whole workspaces in the kept directory: their removal was killed before it was done."""
    pending = {task.slug for task in case.quiet.all() if task.state == "removing"}
    for place in sorted((case.repo.workspaces / PRIVATE / "kept").glob("*/*/workspace")):
        slug, stamp = place.parent.parent.name, place.parent.name
        if slug in pending or not case.repo.git.commit(f"refs/par/kept/{slug}/{stamp}/tip"):
            continue
        tip = f"refs/par/kept/{slug}/{stamp}/tip"
        yield Finding(
            "kept-workspace",
            f"all that a removed workspace held lies in '{place}'",
            f"for you to do: move away what you need, or bring the branch back with git branch NAME {quote(tip)}; "
            "--fix does not delete what is kept",
        )


def pins(case: Case) -> Iterator[Finding]:
    """Refs that kept the commits of a plan while its process lived."""
    listed = case.repo.git.line("for-each-ref", "--format=%(objectname) %(refname)", "refs/par/plan").splitlines()
    dead = []
    for commit, ref in (line.split(" ", 1) for line in listed):
        pid = ref.split("/")[3].partition("-")[0]
        if pid.isdigit() and not _lives(int(pid)):
            dead.append((commit, ref))
    if dead:
        yield Finding(
            "leftovers",
            f"{len(dead)} commits of plans are kept from git's garbage collection though their merges are dead",
            "--fix deletes these refs under refs/par/plan; every branch, and all that is kept, stays",
            mend=partial(_unpin, case.repo, dead),
        )


def _unpin(repo: Repo, dead: list[tuple[str, str]]) -> None:
    for commit, ref in dead:
        repo.git.run("update-ref", "-d", ref, commit, ok=range(256))


def rubbish(case: Case) -> Iterator[Finding]:
    """Files that a dead process was writing, and trash that nobody sweeps."""
    incoming = case.repo.workspaces / PRIVATE / "incoming"
    records = (case.repo.state / name for name in ("tasks", "journal", "publishing"))
    for directory in (case.repo.state, *records, incoming):
        for path in sorted(directory.iterdir()) if directory.is_dir() else []:
            named = _NAMED.fullmatch(path.name)
            if named and not _lives(int(named[1] or named[2])):
                yield Finding(
                    "leftovers",
                    f"'{path}' was being {'written' if named[1] else 'deleted'} by a process that is dead",
                    "--fix deletes it: what it was to be is there whole, or was never begun",
                    mend=partial(files.delete_tree, path),
                )
    bin_ = case.repo.workspaces / PRIVATE / "trash"
    if bin_.is_dir() and os.path.realpath(bin_) == str(bin_) and any(bin_.iterdir()) and not _is_swept(bin_):
        yield Finding(
            "leftovers",
            f"'{bin_}' holds workspaces that were removed, and nobody is deleting them",
            "--fix deletes them: what was to be kept of them was kept before",
            mend=partial(trash.sweep, bin_),
        )


def _lives(pid: int) -> bool:
    import psutil

    return bool(psutil.pid_exists(pid))


def _is_swept(bin_: Path) -> bool:
    import psutil

    return any(
        "git_par.workspaces.trash" in (process.info["cmdline"] or ()) and str(bin_) in process.info["cmdline"]
        for process in psutil.process_iter(["cmdline"])
    )
