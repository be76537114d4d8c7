"""Land, work on, land again; and the other ways in which a rebase and a squash meet what landed before."""

from pathlib import Path

import pytest

from tests.world import World, edited

STRATEGIES = ("--no-ff", "--ff", "--squash", "--rebase")
TEXT = "".join(f"line {number}\n" for number in range(1, 21))


@pytest.mark.parametrize("second", STRATEGIES)
@pytest.mark.parametrize("first", STRATEGIES)
def test_landed_and_worked_on_further_asks_nothing_twice(world: World, first: str, second: str) -> None:
    path = world.task("t", a__txt=edited(l3="first"))
    world.commit("main before", b__txt="b\n")
    world.ok("merge", "t", first)
    world.commit("main after", c__txt="c\n")
    world.commit("further", cwd=path, a__txt=edited(l3="second", l9="more"))
    done = world.ok("merge", "t", second)
    assert "1 merged" in done.out
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="second", l9="more")
    assert world.git("ls-tree", "--name-only", "main").split() == [".gitignore", "a.txt", "b.txt", "c.txt"]
    assert world.listed("t")["state"] == "landed"
    assert world.ok("merge", "t", second).out.startswith("main: 1 already in")
    world.ok("prune")
    assert world.branches() == ["main"]


@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_further_work_that_collides_with_the_base_since_then_is_a_conflict(world: World, first: str) -> None:
    path = world.task("t", a__txt=edited(l3="first"))
    world.ok("merge", "t", first)
    world.commit("main after", a__txt=edited(l3="main's own"))
    world.commit("further", cwd=path, a__txt=edited(l3="second"))
    done = world.par("merge", "t")
    assert (done.status, "conflict    t: a.txt (with main)" in done.out) == (1, True)


@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_once_the_task_has_its_landing_git_finds_the_merge_base(world: World, first: str) -> None:
    path = world.task("t", a__txt=edited(l3="first"))
    world.commit("main before", b__txt="b\n")
    world.ok("merge", "t", first)
    world.git("merge", "-q", "--no-edit", "main", cwd=path)
    world.commit("further", cwd=path, a__txt=edited(l3="second"))
    world.ok("merge", "t")
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="second")


@pytest.mark.parametrize("second", STRATEGIES)
def test_what_is_stacked_on_a_squashed_or_rebased_task_follows_it(world: World, second: str) -> None:
    below = world.task("below", a__txt=edited(l3="below"))
    above = world.ok("add", "above", cwd=below).out.strip()
    world.commit("work above", cwd=Path(above), a__txt=edited(l3="above"))
    world.commit("main", b__txt="b\n")
    done = world.ok("merge", "below", "above", second)
    assert "2 merged" in done.out
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="above")


def test_a_rebase_keeps_each_commit_with_its_author_and_message(world: World) -> None:
    path = world.add("t")[0]
    author = {"GIT_AUTHOR_NAME": "Ämy", "GIT_AUTHOR_EMAIL": "amy@x.org", "GIT_AUTHOR_DATE": "2020-02-03T04:05:06+0730"}
    for number in (1, 2):
        world.write(f"{number}.txt", f"{number}\n", cwd=path)
        world.git("add", "--all", cwd=path)
        world.git(
            "commit",
            "-q",
            "-m",
            f"step {number}\n\nwith a body, ümlaut\n\n# and a line like a comment",
            cwd=path,
            env=author,
        )
    world.git("commit", "-q", "--allow-empty", "-m", "meant to be empty", cwd=path)
    world.commit("main goes on", b__txt="b\n")
    world.ok("merge", "t", "--rebase")
    form = "--format=%an|%ae|%aI|%B"
    assert world.git("log", form, "-3", "main") == world.git("log", form, "-3", "t")
    assert world.git("rev-list", "--merges", "main") == ""
    assert world.git("rev-list", "--count", "main") == "5"


def test_a_rebase_leaves_a_task_that_is_up_to_date_as_it_is(world: World) -> None:
    world.task("t")
    world.ok("merge", "t", "--rebase")
    assert world.rev("main") == world.rev("t")


def test_a_rebase_drops_what_the_base_has_already(world: World) -> None:
    path = world.task("t")
    world.commit("only here", cwd=path, more__txt="more\n")
    world.git("cherry-pick", "t~1")
    world.commit("main goes on", b__txt="b\n")
    world.ok("merge", "t", "--rebase")
    assert world.git("log", "--format=%s", "main").splitlines() == ["only here", "main goes on", "work of t", "first"]


def test_a_rebase_of_what_is_all_there_already_moves_nothing(world: World) -> None:
    world.task("t")
    world.commit("main goes on", b__txt="b\n")
    world.git("cherry-pick", "t")
    before = world.rev("main")
    done = world.ok("merge", "t", "--rebase")
    assert (done.out, world.rev("main")) == ("main: 1 already in\n  already in  t: it adds nothing\n", before)


def test_a_rebase_replays_everything_up_to_the_last_merge_of_the_base_as_one(world: World) -> None:
    """A conflict that was solved in that merge is not asked again."""
    path = world.task("t", a__txt=edited(l3="task"))
    world.commit("second step", cwd=path, t__txt="t\n")
    world.commit("main", a__txt=edited(l3="main"))
    assert world.try_git("merge", "main", cwd=path).status == 1
    world.commit("solved", cwd=path, a__txt=edited(l3="both"))
    world.commit("after", cwd=path, after__txt="after\n")
    world.commit("main goes on", b__txt="b\n")
    world.ok("merge", "t", "--rebase")
    assert world.git("log", "--format=%s", "-3", "main").splitlines() == ["after", "Squash branch 't'", "main goes on"]
    assert world.git("log", "-1", "--format=%b", "main~1") == "* work of t\n* second step\n"
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="both")


def test_a_rebase_that_conflicts_names_the_files(world: World) -> None:
    world.task("t", a__txt=edited(l3="task"))
    world.commit("main", a__txt=edited(l3="main"))
    done = world.par("merge", "t", "--rebase")
    assert (done.status, "conflict    t: a.txt (with main)" in done.out) == (1, True)


def test_clocks_that_are_wrong_do_not_bring_commits_twice(world: World) -> None:
    """Git's rev-list gives up too early on a base whose last commits are dated long before the fork."""
    for number in range(3):
        world.commit(f"good {number}", None, **{f"good{number}": "x\n"})
    world.task("t")
    early = {"GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z", "GIT_AUTHOR_DATE": "2001-01-01T00:00:00Z"}
    for number in range(12):
        world.git("commit", "-q", "--allow-empty", "-m", f"early {number}", env=early)
    for strategy in ("--squash", "--rebase"):
        world.git("branch", "-f", "trial", "main")
        done = world.ok("merge", "t", strategy, "--into", "trial")
        assert "1 merged" in done.out
        assert world.git("rev-list", "--count", "main..trial") == "1"
        assert world.git("log", "-1", "--format=%B", "trial") == "work of t\n"


@pytest.mark.parametrize("second", STRATEGIES)
def test_what_the_base_took_back_stays_so_when_a_task_had_merged_it(world: World, second: str) -> None:
    """Above a squashed task the squash is no merge base alone: what came in by a merge of the base counts too."""
    world.task("below")
    above = Path(world.ok("add", "above", "--from", "below").out.strip())
    world.commit("for a while", flag__txt="on\n")
    world.git("merge", "-q", "--no-edit", "main", cwd=above)
    world.commit("work above", cwd=above, above__txt="above\n")
    world.git("revert", "--no-edit", "main")
    done = world.ok("merge", "below", "above", second)
    assert "2 merged" in done.out
    assert world.git("ls-tree", "--name-only", "main").split() == [".gitignore", "a.txt", "above.txt", "below.txt"]


@pytest.mark.parametrize("second", STRATEGIES)
@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_what_is_stacked_on_a_task_that_landed_earlier_asks_nothing_twice(
    world: World, first: str, second: str
) -> None:
    below = world.task("below", a__txt=edited(l3="below"))
    above = world.ok("add", "above", cwd=below).out.strip()
    world.commit("work above", cwd=Path(above), a__txt=edited(l3="above"))
    world.commit("main", b__txt="b\n")
    world.ok("merge", "below", first)
    world.ok("merge", "above", second, "--into", "main")
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="above")


def test_what_is_stacked_on_a_task_that_adds_nothing_asks_nothing_twice(world: World) -> None:
    below = world.task("below", a__txt=edited(l3="below"))
    above = world.ok("add", "above", cwd=below).out.strip()
    world.commit("work above", cwd=Path(above), a__txt=edited(l3="above"))
    world.commit("the same, and more", a__txt=edited(l3="below", l15="main"))
    done = world.ok("merge", "below", "above", "--squash")
    assert "1 merged, 1 already in" in done.out
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="above", l15="main")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_conflict_is_with_none_that_the_task_stands_on(world: World, strategy: str) -> None:
    world.task("other", a__txt=edited(l3="other"))
    below = world.task("below", a__txt=edited(l15="below"))
    above = world.ok("add", "above", cwd=below).out.strip()
    world.commit("work above", cwd=Path(above), a__txt=edited(l3="above", l15="below"))
    done = world.par("merge", "other", "below", "above", strategy)
    assert "  conflict    above: a.txt (with other)\n" in done.out


@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_a_conflict_is_not_with_the_base_for_what_the_task_brought_itself(world: World, first: str) -> None:
    path = world.task("t", a__txt=edited(l15="t"))
    world.commit("main before", b__txt="b\n")
    world.ok("merge", "t", first)
    world.task("other", a__txt=edited(l3="other", l15="t"))
    world.commit("further", cwd=path, a__txt=edited(l3="further", l15="t"))
    done = world.par("merge", "other", "t")
    assert "  conflict    t: a.txt (with other)\n" in done.out


@pytest.mark.parametrize("second", STRATEGIES)
@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_a_task_reset_to_a_part_of_what_landed_is_in_and_can_go_on_from_there(
    world: World, first: str, second: str
) -> None:
    path = world.task("t", a__txt=edited(l3="first"))
    world.commit("more", cwd=path, a__txt=edited(l3="second"))
    world.commit("main before", b__txt="b\n")
    world.ok("merge", "t", first)
    world.git("reset", "-q", "--hard", "HEAD~", cwd=path)
    assert world.ok("merge", "t", second).out.startswith("main: 1 already in")
    world.commit("another way", cwd=path, a__txt=edited(l3="first", l9="nine"))
    assert "1 merged" in world.ok("merge", "t", second).out
    assert world.git("show", "main:a.txt") + "\n" == edited(l3="second", l9="nine")
