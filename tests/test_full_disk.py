"""On a full disk, and where nothing may be written, git-par says so in a line, and what was there stays."""

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.killing import check_registrations, end_state
from tests.test_kill_sweep import SCENES, Scene, Sweep
from tests.world import Result

SIZE = 4 << 20
MOST = 60
"""With so many pages left every command has to succeed."""


def mounted(*args: str) -> bool:
    return subprocess.run(["mount", *args], capture_output=True, check=False).returncode == 0


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system, in `w`."""
    place = tmp_path / "w"
    place.mkdir()
    if not mounted("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(place)):
        pytest.skip("nothing can be mounted here")
    yield tmp_path
    subprocess.run(["umount", "--recursive", "--lazy", str(place)], check=True)


@contextmanager
def room_for(place: Path, pages: int) -> Iterator[None]:
    """Only so many pages are free on the file system of `place`, which is what so many small files take."""
    filler = place / "filler"
    free = os.statvfs(place)
    taken = (free.f_bavail - pages) * free.f_bsize
    assert taken > 0
    descriptor = os.open(filler, os.O_CREAT | os.O_WRONLY)
    try:
        os.posix_fallocate(descriptor, 0, taken)
    finally:
        os.close(descriptor)
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def read_only(directory: Path) -> Iterator[None]:
    """Nothing below `directory` can be written, not even by root."""
    assert mounted("--bind", str(directory), str(directory))
    try:
        assert mounted("-o", "remount,ro,bind", str(directory))
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def check_refusal(done: Result, statuses: tuple[int, ...] = (3, 5)) -> None:
    assert done.status in statuses, done
    assert "Traceback" not in done.err
    said = [line for line in done.err.splitlines() if line.startswith(("git par: ", "left "))]
    assert said, done
    assert "hint: " in done.err, done


def check_again(sweep: Sweep) -> None:
    """With everything writable again the command succeeds, and comes to what it comes to otherwise."""
    for args in sweep.scene.again():
        done = sweep.world.par(*args)
        assert done.status == 0 or (sweep.scene.over and sweep.scene.over in done.err), done
    sweep.before.check(sweep.world, sweep.trees, back=sweep.scene.back)
    assert end_state(sweep.world) == sweep.aim
    check_registrations(sweep.world)


every_scene = pytest.mark.parametrize("scene", [one for one in SCENES if one.often], ids=lambda scene: scene.name)


@pytest.mark.parametrize(
    "rooms",
    [(0, 4, 10, 20, MOST), pytest.param(range(MOST), marks=pytest.mark.soak)],
    ids=["some", "each"],
)
@every_scene
def test_with_no_room_at_any_write_nothing_is_lost(disk: Path, scene: Scene, rooms: Sequence[int]) -> None:
    sweep = Sweep.of(scene, disk)
    failed = 0
    for pages in rooms:
        world = sweep.fresh()
        with room_for(world.root, pages):
            done = world.par(*sweep.scene.command)
            try:
                if done.status != 0:
                    failed += 1
                    check_refusal(done)
                sweep.before.check(world, sweep.trees, back=scene.back)
            except AssertionError as problem:
                raise AssertionError(f"{scene.name} with room for {pages} pages: {done}") from problem
        try:
            check_again(sweep)
        except AssertionError as problem:
            raise AssertionError(f"{scene.name} after room for {pages} pages: {done}") from problem
        if done.status == 0 and pages > 12:
            break
    assert failed
    assert done.status == 0


@pytest.mark.parametrize("what", ["repo/.git", "repo-worktrees"])
@every_scene
def test_where_nothing_may_be_written_nothing_is_lost(disk: Path, scene: Scene, what: str) -> None:
    sweep = Sweep.of(scene, disk)
    world = sweep.fresh()
    with read_only(world.root / what):
        done = world.par(*sweep.scene.command)
        if done.status != 0:
            check_refusal(done)
        sweep.before.check(world, sweep.trees, back=scene.back)
        assert world.ok("list").out
    check_again(sweep)
