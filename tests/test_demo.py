"""The demo: a story that is true, on a machine where git knows nobody."""

import os
import re
import sys
from pathlib import Path

import pytest

from git_par.commands import demo
from tests.world import PAR, World


def test_demo_shows_every_command_and_leaves_nothing(tmp_path: Path) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    world = World(tmp_path)
    environment = {"TMPDIR": str(temporary), "HOME": "/nonexistent", "GIT_DIR": "/nonexistent"}
    for name in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{name}_NAME": "", f"GIT_{name}_EMAIL": ""}
    done = world.process(*PAR, "demo", cwd=tmp_path, env=environment)
    assert (done.status, done.err) == (0, "")
    shown = [line.removeprefix("$ ") for line in done.out.splitlines() if line.startswith("$ ")]
    assert [command for command in shown if not command.startswith("cd ")] == [step.command for step in demo.STEPS]
    story = re.sub(r"\b[0-9a-f]{7,8}\b", "ID", done.out)
    assert (
        "$ git par merge --all\n"
        "main: 2 merged, 1 in conflict (ID..ID)\n"
        "  merged      prices\n"
        "  merged      hours\n"
        "  conflict    sizes: menu (with prices)\n"
    ) in story
    assert "$ git par prune\nremoved prices (merged)\nremoved sizes (merged)\nremoved hours (merged)\n" in story
    assert list(temporary.iterdir()) == []


def test_demo_fails_when_a_step_does_something_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    world = World(tmp_path)
    monkeypatch.setattr(demo, "STEPS", (demo.Step("echo one; exit 7"),))
    done = world.par("demo", cwd=tmp_path)
    assert (done.status, done.out) == (5, "$ echo one; exit 7\none\n")
    assert done.err.startswith("git par: demo: 'echo one; exit 7' ended with status 7, not 0\nhint: ")
    monkeypatch.setattr(demo, "STEPS", (demo.Step("echo one", shows="two"),))
    assert world.par("demo", cwd=tmp_path).status == 5


def test_demo_runs_this_git_par_and_not_another_in_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "other" / "git-par"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho another\nexit 9\n")
    other.chmod(0o755)
    (tmp_path / "git_par.py").write_text("raise SystemExit(9)\n")
    monkeypatch.setenv("PATH", f"{other.parent}:{os.environ['PATH']}")
    start = "from git_par.cli import run; run()"
    assert World(tmp_path).process(sys.executable, "-P", "-c", start, "demo", cwd=tmp_path).status == 0
