"""`git par merge` behind a gate, in a chosen order, all or nothing."""

import os
import signal
import time
from pathlib import Path

import pytest

from git_par.landing import plan
from git_par.landing.planned import Failed, Plan
from tests.world import PAR, World

NO_BAD = "test ! -e bad.txt"


def counting(world: World, command: str = NO_BAD) -> tuple[str, Path]:
    """A gate that notes each run with the files it sees."""
    log = world.root / "runs"
    log.touch()
    return f'echo $(ls) >> "{log}"; {command}', log


@pytest.fixture
def four(world: World) -> World:
    """Four tasks, of which the third breaks the gate."""
    for name in ("one", "two"):
        world.task(name)
    world.task("three", bad__txt="bad\n")
    world.task("four")
    return world


def test_what_passes_is_published_as_it_was_tested(world: World) -> None:
    world.task("one")
    seen = world.root / "seen"
    world.ok("merge", "one", "--gate", f'git rev-parse HEAD > "{seen}"')
    assert seen.read_text().strip() == world.rev("main")


def test_the_one_that_breaks_the_gate_is_left_out_and_named(four: World) -> None:
    gate, log = counting(four)
    done = four.par("merge", "--all", "--gate", gate, "--json")
    merge = done.json["merges"][0]
    assert done.status == 1
    assert [one["name"] for one in merge["merged"]] == ["one", "two", "four"]
    assert [(one["name"], one["gate"], one["exit"]) for one in merge["failed"]] == [("three", gate, 1)]
    assert Path(merge["failed"][0]["log"]).is_file()
    assert not (four.repo / "bad.txt").exists()
    assert four.listed("three")["state"] == "active"
    way = "cd ../repo-worktrees/three && git par sync, then git par merge three"
    assert f"hint: three: mend it where it was made: {way}\n" in done.err
    # All four, the base, two of the bisection, and the plan without the culprit.
    assert len(log.read_text().splitlines()) == 5
    four.check_sound()


def test_what_stands_on_a_culprit_stays_out_too(four: World) -> None:
    above = Path(four.ok("add", "above", cwd=four.workspaces / "three").out.strip())
    four.commit("above", cwd=above, above__txt="above\n")
    done = four.par("merge", "one", "three", "above", "--gate", NO_BAD, "--json")
    merge = done.json["merges"][0]
    assert [one["name"] for one in merge["merged"]] == ["one"]
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("above", "stacked")]


def test_a_gate_that_fails_on_the_base_blames_nobody(four: World) -> None:
    four.commit("bad base", bad__txt="bad\n")
    before = four.rev("main")
    done = four.par("merge", "one", "two", "--gate", NO_BAD)
    assert done.status == 3
    assert "git par: main: the gate fails on the base alone, with status 1\n" in done.err
    assert (done.out, four.rev("main")) == ("", before)


def test_gate_each_tests_every_planned_commit(four: World) -> None:
    gate, log = counting(four)
    done = four.par("merge", "--all", "--gate", gate, "--gate-each")
    assert done.status == 1
    runs = log.read_text().splitlines()
    assert runs == [
        "a.txt one.txt",
        "a.txt one.txt two.txt",
        "a.txt bad.txt one.txt two.txt",
        "a.txt four.txt one.txt two.txt",
    ]


def test_a_commit_in_between_may_fail_unless_each_is_asked_for(world: World) -> None:
    world.task("breaks", bad__txt="bad\n")
    path = world.workspaces / "breaks"
    mends = Path(world.ok("add", "mends", cwd=path).out.strip())
    (mends / "bad.txt").unlink()
    world.commit("mended", cwd=mends)
    assert world.par("merge", "--all", "--gate", NO_BAD, "--gate-each").status == 1
    assert world.ok("merge", "--all", "--gate", NO_BAD).out.startswith("main: 2 merged")


def test_a_pass_is_remembered_and_a_failure_is_not(world: World) -> None:
    gate, log = counting(world)
    world.task("one")
    world.git("branch", "trial")
    world.ok("merge", "one", "--gate", gate, "--into", "trial")
    world.ok("merge", "one", "--gate", gate)
    assert len(log.read_text().splitlines()) == 1
    world.task("bad", bad__txt="x\n")
    for _ in range(2):
        assert world.par("merge", "bad", "--gate", gate).status == 1
    assert log.read_text().count("bad.txt") == 2


def test_when_the_tries_are_used_up_nothing_lands(world: World) -> None:
    for name in ("bad1", "bad2", "good"):
        world.task(name)
    before = world.rev("main")
    done = world.par("merge", "--all", "--gate", "! ls | grep -q bad", "--gate-tries", "2", "--json")
    merge = done.json["merges"][0]
    assert done.status == 1
    assert [one["name"] for one in merge["failed"]] == ["bad1", "bad2"]
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("good", "untested")]
    assert "hint: merge again without those that break the gate, or with a higher --gate-tries\n" in done.err
    assert (merge["merged"], merge["published"], world.rev("main")) == ([], False, before)
    assert world.par("merge", "--all", "--gate", "! ls | grep -q bad").out.startswith("main: 1 merged, 2 failed")


def test_atomic_with_a_gate_that_fails_lands_nothing_and_names_the_culprit(four: World) -> None:
    before = four.rev("main")
    done = four.par("merge", "--all", "--gate", NO_BAD, "--atomic", "--json")
    merge = done.json["merges"][0]
    assert (done.status, merge["merged"], four.rev("main")) == (1, [], before)
    assert [one["name"] for one in merge["failed"]] == ["three"]
    assert {one["reason"] for one in merge["skipped"]} == {"atomic"}


def test_stop_lands_what_comes_before_the_culprit(four: World) -> None:
    done = four.par("merge", "--all", "--gate", NO_BAD, "--on-conflict", "stop", "--json")
    merge = done.json["merges"][0]
    assert [one["name"] for one in merge["merged"]] == ["one", "two"]
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("four", "stopped")]


def test_the_setting_is_a_gate_and_an_empty_one_switches_it_off(four: World) -> None:
    four.git("config", "par.gate", NO_BAD)
    assert four.par("merge", "three").status == 1
    assert four.ok("merge", "three", "--gate", "").out.startswith("main: 1 merged")


@pytest.mark.parametrize(
    ("args", "err"),
    [
        (("--gate-each",), "git par: --gate-each, --gate-tries: there is no gate\nhint: "),
        (("--gate-tries", "3"), "git par: --gate-each, --gate-tries: there is no gate\nhint: "),
        (("--gate", "true", "--gate-tries", "0"), "git par: --gate-tries 0: not 1 or more\nhint: "),
        (("--order", "random"), "git par: --order random: not one of created, given, fewest-conflicts\nhint: "),
        (("--on-conflict", "cry"), "git par: --on-conflict cry: not one of skip, stop, abort\nhint: "),
        (("--atomic", "--on-conflict", "skip"), "git par: --atomic, --on-conflict skip: not together\nhint: "),
        (("--rebase", "-m", "x"), "git par: -m, --rebase: not together\nhint: "),
        (("--rebase", "--squash"), "git par: --squash, --rebase: not together\nhint: "),
    ],
)
def test_what_makes_no_sense_is_refused(world: World, args: tuple[str, ...], err: str) -> None:
    world.task("one")
    before = world.rev("main")
    done = world.par("merge", "one", *args)
    assert (done.status, done.out, done.err.startswith(err), world.rev("main")) == (2, "", True, before)


def test_a_dry_run_does_not_run_the_gate(world: World) -> None:
    gate, log = counting(world)
    world.task("one")
    world.ok("merge", "one", "--gate", gate, "--dry-run")
    assert log.read_text() == ""


def test_an_interrupt_leaves_the_base_and_no_process(world: World) -> None:
    world.task("one")
    before = world.rev("main")
    pid = world.root / "pid"
    running = world.start(*PAR, "merge", "one", "--gate", f'(trap "" INT; echo $$ > "{pid}"; sleep 1000); true')
    while not (pid.exists() and pid.read_text().strip()):
        time.sleep(0.02)
    running.send_signal(signal.SIGINT)
    running.communicate(timeout=30)
    assert running.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)
    assert world.rev("main") == before
    assert not list((world.repo / ".git" / "refs" / "par" / "plan").glob("*"))
    world.ok("merge", "one", "--gate", "true")


def test_gated_merges_of_one_base_take_turns_and_ungated_ones_do_not_wait(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    log = world.root / "runs"
    gate = f'echo start >> "{log}"; sleep 1.5; echo end >> "{log}"'
    gated = [world.start(*PAR, "merge", name, "--gate", gate) for name in ("one", "two")]
    while not log.exists():
        time.sleep(0.02)
    world.ok("merge", "three")
    assert log.read_text() == "start\n", "an ungated merge does not wait for the gate"
    for one in gated:
        one.communicate(timeout=60)
    assert [one.returncode for one in gated] == [0, 0]
    runs = log.read_text().split()
    # The one that was overtaken tests again; nobody tests beside another.
    assert runs == ["start", "end"] * 3
    assert world.git("ls-tree", "--name-only", "main").split() == [
        ".gitignore", "a.txt", "one.txt", "three.txt", "two.txt",
    ]  # fmt: skip
    world.check_sound()


def test_a_gate_that_is_overtaken_too_often_gives_up(world: World) -> None:
    world.task("one")
    world.git("config", "par.gateRetries", "1")
    moving = f'cd "{world.repo}" && date +%N > moving.txt && git add moving.txt && git commit -q -m moved'
    done = world.par("merge", "one", "--gate", moving)
    assert done.status == 4
    assert "git par: main: it kept moving, 2 plans were overtaken\n" in done.err


# order


def test_fewest_conflicts_lands_the_most(world: World) -> None:
    """The first collides with the two others, which go well together."""
    world.task("greedy", a__txt="all new\n", b__txt="greedy\n")
    world.task("left", a__txt="left\n")
    world.task("right", b__txt="right\n")
    assert world.par("merge", "--all", "--dry-run").out.startswith("main: 1 would be merged, 2 in conflict")
    done = world.par("merge", "--all", "--order", "fewest-conflicts")
    assert done.out.startswith("main: 2 merged, 1 in conflict")
    assert (
        world.git("log", "--first-parent", "--format=%s", "-2", "main") == "Merge branch 'right'\nMerge branch 'left'"
    )


def test_fewest_conflicts_keeps_what_is_stacked_behind_what_it_stands_on(world: World) -> None:
    below = world.task("below", **{f"f{number}": "x\n" for number in range(5)})
    above = Path(world.ok("add", "above", cwd=below).out.strip())
    world.commit("above", cwd=above, above__txt="x\n")
    world.task("small")
    world.ok("merge", "--all", "--order", "fewest-conflicts")
    names = world.git("log", "--first-parent", "--format=%s", "-3", "main").splitlines()
    assert names == ["Merge branch 'above'", "Merge branch 'below'", "Merge branch 'small'"]


def test_the_order_can_be_set_and_is_given_for_names(world: World) -> None:
    for name in ("one", "two"):
        world.task(name)
    world.git("branch", "trial")

    def landed(*args: str) -> list[str]:
        world.git("branch", "-f", "trial", "main")
        world.ok("merge", "two", "one", "--into", "trial", *args)
        return world.git("log", "--first-parent", "--reverse", "--format=%s", "main..trial").split("Merge branch ")[1:]

    assert [one.split("'")[1] for one in landed()] == ["two", "one"]
    assert [one.split("'")[1] for one in landed("--order", "created")] == ["one", "two"]
    world.git("config", "par.order", "created")
    assert [one.split("'")[1] for one in landed()] == ["one", "two"]
    assert [one.split("'")[1] for one in landed("--order", "given")] == ["two", "one"]
    world.git("config", "par.order", "nonsense")
    done = world.par("merge", "one")
    assert (done.status, done.err.startswith("git par: par.order: 'nonsense' is none of created, given, f")) == (
        2,
        True,
    )


# all or nothing


@pytest.fixture
def colliding(world: World) -> World:
    world.task("one", a__txt="one\n")
    world.task("two", a__txt="two\n")
    world.task("three")
    return world


def test_atomic_lands_nothing_when_one_cannot(colliding: World) -> None:
    before = colliding.rev("main")
    done = colliding.par("merge", "--all", "--atomic", "--json")
    merge = done.json["merges"][0]
    assert (done.status, merge["published"], merge["merged"], colliding.rev("main")) == (1, False, [], before)
    assert [one["name"] for one in merge["conflicted"]] == ["two"]
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("one", "atomic"), ("three", "atomic")]
    # Main has nothing of the other yet that could be solved in the task.
    way = "git par merge one, then cd ../repo-worktrees/two && git par sync, then git par merge two"
    assert done.err == f"hint: two: solve it where it was made: {way}\n"


def test_atomic_lands_all_when_all_can(colliding: World) -> None:
    assert colliding.ok("merge", "one", "three", "--atomic").out.startswith("main: 2 merged")


def test_atomic_counts_a_dirty_task(colliding: World) -> None:
    colliding.write("three.txt", "dirty\n", cwd=colliding.workspaces / "three")
    before = colliding.rev("main")
    assert colliding.par("merge", "one", "three", "--atomic").status == 1
    assert colliding.rev("main") == before


def test_atomic_does_not_mind_what_is_in_already(colliding: World) -> None:
    colliding.ok("merge", "three")
    assert colliding.ok("merge", "one", "three", "--atomic").out.startswith("main: 1 merged, 1 already in")


def test_atomic_over_several_bases_is_refused(colliding: World) -> None:
    colliding.git("branch", "other")
    colliding.ok("add", "elsewhere", "--base", "other", "--from", "other")
    done = colliding.par("merge", "--all", "--atomic")
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("git par: --atomic: the tasks have several bases: main, other\nhint: ")


def test_stop_lands_what_comes_before_the_first_conflict(colliding: World) -> None:
    done = colliding.par("merge", "--all", "--on-conflict", "stop", "--json")
    merge = done.json["merges"][0]
    assert done.status == 1
    assert [one["name"] for one in merge["merged"]] == ["one"]
    assert [one["name"] for one in merge["conflicted"]] == ["two"]
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("three", "stopped")]


# a stale checkout


def test_a_task_that_sets_many_files_back_is_warned_of(world: World) -> None:
    old = {f"f{number}": f"old {number}\n" for number in range(6)}
    world.commit("old", None, **old)
    stale = world.rev("main")
    world.commit("new", None, **dict.fromkeys(old, "new\n"))
    path = world.task("stale")
    world.git("checkout", "-q", stale, "--", ".", cwd=path)
    world.commit("from a stale checkout", cwd=path)
    world.task("fine", **dict.fromkeys(("f0", "f1", "f2", "f3", "f4"), "newer\n"))
    done = world.par("merge", "stale")
    assert done.status == 0
    assert done.err == (
        "warning: stale: it sets 6 files of main back to an older state: f0, f1, f2 and 3 more\n"
        "hint: git par prune would remove 1 task, unless in use\n"
    )
    assert "back to an older" not in world.par("merge", "fine").err


def test_a_gc_while_the_gate_runs_takes_nothing_of_the_plan(world: World) -> None:
    world.task("one")
    world.ok(
        "merge", "one", "--gate", f'git -C "{world.repo}" gc -q --prune=now && git -C "{world.repo}" prune --expire=now'
    )
    world.check_sound()


def test_a_plan_that_a_gc_took_apart_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("one", a__txt="one\n" + "more\n" * 9)
    world.commit("main", b__txt="b\n")
    real = plan.Draft.made
    taken: list[str] = []

    def made(draft: plan.Draft, failed: tuple[Failed, ...] = ()) -> Plan:
        done = real(draft, failed)
        if not taken:
            taken.append(done.after)
            world.git("prune", "--expire=now")
        return done

    monkeypatch.setattr(plan.Draft, "made", made)
    world.ok("merge", "one")
    assert taken
    world.check_sound()


def test_a_dry_run_tells_the_very_commit_where_the_dates_are_pinned(
    four: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_DATE", "2026-01-02T03:04:05Z")
    for strategy in ("--no-ff", "--squash", "--rebase"):
        four.git("branch", "-f", "trial", "main")
        planned = four.ok("merge", "--all", "--into", "trial", strategy, "--dry-run", "--json").json["merges"][0]
        assert four.rev("trial") == planned["before"] != planned["after"]
        four.ok("merge", "--all", "--into", "trial", strategy)
        assert four.rev("trial") == planned["after"]


def test_a_branch_that_a_gate_switched_to_stays_free(world: World) -> None:
    world.task("one")
    world.ok("merge", "one", "--gate", "git checkout -q -b trial")
    world.git("branch", "-D", "trial")


def test_a_plan_of_which_a_gc_took_a_part_is_made_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The planned commit is still there, but not a file that only the merge came to."""
    lines = (world.repo / "a.txt").read_text().splitlines()
    world.task("one", a__txt="\n".join(["first", *lines[1:]]) + "\n")
    world.commit("main", a__txt="\n".join([*lines[:-1], "last"]) + "\n")
    world.git("branch", "trial")
    real = plan.Draft.made
    taken: list[str] = []

    def made(draft: plan.Draft, failed: tuple[Failed, ...] = ()) -> Plan:
        done = real(draft, failed)
        if not taken:
            taken.append(world.rev(f"{done.after}:a.txt"))
            (world.repo / ".git" / "objects" / taken[0][:2] / taken[0][2:]).unlink()
        return done

    monkeypatch.setattr(plan.Draft, "made", made)
    world.ok("merge", "one", "--into", "trial")
    assert world.rev("trial:a.txt") == taken[0]
    world.check_sound()
