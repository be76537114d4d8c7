"""Spares: warm, detached workspaces that `add` claims instead of checking one out, in `.par/spares/<n>`.

A spare is a worktree of git, locked as one, and a record in its registration that tells what it was made of.  Whoever holds
its lock has it to himself; who finds it unlocked and not ready finds what a killed command left (see `pooling`).
"""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from shlex import quote

from git_par import beside, files
from git_par.errors import GitFailed, ParError
from git_par.git import Git
from git_par.names import some
from git_par.repo import Repo, is_true, linked_checkout
from git_par.state.session import Session
from git_par.workspaces import hidden_edits, in_progress, own_refs, registry, status, untouched
from git_par.workspaces.untouched import Came
from git_par.workspaces.worktree import PRIVATE

_RECORD = "par-spare"
"""The file in the registration of a spare that is its record."""
_VERSION = 1
_KIND = "spares"

POINTERS = {"GIT_LFS_SKIP_SMUDGE": "1"}
"""The environment in which a spare is checked out: git-lfs leaves its pointers, until somebody needs what they stand for."""


Looks = Mapping["Spare", Callable[[], str]]
"""Spares that are being looked at, each with what waits for the answer of `edits`."""


@dataclass(frozen=True)
class Record:
    """What a spare was made of."""

    commit: str
    """The commit it stands at, or is on its way to."""
    was: str = ""
    """The commit that it is on its way from; empty when it is being made, and when it has arrived."""
    index: str = ""
    """The checksum of its index when it was ready; empty until then."""
    copied: tuple[Came, ...] = ()
    linked: tuple[tuple[str, str], ...] = ()
    """Links into the main checkout, with what they say."""
    large: bool = True
    """Whether it may have files that git-lfs has left the pointers of."""


@dataclass(frozen=True)
class Spare:
    """One spare, as its registration has it."""

    entry: Path
    """Its registration."""
    path: Path
    record: Record | None
    """None when it cannot be read."""

    @property
    def name(self) -> str:
        """What its lock is called."""
        return self.path.name

    @property
    def ready(self) -> bool:
        """Whether it was whole once, and nobody has begun to change it since."""
        return bool(self.record and self.record.index)


def directory(repo: Repo) -> Path:
    """Where spares are made, and claimed from."""
    return repo.workspaces / PRIVATE / _KIND


def wanted(session: Session) -> int:
    """How many there are to be; none where a workspace is not the whole of a commit."""
    session.settings.size("poolMinFree")
    count = session.settings.number("pool")
    return 0 if is_true(session.repo.setting("core.sparsecheckout")) else count


def find(repo: Repo) -> list[Spare]:
    """Every registered spare, there or not, in the order of their numbers; one that was just claimed is none any more."""
    found = filter(None, map(again, registry.entries(repo)))
    return sorted(found, key=lambda spare: (len(spare.name), spare.name, str(spare.path)))


def again(entry: Path) -> Spare | None:
    """The spare whose registration is `entry`, as it stands now; None when it is none, or none any more."""
    if registry.lock_reason(entry) != registry.SPARE_LOCK:
        return None
    place = linked_checkout(entry)
    return _read(entry, place) if place and place.parent.parts[-2:] == (PRIVATE, _KIND) else None


def opened(repo: Repo, spare: Spare) -> Git:
    """Git on a spare."""
    return repo.checkout(spare.path, spare.entry)


def is_there(repo: Repo, spare: Spare) -> bool:
    """Whether its directory is there and leads to its registration."""
    there = spare.path.is_dir() and not spare.path.is_symlink()
    return there and registry.claimed_entry(repo, spare.path) == spare.entry


def note(spare: Spare, record: Record) -> Spare:
    """Write the record of a spare."""
    files.replace(spare.entry / _RECORD, (json.dumps({"version": _VERSION, **asdict(record)}) + "\n").encode())
    return replace(spare, record=record)


def forget(spare: Spare) -> None:
    """It is a spare no longer."""
    (spare.entry / _RECORD).unlink(missing_ok=True)


def checksum(spare: Spare) -> str:
    """The checksum at the end of its index (gitformat-index(5)), its size and its time: nobody wrote it while they stay."""
    try:
        with open(spare.entry / "index", "rb") as file:
            file.seek(-20, os.SEEK_END)
            about = os.fstat(file.fileno())
            return f"{file.read().hex()}-{about.st_size}-{about.st_mtime_ns}"
    except (OSError, ValueError):
        return ""


def edits(repo: Repo, spare: Spare) -> str:
    """What somebody did in a spare that was ready, as far as git tracks it; empty when nothing.

    A look at every tracked file, and none at files that nobody tracks: whoever claims it gets these.
    """
    assert spare.record
    git = opened(repo, spare)
    if busy := in_progress.operation(spare.entry):
        return f"{busy} is in progress in it"
    if head(spare.entry) != spare.record.commit:
        return "another commit is checked out in it"
    if checksum(spare) != spare.record.index:
        if not git.holds("diff-index", "--cached", "--quiet", "--ignore-submodules=none", spare.record.commit, "--"):
            return "something is staged in it"
        if hidden := hidden_edits.find(git, spare.path):
            return f"edited: {some(hidden)}"
    if not git.holds("diff-files", "--quiet", "--ignore-submodules=none"):
        # A file whose times alone have changed counts too, as git does not read it here.
        changed = status.read(git, untracked="no").tracked_dirt
        return f"edited: {some(changed)}" if changed else ""
    return ""


def large(git: Git) -> list[str]:
    """The tracked files that git-lfs sees to."""
    return git.fields("ls-files", "-z", "--", ":(top,attr:filter=lfs)")


def head(entry: Path) -> str | None:
    """The commit that HEAD of a worktree names itself; None when it is on a branch."""
    text = own_refs.head(entry)
    return None if text.startswith("ref: ") else text or None


def look_ahead(session: Session, count: int) -> Looks:
    """Begin to look at the spares that `held` will most likely be asked for, beside what is done meanwhile."""
    if not count or not wanted(session):
        return {}
    found = [spare for spare in find(session.repo) if spare.ready and spare.path.parent == directory(session.repo)]
    commits = [spare.record.commit for spare in found if spare.record]
    found.sort(key=lambda spare: -commits.count(spare.record.commit) if spare.record else 0)
    return {one: beside.begin(partial(edits, session.repo, one)) for one in found[: min(count, session.settings.jobs)]}


@contextmanager
def held(session: Session, commit: str, count: int, looks: Looks) -> Iterator[list[Spare]]:
    """At most `count` spares for this process alone, all standing at `commit`; those at it already are taken first.

    What cannot be used is told, and stays as it is.  What is still in the list in the end is as ready as it was.  `looks`
    are those that have begun (see `look_ahead`).
    """
    found: list[Spare] = []
    with ExitStack() as stack:
        if wanted(session):
            spares = [spare for spare in find(session.repo) if spare.path.parent == directory(session.repo)]
            for spare in sorted(spares, key=lambda one: one.record is None or one.record.commit != commit):
                if len(found) == count:
                    break
                with ExitStack() as attempt:
                    if attempt.enter_context(session.locks.spare(spare.name)) and (
                        usable := _usable(session, spare, commit, looks)
                    ):
                        found.append(usable)
                        stack.push(attempt.pop_all())
        try:
            yield found
        finally:
            for spare in found:
                if not spare.ready:
                    with suppress(ParError, OSError):  # then the next filling does it
                        _arrive(spare)


def _usable(session: Session, spare: Spare, commit: str, looks: Looks) -> Spare | None:
    now = again(spare.entry)
    if now is None or not now.path.is_dir():
        return None  # somebody was faster
    try:
        why = "" if now.ready and is_there(session.repo, now) else "it is not whole"
        # A look that began before the lock was ours counts as long as the record stands: whoever moves a spare changes it.
        why = why or (looks[now]() if now in looks else edits(session.repo, now))
        if not why:
            return now if now.record and now.record.commit == commit else move(session.repo, now, commit)
    except (ParError, OSError) as error:
        why = str(error)
    session.tell(f"'{now.path}': this spare is not used: {why}; see 'git par pool'")
    return None


def _arrive(spare: Spare) -> None:
    """Let a spare that was moved, and that nobody else could get at since, be ready where it stands now."""
    assert spare.record
    note(spare, replace(spare.record, was="", index=checksum(spare)))


def move(repo: Repo, spare: Spare, commit: str) -> Spare:
    """Check out what is different in `commit`; GitFailed where that would write over what nobody tracks, ignored or not.

    It is not ready until it is noted again.
    """
    assert spare.record
    before = spare.record
    moving = note(spare, replace(before, commit=commit, was=before.commit, index="", large=True))
    try:
        _make_room(repo, spare, before, commit)
        opened(repo, spare).run(
            *("checkout", "--quiet", "--detach", "--no-overwrite-ignore", "--no-recurse-submodules", commit),
            env=POINTERS,
        )
    except GitFailed as error:
        note(spare, before)  # git looks at everything before it changes anything
        error.hint = f"git -C {quote(str(spare.path))} status"
        raise
    return moving


def _make_room(repo: Repo, spare: Spare, record: Record, commit: str) -> None:
    """Delete what came from the main checkout, and nobody has touched since, where `commit` has files of its own."""
    came = [one.path for one in record.copied if untouched.is_as_it_came(spare.path, one)]
    came += [path for path, text in record.linked if untouched.says(spare.path / path) == text]
    if not came:
        return
    how = ("-r", "-z", "--no-renames", "--name-only", "--diff-filter=A")
    new = set(repo.git.fields("diff-tree", *how, record.commit, commit))
    around = new | {path[:at] for path in new for at, sign in enumerate(path) if sign == "/"}
    for path in came:
        if path in around or any(path[:at] in new for at, sign in enumerate(path) if sign == "/"):
            untouched.delete(spare.path, path)


def _read(entry: Path, place: Path) -> Spare:
    try:
        data = json.loads((entry / _RECORD).read_bytes())
        return Spare(entry, place, _decode(data))
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return Spare(entry, place, None)


def _decode(data: object) -> Record:
    if not isinstance(data, dict) or data.pop("version", None) != _VERSION:
        raise ValueError("not a record of this version")
    copied = tuple(Came(**one) for one in data.pop("copied"))
    linked = tuple((str(path), str(text)) for path, text in data.pop("linked"))
    record = Record(**data, copied=copied, linked=linked)
    if not all(isinstance(text, str) for text in (record.commit, record.was, record.index)):
        raise ValueError("a field has the wrong type")
    return record
