"""Rare ways home: what stands beside a merge, a sync or a revert, and what they make of it."""

import fcntl
import json
import os
import threading
from pathlib import Path

import pytest

from git_par.landing import autocommit, pins, shortcut, solve
from git_par.landing.autocommit import Wish
from git_par.landing.planned import Skipped
from git_par.landing.select import Batch
from git_par.state.journal import Open
from git_par.state.session import Session
from tests.test_ownership import inside, own
from tests.world import World, edited, script

# merge


def test_a_rebase_signs_off_what_would_else_stay_as_it_is(world: World) -> None:
    world.task("t")
    world.ok("merge", "t", "--rebase", "--signoff")
    said = world.git("log", "-1", "--format=%B", "main").splitlines()
    assert said[-1] == "Signed-off-by: C O Mitter <committer@example.com>"
    assert world.git("diff", "main", "t") == ""


def test_autocommit_leaves_branches_and_damaged_workspaces_as_they_are(world: World) -> None:
    world.git("switch", "-q", "-c", "plain")
    world.commit("plain", plain__txt="p\n")
    world.git("switch", "-q", "main")
    path = world.task("t")
    world.write("t.txt", "edited\n", path)
    (world.repo / ".git/worktrees/t/index").write_bytes(b"\0" * 100)
    before = world.rev("t")
    done = world.par("merge", "plain", "t", "--autocommit")
    assert done.status == 1
    assert done.out.splitlines()[1:] == [
        "  merged      plain",
        "  left out    t: it cannot be checked: git status: index file corrupt",
    ]
    assert "hint: t: git par doctor\n" in done.err
    (left,) = world.par("merge", "t", "--json").json["merges"][0]["skipped"]
    assert left["reason"] == "unknown"
    assert world.rev("t") == before
    assert (path / "t.txt").read_text() == "edited\n"
    world.ok("doctor", "--fix")
    world.ok("merge", "plain", "t", "--autocommit")
    assert (world.repo / "plain.txt").exists()
    assert (world.repo / "t.txt").read_text() == "edited\n"


def test_a_secret_outside_of_what_a_task_owns_is_no_foreign_change(world: World) -> None:
    path = own(world, "t", "src/**")
    world.write("src/x", "x\n", path)
    world.write(".env.local", "secret\n", path)
    world.ok("merge", "t", "--autocommit")
    assert (world.repo / "src/x").exists()
    assert world.git("status", "--porcelain", cwd=path) == "?? .env.local"
    assert world.git("log", "--all", "--format=%H", "--", ".env.local") == ""


def test_a_worker_on_a_branch_without_commits_is_guarded_too(world: World) -> None:
    path = own(world, "t", "src/**")
    done = inside(world, "t", "git switch -q --orphan new; echo x >foreign; git add foreign; git commit -qm x")
    assert done.status != 0
    assert "foreign" in done.err
    inside(world, "t", "git rm -q --cached foreign; mkdir src; echo x >src/x; git add src; git commit -qm x")
    assert world.git("ls-tree", "-r", "--name-only", "new", cwd=path) == "src/x"


@pytest.mark.parametrize("place", ["absolute", "missing"])
def test_hooks_are_looked_for_where_the_setting_says(world: World, place: str) -> None:
    """A merge driver wants a private workspace, and the hooks come along."""
    directory = world.root / "hooks"
    world.git("config", "core.hooksPath", str(directory))
    if place == "absolute":
        script(directory / "commit-msg", 'echo "Seen: yes" >>"$1"')
    world.git("config", "merge.mine.driver", "cat %B >%A")
    world.write(".gitattributes", "a.txt merge=mine\n")
    world.commit("attributes")
    world.task("t", a__txt=edited(l3="theirs"))
    world.commit("base", a__txt=edited(l12="ours"))
    world.ok("merge", "t")
    said = world.git("log", "-1", "--format=%B", "main")
    assert ("Seen: yes" in said) == (place == "absolute")
    assert (world.repo / "a.txt").read_text() == edited(l3="theirs")


def test_a_base_that_goes_meanwhile_is_followed_to_the_one_behind_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.landed("below")
    world.ok("add", "above", "--from", "below")
    world.commit("work", cwd=world.workspaces / "above", above__txt="x\n")
    real = autocommit.run

    def run(session: Session, batch: Batch, wish: Wish, operation: Open) -> dict[str, Skipped]:
        assert batch.base == "below"
        world.ok("remove", "below")
        return real(session, batch, wish, operation)

    monkeypatch.setattr(autocommit, "run", run)
    done = world.ok("merge", "above", "--autocommit")
    assert done.out.startswith("main: 1 merged")
    assert (world.repo / "above.txt").exists()


def test_a_task_that_another_command_holds_has_landed_all_the_same(world: World) -> None:
    world.git("config", "par.lockTimeout", "1")
    world.task("t")
    with open(world.repo / ".git/par/locks/task-t", "w") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        done = world.ok("merge", "t")
    assert "it has landed all the same" in done.err
    assert (world.repo / "t.txt").exists()
    assert world.listed("t")["integrated"] == {"reason": "ancestor", "into": "main"}


def test_a_hook_is_not_asked_again_about_what_it_has_passed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("t")
    world.git("config", "par.hook.pre-merge", f"echo asked >>'{world.root}/asked'")
    moved: list[str] = []
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        if not moved:
            moved.append(world.commit("meanwhile", other__txt="x\n"))
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    world.ok("merge", "t")
    assert world.rev("main^1") == moved[0]
    assert (world.root / "asked").read_text() == "asked\n"


def test_a_repository_without_packs_or_with_replacements_off_is_published_in(world: World) -> None:
    world.task("t")
    (world.repo / ".git/objects/pack").rmdir()
    world.ok("merge", "t")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shortcut, "_SHALLOW", -1)
        world.task("u")
        world.git("config", "core.useReplaceRefs", "false")
        world.ok("merge", "u")
    assert (world.repo / "t.txt").exists()
    assert (world.repo / "u.txt").exists()


def test_a_task_that_took_the_base_back_is_not_in(world: World) -> None:
    """Two merge bases, and the files of one of them: what the task undid is its own work."""
    path = world.task("t")
    before = world.rev("t")
    main = world.commit("base", b__txt="b\n")
    world.git("merge", "-q", "--no-edit", before)
    world.git("merge", "-q", "--no-edit", main, cwd=path)
    first = world.git("merge-base", "--all", "main", "t").split()[0]
    world.git("rm", "-q", "-r", ".", cwd=path)
    world.git("checkout", "-q", first, "--", ".", cwd=path)
    world.commit("took it back", cwd=path)
    world.commit("more", more__txt="x\n")
    assert world.listed("t")["integrated"] is None
    assert "removed" not in world.ok("prune").out
    assert path.exists()
    world.ok("merge", "t")
    assert world.git("diff", first, "main", "--name-status") == "A\tmore.txt"


# reverts


def test_work_that_the_base_has_does_not_come_on_top_of_the_reverted_revert(world: World) -> None:
    path = world.landed()
    world.ok("revert", "t")
    world.commit("in both", both__txt="x\n")
    world.commit("in both", cwd=path, both__txt="x\n")
    world.ok("merge", "t", "--squash")
    assert world.git("log", "-1", "--format=%s").startswith('Revert "Revert')
    assert (world.repo / "t.txt").exists()


def test_work_that_conflicts_on_top_of_the_reverted_revert_is_named(world: World) -> None:
    path = world.landed()
    world.ok("revert", "t")
    world.commit("base", a__txt=edited(l3="base"))
    before = world.git("for-each-ref", "refs/heads/main")
    world.commit("task", cwd=path, a__txt=edited(l3="task"))
    done = world.par("merge", "t")
    assert (done.status, "a.txt" in done.out) == (1, True), done
    assert world.git("for-each-ref", "refs/heads/main") == before


def test_an_older_record_comes_back_after_a_revert_too(world: World) -> None:
    world.landed()
    record = json.loads(world.record().read_text())
    record["landed"]["onto"] = None
    world.record().write_text(json.dumps(record))
    world.ok("revert", "t")
    assert not (world.repo / "t.txt").exists()
    record["landed"]["onto"] = None
    world.record().write_text(json.dumps(record))
    world.ok("merge", "t")
    assert (world.repo / "t.txt").exists()


# sync


def test_a_base_of_another_history_is_not_brought(world: World) -> None:
    world.git("switch", "-q", "--orphan", "apart")
    world.commit("apart", apart__txt="x\n")
    world.git("switch", "-q", "main")
    path = world.task("t")
    world.ok("set", "t", "--base", "apart")
    before = world.rev("t")
    done = world.par("sync", "t")
    assert (done.status, done.err) == (1, "left t: it has no history in common with apart\n")
    assert world.rev("t") == before
    assert not (path / "apart.txt").exists()


def test_a_task_on_one_that_only_went_on_is_rebased_as_usual(world: World) -> None:
    below = world.task("below")
    above = Path(world.ok("add", "above", "--from", "below").out.strip())
    world.commit("work", cwd=above, above__txt="x\n")
    tip = world.commit("more", cwd=below, more__txt="x\n")
    world.ok("sync", "above", "--rebase")
    assert world.rev("above^") == tip


def test_an_index_that_another_git_holds_is_waited_for_before_markers_are_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = conflicting(world)
    lock = world.repo / ".git/worktrees/t/index.lock"
    lock.touch()
    with monkeypatch.context() as patch:
        patch.setattr(solve, "_INDEX_PATIENCE", 0.1)
        done = world.par("sync", "t")
    assert (done.status, done.out) == (4, "")
    assert done.err == (
        f"git par: t: another git holds the index of '{path}'\n"
        "hint: wait for it; when none runs there: git par doctor --fix\n"
    )
    threading.Timer(0.3, lock.unlink).start()
    assert world.par("sync", "t").status == 1
    assert world.git("status", "--porcelain", cwd=path) == "UU a.txt\nA  more.txt"


def test_a_merge_that_git_could_not_write_is_not_left_for_a_commit_to_conclude(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Git says that it is in progress, and has brought nothing: committed, it would undo all of the base."""
    path = conflicting(world)
    lock = world.repo / ".git/worktrees/t/index.lock"
    lock.touch()
    monkeypatch.setattr(solve, "_await_index", lambda *_: None)
    before = world.rev("t")
    done = world.par("sync", "t")
    lock.unlink()
    assert not (world.repo / ".git/worktrees/t/MERGE_HEAD").exists()
    assert done.status == 3, done
    assert done.err.startswith("git par: t: git did not start the merge: ")
    assert f"hint: cd {os.path.relpath(path, world.repo)} && git merge main\n" in done.err
    assert (world.rev("t"), world.git("status", "--porcelain", cwd=path)) == (before, "")
    assert world.par("sync", "t").status == 1
    assert world.git("status", "--porcelain", cwd=path) == "UU a.txt\nA  more.txt"


def conflicting(world: World) -> Path:
    """A task that conflicts with its base, which has more."""
    path = world.task("t", a__txt=edited(l3="task"))
    world.commit("base", a__txt=edited(l3="base"), more__txt="more\n")
    return path
