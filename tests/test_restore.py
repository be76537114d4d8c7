"""What a removal kept comes back as it was: branch, workspace, index, work, files, and what was in progress."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_removal import wait_for_empty_trash
from tests.world import World

HAPPENED = (
    "path",
    "branch",
    "base",
    "base_commit",
    "group",
    "title",
    "created",
    "slot",
    "landed",
    "state",
    "head",
    "on",
)


def state(world: World, path: Path) -> dict[str, object]:
    """All of a workspace that git and the file system tell."""
    found: dict[str, object] = {
        "status": world.git("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored", cwd=path),
        "index": world.git("ls-files", "--stage", "-v", "--debug", cwd=path).split("\n  ctime")[0],
        "entries": world.git("ls-files", "--stage", cwd=path),
        "flags": world.git("ls-files", "-v", cwd=path),
        "unstaged": world.git("diff", cwd=path),
        "staged": world.git("diff", "--cached", cwd=path),
    }
    for file in sorted(path.rglob("*")):
        name, mode = str(file.relative_to(path)), file.lstat().st_mode
        if name == ".git" or (file.is_dir() and not file.is_symlink()):
            continue
        found[name] = (mode, os.readlink(file) if file.is_symlink() else file.read_bytes())
    del found["index"]
    return found


def busy(world: World, path: Path) -> None:
    """Everything that a workspace can hold uncommitted."""
    world.commit("more", cwd=path, gone__txt="g\n", dropped__txt="d\n", both__txt="b\n", script="run\n", sub__txt="s\n")
    (path / "link").symlink_to("a.txt")
    world.commit("a link", cwd=path)
    world.write("a.txt", "edited\n", cwd=path)
    world.write("both.txt", "staged\n", cwd=path)
    world.write("new.txt", "added\n", cwd=path)
    world.git("add", "both.txt", "new.txt", cwd=path)
    world.write("both.txt", "and edited\n", cwd=path)
    (path / "gone.txt").unlink()
    world.git("rm", "-q", "dropped.txt", cwd=path)
    (path / "script").chmod(0o755)
    (path / "link").unlink()
    (path / "link").symlink_to("new.txt")
    world.write("deep/er/untracked", "untracked\n", cwd=path).chmod(0o755)
    (path / "deep" / "dangling").symlink_to("/nowhere/at/all")
    world.write(".env", "SECRET=1\n", cwd=path).chmod(0o600)
    world.write("conf/.env.local", "SECRET=2\n", cwd=path).chmod(0o600)
    world.write("deep/x.log", "log\n", cwd=path).chmod(0o640)
    world.write("build/out/result", "result\n", cwd=path).chmod(0o755)
    (path / "build" / "link").symlink_to("out/result")


def on_its_branch(world: World, path: Path) -> None:
    busy(world, path)


def detached(world: World, path: Path) -> None:
    world.git("switch", "-q", "--detach", cwd=path)
    world.commit("only here", cwd=path)
    busy(world, path)


def on_another_branch(world: World, path: Path) -> None:
    world.git("switch", "-q", "-c", "fix", cwd=path)
    busy(world, path)


def on_no_commit(world: World, path: Path) -> None:
    world.git("switch", "-q", "--orphan", "fresh", cwd=path)
    world.write("first.txt", "first\n", cwd=path)
    world.git("add", "first.txt", cwd=path)


def merging(world: World, path: Path) -> None:
    world.commit("ours", cwd=path, a__txt="ours\n", both__txt="x\n")
    world.commit("theirs", a__txt="theirs\n", other__txt="theirs\n")
    assert world.try_git("merge", "main", cwd=path).status == 1
    world.write("untracked", "u\n", cwd=path)
    world.write(".env", "SECRET=1\n", cwd=path)


def rebasing(world: World, path: Path) -> None:
    world.commit("ours", cwd=path, a__txt="ours\n")
    world.commit("theirs", a__txt="theirs\n")
    assert world.try_git("rebase", "main", cwd=path).status == 1


def hidden(world: World, path: Path) -> None:
    world.commit("more", cwd=path, b__txt="b\n")
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
    world.git("update-index", "--skip-worktree", "b.txt", cwd=path)
    world.write("a.txt", "hidden\n", cwd=path)
    world.write("b.txt", "hidden too\n", cwd=path)


def nested(world: World, path: Path) -> None:
    world.git("init", "-q", str(path / "inner"))
    world.commit("inside", cwd=path / "inner", x="x")
    world.git("init", "-q", str(path / "node_modules" / "pkg"))
    world.commit("inside", cwd=path / "node_modules" / "pkg", y="y")


def intended(world: World, path: Path) -> None:
    world.write("planned.txt", "planned\n", cwd=path)
    world.git("add", "--intent-to-add", "planned.txt", cwd=path)


MAKERS: list[Callable[[World, Path], None]] = [
    on_its_branch,
    detached,
    on_another_branch,
    on_no_commit,
    merging,
    rebasing,
    hidden,
    nested,
    intended,
]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_what_was_removed_by_force_comes_back_as_it_was(world: World, maker: Callable[[World, Path], None]) -> None:
    path = Path(world.ok("add", "t", "--title", "About it", "--group", "g").out.strip())
    world.commit("work", cwd=path, t__txt="t\n")
    maker(world, path)
    before, listed = state(world, path), world.listed("t")
    assert world.par("remove", "t").status == 3
    assert state(world, path) == before
    done = world.ok("remove", "--force", "t")
    assert done.out == "removed t (by force)\n"
    assert not path.exists()
    assert "t" not in world.branches()
    wait_for_empty_trash(world)
    world.check_sound()
    world.git("gc", "-q", "--prune=now")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    assert world.ok("restore", "t").out == f"{path}\n"
    assert state(world, path) == before
    now = world.listed("t")
    assert {key: now[key] for key in HAPPENED} == {key: listed[key] for key in HAPPENED}
    world.check_sound()
