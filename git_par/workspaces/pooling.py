"""Keep the pool: fill it, mend what killed commands left of spares, and let go of those that are too many.

One process at a time does so, under the lock of the pool.  A spare in which anybody did anything is left as it is and named.
"""

import itertools
import os
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from git_par import files
from git_par.errors import GitFailed, ParError, Refused
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.workspaces import incoming, registering, registry, renewal, spares, strangers, trash
from git_par.workspaces.incoming import Incoming
from git_par.workspaces.spares import Record, Spare

State = Literal["ready", "behind", "claimed", "filling", "edited", "damaged"]
"""How a spare stands; claimed and filling: somebody is at it now."""

STATES: tuple[State, ...] = get_args(State)


@dataclass(frozen=True)
class Standing:
    """One spare as it stands."""

    spare: Spare
    state: State
    detail: str = ""
    """Why it is not used, and for `edited` and `damaged` what there is."""


@dataclass
class Filled:
    """What one filling came to."""

    made: list[Path] = field(default_factory=list)
    moved: list[Path] = field(default_factory=list)
    """Those that were mended, or brought to another commit."""
    dropped: list[Path] = field(default_factory=list)
    left: list[tuple[Path, str]] = field(default_factory=list)
    """Those that are not used, and why."""
    ready: int = 0
    short: str = ""
    """Why there are not as many as were wanted; empty when there are."""


def look(session: Session, commit: str | None) -> list[Standing]:
    """All spares as they stand; `commit` is where they should be."""
    return [_look(session, spare, commit) for spare in spares.find(session.repo)]


def _look(session: Session, spare: Spare, commit: str | None) -> Standing:
    repo = session.repo
    if session.locks.is_held("spare", spare.name):
        return Standing(spare, "claimed" if spare.ready else "filling")
    if not spares.is_there(repo, spare):
        return Standing(spare, "damaged", "its directory is gone, or does not lead to its registration")
    if spare.path.parent != spares.directory(repo):
        return Standing(spare, "damaged", "it is not in the workspaces directory")
    if not spare.ready:
        return Standing(spare, "damaged", "a killed command left it half made")
    try:
        why = spares.edits(repo, spare)
    except (ParError, OSError) as error:
        return Standing(spare, "damaged", str(error))
    if why:
        return Standing(spare, "edited", why)
    assert spare.record
    return Standing(spare, "behind" if commit and spare.record.commit != commit else "ready")


def target(repo: Repo) -> str:
    """The commit that spares are filled with: that of the main checkout; Refused when there is none."""
    commit = repo.git.commit("HEAD")
    if commit is None:
        raise Refused("HEAD: no commit yet to fill spares with", hint="git commit --allow-empty -m 'first commit'")
    return commit


def fill(session: Session, wanted: int) -> Filled:
    """Let `wanted` spares stand ready at the commit of the main checkout; under the lock of the pool."""
    repo, done = session.repo, Filled()
    commit, coming = target(repo), incoming.look(session)
    for spare in spares.find(repo):
        if done.ready < wanted and _stands(repo, spare, commit):
            done.ready += 1
            continue
        with session.locks.spare(spare.name) as got:
            now = spares.again(spare.entry) if got else None
            if now is None or drop_lost(session, now):
                continue
            # One of which nothing is known was perhaps begun at another commit: it is made anew.
            if done.ready == wanted or now.path.parent != spares.directory(repo) or now.record is None:
                if why := discard(session, now):
                    done.left.append((now.path, why))
                else:
                    done.dropped.append(now.path)
            elif why := _renew(session, now, commit, coming, done):
                done.left.append((now.path, why))
            else:
                done.ready += 1
    session.progress("filling spares", done.ready, wanted)
    for number in itertools.count(1):
        if done.ready >= wanted:
            break
        done.short = _too_full(session)
        if done.short:
            break
        with session.locks.spare(str(number)) as got:
            if got and (path := _make(session, number, commit, coming)):
                done.made.append(path)
                done.ready += 1
                session.progress("filling spares", done.ready, wanted)
    trash.sweep_later(repo.workspaces)
    return done


def _stands(repo: Repo, spare: Spare, commit: str) -> bool:
    """Whether a spare is ready at `commit`; looked at without its lock, so that `add` may claim it meanwhile."""
    if not (
        spare.ready and spare.record and spare.record.commit == commit and spare.path.parent == spares.directory(repo)
    ):
        return False
    with suppress(ParError, OSError):  # then the look under its lock says why
        return spares.is_there(repo, spare) and not spares.edits(repo, spare)
    return False


def drain(session: Session) -> Filled:
    """Let go of every spare that nobody has changed; under the lock of the pool."""
    done = Filled()
    for spare in spares.find(session.repo):
        with session.locks.spare(spare.name) as got:
            now = spares.again(spare.entry) if got else None
            if now is None and not got:
                done.left.append((spare.path, "another command is at it"))
            elif now and not drop_lost(session, now):
                if why := discard(session, now):
                    done.left.append((now.path, why))
                else:
                    done.dropped.append(now.path)
    trash.sweep_later(session.repo.workspaces)
    return done


def drop_lost(session: Session, spare: Spare) -> bool:
    """Take out the registration of a spare whose directory is gone; whether that was so.  Under the spare's lock.

    A task may have it, whose making was killed: then it goes with that.
    """
    if os.path.lexists(spare.path) or not spare.path.parent.parent.is_dir():
        return False
    with suppress(FileNotFoundError):  # a killed command was about to let go of it
        _leaving(spare).rename(spare.path)
        return False
    if registry.claimed_by_task(session.tasks.all(), session.repo, spare.entry):
        return True
    with session.locks.repository():
        registering.drop(session.repo, spare.entry)
    return True


def discard(session: Session, spare: Spare) -> str:
    """Let go of a spare; why not, when there is anything in it that git-par did not put there.  Under the spare's lock."""
    repo, leaving = session.repo, _leaving(spare)
    if not spares.is_there(repo, spare):
        return "its directory does not lead to its registration"
    with ExitStack() as back:
        try:
            if not spare.ready:
                _clear(repo, spare)
            if why := strangers.find(session, spare):
                return why
            spare.path.rename(leaving)
            back.callback(leaving.rename, spare.path)
            # Nobody comes in any more: once more, for what somebody did meanwhile.
            if why := strangers.find(session, replace(spare, path=leaving)):
                return why
        except (ParError, OSError) as error:
            return f"it cannot be checked: {error}"
        back.pop_all()
    trash.throw(spare.path.parent.parent.parent, leaving, f"spare-{spare.name}")
    registering.drop(repo, spare.entry)
    return ""


def _leaving(spare: Spare) -> Path:
    """Where a spare is that is about to go."""
    return spare.path.with_name(f"{spare.name}.leaving")


def _renew(session: Session, spare: Spare, commit: str, coming: Incoming | None, done: Filled) -> str:
    """Let a spare be ready at `commit`; why not, when it cannot be."""
    repo = session.repo
    if not spares.is_there(repo, spare):
        return "its directory does not lead to its registration"
    try:
        if not spare.ready:
            if why := _mend(session, spare, commit, coming):
                return why
            done.moved.append(spare.path)
        elif why := spares.edits(repo, spare):
            return why
        elif spare.record and spare.record.commit != commit:
            _finish(session, spares.move(repo, spare, commit), coming)
            done.moved.append(spare.path)
    except (ParError, OSError) as error:
        if not repo.common.is_dir():
            raise  # all of it is gone
        return f"it cannot be used: {error}"
    return ""


def _mend(session: Session, spare: Spare, commit: str, coming: Incoming | None) -> str:
    """Finish what a killed command began, and noted; why not, when somebody was in it since."""
    _clear(session.repo, spare)
    if why := strangers.find(session, spare):
        return why
    assert spare.record
    spare = spares.note(spare, replace(spare.record, commit=commit, was=spare.record.commit))
    _check_out(session.repo, spare)
    _finish(session, spare, coming)
    return ""


def _clear(repo: Repo, spare: Spare) -> None:
    """Make a spare that is not ready fit to be looked at: without git's own locks, and with an index.

    Who holds the spare's lock knows that no git of ours lives there.
    """
    for path in spare.entry.glob("*.lock"):
        path.unlink(missing_ok=True)
    if spare.record and not (spare.entry / "index").exists():
        spares.opened(repo, spare).run("read-tree", spare.record.commit)


def _make(session: Session, number: int, commit: str, coming: Incoming | None) -> Path | None:
    """Make the spare `number`; None when something is in its place."""
    repo, path = session.repo, spares.directory(session.repo) / str(number)
    if not (repo.common / "HEAD").is_file():
        raise GitFailed(f"'{repo.common}': the repository is gone", hint="git status")
    repo.workspaces.mkdir(parents=True, exist_ok=True)
    files.private_directory(path.parent)
    with session.locks.repository():
        if os.path.lexists(path) or registry.entries_for(repo, path):
            return None
        registering.register_spare(repo, path, commit)
        entry = registry.admin_dir(repo, path)
        assert entry
        spare = spares.note(Spare(entry, path, None), Record(commit))
    _check_out(repo, spare)
    _finish(session, spare, coming)
    return path


def _check_out(repo: Repo, spare: Spare) -> None:
    assert spare.record
    git = spares.opened(repo, spare)
    git.run("reset", "--hard", "--quiet", "--no-recurse-submodules", spare.record.commit, env=spares.POINTERS)
    git.run("update-index", "-q", "--refresh", ok=(0, 1))


def _finish(session: Session, spare: Spare, coming: Incoming | None) -> None:
    """Bring the files of the main checkout, and note that it is ready."""
    assert spare.record
    record = replace(spare.record, was="")
    if coming is not None:
        # Its links lead to where they should from the place that a task will have.
        home = session.repo.workspaces / "-"
        _, record = renewal.bring(session, spare.path, record, coming, home)
    spares.note(
        spare,
        replace(record, index=spares.checksum(spare), large=bool(spares.large(spares.opened(session.repo, spare)))),
    )


def _too_full(session: Session) -> str:
    """Why no more is filled: there is too little room on the disk."""
    least = session.settings.size("poolMinFree")
    free = free_bytes(session.repo.workspaces)
    if free >= least:
        return ""
    return f"'{session.repo.workspaces}': {free >> 20} MiB are free there, and par.poolMinFree wants {least >> 20}"


def free_bytes(place: Path) -> int:
    """The bytes that are free for us on the file system where `place` is, or is to be."""
    while not place.exists():
        place = place.parent
    found = os.statvfs(place)
    return found.f_bavail * found.f_frsize
