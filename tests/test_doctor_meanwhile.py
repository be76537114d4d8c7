"""What somebody mends, takes or locks between the look of `git par doctor --fix` and its mending is theirs."""

# mypy: disable-error-code="func-returns-value"

import fcntl
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from git_par.checkup.finding import Finding
from git_par.commands import doctor as command
from git_par.state.session import Session
from tests.test_doctor import entry
from tests.world import World


class Case(NamedTuple):
    """What is wrong, what somebody does after the look at it, and the file that has to stay as they leave it."""

    damage: Callable[[World], object]
    meanwhile: Callable[[World], object]
    file: Callable[[World], Path]


def workspace(world: World) -> Path:
    return world.workspaces / "t"


def link(world: World) -> Path:
    return workspace(world) / ".git"


def in_git(name: str) -> Callable[[World], Path]:
    return lambda world: world.repo / ".git" / name


def writes(file: Callable[[World], Path], text: str) -> Callable[[World], object]:
    """Somebody puts another file there, as git does."""

    def write(world: World) -> None:
        new = world.write("../new", text)
        file(world).parent.mkdir(parents=True, exist_ok=True)
        new.rename(file(world))

    return write


def records(name: str = "t", **fields: object) -> Callable[[World], object]:
    return lambda world: world.record(name).write_text(
        json.dumps({**json.loads(world.record(name).read_text()), **fields})
    )


def empty(world: World) -> Path:
    return world.workspaces / "empty"


def moved(world: World) -> Path:
    return world.workspaces / "moved"


def lost(world: World) -> Path:
    """A private workspace."""
    return world.workspaces / ".par/gate/1"


def loses(world: World) -> None:
    world.git("worktree", "add", "-q", "--detach", str(lost(world)))
    world.git("worktree", "lock", "--reason", "git-par: private", str(lost(world)))
    (world.workspaces / ".par").chmod(0o700)
    shutil.rmtree(lost(world))


AT = {
    "git-lock": Case(writes(in_git("index.lock"), ""), writes(in_git("index.lock"), "theirs"), in_git("index.lock")),
    "gc": Case(writes(in_git("gc.pid"), ""), writes(in_git("gc.pid"), "1 elsewhere.example"), in_git("gc.pid")),
    "index": Case(
        lambda world: (entry(world) / "index").write_bytes(b"\0" * 100),
        lambda world: (
            (entry(world) / "index").unlink(),
            world.git("read-tree", "HEAD", cwd=workspace(world)),
            world.git("rm", "-q", "--cached", "a.txt", cwd=workspace(world)),
        ),
        in_git("worktrees/t/index"),
    ),
    "link": Case(
        lambda world: link(world).unlink(),
        lambda world: world.git("worktree", "repair"),
        link,
    ),
    "registration": Case(
        lambda world: shutil.rmtree(entry(world)),
        lambda world: (
            workspace(world).rename(world.root / "away"),
            world.git("worktree", "add", "-q", str(workspace(world)), "t"),
        ),
        link,
    ),
    "commondir": Case(
        lambda world: (entry(world) / "commondir").unlink(),
        writes(in_git("worktrees/t/commondir"), "../..\n"),
        in_git("worktrees/t/commondir"),
    ),
    "half": Case(
        lambda world: (entry(world) / "HEAD").unlink(),
        writes(in_git("worktrees/t/HEAD"), "ref: refs/heads/t\n"),
        in_git("worktrees/t/HEAD"),
    ),
    "lock-of-an-add": Case(
        writes(in_git("worktrees/t/locked"), "initializing"),
        writes(in_git("worktrees/t/locked"), "mine"),
        in_git("worktrees/t/locked"),
    ),
    "repository-moved": Case(
        lambda world: link(world).write_text("gitdir: /gone/worktrees/t\n"),
        lambda world: world.git("worktree", "repair"),
        link,
    ),
    "add": Case(
        lambda world: (world.ok("add", "v"), records("v", state="creating")(world)),
        records("v", state="active", title="mine"),
        lambda world: world.workspaces / "v/.git",
    ),
    "removal": Case(
        lambda world: (world.ok("merge", "t"), records(state="removing")(world)),
        records(state="active", title="mine"),
        link,
    ),
    "empty": Case(
        lambda world: empty(world).mkdir(),
        lambda world: world.record("u").write_text(
            json.dumps(
                {
                    **json.loads(world.record().read_text()),
                    "name": "u",
                    "branch": "u",
                    "path": str(empty(world)),
                    "slot": 2,
                    "state": "creating",
                }
            )
        ),
        empty,
    ),
    "record": Case(
        lambda world: (shutil.copy(world.record(), world.root / "whole"), world.record().write_text("{")),
        lambda world: (world.root / "whole").rename(world.record()),
        lambda world: world.record(),
    ),
    "announcement": Case(
        writes(in_git("par/publishing/1-a.json"), "{"),
        writes(
            in_git("par/publishing/1-a.json"),
            '{"checkout": "/gone", "base": "main", "before": "0", "after": "0"}',
        ),
        in_git("par/publishing/1-a.json"),
    ),
    "moved": Case(
        lambda world: workspace(world).rename(moved(world)),
        lambda world: shutil.copytree(moved(world), workspace(world)),
        lambda world: world.record(),
    ),
    "renamed": Case(
        lambda world: world.git("branch", "-m", "t", "new"),
        lambda world: records(branch="new", title="mine")(world),
        lambda world: world.record(),
    ),
    "clone": Case(
        lambda world: (
            world.ok("remove", "--force", "t"),
            world.ok("add", "t", "--isolation", "clone"),
            shutil.copy(link(world) / "par-parent", world.root / "whole"),
            (link(world) / "par-parent").write_text("damaged"),
        ),
        lambda world: (world.root / "whole").rename(link(world) / "par-parent"),
        lambda world: link(world) / "par-parent",
    ),
    "private": Case(
        loses,
        lambda world: lost(world).mkdir(parents=True),
        in_git("worktrees/1/locked"),
    ),
}


def image(path: Path) -> tuple[int, int, bytes]:
    found = path.lstat()
    return found.st_ino, found.st_mtime_ns, path.read_bytes() if path.is_file() else b""


@pytest.mark.parametrize("kind", AT)
def test_what_was_mended_after_the_look_is_not_mended_again(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.task("t")
    case = AT[kind]
    case.damage(world)
    seen: list[list[Finding]] = []
    left: list[Any] = []
    real = command._look

    def look(session: Session) -> list[Finding]:
        if len(seen) == 1:
            left.append(image(case.file(world)))
        seen.append(real(session))
        if len(seen) == 1:
            case.meanwhile(world)
            left.append(image(case.file(world)))
        return seen[-1]

    monkeypatch.setattr(command, "_look", look)
    done = world.par("doctor", "--fix", "--json")
    assert len(done.json["findings"]) >= 1
    assert len(seen) >= 2
    assert left[1] == left[0], done


def test_what_is_being_made_or_published_is_not_found(world: World) -> None:
    """A record is written last, and a checkout moves before its branch."""
    path = world.task("t")
    record = world.record().read_bytes()
    world.record().unlink()
    state = world.repo / ".git/par"
    told = {"checkout": str(world.repo), "base": "main", "before": world.rev("main"), "after": world.rev("t")}
    (state / "publishing").mkdir(exist_ok=True)
    (state / "publishing/1-a.json").write_text(json.dumps(told))
    with open(state / "locks/task-t", "w") as making, open(state / "locks/base-main", "w") as publishing:
        fcntl.flock(making, fcntl.LOCK_EX)
        fcntl.flock(publishing, fcntl.LOCK_EX)
        done = world.ok("doctor", "--fix", "--cleanup")
    assert (done.err, world.record().exists()) == ("nothing is wrong\n", False)
    assert (state / "publishing/1-a.json").exists()
    assert os.path.samefile(path, world.workspaces / "t")
    world.record().write_bytes(record)
    assert {one["id"] for one in world.par("doctor", "--json").json["findings"]} == {"publish-cut-off"}
