"""Whatever is damaged, every verb works or says in one line what is wrong and what to run; nothing is deleted for it."""

# mypy: disable-error-code="func-returns-value"

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from git_par.workspaces import registry
from tests.test_doctor import doctor, entry
from tests.world import Result, World

LOOKING: list[tuple[str, ...]] = [
    ("list", "--json"),
    ("list", "--in-use", "--size"),
    ("path", "t"),
    ("env", "t"),
    ("show", "t"),
    ("conflicts",),
    ("conflicts", "t", "u"),
    ("merge", "--all", "--dry-run"),
    ("prune", "--dry-run"),
    ("remove", "t", "--dry-run"),
    ("doctor",),
]
"""What only looks, and so can share a repository."""

DOING: list[tuple[str, ...]] = [
    ("set", "t", "--title", "x"),
    ("sync", "t"),
    ("merge", "t"),
    ("merge", "--all", "--no-ff"),
    ("prune", "--new"),
    ("remove", "t"),
    ("add", "t"),
    ("add", "new"),
]
"""What changes something, in one repository one after the other: each meets what the ones before left."""


def workspace(world: World) -> Path:
    return world.workspaces / "t"


def replaced(path: Path, data: bytes) -> None:
    path.write_bytes(data)


DAMAGE: dict[str, Callable[[World], object]] = {
    "record-truncated": lambda world: replaced(world.record(), world.record().read_bytes()[:40]),
    "record-empty": lambda world: replaced(world.record(), b""),
    "record-zeros": lambda world: replaced(world.record(), b"\0" * 512),
    "record-binary": lambda world: replaced(world.record(), bytes(range(256))),
    "record-newer": lambda world: replaced(
        world.record(), world.record().read_bytes().replace(b'"version": 1', b'"version": 2')
    ),
    "record-wrong-type": lambda world: replaced(
        world.record(), world.record().read_bytes().replace(b'"slot": 1', b'"slot": []')
    ),
    "record-list": lambda world: replaced(world.record(), b"[[]]"),
    "record-deep": lambda world: replaced(world.record(), b"[" * 100_000),
    "record-huge-number": lambda world: replaced(world.record(), b'{"version": 1, "slot": ' + b"9" * 5000 + b"}"),
    "record-of-another": lambda world: shutil.copy(world.record("u"), world.record()),
    "record-missing": lambda world: world.record().unlink(),
    "record-is-a-directory": lambda world: (world.record().unlink(), world.record().mkdir()),
    "record-is-a-link": lambda world: (world.record().unlink(), world.record().symlink_to("/dev/null")),
    "records-are-a-file": lambda world: (shutil.rmtree(world.record().parent), world.record().parent.write_text("x")),
    "journal-damaged": lambda world: [replaced(file, b"\0") for file in (world.repo / ".git/par/journal").iterdir()],
    "journal-is-a-file": lambda world: (
        shutil.rmtree(world.repo / ".git/par/journal"),
        (world.repo / ".git/par/journal").write_text("x"),
    ),
    "locks-are-a-file": lambda world: (
        shutil.rmtree(world.repo / ".git/par/locks"),
        (world.repo / ".git/par/locks").write_text("x"),
    ),
    "announcement-damaged": lambda world: (
        (world.repo / ".git/par/publishing").mkdir(exist_ok=True),
        (world.repo / ".git/par/publishing/1-a.json").write_text('{"checkout": 1}'),
    ),
    "state-gone": lambda world: shutil.rmtree(world.repo / ".git/par"),
    "home-deleted": lambda world: shutil.rmtree(world.workspaces),
    "home-is-a-file": lambda world: (world.workspaces.rename(world.root / "away"), world.workspaces.write_text("x")),
    "home-is-a-link": lambda world: (
        world.workspaces.rename(world.root / "away"),
        world.workspaces.symlink_to(world.root / "away"),
    ),
    "workspace-deleted": lambda world: shutil.rmtree(workspace(world)),
    "workspace-moved": lambda world: workspace(world).rename(world.workspaces / "elsewhere"),
    "workspace-is-a-file": lambda world: (shutil.rmtree(workspace(world)), workspace(world).write_text("x")),
    "workspace-is-a-link": lambda world: (
        workspace(world).rename(world.root / "away"),
        workspace(world).symlink_to(world.root / "away"),
    ),
    "link-gone": lambda world: (workspace(world) / ".git").unlink(),
    "link-nonsense": lambda world: (workspace(world) / ".git").write_text("nonsense"),
    "link-elsewhere": lambda world: (workspace(world) / ".git").write_text("gitdir: /nowhere/worktrees/t\n"),
    "link-to-another": lambda world: shutil.copy(world.workspaces / "u/.git", workspace(world) / ".git"),
    "link-is-a-repository": lambda world: (
        (workspace(world) / ".git").unlink(),
        world.git("init", "-q", cwd=workspace(world)),
    ),
    "registration-gone": lambda world: shutil.rmtree(entry(world)),
    "registration-empty": lambda world: (entry(world) / "commondir").write_text(""),
    "registration-without-head": lambda world: (entry(world) / "HEAD").unlink(),
    "branch-deleted": lambda world: world.git("update-ref", "-d", "refs/heads/t"),
    "branch-renamed": lambda world: world.git("branch", "-m", "t", "renamed"),
    "branch-moved": lambda world: world.git("update-ref", "refs/heads/t", "main"),
    "branch-broken": lambda world: (world.repo / ".git/refs/heads/t").write_text("nonsense\n"),
    "base-renamed": lambda world: world.git("branch", "-m", "main", "trunk"),
    "base-deleted": lambda world: (world.git("switch", "-q", "--detach"), world.git("branch", "-q", "-D", "main")),
    "index-damaged": lambda world: (entry(world) / "index").write_bytes(b"\0" * 100),
    "lock-of-git": lambda world: (entry(world) / "index.lock").write_text(""),
}


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registration that is damaged stays so: nobody is about to finish it."""
    monkeypatch.setattr(registry, "_TRIES", 2)


def damaged(world: World, kind: str) -> dict[str, str]:
    """Two tasks with work, committed and not, of which one gets damaged; the work that has to be there in the end."""
    for name in ("t", "u"):
        path = world.task(name)
        world.write("notes.txt", f"notes of {name}\n", path)
    commits = {name: world.rev(name) for name in ("t", "u")}
    DAMAGE[kind](world)
    return commits


def behaves(done: Result, argv: tuple[str, ...]) -> None:
    """It ended in a way that the manual knows, and says what it says in lines."""
    assert done.status in (0, 1, 2, 3, 4, 5), (argv, done)
    said = done.out + done.err
    assert not re.search(r"Traceback|Error\(", said), (argv, done)
    failures = [line for line in done.err.splitlines() if line.startswith("git par: ") and "left as it is" not in line]
    if done.status > 1 and not re.search("^left ", done.err, re.MULTILINE):
        assert failures, (argv, done)
        assert re.search("^hint: .", done.err, re.MULTILINE), (argv, done)
        assert "df -h" not in done.err, (argv, done)


def notes(world: World) -> list[str]:
    """Every file of uncommitted work, wherever it is now."""
    places = [path for path in world.root.rglob("notes.txt") if "home" not in path.parts]
    return sorted({path.read_text() for path in places})


@pytest.mark.parametrize("kind", DAMAGE)
def test_doing(world: World, kind: str) -> None:
    commits = damaged(world, kind)
    before = notes(world)
    for argv in DOING:
        behaves(world.par(*argv), argv)
        assert notes(world) == before, argv
    world.par("doctor", "--fix")  # without it git itself may die
    reachable = world.git("rev-list", "--all", "--reflog").split()
    for commit in commits.values():
        assert commit in reachable, commit


@pytest.mark.parametrize("kind", DAMAGE)
def test_looking_and_mending(world: World, kind: str) -> None:
    """Doctor ends clean, or says what a person must do; and then all verbs work."""
    damaged(world, kind)
    before = notes(world)
    for argv in LOOKING:
        behaves(world.par(*argv), argv)
    done = world.par("doctor", "--fix", "--json")
    behaves(done, ("doctor", "--fix"))
    left = [found for found in done.json["findings"] if not found["fixed"]]
    assert all("for you to do: " in found["fix"] for found in left), left
    assert notes(world) == before
    assert doctor(world, "--fix", status=1 if left else 0) == left
    if not left:
        world.check_sound()
        for argv in LOOKING:
            behaves(world.par(*argv), argv)
