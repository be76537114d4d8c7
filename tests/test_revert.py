"""`git par revert`: a landed task comes out of its base again, and its next merge brings it back with what is new."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from git_par.landing import audit
from git_par.landing.audit import Step
from git_par.repo import Repo
from tests.world import World

STRATEGIES = ["--no-ff", "--ff", "--squash", "--rebase"]
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def tree(world: World, rev: str = "main") -> dict[str, str]:
    """The files of a commit with their content."""
    names = world.git("ls-tree", "-r", "--name-only", rev).splitlines()
    return {name: world.git("show", f"{rev}:{name}") for name in names}


def work(world: World, name: str = "t") -> Path:
    """A task with three commits, one of which changes a file of the base."""
    path = world.add(name)[0]
    world.commit(f"{name} one", cwd=path, **{f"{name}__txt": "1\n"})
    world.commit(f"{name} two", cwd=path, **{f"{name}__txt": "1\n2\n"})
    text = (path / "a.txt").read_text()
    world.commit(f"{name} three", cwd=path, a__txt=text.replace("line 3\n", f"line 3 by {name}\n"))
    return path


def taken_back(world: World, rev: str = "main") -> list[str]:
    """The commits that a message says are reverted."""
    body = world.git("log", "-1", "--format=%B", rev)
    return [line.split()[3].rstrip(".,") for line in body.splitlines() if line.startswith("This reverts commit ")]


@each_strategy
def test_a_landed_task_comes_out_again_and_later_work_stays(world: World, strategy: str) -> None:
    work(world)
    world.commit("before", other__txt="x\n")
    before = tree(world)
    world.ok("merge", "t", strategy)
    landing = world.rev("main")
    assert tree(world) != before
    world.commit("after", later__txt="later\n")
    tip = world.rev("main")
    done = world.ok("revert", "t")
    assert done.out == f"main: t reverted ({tip[:8]}..{world.rev('main')[:8]})\n"
    assert done.err == "hint: git par merge t brings it back, with what is committed in it until then\n"
    assert world.rev("main^") == tip
    assert tree(world) == {**before, "later.txt": "later"}
    assert landing in taken_back(world)
    assert world.git("status", "--porcelain") == ""
    assert world.listed("t")["state"] == "reverted"
    assert world.ok("prune").out == ""


@each_strategy
@pytest.mark.parametrize("again", STRATEGIES)
def test_revert_fix_and_merge_again_gives_old_work_and_fix(world: World, strategy: str, again: str) -> None:
    path = work(world)
    world.commit("before", other__txt="x\n")
    world.ok("merge", "t", strategy)
    old = tree(world)
    world.ok("revert", "t")
    revert = world.rev("main")
    world.commit("fix", cwd=path, t__txt="1\n2\nfixed\n", new__txt="new\n")
    done = world.ok("merge", "t", again)
    assert done.out.splitlines()[1] == f"  merged      t: after a revert of the revert {revert[:8]}"
    assert tree(world) == {**old, "t.txt": "1\n2\nfixed", "new.txt": "new"}
    line = world.git("rev-list", "--first-parent", f"{revert}..main").splitlines()
    assert taken_back(world, line[-1]) == [revert]
    assert world.git("log", "-1", "--format=%s", line[-1]).startswith('Revert "Revert ')
    assert len(line) == 2
    assert world.listed("t")["state"] == "landed"
    assert world.ok("prune").out.startswith("removed t (")


@each_strategy
def test_merged_again_without_a_fix_only_the_revert_is_reverted(world: World, strategy: str) -> None:
    work(world)
    world.commit("before", other__txt="x\n")
    world.ok("merge", "t", strategy)
    old = tree(world)
    world.ok("revert", "t")
    revert = world.rev("main")
    world.ok("merge", "t", strategy)
    assert tree(world) == old
    assert world.rev("main^") == revert
    assert world.listed("t")["state"] == "landed"
    assert world.ok("merge", "t").out == "main: 1 already in\n  already in  t\n"


@each_strategy
def test_it_can_be_reverted_and_merged_again_and_again(world: World, strategy: str) -> None:
    path = work(world)
    world.commit("before", other__txt="x\n")
    without = tree(world)
    for number in range(3):
        world.commit(f"fix {number}", cwd=path, **{f"fix{number}__txt": "fix\n"})
        world.ok("merge", "t", strategy)
        whole = tree(world)
        assert {name for name in whole if name.startswith("fix")} == {f"fix{one}.txt" for one in range(number + 1)}
        assert world.listed("t")["state"] == "landed"
        world.ok("revert", "t")
        assert tree(world) == without
        assert world.listed("t")["state"] == "reverted"
    world.ok("merge", "t", strategy)
    assert tree(world) == whole


@pytest.mark.parametrize("strategy", ["--no-ff", "--squash"])
def test_a_revert_by_hand_is_reverted_too(world: World, strategy: str) -> None:
    path = work(world)
    world.ok("merge", "t", strategy)
    old = tree(world)
    world.git("revert", "--no-edit", *(["-m", "1"] if strategy == "--no-ff" else []), "HEAD")
    world.commit("fix", cwd=path, new__txt="new\n")
    world.ok("merge", "t", strategy)
    assert tree(world) == {**old, "new.txt": "new"}


@pytest.mark.parametrize("strategy", ["--ff", "--rebase"])
def test_a_range_that_was_reverted_by_hand_one_by_one_comes_back_whole(world: World, strategy: str) -> None:
    work(world)
    if strategy == "--rebase":
        world.commit("before", other__txt="x\n")
    world.ok("merge", "t", strategy)
    old = tree(world)
    world.git("revert", "--no-edit", "HEAD~3..HEAD")
    assert "t.txt" not in tree(world)
    world.ok("merge", "t", strategy)
    assert tree(world) == old


def test_the_message_is_the_one_that_git_writes(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    merge = world.rev("main")
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    by_git = world.git("log", "-1", "--format=%B")
    world.git("reset", "-q", "--hard", merge)
    world.ok("revert", "t")
    assert world.git("log", "-1", "--format=%B") == by_git


def test_the_message_of_a_range_names_every_commit(world: World) -> None:
    work(world)
    world.ok("merge", "t", "--ff")
    wanted = world.git("rev-list", "t", "-3").splitlines()
    world.ok("revert", "t")
    assert world.git("log", "-1", "--format=%s") == "Revert branch 't'"
    assert taken_back(world) == wanted


def test_one_of_several_comes_out_and_the_others_stay(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    world.ok("merge", "--all", "--squash")
    world.ok("revert", "two")
    assert {"one.txt", "three.txt"} < set(tree(world))
    assert "two.txt" not in tree(world)
    assert [world.listed(name)["state"] for name in ("one", "two", "three")] == ["landed", "reverted", "landed"]


def test_a_task_that_was_removed_since_comes_out_too_and_back_when_it_is_restored(world: World) -> None:
    work(world)
    before = tree(world)
    world.ok("merge", "t", "--prune")
    whole = tree(world)
    done = world.ok("revert", "t")
    assert tree(world) == before
    hint = "git par restore t, then git par merge t brings it back, with what is committed in it until then"
    assert done.err == f"hint: {hint}\n"
    world.ok("restore", "t")
    assert world.listed("t")["state"] == "reverted"
    world.ok("merge", "t")
    assert tree(world) == whole


def test_a_conflict_is_named_and_nothing_is_done(world: World) -> None:
    path = work(world)
    world.ok("merge", "t")
    merge = world.rev("main")
    world.commit("on top", t__txt="1\n2 by another\n")
    before = world.git("for-each-ref")
    done = world.par("revert", "t")
    assert done.status == 1
    assert done.out == "main: t not reverted, in conflict: t.txt\n"
    assert done.err == f"hint: solve it by hand, where main is checked out: git revert -m 1 {merge[:12]}\n"
    assert world.git("for-each-ref") == before
    assert world.git("status", "--porcelain") == ""
    assert path.exists()


def test_a_rehearsal_does_nothing(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    before = (world.git("for-each-ref"), len(world.ok("log", "--json").json["operations"]))
    assert world.ok("revert", "t", "--dry-run").out.startswith("main: t would be reverted (")
    assert (world.git("for-each-ref"), len(world.ok("log", "--json").json["operations"])) == before


def test_what_did_not_land_is_refused(world: World) -> None:
    work(world)
    done = world.par("revert", "t")
    assert (done.status, done.err.splitlines()[0]) == (3, "git par: t: git-par did not merge it")
    assert "git par merge t" in done.err
    assert world.par("revert", "nothing").status == 2


def test_what_was_reverted_or_reset_already_is_refused(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    merge = world.rev("main")
    world.ok("revert", "t")
    done = world.par("revert", "t")
    assert (done.status, done.err.splitlines()[0]) == (3, "git par: t: main reverted it already")
    world.git("reset", "-q", "--hard", f"{merge}^")
    done = world.par("revert", "t")
    assert (done.status, done.err.splitlines()[0]) == (
        3,
        f"git par: t: its landing {merge[:8]} is not in main any more",
    )


@pytest.mark.parametrize("strategy", ["--no-ff", "--squash"])
def test_an_older_record_is_enough_where_it_was_a_merge(world: World, strategy: str) -> None:
    work(world)
    world.ok("merge", "t", strategy)
    record = world.record()
    known = json.loads(record.read_text())
    del known["landed"]["onto"]
    record.write_text(json.dumps(known))
    done = world.par("revert", "t")
    if strategy == "--no-ff":
        assert done.status == 0
        assert "t.txt" not in tree(world)
    else:
        assert done.status == 3
        assert "without where it began" in done.err
        assert f"git revert {world.rev('main')[:12]}" in done.err


def test_uncommitted_edits_of_the_checkout_stay_or_stop_it(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    world.write(".gitignore", "mine\n")
    world.ok("revert", "t")
    assert (world.repo / ".gitignore").read_text() == "mine\n"
    world.ok("merge", "t")
    world.write("t.txt", "mine\n")
    tip = world.rev("main")
    done = world.par("revert", "t")
    assert done.status == 3
    assert "in the way" in done.err
    assert (world.rev("main"), (world.repo / "t.txt").read_text()) == (tip, "mine\n")


def test_a_base_that_is_not_checked_out_moves_by_its_ref(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    world.git("switch", "-q", "-c", "elsewhere")
    head = world.rev("HEAD")
    world.ok("revert", "t")
    assert "t.txt" not in tree(world)
    assert world.rev("HEAD") == head
    assert (world.repo / "t.txt").exists()


def test_hooks_have_their_say_in_a_private_workspace(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    hook = world.hook("commit-msg", f"echo ran >>{world.root}/ran")
    world.write("untouched", "x\n")
    done = world.ok("revert", "t")
    assert "made in a private workspace (hooks: commit-msg)" in done.out
    assert "t.txt" not in tree(world)
    assert (world.root / "ran").read_text() == "ran\n"
    world.ok("merge", "t")
    assert "t.txt" in tree(world)
    hook.write_text("#!/bin/sh\necho no, not today >&2\nexit 1\n")
    tip = world.rev("main")
    done = world.par("revert", "t")
    assert (done.status, done.out) == (1, "main: t not reverted: no, not today\n")
    assert world.rev("main") == tip


def test_what_lands_on_a_conflicting_revert_is_left_out_and_named(world: World) -> None:
    path = work(world)
    world.ok("merge", "t")
    world.ok("revert", "t")
    world.commit("its own", t__txt="something else\n")
    world.commit("fix", cwd=path, fix__txt="fix\n")
    tip = world.rev("main")
    done = world.par("merge", "t")
    assert done.status == 1
    assert "conflict    t: t.txt" in done.out
    assert world.rev("main") == tip


def test_a_task_that_took_the_revert_back_itself_is_merged_as_it_is(world: World) -> None:
    path = work(world)
    world.ok("merge", "t")
    world.ok("revert", "t")
    world.git("merge", "-q", "--ff-only", "main", cwd=path)
    world.git("revert", "--no-edit", "HEAD", cwd=path)
    world.commit("fix", cwd=path, t__txt="1\n2\nmended\n")
    done = world.ok("merge", "t")
    assert done.out.splitlines()[1] == "  merged      t"
    assert tree(world)["t.txt"] == "1\n2\nmended"
    assert world.listed("t")["state"] == "landed"


def test_the_revert_of_a_revert_is_audited_as_any_merge_is(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    work(world)
    world.ok("merge", "t")
    world.ok("revert", "t")
    world.commit("later", later__txt="later\n")
    tip, revert, before = world.rev("main"), world.rev("main^"), world.rev("main~2")
    checked: list[Sequence[Sequence[Step]]] = []
    original = audit.check

    def watched(repo: Repo, steps: Sequence[Sequence[Step]]) -> audit.Findings:
        checked.append(steps)
        return original(repo, steps)

    monkeypatch.setattr(audit, "check", watched)
    world.ok("merge", "t")
    assert [list(steps) for steps in checked[0]] == [[Step((revert,), tip, before, world.rev("main"))]]


def test_sync_leaves_a_reverted_task_to_merge(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    world.ok("revert", "t")
    done = world.par("sync", "t")
    assert done.status == 1
    assert done.err == "left t: main reverted it\nhint: git par merge t\n"


def test_the_merge_of_a_reverted_task_says_so_to_programs(world: World) -> None:
    work(world)
    world.ok("merge", "t")
    world.ok("revert", "t")
    revert = world.rev("main")
    (merged,) = world.ok("merge", "t", "--json").json["merges"][0]["merged"]
    assert merged["reverts"] == [revert]
