"""The launchers of a checkout: they set themselves up, whoever calls, however often, whatever was killed."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_par import __version__
from tests.processes import wait_for
from tests.world import Result, World

ROOT = Path(__file__).parent.parent

# A Python that is real but for `-m venv`, and a venv whose pip only says what it does: the tests are about the shell around.
PYTHON = """#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
    echo venv >>"$LOG"
    for directory; do :; done
    rm -rf "$directory"
    mkdir -p "$directory/bin"
    cp "$PIP" "$directory/bin/python"
    exit
fi
exec "$REAL" "$@"
"""
PIP = """#!/bin/sh
for last; do :; done
echo "pip ${last##*]}${last##*[}" >>"$LOG"
echo chatter
if [ -n "${HANG-}" ]; then
    echo $$ >"$HANG"
    while ! [ -e "${GO-}" ]; do sleep 0.1; done
    echo "pip done" >>"$LOG"
fi
[ -z "${BROKEN-}" ] || exit 1
printf '#!/bin/sh\\necho git-par "$@"\\n' >"${0%/*}/git-par"
printf '#!/bin/sh\\necho git-par-merge "$@"\\n' >"${0%/*}/git-par-merge"
chmod +x "${0%/*}/git-par" "${0%/*}/git-par-merge"
"""


class Checkout(World):
    """A copy of what a clone holds of the launchers, in a path that wants quoting."""

    def __init__(self, tmp_path: Path) -> None:
        super().__init__(tmp_path, "a check'out")
        self.log = tmp_path / "log"
        self.environment = {
            "LOG": str(self.log),
            "REAL": sys.executable,
            "PYTHON": str(tmp_path / "python"),
            "PIP": str(tmp_path / "pip"),
        }
        for name in ("bin", "script"):
            shutil.copytree(ROOT / name, self.repo / name, symlinks=True)
        shutil.copy(ROOT / "pyproject.toml", self.repo)
        for file, text in ((tmp_path / "python", PYTHON), (tmp_path / "pip", PIP)):
            file.write_text(text)
            file.chmod(0o755)

    def launch(self, *args: str, program: str | None = None, **env: str) -> Result:
        return self.process(
            program or str(self.repo / "bin/git-par"), *args, cwd=self.root, env={**self.environment, **env}
        )

    def logged(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Path]:
    """The whole checkout, as git knows it or, outside of git, as it lies there."""
    copy = tmp_path / "a check'out"
    for name in ("git_par", "bin", "script"):
        shutil.copytree(ROOT / name, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    yield copy
    shutil.rmtree(copy)


def test_two_first_uses_at_once_set_up_for_real(real: Path, tmp_path: Path) -> None:
    """With real Python, venv and pip; from there on git finds the launchers in PATH."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    launcher = str(real / "bin/git-par")
    running = [
        subprocess.Popen(
            [launcher, "--version"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    ended = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], ended
    assert [out for out, _ in ended] == [f"git-par {__version__}\n"] * 2
    assert sum(err.count("setting up") for _, err in ended) == 1, ended
    world = World(tmp_path).init()
    path = {"PATH": f"{real / 'bin'}:{environment['PATH']}", "PYTHONPATH": ""}
    added = world.process("git", "par", "add", "one", env=path)
    assert (added.status, added.out) == (0, f"{world.workspaces / 'one'}\n"), added
    assert world.process("git", "par-merge", "one", env=path).out == "main: 1 already in\n  already in  one\n"


def test_set_up_writes_nothing_to_stdout_and_happens_once(checkout: Checkout) -> None:
    first = checkout.launch("list", "a b", "")
    assert first == Result(0, "git-par list a b \n", f"git par: setting up {checkout.repo}/.venv\nchatter\n")
    assert checkout.launch("list") == Result(0, "git-par list\n", "")
    assert checkout.logged().count("venv") == 1


def test_launchers_work_through_links(checkout: Checkout) -> None:
    checkout.launch()
    links = checkout.root / "links"
    links.mkdir()
    (links / "chain").symlink_to(checkout.repo / "bin/git-par")
    (links / "git-par").symlink_to("chain")
    (links / "git-par-merge").symlink_to(checkout.repo / "bin/git-par-merge")
    assert checkout.launch("x", program=str(links / "git-par")) == Result(0, "git-par x\n", "")
    assert checkout.launch("x", program=str(links / "git-par-merge")) == Result(0, "git-par-merge x\n", "")
    assert checkout.process("sh", "git-par", "x", cwd=checkout.repo / "bin").out == "git-par x\n"


def test_a_moved_checkout_is_set_up_again(checkout: Checkout) -> None:
    checkout.launch()
    checkout.repo = checkout.repo.rename(checkout.root / "moved")
    assert checkout.launch("x").out == "git-par x\n"
    assert checkout.logged().count("venv") == 2


def test_changed_dependencies_are_installed_and_a_mere_touch_is_not(checkout: Checkout) -> None:
    checkout.launch()
    project = checkout.repo / "pyproject.toml"
    later = time.time() + 5
    os.utime(project, (later, later))
    assert checkout.launch().err == ""
    project.write_text(project.read_text().replace("psutil", "psutil>=5"))
    os.utime(project, (later, later))
    assert "setting up" in checkout.launch().err
    assert (checkout.logged().count("venv"), len(checkout.logged())) == (1, 3)


def test_extras_add_up_and_keep_the_environment(checkout: Checkout) -> None:
    setup = str(checkout.repo / "script/setup")
    checkout.launch()
    for extras in (["test"], ["lint"], ["test", "lint"]):
        words = [word for extra in extras for word in ("--extra", extra)]
        assert checkout.launch(*words, program=setup).status == 0
    ready = (checkout.repo / ".venv/.ready").read_text().splitlines()
    assert (ready[0], ready[2:]) == (str(checkout.repo), ["lint", "test"])
    assert [line.partition("[")[2] or line for line in checkout.logged()][-1].endswith("lint,test]")
    assert checkout.logged().count("venv") == 1
    assert checkout.launch("--extra", "", program=setup).status == 0
    assert checkout.launch("--what", program=setup) == Result(2, "", "script/setup: unknown option '--what'\n")


def test_a_failed_set_up_says_so_and_the_next_one_starts_anew(checkout: Checkout) -> None:
    failed = checkout.launch("list", BROKEN="1")
    assert (failed.status, failed.out) == (5, "")
    assert failed.err.endswith(f"git par: set-up failed, see above; run {checkout.repo}/script/setup to try again\n")
    assert checkout.launch("list").out == "git-par list\n"


def test_a_killed_set_up_does_not_trip_the_next(checkout: Checkout) -> None:
    """The shell is killed; its pip goes on for a while, and the next set-up waits for that."""
    hanging, go = checkout.root / "hanging", checkout.root / "go"
    setup = str(checkout.repo / "script/setup")
    first = checkout.start(setup, env={**checkout.environment, "HANG": str(hanging), "GO": str(go)})
    wait_for(hanging)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -signal.SIGKILL
    assert not (checkout.repo / ".venv/.ready").exists()
    second = checkout.start(str(checkout.repo / "bin/git-par"), "list", env=checkout.environment)
    assert second.stderr
    assert second.stderr.readline() == "git par: waiting for another set-up of this checkout\n"
    go.touch()
    out, _ = second.communicate(timeout=60)
    first.communicate()
    assert (second.returncode, out) == (0, "git-par list\n")
    assert [line.split("/")[0] for line in checkout.logged()] == ["venv", "pip ", "pip done", "venv", "pip "]


def test_a_set_up_killed_with_all_its_children_does_not_trip_the_next(checkout: Checkout) -> None:
    hanging = checkout.root / "hanging"
    environment = {**os.environ, **checkout.environment, "HANG": str(hanging)}
    first = subprocess.Popen([str(checkout.repo / "script/setup")], env=environment, start_new_session=True)
    wait_for(hanging)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert checkout.launch("list").out == "git-par list\n"


def test_without_a_fit_python_there_is_one_clear_line(checkout: Checkout) -> None:
    tools = checkout.root / "tools"
    tools.mkdir()
    for tool in ("sh", "dirname", "readlink", "cksum"):
        found = shutil.which(tool)
        assert found
        (tools / tool).symlink_to(found)
    old = tools / "python3"
    old.write_text("#!/bin/sh\nexit 1\n")  # as one without ensurepip, or too old, answers
    old.chmod(0o755)
    done = checkout.launch("list", PYTHON="", PATH=str(tools))
    assert done == Result(
        3,
        "",
        "git par: set-up needs Python 3.11 or newer with venv; install python3 and python3-venv, or name one in PYTHON\n",
    )


@pytest.mark.parametrize("shell", [shell for shell in ("sh", "dash", "bash") if shutil.which(shell)])
def test_any_posix_shell_will_do(shell: str, checkout: Checkout) -> None:
    setup = checkout.process(shell, str(checkout.repo / "script/setup"), env=checkout.environment)
    assert (setup.status, setup.out) == (0, "")
    launcher = str(checkout.repo / "bin/git-par")
    assert checkout.process(shell, launcher, "x", env=checkout.environment) == Result(0, "git-par x\n", "")
