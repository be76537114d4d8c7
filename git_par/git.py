"""Run git.  No other module starts a git process.

Text is decoded the way Python decodes file names, so a path that is not UTF-8 survives the round trip.  A status outside
`ok` is a GitFailed; callers read exit statuses and `-z` output, never git's prose.

Every `Git` here names its directory itself, so an inherited GIT_DIR, which would silently win over it, is scrubbed.  Only
`discover` sees the environment as the user left it.
"""

import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from git_par import environ, interrupts, processes
from git_par.errors import GitFailed

_LOOKING = frozenset(
    ("diff", "diff-files", "diff-index", "for-each-ref", "ls-files", "rev-list", "rev-parse", "status")
)
"""Commands that only look (see `environ.LOOKS`)."""

_MAKING = frozenset(("commit-tree", "hash-object", "merge-tree", "update-index", "write-tree"))
"""Commands that make objects; one that has failed did nothing else, and can be run again."""

_SWEPT_AWAY = "unable to create temporary file: No such file or directory"
"""What they say when a gc removed the empty directory that an object was to go to: git makes it a second time only."""

_TRIES = 5
"""How often one of them is run until that is an error."""

_LONGEST_TALK = 65536
"""How much of what a watched git says is kept, in bytes."""

_NO_HOOKS = ("-c", "core.hooksPath=/dev/null")

# A ref that another process is writing is waited for instead of being an error (git's own default is 0.1 s), nothing starts
# in the background, and no program named by configuration runs where git-par only asks a question.  An index over several
# packs, which git 2.55 writes unasked, hides objects when a gc beside it takes one of those packs; each pack has its own.
_CALM = tuple(
    word
    for setting in (
        "core.fsmonitor=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "core.multiPackIndex=false",
        "submodule.recurse=false",
        "advice.detachedHead=false",
        "core.filesRefLockTimeout=5000",
        "core.packedRefsTimeout=10000",
        "core.configLockTimeout=10000",
        "reftable.lockTimeout=5000",
    )
    for word in ("-c", setting)
)

_ALTERNATES = "GIT_ALTERNATE_OBJECT_DIRECTORIES"
_PROGRESS = re.compile(rb"\(([0-9]+)/([0-9]+)\)")

_GRACE = 10.0
"""Seconds that a git which was asked to end may take."""

_carried: set[int] = set()
_starting = threading.Lock()
"""Held while a git is started: what it is to keep open must not be closed by another thread meanwhile."""
_running: "set[subprocess.Popen[bytes]]" = set()


class Reply(NamedTuple):
    """How a git process ended and what it wrote."""

    code: int
    out: str
    err: str


@contextmanager
def carrying(descriptor: int) -> Iterator[None]:
    """Let the git children of this block keep `descriptor` open.

    A lock then outlives its holder for as long as a git started under it still runs.
    """
    _carried.add(descriptor)
    try:
        yield
    finally:
        with _starting:
            _carried.discard(descriptor)


def carried() -> tuple[int, ...]:
    """The descriptors that a git started now would keep open."""
    return tuple(_carried)


def end_running() -> None:
    """End every git process that is running, with all it started."""
    processes.end([process.pid for process in list(_running) if process.returncode is None], _GRACE)


def let_stop() -> None:
    """Let Ctrl-Z stop us while a git is being started: one stopped between vfork(2) and execve(2) would hold us up."""
    setattr(subprocess, "_USE_VFORK", False)  # noqa: B010  (Python's own switch, which types call final)


@dataclass(frozen=True)
class Git:
    """Git, run in one directory; `lead` are options that go before the command, `env` is set for each."""

    cwd: Path
    lead: tuple[str, ...] = ()
    env: tuple[tuple[str, str], ...] = ()
    seen: tuple[tuple[str, str], ...] = ()
    """Branches, as full refs, that stand elsewhere than the refs here say, each with its commit; empty: it is gone."""

    def writing_to(self, objects: Path, known: Path) -> "Git":
        """The same, with new objects going to the directory `objects` while those of `known` are read too."""
        return replace(self.reading(known), env=(*self.reading(known).env, ("GIT_OBJECT_DIRECTORY", str(objects))))

    def reading(self, *known: Path) -> "Git":
        """The same, with the objects of the directories `known` read too.

        The list of alternates is cut at colons, but not inside of double quotes (git(1), GIT_ALTERNATE_OBJECT_DIRECTORIES).
        """
        quoted = (str(one).replace("\\", "\\\\").replace('"', '\\"') for one in known)
        before = [value for key, value in self.env if key == _ALTERNATES]
        listed = ":".join([*before[-1:], *(f'"{one}"' for one in quoted)])
        return replace(self, env=(*self.env, (_ALTERNATES, listed)))

    def run(
        self,
        *args: str,
        ok: Sequence[int] = (0,),
        feed: str = "",
        env: Mapping[str, str] | None = None,
        hooks: bool = False,
        timeout: float | None = None,
        watch: Callable[[int, int], None] | None = None,
    ) -> Reply:
        """Run `git ARGS` with `feed` on its standard input.

        `hooks` lets the repository's hooks run, and then in the user's own environment.  `timeout` (seconds) is for the
        network only: when it is over the whole process group ends.  `watch` is told how many of how many things are done,
        where git says that after its first second; such a command must neither be fed nor say more than a few lines.
        """
        argv = ["git", *_CALM, *(() if hooks else _NO_HOOKS), *self.lead, *args]
        own = {**(env or {}), **({"GIT_PROGRESS_DELAY": "1"} if watch else {})}
        if not hooks and args[0] in _LOOKING:
            own[environ.LOOKS] = str(os.getpid())
        inherited = environ.for_commands() if hooks else environ.for_git()
        for _ in range(_TRIES):
            reply = _run(argv, self.cwd, {**inherited, **dict(self.env), **own}, feed, timeout, watch)
            if not reply.code or _SWEPT_AWAY not in reply.err or _command(args) not in _MAKING:
                break
        if reply.code not in ok:
            raise failed(args, reply)
        return reply

    def line(self, *args: str, feed: str = "") -> str:
        """The one line that `git ARGS` writes."""
        return self.run(*args, feed=feed).out.removesuffix("\n")

    def fields(self, *args: str, feed: str = "") -> list[str]:
        """The NUL-terminated fields that a `-z` command writes."""
        return self.run(*args, feed=feed).out.split("\0")[:-1]

    def holds(self, *args: str) -> bool:
        """A question that git answers with its exit status: 0 is yes, 1 is no."""
        return self.run(*args, ok=(0, 1)).code == 0

    def commit(self, revision: str) -> str | None:
        """The commit that `revision` names, or None."""
        for ref, stands in self.seen:
            if ref == revision:
                return stands or None
        reply = self.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}", ok=(0, 1, 128)
        )
        # git 2.39 echoes '--end-of-options' here.
        return reply.out.split()[-1] if reply.code == 0 else None


def discover(cwd: Path, *args: str) -> Reply:
    """Run `git ARGS` with the environment as inherited: the one call that may see GIT_DIR."""
    return _run(["git", *args], cwd, {**os.environ, "LC_ALL": "C"}, "", None)


def failed(args: Sequence[str], reply: Reply) -> GitFailed:
    """What to raise when `git ARGS` ended with a status that means nothing to us."""
    said = [text for text in reply.err.strip().splitlines() if text]
    told = next((text for kind in ("fatal:", "error:") for text in said if text.startswith(kind)), "")
    told = told or (said[-1] if said else "")
    why = told.removeprefix("fatal: ").removeprefix("error: ") or f"exit status {reply.code}"
    if why.endswith(":"):  # what it is about stands below
        why += "".join(f" {text.strip()}" for text in said if text.startswith("\t"))
    hint = "see 'git status' and 'git fsck' for the state of the repository"
    if why.endswith(("cannot lock references", ".lock': File exists.")):
        hint = "wait for the git that is at work; when there is none: git par doctor --fix"
    if "from promisor remote" in reply.err:
        why += "; this clone is partial, and what is missing here does not come from its remote"
        hint = "see 'git remote -v', and run the command again when the remote answers"
    return GitFailed(f"git {_command(args)}: {why}", hint=hint)


def _command(args: Sequence[str]) -> str:
    """The command among the words after `git`."""
    words = list(args)
    while words[:1] == ["-c"]:
        del words[:2]
    return next((arg for arg in words if not arg.startswith("-")), "git")


def _run(
    argv: list[str],
    cwd: Path,
    env: Mapping[str, str],
    feed: str,
    timeout: float | None,
    watch: Callable[[int, int], None] | None = None,
) -> Reply:
    process: subprocess.Popen[bytes] | None = None
    own_group = timeout is not None
    with ExitStack() as stack:
        try:
            with interrupts.later(), _starting:
                process = stack.enter_context(
                    subprocess.Popen(
                        argv,
                        cwd=cwd,
                        env=env,
                        stdin=subprocess.PIPE if feed else subprocess.DEVNULL,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        pass_fds=carried(),
                        start_new_session=own_group,
                    )
                )
            _running.add(process)
            stack.callback(_running.discard, process)
            heard = _listen(process, watch) if watch else b""
            out, err = process.communicate(os.fsencode(feed) if feed else None, timeout)
        except FileNotFoundError as error:
            what = "git" if error.filename == "git" else str(cwd)
            raise GitFailed(f"{what}: not found", hint="install git, or go to a directory that exists") from None
        except subprocess.TimeoutExpired:
            assert process is not None
            _kill_group(process)
            raise GitFailed(
                f"git {argv[-1]}: no answer within {timeout:.0f} s", hint="check the network and the remote"
            ) from None
        except BaseException:
            # What comes now may take back what git was writing: it has to be gone by then, and cleans up after itself.  Git
            # may be a script around git, and what that started would go on.
            if process is not None:
                with interrupts.held():
                    processes.end([process.pid], _GRACE)
                    process.wait()
            raise
    return Reply(process.returncode, os.fsdecode(out), os.fsdecode(heard + err))


def _listen(process: "subprocess.Popen[bytes]", watch: Callable[[int, int], None]) -> bytes:
    """What git writes to stderr until it closes that; its progress bars go to `watch`."""
    assert process.stderr is not None
    heard = b""
    while chunk := os.read(process.stderr.fileno(), 4096):
        heard = (heard + chunk)[-_LONGEST_TALK:]
        if found := _PROGRESS.findall(chunk):
            done, total = found[-1]
            watch(int(done), int(total))
    return heard


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    with suppress(ProcessLookupError):
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()
