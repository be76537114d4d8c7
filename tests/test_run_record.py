"""The record of a run: what is no record is named and left, and two that begin in one second are two."""

import json
import os
import resource
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from git_par.runs import engine, guard, log, record
from git_par.runs.record import Runs
from git_par.runs.taskfile import TaskFile, Wanted
from git_par.state.session import Session
from tests.world import World

_FIELD = "a field is missing, unknown or of the wrong type"

PLAN = TaskFile(tasks=(Wanted(name="t", command="true"),))


def begun(session: Session) -> record.Run:
    return Runs(session).begin(PLAN, "main", None, allow_overlap=False)


def test_two_runs_of_one_second_are_two(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stopped(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> "Stopped":
            return cls(2026, 1, 2, 3, 4, 5, tzinfo=tz)

    monkeypatch.setattr(record, "datetime", Stopped)
    ids = [begun(session).id for _ in range(3)]
    assert ids == ["20260102T030405Z", "20260102T030405Z-2", "20260102T030405Z-3"]
    assert [one.id for one in Runs(session).all(pytest.fail)] == ids[::-1]


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        (lambda data: data.pop("plan"), _FIELD),
        (lambda data: data.update(parts=[{"unknown": 1}]), _FIELD),
        (lambda data: data.update(plan=[]), _FIELD),
        (lambda data: data["parts"][0].update(name="u"), "its tasks are not those of its plan"),
    ],
)
def test_what_is_no_record_is_named_and_left(
    world: World, session: Session, damage: Callable[[dict[str, Any]], object], why: str
) -> None:
    file = Runs(session).directory / f"{begun(session).id}.json"
    data = json.loads(file.read_text())
    damage(data)
    text = json.dumps(data)
    file.write_text(text)
    done = world.ok("log", "--runs")
    assert f"'{file}': this run cannot be read ({why}); left as it is\n" in done.err
    assert file.read_text() == text


def test_a_log_that_is_not_there_or_no_file_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("said\n")
    (tmp_path / "link").symlink_to(tmp_path / "log")
    os.mkfifo(tmp_path / "fifo")
    assert log.last_line_in(tmp_path / "log") == "said"
    for name in ("nothing", "link", "fifo", "."):
        assert log.last_line_in(tmp_path / name) == ""


def test_without_a_limit_on_files_as_many_workers_as_are_wanted_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert engine._room() > 10_000


def test_entries_for_git_that_git_refuses_are_left_to_git(tmp_path: Path) -> None:
    """And the worker is not told of a guard that is not there."""
    env = {"GIT_CONFIG_COUNT": "-1"}
    assert guard.guarded(env, tmp_path) == env
