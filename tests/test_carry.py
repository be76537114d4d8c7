"""`git par add --carry`: uncommitted work comes along as it is, and stays where it was as it is."""

import os
import signal
import socket
import stat
import threading
from pathlib import Path

import pytest

from tests.killing import Before, Killer
from tests.world import PAR, World


def seen(world: World, top: Path) -> tuple[str, str, dict[str, tuple[str, int, bytes]]]:
    """A checkout as git sees it, staged and not, and every file that git does not ignore, byte for byte."""
    status = world.git("status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames", cwd=top)
    index = world.git("ls-files", "--stage", "--debug", cwd=top)
    index = "\n".join(line for line in index.splitlines() if not line.startswith("  ") or "flags" in line)
    index = "\n".join(line.split("flags:")[-1] if "flags" in line else line for line in index.splitlines())
    listed = world.git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=top).split("\0")
    found = {}
    for name in sorted({one for one in listed if one and os.path.lexists(top / one) and not (top / one).is_dir()}):
        place = top / name
        kind = "link" if place.is_symlink() else "file"
        data = os.fsencode(os.readlink(place)) if place.is_symlink() else place.read_bytes()
        found[name] = (kind, 0 if place.is_symlink() else stat.S_IMODE(place.stat().st_mode), data)
    return status, index, found


def untouched(top: Path) -> dict[str, tuple[int, int, int, int]]:
    """All that writing would change of what is under `top`, the index included."""
    found = {}
    for directory, names, files in os.walk(top):
        if ".git" in names:
            names.remove(".git")
        for name in [*files, *names]:
            now = os.lstat(os.path.join(directory, name))
            found[os.path.join(directory, name)] = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    now = os.stat(top / ".git" / "index") if (top / ".git").is_dir() else os.stat(top)
    found["index"] = (now.st_ino, now.st_size, now.st_mtime_ns, now.st_ctime_ns)
    return found


@pytest.fixture
def busy(world: World) -> World:
    """A checkout with uncommitted work of every kind."""
    world.write(".gitattributes", "*.crlf text eol=crlf\n*.up filter=up\n")
    world.git("config", "filter.up.clean", "tr A-Z a-z")
    world.git("config", "filter.up.smudge", "tr a-z A-Z")
    for name in (
        "staged",
        "both",
        "changed",
        "deleted",
        "cached",
        "old",
        "mode",
        "x.crlf",
        "x.up",
        "dir/f",
        "file",
        "d/g",
        "flip/f",
    ):
        world.write(name, f"{name}\n" if name != "x.up" else "WORDS\n")
    (world.repo / "link").symlink_to("staged")
    (world.repo / "linked").symlink_to("dir")
    world.commit("base")
    world.write("staged", "new\n")
    world.write("both", "first\n")
    world.write("new", "new\n")
    (world.repo / "binary").write_bytes(bytes(range(256)))
    (world.repo / "mode").chmod(0o755)
    world.git("add", "staged", "both", "new", "binary", "mode")
    world.write("both", "second\n")
    world.write("changed", "changed now\n")
    (world.repo / "deleted").unlink()
    world.git("rm", "-q", "--cached", "cached")
    world.git("mv", "old", "renamed")
    world.git("rm", "-q", "x.crlf")
    (world.repo / "y.crlf").write_bytes(b"a\r\nb\n")
    world.git("add", "y.crlf")
    world.write("x.up", "OTHER\n")
    (world.repo / "link").unlink()
    (world.repo / "link").symlink_to("nowhere")
    (world.repo / "dir/f").unlink()
    (world.repo / "dir").rmdir()
    world.write("dir", "a file now\n")
    (world.repo / "file").unlink()
    world.write("file/inside", "a directory now\n")
    (world.repo / "linked").unlink()
    world.write("linked/own", "no link now\n")
    (world.repo / "d/g").unlink()
    (world.repo / "d").rmdir()
    (world.repo / "d").symlink_to("file")
    (world.repo / "flip/f").unlink()
    (world.repo / "flip").rmdir()
    world.write("flip", "staged, and gone\n")
    world.git("add", "flip")
    (world.repo / "flip").unlink()
    world.write("named", "by name only\n")
    world.git("add", "--intent-to-add", "named")
    world.write("un tracked/größe", "x\n")
    world.write("new\nline", "x\n")
    world.write(".env.local", "SECRET=1\n").chmod(0o600)
    world.write("some.log", "ignored\n")
    world.write("run", "#!/bin/sh\n").chmod(0o755)
    os.utime(world.repo / "changed", ns=(1_000_000_000, 1_234_567_891))
    return world


def test_everything_comes_along_and_stays(busy: World) -> None:
    before, objects = untouched(busy.repo), count(busy)
    path = Path(busy.ok("add", "--carry", "one").out.strip())
    assert untouched(busy.repo) == before
    assert seen(busy, path) == seen(busy, busy.repo)
    assert not (path / "some.log").exists()
    assert stat.S_IMODE((path / ".env.local").stat().st_mode) == 0o600
    assert (path / "changed").stat().st_mtime_ns == 1_234_567_891
    assert count(busy) == objects
    assert busy.rev("HEAD", cwd=path) == busy.rev("HEAD")
    busy.check_sound()


def count(world: World) -> str:
    return world.git("count-objects")


def test_what_git_says_afterwards_is_no_surprise(busy: World) -> None:
    """Committing everything there and here gives the same tree."""
    path = Path(busy.ok("add", "--carry", "one").out.strip())
    busy.commit("all", cwd=path)
    busy.commit("all")
    assert busy.rev("HEAD^{tree}", cwd=path) == busy.rev("HEAD^{tree}")


def test_several_get_a_copy_each_and_from_a_workspace_too(busy: World) -> None:
    done = busy.ok("add", "--carry", "one", "two")
    assert done.err.splitlines()[-1] == "carried: 29 paths"
    one, two = map(Path, done.out.splitlines())
    assert seen(busy, one) == seen(busy, two) == seen(busy, busy.repo)
    busy.write("more", "x\n", cwd=one)
    (one / "sub").mkdir()
    three = Path(busy.ok("add", "--carry", "three", cwd=one / "sub").out.strip())
    assert seen(busy, three) == seen(busy, one)
    assert busy.listed("three")["base"] == "one"


def test_nothing_to_carry(world: World) -> None:
    done = world.ok("add", "--carry", "one")
    assert done.err.splitlines()[-1] == "carried: nothing was uncommitted"


def test_only_on_top_of_the_same_commit(world: World) -> None:
    world.git("branch", "old")
    world.commit("second")
    world.write("a.txt", "changed\n")
    done = world.par("add", "--carry", "--from", "old", "one")
    assert (done.status, done.err.splitlines()[1]) == (2, "hint: leave out --from, or commit the work")
    assert world.branches() == ["main", "old"]
    path = Path(world.ok("add", "--carry", "--from", "main", "one").out.strip())
    assert (path / "a.txt").read_text() == "changed\n"


def test_a_checkout_that_is_not_whole_is_refused(world: World) -> None:
    world.git("checkout", "-q", "-b", "other")
    world.commit("other", a__txt="other\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    world.try_git("merge", "other")
    assert world.par("add", "--carry", "one").status == 3
    world.git("merge", "--abort")
    entry = world.git("ls-files", "--stage", "a.txt").split()[1]
    null = "0" * 40
    stages = "".join(f"100644 {entry} {stage}\ta.txt\n" for stage in (1, 2, 3))
    world.process("sh", "-c", f"printf '%s' '0 {null}\ta.txt\n{stages}' | git update-index --index-info")
    done = world.par("add", "--carry", "one")
    assert (done.status, done.err.splitlines()[0]) == (3, "git par: --carry: unmerged: a.txt")
    world.git("clone", "-q", "--bare", ".", "../bare.git")
    assert world.par("add", "--carry", "one", cwd=world.root / "bare.git").status == 2
    assert world.branches() == ["main", "other"]


def test_what_cannot_be_taken_is_named(world: World) -> None:
    world.git("init", "-q", "nested")
    world.commit("in it", cwd=world.repo / "nested")
    world.git("init", "-q", "module")
    world.commit("in it", cwd=world.repo / "module")
    world.git("add", "module")
    world.git("commit", "-qm", "with a module")
    world.commit("moved on", cwd=world.repo / "module")
    os.mkfifo(world.repo / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(world.repo / "socket"))
        done = world.ok("add", "--carry", "one")
    said = [line for line in done.err.splitlines() if "carried" in line]
    assert said == [
        "carried: nothing was uncommitted",
        "not carried: module: a submodule with changes of its own",
        "not carried: nested/: a repository of its own",
    ]
    path = Path(done.out.strip())
    assert not (path / "nested").exists()
    # Where a sparse workspace has no room for the submodule, it does not look deleted.
    path = Path(world.ok("add", "--carry", "--sparse", "nothing", "thin").out.strip())
    assert world.git("status", "--porcelain", cwd=path) == ""
    # The commit of a submodule is taken once it is staged.
    world.git("add", "module")
    path = Path(world.ok("add", "--carry", "two").out.strip())
    assert world.git("ls-files", "--stage", "module", cwd=path).split()[1] == world.rev(
        "HEAD", cwd=world.repo / "module"
    )
    assert world.git("status", "--porcelain", cwd=path) == "M  module"


@pytest.mark.parametrize("instead", ["nothing", "a file", "its repository"])
def test_a_submodule_that_is_to_go_or_to_be_a_file(world: World, instead: str) -> None:
    world.git("init", "-q", "module")
    world.commit("in it", cwd=world.repo / "module")
    world.git("add", "module")
    world.git("commit", "-qm", "with a module")
    world.git("rm", "-q", "--cached", "module")
    if instead != "its repository":
        (world.repo / "module").rename(world.root / "module")
    if instead == "a file":
        world.write("module", "a file\n")
        world.git("add", "module")
    done = world.ok("add", "--carry", "one")
    path = Path(done.out.strip())
    if instead == "its repository":
        assert done.err.count("not carried: module/: a repository of its own\n") == 1
        assert world.git("status", "--porcelain", cwd=path) == "D  module"
    else:
        assert seen(world, path) == seen(world, world.repo)
        assert os.path.lexists(path / "module") == (instead == "a file")


def test_what_a_filter_leaves_in_the_place_of_a_submodule_is_not_written_over(world: World) -> None:
    world.git("init", "-q", "module")
    world.commit("in it", cwd=world.repo / "module")
    world.write(".gitattributes", "z filter=plant\n")
    world.commit("with a module", z="z\n")
    world.git("rm", "-q", "--cached", "module")
    (world.repo / "module").rename(world.root / "module")
    world.git("config", "filter.plant.smudge", "mkdir -p module; touch module/mine; cat")
    done = world.par("add", "--carry", "one")
    place = world.workspaces / "one/module"
    says = f"git par: --carry: '{place}': it is no submodule any more, and holds something"
    assert (done.status, done.err.splitlines()[0]) == (3, says)
    assert (world.branches(), list(world.workspaces.glob("o*"))) == (["main"], [])


def test_into_a_sparse_workspace(busy: World) -> None:
    path = Path(busy.ok("add", "--carry", "--sparse", "nothing", "one").out.strip())
    assert seen(busy, path) == seen(busy, busy.repo)


def test_from_a_sparse_checkout(world: World) -> None:
    world.write("in/a", "a\n")
    world.write("out/b", "b\n")
    world.commit("both")
    world.git("sparse-checkout", "set", "in")
    blob = world.process("sh", "-c", "echo staged | git hash-object -w --stdin").out.strip()
    world.git("update-index", "--cacheinfo", f"100644,{blob},out/b")
    world.git("update-index", "--skip-worktree", "out/b")
    world.write("in/a", "changed\n")
    path = Path(world.ok("add", "--carry", "one").out.strip())
    lines = world.git("status", "--porcelain", cwd=path).splitlines()
    assert lines == world.git("status", "--porcelain").splitlines() == [" M in/a", "M  out/b"]


def test_no_link_leads_out_of_the_workspace(world: World) -> None:
    """A hook of the filter kind that plants a link while the workspace is filled."""
    victim = world.root / "victim"
    victim.mkdir()
    world.write(".gitattributes", "z filter=plant\n")
    world.write("z", "z\n")
    world.commit("base")
    world.git("config", "filter.plant.smudge", f"ln -s {victim} sub; cat")
    world.write("sub/file", "x\n")
    done = world.par("add", "--carry", "one")
    assert (done.status, list(victim.iterdir())) == (3, [])
    assert (world.branches(), list(world.workspaces.glob("o*"))) == (["main"], [])


def test_a_file_that_goes_meanwhile_is_not_taken_for_carried(world: World) -> None:
    world.write(".gitattributes", "z filter=take\n")
    world.commit("base", z="z\n")
    file = world.write("mine", "mine\n")
    world.git("config", "filter.take.smudge", f"rm -f {file}; cat")
    done = world.par("add", "--carry", "one")
    says = f"git par: --carry: '{file}': it is being written right now"
    assert (done.status, done.err.splitlines()[0]) == (3, says)
    assert (world.branches(), list(world.workspaces.glob("o*"))) == (["main"], [])


def test_a_file_that_is_being_written_is_not_taken_half(world: World) -> None:
    file = world.write("log", "x" * 30_000_000)
    enough = threading.Event()

    def write() -> None:
        with file.open("a") as log:
            while not enough.wait(0.001):
                log.write("x")
                log.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = world.par("add", "--carry", "one")
    finally:
        enough.set()
        writer.join()
    assert (done.status, done.err.splitlines()[0]) == (
        3,
        f"git par: --carry: '{file}': it is being written right now",
    )
    assert (world.branches(), list(world.workspaces.glob("[a-z]*"))) == (["main"], [])


def test_a_failure_takes_everything_back(busy: World) -> None:
    (busy.repo / "changed").chmod(0)
    before = untouched(busy.repo)
    if os.geteuid() == 0:
        pytest.skip("root reads everything")
    done = busy.par("add", "--carry", "one", "two")
    assert done.status == 5, done
    assert (busy.branches(), list(busy.workspaces.glob("[a-z]*"))) == (["main"], [])
    assert untouched(busy.repo) == before


def test_a_kill_while_it_is_brought_is_taken_back(busy: World) -> None:
    killer = Killer(busy)
    calls = killer.git_calls("add", "--carry", "zero")
    before, work = Before.of(busy), seen(busy, busy.repo)
    for back in range(2, 7, 2):  # the last calls bring it
        end = killer.at_git_call("group-after", calls - back, "add", "--carry", "one")
        assert end.reached
        before.check(busy)
        assert seen(busy, busy.repo) == work
        done = busy.par("add", "--carry", "one")
        if done.status:
            assert "there is a task of that name" in done.err, done
        assert seen(busy, busy.workspaces / "one") == work
        busy.ok("remove", "--force", "one")
        busy.check_sound()


def test_an_interrupt_takes_everything_back(busy: World) -> None:
    started = busy.root / "started"
    busy.git("config", "filter.up.smudge", f"touch {started}; sleep 2; tr a-z A-Z")
    before = untouched(busy.repo)
    running = busy.start(*PAR, "add", "--carry", "one")
    while not started.exists():
        assert running.poll() is None
    running.send_signal(signal.SIGTERM)
    running.communicate()
    assert running.returncode == 143
    assert (busy.branches(), list(busy.workspaces.glob("[a-z]*"))) == (["main"], [])
    assert untouched(busy.repo) == before
    busy.check_sound()
