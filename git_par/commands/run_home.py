"""How the tasks of a run come home: merged in the order of the file, and what became of each put on record at once."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from git_par import interrupts
from git_par.commands import facts, merge
from git_par.commands.run_book import Book
from git_par.landing import integrated
from git_par.landing.land import Wish
from git_par.landing.planned import Order, Outcome, Plan
from git_par.runs.record import Part
from git_par.state import tasks
from git_par.state.session import Session


class Fate(NamedTuple):
    """What became of a task, as it is put on record."""

    name: str
    state: str
    landed: str = ""
    reason: str = ""
    detail: str = ""


def bring(book: Book, parts: Sequence[Part]) -> None:
    """Merge what the workers of a level made."""
    there = [part for part in parts if book.task(part)]
    for part in parts:
        if part not in there:
            miss(book, part)
    if not there:
        return
    options = merge.Options(
        names=tuple(part.name for part in there),
        order=Order.GIVEN,
        gate=book.run.plan.gate,
        wish=Wish(into=f"refs/heads/{book.run.base}"),
        counts=False,
    )
    told, outcomes = merge.bring(book.session, options)
    with interrupts.held():
        _take_note(book, there, outcomes, told.data()["merges"])
    # The report of the run has the way out of these once more, at its end.
    known = tuple(f"hint: {part.name}: " for part in there if part.reason in ("conflict", "gate"))
    for line in (*told.lines, *(line for line in told.talk if not line.startswith(known))):
        book.session.tell(line)
    failed = [part for part in there if part.state == "failed"]
    for part in failed:
        book.tell_failed(part)
    book.give_up(failed)


def miss(book: Book, part: Part) -> None:
    """Put on record what became of a task that somebody else removed."""
    if has_come(book.session, part, book.run.base):
        book.note(part, state="landed", removed=True)
        book.session.tell(f"{part.name}: it came home, and was removed, by somebody else's doing")
    else:
        book.fail(part, "gone", "its task is gone")


def has_come(session: Session, part: Part, base: str) -> bool:
    """Whether what was made for `part` is in `base`, although its task was merged and removed by others."""
    for past in session.journal.all(lambda _: None):
        before, after = past.entry.tasks.get(part.name, (None, None))
        if before and not after and before["created"] == part.created:
            task = replace(tasks.decode(before), base=base)
            tip = past.entry.refs.get(task.ref, [None])[0]
            # Where nothing was committed, its tip is in the base and its work is not.
            if tip is None or facts.is_new(task, tip) or session.repo.git.commit(tip) is None:
                return False
            bases = integrated.bases(session.repo, task)
            return integrated.verdict(session.repo, tip, bases, task.landed).reason is not None
    return False


def _take_note(
    book: Book, parts: Sequence[Part], outcomes: Sequence[Outcome], merges: Sequence[dict[str, Any]]
) -> None:
    waiting = {part.name: part for part in parts}
    for fate in (fate for outcome in outcomes for fate in _fates(book, outcome.plan)):
        part = waiting.pop(fate.name)
        part.state, part.landed, part.reason, part.detail = fate[1:]
    for part in waiting.values():
        part.state, part.reason, part.detail = "failed", "gone", "its task was removed meanwhile"
    book.run.merges += merges
    book.note()


def _fates(book: Book, made: Plan) -> Iterator[Fate]:
    for merged in made.merged:
        yield Fate(merged.item.name, "landed", merged.commit)
    for one in made.skipped:
        if one.harmless:
            part = book.run.part(one.item.name)
            commit = _brought(book, part)
            yield Fate(one.item.name, "landed" if commit or part.commits else "unchanged", commit)
        else:
            yield Fate(one.item.name, "failed", "", one.reason, one.detail)
    for clash in made.conflicted:
        files = ", ".join(file.path for file in clash.files)
        yield Fate(clash.item.name, "failed", "", "conflict", f"in conflict: {files}")
    for broken in made.failed:
        why = f"it breaks the gate (status {broken.exit}); see '{broken.log}'"
        yield Fate(broken.item.name, "failed", "", "gate", why)


def _brought(book: Book, part: Part) -> str:
    """The commit that brought home what was there before this merge; empty when none did.

    Who is killed right after a publish has told nobody, so the history is asked.
    """
    task, git = book.task(part), book.session.repo.git
    tip = git.commit(task.ref) if task else None
    if task is None or tip is None:
        return ""
    if task.landed and task.landed.tip == tip:
        return task.landed.commit
    path = ("--merges", "--parents", "--ancestry-path", f"{tip}..refs/heads/{book.run.base}")
    listed = (line.split() for line in git.line("rev-list", *path).splitlines())
    return next((merged[0] for merged in listed if tip in merged[2:]), "")
