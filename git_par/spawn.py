"""Start users' commands and background work.  No other module starts anything but git.

A user's command is one shell text that came from that user; names reach it through its environment only.
"""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_par import interrupts
from git_par.errors import UsageError

_GRACE = 10.0
"""How long a command that was asked to end may take, in seconds."""


@dataclass(frozen=True)
class Place:
    """Where a user's command runs, with what environment, and where each line goes that it writes."""

    cwd: Path
    env: Mapping[str, str]
    line: Callable[[str], None]


def shell(command: str, cwd: Path, env: Mapping[str, str], *, line: Callable[[str], None] | None) -> int:
    """Run a shell command in `cwd` and return its status (128 + n when signal n ended it).

    With `line` each line it writes, on either stream, goes there; without, it has the terminal to itself.
    """
    if line is not None:
        return shells(command, [Place(cwd, env, line)])[0]
    process = None
    with ExitStack() as stack:
        try:
            with interrupts.later():
                process = stack.enter_context(subprocess.Popen(["/bin/sh", "-c", command], cwd=cwd, env=env))
        except KeyboardInterrupt as interrupt:
            if process is not None:
                _tell(process, interrupt, group=False)
            raise
        code, interrupted = _attend(process, group=False)
    # A Ctrl-C is the command's own affair, unless it ended by it.
    if interrupted and (_number(interrupted) != signal.SIGINT or code == 128 + signal.SIGINT):
        raise interrupted
    return code


def shells(command: str, places: Sequence[Place]) -> list[int]:
    """Run a shell command in several places at once; the statuses.  All of them end when this process is asked to."""
    import sh  # pulls in asyncio: 75 ms

    group = not _has_controlling_terminal()
    options: dict[str, Any] = {
        "_bg": 1,  # with True, sh would make it deaf to a closed terminal
        "_bg_exc": False,
        "_new_group": group,
        "_err_to_out": True,
        "_tty_out": False,
        "_in": "",
        "_encoding": "utf-8",
        "_decode_errors": "replace",
    }
    running: list[Any] = []
    try:
        for place in places:
            with interrupts.later():
                own: dict[str, Any] = {"_cwd": str(place.cwd), "_env": dict(place.env), "_out": _quietly(place.line)}
                running.append(sh.Command("/bin/sh")("-c", command, **options, **own))
        codes = [int(one.process.wait()) for one in running]
    except BaseException:
        with interrupts.held():
            _end(running, group=group)
        raise
    return [128 - code if code < 0 else code for code in codes]


def _quietly(line: Callable[[str], None]) -> Callable[[str], None]:
    """What nobody reads any more does not disturb the command, nor leave a traceback of sh's thread."""

    def take(text: str) -> None:
        with suppress(OSError, ValueError):
            line(text.rstrip("\n"))

    return take


def _end(running: Sequence[Any], *, group: bool) -> None:
    """Ask the commands to end, and insist after a while."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        for one in running:
            if one.is_alive():
                with suppress(ProcessLookupError):
                    _signal(one.pid, number, group=group)
        for _ in range(int(_GRACE / 0.05)):
            if not any(one.is_alive() for one in running):
                return
            time.sleep(0.05)


def supervised(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command on our own streams and return its status; it ends when this process ends, however that happens.

    A shell waits for the end of a pipe that only we hold open: a killed git-par closes it too.  Where there is no terminal
    that would stop a command in a process group of its own, it gets one, and all of it ends.
    """
    group = not _has_controlling_terminal()
    process = None
    with ExitStack() as stack:
        try:
            with interrupts.later():
                process = stack.enter_context(subprocess.Popen(argv, env=env, process_group=0 if group else None))
                target = f"-{process.pid}" if group else str(process.pid)
                watcher = stack.enter_context(
                    subprocess.Popen(
                        ["/bin/sh", "-c", 'read -r word || kill -s TERM -- "$1"', "sh", target],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                        start_new_session=True,
                    )
                )
        except FileNotFoundError:
            raise UsageError(f"{argv[0]}: command not found", hint="check the command after '--'") from None
        except PermissionError:
            raise UsageError(f"{argv[0]}: not executable", hint="check the command after '--'") from None
        except KeyboardInterrupt as interrupt:
            if process is not None:
                _tell(process, interrupt, group=group)
            raise
        code, _ = _attend(process, group=group)
        watcher.communicate(b"done\n")
    return code


def _attend(process: "subprocess.Popen[bytes]", *, group: bool) -> tuple[int, KeyboardInterrupt | None]:
    """Wait for the end of a command, which decides itself what an interrupt means; its status, and the last interrupt."""
    interrupted = None
    while True:
        try:
            code = process.wait()
            break
        except KeyboardInterrupt as interrupt:
            interrupted = interrupt
            _tell(process, interrupt, group=group)
            interrupts.heard()
    return (128 - code if code < 0 else code), interrupted


def _tell(process: "subprocess.Popen[bytes]", interrupt: KeyboardInterrupt, *, group: bool) -> None:
    """Pass an interrupt on; a Ctrl-C has reached everybody at the terminal already."""
    number = _number(interrupt)
    if (group or number != signal.SIGINT) and process.poll() is None:
        with suppress(ProcessLookupError):
            _signal(process.pid, number, group=group)


def _signal(pid: int, number: int, *, group: bool) -> None:
    if group:
        os.killpg(pid, number)
        os.killpg(pid, signal.SIGCONT)  # one that is stopped hears nothing
    else:
        os.kill(pid, number)


def _number(interrupt: KeyboardInterrupt) -> int:
    return int(getattr(interrupt, "number", signal.SIGINT))


def _has_controlling_terminal() -> bool:
    """Whether a command could ask somebody (tty(4)), which the terminal lets only its own process group do."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def in_background(argv: Sequence[str]) -> None:
    """Start a process that outlives this one and its terminal, silent, with nothing of ours open."""
    package = str(Path(__file__).parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    subprocess.run(
        # The shell ends at once, so that nobody is left who would have to wait for the process.
        ["/bin/sh", "-c", '"$@" &', "sh", *argv],
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
