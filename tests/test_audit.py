"""The audit of planned merges: it tells a change that was not kept, and is silent about every honest merge."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par import discovery
from git_par.landing import audit, message, plan, trees
from git_par.landing.audit import Alarm, Step, judge
from git_par.landing.jobs import Way
from git_par.landing.planned import Plan, Strategy
from git_par.landing.select import Item
from git_par.repo import Repo
from git_par.state.session import Session
from tests.world import World

GONE = ("000000", "0" * 40)
_CHANGES = st.one_of(
    st.just(GONE), st.tuples(st.sampled_from(["100644", "100755", "120000"]), st.sampled_from(["a" * 40, "b" * 40]))
)
_DIFFS = st.dictionaries(st.sampled_from("pqrstuvw"), _CHANGES)


def honest(ours: audit.Diff, theirs: audit.Diff) -> dict[str, audit.Change]:
    """What a merge changes on top of ours: whatever only theirs changed."""
    return {path: change for path, change in theirs.items() if path not in ours}


@given(ours=_DIFFS, theirs=_DIFFS, both=_CHANGES)
def test_a_merge_that_keeps_every_one_sided_change_never_alarms(
    ours: audit.Diff, theirs: audit.Diff, both: audit.Change
) -> None:
    result = honest(ours, theirs)
    assert judge(ours, theirs, result, set()) == []
    # What both changed may become anything: that is what merging is.
    result.update({path: both for path in theirs if path in ours})
    assert judge(ours, theirs, result, set()) == []


@given(ours=_DIFFS, theirs=_DIFFS, pick=st.randoms(use_true_random=False))
def test_a_dropped_change_of_theirs_always_alarms(ours: audit.Diff, theirs: audit.Diff, pick: object) -> None:
    result = honest(ours, theirs)
    for path in sorted(result):
        wrong = {one: change for one, change in result.items() if one != path}
        assert [alarm.path for alarm in judge(ours, theirs, wrong, set())] == [path]
        assert judge(ours, theirs, wrong, {path}) == []


@given(ours=_DIFFS, theirs=_DIFFS, other=_CHANGES)
def test_a_change_that_nobody_made_always_alarms(ours: audit.Diff, theirs: audit.Diff, other: audit.Change) -> None:
    result = honest(ours, theirs)
    for path in "pqrstuvw":
        if path in ours and path in theirs:
            continue
        wrong = {**result, path: other}
        told = [alarm.path for alarm in judge(ours, theirs, wrong, set())]
        assert told == ([] if result.get(path) == other else [path])


def test_alarms_say_what_should_be_there_and_what_is() -> None:
    ours, theirs = {"mine": ("100644", "a" * 40)}, {"yours": GONE, "theirs": ("100755", "b" * 40)}
    told = judge(ours, theirs, {"mine": GONE, "yours": ("100644", "c" * 40)}, set())
    assert [str(alarm) for alarm in told] == [
        "'mine' should be as it was, is deleted",
        "'yours' should be deleted, is cccccccc (100644)",
        "'theirs' should be bbbbbbbb (100755), is as it was",
    ]


# on real commits


def found(world: World) -> Repo:
    return discovery.find(world.repo)


def build(world: World, start: str, parents: list[str], change: Callable[[], None]) -> str:
    """A commit with `parents` and the files of `start` after `change`."""
    world.git("checkout", "-q", "-f", "--detach", start)
    world.git("clean", "-qfd")
    change()
    world.git("add", "--all")
    tree = world.git("write-tree")
    return world.git("commit-tree", "-m", "made", *(word for parent in parents for word in ("-p", parent)), tree)


@pytest.fixture
def forked(world: World) -> tuple[World, str, str, str]:
    """Two sides of a fork, and the honest merge of them; nothing was changed by both."""
    for name in ("ours", "theirs", "both-left-alone", "kept-by-ours", "dropped-by-ours", "dropped-by-theirs", "moved"):
        world.write(f"{name}.txt", "".join(f"{name} {line}\n" for line in range(10)))
    root = world.commit("root")

    def our_side() -> None:
        world.write("ours.txt", "changed by ours\n")
        world.write("added-by-ours.txt", "ours\n")
        (world.repo / "dropped-by-ours.txt").unlink()

    def their_side() -> None:
        world.write("theirs.txt", "changed by theirs\n")
        world.write("added-by-theirs.txt", "theirs\n")
        (world.repo / "dropped-by-theirs.txt").unlink()
        (world.repo / "moved.txt").rename(world.repo / "moved-away.txt")

    ours = build(world, root, [root], our_side)
    theirs = build(world, root, [root], their_side)
    world.git("checkout", "-q", "-f", "--detach", ours)
    world.git("merge", "-q", "--no-edit", theirs)
    honest_merge = world.rev("HEAD")
    assert audit.check(found(world), [[Step((root,), ours, theirs, honest_merge)]]).alarms == ((),)
    return world, root, ours, theirs


@pytest.mark.parametrize(
    ("path", "content", "alarm"),
    [
        ("ours.txt", "".join(f"ours {line}\n" for line in range(10)), "should be as it was, is"),
        ("theirs.txt", "".join(f"theirs {line}\n" for line in range(10)), "is as it was"),
        ("added-by-ours.txt", None, "should be as it was, is deleted"),
        ("added-by-theirs.txt", None, "is as it was"),
        ("both-left-alone.txt", None, "should be as it was, is deleted"),
        ("both-left-alone.txt", "changed by the merge\n", "should be as it was, is"),
        ("dropped-by-ours.txt", "back\n", "should be as it was, is"),
        (
            "dropped-by-theirs.txt",
            "".join(f"dropped-by-theirs {line}\n" for line in range(10)),
            "should be deleted, is as it was",
        ),
        ("out-of-nowhere.txt", "new\n", "should be as it was, is"),
    ],
)
def test_a_merge_commit_that_does_not_keep_a_file_alarms(
    forked: tuple[World, str, str, str], path: str, content: str | None, alarm: str
) -> None:
    world, root, ours, theirs = forked

    def spoil() -> None:
        world.git("merge", "-q", "--no-commit", "--no-ff", theirs)
        if content is None:
            (world.repo / path).unlink()
        else:
            world.write(path, content)

    wrong = build(world, ours, [ours, theirs], spoil)
    findings = audit.check(found(world), [[Step((root,), ours, theirs, wrong)]])
    assert [one.path for one in findings.alarms[0]] == [path]
    assert alarm in str(findings.alarms[0][0])
    assert findings.exempt == ()


def test_a_wrong_merge_base_alarms(world: World) -> None:
    """The mistake that takes back earlier work: the second task merged as if the first had been in its history."""
    world.git("checkout", "-q", "-b", "one")
    first = world.commit("one", one__txt="1\n")
    world.git("checkout", "-q", "-b", "two", "main")
    second = world.commit("two", two__txt="2\n")
    root = world.rev("main")
    two_alone = world.git("commit-tree", "-m", "m", "-p", first, "-p", second, f"{second}^{{tree}}")
    findings = audit.check(found(world), [[Step((root,), first, second, two_alone)]])
    assert findings.alarms == ((Alarm("one.txt", "as it was", "deleted"),),)


def test_a_path_that_a_rename_moved_is_listed_and_not_judged(world: World) -> None:
    world.write("old.txt", "".join(f"line {number}\n" for number in range(30)))
    root = world.commit("root")
    world.git("checkout", "-q", "-b", "mover")
    world.git("mv", "old.txt", "new.txt")
    mover = world.commit("move")
    world.git("checkout", "-q", "-b", "editor", root)
    editor = world.commit("edit", old__txt="".join(f"line {number}\n" for number in range(30)) + "more\n")
    world.git("merge", "-q", "--no-edit", mover)
    findings = audit.check(found(world), [[Step((root,), editor, mover, world.rev("HEAD"))]])
    assert findings.alarms == ((),)
    assert findings.exempt == ("new.txt",)


def test_a_file_put_into_a_renamed_directory_is_listed_and_not_judged(world: World) -> None:
    world.git("config", "merge.directoryRenames", "true")
    for number in range(3):
        world.write(f"old/{number}.txt", f"{number}\n" * 9)
    root = world.commit("root")
    world.git("checkout", "-q", "-b", "mover")
    world.git("mv", "old", "new")
    mover = world.commit("move")
    world.git("checkout", "-q", "-b", "adder", root)
    adder = world.commit("add", None, **{"old/more": "more\n"})
    world.git("merge", "-q", "--no-edit", mover)
    assert (world.repo / "new" / "more").exists()
    findings = audit.check(found(world), [[Step((root,), adder, mover, world.rev("HEAD"))]])
    assert findings.alarms == ((),)
    assert findings.exempt == ("new/more", "old/more")


def test_a_renamed_directory_does_not_excuse_a_file_that_was_there_before(world: World) -> None:
    """A file moved out of the top directory must not blind the audit to everything else."""
    world.write("other.txt", "other\n" * 9)
    world.write("victim.txt", "victim\n")
    root = world.commit("root")
    world.git("checkout", "-q", "-b", "mover")
    (world.repo / "src").mkdir()
    world.git("mv", "other.txt", "src/other.txt")
    mover = world.commit("move")
    world.git("checkout", "-q", "-b", "editor", root)
    editor = world.commit("edit", victim__txt="edited\n")
    wrong = world.git("commit-tree", "-m", "m", "-p", mover, "-p", editor, f"{mover}^{{tree}}")
    (alarms,) = audit.check(found(world), [[Step((root,), mover, editor, wrong)]]).alarms
    assert [alarm.path for alarm in alarms] == ["victim.txt"]


def test_where_several_merge_bases_differ_nothing_is_judged(world: World) -> None:
    world.git("checkout", "-q", "-b", "side")
    side = world.commit("side", b__txt="side\n")
    world.git("checkout", "-q", "main")
    main = world.commit("main", c__txt="main\n")
    world.git("merge", "-q", "--no-edit", side)
    world.git("checkout", "-q", "side")
    world.git("merge", "-q", "--no-edit", main)
    theirs = world.commit("more", d__txt="d\n")
    ours = world.rev("main")
    roots = tuple(world.git("merge-base", "--all", ours, theirs).split())
    assert set(roots) == {side, main}
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--no-edit", "side")
    merged = world.rev("HEAD")
    assert audit.check(found(world), [[Step(roots, ours, theirs, merged)]]).alarms == ((),)
    # What is the same in all of them is.
    wrong = world.git("commit-tree", "-m", "m", "-p", ours, "-p", theirs, f"{ours}^{{tree}}")
    (alarms,) = audit.check(found(world), [[Step(roots, ours, theirs, wrong)]]).alarms
    assert [alarm.path for alarm in alarms] == ["d.txt"]


def test_every_step_of_a_chain_is_judged_on_its_own(world: World) -> None:
    root = world.rev("main")
    steps, tip = [], root
    for name in ("one", "two", "three"):
        world.git("checkout", "-q", "-b", name, root)
        theirs = world.commit(name, None, **{f"{name}__txt": name})
        tree = trees.merge(found(world), tip, theirs).tree if name != "two" else f"{tip}^{{tree}}"
        merged = world.git("commit-tree", "-m", "m", "-p", tip, "-p", theirs, tree)
        steps.append(Step((root,), tip, theirs, merged))
        tip = merged
    assert [len(alarms) for alarms in audit.check(found(world), [[step] for step in steps]).alarms] == [0, 1, 0]


def test_names_that_look_like_the_format_are_read_right(world: World) -> None:
    names = [":100644 x", "new\nline", " lead", "-x", "tab\t", f"{'0' * 40} {'1' * 40}\nx", "ü"]
    root = world.rev("main")
    world.git("checkout", "-q", "-b", "side")
    for name in names:
        world.write(name, name)
    side = world.commit("side")
    world.git("checkout", "-q", "main")
    ours = world.commit("main")
    good = world.git("commit-tree", "-m", "m", "-p", ours, "-p", side, f"{side}^{{tree}}")
    assert audit.check(found(world), [[Step((root,), ours, side, good)]]).alarms == ((),)
    bad = world.git("commit-tree", "-m", "m", "-p", ours, "-p", side, f"{ours}^{{tree}}")
    (alarms,) = audit.check(found(world), [[Step((root,), ours, side, bad)]]).alarms
    assert {alarm.path for alarm in alarms} == set(names)


# in a plan


def spoil_merge_of(monkeypatch: pytest.MonkeyPatch, tip: str) -> None:
    """Make the merge of `tip` answer with the tree it came to: as if the merge had dropped everything."""
    real = trees.merge

    def merge(repo: Repo, ours: str, theirs: str, **how: Any) -> trees.Result:
        return trees.Result(trees.tree_of(repo, ours)) if theirs == tip else real(repo, ours, theirs, **how)

    monkeypatch.setattr(trees, "merge", merge)


def test_a_plan_leaves_out_the_one_that_fails_the_audit(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    root = world.rev("main")
    ready = []
    for name in ("one", "two", "three"):
        world.git("checkout", "-q", "-b", name, root)
        ready.append((Item(name, name), world.commit(name, None, **{f"{name}__txt": name})))
    spoil_merge_of(monkeypatch, ready[1][1])
    session = Session(("merge",), lambda _: None)
    monkeypatch.chdir(world.repo)
    way = Way(session.repo, Strategy.NO_FF, message.Words("main"))
    made: Plan = plan.Draft(session, way, "main", root, ready).made()
    assert [one.item.name for one in made.merged] == ["one", "three"]
    assert [(one.item.name, one.reason) for one in made.skipped] == [("two", "audit")]
    assert world.git("ls-tree", "--name-only", made.after).split() == [".gitignore", "a.txt", "one.txt", "three.txt"]


def test_merge_lands_the_others_and_says_why(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    before = world.rev("main")
    spoil_merge_of(monkeypatch, world.rev("two"))
    done = world.par("merge", "--all")
    kept = world.git("rev-parse", "two:two.txt")[:8]
    assert (done.status, done.out) == (
        1,
        f"main: 2 merged, 1 left out ({before[:8]}..{world.rev('main')[:8]})\n"
        "  merged      one\n"
        "  merged      three\n"
        "  left out    two: the merge would not keep a change as it is: "
        f"'two.txt' should be {kept} (100644), is as it was\n",
    )
    assert done.err == (
        "hint: two: look at it by hand: git merge --no-commit two\n"
        "hint: git par prune would remove 2 tasks, unless in use\n"
    )
    assert not (world.repo / "two.txt").exists()
    world.check_sound()


def test_a_rename_of_what_only_one_of_several_merge_bases_has_is_no_alarm(world: World) -> None:
    """Two bases; theirs renames a file that came with the second, ours makes it executable."""
    root = world.rev("HEAD")

    def only_first() -> None:
        world.write("first.txt", "first\n")

    def only_second() -> None:
        world.write("second.txt", "second\n" * 9)

    first, second = build(world, root, [root], only_first), build(world, root, [root], only_second)

    def both() -> None:
        only_first()
        only_second()

    def executable() -> None:
        both()
        (world.repo / "second.txt").chmod(0o755)

    def renamed() -> None:
        both()
        (world.repo / "second.txt").rename(world.repo / "moved.txt")

    ours = build(world, root, [first, second], executable)
    theirs = build(world, root, [first, second], renamed)
    merged = trees.merge(found(world), ours, theirs)
    assert "100755" in world.git("ls-tree", merged.tree, "moved.txt")
    result = world.git("commit-tree", "-m", "merged", "-p", ours, "-p", theirs, merged.tree)
    for roots in ((first, second), (second, first)):
        told = audit.check(found(world), [[Step(roots, ours, theirs, result)]])
        assert (told.alarms, told.exempt) == (((),), ("moved.txt",))
