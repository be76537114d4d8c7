"""Who has by now what an undo would take out of a branch: others can be told of that by a revert only."""

from collections.abc import Collection, Mapping, Sequence
from shlex import quote
from typing import Any

from git_par.commands.undo_obstacle import Obstacle
from git_par.commands.undo_steps import Move
from git_par.names import some
from git_par.state.journal import Entry
from git_par.state.session import Session
from git_par.state.tasks import Task


def find(session: Session, entry: Entry, move: Move) -> list[Obstacle]:
    """The remote branches that have it, and the living tasks that are no part of the operation and have it."""
    living = session.tasks.all()
    first, spared = _first(session, entry, move, living)
    if first is None:
        return []
    listed = session.repo.git.line(
        "for-each-ref", f"--contains={first}", "--format=%(refname)", "refs/heads", "refs/remotes"
    )
    refs = set(listed.splitlines()) - {move.ref}
    landed = [name for name, pair in entry.tasks.items() if _field(pair, 0, "landed") != _field(pair, 1, "landed")]
    landed += [name for name, (_, after) in entry.tasks.items() if after is None and name not in landed]
    revert = f"git par revert {quote(landed[0])}" if landed else f"git revert {first[:12]}"
    remote = [ref.removeprefix("refs/remotes/") for ref in sorted(refs) if ref.startswith("refs/remotes/")]
    remote = [name for name in remote if name.partition("/")[2] not in spared]
    goes = {name for name, (before, _) in entry.tasks.items() if before is None}
    inside = [task.name for task in living if task.ref in refs and task.branch not in spared and task.name not in goes]
    found = []
    if remote:
        found.append(Obstacle(f"{some(remote)} {'has' if len(remote) == 1 else 'have'} it already", revert))
    if inside:
        found.append(Obstacle(f"{some(inside)} {'stands' if len(inside) == 1 else 'stand'} on it", revert))
    return found


def _first(session: Session, entry: Entry, move: Move, living: Sequence[Task]) -> tuple[str | None, Collection[str]]:
    """The first commit that the operation made in the branch, and the branches that may have it all the same.

    A fast-forward made none: then its last commit counts, which its own tasks have, and those based on them.
    """
    repo = session.repo
    records = [record for pair in entry.tasks.values() for record in pair if record]
    tips = [record["landed"]["tip"] for record in records if record.get("landed")]
    tips += [commit for ref, pair in entry.refs.items() if ref != move.ref for commit in pair if commit]
    # What a sync brought in is its base's own.
    bases = [repo.git.commit(f"refs/heads/{task.base}") for task in living if task.ref == move.ref]
    known = [f"^{one}" for one in dict.fromkeys([move.there, *tips, *bases]) if one and repo.git.commit(one)]
    line = repo.git.line("rev-list", "--first-parent", "--reverse", move.here, *known).split()
    if line:
        return line[0], ()
    if not records or bases:
        return None, ()
    spared = {str(record["branch"]) for record in records}
    while above := {task.branch for task in living if task.base in spared} - spared:
        spared |= above
    return move.here, spared


def _field(pair: Sequence[Mapping[str, Any] | None], which: int, key: str) -> Any:
    return (pair[which] or {}).get(key)
