"""`git par merge`: what it takes, in which order, what it says and how it ends."""

import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.world import World


def moved(before: str, after: str) -> str:
    return f"({before[:8]}..{after[:8]})"


def has(world: World, tip: str, branch: str = "main") -> bool:
    """Whether all that `tip` has now is in a branch of the repository."""
    return world.try_git("merge-base", "--is-ancestor", world.rev(tip), branch).status == 0


def subjects(world: World, branch: str = "main") -> list[str]:
    return world.git("log", "--first-parent", "--format=%s", branch).splitlines()


# what is taken


def test_one_task_by_name(world: World) -> None:
    world.task("t")
    world.task("u")
    before = world.rev("main")
    done = world.ok("merge", "t")
    assert done.out == f"main: 1 merged {moved(before, world.rev('main'))}\n  merged      t\n"
    assert done.err == "hint: git par prune would remove 1 task, unless in use\n"
    assert has(world, "t")
    assert not has(world, "u")


def test_names_are_taken_in_the_order_given_and_once(world: World) -> None:
    for name in ("a", "b", "c"):
        world.task(name)
    out = world.ok("merge", "c", "a", "c", "refs/heads/a").out
    assert out.splitlines()[1:] == ["  merged      c", "  merged      a"]


def test_all_takes_every_task_from_the_oldest_on(world: World) -> None:
    for name in ("c", "a", "b"):
        world.task(name)
    assert world.ok("merge", "--all").out.splitlines()[1:] == ["  merged      c", "  merged      a", "  merged      b"]


def test_all_without_tasks_is_nothing_to_do(world: World) -> None:
    done = world.ok("merge", "--all")
    assert (done.out, done.err) == ("", "nothing to merge: there are no tasks\n")
    assert world.ok("merge", "--all", "--json").json == {"version": 1, "merges": []}


def test_group_takes_the_tasks_of_the_group(world: World) -> None:
    world.ok("add", "a", "b", "--group", "ui")
    world.add("c")
    for name in ("a", "b", "c"):
        world.commit(name, cwd=world.workspaces / name, **{f"{name}__txt": name})
    assert world.ok("merge", "--group", "ui").out.splitlines()[1:] == ["  merged      a", "  merged      b"]
    done = world.par("merge", "--group", "no-such")
    assert (done.status, done.out) == (2, "")
    assert done.err == "git par: --group no-such: no task is in that group\nhint: see 'git par list'\n"


def test_a_plain_branch_goes_to_the_branch_one_stands_on(world: World) -> None:
    world.git("checkout", "-q", "-b", "fix/it")
    world.commit("fix", fix__txt="fix\n")
    world.git("checkout", "-q", "-b", "next", "main")
    before = world.rev("next")
    done = world.ok("merge", "fix/it")
    assert done.out == f"next: 1 merged {moved(before, world.rev('next'))}\n  merged      fix/it\n"
    assert world.ok("merge", "refs/heads/fix/it", "--into", "main").out.startswith("main: 1 merged ")


def test_a_plain_branch_from_a_detached_head_needs_into(world: World) -> None:
    world.git("branch", "fix")
    world.git("checkout", "-q", "--detach")
    done = world.par("merge", "fix")
    assert done.status == 2
    assert done.err == (
        "git par: fix: a plain branch, and no branch is checked out here to merge it into\n"
        "hint: git par merge fix --into BRANCH\n"
    )


def test_refs_heads_is_always_the_branch(world: World) -> None:
    """The task x has the branch user/x; the branch x is another one."""
    world.ok("add", "x", "--branch", "user/{name}")
    world.commit("of the task", cwd=world.workspaces / "x", task__txt="task\n")
    world.git("checkout", "-q", "-b", "x", "main")
    world.commit("of the branch", branch__txt="branch\n")
    world.git("checkout", "-q", "main")
    world.ok("merge", "refs/heads/x")
    assert has(world, "x")
    assert not has(world, "user/x")
    world.ok("merge", "x")
    assert has(world, "user/x")


def test_a_task_can_be_named_by_its_branch(world: World) -> None:
    world.ok("add", "x", "--branch", "user/{name}")
    path = world.workspaces / "x"
    world.commit("work", cwd=path, x__txt="x\n")
    world.write("x.txt", "uncommitted\n", cwd=path)
    done = world.par("merge", "user/x")
    assert done.status == 1, done
    assert "left out" in done.out


@pytest.mark.parametrize("name", ["no-such", "refs/heads/no-such", "main~0", "main^{}", "HEAD", "@", "", "-", "a b"])
def test_what_is_neither_task_nor_branch_is_refused(world: World, name: str) -> None:
    before = world.git("for-each-ref")
    done = world.par("merge", "--", name)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"git par: {name}: no such task or branch\nhint: see 'git par list' and 'git branch'\n"
    assert world.git("for-each-ref") == before


@pytest.mark.parametrize("name", ["no-such", "refs/heads/no-such", "main~0", "HEAD"])
def test_into_needs_a_local_branch(world: World, name: str) -> None:
    world.task("t")
    done = world.par("merge", "t", "--into", name)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"git par: --into {name}: no such local branch\nhint: see 'git branch'\n"


def test_into_sends_everything_there(world: World) -> None:
    world.git("branch", "next")
    world.task("a")
    world.ok("add", "b", "--base", "next")
    world.commit("work", cwd=world.workspaces / "b", b__txt="b\n")
    main, before = world.rev("main"), world.rev("next")
    done = world.ok("merge", "--all", "--into", "next")
    assert done.out == (f"next: 2 merged {moved(before, world.rev('next'))}\n  merged      a\n  merged      b\n")
    assert world.rev("main") == main


def test_into_a_task_leaves_that_task_out_of_all(world: World) -> None:
    world.task("a")
    path = world.task("b")
    assert world.ok("merge", "--all", "--into", "b").out.splitlines()[1:] == ["  merged      a"]
    assert (path / "a.txt").exists()
    assert has(world, "a", "b")


def test_nothing_is_merged_into_itself(world: World) -> None:
    world.task("t")
    done = world.par("merge", "t", "--into", "t")
    assert (done.status, done.out) == (2, "")
    assert done.err == "git par: t: it cannot be merged into itself\nhint: name another branch with --into\n"


def test_without_a_name_the_task_one_stands_in_is_meant(world: World) -> None:
    path = world.task("t")
    world.task("u")
    (path / "deep").mkdir()
    before = world.rev("main")
    done = world.ok("merge", cwd=path / "deep")
    assert done.out == f"main: 1 merged {moved(before, world.rev('main'))}\n  merged      t\n"
    assert world.ok("merge", ".", cwd=path).out.startswith("main: 1 already in")


def test_without_a_name_elsewhere_is_a_usage_error(world: World) -> None:
    world.task("t")
    done = world.par("merge")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "git par: merge: nothing named, and this is not the workspace of a task\n"
        "hint: git par merge NAME…, or git par merge --all\n"
    )


@pytest.mark.parametrize(
    ("args", "err"),
    [
        (("--ff", "--squash"), "--ff, --squash: not together\nhint: choose one of them\n"),
        (("--no-ff", "--ff"), "--no-ff, --ff: not together\nhint: choose one of them\n"),
        (("--all",), "--all, --group: not together with names\nhint: name the tasks, or leave the names out\n"),
        (("--group", "g"), "--all, --group: not together with names\nhint: name the tasks, or leave the names out\n"),
    ],
)
def test_what_does_not_go_together_is_refused(world: World, args: tuple[str, ...], err: str) -> None:
    world.task("t")
    done = world.par("merge", "t", *args)
    assert (done.status, done.out, done.err) == (2, "", f"git par: {err}")


# where it goes, and in which order


def test_each_base_has_a_plan_and_a_publish_of_its_own(world: World) -> None:
    world.git("branch", "release")
    world.task("a")
    world.ok("add", "b", "--base", "release")
    world.commit("work", cwd=world.workspaces / "b", b__txt="b\n")
    before = world.rev("main")
    done = world.ok("merge", "--all")
    assert done.out == (
        f"main: 1 merged {moved(before, world.rev('main'))}\n  merged      a\n"
        f"release: 1 merged {moved(before, world.rev('release'))}\n  merged      b\n"
    )
    assert (has(world, "b"), has(world, "a", "release")) == (False, False)


def test_a_base_that_is_refused_does_not_hold_back_the_other(world: World) -> None:
    world.git("branch", "release")
    world.task("a", a__txt="task\n")
    world.ok("add", "b", "--base", "release")
    world.commit("work", cwd=world.workspaces / "b", b__txt="b\n")
    world.write("a.txt", "edited\n")
    before = world.rev("main")
    done = world.par("merge", "--all")
    assert done.status == 1
    assert done.out == (
        f"main: not merged: in the way in '{world.repo}': a.txt\n"
        f"release: 1 merged {moved(before, world.rev('release'))}\n  merged      b\n"
    )
    assert done.err == (
        "hint: commit those files or move them away, then run the command again\n"
        "hint: git par prune would remove 1 task, unless in use\n"
    )


def test_a_stacked_task_comes_right_behind_the_task_below(world: World) -> None:
    below = world.task("below")
    world.task("other")
    world.ok("add", "above", cwd=below)
    world.commit("work", cwd=world.workspaces / "above", above__txt="above\n")
    assert world.ok("merge", "--all").out.splitlines()[1:] == [
        "  merged      below",
        "  merged      above",
        "  merged      other",
    ]
    assert subjects(world)[:3] == [f"Merge branch '{name}'{into(world)}" for name in ("other", "above", "below")]


def test_a_stacked_task_alone_lands_in_the_task_below(world: World) -> None:
    below = world.task("below")
    world.ok("add", "above", cwd=below)
    world.commit("work", cwd=world.workspaces / "above", above__txt="above\n")
    before = world.rev("below")
    done = world.ok("merge", "above")
    assert done.out == f"below: 1 merged {moved(before, world.rev('below'))}\n  merged      above\n"
    assert (below / "above.txt").exists()


def test_tasks_based_on_each_other_in_a_circle_are_refused(world: World) -> None:
    world.task("a")
    world.task("b")
    world.ok("set", "a", "--base", "b")
    assert world.par("set", "b", "--base", "a") == (
        2, "", "git par: b: it cannot be based on itself\nhint: git par set NAME --base BRANCH, with another branch\n"
    )  # fmt: skip
    record = world.record("b")
    record.write_text(record.read_text().replace('"base": "main"', '"base": "a"'))
    done = world.par("merge", "--all")
    assert (done.status, done.out) == (2, "")
    assert done.err == "git par: a, b: based on each other in a circle\nhint: git par set NAME --base BRANCH\n"


def test_a_base_that_is_gone_is_refused(world: World) -> None:
    world.git("branch", "release")
    world.ok("add", "t", "--base", "release")
    world.commit("work", cwd=world.workspaces / "t", t__txt="t\n")
    world.git("branch", "-q", "-D", "release")
    done = world.par("merge", "t")
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "git par: release: the base of t is gone\nhint: git par set NAME --base BRANCH, or merge --into BRANCH\n"
    )


# who is left out


def test_a_task_with_uncommitted_changes_is_left_out_with_a_hint(world: World) -> None:
    path = world.task("t")
    world.task("u")
    world.write("t.txt", "more\n", cwd=path)
    before = world.rev("main")
    done = world.par("merge", "--all")
    assert (done.status, done.out) == (
        1,
        f"main: 1 merged, 1 left out {moved(before, world.rev('main'))}\n"
        "  merged      u\n"
        "  left out    t: uncommitted changes: t.txt\n",
    )
    assert done.err == (
        "hint: t: commit them, or have it done with --autocommit, or merge what is committed with --allow-dirty\n"
        "hint: git par prune would remove 1 task, unless in use\n"
    )
    assert not has(world, "t")


def test_allow_dirty_merges_what_is_committed(world: World) -> None:
    path = world.task("t")
    world.write("t.txt", "more\n", cwd=path)
    world.ok("merge", "t", "--allow-dirty")
    assert (world.repo / "t.txt").read_text() == "t\n"
    assert (path / "t.txt").read_text() == "more\n"


@pytest.mark.parametrize(("count", "told"), [(1, "1 untracked file"), (3, "3 untracked files")])
def test_untracked_files_hold_nothing_back_and_are_counted(world: World, count: int, told: str) -> None:
    path = world.task("t")
    for number in range(count):
        world.write(f"new{number}.txt", "new\n", cwd=path)
    world.write("ignored.log", "log\n", cwd=path)
    done = world.ok("merge", "t")
    assert done.out.splitlines()[1:] == ["  merged      t"]
    assert done.err == f"t: {told} not merged\n"


def test_a_workspace_on_another_branch_is_left_out(world: World) -> None:
    path = world.task("t")
    world.git("checkout", "-q", "-b", "fix", cwd=path)
    done = world.par("merge", "t")
    assert (done.status, done.out) == (1, "main: 1 left out\n  left out    t: it is on branch 'fix'\n")
    assert done.err == f"hint: t: git -C {path} switch t\n"
    world.git("checkout", "-q", "--detach", cwd=path)
    assert world.par("merge", "t").out == "main: 1 left out\n  left out    t: it is on a detached HEAD\n"


def test_an_operation_in_progress_is_left_out(world: World) -> None:
    path = world.task("t", a__txt="task\n")
    world.commit("main", a__txt="main\n")
    assert world.try_git("merge", "main", cwd=path).status == 1
    done = world.par("merge", "t")
    assert (done.status, done.out) == (1, "main: 1 left out\n  left out    t: a merge is in progress in it\n")
    assert done.err == f"hint: t: git -C {path} status\n"


def test_a_task_whose_branch_is_gone_is_left_out(world: World) -> None:
    world.task("t")
    world.task("u")
    world.git("update-ref", "-d", "refs/heads/t")
    before = world.rev("main")
    done = world.par("merge", "--all")
    assert (done.status, done.out) == (
        1,
        f"main: 1 merged, 1 left out {moved(before, world.rev('main'))}\n"
        "  merged      u\n"
        "  left out    t: branch 't' is gone\n",
    )


def test_a_renamed_branch_is_told_how_to_get_its_name_back(world: World) -> None:
    path = world.task("it's")
    world.git("branch", "-m", "it's", "better", cwd=path)
    done = world.par("merge", "--all")
    assert (done.status, done.out) == (
        1,
        "main: 1 left out\n  left out    it's: branch 'it's' is gone: it was renamed to 'better'\n",
    )
    hint = shlex.join(["git", "-C", str(path), "branch", "-m", "it's"])
    assert done.err == f"hint: it's: {hint}\n"
    world.process("sh", "-c", hint)
    world.ok("merge", "--all")


def test_a_branch_that_was_left_and_deleted_is_not_taken_for_renamed(world: World) -> None:
    path = world.task("t")
    world.git("checkout", "-q", "-b", "other", cwd=path)
    world.git("branch", "-D", "t")
    assert world.par("merge", "t").err == "hint: t: see 'git par list'\n"


def test_hints_for_odd_paths_can_be_pasted(world: World) -> None:
    path = world.task("a$(id)'b")
    world.git("checkout", "-q", "-b", "fix", cwd=path)
    hint = world.par("merge", "--all").err.strip().partition("a$(id)'b: ")[2]
    assert world.process("sh", "-c", hint).status == 0
    world.ok("merge", "--all")


def test_a_task_whose_workspace_is_gone_is_merged_by_its_branch(world: World) -> None:
    path = world.task("t")
    path.rename(world.root / "moved away")
    assert world.ok("merge", "t").out.splitlines()[1:] == ["  merged      t"]


def test_unrelated_history_is_left_out(world: World) -> None:
    world.git("checkout", "-q", "--orphan", "apart")
    world.commit("another root", b__txt="b\n")
    world.git("checkout", "-q", "main")
    done = world.par("merge", "apart")
    assert (done.status, done.out) == (
        1,
        "main: 1 left out\n  left out    apart: it has no history in common with main\n",
    )
    assert done.err == "hint: apart: git merge --allow-unrelated-histories apart\n"


@pytest.mark.parametrize("strategy", ["--no-ff", "--ff"])
def test_what_is_already_in_is_no_failure(world: World, strategy: str) -> None:
    world.task("t")
    world.ok("merge", "t", strategy)
    before = world.rev("main")
    done = world.ok("merge", "t", strategy)
    assert (done.out, done.err) == ("main: 1 already in\n  already in  t\n", "")
    world.add("new")
    assert world.ok("merge", "--all", strategy).out == ("main: 2 already in\n  already in  t\n  already in  new\n")
    assert world.rev("main") == before


def test_a_second_squash_adds_nothing(world: World) -> None:
    world.task("t")
    world.task("u")
    world.ok("merge", "--all", "--squash")
    before = world.rev("main")
    done = world.ok("merge", "--all", "--squash")
    assert done.out.splitlines()[0] == "main: 2 already in"
    assert world.rev("main") == before


# conflicts


def test_a_conflict_names_the_files_and_the_other_task_and_lets_the_rest_land(world: World) -> None:
    world.task("a", a__txt="a\n")
    path = world.task("b", a__txt="b\n", more__txt="b\n")
    world.task("c")
    before, tip = world.rev("main"), world.rev("b")
    done = world.par("merge", "--all")
    after = world.rev("main")
    assert (done.status, done.out) == (
        1,
        f"main: 2 merged, 1 in conflict {moved(before, after)}\n"
        "  merged      a\n"
        "  merged      c\n"
        "  conflict    b: a.txt (with a)\n",
    )
    way = "../repo-worktrees/b"
    assert done.err == (
        f"hint: b: solve it where it was made: cd {way} && git par sync, then git par merge b\n"
        "hint: git par prune would remove 2 tasks, unless in use\n"
    )
    assert world.rev("b") == tip
    assert world.git("status", "--porcelain") == world.git("status", "--porcelain", cwd=path) == ""
    assert world.try_git("merge", "main", cwd=path).status == 1
    world.commit("solved", cwd=path, a__txt="both\n")
    assert world.ok("merge", "b").out.splitlines()[1:] == ["  merged      b"]
    assert (world.repo / "a.txt").read_text() == "both\n"


def test_a_conflict_with_the_base_names_the_base(world: World) -> None:
    world.task("t", a__txt="task\n")
    world.task("other")
    before = world.commit("main", a__txt="main\n")
    done = world.par("merge", "other", "t", "--json")
    assert done.status == 1
    assert done.json == {
        "version": 1,
        "merges": [
            {
                "base": "main",
                "before": before,
                "after": world.rev("main"),
                "published": True,
                "merged": [{
                    "name": "other",
                    "branch": "other",
                    "tip": world.rev("other"),
                    "commit": world.rev("main"),
                    "private": None, "reverts": [],
                }],
                "conflicted": [{
                    "name": "t", "tip": world.rev("t"), "files": [{"path": "a.txt", "with": ["main"]}],
                }],
                "failed": [],
                "skipped": [],
                "exempt": [],
                "warnings": [],
                "refused": None,
            }
        ],
    }  # fmt: skip


def test_a_conflict_with_several_names_them_all(world: World) -> None:
    lines = [f"line {number}\n" for number in range(1, 21)]
    for name, at in (("a", 2), ("b", 10), ("c", 18)):
        world.task(name, a__txt="".join((f"{name}\n" if number == at else line) for number, line in enumerate(lines)))
    world.task("z", a__txt="all of it\n")
    done = world.par("merge", "--all", "--json")
    (conflicted,) = done.json["merges"][0]["conflicted"]
    assert conflicted["files"] == [{"path": "a.txt", "with": ["a", "b", "c"]}]


def test_when_all_conflict_nothing_moves(world: World) -> None:
    world.task("t", a__txt="task\n")
    before = world.commit("main", a__txt="main\n")
    done = world.par("merge", "t")
    assert (done.status, done.out) == (1, "main: 1 in conflict\n  conflict    t: a.txt (with main)\n")
    assert world.rev("main") == before
    assert world.git("for-each-ref", "refs/par/plan") == ""


def test_a_file_against_a_directory_is_named_as_people_know_it(world: World) -> None:
    path = world.add("t")[0]
    world.write("thing/inside", "task\n", cwd=path)
    world.commit("work", cwd=path)
    world.commit("main", thing="main\n")
    assert world.par("merge", "t").out == "main: 1 in conflict\n  conflict    t: thing (with main)\n"


def test_a_conflicting_plain_branch_is_told_how_to_go_on(world: World) -> None:
    world.git("checkout", "-q", "-b", "fix")
    world.commit("fix", a__txt="fix\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    assert world.par("merge", "fix").err == (
        "hint: fix: solve it where it was made: merge main into fix, then git par merge fix\n"
    )


# nothing but a look


def test_dry_run_says_the_same_and_moves_nothing(world: World) -> None:
    world.task("a", a__txt="a\n")
    world.task("b", a__txt="b\n")
    world.task("c")
    refs = world.git("for-each-ref")
    done = world.par("merge", "--all", "--dry-run")
    lines = done.out.splitlines()
    assert done.status == 1
    assert lines[0].startswith(f"main: 2 would be merged, 1 in conflict ({world.rev('main')[:8]}..")
    assert lines[1:] == ["  merged      a", "  merged      c", "  conflict    b: a.txt (with a)"]
    assert world.git("for-each-ref") == refs
    assert world.git("status", "--porcelain", "--ignored") == ""
    assert {world.listed(name)["state"] for name in ("a", "b", "c")} == {"active"}
    assert world.par("merge", "--all", "--dry-run", "--json").json["merges"][0]["published"] is False
    assert world.par("merge", "--all", "--dry-run", "--prune").status == 1
    assert world.git("for-each-ref") == refs


# with --prune


def test_prune_removes_what_came_home(world: World) -> None:
    world.task("t")
    kept = world.task("b", a__txt="b\n")
    world.commit("main", a__txt="main\n")
    done = world.par("merge", "--all", "--prune")
    assert done.status == 1
    assert world.branches() == ["b", "main"]
    assert kept.exists()
    assert not (world.workspaces / "t").exists()
    report = world.par("merge", "--all", "--prune", "--json").json
    assert report["pruned"] == {"removed": [], "left": []}


def test_prune_removes_what_was_already_in(world: World) -> None:
    world.task("t")
    world.ok("merge", "t")
    world.ok("merge", "t", "--prune")
    assert world.branches() == ["main"]


def test_a_landed_task_that_prune_cannot_remove_is_told_and_counts(world: World) -> None:
    path = world.task("t")
    world.write("new.txt", "new\n", cwd=path)
    done = world.par("merge", "t", "--prune")
    assert done.status == 1
    assert has(world, "t")
    assert "left t: " in done.err
    assert path.exists()


def test_prune_inside_the_workspace_prints_the_way_home_and_nothing_else(world: World) -> None:
    path = world.task("t")
    done = world.process(*_script(path, "merge", "--prune"), cwd=world.root)
    assert (done.status, done.out) == (0, f"{world.repo}\n"), done
    assert "main: 1 merged" in done.err
    assert not path.exists()
    assert world.branches() == ["main"]


def test_the_way_home_is_the_checkout_of_the_base(world: World) -> None:
    other = world.root / "other"
    world.git("worktree", "add", "-q", "-b", "release", str(other))
    path = Path(world.ok("add", "t", cwd=other).out.strip())
    world.commit("work", cwd=path, t__txt="t\n")
    done = world.process(*_script(path, "merge", "--prune"), cwd=world.root)
    assert (done.status, done.out) == (0, f"{other}\n"), done


def test_nothing_to_go_home_from_when_it_conflicts(world: World) -> None:
    path = world.task("t", a__txt="task\n")
    world.commit("main", a__txt="main\n")
    done = world.par("merge", "--prune", cwd=path)
    assert (done.status, done.out) == (1, "main: 1 in conflict\n  conflict    t: a.txt (with main)\n")
    assert path.exists()


def _script(path: Path, *args: str) -> tuple[str, ...]:
    """git-par from a shell that stands in `path`, as a person would run it."""
    import shlex
    import sys

    words = shlex.join([sys.executable, "-m", "git_par", *args])
    return ("sh", "-c", f"cd {shlex.quote(str(path))} && {words}; exit $?")


# what is written


def into(world: World, base: str = "main") -> str:
    """How git itself ends the title of a merge into `base`: some it does not name."""
    feed = f"{world.rev(base)}\t\tbranch 'x' of .\n"
    (world.root / "feed").write_text(feed)
    done = world.git("fmt-merge-msg", "--into-name", base, "-F", str(world.root / "feed"))
    return done.splitlines()[0].removeprefix("Merge branch 'x'")


@pytest.mark.parametrize("base", ["main", "master", "trunk", "release/1", "release/1/x"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"merge.suppressDest": "trunk"},
        {"merge.suppressDest": "release/*"},
        {"merge.log": "true"},
        {"merge.log": "1", "merge.suppressDest": ""},
        {"merge.branchdesc": "true", "branch.topic.description": "What it is about"},
    ],
    ids=lambda settings: ",".join(settings) or "plain",
)
def test_a_merge_has_the_message_that_git_would_write(world: World, base: str, settings: Mapping[str, str]) -> None:
    world.git("checkout", "-q", "-B", base)
    world.git("checkout", "-q", "-b", "topic")
    world.commit("one", b__txt="b\n")
    world.commit("two", c__txt="c\n")
    world.git("checkout", "-q", base)
    for key, value in settings.items():
        world.git("config", key, value)
    world.git("checkout", "-q", "-b", "plain")
    world.git("merge", "-q", "--no-ff", "--no-edit", "--into-name", base, "topic")
    expected = world.git("log", "-1", "--format=%B")
    world.git("checkout", "-q", base)
    world.ok("merge", "topic")
    assert world.git("log", "-1", "--format=%B") == expected


def test_m_is_the_message_of_every_merge(world: World) -> None:
    world.task("a")
    world.task("b")
    world.ok("merge", "--all", "-m", "all of it\n\nat once")
    assert world.git("log", "-2", "--first-parent", "--format=%B%x00").split("\0")[:2] == [
        "all of it\n\nat once\n",
        "\nall of it\n\nat once\n",
    ]


def test_no_ff_makes_a_merge_commit_each_with_the_base_first(world: World) -> None:
    world.task("a")
    world.task("b")
    before = world.rev("main")
    world.ok("merge", "--all")
    assert world.git("rev-parse", "main^1^1", "main^1^2", "main^2").split() == [before, world.rev("a"), world.rev("b")]
    assert world.git("log", "-1", "--format=%an %cn") == "A U Thor C O Mitter"


def test_ff_moves_on_where_that_is_possible(world: World) -> None:
    world.task("a")
    world.task("b")
    done = world.ok("merge", "--all", "--ff")
    assert done.out.splitlines()[1:] == ["  merged      a", "  merged      b"]
    assert world.rev("main^1") == world.rev("a")
    assert world.rev("main^2") == world.rev("b")


def test_squash_makes_one_ordinary_commit_with_the_authors_of_the_work(world: World) -> None:
    path = world.add("t")[0]
    for number, (name, mail) in enumerate(
        [("First", "first@x.org"), ("Second", "second@x.org"), ("First", "first@x.org"), ("Third", "third@x.org")]
    ):
        world.write(f"{number}.txt", f"{number}\n", cwd=path)
        world.git("add", "--all", cwd=path)
        author = {
            "GIT_AUTHOR_NAME": name,
            "GIT_AUTHOR_EMAIL": mail,
            "GIT_AUTHOR_DATE": f"2026-01-0{number + 1}T10:00:00Z",
        }
        world.git("commit", "-q", "-m", f"step {number}\n\nmore", cwd=path, env=author)
    before = world.rev("main")
    world.ok("merge", "t", "--squash")
    assert world.git("rev-parse", "main^@").split() == [before]
    assert world.git("log", "-1", "--format=%an <%ae> %at %cn") == (
        f"First <first@x.org> {datetime(2026, 1, 1, 10, tzinfo=UTC).timestamp():.0f} C O Mitter"
    )
    assert world.git("log", "-1", "--format=%B") == (
        "Squash branch 't'\n\n* step 0\n* step 1\n* step 2\n* step 3\n\n"
        "Co-authored-by: Second <second@x.org>\nCo-authored-by: Third <third@x.org>\n"
    )
    assert world.git("rev-parse", "main^{tree}") == world.git("rev-parse", "t^{tree}")


def test_a_squash_of_one_commit_keeps_its_message_and_of_a_titled_task_its_title(world: World) -> None:
    path = world.add("one")[0]
    world.commit("the only one\n\nwith a body", cwd=path, one__txt="1\n")
    world.commit("meanwhile", m__txt="m\n")
    world.ok("merge", "one", "--squash")
    assert world.git("log", "-1", "--format=%B") == "the only one\n\nwith a body\n"
    path = Path(world.ok("add", "two", "--title", "Two things").out.strip())
    world.commit("step 1", cwd=path, two__txt="1\n")
    world.commit("step 2", cwd=path, two__txt="2\n")
    world.ok("merge", "two", "--squash")
    assert world.git("log", "-1", "--format=%B") == "Two things\n\n* step 1\n* step 2\n"


def test_what_landed_is_recorded(world: World) -> None:
    world.task("t")
    before = world.rev("main")
    world.ok("merge", "t")
    landed = {"tip": world.rev("t"), "commit": world.rev("main"), "into": "main", "onto": before}
    assert world.listed("t")["landed"] == landed
    assert world.listed("t")["state"] == "landed"


def test_the_report_for_programs_is_whole(world: World) -> None:
    world.task("a")
    path = world.task("b")
    world.write("b.txt", "dirty\n", cwd=path)
    world.add("new")
    before = world.rev("main")
    done = world.par("merge", "--all", "--json")
    expected: dict[str, Any] = {
        "version": 1,
        "merges": [
            {
                "base": "main",
                "before": before,
                "after": world.rev("main"),
                "published": True,
                "merged": [
                    {
                        "name": "a",
                        "branch": "a",
                        "tip": world.rev("a"),
                        "commit": world.rev("main"),
                        "private": None,
                        "reverts": [],
                    }
                ],
                "conflicted": [],
                "failed": [],
                "skipped": [
                    {"name": "b", "reason": "dirty", "detail": "uncommitted changes: b.txt"},
                    {"name": "new", "reason": "already in", "detail": None},
                ],
                "exempt": [],
                "warnings": [],
                "refused": None,
            }
        ],
    }
    assert (done.status, done.json) == (1, expected)


# who merges


def test_nobody_known_is_refused_before_the_work(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("t")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    world.git("config", "user.useConfigOnly", "true")
    before = world.git("for-each-ref")
    done = world.par("merge", "t")
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "git par: user.name, user.email: git does not know who merges\n"
        "hint: git config --global user.name NAME && git config --global user.email ADDRESS\n"
    )
    assert world.git("for-each-ref") == before


def test_who_has_no_name_can_look_all_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("t")
    world.commit("main goes on")
    for name in ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    world.git("config", "user.useConfigOnly", "true")
    for looks in ("list", "prune --dry-run", "conflicts"):
        world.ok(*looks.split())
    for makes in ("merge t --dry-run", "sync t"):
        done = world.par(*makes.split())
        assert done.status == 3, done
        assert done.err.startswith("git par: user.name, user.email: git does not know who merges\n")


def test_merges_are_signed_when_commits_are(world: World) -> None:
    record = world.root / "record"
    gpg = world.write("gpg", f"#!/bin/sh\necho ran >>{record}\nexit 1\n", cwd=world.root)
    gpg.chmod(0o755)
    world.task("t")
    world.git("config", "gpg.program", str(gpg))
    world.git("config", "commit.gpgSign", "true")
    before = world.git("for-each-ref")
    done = world.par("merge", "t")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("git par: commit.gpgSign: git cannot sign: gpg failed to sign the data")
    assert record.read_text() == "ran\n"
    assert world.git("for-each-ref") == before
    assert world.git("status", "--porcelain", "--ignored") == ""


# odd names


@pytest.mark.parametrize("name", ["ümlaut", "feature/deep/er", "it's", 'quo"te', "a;b", "$HOME", "a=b", "x" * 90])
def test_odd_names_come_home(world: World, name: str) -> None:
    path = world.add(name)[0]
    for file in ("with space.txt", "ü.txt", "new\nline.txt", '"quoted".txt', "-dash", ":(top)x"):
        world.write(file, "work\n", cwd=path)
    world.commit("work", cwd=path)
    done = world.ok("merge", name)
    assert done.out.splitlines()[1:] == [f"  merged      {name}"]
    assert world.git("rev-parse", "main^{tree}") == world.git("rev-parse", f"refs/heads/{name}^{{tree}}")
    assert world.git("status", "--porcelain") == ""
    assert world.git("log", "-1", "--format=%s") == f"Merge branch '{name}'{into(world)}"
