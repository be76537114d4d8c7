"""`git par log --runs`: past runs and the one that is at work, newest first, for people and for programs."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.test_log import rows as operations
from tests.test_schema import check
from tests.world import PAR, World

FILE = """
[run]
command = "echo $GIT_PAR_TASK >$GIT_PAR_TASK.txt"
[[task]]
name = "one"
[[task]]
name = "two"
command = "exit 3"
[[task]]
name = "three"
needs = ["two"]
"""


def rows(world: World, *args: str) -> list[list[str]]:
    """The cells of each row: id, time, state, base, how many came home, what."""
    return operations(world, "--runs", *args)


def records(world: World) -> list[Path]:
    """The oldest first; of one second the second has a number."""
    found = (world.repo / ".git/par/runs").glob("*.json")
    return sorted(found, key=lambda file: (file.stem[:16], int(file.stem[17:] or 1)))


def test_nothing_was_run_yet(world: World) -> None:
    done = world.ok("log", "--runs")
    assert (done.out, done.err) == ("", "nothing was run here yet\n")
    assert not (world.repo / ".git/par").exists()
    assert world.ok("log", "--runs", "--json").json["runs"] == []


def test_runs_are_listed_from_the_newest_to_the_oldest(world: World) -> None:
    file = world.write("tasks.toml", FILE)
    assert world.par("run", "tasks.toml").status == 1
    world.ok("run", "--each", "four", "five", "--", "touch", "it's done")
    found = rows(world)
    assert [row[2:] for row in found] == [
        ["done", "main", "2 of 2", """--each -- touch 'it'"'"'s done'"""],
        ["failed", "main", "1 of 3", str(file)],
    ]
    assert [row[0] for row in found] == [record.stem for record in records(world)][::-1]
    assert rows(world, "-n", "1") == found[:1]
    assert rows(world, "-n", "0") == []


def test_the_json_is_what_the_run_itself_said(world: World) -> None:
    world.write("tasks.toml", FILE)
    said = world.par("run", "tasks.toml", "--json")
    check("run", said.json)
    listed = world.ok("log", "--runs", "--json").json
    check("log", listed)
    assert {"version": 1, **listed["runs"][0]} == said.json
    assert [(task["state"], task["reason"], task["exit"]) for task in said.json["tasks"]] == [
        ("landed", None, 0),
        ("failed", "exit", 3),
        ("skipped", "needs", None),
    ]


def test_a_run_is_running_while_somebody_carries_it_out_and_cut_off_when_nobody_does(world: World) -> None:
    running = world.start(*PAR, "run", "--each", "one", "--", "sh", "-c", "echo at it; exec sleep 100")
    assert running.stderr
    try:
        for line in running.stderr:
            if line == "one: at it\n":
                break
        assert [row[2:5] for row in rows(world)] == [["running", "main", "0 of 1"]]
        check("log", world.ok("log", "--runs", "--json").json)
    finally:
        os.kill(running.pid, signal.SIGKILL)
        running.communicate()
    deadline = time.monotonic() + 20
    while rows(world)[0][2] == "running" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [row[2:5] for row in rows(world)] == [["cut off", "main", "0 of 1"]]
    listed = world.ok("log", "--runs", "--json").json
    check("log", listed)
    assert (listed["runs"][0]["state"], listed["runs"][0]["ended"]) == ("cut off", None)


@pytest.mark.parametrize("text", ["{", '{"version": 99}', "[]"])
def test_a_run_that_cannot_be_read_is_named_and_the_others_are_shown(world: World, text: str) -> None:
    world.ok("run", "--each", "one", "--", "true")
    bad = records(world)[0].with_name("20200101T000000Z.json")
    bad.write_text(text)
    done = world.ok("log", "--runs")
    assert len(done.out.splitlines()) == 2
    assert done.err.startswith(f"git par: '{bad}': this run cannot be read (")
    assert bad.read_text() == text


def test_a_run_that_was_interrupted_says_so(world: World) -> None:
    world.ok("run", "--each", "one", "--", "true")
    (file,) = records(world)
    file.write_text(json.dumps({**json.loads(file.read_text()), "state": "interrupted"}))
    assert rows(world)[0][2] == "interrupted"
