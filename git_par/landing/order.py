"""The order that lands the most: which tasks go together, what comes first, and what is left for the end.

Tasks that collide cannot both land, and a task cannot land without what it stands on.  The largest set that obeys both is
looked for by branch and bound, part by part of the graph of collisions; when that takes too long the best one found counts.
Sets are the bits of a number.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

_PATIENCE = 400_000
"""How many tasks the search may look at, over all its steps."""


@dataclass(frozen=True)
class Order:
    """Every task once: those that land together, and those that do not fit beside them, each in their order."""

    fits: tuple[str, ...]
    rest: tuple[str, ...]


def arrange(
    names: Sequence[str],
    collisions: Collection[tuple[str, str]],
    stands_on: Mapping[str, Collection[str]],
    size: Mapping[str, int],
    unfit: Collection[str] = (),
    after: Mapping[str, Collection[str]] | None = None,
) -> Order:
    """The order of `names`: what a task stands on comes before it, then small before large, then as given.

    `collisions` are pairs that cannot both land, `unfit` what cannot land at all; `after` tells behind which others a task
    comes, though it could land without them.  Other names than `names` do not count.
    """
    place = {name: at for at, name in enumerate(names)}
    rank = [(size.get(name, 0), at) for at, name in enumerate(names)]
    clash = [0] * len(names)
    for a, b in collisions:
        if a in place and b in place and a != b:
            clash[place[a]] |= 1 << place[b]
            clash[place[b]] |= 1 << place[a]
    below = _closed(_sets(place, stands_on))
    before = _closed([one | other for one, other in zip(below, _sets(place, after or {}), strict=True)])
    alive = 0
    for at in range(len(names)):
        needed = 1 << at | below[at]
        if not any(names[one] in unfit or clash[one] & needed for one in bits(needed)):
            alive |= 1 << at
    search = _Search(clash, below, rank)
    chosen = 0
    for part in sorted(_parts(alive, clash, below), key=int.bit_count):
        chosen |= search.most(part)
    rest = ~chosen & ((1 << len(names)) - 1)
    fits, left = ([names[at] for at in _line(some, before, rank)] for some in (chosen, rest))
    return Order(tuple(fits), tuple(left))


def _sets(place: Mapping[str, int], relation: Mapping[str, Collection[str]]) -> list[int]:
    return [sum({1 << place[one] for one in relation.get(name, ()) if one in place}) for name in place]


def _closed(below: Sequence[int]) -> list[int]:
    """What each stands on, however far down."""
    found = []
    for at, direct in enumerate(below):
        known, fresh = 0, direct
        while fresh:
            known |= fresh
            further = 0
            for one in bits(fresh):
                further |= below[one]
            fresh = further & ~known
        found.append(known & ~(1 << at))
    return found


def _parts(alive: int, clash: Sequence[int], below: Sequence[int]) -> Iterator[int]:
    """The parts of the graph that have nothing to do with each other."""
    near = [clash[at] | below[at] for at in range(len(clash))]
    for at, some in enumerate(below):
        for one in bits(some):
            near[one] |= 1 << at
    while alive:
        part, fresh = 0, alive & -alive
        while fresh:
            part |= fresh
            around = 0
            for one in bits(fresh):
                around |= near[one]
            fresh = around & alive & ~part
        yield part
        alive &= ~part


def _line(some: int, below: Sequence[int], rank: Sequence[tuple[int, int]]) -> Iterator[int]:
    """The tasks of `some`, one after the other; those that stand on each other in a circle by rank alone."""
    waiting = {at: below[at] & some for at in bits(some)}
    ready = [(rank[at], at) for at, needs in waiting.items() if not needs]
    heapify(ready)
    gone = 0
    while waiting:
        if not ready:
            ready = [min((rank[at], at) for at in waiting)]
        _, at = heappop(ready)
        del waiting[at]
        gone |= 1 << at
        yield at
        for other, needs in waiting.items():
            if needs >> at & 1 and not needs & ~gone:
                heappush(ready, (rank[other], other))


class _Search:
    """The largest set without a collision that has everything its members stand on."""

    def __init__(self, clash: Sequence[int], below: Sequence[int], rank: Sequence[tuple[int, int]]) -> None:
        self.clash, self.below, self.rank = clash, below, rank
        self.above = [0] * len(clash)
        for at, some in enumerate(below):
            for one in bits(some):
                self.above[one] |= 1 << at
        self.price = [0] * len(clash)
        """What collides with a task or with something it stands on."""
        self.lost = [0] * len(clash)
        """What cannot land any more when a task and all it stands on do."""
        for at, some in enumerate(below):
            for one in bits(some | 1 << at):
                self.price[at] |= clash[one]
            self.lost[at] = self.price[at]
            for one in bits(self.price[at]):
                self.lost[at] |= self.above[one]
        self.left = _PATIENCE
        self.best = 0

    def most(self, part: int) -> int:
        """The largest set within `part`."""
        self.best = 0
        self._greedily(part)
        self._look(part, 0)
        return self.best

    def _greedily(self, free: int) -> None:
        """A good set to begin with: whatever shuts out the fewest comes first."""
        chosen = 0
        while free:
            at = min(bits(free), key=lambda one: ((self.lost[one] & free).bit_count(), self.rank[one]))
            chosen |= (1 << at | self.below[at]) & (free | chosen)
            free &= ~(chosen | self.lost[at])
        self.best = chosen

    def _look(self, free: int, chosen: int) -> None:
        """Decide about `free`, of which everything that it stands on is in `free` or `chosen`."""
        self.left -= free.bit_count() + 1
        free, chosen = self._settle(free, chosen)
        if not free:
            if chosen.bit_count() > self.best.bit_count():
                self.best = chosen
            return
        if self.left < 0 or chosen.bit_count() + self._bound(free) <= self.best.bit_count():
            return
        at = max(bits(free), key=lambda one: (self.clash[one] & free).bit_count())
        self._look(free & ~(1 << at | self.below[at] | self.lost[at]), chosen | 1 << at | self.below[at] & free)
        self._look(free & ~(1 << at | self.above[at]), chosen)

    def _settle(self, free: int, chosen: int) -> tuple[int, int]:
        """Take what no largest set can lose by: what collides with nothing, or with one that nothing stands on."""
        again = True
        while again:
            again = False
            for at in bits(free):
                if not free >> at & 1:
                    continue
                price = self.price[at] & free
                single = not price & (price - 1) and not self.below[at] & free
                if price and not (single and not self.above[price.bit_length() - 1] & free):
                    continue
                taken = (1 << at | self.below[at]) & free
                chosen |= taken
                free &= ~(taken | price)
                again = again or bool(price)
        return free, chosen

    def _bound(self, free: int) -> int:
        """No more of `free` than this can land: of those that all collide with each other, one."""
        count = 0
        while free:
            count += 1
            group = free & -free
            others = free & self.clash[group.bit_length() - 1]
            while others:
                one = others & -others
                group |= one
                others &= self.clash[one.bit_length() - 1]
            free &= ~group
        return count


def bits(some: int) -> Iterator[int]:
    """The places of the ones in a number that stands for a set."""
    while some:
        low = some & -some
        yield low.bit_length() - 1
        some ^= low
