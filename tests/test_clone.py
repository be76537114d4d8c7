"""Workspaces that are repositories of their own: what is special about them; the rest is in the matrix of isolations."""

import json
import os
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.killing import run_killed
from tests.world import PAR, World, script

pytestmark = pytest.mark.usefixtures("cloned")


def refs(world: World) -> str:
    return world.git("for-each-ref", "--format=%(refname) %(objectname)")


def objects(world: World) -> set[str]:
    return {str(path) for path in (world.repo / ".git/objects").rglob("*")}


def reasons(done: dict[str, list[dict[str, str]]]) -> list[str]:
    return [one["reason"] for one in done["left"]]


def findings(world: World, cwd: Path | None = None) -> list[str]:
    return [one["id"] for one in world.par("doctor", "--json", cwd=cwd).json["findings"]]


def record(world: World, name: str = "t") -> dict[str, str]:
    return dict(json.loads(world.record(name).read_text()))


# what it is


def test_it_is_a_repository_of_its_own_with_hard_links(world: World) -> None:
    (path,) = world.add("t")
    assert (path / ".git").is_dir()
    assert world.listed("t")["isolation"] == "clone"
    assert not (path / ".git/objects/info/alternates").exists()
    files = [file for file in (path / ".git/objects").rglob("*") if file.is_file()]
    assert files
    assert all(file.stat().st_nlink > 1 for file in files)
    assert world.git("status", "--porcelain", "--branch", cwd=path) == "## t"
    assert world.git("rev-parse", "par/main", cwd=path) == world.rev("main")
    assert not (world.repo / ".git/worktrees").exists()


def test_one_can_be_asked_for_and_a_bad_kind_is_named(world: World) -> None:
    world.git("config", "--unset", "par.isolation")
    (plain,) = world.add("plain")
    path = Path(world.ok("add", "t", "--isolation", "clone").out.strip())
    assert (plain / ".git").is_file()
    assert (path / ".git").is_dir()
    bad = world.par("add", "u", "--isolation", "vm")
    assert (bad.status, bad.err.splitlines()[0]) == (
        2,
        "git par: --isolation vm: not one of worktree, clone, shared-clone",
    )
    world.git("config", "par.isolation", "vm")
    bad = world.par("add", "u")
    assert (bad.status, bad.err.splitlines()[1]) == (2, "hint: git config par.isolation worktree")


def test_what_git_needs_to_work_there_is_taken_over(world: World) -> None:
    origin = world.root / "origin.git"
    world.git("clone", "-q", "--bare", str(world.repo), str(origin))
    world.git("remote", "add", "origin", "../origin.git")
    world.hook("pre-commit", "touch hooked.log; . .git/hooks/lib/more")
    world.write(".git/hooks/lib/more", "touch more.log\n")
    (world.repo / ".git/hooks/commit-msg").symlink_to("../../../linked-hook")
    script(world.root / "linked-hook", "touch linked.log").chmod(0o700)
    world.write(".git/info/exclude", "local-only\n")
    value = 'a "quoted" \\ and\n\ttwo lines # no comment'
    settings = {"user.name": "Ann", "filter.up.clean": "tr a-z A-Z", "alias.odd": value, "core.autocrlf": "input"}
    for key, text in settings.items():
        world.git("config", key, text)
    world.git("config", "branch.main.remote", "origin")
    with (world.repo / ".git/config").open("a") as config:
        config.write("[odd]\n\tflag\n")
    before = (world.repo / ".git/config").read_bytes()
    (path,) = world.add("t")
    assert (world.repo / ".git/config").read_bytes() == before
    for key, text in settings.items():
        assert world.git("config", "--local", key, cwd=path) == text
    assert world.try_git("config", "--get-regexp", "^branch|^par", cwd=path).status == 1
    assert world.git("config", "--local", "--get-regexp", "^odd", cwd=path) == "odd.flag"
    world.write("local-only", "x", cwd=path)
    world.commit("work", cwd=path, new__txt="x\n")
    assert all((path / f"{name}.log").exists() for name in ("hooked", "more", "linked"))
    assert (world.root / "linked-hook").stat().st_mode & 0o777 == 0o700
    assert "local-only" not in world.git("ls-files", cwd=path)
    world.git("push", "-q", "origin", "t", cwd=path)
    assert world.git("--git-dir", str(origin), "rev-parse", "t") == world.rev("HEAD", cwd=path)


def test_a_sparse_checkout_is_inherited(world: World) -> None:
    world.write("in/x", "x\n")
    world.commit("more", out__txt="x\n")
    world.write("out/x", "x\n")
    world.commit("out")
    world.git("sparse-checkout", "set", "in")
    (path,) = world.add("t")
    assert sorted(one.name for one in path.iterdir()) == [".git", ".gitignore", "a.txt", "in", "out.txt"]
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert world.git("sparse-checkout", "list", cwd=path) == "in"


def test_a_parent_without_hooks_and_excludes(world: World) -> None:
    for name in ("hooks", "info"):
        shutil.rmtree(world.repo / ".git" / name)
    (path,) = world.add("t")
    world.commit("work", cwd=path, t__txt="t\n")
    assert not (path / ".git/hooks").exists()


def test_a_parent_that_borrows_its_objects(world: World) -> None:
    parent = World(world.root, "borrower")
    world.git("clone", "-q", "--shared", str(world.repo), str(parent.repo))
    path = Path(parent.ok("add", "t", "--isolation", "clone").out.strip())
    parent.git("fsck", "--connectivity-only", cwd=path)
    parent.commit("work", cwd=path, t__txt="t\n")
    parent.ok("merge", "t", "--prune")
    parent.check_sound()


def test_what_git_does_not_clone_leaves_nothing_behind(world: World) -> None:
    (world.repo / ".git/objects/link").symlink_to(world.root)
    done = world.par("add", "t")
    assert (done.status, done.err.startswith("git par: git clone: ")) == (5, True), done
    assert "link" in done.err.splitlines()[0]
    assert (world.branches(), list(world.workspaces.glob("*"))) == (["main"], [])
    assert world.ok("list").out == ""


def test_a_relative_hooks_path_means_the_same(world: World) -> None:
    world.write("tracked/pre-commit", "#!/bin/sh\n")
    world.commit("hooks")
    world.git("config", "core.hooksPath", "tracked")
    (path,) = world.add("t")
    assert world.git("config", "core.hooksPath", cwd=path) == "tracked"
    world.git("config", "core.hooksPath", "build/hooks")
    (path,) = world.add("u")
    assert world.git("config", "core.hooksPath", cwd=path) == str(world.repo / "build/hooks")


@pytest.mark.parametrize("name", ['re:po "ü', "-repo"])
def test_odd_paths(tmp_path: Path, name: str) -> None:
    world = World(tmp_path / "odd : place", name)
    world.root.mkdir()
    world.init()
    world.git("config", "par.isolation", "clone")
    path = world.task("t/ü x".replace(" ", "-"))
    assert world.listed("t/ü-x")["ahead"] == 1
    world.ok("merge", "t/ü-x")
    assert world.ok("prune", cwd=world.repo).out == "removed t/ü-x (merged)\n"
    assert not path.exists()


def test_a_sha256_repository(tmp_path: Path) -> None:
    world = World(tmp_path, "sha256")
    world.git("init", "-q", "-b", "main", "--object-format=sha256", str(world.repo), cwd=tmp_path)
    world.git("config", "par.isolation", "clone")
    world.commit("first", a__txt="a\n")
    world.task("t")
    assert world.listed("t")["ahead"] == 1
    world.ok("merge", "t", "--prune")
    world.ok("restore", "t")
    world.check_sound()


def test_a_submodule_in_it(world: World) -> None:
    library = World(world.root, "library").init()
    world.git("-c", "protocol.file.allow=always", "submodule", "-q", "add", str(library.repo), "lib")
    world.commit("with a submodule")
    (path,) = world.add("t")
    world.git("-c", "protocol.file.allow=always", "submodule", "-q", "update", "--init", cwd=path)
    tip = library.commit("inside", cwd=path / "lib", new__txt="x\n")
    assert reasons(world.par("remove", "t", "--json").json) == ["uncommitted", "nested"]
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert world.rev("HEAD", cwd=path / "lib") == tip
    assert world.git("status", "--porcelain", cwd=path) == " M lib"


# whose it is


def test_every_verb_works_from_inside(world: World) -> None:
    path = world.task("t")
    below = path / "deep"
    below.mkdir()
    assert world.ok("path", ".", cwd=below).out == f"{path}\n"
    assert [one["name"] for one in world.ok("list", "--json", cwd=below).json["tasks"]] == ["t"]
    world.commit("base goes on", other__txt="x\n")
    assert world.ok("sync", cwd=below).out.startswith("t: main is in now")
    assert world.rev("t", cwd=path) == world.git("rev-parse", "t")
    made = world.ok("add", "above", cwd=below)
    assert made.err == f"above: starts at t ({world.rev('t')[:8]}), the branch of task t, returns to t\n"
    world.ok("remove", "above", cwd=below)
    world.ok("merge", ".", cwd=below)
    assert world.ok("remove", ".", cwd=below).out == "removed t (merged)\n"


def test_a_start_that_only_the_clone_has(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "-c", "side", cwd=path)
    side = world.commit("on a side branch", cwd=path, side__txt="x\n")
    world.ok("add", "u", "--from", "side", "--base", "main", cwd=path)
    world.ok("add", "v", "--base", "main", cwd=path)
    assert world.git("rev-parse", "u", "v").split() == [side, side]
    assert world.par("add", "w", cwd=path).status == 2  # the branch it stands on is nobody's base
    world.git("fsck", "--connectivity-only")


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_what_is_staged_in_a_clone_is_carried_with_its_content(world: World, kind: str) -> None:
    path = world.task("t")
    world.write("staged", "staged\n", cwd=path)
    world.git("add", "staged", cwd=path)
    world.write("staged", "changed\n", cwd=path)
    made = Path(world.ok("add", "u", "--carry", "--isolation", kind, cwd=path).out.strip())
    assert world.git("show", ":staged", cwd=made) == "staged"
    assert (made / "staged").read_text() == "changed\n"


def test_what_a_directory_says_of_itself_is_not_enough(world: World) -> None:
    (path,) = world.add("t")
    copy = world.root / "copy"
    shutil.copytree(path, copy, symlinks=True)
    assert world.ok("list", "--json", cwd=copy).json == {"version": 1, "tasks": []}
    assert findings(world, cwd=copy) == ["repository-unknown"]
    hostile = World(world.root, "hostile").init()
    told = json.loads((path / ".git/par-parent").read_text())
    for text in (
        json.dumps(told),
        json.dumps({**told, "parent": "/"}),
        "[]",
        "{",
        json.dumps({**told, "task": 1}),
        "9" * 9999,
    ):
        (hostile.repo / ".git/par-parent").write_text(text)
        assert hostile.ok("list", "--json").json == {"version": 1, "tasks": []}
    (path / ".git").rename(world.root / "moved")
    (path / ".git").symlink_to(world.root / "moved")
    assert reasons(world.par("remove", "t", "--json").json) == ["not-ours"]


# both copies of its branch


def test_verbs_that_read_see_its_commits_and_write_nothing(world: World) -> None:
    world.task("u", a__txt="theirs\n")
    path = world.task("t", a__txt="ours\n")
    before = (refs(world), objects(world))
    one = world.listed("t")
    assert (one["ahead"], one["state"], one["head"]) == (1, "active", world.rev("t"))
    assert "work of t" in world.ok("show", "t").out
    (pair,) = world.ok("conflicts", "--json").json["pairs"]
    assert {pair["a"], pair["b"]} == {"t", "u"}
    assert world.par("merge", "--all", "--dry-run").out.startswith("main: 1 would be merged, 1 in conflict ")
    assert world.par("prune", "--dry-run").err.count("not in main") == 2
    assert world.par("remove", "t", "--dry-run").status == 3
    assert world.par("doctor").status == 0
    assert (refs(world), objects(world)) == before
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_moved_on_both_sides_is_refused_with_both_tips(world: World) -> None:
    path = world.task("t")
    world.par("remove", "t")  # brings them together
    here = world.git("commit-tree", "-p", "t", "-m", "here", "t^{tree}")
    world.git("update-ref", "refs/heads/t", here)
    there = world.commit("there", cwd=path, more__txt="x\n")
    said = f"its branch stands at {here[:8]} here and at {there[:8]} in its clone"
    way = f"git -C {path} pull --no-rebase par t"
    before = refs(world)
    merged = world.par("merge", "t")
    assert (merged.status, merged.out.splitlines()[1]) == (1, f"  left out    t: {said}")
    assert merged.err == f"hint: t: {way}\n"
    assert world.par("merge", "t", "--dry-run").out.splitlines()[1] == f"  left out    t: {said}"
    assert world.par("sync", "t") == (1, "", f"left t: {said}\nhint: {way}\n")
    assert world.par("remove", "--force", "t") == (3, "", f"left t: {said}\nhint: {way}\n")
    assert world.par("prune", "--dry-run").err.splitlines()[0] == f"left t: {said}"
    assert "moved here and in its clone" in world.ok("list").out
    assert findings(world) == ["branch-diverged"]
    assert refs(world) == before
    world.git(*way.split()[3:], cwd=path)
    world.ok("merge", "t")
    assert world.rev("t") == world.git("rev-parse", "t")


def test_commits_made_again_in_the_clone_follow_and_the_old_are_kept(world: World) -> None:
    path = world.task("t")
    world.par("remove", "t")
    old = world.git("rev-parse", "t")
    world.git("commit", "-q", "--amend", "-m", "better", cwd=path)
    world.ok("merge", "t")
    assert world.git("rev-parse", "t") == world.rev("HEAD", cwd=path) != old
    assert old in world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept").split()


def test_a_branch_checked_out_here_too_is_not_moved(world: World) -> None:
    world.task("t")
    world.git("switch", "-q", "t")
    done = world.par("merge", "t", "--into", "main")
    assert done.status == 1
    assert f"its branch 't' is checked out in '{world.repo}' too" in done.out
    assert world.git("status", "--porcelain") == ""


def test_when_it_was_deleted_what_the_parent_knows_of_it_counts(world: World) -> None:
    path = world.task("t")
    assert world.par("merge", "t", "--gate", "false").status == 3  # it has heard of the work
    world.commit("unheard of", cwd=path, more__txt="x\n")
    shutil.rmtree(world.workspaces)
    world.ok("merge", "t")
    assert (world.repo / "t.txt").exists()
    assert not (world.repo / "more.txt").exists()


def test_a_branch_that_cannot_be_made_again_is_said_and_the_clone_keeps_its_work(world: World) -> None:
    path = world.task("t")
    tip = world.rev("HEAD", cwd=path)
    world.git("update-ref", "-d", "refs/heads/t")
    world.git("branch", "t/in-the-way")
    done = world.par("merge", "t")
    assert (done.status, "refs/heads/t" in done.err.splitlines()[0]) == (5, True), done
    assert world.git("rev-parse", "t", cwd=path) == tip
    world.git("branch", "-D", "t/in-the-way")
    world.ok("merge", "t")


def test_nothing_lands_in_a_clone(world: World) -> None:
    path = world.task("t")
    world.task("u")
    done = world.par("merge", "u", "--into", "t")
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        f"git par: t: it lives in a clone, '{path}', and nothing lands there\n"
        "hint: name t too, so that all of it lands in main, or merge --into BRANCH\n"
    )


def test_a_sync_that_was_undone_moves_both_back(world: World) -> None:
    path = world.task("t")
    tip = world.rev("t")
    world.commit("on", other__txt="x\n")
    world.ok("sync", "t")
    world.ok("undo")
    assert [world.git("rev-parse", "t"), world.rev("HEAD", cwd=path)] == [tip, tip]
    assert world.git("status", "--porcelain", cwd=path) == ""


# what only it holds


def test_what_only_the_clone_has_holds_it_back_and_is_kept_by_force(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    world.write("a.txt", "first stash\n", cwd=path)
    world.git("stash", "-q", cwd=path)
    world.write("a.txt", "second stash\n", cwd=path)
    world.git("stash", "-q", cwd=path)
    world.git("switch", "-q", "-c", "side", cwd=path)
    side = world.commit("aside", cwd=path, side__txt="x\n")
    world.git("tag", "-a", "-m", "mine", "v1", cwd=path)
    world.git("switch", "-q", "t", cwd=path)
    world.git("config", "my.own", "kept", cwd=path)
    stashes, log = world.git("stash", "list", cwd=path), world.git("reflog", cwd=path)
    tag, stash = world.rev("v1", cwd=path), world.rev("stash@{1}", cwd=path)
    left = world.ok("prune", "--json").json["left"]
    assert left == [
        {"name": "t", "reason": "only-here", "detail": "only its clone has: side, stash, tags/v1"},
    ]
    forced = world.ok("remove", "--force", "t", "--json").json["removed"][0]
    kept = forced["kept"]["ref"]
    assert world.git("rev-parse", f"{kept}/clone/heads/side", f"{kept}/clone/tags/v1").split() == [side, tag]
    world.git("gc", "-q", "--prune=now")
    assert stash in world.git("rev-list", "--all").split()
    world.ok("restore", "t")
    assert world.git("stash", "list", cwd=path) == stashes
    assert world.git("reflog", cwd=path) == log
    assert world.git("stash", "show", "-p", "stash@{1}", cwd=path).count("first stash") == 1
    assert world.git("config", "my.own", cwd=path) == "kept"
    assert [world.rev("side", cwd=path), world.rev("v1", cwd=path)] == [side, tag]
    world.git("fsck", "--connectivity-only", cwd=path)


def test_worktrees_made_from_it_hold_it_even_against_force(world: World) -> None:
    (path,) = world.add("t")
    world.git("worktree", "add", "-q", "--detach", str(world.root / "theirs"), cwd=path)
    done = world.par("remove", "--force", "t", "--json")
    assert (done.status, reasons(done.json)) == (3, ["nested"])


def test_without_its_kept_repository_the_refs_bring_it_back(world: World) -> None:
    path = world.task("t")
    world.write("new", "uncommitted\n", cwd=path)
    world.ok("remove", "--force", "t")
    shutil.rmtree(world.workspaces / ".par/kept")
    world.ok("restore", "t")
    assert (path / "new").read_text() == "uncommitted\n"
    assert world.git("status", "--porcelain", cwd=path) == "?? new"
    assert world.ok("prune", "--kept", "--older-than", "0m").out.startswith("swept t ")


def test_what_is_old_enough_is_swept_with_its_repository(world: World) -> None:
    world.task("t")
    world.ok("remove", "--force", "t")
    assert list((world.workspaces / ".par/kept/t").glob("*/repository"))
    world.ok("prune", "--kept", "--older-than", "0m")
    assert not (world.workspaces / ".par/kept/t").exists()
    assert "refs/par" not in refs(world)


# objects of somebody else


def test_a_gc_in_the_parent_takes_nothing_that_a_shared_clone_borrows(world: World) -> None:
    world.git("branch", "gone")
    path = Path(world.ok("add", "t", "--isolation", "shared-clone").out.strip())
    assert (path / ".git/objects/info/alternates").is_file()
    world.git("switch", "-q", "--orphan", "other")
    world.commit("other", b__txt="b\n")
    world.git("update-ref", "-d", "refs/heads/main")
    world.git("update-ref", "-d", "refs/heads/gone")
    world.git("update-ref", "-d", "refs/heads/t")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    world.git("fsck", "--connectivity-only", cwd=path)
    assert (path / "a.txt").read_text() == world.git("show", "HEAD:a.txt", cwd=path) + "\n"
    (note,) = [one for one in world.par("doctor", "--json").json["findings"] if one["id"] == "clone-shared"]
    assert "has no objects of its own" in note["message"]


def test_a_shared_clone_that_was_removed_has_its_pins_with_what_is_kept(world: World) -> None:
    path = Path(world.ok("add", "t", "--isolation", "shared-clone").out.strip())
    tip = world.commit("work", cwd=path, t__txt="t\n")
    assert world.ok("doctor").err == ""
    world.ok("remove", "--force", "t")
    assert "refs/par/clone" not in refs(world)
    world.git("gc", "-q", "--prune=now")
    world.ok("restore", "t")
    assert world.rev("HEAD", cwd=path) == tip
    world.git("fsck", "--connectivity-only", cwd=path)


def test_across_file_systems_the_objects_are_shared_and_it_is_said(world: World, elsewhere: Path) -> None:
    world.git("config", "par.directory", str(elsewhere))
    done = world.ok("add", "t")
    path = Path(done.out.strip())
    assert (
        f"git par: '{path}': no hard links to the objects of '{world.repo}/.git' there, so the clone shares them"
        in done.err
    )
    assert (record(world)["isolation"], world.listed("t")["isolation"]) == ("shared-clone", "shared-clone")
    world.commit("work", cwd=path, t__txt="t\n")
    world.ok("merge", "t", "--prune")
    world.ok("restore", "t")
    assert world.git("status", "--porcelain", cwd=path) == ""


# doctor


def test_doctor_mends_what_can_be(world: World) -> None:
    path = world.task("t")
    world.par("merge", "--dry-run", "t")
    tip = world.rev("t")
    (path / ".git/par-parent").write_text("damaged")
    assert findings(world) == ["workspace-unlinked"]
    assert reasons(world.par("remove", "t", "--json").json) == ["not-ours"]
    world.ok("doctor", "--fix")
    world.git("switch", "-q", "--detach", cwd=path)
    world.par("merge", "t")
    world.git("branch", "-D", "t", cwd=path)
    assert "branch-gone" in findings(world)
    world.par("doctor", "--fix")
    assert world.rev("t") == tip
    world.git("switch", "-q", "t", cwd=path)
    path.rename(world.workspaces / "renamed")
    assert findings(world) == ["workspace-moved"]
    world.ok("doctor", "--fix")
    assert world.ok("path", "t").out == f"{world.workspaces / 'renamed'}\n"
    world.record().unlink()
    assert findings(world) == ["record-missing"]
    world.ok("doctor", "--fix")
    assert world.listed("t")["isolation"] == "clone"
    world.ok("merge", "t")
    shutil.rmtree(world.workspaces / "renamed")
    assert findings(world) == ["workspace-missing"]
    world.ok("doctor", "--fix")
    assert world.rev("HEAD", cwd=world.workspaces / "renamed") == tip
    assert findings(world) == []


@pytest.mark.parametrize("kind", ["clone", "shared-clone"])
def test_a_repository_that_was_moved_is_found_again(world: World, kind: str) -> None:
    path = Path(world.ok("add", "t", "--isolation", kind).out.strip())
    world.git("config", "par.directory", str(world.workspaces))
    moved = World(world.root, "moved")
    world.repo.rename(moved.repo)
    moved.workspaces = world.workspaces
    assert findings(moved)[:1] == ["repository-moved"]
    moved.ok("doctor", "--fix")
    assert moved.git("config", "remote.par.url", cwd=path) == str(moved.repo / ".git")
    moved.commit("work", cwd=path, t__txt="t\n")
    moved.ok("merge", "t", "--prune", cwd=moved.repo)
    moved.git("fsck", "--connectivity-only")


def test_one_whose_repository_was_moved_is_not_taken_for_one_of_its_own(world: World) -> None:
    (path,) = world.add("t")
    below = world.root / "below"
    world.git("worktree", "add", "-q", "--detach", str(below), cwd=path)
    world.git("config", "par.directory", str(world.workspaces))
    moved = World(world.root, "moved")
    world.repo.rename(moved.repo)
    said = (
        f"git par: '{path}': this workspace belongs to '{world.repo}', which is not there\n"
        "hint: git par doctor --fix, in that repository where it is now; "
        f"or rm {path}/.git/par-parent, to have this one stand alone\n"
    )
    verbs = ("add n", "merge", "sync", "prune", "remove .", "exec -- true", "with-lock -- true", "run --each z -- true")
    for where, line in [*((path, verb) for verb in (*verbs, "conflicts", "undo", "pool")), (below, "add n")]:
        assert world.par_process(*line.split(), cwd=where) == (3, "", said), line
    asked = f'echo \'{{"name": "n"}}\' | {shlex.join([*PAR, "hook", "worktree-create"])}'
    assert world.process("sh", "-c", asked, cwd=path) == (3, "", said)
    assert not (path / ".git/par").exists()
    assert not path.with_name("t-worktrees").exists()
    assert world.ok("list", "--json", cwd=path).json == {"version": 1, "tasks": []}
    assert world.ok("log", cwd=path).status == 0
    assert "which is not there: git-par changes nothing in it" in world.par("doctor", cwd=path).out
    assert world.par("path", "t", cwd=path).err == "git par: t: no such task\nhint: see 'git par list'\n"
    moved.ok("doctor", "--fix")
    moved.commit("work", cwd=path, t__txt="t\n")
    world.git("worktree", "remove", str(below), cwd=path)
    world.ok("merge", "--prune", cwd=path)
    assert (moved.repo / "t.txt").exists()


def test_one_that_is_to_stand_alone_is_a_repository_like_any_other(world: World) -> None:
    (path,) = world.add("t")
    world.repo.rename(world.root / "gone")
    hint = world.par("add", "n", cwd=path).err.splitlines()[1]
    subprocess.run(hint.partition("; or ")[2].partition(", to")[0].split(), check=True)
    world.ok("add", "n", cwd=path)


# others at work


def test_a_gc_at_the_same_time_does_not_hurt(world: World) -> None:
    for number in range(20):
        world.write(f"f{number}.txt", f"{number}\n")
        world.commit(f"commit {number}")
    collector = world.start("sh", "-c", "for i in 1 2 3 4 5 6; do git gc -q --prune=now; git repack -q -a -d -f; done")
    names = [f"t{number}" for number in range(6)]
    for name in names:
        world.add(name)
    collector.communicate()
    for name in names:
        world.git("fsck", "--connectivity-only", cwd=world.workspaces / name)
    world.check_sound()


@pytest.mark.parametrize("verb", ["add", "remove", "merge", "restore", "sync"])
def test_killed_at_any_git_call_it_can_be_repeated(world: World, verb: str) -> None:
    """Each git call is a point, every third when there is no time; each kill meets what the ones before it left."""
    step = 1 if os.environ.get("GIT_PAR_SOAK") == "1" else 3
    if verb != "add":
        path = world.task("t")
        world.write("new", "precious\n", cwd=path)
        world.commit("on", on__txt="x\n")
    if verb == "restore":
        world.ok("remove", "--force", "t")
    args = {"remove": ("remove", "--force", "t")}.get(verb, (verb, "t"))
    number = 1
    while run_killed(world, number, *args):
        number += step
        found = [*world.workspaces.rglob("new")] if verb != "add" else []
        if verb != "add" and not any(file.read_text() == "precious\n" for file in found):
            assert "work" in refs(world), "neither there nor kept"
        assert number < 200
    done = world.par(*args)
    assert done.status == 0 or done.status == 2, done
    assert {one["id"] for one in world.par("doctor", "--fix", "--json").json["findings"] if not one["fixed"]} <= {
        "work-unmerged"
    }
    if verb == "remove":
        world.ok("restore", "t")
    if verb != "add":
        assert (world.workspaces / "t" / "new").read_text() == "precious\n"
    world.check_sound()
