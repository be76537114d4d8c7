"""Nothing is lost, whatever people do in whatever order; and no verb breaks, whatever state files and settings hold."""

import hashlib
import json
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from git_par.state import tasks
from git_par.state.tasks import Task
from git_par.workspaces import registry
from tests.killing import check_registrations, files_below, worktrees
from tests.world import World

NAMES = st.sampled_from(["a", "b", "c/d"])
WAYS = st.sampled_from([(), ("--ff",), ("--squash",), ("--rebase",), ("--no-ff", "--prune"), ("--atomic",)])


class Work(RuleBasedStateMachine):
    """People, git and git-par in one repository, and a model of what must exist."""

    root: Path
    """Where each example makes its repository; set by the test."""
    numbers = count(1)

    def __init__(self) -> None:
        super().__init__()
        self.commits: set[str] = set()
        """Every commit that anybody made."""
        self.texts: dict[Path, str] = {}
        """What stands uncommitted at a path: it must be there, or kept."""
        self.saved: set[str] = set()
        """What was uncommitted once and was not there any more when a task was gone: kept, or in a commit."""

    @initialize()
    def start(self) -> None:
        directory = self.root / str(next(self.numbers))
        directory.mkdir()
        self.world = World(directory).init()
        self.config = (self.world.repo / ".git" / "config").read_bytes()
        self.commits.add(self.world.rev("HEAD"))

    # what people do

    def workspace(self, name: str) -> Path | None:
        path = self.world.workspaces / name.replace("/", "-")
        return path if (path / ".git").exists() else None

    def text(self) -> str:
        return f"text {next(self.numbers)}\n"

    def put(self, place: Path, name: str) -> None:
        self.texts[place / name] = text = self.text()
        self.world.write(name, text, place)

    @rule(name=NAMES, file=st.sampled_from(["a.txt", "own.txt", "deep/shared.txt"]))
    def commit(self, name: str, file: str) -> None:
        if place := self.workspace(name):
            self.world.write(file, self.text(), place)
            self.commit_all(place)

    def commit_all(self, place: Path) -> None:
        self.commits.add(self.world.commit("work", cwd=place))
        ignored = {place / ".env"}
        self.texts = {path: text for path, text in self.texts.items() if place not in path.parents or path in ignored}

    @rule(name=NAMES, file=st.sampled_from(["a.txt", "new.txt", ".env", "notes/x"]))
    def edit(self, name: str, file: str) -> None:
        if place := self.workspace(name):
            self.put(place, file)

    @rule(name=NAMES)
    def stage(self, name: str) -> None:
        if place := self.workspace(name):
            self.world.try_git("add", "--all", cwd=place)

    @rule(file=st.sampled_from(["a.txt", "main.txt"]))
    def commit_on_main(self, file: str) -> None:
        self.world.write(file, self.text())
        self.commit_all(self.world.repo)

    @rule()
    def edit_main(self) -> None:
        self.put(self.world.repo, "untracked.txt")

    @rule(name=NAMES)
    def delete_branch(self, name: str) -> None:
        self.world.try_git("branch", "-D", name)  # git refuses, as it is checked out

    @rule()
    def collect_garbage(self) -> None:
        self.world.git("gc", "--quiet", "--prune=now")

    # what git-par does

    def par(self, *args: str) -> None:
        before = {place: self.dirt_in(place) for place in worktrees(self.world)}
        done = self.world.par(*args)
        assert done.status in (0, 1, 2, 3), (args, done)
        assert (done.status == 0) or done.err or done.out, (args, done)
        assert "Traceback" not in done.err
        for place, dirt in before.items():
            if not place.is_dir():  # removed: what was in it has to be somewhere else
                self.saved |= {self.texts.pop(path) for path in dirt}
        for place in worktrees(self.world):
            self.commits.add(self.world.rev("HEAD", cwd=place))

    def dirt_in(self, place: Path) -> list[Path]:
        return [path for path in self.texts if place in path.parents]

    @rule(name=NAMES, more=st.sampled_from([(), ("--allow-dirty",)]))
    def add(self, name: str, more: tuple[str, ...]) -> None:
        self.par("add", name, *more)

    @rule(name=NAMES, way=WAYS)
    def merge(self, name: str, way: tuple[str, ...]) -> None:
        self.par("merge", name, *way)

    @rule(way=WAYS)
    def merge_all(self, way: tuple[str, ...]) -> None:
        self.par("merge", "--all", *way)

    @rule(name=NAMES, way=st.sampled_from([(), ("--rebase",)]))
    def sync(self, name: str, way: tuple[str, ...]) -> None:
        self.par("sync", name, *way)

    @rule(name=NAMES)
    def remove(self, name: str) -> None:
        self.par("remove", name)

    @rule(way=st.sampled_from([(), ("--new",)]))
    def prune(self, way: tuple[str, ...]) -> None:
        self.par("prune", *way)

    @rule()
    def look(self) -> None:
        self.world.ok("list", "--json")

    # what must hold

    @invariant()
    def every_commit_is_there(self) -> None:
        reached = set(self.world.git("rev-list", "--all").split())
        assert self.commits <= reached, "a commit that nobody reaches"

    @invariant()
    def every_text_is_there(self) -> None:
        for path, text in self.texts.items():
            assert path.is_file(), path
            # A sync that conflicts writes its markers around what was there.
            assert text in path.read_text(), path
        if self.saved:
            blobs = set(self.world.git("rev-list", "--objects", "--all").split())
            kept = {file.read_text() for file in files_below(self.world.workspaces / ".par" / "kept")}
            assert all(text in kept or _blob(text) in blobs for text in self.saved)

    @invariant()
    def git_is_sound(self) -> None:
        assert (self.world.repo / ".git" / "config").read_bytes() == self.config
        assert not (self.world.repo / ".git" / "index.lock").exists()

    def teardown(self) -> None:
        with suppress(AttributeError):  # no example came so far as to have a world
            self.world.git("remote", "add", "origin", ".")
            check_registrations(self.world)


def _blob(text: str) -> str:
    return hashlib.sha1(b"blob %d\0%s" % (len(text), text.encode())).hexdigest()


def run_histories(directory: Path, examples: int, steps: int) -> None:
    Work.root = directory / "histories"
    Work.root.mkdir()
    run_state_machine_as_test(
        Work,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,) if examples < 20 else (Phase.generate, Phase.shrink),
        ),
    )


def test_a_few_histories_lose_nothing(tmp_path: Path) -> None:
    run_histories(tmp_path, 5, 16)


@pytest.mark.soak
def test_many_histories_lose_nothing(tmp_path: Path) -> None:
    run_histories(tmp_path, 120, 40)


# State files.

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner))
FIELDS = st.dictionaries(st.sampled_from(sorted([*Task.__dataclass_fields__, "version"])), JSON, max_size=6)
GOOD = {
    "version": 1,
    "name": "t",
    "branch": "t",
    "path": "/nowhere/t",
    "base": "main",
    "base_commit": "1" * 40,
    "state": "active",
    "created": "2026-01-01T00:00:00Z",
    "slot": 1,
    "placed": "1" * 40,
}


@given(JSON | FIELDS.map(lambda fields: {**GOOD, **fields}))
def test_a_record_is_a_task_or_a_value_error(data: Any) -> None:
    with suppress(ValueError):
        task = tasks.decode(data)
        assert tasks.decode(tasks.encode(task)) == task


BYTES = (
    st.binary(max_size=60)
    | JSON.map(lambda data: json.dumps(data).encode())
    | FIELDS.map(lambda fields: json.dumps({**GOOD, **fields}).encode())
    | st.just(b"[" * 3000)
)


@settings(max_examples=12, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(record=BYTES, entry=BYTES, cut_off=BYTES)
def test_no_verb_breaks_on_a_state_file(world: World, record: bytes, entry: bytes, cut_off: bytes) -> None:
    state = world.repo / ".git" / "par"
    head = world.rev("main")
    for name, data in (
        ("tasks/t", record),
        ("journal/20260101T000000.000000Z-1-1", entry),
        ("publishing/1-x", cut_off),
    ):
        file = state / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    for verb in (("list",), ("path", "t"), ("prune",), ("remove", "t"), ("merge", "--all"), ("add", "fresh")):
        done = world.par(*verb)
        assert done.status in (0, 1, 2, 3, 5), (verb, done)
    assert world.rev("main") == head
    assert (world.workspaces / "fresh" / "a.txt").exists()
    assert world.ok("remove", "fresh").out == "removed fresh (nothing was committed in it)\n"


# Settings.

LINES = st.sampled_from(
    ["[par]", '[par "x"]', "branch = {name}", "branch", "portBase = x", "order = given", "[", "= 1"]
)
TEXT = st.lists(LINES | st.text(st.characters(exclude_characters="\r\n", codec="utf-8"), max_size=10), max_size=6)


@settings(max_examples=40, suppress_health_check=list(HealthCheck), phases=(Phase.generate,))
@given(TEXT.map("\n".join).map(str.encode) | st.binary(max_size=40))
def test_a_committed_settings_file_is_read_or_refused(world: World, text: bytes) -> None:
    (world.repo / ".gitpar").write_bytes(text)
    for verb in (("list",), ("merge", "--all"), ("env",)):
        done = world.par(*verb)
        assert done.status in (0, 2), (verb, done)
        assert done.status == 0 or done.err.count("hint: ") == 1, (verb, done)


# Git's list of worktrees.

PATHS = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=12).map(
    lambda name: f"/{name}"
)
REFS = st.sampled_from(["refs/heads/a", "refs/heads/a b", "refs/heads/\n", "refs/heads/ü"])
EXTRA = st.sampled_from(["", "detached\0", "locked\0", "locked a reason\nof two lines\0", "prunable gone\0"])


@given(st.lists(st.tuples(PATHS, st.none() | REFS, EXTRA), max_size=5))
def test_the_list_of_worktrees_is_read_back_as_git_wrote_it(made: list[tuple[str, str | None, str]]) -> None:
    text = "".join(
        f"worktree {path}\0HEAD {'1' * 40}\0{f'branch {ref}' if ref else 'detached'}\0{extra}\0"
        for path, ref, extra in made
    )
    found = list(registry._parse(text, _NOWHERE))
    assert [(str(one.path), one.branch) for one in found] == [(str(Path(path)), ref) for path, ref, _ in made]


@given(
    st.text(max_size=60)
    | st.lists(st.sampled_from(["worktree", " ", "/x", "\0", "\0\0", "branch", "bare"])).map("".join)
)
def test_a_list_of_worktrees_that_makes_no_sense_is_no_crash(text: str) -> None:
    for one in registry._parse(text, _NOWHERE):
        assert one.branch is None or one.branch in text


class _Bare:
    main = None


_NOWHERE: Any = _Bare()
