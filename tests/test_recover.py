"""A publish that was killed in the middle is healed by the next git-par command, and no edit is lost."""

import os
import shutil
import sys
import time
from pathlib import Path

import pytest

from git_par.state.announce import Announcement
from tests.world import World

FILES = 40

# A git that dies, and takes git-par with it, at the n-th file that the publishing merge opens, renames or unlinks.
DYING = """#!/bin/sh
case " $* " in
*" --ff-only "* | *" reset --keep "*)
    "$STRACE" -f -qq -o /dev/null -e trace=openat,rename,unlink,unlinkat,symlink \\
        -e "inject=openat,rename,unlink,unlinkat,symlink:signal=KILL:when=$DIE_AT" "$REAL_GIT" "$@"
    status=$?
    if [ "$status" != 137 ]; then touch "$SURVIVED"; fi
    kill -9 "$PPID"
    exit 1 ;;
esac
exec "$REAL_GIT" "$@"
"""


@pytest.fixture
def prepared(world: World) -> World:
    """A task that rewrites, adds, deletes and swaps many files, ready to be merged; and edits that nobody may touch."""
    for number in range(FILES):
        world.write(f"d{number % 5}/f{number}", f"old {number}\n")
    world.write("becomes-a-directory", "file\n")
    world.write("becomes-a-file/inside", "inside\n")
    os.symlink("a.txt", world.repo / "link")
    world.commit("many")
    path = world.add("t")[0]
    for number in range(FILES):
        if number % 4 == 0:
            (path / f"d{number % 5}/f{number}").unlink()
        else:
            world.write(f"d{number % 5}/f{number}", f"new {number}\n", path)
        world.write(f"added/g{number}", f"added {number}\n", path)
    (path / "becomes-a-directory").unlink()
    world.write("becomes-a-directory/x", "x\n", path)
    shutil.rmtree(path / "becomes-a-file")
    world.write("becomes-a-file", "file\n", path)
    (path / "link").unlink()
    os.symlink("elsewhere", path / "link")
    world.commit("rewrite", cwd=path)
    world.write("a.txt", "edited, not committed\n")
    world.write("staged", "staged\n")
    world.git("add", "staged")
    world.write("untracked", "mine\n")
    world.write(".env", "secret\n")
    return world


def merge_killed(world: World, number: int) -> bool:
    """Merge, killed at the `number`-th file call of the publish; whether it was."""
    return killed(world, number, "merge", "t")


def killed(world: World, number: int, *args: str) -> bool:
    """Run `git par ARGS`, killed at the `number`-th file call of its publish; whether it was."""
    strace, git = shutil.which("strace"), shutil.which("git")
    if not strace:
        if os.environ.get("CI"):
            pytest.fail("strace is missing")
        pytest.skip("strace is missing")
    assert git
    tools, survived = world.root / "tools", world.root / "survived"
    tools.mkdir(exist_ok=True)
    (tools / "git").write_text(DYING)
    (tools / "git").chmod(0o755)
    env = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "REAL_GIT": git,
        "STRACE": strace,
        "DIE_AT": str(number),
        "SURVIVED": str(survived),
    }
    done = world.par_process(*args, env=env)
    assert done.status == -9, done
    return not survived.exists()


def tree_on_disk(world: World) -> str:
    """The tree that the tracked files on disk, as they stand, come to, less the user's own edits."""
    index = world.root / "index"
    shutil.copy(world.repo / ".git" / "index", index)
    env = {"GIT_INDEX_FILE": str(index)}
    world.git("add", "--all", "--", ".", ":!a.txt", ":!untracked", ":!staged", env=env)
    world.git("rm", "-q", "--cached", "staged", env=env)
    return world.git("write-tree", env=env)


def check_edits(world: World) -> None:
    assert (world.repo / "a.txt").read_text() == "edited, not committed\n"
    assert world.git("show", ":staged") == "staged"
    assert (world.repo / "untracked").read_text() == "mine\n"
    assert (world.repo / ".env").read_text() == "secret\n"


@pytest.mark.parametrize("number", range(30, 346, 12))
def test_killed_anywhere_the_checkout_is_old_or_new(prepared: World, number: int) -> None:
    world = prepared
    old = world.rev("main")
    killed = merge_killed(world, number)
    healed = world.par("list")
    assert healed.status == 0, healed
    stands = world.rev("main")
    assert stands == old or (world.rev("t") in world.git("rev-list", stands).split())
    assert tree_on_disk(world) == world.rev(f"{stands}^{{tree}}"), (number, killed)
    assert sorted(world.git("status", "--porcelain").splitlines()) == [" M a.txt", "?? untracked", "A  staged"]
    check_edits(world)
    assert not (world.repo / ".git" / "index.lock").exists()
    assert list((world.repo / ".git" / "par" / "publishing").iterdir()) == []
    again = world.par("merge", "t")
    assert again.status == 0, again
    assert tree_on_disk(world) == world.rev("t^{tree}")
    check_edits(world)


@pytest.mark.parametrize("number", range(40, 400, 40))
def test_a_rebase_killed_anywhere_leaves_the_task_old_or_new(prepared: World, number: int) -> None:
    world = prepared
    path = Path(world.ok("add", "u", "--allow-dirty").out.strip())
    old = world.commit("work of u", cwd=path, u__txt="u\n")
    world.ok("merge", "t", "--ff")
    mine = {"a.txt": "edited, not committed\n", "untracked": "mine\n", ".env": "secret\n"}
    for name, text in mine.items():
        world.write(name, text, path)
    was_killed = killed(world, number, "sync", "u", "--rebase")
    assert world.par("list").status == 0
    stands = world.rev("u")
    assert stands == old or world.rev("u~1") == world.rev("t")
    for _ in range(2):
        assert world.git("status", "--porcelain", cwd=path).splitlines() == [" M a.txt", "?? untracked"], was_killed
        assert {name: (path / name).read_text() for name in mine} == mine
        assert list((world.repo / ".git" / "par" / "publishing").iterdir()) == []
        world.ok("sync", "u", "--rebase")
    assert world.rev("u~1") == world.rev("t")
    assert old in world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept/u").split()


def test_git_itself_in_front_does_not_hide_that_nobody_is_at_work(prepared: World) -> None:
    world = prepared
    launcher = world.root / "bin" / "git-par"
    launcher.parent.mkdir()
    launcher.write_text(f'#!/bin/sh\nexec {sys.executable} -m git_par "$@"\n')
    launcher.chmod(0o755)
    assert merge_killed(world, 150)
    assert (world.repo / ".git" / "index.lock").exists()
    env = {"PATH": f"{launcher.parent}:{os.environ['PATH']}"}
    assert world.process("git", "par", "list", env=env).err.endswith("is taken back\n")
    assert not (world.repo / ".git" / "index.lock").exists()


def test_an_editor_that_git_waits_for_keeps_its_lock(prepared: World) -> None:
    world = prepared
    assert merge_killed(world, 150)
    (world.repo / ".git" / "index.lock").unlink()
    go = world.root / "go"
    editor = f"sh -c 'touch {go}.started; while ! [ -e {go} ]; do sleep 0.05; done; exit 1' --"
    commit = world.start("git", "commit", "-a", env={"GIT_EDITOR": editor})
    while not (world.root / "go.started").exists():
        time.sleep(0.05)
    assert (world.repo / ".git" / "index.lock").exists()
    assert world.ok("list").err.startswith("git par: main: another git is at work in ")
    assert (world.repo / ".git" / "index.lock").exists()
    go.touch()
    commit.communicate(timeout=60)
    assert "is taken back" in world.ok("list").err
    check_edits(world)


def test_an_edit_made_after_the_kill_is_copied_aside(prepared: World) -> None:
    world = prepared
    old = world.rev("main")
    assert merge_killed(world, 150)
    assert world.rev("main") == old
    world.write("d1/f1", "edited after the kill\n")
    healed = world.par("list")
    told = f"git par: '{world.repo}/d1/f1': a copy of what stood there is in '"
    (said,) = (line for line in healed.err.splitlines() if line.startswith(told))  # git's own torn file may be another
    copy = Path(said.removeprefix(told).removesuffix("'"))
    assert copy.read_text() == "edited after the kill\n"
    assert copy.stat().st_mode & 0o077 == 0 or copy.parent.stat().st_mode & 0o077 == 0
    assert f"git par: main: a merge that was cut off in '{world.repo}' is taken back\n" in healed.err
    assert (world.repo / "d1/f1").read_text() == "old 1\n"
    check_edits(world)


def test_one_under_way_is_not_touched(prepared: World) -> None:
    import fcntl
    import json
    from dataclasses import asdict

    world = prepared
    directory = world.repo / ".git" / "par" / "publishing"
    directory.mkdir()
    step = Announcement(str(world.repo), "main", world.rev("main"), world.rev("t"))
    (directory / "1-x.json").write_text(json.dumps(asdict(step)))
    lock = world.repo / ".git" / "par" / "locks" / "base-main"
    world.write("d1/f1", "new 1\n")
    with open(lock, "w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        assert world.ok("list").err == ""
        assert (world.repo / "d1/f1").read_text() == "new 1\n"
    assert "is taken back" in world.ok("list").err
    assert (world.repo / "d1/f1").read_text() == "old 1\n"


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "[" * 3000, '{"checkout": 1}', '{"checkout": 1, "base": 2, "before": 3, "after": 4}']
)
def test_an_announcement_that_cannot_be_read_is_named_and_left(world: World, text: str) -> None:
    directory = world.repo / ".git" / "par" / "publishing"
    directory.mkdir(parents=True)
    (directory / "1-x.json").write_text(text)
    done = world.ok("list")
    assert done.err.startswith(f"git par: '{directory / '1-x.json'}': a cut-off publish that cannot be read (")
    assert (directory / "1-x.json").exists()
