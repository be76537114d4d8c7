"""Run a command in the foreground: it has the terminal, or the streams that are ours, until it ends."""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Any

from git_par import interrupts, processes
from git_par.spawn import jobs, watchers


def shell(command: str, cwd: Path, env: Mapping[str, str]) -> int:
    """Run a shell command in `cwd`, with the terminal to itself; its status (128 + n when signal n ended it)."""
    code, interrupted = _run(["/bin/sh", "-c", command], env, cwd, group=False)
    # A Ctrl-C is the command's own affair, unless it ended by it.
    if interrupted and (_number(interrupted) != signal.SIGINT or code == 128 + signal.SIGINT):
        raise interrupted
    return code


def supervised(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None, stdout: int | None = None
) -> int:
    """Run a command on our own streams and return its status.

    Where there is no terminal that would stop a command in a process group of its own, it gets one, and all of it ends with
    us.  It runs in `cwd`, if given, and writes to the descriptor `stdout` what it would write to ours.  NotStartedError when
    there is no such command.
    """
    return _run(argv, env, cwd, group=not has_controlling_terminal(), stdout=stdout)[0]


def _run(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path | None, *, group: bool, stdout: int | None = None
) -> tuple[int, KeyboardInterrupt | None]:
    """Run a command to its end, which comes when this process ends, however that happens; its status, the last interrupt."""
    with interrupts.later(), closing(watchers.Watcher()) as watcher, ExitStack() as stack:
        try:
            with watcher.expecting(group=group) as announce:
                process = subprocess.Popen(
                    argv, cwd=cwd, env=env, stdout=stdout, process_group=0 if group else None, preexec_fn=announce
                )
        except OSError as error:
            raise jobs.not_started(argv, cwd, error) from None
        stack.enter_context(process)
        stack.callback(watcher.close)  # before it is waited for: whoever fails here does not wait for a command to end
        code, interrupted = _attend(process, group=group)
        watcher.note("ended", -process.pid if group else process.pid)
    return code, interrupted


def picked(argv: Sequence[str], env: Mapping[str, str], lines: Iterable[str]) -> tuple[int, str]:
    """Let a person pick from `lines`, as they come, with a program that has the terminal: its status, and what it wrote."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        with interrupts.later():
            process = stack.enter_context(
                subprocess.Popen(argv, env=env, **pipes, encoding="utf-8", errors="surrogateescape")
            )
            # It is asked to end, not left or killed: it alone knows how the terminal was.
            stack.push(lambda kind, *_: processes.end([process.pid], processes.GRACE) if kind else None)
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            for line in lines:
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
        said, _ = process.communicate()
    return (128 - process.returncode if process.returncode < 0 else process.returncode), said


def _attend(process: "subprocess.Popen[bytes]", *, group: bool) -> tuple[int, KeyboardInterrupt | None]:
    """Wait for the end of a command, which decides itself what an interrupt means; its status, and the last interrupt.

    Call it where interrupts wait: one that came while the command was started is the command's too.
    """
    interrupted = None
    while True:
        try:
            with interrupts.heeded():
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
        processes.tell(process.pid, number)


def _number(interrupt: KeyboardInterrupt) -> int:
    return int(getattr(interrupt, "number", signal.SIGINT))


def has_controlling_terminal() -> bool:
    """Whether a command could ask somebody (tty(4)), which the terminal lets only its own process group do."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True
