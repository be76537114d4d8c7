"""What is built and installed is what was tested: git finds it in PATH, in any repository."""

import os
import site
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from git_par import __version__
from tests.world import Result, World

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("wheel")
    _python("-m", "build", "--wheel", "--no-isolation", "--outdir", str(target), str(ROOT))
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def programs(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of a fresh environment with the wheel in it; it borrows what that depends on."""
    place = tmp_path_factory.mktemp("installed") / "venv"
    _python("-m", "venv", "--without-pip", str(place))
    (packages,) = place.glob("lib/python*/site-packages")
    (packages / "borrowed.pth").write_text("".join(f"{path}\n" for path in site.getsitepackages()))
    _python(
        "-m", "pip", "--python", str(place / "bin/python"), "install", "--quiet", "--no-deps", "--no-index", str(wheel)
    )
    return place / "bin"


def _python(*args: str) -> None:
    done = subprocess.run([sys.executable, *args], capture_output=True, text=True, cwd="/", env=_plain())
    assert done.returncode == 0, done.stdout + done.stderr


def _plain() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}


def test_wheel_holds_the_package_and_its_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "git_par").rglob("*.py")}
    assert modules | {"git_par/py.typed"} == {name for name in names if name.startswith("git_par/")}
    assert f"git_par-{__version__}.dist-info/licenses/LICENSE" in names


def test_installed_it_is_a_git_command(world: World, programs: Path) -> None:
    def git(*args: str) -> Result:
        path = f"{programs}:{os.environ['PATH']}"
        return world.process("git", *args, env={"PATH": path, "PYTHONPATH": ""})

    assert git("par", "--version") == Result(0, f"git-par {__version__}\n", "")
    head = world.rev("HEAD")[:8]
    assert git("par", "add", "one") == Result(
        0, f"{world.workspaces / 'one'}\n", f"one: starts at main ({head}), returns to main\n"
    )
    world.commit("work", cwd=world.workspaces / "one", one__txt="one")
    merged = git("par-merge", "one")
    hint = "hint: git par prune would remove 1 task, unless in use\n"
    assert merged == Result(0, f"main: 1 merged ({head}..{world.rev('HEAD')[:8]})\n  merged      one\n", hint)
    assert git("par", "prune").out == "removed one (merged)\n"
    assert git("par", "demo").status == 0
    where = world.process(
        str(programs / "python"), "-P", "-c", "import git_par; print(git_par.__file__)", env={"PYTHONPATH": ""}
    )
    assert Path(where.out).is_relative_to(programs.parent)
