"""The bytes of removed workspaces go in the background, without anybody waiting for them."""

import os
import shutil
import time
from pathlib import Path

import pytest

from git_par import files
from git_par.spawn import background
from git_par.workspaces import trash
from tests.processes import until, wait_for
from tests.world import World


def thrown(world: World, count: int) -> Path:
    place = world.workspaces / ".par" / "trash"
    for number in range(count):
        world.write(f"t-1/{number % 7}/{number}.txt", "x", place)
    return place


def test_a_gentle_sweep_deletes_as_much(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    rests: list[float] = []
    monkeypatch.setattr(trash, "_STRETCH", 0.0)
    monkeypatch.setattr(time, "sleep", rests.append)
    place = thrown(world, 50)
    trash.sweep(place, gently=True)
    assert list(place.iterdir()) == []
    assert len(rests) == 50
    assert all(rest > 0 for rest in rests)


def test_one_that_somebody_waits_for_takes_no_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trash, "_STRETCH", 0.0)
    monkeypatch.setattr(time, "sleep", lambda _: pytest.fail("it rests"))
    place = thrown(world, 5)
    trash.sweep(place)
    assert list(place.iterdir()) == []


def test_a_rest_is_called_for_each_file(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    for name in ("a/1", "a/b/2", "a/b/3"):
        (tmp_path / name).touch()
    called: list[None] = []
    files.delete_tree(tmp_path / "a", lambda: called.append(None))
    assert len(called) == 3
    assert not (tmp_path / "a").exists()


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it reads /proc")
def test_the_sweep_stands_back_behind_everybody(world: World) -> None:
    file = world.root / "said"
    background.start([*background.gently(), "/bin/sh", "-c", f"ionice >{file}.new; mv {file}.new {file}"])
    wait_for(file)
    if shutil.which("ionice"):
        assert file.read_text() == "idle\n"


def test_without_ionice_the_sweep_comes_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.add("a")[0]
    (world.root / "bin").mkdir()
    for name in ("git", "sh"):
        (world.root / "bin" / name).symlink_to(shutil.which(name) or "")
    monkeypatch.setenv("PATH", str(world.root / "bin"))
    assert background.gently() == []
    world.ok("remove", "a")
    assert not path.exists()
    until(lambda: not os.listdir(world.workspaces / ".par" / "trash"))
