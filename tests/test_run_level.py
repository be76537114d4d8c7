"""Twelve tasks in three levels, whose workers do all that workers do: what becomes of each."""

from pathlib import Path

from tests.running import QUICK, Tasks, alive, lines, log_of, parts, subjects, task_file
from tests.world import Result, World

SLEEPER = 'echo $$ >>"$PIDS"; sleep 300 & echo $! >>"$PIDS"'

TASKS: Tasks = {
    "edits": {"command": "echo edited >edits.txt; echo secret >.env", "title": "edit one file"},
    "commits": {"command": "for n in 1 2; do echo $n >commits.txt; git add .; git commit -qm c$n; done"},
    "clash-a": {"command": "sed 's/line 1$/of a/' a.txt >t; mv t a.txt"},
    "clash-b": {"command": "sed 's/line 1$/of b/' a.txt >t; mv t a.txt"},
    "fails": {"command": "echo half >half.txt; git add half.txt; echo said; exit 3"},
    "hangs": {"command": f"echo half >half.txt; {SLEEPER}; wait", "timeout": "2s"},
    "deaf": {"command": f"trap '' TERM; {SLEEPER}; while :; do sleep 1; done", "timeout": 2},
    "strays": {"command": "echo x >strays.txt; echo x >other.txt", "creates": ["strays.txt"]},
    "leaves": {"command": f"{SLEEPER}; (trap '' TERM; {SLEEPER}; wait) & echo x >leaves.txt"},
    "after": {"command": "cat edits.txt commits.txt >after.txt", "needs": ["edits", "commits"]},
    "needing": {"command": "echo x >needing.txt", "needs": ["edits", "fails"]},
    "last": {"command": "cat after.txt leaves.txt >last.txt", "needs": ["after"]},
}


def carry_out(world: World) -> Result:
    file = task_file(world, TASKS, jobs=0)
    return world.process(*QUICK, "run", file, "--json", env={"PIDS": str(world.root / "pids")})


def test_what_becomes_of_twelve(world: World) -> None:
    done = carry_out(world)
    assert (done.status, done.json["state"]) == (1, "failed")
    assert {one["name"]: one["level"] for one in done.json["tasks"]} == {
        **dict.fromkeys(TASKS, 1),
        "after": 2,
        "needing": 2,
        "last": 3,
    }
    assert parts(done.json) == {
        **dict.fromkeys(("edits", "commits", "clash-a", "leaves", "after", "last"), ("landed", "")),
        "clash-b": ("failed", "conflict"),
        "fails": ("failed", "exit"),
        "hangs": ("failed", "timeout"),
        "deaf": ("failed", "timeout"),
        "strays": ("failed", "foreign"),
        "needing": ("skipped", "needs"),
    }
    _check_details(world, done)
    _check_main(world)
    _check_workspaces(world)
    assert len(lines(world.root / "pids")) == 8
    assert alive(world.root / "pids") == []
    world.check_sound()
    _check_that_it_goes_on(world)


def _check_details(world: World, done: Result) -> None:
    told = {one["name"]: one for one in done.json["tasks"]}
    assert {name: (one["exit"], one["commits"]) for name, one in told.items()} == {
        **dict.fromkeys(("edits", "clash-a", "clash-b", "leaves", "after", "last"), (0, 1)),
        "commits": (0, 2),
        "strays": (0, None),
        "fails": (3, None),
        "hangs": (143, None),
        "deaf": (137, None),
        "needing": (None, None),
    }
    assert {name: one["detail"] for name, one in told.items() if one["state"] == "failed"} == {
        "clash-b": "in conflict: a.txt",
        "fails": "ended with status 3",
        "hangs": "it took longer than 2 s",
        "deaf": "it took longer than 2 s",
        "strays": told["strays"]["detail"],
    }
    assert "other.txt" in told["strays"]["detail"]
    assert 2 <= told["hangs"]["seconds"] < told["deaf"]["seconds"]
    assert told["leaves"]["seconds"] < 2
    assert all(one["landed"] for one in told.values() if one["state"] == "landed")
    merges = [[merged["name"] for merged in merge["merged"]] for merge in done.json["merges"]]
    assert merges == [["edits", "commits", "clash-a", "leaves"], ["after"], ["last"]]
    assert told["fails"]["log"] == str(log_of(world, "fails"))
    assert "said" in lines(log_of(world, "fails"))
    assert "needing: skipped: it needs 'fails', which failed" in done.err
    assert f"fails: failed: ended with status 3; see '{log_of(world, 'fails')}'" in done.err


def _check_main(world: World) -> None:
    assert world.git("ls-files").split() == sorted(
        [".gitignore", "a.txt", "after.txt", "commits.txt", "edits.txt", "last.txt", "leaves.txt"]
    )
    assert (world.repo / "a.txt").read_text().startswith("of a\nline 2\n")
    assert (world.repo / "last.txt").read_text() == "edited\n2\nx\n"
    assert "edit one file" in subjects(world)
    assert world.git("status", "--porcelain") == ""


def _check_workspaces(world: World) -> None:
    """What did not come home is where it was made, as it was left."""
    left = {"clash-b", "fails", "hangs", "deaf", "strays"}
    assert {path.name for path in world.workspaces.glob("[!.]*")} == left
    assert {one["name"] for one in world.ok("list", "--json").json["tasks"]} == left

    def stands(name: str) -> str:
        return world.git("status", "--porcelain", cwd=world.workspaces / name)

    assert stands("fails") == "A  half.txt"
    assert stands("hangs") == "?? half.txt"
    assert stands("strays") == "?? other.txt\n?? strays.txt"
    assert (stands("clash-b"), stands("deaf")) == ("", "")
    assert world.git("log", "--format=%s", "main..clash-b") == "Work on clash-b"
    # What a worker left in ignored files went with it and is kept.
    kept = [path.read_text() for path in (world.workspaces / ".par" / "kept" / "edits").rglob(".env")]
    assert kept == ["secret\n"]


def _check_that_it_goes_on(world: World) -> None:
    """Mended where it was made, all of it comes home but what fails once more."""
    world.par("sync", "clash-b")
    clash = world.workspaces / "clash-b"
    world.write("a.txt", Path(clash / "a.txt").read_text().split("<<<<<<<")[0] + "of both\n", clash)
    world.git("commit", "-qam", "solved", cwd=clash)
    (world.workspaces / "strays" / "other.txt").unlink()
    done = world.process(*QUICK, "run", "--resume", "--json", env={"PIDS": str(world.root / "pids")})
    assert done.status == 1
    assert parts(done.json) == {
        **dict.fromkeys((*TASKS,), ("landed", "")),
        "fails": ("failed", "exit"),
        "hangs": ("failed", "timeout"),
        "deaf": ("failed", "timeout"),
        "needing": ("skipped", "needs"),
    }
    assert "of both" in (world.repo / "a.txt").read_text()
    assert subjects(world).count("Work on after") == 1
