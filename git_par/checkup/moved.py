"""A workspace that stands in another place than its record says, and how record, git and workspace find each other again."""

import os
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from shlex import quote

from git_par.checkup.finding import Case, Finding
from git_par.state.tasks import Task
from git_par.workspaces import clone, clones, moved, spares
from git_par.workspaces.moved import Search
from git_par.workspaces.spares import Spare


def told(case: Case, task: Task, places: Sequence[Path]) -> Finding:
    """That the workspace of `task` stands at `places`: at the one, or nobody knows at which."""
    if len(places) > 1:
        known = " and ".join(f"'{place}'" for place in places)
        return Finding(
            "workspace-moved",
            f"its workspace was moved from '{task.path}', and both {known} say that they are it",
            f"for you to do: mv {quote(str(places[-1]))} to some other directory, when that is the copy, and ask again; "
            "--fix does not choose",
            task=task.name,
        )
    return Finding(
        "workspace-moved",
        f"its workspace was moved from '{task.path}' to '{places[0]}'",
        "--fix tells git, the record and the workspace so; it moves nothing, checks nothing out and touches no other file",
        task=task.name,
        mend=partial(_follow, case, task, places[0]),
    )


def _follow(case: Case, task: Task, place: Path) -> None:
    """Each step can be repeated: what proves that it is this workspace stays until the record has its new path."""
    repo = case.repo
    with case.session.locks.repository():
        search = Search(repo)
        if case.quiet.get(task.name) != task or search.places(task) != [place]:
            return
        if clones.is_clone(task):
            now = replace(task, path=str(place))
            if not clones.claims(repo, now, place):
                with case.session.locks.task(task.name):
                    clone.relink(repo, now)
        else:
            entries = [one for one in search.entries(task) if search.leads(one, Path(task.path), place)]
            if len(entries) != 1:
                return
            moved.follow(entries[0], place)
        case.change(task, path=str(place))


def spare(case: Case, one: Spare, search: Search) -> Finding | None:
    """A spare that was moved with the workspaces directory."""
    place = spares.directory(case.repo) / one.path.name
    if os.path.lexists(one.path) or not place.is_dir() or not search.leads(one.entry, one.path, place):
        return None
    return Finding(
        "spare-damaged",
        f"the spare '{one.path}' is used for no task: it was moved to '{place}'",
        "--fix tells git so; it touches no file of it but .git",
        mend=partial(_follow_spare, case, one, place),
    )


def _follow_spare(case: Case, one: Spare, place: Path) -> None:
    with case.session.locks.spare(one.name) as got, case.session.locks.repository():
        if got and spares.again(one.entry) == one and spare(case, one, Search(case.repo)):
            moved.follow(one.entry, place)
