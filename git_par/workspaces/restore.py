"""Bring back what a removal kept: branch, workspace, index, uncommitted work and files, as they were.

What is kept stays kept: commits are checked out and files copied, so that it can be brought back again.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from shlex import quote

from git_par import interrupts
from git_par.errors import UsageError
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.journal import Open
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import (
    claims,
    clone,
    clones,
    copies,
    cow,
    isolation,
    kept,
    meeting,
    ports,
    registering,
    registry,
    submodules,
    worktree,
)
from git_par.workspaces.kept import Keepsake

_NOT_BROUGHT = frozenset(("AUTO_MERGE", "HEAD", "commondir", "config.worktree", "gitdir", "index", "info", "locked"))
"""What of a registration the new one has of its own, or was given before."""


def bring_back(session: Session, keepsake: Keepsake, operation: Open, *, name: str | None = None) -> Task:
    """Make the task of `keepsake` again, as it was, under another `name` if given; its record.

    Call it without any lock of a task or of the repository.  UsageError when name or branch are taken or nothing of the
    branch was kept; whatever fails, all that was made is taken back, in `operation` too.
    """
    repo = session.repo
    with ExitStack() as busy, interrupts.taking_back() as undo:
        with session.locks.repository():
            task, tip = _plan(session, keepsake, name)
            busy.enter_context(session.locks.every_task([*{task.name, keepsake.task.name}]))
            with interrupts.held():  # each step and how it is undone belong together
                task = replace(task, path=str(_reserve(repo, task, keepsake.task)))
                path = Path(task.path)
                undo.callback(isolation.take_back, repo, task)
                operation.entry.task(None, task)
                operation.entry.ref(task.ref, None, tip)
                undo.callback(_forget, operation, task)
                operation.write()
                session.tasks.add(task)
                undo.callback(session.tasks.drop, task.name)
                claims.create_branches(repo, [task], tip, f"git-par: restored from {keepsake.ref}")
                undo.callback(claims.delete_branches, repo, [task], tip)
                _register(repo, task, keepsake)
        _make(repo, task, keepsake)
        _fill(repo, task, keepsake)
        if keepsake.files:
            copy_files(keepsake.files, path)
        _connect(repo, path)
        # From here on the workspace is handed over.
        with interrupts.held():
            undo.pop_all()
            task = replace(task, state="active", placed=keepsake.task.placed)
            session.tasks.put(task)
            operation.entry.task(None, task)
            operation.write()
    return task


def _connect(repo: Repo, path: Path) -> None:
    """The submodules: their repositories came back with the registration, perhaps under another name."""
    entry = registry.admin_dir(repo, path)
    assert entry is not None
    submodules.connect(worktree.opened(repo, path), entry)


def copy_files(source: Path, target: Path) -> None:
    """Copy all below `source` into `target`, with modes and times.

    A file takes the place of one that is there, which was checked out and may be less than what was moved aside; a
    directory and a link to one stay as they are.
    """
    waiting = [(source, target)]
    made = []
    while waiting:
        directory, inside = waiting.pop()
        with _readable(directory), os.scandir(directory) as entries:
            found = list(entries)
        for entry in found:
            place = inside / entry.name
            if entry.is_dir(follow_symlinks=False):
                if not os.path.lexists(place):
                    place.mkdir(mode=0o700)
                    made.append((entry.path, place))
                if place.is_dir() and not place.is_symlink():
                    waiting.append((Path(entry.path), place))
            elif not place.is_dir() and (entry.is_symlink() or entry.is_file()):
                place.unlink(missing_ok=True)
                _copy_file(Path(entry.path), place)
    for kept_as, place in reversed(made):  # one that is read-only takes no more files
        shutil.copymode(kept_as, place)


def _copy_file(source: Path, target: Path) -> None:
    if source.is_symlink():
        shutil.copy2(source, target, follow_symlinks=False)
        return
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with _readable(source), source.open("rb") as there, copies.closing(os.open(target, flags, 0o600)) as here:
        cow.copy(there.fileno(), here)
    shutil.copystat(source, target)


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """For as long as the block runs its owner may read what is kept at `path`, whatever its mode says."""
    mode = stat.S_IMODE(path.stat().st_mode)
    wanted = mode | (stat.S_IRWXU if path.is_dir() else stat.S_IRUSR)
    if mode == wanted or path.stat().st_uid != os.geteuid():
        yield
        return
    path.chmod(wanted)
    try:
        yield
    finally:
        path.chmod(mode)


def _plan(session: Session, keepsake: Keepsake, name: str | None) -> tuple[Task, str]:
    """The record to make, checked, and where its branch is to stand."""
    old = keepsake.task
    tip = keepsake.refs.get("tip") or keepsake.refs.get("head") or session.repo.git.commit(old.placed)
    if tip is None:
        raise UsageError(f"{old.name}: no commit of it was kept", hint=f"ls -A {quote(str(keepsake.files or '.'))}")
    new = name or old.name
    claims.clear_dead(session, new)
    used = {task.slot for task in session.tasks.all()}
    slot = next(ports.free_slots(session, used, first=old.slot))
    branch = f"{old.branch.removesuffix(old.name)}{new}" if old.branch.endswith(old.name) else new
    branch = old.branch if new == old.name else branch
    # As long as it stands where we placed it, the next command may take back what a kill left.
    task = replace(old, name=new, branch=branch, state="creating", slot=slot, placed=tip)
    hint = f"git par restore {quote(old.name)} --as NEW"
    if session.tasks.get(new):
        raise UsageError(f"{new}: there is a task of that name", hint=hint)
    try:
        claims.check_branches(session.repo, [task])
    except UsageError as error:
        raise UsageError(error.message, hint=hint) from None
    return task, tip


def _reserve(repo: Repo, task: Task, old: Task) -> Path:
    """Where the workspace was, when that is free and the task keeps its name; else a place as for a new task."""
    path = Path(old.path)
    if task.name == old.name and path.parent.is_dir() and Path(os.path.realpath(path)) == path:
        with suppress(OSError):
            path.mkdir()
            return path
    return worktree.reserve(repo, task.name)


def _forget(operation: Open, task: Task) -> None:
    """Take the task out of the operation, which others may have a part in."""
    operation.entry.tasks.pop(task.name, None)
    operation.entry.refs.pop(task.ref, None)
    operation.write() if operation.entry.tasks or operation.entry.refs else operation.forget()


def _register(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Make the worktree stand where it stood: on the task's branch, on another one, or detached."""
    path, head = Path(task.path), _head(repo, keepsake)
    if clones.is_clone(task):
        isolation.register(repo, task)
        meeting.pin_start(repo, task)  # here the two stand together again
        return
    branch = head.removeprefix("ref: refs/heads/")
    if head and branch == head and repo.git.commit(head) == head:
        registering.register(repo, path, head, task.name, detached=True)
        return
    registering.register(repo, path, task.branch, task.name)
    if not head or branch in (head, keepsake.task.branch):
        return
    commit, there = keepsake.refs.get("head"), repo.git.commit(f"refs/heads/{branch}")
    taken = any(one.branch == f"refs/heads/{branch}" for one in registry.worktrees(repo))
    git = worktree.opened(repo, path)
    if there == commit and not taken:
        git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    elif commit:
        git.run("update-ref", "--no-deref", "HEAD", commit)


def _make(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Make a clone again, from its own git directory where that was kept: with its refs, reflogs, settings and stash."""
    source = kept.registration(repo, keepsake)
    if not clones.is_clone(task):
        return
    if source.is_dir():
        clone.copy(source, Path(task.path) / ".git")
        clone.rename(repo, task, keepsake.task)
        (Path(task.path) / ".git" / "index").unlink(missing_ok=True)  # it comes back when the files are there
        meeting.pin(repo, task)
    else:
        isolation.make(repo, task)


def _head(repo: Repo, keepsake: Keepsake) -> str:
    """What HEAD said: `ref: refs/heads/…` or a commit; empty when nobody knows."""
    try:
        return (kept.registration(repo, keepsake) / "HEAD").read_text().strip()
    except (OSError, ValueError):
        return keepsake.refs.get("head", "")


def _fill(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Bring working tree and index to what they were, and then what was in progress."""
    path = Path(task.path)
    entry = registry.admin_dir(repo, path)
    assert entry is not None
    git = worktree.opened(repo, path)
    source = kept.registration(repo, keepsake)
    for name in ("config.worktree", "info"):  # which of the files are checked out is decided there
        _copy(source / name, entry / name)
    work = keepsake.refs.get("work")
    if work:
        _check_out(git, work)
    elif git.commit("HEAD") and clones.is_clone(task):
        git.run("read-tree", "--reset", "-u", "HEAD")  # unlike a reset, no line in its reflog
    elif git.commit("HEAD"):
        worktree.fill(repo, path)
    if work or (source / "index").is_file() or "index" in keepsake.refs:
        _bring_index(git, entry, source, keepsake)
    brought = source.is_dir() and not clones.is_clone(task)
    for one in sorted(source.iterdir()) if brought else []:
        if one.name not in _NOT_BROUGHT and one.suffix != ".lock":
            _copy(one, entry / one.name)
    for head_name in entry.glob("rebase-*/head-name"):
        if head_name.read_text() == f"{keepsake.task.ref}\n":
            head_name.write_text(f"{task.ref}\n")


def _check_out(git: Git, work: str) -> None:
    """All files of the commit `work`; those that differ from what it is based on also where a sparse checkout has none."""
    git.run("read-tree", "--reset", "-u", work)
    based = ["--root", work] if git.commit(f"{work}^") is None else [f"{work}^", work]
    changed = git.fields(
        "diff-tree", "-r", "-z", "--no-commit-id", "--name-only", "--no-renames", "--diff-filter=d", *based
    )
    if changed:
        feed = "".join(f"{path}\0" for path in changed)
        git.run("checkout-index", "-f", "-q", "--ignore-skip-worktree-bits", "-z", "--stdin", feed=feed)


def _bring_index(git: Git, entry: Path, source: Path, keepsake: Keepsake) -> None:
    """The index as it was, from its own file; else, or when git cannot read that, from the commits that were kept of it."""
    if (source / "index").is_file():
        fresh = (entry / "index").read_bytes() if (entry / "index").exists() else None
        for file in [source / "index", *source.glob("sharedindex.*")]:
            _copy(file, entry / file.name)
        if git.run("update-index", "-q", "--unmerged", "--refresh", ok=range(256)).code in (0, 1):
            return
        if fresh is not None:
            (entry / "index").write_bytes(fresh)
    staged = keepsake.refs.get("index") or git.commit("HEAD")
    git.run("read-tree", staged or "--empty")
    if unmerged := keepsake.refs.get("unmerged"):
        stages = list(_stages(git, unmerged))
        gone = {f"0 {_NULL}\t{path}\0" for _, path in stages}
        feed = "".join(sorted(gone)) + "".join(f"{how}\t{path}\0" for how, path in stages)
        git.run("update-index", "-z", "--index-info", feed=feed)
    git.run("update-index", "-q", "--unmerged", "--refresh", ok=(0, 1))


_NULL = "0" * 40


def _stages(git: Git, unmerged: str) -> Iterator[tuple[str, str]]:
    """The unmerged entries that a tree with the directories `1`, `2` and `3` tells: mode, blob and stage, and the path."""
    for field in git.fields("ls-tree", "-r", "-z", unmerged):
        how, _, where = field.partition("\t")
        mode, _, blob = how.split(" ")
        stage, _, path = where.partition("/")
        yield f"{mode} {blob} {stage}", path


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a directory of a registration, over what git put there."""
    if source.is_symlink() or not source.exists():
        return
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
