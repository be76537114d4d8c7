"""Processes for tests: started without a terminal, waited for, seen to have ended."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

ALONE = (sys.executable, "-c", "import os, sys; os.setsid(); os.execv(sys.argv[1], sys.argv[1:])")
"""Without the terminal that the tests may have been started from."""


def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def wait_for(*files: Path) -> None:
    """Until all of them are there."""
    until(lambda: all(file.exists() for file in files))


def wait_for_end(*numbers: int) -> None:
    """Until none of these processes lives."""
    until(lambda: not any(map(is_alive, numbers)))


def is_alive(number: int) -> bool:
    """Whether a process of that number is there and not only waited for."""
    try:
        return psutil.Process(number).status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.NoSuchProcess:
        return False
