"""Are the files whole in which git-par remembers?  What cannot be read is set aside, and made again where possible."""

import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from git_par.checkup import rebuild
from git_par.checkup.finding import Case, Finding
from git_par.state import announce, tasks
from git_par.workspaces.worktree import PRIVATE

_DIRECTORIES = ("tasks", "journal", "locks", "publishing")


def check(case: Case) -> Iterator[Finding]:
    """Everything below the state directory that is not as git-par writes it."""
    state = case.repo.state
    if not os.path.lexists(state):
        return
    for place in (state, *(state / name for name in _DIRECTORIES)):
        if os.path.lexists(place) and (place.is_symlink() or not place.is_dir()):
            yield Finding(
                "state-damaged",
                f"'{place}' is no directory, so nothing can be remembered in it",
                f"--fix moves it aside into '{_aside(case)}' and deletes nothing",
                mend=partial(_set_aside, case, place, lambda one: one.is_symlink() or not one.is_dir()),
            )
            if place == state:
                return
    yield from _open((state, case.repo.workspaces / PRIVATE))
    for kind, reads, lost in (
        ("tasks", _read_task, "its task is not seen by any command"),
        ("journal", _read_entry, "that operation cannot be taken back"),
        ("publishing", announce.read, "a merge that was cut off cannot be healed"),
    ):
        for file in _files(state / kind):
            if problem := _problem(file, reads):
                yield Finding(
                    "state-damaged",
                    f"'{file}' cannot be read ({problem}): {lost}",
                    _cure(case, kind),
                    task=rebuild.name_of(case.repo, file.stem) if kind == "tasks" else None,
                    mend=partial(_mend, case, kind, file, reads),
                )


def _cure(case: Case, kind: str) -> str:
    aside = f"--fix moves it aside into '{_aside(case)}'"
    if kind == "tasks":
        return (
            f"{aside} and makes it again from the journal or from git's registry; workspace and branch are not touched"
        )
    return f"{aside} and deletes nothing"


def _aside(case: Case) -> Path:
    return case.repo.state / "damaged"


def _files(directory: Path) -> list[Path]:
    if directory.is_symlink() or not directory.is_dir():
        return []
    return sorted(file for file in directory.iterdir() if file.suffix == ".json" and file.name[0] != ".")


def _problem(file: Path, reads: Callable[[Path], object]) -> str:
    """Why `file` cannot be read; empty when it can, or went meanwhile."""
    try:
        if file.is_symlink():
            return "it is a link"
        reads(file)
    except FileNotFoundError:
        return ""
    except OSError as error:
        return (error.strerror or "it cannot be opened").lower()
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        return str(error) or type(error).__name__
    return ""


def _read_task(file: Path) -> None:
    task = tasks.decode(json.loads(file.read_bytes()))
    if file.stem != task.slug:
        raise ValueError(f"it records '{task.name}'")


def _read_entry(file: Path) -> None:
    rebuild.journal_entry(file)


def _mend(case: Case, kind: str, file: Path, reads: Callable[[Path], object]) -> list[Finding]:
    if kind != "tasks":
        _set_aside(case, file, lambda one: bool(_problem(one, reads)))
        return []
    name = rebuild.name_of(case.repo, file.stem) or file.stem
    with case.session.locks.repository(), case.session.locks.task(name):
        if not _problem(file, reads):
            return []
        case.set_aside(file)
        return rebuild.record(case, file.stem)


def _set_aside(case: Case, place: Path, still: Callable[[Path], bool]) -> None:
    if os.path.lexists(place) and still(place):
        case.set_aside(place)


def _open(places: tuple[Path, ...]) -> Iterator[Finding]:
    for place in places:
        if place.is_dir() and place.stat().st_mode & 0o077:
            yield Finding(
                "state-open",
                f"others may look into '{place}', where secrets can be kept",
                "--fix takes their permissions away (0700)",
                mend=partial(place.chmod, 0o700),
            )
