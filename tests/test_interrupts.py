"""Signals wait where they are to wait, also when other threads are there to take them."""

import signal
import sys

import pytest

from tests.world import PAR, World

# Another thread takes every signal that the main one has blocked.
SCRIPT = """
import os, signal, sys, threading, time
from git_par import interrupts

interrupts.install()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
number = int(sys.argv[1])
try:
    with interrupts.held():
        with interrupts.held():
            os.kill(os.getpid(), number)
            for _ in range(200):
                time.sleep(0.001)
            print("held", interrupts.waits())
        print("still held")
        if sys.argv[2:]:
            with interrupts.heeded():
                print("never")
    print("never")
except interrupts.Interrupted as interrupt:
    print("then", interrupt.number)
os._exit(os.EX_OK if sys.stdout.flush() is None else 1)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("heeded", [(), ("heeded",)])
def test_held_holds_beside_other_threads(world: World, number: signal.Signals, heeded: tuple[str, ...]) -> None:
    done = world.process(sys.executable, "-c", SCRIPT, str(int(number)), *heeded)
    assert done == (0, f"held True\nstill held\nthen {int(number)}\n", "")


def test_who_started_us_may_ignore_the_ends_of_children(world: World) -> None:
    script = (
        "import os, signal, sys; signal.signal(signal.SIGCHLD, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    )
    command = ("run", "--each", "one", "two", "--json", "--", "sh", "-c", 'test "$GIT_PAR_TASK" = one || exit 3')
    done = world.process(sys.executable, "-c", script, *PAR, *command)
    assert (done.status, [task["exit"] for task in done.json["tasks"]]) == (1, [0, 3])
