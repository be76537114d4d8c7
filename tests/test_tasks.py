"""Records of tasks: what goes in comes out, and what cannot be read is named and left."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par import names
from git_par.state import tasks
from git_par.state.tasks import Landed, Task
from tests.world import World

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
NAME = TEXT.filter(lambda name: not names.task_problem(name))
RECORD = st.builds(
    Task,
    name=NAME,
    branch=NAME,
    path=TEXT.map(lambda text: f"/{text}"),
    base=NAME,
    base_commit=st.sampled_from(["a" * 40, "0" * 64]),
    state=st.sampled_from(["creating", "active", "removing"]),
    created=st.sampled_from(["2026-01-02T03:04:05Z"]),
    slot=st.integers(1, 10**6),
    placed=st.just("b" * 40),
    group=st.none() | TEXT,
    title=st.none() | TEXT,
    protected=st.booleans(),
    owns=st.lists(TEXT.filter(bool)).map(tuple),
    landed=st.none() | st.builds(Landed, tip=st.just("c" * 40), commit=st.just("d" * 40), into=TEXT),
)


@given(RECORD)
def test_a_record_makes_the_round_trip(task: Task) -> None:
    assert tasks.decode(json.loads(json.dumps(tasks.encode(task)))) == task


def test_fields_of_a_later_version_do_not_hurt(world: World) -> None:
    world.add("t")
    file, record = read(world)
    file.write_text(json.dumps({**record, "from the future": [1]}))
    assert world.listed("t")["name"] == "t"


def read(world: World, name: str = "t") -> tuple[Path, dict[str, Any]]:
    file = world.record(name)
    return file, json.loads(file.read_text())


def test_records_are_private_and_whole(world: World) -> None:
    world.add("t")
    file, record = read(world)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
    head = world.rev("HEAD")
    created = record.pop("created")
    assert created.endswith("Z")
    assert record == {
        "version": 1,
        "name": "t",
        "branch": "t",
        "path": str(world.workspaces / "t"),
        "base": "main",
        "base_commit": head,
        "state": "active",
        "slot": 1,
        "placed": head,
        "isolation": "worktree",
        "group": None,
        "title": None,
        "prompt": None,
        "protected": False,
        "owns": [],
        "landed": None,
    }


def changed(**fields: Any) -> Any:
    return lambda record: json.dumps({**record, **fields}).encode()


def without(field: str) -> Any:
    return lambda record: json.dumps({key: value for key, value in record.items() if key != field}).encode()


DAMAGE = {
    "empty": lambda _: b"",
    "truncated": lambda record: json.dumps(record).encode()[:-20],
    "binary": lambda _: bytes(range(256)),
    "no record": lambda _: b"[1, 2]",
    "a number": lambda _: b"7",
    "nul": lambda _: b"\0" * 4096,
    "deep": lambda _: b"[" * 100_000,
    "huge": lambda _: b'{"version": 1, "name": "' + b"x" * 3_000_000 + b'"}',
    "a huge number": lambda record: json.dumps(record).encode().replace(b'"slot": 1', b'"slot": ' + b"9" * 5000),
    "newer": changed(version=2),
    "of no version": without("version"),
    "foreign": changed(name="other"),
    "of a bad name": changed(name="../t"),
    "of no branch": without("branch"),
    "of a bad branch": changed(branch="-d"),
    "of a listed branch": changed(branch=["t"]),
    "of a bad base": changed(base="--all"),
    "of no base": changed(base=""),
    "of a numbered path": changed(path=7),
    "of a relative path": changed(path="t"),
    "of an owned number": changed(owns=[7]),
    "of an owned text": changed(owns="a"),
    "of nothing owned": changed(owns=[""]),
    "of owned nul": changed(owns=["\0"]),
    "of a path with nul": changed(path="/t\0"),
    "of a path that is no text": changed(path="/\ud800"),
    "of a true slot": changed(slot=True),
    "of a textual slot": changed(slot="1"),
    "of a bad time": changed(created="yesterday"),
    "of a time without a zone": changed(created="2026-01-02T03:04:05"),
    "of a textual protection": changed(protected="no"),
    "of a bad landing": changed(landed="x"),
    "of half a landing": changed(landed={"tip": "x"}),
    "of a numbered landing": changed(landed={"tip": 1, "commit": 2, "into": 3}),
    "of a numbered title": changed(title=7),
    "of a numbered isolation": changed(isolation=7),
    "of an unknown state": changed(state="flying"),
    "of a bad commit": changed(placed="-x"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_record_is_named_left_and_in_nobodys_way(world: World, damage: str) -> None:
    path = world.task("t")
    world.task("fine")
    (path / "precious").write_text("precious")
    file, record = read(world)
    data = DAMAGE[damage](record)
    file.write_bytes(data)
    listed = world.ok("list", "--json")
    assert [task["name"] for task in listed.json["tasks"]] == ["fine"]
    assert listed.err.startswith(f"git par: '{file}': this record cannot be read (")
    assert listed.err.count("\n") == 1
    for verb in (["path", "t"], ["merge", "t"], ["remove", "t"], ["add", "t"], ["set", "t", "--title", "x"]):
        done = world.par(*verb)
        assert done.status == 3, (verb, done)
        assert str(file) in done.err
    world.ok("merge", "fine")
    assert world.ok("prune", "--new", "--older-than", "0m").out in ("removed fine (merged)\n", "")
    world.ok("prune", "--new")
    assert file.read_bytes() == data
    assert (path / "precious").read_text() == "precious"
    assert "t" in world.branches()


def test_a_record_that_is_no_file_is_left(world: World) -> None:
    world.add("t")
    file, _ = read(world)
    file.unlink()
    file.mkdir()
    assert world.par("list").status == 0
    assert world.par("remove", "t").status == 3
    assert file.is_dir()
    assert (world.workspaces / "t").is_dir()


def test_what_is_protected_is_seen_in_the_list(world: World) -> None:
    world.add("t")
    assert "protected" not in world.ok("list").out
    world.ok("set", "t", "--protect")
    assert world.ok("list").out.splitlines()[-1].endswith("protected")


def test_what_others_put_beside_a_record_is_none(world: World) -> None:
    world.add("t")
    (world.repo / ".git" / "par" / "tasks" / "._t.json").write_bytes(b"\0\5\x16\7")
    done = world.ok("list", "--json")
    assert ([task["name"] for task in done.json["tasks"]], done.err) == (["t"], "")


def test_without_its_record_a_workspace_is_nobodys_and_stays(world: World) -> None:
    path = world.task("t")
    read(world)[0].unlink()
    assert world.par("remove", "t").status == 2
    world.ok("prune", "--new")
    assert path.is_dir()
    assert world.branches() == ["main", "t"]
    assert world.par("add", "t").status == 2


def test_a_record_is_made_once_and_changed_in_place(world: World) -> None:
    from git_par.discovery import find
    from git_par.state.tasks import Tasks

    world.add("t")
    told: list[str] = []
    store = Tasks(find(world.repo), told.append)
    task = store.expect("t")
    with pytest.raises(FileExistsError):
        store.add(replace(task, title="second"))
    assert store.expect("t") == task
    assert store.change("t", title="first") == replace(task, title="first")
    assert store.get("t") == replace(task, title="first")
    assert store.change("none", title="x") is None
    store.drop("t")
    store.drop("t")
    assert store.get("t") is None
    assert store.get("../t") is None
    assert told == []
