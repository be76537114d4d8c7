"""Killed at any write of state, and at any git call, a run goes on to the end that it would have come to."""

import os
import signal
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from tests.killing import GIT_POINTS, Before, Killer, end_state
from tests.running import Tasks, alive, lines, parts, record, states, subjects, task_file
from tests.world import World

# git-par that dies before its n-th write of a run's record, or of any state: in whichever thread that is.
DYING = """
import os, signal, sys, threading
from git_par import files
from git_par.cli import run

at, every, guard, count = int(os.environ["KILL_AT"]), os.environ["KILL_EVERY"] == "1", threading.Lock(), 0

def dying(write):
    def written(path, *args, **options):
        global count
        with guard:
            count += every or path.parent.name == "runs"
            if count == at:
                os.kill(os.getpid(), signal.SIGKILL)
            with open(os.environ["KILL_COUNT"], "w") as file:
                print(count, file=file)
        return write(path, *args, **options)
    return written

files.replace, files.create = dying(files.replace), dying(files.create)
run()
"""

# The git calls of workers are not those that are counted.
COUNT = 'case $PATH in */tools:*) PATH=${PATH#*:} ;; esac; echo "$GIT_PAR_TASK" >>"$OUT/runs"; echo $$ >>"$OUT/pids"; '
TASKS: Tasks = {
    "commits": {"command": f"{COUNT} echo a >a; git add a; git diff --cached --quiet || git commit -qm own"},
    "leaves": {"command": f"{COUNT} test -e b || echo b >b; sleep 300 &"},
    "fails": {"command": f"{COUNT} exit 3"},
    "next": {"command": f"{COUNT} cat a b >c", "needs": ["commits", "leaves"]},
    "never": {"command": f"{COUNT}", "needs": ["fails"]},
}
FINAL = {"commits": "landed", "leaves": "landed", "fails": "failed", "next": "landed", "never": "skipped"}
OVER = ("ended", "done", "landed", "unchanged")


@dataclass(frozen=True)
class Scene:
    """A world with a task file, and what it comes to when nobody is killed."""

    world: World
    file: str
    before: Before
    trees: frozenset[str]
    aim: dict[str, object]
    said: tuple[str, ...]

    @property
    def out(self) -> Path:
        return self.world.root.parent / "out"


def set_up(directory: Path) -> Scene:
    """A world in `directory`, ready to run."""
    world = World(directory / "w")
    world.root.mkdir(parents=True)
    (directory / "out").mkdir()
    os.environ["OUT"] = str(directory / "out")
    world.init()
    bystander = world.task("bystander")
    world.write("a.txt", "edited\n", bystander)
    file = task_file(world, TASKS, jobs=0)
    return Scene(world, file, Before.of(world), frozenset(), {}, ())


@cache
def aims() -> tuple[frozenset[str], dict[str, object], tuple[str, ...]]:
    """What the run comes to: the trees that main may have, the end state, what its commits say."""
    scene = set_up(Path(os.environ["AIMS"]))
    world = scene.world
    assert world.par("run", scene.file).status == 1
    assert states(record(world)) == FINAL
    trees = frozenset(world.git("log", "--first-parent", "--format=%T", "main").split())
    return trees, end_state(world), tuple(subjects(world))


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OUT", "")
    monkeypatch.setenv("AIMS", str(tmp_path / "aims"))
    monkeypatch.setattr("git_par.processes.GRACE", 1.0)
    aims.cache_clear()


def check(scene: Scene, point: str) -> None:
    """Nothing is lost at once; it goes on to the same end; who had ended is not run again, and nobody is left."""
    world, (trees, aim, said) = scene.world, aims()
    try:
        scene.before.check(world, trees)
        known = list((world.repo / ".git" / "par" / "runs").glob("*.json"))
        stood = parts(record(world)) if known else {}
        ran = lines(scene.out / "runs")
        # One that was killed while it was all done already has nothing to go on with.
        done = world.par("run", *(("--resume",) if known else (scene.file,)))
        assert done.status == 1, done
        assert states(record(world)) == FINAL
        assert end_state(world) == aim
        assert tuple(subjects(world)) == said
        scene.before.check(world, trees)
        again = lines(scene.out / "runs")
        for name, (state, _) in stood.items():
            assert again.count(name) == ran.count(name) or state not in OVER, (name, state)
        assert all(again.count(name) <= 2 for name in ("commits", "leaves", "next"))
        assert alive(scene.out / "pids") == []
        world.check_sound()
    except AssertionError as problem:
        raise AssertionError(f"killed at {point}") from problem


def at_writes(directory: Path, *, every: bool, step: int = 1) -> Iterator[tuple[Scene, str]]:
    """The scene, killed before each write."""
    count, number = directory / "count", 1
    while True:
        os.environ["KILL_AT"], os.environ["KILL_EVERY"] = str(number), str(int(every))
        os.environ["KILL_COUNT"] = str(count)
        scene = set_up(directory / str(number))
        done = scene.world.process(sys.executable, "-c", DYING, "run", scene.file)
        assert "Traceback" not in done.err, done
        if done.status == 1:
            assert int(count.read_text()) < number
            return
        assert done.status == -signal.SIGKILL, done
        yield scene, f"write {number}"
        number += step


def test_killed_at_writes_of_its_record(tmp_path: Path) -> None:
    """At every fifth; all of them, and those of all other state, are in the soak."""
    points = 0
    for scene, point in at_writes(tmp_path, every=False, step=5):
        points += 1
        check(scene, point)
    assert points > 3


def test_killed_at_a_git_call(tmp_path: Path) -> None:
    """At some of them; all are in the soak."""
    for number in (45, 90):
        scene = set_up(tmp_path / str(number))
        assert Killer(scene.world).at_git_call("group-before", number, "run", scene.file).reached
        check(scene, f"git call {number}")


@pytest.mark.soak
@pytest.mark.parametrize("every", [False, True])
def test_killed_at_every_write(tmp_path: Path, every: bool) -> None:
    for scene, point in at_writes(tmp_path, every=every):
        check(scene, point)


@pytest.mark.soak
@pytest.mark.parametrize("who", GIT_POINTS)
def test_killed_at_every_git_call(tmp_path: Path, who: str) -> None:
    number = 1
    while True:
        scene = set_up(tmp_path / str(number))
        end = Killer(scene.world).at_git_call(who, number, "run", scene.file)
        assert "Traceback" not in end.err
        if not end.reached:
            return
        if end.status not in (0, 1) or states(record(scene.world)) != FINAL:
            check(scene, f"{who} {number}")
        number += 1
