"""What `git par conflicts` found, in words, as a matrix for the terminal, and as JSON."""

from collections.abc import Sequence
from dataclasses import dataclass
from shlex import quote
from typing import Any

from git_par import render, streams
from git_par.columns import cells, padded
from git_par.landing.matrix import Collision
from git_par.landing.order import Order
from git_par.names import some

_MANY = 12
"""So many names still make a readable command line."""


@dataclass(frozen=True)
class Forecast:
    """Who collides with whom, as all of them stand now."""

    names: tuple[str, ...]
    pairs: tuple[Collision, ...]
    bases: tuple[Collision, ...]
    order: Order
    uncommitted: tuple[str, ...] = ()
    """Those whose uncommitted work counts in it."""
    notes: tuple[tuple[str, str], ...] = ()
    """What could not be looked at."""
    left: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Files that were not looked at: secrets, repositories inside."""
    tasks: frozenset[str] = frozenset()
    """The names that are tasks."""

    @property
    def colliding(self) -> tuple[str, ...]:
        """Those that collide with another one or with their base."""
        found = {name for one in self.pairs for name in (one.a, one.b)} | {one.a for one in self.bases}
        return tuple(name for name in self.names if name in found)

    def data(self) -> dict[str, Any]:
        """The JSON of it."""
        return {
            "tasks": list(self.names),
            "pairs": [{"a": one.a, "b": one.b, "files": list(one.files)} for one in self.pairs],
            "base": [{"name": one.a, "base": one.b, "files": list(one.files)} for one in self.bases],
            "order": [*self.order.fits, *self.order.rest],
            "rest": list(self.order.rest),
            "uncommitted": list(self.uncommitted),
            "left": [{"name": name, "files": list(files)} for name, files in self.left],
            "notes": [{"name": name, "detail": detail} for name, detail in self.notes],
        }


def lines(forecast: Forecast) -> list[str]:
    """The matrix, where it fits; every collision; the order."""
    said: list[str] = []
    if forecast.colliding:
        drawn = _matrix(forecast, streams.width())
        said += [*drawn, ""] if drawn else []
        said += [f"{one.a} with {one.b}: {_files(one)}" for one in forecast.pairs]
        said += [f"{one.a} with its base {one.b}: {_files(one)}" for one in forecast.bases]
        apart = len(forecast.names) - len(forecast.colliding)
        if apart:
            said.append(f"{apart} more: no collision")
    elif forecast.names:
        said.append(f"{len(forecast.names)} looked at: no collision" if len(forecast.names) > 1 else "no collision")
    if len(forecast.names) > 1:
        said.append(f"order: {' '.join(map(quote, forecast.order.fits)) or 'none of them can land'}")
        if forecast.order.rest:
            said.append(f"not beside them: {' '.join(map(quote, forecast.order.rest))}")
    return said


def talk(forecast: Forecast) -> list[str]:
    """What was and was not looked at, and what to run next."""
    said = [f"{name}: {detail}" for name, detail in forecast.notes]
    said += [f"{name}: not looked at: {some(files)}" for name, files in forecast.left]
    if forecast.uncommitted:
        said.append(f"what is uncommitted counts, and is to be committed before a merge: {some(forecast.uncommitted)}")
    if not forecast.names:
        return [*said, "nothing to compare: there are no tasks; git par add NAME makes one"]
    fits = forecast.order.fits
    steps = []
    if 0 < len(fits) <= _MANY:
        steps.append(f"git par merge {' '.join(map(quote, fits))}")
    elif fits:
        steps.append("git par merge, with the names in that order")
    waiting = [name for name in forecast.order.rest if name in forecast.tasks]
    if waiting:
        steps.append(f"git par sync {quote(waiting[0])}{', and each of the others' if len(waiting) > 1 else ''}")
    return [*said, f"hint: {', then '.join(steps)}"] if steps else said


def _files(one: Collision) -> str:
    return render.one_line(some(one.files))


def _matrix(forecast: Forecast, width: int) -> list[str]:
    """Those that collide, against each other and their base, with the number of files; nothing where it does not fit."""
    names = forecast.colliding
    counts = {frozenset((one.a, one.b)): len(one.files) for one in forecast.pairs}
    based = {one.a: len(one.files) for one in forecast.bases}
    cell = 1 + max(len(str(number)) for number in (len(names), *counts.values(), *based.values()))
    number = len(str(len(names)))
    longest = max(map(cells, names))

    def row(name: str) -> str:
        found = ["-" if one == name else str(counts.get(frozenset((one, name)), ".")) for one in names]
        return "".join(text.rjust(cell) for text in found) + str(based.get(name, ".")).rjust(6)

    beside = longest + 1 if number + 1 + longest + len(row(names[0])) <= width else 0
    if not beside and number + len(row(names[0])) > width:
        return []
    heading = "".join(str(at).rjust(cell) for at in range(1, len(names) + 1)) + "  base"
    drawn = [f"{'':{number + beside}}{heading}"]
    for at, name in enumerate(names, 1):
        label = f"{at:>{number}} {padded(name, longest)}" if beside else f"{at:>{number}}"
        drawn.append(f"{label}{row(name)}")
    return drawn if beside else [*drawn, "", *_legend(names, number, width)]


def _legend(names: Sequence[str], number: int, width: int) -> list[str]:
    """What the numbers stand for, in as many columns as fit."""
    entries = [f"{at:>{number}} {name}" for at, name in enumerate(names, 1)]
    wide = max(map(cells, entries)) + 2
    columns = max(1, width // wide)
    rows = -(-len(entries) // columns)
    return ["".join(padded(entry, wide) for entry in entries[at::rows]).rstrip() for at in range(rows)]
