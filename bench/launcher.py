"""A small process that starts the commands which are measured, as `python -I -S bench/launcher.py`.

A child's peak memory counts what its parent had when it forked, so the parent must be small; and whoever starts a command
must not be busy with anything else.  One request a line on stdin (JSON: argv lists, directory, environment, how many at
once), one answer a line on stdout.  It ends with its stdin.
"""

import json
import os
import sys
import time


def carry_out(request: "dict[str, object]") -> "dict[str, object]":
    """Start all commands, so many at once, in the order given; the seconds of it all, and how each ended."""
    commands: list[list[str]] = request["commands"]  # type: ignore[assignment]
    environment: dict[str, str] = request["environment"]  # type: ignore[assignment]
    width: int = request["width"]  # type: ignore[assignment]
    out: str = request["out"]  # type: ignore[assignment]
    os.chdir(request["cwd"])  # type: ignore[arg-type]
    running: dict[int, int] = {}
    ended: list[list[float]] = [[] for _ in commands]
    begins = [0.0] * len(commands)
    began = time.perf_counter()
    number = 0
    while number < len(commands) or running:
        if number < len(commands) and len(running) < width:
            actions = [
                (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, f"{out}/{number}.out", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
                (os.POSIX_SPAWN_OPEN, 2, f"{out}/{number}.err", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            ]
            begins[number] = time.perf_counter()
            argv = commands[number]
            running[os.posix_spawn(argv[0], argv, environment, file_actions=actions)] = number
            number += 1
            continue
        pid, status, usage = os.wait4(-1, 0)
        if pid in running:
            which = running.pop(pid)
            ended[which] = [os.waitstatus_to_exitcode(status), time.perf_counter() - begins[which], usage.ru_maxrss]
    return {"seconds": time.perf_counter() - began, "ended": ended}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(carry_out(json.loads(line))), flush=True)
