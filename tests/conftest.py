"""Every test runs sealed: no configuration of this machine, a home of its own, fixed names and dates."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import settings

from git_par.state.session import Session
from tests.isolations import WORKTREES_ONLY
from tests.world import World

CHOSEN = {"GIT_PAR_TEST_REF_FORMAT": "GIT_DEFAULT_REF_FORMAT", "GIT_PAR_TEST_HASH": "GIT_DEFAULT_HASH"}
"""What can be asked for: how the repositories of all tests store their refs, and which hash names their objects."""

# Slow machines are no failures, and examples are not kept beside the code.
settings.register_profile("sealed", deadline=None, database=None)
settings.load_profile("sealed")


@pytest.fixture(autouse=True)
def sealed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing outside of the test's own directory has a say."""
    seal(tmp_path, monkeypatch)


def seal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing outside of `tmp_path` have a say."""
    for name in list(os.environ):
        ours = name.startswith("GIT_PAR_")
        if name == "NO_COLOR" or (name.startswith(("GIT_", "XDG_", "SSH_", "GPG_", "FZF_")) and not ours):
            monkeypatch.delenv(name)
    for wish, setting in CHOSEN.items():
        if value := os.environ.get(wish):
            monkeypatch.setenv(setting, value)
    home = tmp_path / "home"
    home.mkdir()
    for name, value in {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_STATE_HOME": str(home / ".state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": str(home / "no-such-gitconfig"),
        "GIT_AUTHOR_NAME": "A U Thor",
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_COMMITTER_NAME": "C O Mitter",
        "GIT_COMMITTER_EMAIL": "committer@example.com",
        "GIT_EDITOR": "false",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "LC_ALL": "C.UTF-8",
        "TZ": "UTC",
        "COLUMNS": "80",
        "TERM": "xterm",
        "PYTHONDONTWRITEBYTECODE": "",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def isolation(request: pytest.FixtureRequest, sealed: None) -> str:
    """What new workspaces are; the modules of the matrix run once for each."""
    kind = str(getattr(request, "param", "worktree"))
    if kind != "worktree":
        Path(os.environ["GIT_CONFIG_GLOBAL"]).write_text(f"[par]\n\tisolation = {kind}\n")
    return kind


@pytest.fixture
def world(tmp_path: Path, isolation: str) -> World:
    """A repository with one commit, and nothing else."""
    return World(tmp_path).init()


@pytest.fixture
def cloned(world: World) -> None:
    """Every new task gets a clone."""
    world.git("config", "par.isolation", "clone")


@pytest.fixture
def elsewhere(world: World) -> Iterator[Path]:
    """A directory on another file system."""
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == world.repo.stat().st_dev or not os.access(shared, os.W_OK):
        pytest.skip("/dev/shm is no other file system")
    with tempfile.TemporaryDirectory(prefix="git-par-test-", dir=shared) as directory:
        yield Path(directory)


@pytest.fixture
def session(world: World, monkeypatch: pytest.MonkeyPatch) -> Session:
    """What a merge in this process works with."""
    monkeypatch.chdir(world.repo)
    return Session(("merge",), lambda _: None)


MATRIX = ("add", "standing", "tasks", "merge", "sync", "prune", "removal", "restore", "conflicts", "doctor")
"""The test modules that hold for a workspace of any isolation."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run the tests of the matrix against both isolations, with clones an eighth of them; the others are in the soak."""
    module, name = metafunc.module.__name__.removeprefix("tests.test_"), metafunc.definition.name
    if module in MATRIX and "isolation" in metafunc.fixturenames and name not in WORKTREES_ONLY:
        marks = () if crc32(name.encode()) % 8 == 0 else pytest.mark.soak
        metafunc.parametrize("isolation", ["worktree", pytest.param("clone", marks=marks)], indirect=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The long runs are asked for by `script/soak` only."""
    if os.environ.get("GIT_PAR_SOAK") == "1":
        return
    long = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if not item.get_closest_marker("soak")]
