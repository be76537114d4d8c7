"""The journal: what it records, how it is read back, and what of it cannot be."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from git_par.errors import Refused, UsageError
from git_par.state.journal import Journal, Past, user
from git_par.state.session import Session
from tests.world import World


@pytest.fixture
def journal(world: World, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.chdir(world.repo)
    return Session((), print).journal


def every(journal: Journal) -> list[Past]:
    said: list[str] = []
    found = list(journal.all(said.append))
    assert said == []
    return found


def test_entries_come_back_as_they_were_written_newest_first(world: World, journal: Journal) -> None:
    world.add("one")
    world.ok("set", "one", "--title", "T")
    newest, oldest = every(journal)
    assert (oldest.entry.command, newest.entry.command) == (["add", "one"], ["set", "one", "--title", "T"])
    assert (newest.entry.state, newest.entry.refs) == ("done", {})
    assert oldest.entry.refs == {"refs/heads/one": [None, world.rev("main")]}
    assert [(before or {}).get("title", "-") for before in newest.entry.tasks["one"]] == [None, "T"]


def test_an_empty_repository_has_an_empty_journal(journal: Journal) -> None:
    assert every(journal) == []
    with pytest.raises(UsageError, match="no such operation"):
        journal.find("2026")


def test_an_id_is_as_much_of_the_name_as_tells_it_from_others_and_finds_it(journal: Journal) -> None:
    names = ["20261121T125008.000001Z-7-1", "20261121T125009.000002Z-7-1", "20261121T125009.000003Z-7-1"]
    names += ["20261121T125009.000003Z-7-2"]
    for name in names:
        _write(journal, name)
    ids = [past.id for past in every(journal)][::-1]
    assert ids == ["20261121T125008", "20261121T125009.000002Z", *names[2:]]
    assert [journal.find(id).name for id in ids] == names
    with pytest.raises(UsageError, match="several operations begin so"):
        journal.find("20261121T125009")
    with pytest.raises(UsageError, match="no such operation"):
        journal.find("")


MISSING = "no such field"


def _write(journal: Journal, name: str, **changes: object) -> Path:
    journal.directory.mkdir(parents=True, exist_ok=True)
    plain = {
        "version": 1,
        "command": ["add", "x"],
        "checkout": "/x",
        "user": "ada",
        "started": "2026-11-21T12:50:08Z",
        "state": "done",
    }
    file = journal.directory / f"{name}.json"
    file.write_text(json.dumps({key: value for key, value in {**plain, **changes}.items() if value != MISSING}))
    return file


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"command": MISSING},
        {"state": "else"},
        {"command": "add"},
        {"command": [1]},
        {"user": None},
        {"started": "yesterday"},
        {"started": "2026-11-21T12:50:08"},
        {"refs": []},
        {"refs": {"refs/heads/x": ["a"]}},
        {"refs": {"refs/heads/x": [None, "main"]}},
        {"refs": {"refs/heads/x": [None, 7]}},
        {"tasks": {"x": [None, {"name": "x"}]}},
        {"tasks": {"x": None}},
        {"kept": {"x": 1}},
        {"undoes": 1},
        {"work": [None]},
    ],
    ids=str,
)
def test_what_cannot_be_read_is_named_and_left(changes: dict[str, object], journal: Journal) -> None:
    bad = _write(journal, "20261121T125009.000000Z-1-1", **changes)
    _write(journal, "20261121T125008.000000Z-1-1")
    text, said = bad.read_bytes(), list[str]()
    assert [past.id for past in journal.all(said.append)] == ["20261121T125008"]
    assert len(said) == 1
    assert str(bad) in said[0]
    assert said[0].endswith("left as it is")
    assert bad.read_bytes() == text
    with pytest.raises(Refused, match="cannot be read"):
        journal.find("20261121T125009")


@pytest.mark.parametrize("text", [b"", b"{", b"\0\xff", b"[]", b"[" * 100_000])
def test_a_damaged_file_is_named_and_left(text: bytes, journal: Journal) -> None:
    journal.directory.mkdir(parents=True)
    (journal.directory / "20261121T125009.000000Z-1-1.json").write_bytes(text)
    said: list[str] = []
    assert list(journal.all(said.append)) == []
    assert len(said) == 1


def test_a_newer_field_does_no_harm(journal: Journal) -> None:
    _write(journal, "20261121T125008.000000Z-1-1", weather="fair")
    assert len(every(journal)) == 1


def test_marking_changes_the_state_and_nothing_else(world: World, journal: Journal) -> None:
    world.add("one")
    (past,) = every(journal)
    before = json.loads(past.file.read_bytes())
    past.mark("undone")
    assert json.loads(past.file.read_bytes()) == {**before, "state": "undone"}
    assert past.file.stat().st_mode & 0o777 == 0o600


def test_an_operation_runs_only_while_its_own_process_lives(journal: Journal) -> None:
    living = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        from git_par.state.tasks import now

        _write(journal, f"20261121T125007.000000Z-{living.pid}-1", state="started", started=now())
        _write(journal, f"20261121T125006.000000Z-{living.pid}-1", state="started", started="2020-01-01T00:00:00Z")
        _write(journal, f"20261121T125005.000000Z-{living.pid}-1", state="done", started=now())
        assert [past.is_running() for past in every(journal)] == [True, False, False]
    finally:
        living.communicate(b"\n")
    assert [past.is_running() for past in every(journal)] == [False, False, False]


def test_what_comes_to_nothing_meanwhile_is_passed_over(journal: Journal) -> None:
    for second in (9, 8):
        _write(journal, f"20261121T12500{second}.000000Z-1-1")
    found = journal.all(pytest.fail)
    assert next(found).name.startswith("20261121T125009")
    (journal.directory / "20261121T125008.000000Z-1-1.json").unlink()
    assert list(found) == []


def test_who_has_no_name_is_known_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    assert user() == "54321"


def test_a_temporary_file_of_a_killed_writer_is_no_entry(journal: Journal) -> None:
    journal.directory.mkdir(parents=True)
    (journal.directory / f".20261121T125009.000000Z-1-1.json.{os.getpid()}.json").write_text("{")
    assert every(journal) == []
