"""Which tasks run together: a level is all tasks whose needs lie in levels before it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol


class Ordered(Protocol):
    """What a level is made of."""

    @property
    def name(self) -> str:
        """What others call it."""

    @property
    def needs(self) -> tuple[str, ...]:
        """The names of those that come before it."""

    @property
    def level(self) -> int | None:
        """The earliest level it may be in, from 1 on."""


def put(tasks: Sequence[Ordered]) -> list[list[str]]:
    """The names in each level, in the order of the file; call it when there are no `problems`."""
    found = _depths(tasks)
    return [[one.name for one in tasks if found[one.name] == depth] for depth in sorted(set(found.values()))]


def problems(tasks: Sequence[Ordered]) -> list[str]:
    """Why `tasks` cannot be put into levels: names that stand twice, needs that nobody meets, circles."""
    by_name = {one.name: one for one in reversed(tasks)}  # of two with one name, the first counts
    found = [
        f"task '{one.name}': name: it stands there twice"
        for number, one in enumerate(tasks)
        if any(one.name == before.name for before in tasks[:number])
    ]
    for one in tasks:
        found += [f"task '{one.name}': needs: there is no task '{need}'" for need in one.needs if need not in by_name]
    circles = list(_circles(by_name))
    found += [f"task '{circle[0]}': needs: a circle, {' needs '.join([*circle, circle[0]])}" for circle in circles]
    if found:
        return found
    depths = _depths(tasks)
    for one in tasks:
        late = [need for need in one.needs if one.level is not None and depths[need] >= one.level]
        found += [
            f"task '{one.name}': level: it is {one.level}, but its need '{need}' is of level {depths[need]}"
            for need in late
        ]
    return found


def _depths(tasks: Sequence[Ordered]) -> Mapping[str, int]:
    by_name = {one.name: one for one in tasks}
    found: dict[str, int] = {}
    waiting = list(by_name)
    while waiting:
        one = by_name[waiting[-1]]
        missing = [need for need in one.needs if need not in found]
        if missing:
            waiting += missing
            continue
        found[one.name] = max([one.level or 1, *(found[need] + 1 for need in one.needs)])
        waiting.pop()
    return found


def _circles(tasks: Mapping[str, Ordered]) -> Iterator[list[str]]:
    """Each circle of needs once, by a depth-first walk."""
    done: set[str] = set()
    for start in tasks:
        path: list[str] = []
        waiting: list[tuple[str, bool]] = [(start, False)]
        while waiting:
            name, leaving = waiting.pop()
            if leaving:
                path.pop()
                done.add(name)
            elif name in path:
                yield path[path.index(name) :]
            elif name not in done and name in tasks:
                path.append(name)
                waiting.append((name, True))
                waiting += [(need, False) for need in reversed(tasks[name].needs)]
