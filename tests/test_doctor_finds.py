"""What the doctor finds when several things are gone at once, and that what it tells a person to do helps."""

import json
import os
import shutil
from pathlib import Path

import pytest

from git_par.checkup import disk
from tests.test_doctor import doctor, entry, mended, one, stays
from tests.world import World, expect_files, with_relative_links


def without_branch(world: World, name: str = "t") -> None:
    world.git("update-ref", "-d", f"refs/heads/{name}")


# workspaces and branches


def test_a_workspace_gone_with_its_branch_is_left_and_its_record_can_go(world: World) -> None:
    path = world.task("t")
    shutil.rmtree(path)
    without_branch(world)
    told = stays(world, "workspace-missing")
    assert told["message"] == f"its workspace '{path}' is gone, and so is its branch 't'"
    assert "for you to do: git par remove t, or make the branch again" in told["fix"]
    world.ok("remove", "t")
    assert doctor(world, status=0) == []


def test_files_whose_registration_and_branch_are_gone_are_left(world: World) -> None:
    path = world.task("t")
    world.write("notes", "mine\n", path)
    shutil.rmtree(entry(world))
    without_branch(world)
    told = stays(world, "workspace-replaced")
    assert told["message"].startswith("git has lost its registration, and branch 't' is gone, so the workspace cannot")
    path.rename(world.root / "away")
    assert "git par remove t" in stays(world, "workspace-missing")["fix"]
    assert (world.root / "away/notes").read_text() == "mine\n"


def test_workspaces_that_were_moved_along_with_the_repository_are_followed(world: World) -> None:
    with_relative_links(world)
    world.write("mine", "mine\n", world.task("t"))
    moved = World(world.root / "away")
    moved.root.mkdir()
    world.repo.rename(moved.repo)
    world.workspaces.rename(moved.workspaces)
    mended(moved, "workspace-moved")
    assert moved.listed("t")["dirty"]["untracked"] == 1


def test_a_renamed_base_is_found_among_branches_without_a_reflog(world: World) -> None:
    world.git("branch", "other")
    world.git("reflog", "expire", "--expire=all", "refs/heads/other")
    world.task("t")
    world.git("branch", "-m", "main", "trunk")
    mended(world, "base-gone")


@pytest.mark.parametrize("log", [None, b"", b"\xff \xff\n"])
def test_without_a_reflog_no_commit_is_chosen_for_a_deleted_branch(world: World, log: bytes | None) -> None:
    expect_files(world.repo / ".git")
    world.task("t")
    without_branch(world)
    file = entry(world) / "logs/HEAD"
    file.unlink()
    if log is not None:
        file.write_bytes(log)
    told = stays(world, "branch-gone")
    assert "--fix does not choose a commit" in told["fix"]
    assert world.try_git("rev-parse", "-q", "--verify", "refs/heads/t").status == 1


def test_a_landed_task_whose_index_is_damaged_is_found_once(world: World) -> None:
    world.landed()
    (entry(world) / "index").write_bytes(b"\0" * 100)
    mended(world, "workspace-index")


# records


def test_a_workspace_that_neither_git_nor_a_record_knows_is_made_whole_from_the_journal(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    before = world.listed("t")
    world.record().unlink()
    shutil.rmtree(entry(world))
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["record-missing", "workspace-unregistered"]
    assert "neither git nor git-par knows it any more" in found[0]["message"]
    assert doctor(world, status=0) == []
    assert {**world.listed("t"), "dirty": None} == {**before, "dirty": None}
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt"


def test_the_newest_journal_entry_that_can_be_read_tells(world: World) -> None:
    """A record of a name too long for its file is found by its lock."""
    name = "long-" + "ö" * 40
    world.ok("add", name, "t")
    (file,) = (one for one in world.record().parent.iterdir() if "%-" in one.name)
    before = json.loads(file.read_bytes())
    file.write_text("{")
    journal = world.repo / ".git/par/journal"
    (journal / "99991231T235959.000000Z-1-1.json").write_text('{"version": 1, "refs": [], "tasks": {}}')
    found = doctor(world, "--fix", status=0)
    assert [(each["id"], each["task"]) for each in found] == [("state-damaged", name), ("state-damaged", None)]
    assert "(a field has the wrong type): that operation cannot be taken back" in found[1]["message"]
    assert json.loads(file.read_bytes()) == before


def test_the_record_of_a_removed_task_is_not_made_again(world: World) -> None:
    """Half of a record is all that there is of it."""
    world.landed()
    world.ok("remove", "t")
    world.record().write_text("{")
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["state-damaged"]
    assert not world.record().exists()


def test_a_workspace_that_tells_nothing_of_its_branch_keeps_its_place(world: World) -> None:
    path = world.task("t")
    world.write("notes", "mine\n", path)
    world.git("switch", "-q", "--detach", cwd=path)
    shutil.rmtree(world.repo / ".git/par/journal")
    world.record().unlink()
    assert one(world, "record-missing", "--fix")["fixed"] is False
    assert (path / "notes").read_text() == "mine\n"
    world.git("switch", "-q", "t", cwd=path)
    mended(world, "record-missing")


# registrations


def test_a_file_among_the_registrations_is_moved_aside(world: World) -> None:
    world.task("t")
    (entry(world, "odd")).write_text("x")
    assert "it is no directory" in mended(world, "registration-half")["message"]
    assert next((world.repo / ".git/par/damaged").iterdir()).read_text() == "x"


def test_a_head_that_names_no_commit_is_told_and_the_files_stay(world: World) -> None:
    path = world.task("t")
    world.write("notes", "mine\n", path)
    (entry(world) / "HEAD").write_text("nonsense\n")
    found = doctor(world, "--fix", status=0)
    assert found[0]["message"].partition("damaged: ")[2].startswith("its HEAD names no commit")
    assert (path / "notes").read_text() == "mine\n"
    assert world.git("status", "--porcelain", cwd=path) == "?? notes"
    world.check_sound()


def test_the_registration_of_a_private_workspace_that_is_gone_goes(world: World) -> None:
    place = world.workspaces / ".par/gate/1"
    world.git("worktree", "add", "-q", "--detach", str(place))
    world.git("worktree", "lock", "--reason", "git-par: private", str(place))
    (world.workspaces / ".par").chmod(0o700)
    shutil.rmtree(place)
    mended(world, "leftovers")
    assert not (world.repo / ".git/worktrees/1").exists()


def test_settings_that_do_no_harm_are_not_told(world: World) -> None:
    """The main checkout is where core.worktree says; hooks that are committed are in every workspace."""
    world.write(".husky/pre-commit", "")
    world.commit("hooks")
    world.task("t")
    world.git("config", "core.worktree", "..")
    world.git("config", "core.hooksPath", ".husky")
    assert doctor(world, status=0) == []


def test_what_cannot_be_measured_is_said_so(world: World) -> None:
    """A path longer than the system takes, as a runaway build leaves it."""
    world.task("t")
    kept = world.workspaces / ".par/kept"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    (world.workspaces / ".par").chmod(0o700)
    here = os.getcwd()
    try:
        os.chdir(kept)
        for _ in range(22):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(here)
    assert disk.size(kept) is None
    assert world.ok("doctor").out.startswith("disk use: kept ?, ")
    assert world.ok("doctor", "--json").json["disk"]["kept"] is None


# clones


def test_a_branch_that_is_gone_from_its_clone_and_from_here_is_left(world: World) -> None:
    path = Path(world.ok("add", "t", "--isolation", "clone").out.strip())
    for place in (path, world.repo):
        world.git("update-ref", "-d", "refs/heads/t", cwd=place)
    assert "git par remove t; --fix does not choose a commit" in stays(world, "branch-gone")["fix"]


def test_a_clone_that_took_the_place_of_another_is_left(world: World) -> None:
    first, second = map(Path, world.ok("add", "t", "u", "--isolation", "clone").out.splitlines())
    first.rename(world.root / "away")
    shutil.copytree(second, first, symlinks=True)
    found = doctor(world, "--fix")
    assert [(each["id"], each["task"], each["fixed"]) for each in found] == [("workspace-replaced", "t", False)]
    assert "says that it is the clone of task 'u' of" in found[0]["message"]
    shutil.rmtree(first)
    first.mkdir()
    world.git("init", "-q", cwd=first)
    assert f"'{first}' is not the clone that was made there" in stays(world, "workspace-replaced")["message"]


def test_a_copy_of_a_clone_is_told_and_left(world: World) -> None:
    first, second = map(Path, world.ok("add", "t", "u", "--isolation", "clone").out.splitlines())
    copy = world.workspaces / "copy"
    shutil.copytree(second, copy, symlinks=True)
    assert f"'{copy}' is a copy of the clone of task 'u'" in stays(world, "workspace-unknown")["message"]
    world.record("u").write_text("{")
    found = doctor(world)
    assert [each["id"] for each in found] == ["state-damaged"]
    world.record("u").unlink()
    found = doctor(world, "--fix")
    assert {each["task"] for each in found if each["id"] == "record-missing"} == {"u"}
    assert world.listed("u")["path"] == str(second)
    assert (first / ".git").is_dir()


# spares


def test_spares_that_were_moved_or_lost_are_told(world: World) -> None:
    world.git("config", "par.pool", "2")
    world.git("config", "par.poolMinFree", "0")
    world.ok("pool", "fill")
    moved, lost = sorted((world.workspaces / ".par/spares").iterdir())
    shutil.rmtree(world.repo / ".git/worktrees" / lost.name)
    assert f"'{lost}' was a spare, and git does not know it any more" in stays(world, "spare-damaged")["message"]
    shutil.rmtree(lost)
    world.git("worktree", "move", "-f", "-f", str(moved), str(world.root / "mine"))
    told = stays(world, "spare-damaged")
    assert told["message"] == f"the spare '{world.root / 'mine'}' was moved there, and is used for no task"
    world.git("worktree", "unlock", str(world.root / "mine"))
    assert doctor(world, status=0) == []
