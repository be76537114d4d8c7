"""Are git's registrations of worktrees whole?  Half of one makes `git branch`, `git fetch` and `git worktree list` die.

What stands in an administrative directory: gitrepository-layout(5); in which order git makes it: add_worktree() in git's
builtin/worktree.c, which says `initializing` in its lock until all is there.
"""

import os
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from shlex import quote

from git_par import files
from git_par.checkup.finding import Case, Finding
from git_par.parent import PARENT, left, link
from git_par.repo import linked_checkout
from git_par.workspaces import own_refs, owners, registering, registry

_INITIALIZING = "initializing"
_HEAD = re.compile(rb"ref: refs/.+\n?|[0-9a-f]{40,64}\n?")


def check(case: Case) -> Iterator[Finding]:
    """Half made registrations, forgotten locks of a `git worktree add`, and links that lead to where we are not."""
    yield from _alone(case)
    entries = registry.entries(case.repo)
    halves = {entry: what for entry in entries if (what := lacks(entry))}
    waiting = [entry for entry in entries if entry not in halves and registry.lock_reason(entry) == _INITIALIZING]
    # Git itself may be half way through a `worktree add`.
    if (halves or waiting) and not owners.of(_places(case), ()):
        for entry, what in halves.items():
            if lacks(entry):
                yield _half(case, entry, what)
        for entry in waiting:
            if registry.lock_reason(entry) == _INITIALIZING:
                yield Finding(
                    "registration-locked",
                    f"'{entry}' is locked by a 'git worktree add' that died: git will neither prune nor remove it",
                    "--fix takes this lock away; it does not remove the worktree or anything in it",
                    mend=partial(_unlock, entry),
                )
    yield from _lost_private(case, [entry for entry in entries if entry not in halves])
    moved = [entry for entry in entries if entry not in halves and is_moved(entry)]
    if moved:
        places = ", ".join(f"'{linked_checkout(entry)}'" for entry in moved)
        yield Finding(
            "repository-moved",
            f"the repository was moved, and these do not find it any more: {places}",
            "--fix links them again, as 'git worktree repair' does; no file of them is touched",
            mend=partial(_link_again, case, moved),
        )
    for entry in entries:
        if entry not in halves and (other := _owner_elsewhere(entry)):
            yield Finding(
                "repository-copied",
                f"'{linked_checkout(entry)}' is registered here, but belongs to '{other}': this repository is a copy",
                f"for you to do: mv {quote(str(entry))} somewhere else, when this one is not to have it; "
                "--fix takes nothing away from either",
            )


_GONE = "which is not there: git-par changes nothing in it, and makes no task of it"


def _alone(case: Case) -> Iterator[Finding]:
    """A clone that the repository it was made from does not know: that was moved, or this is a copy."""
    if told := link(case.repo.common):
        if was := left(case.repo.common):
            here = case.repo.common.parent
            yield Finding(
                "repository-unknown",
                f"this is the clone of task '{told.task}' of '{told.parent}', which has it at '{was}', where nothing is",
                f"for you to do: mv {quote(str(here))} {quote(str(was))}; or, when it lies beside that now, "
                "git par doctor --fix in that repository; --fix here moves nothing, and changes nothing there",
            )
            return
        known = told.parent.exists()
        yield Finding(
            "repository-unknown",
            f"this was made as the clone of task '{told.task}' of '{told.parent}', "
            + (
                "which does not know it in this place: git-par takes it for a repository of its own" if known else _GONE
            ),
            "for you to do: git par doctor --fix in that repository, when it or this was moved; when this is a copy: "
            f"rm {quote(str(case.repo.common / PARENT))}; --fix decides neither",
        )


def is_moved(entry: Path) -> bool:
    """Whether the checkout of `entry` points at an administrative directory of the same name in a place that is gone."""
    target = _target(entry)
    return bool(
        target and target.name == entry.name and target.parent.name == "worktrees" and not target.parent.exists()
    )


def _places(case: Case) -> list[Path]:
    return [case.repo.common, *case.checkouts]


def _target(entry: Path) -> Path | None:
    """Where the `.git` file of the checkout of `entry` leads, when that is not `entry`."""
    place = linked_checkout(entry)
    if place is None:
        return None
    try:
        text = os.fsdecode((place / ".git").read_bytes())
    except OSError:
        return None
    if not text.startswith("gitdir: "):
        return None
    target = Path(os.path.realpath(place / text.removeprefix("gitdir: ").removesuffix("\n")))
    return target if target != entry else None


def _owner_elsewhere(entry: Path) -> Path | None:
    """The other repository that has the checkout of `entry`, as the directory that its worktrees share."""
    target = _target(entry)
    if target is None or target.parent == entry.parent or not (target / "gitdir").exists():
        return None
    return target.parent.parent if linked_checkout(target) == linked_checkout(entry) else None


def lacks(entry: Path) -> str:
    """What is missing or empty in an administrative directory; empty when it is whole."""
    if not entry.is_dir() or entry.is_symlink():
        return "it is no directory"
    for name in ("gitdir", "commondir", "HEAD"):
        try:
            text = (entry / name).read_bytes()
        except OSError:
            return f"it has no {name}"
        if not text.strip():
            return f"its {name} is empty"
        if name == "HEAD" and (not _HEAD.fullmatch(text) or not text.strip(b"0\n")):
            return "its HEAD names no commit"
    return "" if own_refs.head(entry) else "the tables of its refs say nothing of HEAD"


def _half(case: Case, entry: Path, what: str) -> Finding:
    died = "and some git commands die of that in the whole repository"
    if _needs_commondir_only(entry):
        return Finding(
            "registration-half",
            f"'{entry}' is damaged: {what}, {died}",
            "--fix writes that file again; the worktree and its index stay as they are",
            mend=partial(_complete, case, entry),
        )
    return Finding(
        "registration-half",
        f"'{entry}' was never finished or is damaged: {what}, {died}",
        f"--fix moves the registration aside into '{case.repo.state / 'damaged'}'; it touches no workspace and no branch",
        mend=partial(_put_aside, case, entry),
    )


def _needs_commondir_only(entry: Path) -> bool:
    if not entry.is_dir():
        return False
    commondir = entry / "commondir"
    broken = not commondir.exists() or not commondir.read_bytes().strip()
    place = linked_checkout(entry)
    whole = all((entry / name).exists() and (entry / name).read_bytes().strip() for name in ("gitdir", "HEAD"))
    return bool(broken and whole and (entry / "HEAD").read_bytes().strip(b"0\n") and place and place.is_dir())


def _complete(case: Case, entry: Path) -> None:
    with case.session.locks.repository():
        if lacks(entry) and _needs_commondir_only(entry):
            files.replace(entry / "commondir", b"../..\n")


def _put_aside(case: Case, entry: Path) -> None:
    with case.session.locks.repository():
        if os.path.lexists(entry) and lacks(entry) and not owners.of(_places(case), ()):
            case.set_aside(entry)


def _unlock(entry: Path) -> None:
    if registry.lock_reason(entry) == _INITIALIZING:
        (entry / "locked").unlink(missing_ok=True)


def _lost_private(case: Case, entries: list[Path]) -> Iterator[Finding]:
    for entry in entries:
        place = linked_checkout(entry)
        if registry.lock_reason(entry) == registry.PRIVATE_LOCK and place and not place.exists():
            if case.session.locks.is_held(place.parent.name, place.name):
                continue
            yield Finding(
                "leftovers",
                f"'{entry}' is registered for a private workspace of git-par that is gone",
                "--fix takes that registration out; no work was ever in it",
                mend=partial(_drop_private, case, place),
            )


def _drop_private(case: Case, place: Path) -> None:
    with case.session.locks.repository():
        if not place.exists() and not case.session.locks.is_held(place.parent.name, place.name):
            registering.unregister(case.repo, place)


def _link_again(case: Case, moved: list[Path]) -> None:
    with case.session.locks.repository():
        for entry in moved:
            place = linked_checkout(entry)
            if place and is_moved(entry):
                files.replace(place / ".git", os.fsencode(f"gitdir: {entry}\n"))
