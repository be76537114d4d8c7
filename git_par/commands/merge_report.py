"""What `git par merge` says: what became of each base, to people and to programs."""

from collections.abc import Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from git_par.colour import STATES, Marked
from git_par.commands.remove_report import Sweep
from git_par.errors import Status
from git_par.landing.planned import Clash, Conflicted, Merged, Outcome
from git_par.landing.select import Item
from git_par.names import going_to, some
from git_par.state.session import Session


def status(outcomes: Sequence[Outcome], swept: Sweep | None, notes: Sequence[str]) -> Status:
    """How the merge ended: 0, or what was asked for and is not done; a failing hook only counts when all else is well."""
    refused = [outcome for outcome in outcomes if outcome.refused]
    if refused and not any(outcome.published for outcome in outcomes):
        return max(outcome.refused.status for outcome in refused if outcome.refused)
    left_out = any(not outcome.plan.is_whole for outcome in outcomes)
    if refused or left_out or (swept and swept.left):
        return Status.PARTIAL
    return Status.FAILED if notes else Status.DONE


def lines(outcome: Outcome, *, dry: bool) -> list[str]:
    """One base: a line for it and a line for each task."""
    made = outcome.plan
    if outcome.refused:
        return [f"{made.base}: not merged: {outcome.refused.about(made.base)}"]
    counts = [
        (len(made.merged), "would be merged" if dry else "merged"),
        (len(made.conflicted), "in conflict"),
        (len(made.failed), "failed"),
    ]
    already = sum(one.harmless for one in made.skipped)
    counts += [(already, "already in"), (len(made.skipped) - already, "left out")]
    said = ", ".join(f"{count} {words}" for count, words in counts if count) or "nothing to do"
    moved = "" if made.after == made.before else f" ({made.before[:8]}..{made.after[:8]})"
    shown = [f"{made.base}: {said}{moved}"]
    rows = [("merged", one.item.name, "; ".join(_how(one))) for one in made.merged]
    rows += [("conflict", one.item.name, "; ".join(map(_clash, one.files))) for one in made.conflicted]
    rows += [
        ("failed", one.item.name, f"it breaks the gate (status {one.exit}); see '{one.log}'") for one in made.failed
    ]
    rows += [("already in" if one.harmless else "left out", one.item.name, one.detail) for one in made.skipped]
    shown += [
        Marked.of("  ", (f"{word:10}", STATES.get(word)), f"  {name}{': ' if detail else ''}{detail}")
        for word, name, detail in rows
    ]
    if made.exempt:
        shown.append(f"  not audited, moved by a rename or merged by a driver: {', '.join(made.exempt)}")
    return shown


def _how(one: Merged) -> list[str]:
    """What was out of the ordinary about a merge."""
    said = [f"after a revert of the revert {revert[:8]}" for revert in one.reverts]
    return [*said, *([f"in a private workspace ({one.private})"] if one.private else [])]


def _clash(clash: Clash) -> str:
    return clash.path + (f" (with {', '.join(clash.others)})" if clash.others else "")


def hints(session: Session, outcomes: Sequence[Outcome]) -> list[str]:
    """What to run next, for everything that was left out."""
    said: list[str] = []
    for outcome in outcomes:
        said += (f"warning: {one}" for one in outcome.plan.warnings)
        for name, count in outcome.untracked:
            said.append(f"{name}: {count} untracked file{'s' if count > 1 else ''} not merged")
        for one in outcome.plan.skipped:
            if one.hint:
                said.append(f"hint: {one.item.name}: {one.hint}")
        if any(one.reason == "untested" for one in outcome.plan.skipped):
            said.append("hint: merge again without those that break the gate, or with a higher --gate-tries")
        for failed in outcome.plan.failed:
            said.append(
                f"hint: {failed.item.name}: mend it where it was made: {_way_out(session, outcome, failed.item)}"
            )
        for conflicted in outcome.plan.conflicted:
            item, waits = conflicted.item, _waits_for(outcome, conflicted)
            way = (f"git par merge {' '.join(map(quote, waits))}, then " if waits else "") + _way_out(
                session, outcome, item
            )
            said.append(f"hint: {item.name}: solve it where it was made: {way}")
        if outcome.checkout and outcome.behind:
            go = going_to(outcome.checkout, session.repo.cwd)
            said.append(f"{outcome.plan.base}: submodules still checked out as before: {some(outcome.behind)}")
            said.append(f"hint: {go}git submodule update --recursive")
        if outcome.refused and outcome.refused.hint:
            said.append(f"hint: {outcome.refused.hint}")
    return said


def _waits_for(outcome: Outcome, conflicted: Conflicted) -> list[str]:
    """The tasks that it collides with and that did not land either: the base has nothing of them to be solved yet."""
    out = {one.item.name for one in outcome.plan.skipped if not one.harmless}
    return list(dict.fromkeys(name for file in conflicted.files for name in file.others if name in out))


def _way_out(session: Session, outcome: Outcome, item: Item) -> str:
    base = outcome.plan.base
    if item.task is None:
        return f"merge {base} into {item.branch}, then git par merge {quote(item.name)}"
    # Sync brings in the recorded base; another branch is merged by hand.
    bring = "git par sync" if base == item.task.base else f"git merge {quote(base)}"
    go = going_to(Path(item.task.path), session.repo.cwd)
    return f"{go}{bring}, then git par merge {quote(item.name)}"


def as_json(outcome: Outcome) -> dict[str, Any]:
    """One base in the JSON of a merge."""
    made = outcome.plan
    return {
        "base": made.base,
        "before": made.before or None,
        "after": made.after or None,
        "published": outcome.published,
        "merged": [
            {
                "name": one.item.name,
                "branch": one.item.branch,
                "tip": one.tip,
                "commit": one.commit,
                "private": one.private or None,
                "reverts": list(one.reverts),
            }
            for one in made.merged
        ],
        "conflicted": [
            {
                "name": one.item.name,
                "tip": one.tip,
                "files": [{"path": file.path, "with": list(file.others)} for file in one.files],
            }
            for one in made.conflicted
        ],
        "failed": [{"name": one.item.name, "gate": one.gate, "exit": one.exit, "log": one.log} for one in made.failed],
        "skipped": [
            {
                "name": one.item.name,
                "reason": one.reason,
                "detail": one.detail or None,
                **({"files": list(one.files)} if one.files else {}),
            }
            for one in made.skipped
        ],
        "exempt": list(made.exempt),
        "warnings": list(made.warnings),
        "refused": outcome.refused.message if outcome.refused else None,
    }
