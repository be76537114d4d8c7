"""`git par log`: what was done, newest first, for people and for programs."""

import json
from pathlib import Path

from tests.world import World


def rows(world: World, *args: str) -> list[list[str]]:
    """The cells of each row: id, time, state, user, command, what."""
    lines = world.ok("log", *args).out.splitlines()
    return [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in lines[1:]]


def entries(world: World) -> list[Path]:
    return sorted((world.repo / ".git/par/journal").glob("*.json"), reverse=True)


def test_of_many_branches_the_count_is_shown(world: World) -> None:
    names = ("a", "b", "c", "d")
    world.add(*names)
    world.commit("on main", more__txt="x\n")
    world.ok("sync", "--all")
    assert rows(world)[0][5] == "4 branches moved, 4 tasks changed"


def test_nothing_was_done_yet(world: World) -> None:
    done = world.ok("log")
    assert (done.out, done.err) == ("", "nothing was done here yet\n")


def test_each_operation_has_a_line_with_what_it_did(world: World) -> None:
    world.task("one")
    world.task("two")
    before = world.rev("main")
    world.ok("merge", "--all", "--prune")
    after = world.rev("main")
    world.add("three")
    world.ok("set", "three", "--title", "T")
    found = rows(world)
    assert [row[4:] for row in found] == [
        ["set three --title T", "three changed"],
        ["add three", "three added"],
        ["merge --all --prune", f"main: {before[:8]}..{after[:8]}, one, two removed"],
        ["add two", "two added"],
        ["add one", "one added"],
    ]
    assert {row[2] for row in found} == {"done"}


def test_a_merge_says_which_tasks_landed(world: World) -> None:
    for name in ("a", "b", "c", "d"):
        world.task(name)
    world.ok("merge", "a", "b")
    assert rows(world)[0][5].endswith(", a, b merged")
    world.add("e", "f")
    world.ok("set", "a", "b", "c", "d", "--title", "T")
    assert rows(world)[0][5] == "4 tasks changed"


def test_the_number_of_lines_can_be_limited(world: World) -> None:
    world.add("one")
    world.add("two")
    assert [row[4] for row in rows(world, "-n", "1")] == ["add two"]
    assert rows(world, "--max-count", "0") == []
    said = "git par: -n -1: not a number from 0 on\nhint: git par log -n 10\n"
    assert world.par("log", "-n", "-1") == world.par("log", "--runs", "--max-count=-1") == (2, "", said)
    assert "only.\n" in world.par("log", "--help").out


def test_the_json_has_all_of_it(world: World) -> None:
    world.add("one")
    told = world.ok("log", "--json").json["operations"]
    assert len(told) == 1
    file = entries(world)[0]
    assert told[0] == {
        "id": file.stem[:15],
        "name": file.stem,
        "started": json.loads(file.read_text())["started"],
        "state": "done",
        "running": False,
        "command": ["add", "one"],
        "checkout": str(world.repo),
        "user": told[0]["user"],
        "undoes": None,
        "refs": [{"ref": "refs/heads/one", "before": None, "after": world.rev("main")}],
        "tasks": {"added": ["one"], "removed": [], "landed": [], "changed": []},
    }


def test_an_operation_whose_process_died_is_shown_as_cut_off(world: World) -> None:
    world.add("one")
    file = entries(world)[0]
    dead = file.with_name(f"{file.stem.split('-')[0]}-999999999-1.json")
    dead.write_text(json.dumps({**json.loads(file.read_text()), "state": "started"}))
    file.unlink()
    assert rows(world)[0][2] == "cut off"
    (told,) = world.ok("log", "--json").json["operations"]
    assert (told["state"], told["running"]) == ("started", False)


def test_a_damaged_entry_is_named_and_the_others_are_shown(world: World) -> None:
    world.add("one")
    bad = entries(world)[0].with_name("20200101T000000.000000Z-1-1.json")
    bad.write_text("{")
    done = world.ok("log")
    assert len(done.out.splitlines()) == 2
    assert done.err.startswith(f"git par: '{bad}': this entry of the journal cannot be read (")
    assert bad.exists()


def test_passwords_in_addresses_are_not_shown(world: World) -> None:
    world.ok("add", "one", "--exec", "true https://ada:secret@example.com/x.git")
    assert "secret" not in world.ok("log").out + world.ok("log", "--json").out
    assert "https://…@example.com/x.git" in world.ok("log").out


def test_log_reads_and_writes_nothing_in_a_repository_without_a_journal(world: World) -> None:
    world.ok("log")
    assert not (world.repo / ".git/par").exists()
