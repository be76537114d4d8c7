"""Prune takes what is safely in, and nothing else."""

import json
import os
from pathlib import Path

import pytest

from tests.test_removal import kept_refs, private, wait_for_empty_trash
from tests.world import World, script


def made(world: World, name: str, when: str) -> None:
    """Let the task have been made at another time; a clone says so too."""
    for file in (world.record(name), world.workspaces / name / ".git/par-parent"):
        if file.is_file():
            file.write_text(json.dumps({**json.loads(file.read_text()), "created": when}))


def test_nothing_to_prune_is_said_and_no_failure(world: World) -> None:
    assert world.par("prune") == (0, "", "nothing to prune: there are no tasks\n")
    assert world.ok("prune", "--json").json == {"version": 1, "removed": [], "left": []}
    world.task("t")
    assert world.par("prune", "--older-than", "1d") == (0, "", "nothing to prune: there are no tasks that old\n")


def test_the_integrated_go_and_the_others_stay_with_their_reasons(world: World) -> None:
    world.landed("done")
    world.task("open")
    world.add("fresh")
    world.write("x", "x", cwd=world.landed("dirty"))
    assert world.par("prune") == (
        0,
        "removed done (merged)\n",
        "left open: not in main\n"
        "hint: git par merge open\n"
        "left fresh: nothing was committed in it yet\n"
        "hint: git par remove fresh, or git par prune --new\n"
        "left dirty: untracked files: x\n"
        f"hint: git -C {world.workspaces / 'dirty'} status --untracked-files=all\n",
    )
    assert world.branches() == ["dirty", "fresh", "main", "open"]


def test_new_tasks_go_when_they_are_meant(world: World) -> None:
    world.add("fresh")
    world.write("x", "x", cwd=world.add("used")[0])
    world.commit("the base goes on")
    done = world.ok("prune", "--new", "--json").json
    assert [(one["name"], one["reason"]) for one in done["removed"]] == [("fresh", "new")]
    assert [(one["name"], one["reason"]) for one in done["left"]] == [("used", "untracked")]


def test_only_tasks_of_an_age_are_looked_at(world: World) -> None:
    world.landed("young")
    world.landed("old")
    made(world, "old", "2020-01-01T00:00:00Z")
    assert world.ok("prune", "--older-than", "3d").out == "removed old (merged)\n"
    assert world.branches() == ["main", "young"]


def test_age_alone_removes_nothing(world: World) -> None:
    world.task("old")
    made(world, "old", "2020-01-01T00:00:00Z")
    assert world.ok("prune", "--older-than", "1m", "--json").json["left"][0]["reason"] == "unmerged"


@pytest.mark.parametrize("age", ["", "3", "d", "3y", "-1d", "1d2h", "1234567d", "½d", "٣d"])
def test_an_age_that_is_none_is_refused(world: World, age: str) -> None:
    world.landed()
    done = world.par("prune", f"--older-than={age}")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"git par: --older-than {age}: not an age\nhint: write 90m, 12h, 3d or 2w\n"


@pytest.mark.parametrize("age", ["999999w", "999999d"])
def test_an_age_beyond_the_calendar_is_refused(world: World, age: str) -> None:
    world.landed()
    done = world.par("prune", f"--older-than={age}")
    assert (done.status, done.out) == (2, "")
    assert done.err == f"git par: --older-than {age}: before all time\nhint: write 90m, 12h, 3d or 2w\n"


def test_the_task_one_stands_in_is_skipped(world: World) -> None:
    path = world.landed()
    world.landed("other")
    (path / "sub").mkdir()
    for cwd in (path, path / "sub"):
        done = world.par_process("prune", cwd=cwd)
        assert done.status == 0
        assert done.err == "left t: you are standing in it\nhint: git par remove t\n"
    assert world.branches() == ["main", "t"]


def test_a_dry_run_does_nothing(world: World) -> None:
    world.landed()
    before = world.git("for-each-ref")
    journal = sorted(os.listdir(world.repo / ".git" / "par" / "journal"))
    done = world.ok("prune", "--dry-run", "--json").json
    tip = world.rev("t")
    assert done["removed"] == [{"name": "t", "branch": "t", "tip": tip, "reason": "ancestor", "kept": None}]
    assert world.ok("prune", "--dry-run") == (0, "would remove t (merged)\n", "")
    assert world.git("for-each-ref") == before
    assert sorted(os.listdir(world.repo / ".git" / "par" / "journal")) == journal
    assert not private(world).exists()
    assert (world.workspaces / "t" / "t.txt").exists()


def test_landed_by_squash_is_pruned_and_its_commits_are_kept(world: World) -> None:
    path = world.task("t")
    world.commit("more", cwd=path, more="x")
    tip = world.rev("t")
    world.ok("merge", "t", "--squash")
    world.commit("the base goes on", t__txt="other\n")
    assert world.ok("prune").out == "removed t (merged)\n"
    assert list(kept_refs(world).values()) == [tip]
    assert world.branches() == ["main"]


def test_squashed_by_hand_is_pruned(world: World) -> None:
    path = world.task("t")
    world.commit("more", cwd=path, more="x")
    world.git("fetch", "-q", str(path), "t")
    world.git("merge", "--squash", "FETCH_HEAD")
    world.commit("squashed")
    world.git("rm", "-q", "more")
    world.commit("the base goes on")
    assert world.ok("prune").out == "removed t (the base has its changes as one commit)\n"


def test_reverted_is_left(world: World) -> None:
    world.landed()
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    done = world.ok("prune", "--json").json
    assert [(one["name"], one["reason"]) for one in done["left"]] == [("t", "reverted")]
    assert done["removed"] == []


def test_merged_upstream_is_pruned(world: World) -> None:
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "origin.git"))
    world.git("remote", "add", "origin", str(world.root / "origin.git"))
    path = world.task("t")
    world.git("push", "-q", "origin", "t:main", cwd=path)
    world.git("fetch", "-q", "origin")
    world.git("branch", "--quiet", "--set-upstream-to=origin/main", "main")
    assert world.ok("prune").out == "removed t (the base is at its commit)\n"


def test_a_branch_whose_upstream_is_gone_is_not_merged_for_that(world: World) -> None:
    world.task("t")
    world.git("config", "branch.t.remote", "origin")
    world.git("config", "branch.t.merge", "refs/heads/t")
    assert world.ok("prune", "--json").json["left"][0]["reason"] == "unmerged"


def test_a_task_whose_base_is_gone_is_left(world: World) -> None:
    world.git("branch", "topic")
    path = Path(world.ok("add", "t", "--base", "topic").out.strip())
    world.commit("work", cwd=path, t="t")
    world.git("branch", "-D", "topic")
    assert world.ok("prune", "--json").json["left"][0]["reason"] == "unmerged"
    assert path.is_dir()


def test_worktrees_and_branches_of_others_are_none_of_its_business(world: World) -> None:
    world.workspaces.mkdir()
    theirs = world.workspaces / "theirs"
    world.git("worktree", "add", "-q", "-b", "theirs", str(theirs))
    world.git("branch", "merged")
    gone = world.workspaces / "gone"
    world.git("worktree", "add", "-q", "--detach", str(gone))
    gone.rename(world.root / "gone")
    (world.workspaces / "files").mkdir()
    world.landed()
    assert world.ok("prune", "--new").out == "removed t (merged)\n"
    assert world.branches() == ["main", "merged", "theirs"]
    assert sorted(os.listdir(world.workspaces)) == [".par", "files", "theirs"]
    assert (world.repo / ".git" / "worktrees" / "gone").is_dir()


def test_the_trash_of_a_killed_sweep_is_taken_by_the_next(world: World) -> None:
    world.landed()
    old = private(world) / "trash" / "old"
    old.mkdir(parents=True)
    (old / "x").write_text("x")
    world.ok("prune")
    wait_for_empty_trash(world)


def test_a_link_in_a_workspace_is_not_followed(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    path = world.add("t")[0]
    (path / "link").symlink_to(outside)
    world.commit("link", cwd=path)
    (path / "node_modules").mkdir()
    (path / "node_modules" / "link").symlink_to(outside)
    world.ok("merge", "t")
    world.ok("prune")
    wait_for_empty_trash(world)
    assert (outside / "precious").read_text() == "precious"


def test_stashes_are_never_touched(world: World) -> None:
    path = world.landed()
    world.write("a.txt", "stashed\n", cwd=path)
    world.git("stash", "-q", cwd=path)
    before = world.git("stash", "list")
    world.ok("prune")
    assert world.git("stash", "list") == before != ""


def test_hooks_and_settings_of_the_repository_do_not_run(world: World) -> None:
    world.landed()
    ran = world.root / "ran"
    evil = str(script(world.root / "evil", f"touch '{ran}'; cat"))
    for hook in ("reference-transaction", "post-checkout", "pre-auto-gc"):
        world.hook(hook, f"touch '{ran}'")
    for key in ("core.fsmonitor", "diff.external", "core.pager", "core.editor", "gpg.program", "alias.status"):
        world.git("config", key, evil)
    ran.unlink(missing_ok=True)
    world.ok("prune")
    assert not ran.exists()
    assert world.branches() == ["main"]
