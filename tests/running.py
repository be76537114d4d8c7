"""Task files for tests: written, carried out, and what became of them."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.processes import is_alive
from tests.world import Result, World

Value = str | int | bool | Sequence[str]
Tasks = Mapping[str, Mapping[str, Value]]

QUICK = (
    sys.executable,
    "-c",
    "from git_par import processes; processes.GRACE = 1.0; from git_par.cli import run; run()",
)
"""git-par that gives a worker a second to end."""

SETSID = f"{sys.executable} -c 'import os, sys; os.setsid(); os.execvp(sys.argv[1], sys.argv[1:])'"
"""Shell words before a command that is to leave its session."""


def task_file(world: World, tasks: Tasks, name: str = "tasks.toml", **run: Value) -> str:
    """Write a task file beside the repository; its path.  A task without a command has that of `run`, or `true`."""
    tables = [
        ("[run]", {"command": "true", **run}),
        *(("[[task]]", {"name": one, **keys}) for one, keys in tasks.items()),
    ]
    lines = [
        line
        for head, keys in tables
        # What JSON writes for these, TOML reads.
        for line in ("", head, *(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in keys.items()))
    ]
    return str(world.write(name, "\n".join(lines) + "\n", world.root))


def carry_out(world: World, text: str, *options: str, cwd: Path | None = None) -> Result:
    """Run the task file `text`, which lies outside of the repository."""
    file = world.write("tasks.toml", text, world.root)
    return world.par("run", str(file), *options, cwd=cwd)


def record(world: World) -> dict[str, Any]:
    """The newest run as it is on record."""
    newest = max((world.repo / ".git" / "par" / "runs").glob("*.json"), key=lambda file: file.stat().st_mtime_ns)
    return dict(json.loads(newest.read_text()))


def parts(run: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """State and reason of each task, of a record or of a report."""
    return {one["name"]: (one["state"], one["reason"] or "") for one in run.get("parts", run.get("tasks"))}


def states(run: Mapping[str, Any]) -> dict[str, str]:
    """The state of each task, of a record or of a report."""
    return {name: state for name, (state, _) in parts(run).items()}


def subjects(world: World, revision: str = "main") -> list[str]:
    """What the commits of a branch say, sorted."""
    return sorted(world.git("log", "--format=%s", revision).splitlines())


def lines(file: Path) -> list[str]:
    """The lines of a file, none when it is not there."""
    return file.read_text().splitlines() if file.exists() else []


def log_of(world: World, name: str) -> Path:
    """Where the log of a worker lies."""
    return world.repo / ".git" / "par" / "logs" / f"{name}.log"


def alive(pids: Path) -> list[int]:
    """Which of the processes whose numbers are in the file `pids` live."""
    return [number for number in map(int, lines(pids)) if is_alive(number)]
