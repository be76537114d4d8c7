"""The user's own commands around add, merge and remove: when they run, what they are told, what they can stop."""

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from jsonschema import Draft202012Validator

from git_par import processes
from git_par.landing import land
from git_par.state.settings import EVENTS
from tests.processes import until
from tests.test_schema import REGISTRY, ROOT, SCHEMAS
from tests.world import PAR, World

processes.GRACE = 1.0
ODD = "it's-$(id)-`id`"
"""A name that a shell would make something of."""


def hook(world: World, event: str, *commands: str) -> None:
    """Add hooks for `event` to the configuration."""
    for command in commands:
        world.git("config", "--add", f"par.hook.{event}", command)


def recorded(world: World, *events: str) -> Path:
    """Hooks of `events` that write down where they ran, their variables and their input; the directory with the records."""
    script = world.write(
        "record",
        '#!/bin/sh\ncat >"$0.d/$(date +%s%N)" <<end\n{"cwd": "$(pwd -P)", "told": $(cat)}\nend\nenv -0 >"$0.env"\n',
        world.root,
    )
    script.chmod(0o755)
    directory = world.root / "record.d"
    directory.mkdir()
    for event in events:
        hook(world, event, f"'{script}'")
    return directory


def records(directory: Path) -> list[dict[str, Any]]:
    """What ran, in order; each was told what the schema says."""
    found: list[dict[str, Any]] = [json.loads(file.read_text()) for file in sorted(directory.iterdir())]
    for one in found:
        Draft202012Validator(SCHEMAS["hook-event"], registry=REGISTRY).validate(one["told"])
    return found


def refusals(done: Any) -> list[tuple[str, str]]:
    return [(one["name"], one["reason"]) for one in done.json["left"]]


def test_schema_and_manual_know_the_events() -> None:
    assert SCHEMAS["hook-event"]["properties"]["event"]["enum"] == list(EVENTS)
    page = (ROOT / "man/man1/git-par.1").read_text()
    assert re.findall(r"^\.It Va par\.hook\.(\S+)", page, re.MULTILINE) == list(EVENTS)


def test_each_event_comes_when_it_is_due_and_says_what_it_is_about(world: World) -> None:
    directory = recorded(world, *EVENTS)
    path = world.task("t")
    before, tip = world.rev("main"), world.rev("t")
    task = world.listed("t")
    world.ok("merge", "t")
    commit = world.rev("main")
    world.ok("prune")
    found = records(directory)
    assert [one["told"]["event"] for one in found] == list(EVENTS)
    assert [one["cwd"] for one in found] == [str(path)] * 4 + [str(world.repo)]
    told = [one["told"] for one in found]
    repository = {"common": f"{world.repo}/.git", "main": str(world.repo), "workspaces": str(world.workspaces)}
    assert all((one["branch"], one["repository"]) == ("t", repository) for one in told)
    assert [one["task"]["state"] for one in told] == ["new", "active", "landed", "landed", "landed"]
    assert told[1]["task"] == task
    merge = {"base": "main", "before": before, "after": None, "tip": tip, "commit": None}
    assert [one["merge"] for one in told] == [None, merge, {**merge, "after": commit, "commit": commit}, None, None]
    gone = {"tip": tip, "reason": "ancestor", "kept": None}
    assert [one["removal"] for one in told[:4]] == [None, None, None, gone]
    assert told[4]["removal"]["kept"]["ref"].startswith("refs/par/kept/t/")
    assert not path.exists()


def test_several_run_in_order_until_one_fails_and_an_empty_one_drops_those_before(world: World) -> None:
    log = world.root / "log"
    hook(world, "post-add", "exit 9", "", f"echo one >>'{log}'", f"echo two >>'{log}'; echo 'all wrong'; echo; exit 3")
    hook(world, "post-add", f"echo never >>'{log}'")
    done = world.par("add", "t", "u")
    assert (done.status, log.read_text()) == (5, "one\ntwo\n" * 2)
    assert done.out == f"{world.workspaces}/t\n{world.workspaces}/u\n"
    assert "t: all wrong\n" in done.err
    assert "git par: u: the post-add hook ended with status 3: all wrong\n" in done.err
    world.check_sound()


def test_a_hook_is_told_of_its_task_by_variables_and_names_stay_text(world: World) -> None:
    recorded(world, "post-add")
    hook(world, "pre-merge", 'test "$GIT_PAR_TASK" = "it\'s-\\$(id)-\\`id\\`"')
    (path,) = world.add(ODD, "--group", "g")
    variables = dict(one.split("=", 1) for one in (world.root / "record.env").read_text().split("\0")[:-1])
    wanted = {
        "TASK": ODD, "PATH": str(path), "BRANCH": ODD, "BASE": "main", "GROUP": "g", "SLOT": "1", "PORT": "20010",
        "MAIN": str(world.repo),
    }  # fmt: skip
    assert {key: variables.get(f"GIT_PAR_{key}") for key in wanted} == wanted
    assert not {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE"} & set(variables)
    world.commit("work", cwd=path)
    world.ok("merge", ODD)


def test_a_shell_reads_the_whole_input_as_one_line(world: World) -> None:
    hook(world, "post-add", "read -r told && ! read -r more")
    world.ok("add", "t")


def test_the_command_of_exec_runs_after_the_hook_and_only_where_that_went_well(world: World) -> None:
    hook(world, "post-add", 'echo hook >order; test "$GIT_PAR_TASK" = good')
    done = world.par("add", "good", "bad", "--exec", "echo exec >>order")
    assert done.status == 5
    assert (world.workspaces / "good/order").read_text() == "hook\nexec\n"
    assert (world.workspaces / "bad/order").read_text() == "hook\n"
    assert "bad: the post-add hook ended with status 1; the command was not run there\n" in done.err


def test_a_pre_merge_hook_can_refuse_and_the_others_land(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    hook(world, "pre-merge", 'test "$GIT_PAR_TASK" != two || { echo no two; exit 1; }')
    done = world.par("merge", "--all", "--json")
    merge = done.json["merges"][0]
    assert (done.status, [one["name"] for one in merge["merged"]]) == (1, ["one", "three"])
    assert [(one["name"], one["reason"]) for one in merge["skipped"]] == [("two", "vetoed")]
    done = world.par("merge", "two")
    assert done.out.endswith("  left out    two: the pre-merge hook ended with status 1: no two\n")
    assert "hint: two: git -c par.hook.pre-merge= par merge two\n" in done.err
    assert world.process("git", "-c", "par.hook.pre-merge=", *_as_git(world), "merge", "two").status == 0


def _as_git(world: World) -> tuple[str, ...]:
    """`git par`, by an alias."""
    return ("-c", f"alias.p=!{PAR[0]} -m git_par", "p")


def test_with_atomic_a_veto_keeps_all_out(world: World) -> None:
    world.task("one")
    world.task("two")
    before = world.rev("main")
    hook(world, "pre-merge", 'test "$GIT_PAR_TASK" != two')
    assert world.par("merge", "--all", "--atomic").status == 1
    assert world.rev("main") == before


def test_what_a_pre_merge_hook_commits_is_merged(world: World) -> None:
    world.task("t")
    hook(world, "pre-merge", "echo formatted >t.txt; git commit -qam formatted")
    world.ok("merge", "t")
    assert (world.repo / "t.txt").read_text() == "formatted\n"
    assert world.rev("main^2") == world.rev("t")


def test_what_a_pre_merge_hook_leaves_uncommitted_holds_its_task_back(world: World) -> None:
    world.task("t")
    hook(world, "pre-merge", "echo formatted >t.txt")
    done = world.par("merge", "t", "--json")
    assert [one["reason"] for one in done.json["merges"][0]["skipped"]] == ["dirty"]


def test_only_what_would_land_is_asked_about(world: World) -> None:
    for name, how in (("in", "--no-ff"), ("squashed", "--squash")):
        world.task(name)
        world.ok("merge", name, how)
    path = world.task("dirty")
    world.write("dirty.txt", "changed\n", path)
    world.task("fit")
    directory = recorded(world, "pre-merge", "post-merge")
    world.par("merge", "--all", "--dry-run")
    assert records(directory) == []
    world.par("merge", "--all")
    assert [(one["told"]["event"], one["told"]["branch"]) for one in records(directory)] == [
        ("pre-merge", "fit"),
        ("post-merge", "fit"),
    ]


def test_a_commit_that_comes_after_the_hook_is_asked_about_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody commits between the hook and the plan: what lands has passed, or does not land."""
    path = world.task("t")
    hook(world, "pre-merge", "test ! -e bad.txt")
    original = land._try
    came: list[str] = []

    def late(*args: Any) -> Any:
        if not came:
            came.append(world.commit("late", cwd=path, bad__txt="bad\n"))
        return original(*args)

    monkeypatch.setattr(land, "_try", late)
    done = world.par("merge", "t", "--json")
    assert [one["reason"] for one in done.json["merges"][0]["skipped"]] == ["vetoed"]
    assert not (world.repo / "bad.txt").exists()


def test_a_plain_branch_is_asked_about_in_the_main_checkout(world: World) -> None:
    directory = recorded(world, "pre-merge", "post-merge")
    path = world.task("t")
    world.git("branch", "plain", "t")
    world.ok("merge", "plain", "--into", "main", cwd=path)
    found = records(directory)
    assert [(one["cwd"], one["told"]["task"], one["told"]["branch"]) for one in found] == [
        (str(world.repo), None, "plain")
    ] * 2


def test_a_task_whose_workspace_is_gone_is_asked_about_in_the_main_checkout(world: World) -> None:
    directory = recorded(world, "pre-merge", "pre-remove")
    shutil.rmtree(world.task("t"))
    world.ok("merge", "t", "--prune")
    assert [one["cwd"] for one in records(directory)] == [str(world.repo)] * 2


def test_a_post_merge_hook_that_fails_leaves_what_was_merged(world: World) -> None:
    world.task("one")
    world.task("two")
    hook(world, "post-merge", 'echo "$GIT_PAR_TASK"; test "$GIT_PAR_TASK" = two')
    done = world.par("merge", "--all")
    assert done.status == 5
    assert "main: 2 merged" in done.out
    assert "one: the post-merge hook ended with status 1: one\n" in done.err
    assert (world.repo / "one.txt").exists()
    assert world.ok("log", "--json").json["operations"][0]["state"] == "done"


def test_with_prune_the_post_merge_hook_still_finds_the_workspace(world: World) -> None:
    path = world.task("t")
    log = world.root / "log"
    hook(world, "post-merge", f"test -e t.txt && pwd -P >'{log}'")
    hook(world, "post-remove", f"echo removed >>'{log}'; exit 1")
    done = world.par("merge", "t", "--prune")
    assert (done.status, log.read_text()) == (5, f"{path}\nremoved\n")
    assert "t: the post-remove hook ended with status 1\n" in done.err


@pytest.mark.parametrize(
    "argv", [("remove", "t"), ("prune",), ("remove", "--force", "t"), ("merge", "t", "--prune"), ("undo",)]
)
def test_a_pre_remove_hook_can_refuse(world: World, argv: tuple[str, ...]) -> None:
    path = world.task("t") if argv[0] != "undo" else world.add("t")[0]
    if argv[0] in ("remove", "prune"):
        world.ok("merge", "t")
    hook(world, "pre-remove", "echo still needed; exit 1")
    done = world.par(*argv)
    assert done.status == {"prune": 0, "merge": 1}.get(argv[0], 3)
    assert "t: the pre-remove hook ended with status 1: still needed\n" in done.err
    assert path.is_dir()
    assert world.listed("t")["state"] == ("new" if argv[0] == "undo" else "landed")
    world.check_sound()


def test_only_what_could_go_is_asked_about_before_a_removal(world: World) -> None:
    directory = recorded(world, "pre-remove", "post-remove")
    world.task("unmerged")
    world.add("new")
    world.task("in")
    world.ok("merge", "in")
    world.ok("prune", "--dry-run")
    assert records(directory) == []
    world.ok("prune")
    assert [(one["told"]["event"], one["told"]["branch"]) for one in records(directory)] == [
        ("pre-remove", "in"),
        ("post-remove", "in"),
    ]


def test_what_a_pre_remove_hook_leaves_behind_is_seen(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    log = world.root / "log"
    hook(world, "pre-remove", "echo precious >note")
    hook(world, "post-remove", f"echo removed >'{log}'")
    assert refusals(world.par("remove", "t", "--json")) == [("t", "untracked")]
    assert (path / "note").read_text() == "precious\n"
    assert not log.exists()


def test_a_post_remove_hook_that_fails_brings_nothing_back(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    hook(world, "post-remove", "exit 4")
    done = world.par("remove", "t")
    assert (done.status, done.out) == (5, "removed t (merged)\n")
    assert "t: the post-remove hook ended with status 4\n" in done.err
    assert not path.exists()


def test_what_comes_back_is_greeted_as_a_new_task(world: World) -> None:
    directory = recorded(world, "post-add")
    path = world.task("t")
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    world.ok("undo")
    world.ok("undo")
    found = records(directory)
    assert [(one["told"]["event"], one["cwd"]) for one in found] == [("post-add", str(path))] * 3
    hook(world, "post-add", "exit 1")
    world.ok("remove", "--force", "t")
    done = world.par("restore", "t")
    assert (done.status, done.out) == (5, f"{path}\n")
    world.ok("remove", "--force", "t")
    done = world.par("undo")
    assert done.status == 5
    assert path.is_dir()


def test_a_hook_may_run_git_par_itself(world: World) -> None:
    """No lock is held that it would wait for."""
    world.git("config", "par.lockTimeout", "2")
    par = f"{PAR[0]} -m git_par"
    for event in EVENTS:
        touch = "true" if event == "post-remove" else f"{par} set t --title x"
        own = f"{par} list && {par} add inner-{event} && {touch}"
        hook(world, event, f'test -n "$INSIDE" || {{ export INSIDE=1; {own}; }}')
    done = world.par_process("add", "t")
    assert done.status == 0, done
    world.commit("work", cwd=world.workspaces / "t", t__txt="t\n")
    done = world.par_process("merge", "t", "--prune")
    assert done.status == 0, done
    assert {f"inner-{event}" for event in EVENTS} <= {path.name for path in world.workspaces.iterdir()}
    world.check_sound()


@pytest.mark.parametrize(
    ("number", "event", "argv"),
    [
        (signal.SIGINT, "pre-merge", ("merge", "t")),
        (signal.SIGKILL, "pre-merge", ("merge", "t")),
        (signal.SIGTERM, "post-add", ("add", "u")),
        (signal.SIGINT, "pre-remove", ("remove", "new")),
        (signal.SIGINT, "pre-remove", ("undo",)),
        (signal.SIGKILL, "pre-remove", ("undo",)),
    ],
)
def test_what_ends_git_par_ends_the_hook(world: World, number: int, event: str, argv: tuple[str, ...]) -> None:
    world.task("t")
    world.add("new")
    _end_in_hook(world, number, event, argv)
    assert world.listed("t")["state"] == "active"
    assert world.listed("new")["state"] == "new"
    if argv[0] == "undo":
        world.ok("undo")
    world.check_sound()
    world.ok("merge", "t")


def test_a_merge_that_is_killed_in_its_last_hook_is_done_and_can_be_undone(world: World) -> None:
    world.task("t")
    before = world.rev("main")
    _end_in_hook(world, signal.SIGKILL, "post-merge", ("merge", "t"))
    assert world.listed("t")["state"] == "landed"
    world.ok("undo")
    assert world.rev("main") == before


def test_none_begins_before_there_is_somebody_to_end_it(world: World) -> None:
    code = (
        "import os; from pathlib import Path; from git_par.spawn import heard, watchers; "
        "watchers.Watcher = lambda *_: os.kill(os.getpid(), 9); "
        "heard.contained('touch begun', heard.Place(Path.cwd(), os.environ, print))"
    )
    assert world.process(sys.executable, "-c", code, cwd=world.root).status == -9
    time.sleep(0.3)
    assert not (world.root / "begun").exists()


def _end_in_hook(world: World, number: int, event: str, argv: tuple[str, ...]) -> None:
    """Send `git par ARGV` the signal `number` while a hook of `event` runs, which ends by that too."""
    hook(world, event, f"echo $$ >'{world.root}/pid'; sleep 100")
    running = world.start(*PAR, *argv)
    file = world.root / "pid"
    until(lambda: file.exists() and file.read_text().endswith("\n"))
    os.kill(running.pid, number)
    running.communicate(timeout=20)
    assert running.returncode == (-9 if number == signal.SIGKILL else 128 + number)
    until(lambda: _is_over(int(file.read_text())))
    world.git("config", "--unset-all", f"par.hook.{event}")


def _is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_hook_that_reads_nothing_and_one_that_is_no_command(world: World) -> None:
    hook(world, "post-add", "exec <&-; true", "no-such-command")
    done = world.par("add", "t")
    assert done.status == 5
    assert "the post-add hook ended with status 127: " in done.err


def test_in_a_bare_repository_what_has_no_workspace_runs_there(world: World) -> None:
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    bare = World(world.root, "x.git")
    directory = recorded(bare, "post-add", "post-remove")
    world.ok("add", "t", cwd=bare.repo)
    world.ok("remove", "t", cwd=bare.repo)
    found = records(directory)
    assert [one["cwd"] for one in found] == [str(world.root / "x-worktrees/t"), str(bare.repo)]
    assert [one["told"]["repository"]["main"] for one in found] == [None, None]


def test_a_bad_setting_that_a_hook_needs_is_found_before_the_work(world: World) -> None:
    world.task("t")
    before = world.rev("main")
    hook(world, "post-merge", "true")
    world.git("config", "par.portBase", "many")
    assert world.par("merge", "t").status == 2
    assert world.rev("main") == before


def test_the_doctor_names_events_that_never_come(world: World) -> None:
    world.git("config", "par.hook.post-ad", "true")
    world.git("config", "par.Hook.post-add", "true")
    world.git("config", "par.hook.post-add", "true")
    world.write(".gitpar", '[par "hook"]\n\tpre-marge = true\n')
    done = world.par("doctor", "--json")
    found = [one["message"].partition(":")[0] for one in done.json["findings"] if one["id"] == "config-events"]
    assert found == ["par.hook.post-ad", "par.Hook.post-add", "par.hook.pre-marge"]
