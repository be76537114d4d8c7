"""`prune --kept` and what undo, healing and the doctor put aside: swept when it is old enough, and nothing beside it."""

import time
from pathlib import Path

from tests.test_schema import check
from tests.world import World

OLD = "20260101T000000.000001Z"


def undone(world: World) -> str:
    """The ref of what an undo has just taken out of main."""
    world.task("fix")
    world.ok("merge", "fix")
    world.ok("undo")
    return world.git("for-each-ref", "--format=%(refname)", "refs/par/undone")


def put_aside(world: World, stamp: str, when: int) -> tuple[Path, Path]:
    torn = world.write(f".par/kept/.torn/{stamp}/menu", "cut off\n", world.workspaces)
    damaged = world.write(f".git/par/damaged/fix.json-{when}", "{")
    return torn.parent, damaged


def test_what_was_put_aside_is_swept_when_it_is_old_and_asked_for(world: World) -> None:
    ref = undone(world)
    new = ref.replace(ref.split("/")[3].partition("-")[0], OLD)
    world.git("update-ref", new, ref)
    torn, damaged = put_aside(world, OLD, time.time_ns() - 40 * 86400 * 10**9)
    young = put_aside(world, "20991231T000000.000001Z", time.time_ns())
    nameless = world.write(".git/par/damaged/fix.json-123", "{")
    world.ok("prune", "--new")
    shown = world.ok("prune", "--kept", "--dry-run", "--json")
    check("prune", shown.json)
    wanted = [("undone", new), ("torn", str(torn)), ("damaged", str(damaged))]
    assert [(one["kind"], one["name"]) for one in shown.json["remains"]] == wanted
    assert torn.exists()
    done = world.ok("prune", "--kept")
    assert done.out.splitlines() == [f"swept {name} ({kind})" for kind, name in wanted]
    assert not torn.exists()
    assert not damaged.exists()
    assert nameless.exists()
    assert all(place.exists() for place in young)
    assert world.git("for-each-ref", "--format=%(refname)", "refs/par/undone") == ref
    assert world.ok("prune", "--kept").err == "nothing to sweep: nothing kept is that old\n"
    world.check_sound()


def test_an_age_of_ones_own_counts_for_it_too(world: World) -> None:
    ref = undone(world)
    assert world.ok("prune", "--kept", "--older-than", "1h").out == ""
    assert f"swept {ref} (undone)\n" in world.ok("prune", "--kept", "--older-than", "0m").out


def test_copies_in_a_directory_that_others_may_share_stay(world: World) -> None:
    world.git("config", "par.directory", str(world.workspaces))
    torn, damaged = put_aside(world, OLD, time.time_ns() - 40 * 86400 * 10**9)
    world.ok("prune", "--kept")
    assert torn.exists()
    assert not damaged.exists()


def test_a_link_leads_nobody_elsewhere(world: World) -> None:
    elsewhere = world.write(f"elsewhere/{OLD}/note", "note\n", world.root)
    (world.workspaces / ".par/kept").mkdir(parents=True)
    (world.workspaces / ".par/kept/.torn").symlink_to(elsewhere.parent.parent)
    damaged = world.repo / ".git/par/damaged"
    damaged.mkdir(parents=True)
    (damaged / f"fix-{time.time_ns() - 40 * 86400 * 10**9}").symlink_to(elsewhere.parent)
    world.ok("prune", "--kept")
    assert elsewhere.read_text() == "note\n"
    assert list(damaged.iterdir()) == []
