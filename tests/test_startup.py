"""A process of git-par loads what it needs, says all it has to say, and is gone."""

import os
import sys

import pytest

from tests.world import PAR, World

LOADED = "import sys; from git_par import cli; cli.main(sys.argv[1:]); print(*sys.modules)"


def loaded(world: World, *args: str) -> set[str]:
    done = world.process(PAR[0], "-c", LOADED, *args)
    return set(done.out.splitlines()[-1].split())


def test_a_path_costs_typer_and_nothing_else(world: World) -> None:
    world.add("one")
    found = loaded(world, "path", "one")
    heavy = {"rich", "sh", "filelock", "psutil", "asyncio", "pydantic", "concurrent.futures", "logging", "tempfile"}
    assert heavy & found == set()
    assert [name for name in found if name.startswith(("git_par.workspaces.", "git_par.landing."))] == []
    assert {"git_par.state.locks", "git_par.state.flock", "git_par.state.journal"} & found == set()


def test_an_add_loads_neither_removal_nor_the_way_home(world: World) -> None:
    found = loaded(world, "add", "one")
    heavy = {"rich", "sh", "psutil", "asyncio", "concurrent.futures", "tempfile", "filelock", "hashlib", "getpass"}
    assert heavy & found == set()
    assert [name for name in found if name.startswith("git_par.landing.")] == ["git_par.landing.healing"]
    others = {"removal", "aside", "usage", "carry", "populating"}
    assert {f"git_par.workspaces.{name}" for name in others} & found == set()
    assert {"git_par.spawn", "git_par.runs.guard"} & found == set()


def test_a_removal_loads_no_psutil_where_linux_tells_who_uses_a_workspace(world: World) -> None:
    world.add("one")
    found = loaded(world, "remove", "one")
    assert "git_par.workspaces.removal" in found
    assert not {"filelock", "rich", "sh"} & found
    assert ("psutil" in found) == (sys.platform != "linux")


def test_a_list_loads_no_locks(world: World) -> None:
    world.add("one")
    assert {"rich", "sh", "filelock", "psutil", "asyncio"} & loaded(world, "list") == set()


def test_all_of_a_long_answer_arrives(world: World) -> None:
    world.task("one", file__txt="x\n")
    for number in range(300):
        world.write(f"untracked-{number}-{'x' * 200}", "", world.workspaces / "one")
    done = world.par_process("list", "--json")
    assert done.status == 0
    assert done.json["tasks"][0]["dirty"]["untracked"] == 300


@pytest.mark.parametrize(
    ("args", "status"), [(("path", "one"), 0), (("path", "two"), 2), (("remove", "one"), 3), (("what",), 2)]
)
def test_the_status_arrives(world: World, args: tuple[str, ...], status: int) -> None:
    world.task("one")
    assert world.par_process(*args).status == status


def test_an_add_waits_for_the_disk_only_as_often_as_it_must(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.add("first")
    synced: list[int] = []
    sync = os.fsync

    def counted(file: int) -> None:
        synced.append(file)
        sync(file)

    monkeypatch.setattr(os, "fsync", counted)
    world.add("second")
    # Journal and record: each new file with its directory, and the end of each.
    assert len(synced) == 6
