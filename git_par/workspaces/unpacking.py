"""Unpack a keepsake into a workspace that was made for it: working tree and index, what was in progress, files, submodules.

What is kept stays kept: commits are checked out and files copied.
"""

import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from git_par.git import Git
from git_par.repo import Repo
from git_par.state.tasks import Task
from git_par.workspaces import clones, copies, cow, kept, own_refs, registry, submodules, watcher, worktree
from git_par.workspaces.kept import Keepsake

_NOT_BROUGHT = frozenset(
    (
        *("AUTO_MERGE", "HEAD", "commondir", "config.worktree", "gitdir", "index", "info", "locked"),
        *(own_refs.TABLES, *watcher.OWN),
    )
)
"""What of a registration the new one has of its own, or was given before."""


def unpack(repo: Repo, task: Task, keepsake: Keepsake) -> None:
    """Bring all that `keepsake` has into the workspace of `task`, whose registration and branch are there already."""
    _fill(repo, task, keepsake)
    if keepsake.files:
        copy_files(keepsake.files, Path(task.path))
    _connect(repo, Path(task.path))


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
    if brought and own_refs.in_tables(source) and own_refs.in_tables(entry):
        own_refs.bring(source, entry)
    for head_name in entry.glob("rebase-*/head-name"):
        if head_name.read_text() == f"{keepsake.task.ref}\n":
            head_name.write_text(f"{task.ref}\n")
    start = entry / "BISECT_START"
    if start.is_file() and start.read_text() == f"{keepsake.task.branch}\n":
        start.write_text(f"{task.branch}\n")


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
    # What is only intended to be added names it (git-add(1), --intent-to-add), and no commit keeps it from a gc.
    git.run("hash-object", "-w", "--stdin")
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
        gone = {f"0 {'0' * len(how.split(' ')[1])}\t{path}\0" for how, path in stages}
        feed = "".join(sorted(gone)) + "".join(f"{how}\t{path}\0" for how, path in stages)
        git.run("update-index", "-z", "--index-info", feed=feed)
    git.run("update-index", "-q", "--unmerged", "--refresh", ok=(0, 1))


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


def _connect(repo: Repo, path: Path) -> None:
    """The submodules: their repositories came back with the registration, perhaps under another name."""
    entry = registry.admin_dir(repo, path)
    assert entry is not None
    submodules.connect(worktree.opened(repo, path), entry)
