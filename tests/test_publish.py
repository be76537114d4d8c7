"""The one step that moves a base: what it keeps, what it refuses, and that nothing else has a say in it."""

import threading
import time
from pathlib import Path

import pytest

from git_par.landing import pins
from tests.world import PAR, Result, World


def reflog(world: World, branch: str = "main") -> list[str]:
    return world.git("log", "-g", "--format=%H %gs", f"refs/heads/{branch}").splitlines()


def plan_refs(world: World) -> str:
    return world.git("for-each-ref", "refs/par/plan")


def state_of(world: World) -> tuple[str, ...]:
    """Everything that a refused merge must leave as it is."""
    return (
        world.git("for-each-ref"),
        world.rev("HEAD"),
        world.git("status", "--porcelain", "--ignored"),
        world.git("diff", "HEAD"),
        world.git("diff", "--cached"),
        world.git("stash", "list"),
    )


def refused(world: World, *args: str) -> Result:
    """`git par merge ARGS` is refused, and nothing has changed."""
    before = state_of(world)
    done = world.par("merge", *args)
    assert done.status == 3, done
    assert done.out == ""
    assert state_of(world) == before
    return done


# what is kept


def test_unrelated_edits_staged_and_not_and_untracked_files_are_kept(world: World) -> None:
    world.commit("files", staged__txt="1\n", changed__txt="1\n", both__txt="1\n", gone__txt="1\n")
    world.task("t")
    world.write("staged.txt", "2\n")
    world.write("both.txt", "2\n")
    world.write("new.txt", "new\n")
    world.git("add", "staged.txt", "both.txt", "new.txt")
    world.write("both.txt", "3\n")
    world.write("changed.txt", "2\n")
    world.git("rm", "-q", "gone.txt")
    world.write("untracked.txt", "u\n")
    world.write("ignored.log", "i\n")
    before = world.git("status", "--porcelain", "--ignored"), world.git("diff"), world.git("diff", "--cached")
    world.ok("merge", "t")
    after = world.git("status", "--porcelain", "--ignored"), world.git("diff"), world.git("diff", "--cached")
    assert after == before
    assert (world.repo / "t.txt").read_text() == "t\n"


def test_the_reflog_has_the_one_step(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    before = world.rev("main")
    world.ok("merge", "--all")
    after = world.rev("main")
    assert reflog(world)[0].split()[0] == after
    assert reflog(world)[1].split()[0] == before
    assert len(reflog(world)) == 2
    assert reflog(world)[0].partition(" ")[2].startswith("git-par merge: 3 tasks")
    assert plan_refs(world) == ""


def test_a_base_that_is_not_checked_out_moves_alone(world: World) -> None:
    world.git("branch", "release")
    world.task("t")
    head, before = world.rev("main"), world.rev("release")
    world.ok("merge", "t", "--into", "release")
    assert world.rev("main") == head
    assert [line.split()[0] for line in reflog(world, "release")] == [world.rev("release"), before]
    assert reflog(world, "release")[0].partition(" ")[2] == "git-par merge: t"
    assert not (world.repo / "t.txt").exists()
    assert world.git("status", "--porcelain") == ""
    assert plan_refs(world) == ""


def test_a_base_checked_out_elsewhere_moves_with_its_files(world: World) -> None:
    other = world.root / "other place"
    world.git("worktree", "add", "-q", "-b", "release", str(other))
    world.task("t")
    world.ok("merge", "t", "--into", "release")
    assert (other / "t.txt").read_text() == "t\n"
    assert world.git("status", "--porcelain", cwd=other) == ""
    assert not (world.repo / "t.txt").exists()


def test_a_bare_repository_moves_its_branch(world: World) -> None:
    bare = world.root / "bare.git"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    path = Path(world.ok("add", "t", cwd=bare).out.strip())
    world.commit("work", cwd=path, t__txt="t\n")
    done = world.ok("merge", "t", cwd=bare)
    assert done.out.startswith("main: 1 merged (")
    assert world.git("show", "main:t.txt", cwd=bare) == "t"
    assert world.git("for-each-ref", "refs/par/plan", cwd=bare) == ""


# what is in the way


def test_an_edit_where_the_merge_would_write_is_refused_by_name(world: World) -> None:
    world.task("t", a__txt="task\n")
    world.write("a.txt", "edited\n")
    assert refused(world, "t").err == (
        f"git par: main: in the way in '{world.repo}': a.txt\n"
        "hint: commit those files or move them away, then run the command again\n"
    )


def test_a_staged_change_where_the_merge_would_write_is_refused_by_name(world: World) -> None:
    world.task("t", a__txt="task\n")
    world.write("a.txt", "edited\n")
    world.git("add", "a.txt")
    assert f"main: in the way in '{world.repo}': a.txt\n" in refused(world, "t").err


def test_a_file_deleted_and_staged_is_in_the_way_too(world: World) -> None:
    world.task("t", a__txt="task\n")
    world.git("rm", "-q", "a.txt")
    assert f"main: in the way in '{world.repo}': a.txt\n" in refused(world, "t").err


@pytest.mark.parametrize("name", ["new.txt", "with space/ü.txt", "local.log", "build/deep/out"])
def test_an_untracked_or_ignored_file_in_the_way_is_refused_by_name(world: World, name: str) -> None:
    path = world.add("t")[0]
    world.write(name, "task\n", cwd=path)
    world.git("add", "-f", name, cwd=path)
    world.git("commit", "-qm", "work", cwd=path)
    world.write(name, "mine, and nowhere else\n")
    assert f"main: in the way in '{world.repo}': {name}\n" in refused(world, "t").err
    assert (world.repo / name).read_text() == "mine, and nowhere else\n"


def test_an_untracked_file_where_a_directory_comes_is_refused_by_name(world: World) -> None:
    path = world.add("t")[0]
    world.write("thing/inside", "task\n", cwd=path)
    world.commit("work", cwd=path)
    world.write("thing", "mine\n")
    assert f"main: in the way in '{world.repo}': thing" in refused(world, "t").err


def test_an_untracked_directory_where_a_file_comes_is_refused_by_name(world: World) -> None:
    world.task("t", thing="task\n")
    world.write("thing/inside", "mine\n")
    assert f"main: in the way in '{world.repo}': thing\n" in refused(world, "t").err


def test_many_files_in_the_way_are_counted(world: World) -> None:
    path = world.add("t")[0]
    for number in range(7):
        world.write(f"{number}.txt", "task\n", cwd=path)
        world.write(f"{number}.txt", "mine\n")
    world.commit("work", cwd=path)
    assert ": 0.txt, 1.txt, 2.txt, 3.txt, 4.txt and 2 more\n" in refused(world, "t").err


def test_a_refused_merge_can_be_run_again_when_the_way_is_free(world: World) -> None:
    world.task("t", a__txt="task\n")
    world.write("a.txt", "edited\n")
    refused(world, "t")
    assert plan_refs(world) == ""
    world.git("checkout", "-q", "a.txt")
    assert world.ok("merge", "t").out.startswith("main: 1 merged")


# a base that must not be moved


def test_a_base_being_rebased_is_refused(world: World) -> None:
    world.task("t")
    world.git("checkout", "-q", "-b", "onto", "main")
    world.commit("onto", a__txt="onto\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    assert world.try_git("rebase", "onto").status == 1
    assert refused(world, "t").err == (
        f"git par: main: a rebase of it is in progress in '{world.repo}'\n"
        "hint: finish it there, or take it back with 'git rebase --abort' or 'git bisect reset'\n"
    )
    assert refused(world, "t", "--dry-run")


def test_a_base_being_rebased_in_another_worktree_is_refused(world: World) -> None:
    world.task("t")
    world.git("branch", "release")
    other = world.root / "other"
    world.git("worktree", "add", "-q", str(other), "release")
    world.commit("release", cwd=other, a__txt="release\n")
    world.commit("main", a__txt="main\n")
    assert world.try_git("rebase", "main", cwd=other).status == 1
    err = refused(world, "t", "--into", "release").err
    assert f"git par: release: a rebase of it is in progress in '{other}'\n" in err


def test_a_base_being_bisected_is_refused(world: World) -> None:
    world.task("t")
    for number in range(4):
        world.commit(f"main {number}", a__txt=f"{number}\n")
    world.git("bisect", "start", "main", "main~4")
    assert refused(world, "t").err == (
        f"git par: main: a bisection of it is in progress in '{world.repo}'\n"
        "hint: finish it there, or take it back with 'git rebase --abort' or 'git bisect reset'\n"
    )


def test_a_base_checked_out_twice_is_refused(world: World) -> None:
    world.task("t")
    other = world.root / "other"
    world.git("worktree", "add", "-q", "-f", str(other), "main")
    assert refused(world, "t").err == (
        f"git par: main: checked out twice, in '{world.repo}' and '{other}'\nhint: git -C {other} switch --detach\n"
    )


@pytest.mark.parametrize("command", ["merge", "cherry-pick", "revert"])
def test_an_operation_in_progress_in_the_bases_checkout_is_refused(world: World, command: str) -> None:
    world.task("t")
    world.git("checkout", "-q", "-b", "other")
    world.commit("older", a__txt="older\n")
    world.commit("other", a__txt="other\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    assert world.try_git(command, "other" if command != "revert" else "other~1").status == 1
    words = {"merge": "a merge", "cherry-pick": "a cherry-pick", "revert": "a revert"}[command]
    assert refused(world, "t").err == (
        f"git par: main: {words} is in progress in '{world.repo}'\nhint: cd {world.repo} and finish or abort it\n"
    )


# others at work


def test_a_lock_on_the_index_is_waited_for(world: World) -> None:
    world.task("t")
    lock = world.repo / ".git" / "index.lock"
    lock.touch()
    running = world.start(*PAR, "merge", "t")
    time.sleep(1)
    assert running.poll() is None
    assert world.rev("main") != world.rev("t")
    lock.unlink()
    out, err = running.communicate(timeout=60)
    assert (running.returncode, err) == (0, "hint: git par prune would remove 1 task, unless in use\n")
    assert out.startswith("main: 1 merged")
    assert world.git("status", "--porcelain") == ""


def test_a_base_that_moved_after_the_plan_is_planned_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Right between plan and publish, twice, somebody commits in the base's checkout."""
    world.task("t")
    made: list[str] = []
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        if len(made) < 2:
            made.append(world.commit("meanwhile", None, **{f"{len(made)}__txt": "other\n"}))
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    done = world.ok("merge", "t")
    after = world.rev("main")
    assert done.out == f"main: 1 merged ({made[1][:8]}..{after[:8]})\n  merged      t\n"
    assert [line.split()[0] for line in reflog(world)][:3] == [after, made[1], made[0]]
    assert world.git("rev-parse", "main^1", "main^2").split() == [made[1], world.rev("t")]
    assert world.git("status", "--porcelain") == ""
    assert plan_refs(world) == ""


def test_a_task_that_moved_after_the_plan_is_planned_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.task("t")
    made: list[str] = []
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        if not made:
            made.append(world.commit("meanwhile", cwd=path, more__txt="more\n"))
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    world.ok("merge", "t")
    assert world.rev("main^2") == made[0]


def test_a_base_that_keeps_moving_is_given_up_with_nothing_done(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("t")
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        world.git("commit", "-q", "--allow-empty", "-m", "again")
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    done = world.par("merge", "t")
    assert (done.status, done.out) == (4, "")
    assert done.err == (
        "git par: main: it kept moving, 20 plans were overtaken\n"
        "hint: run the command again when fewer others commit there\n"
    )
    assert world.git("rev-list", "--merges", "main") == ""
    assert plan_refs(world) == ""


def test_tasks_come_home_while_somebody_commits_to_the_base(world: World) -> None:
    names = [f"t{number}" for number in range(4)]
    for name in names:
        world.task(name)
    stop = threading.Event()
    made: list[str] = []
    began = time.monotonic()
    world.par_process("list")
    pace = max(0.3, time.monotonic() - began)  # on a busy machine a plan takes longer, too

    def commit_on() -> None:
        while not stop.wait(pace):
            # The tree stays what it is, so that the checkout of main is never behind it.
            old = world.rev("main")
            new = world.git("commit-tree", "-m", f"other {len(made)}", "-p", old, f"{old}^{{tree}}")
            if world.try_git("update-ref", "refs/heads/main", new, old).status == 0:
                made.append(new)

    other = threading.Thread(target=commit_on)
    other.start()
    try:
        for name in names:
            done = world.par_process("merge", name)
            assert done.status == 0, done
    finally:
        stop.set()
        other.join()
    assert made
    assert world.git("status", "--porcelain") == ""
    for commit in (*made, *map(world.rev, names)):
        assert world.try_git("merge-base", "--is-ancestor", commit, "main").status == 0
    assert plan_refs(world) == ""


def test_two_merges_at_once_both_land(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    running = [world.start(*PAR, "merge", *names) for names in (("one", "two"), ("two", "three"))]
    for one in running:
        out, err = one.communicate(timeout=120)
        assert one.returncode == 0, (out, err)
    for name in ("one", "two", "three"):
        assert world.try_git("merge-base", "--is-ancestor", name, "main").status == 0
    assert world.git("rev-list", "--count", "--merges", "main") == "3"
    assert world.git("status", "--porcelain") == ""


# configuration that would spoil a merge


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("branch.main.mergeOptions", "--no-commit"),
        ("branch.main.mergeOptions", "--squash"),
        ("branch.main.mergeOptions", "--no-ff"),
        ("branch.main.mergeOptions", "--verify-signatures --autostash"),
        ("branch.main.mergeOptions", "-s ours"),
        ("branch.main.mergeOptions", "--no-such-option"),
        ("pull.twohead", "ours"),
        ("merge.autoStash", "true"),
        ("merge.verifySignatures", "true"),
        ("merge.ff", "false"),
        ("merge.ff", "only"),
        ("merge.stat", "true"),
        ("merge.log", "true"),
        ("merge.defaultToUpstream", "false"),
        ("merge.conflictStyle", "diff3"),
        ("merge.renames", "true"),
        ("submodule.recurse", "true"),
        ("core.logAllRefUpdates", "false"),
        ("rerere.enabled", "true"),
        ("commit.cleanup", "scissors"),
        ("core.commentChar", "M"),
    ],
)
def test_a_users_configuration_does_not_spoil_the_publish(world: World, key: str, value: str) -> None:
    world.task("t")
    world.task("u")
    before = world.rev("main")
    world.git("config", key, value)
    world.write("a.txt", "edited, and kept\n")
    done = world.ok("merge", "t", "u")
    assert done.out.startswith(f"main: 2 merged ({before[:8]}..")
    assert world.git("log", "-1", "--format=%s", "main").startswith("Merge branch 'u'")
    assert world.git("ls-tree", "--name-only", "main").split() == [".gitignore", "a.txt", "t.txt", "u.txt"]
    assert world.git("status", "--porcelain") == "M a.txt".rjust(8)
    assert (world.repo / "a.txt").read_text() == "edited, and kept\n"
    assert world.git("stash", "list") == ""


def test_options_of_a_base_with_an_odd_name_do_not_spoil_it_either(world: World) -> None:
    world.git("checkout", "-q", "-b", "a=b.c")
    world.git("config", "branch.a=b.c.mergeOptions", "-s ours")
    world.task("t")
    world.ok("merge", "t")
    assert (world.repo / "t.txt").exists()
    assert world.git("log", "-1", "--format=%s") == "Merge branch 't' into a=b.c"


# hooks


def test_the_post_merge_hook_runs_once_afterwards(world: World) -> None:
    for name in ("one", "two"):
        world.task(name)
    record = world.root / "record"
    world.hook("post-merge", f'echo "$1 $(pwd) $(git rev-parse HEAD) $(git status --porcelain)" >>{record}')
    world.ok("merge", "--all")
    assert record.read_text() == f"0 {world.repo} {world.rev('main')} \n"


def test_a_post_merge_hook_that_fails_is_told_after_the_work_was_done(world: World) -> None:
    world.task("t")
    world.hook("post-merge", "exit 7")
    done = world.par("merge", "t")
    assert done.status == 5
    assert done.err == (
        "main: the post-merge hook failed with status 7\nhint: git par prune would remove 1 task, unless in use\n"
    )
    assert done.out.startswith("main: 1 merged")
    assert world.try_git("merge-base", "--is-ancestor", "t", "main").status == 0
    assert world.listed("t")["state"] == "landed"


def test_no_hook_runs_where_the_base_is_not_checked_out_or_nothing_moved(world: World) -> None:
    world.task("t")
    world.git("branch", "release")
    record = world.root / "record"
    world.hook("post-merge", f"echo ran >>{record}")
    world.ok("merge", "t", "--into", "release")
    world.ok("merge", "t", "--dry-run")
    assert not record.exists()
    world.ok("merge", "t")
    world.ok("merge", "t")
    assert record.read_text() == "ran\n"


def test_untracked_files_in_the_way_are_kept_in_a_sparse_checkout_too(world: World) -> None:
    world.write("in/a.txt", "a\n")
    world.write("out/a.txt", "a\n")
    world.commit("directories")
    world.git("sparse-checkout", "set", "in")
    path = world.add("t")[0]
    world.write("in/new.txt", "the task's\n", path)
    world.commit("new", cwd=path)
    file = world.write("in/new.txt", "mine\n")
    assert "in the way" in refused(world, "t").err
    assert file.read_text() == "mine\n"
    file.unlink()
    world.ok("merge", "t")
    assert file.read_text() == "the task's\n"


def test_another_name_for_a_branch_is_no_base(world: World) -> None:
    world.task("t")
    world.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    done = refused(world, "t", "--into", "alias")
    assert done.err.splitlines()[0] == "git par: alias: it is another name for 'main'"


def test_a_publish_that_fails_half_way_leaves_a_sparse_checkout_as_it_was(world: World) -> None:
    world.write("in/a.txt", "a\n")
    world.write("out/a.txt", "a\n")
    world.commit("directories")
    path = world.add("t")[0]
    world.write("in/new.txt", "new\n", path)
    world.write("out/a.txt", "changed\n", path)
    world.commit("new", cwd=path)
    world.git("sparse-checkout", "set", "in")
    world.write(".git/info/attributes", "in/new.txt filter=bad\n")
    world.git("config", "filter.bad.smudge", "exit 1")
    world.git("config", "filter.bad.clean", "cat")
    world.git("config", "filter.bad.required", "true")
    before = state_of(world), world.git("ls-files", "-t")
    done = world.par("merge", "t")
    assert (done.status, "as it was" in done.err) == (5, True), done
    assert (state_of(world), world.git("ls-files", "-t")) == before
