"""Run users' commands and hear each line that they write."""

import os
import selectors
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from git_par import git, interrupts, processes
from git_par.spawn import watchers
from git_par.spawn.foreground import has_controlling_terminal
from git_par.spawn.jobs import LAST_WORDS

_LONGEST_LINE = 65536


@dataclass(frozen=True)
class Place:
    """Where a user's command runs, with what environment, and where each line goes that it writes."""

    cwd: Path
    env: Mapping[str, str]
    line: Callable[[str], None]


def shells(command: str, places: Sequence[Place]) -> list[int]:
    """Run a shell command in several places at once; the statuses.  All of them end when this process does."""
    import sh  # pulls in asyncio: 75 ms

    group = not has_controlling_terminal()
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
    with closing(watchers.Watcher()) as watcher:
        try:
            for place in places:
                own: dict[str, Any] = {"_cwd": str(place.cwd), "_env": dict(place.env), "_out": _quietly(place.line)}
                with interrupts.later(), watcher.expecting(group=group) as announce:
                    running.append(sh.Command("/bin/sh")("-c", command, **options, **own, _preexec_fn=announce))
            codes = [int(one.process.wait()) for one in running]
        except BaseException:
            with interrupts.held():
                _end(running)
            raise
        finally:
            for one in running:
                watcher.note("ended", -one.pid if group else one.pid)
    return [128 - code if code < 0 else code for code in codes]


def _quietly(line: Callable[[str], None]) -> Callable[[str], None]:
    """What nobody reads any more does not disturb the command, nor leave a traceback of sh's thread."""

    def take(text: str) -> None:
        with suppress(OSError, ValueError):
            line(text.rstrip("\n"))

    return take


def _end(running: Sequence[Any]) -> None:
    """End the commands with all they started."""
    processes.end([one.pid for one in running if one.is_alive()], processes.GRACE)
    for one in running:
        one.is_alive()  # takes its status, so that no zombie stays


def contained(command: str, place: Place, *, feed: bytes = b"") -> int:
    """Run a shell command in a session of its own, where no terminal can be asked, and return its status.

    `feed` is its standard input, which it need not read.
    Nothing that stays in this session outlives the command.  When this process is asked to end, all that the command started
    ends; when it is killed, the command's group does, and git-par's locks are held until then.
    """
    process = watcher = None
    with ExitStack() as stack:
        held = [stack.enter_context(_holding(feed)).fileno()] if feed else []
        reads = f"/dev/fd/{held[0]}" if held else os.devnull
        try:
            with interrupts.later():
                process = stack.enter_context(
                    subprocess.Popen(
                        ["/bin/sh", "-c", watchers.WAIT, reads, "/bin/sh", "-c", command],
                        cwd=place.cwd,
                        env=place.env,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                        pass_fds=held,
                    )
                )
                watcher = watchers.Watcher(git.carried())
                watcher.note("began", -process.pid)
                watchers.let_go(process)  # not before there is somebody to end it
            _relay(process, _quietly(place.line))
        finally:
            with interrupts.held():
                # Until its status is taken, nobody else can get its number.
                if process is not None:
                    processes.end([process.pid], processes.GRACE)
                    if watcher is not None:
                        watcher.note("ended", -process.pid)
                        watcher.close()
        code = process.wait()
    return 128 - code if code < 0 else code


@contextmanager
def _holding(data: bytes) -> Iterator[IO[bytes]]:
    """A file without a name, to be read from its beginning: nobody waits for a reader, as with a pipe."""
    import tempfile  # 5 ms to import

    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        yield file


def _relay(process: "subprocess.Popen[bytes]", take: Callable[[str], None]) -> None:
    """Give each line to `take` until the process has ended; what it left running may keep the pipe open for ever."""
    assert process.stdout is not None
    pipe, rest, ended = process.stdout.fileno(), b"", 0.0
    peek = os.WEXITED | os.WNOHANG | os.WNOWAIT
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while True:
            if not ended and os.waitid(os.P_PID, process.pid, peek):
                ended = time.monotonic()
            if not selector.select(0 if ended else 0.1):
                if ended:
                    break
                continue
            data = os.read(pipe, _LONGEST_LINE)
            if not data or (ended and time.monotonic() - ended > LAST_WORDS):
                break
            *lines, rest = (rest + data).split(b"\n")
            if len(rest) > _LONGEST_LINE:
                lines, rest = [*lines, rest], b""
            for line in lines:
                take(line.decode(errors="replace"))
    if rest:
        take(rest.decode(errors="replace"))
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
