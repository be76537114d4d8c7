"""Start users' commands and background work.  No other module starts anything but git.

A user's command is one shell text that came from that user; names reach it through its environment only.
"""

import os
import signal
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from git_par.errors import UsageError


def shell(command: str, cwd: Path, env: Mapping[str, str], *, line: Callable[[str], None] | None) -> int:
    """Run a shell command in `cwd` and return its status (128 + n when signal n ended it).

    With `line` each line it writes, on either stream, goes there; without, it has the terminal to itself.
    """
    import sh  # pulls in asyncio: 75 ms

    options: dict[str, Any] = {"_cwd": str(cwd), "_env": dict(env)}
    if line is None:
        options["_fg"] = True  # takes hardly another option, and tells how it ended by exceptions only
    else:
        options |= {
            "_ok_code": range(256),
            "_return_cmd": True,
            "_out": lambda text: line(text.rstrip("\n")),
            "_err_to_out": True,
            "_tty_out": False,
            "_in": "",
            "_encoding": "utf-8",
            "_decode_errors": "replace",
        }
    try:
        done = sh.Command("/bin/sh")("-c", command, **options)
    except sh.SignalException as error:
        return 128 + abs(int(error.exit_code))
    except sh.ErrorReturnCode as error:
        return int(error.exit_code)
    code = int(done.exit_code) if done is not None else 0
    return 128 - code if code < 0 else code


def supervised(argv: Sequence[str], env: Mapping[str, str]) -> int:
    """Run a command on our own streams and return its status; it ends when this process ends, however that happens.

    A shell waits for the end of a pipe that only we hold open: a killed git-par closes it too.  Away from a terminal the
    command gets a process group, and all of it ends.
    """
    group = not os.isatty(0)
    try:
        process = subprocess.Popen(argv, env=env, process_group=0 if group else None)
    except FileNotFoundError:
        raise UsageError(f"{argv[0]}: command not found", hint="check the command after '--'") from None
    except PermissionError:
        raise UsageError(f"{argv[0]}: not executable", hint="check the command after '--'") from None
    target = f"-{process.pid}" if group else str(process.pid)
    watcher = subprocess.Popen(
        ["/bin/sh", "-c", 'read -r word || kill -s TERM -- "$1"', "sh", target],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    with watcher, process:
        while True:
            try:
                code = process.wait()
                break
            except KeyboardInterrupt as interrupt:
                # The command hears it too and decides what to do; one without the terminal is told.
                if group:
                    os.killpg(process.pid, getattr(interrupt, "number", signal.SIGINT))
        watcher.communicate(b"done\n")
    return 128 - code if code < 0 else code


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
