"""What was brought into a workspace never enters the object database, whatever becomes of its being ignored."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from git_par.repo import Repo
from tests.world import World

TEXT = "the key of it all"


@pytest.fixture
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the objects stay that are made for a question only."""
    place = tmp_path / "scratch"
    place.mkdir()

    @contextmanager
    def staying(_: Repo) -> Iterator[Path]:
        yield place

    monkeypatch.setattr(Repo, "scratch", staying)
    return place


def objects(world: World, *more: Path) -> str:
    """All that is in any object of the repository, and in those of `more` directories."""
    env = {"GIT_ALTERNATE_OBJECT_DIRECTORIES": os.pathsep.join(map(str, more))}
    return world.git("cat-file", "--batch-all-objects", "--batch", env=env)


def brought(world: World, *, include: bool = False) -> Path:
    """The workspace of a task with a commit and a key that was copied and is ignored no more."""
    if include:
        world.write(".worktreeinclude", "config/*.key\n")
    else:
        world.git("config", "par.copy", "config/*.key")
    world.write(".gitignore", "config/\n.env\n")
    world.commit("ignored")
    world.write("config/secret.key", f"{TEXT}\n").chmod(0o600)
    path = world.task("t")
    assert (path / "config" / "secret.key").read_text() == f"{TEXT}\n"
    world.write(".gitignore", "", path)
    world.git("commit", "-qam", "nothing is ignored", cwd=path)
    assert "?? config/" in world.git("status", "--porcelain", cwd=path)
    return path


@pytest.mark.parametrize("include", [False, True])
@pytest.mark.parametrize("forgotten", [False, True])
def test_no_verb_makes_an_object_of_it(world: World, scratch: Path, include: bool, forgotten: bool) -> None:
    path = brought(world, include=include)
    if forgotten:  # the record of the workspace still knows
        world.git("config", "--unset-all", "par.copy") if not include else (world.repo / ".worktreeinclude").unlink()
        (world.repo / "config" / "secret.key").unlink()
    world.write("new", "new\n", path)
    world.write("a.txt", "changed\n", path)
    found = world.ok("conflicts", "--json").json
    assert (found["uncommitted"], found["left"]) == (["t"], [{"name": "t", "files": ["config/secret.key"]}])
    assert "new\n" in objects(world, scratch)
    merge = world.ok("merge", "t", "--autocommit")
    assert "committed" in merge.err
    assert world.git("show", "main:new") == "new"
    world.ok("undo")
    world.ok("sync", "t")
    world.write("more", "more\n", path)
    assert world.par("remove", "t").status == 3
    world.ok("remove", "--force", "t")
    assert "more\n" in objects(world)
    (stay,) = (world.workspaces / ".par" / "kept").glob("t/*/files/config/secret.key")
    assert stay.stat().st_mode & 0o777 == 0o600
    world.ok("restore", "t")
    assert (path / "config" / "secret.key").read_text() == f"{TEXT}\n"
    assert (path / "config" / "secret.key").stat().st_mode & 0o777 == 0o600
    world.write("again", "again\n", path)
    world.ok("conflicts")
    world.ok("merge", "t", "--autocommit")
    world.ok("remove", "--force", "t")
    assert TEXT not in objects(world, scratch)


def test_one_that_matches_stays_out_although_it_was_not_copied(world: World, scratch: Path) -> None:
    world.git("config", "par.copy", "*.key")
    path = world.task("t")
    world.write("mine.key", f"{TEXT}\n", path)
    world.ok("merge", "t", "--autocommit")
    world.ok("conflicts")
    world.ok("remove", "--force", "t")
    assert TEXT not in objects(world, scratch)


@pytest.mark.parametrize("pattern", ["*", "**", "/*", "*/"])
def test_a_pattern_for_everything_does_not_keep_new_files_from_commits(world: World, pattern: str) -> None:
    world.git("config", "par.copy", pattern)
    world.write(".env", f"{TEXT}\n")
    world.write("build/secret", f"{TEXT}\n")
    path = world.task("t")
    world.write("src/new.py", "new\n", path)
    world.write(".gitignore", "", path)
    world.ok("merge", "t", "--autocommit")
    assert world.git("show", "main:src/new.py") == "new"
    assert TEXT not in objects(world)


def test_a_tracked_file_that_matches_is_a_file_like_others(world: World) -> None:
    world.write("public.key", "1\n")
    world.commit("tracked")
    world.git("config", "par.copy", "*.key")
    path = world.task("t")
    world.write("public.key", "2\n", path)
    world.ok("merge", "t", "--autocommit")
    assert world.git("show", "main:public.key") == "2"


def test_a_bad_pattern_stops_a_removal_before_it_begins(world: World) -> None:
    path = world.add("t")[0]
    world.git("config", "par.copy", "../x")
    assert world.par("remove", "t").status == 2
    assert path.is_dir()
    assert world.listed("t")["state"] == "new"
