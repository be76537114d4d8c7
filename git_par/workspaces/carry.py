"""Take uncommitted work along into a new workspace: a copy, of which the checkout it comes from knows nothing.

What is staged stays staged, by its entries in the index; what stands on disk is copied byte by byte, so no filter runs and
no secret gets into the object database.
"""

import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from git_par import files
from git_par.errors import Refused, UsageError
from git_par.git import Git
from git_par.names import some
from git_par.repo import Repo
from git_par.workspaces import in_progress, snapshot, status, worktree
from git_par.workspaces.start import Start

_TRIES = 3

_SUBMODULE = "160000"


@dataclass(frozen=True)
class Load:
    """What stands uncommitted in the checkout `top`; paths are relative to it."""

    top: Path
    entries: tuple[str, ...] = ()
    """What is staged, as `git update-index --index-info` reads it; what goes comes first."""
    modules: tuple[str, ...] = ()
    """Submodules whose commit is staged."""
    former: tuple[str, ...] = ()
    """Submodules of the commit that are staged to be none any more."""
    named: tuple[str, ...] = ()
    """Files that are tracked by name only (`git add -N`)."""
    changed: tuple[str, ...] = ()
    """Tracked, different on disk from the index."""
    absent: tuple[str, ...] = ()
    """Staged, but not checked out."""
    gone: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    """Files and links."""
    left: tuple[tuple[str, str], ...] = ()
    """What cannot be taken, each with the reason; repositories end with `/`."""

    @property
    def paths(self) -> frozenset[str]:
        """Everything that is brought."""
        staged = (entry.partition("\t")[2].removesuffix("\0") for entry in self.entries)
        return frozenset((*staged, *self.gone, *self.files))


def gather(repo: Repo, start: Start) -> Load:
    """What `bring` is to bring; Refused where the checkout is not in a state that could be had twice."""
    if repo.top is None:
        raise UsageError("--carry: there is no checkout here", hint="go to the one whose work is to come along")
    if busy := in_progress.operation(repo.git_dir):
        raise Refused(
            f"--carry: '{repo.top}': {busy} is in progress in it",
            hint="finish it or take it back first; 'git status' says how",
        )
    git = repo.here
    now = status.read(git, untracked="all", seeing=True)
    if now.unmerged:
        raise Refused(f"--carry: unmerged: {some(now.unmerged)}", hint="solve and git add them first")
    if now.head != start.commit:
        raise UsageError(
            f"--carry: the work is on top of {(now.head or 'nothing')[:8]}, and {start.shown} is another commit",
            hint="leave out --from, or commit the work",
        )
    staged = _raw(git, "diff-index", "--cached", start.commit)
    unstaged = _raw(git, "diff-files")
    modules = {path for path, modes in staged.items() if modes[1] == _SUBMODULE}
    modules |= {path for path, modes in unstaged.items() if _SUBMODULE in modes[:2]}
    named = {path for path in now.changed if unstaged.get(path, ("",) * 4)[3] == "A"}
    paths = list(dict.fromkeys([*staged, *now.changed, *now.untracked]))
    standing, beyond = snapshot.split(repo.top, [path for path in paths if path not in modules])
    kinds = {path: snapshot.kind_of(repo.top / path) for path in standing}
    absent = [
        path
        for path in beyond + [path for path in standing if kinds[path] == "nothing"]
        if path in staged and staged[path][1] != "000000" and path not in now.changed
    ]
    repositories = [f"{path.rstrip('/')}/" for path in standing if kinds[path] == "repository"]
    entries = [(mode, blob, path) for path, (_, mode, blob, _) in staged.items() if path not in named]
    return Load(
        repo.top,
        entries=tuple(f"{mode} {blob} 0\t{path}\0" for mode, blob, path in sorted(entries)),
        modules=tuple(path for path, (_, mode, _, _) in staged.items() if mode == _SUBMODULE),
        former=tuple(path for path, modes in staged.items() if modes[0] == _SUBMODULE != modes[1]),
        named=tuple(path for path in now.changed if path in named and kinds.get(path) == "file"),
        changed=tuple(path for path in now.changed if path not in {*named, *modules}),
        absent=tuple(absent),
        gone=tuple(
            path for path in paths if kinds.get(path, "nothing") == "nothing" and path not in {*absent, *modules}
        ),
        files=tuple(path for path in standing if kinds[path] == "file"),
        left=(
            *((path, "a submodule with changes of its own") for path in now.changed if path in modules),
            *((path, "a repository of its own") for path in dict.fromkeys(repositories)),
            *((path, "neither file nor link") for path in standing if kinds[path] == "other"),
        ),
    )


def bring(repo: Repo, path: Path, load: Load) -> None:
    """Bring `load` into the new workspace `path`, which stands at the commit that it is on top of."""
    git = worktree.opened(repo, path)
    for name in load.former:
        _empty(_inside(path, name))
    for name in load.gone:
        _remove(path, name)
    for name in load.files:
        place = _make_room(path, name)
        _copy(load.top / name, place)
    for name in load.modules:
        (path / name if (path / name).is_dir() else _make_room(path, name)).mkdir(exist_ok=True)
    if load.entries:
        git.run("update-index", "-z", "--index-info", feed="".join(load.entries))
    if load.named:
        how = ("--intent-to-add", "--force", "--sparse", "--pathspec-from-file=-", "--pathspec-file-nul")
        git.run("--literal-pathspecs", "add", *how, feed=_list(load.named))
    if load.changed:
        git.run("update-index", "--no-skip-worktree", "-z", "--stdin", feed=_list(load.changed))
    if load.absent:
        git.run("checkout-index", "-f", "-q", "--ignore-skip-worktree-bits", "-z", "--stdin", feed=_list(load.absent))
    git.run("update-index", "-q", "--refresh", ok=(0, 1))


def _raw(git: Git, *command: str) -> dict[str, tuple[str, str, str, str]]:
    """What a raw diff says of each path: modes before and after, the blob after, and the kind of change."""
    name, *rest = command
    fields = git.fields(name, "-z", "--no-renames", "--ignore-submodules=none", *rest)
    found = {}
    for how, path in zip(fields[::2], fields[1::2], strict=True):
        before, after, _, blob, kind = how.removeprefix(":").split(" ")
        found[path] = (before, after, blob, kind)
    return found


def _list(paths: Sequence[str]) -> str:
    return "".join(f"{path}\0" for path in paths)


def _remove(top: Path, name: str) -> None:
    """Take the file `name` away, and the directories that are empty then, as git does."""
    place = _inside(top, name)
    with suppress(IsADirectoryError, PermissionError):  # the files in it go by themselves
        place.unlink(missing_ok=True)
    for directory in place.parents:
        if directory == top:
            break
        try:
            directory.rmdir()
        except OSError:
            break


def _make_room(top: Path, name: str) -> Path:
    """The place of the file `name`, with nothing there, in directories that are."""
    place = _inside(top, name)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    return place


def _empty(place: Path) -> None:
    """Take the directory of a submodule away, filled as it was a moment ago; Refused when somebody has anything in it."""
    if not place.is_dir():
        return
    if os.path.lexists(place / ".git"):
        inside = status.read(Git(place), untracked="all", ignored=True, seeing=True)
        if not (inside.tracked_dirt or inside.untracked or inside.ignored):
            files.delete_tree(place)
            return
    try:
        place.rmdir()
    except OSError:
        raise Refused(
            f"--carry: '{place}': it is no submodule any more, and holds something", hint="run the command again"
        ) from None


def _inside(top: Path, name: str) -> Path:
    """Where `name` is; Refused where a link stands in the way, which would lead elsewhere."""
    place = top
    for part in Path(name).parts[:-1]:
        place /= part
        if place.is_symlink():
            raise Refused(
                f"--carry: '{place}' is a link, and '{name}' is to go below it",
                hint="see 'git config --get-all par.link'",
            )
    return top / name


def _copy(source: Path, target: Path) -> None:
    """Copy a file or a link with its mode and times; for nobody else's eyes before it has its mode.

    Refused when it does not stand still.
    """
    from shutil import copyfileobj

    for _ in range(_TRIES):
        try:
            found = source.lstat()
            if stat.S_ISLNK(found.st_mode):
                target.symlink_to(os.readlink(source))
            else:
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
                with (
                    open(os.open(source, os.O_RDONLY | os.O_NOFOLLOW), "rb") as old,
                    open(os.open(target, flags, 0o600), "wb") as new,
                ):
                    copyfileobj(old, new, 1 << 20)
                    os.fchmod(new.fileno(), stat.S_IMODE(found.st_mode) & 0o777)
            os.utime(target, ns=(found.st_atime_ns, found.st_mtime_ns), follow_symlinks=False)
            if _mark(source.lstat()) == _mark(found):
                return
        except FileNotFoundError:
            pass
        target.unlink(missing_ok=True)
    raise Refused(f"--carry: '{source}': it is being written right now", hint="run the command again")


def _mark(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns)
