"""Merges that need a checkout: hooks, merge drivers, attributes, submodules, recorded resolutions."""

import os
from pathlib import Path

import pytest

from tests.world import World

STRATEGIES = ("--no-ff", "--ff", "--squash", "--rebase")


@pytest.fixture
def tasks(world: World) -> World:
    """Two tasks that have diverged from main."""
    world.task("one")
    world.task("two")
    world.commit("main goes on", main__txt="main\n")
    return world


def test_hooks_of_a_merge_run_as_git_runs_them(tasks: World) -> None:
    log = tasks.root / "hooks.log"
    for name in ("pre-merge-commit", "prepare-commit-msg", "commit-msg", "pre-commit"):
        tasks.hook(name, f'echo "{name} $2 $(git rev-parse --abbrev-ref HEAD)" >> "{log}"')
    done = tasks.ok("merge", "--all", "--json")
    assert (
        log.read_text().splitlines()
        == [
            "pre-merge-commit  HEAD",
            "prepare-commit-msg merge HEAD",
            "commit-msg  HEAD",
        ]
        * 2
    )
    hooks = "hooks: pre-merge-commit, prepare-commit-msg, commit-msg"
    assert [one["private"] for one in done.json["merges"][0]["merged"]] == [hooks, hooks]
    assert tasks.git("log", "--first-parent", "--format=%s", "-2") == "Merge branch 'two'\nMerge branch 'one'"
    tasks.check_sound()


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_commit_msg_hook_has_its_say_in_every_message(tasks: World, strategy: str) -> None:
    tasks.hook("commit-msg", 'echo "Reviewed-by: hook" >> "$1"')
    tasks.hook("prepare-commit-msg", 'echo "Prepared-by: hook" >> "$1"')
    tasks.ok("merge", "--all", strategy)
    made = tasks.git("rev-list", "--first-parent", "-2", "main").split()
    for commit in made:
        assert "Prepared-by: hook" in tasks.git("log", "-1", "--format=%B", commit)
    assert tasks.git("ls-tree", "--name-only", "main").split() == [
        ".gitignore",
        "a.txt",
        "main.txt",
        "one.txt",
        "two.txt",
    ]


def test_a_hook_that_refuses_leaves_out_its_task(tasks: World) -> None:
    tasks.hook(
        "pre-merge-commit",
        'git diff --cached --name-only | grep -q one.txt && { echo "no ones" >&2; exit 1; }; exit 0',
    )
    done = tasks.par("merge", "--all")
    assert done.status == 1
    assert "  left out    one: its merge was refused: no ones\n" in done.out
    assert "hint: one: git merge one, on main, to see what stops it\n" in done.err
    assert tasks.git("log", "--first-parent", "--format=%s", "-1") == "Merge branch 'two'"
    tasks.check_sound()


def test_hooks_elsewhere_count_too(tasks: World) -> None:
    place = tasks.repo / "tools"
    place.mkdir()
    file = place / "commit-msg"
    file.write_text('#!/bin/sh\necho "Seen: yes" >> "$1"\n')
    file.chmod(0o755)
    tasks.commit("hooks")
    tasks.git("config", "core.hooksPath", "tools")
    tasks.ok("merge", "one")
    assert "Seen: yes" in tasks.git("log", "-1", "--format=%B", "main")


def test_hooks_that_are_not_executable_do_not_count(tasks: World) -> None:
    tasks.write(".git/hooks/commit-msg", "#!/bin/sh\nexit 1\n")
    assert tasks.ok("merge", "one", "--json").json["merges"][0]["merged"][0]["private"] is None


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_merge_driver_runs_as_in_git_merge(world: World, strategy: str) -> None:
    world.git("config", "merge.union-sorted.driver", "sort -u %A %B -o %A")
    world.commit("list", None, **{"list": "m\n", ".gitattributes": "list merge=union-sorted\n"})
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    done = world.ok("merge", "b", "a", strategy, "--json")
    assert world.git("show", "main:list") == "a\nb\nm"
    merged = done.json["merges"][0]["merged"]
    assert merged[-1]["private"] == "merge drivers"
    assert done.json["merges"][0]["exempt"] == ["list"]
    world.check_sound()


def test_uncommitted_attributes_have_no_say(world: World) -> None:
    world.commit("list", list="m\n")
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    world.write(".gitattributes", "list merge=union\n")
    done = world.par("merge", "b", "a")
    assert done.status == 1
    assert "  conflict    a: list (with b)\n" in done.out


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_attributes_of_the_base_have_a_say(world: World, strategy: str) -> None:
    world.commit("list", None, **{"list": "m\n", "sub/.gitattributes": "", ".gitattributes": "list merge=union\n"})
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    world.ok("merge", "b", "a", strategy)
    assert sorted(world.git("show", "main:list").split()) == ["a", "b", "m"]


def test_attributes_that_came_with_a_task_count_for_the_next(world: World) -> None:
    world.commit("list", list="m\n")
    world.task("rule", **{".gitattributes": "list merge=union\n"})
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    world.ok("merge", "rule", "b", "a")
    assert sorted(world.git("show", "main:list").split()) == ["a", "b", "m"]


def test_attributes_that_only_a_task_has_do_not_count_for_itself(world: World) -> None:
    world.commit("list", list="m\n")
    world.task("b", list="m\nb\n")
    world.task("a", **{"list": "m\na\n", ".gitattributes": "list merge=union\n"})
    done = world.par("merge", "b", "a")
    assert (done.status, "  conflict    a: list (with b)\n" in done.out) == (1, True)


def test_line_ends_that_a_task_sets_right_are_no_conflict(world: World) -> None:
    """Git takes the attributes at the top that come in, where there are none, when it normalises line ends to merge."""
    world.git("config", "merge.renormalize", "true")
    world.commit("a list", list="one\r\ntwo\r\nthree\r\n")
    world.task("a", **{".gitattributes": "* text=auto\n", "list": "one\ntwo\nthree\nfour\n"})
    world.commit("edited", list="zero\r\none\r\ntwo\r\nthree\r\n")
    assert world.ok("conflicts", "--json").json["base"] == []
    world.ok("merge", "a")
    assert world.git("show", "main:list").split() == ["zero", "one", "two", "three", "four"]


def test_attributes_that_a_commit_brings_count_for_the_next_one_of_a_rebase(world: World) -> None:
    world.commit("list", list="m\n")
    world.task("b", list="m\nb\n")
    path = world.task("a", **{".gitattributes": "list merge=union\n"})
    world.commit("another line", cwd=path, list="m\na\n")
    world.ok("merge", "b", "a", "--rebase")
    assert sorted(world.git("show", "main:list").split()) == ["a", "b", "m"]


def test_attributes_count_for_every_step_of_a_rebase(world: World) -> None:
    """What a task changed and took back again is changed by its commits only; a union keeps both sides of that."""
    world.commit("list", None, **{"list": "m\n", ".gitattributes": "list merge=union\n"})
    world.task("b", list="m\nb\n")
    path = world.task("a", list="m\na\n", other="other\n")
    world.commit("take it back", cwd=path, list="m\n")
    world.ok("merge", "b", "a", "--rebase")
    assert sorted(world.git("show", "main:list").split()) == ["a", "b", "m"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_file_where_a_directory_is_wanted_goes_by_its_own_name(world: World, strategy: str) -> None:
    world.hook("commit-msg", "exit 0")
    world.task("b", **{"place/file": "b\n"})
    world.task("a", place="a\n")
    done = world.par("merge", "b", "a", strategy, "--json")
    (conflict,) = done.json["merges"][0]["conflicted"]
    assert [file["path"] for file in conflict["files"]] == ["place"]


def test_what_rerere_recorded_is_used(world: World) -> None:
    world.git("config", "rerere.enabled", "true")
    world.commit("list", list="m\n")
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    world.git("merge", "-q", "--no-ff", "b")
    assert world.try_git("merge", "a").status == 1
    world.write("list", "m\nb and a\n")
    world.git("commit", "-q", "-am", "solved")
    world.git("reset", "-q", "--hard", "main~2")
    done = world.ok("merge", "b", "a", "--json")
    assert world.git("show", "main:list") == "m\nb and a"
    assert [one["private"] for one in done.json["merges"][0]["merged"]] == [None, "recorded resolutions"]


def test_a_conflict_that_rerere_knows_nothing_of_stays_one(world: World) -> None:
    world.git("config", "rerere.enabled", "true")
    world.commit("list", list="m\n")
    for name in ("b", "a"):
        world.task(name, list=f"m\n{name}\n")
    done = world.par("merge", "b", "a")
    assert done.status == 1
    assert "  conflict    a: list (with b)\n" in done.out
    assert world.git("show", "main:list") == "m\nb"


@pytest.fixture
def with_submodule(world: World) -> tuple[World, list[str]]:
    """A repository with the submodule `lib`, whose commits are a line of four and a fork of the second."""
    library = World(world.root, "library").init()
    commits = [library.rev("HEAD")] + [library.commit(f"v{number}", v__txt=f"{number}\n") for number in range(1, 4)]
    library.git("checkout", "-q", "-b", "fork", commits[1])
    commits.append(library.commit("fork", fork__txt="fork\n"))
    library.git("checkout", "-q", "main")
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.repo), "lib")
    world.git("-C", "lib", "fetch", "-q", "origin", "fork")
    world.git("-C", "lib", "checkout", "-q", commits[0])
    world.commit("with a submodule")
    world.git("config", "par.submodules", "off")
    return world, commits


def move(world: World, task: str, commit: str) -> None:
    path = world.add(task)[0]
    world.git("update-index", "--cacheinfo", f"160000,{commit},lib", cwd=path)
    world.git("commit", "-q", "-m", f"lib at {commit}", cwd=path)


def test_a_submodule_that_both_moved_along_one_line_merges(with_submodule: tuple[World, list[str]]) -> None:
    world, commits = with_submodule
    move(world, "one", commits[1])
    move(world, "two", commits[3])
    world.ok("merge", "one", "two")
    assert world.git("rev-parse", "main:lib") == commits[3]
    world.check_sound()


def test_a_submodule_that_both_moved_apart_is_a_conflict(with_submodule: tuple[World, list[str]]) -> None:
    world, commits = with_submodule
    move(world, "one", commits[3])
    move(world, "two", commits[4])
    done = world.par("merge", "one", "two")
    assert done.status == 1
    assert "  conflict    two: lib (with one)\n" in done.out
    assert world.git("rev-parse", "main:lib") == commits[3]


def test_the_private_workspace_is_used_again(tasks: World) -> None:
    tasks.hook("commit-msg", "exit 0")
    tasks.ok("merge", "one")
    tasks.ok("merge", "two")
    assert os.listdir(tasks.workspaces / ".par" / "merge") == ["1"]
    assert [Path(one["path"]).name for one in tasks.ok("list", "--json").json["tasks"]] == ["one", "two"]


def test_hooks_that_are_not_committed_run_all_the_same(tasks: World) -> None:
    tasks.git("config", "core.hooksPath", "build/hooks")
    tasks.write("build/hooks/said", "nothing without review\n")
    hook = tasks.write("build/hooks/pre-merge-commit", '#!/bin/sh\ncat "$(dirname "$0")/said" >&2\nexit 1\n')
    hook.chmod(0o755)
    done = tasks.par("merge", "one")
    assert (done.status, tasks.git("log", "-1", "--format=%s")) == (1, "main goes on")
    assert "left out    one: its merge was refused: nothing without review" in done.out


def test_a_hint_with_an_odd_name_can_be_pasted(tasks: World) -> None:
    tasks.hook("pre-merge-commit", "exit 1")
    tasks.git("branch", "x;reboot", "one")
    assert "git merge 'x;reboot', on main, to see what stops it" in tasks.par("merge", "x;reboot").err


def test_hooks_beside_the_base_count_where_that_is_checked_out_elsewhere(tasks: World) -> None:
    tasks.git("config", "core.hooksPath", "build/hooks")
    tasks.git("worktree", "add", "-q", "-b", "release", "../release")
    hook = tasks.write("build/hooks/commit-msg", '#!/bin/sh\necho released >> "$1"\n', tasks.root / "release")
    hook.chmod(0o755)
    tasks.ok("merge", "one", "--into", "release")
    assert tasks.git("log", "-1", "--format=%B", "release").splitlines() == [
        "Merge branch 'one' into release",
        "released",
    ]


def test_a_hook_finds_its_neighbours_in_the_git_directory(tasks: World) -> None:
    # So does the pre-merge-commit that comes with git.
    tasks.hook("pre-merge-commit", '. git-sh-setup; exec "$GIT_DIR/hooks/pre-commit"')
    tasks.hook("pre-commit", "echo no >&2; exit 1")
    assert "left out    one: its merge was refused: no\n" in tasks.par("merge", "one").out


def test_the_post_merge_hook_runs_for_what_is_published_only(tasks: World) -> None:
    log = tasks.root / "hooks.log"
    tasks.hook("pre-merge-commit", "exit 0")
    tasks.hook("post-merge", f'pwd >> "{log}"')
    tasks.par("merge", "--all", "--gate", "false")
    assert not log.exists()
    tasks.ok("merge", "--all")
    assert log.read_text() == f"{tasks.repo}\n"


@pytest.mark.parametrize("value", ["false", "only"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_what_merge_ff_says_has_no_say_in_a_private_workspace(tasks: World, value: str, strategy: str) -> None:
    tasks.git("config", "merge.ff", value)
    tasks.hook("pre-commit", "exit 0")
    tasks.hook("commit-msg", "exit 0")
    tasks.ok("merge", "--all", strategy)
    assert (tasks.repo / "two.txt").exists()


@pytest.mark.parametrize("first", ["--squash", "--rebase"])
def test_what_comes_after_a_merge_is_replayed_onto_the_base_itself(world: World, first: str) -> None:
    """A task that landed before has its merge shown to git with another history, which is none of the plan's."""
    world.hook("commit-msg", "exit 0")
    path = world.task("t")
    world.commit("main", b__txt="b\n")
    world.ok("merge", "t", first)
    world.git("checkout", "-q", "-b", "side", "main~1", cwd=path)
    world.commit("beside", cwd=path, side__txt="side\n")
    world.git("checkout", "-q", "t", cwd=path)
    world.git("merge", "-q", "--no-edit", "side", cwd=path)
    world.commit("after", cwd=path, after__txt="after\n")
    before = world.rev("main")
    world.ok("merge", "t", "--rebase")
    assert world.git("rev-parse", "main~2") == before
    assert world.git("log", "--format=%s", "-2", "main").splitlines() == ["after", "beside"]
    world.check_sound()
