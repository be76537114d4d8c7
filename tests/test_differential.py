"""`git par merge` against git itself, branch by branch: random histories, the same tree or the same conflicts.

One seed is one history, so a failure is run again by its number.
"""

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests import histories
from tests.by_git import ByGit, Result
from tests.histories import ENDED, MARKED, PLAIN, SKEWED, TANGLED, History, Kind, fast_import, made_up
from tests.world import World

STRATEGIES = ("--no-ff", "--ff", "--squash", "--rebase")


def by_par(world: World, names: Iterable[str], base: str, *args: str) -> Result:
    """One `git par merge`."""
    done = world.par("merge", *args, "--json")
    assert done.status in (0, 1), done
    (merge,) = done.json["merges"]
    by_name = {one["name"]: frozenset(file["path"] for file in one["files"]) for one in merge["conflicted"]}
    reasons = {one["name"]: one["reason"] for one in merge["skipped"]}
    assert set(reasons.values()) <= {"already in", "unrelated"}, merge["skipped"]
    assert done.status == (1 if by_name or "unrelated" in reasons.values() else 0)
    assert world.rev(base) == merge["after"]
    merged = tuple(one["name"] for one in merge["merged"])
    assert set(names) == {*merged, *by_name, *reasons}
    already, unrelated = (
        tuple(name for name, why in reasons.items() if why == reason) for reason in ("already in", "unrelated")
    )
    return Result(merged, by_name, already, unrelated, world.rev(f"{base}^{{tree}}"))


def same(got: Result, expected: Result, of: str) -> None:
    """The report may name more files of a conflict: where a conflict of renames came from."""
    assert got.conflicts.keys() == expected.conflicts.keys(), (of, got, expected)
    assert replace(got, conflicts={}) == replace(expected, conflicts={}), (of, got, expected)
    for name, paths in expected.conflicts.items():
        assert paths <= got.conflicts[name], (of, name, paths, got.conflicts[name])
        assert got.conflicts[name], (of, name)


def begin(world: World, history: History) -> tuple[Path, list[str]]:
    """The history in the repository, with a checkout for git and the names of the branches."""
    fast_import(world, history)
    world.git("checkout", "-q", "-f", "main")
    plain = world.root / "plain"
    world.git("worktree", "add", "-q", "--detach", str(plain), "main")
    return plain, [name for name in history.branches if name != "main"]


def as_tasks(world: World, names: Iterable[str]) -> dict[str, Path]:
    """The branches as tasks; their workspaces."""
    tips = {name: world.rev(name) for name in names}
    world.git("branch", "-q", "-D", *tips)
    places = dict(zip(tips, world.add(*tips), strict=True))
    for name, path in places.items():
        world.git("reset", "-q", "--hard", tips[name], cwd=path)
    return places


def compare(world: World, history: History, *, tasks: bool = False) -> None:
    plain, names = begin(world, history)
    for strategy in STRATEGIES:
        world.git("branch", "-f", f"base{strategy}", "main")
    if tasks:
        as_tasks(world, names)
    for strategy in STRATEGIES:
        expected = ByGit(world, plain, strategy).all(f"base{strategy}", names)
        base = "main" if strategy == "--no-ff" else f"base{strategy}"
        into = [] if base == "main" else ["--into", base]
        same(by_par(world, names, base, *(["--all"] if tasks else names), strategy, *into), expected, strategy)
    assert world.git("status", "--porcelain", "--ignored") == ""


def land_twice(world: World, history: History) -> None:
    """Tasks that land under other commits, go on beside their base, and land again."""
    first, second = history.dice.choice(STRATEGIES[2:]), history.dice.choice(STRATEGIES)
    plain, names = begin(world, history)
    places = as_tasks(world, names)
    expected = ByGit(world, plain, first).all("main", names)
    same(by_par(world, names, "main", "--all", first), expected, first)
    landed = {name: world.rev(name) for name in expected.merged}
    for name in history.dice.sample(names, (len(names) + 1) // 2):
        go_on(world, history, name, places[name])
    if history.dice.random() < 0.5:
        go_on(world, history, "main", world.repo)
    expected = ByGit(world, plain, second, landed).all("main", names)
    same(by_par(world, names, "main", "--all", second), expected, f"{first}, then {second}")


def go_on(world: World, history: History, name: str, path: Path) -> None:
    """More work, on the files as they are."""
    files = sorted(one for one in path.rglob("*") if one.is_file() and not one.is_symlink() and ".git" not in one.parts)
    for at, file in enumerate(history.dice.sample(files, min(2, len(files)))):
        with file.open("ab") as text:
            text.write(f"{name} went on {at}\n".encode())
    world.commit(f"{name} goes on", cwd=path)


def plainly(world: World, seed: int) -> None:
    compare(world.init(), made_up(seed, Kind(count=(1, 2, 3, None)[seed % 4])), tasks=seed % 10 == 0)


def tangled(world: World, seed: int) -> None:
    compare(world.init(), made_up(seed, TANGLED), tasks=seed % 10 == 0)


def skewed(world: World, seed: int) -> None:
    compare(world.init(), made_up(seed, SKEWED))


def sha256(world: World, seed: int) -> None:
    os.environ["GIT_DEFAULT_HASH"] = "sha256"
    compare(world.init(), made_up(seed, TANGLED), tasks=seed % 10 == 0)


def twice(world: World, seed: int) -> None:
    land_twice(world.init(), made_up(seed, TANGLED if seed % 2 else PLAIN))


def marked(world: World, seed: int) -> None:
    world.init()
    world.git("config", "merge.mine.driver", "sort -u %A %B -o %A")
    if seed % 3 == 0:
        world.git("config", "merge.default", "mine")
    compare(world, made_up(seed, MARKED), tasks=seed % 10 == 0)


def ended(world: World, seed: int) -> None:
    world.init()
    world.git("config", "merge.renormalize", "true" if seed % 3 else "false")
    compare(world, made_up(seed, ENDED), tasks=seed % 10 == 0)


def hook(world: World) -> World:
    world.hook("commit-msg", 'echo "Reviewed-by: hook" >>"$1"')
    return world


def hooked(world: World, seed: int) -> None:
    compare(hook(world.init()), made_up(seed, TANGLED), tasks=seed % 10 == 0)


def hooked_twice(world: World, seed: int) -> None:
    land_twice(hook(world.init()), made_up(seed, TANGLED if seed % 2 else PLAIN))


def moved(world: World, seed: int) -> None:
    """Against `git merge` in a copy of the main checkout, where the submodule is there."""
    library = World(world.root, "library").init()
    commits = [library.commit(f"v{number}", v__txt=f"{number}\n") for number in range(4)]
    library.git("checkout", "-q", "-b", "fork", commits[1])
    commits += [library.commit(f"fork {number}", fork__txt=f"{number}\n") for number in range(2)]
    histories.MODULE[:] = [commit.encode() for commit in commits]
    world.init()
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.repo), "lib")
    world.git("-C", "lib", "fetch", "-q", "origin", "fork")
    modules = (world.repo / ".gitmodules").read_bytes()
    start = {".gitmodules": ("100644", modules), "lib": ("160000", histories.MODULE[0])}
    history = made_up(seed, Kind(changes=histories.moved, start=start))
    fast_import(world, history)
    world.git("checkout", "-q", "-f", "main")
    world.git("submodule", "--quiet", "update")
    names = [name for name in history.branches if name != "main"]
    copy = world.root / "copy" / "repo"
    shutil.copytree(world.repo, copy, symlinks=True)
    for strategy in STRATEGIES:
        world.git("branch", "-f", f"base{strategy}", "main")
    for strategy in STRATEGIES:
        expected = ByGit(world, copy, strategy).all("main", names)
        same(by_par(world, names, f"base{strategy}", *names, strategy, "--into", f"base{strategy}"), expected, strategy)


def many(world: World, seed: int) -> None:
    compare(world.init(), made_up(seed, Kind(count=30)), tasks=seed % 2 == 0)


SOAK: dict[str, Callable[[World, int], None]] = {
    one.__name__: one
    for one in (plainly, tangled, skewed, sha256, twice, marked, ended, hooked, hooked_twice, moved, many)
}

FEW = {
    "plainly": range(6),
    "tangled": range(3),
    "twice": range(3),
    "marked": range(2),
    "hooked_twice": range(1),
    "skewed": range(2),
    "sha256": range(2),
    "ended": range(1, 3),
    "hooked": range(2),
    "moved": range(1, 4),
    "many": range(1),
}
"""The seeds of each kind that always run, but for those that found something once."""

FOUND = [("tangled", 19), ("marked", 373), ("hooked_twice", 331), ("hooked_twice", 373), ("hooked", 3)]


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[World]:
    """A repository that is not made yet."""
    yield World(tmp_path)
    os.environ.pop("GIT_DEFAULT_HASH", None)


@pytest.mark.parametrize(("kind", "seed"), [*((kind, seed) for kind, seeds in FEW.items() for seed in seeds), *FOUND])
def test_branches_come_home_as_git_would_bring_them(empty: World, kind: str, seed: int) -> None:
    SOAK[kind](empty, seed)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10_000, 10_400))
@pytest.mark.parametrize("kind", SOAK)
def test_many_more_histories_come_home_as_git_would_bring_them(empty: World, kind: str, seed: int) -> None:
    SOAK[kind](empty, seed)
