"""`git par add`: where tasks start and return to, what they are called, and that all of them are made or none."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.processes import ALONE, wait_for, wait_for_end
from tests.world import PAR, Result, World, clone_of_a_remote


def listing(world: World) -> dict[str, str]:
    """Everything that an add which failed must leave as it was."""
    state = world.repo / ".git" / "par"
    files = [
        path
        for top in (world.workspaces, state / "tasks", state / "journal", world.repo / ".git" / "worktrees")
        for path in (top.rglob("*") if top.is_dir() else [])
        if path.name not in (".git", "logs") and "trash" not in path.parts  # that is swept in the background
    ]
    return {
        "refs": world.git("for-each-ref", "--format=%(refname) %(objectname)"),
        "config": (world.repo / ".git" / "config").read_text(),
        "status": world.git("status", "--porcelain"),
        "files": "\n".join(sorted(map(str, files))),
    }


def refused(world: World, *args: str, cwd: Path | None = None) -> Result:
    """`git par add ARGS` must fail and leave no trace."""
    before = listing(world)
    done = world.par("add", *args, cwd=cwd)
    assert done.status != 0, done
    assert done.out == ""
    assert listing(world) == before
    world.check_sound()
    return done


def refusal(message: str, hint: str) -> str:
    return f"git par: {message}\nhint: {hint}\n"


def base_of(world: World, name: str) -> tuple[str, str]:
    task = world.listed(name)
    return task["base"], task["base_commit"]


@pytest.fixture
def clone(tmp_path: Path) -> World:
    return clone_of_a_remote(tmp_path)


# where it starts and where it returns to


def test_without_options_it_starts_at_head_and_returns_to_its_branch(world: World) -> None:
    world.git("switch", "-q", "-c", "develop")
    world.commit("second")
    done = world.ok("add", "a")
    assert done.out == f"{world.workspaces / 'a'}\n"
    assert done.err == f"a: starts at develop ({world.rev('HEAD')[:8]}), returns to develop\n"
    assert base_of(world, "a") == ("develop", world.rev("develop"))
    assert world.rev("a") == world.rev("develop")


def test_from_a_local_branch_it_returns_there(world: World) -> None:
    world.git("branch", "develop")
    world.commit("main moves on")
    done = world.ok("add", "--from", "develop", "a")
    assert done.err == "a: starts at develop, returns to develop\n"
    assert base_of(world, "a") == ("develop", world.rev("develop"))


def test_from_a_full_ref_it_returns_there(world: World) -> None:
    world.git("branch", "develop")
    world.commit("main moves on")
    world.ok("add", "--from", "refs/heads/develop", "a")
    assert base_of(world, "a") == ("develop", world.rev("develop"))


def test_from_a_remote_branch_it_returns_to_the_branch_that_tracks_it(clone: World) -> None:
    clone.git("branch", "-q", "mine", "origin/feature")
    done = clone.ok("add", "--from", "origin/feature", "a")
    assert done.err == "a: starts at origin/feature, returns to mine\n"
    assert base_of(clone, "a") == ("mine", clone.rev("origin/feature"))


def test_from_a_remote_branch_tracked_twice_it_returns_to_the_one_checked_out(clone: World) -> None:
    clone.git("branch", "-q", "mine", "origin/main")
    clone.ok("add", "--from", "origin/main", "a")
    assert base_of(clone, "a")[0] == "main"


def test_from_a_remote_branch_nobody_tracks_it_returns_to_the_branch_checked_out(clone: World) -> None:
    clone.ok("add", "--from", "origin/feature", "a")
    assert base_of(clone, "a") == ("main", clone.rev("origin/feature"))


def test_from_a_commit_in_its_history_it_returns_to_the_branch_checked_out(world: World) -> None:
    first = world.rev("HEAD")
    world.commit("second")
    done = world.ok("add", "--from", first, "a")
    assert done.err == f"a: starts at {first}, returns to main\n"
    assert base_of(world, "a") == ("main", first)


def test_from_a_tag_it_returns_to_the_branch_checked_out(world: World) -> None:
    world.git("tag", "-m", "annotated", "v1")
    world.commit("second")
    world.ok("add", "--from", "v1", "a")
    assert base_of(world, "a") == ("main", world.rev("v1^{commit}"))


def test_from_a_commit_outside_of_its_history_the_base_must_be_named(world: World) -> None:
    world.git("switch", "-q", "-c", "develop")
    there = world.commit("only on develop")
    world.git("switch", "-q", "main")
    done = refused(world, "--from", there, "a")
    assert (done.status, done.err) == (
        2,
        refusal(
            f"--from {there}: not in the history of 'main', so the task cannot return there",
            "name the branch it returns to with --base BRANCH",
        ),
    )
    world.ok("add", "--from", there, "--base", "main", "a")
    assert base_of(world, "a") == ("main", there)


@pytest.mark.parametrize("start", ["no-such", "--all", "HEAD:a.txt", "", "main^{tree}", "-q"])
def test_from_what_is_no_commit_is_refused(world: World, start: str) -> None:
    done = refused(world, f"--from={start}", "a")
    assert done.status == 2
    assert done.err == refusal(f"--from {start}: no such commit", "see 'git branch --all'")


@pytest.mark.parametrize("start", [[], ["--from", "HEAD"]])
def test_on_a_detached_head_the_base_must_be_named(world: World, start: list[str]) -> None:
    world.git("switch", "-q", "--detach")
    done = refused(world, *start, "a")
    assert (done.status, done.err) == (
        2,
        refusal("HEAD: it does not say which branch the task returns to", "name it with --base BRANCH"),
    )
    done = world.ok("add", *start, "--base", "main", "a")
    assert base_of(world, "a") == ("main", world.rev("HEAD"))


def test_base_is_what_was_asked_for(world: World) -> None:
    world.git("branch", "develop")
    world.ok("add", "--base", "develop", "a")
    world.ok("add", "--base", "refs/heads/develop", "b")
    assert base_of(world, "a")[0] == base_of(world, "b")[0] == "develop"
    done = refused(world, "--base", "no-such", "c")
    assert (done.status, done.err) == (2, refusal("--base no-such: no such local branch", "see 'git branch'"))


def test_in_a_workspace_the_base_is_its_branch_and_that_is_said(world: World) -> None:
    path = world.task("outer")
    below = path / "below"
    below.mkdir()
    done = world.ok("add", "inner", cwd=below)
    tip = world.rev("outer")
    assert done.out == f"{world.workspaces / 'inner'}\n"
    assert done.err == f"inner: starts at outer ({tip[:8]}), the branch of task outer, returns to outer\n"
    assert base_of(world, "inner") == ("outer", tip)


def test_without_a_commit_there_is_nothing_to_start_from(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.repo.mkdir()
    world.git("init", "-q", "-b", "main")
    done = world.par("add", "a")
    assert done == Result(
        3, "", refusal("HEAD: no commit yet to start from", "git commit --allow-empty -m 'first commit'")
    )
    assert not world.workspaces.exists()


# uncommitted changes


def test_uncommitted_changes_refuse(world: World) -> None:
    world.write("a.txt", "changed\n")
    done = refused(world, "a")
    assert (done.status, done.err) == (
        3,
        refusal(
            f"'{world.repo}': uncommitted changes that the new tasks would not see: a.txt",
            "commit them, or start from the commit as it is with --allow-dirty",
        ),
    )
    done = world.ok("add", "--allow-dirty", "a")
    assert done.err == f"a: starts at main ({world.rev('HEAD')[:8]}), returns to main\n"
    assert (world.repo / "a.txt").read_text() == "changed\n"
    assert (world.workspaces / "a" / "a.txt").read_text() != "changed\n"


@pytest.mark.parametrize(
    "how",
    [
        pytest.param(["add", "a.txt"], id="staged"),
        pytest.param(["rm", "-q", "--cached", "a.txt"], id="untracked again"),
        pytest.param(["update-index", "--chmod=+x", "a.txt"], id="mode"),
    ],
)
def test_staged_changes_refuse_too(world: World, how: list[str]) -> None:
    if how[0] == "add":
        world.write("a.txt", "changed\n")
    world.git(*how)
    assert refused(world, "a").status == 3


def test_uncommitted_changes_are_only_told_when_that_is_configured(world: World) -> None:
    world.git("config", "par.dirty", "warn")
    for number in range(5):
        world.write(f"{number}.txt", "")
    world.git("add", "--all")
    done = world.ok("add", "a")
    assert done.err.splitlines()[0] == (
        f"git par: '{world.repo}' has uncommitted changes that the new tasks will not see: "
        "0.txt, 1.txt, 2.txt and 2 more"
    )
    world.git("config", "par.dirty", "perhaps")
    done = refused(world, "b")
    assert (done.status, done.err) == (
        2,
        refusal("par.dirty: 'perhaps' is none of refuse, warn", "git config par.dirty refuse"),
    )


def test_untracked_files_and_other_starts_do_not_refuse(world: World) -> None:
    world.write("untracked.txt", "")
    world.ok("add", "a")
    world.write("a.txt", "changed\n")
    world.git("branch", "other")
    world.ok("add", "--from", "other", "b")
    world.ok("add", "--from", "main~0", "c")


@pytest.mark.parametrize("start", ["HEAD", "@", "main", "refs/heads/main", "heads/main"])
def test_a_start_that_is_what_is_checked_out_here_counts_the_dirt_too(world: World, start: str) -> None:
    world.write("a.txt", "changed\n")
    done = refused(world, "--from", start, "a")
    assert done.status == 3
    assert done.err.startswith(
        f"git par: '{world.repo}': uncommitted changes that the new tasks would not see: a.txt\n"
    )
    world.ok("add", "--from", start, "--allow-dirty", "a")


def test_dirt_counts_where_one_stands(world: World) -> None:
    path = world.add("outer")[0]
    world.write("a.txt", "changed\n", cwd=path)
    world.ok("add", "a")
    done = refused(world, "b", cwd=path)
    assert done.status == 3
    assert done.err.startswith(f"git par: '{path}': uncommitted changes")


# names


@pytest.mark.parametrize(
    ("template", "branch"), [("feature/{name}", "feature/a"), ("{group}/{name}", "g/a"), ("{name}-x", "a-x")]
)
def test_branch_is_named_by_the_template(world: World, template: str, branch: str) -> None:
    world.ok("add", "--branch", template, "--group", "g", "a")
    task = world.listed("a")
    assert (task["branch"], task["group"], task["path"]) == (branch, "g", str(world.workspaces / "a"))
    world.ok("remove", "a")
    world.git("config", "par.branch", template)
    world.ok("add", "--group", "g", "a")
    assert world.listed("a")["branch"] == branch
    world.ok("add", "--branch", "own-{name}", "b")
    assert world.listed("b")["branch"] == "own-b"


def test_branch_may_hold_user_and_date(world: World) -> None:
    world.ok("add", "--branch", "{user}/{date}/{name}", "a")
    assert re.fullmatch(r"[\w-]+/\d{8}/a", world.listed("a")["branch"])


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("fixed", "branch template 'fixed': it must hold '{name}'"),
        ("{group}/{name}", "branch template '{group}/{name}': '{group}' is empty here"),
        ("{nme}", "branch template '{nme}': it knows no '{nme}', only {name}, {group}, {user}, {date}"),
        ("/{name}", "branch '/a': a name cannot begin or end with '/' or hold '//'"),
        ("{name}.lock", "branch 'a.lock': no part of a name can end with '.lock'"),
        ("-{name}", "branch '-a': a name cannot begin with '-'"),
    ],
)
def test_template_that_makes_no_branch_is_refused(world: World, template: str, why: str) -> None:
    done = refused(world, f"--branch={template}", "a")
    assert done.status == 2
    assert done.err.splitlines()[0] == f"git par: {why}"


def test_title_makes_the_name(world: World) -> None:
    done = world.ok("add", "--title", "Freie Mischpult-Kanäle, öfter!", "--group", "audio")
    assert done.out == f"{world.workspaces / 'freie-mischpult-kanäle-öfter'}\n"
    task = world.listed("freie-mischpult-kanäle-öfter")
    assert (task["title"], task["group"]) == ("Freie Mischpult-Kanäle, öfter!", "audio")


def test_title_and_name_are_independent(world: World) -> None:
    world.ok("add", "a", "--title", "Something else")
    assert world.listed("a")["title"] == "Something else"
    done = refused(world, "b", "c", "--title", "T")
    assert done.status == 2
    assert done.err.splitlines()[0] == "git par: --title: one title for several tasks"


@pytest.mark.parametrize(("args", "stem"), [([], "task"), (["--group", "g"], "g"), (["--title", "!?"], "task")])
def test_names_made_up_in_the_same_second_differ(world: World, args: list[str], stem: str) -> None:
    made = [Path(world.ok("add", *args).out.strip()).name for _ in range(4)]
    assert len(set(made)) == 4
    assert all(re.fullmatch(rf"{stem}-\d{{8}}-\d{{6}}(-\d)?", name) for name in made), made


def test_made_up_name_avoids_branches_too(world: World) -> None:
    world.git("branch", "free-channel")
    world.git("branch", "mine/free-channel-2")
    assert world.ok("add", "--title", "Free channel").out == f"{world.workspaces / 'free-channel-2'}\n"
    done = world.ok("add", "--title", "Free channel", "--branch", "mine/{name}")
    assert done.out == f"{world.workspaces / 'free-channel'}\n"


def test_order_on_stdout_is_the_order_given(world: World) -> None:
    names = ["z", "a", "m/b", "M", "10", "9"]
    done = world.ok("add", *names)
    assert done.out.splitlines() == [str(world.workspaces / name.replace("/", "-")) for name in names]
    assert [line.partition(":")[0] for line in done.err.splitlines()] == names


def test_json_tells_the_tasks(world: World) -> None:
    done = world.ok("add", "b", "a", "--group", "g", "--json")
    assert done.json["version"] == 1
    assert [(task["name"], task["slot"], task["state"]) for task in done.json["tasks"]] == [
        ("b", 1, "new"),
        ("a", 2, "new"),
    ]
    assert done.json["tasks"] == world.ok("list", "--json").json["tasks"]


def test_slot_of_a_removed_task_is_given_again(world: World) -> None:
    world.add("a", "b", "c")
    world.ok("remove", "b")
    world.add("d", "e")
    assert {name: world.listed(name)["slot"] for name in "acde"} == {"a": 1, "c": 3, "d": 2, "e": 4}


# all or none


@pytest.mark.parametrize("bad", ["has space", "-x", "a..b", "refs/heads/x", "x.lock", ".hidden", "", "@", "new\nline"])
def test_one_bad_name_and_nothing_is_made(world: World, bad: str) -> None:
    done = refused(world, "--", "good", bad, "fine")
    assert done.status == 2
    assert done.err.startswith(f"git par: '{bad}': ") or "\n" in bad


def test_name_given_twice_is_refused(world: World) -> None:
    done = refused(world, "a", "b", "a")
    assert (done.status, done.err) == (2, refusal("a: named twice", "name each task once"))


def test_task_that_exists_is_refused(world: World) -> None:
    world.add("a")
    done = refused(world, "new", "a")
    assert (done.status, done.err) == (
        2,
        refusal("a: there is a task of that name", 'cd "$(git par path a)", or choose another name'),
    )


def test_branch_that_exists_is_refused(world: World) -> None:
    world.git("branch", "a")
    done = refused(world, "new", "a")
    assert done.status == 2
    assert done.err.splitlines()[0] == "git par: a: branch 'a' exists already"
    assert done.err.splitlines()[1].startswith("hint: ")


@pytest.mark.parametrize(
    ("existing", "wanted", "said"),
    [
        (["a"], ["a/b"], "a/b: git cannot have branch 'a/b' beside 'a'"),
        (["a/b"], ["a"], "a: git cannot have branch 'a' beside 'a/b'"),
        (["a/b/c"], ["a/b"], "a/b: git cannot have branch 'a/b' beside 'a/b/c'"),
        ([], ["a", "a/b"], "a/b: git cannot have branch 'a/b' beside 'a'"),
        ([], ["a/b", "x", "a"], "a: git cannot have branch 'a' beside 'a/b'"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_branch_inside_of_a_branch_is_refused(
    world: World, existing: list[str], wanted: list[str], said: str, packed: bool
) -> None:
    for branch in existing:
        world.git("branch", branch)
    if packed:
        world.git("pack-refs", "--all")
    done = refused(world, *wanted)
    assert (done.status, done.err) == (2, refusal(said, "choose a name that is not a part of the other"))


def test_directories_that_would_be_the_same_differ(world: World) -> None:
    world.workspaces.mkdir()
    (world.workspaces / "taken").write_text("mine\n")
    done = world.ok("add", "a/b", "a-b", "taken")
    assert done.out.splitlines() == [str(world.workspaces / name) for name in ("a-b", "a-b-2", "taken-2")]
    assert world.ok("path", "a/b").out == f"{world.workspaces / 'a-b'}\n"
    assert world.ok("path", "a-b").out == f"{world.workspaces / 'a-b-2'}\n"
    assert (world.workspaces / "taken").read_text() == "mine\n"
    world.check_sound()


def test_long_names_get_short_directories_of_their_own(world: World) -> None:
    names = ["ä" * 100 + "-1", "ä" * 100 + "-2"]
    paths = [Path(line) for line in world.ok("add", *names).out.splitlines()]
    assert [path.name for path in paths] == ["ä" * 50, "ä" * 49 + "-2"]
    assert [world.ok("path", name).out.strip() for name in names] == [str(path) for path in paths]


def smudge(world: World, command: str) -> None:
    """Have a filter that git cannot do without write one file."""
    world.write(".gitattributes", "filtered.txt filter=strict\n")
    world.commit("with a filter", filtered__txt="content\n")
    world.git("config", "filter.strict.smudge", command)
    world.git("config", "filter.strict.clean", "cat")
    world.git("config", "filter.strict.required", "true")


def test_failing_checkout_takes_back_what_this_call_made(world: World) -> None:
    smudge(world, "false")
    (world.workspaces / "kept").mkdir(parents=True)
    done = refused(world, "a", "group/b")
    assert done.status == 5
    assert "filtered.txt" in done.err
    assert [path.name for path in world.workspaces.iterdir() if path.name != ".par"] == ["kept"]
    world.git("config", "filter.strict.smudge", "cat")
    world.ok("add", "a", "group/b")
    world.check_sound()


def test_failure_with_the_last_of_several_takes_back_the_first_too(world: World) -> None:
    smudge(world, f"test ! -e {world.root}/seen && touch {world.root}/seen && cat")
    world.add("earlier")
    (world.root / "seen").unlink()
    done = refused(world, "a", "b", "c")
    assert done.status == 5
    assert world.branches() == ["earlier", "main"]
    assert sorted(path.name for path in world.workspaces.iterdir() if path.name != ".par") == ["earlier"]


def test_directory_that_cannot_be_written_is_named(world: World) -> None:
    world.workspaces.write_text("a file is in the way\n")
    before = world.git("for-each-ref")
    done = world.par("add", "a", "b")
    assert done.status == 5
    assert done.err.splitlines()[0].startswith(f"git par: '{world.workspaces}")
    assert world.git("for-each-ref") == before
    assert not list((world.repo / ".git").glob("par/tasks/*"))
    assert not list((world.repo / ".git").glob("par/journal/*"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_workspaces_directory_is_named(world: World) -> None:
    world.workspaces.mkdir()
    world.workspaces.chmod(0o555)
    try:
        done = refused(world, "a", "b")
    finally:
        world.workspaces.chmod(0o755)
    assert done.status == 5
    assert done.err.splitlines()[0] == f"git par: '{world.workspaces / 'a'}': permission denied"


def test_branch_that_git_cannot_make_takes_back_all(world: World) -> None:
    lock = world.repo / ".git" / "refs" / "heads" / "b.lock"
    lock.touch()
    assert refused(world, "a", "b").status == 5
    lock.unlink()
    world.ok("add", "a", "b")


# the shared configuration


@pytest.mark.parametrize("value", ["always", "true", "inherit", "simple"])
def test_no_tracking_is_ever_configured(clone: World, value: str) -> None:
    clone.git("config", "branch.autoSetupMerge", value)
    clone.git("config", "branch.autoSetupRebase", "always")
    clone.git("config", "checkout.defaultRemote", "origin")
    config = (clone.repo / ".git" / "config").read_bytes()
    clone.ok("add", "--from", "origin/main", "a")
    clone.ok("add", "--from", "main", "b")
    # A name that git would take for a remote branch to be tracked.
    clone.ok("add", "feature")
    assert (clone.repo / ".git" / "config").read_bytes() == config
    assert clone.try_git("rev-parse", "@{upstream}", cwd=clone.workspaces / "feature").status != 0
    assert clone.rev("feature") == clone.rev("main")


def test_sparse_checks_out_one_directory(world: World) -> None:
    for name in ("one/x/1", "two/2", "three/3"):
        world.write(name, "")
    world.commit("directories")
    path = Path(world.ok("add", "--sparse", "one", "a").out.strip())
    assert sorted(one.name for one in path.iterdir()) == [".git", ".gitignore", "a.txt", "one"]
    assert (path / "one" / "x" / "1").exists()
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert (world.repo / "two" / "2").exists()
    assert world.try_git("config", "core.sparseCheckout").status == 1, "only the workspace is sparse"
    world.check_sound()


def test_sparse_takes_several_directories_and_names(world: World) -> None:
    for name in ("one/x/1", "two/2", "three/3"):
        world.write(name, "")
    world.commit("directories")
    done = world.ok("add", "a", "--sparse", "one/x", "--sparse", "three", "b")
    for line in done.out.splitlines():
        assert sorted(one.name for one in Path(line).iterdir()) == [".git", ".gitignore", "a.txt", "one", "three"]
    assert world.ok("add", "c").status == 0
    assert (world.workspaces / "c" / "two" / "2").exists()


def test_sparse_main_checkout_is_inherited(world: World) -> None:
    for name in ("one/1", "two/2"):
        world.write(name, "")
    world.commit("directories")
    world.git("sparse-checkout", "set", "one")
    path = world.add("a")[0]
    assert sorted(one.name for one in path.iterdir()) == [".git", ".gitignore", "a.txt", "one"]
    assert world.git("status", "--porcelain", cwd=path) == ""


# the network


def test_fetch_brings_the_start_up_to_date(clone: World) -> None:
    there = World(clone.root, "remote").commit("news")
    clone.ok("add", "--from", "origin/main", "old")
    clone.ok("add", "--fetch", "--from", "origin/main", "new")
    assert clone.rev("new") == there
    assert clone.rev("old") == clone.rev("main") != there


def test_fetch_without_a_start_takes_the_remote_of_the_branch(clone: World) -> None:
    there = World(clone.root, "remote").commit("news")
    clone.ok("add", "--fetch", "a")
    assert clone.rev("origin/main") == there
    assert clone.rev("a") == clone.rev("main") != there


def test_fetch_that_cannot_work_makes_nothing(world: World) -> None:
    done = refused(world, "--fetch", "a")
    assert (done.status, done.err) == (
        2,
        refusal("--fetch: no remote to fetch from", "git remote add origin URL"),
    )
    world.git("remote", "add", "origin", str(world.root / "no-such"))
    done = refused(world, "--fetch", "a")
    assert done.status == 5
    assert done.err.startswith("git par: git fetch: ")


# what runs in it


def test_exec_runs_in_each_with_its_environment(world: World) -> None:
    names = ("TASK", "PATH", "BRANCH", "BASE", "GROUP", "SLOT", "PORT", "MAIN")
    command = 'echo "$PWD|' + "|".join(f"$GIT_PAR_{name}" for name in names) + '"'
    done = world.ok("add", "a", "b/c", "--group", "g", "--branch", "x/{name}", "--exec", command)
    a, b = (str(world.workspaces / name) for name in ("a", "b-c"))
    assert done.out == f"{a}\n{b}\n"
    assert sorted(line for line in done.err.splitlines() if "|" in line) == [
        f"a: {a}|a|{a}|x/a|main|g|1|20010|{world.repo}",
        f"b/c: {b}|b/c|{b}|x/b/c|main|g|2|20020|{world.repo}",
    ]


def test_exec_puts_both_streams_on_stderr_and_has_no_input(world: World) -> None:
    done = world.ok("add", "a", "--exec", "echo out; echo err >&2; cat; printf end")
    assert done.out == f"{world.workspaces / 'a'}\n"
    assert done.err.splitlines()[:3] == ["a: out", "a: err", "a: end"]


def test_exec_that_fails_is_told_and_the_tasks_stay(world: World) -> None:
    done = world.par("add", "a", "b", "--exec", 'test "$GIT_PAR_TASK" = b || exit 7')
    assert done.status == 1
    assert done.out == f"{world.workspaces / 'a'}\n{world.workspaces / 'b'}\n"
    assert "git par: a: the command ended with status 7\n" in done.err
    assert "b: the command" not in done.err
    world.check_sound()
    assert {task["name"] for task in world.ok("list", "--json").json["tasks"]} == {"a", "b"}


def test_exec_ended_by_a_signal_is_told(world: World) -> None:
    done = world.par("add", "a", "--exec", "kill -TERM $$")
    assert done.status == 1
    assert "git par: a: the command ended with status 143\n" in done.err


def test_exec_sees_no_repository_but_its_own(world: World) -> None:
    env = {"GIT_DIR": str(world.repo / ".git"), "GIT_WORK_TREE": str(world.repo), "GIT_INDEX_FILE": "/no/such"}
    done = world.par_process("add", "a", "--exec", "git rev-parse --show-toplevel", env=env)
    assert done.status == 0, done
    assert done.err.splitlines()[0] == f"a: {world.workspaces / 'a'}"


def test_names_reach_exec_as_data_only(world: World) -> None:
    name = "$(touch${IFS}hit);`touch${IFS}hit`&'\""
    done = world.ok("add", "--exec", 'printf "%s\\n" "$GIT_PAR_TASK"; test ! -e hit', "--", name)
    assert done.err.splitlines()[0] == f"{name}: {name}"
    assert not list(world.root.rglob("hit"))


def test_one_task_on_a_terminal_gives_it_to_exec(world: World) -> None:
    command = 'test -t 0 && test -t 1 && test -t 2 && read answer && echo "got $answer"'
    child = pexpect.spawn(
        sys.executable, [*PAR[1:], "add", "a", "--exec", command], cwd=str(world.repo), timeout=60, encoding="utf-8"
    )
    child.sendline("word")
    child.expect("got word")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert f"{world.workspaces / 'a'}" in str(child.before)


@pytest.mark.parametrize(("command", "status"), [("exit 7", 7), ("kill -TERM $$", 143)])
def test_command_that_fails_on_a_terminal_is_told(world: World, command: str, status: int) -> None:
    child = pexpect.spawn(
        sys.executable, [*PAR[1:], "add", "a", "--exec", command], cwd=str(world.repo), timeout=60, encoding="utf-8"
    )
    child.expect(f"a: the command ended with status {status}")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 1


def test_several_tasks_on_a_terminal_share_it_by_line(world: World) -> None:
    child = pexpect.spawn(
        sys.executable,
        [*PAR[1:], "add", "a", "b", "--exec", "test -t 1 || echo piped"],
        cwd=str(world.repo),
        timeout=60,
        encoding="utf-8",
    )
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert sorted(line for line in str(child.before).splitlines() if "piped" in line) == ["a: piped", "b: piped"]


def test_checkout_hook_runs_as_with_git_worktree_add(world: World) -> None:
    world.hook(
        "post-checkout", f'(echo "$PWD $*"; ls; git status --porcelain --branch | cut -c 1-5) >>{world.root}/ran'
    )
    ran = world.root / "ran"
    world.git("worktree", "add", "-q", "-b", "plain", str(world.root / "plain"))
    plain = ran.read_text()
    ran.unlink()
    world.ok("add", "plainer")
    ours = ran.read_text().replace(str(world.workspaces / "plainer"), str(world.root / "plain"))
    assert ours == plain


def test_checkout_hook_that_fails_keeps_the_workspace(world: World) -> None:
    world.hook("post-checkout", "echo words; exit 3")
    done = world.par("add", "a", "b")
    assert done.status == 5
    assert done.out == f"{world.workspaces / 'a'}\n{world.workspaces / 'b'}\n"
    assert [line for line in done.err.splitlines() if "hook" in line] == [
        f"git par: {name}: its post-checkout hook failed with status 3" for name in ("a", "b")
    ]
    assert [task["state"] for task in world.ok("list", "--json").json["tasks"]] == ["new", "new"]
    world.check_sound()


def test_checkout_hook_of_core_hooks_path_runs(world: World) -> None:
    world.write("hooks/post-checkout", f"#!/bin/sh\npwd >{world.root}/ran\n").chmod(0o755)
    world.commit("hooks")
    world.git("config", "core.hooksPath", "hooks")
    world.ok("add", "a")
    assert (world.root / "ran").read_text() == f"{world.workspaces / 'a'}\n"


# around it


@pytest.mark.parametrize("name", ["mit Leerzeichen", "Übung", 'it\'s "quoted"', "$(id)", "-dash", "new*?[x]", "a;b"])
def test_path_of_the_repository_may_hold_anything(tmp_path: Path, name: str) -> None:
    world = World(tmp_path, name).init()
    done = world.ok("add", "ä")
    assert done.out == f"{tmp_path}/{name}-worktrees/ä\n"
    world.commit("work", cwd=world.workspaces / "ä", b__txt="b\n")
    world.ok("merge", "ä", "--prune")
    assert (world.repo / "b.txt").exists()


def test_fresh_workspace_is_clean_without_reading_it_again(world: World) -> None:
    path = world.add("a")[0]
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert world.git("diff-files", cwd=path) == ""
    assert world.rev("HEAD", cwd=path) == world.rev("main")
    assert world.git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/a"


def test_workspace_is_locked_in_our_name(world: World) -> None:
    path = world.add("feature/x")[0]
    removed = world.try_git("worktree", "remove", str(path))
    assert removed.status != 0
    assert "git-par: remove with 'git par remove feature/x'" in removed.err
    world.git("worktree", "prune", "--expire", "now")
    world.check_sound()


def test_journal_tells_what_was_made(world: World) -> None:
    world.add("a")
    file, *others = (world.repo / ".git" / "par" / "journal").iterdir()
    assert not others
    entry = json.loads(file.read_bytes())
    assert (entry["state"], entry["command"], entry["refs"]) == (
        "done", ["add", "a"], {"refs/heads/a": [None, world.rev("main")]},
    )  # fmt: skip
    assert entry["tasks"]["a"][0] is None
    assert entry["tasks"]["a"][1] == json.loads(world.record("a").read_bytes())


# interrupts

STORM = """#!/bin/sh
# Asks git-par to end before or after its n-th git call, and again around all that follow.
echo >>"$COUNT" # whole lines, whatever else git-par starts at once
count=$(wc -l <"$COUNT")
[ "$WHEN" = before ] && [ "$count" -ge "$FROM" ] && kill -TERM "$PPID" && exec "$REAL_GIT" "$@"
"$REAL_GIT" "$@"
status=$?
[ "$count" -ge "$FROM" ] && kill -TERM "$PPID"
exit "$status"
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_interrupts_in_a_row_leave_all_or_nothing(world: World, when: str) -> None:
    git, tools, counter = shutil.which("git"), world.root / "tools", world.root / "count"
    assert git
    world.write("git", STORM, tools).chmod(0o755)
    world.ok("add", "first")
    before = listing(world)
    for number in range(1, 60):
        counter.unlink(missing_ok=True)
        env = {"PATH": f"{tools}:{os.environ['PATH']}", "REAL_GIT": git, "COUNT": str(counter), "FROM": str(number)}
        done = world.par_process("add", "one", "two", env={**env, "WHEN": when})
        world.check_sound()
        if "one" not in world.branches():
            assert (done.status, done.out) == (143, ""), (number, done)
            assert listing(world) == before, number
            continue
        assert sorted(world.branches()) == ["first", "main", "one", "two"], (number, done)
        assert number > 8
        assert done.status in (0, 143)
        if done.status:
            assert done.err == "git par: one, two: interrupted; what was made stays: see 'git par list'\n"
            world.ok("remove", "one", "two")
            before = listing(world)
            continue
        return
    pytest.fail("it never got through")


def test_git_is_gone_before_its_work_is_taken_back(world: World) -> None:
    go, started = world.root / "go", world.root / "started"
    for number in range(200):
        world.write(f"f{number}.txt", "text\n")
    smudge(world, f"touch {started}; while ! [ -e {go} ]; do sleep 0.05; done; cat")
    before = listing(world)
    adding = world.start(*PAR, "add", "one")
    wait_for(started)
    adding.send_signal(signal.SIGTERM)
    assert adding.wait(60) == 143
    assert listing(world) == before
    go.touch()
    adding.communicate()
    assert listing(world) == before
    world.check_sound()


def test_interrupting_exec_ends_the_commands_and_the_tasks_stay(world: World) -> None:
    stem = f'"{world.root}/$GIT_PAR_TASK'
    command = f'sleep 300 & echo $! >{stem}.new"; mv {stem}.new" {stem}.pid"; wait'
    adding = world.start(*ALONE, *PAR, "add", "one", "two", "--exec", command)
    files = [world.root / "one.pid", world.root / "two.pid"]
    for file in files:
        wait_for(file)
    adding.send_signal(signal.SIGTERM)
    out, err = adding.communicate(timeout=60)
    assert (adding.returncode, out) == (143, "")
    assert err == "git par: one, two: interrupted; what was made stays: see 'git par list'\n"
    for file in files:
        wait_for_end(int(file.read_text()))
    world.check_sound()
    assert [task["state"] for task in world.ok("list", "--json").json["tasks"]] == ["new", "new"]


@pytest.mark.parametrize("names", [("one",), ("one", "two")])
def test_a_signal_ends_all_that_exec_started_at_a_terminal(world: World, names: tuple[str, ...]) -> None:
    stem = f'"{world.root}/$GIT_PAR_TASK'
    command = (
        f'echo $PPID >{stem}.new"; (sh -c \'echo $PPID\' >>{stem}.new"; mv {stem}.new" {stem}.pid"; exec sleep 300); :'
    )
    # An interactive parent stays: with git-par as its leader the whole session would be hung up anyway.
    line = f"{shlex.join([*PAR, 'add', *names, '--exec', command])}; echo ended with $?; read wait"
    child = pexpect.spawn("/bin/sh", ["-c", line], cwd=str(world.repo), timeout=60, encoding="utf-8")
    files = [world.root / f"{name}.pid" for name in names]
    try:
        for file in files:
            wait_for(file)
        started = [[int(pid) for pid in file.read_text().split()] for file in files]
        os.kill(started[0][0], signal.SIGTERM)
        child.expect("ended with 143")
        for _, inner in started:
            wait_for_end(inner)
    finally:
        child.close(force=True)


def test_exec_whose_lines_nobody_reads_leaves_no_traceback(world: World) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    program = "import sys, threading; threading.excepthook = lambda args: open('raised', 'w').close()\n"
    program += "from git_par.cli import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", program, "add", "a", "--exec", "echo line; echo line; touch done"],
        cwd=world.repo,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=writer,
    )
    os.close(writer)
    assert (world.workspaces / "a" / "done").exists(), done
    assert not (world.repo / "raised").exists()


def test_a_name_that_is_taken_says_by_what(world: World) -> None:
    name = "a$(id)"
    world.add(name)
    done = refused(world, name)
    assert done.err == refusal(
        f"{name}: there is a task of that name", "cd \"$(git par path 'a$(id)')\", or choose another name"
    )
    record = next((world.repo / ".git/par/tasks").glob("*.json"))
    text = record.read_text()
    record.write_text(text.replace('"state": "active"', '"state": "removing"'))
    done = world.par("add", name)
    assert done == (2, "", refusal(f"{name}: a task of that name is half removed", "git par remove 'a$(id)'"))


def test_a_name_that_another_process_is_making_says_so(world: World) -> None:
    go, started = world.root / "go", world.root / "started"
    smudge(world, f"touch {started}; while ! [ -e {go} ]; do sleep 0.05; done; cat")
    making = world.start(*PAR, "add", "a")
    wait_for(started)
    done = world.par("add", "a")
    go.touch()
    making.communicate(timeout=60)
    assert making.returncode == 0
    assert done == (
        2,
        "",
        refusal("a: another process is making a task of that name", "wait for it, or choose another name"),
    )
