"""Start users' commands and background work.  No other module starts anything but git.

A user's command is one shell text that came from that user; names reach it through its environment only.
"""

import errno
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from git_par import git, interrupts, processes, watchers
from git_par.errors import NotStartedError

GRACE = 10.0
"""How long a command that was asked to end may take, in seconds."""

NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.EAGAIN, errno.ENOMEM)
"""Why no process can be started at the moment, whatever its command."""

LAST_WORDS = 1.0
"""How long a command is listened to that has ended but left somebody who goes on writing, in seconds."""

_LONGEST_LINE = 65536


@dataclass(frozen=True)
class Job:
    """A command as words, where it runs and with what environment, and who hears what it writes and how it ended."""

    argv: Sequence[str]
    cwd: Path
    env: Mapping[str, str]
    take: Callable[[bytes, bool], None]
    """Takes a piece of what it wrote; True for standard error."""
    done: Callable[[int, float], None]
    """Takes its status (128 + n when signal n ended it) and how many seconds it ran, after all that it wrote."""
    before: Callable[[int], None] | None = None
    """Takes the number of its process, which waits until this has returned: nothing runs that is not on record."""


@dataclass
class Running:
    """A job that was started and is not reaped yet: until then nobody else can get its number."""

    job: Job
    process: "subprocess.Popen[bytes]"
    began: float
    pipes: dict[int, bool]
    """The pipes that are open yet; True for that of standard error."""
    hushed: float = 0.0
    """When it closed the last of them."""
    ended: float = 0.0


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
            _end(running)
        raise
    return [128 - code if code < 0 else code for code in codes]


def _quietly(line: Callable[[str], None]) -> Callable[[str], None]:
    """What nobody reads any more does not disturb the command, nor leave a traceback of sh's thread."""

    def take(text: str) -> None:
        with suppress(OSError, ValueError):
            line(text.rstrip("\n"))

    return take


def _end(running: Sequence[Any]) -> None:
    """End the commands with all they started."""
    processes.end([one.pid for one in running if one.is_alive()], GRACE)
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
        try:
            with interrupts.later():
                process = stack.enter_context(
                    subprocess.Popen(
                        ["/bin/sh", "-c", command],
                        cwd=place.cwd,
                        env=place.env,
                        stdin=stack.enter_context(_holding(feed)) if feed else subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.STDOUT,
                        start_new_session=True,
                    )
                )
                watcher = stack.enter_context(_watcher(f"-{process.pid}", git.carried()))
            _relay(process, _quietly(place.line))
        finally:
            with interrupts.held():
                # Until its status is taken, nobody else can get its number.
                if process is not None:
                    processes.end([process.pid], GRACE)
                if watcher is not None:
                    watcher.communicate(b"done\n")
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


def _watcher(target: str, carried: Sequence[int] = ()) -> "subprocess.Popen[bytes]":
    """Start what ends `target` when the pipe to it is closed, which a killed git-par does too."""
    return subprocess.Popen(
        ["/bin/sh", "-c", watchers.END, "sh", target],
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
                ["/bin/sh", "-c", watchers.END_MANY],
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


def begin(job: Job) -> Running:
    """Start a job in a session of its own, where no terminal can be asked; NotStartedError when there is no such command.

    One with a `before` waits for `let_go`.
    """
    waits = job.before is not None
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", watchers.WAIT, "sh", *job.argv] if waits else job.argv,
            cwd=job.cwd,
            env=job.env,
            stdin=subprocess.PIPE if waits else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise _not_started(job.argv, job.cwd, error) from None
    assert process.stdout is not None
    assert process.stderr is not None
    return Running(job, process, time.monotonic(), {process.stdout.fileno(): False, process.stderr.fileno(): True})


def let_go(running: Running) -> None:
    """Let a job begin that waits; it ends without a trace when this process is killed before."""
    if running.job.before is None:
        return
    running.job.before(running.process.pid)
    assert running.process.stdin is not None
    with suppress(BrokenPipeError):  # somebody has ended it
        running.process.stdin.write(b"\n")
        running.process.stdin.close()


def _not_started(argv: Sequence[str], cwd: Path | None, error: OSError) -> OSError | NotStartedError:
    """What to raise when a command did not start: `error` itself when that is not the command's fault."""
    if error.errno in NO_ROOM:
        return error
    return NotStartedError(argv[0], error, cwd if cwd and str(error.filename) == str(cwd) else None)


def supervised(
    argv: Sequence[str], env: Mapping[str, str], *, cwd: Path | None = None, stdout: int | None = None
) -> int:
    """Run a command on our own streams and return its status; it ends when this process ends, however that happens.

    A shell waits for the end of a pipe that only we hold open: a killed git-par closes it too.  Where there is no terminal
    that would stop a command in a process group of its own, it gets one, and all of it ends.  It runs in `cwd`, if given,
    and writes to the descriptor `stdout` what it would write to ours.  NotStartedError when there is no such command.
    """
    group = not _has_controlling_terminal()
    process = None
    with ExitStack() as stack:
        try:
            with interrupts.later():
                process = stack.enter_context(
                    subprocess.Popen(argv, cwd=cwd, env=env, stdout=stdout, process_group=0 if group else None)
                )
                target = f"-{process.pid}" if group else str(process.pid)
                watcher = stack.enter_context(_watcher(target))
        except OSError as error:
            if process is not None:
                raise
            raise _not_started(argv, cwd, error) from None
        except KeyboardInterrupt as interrupt:
            if process is not None:
                _tell(process, interrupt, group=group)
            raise
        code, _ = _attend(process, group=group)
        watcher.communicate(b"done\n")
    return code


def picked(argv: Sequence[str], env: Mapping[str, str], lines: Iterable[str]) -> tuple[int, str]:
    """Let a person pick from `lines`, as they come, with a program that has the terminal: its status, and what it wrote."""
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ExitStack() as stack:
        with interrupts.later():
            process = stack.enter_context(
                subprocess.Popen(argv, env=env, **pipes, encoding="utf-8", errors="surrogateescape")
            )
            # It is asked to end, not left or killed: it alone knows how the terminal was.
            stack.push(lambda kind, *_: processes.end([process.pid], GRACE) if kind else None)
        assert process.stdin is not None
        with suppress(BrokenPipeError):
            for line in lines:
                process.stdin.write(f"{line}\n")
                process.stdin.flush()
        said, _ = process.communicate()
    return (128 - process.returncode if process.returncode < 0 else process.returncode), said


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
        processes.tell(process.pid, number)


def _number(interrupt: KeyboardInterrupt) -> int:
    return int(getattr(interrupt, "number", signal.SIGINT))


def _has_controlling_terminal() -> bool:
    """Whether a command could ask somebody (tty(4)), which the terminal lets only its own process group do."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def gently() -> list[str]:
    """What goes before a command so that it uses a disk only when nobody else does; nothing where ionice(1) is not."""
    found = shutil.which("ionice")
    return [found, "-c", "3", "-t"] if found else []


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
