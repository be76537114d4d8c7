"""`git par undo`: each operation can be taken back, and that too; nothing is done where something has moved on."""

import json
import os
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.world import PAR, Result, World

each_strategy = pytest.mark.parametrize("strategy", ["--no-ff", "--ff", "--squash", "--rebase"])


def state(world: World) -> dict[str, Any]:
    """All that counts: branches, records of tasks but their places, files of the checkout and the workspaces."""
    refs = world.git("for-each-ref", "--format=%(refname) %(objectname)", "refs/heads").splitlines()
    records = {}
    for file in (world.repo / ".git/par/tasks").glob("*.json"):
        records[file.stem] = json.loads(file.read_text())
    trees = {}
    for top in [world.repo, *(Path(record["path"]) for record in records.values())]:
        trees[str(top)] = {
            str(file.relative_to(top)): file.read_text()
            for file in top.rglob("*")
            if file.is_file() and ".git" not in file.relative_to(top).parts
        }
    return {"refs": refs, "records": records, "trees": trees, "status": world.git("status", "--porcelain")}


def operations(world: World) -> list[dict[str, Any]]:
    return list(world.ok("log", "--json").json["operations"])


def refused(world: World, *args: str, cwd: Path | None = None) -> Result:
    """An undo that is refused, and does nothing."""
    before = state(world), [(one["name"], one["state"]) for one in operations(world)]
    done = world.par("undo", *args, cwd=cwd)
    assert done.status == 3, done
    assert (state(world), [(one["name"], one["state"]) for one in operations(world)]) == before
    assert world.git("for-each-ref", "refs/par/undone") == ""
    return done


# each verb, there and back


def merge(world: World) -> None:
    world.ok("merge", "--all")


def merge_and_prune(world: World) -> None:
    world.ok("merge", "--all", "--prune")


def squash(world: World) -> None:
    world.ok("merge", "--all", "--squash")


def fast_forward(world: World) -> None:
    world.ok("merge", "one", "--ff")


def merge_elsewhere(world: World) -> None:
    world.git("branch", "release", "main~1")
    world.ok("merge", "one", "two", "--into", "release")


def merge_plain(world: World) -> None:
    world.git("branch", "plain", "one")
    world.ok("merge", "plain")


def revert(world: World) -> None:
    world.ok("merge", "one")
    world.ok("revert", "one")


def merge_after_revert(world: World) -> None:
    revert(world)
    world.ok("merge", "one")


def sync(world: World) -> None:
    world.ok("sync", "--all")


def sync_with_rebase(world: World) -> None:
    world.ok("sync", "--all", "--rebase")


def change(world: World) -> None:
    world.ok("set", "one", "two", "--title", "T", "--group", "g", "--protect")


def add(world: World) -> None:
    world.ok("add", "three", "four", "--group", "g")


def remove(world: World) -> None:
    world.ok("merge", "one")
    world.ok("remove", "one")


def remove_by_force(world: World) -> None:
    world.write("draft.txt", "draft\n", cwd=world.workspaces / "two")
    world.write("a.txt", "changed\n", cwd=world.workspaces / "two")
    world.ok("remove", "two", "--force")


def prune(world: World) -> None:
    world.ok("merge", "--all")
    world.ok("prune")


def restore(world: World) -> None:
    remove(world)
    world.ok("restore", "one")


OPERATIONS = [
    merge, merge_and_prune, squash, fast_forward, merge_elsewhere, merge_plain, revert, merge_after_revert, sync,
    sync_with_rebase, change, add, remove, remove_by_force, prune, restore,
]  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_it_can_be_taken_back_and_done_again_and_taken_back(operation: Any, world: World) -> None:
    world.task("one")
    world.task("two")
    world.commit("on main", other__txt="x\n")
    states: list[dict[str, Any]] = []
    original = World.ok

    def watched(self: World, *args: str, cwd: Path | None = None) -> Result:
        if args[0] not in ("log", "undo", "list"):
            states.append(state(self))
        return original(self, *args, cwd=cwd)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(World, "ok", watched)
        operation(world)
    before, after = states[-1], state(world)
    assert before != after
    last = operations(world)[0]
    world.ok("undo")
    assert state(world) == before
    assert [one["state"] for one in operations(world) if one["name"] == last["name"]] == ["undone"]
    if operation is not remove_by_force:  # the work is there again, and only force removes that
        world.ok("undo")
        assert state(world) == after
        assert [one["state"] for one in operations(world)[:2]] == ["done", "undone"]
        assert [one["state"] for one in operations(world) if one["name"] == last["name"]] == ["done"]
        world.ok("undo")
        assert state(world) == before
        assert [one["state"] for one in operations(world)[:3]] == ["done", "undone", "done"]
    world.check_sound()


# what it says


def test_it_says_what_it_took_back_and_how_to_have_it_again(world: World) -> None:
    world.task("one")
    before = world.rev("main")
    world.ok("merge", "one", "--prune")
    after = world.rev("main")
    done = world.ok("undo")
    assert done.out.splitlines() == [
        "undone: git par merge one --prune",
        f"  main: {after[:8]}..{before[:8]}",
        "  one: brought back",
    ]
    id = operations(world)[0]["id"]
    assert done.err == f"hint: git par undo {id} takes that back\n"
    world.ok("undo", id)
    assert world.rev("main") == after


def test_a_rehearsal_does_nothing(world: World) -> None:
    world.task("one")
    world.ok("merge", "one")
    before = state(world), operations(world)
    done = world.ok("undo", "--dry-run")
    assert done.out.startswith("would be undone: git par merge one\n")
    assert done.err == ""
    assert (state(world), operations(world)) == before


def test_the_json_tells_operation_and_steps(world: World) -> None:
    world.add("one")
    (added,) = operations(world)
    told = world.ok("undo", "--json").json
    undo = operations(world)[0]
    assert told["undone"]["name"] == added["name"]
    assert told["undone"]["state"] == "undone"
    assert (told["operation"], undo["undoes"]) == (undo["name"], added["name"])
    assert told["steps"] == [{"kind": "remove", "detail": "one: removed"}]


def test_an_autocommit_stays_when_its_merge_is_undone(world: World) -> None:
    path = world.task("one")
    world.write("one.txt", "more\n", cwd=path)
    main = world.rev("main")
    world.ok("merge", "one", "--autocommit")
    tip = world.rev("one")
    done = world.ok("undo")
    assert "one: what was committed there stays\n" in done.err
    assert (world.rev("main"), world.rev("one")) == (main, tip)
    assert world.git("status", "--porcelain", cwd=path) == ""


# which operation


def test_without_a_name_it_is_the_last_one_from_this_checkout(world: World) -> None:
    one = world.add("one")[0]
    world.ok("set", "one", "--title", "from main")
    world.ok("set", ".", "--group", "from one", cwd=one)
    done = world.par("undo")
    assert done.status == 2
    theirs, own, _ = operations(world)
    assert done.err.splitlines() == [
        f"git par: newer, and not undone: {theirs['id']}, by {theirs['user']}: git par set . --group 'from one'",
        "git par: undo: newer operations by others or from elsewhere: 1",
        f"hint: git par undo {own['id']}, to take back: git par set one --title 'from main'",
    ]
    world.ok("undo", own["id"])
    assert world.listed("one")["title"] is None
    world.ok("undo", theirs["id"])
    assert world.listed("one")["group"] is None


def test_another_users_operation_is_not_the_last_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("one")
    monkeypatch.setenv("LOGNAME", "ada")
    world.ok("set", "one", "--title", "T")
    monkeypatch.setenv("LOGNAME", "bob")
    done = world.par("undo")
    assert (done.status, done.err.splitlines()[0]) == (2, "git par: undo: nothing was done from this checkout")


def test_where_nothing_was_done_there_is_nothing_to_undo(world: World) -> None:
    assert world.par("undo").status == 2
    assert world.par("undo", "2026").status == 2


def test_what_is_undone_is_not_undone_again(world: World) -> None:
    world.add("one")
    (added,) = operations(world)
    world.ok("undo")
    id = operations(world)[0]["id"]
    done = refused(world, added["name"])
    assert "it was undone already" in done.err
    assert f"hint: git par undo {id}" in done.err


def test_an_expired_or_running_operation_is_refused(world: World) -> None:
    world.add("one")
    file = next((world.repo / ".git/par/journal").glob("*.json"))
    entry = json.loads(file.read_text())
    file.write_text(json.dumps({**entry, "state": "expired"}))
    assert "expired" in refused(world, file.stem).err
    file.write_text(json.dumps({**entry, "state": "started"}))
    assert "still running" in refused(world, file.stem).err  # this very process


# what has moved on since


def test_a_base_that_moved_on_is_refused(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "--prune")
    tip = world.commit("later", later__txt="x\n")
    done = refused(world)
    assert f"not undone: main has moved on since, to {tip[:8]}" in done.err
    assert done.err.splitlines()[1] == "hint: git log main"


def test_what_is_in_the_way_in_the_checkout_is_refused(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "--prune")
    world.write("one.txt", "mine\n")
    assert "in the way" in refused(world).err
    world.git("checkout", "-q", "one.txt")
    world.write("b.txt", "b\n")
    world.git("add", "b.txt")
    assert "staged in" in refused(world).err


def test_edits_elsewhere_in_the_checkout_stay(world: World) -> None:
    world.task("one")
    world.ok("merge", "one")
    world.write("a.txt", "mine\n")
    world.ok("undo")
    assert (world.repo / "a.txt").read_text() == "mine\n"
    assert not (world.repo / "one.txt").exists()


@each_strategy
def test_what_a_remote_has_is_refused(world: World, strategy: str) -> None:
    world.task("one")
    world.commit("other", other__txt="x\n")
    if strategy == "--ff":
        world.ok("sync", "one")
    world.ok("merge", "one", strategy)
    world.git("update-ref", "refs/remotes/origin/one", "one")
    world.ok("undo", "--dry-run")
    world.git("update-ref", "refs/remotes/origin/main", "main")
    done = refused(world)
    assert "not undone: origin/main has it already" in done.err
    assert done.err.splitlines()[1] == "hint: git par revert one"


@each_strategy
def test_what_living_tasks_stand_on_is_refused_and_they_are_named(world: World, strategy: str) -> None:
    world.task("one")
    world.commit("other", other__txt="x\n")
    if strategy == "--ff":
        world.ok("sync", "one")
    world.ok("merge", "one", strategy)
    merge = operations(world)[0]["name"]
    world.add("later")
    done = refused(world, merge)
    assert "not undone: later stands on it" in done.err
    assert done.err.splitlines()[1] == "hint: git par revert one"
    world.ok("remove", "later")
    world.ok("undo", merge)


def test_a_task_that_was_synced_with_the_merge_keeps_it(world: World) -> None:
    world.task("one")
    world.task("two")
    world.ok("merge", "one")
    merge = operations(world)[0]["name"]
    world.ok("sync", "two")
    assert "two stands on it" in refused(world, merge).err
    world.ok("undo")
    world.ok("undo", merge)


def commit(world: World) -> str:
    world.commit("work", cwd=world.workspaces / "one", one__txt="1\n")
    return "one has commits since"


def edit(world: World) -> str:
    world.write("a.txt", "changed\n", cwd=world.workspaces / "one")
    return "one: uncommitted changes: a.txt"


def create(world: World) -> str:
    world.write("new.txt", "new\n", cwd=world.workspaces / "one")
    return "one: untracked files: new.txt"


def protect(world: World) -> str:
    world.ok("set", "one", "--protect")
    return "one: it is protected"


def stack(world: World) -> str:
    world.ok("add", "above", "--base", "one", "--from", "one")
    return "above: based on one"


@pytest.mark.parametrize("something", [commit, edit, create, protect, stack])
def test_a_task_in_which_something_was_done_is_not_taken_back(something: Any, world: World) -> None:
    world.add("one", "other")
    added = operations(world)[0]["name"]
    why = something(world)
    assert f"not undone: {why}" in refused(world, added).err


def test_the_task_one_stands_in_is_not_taken_back(world: World) -> None:
    path = world.add("one")[0]
    assert "you are standing in one" in refused(world, operations(world)[0]["name"], cwd=path).err


def test_a_record_that_was_changed_since_is_refused(world: World) -> None:
    world.add("one")
    world.ok("set", "one", "--title", "T", "--group", "g")
    first = operations(world)[0]["name"]
    world.ok("set", "one", "--title", "U")
    assert "one: its title was changed since" in refused(world, first).err
    world.ok("undo")
    world.ok("set", "one", "--protect")
    world.ok("undo", first)
    assert json.loads(world.record("one").read_text())["protected"] is True


def test_a_removed_task_whose_name_or_branch_is_taken_is_refused(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "--prune")
    merge = operations(world)[0]["name"]
    world.git("branch", "one")
    assert "there is a branch 'one' again" in refused(world, merge).err
    world.git("branch", "-D", "one")
    world.add("one")
    assert "there is another task one now" in refused(world, merge).err


def test_a_removed_task_of_which_nothing_is_kept_is_expired(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "--prune")
    refs = world.git("for-each-ref", "--format=%(refname)", "refs/par/kept").splitlines()
    for ref in refs:
        world.git("update-ref", "-d", ref)
    for file in (world.repo / ".git/par/kept").rglob("*"):
        if file.is_file():
            file.unlink()
    assert "expired: what was kept of one is gone" in refused(world).err


def test_heirs_get_their_base_back(world: World) -> None:
    below = world.task("below")
    world.ok("add", "above", cwd=below)
    world.ok("merge", "below", "--prune")
    assert world.listed("above")["base"] == "main"
    world.ok("undo")
    assert world.listed("above")["base"] == "below"
    assert (below / "below.txt").exists()


def test_what_an_undo_takes_out_survives_a_gc_and_can_be_done_again(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "-m", "what I wrote by hand")
    merge = world.rev("main")
    world.ok("undo")
    world.git("reflog", "expire", "--expire=now", "--all")
    world.git("gc", "-q", "--prune=now")
    world.ok("undo")
    assert world.rev("main") == merge


# cut off


@pytest.mark.parametrize("at", ["before", "moved", "recorded", "marked"])
def test_an_undo_that_was_cut_off_is_finished_by_running_it_again(at: str, world: World) -> None:
    world.task("one")
    before = state(world)
    world.ok("merge", "one", "--prune")
    merge = next(file for file in (world.repo / ".git/par/journal").glob("*.json") if "merge" in file.read_text())
    after = world.rev("main")
    done, kept = merge.read_text(), world.git("for-each-ref", "--format=%(refname)", "refs/par/kept").split()
    world.ok("undo")
    (undo,) = (file for file in (world.repo / ".git/par/journal").glob("*.json") if '"undo"' in file.read_text())
    entry = json.loads(undo.read_text())
    entry["state"] = "started"
    if at != "marked":
        merge.write_text(done)
    if at in ("before", "moved"):
        entry["tasks"] = {}
        world.ok("remove", "one", "--force")
        for file in (world.repo / ".git/par/journal").glob("*.json"):
            if "--force" in file.read_text():
                file.unlink()
    if at == "before":
        world.git("reset", "-q", "--keep", after)
    dead = undo.with_name(f"{undo.stem.split('-')[0]}-999999999-1.json")
    dead.write_text(json.dumps(entry))
    undo.unlink()
    assert kept
    world.ok("undo")
    assert state(world) == before
    assert [one["state"] for one in operations(world)[:2]] == ["done", "undone"]
    world.ok("undo")
    assert (world.rev("main"), world.branches()) == (after, ["main"])


def test_a_merge_that_was_cut_off_after_its_publish_can_be_undone_by_name(world: World) -> None:
    world.task("one")
    before = world.rev("main")
    world.ok("merge", "one")
    file = max((world.repo / ".git/par/journal").glob("*.json"))
    dead = file.with_name(f"{file.stem.split('-')[0]}-999999999-1.json")
    dead.write_text(json.dumps({**json.loads(file.read_text()), "state": "started", "tasks": {}}))
    file.unlink()
    world.ok("undo", dead.stem)
    assert world.rev("main") == before


def test_two_at_once_take_it_back_once(world: World) -> None:
    world.task("one")
    before = world.rev("main")
    world.ok("merge", "one", "--prune")
    merge = operations(world)[0]["name"]
    running = [world.start(*PAR, "undo", merge) for _ in range(3)]
    said = [one.communicate(timeout=120)[1] for one in running]
    assert sorted(one.returncode for one in running) == [0, 3, 3]
    assert sum("it was undone already" in one for one in said) == 2
    assert (world.rev("main"), world.branches()) == (before, ["main", "one"])
    assert [one["state"] for one in operations(world)[:2]] == ["done", "undone"]


def test_on_a_terminal_the_last_own_one_is_taken_back_and_others_are_shown(world: World) -> None:
    one = world.add("one")[0]
    world.ok("set", "one", "--title", "from main")
    world.ok("set", ".", "--group", "from one", cwd=one)
    here = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    terminal = pexpect.spawn(PAR[0], [*PAR[1:], "undo"], cwd=str(world.repo), env=here, timeout=60, encoding="utf-8")
    said = terminal.read()
    terminal.wait()
    assert terminal.exitstatus == 0, said
    assert "newer, and not undone: " in said
    assert (world.listed("one")["title"], world.listed("one")["group"]) == (None, "from one")
