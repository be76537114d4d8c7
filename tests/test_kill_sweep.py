"""Killed at any git call and at any write of a state file, git-par leaves the old state or the new one, and goes on."""

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import pytest

from git_par.grammar import NAMES
from tests.killing import GIT_POINTS, Before, End, Killer, check_registrations, end_state, fingerprint
from tests.world import World, living


@dataclass(frozen=True)
class Scene:
    """A command, and what there is before it runs."""

    name: str
    prepare: Callable[[World], object]
    command: tuple[str, ...]
    over: str = ""
    """What the repeated command says when the killed one had come to its end already."""
    often: bool = True
    """Whether it is swept in every run of the suite, and not in the long ones only."""
    back: bool = False
    """Whether main goes back by it."""
    each: bool = False
    """Whether it is repeated for each name on its own."""
    moves: bool = False
    """Whether a worktree may be where it was, or where it was to go."""

    def again(self) -> list[tuple[str, ...]]:
        """The commands that repeat it."""
        verb, *rest = self.command
        names = [word for word in rest if not word.startswith("-")]
        options = [word for word in rest if word.startswith("-") and word != "--prune"]
        # A removal that was cut off is finished by the verbs that remove.
        after = [("prune",)] if "--prune" in rest else []
        return [*((verb, name, *options) for name in names), *after] if self.each else [self.command]


def two_tasks(world: World) -> None:
    for name in ("one", "two"):
        path = world.task(name)
        world.write("node_modules/made", "again\n", path)


def landed(world: World) -> None:
    path = world.task("one")
    world.write("node_modules/made", "again\n", path)
    world.write(".env", "secret of one\n", path).chmod(0o600)
    world.ok("merge", "one")


def merged(world: World) -> None:
    two_tasks(world)
    world.ok("merge", "one", "two")


def unlanded(world: World) -> None:
    path = world.task("one")
    world.write("node_modules/made", "again\n", path)
    world.write("a.txt", "staged\n", path)
    world.git("add", "a.txt", cwd=path)
    world.write("a.txt", "edited after that\n", path)
    world.write("untracked", "untracked\n", path).chmod(0o755)
    world.write(".env", "secret of one\n", path).chmod(0o600)


def removed_by_force(world: World) -> None:
    unlanded(world)
    world.ok("remove", "one", "--force")


def hooked(world: World) -> None:
    two_tasks(world)
    world.hook("pre-merge-commit", "exit 0")


def base_elsewhere(world: World) -> None:
    world.git("branch", "release")
    for name in ("one", "two"):
        path = Path(world.ok("add", name, "--base", "release", "--from", "release").out.strip())
        world.commit(name, cwd=path, **{f"{name}__txt": f"{name}\n"})


def behind(world: World) -> None:
    world.task("one")
    world.commit("on", later__txt="later\n")
    world.write("untracked of one", "untracked\n", world.workspaces / "one")


def warm(world: World) -> None:
    for key, value in {"pool": "1", "poolMinFree": "0"}.items():
        world.git("config", f"par.{key}", value)
    world.ok("pool", "fill")
    world.git("config", "par.poolMinFree", "999999g")  # nothing is filled in the background


def warm_and_behind(world: World) -> None:
    warm(world)
    world.commit("on", later__txt="later\n")


def wanting(world: World) -> None:
    world.git("config", "par.pool", "1")
    world.git("config", "par.poolMinFree", "0")


def wanting_another(world: World) -> None:
    warm_and_behind(world)
    world.git("config", "par.poolMinFree", "0")


def by_hand(world: World) -> None:
    world.git("branch", "plain")
    path = world.root / "elsewhere" / "hand"
    # By a lock of ours it is nobody else's.
    world.git("worktree", "add", "-q", "--lock", "--reason", "git-par: by hand", "-b", "hand", str(path))
    world.commit("by hand", cwd=path, hand__txt="hand\n")


def adopted(world: World) -> None:
    by_hand(world)
    world.ok("adopt", "plain", "hand")


def to_copy(world: World) -> None:
    world.git("config", "par.copy", "*.log")
    world.git("config", "par.link", "node_modules")
    (world.repo / "node_modules").mkdir()
    for name in ("one.log", "deep/two.log", "deep/three.log"):
        world.write(name, f"{name}\n").chmod(0o640)


def task_to_copy(world: World) -> None:
    world.add("one")
    to_copy(world)


def in_clones(prepare: Callable[[World], object]) -> Callable[[World], object]:
    """The same, with workspaces that are repositories of their own."""

    def prepared(world: World) -> None:
        world.git("config", "par.isolation", "clone")
        prepare(world)

    return prepared


ALL = (
    Scene("add", lambda _: None, ("add", "one", "two", "--allow-dirty"), "there is a task of that name", each=True),
    Scene("add-warm", warm, ("add", "one", "--allow-dirty"), "there is a task of that name"),
    Scene("add-moved", warm_and_behind, ("add", "one", "--allow-dirty"), "there is a task of that name", often=False),
    Scene("pool-fill", wanting, ("pool", "fill"), often=False),
    Scene("pool-move", wanting_another, ("pool", "fill"), often=False),
    Scene("pool-drain", warm, ("pool", "drain"), often=False),
    Scene("add-filled", to_copy, ("add", "one", "--carry"), "there is a task of that name", often=False, each=True),
    Scene("copy", task_to_copy, ("copy", "one"), often=False),
    Scene("adopt", by_hand, ("adopt", "plain", "hand"), "already", often=False, each=True, moves=True),
    Scene("undo-adopt", adopted, ("undo", "LAST"), "undone already", often=False),
    Scene("merge", two_tasks, ("merge", "one", "two")),
    Scene("merge-squash", two_tasks, ("merge", "one", "two", "--squash"), often=False),
    Scene("merge-gated", two_tasks, ("merge", "one", "two", "--gate", "test -e one.txt"), often=False),
    Scene("merge-hooked", hooked, ("merge", "one", "two"), often=False),
    Scene("merge-elsewhere", base_elsewhere, ("merge", "one", "two"), often=False),
    Scene("merge-prune", two_tasks, ("merge", "one", "two", "--prune"), "no such task", often=False, each=True),
    Scene("sync", behind, ("sync", "one")),
    Scene("sync-rebase", behind, ("sync", "one", "--rebase"), often=False),
    Scene("remove", landed, ("remove", "one"), "no such task"),
    Scene("prune", landed, ("prune",), often=False),
    Scene("remove-force", unlanded, ("remove", "one", "--force"), "no such task", often=False),
    Scene("restore", removed_by_force, ("restore", "one"), "there is a task of that name"),
    Scene("undo-merge", merged, ("undo", "LAST"), "undone already", often=False, back=True),
    Scene("undo-remove", removed_by_force, ("undo", "LAST"), "undone already", often=False),
    Scene(
        "add-clone",
        in_clones(lambda _: None),
        ("add", "one", "two", "--allow-dirty"),
        "there is a task of that name",
        often=False,
        each=True,
    ),
    Scene("merge-clone", in_clones(two_tasks), ("merge", "one", "two"), often=False),
    Scene("sync-clone", in_clones(behind), ("sync", "one"), often=False),
    Scene("remove-clone", in_clones(landed), ("remove", "one"), "no such task", often=False),
    Scene("remove-force-clone", in_clones(unlanded), ("remove", "one", "--force"), "no such task", often=False),
    Scene(
        "restore-clone", in_clones(removed_by_force), ("restore", "one"), "there is a task of that name", often=False
    ),
    Scene("revert", merged, ("revert", "one"), "reverted", often=False),
)
"""Every verb that changes something is one line here; LAST is the last operation before it."""

SCENES = [scene for scene in ALL if {scene.command[0], *(["restore"] * ("--force" in scene.command))} <= {*NAMES}]


def stage(world: World) -> None:
    """What no command may touch: a dirty task, a stash, another's locked worktree; and a remote."""
    world.repo.mkdir(parents=True, exist_ok=True)
    world.git("init", "-q", "-b", "main", "--template=")
    world.write("a.txt", "a\n")
    world.write("own.txt", "committed\n")
    world.write(".gitignore", "*.log\n.env\nnode_modules/\n")
    world.commit("first")
    world.git("clone", "-q", "--bare", "--template=", str(world.repo), str(world.root / "remote.git"))
    world.git("remote", "add", "origin", str(world.root / "remote.git"))
    world.git("fetch", "-q", "origin")
    theirs = world.root / "theirs"
    world.git("worktree", "add", "-q", "--lock", "--reason", "mine", "-b", "theirs", str(theirs))
    world.commit("theirs", cwd=theirs, theirs__txt="theirs\n")
    world.write("a.txt", "edited by them\n", theirs)
    world.write("a.txt", "stashed\n")
    world.git("stash", "-q")
    bystander = world.task("bystander")
    world.write("staged", "staged, then changed\n", bystander)
    world.git("add", "staged", cwd=bystander)
    world.write("staged", "changed\n", bystander)
    world.write("tool", "untracked tool\n", bystander).chmod(0o755)
    world.write(".env", "secret\n", bystander).chmod(0o600)


def own_edits(world: World) -> None:
    world.write("own.txt", "edited, not committed\n")
    world.write("mine", "untracked\n")
    world.write(".env", "secret of main\n").chmod(0o600)


@dataclass(frozen=True)
class Sweep:
    """One scene, set up once and brought back for every point."""

    world: World
    scene: Scene
    before: Before
    trees: frozenset[str]
    aim: dict[str, object]

    @classmethod
    def of(cls, scene: Scene, directory: Path) -> "Sweep":
        world = World(directory / "w")
        stage(world)
        scene.prepare(world)
        own_edits(world)
        if "LAST" in scene.command:
            last = max(file.stem for file in (world.repo / ".git" / "par" / "journal").glob("*.json"))
            scene = replace(scene, command=tuple(last if word == "LAST" else word for word in scene.command))
        while living(os.environ["HOME"]):
            time.sleep(0.01)  # what was removed is still being deleted
        copy(world.root, directory / "template")
        before = Before.of(world)
        world.ok(*scene.command)
        trees = frozenset({world.rev("main^{tree}")})
        return cls(world, scene, before, trees, end_state(world))

    def fresh(self) -> World:
        """The world as it stood before the command."""
        if self.scene.name in ("add-warm", "add-moved"):
            while living(os.environ["HOME"]):
                time.sleep(0.01)
        copy(self.world.root.parent / "template", self.world.root)
        return self.world

    def check(self, end: End, point: str, others: bool) -> None:
        """What must hold after a kill: at once, after the next command of any kind, and when the command is repeated."""
        world = self.world
        try:
            assert "Traceback" not in end.err
            assert end.reached or end.status == 0
            self.before.check(world, self.trees, back=self.scene.back)
            if others:
                world.ok("list")
                self.before.check(world, self.trees, back=self.scene.back)
                assert " own.txt" in world.git("status", "--porcelain")
            for args in self.scene.again():
                done = world.par(*args)
                assert done.status == 0 or (self.scene.over and self.scene.over in done.err), done
            self.before.check(world, self.trees, back=self.scene.back)
            now = end_state(world)
            assert now == self.aim | ({"directories": now["directories"]} if self.scene.moves else {})
            if others:
                check_registrations(world)
                if "doctor" in NAMES:
                    world.ok("doctor", "--fix")
                    world.ok("doctor")
                    self.before.check(world, self.trees, back=self.scene.back)
                world.ok("add", "another", "--allow-dirty")
                world.commit("another", cwd=world.workspaces / "another", another__txt="another\n")
                world.ok("merge", "another")
                world.ok("remove", "another")
                assert self.before.commits <= frozenset(world.git("rev-list", "--all").split())
        except AssertionError as problem:
            raise AssertionError(f"{self.scene.name}, killed at {point}: {end}") from problem


def copy(source: Path, target: Path) -> None:
    """A copy with all times and modes, in the place of what is there."""
    target.mkdir(exist_ok=True)
    while left := list(target.iterdir()):  # what a removal left to a process in the background may still be going
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
            if not path.is_dir():
                path.unlink(missing_ok=True)
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True)


def git_points(sweep: Sweep, who: tuple[str, ...]) -> Iterator[tuple[str, Callable[[], End]]]:
    killer = Killer(sweep.fresh())
    total = killer.git_calls(*sweep.scene.command)
    assert total > 5
    for number in range(1, total + 1):
        for one in who:
            yield f"{one} {number} of {total}", partial(killer.at_git_call, one, number, *sweep.scene.command)


def write_points(sweep: Sweep) -> Iterator[tuple[str, Callable[[], End]]]:
    killer = Killer(sweep.fresh())
    writes = killer.writes(*sweep.scene.command)
    assert writes.total() > 3
    for call, total in writes.items():
        for number in range(1, total + 1):
            yield f"{call} {number} of {total}", partial(killer.at_write, call, number, *sweep.scene.command)


def run_all(sweep: Sweep, points: Iterator[tuple[str, Callable[[], End]]], *, all_of_it: bool = False) -> None:
    """Kill at each point; what is left on disk is gone on from once for each way it looks, or always."""
    reached, seen = [], set()
    for point, kill in points:
        world = sweep.fresh()
        end = kill()
        reached.append(end.reached)
        look = fingerprint(world, sweep.before.commits)
        if all_of_it or look not in seen or "Traceback" in end.err:
            seen.add(look)
            sweep.check(end, point, others=all_of_it or len(seen) % 3 == 1)
    assert len(seen) > 2
    # One that other processes raced with may end a call or two early.
    assert sum(reached) >= len(reached) - 2 > 0


@pytest.fixture
def sweep(request: pytest.FixtureRequest, tmp_path: Path) -> Sweep:
    return Sweep.of(request.param, tmp_path)


every_scene = pytest.mark.parametrize(
    "sweep",
    [pytest.param(one, id=one.name, marks=() if one.often else pytest.mark.soak) for one in SCENES],
    indirect=True,
)


def some(points: Iterator[tuple[str, Callable[[], End]]]) -> Iterator[tuple[str, Callable[[], End]]]:
    """Every fourth point, all of a few: the soak has all of them."""
    found = list(points)
    yield from found[:: 4 if len(found) > 24 else 1]


@every_scene
def test_killed_at_some_git_calls(sweep: Sweep) -> None:
    run_all(sweep, some(git_points(sweep, ("group-before",))))


@every_scene
def test_killed_at_some_writes_of_state(sweep: Sweep) -> None:
    run_all(sweep, some(write_points(sweep)))


@pytest.mark.soak
@every_scene
def test_killed_at_each_write_of_state(sweep: Sweep) -> None:
    run_all(sweep, write_points(sweep))


def test_git_killed_alone_after_its_work_leaves_an_add_that_can_be_repeated(tmp_path: Path) -> None:
    sweep = Sweep.of(ALL[0], tmp_path)
    run_all(sweep, git_points(sweep, ("git-after",)))


@pytest.mark.soak
@every_scene
def test_anyone_killed_before_or_after_a_git_call(sweep: Sweep) -> None:
    run_all(sweep, git_points(sweep, GIT_POINTS), all_of_it=True)
