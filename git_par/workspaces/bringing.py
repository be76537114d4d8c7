"""Bring files of the main checkout into a workspace, as copies and as links.

What stands in the workspace already is never touched, and no link is followed.  What git does not ignore there is only
brought where a task file asks for it by name (see `copying`).  A copy is made aside, in git-par's own corner, and comes in
by one rename or link: a kill leaves no half file.  Where there are no hard links, a file is copied once more to come in.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from git_par import files, processes
from git_par.errors import GitFailed
from git_par.git import Git
from git_par.names import some
from git_par.state.session import Session
from git_par.workspaces import copies, links, registry, secrets, worktree
from git_par.workspaces.copies import Copying, Why
from git_par.workspaces.incoming import Incoming

WHY: dict[Why, str] = {
    "exists": "something else is there",
    "not-ignored": "git does not ignore it there",
    "no-directory": "its directory is not there",
    "in-the-way": "a link or a file is where its directory would be",
    "unreadable": "it cannot be read",
    "special": "it is neither file, directory nor link",
    "repository": "it is a repository or a workspaces directory",
    "exposed": "others could read it there",
    "no-links": "that file system has no links",
}


@dataclass(frozen=True)
class Brought:
    """What came into a workspace, and what was left; directories end with `/`."""

    copied: tuple[str, ...] = ()
    linked: tuple[str, ...] = ()
    left: tuple[tuple[str, Why], ...] = ()

    def joined(self, other: "Brought") -> "Brought":
        """What came of two goes at the same workspace."""
        return Brought(self.copied + other.copied, self.linked + other.linked, self.left + other.left)

    def words(self) -> list[str]:
        """What came and what was left, a line each."""
        came = [f"{done} {some(paths)}" for done, paths in (("copied", self.copied), ("linked", self.linked)) if paths]
        why = {word: [path for path, reason in self.left if reason == word] for word in WHY}
        return [
            *(["; ".join(came)] if came else []),
            *(f"left {some(paths)}: {WHY[word]}" for word, paths in why.items() if paths),
        ]


def bring(
    session: Session, path: Path, incoming: Incoming, home: Path | None = None, *, openly: bool = False
) -> Brought:
    """Bring `incoming` into the registered workspace `path`, which the caller holds the lock of.

    Links are made for `home`, where it is to stand one day, if that is not where it is.  `openly` copies what git does not
    ignore there too, as long as it does not track it.
    """
    home = home or path
    if not incoming:
        return Brought()
    repo = session.repo
    git, git_dir = worktree.opened(repo, path), registry.git_dir(repo, path)
    if git_dir is None:
        raise GitFailed(f"'{path}': it is not a worktree any more", hint="run the command again")
    left: list[tuple[str, Why]] = [(one, "unreadable") for one in incoming.unreadable]
    absent = [one for entry in incoming.copied for one in _absent(incoming.top, path, entry, left)]
    wanted = [one for one in incoming.linked if _is_to_link(incoming.top, path, home, one, left)]
    ignored = ignored_there(git, [*absent, *(one.rstrip("/") for one in wanted)])
    if openly:
        ignored |= _free(git, absent)
    if exposed := [one.rstrip("/") for one in wanted if one.rstrip("/") not in ignored]:
        links.exclude(session, git, exposed)
        ignored |= ignored_there(git, exposed)
    left += [(one, "not-ignored") for one in absent if one not in ignored]
    left += [(one, "not-ignored") for one in wanted if one.rstrip("/") not in ignored]
    absent = [one for one in absent if one in ignored]
    wanted = [one.rstrip("/") for one in wanted if one.rstrip("/") in ignored]
    secrets.note(git_dir, [*absent, *wanted])
    with copies.closing(os.open(incoming.top, os.O_RDONLY | os.O_DIRECTORY)) as top:
        copied = _copy(session, top, path, absent, left) if absent else []
        linked = [one for one in wanted if _link(top, path, one, links.text(incoming.top, home, one), left)]
    return Brought(tuple(copied), tuple(linked), tuple(left))


def _absent(top: Path, path: Path, entry: str, left: list[tuple[str, Why]]) -> Iterator[str]:
    """What of `entry` the workspace lacks: itself, or of a directory that is there what is missing inside."""
    plain = entry.rstrip("/")
    if _blocked(path, plain):
        left.append((entry, "in-the-way"))
    elif not os.path.lexists(path / plain):
        yield entry
    elif not entry.endswith("/"):
        if not alike(top / plain, path / plain):
            left.append((entry, "exists"))
    elif (path / plain).is_symlink() or not (path / plain).is_dir():
        left.append((entry, "exists"))
    else:
        try:
            with os.scandir(top / plain) as entries:
                inside = sorted((one.name, one.is_dir(follow_symlinks=False)) for one in entries)
        except PermissionError:
            left.append((entry, "unreadable"))
            return
        if any(name == ".git" for name, _ in inside):
            left.append((entry, "exists"))
            return
        for name, directory in inside:
            yield from _absent(top, path, f"{plain}/{name}{'/' if directory else ''}", left)


def _is_to_link(top: Path, path: Path, home: Path, entry: str, left: list[tuple[str, Why]]) -> bool:
    plain = entry.rstrip("/")
    if _blocked(path, plain):
        left.append((entry, "in-the-way"))
    elif os.path.lexists(path / plain):
        if not links.is_ours(top, home, plain, path / plain):
            left.append((entry, "exists"))
    elif not (path / plain).parent.is_dir():
        left.append((entry, "no-directory"))
    else:
        return True
    return False


def _blocked(path: Path, plain: str) -> bool:
    """Whether a directory above `plain` is something else in the workspace."""
    parts = plain.split("/")
    above = [path / "/".join(parts[:count]) for count in range(1, len(parts))]
    return any(place.is_symlink() or (os.path.lexists(place) and not place.is_dir()) for place in above)


def alike(one: Path, other: Path) -> bool:
    """Whether two files or links say the same."""
    if one.is_symlink() or other.is_symlink():
        return one.is_symlink() and other.is_symlink() and one.readlink() == other.readlink()
    from filecmp import cmp  # rarely needed

    with suppress(OSError):
        return one.is_file() and other.is_file() and cmp(one, other)
    return False


def ignored_there(git: Git, paths: Sequence[str]) -> set[str]:
    """Those of `paths` that git ignores in the workspace, and does not track."""
    if not paths:
        return set()
    asked = ("check-ignore", "-z", "--stdin")
    reply = git.run(*asked, feed="".join(f"{path}\0" for path in paths), ok=(0, 1, 128))
    if reply.code != 128:
        return set(reply.out.split("\0")[:-1])
    # It does not answer at all when one of them lies in a submodule.
    return {path for path in paths if git.run(*asked, feed=f"{path}\0", ok=(0, 1, 128)).code == 0}


def _free(git: Git, paths: Sequence[str]) -> set[str]:
    """Those of `paths` that git does not track in the workspace, nor anything in them; it may leave such files out."""
    tracked = set(git.fields("ls-files", "-z")) if paths else set()
    return {
        path
        for path in paths
        if path.rstrip("/") not in tracked and not (path.endswith("/") and any(one.startswith(path) for one in tracked))
    }


def _copy(session: Session, top: int, path: Path, wanted: Sequence[str], left: list[tuple[str, Why]]) -> list[str]:
    repo, copied = session.repo, []
    closed = frozenset(_identity(place) for place in (repo.workspaces, repo.common) if place.is_dir())
    run = Copying(closed, lambda done, known: session.progress("copying files", done, known), left, known=len(wanted))
    with _corner(path) as place, copies.closing(os.open(path, os.O_RDONLY | os.O_DIRECTORY)) as here:
        for number, one in enumerate(wanted):
            with ExitStack() as stack:
                *above, name = one.rstrip("/").split("/")
                os.mkdir(str(number), 0o700, dir_fd=place)
                corner = stack.enter_context(copies.directory(place, str(number)))
                try:
                    source, target = _go_down(stack, top, here, above)
                except FileNotFoundError:
                    continue  # it went meanwhile
                except OSError:
                    left.append((one, "in-the-way"))
                    continue
                if run.put(source, name, corner, one):
                    try:
                        _come_in(corner, target, name)
                    except OSError:
                        if not _stands(target, name):
                            raise
                        left.append((one, "exists"))
                        continue
                    copies.finish(source, name, target)
                    copied.append(one)
    return copied


def _come_in(corner: int, target: int, name: str) -> None:
    """Let what was made aside come into the workspace, where it takes the place of nothing."""
    mode = os.lstat(name, dir_fd=corner).st_mode
    if stat.S_ISDIR(mode):
        os.rename(name, name, src_dir_fd=corner, dst_dir_fd=target)
    elif stat.S_ISLNK(mode):
        copies.link(corner, name, target)
        os.unlink(name, dir_fd=corner)
    else:
        try:
            os.link(name, name, src_dir_fd=corner, dst_dir_fd=target, follow_symlinks=False)
        except OSError as error:
            if error.errno not in files.NO_LINKS:
                raise
            copies.file(corner, name, target)
        os.unlink(name, dir_fd=corner)


def _go_down(stack: ExitStack, source: int, target: int, parts: Sequence[str]) -> tuple[int, int]:
    """Both directories at the end of `parts`, open; in the workspace they are made like those of the main checkout."""
    for part in parts:
        source = stack.enter_context(copies.directory(source, part))
        made = False
        with suppress(FileExistsError):
            os.mkdir(part, 0o700, dir_fd=target)
            made = True
        target = stack.enter_context(copies.directory(target, part))
        if made:
            copies.narrow(target, stat.S_IMODE(os.fstat(source).st_mode) & 0o777 | stat.S_IRWXU)
    return source, target


def _link(top: int, path: Path, plain: str, says: str, left: list[tuple[str, Why]]) -> bool:
    *above, name = plain.split("/")
    with ExitStack() as stack:
        try:
            here = stack.enter_context(copies.closing(os.open(path, os.O_RDONLY | os.O_DIRECTORY)))
            _, target = _go_down(stack, top, here, above)
        except FileNotFoundError:
            return False  # it went meanwhile
        except OSError:
            left.append((plain, "in-the-way"))
            return False
        try:
            made = copies.symlink(says, name, target)
        except FileExistsError:
            made = None
        if not made:
            left.append((plain, "exists" if made is None else "no-links"))
    return bool(made)


@contextmanager
def _corner(path: Path) -> Iterator[int]:
    """A directory on the file system of the workspace `path` that nobody else looks into, open; gone afterwards.

    What killed ones left there goes first.
    """
    corner = files.private_directory(path.parent / worktree.PRIVATE / "incoming")
    for old in corner.iterdir():
        pid = old.name.split(".")[2] if old.name.count(".") == 4 else ""
        if pid.isdigit() and not processes.is_running(int(pid)):
            with suppress(OSError):
                files.delete_tree(old)
    own = files.private_directory(corner / f".files.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with copies.closing(os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)) as descriptor:
            yield descriptor
    finally:
        files.delete_tree(own)


def _stands(directory: int, name: str) -> bool:
    try:
        os.lstat(name, dir_fd=directory)
    except OSError:
        return False
    return True


def _identity(place: Path) -> tuple[int, int]:
    found = place.stat()
    return found.st_dev, found.st_ino
