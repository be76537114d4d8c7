"""What was moved by hand, a workspace, their directory or the repository with it, is found again, never taken for gone."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.killing import run_killed
from tests.test_doctor import doctor, image, mended, one, stays
from tests.world import World, script

KINDS = ("worktree", "clone", "shared-clone")


def worked(world: World, kind: str) -> Path:
    """A task with a commit, and with staged, changed and untracked work."""
    path = Path(world.ok("add", "t", "--isolation", kind).out.strip())
    world.commit("work of t", cwd=path, t__txt="t\n")
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    world.write("a.txt", "edited\n", path)
    world.write("notes.txt", "untracked\n", path)
    return path


def found(world: World, *options: str) -> list[dict[str, Any]]:
    """What `git par doctor` finds wrong."""
    findings = world.par("doctor", *options, "--json").json["findings"]
    return [each for each in findings if each["id"] != "clone-shared"]  # that is only to be known


def is_all_there(world: World, path: Path) -> None:
    """The task stands at `path` with all its work, and comes home."""
    assert world.ok("path", "t").out == f"{path}\n"
    assert world.git("status", "--porcelain", cwd=path).split("\n") == [" M a.txt", "A  staged", "?? notes.txt"]
    assert (path / "a.txt").read_text() == "edited\n"
    world.commit("more", cwd=path, more__txt="more\n")
    world.ok("merge", "t", "--autocommit")
    assert world.git("show", "main:t.txt") == "t"
    assert world.git("show", "main:more.txt") == "more"
    world.git("fsck", "--connectivity-only")


def together(world: World) -> World:
    """The folder of both gets another place and name."""
    world.root.rename(world.root.parent / "neu und größer")
    return World(world.root.parent / "neu und größer", "shop")


def both_renamed(world: World) -> World:
    """The repository and the workspaces directory get other names."""
    store = World(world.root, "store")
    world.repo.rename(store.repo)
    world.workspaces.rename(store.workspaces)
    return store


def apart(world: World) -> World:
    """Their directory gets another name; the repository stays."""
    world.workspaces = world.workspaces.rename(world.root / "others")
    return world


def far(world: World) -> World:
    """Their directory goes far away, and the setting says where."""
    (world.root.parent / "far").mkdir()
    world.workspaces = world.workspaces.rename(world.root.parent / "far" / "anders wo")
    world.git("config", "par.directory", str(world.workspaces))
    return world


@pytest.fixture
def world(tmp_path: Path, sealed: None) -> World:
    (tmp_path / "wü x").mkdir()
    return World(tmp_path / "wü x", "shop").init()


@pytest.mark.parametrize("move", [together, both_renamed, apart, far])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_moved_is_found_again_with_all_work(world: World, kind: str, move: Callable[[World], World]) -> None:
    old = worked(world, kind)
    now = move(world)
    new = now.workspaces / "t"
    (told,) = found(now)
    assert told["message"] == f"its workspace was moved from '{old}' to '{new}'"
    assert [each["fixed"] for each in found(now, "--fix")] == [True]
    assert found(now) == []
    is_all_there(now, new)
    now.ok("remove", "t")
    assert not new.exists()


def test_settings_and_hooks_of_a_clone_follow_too(world: World) -> None:
    script(world.root / "tools", "#!/bin/sh\nexit 0\n")
    (world.repo / ".git/hooks").mkdir(exist_ok=True)
    (world.repo / ".git/hooks/pre-push").symlink_to(world.root / "tools")
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "origin.git"))
    world.git("remote", "add", "origin", "../origin.git")
    world.git("remote", "add", "gone", "/nowhere/else.git")
    (world.repo / ".git/lfs").mkdir()
    worked(world, "clone")
    now = together(world)
    path = now.workspaces / "t"
    now.ok("doctor", "--fix")
    assert now.git("config", "lfs.storage", cwd=path) == str(now.repo / ".git/lfs")
    assert now.git("config", "remote.origin.url", cwd=path) == str(now.root / "origin.git")
    assert now.git("config", "remote.gone.url", cwd=path) == "/nowhere/else.git"
    assert os.readlink(path / ".git/hooks/pre-push") == str(now.root / "tools")


def test_a_bare_repository_is_moved_with_its_folder(tmp_path: Path, sealed: None) -> None:
    first = World(tmp_path, "first").init()
    folder = tmp_path / "shop"
    first.git("clone", "-q", "--bare", str(first.repo), str(folder / ".bare"))
    path = Path(first.ok("add", "t", cwd=folder / ".bare").out.strip())
    first.commit("work", cwd=path, t__txt="t\n")
    (tmp_path / "new").mkdir()
    for each in (folder, path.parent):
        each.rename(tmp_path / "new" / each.name)
    bare, place = tmp_path / "new/shop/.bare", tmp_path / "new/shop-worktrees/t"
    assert "fixed workspace-moved: t: " in first.ok("doctor", "--fix", cwd=bare).out
    assert first.ok("path", "t", cwd=bare).out == f"{place}\n"
    first.ok("merge", "t", cwd=bare)


def test_a_directory_that_was_chosen_is_found_where_it_lies_to_the_repository(world: World) -> None:
    world.git("config", "par.directory", str(world.root / "wt"))
    worked(world, "worktree")
    now = together(world)
    mended(now, "workspace-moved")
    is_all_there(now, now.root / "wt" / "t")


def test_paths_that_git_wrote_as_relative_ones_need_only_the_record(world: World) -> None:
    path = worked(world, "worktree")
    entry = world.repo / ".git/worktrees/t"
    (path / ".git").write_text("gitdir: ../../shop/.git/worktrees/t\n")
    (entry / "gitdir").write_text("../../../../shop-worktrees/t/.git\n")
    now = together(world)
    mended(now, "workspace-moved")
    assert (now.workspaces / "t/.git").read_text() == "gitdir: ../../shop/.git/worktrees/t\n"
    assert (now.repo / ".git/worktrees/t/gitdir").read_text() == "../../../../shop-worktrees/t/.git\n"


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_until_then_every_verb_says_so_and_changes_nothing(world: World, kind: str) -> None:
    worked(world, kind)
    now = together(world)
    new = now.workspaces / "t"
    where = f"its workspace was moved to '{new}'"
    before, refs = image(new), now.git("for-each-ref")
    for line in (
        "path t",
        "env t",
        "copy t",
        "remove t",
        "remove --force t",
        "prune",
        "merge t",
        "merge --all",
        "sync t",
    ):
        done = now.par(*line.split())
        assert where in done.err + done.out, (line, done)
        assert "git par doctor --fix" in done.err, (line, done)
        assert done.status == (0 if line == "prune" else 3 if line.split()[0] not in ("merge", "sync") else 1), (
            line,
            done,
        )
    assert where in now.ok("list").out
    assert where in now.par("exec", "t", "--", "true").err
    assert now.par("add", "t").status == 2
    assert now.par("restore", "t").status == 2
    assert (image(new), now.git("for-each-ref")) == (before, refs)
    mended(now, "workspace-moved")
    is_all_there(now, new)


def test_of_two_that_say_that_they_are_it_none_is_chosen(world: World) -> None:
    path = worked(world, "worktree")
    shutil.copytree(path, world.workspaces / "copy", symlinks=True)
    path.rename(world.workspaces / "new")
    told = stays(world, "workspace-moved")
    assert "both" in told["message"]
    shutil.rmtree(world.workspaces / "copy")
    mended(world, "workspace-moved")
    is_all_there(world, world.workspaces / "new")


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_the_workspace_of_another_repository_is_not_taken(world: World, kind: str) -> None:
    """Both lost theirs, and that of the other lies where ours is looked for; its repository is gone, too."""
    worked(world, kind)
    (world.root / "b").mkdir()
    other = World(world.root / "b", "shop").init()
    there = worked(other, kind)
    world.workspaces.rename(world.root / "c")
    shutil.rmtree(world.root / "c")
    world.workspaces.mkdir()
    theirs = there.rename(world.workspaces / "theirs")
    other.repo.rename(world.root / "gone")
    before = image(theirs)
    assert [each["id"] for each in found(world, "--fix")] == ["workspace-missing"]
    assert image(theirs) == before


def test_one_whose_old_repository_is_still_there_is_not_taken(world: World) -> None:
    """A copy of both: the workspaces beside the copy belong to nobody as long as the first repository is there."""
    worked(world, "worktree")
    copy = World(world.root.parent / "copy", "shop")
    shutil.copytree(world.root, copy.root, symlinks=True)
    world.workspaces.rename(world.root.parent / "away")
    before = image(copy.workspaces)
    assert "workspace-moved" not in [each["id"] for each in doctor(copy, "--fix")]
    assert image(copy.workspaces) == before


@pytest.mark.parametrize("state", ["creating", "removing"])
@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_what_was_half_made_or_half_removed_is_not_dropped(world: World, kind: str, state: str) -> None:
    worked(world, kind)
    world.record().write_text(world.record().read_text().replace('"state": "active"', f'"state": "{state}"'))
    now = together(world)
    assert now.par("add", "t").status == 2
    now.ok("doctor", "--fix")
    is_all_there(now, now.workspaces / "t")


def test_killed_at_any_step_it_can_be_repeated(world: World) -> None:
    worked(world, "worktree")
    now = together(world)
    new, entry = now.workspaces / "t", now.repo / ".git/worktrees/t"
    (new / ".git").write_text(f"gitdir: {entry}\n")  # the first step
    assert one(now, "workspace-moved")["task"] == "t"
    (entry / "gitdir").write_text(f"{new}/.git\n")  # the second
    mended(now, "workspace-moved")
    is_all_there(now, new)


def test_killed_at_any_git_call_a_clone_is_followed_again(world: World) -> None:
    worked(world, "shared-clone")
    now = together(world)
    number = 1
    while run_killed(now, number, "doctor", "--fix"):
        assert [each["id"] for each in found(now)] in (["workspace-moved"], [])
        number += 4
    assert number > 1
    assert found(now) == []
    is_all_there(now, now.workspaces / "t")


def test_spares_come_along_and_stay_ready(world: World) -> None:
    worked(world, "worktree")
    world.git("config", "par.pool", "1")
    world.ok("pool", "fill")
    now = together(world)
    assert [each["id"] for each in found(now, "--fix")] == ["workspace-moved", "spare-damaged"]
    assert now.ok("pool", "--json").json["counts"]["ready"] == 1
    is_all_there(now, now.workspaces / "t")


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_what_was_removed_before_comes_back_after(world: World, kind: str) -> None:
    path = worked(world, kind)
    world.write(".env", "secret\n", path)
    world.ok("remove", "--force", "t")
    now = together(world)
    now.ok("restore", "t")
    assert (now.workspaces / "t/.env").read_text() == "secret\n"
    is_all_there(now, now.workspaces / "t")


def test_one_who_stands_in_it_is_told_where_to_go(world: World) -> None:
    worked(world, "worktree")
    now = together(world)
    assert now.par_process("list", cwd=now.workspaces / "t") == (
        3,
        "",
        f"git par: '{now.workspaces / 't'}': this worktree belongs to '{world.repo}', which is not there\n"
        "hint: git par doctor --fix, in that repository where it is now\n",
    )


def test_a_clone_that_went_far_away_is_told_the_way_back(world: World) -> None:
    path = worked(world, "clone")
    place = world.root.parent / "far away"
    path.rename(place)
    (told,) = doctor(world, cwd=place)
    assert told["id"] == "repository-unknown"
    assert f"has it at '{path}', where nothing is" in told["message"]
    way = told["fix"].partition("for you to do: ")[2].partition(";")[0]
    assert world.process("sh", "-c", way).status == 0
    assert doctor(world, status=0) == []
    is_all_there(world, path)
