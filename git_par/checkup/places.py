"""Is every task's workspace where its record says, and does git know it?"""

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.checkup import clones as cloned
from git_par.checkup import moved, registrations
from git_par.checkup.clones import another
from git_par.checkup.finding import Case, Finding
from git_par.repo import Repo, linked_checkout
from git_par.state.tasks import Task
from git_par.workspaces import clones, isolation, kept, registering, registry, worktree
from git_par.workspaces.moved import Search
from git_par.workspaces.worktree import PRIVATE


def check(case: Case) -> Iterator[Finding]:
    """The workspaces directory, then each workspace in it; what was moved out of it, or with it, is told as that."""
    search = Search(case.repo)
    places = {task.name: search.places(task) for task in case.tasks}
    broken = {}
    for home in {Path(task.path).parent for task in case.tasks if not places[task.name]}:
        if wrong := _home(home):
            broken[home] = wrong
            yield wrong
    for task in case.tasks:
        if task.state != "active":
            continue  # told with what is half made
        if found := places[task.name]:
            yield moved.told(case, task, found)
        elif Path(task.path).parent not in broken:
            yield from _place(case, task)


def _home(home: Path) -> Finding | None:
    if not os.path.lexists(home):
        return Finding(
            "workspaces-directory",
            f"'{home}' is not there: it was deleted or moved, or its file system is not mounted",
            "for you to do: mount it; or, when it was moved: git config par.directory with the path where it is now, and "
            f"--fix follows; or, when it was deleted for good: mkdir -p {quote(str(home))}, then --fix checks "
            "the tasks out again; --fix alone does not, because the work may only be out of reach",
        )
    if home.is_symlink() or not home.is_dir():
        what = f"a link to '{os.path.realpath(home)}'" if home.is_symlink() else "no directory"
        return Finding(
            "workspaces-directory",
            f"'{home}' is {what}: the workspaces that were in it are not found",
            "for you to do: put the directory back in its place; --fix moves nothing that it did not make",
        )
    return None


def _place(case: Case, task: Task) -> Iterator[Finding]:
    path = Path(task.path)
    if not os.path.lexists(path):
        yield _missing(case, task)
    elif path.is_symlink() or not path.is_dir() or Path(os.path.realpath(path)) != path:
        yield Finding(
            "workspace-replaced",
            f"'{path}' is not the directory that was made for it",
            "for you to do: put the workspace back, or move that away and run 'git par doctor --fix'; "
            "--fix replaces nothing",
            task=task.name,
        )
    elif registry.admin_dir(case.repo, path) is None:
        yield from _unlinked(case, task)
    elif not _reads_index(case.repo, path) and not any(map(registrations.lacks, registry.entries_for(case.repo, path))):
        yield Finding(
            "workspace-index",
            f"git cannot read the index of '{path}': status and commit fail there",
            f"--fix moves it aside into '{case.repo.state / 'damaged'}' and makes it again from the commit; files stay as "
            "they are, what was staged is only changed then",
            task=task.name,
            mend=partial(_new_index, case, task),
        )


def _reads_index(repo: Repo, path: Path) -> bool:
    there = registry.checkout(repo, path)
    return there is None or there.run("ls-files", "--", ":(top,literal).git", ok=range(256)).code == 0


def _new_index(case: Case, task: Task) -> None:
    path = Path(task.path)
    with case.session.locks.task(task.name):
        entry = registry.admin_dir(case.repo, path)
        if entry and not _reads_index(case.repo, path):
            case.set_aside(entry / "index")
            _read_tree(case.repo, path)


def _read_tree(repo: Repo, path: Path) -> None:
    """An index that has what the checked out commit has; no file is touched."""
    there = worktree.opened(repo, path)
    there.run("read-tree", "HEAD")
    there.run("update-index", "-q", "--refresh", ok=(0, 1))


def _missing(case: Case, task: Task) -> Finding:
    if case.repo.git.commit(task.ref) is None:
        return Finding(
            "workspace-missing",
            f"its workspace '{task.path}' is gone, and so is its branch '{task.branch}'",
            f"for you to do: git par remove {quote(task.name)}, or make the branch again; --fix does not drop a record",
            task=task.name,
        )
    return Finding(
        "workspace-missing",
        f"its workspace '{task.path}' is gone",
        "--fix checks it out again, with what was staged; what was neither committed nor staged there it cannot bring back",
        task=task.name,
        mend=partial(_check_out, case, task),
    )


def _check_out(case: Case, task: Task) -> None:
    """Make a workspace again that was deleted, from its own index where git still has that."""
    repo, path = case.repo, Path(task.path)
    with case.session.locks.repository(), case.session.locks.task(task.name):
        if clones.is_clone(task):
            _clone_again(repo, task)
            return
        path.mkdir()  # somebody may have come first
        entries = registry.entries_for(repo, path)
        if not entries:
            registering.register(repo, path, task.branch, task.name)
        else:
            files.replace(path / ".git", os.fsencode(f"gitdir: {entries[0]}\n"))
        if not entries or not (entries[0] / "index").exists():
            worktree.fill(repo, path)
        else:
            worktree.opened(repo, path).run("checkout-index", "--all", "--quiet", "--index")


def _clone_again(repo: Repo, task: Task) -> None:
    """Make a clone again where nobody takes half of one for the whole, and put it in its place."""
    path = Path(task.path)
    aside = path.parent / PRIVATE / "kept" / task.slug / kept.stamp()
    place = files.private_directory(aside) / kept.UNFINISHED
    place.mkdir()
    isolation.make(repo, replace(task, path=str(place)))
    clones.opened(repo, place).run("read-tree", "--reset", "-u", "HEAD")
    if os.path.lexists(path):
        raise FileExistsError(f"'{path}': somebody came first")
    place.rename(path)
    with suppress(OSError):  # others may lie there
        aside.rmdir()
        aside.parent.rmdir()


def _unlinked(case: Case, task: Task) -> Iterator[Finding]:
    """A workspace that stands where it should, and that git does not take for one."""
    repo, path = case.repo, Path(task.path)
    if clones.is_clone(task):
        yield from cloned.unlinked(case, task)
        return
    entries = registry.entries_for(repo, path)
    if any(registrations.is_moved(entry) for entry in entries):
        return  # told once, for the repository
    link = path / ".git"
    if link.is_dir() and not link.is_symlink():
        yield another(task, f"'{link}' is a repository of its own")
        return
    if other := _other_repository(repo, path):
        yield another(task, f"'{link}' leads to another repository, '{other}'")
        return
    if entries:
        yield Finding(
            "workspace-unlinked",
            f"'{link}' does not lead to its registration '{entries[0]}' any more: git commands fail there",
            "--fix writes that one file again; it touches no other file of the workspace",
            task=task.name,
            mend=partial(_link, case, task),
        )
        return
    if repo.git.commit(task.ref) is None:
        yield another(task, f"git has lost its registration, and branch '{task.branch}' is gone")
        return
    yield Finding(
        "workspace-unregistered",
        f"git has lost the registration of '{path}': git commands fail there",
        f"--fix registers it again, on branch '{task.branch}'; its files stay as they are, "
        "what was staged is only changed then",
        task=task.name,
        mend=partial(_register, case, task),
    )


def _other_repository(repo: Repo, path: Path) -> Path | None:
    try:
        text = os.fsdecode((path / ".git").read_bytes())
    except OSError:
        return None
    target = Path(os.path.realpath(path / text.removeprefix("gitdir: ").removesuffix("\n")))
    if not text.startswith("gitdir: ") or not (target / "HEAD").exists():
        return None
    return None if target.parent == repo.common / "worktrees" and linked_checkout(target) == path else target


def _link(case: Case, task: Task) -> None:
    path = Path(task.path)
    with case.session.locks.repository():
        entries = registry.entries_for(case.repo, path)
        if entries and registry.admin_dir(case.repo, path) is None and not (path / ".git").is_dir():
            files.replace(path / ".git", os.fsencode(f"gitdir: {entries[0]}\n"))


def _register(case: Case, task: Task) -> None:
    """Let git make a registration for an empty directory, and give that to the workspace."""
    repo, path = case.repo, Path(task.path)
    with case.session.locks.repository(), case.session.locks.task(task.name):
        if registry.entries_for(repo, path):
            return
        place = files.private_directory(path.parent / PRIVATE / "registering") / path.name
        registering.register(repo, place, task.branch, task.name)
        (entry,) = registry.entries_for(repo, place)
        files.replace(entry / "gitdir", os.fsencode(f"{path}/.git\n"))
        files.replace(path / ".git", os.fsencode(f"gitdir: {entry}\n"))
        files.delete_tree(place.parent)
        _read_tree(repo, path)
