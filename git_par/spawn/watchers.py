"""Shells that stand beside a command: one that waits until it may begin, and those that end it when git-par is killed."""

import subprocess
from collections.abc import Sequence
from contextlib import suppress

from git_par import interrupts

WAIT = 'read -r _ || exit; exec "$@" <"$0"'
"""A shell that becomes the command once it hears a line, and nothing when there will be none; $0 is what that then reads."""

_END = """read -r word && exit
kill -s TERM -- "$1"
tries=0
while kill -s 0 -- "$1" && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
kill -s KILL -- "$1"
"""
"""A shell that ends $1, a process or a group of them, unless it is told otherwise before the end of its input."""

_END_MANY = """running=' '
while read -r what who; do
    case $what in
        began) running="$running$who " ;;
        ended) running="${running%% $who *} ${running#* $who }" ;;
    esac
done
for who in $running; do kill -s TERM -- "-$who"; done
tries=0
while [ "$tries" -lt 100 ]; do
    left=
    for who in $running; do kill -s 0 -- "-$who" && left=1; done
    [ "$left" ] || exit
    tries=$((tries + 1))
    sleep 0.1
done
for who in $running; do kill -s KILL -- "-$who"; done
"""
"""A shell that ends the process groups it was told have begun and not ended, at the end of its input."""


def let_go(process: "subprocess.Popen[bytes]") -> None:
    """Let a command begin that waits; it ends without a trace when this process is killed before."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # somebody has ended it
        process.stdin.write(b"\n")
        process.stdin.close()


def watch(target: str, carried: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Start what ends `target` when the pipe to it is closed, which a killed git-par does too."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _END, "sh", target],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        pass_fds=carried,
    )


class Watcher:
    """Ends the commands that have begun and not ended when this process is killed."""

    def __init__(self) -> None:
        with interrupts.later():
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _END_MANY],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def note(self, what: str, group: int) -> None:
        """The process group `group` has `began` or `ended`; a watcher that somebody killed watches nothing."""
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{what} {group}\n".encode())
            self._process.stdin.flush()

    def close(self) -> None:
        """Let it go; it ends whatever has not ended."""
        self._process.communicate()
