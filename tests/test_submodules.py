"""Submodules in workspaces: filled without network, looked at before they go, kept, and brought back."""

import os
from pathlib import Path
from shutil import rmtree

import pytest

from git_par.workspaces import reasons
from git_par.workspaces.reasons import Reason
from tests.world import World

ALLOWED = ("-c", "protocol.file.allow=always")


def add_submodule(world: World, of: World, path: str, name: str) -> None:
    world.git(*ALLOWED, "submodule", "--quiet", "add", "--name", name, str(of.repo), path)
    world.commit(f"with {path}")


@pytest.fixture
def nested(world: World) -> World:
    """A repository with the submodule `lib` and in that `in/deep`; what they came from is gone."""
    deep, lib = (World(world.root, name).init() for name in ("deep", "lib"))
    add_submodule(lib, deep, "in/deep", "deep")
    add_submodule(world, lib, "lib", "na me=x.y")
    world.git(*ALLOWED, "submodule", "--quiet", "update", "--init", "--recursive")
    for one in (deep, lib):
        one.repo.rename(one.repo.with_name(f"{one.repo.name}-gone"))
    return world


def module(world: World, of: str = "") -> Path:
    return world.repo / ".git" / of / "modules" / "na me=x.y"


def inside(path: Path) -> list[Path]:
    return [path / "lib", path / "lib" / "in" / "deep"]


def used(world: World, path: Path) -> str:
    """What `git submodule status` says of both levels: a space each where they are in use and as recorded."""
    return "".join(line[:1] for line in world.git("submodule", "status", "--recursive", cwd=path).splitlines())


def test_a_new_workspace_has_its_submodules_from_the_repository_itself(nested: World) -> None:
    before = (nested.repo / ".git" / "config").read_bytes()
    added = nested.ok("add", "t", "u")
    assert added.err.splitlines()[0].startswith("t: starts at main")
    for path in map(Path, added.out.splitlines()):
        assert nested.git("status", "--porcelain", cwd=path) == ""
        assert used(nested, path) == "  "
        for one, here in zip(inside(path), inside(nested.repo), strict=True):
            assert (one / "a.txt").is_file()
            assert nested.rev("HEAD", cwd=one) == nested.rev("HEAD", cwd=here)
            urls = [nested.git("config", "remote.origin.url", cwd=place) for place in (one, here)]
            assert urls[0] == urls[1]
            seen = [nested.git("for-each-ref", "refs/remotes", cwd=place) for place in (one, here)]
            assert seen[0] == seen[1]
    assert (nested.repo / ".git" / "config").read_bytes() == before


@pytest.mark.parametrize("instead", [False, True])
def test_one_that_is_staged_to_go_is_not_carried_along(nested: World, instead: bool) -> None:
    nested.git("rm", "-q", "lib")
    if instead:
        nested.write("lib", "a file\n")
        nested.git("add", "lib")
    path = Path(nested.ok("add", "--carry", "t").out.strip())
    assert nested.git("status", "--porcelain", cwd=path) == nested.git("status", "--porcelain")
    assert os.path.lexists(path / "lib") == instead
    nested.git("reset", "-q", "--hard", cwd=path)
    assert nested.git("status", "--porcelain", cwd=path) == ""


def test_a_commit_that_no_branch_has_is_found(nested: World) -> None:
    lib = nested.repo / "lib"
    nested.git("checkout", "-q", "--detach", cwd=lib)
    pinned = nested.commit("of nobody", cwd=lib)
    nested.commit("pinned")
    nested.git("checkout", "-q", "HEAD^", cwd=lib)
    path = Path(nested.ok("add", "--allow-dirty", "t").out.strip())
    assert nested.rev("HEAD", cwd=path / "lib") == pinned


def test_a_main_checkout_that_has_it_no_more_still_serves(nested: World) -> None:
    nested.git("rm", "-q", "lib", ".gitmodules")
    nested.commit("without lib")
    assert not (nested.repo / "lib").exists()
    path = Path(nested.ok("add", "t", "--from", "HEAD^", "--base", "main").out.strip())
    assert all((one / "a.txt").is_file() for one in inside(path))
    nested.commit("in the submodule", cwd=path / "lib", new="new\n")
    nested.commit("move lib", cwd=path)
    nested.git("merge", "-q", "-s", "ours", "t")
    nested.ok("prune")
    assert not path.exists()


def test_submodules_come_along_with_a_sync(nested: World) -> None:
    a, b = nested.add("a", "b")
    deep = nested.commit("deeper", cwd=nested.repo / "lib" / "in" / "deep", new="new\n")
    made = nested.commit("further", cwd=nested.repo / "lib", new="new\n")
    nested.commit("moved")
    nested.write("a.txt", "edited\n", b / "lib")
    nested.ok("sync", "--all")
    assert [nested.rev("HEAD", cwd=one) for one in inside(a)] == [made, deep]
    assert nested.git("status", "--porcelain", cwd=a) == ""
    assert (b / "lib" / "a.txt").read_text() == "edited\n"
    assert nested.rev("HEAD", cwd=b / "lib") != made
    nested.ok("merge", "a")
    nested.ok("remove", "a")


def test_one_whose_new_commit_is_not_here_stays_and_others_that_did_not_move_too(nested: World) -> None:
    add_submodule(nested, World(nested.root, "two").init(), "two", "two")
    (path,) = nested.add("t")
    before = nested.rev("HEAD", cwd=path / "lib")
    nested.git("update-index", "--cacheinfo", f"160000,{'1' * 40},lib")
    nested.git("commit", "-qm", "moved")
    done = nested.ok("sync", "t")
    way = f"git -C {path} submodule update -- lib"
    assert f"t: submodule 'lib' stays at {before[:8]}: 11111111 is not here; to fetch it: {way}\n" in done.err
    assert nested.rev("HEAD", cwd=path / "lib") == before
    assert (path / "two/a.txt").exists()


def test_one_that_is_not_checked_out_stays_so_when_its_workspace_comes_back(nested: World) -> None:
    add_submodule(nested, World(nested.root, "two").init(), "two", "two")
    (path,) = nested.add("t")
    nested.git("submodule", "--quiet", "deinit", "--force", "two", cwd=path)
    rmtree(nested.repo / ".git/worktrees/t/modules/two")
    nested.ok("remove", "t")
    nested.ok("restore", "t")
    assert (path / "lib/a.txt").exists()
    assert list((path / "two").iterdir()) == []
    assert nested.git("status", "--porcelain", cwd=path) == ""


def test_settings_come_along_from_one_without_a_remote_too(nested: World) -> None:
    nested.git("config", "user.name", "Lib", cwd=nested.repo / "lib")
    nested.git("remote", "remove", "origin", cwd=nested.repo / "lib")
    (path,) = nested.add("t")
    assert nested.git("config", "user.name", cwd=path / "lib") == "Lib"
    assert used(nested, path) == "  "


def test_a_name_that_no_file_system_can_hold_is_one_that_is_not_here(world: World) -> None:
    world.git("config", "--file", ".gitmodules", f"submodule.{'x' * 300}.path", "lib")
    world.git("config", "--file", ".gitmodules", f"submodule.{'x' * 300}.url", "../lib")
    world.git("config", "submodule.active", ".")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{world.rev('HEAD')},lib")
    world.git("add", ".gitmodules")
    world.git("commit", "-qm", "with a long name")
    for place in ("lib", ".git/modules"):
        (world.repo / place).mkdir()
    done = world.ok("add", "t")
    assert "t: submodule 'lib' is empty: the repository has no copy of it" in done.err
    world.ok("remove", "t")


def test_what_is_not_here_is_named_and_nothing_else_is_tried(world: World) -> None:
    lib = World(world.root, "lib").init()
    add_submodule(world, lib, "lib", "lib")
    lib.commit("later")
    world.git("update-index", "--cacheinfo", f"160000,{lib.rev('HEAD')},lib")
    world.git("commit", "-qm", "moved ahead")
    done = world.ok("add", "--allow-dirty", "t")
    path = Path(done.out.strip())
    assert f"t: submodule 'lib' is empty: its commit {lib.rev('HEAD')[:8]} is not here; to fetch it: git -C" in done.err
    assert not list((path / "lib").iterdir())
    command = done.err.split("to fetch it: git ")[1].splitlines()[0].split(" ")
    world.git(*ALLOWED, *command)
    assert world.rev("HEAD", cwd=path / "lib") == lib.rev("HEAD")


def test_only_what_the_main_checkout_uses_is_filled(nested: World) -> None:
    nested.git("config", "--unset", "submodule.deep.url", cwd=nested.repo / "lib")
    nested.git("config", "--unset", "submodule.deep.active", cwd=nested.repo / "lib")
    (path,) = nested.add("t")
    assert (path / "lib" / "a.txt").is_file()
    assert not list((path / "lib" / "in" / "deep").iterdir())
    nested.git("config", "submodule.na me=x.y.update", "none")
    assert not list((nested.add("u")[0] / "lib").iterdir())
    nested.git("config", "--unset", "submodule.na me=x.y.update")
    nested.git("config", "par.submodules", "off")
    assert not list((nested.add("v")[0] / "lib").iterdir())
    nested.git("config", "par.submodules", "all")
    assert nested.par("add", "w").status == 2
    assert nested.branches() == ["main", "t", "u", "v"]


def test_a_hostile_gitmodules_gains_nothing(nested: World) -> None:
    marks = nested.root / "marks"
    stolen = World(nested.root, "stolen").init()
    for name, text in {
        "url": f'[submodule "na me=x.y"]\n\tpath = lib\n\turl = ext::sh -c "touch% {marks}"\n',
        "update": f'[submodule "na me=x.y"]\n\tpath = lib\n\turl = ./x\n\tupdate = !touch {marks}\n',
        "option": f'[submodule "na me=x.y"]\n\tpath = lib\n\turl = -u./evil\n\tbranch = --upload-pack=touch {marks}\n',
        "up": f'[submodule "../../../stolen/.git"]\n\tpath = lib\n\turl = {stolen.repo}\n',
        "root": f'[submodule "{stolen.repo}/.git"]\n\tpath = lib\n\turl = {stolen.repo}\n',
    }.items():
        nested.git("switch", "-q", "-c", f"evil-{name}", "main")
        nested.write(".gitmodules", text)
        nested.git("add", ".gitmodules")
        nested.git("commit", "-qm", name)
        nested.git("config", "submodule.active", ".")
        done = nested.par("add", name)
        path = nested.workspaces / name
        assert done.status == 0, done
        assert nested.git("rev-parse", "HEAD:lib") == nested.rev("HEAD", cwd=nested.repo / "lib")
        assert not marks.exists()
        assert stolen.git("worktree", "list").count("\n") == 0
        assert (path / "lib" / "a.txt").exists() == (name in ("url", "option")), done
        assert ("submodule 'lib' is empty" in done.err) == (name == "update")  # git refuses such a one outright
    nested.git("config", "protocol.allow", "never")
    nested.git("switch", "-q", "main")
    assert (nested.add("last")[0] / "lib" / "a.txt").exists()


def test_a_clean_one_goes_and_comes_back(nested: World) -> None:
    (path,) = nested.add("t")
    nested.write(".env", "secret\n", path / "lib").chmod(0o600)
    nested.ok("remove", "t")
    assert not path.exists()
    assert "t" not in nested.branches()
    for how in ((), ("--as", "other")):
        back = Path(nested.ok("restore", "t", *how).out.strip())
        assert used(nested, back) == "  "
        assert nested.git("status", "--porcelain", cwd=back) == ""
        assert (back / "lib" / ".env").read_text() == "secret\n"
        assert (back / "lib" / ".env").stat().st_mode & 0o777 == 0o600
        for one in inside(back):
            assert nested.git("rev-parse", "--show-toplevel", cwd=one) == str(one)
            nested.commit("works", cwd=one)
    nested.check_sound()


@pytest.mark.parametrize("deep", [0, 1])
@pytest.mark.parametrize("what", ["edit", "staged", "untracked", "commit", "stash", "branch", "merge", "hidden", "own"])
def test_work_in_one_is_never_removed(nested: World, what: str, deep: int) -> None:
    (path,) = nested.add("t")
    place = inside(path)[deep]
    if what in ("edit", "staged", "stash", "hidden"):
        nested.write("a.txt", "edited\n", place)
    if what == "staged":
        nested.git("add", "a.txt", cwd=place)
    elif what == "stash":
        nested.git("stash", "-q", cwd=place)
    elif what == "hidden":
        nested.git("update-index", "--assume-unchanged", "a.txt", cwd=place)
    elif what == "untracked":
        nested.write("new", "u\n", place)
    elif what == "commit":
        nested.commit("of its own", cwd=place, x="x\n")
        nested.git("reset", "-q", "--hard", "HEAD^", cwd=place)
    elif what == "branch":
        nested.git("switch", "-q", "-c", "topic", cwd=place)
        nested.commit("of its own", cwd=place, x="x\n")
        nested.git("checkout", "-q", "--detach", "HEAD^", cwd=place)
    elif what == "merge":
        (Path(nested.git("rev-parse", "--absolute-git-dir", cwd=place)) / "MERGE_HEAD").write_text(
            nested.rev("HEAD", cwd=place) + "\n"
        )
    elif what == "own":
        nested.write("x", "x\n", place)
        nested.git("init", "-q", "build/inner", cwd=place)
        nested.git("clean", "-qf", "x", cwd=place)
    done = nested.par("remove", "t")
    assert done.status == 3, done
    assert "lib" in done.err
    assert nested.par("prune", "--new").status == 0
    assert place.is_dir()
    nested.ok("remove", "--force", "t")
    back = Path(nested.ok("restore", "t", "--as", "other").out.strip())
    place = inside(back)[deep]
    asked = {
        "edit": (["diff", "--name-only"], "a.txt"),
        "staged": (["diff", "--cached", "--name-only"], "a.txt"),
        "untracked": (["status", "--porcelain"], "?? new"),
        "commit": (["log", "-1", "--format=%s", "HEAD@{1}"], "of its own"),
        "stash": (["stash", "show", "--name-only"], "a.txt"),
        "branch": (["log", "-1", "--format=%s", "topic"], "of its own"),
        "merge": (["rev-parse", "MERGE_HEAD"], nested.rev("HEAD", cwd=place)),
        "hidden": (["ls-files", "-v", "a.txt"], "h a.txt"),
        "own": (["-C", "build/inner", "rev-parse", "--git-dir"], ".git"),
    }[what]
    assert nested.git(*asked[0], cwd=place) == asked[1]


@pytest.mark.parametrize("what", ["untracked", "staged"])
def test_work_that_comes_late_brings_everything_back(nested: World, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    (path,) = nested.add("t")
    lib = path / "lib"

    def late(*_: object) -> list[Reason]:
        nested.commit("late", cwd=lib, new="new\n")
        nested.git("add", "lib", cwd=path)
        if what == "untracked":
            nested.write("in/deep/mine", "mine\n", lib)
        return []

    monkeypatch.setattr(reasons, "find", late)
    detail = {
        "untracked": "submodule 'lib/in/deep': untracked files: mine",
        "staged": "it was changed while it was being removed",
    }[what]
    left = nested.par("remove", "t", "--json").json["left"]
    assert left == [{"name": "t", "reason": "in-use", "detail": detail}]
    assert nested.git("log", "-1", "--format=%s", cwd=lib) == "late"
    assert (lib / "in/deep/mine").exists() == (what == "untracked")
    assert nested.git("status", "--porcelain", cwd=path) == ("M  lib" if what == "staged" else "MM lib")


def test_commits_that_the_repository_records_are_brought_home(nested: World) -> None:
    (path,) = nested.add("t")
    made = nested.commit("in the submodule", cwd=path / "lib", new="new\n")
    nested.commit("move lib", cwd=path)
    said = nested.ok("merge", "t", cwd=path).err.splitlines()
    assert said[-2:] == [
        "main: submodules still checked out as before: lib",
        f"hint: cd {nested.repo} && git submodule update --recursive",
    ]
    nested.git("submodule", "--quiet", "update", "--recursive")
    assert nested.rev("HEAD", cwd=nested.repo / "lib") == made
    nested.git("checkout", "-q", "HEAD^", cwd=nested.repo / "lib")
    done = nested.ok("prune")
    assert not path.exists(), done
    for kept in (nested.workspaces / ".par", nested.repo / ".git" / "par" / "kept"):
        assert kept.is_dir()
    nested.git("gc", "--quiet", "--prune=now", cwd=nested.repo / "lib")
    nested.git("submodule", "--quiet", "update")
    assert nested.rev("HEAD", cwd=nested.repo / "lib") == made


def test_commits_made_while_nothing_was_merged_are_brought_home_by_the_removal(nested: World) -> None:
    (path,) = nested.add("t")
    made = nested.commit("in the submodule", cwd=path / "lib", new="new\n")
    nested.commit("move lib", cwd=path)
    nested.git("merge", "-q", "--no-ff", "t")
    nested.ok("prune")
    assert not path.exists()
    nested.git("gc", "--quiet", "--prune=now", cwd=nested.repo / "lib")
    nested.git("submodule", "--quiet", "update")
    assert nested.rev("HEAD", cwd=nested.repo / "lib") == made


def test_a_repository_that_is_not_its_own_stays(nested: World) -> None:
    (path,) = nested.add("t")
    nested.git("submodule", "--quiet", "deinit", "--force", "lib", cwd=path)
    nested.git("clone", "-q", str(module(nested)), "lib", cwd=path)
    done = nested.par("remove", "t")
    assert done.status == 3
    assert "submodule 'lib': its repository lies inside of it" in done.err
    rmtree(path / "lib/.git")
    assert "submodule 'lib': it has files, and no repository" in nested.par("remove", "t").err
    assert (path / "lib/a.txt").exists()


def test_sparse_workspaces_have_only_the_submodules_they_have_room_for(nested: World) -> None:
    nested.write("here/x", "x\n")
    (nested.repo / "far").mkdir()
    nested.git("mv", "lib", "far/lib")
    nested.commit("here")
    path = Path(nested.ok("add", "t", "--sparse", "here").out.strip())
    assert not (path / "far").exists()
    nested.ok("remove", "t")


def test_what_a_link_above_a_submodule_leads_to_is_not_the_workspaces(world: World) -> None:
    add_submodule(world, World(world.root, "lib").init(), "third/lib", "lib")
    world.write("d/x", "x\n")
    world.commit("d")
    path = world.add("t")[0]
    for name in ("third", "d"):
        rmtree(path / name)
        (path / name).symlink_to(world.repo / name)
    (world.repo / "d" / "x").unlink()
    os.mkfifo(world.repo / "d" / "x")
    before = (world.repo / "third" / "lib" / ".git").read_bytes()
    left = world.par("remove", "t")
    assert left.status == 3, left
    assert "submodule 'third/lib': a link is where its directory would be" in left.err
    for _ in range(2):
        world.ok("remove", "--force", "t")
        assert (world.repo / "third" / "lib" / "a.txt").is_file()
        assert (world.repo / "d" / "x").is_fifo()
        world.ok("restore", "t")
        assert (path / "third").is_symlink()
        assert (world.repo / "third" / "lib" / ".git").read_bytes() == before
