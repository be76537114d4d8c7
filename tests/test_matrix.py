"""The matrix of collisions: the same as merging every pair on its own, and nothing is written."""

import random
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest

from git_par import discovery
from git_par.git import Git
from git_par.landing import matrix, trees
from git_par.landing.matrix import Collision
from git_par.repo import Repo
from tests.histories import History, Tree, change, fast_import, made_up, put, somewhere, text
from tests.world import World


def found(world: World) -> Repo:
    return discovery.find(world.repo)


def tips(world: World, *names: str) -> list[tuple[str, str]]:
    return [(name, world.rev(f"refs/heads/{name}")) for name in names]


def one_by_one(world: World, a: str, b: str) -> tuple[str, ...]:
    """What merging just this pair says; none when it is clean."""
    done = world.try_git("merge-tree", "--write-tree", "--allow-unrelated-histories", "--name-only", "-z", a, b)
    assert done.status in (0, 1), done
    return () if done.status == 0 else tuple(done.out.split("\0\0")[0].split("\0")[1:]) or (".",)


def parallel(seed: int) -> History:
    """Branches that mostly left one commit, with a few changes each: what tasks are like."""
    dice = random.Random(seed)
    history = History(dice)
    tree: Tree = {}
    for _ in range(dice.choice((4, 10, 20))):
        put(tree, somewhere(dice), ("100644", text(dice)))
    start = history.commit(tree)
    base = history.grow(start, dice.choice((0, 1)))
    for number in range(dice.choice((2, 4, 6))):
        tree = dict(history.trees[base])
        for _ in range(dice.choice((0, 1, 1, 2, 3))):
            change(dice, tree)
        history.branches[f"topic/{number}"] = history.commit(tree, base if dice.random() < 0.8 else start)
    history.branches["main"] = history.grow(base, dice.choice((0, 0, 1)))
    return history


def check(world: World, history: History) -> None:
    fast_import(world, history)
    names = [name for name in history.branches if name != "main"]
    repo = found(world)
    some = tips(world, *names)
    base = world.rev("refs/heads/main")
    bases = dict.fromkeys(names, ("main", base))
    with repo.scratch() as objects:
        git = repo.git.writing_to(objects, repo.objects)
        everything = matrix.look(git, some, [base], bases, skip=False)
        quick = matrix.look(git, some, [base], bases)
    assert quick == everything
    commits = dict(some)
    collide = {(one.a, one.b) for one in everything.pairs}
    for at, a in enumerate(names):
        for b in names[at + 1 :]:
            assert bool(one_by_one(world, commits[a], commits[b])) == ((a, b) in collide), (a, b)
    assert {one.a for one in everything.bases} == {name for name in names if one_by_one(world, commits[name], base)}


@pytest.mark.parametrize("seed", range(40))
def test_skipping_never_changes_the_answer(world: World, seed: int) -> None:
    check(world, parallel(seed) if seed % 2 else made_up(seed))


def asked(world: World, names: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """How many merges it takes."""
    count = 0

    def counted(git: Git, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
        nonlocal count
        count += len(pairs)
        return merge_pairs(git, pairs)

    merge_pairs = trees.merge_pairs
    monkeypatch.setattr(trees, "merge_pairs", counted)
    matrix.look(found(world).git, tips(world, *names), [world.rev("main")])
    monkeypatch.undo()
    return count


def branch(world: World, name: str, start: str = "main", **files: str) -> None:
    world.git("checkout", "-q", "-b", name, start)
    for path, content in files.items():
        world.write(path.replace("__", "."), content)
    world.commit(name)
    world.git("checkout", "-q", "main")


def test_only_pairs_that_could_collide_are_merged(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        branch(world, f"apart-{number}", **{f"new{number}__txt": "x\n"})
    apart = [f"apart-{number}" for number in range(8)]
    assert asked(world, apart, monkeypatch) == 0
    branch(world, "one", a__txt="one\n")
    branch(world, "two", a__txt="two\n")
    branch(world, "upon", "two", other__txt="x\n")
    assert asked(world, [*apart, "one"], monkeypatch) == 0
    assert asked(world, [*apart, "one", "two"], monkeypatch) == 1
    assert asked(world, ["two", "upon"], monkeypatch) == 0
    assert asked(world, ["one", "two", "upon"], monkeypatch) == 2


def test_branches_that_left_here_and_there_are_merged_only_where_they_could_collide(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        branch(world, f"b{number}", **{f"own{number}__txt": "x\n"})
        world.write(f"base{number}.txt", "x\n")
        world.commit("base goes on")
    names = [f"b{number}" for number in range(6)]
    assert asked(world, names, monkeypatch) == 0
    # The base changed that one behind b0 and before b5; with b1 it shares nothing.
    branch(world, "meets", "main~6", base3__txt="mine\n")
    assert asked(world, ["meets", "b0", "b3"], monkeypatch) == 0
    assert asked(world, ["meets", "b0", "b5"], monkeypatch) == 1
    assert asked(world, ["meets", "b0", "b4"], monkeypatch) == 1
    pairs = matrix.foresee(found(world), tips(world, "meets", *names), ("main", world.rev("main"))).pairs
    assert [(one.a, one.b) for one in pairs] == [("meets", "b4"), ("meets", "b5")]


def test_a_new_file_in_a_directory_that_another_one_renamed_is_a_collision(world: World) -> None:
    for number in range(3):
        world.write(f"old/{number}", f"{number}\n" * 9)
    world.commit("old")
    branch(world, "new", **{"old/more": "more\n"})
    world.git("checkout", "-q", "-b", "rename", "main")
    world.git("mv", "old", "moved")
    world.commit("rename")
    world.git("checkout", "-q", "main")
    for names in (("new", "rename"), ("rename", "new")):
        (one,) = matrix.foresee(found(world), tips(world, *names), ("main", world.rev("main"))).pairs
        assert (one.a, one.b) == names
        assert "moved/more" in one.files


def test_what_one_took_back_of_the_work_both_have_is_a_collision(world: World) -> None:
    before = (world.repo / "a.txt").read_text()
    branch(world, "both", a__txt="both\n")
    branch(world, "back", "both", a__txt=before, b__txt="x\n")
    branch(world, "on", "both", a__txt="on\n")
    assert matrix.foresee(found(world), tips(world, "back", "on"), ("main", world.rev("main"))).pairs == (
        Collision("back", "on", ("a.txt",)),
    )


def test_bases_that_parted_collide_in_what_stands_on_them(world: World) -> None:
    branch(world, "release", a__txt="release\n")
    branch(world, "fix", "release", fix__txt="x\n")
    world.commit("main", a__txt="main\n")
    branch(world, "new", new__txt="x\n")
    limits = [world.rev("main"), world.rev("release")]
    for names in (("fix", "new"), ("new", "fix")):
        seen = matrix.look(found(world).git, tips(world, *names), limits)
        assert seen.pairs == (Collision(*names, ("a.txt",)),)


def test_a_file_where_another_one_has_a_directory_is_a_collision(world: World) -> None:
    branch(world, "file", thing="file\n")
    branch(world, "directory", **{"thing/inside": "x\n"})
    for names in (("file", "directory"), ("directory", "file")):
        assert matrix.foresee(found(world), tips(world, *names), ("main", world.rev("main"))).pairs == (
            Collision(*names, ("thing",)),
        )


def test_branches_without_a_common_history_are_compared_by_what_is_in_them(world: World) -> None:
    branch(world, "one", a__txt="one\n")
    world.git("checkout", "-q", "--orphan", "alone")
    world.commit("alone", a__txt="alone\n", b__txt="b\n")
    world.git("checkout", "-q", "main")
    names = ("one", "alone")
    assert matrix.foresee(found(world), tips(world, *names), ("main", world.rev("main"))).pairs == (
        Collision("one", "alone", ("a.txt",)),
    )


def test_many_pairs_are_answered_in_their_order(world: World) -> None:
    names = [f"b{number}" for number in range(12)]
    for number, name in enumerate(names):
        branch(world, name, **{f"{kind}__txt": name for kind in ("a", f"m{number % 2}")})
    pairs = matrix.foresee(found(world), tips(world, *names), ("main", world.rev("main"))).pairs
    assert [(one.a, one.b) for one in pairs] == list(combinations(names, 2))
    for one in pairs:
        same = int(one.a[1:]) % 2 == int(one.b[1:]) % 2
        assert one.files == (("a.txt", f"m{int(one.a[1:]) % 2}.txt") if same else ("a.txt",))


def test_nothing_is_written_and_nothing_stays(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    branch(world, "one", a__txt="".join(f"line {number}\n" for number in range(1, 21)) + "one\n")
    branch(world, "two", a__txt="two\n" + "".join(f"line {number}\n" for number in range(1, 21)))
    before = sorted((world.repo / ".git").rglob("*"))
    assert matrix.foresee(found(world), tips(world, "one", "two"), ("main", world.rev("main"))).pairs == ()
    assert sorted((world.repo / ".git").rglob("*")) == before
    assert list(place.iterdir()) == []


def test_sizes_and_who_stands_on_whom(world: World) -> None:
    branch(world, "one", a__txt="one\n", b__txt="b\n")
    branch(world, "upon", "one", c__txt="c\n")
    world.git("branch", "still", "main")
    seen = matrix.look(found(world).git, tips(world, "one", "upon", "still"), [world.rev("main")])
    assert seen.sizes == {"one": 2, "upon": 3, "still": 0}
    assert seen.within == {"one": (), "upon": ("one",), "still": ()}


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10_000, 14_000))
def test_skipping_never_changes_the_answer_of_many_more(world: World, seed: int) -> None:
    check(world, parallel(seed) if seed % 4 else made_up(seed))
