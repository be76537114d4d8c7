"""Make the record of a task again: as the journal saw it last, else from git's registry, whose lock names the task."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import unquote

from git_par import names
from git_par.checkup.finding import Case, Finding
from git_par.parent import link
from git_par.repo import Repo, linked_checkout
from git_par.state import tasks
from git_par.state.tasks import Task
from git_par.workspaces import clones, registry


def name_of(repo: Repo, slug: str) -> str | None:
    """The task whose records are called `slug`: from its own letters, else (it is too long for that) from the registry."""
    if "%-" not in slug:
        name = unquote(slug)
        return name if names.slug(name) == slug else None
    found = (registry.task_of(entry) for entry in registry.entries(repo))
    return next((name for name in found if name and names.slug(name) == slug), None)


def journal_entry(file: Path) -> dict[str, Any]:
    """An entry of the journal as it stands on disk; ValueError when it is none that this version can read."""
    data = json.loads(file.read_bytes())
    if not isinstance(data, dict) or data.get("version") != 1:
        raise ValueError("not an entry of this version")
    if not isinstance(data.get("refs"), dict) or not isinstance(data.get("tasks"), dict):
        raise ValueError("a field has the wrong type")
    return data


def record(case: Case, slug: str) -> list[Finding]:
    """Record the task of `slug` again, when something tells of it; under the repository's lock and the task's.

    What it returns was guessed, and a person has to look at it.
    """
    cloned = _clone(case.repo, slug)
    entry = _entry(case.repo, slug) or cloned
    task = _from_journal(case.repo, slug, registered=entry is not None)
    guessed = None
    if task is None and entry is not None:
        task, guessed = _from_registry(case, entry)
    if task is None:
        return []
    if cloned and (told := link(cloned)):
        shares = (cloned / "objects" / "info" / "alternates").is_file()
        task = replace(task, isolation="shared-clone" if shares else "clone", created=told.created)
    place = _place(entry) if entry else None
    if place and place.is_dir():
        task = replace(task, path=str(place))
    taken = {other.slot for other in case.quiet.all()}
    if task.slot in taken:
        task = replace(task, slot=next(slot for slot in range(1, len(taken) + 2) if slot not in taken))
    case.quiet.add(task)
    return [guessed] if guessed else []


def _entry(repo: Repo, slug: str) -> Path | None:
    """The registration whose lock names the task."""
    for entry in registry.entries(repo):
        name = registry.task_of(entry)
        if name and names.slug(name) == slug:
            return entry
    return None


def _clone(repo: Repo, slug: str) -> Path | None:
    """The git directory of the clone that says that it is the task's; of several, the one where the journal saw the task."""
    found = []
    for place in clones.beside(repo.workspaces / "any"):
        said = link(place / ".git")
        if said and said.parent == repo.common and names.slug(said.task) == slug:
            found.append(place / ".git")
    if len(found) > 1:  # the others are copies of it
        known = next((Path(task.path) for task in told(repo) if task and task.slug == slug), None)
        found.sort(key=lambda one: one.parent != known)
    return found[0] if found else None


def _place(entry: Path) -> Path | None:
    """The workspace of a registration, or of a clone's git directory."""
    return entry.parent if entry.name == ".git" else linked_checkout(entry)


def told(repo: Repo) -> Iterator[Task | None]:
    """Every record that the journal has seen, newest first; None for a task that an operation removed."""
    for _, task in _told(repo):
        yield task


def _told(repo: Repo) -> Iterator[tuple[str, Task | None]]:
    directory = repo.state / "journal"
    for file in sorted(directory.glob("*.json"), reverse=True) if directory.is_dir() else []:
        try:
            entry = journal_entry(file)
            for name, (before, after) in entry["tasks"].items():
                kept = before if entry["state"] == "undone" else after
                yield name, tasks.decode(kept) if kept is not None else None
        except (OSError, ValueError, KeyError, TypeError, RecursionError):
            continue  # that is a finding of its own


def _from_journal(repo: Repo, slug: str, *, registered: bool) -> Task | None:
    for name, task in _told(repo):
        if names.slug(name) != slug:
            continue
        if task is not None:
            return task if task.state != "removing" else replace(task, state="active")
        if not registered:
            return None  # it was removed
    return None


def _from_registry(case: Case, entry: Path) -> tuple[Task | None, Finding | None]:
    """The task that the lock of `entry` names; where its base can only be guessed, that is a finding."""
    repo = case.repo
    said = link(entry)
    name, branch, path = said.task if said else registry.task_of(entry), registry.branch_of(entry), _place(entry)
    if said and repo.git.commit(f"refs/heads/{branch}") is None:
        branch = said.task  # it is on a branch that only the clone has
    tip = repo.git.commit(f"refs/heads/{branch}") if branch else None
    if not name or names.task_problem(name) or not branch or not tip or not path:
        return None, None
    bases = _bases(case, branch, tip)
    if not bases:
        return None, None
    base, commit = bases[0]
    made = Task(
        name=name,
        branch=branch,
        path=str(path),
        base=base,
        base_commit=commit,
        state="active",
        created=tasks.now(precise=True),
        slot=1,
        placed=commit,
    )
    if len(bases) == 1:
        return made, None
    return made, Finding(
        "base-guessed",
        f"its record was made again, and that it returns to {base} is only a guess",
        f"for you to do: git par set {quote(name)} --base BRANCH; --fix does not choose again",
        task=name,
    )


def _bases(case: Case, branch: str, tip: str) -> list[tuple[str, str]]:
    """The branches that a task may have left, nearest first, and where it did."""
    ours = {task.branch for task in case.quiet.all()} | {branch}
    ours |= {found for entry in registry.entries(case.repo) if (found := _branch_of_ours(entry))}
    main = registry.branch_of(case.repo.common)
    near = []
    for ref in case.repo.branches():
        name = ref.removeprefix("refs/heads/")
        roots = case.repo.git.run("merge-base", ref, tip, ok=(0, 1)).out.split() if name not in ours else []
        if roots:
            apart = int(case.repo.git.line("rev-list", "--count", f"{roots[0]}..{tip}", "--"))
            near.append((apart, name != main, name, roots[0]))
    return [(name, root) for _, _, name, root in sorted(near)]


def _branch_of_ours(entry: Path) -> str | None:
    return registry.branch_of(entry) if registry.task_of(entry) else None
