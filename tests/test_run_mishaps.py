"""`git par run` where others have a hand in it: damaged records, merges by hand, locks, lost readers."""

import json
import shlex
from pathlib import Path
from typing import Any

import pytest

from git_par import render
from git_par.commands import list_watch
from git_par.commands.list import Columns
from git_par.state.session import Session
from tests.processes import until, wait_for
from tests.running import Tasks, log_of, parts, record, states, subjects, task_file
from tests.world import PAR as PROGRAM
from tests.world import World

PAR = f"PYTHONPATH={shlex.quote(str(Path(__file__).parent.parent))} {shlex.join(PROGRAM)}"
"""`git par` of the source that is tested, for workers."""


def records(world: World) -> Path:
    return world.repo / ".git" / "par" / "runs"


def test_what_else_lies_beside_the_records_is_no_run(world: World) -> None:
    world.par("run", task_file(world, {"one": {"command": "exit 1"}}))
    (file,) = records(world).glob("*.json")
    for name in ("notes", f"{file.stem}-backup", f"{file.stem}-²"):
        (records(world) / f"{name}.json").write_bytes(file.read_bytes())
    copied = records(world) / f"{file.stem}-2.json"
    copied.write_bytes(file.read_bytes())
    done = world.ok("log", "--runs", "--json")
    assert [one["id"] for one in done.json["runs"]] == [file.stem]
    assert done.err == f"git par: '{copied}': this run cannot be read (it records run {file.stem}); left as it is\n"
    assert world.par("run", task_file(world, {"two": {}})).status == 0
    assert list_watch.look(Session(("list",), render.tell, cwd=world.repo), Columns()).is_whole


def test_a_record_with_nonsense_in_it_is_left_and_named(world: World) -> None:
    world.par("run", task_file(world, {"one": {"command": "exit 1"}}))
    (file,) = records(world).glob("*.json")
    whole = file.read_text()
    wrong: list[tuple[str, Any]] = [("version", 2), ("began", "x"), ("ended", "2026-01-01"), ("parts", []), ("id", 1)]
    of_part: list[tuple[str, Any]] = [("seconds", "x"), ("log", 1), ("level", "1"), ("began", "x"), ("state", "gone")]
    for key, value, table in [*((*one, "") for one in wrong), *((*one, "parts") for one in of_part)]:
        data = json.loads(whole)
        (data[table][0] if table else data)[key] = value
        file.write_text(json.dumps(data))
        for words in (("run", "--resume"), ("log", "--runs")):
            assert f"'{file}': this run cannot be read" in world.par(*words).err, (table, key)
        assert json.loads(file.read_text()) == data
    file.write_text(whole)
    assert world.par("run", "--resume").status == 1


def test_an_older_run_is_not_taken_for_the_newest_that_cannot_be_read(world: World) -> None:
    old = task_file(world, {"old": {"command": "echo again >>../count; exit 1"}}, name="old.toml")
    world.par("run", old)
    (first,) = records(world).glob("*.json")
    world.par("run", task_file(world, {"new": {"command": "exit 1"}}))
    (newest,) = set(records(world).glob("*.json")) - {first}
    newest.write_text("{")
    done = world.par("run", "--resume")
    assert (done.status, (world.workspaces / "count").read_text()) == (3, "again\n")
    assert done.err.splitlines()[-2:] == [
        f"git par: --resume: the newest run cannot be read; the next one is {first.stem}",
        f"hint: git par run --resume {old}, or move its record away first",
    ]
    assert world.par("run", "--resume", old).status == 1
    assert (world.workspaces / "count").read_text() == "again\nagain\n"
    newest.rename(newest.with_suffix(".bad"))
    assert world.par("run", "--resume").status == 1
    assert (world.workspaces / "count").read_text() == "again\nagain\nagain\n"


def test_who_waits_in_vain_to_remove_one_does_not_end_the_others(world: World) -> None:
    world.git("config", "par.lockTimeout", "1")
    tasks: Tasks = {
        "bad": {"command": "sleep 1; exit 1"},
        "fine": {"command": f"{PAR} with-lock -- sleep 4; echo x >x"},
    }
    done = world.par("run", task_file(world, tasks, jobs=2, on_failure="remove"), "--json")
    assert parts(done.json) == {"bad": ("failed", "exit"), "fine": ("landed", "")}
    assert "git par: bad: not removed: the repository: locked by " in done.err
    assert (world.repo / "x").read_text() == "x\n"
    assert record(world)["state"] == "failed"


def test_what_another_brings_home_and_removes_meanwhile_has_come_home(world: World) -> None:
    merge = f"cd {world.repo}; until git rev-list main..one | grep .; do sleep 0.05; done; {PAR} merge one --prune"
    tasks: Tasks = {
        "one": {"command": "echo x >x"},
        "two": {"command": f"{merge}; test ! -e {world.workspaces}/one"},
        "next": {"needs": ["one"], "command": "cp x y"},
    }
    done = world.par("run", task_file(world, tasks, jobs=2), "--json")
    assert states(done.json) == {"one": "landed", "two": "unchanged", "next": "landed"}, done
    assert (world.repo / "y").read_text() == "x\n"
    assert subjects(world).count("Work on one") == 1


def test_what_came_home_elsewhere_has_not_come_home(world: World) -> None:
    world.git("branch", "dev")
    tasks: Tasks = {"one": {"command": "echo x >x; exit 1"}, "next": {"needs": ["one"], "command": "cp x y"}}
    world.par("run", task_file(world, tasks))
    path = world.workspaces / "one"
    world.commit("by hand", cwd=path)
    world.ok("merge", "one", "--into", "dev")
    done = world.par("run", "--resume", "--json")
    assert states(done.json) == {"one": "failed", "next": "skipped"}
    world.ok("merge", "one", "--prune")
    done = world.ok("run", "--resume", "--json")
    assert states(done.json) == {"one": "landed", "next": "landed"}


def test_a_reader_that_goes_away_may_miss_the_end_of_a_line(world: World) -> None:
    late = "sleep 1; printf 'no line end'; echo x >x"
    file = task_file(world, {"one": {"command": late}, "two": {"needs": ["one"], "command": "echo y >y"}})
    world.process("sh", "-c", f"{shlex.join([*PROGRAM, 'run', file])} 2>&1 | head -n 1")
    assert record(world)["state"] == "done"
    assert (world.repo / "y").exists()


def test_the_log_of_a_worker_is_not_that_of_a_gate(world: World) -> None:
    world.ok("run", task_file(world, {"gate-main": {"command": "echo said by a worker; echo x >x"}}, gate="echo green"))
    (part,) = record(world)["parts"]
    assert "said by a worker\n" in Path(part["log"]).read_text()
    gate = log_of(world, "gate-main").read_text()
    assert "green\n" in gate
    assert "worker" not in gate


@pytest.mark.parametrize("value", ["9" * 5000, '"' + "9" * 5000 + 'd"', "9" * 400, '"٣s"', "0", "-1"])
def test_a_time_that_is_none(value: str, world: World) -> None:
    file = world.write(
        "tasks.toml", f"[run]\ntimeout = {value}\n[[task]]\nname = 'one'\ncommand = 'true'\n", world.root
    )
    done = world.par("run", str(file))
    assert done.status == 2
    assert done.err.startswith("git par: tasks.toml: ")
    assert "Traceback" not in done.err


def test_a_worker_that_wrecks_its_workspace_has_not_come_home(world: World) -> None:
    """What may lie there uncommitted nobody knows, so nothing of it is removed, and nobody goes on from it."""
    save = "echo $GIT_PAR_TASK >$GIT_PAR_TASK; git add .; git commit -qm work; echo loose >loose"
    tasks: Tasks = {
        "moved": {"command": f"{save}; mv $GIT_PAR_PATH {world.root}/elsewhere"},
        "cut": {"command": f"{save}; rm .git"},
        "led": {"command": f"{save}; echo gitdir: {world.repo}/.git >.git; rm a.txt"},
        "next": {"needs": ["moved"]},
    }
    done = world.par("run", task_file(world, tasks), "--json")
    assert parts(done.json) == {
        **dict.fromkeys(("moved", "cut", "led"), ("failed", "gone")),
        "next": ("skipped", "needs"),
    }
    assert f"git par: cut: failed: its workspace is gone or damaged: '{world.workspaces}/cut'\n" in done.err
    assert "hint: cut: git par doctor; git par merge cut brings home what is committed\n" in done.err
    assert world.git("log", "--format=%s", "main") == "first"
    assert (world.root / "elsewhere" / "loose").read_text() == "loose\n"
    assert world.git("status", "--porcelain", cwd=world.root / "elsewhere") == "?? loose"
    (world.root / "elsewhere").rename(world.workspaces / "moved")
    world.ok("merge", "cut")
    done = world.par("run", "--resume", "--json")
    assert states(done.json) == {"moved": "landed", "cut": "landed", "led": "failed", "next": "unchanged"}
    assert (world.repo / "loose").read_text() == "loose\n"


def test_a_branch_that_its_worker_renamed_is_told_with_the_way_back(world: World) -> None:
    command = "echo x >x; git add x; git commit -qm work; git branch -m other"
    done = world.par("run", task_file(world, {"one": {"command": command}}), "--json")
    assert parts(done.json) == {"one": ("failed", "gone")}
    path = world.workspaces / "one"
    assert "one: branch 'one' is gone: it was renamed to 'other'\n" in done.err.replace("failed: ", "")
    assert f"git par: hint: one: git -C {path} branch -m one\n" in done.err
    world.git("branch", "-m", "one", cwd=path)
    assert states(world.ok("run", "--resume", "--json").json) == {"one": "landed"}


def test_a_run_that_could_not_begin_leaves_no_record(world: World) -> None:
    """Two of one file at once: who comes second finds the names taken after it looked."""
    held, go, refused = (world.root / name for name in ("held", "go", "refused"))
    file = task_file(world, {"one": {"command": f"until test -e {refused}; do sleep 0.05; done; echo x >x"}})
    hold = world.start(
        *PROGRAM, "with-lock", "--", "sh", "-c", f"touch {held}; until test -e {go}; do sleep 0.05; done"
    )
    wait_for(held)
    both = [world.start(*PROGRAM, "run", file) for _ in range(2)]
    for one in both:  # each has looked by then, and found the names free
        assert one.stderr
        assert any("waiting for the repository" in line for line in one.stderr)
    go.touch()
    until(lambda: any(one.poll() is not None for one in both))
    refused.touch()
    ended = sorted((one.communicate(timeout=60)[1], one.returncode) for one in both)
    assert (hold.wait(60), hold.communicate()) == (0, ("", ""))
    assert sorted(status for _, status in ended) == [0, 2]
    # Whether the other is still making it or has made it by then.
    taken = ("there is a task of that name", "another process is making a task of that name")
    assert [any(why in err for why in taken) for err, status in ended] == [status == 2 for _, status in ended], ended
    assert sum("not finished" in err for err, _ in ended) == 0
    assert len(world.ok("log", "--runs", "--json").json["runs"]) == 1
    assert world.par("run", "--resume").status == 2


def test_a_title_that_looks_like_a_comment_is_the_title(world: World) -> None:
    world.git("config", "commit.cleanup", "strip")
    world.ok("run", task_file(world, {"one": {"title": "#12: free the channel", "command": "echo x >x"}}))
    assert "#12: free the channel" in subjects(world)


def test_a_run_whose_work_was_removed_keeps_its_record_when_it_cannot_go_on(world: World) -> None:
    world.par("run", task_file(world, {"one": {"command": "echo x >x; exit 1"}}, on_failure="remove"))
    world.add("one")
    done = world.par("run", "--resume")
    assert (done.status, states(record(world))) == (2, {"one": "waiting"})
    assert "not finished; go on with 'git par run --resume'" in done.err


def test_what_failed_uncommitted_and_was_removed_is_run_again(world: World) -> None:
    command = "echo x >x; test -e ../again || { touch ../again; exit 1; }"
    tasks: Tasks = {"one": {"command": command}, "next": {"needs": ["one"], "command": "cp x y"}}
    done = world.par("run", task_file(world, tasks, on_failure="remove"), "--json")
    assert [(part["state"], part["removed"]) for part in done.json["tasks"]] == [("failed", True), ("skipped", False)]
    done = world.ok("run", "--resume", "--json")
    assert [(part["state"], part["removed"]) for part in done.json["tasks"]] == [("landed", True)] * 2
    assert world.branches() == ["main"]
    assert (world.repo / "y").read_text() == "x\n"


def test_what_was_removed_by_hand_before_its_commit_is_gone(world: World) -> None:
    file = task_file(world, {"one": {"command": f"cd {world.repo}; {PAR} remove --force one"}})
    done = world.par("run", file, "--json")
    assert parts(done.json) == {"one": ("failed", "gone")}


def test_what_git_has_against_one_does_not_end_the_others(world: World) -> None:
    save = "echo x >x; git add x; git commit -qm work"
    tasks: Tasks = {
        "bad": {"command": 'echo x >x; echo junk >"$(git rev-parse --git-dir)/index"'},
        "lost": {"command": f"{save}; rm $(git rev-parse --git-path objects/$(git rev-parse HEAD | sed 's|..|&/|'))"},
        "fine": {"command": "sleep 1; echo y >y"},
    }
    done = world.par("run", task_file(world, tasks, jobs=3), "--json")
    unknown = ("failed", "unknown")
    assert parts(done.json) == {"bad": unknown, "lost": unknown, "fine": ("landed", "")}
    assert all((world.workspaces / name / "x").exists() for name in ("bad", "lost"))
    assert "git par: bad: failed: it cannot be checked: git status: " in done.err
    assert (world.repo / "y").read_text() == "y\n"


def test_a_hook_that_has_something_against_every_task_leaves_none_to_work(world: World) -> None:
    world.git("config", "par.hook.post-add", "exit 3")
    file = task_file(world, {"one": {"command": "touch ../ran"}, "next": {"needs": ["one"]}})
    done = world.par("run", file, "--json")
    assert (done.status, parts(done.json)) == (1, {"one": ("failed", "hook"), "next": ("skipped", "needs")})
    assert not (world.workspaces / "ran").exists()


def test_what_a_killed_add_left_does_not_take_the_name(world: World) -> None:
    world.add("one")
    world.record("one").write_text(world.record("one").read_text().replace('"active"', '"creating"'))
    done = world.ok("run", task_file(world, {"one": {"command": "echo x >x"}}), "--json")
    assert states(done.json) == {"one": "landed"}
