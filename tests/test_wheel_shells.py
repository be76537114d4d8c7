"""A wheel in a fresh virtual environment: its pages, its completions, its eval line."""

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

from tests.shells import ROOT, SHELLS, Shell, need
from tests.test_shell_init import LINE
from tests.world import World


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    built = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", built, ROOT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done
    return next(built.iterdir())


@pytest.fixture
def prefix(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A virtual environment with the wheel in it; what it depends on is borrowed from ours."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    made = tmp_path / "prefix"
    venv.create(made, symlinks=True)
    python = str(made / "bin/python")
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--python", python, "install", "--no-deps", "--no-index", wheel],
        check=True,
    )
    site = subprocess.run(
        [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
        capture_output=True, text=True, check=True,
    ).stdout.strip()  # fmt: skip
    Path(site, "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return made


def test_a_wheel_brings_pages_and_completions(prefix: Path, world: World) -> None:
    need("man")
    world.add("task-48")
    env = {"PATH": f"{prefix / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": ""}
    found = world.process("man", "-w", "git-par-merge", env=env)
    assert (found.status, found.out) == (0, f"{prefix}/share/man/man1/git-par-merge.1\n")
    for kind in SHELLS:
        shell = Shell(kind, world.root, world.repo, completions=False)
        assert shell.run(LINE[kind]) == ""
        assert str(prefix) in world.process("git", "par", "shell-init", kind, env=env).out
        assert shell.tab("git par me") == ["git", "par", "merge"]
        assert shell.tab("git par merge ta") == ["git", "par", "merge", "task-48"]
        assert shell.tab("par-cd ta") == ["par-cd", "task-48"]
        shell.run("par-cd task-48")
        assert shell.run("command pwd -P") == str(world.workspaces / "task-48")
        shell.close()
    # By its path, with nothing of it in PATH, it names itself by its path.
    text = world.process(str(prefix / "bin/git-par"), "shell-init", "bash", env={"PYTHONPATH": ""}).out
    assert f"place=$({prefix}/bin/git-par path -- " in text
