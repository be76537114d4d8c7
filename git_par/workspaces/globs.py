"""Could one path match two gitignore-style patterns?  An answer for files that do not exist yet.

Each pattern becomes a small automaton, a path is looked for that takes both to their end (the product construction of
automata theory), the shortest first.  `!` is not known here: who asks looks at the answer with the whole list of patterns.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_ENOUGH = 200_000
"""Pairs of states looked at, at most: two patterns of a hundred characters have far fewer."""


@dataclass(frozen=True)
class _Step:
    """One character that a pattern takes: one of `signs`, or with `other` any but those; never `/` unless it is named."""

    signs: frozenset[str]
    other: bool = False
    loops: bool = False
    """Whether it may be taken any number of times, none included."""

    def takes(self, sign: str) -> bool:
        return (sign not in self.signs) if self.other else sign in self.signs


_NAME = _Step(frozenset("/"), other=True)
_NAMES = _Step(frozenset("/"), other=True, loops=True)
_SLASH = _Step(frozenset("/"))


@dataclass(frozen=True)
class _Automaton:
    """States are numbers; `steps` lead from one to the next, `jumps` need no character."""

    steps: dict[int, tuple[tuple[_Step, int], ...]]
    jumps: dict[int, tuple[int, ...]]
    end: int

    def reached(self, states: frozenset[int]) -> frozenset[int]:
        """The `states` and all that need no character from there."""
        found, waiting = set(states), list(states)
        while waiting:
            for state in self.jumps.get(waiting.pop(), ()):
                if state not in found:
                    found.add(state)
                    waiting.append(state)
        return frozenset(found)

    def after(self, states: frozenset[int], sign: str) -> frozenset[int]:
        """The states that `sign` leads to."""
        found = {to for state in states for step, to in self.steps.get(state, ()) if step.takes(sign)}
        return self.reached(frozenset(found))


class _Builder:
    """Puts an automaton together, step by step."""

    def __init__(self) -> None:
        self.steps: dict[int, list[tuple[_Step, int]]] = {}
        self.jumps: dict[int, list[int]] = {}
        self.state = 0

    def take(self, step: _Step) -> None:
        if step.loops:
            self.steps.setdefault(self.state, []).append((step, self.state))
            self.jumps.setdefault(self.state, []).append(self.state + 1)
        else:
            self.steps.setdefault(self.state, []).append((step, self.state + 1))
        self.state += 1

    def directories(self) -> None:
        """Any number of whole directories: `(name/)*`."""
        start = self.state
        self.take(_NAME)
        self.take(_NAMES)
        self.steps.setdefault(self.state, []).append((_SLASH, start))
        self.state += 1
        self.jumps.setdefault(start, []).append(self.state)

    def below(self) -> None:
        """Something inside of a directory, however deep: `name(/name)*`."""
        start = self.state
        self.take(_NAME)
        self.take(_NAMES)
        self.steps.setdefault(self.state, []).append((_SLASH, start))

    def built(self) -> _Automaton:
        return _Automaton(
            {state: tuple(steps) for state, steps in self.steps.items()},
            {state: tuple(jumps) for state, jumps in self.jumps.items()},
            self.state,
        )


def common(one: str, other: str) -> str | None:
    """A shortest path that both patterns match; None when there is none.

    A glob is taken to mean files here: `*.py` could match all that is in a directory `x.py`, which nobody has in mind.
    """
    left, right = _automaton(one, inside=not _is_glob(one)), _automaton(other, inside=not _is_glob(other))
    signs = _signs(left, right)
    start = left.reached(frozenset([0])), right.reached(frozenset([0])), True
    waiting, seen = deque([(start, "")]), {start}
    while waiting and len(seen) < _ENOUGH:
        (here, there, between), path = waiting.popleft()
        if left.end in here and right.end in there and not between:
            return path
        for sign in signs:
            if sign == "/" and between:  # no component of a path is empty
                continue
            step = left.after(here, sign), right.after(there, sign), sign == "/"
            if step[0] and step[1] and step not in seen:
                seen.add(step)
                waiting.append((step, path + sign))
    return None


def matches(pattern: str, path: str) -> bool:
    """Whether the file `path` matches `pattern`, by the automaton."""
    automaton = _automaton(pattern)
    states = automaton.reached(frozenset([0]))
    for sign in path:
        states = automaton.after(states, sign)
    return automaton.end in states


def _signs(*automata: _Automaton) -> Sequence[str]:
    """One character of every kind that these automata tell apart, the plainest first."""
    named = {sign for one in automata for steps in one.steps.values() for step, _ in steps for sign in step.signs}
    plain = next(sign for sign in (*"xyzabcdefghijklmnopqrstuvw0123456789", "\uffff") if sign not in named)
    return [plain, *sorted(named)]


def _is_glob(pattern: str) -> bool:
    """Whether the last component of `pattern` stands for several names of files."""
    last = pattern.rpartition("/")[2]
    return last != "*" and any(sign in last for sign in "*?[")


def _automaton(pattern: str, *, inside: bool = True) -> _Automaton:
    """A pattern as gitignore(5) reads it, for the paths of files: it matches them or, with `inside`, a directory above."""
    directory = pattern.endswith("/")
    text = pattern.rstrip("/")
    built = _Builder()
    if "/" not in text:
        built.directories()
    parts = text.lstrip("/").split("/")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**" and last:
            if directory:
                built.take(_NAME)
                built.take(_NAMES)
                built.take(_SLASH)
            built.below()
            return built.built()
        if part == "**":
            built.directories()
            continue
        for step in _steps(part):
            built.take(step)
        if not last:
            built.take(_SLASH)
    if not (inside or directory):
        return built.built()
    stop = built.state
    built.take(_SLASH)
    built.below()
    if not directory:
        built.jumps.setdefault(stop, []).append(built.state)
    return built.built()


def _steps(part: str) -> Iterator[_Step]:
    """The characters of one component."""
    signs = iter(enumerate(part))
    for at, sign in signs:
        if sign == "\\" and at + 1 < len(part):
            yield _Step(frozenset(next(signs)[1]))
        elif sign == "*":
            yield _NAMES
        elif sign == "?":
            yield _NAME
        elif sign == "[" and (end := part.find("]", at + 2)) > 0:
            inside = part[at + 1 : end]
            negated = inside[0] in "!^"
            yield _class(inside[1:] if negated else inside, negated=negated)
            while next(signs)[0] < end:
                pass
        else:
            yield _Step(frozenset(sign))


def _class(inside: str, *, negated: bool) -> _Step:
    signs: set[str] = set()
    at = 0
    while at < len(inside):
        if at + 2 < len(inside) and inside[at + 1] == "-":
            signs |= {chr(code) for code in range(ord(inside[at]), ord(inside[at + 2]) + 1)}
            at += 3
        else:
            signs.add(inside[at])
            at += 1
    return _Step(frozenset(signs | {"/"} if negated else signs - {"/"}), other=negated)
