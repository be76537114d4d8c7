"""Removal takes away what is safe, keeps what would be lost, and leaves the rest with the reason said."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import pytest

from git_par.workspaces import aside, reasons, registering
from git_par.workspaces.reasons import Reason
from tests.world import World, script, with_relative_links


def private(world: World) -> Path:
    return world.workspaces / ".par"


def wait_for_empty_trash(world: World) -> None:
    trash = private(world) / "trash"
    for _ in range(200):
        if not trash.is_dir() or not os.listdir(trash):
            return
        time.sleep(0.05)
    pytest.fail(f"still in the trash: {os.listdir(trash)}")


def kept_refs(world: World) -> dict[str, str]:
    listed = world.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/par/kept").splitlines()
    return {line.split()[0]: line.split()[1] for line in listed}


HELD: list[IO[bytes]] = []
"""Locks that a test holds to its end."""


@pytest.fixture(autouse=True)
def let_go() -> Iterator[None]:
    yield
    while HELD:
        HELD.pop().close()


# What makes each reason: it changes the workspace, and returns the sentence and the hint.


def creating(world: World, path: Path) -> tuple[str, str]:
    (world.repo / ".git" / "par" / "locks" / "task-t").chmod(0o600)
    holder = open(world.repo / ".git" / "par" / "locks" / "task-t", "rb+")  # noqa: SIM115 (held to the end)
    fcntl.flock(holder, fcntl.LOCK_EX)
    HELD.append(holder)
    file = world.record()
    file.write_text(file.read_text().replace('"active"', '"creating"'))
    return "it is still being made", ""


def operation(world: World, path: Path) -> tuple[str, str]:
    world.git("bisect", "start", cwd=path)
    return "a bisection is in progress in it", f"git -C {path} status"


def locked(world: World, path: Path) -> tuple[str, str]:
    world.git("worktree", "unlock", str(path))
    world.git("worktree", "lock", "--reason", "on a stick", str(path))
    return "its worktree is locked: on a stick", f"git worktree unlock {path}"


def protected(world: World, path: Path) -> tuple[str, str]:
    world.ok("set", "t", "--protect")
    return "it is protected", "git par set t --no-protect"


def other_branch(world: World, path: Path) -> tuple[str, str]:
    world.git("switch", "-q", "-c", "fix", cwd=path)
    return "it is on branch 'fix', not 't'", f"git -C {path} switch t"


def detached(world: World, path: Path) -> tuple[str, str]:
    world.git("switch", "-q", "--detach", cwd=path)
    world.commit("only here", cwd=path)
    return "it is on a detached HEAD, not 't'", f"git -C {path} switch t"


def assumed(world: World, path: Path) -> tuple[str, str]:
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
    world.write("a.txt", "edit\n", cwd=path)
    return "edits hidden by assume-unchanged or skip-worktree: a.txt", f"git -C {path} ls-files -v"


def skipped(world: World, path: Path) -> tuple[str, str]:
    world.git("update-index", "--skip-worktree", "a.txt", cwd=path)
    (path / "a.txt").chmod(0o755)
    return "edits hidden by assume-unchanged or skip-worktree: a.txt", f"git -C {path} ls-files -v"


def nested_ignored(world: World, path: Path) -> tuple[str, str]:
    world.git("init", "-q", str(path / "build" / "deep" / "inner"))
    return (
        "another repository or file system lies inside: build/deep/inner",
        f"git -C {path} status",
    )


def nested_untracked(world: World, path: Path) -> tuple[str, str]:
    world.git("init", "-q", str(path / "inner"))
    return "another repository or file system lies inside: inner/", f"git -C {path} status"


def nested_worktree(world: World, path: Path) -> tuple[str, str]:
    world.git("worktree", "add", "-q", "--detach", str(path / "build" / "other"))
    return f"the worktree '{path}/build/other' lies inside", "git worktree list"


def uncommitted(world: World, path: Path) -> tuple[str, str]:
    for number in range(5):
        world.write(f"{number}.txt", "x", cwd=path)
    world.git("add", "--all", cwd=path)
    return "uncommitted changes: 0.txt, 1.txt, 2.txt and 2 more", f"git -C {path} status"


def deleted_file(world: World, path: Path) -> tuple[str, str]:
    (path / "a.txt").unlink()
    return "uncommitted changes: a.txt", f"git -C {path} status"


def untracked(world: World, path: Path) -> tuple[str, str]:
    world.write("notes/x.txt", "x", cwd=path)
    return "untracked files: notes/x.txt", f"git -C {path} status --untracked-files=all"


def untracked_unseen(world: World, path: Path) -> tuple[str, str]:
    world.git("config", "status.showUntrackedFiles", "no")
    return untracked(world, path)


def lied_about(world: World, path: Path) -> tuple[str, str]:
    liar = script(world.root / "liar", "printf '1\\0'")
    world.git("config", "core.fsmonitor", str(liar), cwd=path)
    world.git("update-index", "--fsmonitor", cwd=path)
    world.git("status", cwd=path)
    world.write("a.txt", "edit\n", cwd=path)
    assert world.git("status", "--porcelain", "--untracked-files=no", cwd=path) == ""
    return "uncommitted changes: a.txt", f"git -C {path} status"


def unmerged(world: World, path: Path) -> tuple[str, str]:
    world.commit("more", cwd=path, more="x")
    return "not in main", "git par merge t"


def unmerged_conflict(world: World, path: Path) -> tuple[str, str]:
    world.commit("ours", a__txt="ours\n")
    world.commit("theirs", cwd=path, a__txt="theirs\n")
    return "not in main, and in conflict with it", "git par sync t"


def reverted(world: World, path: Path) -> tuple[str, str]:
    world.git("revert", "--no-edit", "-m", "1", "HEAD~1")
    return "its landing in main was reverted", "git log main..t"


def a_link(world: World, path: Path) -> tuple[str, str]:
    path.rename(world.root / "moved")
    path.symlink_to(world.root / "moved")
    return f"'{path}' is not the directory that was made for it", f"ls -ld {path}"


def a_file(world: World, path: Path) -> tuple[str, str]:
    path.rename(world.root / "moved")
    path.write_text("precious")
    return f"'{path}' is not the directory that was made for it", f"ls -ld {path}"


def another_directory(world: World, path: Path) -> tuple[str, str]:
    path.rename(world.root / "moved")
    path.mkdir()
    (path / "precious").write_text("precious")
    return f"'{path}' is not registered as a worktree of this repository", "git worktree list"


def another_repository(world: World, path: Path) -> tuple[str, str]:
    path.rename(world.root / "moved")
    world.git("init", "-q", str(path))
    return f"'{path}' is not registered as a worktree of this repository", "git worktree list"


def another_worktree(world: World, path: Path) -> tuple[str, str]:
    """The path now holds a worktree of the same repository that somebody else made for it."""
    world.git("worktree", "add", "-q", "--detach", str(world.root / "theirs"))
    path.rename(world.root / "moved")
    (world.root / "theirs").rename(path)
    return f"'{path}' is not registered as a worktree of this repository", "git worktree list"


def unknown(world: World, path: Path) -> tuple[str, str]:
    index = world.repo / ".git" / "worktrees" / "t" / "index"
    index.write_bytes(b"damaged")
    return f"it cannot be checked: git status: {index}: index file smaller than expected", f"git -C {path} status"


MAKERS: dict[Callable[[World, Path], tuple[str, str]], str] = {
    creating: "creating",
    operation: "operation",
    locked: "locked",
    protected: "protected",
    other_branch: "other-branch",
    detached: "other-branch",
    assumed: "hidden-edits",
    skipped: "hidden-edits",
    nested_ignored: "nested",
    nested_untracked: "nested",
    nested_worktree: "nested",
    uncommitted: "uncommitted",
    deleted_file: "uncommitted",
    untracked: "untracked",
    untracked_unseen: "untracked",
    lied_about: "uncommitted",
    unmerged: "unmerged",
    unmerged_conflict: "unmerged",
    reverted: "reverted",
    a_link: "not-ours",
    a_file: "not-ours",
    another_directory: "not-ours",
    another_repository: "not-ours",
    another_worktree: "not-ours",
    unknown: "unknown",
}


OF_WORKTREES = {locked, unknown}
"""What happens to worktrees alone."""


FIRM = {nested_worktree}
"""What a removal by force leaves although it can keep others of that reason."""


def everything(directory: Path) -> dict[str, str]:
    """Each path below a directory with what it holds."""
    return {
        str(path.relative_to(directory)): os.readlink(path) if path.is_symlink() else path.read_text(errors="replace")
        for path in sorted(directory.rglob("*"))
        if (path.is_symlink() or path.is_file())
        and path != directory / ".git/index"
        and directory / ".git/objects" not in path.parents
    }


def test_there_is_a_test_for_every_reason() -> None:
    elsewhere = {"standing", "in-use", "new", "only-here", "diverged", "vetoed", "young"}
    assert set(MAKERS.values()) | elsewhere == set(reasons.REASONS)


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_a_workspace_is_left_with_the_reason(world: World, maker: Callable[[World, Path], tuple[str, str]]) -> None:
    path = world.landed()
    world.landed("other")
    if maker in OF_WORKTREES and world.home("t") != world.repo:
        pytest.skip("only a worktree can be locked, and has its index in the repository")
    detail, hint = maker(world, path)
    refs = world.git("for-each-ref")
    before = everything(world.workspaces / "t") if path.is_dir() else {}
    said = f"left t: {detail}\n" + (f"hint: {hint}\n" if hint else "")
    left = [{"name": "t", "reason": MAKERS[maker], "detail": detail}]

    yields = Reason(MAKERS[maker], "", firm=maker in FIRM).yields
    force = "hint: git par remove --force t keeps all of it, then removes it\n" if yields else ""
    assert world.par("remove", "t", "--dry-run") == (3, "", said + force)
    assert world.par("remove", "t") == (3, "", said + force)
    done = world.par("remove", "t", "--json")
    assert (done.status, done.json) == (3, {"version": 1, "removed": [], "left": left})
    dry = world.ok("prune", "--dry-run")
    assert dry == (0, "would remove other (merged)\n", said)
    pruned = world.ok("prune", "--json")
    assert [one["name"] for one in pruned.json["removed"]] == ["other"]
    assert (pruned.json["left"], pruned.err) == (left, said)

    gone = ("refs/heads/other", "refs/par/", *(["refs/heads/t"] if world.home("t") != world.repo else []))
    now = [line for line in world.git("for-each-ref").splitlines() if not any(ref in line for ref in gone[1:])]
    assert now == [line for line in refs.splitlines() if not any(ref in line for ref in gone)]
    assert (everything(world.workspaces / "t") if path.is_dir() else {}) == before
    assert os.path.lexists(path)

    forced = world.par("remove", "--force", "t")
    if not yields:
        assert forced == (3, "", said)
        assert (everything(world.workspaces / "t") if path.is_dir() else {}) == before
        return
    assert (forced.status, forced.out) == (0, "removed t (by force)\n")
    assert not path.exists()
    world.check_sound()
    world.ok("restore", "t")
    assert everything(path) == before


def test_every_reason_is_said_at_once(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edit\n", cwd=path)
    world.write("new", "x", cwd=path)
    done = world.par("remove", "t", "--json")
    assert [one["reason"] for one in done.json["left"]] == ["uncommitted", "untracked", "unmerged"]


def test_of_several_named_the_safe_ones_go(world: World) -> None:
    world.landed("a")
    world.write("new", "x", cwd=world.landed("b"))
    done = world.par("remove", "b", "a", "a")
    assert (done.status, done.out) == (1, "removed a (merged)\n")
    assert world.branches() == ["b", "main"]


@pytest.mark.parametrize("names", [["none"], ["t", "none"], ["."]])
def test_a_name_of_nothing_removes_nothing(world: World, names: list[str]) -> None:
    world.landed()
    done = world.par("remove", *names)
    assert (done.status, done.out) == (2, "")
    assert world.branches() == ["main", "t"]


def test_a_rebase_in_progress_is_left(world: World) -> None:
    path = world.task("t", a__txt="theirs\n")
    world.commit("ours", a__txt="ours\n")
    world.try_git("rebase", "main", cwd=path)
    done = world.par("remove", "t", "--json")
    assert done.status == 3
    assert done.json["left"][0] == {"name": "t", "reason": "operation", "detail": "a rebase is in progress in it"}


# What goes, and what is kept of it.


def test_what_is_removed_is_kept(world: World) -> None:
    path = world.landed()
    tip = world.rev("t")
    config = (world.repo / ".git" / "config").read_bytes()
    done = world.ok("remove", "t", "--json")
    kept = done.json["removed"][0]["kept"]
    assert done.json == {
        "version": 1,
        "removed": [{"name": "t", "branch": "t", "tip": tip, "reason": "ancestor", "kept": kept}],
        "left": [],
    }
    assert kept["files"] is None
    assert kept_refs(world) == {f"{kept['ref']}/tip": tip}
    assert not path.exists()
    assert world.branches() == ["main"]
    assert not (world.repo / ".git" / "worktrees" / "t").exists()
    assert not world.record().exists()
    assert (world.repo / ".git" / "config").read_bytes() == config
    wait_for_empty_trash(world)
    assert not (private(world) / "kept").is_dir() or not os.listdir(private(world) / "kept")
    world.check_sound()


def test_ignored_files_are_moved_aside_as_they_are(world: World) -> None:
    path = world.landed()
    world.write(".env", "SECRET=1\n", cwd=path).chmod(0o600)
    world.write("sub/deep/x.log", "log\n", cwd=path).chmod(0o640)
    world.write("build/out/result", "x\n", cwd=path)
    (path / "build" / "link").symlink_to("/nowhere")
    world.write("node_modules/pkg/index.js", "x\n", cwd=path)
    os.umask(0o022)
    done = world.ok("remove", "t", "--json")
    kept = Path(done.json["removed"][0]["kept"]["files"])
    assert kept.parent.parent == private(world) / "kept" / "t"
    assert everything(kept) == {
        ".env": "SECRET=1\n",
        "build/link": "/nowhere",
        "build/out/result": "x\n",
        "sub/deep/x.log": "log\n",
    }
    assert (kept / ".env").stat().st_mode & 0o777 == 0o600
    assert (kept / "sub/deep/x.log").stat().st_mode & 0o777 == 0o640
    for directory in (kept, kept / "sub", kept / "sub" / "deep", *list(kept.parents)[:4]):
        assert directory.stat().st_mode & 0o777 == 0o700, directory
    assert done.err == f"t: ignored files are kept in '{kept}'\n"
    assert world.git("log", "--all", "--format=", "--name-only").find(".env") == -1
    wait_for_empty_trash(world)


def test_what_is_regenerable_is_up_to_the_user(world: World) -> None:
    world.git("config", "par.regenerable", "build *.log")
    path = world.landed()
    world.write("build/x", "x", cwd=path)
    world.write("a.log", "x", cwd=path)
    assert world.ok("remove", "t").err == ""
    wait_for_empty_trash(world)
    assert not list(private(world).rglob("build"))


def test_settings_of_the_branch_go_with_it_and_no_others(world: World) -> None:
    world.git("config", "branch.main.remote", "origin")
    world.git("config", "branch.t.x.remote", "origin")
    before = (world.repo / ".git" / "config").read_bytes()
    world.landed()
    world.git("config", "branch.t.description", "about t")
    world.git("config", "branch.t.remote", "origin")
    world.ok("remove", "t")
    assert (world.repo / ".git" / "config").read_bytes() == before


def test_hidden_files_that_nobody_edited_do_not_hold(world: World) -> None:
    path = world.landed()
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
    world.git("update-index", "--skip-worktree", ".gitignore", cwd=path)
    world.ok("remove", "t")
    assert world.branches() == ["main"]


def test_links_and_other_kinds_are_seen_behind_a_mark_too(world: World) -> None:
    for name in ("same", "moved", "turned"):
        (world.repo / name).symlink_to("a.txt")
    world.commit("links", file="x\n")
    path = world.landed()
    world.git("update-index", "--assume-unchanged", "same", "moved", "turned", "file", cwd=path)
    for name in ("moved", "turned", "file"):
        (path / name).unlink()
    world.write("turned", "mine\n", path)
    (path / "moved").symlink_to("elsewhere")
    (path / "file").symlink_to("x")
    detail = "edits hidden by assume-unchanged or skip-worktree: file, moved, turned"
    left = world.par("remove", "t", "--json").json["left"]
    assert left == [{"name": "t", "reason": "hidden-edits", "detail": detail}]
    assert [(path / name).is_symlink() for name in ("moved", "turned", "file")] == [True, False, True]


def test_a_sparse_workspace_can_go(world: World) -> None:
    world.write("one/x", "x")
    world.write("two/x", "x")
    world.commit("directories")
    path = Path(world.ok("add", "t", "--sparse", "one").out.strip())
    assert not (path / "two").exists()
    world.ok("remove", "t")
    assert not path.exists()


def test_from_inside_it_goes_all_the_same(world: World) -> None:
    path = world.landed()
    assert world.par_process("remove", ".", cwd=path).out == "removed t (merged)\n"
    assert not path.exists()


def test_a_workspace_deleted_by_hand_is_finished(world: World) -> None:
    path = world.landed()
    path.rename(world.root / "gone")
    assert world.ok("prune") == (0, "removed t (merged)\n", "")
    assert world.branches() == ["main"]
    assert not (world.repo / ".git" / "worktrees" / "t").exists()
    world.check_sound()


def test_the_last_commit_of_a_deleted_workspace_is_kept(world: World) -> None:
    path = world.landed()
    world.git("switch", "-q", "--detach", cwd=path)
    only = world.commit("only here", cwd=path)
    path.rename(world.root / "gone")
    world.ok("prune")
    assert only in kept_refs(world).values()


def test_a_deleted_workspace_with_work_not_yet_home_is_left(world: World) -> None:
    world.task("t").rename(world.root / "gone")
    done = world.par("remove", "t", "--json")
    assert (done.status, done.json["left"][0]["reason"]) == (3, "unmerged")
    assert world.branches() == ["main", "t"]


def test_a_branch_that_is_gone_takes_an_empty_record_along(world: World) -> None:
    path = world.landed()
    path.rename(world.root / "gone")
    world.git("update-ref", "-d", "refs/heads/t")
    assert world.ok("prune") == (0, "removed t (its branch was gone)\n", "")
    assert world.ok("list", "--json").json["tasks"] == []


def test_with_its_branch_gone_the_files_are_left(world: World) -> None:
    path = world.landed()
    world.git("update-ref", "-d", "refs/heads/t")
    done = world.par("remove", "t", "--json")
    assert (done.status, done.json["left"][0]["reason"]) == (3, "uncommitted")
    assert (path / "t.txt").exists()


def test_a_branch_that_is_checked_out_elsewhere_stays(world: World) -> None:
    world.landed()
    tip = world.rev("t")
    world.git("worktree", "add", "-q", "--force", str(world.root / "elsewhere"), "t")
    world.ok("remove", "t")
    assert world.branches() == ["main", "t"]
    assert world.rev("HEAD", cwd=world.root / "elsewhere") == tip
    world.check_sound()


def test_a_worktree_that_was_moved_keeps_its_branch_and_files(world: World) -> None:
    path = world.landed()
    world.git("worktree", "move", "-f", "-f", str(path), str(world.root / "moved"))
    world.par("prune")
    assert world.branches() == ["main", "t"]
    assert world.git("status", "--porcelain", cwd=world.root / "moved") == ""


def test_tasks_based_on_a_removed_one_move_to_its_base(world: World) -> None:
    path = world.landed()
    world.ok("add", "child", cwd=path)
    world.ok("add", "grandchild", "--from", "child")
    done = world.ok("remove", "t")
    assert done == (0, "removed t (merged)\n", "child: returns to main now\n")
    assert (world.listed("child")["base"], world.listed("grandchild")["base"]) == ("main", "child")


def test_a_chain_of_removed_tasks_ends_at_a_base_that_is_there(world: World) -> None:
    path = world.landed("a")
    world.ok("add", "b", cwd=path)
    world.ok("add", "c", cwd=world.workspaces / "b")
    done = world.ok("remove", "a", "b")
    assert done.err == "c: returns to main now\n"
    assert world.listed("c")["base"] == "main"


# Between the look and the step.


@pytest.mark.parametrize("change", ["edit", "untracked", "commit", "switch", "hide"])
def test_a_change_that_comes_late_brings_everything_back(
    world: World, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = world.landed()
    world.write("secret.log", "x", cwd=path)
    tip = world.rev("t")
    refs = world.git("for-each-ref")
    record = world.record().read_text()

    def late(*_: object) -> list[Reason]:
        if change == "edit":
            world.write("a.txt", "edit\n", cwd=path)
        elif change == "untracked":
            world.write("new", "new\n", cwd=path)
        elif change == "commit":
            world.commit("late", cwd=path, late="x")
        elif change == "hide":
            world.git("update-index", "--assume-unchanged", "a.txt", cwd=path)
            world.write("a.txt", "edit\n", cwd=path)
        else:
            world.git("switch", "-q", "--detach", cwd=path)
        return []

    monkeypatch.setattr(reasons, "find", late)
    done = world.par("remove", "t", "--json")
    assert done.status == 3
    detail = "it was changed while it was being removed"
    assert done.json["left"] == [{"name": "t", "reason": "in-use", "detail": detail}]
    assert (path / "secret.log").read_text() == "x"
    if change == "commit":
        assert world.rev("t^") == tip
    else:
        assert world.git("for-each-ref") == refs
    assert world.record().read_text() == record
    assert not list((private(world) / "kept").rglob("*/*"))
    world.check_sound()


def test_a_branch_moved_by_hand_at_the_last_moment_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.landed()
    path.rename(world.root / "gone")
    moved = world.rev("HEAD")
    original = reasons.find

    def late(*args: object) -> list[Reason]:
        found = original(*args)  # type: ignore[arg-type]
        world.git("update-ref", "refs/heads/t", moved)
        return found

    monkeypatch.setattr(reasons, "find", late)
    world.ok("remove", "t")
    assert world.rev("t") == moved


def test_what_is_being_removed_waits_for_its_lock(world: World) -> None:
    world.landed()
    world.git("config", "par.lockTimeout", "0")
    with held(world, "task-t"):
        done = world.par("remove", "t")
    assert done.status == 4
    assert world.branches() == ["main", "t"]


@contextmanager
def held(world: World, lock: str) -> Iterator[None]:
    with open(world.repo / ".git" / "par" / "locks" / lock, "a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def test_a_removal_that_was_killed_is_finished_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.landed()

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registering, "unregister", killed)
        assert world.par("remove", "t").status == 130
    assert not path.exists()
    assert world.branches() == ["main", "t"]
    assert world.ok("remove", "t").out == "removed t (merged)\n"
    assert world.branches() == ["main"]
    world.check_sound()


def test_one_with_a_relative_link_comes_back_from_a_killed_removal(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_relative_links(world)
    path = world.task("t")
    assert (path / ".git").read_text().startswith("gitdir: ../")
    world.write("mine", "mine\n", path)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(aside, "_keep_work", killed)
        assert world.par("remove", "--force", "t").status == 130
    assert not path.exists()
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert (path / "mine").read_text() == "mine\n"
    assert list(private(world).glob("kept/*/*/workspace")) == []
    world.check_sound()


def test_a_workspace_out_of_reach_is_not_taken_for_deleted(world: World) -> None:
    world.landed()
    away = world.root / "far" / "unmounted"
    away.parent.mkdir()
    world.workspaces.rename(away)
    left = f"left t: '{world.workspaces}' is not there: a file system that is not mounted?\n"
    hint = f"hint: mkdir -p {world.workspaces}, if it was deleted for good\n"
    assert world.par("remove", "t") == (3, "", left + hint)
    assert world.ok("prune").err == left + hint
    away.rename(world.workspaces)
    world.check_sound()
    world.ok("remove", "t")


def test_a_workspace_that_was_moved_is_left_with_the_way_back(world: World) -> None:
    path = world.landed()
    world.git("worktree", "move", "-f", "-f", str(path), str(world.root / "moved"))
    done = world.par("remove", "t")
    assert done.status == 3
    back = "git par doctor --fix"
    assert done.err == f"left t: its workspace was moved to '{world.root / 'moved'}'\nhint: {back}\n"
    world.ok("doctor", "--fix")
    assert world.listed("t")["path"] == str(world.root / "moved")
    world.ok("remove", "t")


def test_a_workspace_that_was_renamed_behind_gits_back_stays_registered(world: World) -> None:
    path = world.landed()
    path.rename(path.with_name("renamed"))
    world.write("a.txt", "edited\n", path.with_name("renamed"))
    for command in (["prune"], ["remove", "t"], ["remove", "--force", "t"]):
        done = world.par(*command)
        assert done.err.startswith(f"left t: its workspace was moved to '{path.with_name('renamed')}'\nhint: ")
    assert "fixed workspace-moved: t: " in world.par("doctor", "--fix").out
    assert world.listed("t")["dirty"]["changed"] == 1
