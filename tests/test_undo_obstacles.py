"""`git par undo` where something stands in its way: what others did since, or do meanwhile, and what nobody remembers."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from git_par.commands import undo
from git_par.landing import publish
from tests.test_undo import operations, refused, state
from tests.world import Result, World

KILLED_WHILE_FILLING = (
    "import os, sys\nfrom git_par import cli\nfrom git_par.workspaces import worktree\n"
    "worktree.fill = lambda *_: os._exit(9)\ncli.main(sys.argv[1:])\n"
)


def killed(world: World, *args: str) -> None:
    """A command that dies when its workspace is about to be filled."""
    assert world.process(sys.executable, "-c", KILLED_WHILE_FILLING, *args).status == 9


def last(world: World) -> str:
    """The name of the newest operation."""
    return str(operations(world)[0]["name"])


def entry(world: World, name: str) -> Path:
    return world.repo / ".git" / "par" / "journal" / f"{name}.json"


def hint(done: Result) -> str:
    return done.err.splitlines()[-1].removeprefix("hint: ")


def meanwhile(
    monkeypatch: pytest.MonkeyPatch, what: Callable[[], Any], *, at: tuple[Any, str] = (undo, "_checked")
) -> None:
    """Let it happen once, when an undo has looked and not begun, or at the end of another function."""
    real = getattr(*at)

    def then(*args: Any, **named: Any) -> Any:
        monkeypatch.setattr(*at, real)
        found = real(*args, **named)
        what()
        return found

    monkeypatch.setattr(*at, then)


# branches


def test_a_commit_that_git_has_no_more_is_expired(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "-m", "what I wrote by hand")
    merge = world.rev("main")
    world.ok("undo")
    for ref in world.git("for-each-ref", "--format=%(refname)", "refs/par/undone").splitlines():
        world.git("update-ref", "-d", ref)
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    done = world.par("undo")
    assert (done.status, f"not undone: expired: git has {merge[:8]} no more\n" in done.err) == (3, True)
    assert world.git("log", "--format=%s", "main") == "first"


def test_a_branch_that_moves_meanwhile_stays_where_it_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("one")
    world.git("branch", "release")
    world.ok("merge", "one", "--into", "release")
    merge = world.rev("release")
    new = world.git("commit-tree", "-p", merge, "-m", "theirs", f"{merge}^{{tree}}")
    meanwhile(monkeypatch, lambda: world.git("update-ref", "refs/heads/release", new))
    done = refused_then(world, "release: it moved meanwhile")
    assert hint(done) == "git log release"
    assert world.rev("release") == new


def refused_then(world: World, why: str) -> Result:
    """An undo that is refused after it looked: for `why`, without a trace."""
    before = [(one["name"], one["state"]) for one in operations(world)]
    done = world.par("undo")
    assert (done.status, why in done.err) == (3, True), done
    assert [(one["name"], one["state"]) for one in operations(world)] == before
    assert world.git("for-each-ref", "refs/par/undone") == ""
    return done


def test_what_comes_between_the_steps_is_told_and_the_next_undo_finishes(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.task("one")
    before = state(world)
    world.ok("merge", "one", "--prune")
    meanwhile(monkeypatch, lambda: world.git("branch", "one"), at=(publish, "publish"))
    done = world.par("undo")
    assert done.status == 2
    assert done.err.splitlines() == [
        "git par: one: branch 'one' exists already",
        "hint: git par restore one --as NEW; then git par undo finishes it",
    ]
    assert [one["state"] for one in operations(world)[:2]] == ["started", "done"]
    started = entry(world, last(world))
    started.rename(started.with_name(f"{started.stem.split('-')[0]}-999999999-1.json"))  # its process has ended
    world.git("branch", "-D", "one")
    world.ok("undo")
    assert state(world) == before
    assert [one["state"] for one in operations(world)[:2]] == ["done", "undone"]


def test_what_is_kept_no_more_between_the_steps_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("one")
    world.ok("merge", "one", "--prune")

    def expire() -> None:
        (ref,) = world.git("for-each-ref", "--format=%(refname)", "refs/par/kept/one").splitlines()
        world.git("update-ref", "-d", ref)
        next((world.repo / ".git" / "par" / "kept").glob("one/*.json")).unlink()

    meanwhile(monkeypatch, expire, at=(publish, "publish"))
    done = world.par("undo")
    assert (done.status, "git par: one: expired: what was kept of it is gone\n" in done.err) == (3, True), done
    assert world.git("log", "--format=%s", "main") == "first"


def test_a_fast_forward_of_what_others_are_stacked_on_can_be_undone(world: World) -> None:
    world.task("one")
    world.ok("add", "above", "--base", "one", "--from", "one")
    world.ok("add", "higher", "--base", "above", "--from", "above")
    before = world.rev("main")
    world.ok("merge", "one", "--ff")
    merge = last(world)
    world.ok("undo", merge)
    assert world.rev("main") == before
    assert world.rev("higher") == world.rev("one") != before


def test_a_sync_of_new_tasks_can_be_undone_though_others_stand_where_it_went(world: World) -> None:
    world.add("one")
    first, second = world.rev("main"), world.commit("later", later__txt="x\n")
    world.ok("sync", "one")
    sync = last(world)
    world.add("two")
    world.ok("undo", sync)
    assert (world.rev("one"), world.rev("two")) == (first, second)
    assert not (world.workspaces / "one" / "later.txt").exists()


# tasks


def test_the_add_of_a_task_that_was_removed_is_done_with_and_can_be_done_again(world: World) -> None:
    world.add("one")
    added = last(world)
    world.commit("work", cwd=world.workspaces / "one", one__txt="1\n")
    tip = world.rev("one")
    world.ok("remove", "one", "--force")
    world.ok("undo", added)
    assert world.branches() == ["main"]
    world.ok("undo")
    assert (world.rev("one"), world.listed("one")["path"]) == (tip, str(world.workspaces / "one"))
    assert (world.workspaces / "one" / "one.txt").read_text() == "1\n"
    world.check_sound()


def test_another_task_of_the_name_is_not_taken_for_the_one_that_was_added(world: World) -> None:
    world.add("one")
    added = last(world)
    world.ok("remove", "one")
    world.add("one")
    assert "one is another task now" in refused(world, added).err


@pytest.mark.parametrize("by_force", [False, True])
def test_what_a_killed_add_left_is_not_undone_and_can_be_removed(by_force: bool, world: World) -> None:
    world.add("other")
    killed(world, "add", "one")
    done = refused_by_name(world, last(world))
    assert "not undone: one was never finished\n" in done.err
    assert hint(done) == "git par doctor --fix"
    world.ok("undo")  # the last that stands
    assert world.branches() == ["main", "one"]
    world.git("config", "par.hook.pre-remove", "exit 3")  # which has never seen it, and is not asked
    if by_force:
        assert world.ok("remove", "--force", "one").out == "removed one (it was never finished)\n"
    else:
        world.ok("doctor", "--fix")
    assert world.branches() == ["main"]
    world.check_sound()


def refused_by_name(world: World, name: str) -> Result:
    before = world.branches(), [(one["name"], one["state"]) for one in operations(world)]
    done = world.par("undo", name)
    assert done.status == 3, done
    assert (world.branches(), [(one["name"], one["state"]) for one in operations(world)]) == before
    return done


def test_a_killed_undo_loses_no_commit_that_somebody_made_in_what_it_left(world: World) -> None:
    world.task("one")
    before = state(world)
    world.ok("merge", "one", "--prune")
    killed(world, "undo")
    tip = world.rev("one")
    new = world.git("commit-tree", "-p", tip, "-m", "theirs", f"{tip}^{{tree}}")
    world.git("update-ref", "refs/heads/one", new)
    done = world.par("undo")
    assert (done.status, "one: it was never finished, and has commits" in done.err) == (2, True), done
    assert [one["state"] for one in operations(world)[:2]] == ["started", "done"]
    assert world.rev("one") == new
    world.git("update-ref", "refs/heads/one", tip)
    world.ok("undo")
    assert state(world) == before


def test_a_hook_that_fails_after_the_work_is_told(world: World) -> None:
    world.add("one")
    world.git("config", "par.hook.post-remove", "echo no; exit 3")
    done = world.par("undo")
    assert (done.status, world.branches()) == (5, ["main"])
    assert "git par: one: the post-remove hook ended with status 3: no\n" in done.err
    assert operations(world)[0]["state"] == "done"


# records


def test_what_was_set_of_a_task_that_is_gone_is_refused(world: World) -> None:
    world.add("one")
    world.ok("set", "one", "--title", "T")
    changed = last(world)
    world.ok("remove", "one")
    done = refused(world, changed)
    assert "not undone: one is not there any more\n" in done.err
    assert hint(done) == "git par restore one"


def test_what_is_set_meanwhile_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("one")
    world.ok("set", "one", "--title", "T")
    meanwhile(monkeypatch, lambda: world.ok("set", "one", "--title", "theirs"))
    done = world.par("undo")
    assert (done.status, "one: its title was changed since" in done.err) == (3, True)
    assert world.listed("one")["title"] == "theirs"


# what the journal says


def test_what_left_nothing_to_take_back_is_told(world: World) -> None:
    world.task("one", a__txt="theirs\n")
    world.commit("ours", a__txt="ours\n")
    path = world.workspaces / "one"
    world.write("more.txt", "more\n", cwd=path)
    assert world.par("merge", "one", "--autocommit").status == 1
    tip = world.rev("one")
    assert world.git("log", "-1", "--format=%s", "one") != "work of one"
    assert "it left nothing to take back" in refused(world, last(world)).err
    assert world.rev("one") == tip


def test_what_the_journal_does_not_explain_is_refused(world: World) -> None:
    world.task("one")
    world.ok("merge", "one")
    file = entry(world, last(world))
    said = json.loads(file.read_text())
    for ref, pair in (
        ("refs/heads/x", [None, world.rev("main")]),
        ("refs/notes/x", [world.rev("main~1"), world.rev("main")]),
    ):
        file.write_text(json.dumps({**said, "refs": {**said["refs"], ref: pair}}))
        done = refused(world)
        assert f"git par: {ref}: the journal does not say how it came or went\n" in done.err
    file.write_text(
        json.dumps({**said, "tasks": {"gone": [None, None], "one": [said["tasks"]["one"][1]] * 2}, "refs": {}})
    )
    assert "it left nothing to take back" in refused(world).err


def test_an_undo_whose_operation_is_not_in_the_journal_any_more_can_be_undone(world: World) -> None:
    world.task("one")
    world.ok("merge", "one")
    merged, merge = last(world), world.rev("main")
    world.ok("undo")
    entry(world, merged).unlink()
    done = world.ok("undo")
    assert f"git par: {merged}: no such operation\n" in done.err
    assert world.rev("main") == merge
