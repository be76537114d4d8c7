"""Spares that no task can have: somebody worked in them, or a killed command left them half made."""

import os
from collections.abc import Iterator
from functools import partial
from shlex import quote

from git_par.checkup import moved
from git_par.checkup.finding import Case, Finding
from git_par.errors import Refused
from git_par.repo import linked_checkout
from git_par.workspaces import pooling, registry, spares
from git_par.workspaces.moved import Search
from git_par.workspaces.spares import Spare


def check(case: Case) -> Iterator[Finding]:
    """Each spare that is there, and directories that were spares."""
    directory = spares.directory(case.repo)
    found, search = pooling.look(case.session, None), Search(case.repo)
    for one in found:
        path = one.spare.path
        if was_moved := moved.spare(case, one.spare, search):
            yield was_moved
        elif one.state == "edited":
            yield Finding(
                "spare-edited",
                f"the spare '{path}' is used for no task: {one.detail}",
                f"for you to do: git -C {quote(str(path))} status, and git par pool drain once that is clean; or make it a "
                f"worktree of your own with git worktree unlock {quote(str(path))}; --fix touches no edits",
            )
        elif one.state == "damaged" and not registry.claimed_by_task(case.quiet.all(), case.repo, one.spare.entry):
            yield Finding(
                "spare-damaged",
                f"the spare '{path}' is used for no task: {one.detail}",
                "--fix removes it, unless there is anything in it that git-par did not put there",
                mend=partial(_discard, case, one.spare),
            )
    known = {spare.spare.path for spare in found}
    # A moved one is known by its old place.
    known |= {directory / path.name for path in known if not os.path.lexists(path)}
    homes = {task.path for task in case.quiet.all()}
    for entry in registry.entries(case.repo):
        place = linked_checkout(entry)
        elsewhere = place and place not in known and registry.lock_reason(entry) == registry.SPARE_LOCK
        if elsewhere and str(place) not in homes:
            yield Finding(
                "spare-damaged",
                f"the spare '{place}' was moved there, and is used for no task",
                f"for you to do: git worktree unlock {quote(str(place))} makes it a worktree of your own; --fix does not",
            )
    for path in sorted(directory.iterdir()) if directory.is_dir() else []:
        entry_of = registry.claimed_entry(case.repo, path)
        if path not in known and entry_of and not os.path.lexists(entry_of):
            yield Finding(
                "spare-damaged",
                f"'{path}' was a spare, and git does not know it any more",
                "for you to do: save what you need of it and delete it; --fix does not, as its work may be in no commit",
            )


def _discard(case: Case, spare: Spare) -> None:
    with case.session.locks.spare(spare.name) as got:
        now = spares.again(spare.entry) if got else None
        if now is None or pooling.drop_lost(case.session, now):
            return
        if why := pooling.discard(case.session, now):
            raise Refused(f"'{now.path}': {why}", hint=f"git -C {quote(str(now.path))} status")
