"""The processes that a command has started: find them all, tell them a signal, end them.

A command's processes are those below its leader in the tree, and those in its process group or session when it has one of
its own: what was left by a parent that ended stays in these.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # 20 ms to import, and only those who end something pay that
    from psutil import Process

GRACE = 10.0
"""How long a command that was asked to end may take, in seconds."""

_PAUSES = (0.01, 0.2)
"""The first and the longest pause between two looks at all processes, which take 10 ms each, in seconds."""


def is_running(pid: int) -> bool:
    """Whether there is a process of that number on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def tell(leader: int, number: int) -> None:
    """Send signal `number` to all processes of the command that the unreaped process `leader` leads."""
    for process in _parents_first(_family([leader], ())):
        _send(process, number)


def end(leaders: Sequence[int], grace: float, hurry: Callable[[], bool] = lambda: False) -> None:
    """Ask all processes of the commands to end, and insist after `grace` seconds; also those that come meanwhile.

    It insists at once when there is reason to `hurry`.
    """
    known: set[Process] = set()
    foreign: set[Process] = set()
    for number in (signal.SIGTERM, signal.SIGKILL):
        told: set[Process] = set()
        deadline, pause = time.monotonic() + grace, _PAUSES[0]
        while (known := _family(leaders, known) - foreign) and time.monotonic() < deadline:
            if hurry() and number != signal.SIGKILL:
                break
            foreign |= {process for process in _parents_first(known - told) if not _send(process, number)}
            told |= known
            time.sleep(pause)
            pause = min(pause * 1.5, _PAUSES[1])
        if not known:
            return


def end_marked(marks: Mapping[str, str], grace: float) -> None:
    """End all processes of ours whose environment has all of `marks`, as `end` does, but none that we run below."""
    import psutil

    spared = {os.getpid(), *(process.pid for process in psutil.Process().parents())}

    def marked(process: "Process") -> bool:
        try:
            env = process.environ()
        except (psutil.Error, OSError):
            return False
        return all(env.get(key) == value for key, value in marks.items())

    leaders = [process.pid for process in psutil.process_iter() if process.pid not in spared and marked(process)]
    end(leaders, grace)


def _family(leaders: Iterable[int], known: Iterable["Process"]) -> set["Process"]:
    """The living processes of the leaders, of what was `known` to be theirs, and all below them."""
    import psutil

    wanted = set(leaders)
    seeds = wanted | {process.pid for process in known if process.is_running()}
    found: dict[int, Process] = {}
    children: dict[int, list[int]] = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            children.setdefault(process.ppid(), []).append(process.pid)
            found[process.pid] = process
            if wanted & {os.getpgid(process.pid), os.getsid(process.pid)}:
                seeds.add(process.pid)
    family: set[int] = set()
    while seeds:
        family |= seeds
        seeds = {child for parent in seeds for child in children.get(parent, ())} - family
    return {found[pid] for pid in family - {os.getpid()} if pid in found and _is_alive(found[pid])}


def _parents_first(family: Iterable["Process"]) -> list["Process"]:
    """Who began first hears first: a shell would take the end of its child for a reason to go on."""
    import psutil

    def began(process: "Process") -> tuple[float, int]:
        with suppress(psutil.Error, OSError):
            return process.create_time(), process.pid
        return 0.0, process.pid

    return sorted(family, key=began)


def _is_alive(process: "Process") -> bool:
    import psutil

    try:
        return process.status() not in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD)
    except psutil.Error:
        return False


def _send(process: "Process", number: int) -> bool:
    """Send a signal, and wake one that is stopped and would not hear it; False when it belongs to another user."""
    import psutil

    try:
        process.send_signal(number)
        process.send_signal(signal.SIGCONT)
    except psutil.AccessDenied:
        return False
    except psutil.NoSuchProcess:
        pass
    return True
