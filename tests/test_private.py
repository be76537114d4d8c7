"""Private workspaces: claimed by one process at a time, clean whatever was done to them, and nobody's task."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from git_par import discovery
from git_par.landing import publish
from git_par.state.session import Session
from git_par.workspaces import in_progress, private
from tests.world import World

CLAIM = """
import sys, time
from git_par.state.session import Session
from git_par.workspaces import private

with private.claim(Session(("merge",), print), "gate") as one:
    one.stand_at(sys.argv[1])
    print(one.path, flush=True)
    sys.stdin.read()
"""


def stand(session: Session, commit: str, kind: private.Kind = "gate") -> Path:
    """Have a private workspace stand at `commit`; where it is."""
    with private.claim(session, kind) as one:
        one.stand_at(commit, "untracked" if kind == "gate" else "all")
        return one.path


def check_stands(world: World, path: Path, commit: str) -> None:
    """Detached at the commit, all files as committed, nothing going on."""
    assert world.try_git("symbolic-ref", "-q", "HEAD", cwd=path).status == 1
    assert world.rev("HEAD", cwd=path) == commit
    assert world.git("status", "--porcelain", cwd=path) == ""
    for name in world.git("ls-files", cwd=path).splitlines():
        assert (path / name).read_text() == world.git("show", f"{commit}:{name}") + "\n"
    entry = Path(world.git("rev-parse", "--absolute-git-dir", cwd=path))
    assert in_progress.operation(entry) == ""
    assert not list(entry.glob("*.lock"))


def test_it_is_made_where_git_par_keeps_its_own_things(world: World, session: Session) -> None:
    head = world.rev("main")
    path = stand(session, head)
    assert path == world.workspaces / ".par" / "gate" / "1"
    assert (world.workspaces / ".par").stat().st_mode & 0o777 == 0o700
    check_stands(world, path, head)
    listed = world.git("worktree", "list", "--porcelain")
    assert f"worktree {path}\nHEAD {head}\ndetached\nlocked git-par: private\n" in f"{listed}\n"
    world.check_sound()


def test_it_is_used_again_and_only_the_difference_is_written(world: World, session: Session) -> None:
    first = world.commit("one", same__txt="same\n", b__txt="b\n")
    second = world.commit("two", c__txt="c\n")
    path = stand(session, second)
    os.utime(path / "same.txt", (1, 1))
    world.git("update-index", "-q", "--refresh", cwd=path)
    assert stand(session, first) == path
    check_stands(world, path, first)
    assert not (path / "c.txt").exists()
    assert (path / "same.txt").stat().st_mtime == 1


@pytest.mark.parametrize(("kind", "stays"), [("gate", True), ("merge", False)])
def test_untracked_files_go_and_ignored_ones_stay_in_a_gate(
    world: World, session: Session, kind: private.Kind, stays: bool
) -> None:
    path = stand(session, world.rev("main"), kind)
    world.write("new.txt", "x", path)
    world.write("deep/er/new.txt", "x", path)
    world.write("build/cache", "x", path)
    world.git("init", "-q", str(path / "nested"))
    assert stand(session, world.rev("main"), kind) == path
    assert {one.name for one in path.iterdir()} == {".git", ".gitignore", "a.txt"} | ({"build"} if stays else set())


def edit(world: World, path: Path) -> None:
    world.write("a.txt", "changed", path)
    (path / ".gitignore").unlink()


def stage(world: World, path: Path) -> None:
    world.write("new.txt", "x", path)
    world.git("add", "--all", cwd=path)
    world.git("rm", "-q", "--cached", "a.txt", cwd=path)


def commit_there(world: World, path: Path) -> None:
    world.commit("of a gate", cwd=path, a__txt="committed\n")


def conflict(world: World, path: Path) -> None:
    world.git("checkout", "-q", "--detach", "left", cwd=path)
    assert world.try_git("merge", "right", cwd=path).status == 1


def pick(world: World, path: Path) -> None:
    world.git("checkout", "-q", "--detach", "left", cwd=path)
    assert world.try_git("cherry-pick", "right", cwd=path).status == 1


def revert(world: World, path: Path) -> None:
    world.git("checkout", "-q", "--detach", "right", cwd=path)
    world.commit("over it", cwd=path, a__txt="over it\n")
    assert world.try_git("revert", "HEAD~1", cwd=path).status == 1


def rebase(world: World, path: Path) -> None:
    world.git("checkout", "-q", "right", cwd=path)
    assert world.try_git("rebase", "left", cwd=path).status == 1


def bisect(world: World, path: Path) -> None:
    world.git("bisect", "start", "left", "left~1", cwd=path)


def autostash(world: World, path: Path) -> None:
    world.git("checkout", "-q", "--detach", "left", cwd=path)
    world.write(".gitignore", "changed\n", path)
    assert world.try_git("merge", "--autostash", "right", cwd=path).status == 1
    entry = Path(world.git("rev-parse", "--absolute-git-dir", cwd=path))
    assert (entry / "MERGE_AUTOSTASH").exists()


def lock(world: World, path: Path) -> None:
    entry = Path(world.git("rev-parse", "--absolute-git-dir", cwd=path))
    (entry / "index.lock").write_text("half an index")
    (entry / "HEAD.lock").write_text("")


def hide(world: World, path: Path) -> None:
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
    world.git("update-index", "--skip-worktree", ".gitignore", cwd=path)
    edit(world, path)


def switch(world: World, path: Path) -> None:
    world.git("checkout", "-q", "left", cwd=path)
    edit(world, path)


def block(world: World, path: Path) -> None:
    (path / "a.txt").unlink()
    world.write("a.txt/inside", "x", path)


def forget(world: World, path: Path) -> None:
    (Path(world.git("rev-parse", "--absolute-git-dir", cwd=path)) / "index").unlink()


@pytest.mark.parametrize(
    "harm",
    [edit, stage, commit_there, conflict, pick, revert, rebase, bisect, autostash, lock, hide, switch, block, forget],
)
def test_what_was_done_there_is_gone(world: World, session: Session, harm: Callable[[World, Path], None]) -> None:
    head = world.rev("main")
    for branch in ("left", "right"):
        world.git("checkout", "-q", "-b", branch, "main")
        world.commit(branch, a__txt=f"{branch}\n")
    world.git("checkout", "-q", "main")
    path = stand(session, head)
    world.write("build/cache", "x", path)
    refs = world.git("for-each-ref")
    harm(world, path)
    assert stand(session, head) == path
    check_stands(world, path, head)
    assert (path / "build" / "cache").exists(), "it was made again and not reset"
    assert world.git("for-each-ref") == refs


def delete(world: World, path: Path, entry: Path) -> None:
    shutil.rmtree(path)


def delete_entry(world: World, path: Path, entry: Path) -> None:
    shutil.rmtree(entry)


def delete_both(world: World, path: Path, entry: Path) -> None:
    shutil.rmtree(path)
    shutil.rmtree(entry)


def delete_all(world: World, path: Path, entry: Path) -> None:
    shutil.rmtree(world.workspaces)


def delete_link(world: World, path: Path, entry: Path) -> None:
    (path / ".git").unlink()


def spoil_head(world: World, path: Path, entry: Path) -> None:
    (entry / "HEAD").write_text("")


def spoil_index(world: World, path: Path, entry: Path) -> None:
    (entry / "index").write_bytes(b"\0" * 100)


def unlock(world: World, path: Path, entry: Path) -> None:
    world.git("worktree", "unlock", str(path))


@pytest.mark.parametrize(
    "harm", [delete, delete_entry, delete_both, delete_all, delete_link, spoil_head, spoil_index, unlock]
)
def test_a_damaged_one_is_made_again(world: World, session: Session, harm: Callable[[World, Path, Path], None]) -> None:
    head = world.rev("main")
    path = stand(session, head)
    harm(world, path, Path(world.git("rev-parse", "--absolute-git-dir", cwd=path)))
    assert stand(session, head) == path
    check_stands(world, path, head)
    assert len(list((world.repo / ".git" / "worktrees").iterdir())) == 1
    world.check_sound()


def test_what_is_not_ours_stays(world: World, session: Session) -> None:
    head = world.rev("main")
    for number in ("1", "3"):
        world.write("notes.txt", "mine", world.workspaces / ".par" / "gate" / number)
    other = World(world.root, "other").init()
    other.git("worktree", "add", "-q", "--detach", str(world.workspaces / ".par" / "gate" / "2"))
    (world.workspaces / ".par" / "gate" / "4").symlink_to(world.repo)
    fifth = world.workspaces / ".par" / "gate" / "5"
    world.git("worktree", "add", "-q", "--detach", "--lock", "--reason", "mine", str(fifth))
    assert stand(session, head) == fifth.with_name("6")
    assert (world.workspaces / ".par" / "gate" / "1" / "notes.txt").read_text() == "mine"
    assert other.git("status", "--porcelain", cwd=fifth.with_name("2")) == ""
    assert f"worktree {fifth}\n" in world.git("worktree", "list", "--porcelain")


def test_two_at_once_get_two_and_a_killed_one_frees_its_own(world: World, session: Session) -> None:
    head = world.rev("main")
    running = subprocess.Popen(
        [sys.executable, "-c", CLAIM, head],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with running:
        assert running.stdout
        assert running.stdout.readline() == f"{world.workspaces}/.par/gate/1\n"
        with private.claim(session, "gate") as mine, private.claim(session, "gate") as another:
            assert (mine.path.name, another.path.name) == ("2", "3")
            mine.stand_at(head)
        running.send_signal(signal.SIGKILL)
        running.wait()
    assert stand(session, head).name == "1"
    note = json.loads((world.repo / ".git" / "par" / "locks" / "gate-1").read_bytes())
    assert note["pid"] == os.getpid()


def test_many_at_once_get_one_each(world: World, session: Session) -> None:
    argv = [sys.executable, "-c", CLAIM, world.rev("main")]
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    running = [
        subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(6)
    ]
    places = [one.stdout.readline().strip() for one in running if one.stdout]
    for one in running:
        one.communicate()
    assert sorted(places) == [f"{world.workspaces}/.par/gate/{number}" for number in range(1, 7)]
    assert [one.returncode for one in running] == [0] * 6
    world.check_sound()


def test_they_are_no_tasks(world: World, session: Session) -> None:
    path = stand(session, world.rev("main"))
    stand(session, world.rev("main"), "merge")
    assert world.ok("list", "--json").json["tasks"] == []
    assert world.ok("prune").out == ""
    for name in ("1", "gate/1", str(path)):
        assert world.par("remove", name).status == 2
    assert world.par("remove", ".", cwd=path).status == 2
    world.ok("add", "1")
    world.ok("remove", "1")
    world.git("worktree", "prune")
    assert path.exists()
    world.check_sound()


def test_a_branch_that_was_checked_out_there_is_nobodys_checkout(world: World, session: Session) -> None:
    world.git("checkout", "-q", "--detach")
    path = stand(session, world.rev("main"))
    world.git("checkout", "-q", "main", cwd=path)
    assert publish.place(discovery.find(), "main") is None
    world.git("bisect", "start", cwd=path)
    entry = Path(world.git("rev-parse", "--absolute-git-dir", cwd=path))
    assert (entry / "BISECT_START").read_text() == "main\n"
    assert publish.place(discovery.find(), "main") is None
    before = world.rev("main")
    stand(session, world.commit("elsewhere", b__txt="b\n"))
    assert world.rev("main") == before


def test_no_hook_runs_and_no_shared_configuration_is_written(world: World, session: Session) -> None:
    world.hook("post-checkout", f"touch {world.root}/ran")
    config = (world.repo / ".git" / "config").read_bytes()
    first, second = world.rev("main"), world.commit("two", b__txt="b\n")
    stand(session, first)
    stand(session, second)
    assert not (world.root / "ran").exists()
    assert (world.repo / ".git" / "config").read_bytes() == config


def test_a_bare_repository_and_odd_names_will_do(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    bare = world.root / "ein Würfel $(x).git"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    monkeypatch.chdir(bare)
    path = stand(Session((), print), world.rev("main"))
    assert path == world.root / "ein Würfel $(x)-worktrees" / ".par" / "gate" / "1"
    check_stands(world, path, world.rev("main"))


@pytest.mark.skipif(os.getuid() == 0, reason="root may delete anything")
def test_files_that_cannot_be_deleted_are_set_aside(world: World, session: Session) -> None:
    path = stand(session, world.rev("main"))
    world.write("locked/file", "x", path)
    (path / "locked").chmod(0o500)
    assert stand(session, world.rev("main")) == path
    check_stands(world, path, world.rev("main"))
    deadline = time.monotonic() + 60
    while any((world.workspaces / ".par" / "trash").iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
