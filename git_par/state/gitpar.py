"""The committed settings: `.gitpar` of the main checkout, else of the commit that a bare repository's HEAD names.

The text is read once.  What is shown, trusted and heeded is that text, whatever becomes of the file meanwhile.
"""

import errno
import os
import shlex
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field

from git_par.errors import UsageError
from git_par.repo import Repo

NAME = ".gitpar"


@dataclass(frozen=True)
class Committed:
    """What a `.gitpar` says: the digest of its text, and its `par.*` settings in the order in which they stand."""

    digest: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    """Key without `par.`, as git writes it, and value."""

    @property
    def values(self) -> Mapping[str, list[str]]:
        """All values of each key, in order."""
        found: dict[str, list[str]] = {}
        for key, value in self.pairs:
            found.setdefault(key, []).append(value)
        return found


@dataclass(frozen=True)
class _Source:
    text: bytes
    shown: list[str] = field(default_factory=list)
    """How a person has git read it."""


def read(repo: Repo) -> Committed:
    """The committed settings of `repo`; UsageError when they cannot be read.

    Other files are not pulled in, and a link is not followed: it might lead out of the repository.
    """
    source = _of_checkout(repo) if repo.main else _of_commit(repo)
    if source is None:
        return Committed()
    text = os.fsdecode(source.text)
    reply = repo.git.run(
        "config", "--file", "-", "--null", "--no-includes", "--list", feed=text, ok=(0, 1, 3, 128, 255)
    )
    if reply.code:
        raise _unreadable(source.shown)
    entries = (entry.partition("\n") for entry in reply.out.split("\0")[:-1])
    pairs = tuple(
        (key.removeprefix("par."), value if newline else "true")
        for key, newline, value in entries
        if key.startswith("par.")
    )
    import hashlib  # 3 ms, and few have the file

    return Committed(hashlib.sha256(source.text).hexdigest(), pairs)


def _of_checkout(repo: Repo) -> _Source | None:
    assert repo.main
    file = repo.main / NAME
    shown = ["--file", str(file)]
    try:
        # What is no file, such as a pipe, is not waited for.
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO):
            return None
        raise _unreadable(shown) from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            return _Source(opened.read(), shown)
    finally:
        os.close(descriptor)


def _of_commit(repo: Repo) -> _Source | None:
    listed = repo.git.run("ls-tree", "-z", "HEAD", "--", NAME, ok=(0, 128)).out
    mode, kind, blob = listed.partition("\t")[0].split(" ") if listed else ("", "", "")
    if kind != "blob" or not mode.startswith("100"):
        return None
    return _Source(os.fsencode(repo.git.run("cat-file", "blob", blob).out), ["--blob", f"HEAD:{NAME}"])


def _unreadable(shown: list[str]) -> UsageError:
    return UsageError(f"{NAME}: git cannot read it", hint=f"git config {shlex.join(shown)} --list")
