"""Work beside other work: an interrupt at any moment ends it, and leaves no thread waiting for a lock that nobody opens."""

import subprocess
import sys

import pytest

# Sends itself a signal at one line after the other of what the standard library does for threads and futures in the main
# thread; where that leaves another thread behind, it ends with a traceback instead of a hang.
SWEEP = """
import concurrent.futures.thread, faulthandler, signal, sys, threading, time
from git_par import beside, interrupts
from git_par.workspaces import abreast

def nap(_: object) -> None:
    time.sleep(0.001)

def pool() -> None:
    with beside.pool(2) as pool:
        assert list(pool.each(nap, range(3))) == [None] * 3

def each() -> None:
    abreast.each(nap, range(3), 2)

def begin() -> None:
    beside.begin(lambda: nap(0))()

files = {module.__file__ for module in (threading, concurrent.futures._base, concurrent.futures.thread)}
left = 0

def trace(frame, event, _):
    global left
    if frame.f_code.co_filename in files and event == "line":
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGTERM)
    return trace

interrupts.install()
work, ended, at = globals()[sys.argv[1]], False, 0
while not ended:
    at += 1
    left = at
    faulthandler.dump_traceback_later(20, exit=True)
    sys.settrace(trace)
    try:
        work()
        ended = left > 0
    except interrupts.Interrupted:
        pass
    finally:
        sys.settrace(None)
    interrupts.heard()
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            thread.join()
    faulthandler.cancel_dump_traceback_later()
print(at)
"""


@pytest.mark.parametrize("work", ["pool", "each", "begin"])
def test_an_interrupt_at_any_line_holds_nobody_up(work: str) -> None:
    done = subprocess.run([sys.executable, "-c", SWEEP, work], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 20
