"""What `git par run` refuses: every text, hint and status, and nothing is made."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.processes import ALONE, wait_for
from tests.running import Tasks, parts, record, states, task_file
from tests.world import PAR, World

EACH = "git par run --each NAME… -- CMD"


def everything(world: World) -> tuple[str, list[str], list[str]]:
    """All refs, and all files of git-par's and of the workspaces, but for its locks."""
    state = [str(path) for path in (world.repo / ".git" / "par").rglob("*") if "locks" not in path.parts]
    return world.git("for-each-ref"), sorted(state), sorted(map(str, world.workspaces.rglob("*")))


def nothing(_: World) -> None:
    pass


def taken(world: World) -> None:
    world.add("one")


def detached(world: World) -> None:
    world.git("checkout", "-q", "--detach")


TABLE: list[tuple[str, Callable[[World], object], tuple[str, ...], int, str, str]] = [
    ("nothing", nothing, (), 2, "run: no task file", f"git par run FILE, or {EACH}"),
    ("two", nothing, ("a", "b"), 2, "run: one task file, not 2", f"git par run FILE, or {EACH}"),
    ("command", nothing, ("FILE", "--", "true"), 2, "run: a command is only for --each", EACH),
    ("missing", nothing, ("none.toml",), 2, "'REPO/none.toml': no such file or directory", "git par run FILE"),
    ("directory", nothing, (".",), 2, "'REPO': is a directory", "git par run FILE"),
    ("jobs", nothing, ("FILE", "--jobs", "0"), 2, "--jobs 0: not 1 or more", "leave it out, or name a number"),
    ("no-names", nothing, ("--each", "--", "true"), 2, "run --each: no names", EACH),
    ("no-command", nothing, ("--each", "one"), 2, "run --each: no command", EACH),
    ("no-command-2", nothing, ("--each", "one", "--"), 2, "run --each: no command", EACH),
    ("twice", nothing, ("--each", "a", "a", "--", "true"), 2, "a: named twice", "name each task once"),
    ("detached", detached, ("FILE",), 2, "run: no branch is checked out here", 'name one in the file: base = "main"'),
    ("resume", nothing, ("--resume",), 2, "--resume: there is no run to go on with", "git par log --runs"),
    (
        "resume-file",
        nothing,
        ("--resume", "FILE"),
        2,
        "--resume: there is no run of FILE to go on with",
        "git par log --runs",
    ),
    (
        "resume-dry",
        nothing,
        ("--resume", "--dry-run"),
        2,
        "--resume: only with a task file and --jobs",
        "git par run --resume",
    ),
    (
        "resume-each",
        nothing,
        ("--resume", "--each", "one", "--", "true"),
        2,
        "--resume: only with a task file and --jobs",
        "git par run --resume",
    ),
]


@pytest.mark.parametrize(
    ("prepare", "args", "status", "message", "hint"), [pytest.param(*row[1:], id=row[0]) for row in TABLE]
)
def test_usage(
    prepare: Callable[[World], object], args: tuple[str, ...], status: int, message: str, hint: str, world: World
) -> None:
    file = task_file(world, {"one": {"command": "touch ran"}})
    prepare(world)
    before = everything(world)
    done = world.par("run", *(file if arg == "FILE" else arg for arg in args))
    message = message.replace("FILE", file).replace("REPO", str(world.repo))
    assert done == (status, "", f"git par: {message}\nhint: {hint}\n")
    assert everything(world) == before
    as_json = world.par("run", "--json", *(file if arg == "FILE" else arg for arg in args))
    assert as_json.json["error"] == {"status": status, "message": message, "hint": hint}


def test_all_that_is_in_the_way_is_said_at_once(world: World) -> None:
    world.add("one")
    tasks: Tasks = {
        "one": {},
        "two": {"modifies": ["src/**"]},
        "three": {"creates": ["src/new.py"]},
    }
    before = everything(world)
    done = world.par("run", task_file(world, tasks))
    assert (done.status, done.out) == (2, "")
    told = done.err.splitlines()
    assert told[0] == "git par: run: 2 things are in the way; nothing was done"
    assert told[1].startswith("  task 'one': name: there is a task of that name")
    assert told[2] == "  level 1: 'two' and 'three' both own src/new.py"
    assert everything(world) == before


def test_an_unknown_base(world: World) -> None:
    before = everything(world)
    done = world.par("run", task_file(world, {"one": {}}, base="nope"))
    assert done == (2, "", "git par: base 'nope': no such local branch\nhint: see 'git branch'\n")
    assert everything(world) == before


def test_a_base_that_must_not_move_is_said_before_anything_runs(world: World) -> None:
    world.git("branch", "other")
    world.git("worktree", "add", "-q", "--force", str(world.root / "twice"), "other")
    world.git("worktree", "add", "-q", "--force", str(world.root / "again"), "other")
    before = everything(world)
    done = world.par("run", task_file(world, {"one": {}}, base="other"))
    assert (done.status, done.err.splitlines()[0].split(", in")[0]) == (3, "git par: other: checked out twice")
    assert everything(world) == before


def test_a_run_that_another_process_carries_out(world: World) -> None:
    begun, go = world.root / "begun", world.root / "go"
    file = task_file(world, {"one": {"command": f"touch {begun}; while [ ! -e {go} ]; do sleep 0.05; done; echo x >x"}})
    running = world.start(*ALONE, *PAR, "run", file)
    wait_for(begun)
    id = record(world)["id"]
    for args in ((), (file,)):
        done = world.par("run", "--resume", *args)
        assert done == (3, "", f"git par: run {id}: another process is carrying it out\nhint: git par list --watch\n")
    assert states(record(world)) == {"one": "running"}
    go.touch()
    assert (running.communicate(timeout=60), running.returncode)[1] == 0
    assert states(record(world)) == {"one": "landed"}


def test_a_run_that_came_to_its_end_between_the_look_and_the_lock(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever gets the lock at last goes on from what is on record then."""
    from git_par.runs.record import Run, Runs

    count = world.root / "count"
    file = task_file(world, {"one": {"command": f"echo x >>{count}; echo x >x"}})
    held = Runs.held

    def late(self: Runs, run: Run) -> object:
        monkeypatch.setattr(Runs, "held", held)
        world.ok("run", "--resume")
        return held(self, run)

    monkeypatch.setenv("STOP", "1")
    _cut_off(world, file)
    monkeypatch.setattr(Runs, "held", late)
    done = world.ok("run", "--resume", "--json")
    assert states(done.json) == {"one": "landed"}
    assert count.read_text() == "x\n"


def _cut_off(world: World, file: str) -> None:
    """A run that was killed before its first step."""
    script = (
        "import os, sys; from git_par.commands import run_conduct as c;"
        "c.Conductor.carry_out = lambda self: os._exit(9); from git_par.cli import run; run()"
    )
    assert world.process(sys.executable, "-c", script, "run", file).status == 9


def test_edits_in_the_way_of_a_merge_interrupt_the_run_and_it_goes_on(world: World) -> None:
    count = world.root / "count"
    tasks: Tasks = {
        "one": {"command": f"echo one >>{count}; echo x >>a.txt; echo edited >>{world.repo}/a.txt"},
        "two": {"needs": ["one"], "command": f"echo two >>{count}; echo y >y"},
    }
    done = world.par("run", task_file(world, tasks))
    assert done.status == 3, done
    assert (
        f"git par: run {record(world)['id']}: not finished; go on with 'git par run --resume'" in done.err.splitlines()
    )
    assert "a.txt" in done.err
    assert (record(world)["state"], parts(record(world))) == (
        "interrupted",
        {"one": ("done", ""), "two": ("waiting", "")},
    )
    assert (world.repo / "a.txt").read_text().endswith("line 20\nedited\n")
    assert world.par("run", "--resume").status == 3
    world.git("checkout", "-q", "a.txt")
    assert states(world.ok("run", "--resume", "--json").json) == {"one": "landed", "two": "landed"}
    assert count.read_text() == "one\ntwo\n"


def test_a_name_that_somebody_takes_meanwhile_is_not_ours(world: World) -> None:
    """A task of the name of a later level, which a person makes while the first one runs, is never worked in."""
    person = world.root / "person"
    add = f"env -u GIT_PAR_RUN PYTHONPATH={Path(__file__).parent.parent} {' '.join(PAR)} -C {world.repo} add two"
    add = add.replace(" -C", "").replace(f" {world.repo} ", " ")
    tasks: Tasks = {
        "one": {"command": f"(cd {world.repo} && {add}) >{person}; echo x >x"},
        "two": {"needs": ["one"], "command": "echo ours >ours"},
    }
    done = world.par("run", task_file(world, tasks))
    assert (done.status, parts(record(world))["two"]) == (2, ("waiting", ""))
    assert "two: there is a task of that name" in done.err
    assert world.par("run", "--resume").status == 2
    theirs = world.workspaces / "two"
    assert not (theirs / "ours").exists()
    world.ok("remove", "two")
    world.ok("run", "--resume")
    assert (world.repo / "ours").exists()


def test_a_file_that_has_changed_since_is_said(world: World) -> None:
    file = task_file(world, {"one": {"command": "exit 1"}})
    world.par("run", file)
    done = world.par("run", "--resume")
    assert "it has changed" not in done.err
    task_file(world, {"one": {"command": "true"}})
    done = world.par("run", "--resume")
    assert f"git par: '{file}': it has changed; the run goes on with what it said when it began" in done.err
    Path(file).unlink()
    assert "it has changed" in world.par("run", "--resume").err


def test_two_repositories_in_the_same_second_leave_each_other_alone(world: World, tmp_path: Path) -> None:
    """The mark of a run is the second in which it began: who goes on ends the workers of this repository only."""
    (tmp_path / "other").mkdir()
    other = World(tmp_path / "other").init()
    begun = other.root / "begun"
    running = other.start(
        *ALONE, *PAR, "run", task_file(other, {"far": {"command": f"touch {begun}; sleep 2; echo x >x"}})
    )
    wait_for(begun)
    world.par("run", task_file(world, {"one": {"command": "exit 1"}}))
    (mine,), (theirs,) = ((one.repo / ".git/par/runs").glob("*.json") for one in (world, other))
    text = mine.read_text().replace(mine.stem, theirs.stem)
    mine.unlink()
    mine.with_name(theirs.name).write_text(text)
    assert world.par("run", "--resume").status == 1
    running.communicate(timeout=60)
    assert (running.returncode, states(record(other))) == (0, {"far": "landed"})


def test_a_record_that_cannot_be_read_is_left_and_named(world: World) -> None:
    world.par("run", task_file(world, {"one": {"command": "exit 1"}}))
    (file,) = (world.repo / ".git" / "par" / "runs").glob("*.json")
    file.write_text("{")
    done = world.par("run", "--resume")
    assert done.status == 2
    assert f"'{file}': this run cannot be read" in done.err
    assert file.read_text() == "{"
