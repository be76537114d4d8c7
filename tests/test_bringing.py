"""Files of the main checkout come into workspaces as copies and links, and nothing else does."""

import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from git_par.workspaces import copies, cow, secrets
from tests.shells import need
from tests.test_losses import AS_OWNER
from tests.world import PAR, World

OLD = 1_500_000_000_000_000_000


def secret(world: World, name: str = ".env", text: str = "SECRET\n", mode: int = 0o600) -> Path:
    file = world.write(name, text)
    file.chmod(mode)
    os.utime(file, ns=(OLD, OLD))
    return file


def there(path: Path) -> set[str]:
    """Every file and link of a workspace that is not tracked at the start."""
    found = {
        str(Path(directory, name).relative_to(path))
        for directory, below, names in os.walk(path)
        for name in (*names, *(one for one in below if Path(directory, one).is_symlink()))
    }
    return found - {".git", ".gitignore", "a.txt"}


def test_a_copy_has_mode_and_time_and_add_says_so(world: World) -> None:
    secret(world)
    secret(world, "deep/.env.local", mode=0o640)
    world.write(".gitignore", ".env*\n")
    world.commit("ignored")
    before = world.rev("HEAD")[:8]
    done = world.ok("add", "t")
    assert done.err == f"t: starts at main ({before}), returns to main\nt: copied .env, deep/.env.local\n"
    for name, mode in ((".env", 0o600), ("deep/.env.local", 0o640)):
        about = (world.workspaces / "t" / name).stat()
        assert (stat.S_IMODE(about.st_mode), about.st_mtime_ns, about.st_nlink) == (mode, OLD, 1)
        assert (world.workspaces / "t" / name).read_text() == "SECRET\n"
    assert world.git("status", "--porcelain", cwd=world.workspaces / "t") == ""
    assert list((world.workspaces / ".par" / "incoming").iterdir()) == []


def test_no_files_brings_none(world: World) -> None:
    secret(world)
    path = Path(world.ok("add", "t", "--no-files").out.strip())
    assert there(path) == set()
    assert world.ok("copy", "t").out == "copied .env\n"
    assert there(path) == {".env"}


def test_only_ignored_files_come(world: World) -> None:
    world.write(".env.example", "tracked\n")
    world.commit("tracked")
    world.write(".env.example", "changed\n")
    world.write(".env.new", "neither tracked nor ignored\n")
    secret(world)
    path = Path(world.ok("add", "t", "--allow-dirty").out.strip())
    assert there(path) == {".env", ".env.example"}
    assert (path / ".env.example").read_text() == "tracked\n"


def test_worktreeinclude_selects_among_ignored_files_and_excepts(world: World) -> None:
    world.write(".worktreeinclude", "# of other tools\r\nconfig/*.key\n!config/not.key\n*.txt\n!.env.prod\nwhole/\n")
    world.write(".gitignore", ".env*\nconfig/\nwhole/\nbuild/\n")
    world.commit("include")
    for name in (
        ".env",
        ".env.prod",
        "config/a.key",
        "config/not.key",
        "config/b",
        "whole/of/it",
        "build/.env",
        "n.txt",
    ):
        secret(world, name)
    path = Path(world.ok("add", "t").out.strip())
    assert there(path) == {".env", ".worktreeinclude", "config/a.key", "whole/of/it"}


def test_a_worktreeinclude_that_is_a_link_says_nothing(world: World) -> None:
    (world.root / "list").write_text("node_modules\n")
    (world.repo / ".worktreeinclude").symlink_to(world.root / "list")
    world.write("node_modules/x", "x\n")
    assert there(world.add("t")[0]) == set()


def test_a_directory_that_is_ignored_as_a_whole_is_not_searched(world: World) -> None:
    secret(world, "node_modules/package/.env")
    secret(world, "build/pyvenv.cfg")
    (world.repo / "build").rename(world.repo / ".env")
    assert there(world.add("t")[0]) == set()
    world.git("config", "par.copy", "node_modules/*/.env")
    assert there(world.add("u")[0]) == {"node_modules/package/.env"}
    world.git("config", "par.copy", "node_modules")
    world.git("config", "--add", "par.copy", "")
    assert there(world.add("v")[0]) == set()


def test_links_come_as_links_and_lead_nobody_out(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    (outside / "treasure").write_text("treasure\n")
    world.write("build/file", "x\n")
    (world.repo / "build" / "dir").symlink_to(outside)
    (world.repo / "build" / "file-too").symlink_to(outside / "treasure")
    (world.repo / ".env").symlink_to(outside / "treasure")
    world.git("config", "par.copy", "build .env")
    path = world.add("t")[0]
    assert there(path) == {".env", "build/dir", "build/file", "build/file-too"}
    assert (path / "build" / "dir").readlink() == outside
    assert (path / ".env").readlink() == outside / "treasure"


def test_a_link_in_the_workspace_is_not_written_through(world: World) -> None:
    world.git("config", "par.copy", "build/one build/deep/two")
    world.write("build/one", "1\n")
    world.write("build/deep/two", "2\n")
    path = Path(world.ok("add", "t", "--no-files").out.strip())
    outside = world.root / "outside"
    outside.mkdir()
    (path / "build").symlink_to(outside)
    done = world.par("copy", "t")
    assert done == (
        1,
        "",
        "left build/deep/two: a link or a file is where its directory would be\n"
        "left build/one: a link or a file is where its directory would be\n",
    )
    assert list(outside.iterdir()) == []


def test_neither_fifo_nor_socket_nor_repository_comes(world: World) -> None:
    world.git("config", "par.copy", "build node_modules/*.key")
    world.write("node_modules/a.key", "in a repository\n")
    world.git("init", "-q", str(world.repo / "node_modules"))
    world.write("build/file", "x\n")
    os.mkfifo(world.repo / "build" / "fifo")
    with socket.socket(socket.AF_UNIX) as listening:
        os.chdir(world.repo / "build")
        listening.bind("socket")
    world.git("init", "-q", str(world.repo / "build" / "inner"))
    done = world.ok("add", "t")
    assert "t: left build/fifo, build/socket: it is neither file, directory nor link\n" in done.err
    assert "t: left build/inner: it is a repository or a workspaces directory\n" in done.err
    assert there(world.workspaces / "t") == {"build/file"}


def test_what_is_there_is_never_overwritten(world: World) -> None:
    secret(world)
    world.git("config", "par.copy", "build")
    for name in ("same", "differs", "gone", "deep/gone", "kind/x"):
        world.write(f"build/{name}", "main\n")
    path = world.add("t")[0]
    world.write("build/differs", "mine\n", path)
    (path / "build" / "gone").unlink()
    shutil.rmtree(path / "build" / "deep")
    shutil.rmtree(path / "build" / "kind")
    world.write("build/kind", "a file\n", path)
    done = world.par("copy", cwd=path)
    assert done == (
        1,
        "copied build/deep/\ncopied build/gone\n",
        "left build/differs: something else is there\nleft build/kind/: something else is there\n",
    )
    assert (path / "build" / "differs").read_text() == "mine\n"
    assert world.par("copy", "t", "--json").json == {
        "version": 1,
        "name": "t",
        "copied": [],
        "linked": [],
        "left": [{"path": "build/differs", "reason": "exists"}, {"path": "build/kind/", "reason": "exists"}],
    }


def test_what_git_tracks_or_does_not_ignore_in_the_workspace_is_left(world: World) -> None:
    world.git("switch", "-qc", "old")
    world.write(".gitignore", "")
    world.commit("nothing is ignored", build__x="")
    world.write("build/tracked", "tracked\n")
    world.commit("tracked")
    world.git("switch", "-q", "main")
    secret(world)
    world.write("build/tracked", "main\n")
    world.write("build/other", "main\n")
    world.git("config", "par.copy", "build .env")
    done = world.ok("add", "t", "--from", "old")
    assert "t: left build/tracked: something else is there\n" in done.err
    assert "t: left .env, build/other: git does not ignore it there\n" in done.err
    assert there(world.workspaces / "t") == {"build.x", "build/tracked"}
    assert world.git("status", "--porcelain", cwd=world.workspaces / "t") == ""


def test_what_would_lie_in_a_submodule_of_the_workspace_is_left(world: World) -> None:
    world.git("switch", "-qc", "with")
    world.git("update-index", "--add", "--cacheinfo", f"160000,{world.rev('HEAD')},lib")
    world.git("commit", "-qm", "a submodule")
    world.git("switch", "-q", "main")
    secret(world)
    secret(world, "lib/.env")
    done = world.ok("add", "t", "--from", "with")
    assert "t: left lib/.env: git does not ignore it there\n" in done.err
    assert there(world.workspaces / "t") == {".env"}


def test_a_sparse_workspace_gets_them_too(world: World) -> None:
    for name in ("in/file", "out/file"):
        world.write(name, "x\n")
    world.commit("two")
    secret(world, "out/.env")
    secret(world, "in/.env")
    path = Path(world.ok("add", "t", "--sparse", "in").out.strip())
    assert there(path) == {"in/file", "in/.env", "out/.env"}
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_a_workspaces_directory_in_the_main_checkout_is_not_copied(world: World) -> None:
    world.git("config", "par.directory", "build")
    world.git("config", "par.copy", "build build/** .env")
    secret(world)
    first = Path(world.ok("add", "t").out.strip())
    done = world.ok("add", "u")
    assert there(first) == {".env"}
    assert there(world.repo / "build" / "u") == {".env"}
    assert "left build/: it is a repository or a workspaces directory" in done.err


def test_a_bare_repository_has_nothing_and_says_so_when_it_was_asked(world: World) -> None:
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    bare = world.root / "x.git"
    assert "checkout" not in world.ok("add", "t", cwd=bare).err
    assert world.par("copy", "t", cwd=bare) == (
        3,
        "",
        "git par: copy: a bare repository has no main checkout to copy from\n"
        "hint: git worktree list shows checkouts to copy from by hand\n",
    )
    world.git("config", "par.link", "node_modules", cwd=bare)
    told = "git par: no main checkout: there is nothing to copy files from, or to link to\n"
    assert told in world.ok("add", "u", cwd=bare).err
    assert "checkout" not in world.ok("add", "v", "--no-files", cwd=bare).err


@pytest.mark.parametrize("pattern", ["../x", "a/../../x", "!../x", "~/x", "~ann/x", "//etc/passwd", ".."])
@pytest.mark.parametrize("key", ["copy", "link"])
def test_a_pattern_that_leads_out_is_refused(world: World, key: str, pattern: str) -> None:
    world.git("config", f"par.{key}", pattern)
    done = world.par("add", "t")
    assert done == (
        2,
        "",
        f"git par: par.{key}: '{pattern}' leads out of the repository\n"
        f"hint: patterns begin at its top: git config --show-origin --get-all par.{key}, and see .gitpar\n",
    )
    assert world.branches() == ["main"]


def test_a_pattern_of_gitpar_that_leads_out_needs_trust_and_keeps_nobody_from_work(world: World) -> None:
    world.write(".gitpar", "[par]\n\tcopy = ../x\n\tcopy = /build/key\n")
    world.commit("settings")
    world.write("build/key", "x\n")
    done = world.ok("add", "t")
    assert "git par: .gitpar: not trusted, so this does not count: par.copy; see 'git par trust'\n" in done.err
    assert (world.workspaces / "t/build/key").read_text() == "x\n"
    assert "../x" in world.ok("trust", "--show").out


def test_patterns_of_gitpar_count_and_begin_at_the_top(world: World) -> None:
    world.write(".gitpar", "[par]\n\tcopy = /build/key\n\tlink = /node_modules\n")
    world.commit("settings")
    for name in ("build/key", "deep/build/key", "node_modules/x", "deep/node_modules/x"):
        world.write(name, "x\n")
    world.write("deep/tracked", "x\n")
    world.commit("deep")
    path = world.add("t")[0]
    assert there(path) == {".gitpar", "build/key", "deep/tracked", "node_modules"}


def test_copy_says_what_it_needs(world: World) -> None:
    assert world.par("copy") == (
        2,
        "",
        "git par: copy: this is not the workspace of a task\nhint: git par copy NAME\n",
    )
    assert world.par("copy", "nothing").status == 2
    path = world.add("t")[0]
    shutil.rmtree(path)
    gone = f"git par: t: its workspace '{path}' is gone or damaged\nhint: git par doctor\n"
    assert world.par("copy", "t") == (3, "", gone)


def test_a_file_is_for_its_owner_only_until_it_is_whole_and_out_of_sight(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret(world, mode=0o644)
    copy, seen = cow.copy, []

    def watched(source: int, target: int) -> None:
        seen.append((stat.S_IMODE(os.fstat(target).st_mode), os.fstat(target).st_size, there(world.workspaces / "t")))
        copy(source, target)
        seen.append((stat.S_IMODE(os.fstat(target).st_mode), os.fstat(target).st_size, there(world.workspaces / "t")))

    monkeypatch.setattr(cow, "copy", watched)
    path = world.add("t")[0]
    assert seen == [(0o600, 0, set()), (0o600, 7, set())]
    assert stat.S_IMODE((path / ".env").stat().st_mode) == 0o644
    seen.clear()
    (path / ".env").chmod(0o600)
    world.ok("remove", "t")
    world.ok("restore", "t")
    assert [mode for mode, _, _ in seen] == [0o600, 0o600]
    assert stat.S_IMODE((path / ".env").stat().st_mode) == 0o600


def test_without_sharing_it_is_copied_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no(*_: object) -> int:
        raise OSError

    data = os.urandom(3 << 20)
    (tmp_path / "source").write_bytes(data)
    for name, lacking in (("plain", ("fcntl.ioctl", "os.copy_file_range")), ("range", ("fcntl.ioctl",))):
        with monkeypatch.context() as patched:
            for one in lacking:
                patched.setattr(one, no)
            with (tmp_path / "source").open("rb") as source, (tmp_path / name).open("wb") as target:
                cow.copy(source.fileno(), target.fileno())
        assert (tmp_path / name).read_bytes() == data


KILLED = """
import os, signal, sys
from git_par import cli
from git_par.workspaces import cow
copy = cow.copy
def cut_off(source, target):
    os.write(target, os.read(source, 3))
    os.kill(os.getpid(), signal.SIGKILL)
cow.copy = cut_off
cli.main(sys.argv[1:])
"""


def test_a_kill_leaves_no_half_file(world: World) -> None:
    secret(world)
    path = Path(world.ok("add", "t", "--no-files").out.strip())
    assert world.process(sys.executable, "-c", KILLED, "copy", "t").status == -9
    assert there(path) == set()
    (left,) = (world.workspaces / ".par" / "incoming").rglob(".env")
    assert stat.S_IMODE(left.stat().st_mode) == 0o600
    assert str(left.parent.parent) in world.par("doctor").out
    others = world.workspaces / ".par/incoming" / f".files.{os.getppid()}.abcd.tmp"
    others.mkdir()
    assert world.ok("copy", "t").out == "copied .env\n"
    assert not left.exists()
    others.rmdir()
    assert world.process(sys.executable, "-c", KILLED, "add", "u").status == -9
    assert not (world.workspaces / "u" / ".env").exists()
    assert there(world.add("u")[0]) == {".env"}
    world.check_sound()


def test_many_are_followed_on_the_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    told = []
    monkeypatch.setattr("git_par.render.progress", lambda *words: told.append(words))
    monkeypatch.setattr("git_par.render.Progress.wipe", lambda _: None, raising=False)
    monkeypatch.setattr("git_par.render.progress.wipe", lambda: None, raising=False)
    world.git("config", "par.copy", "build")
    for number in range(5):
        world.write(f"build/{number}", "x\n")
    world.add("t")
    assert [words for words in told if words[0] == "copying files"][-1] == ("copying files", 6, 6)


def test_directories_keep_their_modes_and_a_read_only_one_comes_whole(world: World) -> None:
    world.git("config", "par.copy", "build")
    world.write("build/closed/file", "x\n").chmod(0o400)
    (world.repo / "build" / "closed").chmod(0o500)
    (world.repo / "build").chmod(0o700)
    os.utime(world.repo / "build", ns=(OLD, OLD))
    path = world.add("t")[0]
    modes = [stat.S_IMODE((path / name).stat().st_mode) for name in ("build", "build/closed", "build/closed/file")]
    assert modes == [0o700, 0o500, 0o400]
    assert (path / "build").stat().st_mtime_ns == OLD
    for top in (world.repo, path):
        (top / "build" / "closed").chmod(0o700)


@pytest.mark.skipif(not AS_OWNER, reason="root reads everything, and there is no setpriv")
def test_what_cannot_be_read_is_named(world: World) -> None:
    world.git("config", "par.copy", ".env build")
    secret(world, "build/shut/key")
    secret(world, "build/.env", mode=0)
    secret(world)
    world.add("t")
    for name, text in (("build/shut/mine", "mine\n"), (".env", "theirs\n")):
        world.write(name, text, world.workspaces / "t")
    (world.repo / "build/shut").chmod(0)
    (world.repo / ".env").chmod(0)
    added = world.process(*AS_OWNER, *PAR, "add", "u")
    again = world.process(*AS_OWNER, *PAR, "copy", "t")
    (world.repo / "build/shut").chmod(0o700)
    assert added.status == 0, added
    assert "u: left .env, build/.env, build/shut: it cannot be read\n" in added.err
    assert there(world.workspaces / "u") == set()
    left = "left .env: something else is there\nleft build/shut/: it cannot be read\n"
    assert again == (1, "", left)
    assert (world.workspaces / "t/build/shut/mine").read_text() == "mine\n"
    world.write(".worktreeinclude", ".env\n").chmod(0)
    refused = world.process(*AS_OWNER, *PAR, "add", "v")
    assert (refused.status, refused.err.splitlines()[0]) == (
        5,
        f"git par: '{world.repo / '.worktreeinclude'}': permission denied",
    )
    assert not (world.workspaces / "v").exists()


@pytest.mark.skipif(not AS_OWNER, reason="root reads everything, and there is no setpriv")
def test_a_directory_that_nobody_can_look_into_keeps_nobody_from_adding(world: World) -> None:
    world.git("config", "par.copy", "build/*.key .env")
    secret(world, "build/a.key")
    secret(world)
    (world.repo / "build").chmod(0)
    done = world.process(*AS_OWNER, *PAR, "add", "t")
    again = world.process(*AS_OWNER, *PAR, "copy", "t")
    (world.repo / "build").chmod(0o700)
    assert done.status == 0, done
    assert done.err.endswith("t: copied .env\nt: left build/: it cannot be read\n")
    assert (again.status, again.err) == (1, "left build/: it cannot be read\n")
    assert world.ok("copy", "t").out == "copied build/a.key\n"


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[Path]:
    """A directory on btrfs, whose files can share their data."""
    if os.geteuid() != 0 or sys.platform != "linux":
        pytest.skip("needs root and Linux")
    need("mkfs.btrfs")
    image, place = tmp_path / "btrfs", tmp_path / "mounted"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(200 << 20)
    subprocess.run(["mkfs.btrfs", "-q", str(image)], check=True, capture_output=True)
    if subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount")
    yield place
    os.chdir(tmp_path)
    subprocess.run(["umount", str(place)], check=True)


def test_a_copy_shares_its_data_with_the_original(shared: Path) -> None:
    world = World(shared).init()
    world.write(".gitignore", "build/\n")
    world.commit("ignored")
    world.git("config", "par.copy", "build")
    (world.repo / "build").mkdir()
    (world.repo / "build" / "large").write_bytes(os.urandom(40 << 20))
    os.sync()
    before = shutil.disk_usage(shared).used
    paths = world.add("one", "two", "three")
    os.sync()
    assert shutil.disk_usage(shared).used - before < 10 << 20 < before
    for path in paths:
        assert (path / "build" / "large").read_bytes() == (world.repo / "build" / "large").read_bytes()
    (paths[0] / "build" / "large").write_text("mine\n")
    assert (world.repo / "build" / "large").stat().st_size == 40 << 20


def test_a_copy_never_takes_the_place_of_what_came_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    secret(world)
    world.git("config", "par.copy", "build")
    world.write("build/deep/file", "main\n")
    path = Path(world.ok("add", "t", "--no-files").out.strip())
    put = copies.Copying.put

    def late(self: copies.Copying, source: int, name: str, target: int, where: str) -> bool:
        world.write(where if where == ".env" else "build/mine", "mine\n", path)
        return put(self, source, name, target, where)

    monkeypatch.setattr(copies.Copying, "put", late)
    done = world.par("copy", "t")
    assert done == (1, "", "left .env: something else is there\nleft build/: something else is there\n")
    assert (path / ".env").read_text() == "mine\n"
    assert there(path) == {".env", "build/mine"}


def test_what_is_changed_meanwhile_is_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.git("config", "par.copy", "build")
    world.git("config", "par.link", "lib/gone/a lib/into/b lib/file/c lib/here")
    world.write(".git/info/exclude", "lib/\n")
    for name in ("gone/a", "into/b", "file/c", "here"):
        secret(world, f"build/{name}")
        secret(world, f"lib/{name}")
    path = Path(world.ok("add", "t", "--no-files").out.strip())
    directories = [path / top / name for top in ("build", "lib") for name in ("gone", "into", "file")]
    for directory in directories:
        directory.mkdir(parents=True)
    victim = world.root / "victim"
    victim.mkdir()
    note = secrets.note

    def late(git_dir: Path, came: Sequence[str]) -> None:
        note(git_dir, came)
        for directory in directories:
            directory.rmdir()
        for top in ("build", "lib"):
            shutil.rmtree(world.repo / top / "gone")
            (path / top / "into").symlink_to(victim)
            world.write(f"{top}/file", "mine\n", path)
        world.write("lib/here", "mine\n", path)
        (world.repo / "build/here").unlink()

    monkeypatch.setattr(secrets, "note", late)
    done = world.par("copy", "t")
    way = "a link or a file is where its directory would be"
    assert (done.status, done.out, done.err.splitlines()) == (
        1,
        "",
        [
            f"left build/file/c: {way}",
            f"left build/into/b: {way}",
            f"left lib/file/c: {way}",
            "left lib/here: something else is there",
            f"left lib/into/b: {way}",
        ],
    )
    assert (path / "lib/here").read_text() == "mine\n"
    assert list(victim.iterdir()) == []


def test_of_a_directory_with_others_only_the_ignored_files_come(world: World) -> None:
    """Git names an untracked directory too when all it looks at in there is ignored."""
    world.git("config", "par.copy", "cfg alone")
    world.write(".gitignore", "*.key\n.env\n")
    world.commit("ignored")
    for name in ("cfg/.env", "cfg/deep/plain", "cfg/deep/a.key", "alone/.env", "alone/deep/b.key"):
        secret(world, name)
    done = world.ok("add", "t")
    assert there(world.workspaces / "t") == {"cfg/.env", "cfg/deep/a.key", "alone/.env", "alone/deep/b.key"}
    assert "t: copied alone/.env, alone/deep/b.key, cfg/.env and 1 more\n" in done.err
    assert "left" not in done.err
