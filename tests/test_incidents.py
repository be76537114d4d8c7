"""Ways in which work was lost elsewhere, one test each: here it stays."""

import json
import os
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.test_removal import (
    assumed,
    detached,
    everything,
    lied_about,
    nested_ignored,
    skipped,
    untracked_unseen,
    wait_for_empty_trash,
)
from tests.world import PAR, World, script


def left(world: World, *args: str) -> dict[str, list[str]]:
    """Which tasks a removal leaves, with the reasons; it removes none of those."""
    found: dict[str, list[str]] = {}
    for one in world.par(*args, "--json").json["left"]:
        found.setdefault(one["name"], []).append(one["reason"])
    return found


@contextmanager
def standing_in(directory: Path, program: str) -> Iterator[None]:
    """A process that runs the Python `program` in `directory`; it says `ready` first."""
    process = subprocess.Popen(
        [sys.executable, "-c", f"print('ready', flush=True)\n{program}"], cwd=directory, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline() == b"ready\n"
    try:
        yield
    finally:
        process.kill()
        process.communicate()


def test_a_removal_that_fails_while_somebody_writes_does_not_delete_by_force(world: World) -> None:
    path = world.landed()
    writing = "import time\nfor n in range(10**6):\n open(f'{n}.new', 'w').write(str(n)); time.sleep(0.01)"
    with standing_in(path, writing):
        assert "in-use" in left(world, "remove", "t")["t"]
        assert "in-use" in left(world, "prune")["t"]
        there = set(path.glob("*.new"))
    assert there
    assert there <= set(path.glob("*.new"))
    assert world.branches() == ["main", "t"]


def test_a_clean_tree_is_not_taken_for_no_changes(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    tip = world.commit("more, after it landed", cwd=path, more__txt="more\n")
    assert left(world, "prune") == {"t": ["unmerged"]}
    assert left(world, "remove", "t") == {"t": ["unmerged"]}
    assert (world.rev("t"), (path / "more.txt").read_text()) == (tip, "more\n")


def test_neither_a_head_that_moved_nor_a_hidden_file_makes_a_task_look_done(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "-c", "elsewhere", "t")  # the main checkout has all of the task now; its base has not
    assert left(world, "prune") == {"t": ["unmerged"]}
    world.git("switch", "-q", "main")
    world.ok("merge", "t")
    world.git("config", "status.showUntrackedFiles", "no")
    world.write("notes", "only here\n", path)
    assert left(world, "prune") == {"t": ["untracked"]}
    assert (path / "notes").read_text() == "only here\n"


def test_age_does_not_make_dirty_or_detached_work_go(world: World) -> None:
    dirty, loose = world.landed("dirty"), world.landed("loose")
    world.write("a.txt", "edited\n", dirty)
    world.git("switch", "-q", "--detach", cwd=loose)
    tip = world.commit("only here", cwd=loose)
    for name, path in (("dirty", dirty), ("loose", loose)):
        record = world.record(name)
        record.write_text(json.dumps({**json.loads(record.read_text()), "created": "2001-01-01T00:00:00Z"}))
        for file in (path, *path.iterdir()):
            os.utime(file, (10**9, 10**9))
    assert left(world, "prune", "--older-than", "1w") == {"dirty": ["uncommitted"], "loose": ["other-branch"]}
    assert (dirty / "a.txt").read_text() == "edited\n"
    assert world.rev("HEAD", cwd=loose) == tip


def test_worktrees_that_users_made_and_directories_that_are_in_use_stay(world: World) -> None:
    mine = world.workspaces / "mine"
    world.workspaces.mkdir()
    world.git("worktree", "add", "-q", "-b", "mine", str(mine))
    path = world.landed()
    with standing_in(path, "import time; time.sleep(600)"):
        assert left(world, "prune") == {"t": ["in-use"]}
    assert world.ok("prune").out == "removed t (merged)\n"
    assert world.par("remove", "mine").status == 2
    assert (mine / "a.txt").exists()
    assert world.branches() == ["main", "mine"]


def test_a_link_out_of_a_workspace_is_not_followed(world: World) -> None:
    outside = world.root / "outside"
    world.write("deep/precious", "precious\n", outside)
    path = world.landed()
    (path / "node_modules").mkdir()
    (path / "node_modules" / "linked").symlink_to(outside)
    world.ok("remove", "t")
    wait_for_empty_trash(world)
    assert everything(outside) == {"deep/precious": "precious\n"}


@pytest.mark.parametrize("target", ["repo", "repo/.git", "repo/.git/objects", "."])
def test_a_record_that_points_at_the_repository_does_not_delete_it(world: World, target: str) -> None:
    path = world.landed()
    record = world.record()
    record.write_text(record.read_text().replace(str(path), str((world.root / target).resolve())))
    for command in (("remove", "t"), ("prune",)):
        assert left(world, *command)["t"][0] in ("not-ours", "standing")
    assert world.git("status", "--porcelain") == ""
    assert world.git("fsck") == ""
    assert (path / "t.txt").exists()


def test_making_a_workspace_resets_no_checkout_and_rebuilds_over_nothing(world: World) -> None:
    world.write("a.txt", "staged\n")
    world.git("add", "a.txt")
    world.write("a.txt", "edited after that\n")
    world.write("untracked", "mine\n")
    world.write("t/a.txt", "somebody was here\n", world.workspaces)
    before = world.git("status", "--porcelain"), world.git("ls-files", "-s")
    assert world.ok("add", "t", "--allow-dirty").out == f"{world.workspaces / 't-2'}\n"
    assert (world.git("status", "--porcelain"), world.git("ls-files", "-s")) == before
    assert (world.repo / "a.txt").read_text() == "edited after that\n"
    assert everything(world.workspaces / "t") == {"a.txt": "somebody was here\n"}


def test_of_two_merges_at_once_the_one_that_conflicts_does_not_undo_the_other(world: World) -> None:
    tips = {}
    for name in ("one", "two"):
        tips[name] = world.rev("HEAD", cwd=world.task(name, a__txt=f"{name}\n"))
    running = [world.start(*PAR, "merge", name) for name in tips]
    for process in running:
        process.communicate(timeout=120)
    assert sorted(process.returncode for process in running) == [0, 1]
    winner = "one" if running[0].returncode == 0 else "two"
    assert world.rev("main^2") == tips[winner]
    assert (world.repo / "a.txt").read_text() == f"{winner}\n"
    assert world.git("status", "--porcelain") == ""
    assert {name: world.rev(name) for name in tips} == tips


def test_a_task_of_the_same_name_in_another_repository_is_another_task(world: World) -> None:
    other = World(world.root, "other").init()
    for one in (world, other):
        one.git("config", "par.directory", "../shared")
    ours, theirs = Path(world.ok("add", "t").out.strip()), Path(other.ok("add", "t").out.strip())
    assert ours != theirs
    world.commit("ours", cwd=ours, ours__txt="ours\n")
    other.write("theirs.txt", "theirs, untracked\n", theirs)
    world.ok("merge", "t", "--prune")
    assert (theirs / "theirs.txt").read_text() == "theirs, untracked\n"
    assert other.listed("t")["path"] == str(theirs)
    assert other.branches() == ["main", "t"]


def test_what_was_merged_into_is_never_removed_and_a_lock_holds_after_the_merge(world: World) -> None:
    path = world.task("t")
    world.git("worktree", "unlock", str(path))
    world.git("worktree", "lock", "--reason", "mine", str(path))
    for command in (("remove", "main"), ("remove", ".")):
        assert world.par(*command).status == 2
    assert world.par("merge", "t", "--prune").status == 1
    assert (world.repo / "t.txt").exists()
    assert path.exists()
    assert "locked" in left(world, "prune")["t"]
    assert world.branches() == ["main", "t"]


def test_an_upstream_that_is_gone_does_not_mean_merged(world: World) -> None:
    world.git("clone", "-q", "--bare", ".", str(world.root / "origin.git"))
    world.git("remote", "add", "origin", str(world.root / "origin.git"))
    path = world.task("t")
    world.git("push", "-q", "-u", "origin", "t", cwd=path)
    world.git("push", "-q", "origin", ":t")
    world.git("fetch", "-q", "--prune", "origin")
    assert "[gone]" in world.git("for-each-ref", "--format=%(upstream:track)", "refs/heads/t")
    assert left(world, "prune") == {"t": ["unmerged"]}
    assert (path / "t.txt").exists()


def test_the_shared_stash_is_nobodys_to_pop(world: World) -> None:
    world.write("a.txt", "stashed\n")
    world.git("stash", "-q")
    world.task("one")
    path = world.task("two")
    world.write("a.txt", "edited\n", path)
    stash = world.git("stash", "list", "--format=%H %gd %gs")
    world.write("own", "mine\n")
    world.ok("merge", "one")
    world.ok("sync", "two")
    world.ok("merge", "two", "--autocommit")
    world.ok("prune")
    assert stash
    assert world.git("stash", "list", "--format=%H %gd %gs") == stash
    assert world.git("show", "stash@{0}:a.txt") == "stashed"


def test_a_commit_of_an_old_tree_does_not_quietly_take_back_what_others_merged(world: World) -> None:
    stale = world.task("stale")
    world.task("other", **{f"f{number}": "theirs\n" for number in range(5)})
    world.ok("merge", "other")
    world.git("reset", "--soft", "main", cwd=stale)
    world.git("commit", "-q", "-m", "all of my tree", cwd=stale)
    told = "warning: stale: it sets 5 files of main back to an older state: f0, f1, f2 and 2 more\n"
    assert world.ok("merge", "stale", "--dry-run").err == told
    assert (world.repo / "f0").read_text() == "theirs\n"


def test_a_task_starts_at_the_commit_that_one_stands_on_and_that_is_recorded(world: World) -> None:
    world.git("clone", "-q", "--bare", ".", str(world.root / "origin.git"))
    world.git("remote", "add", "origin", str(world.root / "origin.git"))
    world.git("fetch", "-q", "origin")
    world.git("branch", "-q", "--set-upstream-to=origin/main")
    head = world.commit("not pushed", new__txt="new\n")
    done = world.ok("add", "t")
    assert world.rev("t") == head
    assert world.listed("t")["base_commit"] == head
    assert "returns to main" in done.err
    world.commit("later")
    assert world.listed("t")["base_commit"] == head


def test_the_configuration_that_all_worktrees_share_stays_as_it_is(world: World) -> None:
    hooks = world.repo / ".git" / "config"
    world.git("config", "core.hooksPath", ".hooks")
    before = hooks.read_bytes()
    world.task("one")
    world.ok("merge", "one", "--prune")
    world.task("two")
    world.ok("sync", "two")
    world.ok("merge", "two", "--squash")
    world.ok("prune")
    assert hooks.read_bytes() == before
    assert not (world.repo / ".git" / "config.worktree").exists()


def test_a_workspace_lies_beside_the_repository_and_its_work_stays_out_of_the_main_checkout(world: World) -> None:
    path = world.task("t")
    world.write("deep/file", "x\n", path)
    assert world.repo not in path.parents
    assert Path(world.git("rev-parse", "--show-toplevel", cwd=path / "deep")) == path
    assert world.git("status", "--porcelain", "--ignored") == ""


def test_a_commit_that_fails_keeps_the_tree_it_was_made_of(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    world.write("fresh", "fresh\n", path)
    world.git("config", "commit.gpgSign", "true")
    world.git("config", "gpg.program", str(script(world.root / "no-key", "exit 2")))
    before = world.rev("main")
    assert world.par("merge", "t", "--autocommit", "--prune").status in (1, 3, 5)
    assert world.rev("main") == before
    assert ((path / "a.txt").read_text(), (path / "fresh").read_text()) == ("edited\n", "fresh\n")
    assert world.git("status", "--porcelain", cwd=path).splitlines() == [" M a.txt", "?? fresh"]


def test_results_do_not_come_back_over_uncommitted_work(world: World) -> None:
    world.task("t", a__txt="of the task\n")
    before = world.rev("main")
    world.write("a.txt", "mine, not committed\n")
    done = world.par("merge", "t")
    assert done.status == 3
    assert "a.txt" in done.err
    assert (world.repo / "a.txt").read_text() == "mine, not committed\n"
    assert world.rev("main") == before


# What `git worktree remove` without --force takes away in silence.


def rebasing(world: World, path: Path) -> object:
    world.commit("on", cwd=path, later__txt="later\n")
    return world.try_git("rebase", "--exec", "false", "HEAD~1", cwd=path)


@pytest.mark.parametrize("hazard", [untracked_unseen, assumed, skipped, detached, rebasing, nested_ignored, lied_about])
def test_what_git_removes_without_a_word_is_seen_and_left(
    world: World, hazard: Callable[[World, Path], object]
) -> None:
    path = world.landed()
    hazard(world, path)
    before, head = everything(path), world.rev("HEAD", cwd=path)
    assert "t" in left(world, "prune")
    assert left(world, "remove", "t")["t"]
    assert everything(path) == before
    assert world.rev("HEAD", cwd=path) == head
    world.git("worktree", "unlock", str(path))
    assert world.try_git("worktree", "remove", str(path)).status == 0, "git would not have"
    assert not path.exists()


def test_an_ignored_file_that_git_removes_without_a_word_is_kept(world: World) -> None:
    path = world.landed()
    world.write(".env", "secret\n", path).chmod(0o640)
    world.write("build/report", "an hour of work\n", path)
    world.ok("remove", "t")
    kept = next((world.workspaces / ".par" / "kept" / "t").iterdir()) / "files"
    assert everything(kept) == {".env": "secret\n", "build/report": "an hour of work\n"}
    assert stat.S_IMODE((kept / ".env").stat().st_mode) == 0o640
    deadline = time.monotonic() + 30
    while path.exists():
        assert time.monotonic() < deadline
