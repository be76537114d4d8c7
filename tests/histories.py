"""Random histories: the kinds of changes, forks and merges that a merge has to tell apart.

One seed is one history, so a failure is made again by its number.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.world import World

Tree = dict[str, tuple[str, bytes]]
"""Paths with their mode and content; the content of a submodule is the id of its commit."""

Changes = Callable[[random.Random, Tree], None]
"""One random change of a tree."""

_FILE, _EXECUTABLE, _LINK, _MODULE = "100644", "100755", "120000", "160000"

_DIRECTORIES = ("", "", "src/", "src/deep/", "docs/", "with space/", "ümlaut/", 'quo"te/', "new\nline/")
_STEMS = ("alpha", "beta", "gamma", "delta", "ä ö", 'x"y', "tab\there", "back\\slash", "two\nlines", "-dash", "src")


@dataclass
class History:
    """A random history: commits by number, each a tree and its parents."""

    dice: random.Random
    trees: list[Tree] = field(default_factory=list)
    parents: list[list[int]] = field(default_factory=list)
    branches: dict[str, int] = field(default_factory=dict)
    changes: Changes = field(default_factory=lambda: change)
    skewed: bool = False
    """Whether the clocks of the committers were wrong."""

    def commit(self, tree: Tree, *parents: int) -> int:
        self.trees.append(tree)
        self.parents.append(list(parents))
        return len(self.trees) - 1

    def grow(self, start: int, commits: int) -> int:
        """A few commits on top of `start`."""
        for _ in range(commits):
            tree = dict(self.trees[start])
            for _ in range(self.dice.choice((1, 1, 1, 1, 2, 2, 3, 0))):
                self.changes(self.dice, tree)
            start = self.commit(tree, start)
        return start

    def known(self, commit: int) -> set[int]:
        """The commit and everything behind it."""
        found: set[int] = set()
        waiting = [commit]
        while waiting:
            if (one := waiting.pop()) not in found:
                found.add(one)
                waiting += self.parents[one]
        return found

    def join(self, ours: int, theirs: int) -> int:
        """A merge commit as a person might have made it: whatever theirs changed, onto ours."""
        shared = self.known(ours) & self.known(theirs)
        if theirs in shared:
            return ours
        tree, old = dict(self.trees[ours]), self.trees[max(shared)] if shared else {}
        for path, entry in self.trees[theirs].items():
            if old.get(path) != entry:
                put(tree, path, entry)
        for path in old.keys() - self.trees[theirs].keys():
            tree.pop(path, None)
        return self.commit(tree, ours, theirs)

    def stream(self) -> bytes:
        """The history as git-fast-import(1) reads it."""
        out = []
        for number, (tree, parents) in enumerate(zip(self.trees, self.parents, strict=True), 1):
            date = 1_700_000_000 + (self.dice.randrange(1_000) if self.skewed else number)
            who = f"committer C <c@example.com> {date} +0000\ndata <<END\ncommit {number}\nEND\n\n"
            out.append(f"commit refs/made/{number}\nmark :{number}\n{who}".encode())
            out += [f"{'merge' if at else 'from'} :{one + 1}\n".encode() for at, one in enumerate(parents)]
            out.append(b"deleteall\n")
            for path, (mode, content) in sorted(tree.items()):
                if mode == _MODULE:
                    out.append(f"M {mode} {content.decode()} {quoted(path)}\n".encode())
                    continue
                out.append(f"M {mode} inline {quoted(path)}\ndata {len(content)}\n".encode() + content + b"\n")
        for name, commit in self.branches.items():
            out.append(f"reset refs/heads/{name}\nfrom :{commit + 1}\n\n".encode())
        return b"".join(out)


def quoted(path: str) -> str:
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def put(tree: Tree, path: str, entry: tuple[str, bytes]) -> None:
    """Write `path`, and take away what cannot stand beside it."""
    for other in list(tree):
        if other.startswith(f"{path}/") or path.startswith(f"{other}/"):
            del tree[other]
    tree[path] = entry


def text(dice: random.Random) -> bytes:
    topic = dice.randrange(1000)
    return "".join(
        f"{topic} line {number} {dice.randrange(100)}\n" for number in range(dice.choice((3, 8, 20)))
    ).encode()


def somewhere(dice: random.Random) -> str:
    return dice.choice(_DIRECTORIES) + dice.choice(_STEMS) + dice.choice(("", ".txt"))


def change(dice: random.Random, tree: Tree) -> None:
    """One random change, of the kinds that merges have to tell apart."""
    paths = sorted(tree)
    if not paths:
        put(tree, somewhere(dice), (_FILE, text(dice)))
        return
    path = dice.choice(paths)
    mode, content = tree[path]
    kind = dice.choices(
        ("edit", "add", "delete", "rename", "move-directory", "mode", "binary", "link", "swap", "empty"),
        (30, 14, 8, 14, 6, 6, 6, 5, 6, 5),
    )[0]
    if kind == "edit" and mode != _LINK:
        lines = content.split(b"\n")
        at = dice.randrange(len(lines))
        lines[at : at + dice.choice((0, 1, 1, 2))] = [f"edited {dice.randrange(10_000)}".encode()]
        tree[path] = (mode, b"\n".join(lines))
    elif kind == "add":
        put(tree, somewhere(dice), (dice.choice((_FILE, _FILE, _EXECUTABLE)), text(dice)))
    elif kind == "delete":
        del tree[path]
    elif kind == "rename":
        del tree[path]
        put(tree, somewhere(dice), (mode, content + (b"and more\n" if dice.random() < 0.3 and mode != _LINK else b"")))
    elif kind == "move-directory" and "/" in path:
        old = path.rpartition("/")[0] + "/"
        new = dice.choice(("moved/", "docs/", "src/inner/", "moved here too/", ""))
        moving = {one: tree.pop(one) for one in paths if one.startswith(old)}
        for one, entry in moving.items():
            put(tree, new + one.removeprefix(old), entry)
    elif kind == "mode" and mode != _LINK:
        tree[path] = (_EXECUTABLE if mode == _FILE else _FILE, content)
    elif kind == "binary":
        put(tree, dice.choice((path, somewhere(dice))), (_FILE, b"\0" + dice.randbytes(40)))
    elif kind == "link":
        put(tree, dice.choice((path, somewhere(dice))), (_LINK, dice.choice(paths).replace("\n", " ").encode()))
    elif kind == "swap":
        if "/" in path:
            put(tree, path.partition("/")[0], (_FILE, text(dice)))
        else:
            put(tree, f"{path}/inside", (_FILE, content if mode != _LINK else text(dice)))
    elif kind == "empty":
        put(tree, dice.choice((path, somewhere(dice))), (_FILE, b""))


def marked(dice: random.Random, tree: Tree) -> None:
    """A change of files or of what attributes say of their merge."""
    if dice.random() < 0.8:
        change(dice, tree)
        return
    values = ("merge=union", "merge=mine", "merge=binary", "-merge", "binary", "merge=nobody", "merge", "merge=text")
    patterns = ("*", "*.txt", "alpha*", "beta*", "src/**", "ümlaut/*")
    lines = [f"{dice.choice(patterns)} {dice.choice(values)}\n" for _ in range(dice.choice((0, 1, 1, 2)))]
    put(tree, dice.choice(("", "", "src/", "docs/")) + ".gitattributes", (_FILE, "".join(lines).encode()))


def ended(dice: random.Random, tree: Tree) -> None:
    """An edit; now and then all files get the line endings that the attributes ask for."""
    if dice.random() < 0.3:
        tree[".gitattributes"] = (_FILE, b"* text=auto\n")
    paths = [path for path in sorted(tree) if path != ".gitattributes"]
    path = dice.choice(paths)
    lines = tree[path][1].split(b"\n")
    lines.insert(dice.randrange(len(lines)), f"edited {dice.randrange(10_000)}".encode())
    tree[path] = (tree[path][0], b"\n".join(lines))
    end = b"\n" if ".gitattributes" in tree else b"\r\n"
    for one in paths:
        mode, content = tree[one]
        tree[one] = (mode, content.replace(b"\r\n", b"\n").replace(b"\n", end))


def moved(dice: random.Random, tree: Tree) -> None:
    """A change of files, or of the commit where the submodule stands."""
    if dice.random() < 0.5:
        kept = {path: entry for path, entry in tree.items() if entry[0] == _MODULE or path == ".gitmodules"}
        for path in kept:
            del tree[path]
        change(dice, tree)
        for path, entry in kept.items():
            put(tree, path, entry)
    else:
        tree["lib"] = (_MODULE, dice.choice(MODULE))


MODULE: list[bytes] = []
"""The commits where the submodule `lib` may stand."""


@dataclass(frozen=True)
class Kind:
    """What a random history is made of."""

    count: int | None = None
    """How many branches; None for a few."""
    merges: float = 0.25
    """How likely a branch has merges of the base or of others in it."""
    skewed: bool = False
    changes: Changes = change
    start: Mapping[str, tuple[str, bytes]] = field(default_factory=dict)
    """What every tree begins with."""


PLAIN, TANGLED, SKEWED = Kind(), Kind(merges=0.9), Kind(merges=0.6, skewed=True)
MARKED, ENDED = Kind(merges=0.5, changes=marked), Kind(changes=ended)


def made_up(seed: int, kind: Kind = PLAIN) -> History:
    """A base with history, and branches that left it here and there, on their own or on each other."""
    dice = random.Random(seed)
    history = History(dice, changes=kind.changes, skewed=kind.skewed)
    tree: Tree = dict(kind.start)
    for _ in range(dice.choice((3, 8, 14))):
        put(tree, somewhere(dice), (_FILE, text(dice)))
    line = [history.commit(tree)]
    for _ in range(dice.choice((0, 1, 3))):
        line.append(history.grow(line[-1], 1))
    ends: list[int] = []
    for _ in range(kind.count or dice.choice((1, 2, 2, 3, 3, 8))):
        start = dice.choice(line)
        if ends and dice.random() < 0.25:  # stacked
            start = dice.choice(ends)
        end = history.grow(start, dice.choice((1, 1, 2, 3)))
        if dice.random() < kind.merges:
            end = tangle(history, line, ends, end)
        ends.append(end)
    history.branches = {f"topic/{number}": end for number, end in enumerate(ends)}
    history.branches["main"] = history.grow(line[-1], dice.choice((0, 0, 1)))
    return history


def tangle(history: History, line: list[int], others: list[int], end: int) -> int:
    """The branch `end` with merges in it: of the base, of other branches, of each other, of what shares no history."""
    dice = history.dice
    for _ in range(dice.choice((1, 1, 2))):
        kind = dice.choice(("criss-cross", "criss-cross", "base", "base", "old base", "other", "foreign"))
        if kind == "criss-cross":  # each side merges the other as it was before
            side = history.grow(line[-1], 1)
            line.append(history.join(side, end))
            end = history.join(end, side)
        elif kind == "base":
            line.append(history.grow(line[-1], 1))
            end = history.join(end, line[-1])
        elif kind == "old base":
            end = history.join(end, dice.choice(line))
        elif kind == "other" and others:
            end = history.join(end, dice.choice(others))
        elif kind == "foreign":
            end = history.join(end, history.commit({"foreign.txt": (_FILE, text(dice))}))
        end = history.grow(end, dice.choice((0, 1, 2)))
    return end


def fast_import(world: World, history: History) -> None:
    stream = world.root / "stream"
    stream.write_bytes(history.stream())
    done = world.process("sh", "-c", 'git fast-import --quiet --force <"$0"', str(stream))
    assert done.status == 0, done
