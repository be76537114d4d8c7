"""`git par merge` against a loop of `git merge`: random histories, the same tree or the same conflicts.

One seed is one history, so a failure is run again by its number.
"""

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.world import World

Tree = dict[str, tuple[str, bytes]]
"""Paths with their mode and content."""

_FILE, _EXECUTABLE, _LINK = "100644", "100755", "120000"

_DIRECTORIES = ("", "", "src/", "src/deep/", "docs/", "with space/", "ümlaut/", 'quo"te/', "new\nline/")
_STEMS = ("alpha", "beta", "gamma", "delta", "ä ö", 'x"y', "tab\there", "back\\slash", "two\nlines", "-dash", "src")

STRATEGIES = ("--no-ff", "--ff", "--squash")


@dataclass
class History:
    """A random history: commits by number, each a tree and its parents."""

    dice: random.Random
    trees: list[Tree] = field(default_factory=list)
    parents: list[list[int]] = field(default_factory=list)
    branches: dict[str, int] = field(default_factory=dict)

    def commit(self, tree: Tree, *parents: int) -> int:
        self.trees.append(tree)
        self.parents.append(list(parents))
        return len(self.trees) - 1

    def grow(self, start: int, commits: int) -> int:
        """A few commits on top of `start`."""
        for _ in range(commits):
            tree = dict(self.trees[start])
            for _ in range(self.dice.choice((1, 1, 2, 3))):
                change(self.dice, tree)
            start = self.commit(tree, start)
        return start

    def join(self, ours: int, theirs: int, root: int) -> int:
        """A merge commit as a person might have made it: whatever theirs changed, onto ours."""
        tree, old = dict(self.trees[ours]), self.trees[root]
        for path, entry in self.trees[theirs].items():
            if old.get(path) != entry:
                put(tree, path, entry)
        for path in old.keys() - self.trees[theirs].keys():
            tree.pop(path, None)
        return self.commit(tree, ours, theirs)

    def stream(self) -> bytes:
        """The history as git-fast-import(1) reads it."""
        out = []
        names: dict[int, list[str]] = {}
        for name, commit in self.branches.items():
            names.setdefault(commit, []).append(name)
        for number, (tree, parents) in enumerate(zip(self.trees, self.parents, strict=True), 1):
            out.append(
                f"commit refs/made/{number}\nmark :{number}\n"
                f"committer C <c@example.com> {1_700_000_000 + number} +0000\ndata <<END\ncommit {number}\nEND\n\n".encode()
            )
            out += [f"{'merge' if at else 'from'} :{one + 1}\n".encode() for at, one in enumerate(parents)]
            out.append(b"deleteall\n")
            for path, (mode, content) in sorted(tree.items()):
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


def made_up(seed: int) -> History:
    """A base with history, and 1, 2, 3 or many branches that left it here and there, on their own or on each other."""
    dice = random.Random(seed)
    history = History(dice)
    tree: Tree = {}
    for _ in range(dice.choice((3, 8, 14))):
        put(tree, somewhere(dice), (_FILE, text(dice)))
    line = [history.commit(tree)]
    for _ in range(dice.choice((0, 1, 3))):
        line.append(history.grow(line[-1], 1))
    ends: list[int] = []
    for _ in range(dice.choice((1, 2, 2, 3, 3, 8))):
        start = dice.choice(line)
        if ends and dice.random() < 0.25:  # stacked
            start = dice.choice(ends)
        end = history.grow(start, dice.choice((1, 1, 2, 3)))
        if start in line and dice.random() < 0.25:  # criss-cross: each side merges the other's first half
            side = history.grow(line[-1], 1)
            line.append(history.join(side, end, start))
            end = history.join(end, side, start)
            end = history.grow(end, dice.choice((0, 1)))
        ends.append(end)
    history.branches = {f"topic/{number}": end for number, end in enumerate(ends)}
    history.branches["main"] = history.grow(line[-1], dice.choice((0, 0, 1)))
    return history


@dataclass(frozen=True)
class Result:
    """What a series of merges came to."""

    merged: tuple[str, ...]
    conflicts: dict[str, frozenset[str]]
    already: tuple[str, ...]
    tree: str


def by_git(world: World, at: Path, base: str, names: Iterable[str], strategy: str) -> Result:
    """One `git merge` after the other in the checkout `at`; those in conflict are aborted."""
    world.git("checkout", "-q", "--detach", base, cwd=at)
    merged: list[str] = []
    already: list[str] = []
    conflicts: dict[str, frozenset[str]] = {}
    for name in names:
        before = world.rev("HEAD", cwd=at)
        done = world.try_git("merge", "-q", "--no-edit", strategy, name, cwd=at)
        if done.status:
            assert done.status == 1, done
            unmerged = world.git("ls-files", "-u", "-z", cwd=at).split("\0")[:-1]
            aside = re.compile(f"~(HEAD|{name.replace('/', '_')})(_[0-9]+)?$")
            conflicts[name] = frozenset(aside.sub("", line.partition("\t")[2]) for line in unmerged)
            world.git("reset", "-q", "--hard", cwd=at)
            world.git("clean", "-qfdx", cwd=at)
            continue
        if strategy == "--squash" and world.try_git("diff", "--cached", "--quiet", cwd=at).status:
            world.git("commit", "-qm", "squashed", cwd=at)
        (merged if world.rev("HEAD", cwd=at) != before else already).append(name)
    return Result(tuple(merged), conflicts, tuple(already), world.rev("HEAD^{tree}", cwd=at))


def by_par(world: World, names: Iterable[str], base: str, *args: str) -> Result:
    """One `git par merge`."""
    done = world.par("merge", *args, "--json")
    assert done.status in (0, 1), done
    (merge,) = done.json["merges"]
    by_name = {one["name"]: frozenset(file["path"] for file in one["files"]) for one in merge["conflicted"]}
    reasons = {one["name"]: one["reason"] for one in merge["skipped"]}
    assert set(reasons.values()) <= {"already in"}, reasons
    assert done.status == (1 if by_name else 0)
    assert world.rev(base) == merge["after"]
    merged = tuple(one["name"] for one in merge["merged"])
    assert set(names) == {*merged, *by_name, *reasons}
    return Result(merged, by_name, tuple(reasons), world.rev(f"{base}^{{tree}}"))


def compare(world: World, seed: int, *, as_tasks: bool) -> None:
    history = made_up(seed)
    fast_import(world, history)
    names = [name for name in history.branches if name != "main"]
    world.git("checkout", "-q", "-f", "main")
    plain = world.root / "plain"
    world.git("worktree", "add", "-q", "--detach", str(plain), "main")
    for strategy in STRATEGIES:
        world.git("branch", "-f", f"base{strategy}", "main")
    if as_tasks:
        tips = {name: world.rev(name) for name in names}
        world.git("branch", "-q", "-D", *names)
        for path, tip in zip(world.add(*names), tips.values(), strict=True):
            world.git("reset", "-q", "--hard", tip, cwd=path)
    for strategy in STRATEGIES:
        expected = by_git(world, plain, f"base{strategy}", names, strategy)
        base = "main" if strategy == "--no-ff" else f"base{strategy}"
        into = [] if base == "main" else ["--into", base]
        got = by_par(world, names, base, *(["--all"] if as_tasks else names), strategy, *into)
        assert (got.merged, got.already, got.tree) == (expected.merged, expected.already, expected.tree), strategy
        assert got.conflicts.keys() == expected.conflicts.keys()
        for name, paths in expected.conflicts.items():
            # The report may name more: where a conflict of renames came from.
            assert paths <= got.conflicts[name], name
            assert got.conflicts[name]
    assert world.git("status", "--porcelain", "--ignored") == ""


def fast_import(world: World, history: History) -> None:
    stream = world.root / "stream"
    stream.write_bytes(history.stream())
    done = world.process("sh", "-c", 'git fast-import --quiet --force <"$0"', str(stream))
    assert done.status == 0, done


@pytest.mark.parametrize("seed", range(120))
def test_branches_come_home_as_git_would_bring_them(world: World, seed: int) -> None:
    compare(world, seed, as_tasks=False)


@pytest.mark.parametrize("seed", range(1000, 1015))
def test_tasks_come_home_as_git_would_bring_them(world: World, seed: int) -> None:
    compare(world, seed, as_tasks=True)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10_000, 13_000))
def test_many_more_histories_come_home_as_git_would_bring_them(world: World, seed: int) -> None:
    compare(world, seed, as_tasks=seed % 10 == 0)
