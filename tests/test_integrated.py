"""What counts as integrated: histories made with plain git, and the one reason or the plain no for each."""

from pathlib import Path

import pytest

from git_par import discovery
from git_par.landing import integrated
from git_par.landing.integrated import Verdict
from git_par.state.tasks import Landed
from tests.world import World, edited

LINES = [f"line {number}\n" for number in range(1, 21)]


def verdict(world: World, tip: str = "task", base: str = "main", landed: Landed | None = None) -> Verdict:
    repo = discovery.find(world.repo)
    return integrated.verdict(repo, world.rev(tip), integrated.targets(repo, base), landed)


def says(reason: str | None, into: str | None = "main") -> Verdict:
    return Verdict(reason=reason, into=into if reason else None)


def on(world: World, branch: str, message: str, **files: str) -> str:
    """A commit on `branch`, which is made from main when it is not there."""
    if branch not in world.branches():
        world.git("branch", branch, "main")
    world.git("checkout", "-q", branch)
    return world.commit(message, None, **files)


def land(world: World, branch: str = "task", onto: str = "main") -> str:
    world.git("checkout", "-q", onto)
    world.git("merge", "-q", "--no-ff", "--no-edit", branch)
    return world.rev("HEAD")


def squash(world: World, branch: str = "task", onto: str = "main") -> str:
    world.git("checkout", "-q", onto)
    world.git("merge", "-q", "--squash", branch)
    world.git("commit", "-q", "-m", "squashed")
    return world.rev("HEAD")


# the reasons, from cheap to dear


def test_same_commit(world: World) -> None:
    world.git("branch", "task")
    assert verdict(world) == says("same-commit")


def test_ancestor_after_a_merge(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    land(world)
    on(world, "main", "later", c__txt="c\n")
    assert verdict(world) == says("ancestor")


def test_ancestor_after_a_fast_forward(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--ff-only", "task")
    on(world, "main", "later", c__txt="c\n")
    assert verdict(world) == says("ancestor")


def test_same_tree_after_a_squash(world: World) -> None:
    on(world, "task", "one", b__txt="b\n")
    on(world, "task", "two", c__txt="c\n")
    squash(world)
    assert verdict(world) == says("same-tree")


def test_no_added_changes_when_the_task_took_its_own_work_back(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    world.git("revert", "--no-edit", "HEAD")
    on(world, "main", "meanwhile", c__txt="c\n")
    assert verdict(world) == says("no-added-changes")


def test_merging_adds_nothing_after_a_squash_and_work_elsewhere(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    squash(world)
    on(world, "main", "later", c__txt="c\n")
    assert verdict(world) == says("merge-adds-nothing")


def test_merging_adds_nothing_after_a_rebase_merge(world: World) -> None:
    on(world, "task", "one", b__txt="b\n")
    on(world, "task", "two", c__txt="c\n")
    on(world, "main", "meanwhile", d__txt="d\n")
    world.git("cherry-pick", "main..task")
    assert verdict(world) == says("merge-adds-nothing")


def test_same_patch_when_the_base_went_on_from_the_squash(world: World) -> None:
    """Merging again would bring the file back that the base has dropped since."""
    on(world, "task", "one", b__txt="b\n")
    on(world, "task", "two", c__txt="c\n")
    on(world, "main", "meanwhile", d__txt="d\n")
    squash(world)
    world.git("rm", "-q", "b.txt")
    on(world, "main", "b is not needed any more")
    assert verdict(world) == says("same-patch")


def test_landed_by_the_record(world: World) -> None:
    """Where history tells nothing: the landing was changed afterwards in the same lines."""
    tip = on(world, "task", "work", a__txt=edited(l3="task"))
    commit = squash(world)
    on(world, "main", "later", a__txt=edited(l3="task, and then the base"))
    assert verdict(world) == Verdict(conflict=True)
    assert verdict(world, landed=Landed(tip, commit, "main")) == says("landed")


def test_the_record_of_an_older_tip_or_of_a_lost_commit_says_nothing(world: World) -> None:
    tip = on(world, "task", "work", b__txt="b\n")
    before = world.rev("main")
    commit = squash(world)
    newer = on(world, "task", "more", c__txt="c\n")
    assert verdict(world, landed=Landed(tip, commit, "main")) == says(None)
    world.git("branch", "-f", "main", before)
    assert verdict(world, landed=Landed(newer, commit, "main")) == says(None)


# no


def test_new_work_is_not_integrated(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    assert verdict(world) == says(None)
    on(world, "main", "meanwhile", c__txt="c\n")
    assert verdict(world) == says(None)


def test_work_on_top_of_what_landed_is_not_integrated(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    land(world)
    on(world, "task", "more", b__txt="b\nmore\n")
    assert verdict(world) == says(None)


def test_a_conflict_means_no(world: World) -> None:
    on(world, "task", "work", a__txt=edited(l3="task"))
    on(world, "main", "other", a__txt=edited(l3="main"))
    assert verdict(world) == Verdict(conflict=True)


def test_a_squash_that_the_base_edited_afterwards_means_no(world: World) -> None:
    on(world, "task", "work", a__txt=edited(l3="task"))
    squash(world)
    on(world, "main", "later", a__txt=edited(l3="later"))
    assert verdict(world) == Verdict(conflict=True)


def test_a_part_of_the_work_is_not_all_of_it(world: World) -> None:
    first = on(world, "task", "one", b__txt="b\n")
    on(world, "task", "two", c__txt="c\n")
    world.git("checkout", "-q", "main")
    world.git("cherry-pick", first)
    assert verdict(world) == says(None)


def test_unrelated_history_is_not_integrated(world: World) -> None:
    world.git("checkout", "-q", "--orphan", "task")
    world.commit("another root", b__txt="b\n")
    assert verdict(world) == says(None)


def test_a_base_that_is_gone_integrates_nothing(world: World) -> None:
    world.git("branch", "task")
    assert verdict(world, base="gone") == says(None)


def test_the_same_patch_elsewhere_in_the_file_is_not_the_task(world: World) -> None:
    """A patch-id does not know line numbers: the same change to another of several equal blocks has the same one."""
    block = "begin\n a\n b\n c\n value\n d\n e\n f\nend\n"
    changed = block.replace("value", "other value")
    on(world, "main", "blocks", blocks__txt=block * 9)
    on(world, "task", "the eighth", blocks__txt=block * 7 + changed + block)
    on(world, "main", "the second", blocks__txt=block + changed + block * 7)
    assert verdict(world) == says(None)


def test_the_same_patch_but_for_white_space_is_not_the_task(world: World) -> None:
    """Nor does it know white space, which is what Python and Makefiles are made of."""
    code = "def f():\n    if x:\n        a()\n    # end of if\n    # and more\n    # and more\n    # and more\n"
    task = code.replace("    # end of if\n", "        b()\n    # end of if\n")
    main = code.replace("    # end of if\n", "    b()\n    # end of if\n")
    on(world, "main", "code", f__py=code)
    on(world, "task", "b, if x", f__py=task)
    on(world, "main", "b, always", f__py=main)
    on(world, "main", "back again", f__py=code)
    assert verdict(world) == says(None)


def test_another_binary_file_of_the_same_name_is_not_the_task(world: World) -> None:
    world.git("checkout", "-q", "-b", "task")
    (world.repo / "b.bin").write_bytes(b"\0task")
    world.commit("work")
    world.git("checkout", "-q", "main")
    (world.repo / "b.bin").write_bytes(b"\0main")
    world.commit("other")
    (world.repo / "b.bin").unlink()
    world.commit("gone")
    assert verdict(world) == says(None)


def test_a_change_of_mode_alone_is_work_too(world: World) -> None:
    world.git("checkout", "-q", "-b", "task")
    world.git("update-index", "--chmod=+x", "a.txt")
    world.git("commit", "-qm", "executable")
    world.git("checkout", "-q", "-f", "main")
    on(world, "main", "meanwhile", c__txt="c\n")
    assert verdict(world) == says(None)


# many files


def many(world: World, count: int) -> None:
    world.git("checkout", "-q", "-b", "task")
    for number in range(count):
        world.write(f"many/{number:04} ü.txt", f"{number}\n")
    world.commit("many")


@pytest.mark.parametrize("dropped", [0, 249])
def test_a_squash_of_many_files_is_found(world: World, dropped: int) -> None:
    many(world, 250)
    on(world, "main", "meanwhile", d__txt="d\n")
    squash(world)
    world.git("rm", "-q", f"many/{dropped:04} ü.txt")
    world.commit("one is not needed any more")
    assert verdict(world) == says("same-patch")


def test_a_part_of_a_squash_of_many_files_is_not_taken_for_it(world: World) -> None:
    many(world, 250)
    world.git("checkout", "-q", "main")
    world.git("checkout", "-q", "task", "--", *(f"many/{number:04} ü.txt" for number in range(200)))
    world.commit("the first 200")
    assert verdict(world) == says(None)


# upstream


@pytest.fixture
def followed(world: World) -> World:
    """main follows origin/main."""
    world.git("init", "-q", "--bare", str(world.root / "origin.git"))
    world.git("remote", "add", "origin", str(world.root / "origin.git"))
    world.git("push", "-q", "-u", "origin", "main")
    return world


def test_a_pull_request_merged_upstream_counts(followed: World) -> None:
    world = followed
    on(world, "task", "work", b__txt="b\n")
    world.git("checkout", "-q", "-b", "elsewhere", "main")
    squash(world, onto="elsewhere")
    world.git("push", "-q", "origin", "elsewhere:main")
    assert verdict(world) == says("same-tree", "origin/main")


def test_an_upstream_that_is_behind_or_apart_does_not_count(followed: World) -> None:
    world = followed
    on(world, "task", "work", b__txt="b\n")
    world.git("push", "-q", "origin", "task:main")
    on(world, "main", "apart", c__txt="c\n")
    assert verdict(world) == says(None)


def test_the_base_itself_is_asked_first(followed: World) -> None:
    world = followed
    on(world, "task", "work", b__txt="b\n")
    land(world)
    world.git("push", "-q", "origin", "main")
    assert verdict(world) == says("ancestor", "main")


def test_an_upstream_that_is_gone_is_no_hindrance(followed: World) -> None:
    world = followed
    on(world, "task", "work", b__txt="b\n")
    land(world)
    world.git("update-ref", "-d", "refs/remotes/origin/main")
    assert verdict(world) == says("ancestor")


# reverts


def revert(world: World, commit: str, *args: str) -> str:
    world.git("checkout", "-q", "main")
    world.git("revert", "--no-edit", *args, commit)
    return world.rev("HEAD")


def test_a_reverted_merge_is_reverted_until_the_revert_is(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    taken_back = revert(world, land(world), "-m", "1")
    assert verdict(world) == Verdict(reverted=True)
    on(world, "main", "later", c__txt="c\n")
    assert verdict(world) == Verdict(reverted=True)
    again = revert(world, taken_back)
    assert verdict(world) == says("ancestor")
    revert(world, again)
    assert verdict(world) == Verdict(reverted=True)


def test_work_on_top_of_a_reverted_landing_is_plainly_not_integrated(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    revert(world, land(world), "-m", "1")
    on(world, "task", "more", c__txt="c\n")
    assert verdict(world) == says(None)


def test_the_revert_of_another_task_is_no_matter(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    on(world, "other", "work", c__txt="c\n")
    land(world)
    revert(world, land(world, "other"), "-m", "1")
    assert verdict(world) == says("ancestor")
    assert verdict(world, "other") == Verdict(reverted=True)


def test_a_reverted_squash_is_reverted_by_the_record(world: World) -> None:
    tip = on(world, "task", "work", b__txt="b\n")
    on(world, "main", "meanwhile", d__txt="d\n")
    commit = squash(world)
    taken_back = revert(world, commit)
    landed = Landed(tip, commit, "main")
    assert verdict(world, landed=landed) == Verdict(reverted=True)
    revert(world, taken_back)
    assert verdict(world, landed=landed) == says("landed")


def test_a_reverted_squash_is_reverted_without_a_record_too(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    on(world, "main", "meanwhile", d__txt="d\n")
    taken_back = revert(world, squash(world))
    assert verdict(world) == Verdict(reverted=True)
    revert(world, taken_back)
    assert verdict(world) == says("merge-adds-nothing")


def test_a_squash_made_again_after_its_revert_counts(world: World) -> None:
    on(world, "task", "work", b__txt="b\n")
    on(world, "main", "meanwhile", d__txt="d\n")
    revert(world, squash(world))
    squash(world)
    assert verdict(world) == says("merge-adds-nothing")


def test_a_reverted_fast_forward_is_reverted(world: World) -> None:
    tip = on(world, "task", "work", b__txt="b\n")
    world.git("checkout", "-q", "main")
    world.git("merge", "-q", "--ff-only", "task")
    taken_back = revert(world, tip)
    assert verdict(world) == Verdict(reverted=True)
    revert(world, taken_back)
    assert verdict(world) == says("ancestor")


def test_the_revert_of_a_merge_takes_back_what_came_inside_it(world: World) -> None:
    """The task came in by way of an integration branch, and that one's merge was reverted."""
    on(world, "task", "work", b__txt="b\n")
    on(world, "integration", "other", c__txt="c\n")
    land(world, "task", onto="integration")
    revert(world, land(world, "integration"), "-m", "1")
    assert verdict(world) == Verdict(reverted=True)


def test_the_revert_of_older_work_of_the_base_is_no_matter(world: World) -> None:
    older = on(world, "main", "older", c__txt="c\n")
    on(world, "task", "work", b__txt="b\n")
    land(world)
    revert(world, older)
    assert verdict(world) == says("ancestor")


# nobody's configuration has a say


@pytest.mark.parametrize(
    "setting",
    [
        "diff.noprefix=true",
        "diff.mnemonicPrefix=true",
        "diff.context=0",
        "diff.interHunkContext=9",
        "diff.algorithm=patience",
        "color.diff=always",
        "color.ui=always",
        "diff.external=false",
        "diff.renames=copies",
        "diff.renames=false",
        "diff.orderFile=/no/such/file",
        "diff.relative=true",
        "diff.submodule=log",
        "diff.wordRegex=.",
        "diff.ignoreSubmodules=all",
        "diff.colorMoved=zebra",
        "diff.odd.command=false",
        "diff.odd.textconv=false",
        "log.follow=true",
        "log.showSignature=true",
        "log.diffMerges=on",
        "log.decorate=full",
        "log.date=relative",
        "format.pretty=fuller",
        "patchid.stable=false",
        "core.quotePath=false",
        "core.pager=false",
        "i18n.logOutputEncoding=latin1",
    ],
)
def test_a_users_configuration_does_not_change_the_answer(world: World, setting: str) -> None:
    on(world, "task", "one", b__txt="b\n", a__txt=edited(l3="task"))
    world.git("mv", "b.txt", "ü.txt")
    on(world, "task", "two", c__txt="c\n")
    on(world, "main", "meanwhile", a__txt=edited(l18="main"))
    squash(world)
    world.git("rm", "-q", "c.txt")
    on(world, "main", "c is not needed any more")
    world.git("config", *setting.split("=", 1))
    info = world.repo / ".git" / "info"
    info.mkdir(exist_ok=True)
    Path(info / "attributes").write_text("*.txt diff=odd\n")
    assert verdict(world) == says("same-patch")


# through the commands


def test_list_and_prune_go_by_it(world: World) -> None:
    """Landed by squash, the base went on in the same lines: only the record knows, and it is enough."""
    world.task("t", a__txt=edited(l3="task"))
    on(world, "main", "meanwhile", c__txt="c\n")
    world.ok("merge", "t", "--squash")
    on(world, "main", "later", a__txt=edited(l3="later"))
    told = world.listed("t")
    assert (told["state"], told["integrated"]) == ("landed", {"reason": "landed", "into": "main"})
    assert world.ok("prune").out == "removed t (merged)\n"


def test_a_reverted_task_is_listed_so_and_stays(world: World) -> None:
    world.task("t")
    world.ok("merge", "t")
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    told = world.listed("t")
    assert (told["state"], told["integrated"]) == ("reverted", None)
    done = world.par("prune")
    assert (done.status, done.out) == (0, "")
    assert done.err == "left t: its landing in main was reverted\nhint: git log main..t\n"
