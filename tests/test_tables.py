"""Repositories whose refs lie in tables (`git init --ref-format=reftable`): what a checkout says of itself is in no file."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from git_par.state.announce import Announcement
from git_par.state.session import Session
from git_par.workspaces import in_progress, own_refs, private, registry
from tests.test_doctor import doctor, entry, mended
from tests.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setenv("GIT_DEFAULT_REF_FORMAT", "reftable")
    made = World(tmp_path).init()
    if not (made.repo / ".git/reftable").is_dir():
        pytest.skip("this git has no reftable")
    return made


def picking(world: World) -> Path:
    """A task with a cherry-pick in progress in which nothing is left but that; its workspace."""
    world.task("other", a__txt="theirs\n")
    path = world.task("t", a__txt="ours\n")
    assert world.try_git("cherry-pick", "other", cwd=path).status == 1
    world.git("reset", "-q", "HEAD", "--", ".", cwd=path)
    world.git("checkout", "-q", "a.txt", cwd=path)
    assert "cherry-picking" in world.git("status", cwd=path)
    return path


def refs(world: World, path: Path) -> str:
    return world.git("for-each-ref", "--include-root-refs", "--format=%(refname) %(objectname)", cwd=path)


def test_a_cherry_pick_in_progress_holds_a_task_and_comes_back_with_it(world: World) -> None:
    path = picking(world)
    world.git("update-ref", "refs/worktree/mine", "main", cwd=path)
    before, log = refs(world, path), world.git("log", "-g", "--format=%H %gs", cwd=path)
    assert "CHERRY_PICK_HEAD" in before
    assert "left t: a cherry-pick is in progress in it" in world.par("remove", "t").err
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    came_back = [line for line in refs(world, path).splitlines() if not line.startswith("refs/par/")]
    assert came_back == [line for line in before.splitlines() if not line.startswith("AUTO_MERGE")]
    assert world.git("log", "-g", "--format=%H %gs", cwd=path) == log
    world.git("cherry-pick", "--quit", cwd=path)
    assert world.git("status", "--porcelain=v2", "--branch", cwd=path).splitlines()[1] == "# branch.head t"


def test_what_is_restored_under_another_name_is_on_the_branch_of_that(world: World) -> None:
    path = world.task("t")
    tip = world.rev("t")
    world.ok("remove", "--force", "t")
    world.add("t")
    copy = Path(world.ok("restore", "t", "--as", "u").out.strip())
    assert world.git("symbolic-ref", "HEAD", cwd=copy) == "refs/heads/u"
    assert (world.rev("u"), world.git("symbolic-ref", "HEAD", cwd=path)) == (tip, "refs/heads/t")
    assert "work of t" in world.git("log", "-g", "--format=%gs", cwd=copy)
    assert doctor(world, status=0) == []


@pytest.mark.parametrize("where", ["--detach", "-c"])
def test_a_workspace_comes_back_where_it_stood(world: World, where: str) -> None:
    path = world.task("t")
    world.git("switch", "-q", where, *(["aside"] if where == "-c" else []), cwd=path)
    head = world.commit("elsewhere", cwd=path)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert world.rev("HEAD", cwd=path) == head
    on = world.try_git("symbolic-ref", "-q", "HEAD", cwd=path).out.strip()
    assert on == ("refs/heads/aside" if where == "-c" else "")
    assert world.listed("t")["on"] == ("aside" if on else None)


def test_doctor_knows_what_only_reflogs_tell(world: World) -> None:
    world.task("t")
    tip = world.rev("t")
    world.git("update-ref", "-d", "refs/heads/t")
    mended(world, "branch-gone")
    assert world.rev("t") == tip
    world.git("branch", "-m", "main", "trunk")
    mended(world, "base-gone")
    assert world.listed("t")["base"] == "trunk"


def test_a_worktree_whose_tables_are_gone_is_registered_again(world: World) -> None:
    path = world.task("t")
    world.write("mine", "mine\n", path)
    shutil.rmtree(entry(world) / "reftable")
    assert "registration-half" in [one["id"] for one in doctor(world, "--fix", status=0)]
    assert doctor(world, status=0) == []
    assert world.git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/t"
    assert world.git("status", "--porcelain", cwd=path) == "?? mine"


def test_locks_on_tables_are_told_and_go_when_nobody_is_at_work(world: World) -> None:
    world.task("t")
    for directory in (world.repo / ".git", entry(world)):
        (directory / "reftable/tables.list.lock").touch()
    failed = world.par("add", "u")
    assert failed.err.endswith("hint: wait for the git that is at work; when there is none: git par doctor --fix\n")
    assert [one["id"] for one in doctor(world, "--fix", status=0)] == ["git-lock"] * 2
    world.add("u")


def test_the_branch_of_a_clone_is_seen_and_moved(world: World) -> None:
    world.git("config", "par.isolation", "clone")
    path = world.task("t")
    assert registry.branch_of(path / ".git") == "t"
    world.commit("on", new__txt="new\n")
    world.ok("sync", "t")
    assert (path / "new.txt").is_file()
    assert world.rev("HEAD^2", cwd=path) == world.rev("main")
    world.ok("merge", "t", "--prune")
    world.ok("restore", "t")
    assert world.git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/t"


def test_what_a_killed_merge_left_in_a_private_workspace_never_becomes_a_stash(world: World, session: Session) -> None:
    commit = world.rev("main")
    with private.claim(session, "merge") as place:
        place.stand_at(commit)
        directory = registry.admin_dir(session.repo, place.path)
        assert directory
        world.write("a.txt", "edited\n", place.path)
        made = world.git("stash", "create", cwd=place.path)
        for name, value in (("MERGE_AUTOSTASH", made), ("CHERRY_PICK_HEAD", commit), ("BISECT_EXPECTED_REV", commit)):
            world.git("update-ref", name, value, cwd=place.path)
        (directory / "reftable/tables.list.lock").touch()
        assert in_progress.operation(directory) == "a cherry-pick"
        place.stand_at(commit)
        assert own_refs.noted(directory, ["MERGE_AUTOSTASH", "CHERRY_PICK_HEAD", "BISECT_*"]) == {}
    assert world.git("stash", "list") == ""


def test_a_dead_lock_on_the_tables_goes_with_the_merge_that_left_it(world: World) -> None:
    world.task("t", a__txt="new\n")
    before, after = world.rev("main"), world.rev("t")
    step = Announcement(str(world.repo), "main", before, after)
    world.write(".git/par/publishing/1-x.json", json.dumps(asdict(step)))
    world.write("a.txt", "new\n")  # as far as git had come
    lock = world.repo / ".git/reftable/tables.list.lock"
    lock.touch()
    assert "a merge that was cut off" in world.ok("merge", "t").err
    assert (lock.exists(), world.rev("main^2")) == (False, after)
