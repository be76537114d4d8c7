"""What a person at a terminal chooses from when a verb was given no name: with fzf(1) where it is, else a numbered list.

The choice is talk: it stands on stderr and the answer comes from stdin, so that stdout may go anywhere.  Whoever leaves it
without an answer ends the command as with Ctrl-C.
"""

import os
import re
import shutil
import signal
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC

from git_par import render, streams
from git_par.columns import cells, padded
from git_par.commands import facts
from git_par.commands import list as listing
from git_par.commands.facts import Facts
from git_par.errors import UsageError
from git_par.interrupts import Interrupted
from git_par.spawn import foreground
from git_par.state.session import Session
from git_par.workspaces import kept as keeping
from git_par.workspaces.kept import Keepsake

Rows = Generator[str, None, None]

_RAN, _NO_MATCH, _LEFT = 0, 1, 130
"""How fzf ends when it did its work (fzf(1), EXIT STATUS)."""


def tasks(session: Session, verb: str, what: str, *, several: bool = False) -> list[str]:
    """The names of tasks that `verb` is to work on; `what` the grammar calls them where nobody can be asked."""
    _check(session, verb, what)
    found = session.tasks.all()
    if not found:
        raise UsageError(f"{verb}: there are no tasks", hint="git par add NAME makes one")
    wide = max(cells(task.name) for task in found)
    quiet = replace(session, progress=lambda *_: None)

    def rows() -> Rows:
        for one in facts.each(quiet, found):
            yield f"{padded(one.task.name, wide)}  {_standing(one)}"

    return [found[at].name for at in _chosen(rows, len(found), verb, several=several)]


def kept(session: Session, verb: str, what: str, stamp: str | None) -> Keepsake:
    """What one removal kept, the newest first, or of those at `stamp`."""
    _check(session, verb, what)
    found = [one for one in keeping.find(session.repo) if stamp in (None, one.stamp)]
    if not found:
        when = f" of {stamp}" if stamp else " in this repository"
        raise UsageError(f"{verb}: nothing is kept{when}", hint="see 'git reflog' for lost commits")
    wide = max(cells(one.task.name) for one in found)

    def rows() -> Rows:
        for one in found:
            yield f"{padded(one.task.name, wide)}  {_removal(one)}"

    (at,) = _chosen(rows, len(found), verb, several=False)
    return found[at]


def _check(session: Session, verb: str, what: str) -> None:
    if not session.can_ask:
        raise UsageError(f"{verb}: missing argument '{what}'", hint=f"git par {verb} -h")


def _standing(one: Facts) -> str:
    """How a task stands, in a line."""
    counts = [f"{count} {word}" for count, word in ((one.ahead, "ahead"), (one.behind, "behind")) if count]
    said = ", ".join([*counts, *filter(None, [listing.changes(one)])])
    return f"{one.state:8}  {'; '.join(filter(None, [said, *listing.notes(one)]))}".rstrip()


def _removal(one: Keepsake) -> str:
    """What a removal kept, in a line."""
    when = keeping.time(one.stamp)
    ago = f"{listing.age(when.astimezone(UTC).isoformat())} ago" if when else f"at {one.stamp}"
    return "; ".join(filter(None, [f"removed {ago}", f"returns to {one.task.base}", one.task.title]))


def _chosen(rows: Callable[[], Rows], count: int, verb: str, *, several: bool) -> list[int]:
    """The places of the rows that were chosen."""
    program = shutil.which("fzf")
    if program and streams.can_draw():
        with closing(rows()) as coming:
            found = _with_fzf(program, coming, count, verb, several=several)
        if found is not None:
            return found
    return _from_list(list(rows()), verb, several=several)


def _with_fzf(program: str, rows: Rows, count: int, verb: str, *, several: bool) -> list[int] | None:
    """What is chosen with fzf; None when that cannot be started here.

    Each line has its number in front, which is not shown.  The user's own options come first, and hold but for those that
    decide what is read and written.
    """
    argv = [program, "--delimiter=\t", "--with-nth=2..", f"--prompt={verb}> "]
    argv += ["--no-read0", "--no-print-query", "--no-select-1", "--no-exit-0", "--multi" if several else "--no-multi"]
    if several:
        argv.append("--header=Tab marks several, Enter takes them, Esc none")
    if not (os.environ.get("FZF_DEFAULT_OPTS") or os.environ.get("FZF_DEFAULT_OPTS_FILE")):
        argv += ["--height=50%", "--reverse"]
    if not render.is_coloured():
        argv.append("--no-color")
    lines = (f"{at}\t{render.one_line(row)}" for at, row in enumerate(rows))
    status, said = foreground.picked(argv, os.environ, lines)
    if status not in (_RAN, _NO_MATCH, _LEFT):
        return None
    numbers = (int(number) for number in re.findall(r"(?:^|[\0\n])([0-9]{1,9})\t", said))
    found = list(dict.fromkeys(number for number in numbers if number < count))
    if status != _RAN or not found:
        raise Interrupted(signal.SIGINT)
    return found


def _from_list(rows: Sequence[str], verb: str, *, several: bool) -> list[int]:
    """What is chosen from a numbered list; who answers with something else is asked again."""
    wide = len(str(len(rows)))
    for number, row in enumerate(rows, 1):
        render.say(f"{number:>{wide}}  {row}")
    how = "numbers, such as 1 3 or 2-4" if several else "a number"
    while answer := render.ask_for(f"{verb} which? ({how}; empty: none) "):
        found = _numbers(answer, len(rows))
        if found and (several or len(found) == 1):
            return [number - 1 for number in found]
        render.say(f"'{answer}': not {how}, from 1 to {len(rows)}")
    raise Interrupted(signal.SIGINT)


def _numbers(answer: str, most: int) -> list[int]:
    """`1 3 5-7` or `1,3,5-7`, each once and as it was typed; nothing where one of them is none, or more than `most`."""
    found: list[int] = []
    for word in re.split(r"[\s,]+", answer.strip(" ,")):
        numbers = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", word)
        if not numbers:
            return []
        first, last = int(numbers[1]), int(numbers[2] or numbers[1])
        if not 1 <= first <= last <= most:
            return []
        found += range(first, last + 1)
    return list(dict.fromkeys(found))
