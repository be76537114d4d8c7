"""Shells that stand beside a command: one that waits until it may begin, and those that end it when git-par is killed."""

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from git_par import interrupts

WAIT = 'read -r _ || exit; exec "$@" <"$0"'
"""A shell that becomes the command once it hears a line, and nothing when there will be none; $0 is what that then reads."""

_END = """running=' '
while read -r what who; do
    case $what in
        next) last= ;;
        began) last=$who running="$running$who " ;;
        void) who=$last ;;
    esac
    case $what$who in
        ended?* | void?*) running="${running%% $who *} ${running#* $who }" ;;
    esac
done
for who in $running; do kill -s TERM -- "$who"; done
tries=0
while [ "$tries" -lt 100 ]; do
    left=
    for who in $running; do kill -s 0 -- "$who" && left=1; done
    [ "$left" ] || exit
    tries=$((tries + 1))
    sleep 0.1
done
for who in $running; do kill -s KILL -- "$who"; done
"""
"""A shell that ends whom it was told have begun and not ended, at the end of its input: a process, or as -N its group.

What begins after `next` and is `void` before the next one has come to nothing.
"""


def let_go(process: "subprocess.Popen[bytes]") -> None:
    """Let a command begin that waits; it ends without a trace when this process is killed before."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):  # somebody has ended it
        process.stdin.write(b"\n")
        process.stdin.close()


class Watcher:
    """Ends the commands that have begun and not ended when this process is killed; it holds the files `carried` open."""

    def __init__(self, carried: Sequence[int] = ()) -> None:
        with interrupts.later():
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _END],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                pass_fds=carried,
            )

    def note(self, what: str, who: int) -> None:
        """A process, or a group as a negative number, has `began` or `ended`; one that somebody killed watches nothing."""
        self._say(f"{what} {who}")

    @contextmanager
    def expecting(self, *, group: bool) -> Iterator[Callable[[], None]]:
        """For as long as the block starts a command: what that calls before it begins, so that it never runs unwatched.

        It is for a child that was forked (subprocess.Popen, preexec_fn), which costs more than one that was not: 2 ms.
        """
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()

        def announce() -> None:
            with suppress(BrokenPipeError):
                os.write(pipe, b"began %d\n" % (-os.getpid() if group else os.getpid()))
            interrupts.disown()

        self._say("next")
        try:
            with interrupts.held():
                yield announce
        except BaseException:
            self._say("void")
            raise

    def close(self) -> None:
        """Let it go; it ends whatever has not ended."""
        self._process.communicate()

    def _say(self, words: str) -> None:
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):
            self._process.stdin.write(f"{words}\n".encode())
            self._process.stdin.flush()
