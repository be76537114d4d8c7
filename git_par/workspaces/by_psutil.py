"""Processes as psutil tells of them, wherever it can.

One that ends while it is looked at raises ProcessLookupError, one that cannot be read PermissionError.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress


def numbers() -> list[int]:
    """All processes of the machine that can be seen from here."""
    import psutil

    return psutil.pids()


def places(number: int, counts: Callable[[str], bool]) -> list[str]:
    """Where a process is at work, as far as that `counts`: its working directory, its root, the files it writes."""
    import psutil

    with _plainly():
        process = psutil.Process(number)
        found = [process.cwd()]
        with suppress(OSError):
            found.append(os.readlink(f"/proc/{number}/root"))
        # Only Linux tells the mode.
        found += [file.path for file in process.open_files() if getattr(file, "mode", "r") != "r"]
        return [place for place in found if counts(place)]


def is_ours(number: int) -> bool:
    """Whether a process belongs to this user; no, when that cannot be told."""
    import psutil

    try:
        return psutil.Process(number).uids().real == os.getuid()
    except psutil.Error:
        return False


def parents() -> Iterator[tuple[int, str]]:
    """The processes above this one, the nearest first, each with its name."""
    import psutil

    with suppress(psutil.Error):
        for parent in psutil.Process().parents():
            yield parent.pid, parent.name()


def name(number: int) -> str:
    """What a process is called."""
    import psutil

    try:
        return psutil.Process(number).name()
    except psutil.Error:
        return "?"


@contextmanager
def _plainly() -> Iterator[None]:
    """Its complaints as the errors of the system that they stand for."""
    import psutil

    try:
        yield
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        raise ProcessLookupError from None
    except psutil.AccessDenied:
        raise PermissionError from None
