"""What is built and installed is what was tested: git finds it in PATH, in any repository."""

import os
import site
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from git_par import __version__
from tests.world import Result, World

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory with the sdist of this tree, and with the wheel that was made of that."""
    target = tmp_path_factory.mktemp("built")
    _python("-m", "build", "--no-isolation", "--outdir", str(target), str(ROOT))
    return target


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (wheel,) = built.glob("*.whl")
    return wheel


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


def test_sdist_holds_everything_that_is_needed_to_test_and_change_it(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    stem = f"git_par-{__version__}"
    assert sdist.name == f"{stem}.tar.gz"
    with tarfile.open(sdist) as archive:
        held = {member.name.removeprefix(f"{stem}/"): member for member in archive if not member.isdir()}
    parts = (".ci", "bench", "bin", "completions", "docs", "git_par", "man", "script", "tests")
    there = {
        str(file.relative_to(ROOT))
        for part in parts
        for file in (ROOT / part).rglob("*")
        if file.is_file() and not {"__pycache__", "figures"} & set(file.parts)
    }
    there |= {"CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "README.md", "pyproject.toml"}
    assert set(held) - {"PKG-INFO", ".gitignore"} == there
    for name in (".ci/run", "bin/git-par", "script/setup"):
        assert held[name].mode & 0o111, name


def test_wheel_holds_the_package_and_its_licence(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    modules = {str(file.relative_to(ROOT)) for file in (ROOT / "git_par").rglob("*.py")}
    assert modules | {"git_par/py.typed"} == {name for name in names if name.startswith("git_par/")}
    assert f"git_par-{__version__}.dist-info/licenses/LICENSE" in names


def test_the_version_stands_in_one_place(wheel: Path) -> None:
    metadata = zipfile.ZipFile(wheel).read(f"git_par-{__version__}.dist-info/METADATA").decode()
    assert f"\nVersion: {__version__}\n" in metadata
    with open(ROOT / "pyproject.toml", "rb") as file:
        settings = tomllib.load(file)
    assert settings["project"]["dynamic"] == ["version"]
    assert settings["tool"]["hatch"]["version"] == {"path": "git_par/__init__.py"}
    assert f"## [{__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_every_python_that_it_says_it_runs_on_is_tried() -> None:
    with open(ROOT / "pyproject.toml", "rb") as file:
        project = tomllib.load(file)["project"]
    said = [one.rpartition(":: ")[2] for one in project["classifiers"] if ":: Python :: 3." in one]
    assert project["requires-python"] == f">={said[0]}"
    assert f"${{versions:-{' '.join(said)}}}" in (ROOT / "script/test-pythons").read_text()
    assert f"Python {said[0]} to {said[-1]}" in (ROOT / "docs/install.md").read_text()


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
    listed = git("help", "--all").out.partition("External commands")[2].split()
    assert {"par", "par-merge"} <= set(listed)
    module = world.process(str(programs / "python"), "-P", "-m", "git_par", "--version", env={"PYTHONPATH": ""})
    assert module == Result(0, f"git-par {__version__}\n", "")
    where = world.process(
        str(programs / "python"), "-P", "-c", "import git_par; print(git_par.__file__)", env={"PYTHONPATH": ""}
    )
    assert Path(where.out).is_relative_to(programs.parent)
