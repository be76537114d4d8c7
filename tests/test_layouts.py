"""Repositories without a main checkout, and those whose checkouts are another tool's."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.world import World


def bare(world: World) -> tuple[Path, Path, Path]:
    """A bare repository beside which the worktrees of another tool lie."""
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    home = world.root / "x.git"
    tree = world.root / "trees" / "main"
    world.git("worktree", "add", "-q", str(tree), "main", cwd=home)
    return home, tree, world.root / "x-worktrees"


def in_folder(world: World) -> tuple[Path, Path, Path]:
    """A folder with the repository in `.bare`, a `.git` that leads there, and the worktrees side by side."""
    home = world.root / "project"
    home.mkdir()
    world.git("clone", "-q", "--bare", str(world.repo), str(home / ".bare"))
    (home / ".git").write_text("gitdir: ./.bare\n")
    world.git("worktree", "add", "-q", str(home / "main"), "main", cwd=home)
    return home, home / "main", world.root / "project-worktrees"


def linked(world: World) -> tuple[Path, Path, Path]:
    """An ordinary repository where one works in a worktree of another tool, and the main one stands elsewhere."""
    world.git("switch", "-q", "-c", "parked")
    tree = world.root / "tools" / "main"
    world.git("worktree", "add", "-q", "--lock", "--reason", "a tool", str(tree), "main")
    return world.repo, tree, world.workspaces


def separate(world: World) -> tuple[Path, Path, Path]:
    """A repository that lies apart from its checkout."""
    tree = world.root / "checkout"
    world.git("clone", "-q", "--separate-git-dir", str(world.root / "store.git"), str(world.repo), str(tree))
    return tree, tree, world.root / "checkout-worktrees"


@pytest.fixture(params=[bare, in_folder, linked, separate])
def layout(request: pytest.FixtureRequest, world: World) -> tuple[Path, Path, Path]:
    make: Callable[[World], tuple[Path, Path, Path]] = request.param
    return make(world)


def test_every_verb_works(world: World, layout: tuple[Path, Path, Path]) -> None:
    home, tree, workspaces = layout

    def ok(*args: str, cwd: Path = tree) -> str:
        return world.ok(*args, cwd=cwd).out

    def names(cwd: Path = tree) -> list[str]:
        return [one["name"] for one in world.ok("list", "--json", cwd=cwd).json["tasks"]]

    paths = [Path(line) for line in ok("add", "a", "b").splitlines()]
    assert paths == [workspaces / "a", workspaces / "b"]
    third = Path(ok("add", "c", "--from", "main", "--base", "main", cwd=home).strip())
    for path in (*paths, third):
        world.commit("work", cwd=path, **{f"{path.name}__txt": "x\n"})
    for cwd in (home, tree, third):
        assert names(cwd) == ["a", "b", "c"]
        assert ok("doctor", cwd=cwd)
    ok("sync", "--all", cwd=home)
    ok("conflicts", cwd=home)
    ok("merge", "a", "b", cwd=tree)
    assert (tree / "a.txt").is_file()
    assert world.git("status", "--porcelain", cwd=tree) == ""
    ok("undo", cwd=tree)
    assert not (tree / "b.txt").exists()
    ok("merge", "--all", cwd=home)
    assert all((tree / name).is_file() for name in ("a.txt", "b.txt", "c.txt"))
    world.commit("more", cwd=third, more__txt="x\n")
    ok("merge", "c", cwd=third)
    assert (tree / "more.txt").is_file()
    assert world.git("status", "--porcelain", cwd=tree) == ""
    ok("remove", "a", cwd=home)
    assert ok("restore", "a", cwd=tree).strip() == str(paths[0])
    ok("prune", cwd=third)
    assert names() == ["c"]
    ok("prune", cwd=home)
    assert names(home) == []
    assert world.git("for-each-ref", "--format=%(refname:short)", "refs/heads/a", "refs/heads/b", cwd=tree) == ""
    ok("undo", cwd=home)
    assert names(home) == ["c"]
    world.git("worktree", "add", "-q", "-b", "other", str(world.root / "trees" / "other"), cwd=tree)
    assert ok("adopt", "other", cwd=home).strip() == str(workspaces / "other")
    assert ok("doctor", cwd=home)
    world.git("fsck", "--no-dangling", "--connectivity-only", cwd=tree)


def test_a_base_in_the_worktree_of_another_tool_is_never_removed(world: World, layout: tuple[Path, Path, Path]) -> None:
    home, tree, _ = layout
    world.ok("add", "a", cwd=tree)
    for name in ("main", str(tree)):
        assert world.par("adopt", name, cwd=home).status in (2, 3)
        assert world.par("remove", name, cwd=home).status == 2
    world.ok("prune", "--new", cwd=home)
    assert (tree / "a.txt").is_file()
