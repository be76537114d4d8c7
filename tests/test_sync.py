"""`git par sync`: the base comes into a task, in its workspace, and nobody's work is disturbed."""

import os
import subprocess
import sys

from tests.world import World


def test_a_clean_base_comes_in_and_uncommitted_work_stays(world: World) -> None:
    path = world.task("one")
    before = world.rev("one")
    base = world.commit("base work", b__txt="base\n")
    world.write("a.txt", "edited\n", path)
    world.write("untracked", "mine\n", path)
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    done = world.ok("sync", "one")
    after = world.rev("one")
    assert done.out == f"one: main is in now ({before[:8]}..{after[:8]})\n"
    assert done.err == ""
    assert world.git("rev-list", "--parents", "-n", "1", "one").split() == [after, before, base]
    assert world.git("log", "-1", "--format=%s", "one") == "Merge branch 'main' into one"
    assert (path / "b.txt").read_text() == "base\n"
    assert world.git("status", "--porcelain", cwd=path).split("\n") == [" M a.txt", "A  staged", "?? untracked"]


def test_a_task_without_commits_is_fast_forwarded_and_stays_new(world: World) -> None:
    world.add("one")
    base = world.commit("base work", b__txt="base\n")
    world.ok("sync", "one")
    assert world.rev("one") == base
    assert world.listed("one")["state"] == "new"
    assert world.ok("prune").out == ""
    assert world.ok("sync", "one").out == "one: up to date with main\n"


def test_one_named_task_gets_markers_and_then_merges(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    world.commit("base work", a__txt="ours\n")
    done = world.par("sync", "one")
    assert (done.status, done.out) == (1, "one: solve: a.txt\n")
    assert done.err == (
        "hint: solve and git add the files, then cd ../repo-worktrees/one && git merge --continue"
        " (git merge --abort takes it back)\n"
        "hint: then git par merge one\n"
    )
    assert (path / "a.txt").read_text().startswith("<<<<<<< ")
    again = world.par("sync", "one")
    assert again.status == 1
    assert again.err.startswith("left one: a merge is in progress in it\nhint: cd ../repo-worktrees/one && git merge")
    assert world.par("merge", "one").err.startswith("hint: one: ")
    world.write("a.txt", "both\n", path)
    world.git("add", "a.txt", cwd=path)
    world.git("merge", "--continue", cwd=path, env={"GIT_EDITOR": "true"})
    world.ok("merge", "one")
    assert (world.repo / "a.txt").read_text() == "both\n"


def test_a_started_merge_can_be_taken_back(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    tip = world.rev("one")
    world.commit("base work", a__txt="ours\n")
    assert world.par("sync", cwd=path).status == 1
    world.git("merge", "--abort", cwd=path)
    assert world.rev("one") == tip
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_several_leave_no_markers(world: World) -> None:
    first, second = world.task("one", a__txt="theirs\n"), world.task("two")
    base = world.commit("base work", a__txt="ours\n")
    for args in (("--all",), ("one", "two")):
        done = world.par("sync", *args)
        assert done.status == 1
        assert "one: would conflict: a.txt\n" in done.out
        assert done.err == "hint: cd ../repo-worktrees/one && git par sync, then git par merge one\n"
        assert world.git("status", "--porcelain", cwd=first) == ""
    assert world.git("merge-base", "--is-ancestor", base, "two") == ""
    assert (second / "a.txt").read_text() == "ours\n"


def test_a_conflict_does_not_mix_with_uncommitted_work(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    world.commit("base work", a__txt="ours\n")
    world.write("one.txt", "edited\n", path)
    world.git("add", "--all", cwd=path)
    done = world.par("sync", "one")
    assert done.status == 3
    assert done.err == (
        "git par: one: it conflicts with main, and has uncommitted changes: one.txt\n"
        "hint: cd ../repo-worktrees/one && git commit -a, then git par sync\n"
    )
    assert world.git("status", "--porcelain", cwd=path) == "A  one.txt"


def test_uncommitted_work_where_the_base_changed_is_named_and_kept(world: World) -> None:
    path = world.task("one")
    tip = world.rev("one")
    world.commit("base work", b__txt="base\n")
    world.write("b.txt", "mine, untracked\n", path)
    done = world.par("sync", "one")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith(f"left one: one: in the way in '{path}': b.txt\nhint: ")
    assert (path / "b.txt").read_text() == "mine, untracked\n"
    assert world.rev("one") == tip


def test_one_in_use_is_left_when_several_are_synced(world: World) -> None:
    path = world.task("one")
    world.task("two")
    world.commit("base work", b__txt="base\n")
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=path, stdin=subprocess.PIPE) as user:
        done = world.par("sync", "--all")
        assert done.status == 1
        assert f"(process {user.pid})" in done.err
        assert done.out.startswith("two: main is in now")
        user.communicate(b"\n")
    world.ok("sync", "--all")


def test_inside_a_workspace_no_name_is_needed(world: World) -> None:
    path = world.task("one")
    world.commit("base work", b__txt="base\n")
    assert world.ok("sync", cwd=path).out.startswith("one: main is in now")
    done = world.par("sync")
    assert done.status == 2
    assert done.err == (
        "git par: sync: nothing named, and this is not the workspace of a task\n"
        "hint: git par sync NAME…, or git par sync --all\n"
    )


def test_what_cannot_be_synced_is_said(world: World) -> None:
    on_other, broken, gone = world.task("other"), world.task("broken"), world.task("gone")
    world.git("switch", "-q", "-c", "fix", cwd=on_other)
    os.rename(broken, world.root / "moved")
    world.git("branch", "base-of-gone")
    world.ok("set", "gone", "--base", "base-of-gone")
    world.git("branch", "-D", "base-of-gone")
    assert gone.is_dir()
    done = world.par("sync", "--all")
    assert done.status == 1
    assert [line for line in done.err.splitlines() if line.startswith("left")] == [
        "left other: it is on branch 'fix'",
        f"left broken: its workspace '{broken}' is gone or damaged",
        "left gone: branch 'base-of-gone' is gone",
    ]
    assert done.err.count("hint: ") == 3


def test_json(world: World) -> None:
    world.task("one", a__txt="theirs\n")
    world.task("two")
    before = world.rev("two")
    world.commit("base work", a__txt="ours\n")
    world.add("three")
    done = world.par("sync", "--all", "--json")
    assert done.json == {
        "version": 1,
        "synced": [{"name": "two", "before": before, "after": world.rev("two"), "private": None}],
        "current": ["three"],
        "conflicted": [{"name": "one", "files": ["a.txt"], "started": False}],
        "left": [],
    }
