"""Clones under attack: what only they hold or borrow, what a stranger wrote into them, what their parent keeps secret."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_par.workspaces import trash
from tests.killing import Killer
from tests.world import World

pytestmark = pytest.mark.usefixtures("cloned")


def gc(world: World, cwd: Path | None = None) -> None:
    """Take away all that no ref and no index reaches."""
    world.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all", cwd=cwd)
    world.git("gc", "-q", "--prune=now", cwd=cwd)


def shared(world: World) -> Path:
    return Path(world.ok("add", "t", "--isolation", "shared-clone").out.strip())


# what a shared clone holds, and what it borrows


def test_what_is_pinned_for_a_shared_clone_is_still_only_there(world: World) -> None:
    path = shared(world)
    world.commit("work", cwd=path, t__txt="t\n")
    world.ok("merge", "t")
    world.git("switch", "-q", "-c", "side", cwd=path)
    world.commit("aside", cwd=path, side__txt="x\n")
    world.git("switch", "-q", "t", cwd=path)
    world.ok("merge", "t")  # which pins
    left = world.par("remove", "t", "--json").json["left"]
    assert left == [{"name": "t", "reason": "only-here", "detail": "only its clone has: side"}]


def test_what_a_removed_shared_clone_borrowed_is_kept_for_it(world: World) -> None:
    world.git("switch", "-q", "-c", "gone")
    borrowed = world.commit("gone", gone__txt="x\n")
    world.git("switch", "-q", "main")
    path = shared(world)
    world.git("fetch", "-q", "par", cwd=path)
    world.git("branch", "-q", "mine", "par/gone", cwd=path)
    world.ok("remove", "--force", "t")
    world.git("branch", "-D", "gone")
    gc(world)
    world.ok("restore", "t")
    world.ok("prune", "--kept", "--older-than", "0m")
    gc(world)
    assert world.rev("mine", cwd=path) == borrowed
    world.git("fsck", "--connectivity-only", cwd=path)


@pytest.mark.parametrize("end", [OSError, KeyboardInterrupt])
def test_a_removal_that_came_to_nothing_leaves_it_its_repository(
    world: World, monkeypatch: pytest.MonkeyPatch, end: type[BaseException]
) -> None:
    path = shared(world)
    world.commit("work", cwd=path, t__txt="t\n")
    world.write("a.log", "ignored\n", path)

    def failing(*_: object) -> None:
        raise end("full")

    with monkeypatch.context() as patch:
        patch.setattr(trash, "throw", failing)
        assert world.par("remove", "--force", "t").status == (3 if end is OSError else 130)
    if end is KeyboardInterrupt:
        assert not path.exists()
        assert world.par("remove", "t").status == 3
    assert world.git("log", "-1", "--format=%s", "t", cwd=path) == "work"
    assert (path / "a.log").read_text() == "ignored\n"
    world.git("fsck", "--connectivity-only", cwd=path)
    world.ok("merge", "t")


def test_one_that_was_removed_borrows_from_where_the_parent_is_now(world: World) -> None:
    world.git("config", "par.directory", str(world.workspaces))
    path = shared(world)
    world.commit("work", cwd=path, t__txt="t\n")
    world.ok("remove", "--force", "t")
    moved = world.root / "moved"
    world.repo.rename(moved)
    world.ok("restore", "t", cwd=moved)
    world.git("fsck", "--connectivity-only", cwd=path)
    assert world.git("config", "remote.par.url", cwd=path) == str(moved / ".git")
    world.ok("merge", cwd=path)


def test_what_a_sync_left_to_solve_is_pinned(world: World) -> None:
    path = shared(world)
    world.commit("mine", cwd=path, a__txt="mine\n")
    coming = world.commit("theirs", a__txt="theirs\n")
    assert world.par("sync", "t").status == 1
    world.git("reset", "-q", "--hard", "HEAD~")
    gc(world)
    assert world.git("show", f"{coming}:a.txt", cwd=path) == "theirs"
    world.git("fsck", "--connectivity-only", cwd=path)


# restored ones


@pytest.mark.parametrize("back", [["restore", "t"], ["undo"]])
def test_commits_made_again_after_a_restore_follow(world: World, back: list[str]) -> None:
    path = world.task("t")
    world.ok("remove", "--force", "t")
    world.ok(*back)
    world.git("commit", "-q", "--amend", "-m", "again", cwd=path)
    world.ok("merge", "t")
    assert world.git("log", "-1", "--format=%s", "main^2") == "again"


def test_a_bisection_goes_on_in_one_that_was_restored_under_another_name(world: World) -> None:
    path = world.task("t")
    world.git("bisect", "start", cwd=path)
    world.git("bisect", "bad", cwd=path)
    world.ok("remove", "--force", "t")
    back = Path(world.ok("restore", "t", "--as", "other").out.strip())
    assert world.git("symbolic-ref", "HEAD", cwd=back) == "refs/heads/other"
    world.git("bisect", "good", "HEAD~1", cwd=back)
    world.git("bisect", "reset", cwd=back)
    assert world.git("status", "--porcelain", "--branch", cwd=back) == "## other"
    assert world.git("for-each-ref", "--format=%(refname)", "refs/heads", cwd=back) == "refs/heads/other"


def test_a_rebase_goes_on_in_one_that_was_restored_under_another_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_EDITOR", "true")
    path = world.task("t", a__txt="mine\n")
    world.commit("theirs", a__txt="theirs\n")
    world.try_git("rebase", "main", cwd=path)
    world.ok("remove", "--force", "t")
    gc(world)
    new = Path(world.ok("restore", "t", "--as", "u").out.strip())
    world.write("a.txt", "both\n", new)
    world.git("add", "a.txt", cwd=new)
    world.git("rebase", "--continue", cwd=new)
    assert world.git("symbolic-ref", "HEAD", cwd=new) == "refs/heads/u"
    world.ok("merge", "u")


# secrets, and what is hidden


def test_settings_and_hooks_are_nobody_elses_to_read(world: World) -> None:
    world.git("remote", "add", "origin", "https://user:secret@example.com/x.git")
    world.hook("pre-push", ": secret").chmod(0o700)
    (world.repo / ".git/config").chmod(0o600)
    (path,) = world.add("t")
    assert path.stat().st_mode == world.repo.stat().st_mode
    for _ in range(2):
        modes = [(path / ".git" / name).stat().st_mode & 0o777 for name in ("config", "hooks/pre-push")]
        assert modes == [0o600, 0o700]
        world.ok("remove", "--force", "t")
        kept = next(world.workspaces.glob(".par/kept/t/*/repository/config"))
        assert kept.stat().st_mode & 0o777 == 0o600
        world.ok("restore", "t")


def test_what_is_hidden_from_fetches_is_not_hidden_between_them(world: World) -> None:
    world.git("config", "transfer.hideRefs", "refs/par")
    world.git("config", "uploadpack.hideRefs", "refs/heads")
    path = world.task("t")
    world.commit("on", other__txt="x\n")
    world.ok("sync", "t")
    world.ok("merge", "t")
    world.write("new", "uncommitted\n", cwd=path)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert (path / "new").exists()


def test_no_setting_of_the_user_keeps_the_two_apart(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ALLOW_PROTOCOL", "https:ssh")
    path = world.task("t")
    world.commit("on", other__txt="x\n")
    world.ok("sync", "t")
    world.ok("merge", "t")
    world.ok("remove", "t")
    world.ok("restore", "t")
    assert (path / "t.txt").exists()


def test_a_bare_parent_is_known_from_inside_where_bare_ones_must_be_named(world: World) -> None:
    bare = world.root / "x.git"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    world.git("config", "par.isolation", "clone", cwd=bare)
    Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text("[safe]\n\tbareRepository = explicit\n")
    done = world.par_process("add", "t", "--base", "main", env={"GIT_DIR": str(bare)})
    path = Path(done.out.strip())
    tip = world.commit("work", cwd=path, t__txt="t\n")
    world.ok("merge", cwd=path)
    assert world.git(f"--git-dir={bare}", "rev-parse", "main^2") == tip


def test_large_files_lie_where_those_of_all_worktrees_lie(world: World) -> None:
    world.git("config", "filter.lfs.process", "git-lfs filter-process")
    (path,) = world.add("t")
    assert world.git("config", "lfs.storage", cwd=path) == str(world.repo / ".git/lfs")
    world.git("config", "lfs.storage", "elsewhere")
    (path,) = world.add("u")
    assert world.git("config", "lfs.storage", cwd=path) == str(world.repo / ".git/elsewhere")


@pytest.fixture
def told(world: World) -> Iterator[Path]:
    """What the clone of a task says of itself; it is put right again."""
    path = world.task("t")
    file = path / ".git/par-parent"
    before = file.read_bytes()
    yield file
    file.write_bytes(before)
    world.ok("merge", "t")
    assert (world.repo / "t.txt").exists()


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        '{"parent": 3, "task": [], "created": null}',
        '{"parent": "/proc/self/../..", "task": "../../x", "created": "a"}',
        '{"parent": "/x", "task": "\\ud800", "created": "a"}',
        '{"parent": "/\\ud800", "task": "t", "created": "a"}',
        '{"parent": "/x", "task": "\\u001b[31m", "created": "a"}',
        "[" * 100_000,
    ],
)
def test_whatever_stands_in_it_nothing_is_taken_for_done(world: World, told: Path, text: str) -> None:
    told.write_text(text)
    clone = told.parent.parent
    for args in (["merge", "t"], ["merge", "t", "--dry-run"], ["sync", "t"]):
        done = world.par(*args)
        assert done.status == 1, (args, done)
        assert "is not the clone that was made for it" in done.out + done.err
        assert "\x1b" not in done.out + done.err
    assert world.par("remove", "--force", "t").status == 3
    assert world.ok("prune", "--new", "--json").json["removed"] == []
    assert world.par("doctor").status == 1
    assert clone.is_dir()


def test_the_work_of_one_that_was_moved_is_not_taken_for_landed(world: World) -> None:
    path = world.task("t")
    path.rename(world.workspaces / "elsewhere")
    for args in (["merge", "t"], ["merge", "t", "--dry-run"]):
        done = world.par(*args)
        assert done.status == 1, done
        assert "t: git par doctor --fix" in done.err
        assert f"its workspace was moved to '{world.workspaces / 'elsewhere'}'" in done.out


# where one stands


def test_tasks_start_in_a_worktree_that_was_made_from_a_clone(world: World) -> None:
    path = world.task("t")
    there = world.root / "theirs"
    world.git("worktree", "add", "-q", "-b", "side", str(there), cwd=path)
    start = world.commit("aside", cwd=there, side__txt="x\n")
    done = world.par("add", "u", cwd=there)
    assert (done.status, done.err.splitlines()[1]) == (2, "hint: name it with --base BRANCH")
    done = world.ok("add", "u", "--base", "main", cwd=there)
    assert f"u: starts at side ({start[:8]})" in done.err
    gc(world)
    assert world.rev("u") == start


def test_a_clone_on_a_branch_of_its_own_gets_its_record_back(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "-c", "side", cwd=path)
    for file in (world.record(), *(world.repo / ".git/par/journal").iterdir()):
        file.unlink()
    world.par("doctor", "--fix")
    assert [world.listed("t")[key] for key in ("branch", "isolation", "on")] == ["t", "clone", "side"]


def test_a_clone_with_submodules_goes_when_all_of_them_is_home(world: World) -> None:
    below = World(world.root, "below").init()
    add = ("-c", "protocol.file.allow=always", "submodule", "--quiet", "add")
    world.git(*add, str(below.repo), "lib")
    world.commit("with a submodule")
    (path,) = world.add("t")
    commit = world.commit("in it", cwd=path / "lib", z__txt="z\n")
    world.commit("go on with it", cwd=path)
    world.ok("merge", "t")
    world.ok("remove", "t")
    world.git("submodule", "--quiet", "update", "--no-fetch")
    assert world.rev("HEAD", cwd=world.repo / "lib") == commit
    world.ok("restore", "t")
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert world.rev("HEAD", cwd=path / "lib") == commit
    shutil.rmtree(path)


def test_killed_while_it_tries_a_link_an_add_leaves_nothing_that_stays(world: World) -> None:
    assert Killer(world).at_write("unlink", 1, "add", "one").reached
    assert list((world.workspaces / "one").iterdir()) == []
    assert list(world.workspaces.glob(".git-par-link-*"))
    world.ok("add", "one")
    assert not list(world.workspaces.glob(".git-par-link-*"))


def test_killed_while_a_deleted_one_is_made_again_the_next_makes_it(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    killer = Killer(world)
    for number in range(100):
        shutil.rmtree(path)
        reached = killer.at_git_call("group-after", number * 4 + 1, "doctor", "--fix").reached
        world.ok("doctor", "--fix")
        assert world.ok("doctor").err == "nothing is wrong\n"
        assert world.git("status", "--porcelain", "--branch", cwd=path) == "## t"
        if not reached:
            break
    assert number > 2
    world.ok("remove", "t")
