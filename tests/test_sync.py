"""`git par sync`: the base comes into a task, in its workspace, and nobody's work is disturbed."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from git_par import discovery
from git_par.commands import sync
from git_par.landing import publish, trees
from git_par.repo import Repo
from tests.test_signing import WORKS, is_signed, signer
from tests.world import World, edited


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
    assert done.err.startswith(f"left one: in the way in '{path}': b.txt\nhint: ")
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


# what landed as another commit, and was worked on further


def landed_and_worked_on(world: World, how: str, *, clash: bool) -> Path:
    """A task that landed by strategy `how`; since then task and base both went on from there.

    The base changes the very line that the task brought, so that without the landing as merge base git asks again.
    """
    path = world.task("one", a__txt=edited(l5="task"))
    world.ok("merge", "one", how)
    world.commit("base went on", a__txt=edited(l5="task, then base", l18="base"))
    world.commit("task went on", cwd=path, a__txt=edited(l5="task", **{"l18" if clash else "l12": "task again"}))
    return path


STRATEGIES = ("--no-ff", "--ff", "--squash", "--rebase")


@pytest.mark.parametrize("how", STRATEGIES)
@pytest.mark.parametrize("options", [[], ["--rebase"]])
def test_what_landed_is_not_asked_again(world: World, how: str, options: list[str]) -> None:
    path = landed_and_worked_on(world, how, clash=False)
    world.ok("sync", "one", *options)
    both = edited(l5="task, then base", l12="task again", l18="base")
    assert (path / "a.txt").read_text() == both
    assert world.git("status", "--porcelain", cwd=path) == ""
    base = world.rev("main")
    if options:
        assert world.git("log", "--format=%s", "main..one") == "task went on"
        assert world.rev("one~1") == base
    else:
        assert world.rev("one^2") == base
    assert world.ok("sync", "one", *options).out == "one: up to date with main\n"
    world.ok("merge", "one", how)
    assert (world.repo / "a.txt").read_text() == both


@pytest.mark.parametrize("how", STRATEGIES)
def test_only_the_true_conflict_is_asked_and_the_merge_is_one_of_the_base(world: World, how: str) -> None:
    path = landed_and_worked_on(world, how, clash=True)
    tip, base = world.rev("one"), world.rev("main")
    assert world.par("sync", "one").out == "one: solve: a.txt\n"
    text = (path / "a.txt").read_text()
    assert text.count("<<<<<<<") == 1
    assert "task, then base\n" in text
    assert f">>>>>>> {base}\n" in text
    assert world.git("for-each-ref", "refs/par/plan") == ""
    both = edited(l5="task, then base", l18="both")
    world.write("a.txt", both, path)
    world.git("add", "a.txt", cwd=path)
    world.git("merge", "--continue", cwd=path, env={"GIT_EDITOR": "true"})
    assert world.git("rev-list", "--parents", "-n", "1", "one", cwd=path).split()[1:] == [tip, base]
    assert world.git("log", "-1", "--format=%s", "one", cwd=path) == "Merge branch 'main' into one"
    world.ok("merge", "one", how)
    assert (world.repo / "a.txt").read_text() == both
    world.check_sound()


def test_what_git_is_shown_is_the_same_whenever_it_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clone is lent what was made before, and asked for what is made then: a second later that was another commit."""
    made = set()
    for second in ("1", "2"):
        for role in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{role}_DATE", f"@170000000{second} +0000")
        made.add(trees.on_bases(discovery.find(world.repo), world.rev("main"), ()))
    assert len(made) == 1


@pytest.mark.parametrize("how", STRATEGIES)
def test_only_the_true_conflict_of_a_rebase_is_asked(world: World, how: str) -> None:
    path = landed_and_worked_on(world, how, clash=True)
    tip = world.rev("one")
    done = world.par("sync", "one", "--rebase")
    assert (done.status, done.out) == (1, "one: solve: a.txt\n")
    assert done.err == (
        "hint: solve and git add the files, then cd ../repo-worktrees/one && git rebase --continue"
        " (git rebase --abort takes it back)\nhint: then git par merge one\n"
    )
    assert (path / "a.txt").read_text().count("<<<<<<<") == 1
    again = world.par("sync", "one", "--rebase")
    assert again.err.startswith("left one: a rebase is in progress in it\nhint: cd ../repo-worktrees/one && git rebase")
    both = edited(l5="task, then base", l18="both")
    world.write("a.txt", both, path)
    world.git("add", "a.txt", cwd=path)
    world.git("rebase", "--continue", cwd=path, env={"GIT_EDITOR": "true"})
    assert world.git("log", "--format=%s", f"{world.rev('main')}..one", cwd=path) == "task went on"
    assert tip in world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept/one")
    world.ok("merge", "one", how)
    assert (world.repo / "a.txt").read_text() == both


@pytest.mark.parametrize("how", ["--squash", "--rebase"])
@pytest.mark.parametrize("options", [[], ["--rebase"]])
def test_a_landed_task_takes_what_its_base_made_of_it(world: World, how: str, options: list[str]) -> None:
    path = world.task("one", a__txt=edited(l5="task"))
    world.commit("elsewhere", b__txt="b\n")
    world.ok("merge", "one", how)
    world.commit("base went on", a__txt=edited(l5="task, then base"))
    world.ok("sync", "one", *options)
    assert world.rev("one^{tree}") == world.rev("main^{tree}")
    assert (path / "a.txt").read_text() == edited(l5="task, then base")
    if options:
        assert world.rev("one") == world.rev("main")


# --rebase


def test_a_rebase_replays_each_commit_with_its_author(world: World) -> None:
    path = world.add("one")[0]
    someone = {
        "GIT_AUTHOR_NAME": "Else",
        "GIT_AUTHOR_EMAIL": "else@example.com",
        "GIT_AUTHOR_DATE": "@1700000000 +0200",
    }
    world.write("one.txt", "1\n", path)
    world.git("add", "one.txt", cwd=path)
    world.git("commit", "-q", "-m", "first of one\n\nand why", cwd=path, env=someone)
    world.commit("second of one", cwd=path, two__txt="2\n")
    before = world.rev("one")
    base = world.commit("base work", b__txt="base\n")
    done = world.ok("sync", "one", "--rebase")
    after = world.rev("one")
    assert done.out == f"one: main is in now ({before[:8]}..{after[:8]})\n"
    assert world.git("log", "--format=%s", f"{base}..one").splitlines() == ["second of one", "first of one"]
    assert world.rev("one~2") == base
    form = "--format=%an %ae %ad%n%B"
    shown = [world.git("log", "-1", "--date=raw", form, commit) for commit in ("one~1", f"{before}~1")]
    assert shown[0] == shown[1]
    assert shown[0].startswith("Else else@example.com 1700000000 +0200\n")
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert (path / "b.txt").read_text() == "base\n"
    kept = world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept/one")
    assert kept == before
    world.ok("merge", "one", "--ff")
    assert world.rev("main") == after


def test_a_rebase_keeps_edits_elsewhere_and_refuses_those_in_the_way(world: World) -> None:
    path = world.task("one")
    tip = world.rev("one")
    world.commit("base work", b__txt="base\n")
    for name, text in {"a.txt": "edited\n", "untracked": "mine\n", "ignored.log": "log\n"}.items():
        world.write(name, text, path)
    world.write("b.txt", "mine\n", path)
    done = world.par("sync", "one", "--rebase")
    assert done.status == 1
    assert done.err.startswith(f"left one: in the way in '{path}': b.txt\nhint: ")
    assert world.rev("one") == tip
    assert (path / "b.txt").read_text() == "mine\n"
    assert world.git("for-each-ref", "refs/par/kept", "refs/par/plan") == ""
    (path / "b.txt").unlink()
    world.ok("sync", "one", "--rebase")
    assert world.rev("one~1") == world.rev("main")
    assert world.git("status", "--porcelain", cwd=path).split("\n") == [" M a.txt", "?? untracked"]
    assert (path / "ignored.log").read_text() == "log\n"


def test_a_rebase_overwrites_no_ignored_file(world: World) -> None:
    path = world.task("one")
    tip = world.rev("one")
    world.write("secret.log", "from the base\n")
    world.git("add", "--force", "secret.log")
    world.commit("base work")
    world.write("secret.log", "mine\n", path)
    done = world.par("sync", "one", "--rebase")
    assert done.err.startswith(f"left one: in the way in '{path}': secret.log\n")
    assert ((path / "secret.log").read_text(), world.rev("one")) == ("mine\n", tip)


def test_a_rebase_unstages_nothing(world: World) -> None:
    path = world.task("one")
    tip = world.rev("one")
    world.commit("base work", b__txt="base\n")
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    done = world.par("sync", "one", "--rebase")
    assert done.err == f"left one: staged in '{path}': staged\nhint: commit or unstage them first\n"
    assert world.git("status", "--porcelain", cwd=path) == "A  staged"
    assert world.rev("one") == tip


def test_a_rebase_of_what_the_base_has_already_ends_on_the_base(world: World) -> None:
    path = world.task("one")
    world.git("fetch", "-q", str(path), "one")
    world.git("cherry-pick", "FETCH_HEAD")
    world.commit("more", b__txt="base\n")
    world.ok("sync", "one", "--rebase")
    assert world.rev("one") == world.rev("main")
    assert (path / "b.txt").read_text() == "base\n"


def test_a_rebase_asks_nothing_again_that_a_merge_solved(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    world.commit("base work", a__txt="ours\n")
    assert world.par("sync", "one").status == 1
    world.write("a.txt", "both\n", path)
    world.git("commit", "-qam", "solved", cwd=path)
    world.commit("on top", cwd=path, top__txt="top\n")
    world.commit("more base work", b__txt="base\n")
    world.ok("sync", "one", "--rebase")
    assert world.git("log", "--format=%s", "main..one").splitlines() == ["on top", "work of one"]
    assert world.git("show", "one:a.txt") == "both"
    assert (path / "b.txt").read_text() == "base\n"


def test_a_rebase_that_would_ask_again_what_a_merge_solved_is_not_started(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    world.commit("base work", a__txt="ours\n")
    assert world.par("sync", "one").status == 1
    world.write("a.txt", "both\n", path)
    world.git("commit", "-qam", "solved", cwd=path)
    world.commit("more base work", a__txt="ours again\n")
    done = world.par("sync", "one", "--rebase")
    assert (done.status, done.out) == (1, "one: would conflict: a.txt\n")
    assert done.err == (
        "hint: one has merges, and a rebase would ask their conflicts again: cd ../repo-worktrees/one && git par sync\n"
    )
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_a_conflicting_rebase_can_be_taken_back_and_does_not_mix_with_uncommitted_work(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    tip = world.rev("one")
    world.commit("base work", a__txt="ours\n")
    world.write("a.txt", "edited\n", path)
    done = world.par("sync", "one", "--rebase")
    assert done.status == 3
    assert done.err == (
        "git par: one: it conflicts with main, and has uncommitted changes: a.txt\n"
        "hint: cd ../repo-worktrees/one && git commit -a, then git par sync --rebase\n"
    )
    assert world.git("for-each-ref", "refs/par/kept") == ""
    world.git("checkout", "-q", "a.txt", cwd=path)
    assert world.par("sync", "one", "--rebase").status == 1
    world.git("rebase", "--abort", cwd=path)
    assert world.rev("one") == tip
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_a_rebase_names_what_stands_on_the_old_commits_and_brings_it_after(world: World) -> None:
    path = world.task("one", a__txt=edited(l5="one"))
    world.ok("add", "two", cwd=path)
    assert world.listed("two")["base"] == "one"
    world.commit("work of two", cwd=world.workspaces / "two", two__txt="two\n")
    world.commit("base work", a__txt=edited(l18="base"))
    done = world.ok("sync", "one", "--rebase")
    assert done.err == "hint: based on one as it was: git par sync --rebase two\n"
    world.commit("one again", cwd=path, a__txt=edited(l5="one again", l18="base"))
    world.ok("sync", "--rebase", "two")
    assert world.git("log", "--format=%s", "one..two") == "work of two"
    assert world.git("show", "two:a.txt") + "\n" == edited(l5="one again", l18="base")


def test_what_stands_on_another_task_is_rebased_after_it(world: World) -> None:
    path = world.task("one", a__txt=edited(l5="one"))
    world.ok("add", "two", cwd=path)
    world.commit("work of two", cwd=world.workspaces / "two", two__txt="two\n")
    base = world.commit("base work", a__txt=edited(l18="base"))
    done = world.ok("sync", "--rebase", "two", "one")
    assert [line.split(":")[0] for line in done.out.splitlines()] == ["one", "two"]
    assert done.err == ""
    assert world.git("log", "--format=%s", f"{base}..two").splitlines() == ["work of two", "work of one"]
    assert world.rev("two~1") == world.rev("one")


def test_a_rebase_signs_what_it_makes(world: World) -> None:
    world.task("one")
    world.commit("base work", b__txt="base\n")
    record = signer(world, WORKS)
    world.ok("sync", "one", "--rebase")
    assert is_signed(world, "one")
    assert record.read_text() == "ran\n" * 2
    world.commit("more base work", b__txt="more\n")
    world.ok("sync", "one")
    assert is_signed(world, "one")


# several at once


def test_conflicts_leaves_markers_in_all_that_are_clean_and_free(world: World) -> None:
    paths = {name: world.task(name, a__txt=f"{name}\n") for name in ("one", "two", "dirty", "used")}
    world.commit("base work", a__txt="ours\n")
    world.write("a.txt", "edited\n", paths["dirty"])
    with subprocess.Popen([sys.executable, "-c", "input()"], cwd=paths["used"], stdin=subprocess.PIPE) as user:
        done = world.par("sync", "--all", "--conflicts", "--json")
        user.communicate(b"\n")
    assert done.status == 1
    found = done.json
    assert found["conflicted"] == [{"name": name, "files": ["a.txt"], "started": True} for name in ("one", "two")]
    assert [(one["name"], one["reason"]) for one in found["left"]] == [("dirty", "failed"), ("used", "in-use")]
    assert {name for name, path in paths.items() if "<<<<<<<" in (path / "a.txt").read_text()} == {"one", "two"}
    assert (paths["dirty"] / "a.txt").read_text() == "edited\n"


def test_conflicts_of_several_rebases_are_left_to_solve_too(world: World) -> None:
    paths = [world.task(name, a__txt=f"{name}\n") for name in ("one", "two")]
    world.commit("base work", a__txt="ours\n")
    assert world.par("sync", "--rebase", "one", "two").out == (
        "one: would conflict: a.txt\ntwo: would conflict: a.txt\n"
    )
    assert world.par("sync", "--rebase", "--conflicts", "one", "two").out == "one: solve: a.txt\ntwo: solve: a.txt\n"
    assert all("<<<<<<<" in (path / "a.txt").read_text() for path in paths)


# hooks, and what was solved before


@pytest.mark.parametrize("options", [[], ["--rebase"]])
def test_merge_hooks_have_their_say(world: World, options: list[str]) -> None:
    path = world.task("one")
    world.commit("base work", b__txt="base\n")
    world.hook("prepare-commit-msg", 'printf "\\n\\nChecked-by: hook\\n" >>"$1"')
    world.write("a.txt", "edited\n", path)
    done = world.ok("sync", "one", *options)
    assert done.out.endswith(", made in a private workspace (hooks: prepare-commit-msg)\n")
    assert world.git("log", "-1", "--format=%b", "one").strip() == "Checked-by: hook"
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt"
    world.commit("more base work", c__txt="base\n")
    assert world.ok("sync", "one", *options, "--json").json["synced"][0]["private"] == "hooks: prepare-commit-msg"


def test_a_hook_that_refuses_leaves_the_task_as_it_is(world: World) -> None:
    path = world.task("one")
    tip = world.rev("one")
    world.commit("base work", b__txt="base\n")
    world.hook("pre-merge-commit", "echo not today >&2; exit 1")
    done = world.par("sync", "one")
    assert (done.status, done.out) == (1, "")
    assert done.err == ("left one: not today\nhint: cd ../repo-worktrees/one && git merge main, to see what stops it\n")
    assert world.rev("one") == tip
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_a_hook_that_refuses_a_rebase_is_asked_once(world: World) -> None:
    path = world.task("one", a__txt="theirs\n")
    tip = world.rev("one")
    world.commit("base work", a__txt="ours\n")
    world.hook("pre-rebase", 'echo "$@" >>../asked; echo not today >&2; [ -e ../yes ]')
    done = world.par("sync", "one", "--rebase")
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("left one: not today\nhint: cd ../repo-worktrees/one && git rebase main")
    assert (path.parent / "asked").read_text() == "main\n"
    assert (world.rev("one"), world.git("status", "--porcelain", cwd=path)) == (tip, "")
    (path.parent / "yes").touch()
    assert world.par("sync", "one", "--rebase").out == "one: solve: a.txt\n"
    assert (path.parent / "asked").read_text() == "main\n" * 2


@pytest.mark.parametrize("how", ["--squash", "--rebase"])
def test_hooks_do_not_hide_what_landed(world: World, how: str) -> None:
    path = landed_and_worked_on(world, how, clash=False)
    tip, base = world.rev("one"), world.rev("main")
    world.hook("commit-msg", "exit 0")
    assert "in a private workspace" in world.ok("sync", "one").out
    assert world.git("rev-list", "--parents", "-n", "1", "one").split()[1:] == [tip, base]
    assert (path / "a.txt").read_text() == edited(l5="task, then base", l12="task again", l18="base")


def test_post_merge_runs_in_the_workspace(world: World) -> None:
    path = world.task("one")
    world.commit("base work", b__txt="base\n")
    world.hook("post-merge", "pwd >../ran; exit 3")
    done = world.par("sync", "one")
    assert (done.status, done.err) == (5, "one: the post-merge hook failed with status 3\n")
    assert (path.parent / "ran").read_text() == f"{path}\n"


@pytest.mark.parametrize("options", [[], ["--rebase"]])
def test_what_was_solved_is_recorded_and_used(world: World, options: list[str]) -> None:
    world.git("config", "rerere.enabled", "true")
    paths = [world.task(name, a__txt="theirs\n") for name in ("one", "two")]
    world.commit("base work", a__txt="ours\n")
    verb = "rebase" if options else "merge"
    assert world.par("sync", "one", *options).status == 1
    world.write("a.txt", "both\n", paths[0])
    world.git("add", "a.txt", cwd=paths[0])
    world.git(verb, "--continue", cwd=paths[0], env={"GIT_EDITOR": "true"})
    done = world.ok("sync", "--all", *options)
    assert "two: main is in now" in done.out
    assert "(recorded resolutions)" in done.out
    assert (paths[1] / "a.txt").read_text() == "both\n"
    assert world.git("status", "--porcelain", cwd=paths[1]) == ""


def test_nothing_is_recorded_where_nobody_asked_for_it(world: World) -> None:
    world.task("one", a__txt="theirs\n")
    world.commit("base work", a__txt="ours\n")
    assert world.par("sync", "one").status == 1
    assert not (world.repo / ".git" / "rr-cache").exists()


# others at the same time


@pytest.mark.parametrize("options", [[], ["--rebase"]])
def test_a_task_that_moved_after_the_plan_is_planned_again(
    world: World, options: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.task("one")
    world.commit("base work", b__txt="base\n")
    real, moves = publish.publish, iter(["late work"])

    def moved(repo: Repo, **how: Any) -> bool:
        for message in moves:
            world.commit(message, cwd=path, late__txt="late\n")
        return real(repo, **how)

    monkeypatch.setattr(publish, "publish", moved)
    world.ok("sync", "one", *options)
    assert world.git("show", "one:late.txt") == "late"
    assert world.git("show", "one:b.txt") == "base"
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert len(world.git("for-each-ref", "refs/par/kept/one").splitlines()) == len(options)


def test_a_task_that_never_stands_still_is_given_up_on(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.task("one")
    world.commit("base work", b__txt="base\n")
    real = publish.publish

    def moved(repo: Repo, **how: Any) -> bool:
        world.commit("late work", cwd=path)
        return real(repo, **how)

    monkeypatch.setattr(publish, "publish", moved)
    monkeypatch.setattr(sync, "_REPLANS", 2)
    done = world.par("sync", "one", "--rebase")
    assert (done.status, done.err.splitlines()[0]) == (4, "git par: one: it kept moving")
    assert world.git("log", "-1", "--format=%s", "one") == "late work"
    assert world.git("for-each-ref", "refs/par/kept") == ""
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_where_there_are_no_tasks_it_says_so(world: World) -> None:
    done = world.ok("sync", "--all")
    assert (done.out, done.err) == ("", "nothing to sync: there are no tasks\n")


def test_a_base_that_moved_after_the_plan_is_there_the_next_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("one")
    planned = world.commit("base work", b__txt="base\n")
    real = publish.publish

    def moved(repo: Repo, **how: Any) -> bool:
        world.commit("late base work", c__txt="late\n")
        return real(repo, **how)

    with monkeypatch.context() as patch:
        patch.setattr(publish, "publish", moved)
        world.ok("sync", "one", "--rebase")
    assert world.rev("one~1") == planned
    world.ok("sync", "one", "--rebase")
    assert world.rev("one~1") == world.rev("main")


def test_tasks_are_rebased_while_base_and_task_go_on(world: World) -> None:
    """Real processes: no commit of either is lost, and no checkout is left torn."""
    path = world.task("one")
    script = (
        'for n in 1 2 3 4 5 6; do echo >"$0-$n"; git add "$0-$n"; git commit -qm "$0 $n" || exit 1; sleep 0.1; done'
    )
    # The one whose index a sync moves waits for it, as people do.
    patient = script.replace("git add", "until git add").replace('; git commit -qm "$0 $n" || exit 1;', "")
    patient = patient.replace('until git add "$0-$n"', 'until git add "$0-$n" && git commit -qm "$0 $n"; do :; done;')
    base = world.start("sh", "-c", script, "base")
    task = world.start("sh", "-c", patient, "task", cwd=path)
    codes = set()
    while base.poll() is None or task.poll() is None:
        codes.add(world.par_process("sync", "one", "--rebase").status)
    base.communicate()
    task.communicate()
    assert (base.returncode, task.returncode) == (0, 0)
    assert codes <= {0, 1}
    world.ok("sync", "one", "--rebase")
    names = set(world.git("ls-tree", "--name-only", "one").splitlines())
    assert {f"{who}-{number}" for who in ("base", "task") for number in range(1, 7)} <= names
    assert world.git("status", "--porcelain", cwd=path) == ""
    world.check_sound()


def test_the_schema_knows_every_reason_to_leave_a_task() -> None:
    root = Path(__file__).parent.parent
    used = {
        ast.literal_eval(node.args[1])
        for file in ("landing/bring.py", "commands/sync.py")
        for node in ast.walk(ast.parse((root / "git_par" / file).read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Left"
    }
    schema = json.loads((root / "docs" / "schema" / "sync.json").read_text())
    assert sorted(used) == schema["properties"]["left"]["items"]["properties"]["reason"]["enum"]


def test_a_rebase_does_not_take_a_file_for_edited_that_was_only_touched(world: World) -> None:
    path = world.task("t")
    world.commit("on", a__txt="later\n")
    os.utime(path / "a.txt", (10**9, 10**9))
    world.ok("sync", "t", "--rebase")
    assert (path / "a.txt").read_text() == "later\n"
    assert world.git("status", "--porcelain", cwd=path) == ""
