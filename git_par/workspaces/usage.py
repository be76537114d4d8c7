"""Who is working in a directory: processes that stand in it or hold files there open for writing."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path

from git_par.environ import LOOKS
from git_par.workspaces import by_psutil, proc

_told = proc if proc.IS_HERE else by_psutil

_SHELLS = frozenset(
    [
        "sh",
        "ash",
        "bash",
        "dash",
        "fish",
        "ksh",
        "mksh",
        "nu",
        "pwsh",
        "tcsh",
        "csh",
        "zsh",
        "xonsh",
        "elvish",
    ]
)


@dataclass(frozen=True)
class User:
    """A process that uses a workspace."""

    pid: int
    command: str


_caller_spared: ContextVar[bool] = ContextVar("caller_spared", default=False)


@contextmanager
def sparing_caller() -> Iterator[None]:
    """While it lasts, the program that started us does not count as a user either: it asks for what is done, and waits."""
    token = _caller_spared.set(True)
    try:
        yield
    finally:
        _caller_spared.reset(token)


def users(paths: Sequence[Path]) -> dict[Path, list[User]]:
    """For each of `paths`, the processes at work in it.

    Of the calling chain git-par itself, git and the nearest shell do not count, nor does a git that has a look for some
    git-par.  A process of our own that cannot be read counts everywhere, because not knowing means leaving; one of another
    user, or one that is kept from us on purpose, does not.
    """
    found: dict[Path, list[User]] = {path: [] for path in paths}
    spared = calling_chain(with_caller=_caller_spared.get()) if paths else set()
    around = tuple(f"{path}/" for path in paths)
    for number in _told.numbers() if paths else ():
        if number in spared:
            continue
        try:
            places = _told.places(number, lambda place: f"{place}/".startswith(around))
        except (FileNotFoundError, ProcessLookupError):
            continue
        except PermissionError:
            if not _told.is_ours(number) or _is_withheld(number):
                continue
            inside = list(paths)
        else:
            inside = [path for path in paths if any(_is_inside(place, path) for place in places)]
            if inside and _does_not_count(number):
                continue
        for path in inside:
            found[path].append(User(number, by_psutil.name(number)))
    return found


def _is_inside(place: str, directory: Path) -> bool:
    return f"{place}/".startswith(f"{directory}/")


def _does_not_count(number: int) -> bool:
    """Whether a process seen in a workspace is gone, is a git that we are starting, or has a look for a git-par.

    What we start stands where it is to work, and is called as we are, until it becomes git (execve(2)).  Who has a look
    says so (`environ.LOOKS`), and the git-par that waits for that is above it; a filter of that git does not count either.
    """
    import psutil

    try:
        process = psutil.Process(number)
        if process.ppid() == os.getpid() and process.cmdline() in ([], psutil.Process().cmdline()):
            return True
        asker = process.environ().get(LOOKS, "")
        return asker != "" and asker in (str(parent.pid) for parent in process.parents())
    except psutil.ZombieProcess:
        return False  # other threads of it may live
    except (psutil.NoSuchProcess, ProcessLookupError):
        return True
    except (psutil.Error, OSError):
        return False


def _is_withheld(pid: int) -> bool:
    """Whether Linux hides a process of ours because it is more than we are, or keeps secrets.

    `/proc/PID` of a process that made itself undumpable, as ssh-agent does, belongs to root (proc(5)); one with
    capabilities that we lack, such as the init of a container, cannot be looked into either (ptrace(2)).
    """
    try:
        if os.stat(f"/proc/{pid}").st_uid != os.getuid():
            return True
        return bool(_capabilities(pid) & ~_capabilities(os.getpid()))
    except (OSError, ValueError, StopIteration):
        return False


def _capabilities(pid: int) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as lines:
        return int(next(line for line in lines if line.startswith("CapPrm:")).split()[1], 16)


def calling_chain(*, with_caller: bool = False) -> set[int]:
    """The processes that brought us here and do nothing else: git-par itself, git, the nearest shell.

    `with_caller` adds the program on whose behalf they run: the first that is neither git nor a shell.
    """
    chain = {os.getpid()}
    for number, called in _told.parents():
        name = called.lstrip("-")
        shell = name in _SHELLS
        if shell or name == "git" or name.startswith("git-"):
            chain.add(number)
            if shell and not with_caller:
                break
        else:
            if with_caller:
                chain.add(number)
                break
    return chain
