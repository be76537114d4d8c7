"""File systems without hard links, symbolic links or permissions, as on a memory stick: git-par works, secrets stay so."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from git_par.workspaces import cow
from tests.world import World


@pytest.fixture
def linkless(tmp_path: Path) -> Iterator[Path]:
    """A directory on FAT, by the kernel's driver or by that of exfat-fuse."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("needs root and Linux")
    image, place = tmp_path / "image", tmp_path / "stick"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(100 << 20)
    for make, mount in (("mkfs.vfat", "vfat"), ("mkfs.exfat", "exfat"), ("mkfs.exfat", "exfat-fuse")):
        if shutil.which(make) and _succeeds(make, str(image)) and (device := _mounted(mount, image, place)) is not None:
            break
    else:
        pytest.skip("needs the right and a driver to mount FAT")
    yield place
    os.chdir(tmp_path)
    subprocess.run(["umount", str(place)], check=True)
    if device:
        subprocess.run(["losetup", "-d", device], check=True)


def _mounted(kind: str, image: Path, place: Path) -> str | None:
    """Mount it; the loop device that is to be given back, None when it cannot be mounted."""
    if not kind.endswith("-fuse"):
        return "" if _succeeds("mount", "-t", kind, "-o", "loop", str(image), str(place)) else None
    if not shutil.which(f"mount.{kind}"):
        return None
    found = subprocess.run(["losetup", "-f", "--show", str(image)], check=False, capture_output=True, text=True)
    device = found.stdout.strip()
    if device and _succeeds(f"mount.{kind}", device, str(place)):
        return device
    if device:
        _succeeds("losetup", "-d", device)
    return None


def _succeeds(*argv: str) -> bool:
    return subprocess.run(argv, check=False, capture_output=True).returncode == 0


@pytest.fixture
def no_links(world: World, monkeypatch: pytest.MonkeyPatch) -> World:
    """A world with ignored files to copy, where hard links fail as on FAT."""

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    world.write(".gitignore", ".env\n")
    world.commit("ignored")
    world.write(".env", "SECRET=1\n").chmod(0o640)
    return world


def test_all_of_a_task_on_one(linkless: Path) -> None:
    world = World(linkless).init()
    world.write(".gitignore", ".env\n")
    world.commit("ignored")
    world.write(".env", "SECRET=1\n")
    path = world.task("one", one__txt="one\n")
    assert (path / ".env").read_text() == "SECRET=1\n"
    world.ok("merge", "one", "--prune")
    world.ok("restore", "one")
    assert (path / ".env").read_text() == "SECRET=1\n"
    world.check_sound()


def test_what_others_could_read_there_and_links_stay_out(world: World, linkless: Path) -> None:
    world.write(".gitignore", ".env\nbuild/\nlinked\n")
    world.commit("ignored")
    world.write(".env", "SECRET=1\n").chmod(0o600)
    world.write("build/open", "1\n").chmod(0o644)
    world.write("build/secret", "2\n").chmod(0o600)
    (world.repo / "build" / "link").symlink_to("open")
    world.write("linked", "3\n")
    world.git("config", "par.copy", "build")
    world.git("config", "par.link", "linked")
    world.git("config", "par.directory", str(linkless / "workspaces"))
    done = world.ok("add", "one")
    path = Path(done.out.strip())
    assert "one: left .env, build/secret: others could read it there\n" in done.err
    assert "one: left build/link, linked: that file system has no links\n" in done.err
    assert sorted(one.name for one in (path / "build").iterdir()) == ["open"]
    assert {one.name for one in path.iterdir()} == {".git", ".gitignore", "a.txt", "build"}
    left = world.par("copy", "one", "--json").json["left"]
    assert {one["path"]: one["reason"] for one in left} == {
        ".env": "exposed",
        "build/secret": "exposed",
        "build/link": "no-links",
        "linked": "no-links",
    }


def test_without_hard_links_a_copy_is_as_it_is_with_them(no_links: World) -> None:
    path = no_links.add("one")[0]
    copied, original = (path / ".env").stat(), (no_links.repo / ".env").stat()
    assert ((path / ".env").read_text(), stat.S_IMODE(copied.st_mode)) == ("SECRET=1\n", 0o640)
    assert copied.st_mtime_ns == original.st_mtime_ns
    assert list((no_links.workspaces / ".par" / "incoming").iterdir()) == []


def test_nor_does_it_take_the_place_of_what_came_meanwhile(no_links: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = Path(no_links.ok("add", "--no-files", "one").out.strip())
    real = cow.copy

    def meanwhile(source: int, target: int) -> None:
        real(source, target)
        no_links.write(".env", "mine\n", path)

    monkeypatch.setattr(cow, "copy", meanwhile)
    assert no_links.par("copy", "one").err == "left .env: something else is there\n"
    assert (path / ".env").read_text() == "mine\n"


@pytest.mark.parametrize("end", [OSError, KeyboardInterrupt])
def test_nor_does_one_that_failed_leave_half_a_file(
    no_links: World, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    path = Path(no_links.ok("add", "--no-files", "one").out.strip())
    copies = 0

    def half(source: int, target: int) -> None:
        nonlocal copies
        copies += 1
        os.write(target, os.read(source, 100 if copies == 1 else 3))
        if copies == 2:
            raise end

    with monkeypatch.context() as patch:
        patch.setattr(cow, "copy", half)
        assert no_links.par("copy", "one").status == (5 if end is OSError else 130)
    assert copies == 2
    assert not (path / ".env").exists()
    assert no_links.ok("copy", "one").out == "copied .env\n"


def test_a_record_that_was_being_made_there_is_found_and_made_again(world: World) -> None:
    code = (
        "import os, pathlib\nfrom git_par import cli\n"
        "def refused(*_, **__): raise PermissionError(1, 'no')\n"
        "real = pathlib.Path.replace\n"
        "def dead(self, target):\n"
        "    if target.name == 'one.json': os._exit(9)\n"
        "    return real(self, target)\n"
        "os.link, pathlib.Path.replace = refused, dead\ncli.main(['add', 'one'])\n"
    )
    assert world.process(sys.executable, "-c", code).status == 9
    assert world.record("one").read_bytes() == b""
    done = world.par("add", "one")
    assert done.status == 3
    assert "hint: git par doctor --fix" in done.err
    world.par("doctor", "--fix")
    world.par("add", "one")
    assert world.listed("one")["state"] in ("new", "active")
    world.check_sound()


def test_two_do_not_get_one_record(no_links: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from git_par import files

    place = no_links.root / "record"
    files.create(place, b"one")
    with pytest.raises(FileExistsError):
        files.create(place, b"two")
    assert place.read_bytes() == b"one"
    assert list(no_links.root.glob(".record*")) == []


def test_what_fails_otherwise_is_no_lack_of_links(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from git_par import files
    from git_par.workspaces import copies

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "link", full)
    monkeypatch.setattr(os, "symlink", full)
    with pytest.raises(OSError, match="No space"):
        files.create(world.root / "record", b"one")
    with pytest.raises(OSError, match="No space"):
        copies.symlink("there", "link", 0)
    assert not (world.root / "record").exists()
