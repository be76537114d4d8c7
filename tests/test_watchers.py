"""What ends a command when git-par is killed is there before the command is, and ends nobody else."""

import subprocess
import sys
import time
from contextlib import suppress

import pytest

from git_par import beside
from git_par.spawn.watchers import Watcher
from tests.processes import wait_for_end
from tests.world import World

KILLED = """
import os, subprocess, sys
from pathlib import Path
from git_par.spawn import foreground, heard
git_par, starts = os.getpid(), 0
def then_dead(real):
    def started(*args, **options):
        global starts
        found = real(*args, **options)
        starts += os.getpid() == git_par
        if starts == int(sys.argv[1]):
            os.kill(git_par, 9)
        return found
    return started
subprocess.Popen.__init__ = then_dead(subprocess.Popen.__init__)
os.fork = then_dead(os.fork)
command = "echo $$ >pid.new; mv pid.new pid; exec sleep 300"
{
    "supervised": lambda: foreground.supervised(["sh", "-c", command], os.environ),
    "shell": lambda: foreground.shell(command, Path.cwd(), os.environ),
    "shells": lambda: heard.shells(command, [heard.Place(Path.cwd(), os.environ, print)]),
    "contained": lambda: heard.contained(command, heard.Place(Path.cwd(), os.environ, print)),
}[sys.argv[2]]()
"""
"""Dies as soon as it has started so many processes."""


@pytest.mark.parametrize("number", ["1", "2"])
@pytest.mark.parametrize("how", ["supervised", "shell", "shells", "contained"])
def test_killed_right_after_any_start_it_leaves_no_command(world: World, how: str, number: str) -> None:
    assert world.process(sys.executable, "-c", KILLED, number, how, cwd=world.root).status == -9
    time.sleep(0.5)
    if (file := world.root / "pid").exists():
        wait_for_end(int(file.read_text()))


def test_what_never_began_is_not_ended() -> None:
    with subprocess.Popen(["sleep", "300"], process_group=0) as bystander:
        watcher = Watcher()
        watcher.note("began", -bystander.pid)
        with suppress(OSError), watcher.expecting(group=True):
            raise OSError
        watcher.note("ended", -bystander.pid)
        with suppress(OSError), watcher.expecting(group=True):
            watcher.note("began", -bystander.pid)
            raise OSError
        watcher.close()
        assert bystander.poll() is None
        watcher = Watcher()
        with watcher.expecting(group=True):
            watcher.note("began", -bystander.pid)
        ended = beside.begin(bystander.wait)
        watcher.close()
        assert ended() == -15


def test_an_interrupt_that_comes_before_the_command_does_is_heard(world: World) -> None:
    code = (
        "import os, signal, subprocess; from git_par import interrupts; from git_par.spawn.watchers import Watcher\n"
        "interrupts.install(); watcher = Watcher()\n"
        "with watcher.expecting(group=False) as announce:\n"
        "    early = lambda: (os.kill(os.getpid(), signal.SIGINT), announce())\n"
        "    process = subprocess.Popen(['true'], preexec_fn=early)\n"
        "print(process.wait()); watcher.note('ended', process.pid); watcher.close()\n"
    )
    assert world.process(sys.executable, "-c", code).out == "-2\n"
