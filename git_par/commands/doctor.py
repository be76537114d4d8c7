"""`git par doctor`: look at everything, say what is wrong and what it means, and mend what can be mended.

After each round of mending all is looked at again: what is found no more is fixed, and what was hidden comes to light.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from git_par import render
from git_par.checkup import branches, config, disk, leftovers, locks, places, records, registrations, spares
from git_par.checkup.finding import Case, Finding
from git_par.colour import Marked, Style
from git_par.commands import list as listing
from git_par.commands import remove
from git_par.errors import ParError, Status
from git_par.report import Report
from git_par.state.session import Session
from git_par.state.tasks import Task

_ROUNDS = 6

_CHECKS = (
    records.check,
    registrations.check,
    locks.check,
    config.check,
    leftovers.publishes,
    leftovers.halves,
    leftovers.orphans,
    places.check,
    branches.check,
    leftovers.kept,
    spares.check,
    leftovers.pins,
    leftovers.rubbish,
)


@dataclass
class Checkup:
    """All that was found, in order, and what became of it."""

    found: list[Finding] = field(default_factory=list)
    left: list[Finding] = field(default_factory=list)
    """What is still so."""
    failed: list[str] = field(default_factory=list)
    """Why something could not be mended."""

    def see(self, now: Sequence[Finding]) -> None:
        """What is wrong now."""
        self.found += [one for one in now if one not in self.found]
        self.left = list(now)


def run(session: Session, *, fix: bool, cleanup: bool) -> Report:
    """Report every finding; with `fix` mend what can be, with `cleanup` remove orphaned workspaces too."""
    done = Checkup()
    done.see(_look(session))
    if fix or cleanup:
        _mend(session, done, cleanup=cleanup)
    taken = disk.usage(session.repo)
    return Report(
        data=lambda: {
            "findings": [
                {
                    "id": one.id,
                    "task": one.task,
                    "message": render.one_line(one.message),
                    "fix": render.one_line(one.fix),
                    "fixed": one not in done.left,
                }
                for one in done.found
            ],
            "disk": taken,
        },
        lines=[*_lines(done), f"disk use: {_sizes(taken)}"],
        talk=[*done.failed, *(() if done.found else ("nothing is wrong",))],
        status=Status.PARTIAL if any(not one.note for one in done.left) else Status.DONE,
    )


def _look(session: Session) -> list[Finding]:
    case = Case(session, partial(_remove, session))
    return [found for check in _CHECKS for found in _findings(check(case))]


def _findings(check: Iterator[Finding]) -> Iterator[Finding]:
    """What a check finds; where it cannot look, that is a finding, and the other checks go on."""
    try:
        yield from check
    except (ParError, OSError) as error:
        yield Finding(
            "unchecked",
            f"not all could be looked at: {error}",
            "for you to do: see what 'git fsck' and 'git status' say, then ask again; --fix does nothing without knowing",
        )


def _mend(session: Session, done: Checkup, *, cleanup: bool) -> None:
    tried: list[Finding] = []
    guessed: list[Finding] = []
    orphans: set[str] = set()
    for _ in range(_ROUNDS):
        todo = [one for one in done.left if one.mend and one not in tried]
        if not todo:
            break
        for one in todo:
            tried.append(one)
            if one.id == "record-missing" and one.task:
                orphans.add(one.task)
            try:
                found = one.mend() if one.mend else None
            except (ParError, OSError) as error:
                done.failed.append(f"{one.id}: not mended: {error}")
            else:
                guessed += (
                    [more for more in found or () if isinstance(more, Finding)] if isinstance(found, list) else []
                )
        done.see([*_look(session), *guessed])
    if cleanup and orphans:
        gone = {name for name in sorted(orphans) if (task := session.tasks.get(name)) and _remove(session, task)}
        done.see([*_look(session), *(one for one in guessed if one.task not in gone)])


def _remove(session: Session, task: Task) -> bool:
    """Remove a task by the rules of `git par remove`, and say why when it has to stay."""
    with session.journal.operation() as operation:
        swept = remove.sweep(session, [task], operation, standing_too=False, new_too=True)
    for line in swept.talk:
        session.tell(line)
    return not swept.left


def _lines(done: Checkup) -> Iterator[str]:
    for one in done.found:
        fixed = one not in done.left
        style = Style.GOOD if fixed else Style.HEED
        what = render.one_line(f": {f'{one.task}: ' if one.task else ''}{one.message}")
        yield Marked.of((f"{'fixed ' if fixed else ''}{one.id}", style), what)
        if not fixed:
            yield render.one_line(f"  {one.fix}")


def _sizes(taken: dict[str, int | None]) -> str:
    return ", ".join(f"{what} {'?' if size is None else listing.human_size(size)}" for what, size in taken.items())
