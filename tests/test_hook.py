"""`git par hook`: what a coding agent gets that wants a worktree or is done with one."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from git_par import names
from tests.processes import wait_for
from tests.test_add import smudge
from tests.world import PAR, Result, World

ROOT = Path(__file__).parent.parent
CREATE = (*PAR, "hook", "worktree-create")
REMOVE = (*PAR, "hook", "worktree-remove")
HINT = 'hint: echo \'{"name": "..."}\' | git par hook worktree-create\n'


def start(world: World, argv: tuple[str, ...], cwd: Path | None = None) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        argv,
        cwd=cwd or world.repo,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def say(running: "subprocess.Popen[str]", text: str) -> None:
    """Write to its stdin and leave that open."""
    assert running.stdin
    running.stdin.write(text)
    running.stdin.flush()


def ask(world: World, argv: tuple[str, ...], request: Any, cwd: Path | None = None) -> Result:
    """Answer one request: an object, or a text as it is."""
    running = start(world, argv, cwd)
    out, err = running.communicate(request if isinstance(request, str) else json.dumps(request), timeout=60)
    return Result(running.returncode, out, err)


def created(world: World, request: Any, cwd: Path | None = None) -> Path:
    """The workspace that was made; exactly its path must have been printed."""
    done = ask(world, CREATE, request, cwd)
    assert done.status == 0, done
    path = Path(done.out.removesuffix("\n"))
    assert done.out == f"{path}\n"
    assert (path / "a.txt").exists()
    return path


# worktree-create


def test_exactly_the_path_is_printed_and_what_is_not_asked_for_is_ignored(world: World) -> None:
    request = {"session_id": "s", "hook_event_name": "WorktreeCreate", "name": "fix", "cwd": str(world.repo), "x": [{}]}
    done = ask(world, CREATE, request, cwd=world.root)
    assert done == (
        0,
        f"{world.workspaces / 'fix'}\n",
        f"fix: starts at main ({world.rev('HEAD')[:8]}), returns to main\n",
    )
    assert world.git("symbolic-ref", "--short", "HEAD", cwd=world.workspaces / "fix") == "fix"
    world.check_sound()


def test_the_name_has_two_names_and_the_directory_is_where_one_stands(world: World) -> None:
    assert created(world, {"worktree_name": "fix"}) == world.workspaces / "fix"
    assert created(world, {"name": None, "worktree_name": "more", "cwd": None}) == world.workspaces / "more"
    assert created(world, {"name": "this", "worktree_name": "that"}) == world.workspaces / "this"


def test_a_missing_name_is_made_up(world: World) -> None:
    paths = {created(world, request).name for request in ({}, {"name": ""}, {"name": None})}
    assert len(paths) == 3
    assert all(name.startswith("task-2") for name in paths)


def test_a_caller_that_keeps_the_pipe_open_is_answered(world: World) -> None:
    running = start(world, CREATE)
    assert running.stdout
    for piece in ('\n {"name": "f', 'ix", "x": "}"', ', "y": {}}'):
        say(running, piece)
        time.sleep(0.1)
    assert running.wait(60) == 0
    assert running.stdout.readline() == f"{world.workspaces / 'fix'}\n"
    running.communicate()


def test_an_existing_task_is_found_again(world: World) -> None:
    path = world.task("fix")
    for _ in range(2):
        done = ask(world, CREATE, {"name": "fix"})
        assert done == (0, f"{path}\n", "fix: is there already, returns to main\n")
    assert [task["name"] for task in world.ok("list", "--json").json["tasks"]] == ["fix"]


def test_who_asks_for_what_is_being_made_waits_for_it(world: World) -> None:
    go, started = world.root / "go", world.root / "started"
    smudge(world, f"touch {started}; while ! [ -e {go} ]; do sleep 0.05; done; cat")
    first = start(world, CREATE)
    say(first, '{"name": "fix"}')
    wait_for(started)
    second = start(world, CREATE)
    say(second, '{"name": "fix"}')
    time.sleep(0.5)
    assert second.poll() is None
    go.touch()
    for running in (first, second):
        out, err = running.communicate(timeout=60)
        assert (running.returncode, out) == (0, f"{world.workspaces / 'fix'}\n"), err
    world.check_sound()


def test_what_a_killed_one_left_is_made_anew(world: World) -> None:
    started = world.root / "started"
    smudge(world, f"touch {started}; while ! [ -e {world.root}/go ]; do sleep 0.05; done; cat")
    first = start(world, CREATE)
    say(first, '{"name": "fix"}')
    wait_for(started)
    first.send_signal(signal.SIGKILL)
    first.wait(30)
    (world.root / "go").touch()
    first.communicate()
    assert created(world, {"name": "fix"}) == world.workspaces / "fix"
    world.check_sound()


def test_many_at_once_do_not_collide(world: World) -> None:
    """Twelve agents with names of their own, and four that were told the same one."""
    wanted = [f"agent-{number}" for number in range(12)] + ["shared"] * 4
    running = [start(world, CREATE) for _ in wanted]
    for process, name in zip(running, wanted, strict=True):
        say(process, json.dumps({"name": name, "cwd": str(world.repo)}))
    for process, name in zip(running, wanted, strict=True):
        out, err = process.communicate(timeout=120)
        assert (process.returncode, out) == (0, f"{world.workspaces / name}\n"), err
    assert len(world.ok("list", "--json").json["tasks"]) == 13
    world.check_sound()


def test_a_limit_holds_for_agents_too_and_not_for_what_is_there(world: World) -> None:
    path = world.task("fix")
    world.git("config", "par.maxTasks", "1")
    assert created(world, {"name": "fix"}) == path
    done = ask(world, CREATE, {"name": "more"})
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(
        "git par: par.maxTasks: at most 1 at a time, and there are 1, none of which can be pruned\n"
    )


ODD = [
    "a b",
    "a:b",
    "a~b",
    "-a",
    "refs/heads/a",
    "a..b",
    "HEAD",
    "\ud800",
    "\n",
    "!?",
    "x" * 300,
    "日本 語",
    "a.lock",
    "a\0",
]


@pytest.mark.parametrize("name", ODD)
def test_a_name_that_cannot_be_one_stands_for_another(name: str) -> None:
    other = names.substitute(name)
    assert names.task_problem(name) != ""
    assert names.task_problem(other) == ""
    assert other == names.substitute(name)
    assert [one for one in ODD if names.substitute(one) == other] == [name]


def test_the_same_odd_name_is_the_same_task(world: World) -> None:
    name = "Fix: the mixer\x1b[31m"
    path = created(world, {"name": name})
    assert path == world.workspaces / names.substitute(name)
    assert path.name.startswith("fix-the-mixer")
    assert world.listed(path.name)["title"] == "Fix: the mixer [31m"
    assert created(world, {"name": name}) == path
    assert created(world, {"name": "Fix the mixer"}) != path
    assert created(world, '{"name": "\\ud800 \\udc80"}').name.startswith("task-")
    world.check_sound()


def test_a_branch_that_is_no_task_stays_and_the_task_is_called_otherwise(world: World) -> None:
    world.git("branch", "fix")
    done = ask(world, CREATE, {"name": "fix"})
    other = names.substitute("fix")
    assert (done.status, done.out) == (0, f"{world.workspaces / other}\n")
    assert done.err.splitlines()[0] == f"'fix': branch 'fix' exists already; the task is '{other}'"
    assert created(world, {"name": "fix"}) == world.workspaces / other
    world.git("branch", "-D", "-q", "fix")
    assert created(world, {"name": "fix"}) == world.workspaces / other


def test_where_no_name_helps_the_first_refusal_is_told(world: World) -> None:
    world.git("config", "par.branch", "x..{name}")
    done = ask(world, CREATE, {"name": "one"})
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines()[0].startswith("git par: branch 'x..one': ")
    assert world.branches() == ["main"]


def test_nobody_is_sent_to_a_workspace_that_is_gone(world: World) -> None:
    path = world.task("fix")
    shutil.rmtree(path)
    assert created(world, {"name": "fix"}).name == names.substitute("fix")
    assert "fix" in world.branches()


def test_uncommitted_changes_do_not_stop_it(world: World) -> None:
    world.write("a.txt", "changed\n")
    done = ask(world, CREATE, {"name": "fix"})
    assert done.status == 0
    assert done.err.splitlines() == [
        f"git par: '{world.repo}' has uncommitted changes that the new tasks will not see: a.txt",
        f"fix: starts at main ({world.rev('HEAD')[:8]}), returns to main",
    ]
    assert (world.repo / "a.txt").read_text() == "changed\n"
    assert (world.workspaces / "fix" / "a.txt").read_text() == world.git("show", "HEAD:a.txt") + "\n"


def test_a_detached_head_does_not_stop_it(world: World) -> None:
    world.git("branch", "release")
    world.git("switch", "-q", "--detach")
    created(world, {"name": "one"})
    assert world.listed("one")["base"] == "main"
    world.git("switch", "-q", "release")
    world.commit("only on release")
    world.git("switch", "-q", "--detach")
    created(world, {"name": "two"})
    assert world.listed("two")["base"] == "release"
    world.git("config", "init.defaultBranch", "release")
    world.git("branch", "other")
    created(world, {"name": "three"})
    assert world.listed("three")["base"] == "release"
    world.commit("on no branch")
    created(world, {"name": "four"})
    assert world.listed("four")["base"] == "release"


def test_in_a_workspace_it_returns_to_that_task(world: World) -> None:
    path = world.task("outer")
    created(world, {"name": "inner", "cwd": str(path)}, cwd=world.root)
    assert world.listed("inner")["base"] == "outer"
    world.git("switch", "-q", "--detach", cwd=path)
    created(world, {"name": "another", "cwd": str(path)})
    assert world.listed("another")["base"] == "outer"


def test_a_failing_checkout_hook_is_said_and_the_path_is_still_printed(world: World) -> None:
    world.hook("post-checkout", "exit 1")
    done = ask(world, CREATE, {"name": "fix"})
    assert (done.status, done.out) == (0, f"{world.workspaces / 'fix'}\n")
    assert "post-checkout" in done.err


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        ("", "no JSON object on stdin"),
        ("name: fix", "no JSON object on stdin"),
        ('{"name": ', "no JSON object on stdin"),
        ('{"name": ]}', "no JSON object on stdin"),
        ('["fix"]', "no JSON object on stdin"),
        ("null", "no JSON object on stdin"),
        ('{"x": ' + "[" * 100_000 + "}", "no JSON object on stdin"),
        ('{"x": "' + "x" * (1 << 20) + '"}', "more than 1048576 bytes on stdin"),
        ('{"name": 7}', '"name" is not a string'),
        ('{"worktree_name": ["x"]}', '"worktree_name" is not a string'),
        ('{"cwd": {}}', '"cwd" is not a string'),
        ('{"cwd": "a\\u0000b"}', '"cwd" is no path'),
        ('{"cwd": "\\ud800"}', '"cwd" is no path'),
    ],
)
def test_what_is_no_request_is_refused_in_one_line(world: World, request_: str, why: str) -> None:
    running = start(world, CREATE)
    try:
        out, err = running.communicate(request_, timeout=60)
    except BrokenPipeError:
        out, err = running.communicate()
    assert (running.returncode, out, err) == (2, "", f"git par: hook worktree-create: {why}\n{HINT}")
    assert world.branches() == ["main"]


def test_a_directory_that_is_not_there_is_refused(world: World) -> None:
    gone = world.root / "gone"
    done = ask(world, CREATE, {"cwd": str(gone)})
    assert (done.status, done.err.splitlines()[0]) == (
        2,
        f"git par: hook worktree-create: \"cwd\": '{gone}' is no directory",
    )
    assert ask(world, CREATE, {"cwd": "/"}).status == 3


def test_without_stdin_it_does_not_wait(world: World) -> None:
    for redirection in ("<&-", "</dev/null"):
        done = world.process("sh", "-c", f'"$@" {redirection}', "sh", *CREATE)
        assert (done.status, done.err) == (2, f"git par: hook worktree-create: no JSON object on stdin\n{HINT}")


def test_a_caller_that_never_finishes_is_not_waited_for(world: World) -> None:
    program = "from git_par.commands import hook; hook.PATIENCE = 0.3; from git_par.cli import run; run()"
    running = start(world, (sys.executable, "-c", program, "hook", "worktree-create"))
    assert running.stderr
    say(running, '{"name": ]')
    assert running.wait(30) == 2
    assert running.stderr.read() == f"git par: hook worktree-create: no whole JSON object came within 0.3 s\n{HINT}"
    running.communicate()


def test_another_event_is_refused(world: World) -> None:
    assert world.par("hook", "worktree") == (
        2,
        "",
        "git par: worktree: not one of worktree-create, worktree-remove\nhint: git par hook worktree-create\n",
    )


# worktree-remove


def test_what_is_in_its_base_goes(world: World) -> None:
    new, landed = world.add("new")[0], world.task("landed")
    world.ok("merge", "landed")
    assert ask(world, REMOVE, {"worktree_path": str(new), "x": 1}, cwd=world.root) == (
        0,
        "",
        "git par: removed new (nothing was committed in it)\n",
    )
    assert ask(world, REMOVE, {"worktree_path": f"{landed}/"}, cwd=landed).err == "git par: removed landed (merged)\n"
    assert world.branches() == ["main"]
    assert not new.exists()
    assert not landed.exists()
    world.check_sound()


def test_work_stays_and_that_is_no_failure(world: World) -> None:
    path = world.task("fix")
    world.write("note", "note\n", path)
    world.write("a.txt", "changed\n", path)
    done = ask(world, REMOVE, {"worktree_path": str(path)})
    assert done == (
        0,
        "",
        "git par: left fix: uncommitted changes: a.txt; untracked files: note; not in main\n",
    )
    assert (path / "note").read_text() == "note\n"
    assert world.listed("fix")["state"] == "active"


def test_what_is_gone_or_not_ours_is_left(world: World) -> None:
    path = world.task("fix")
    other = world.root / "other"
    world.git("worktree", "add", "-q", str(other))
    (path / "sub").mkdir()
    left = "not the workspace of a task"
    for place, why in (
        (world.root / "gone", None),
        (world.repo, left),
        (other, left),
        (path / "sub", left),
        (world.workspaces, f"'{world.workspaces}': not a git repository"),
    ):
        done = ask(world, REMOVE, {"worktree_path": str(place)})
        said = f"left '{place}': {why}" if why else f"'{place}': no such directory, nothing to remove"
        assert done == (0, "", f"git par: {said}\n")
    assert other.exists()
    assert path.exists()


def test_a_path_by_a_link_is_the_workspace(world: World) -> None:
    path = world.add("new")[0]
    (world.root / "link").symlink_to(path)
    assert ask(world, REMOVE, {"worktree_path": str(world.root / "link")}).err.startswith("git par: removed new")
    assert not path.exists()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{}", '"worktree_path" is missing'),
        ('{"worktree_path": ""}', '"worktree_path" is missing'),
        ('{"worktree_path": 7}', '"worktree_path" is not a string'),
        ("x", "no JSON object on stdin"),
    ],
)
def test_a_removal_without_a_path_is_refused(world: World, text: str, why: str) -> None:
    done = ask(world, REMOVE, text)
    assert (done.status, done.out) == (2, "")
    hint = 'hint: echo \'{"worktree_path": "..."}\' | git par hook worktree-remove'
    assert done.err == f"git par: hook worktree-remove: {why}\n{hint}\n"


AGENT = """
import json, os, subprocess, sys
path, helpers, *hook = sys.argv[1:]
os.chdir(path)
running = [subprocess.Popen(["sleep", "60"]) for _ in range(int(helpers))]
command = ["sh", "-c", '"$@"; exit $?', "sh", *hook]
done = subprocess.run(command, input=json.dumps({"worktree_path": path}), text=True)
for one in running:
    one.kill()
sys.exit(done.returncode)
"""


def test_the_agent_that_asks_is_not_in_its_own_way(world: World) -> None:
    path = world.add("new")[0]
    done = world.process(sys.executable, "-c", AGENT, str(path), "0", *REMOVE)
    assert (done.status, done.err) == (0, "git par: removed new (nothing was committed in it)\n")
    assert not path.exists()


def test_what_the_agent_left_running_is_in_the_way(world: World) -> None:
    path = world.add("new")[0]
    done = world.process(sys.executable, "-c", AGENT, str(path), "1", *REMOVE)
    assert done.status == 0
    assert done.err.startswith("git par: left new: in use by sleep")
    assert path.exists()
