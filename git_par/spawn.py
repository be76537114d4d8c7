"""Start users' commands and background work.  No other module starts anything but git.

A user's command is one shell text that came from that user; names reach it through its environment only.
"""

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def shell(command: str, cwd: Path, env: Mapping[str, str], *, line: Callable[[str], None] | None) -> int:
    """Run a shell command in `cwd` and return its status (128 + n when signal n ended it).

    With `line` each line it writes, on either stream, goes there; without, it has the terminal to itself.
    """
    import sh  # pulls in asyncio: 75 ms

    options: dict[str, Any] = {
        "_cwd": str(cwd),
        "_env": dict(env),
        "_ok_code": range(256),
        "_return_cmd": True,
    }
    if line is None:
        options["_fg"] = True
    else:
        options |= {
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
    code = int(done if isinstance(done, int) else done.exit_code)
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
