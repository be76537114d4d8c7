"""What a removal kept comes back as it was: branch, workspace, index, work, files, and what was in progress."""

import contextlib
import os
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.test_removal import private, wait_for_empty_trash
from tests.world import World

HAPPENED = (
    "path",
    "branch",
    "base",
    "base_commit",
    "group",
    "title",
    "created",
    "slot",
    "landed",
    "state",
    "head",
    "on",
)


def state(world: World, path: Path) -> dict[str, object]:
    """All of a workspace that git and the file system tell."""
    found: dict[str, object] = {
        "status": world.git("status", "--porcelain=v2", "--branch", "--untracked-files=all", "--ignored", cwd=path),
        "index": world.git("ls-files", "--stage", "-v", "--debug", cwd=path).split("\n  ctime")[0],
        "entries": world.git("ls-files", "--stage", cwd=path),
        "flags": world.git("ls-files", "-v", cwd=path),
        "unstaged": world.git("diff", cwd=path),
        "staged": world.git("diff", "--cached", cwd=path),
    }
    for file in sorted(path.rglob("*")):
        name, mode = str(file.relative_to(path)), file.lstat().st_mode
        if (
            name in (".git", ".git/index")
            or name.startswith(".git/objects/")
            or (file.is_dir() and not file.is_symlink())
        ):
            continue
        found[name] = (mode, os.readlink(file) if file.is_symlink() else file.read_bytes())
    del found["index"]
    return found


def busy(world: World, path: Path) -> None:
    """Everything that a workspace can hold uncommitted."""
    world.commit("more", cwd=path, gone__txt="g\n", dropped__txt="d\n", both__txt="b\n", script="run\n", sub__txt="s\n")
    (path / "link").symlink_to("a.txt")
    world.commit("a link", cwd=path)
    world.write("a.txt", "edited\n", cwd=path)
    world.write("both.txt", "staged\n", cwd=path)
    world.write("new.txt", "added\n", cwd=path)
    world.git("add", "both.txt", "new.txt", cwd=path)
    world.write("both.txt", "and edited\n", cwd=path)
    (path / "gone.txt").unlink()
    world.git("rm", "-q", "dropped.txt", cwd=path)
    (path / "script").chmod(0o755)
    (path / "link").unlink()
    (path / "link").symlink_to("new.txt")
    world.write("deep/er/untracked", "untracked\n", cwd=path).chmod(0o755)
    (path / "deep" / "dangling").symlink_to("/nowhere/at/all")
    world.write(".env", "SECRET=1\n", cwd=path).chmod(0o600)
    world.write("conf/.env.local", "SECRET=2\n", cwd=path).chmod(0o600)
    world.write("deep/x.log", "log\n", cwd=path).chmod(0o640)
    world.write("build/out/result", "result\n", cwd=path).chmod(0o755)
    (path / "build" / "link").symlink_to("out/result")


def on_its_branch(world: World, path: Path) -> None:
    busy(world, path)


def detached(world: World, path: Path) -> None:
    world.git("switch", "-q", "--detach", cwd=path)
    world.commit("only here", cwd=path)
    busy(world, path)


def on_another_branch(world: World, path: Path) -> None:
    world.git("switch", "-q", "-c", "fix", cwd=path)
    busy(world, path)


def on_no_commit(world: World, path: Path) -> None:
    world.git("switch", "-q", "--orphan", "fresh", cwd=path)
    world.write("first.txt", "first\n", cwd=path)
    world.git("add", "first.txt", cwd=path)


def merging(world: World, path: Path) -> None:
    world.commit("ours", cwd=path, a__txt="ours\n", both__txt="x\n")
    world.commit("theirs", a__txt="theirs\n", other__txt="theirs\n")
    assert world.try_git("merge", "main", cwd=path).status == 1
    world.write("untracked", "u\n", cwd=path)
    world.write(".env", "SECRET=1\n", cwd=path)


def rebasing(world: World, path: Path) -> None:
    world.commit("ours", cwd=path, a__txt="ours\n")
    world.commit("theirs", a__txt="theirs\n")
    assert world.try_git("rebase", "main", cwd=path).status == 1


def hidden(world: World, path: Path) -> None:
    world.commit("more", cwd=path, b__txt="b\n")
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
    world.git("update-index", "--skip-worktree", "b.txt", cwd=path)
    world.write("a.txt", "hidden\n", cwd=path)
    world.write("b.txt", "hidden too\n", cwd=path)


def nested(world: World, path: Path) -> None:
    world.git("init", "-q", str(path / "inner"))
    world.commit("inside", cwd=path / "inner", x="x")
    world.git("init", "-q", str(path / "node_modules" / "pkg"))
    world.commit("inside", cwd=path / "node_modules" / "pkg", y="y")


def intended(world: World, path: Path) -> None:
    world.write("planned.txt", "planned\n", cwd=path)
    world.git("add", "--intent-to-add", "planned.txt", cwd=path)


MAKERS: list[Callable[[World, Path], None]] = [
    on_its_branch,
    detached,
    on_another_branch,
    on_no_commit,
    merging,
    rebasing,
    hidden,
    nested,
    intended,
]


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_what_was_removed_by_force_comes_back_as_it_was(world: World, maker: Callable[[World, Path], None]) -> None:
    path = Path(world.ok("add", "t", "--title", "About it", "--group", "g").out.strip())
    world.commit("work", cwd=path, t__txt="t\n")
    maker(world, path)
    before, listed = state(world, path), world.listed("t")
    assert world.par("remove", "t").status == 3
    assert state(world, path) == before
    done = world.ok("remove", "--force", "t")
    assert done.out == "removed t (by force)\n"
    assert not path.exists()
    assert "t" not in world.branches()
    wait_for_empty_trash(world)
    world.check_sound()
    world.git("gc", "-q", "--prune=now")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    assert world.ok("restore", "t").out == f"{path}\n"
    assert state(world, path) == before
    now = world.listed("t")
    assert {key: now[key] for key in HAPPENED} == {key: listed[key] for key in HAPPENED}
    if maker is intended:  # its index names the empty blob, which a gc has taken meanwhile
        world.git("cat-file", "-e", world.git("hash-object", "/dev/null"))
    world.check_sound()


def test_what_is_unmerged_comes_back_where_hashes_are_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_DEFAULT_HASH", "sha256")
    world = World(tmp_path).init()
    path = world.task("t")
    merging(world, path)
    before = world.git("ls-files", "--stage", cwd=path)
    world.ok("remove", "--force", "t")
    (registration,) = (one for one in (world.repo / ".git/par/kept/t").iterdir() if one.is_dir())
    shutil.rmtree(registration)  # what was made commits of is enough
    world.ok("restore", "t")
    assert world.git("ls-files", "--stage", cwd=path) == before


def test_the_watcher_of_a_checkout_neither_survives_it_nor_holds_it_back(world: World) -> None:
    path = world.task("t")
    directory = Path(world.git("rev-parse", "--absolute-git-dir", cwd=path))
    world.write("mine", "mine\n", path)
    command = ("-c", "core.fsmonitor=true", "fsmonitor--daemon")
    if world.try_git(*command, "start", cwd=path).status:  # a git that has none here, and what a dead one leaves
        with contextlib.chdir(directory), socket.socket(socket.AF_UNIX) as left:
            left.bind("fsmonitor--daemon.ipc")
    watching = watchers(world)
    world.ok("remove", "--force", "t")
    deadline = time.monotonic() + 10
    while watching and watchers(world):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    world.ok("restore", "t")
    assert (path / "mine").read_text() == "mine\n"


def watchers(world: World) -> list[int]:
    """The processes of git's that watch a checkout of this world."""
    found = world.process("pgrep", "-f", "fsmonitor--daemon run").out.split()
    home = f"HOME={world.root / 'home'}\0".encode()
    return [int(pid) for pid in found if home in Path(f"/proc/{pid}/environ").read_bytes()]


def test_what_prune_removed_comes_back_landed(world: World) -> None:
    path = world.landed()
    world.write(".env", "SECRET=1\n", cwd=path).chmod(0o600)
    before, listed = state(world, path), world.listed("t")
    world.ok("prune")
    done = world.ok("restore", "t")
    assert done.out == f"{path}\n"
    assert state(world, path) == before
    now = world.listed("t")
    assert {key: now[key] for key in HAPPENED} == {key: listed[key] for key in HAPPENED}
    world.commit("more", cwd=path, more__txt="more\n")
    world.ok("merge", "t")
    world.ok("prune")
    world.check_sound()


def test_it_can_be_brought_back_again_and_again(world: World) -> None:
    path = Path(world.ok("add", "t").out.strip())
    busy(world, path)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    before = state(world, path)
    other = Path(world.ok("restore", "t", "--as", "again").out.strip())
    assert other == world.workspaces / "again"
    again = state(world, other)
    assert str(again.pop("status")).replace("again", "t") == before.pop("status")
    assert again == before
    assert world.listed("again")["slot"] != world.listed("t")["slot"]
    world.check_sound()


def test_the_newest_comes_back_unless_an_older_one_is_named(world: World) -> None:
    path = world.task("t", one="1\n")
    world.ok("remove", "--force", "t")
    world.task("t", two="2\n")
    world.ok("remove", "--force", "t")
    done = world.ok("restore", "t", "--json")
    (older,) = done.json["others"]
    assert done.err.endswith(f"hint: git par restore t --at {older} brings back an older one\n")
    assert sorted(file.name for file in path.iterdir()) == [".git", ".gitignore", "a.txt", "two"]
    world.ok("remove", "--force", "t")
    world.ok("restore", "t", "--at", older)
    assert sorted(file.name for file in path.iterdir()) == [".git", ".gitignore", "a.txt", "one"]


def a_task(world: World) -> str:
    world.add("t")
    return "t: there is a task of that name"


def a_branch(world: World) -> str:
    world.git("branch", "t")
    return "t: branch 't' exists already"


def a_branch_below(world: World) -> str:
    world.git("branch", "t/x")
    return "t: git cannot have branch 't' beside 't/x'"


@pytest.mark.parametrize("maker", [a_task, a_branch, a_branch_below], ids=lambda maker: maker.__name__)
def test_what_has_the_name_by_now_is_not_touched(world: World, maker: Callable[[World], str]) -> None:
    world.task("t")
    world.ok("remove", "--force", "t")
    said = maker(world)
    before = world.git("for-each-ref"), world.git("worktree", "list")
    journal = sorted((world.repo / ".git" / "par" / "journal").iterdir())
    assert world.par("restore", "t") == (2, "", f"git par: {said}\nhint: git par restore t --as NEW\n")
    assert (world.git("for-each-ref"), world.git("worktree", "list")) == before
    assert sorted((world.repo / ".git" / "par" / "journal").iterdir()) == journal
    world.ok("restore", "t", "--as", "back")
    assert world.listed("back")["branch"] == "back"
    assert (world.workspaces / "back" / "t.txt").exists()


def test_a_name_of_nothing_brings_nothing_back(world: World) -> None:
    done = world.par("restore", "t")
    assert done == (
        2,
        "",
        "git par: t: nothing is kept of it; nothing is kept in this repository\n"
        "hint: see 'git reflog' for lost commits\n",
    )
    world.task("gone")
    world.ok("remove", "--force", "gone")
    done = world.par("restore", "t")
    assert done == (2, "", "git par: t: nothing is kept of it; kept are gone\nhint: git par restore gone\n")
    world.add("t")
    assert world.par("restore", "t") == (2, "", "git par: t: it was not removed\nhint: git par path t\n")
    stamp = world.git("for-each-ref", "--format=%(refname)", "refs/par/kept").split("/")[4]
    done = world.par("restore", "gone", "--at", "x")
    assert done == (2, "", f"git par: --at x: kept at {stamp}\nhint: git par restore gone --at {stamp}\n")
    assert world.par("restore", "gone", "--as", "a b").status == 2
    assert world.branches() == ["main", "t"]


def test_the_new_name_is_that_of_the_branch_too(world: World) -> None:
    world.ok("add", "t", "--branch", "ada/{name}")
    world.ok("remove", "t")
    world.ok("restore", "t", "--as", "new")
    assert world.listed("new")["branch"] == "ada/new"


def test_a_branch_that_moved_since_is_not_checked_out_but_the_commit_is(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "-c", "side", cwd=path)
    stood = world.commit("aside", cwd=path, side__txt="x\n")
    world.ok("remove", "--force", "t")
    world.git("branch", "-f", "side", "main")
    world.ok("restore", "t")
    assert world.rev("HEAD", cwd=path) == stood
    assert world.try_git("symbolic-ref", "--quiet", "HEAD", cwd=path).status == 1
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert world.rev("side") == world.rev("main")


def test_a_bisection_goes_on_under_the_new_name(world: World) -> None:
    path = world.task("t")
    world.git("bisect", "start", "HEAD", "HEAD~1", cwd=path)
    world.ok("remove", "--force", "t")
    back = Path(world.ok("restore", "t", "--as", "other").out.strip())
    assert world.git("rev-parse", "refs/bisect/bad", cwd=back) == world.rev("other", cwd=back)
    world.git("bisect", "reset", cwd=back)
    assert world.git("status", "--porcelain", "--branch", cwd=back) == "## other"
    assert "t" not in world.branches()


def test_a_rebase_goes_on_under_the_new_name(world: World) -> None:
    path = world.task("t", a__txt="ours\n")
    world.commit("theirs", a__txt="theirs\n")
    assert world.try_git("rebase", "main", cwd=path).status == 1
    world.ok("remove", "--force", "t")
    other = Path(world.ok("restore", "t", "--as", "new").out.strip())
    world.write("a.txt", "solved\n", cwd=other)
    world.git("add", "a.txt", cwd=other)
    world.git("rebase", "--continue", cwd=other, env={"GIT_EDITOR": "true"})
    assert world.branches() == ["main", "new"]
    assert world.git("log", "--format=%s", "main..new") == "work of t"


def test_a_merge_goes_on_where_it_stood(world: World) -> None:
    path = world.task("t")
    merging(world, path)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    world.write("a.txt", "solved\n", cwd=path)
    world.git("add", "a.txt", cwd=path)
    world.git("commit", "-q", "--no-edit", cwd=path)
    assert world.rev("t^2") == world.rev("main")


def test_a_place_that_is_taken_stays_as_it_is(world: World) -> None:
    path = world.task("t")
    world.ok("remove", "--force", "t")
    world.write("t/precious", "precious", cwd=world.workspaces)
    other = Path(world.ok("restore", "t").out.strip())
    assert other == world.workspaces / "t-2"
    assert [file.name for file in path.iterdir()] == ["precious"]
    assert (other / "t.txt").read_text() == "t\n"


def test_a_slot_that_is_taken_stays_with_its_task(world: World) -> None:
    world.add("a", "b")
    world.ok("remove", "a")
    world.add("c")
    world.ok("restore", "a")
    assert [world.listed(name)["slot"] for name in ("a", "b", "c")] == [3, 2, 1]


def test_the_stage_of_a_sparse_workspace_is_that_of_before(world: World) -> None:
    world.write("one/x", "x\n")
    world.write("two/x", "x\n")
    world.commit("directories")
    path = Path(world.ok("add", "t", "--sparse", "one").out.strip())
    world.write("one/x", "edited\n", cwd=path)
    before = state(world, path)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert state(world, path) == before
    assert not (path / "two").exists()


def test_its_reflog_comes_back(world: World) -> None:
    path = world.task("t")
    lost = world.rev("t")
    world.git("reset", "-q", "--hard", "main", cwd=path)
    world.ok("remove", "t")
    world.ok("restore", "t")
    assert lost in world.git("reflog", "--format=%H", "HEAD", cwd=path)


def test_a_restore_that_fails_takes_back_what_it_made(world: World) -> None:
    path = world.task("t", x__bad="x\n")
    world.write(".gitattributes", "*.bad filter=bad\n", cwd=path)
    world.commit("attributes", cwd=path)
    world.ok("remove", "--force", "t")
    before = world.git("for-each-ref"), world.git("worktree", "list")
    world.git("config", "filter.bad.smudge", "false")
    world.git("config", "filter.bad.required", "true")
    done = world.par("restore", "t")
    assert (done.status, done.out) == (5, "")
    assert (world.git("for-each-ref"), world.git("worktree", "list")) == before
    assert not path.exists()
    assert world.ok("list", "--json").json["tasks"] == []
    world.git("config", "--remove-section", "filter.bad")
    world.ok("restore", "t")
    world.check_sound()


def test_from_inside_a_workspace_and_without_the_old_directory(world: World) -> None:
    (here,) = world.add("here")
    world.task("t")
    world.ok("remove", "--force", "t")
    world.ok("remove", "here")
    wait_for_empty_trash(world)
    shutil.rmtree(world.workspaces)
    assert world.ok("restore", "t").out == f"{world.workspaces / 't'}\n"
    assert not (private(world) / "kept").exists()
    world.ok("restore", "here", cwd=world.workspaces / "t")
    assert here.is_dir()
