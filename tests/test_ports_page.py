"""docs/ports.md tells the truth: each of its shell blocks runs in a workspace, with the programs of others stood in for."""

import os
import re
import shlex
from pathlib import Path

import pytest

from tests.world import PAR, World

ROOT = Path(__file__).parent.parent
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", (ROOT / "docs/ports.md").read_text(), re.M | re.S)
OTHERS = ("python3", "npx", "npm", "flask", "docker", "createdb", "dropdb", "uv")
"""Programs that are not run, but write down how they were called."""


@pytest.fixture
def workspace(world: World) -> Path:
    tools = world.root / "tools"
    tools.mkdir()
    stub = f'#!/bin/sh\necho "$PORT|$COMPOSE_PROJECT_NAME|${{0##*/}} $*" >>{world.root}/calls\n'
    for name in OTHERS:
        (tools / name).write_text(stub)
    (tools / "git-par").write_text(f'#!/bin/sh\nexec "{PAR[0]}" -P -m git_par "$@"\n')
    for tool in tools.iterdir():
        tool.chmod(0o755)
    path = world.add("one", "two")[1]
    world.write("bin/rails", stub, cwd=path).chmod(0o755)
    return path


def run(world: World, workspace: Path, block: str) -> list[str]:
    """Run a block as it stands there; how others were called."""
    env = {"PATH": f"{world.root}/tools:{os.environ['PATH']}", "TMPDIR": str(world.root)}
    done = world.process("sh", "-e", "-c", block, cwd=workspace, env=env)
    assert (done.status, "error" in done.err) == (0, False), (block, done)
    calls = world.root / "calls"
    return calls.read_text().splitlines() if calls.exists() else []


def test_every_block_runs(world: World, workspace: Path) -> None:
    assert len(BLOCKS) > 15
    calls = run(world, workspace, "".join(f"(\n{block}\n)\n" for block in BLOCKS if "portBase" not in block))
    assert {
        "||python3 -m http.server 20020",
        "||npx vite --port 20020 --strictPort",
        "||python3 manage.py runserver 127.0.0.1:20020",
        "||rails server --port 20020 --pid tmp/pids/server-2.pid",
        "20020||npm start",
        "|shop-2|docker compose up --detach",
        "|shop-2|docker compose down --volumes",
        "||createdb shop_1",
        "||createdb shop_2",
        "||uv sync",
    } <= set(calls)
    for file in (".env", ".env.local"):
        assert "GIT_PAR_PORT=20020\n" in (workspace / file).read_text()
    assert "GIT_PAR_PORT=20010\n" in (world.workspaces / "one" / ".env.local").read_text()


def test_the_hooks_it_shows_do_what_it_says(world: World, workspace: Path) -> None:
    (block,) = (block for block in BLOCKS if "par.hook" in block)
    run(world, workspace, block)
    for event, calls in (
        ("post-add", ["dropdb --if-exists shop_2", "createdb shop_2"]),
        ("post-remove", ["dropdb --if-exists shop_2"]),
    ):
        (world.root / "calls").unlink(missing_ok=True)
        command = world.git("config", f"par.hook.{event}")
        said = run(world, workspace, f"git par exec two -- sh -c {shlex.quote(command)}")
        assert said == [f"||{call}" for call in calls]


def test_the_settings_it_shows_move_the_ports(world: World, workspace: Path) -> None:
    (block,) = (block for block in BLOCKS if "portBase" in block)
    run(world, workspace, block)
    assert world.listed("two")["port"] == 24040


def test_outside_of_workspaces_envrc_does_nothing(world: World) -> None:
    envrc = [block for block in BLOCKS if "2>/dev/null" in block]
    assert len(envrc) == 2
    done = world.process("sh", "-c", f"{''.join(envrc)}\necho $? $GIT_PAR_PORT $DATABASE_URL")
    assert done == (0, "0 postgres:///shop_development\n", "")
