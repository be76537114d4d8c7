"""Files that a process in a mount namespace of its own has (mount_namespaces(7)), by the names that they have here.

In a container or sandbox a workspace may be mounted elsewhere; Linux tells the paths that it has there.
"""

import os
from collections.abc import Callable, Sequence
from functools import cache

from git_par import files

Names = Callable[[str], Sequence[str]]
"""Tells the names that a path of a process has here; none when it cannot be reached."""


def names(process: str) -> Names:
    """What tells them for the process, or the thread, that `process` is the directory of in /proc."""
    own = _own()
    if not own or os.readlink(f"{process}/ns/mnt") == own:
        return lambda path: (path,)
    theirs, ours = files.mounts(process), files.mounts()

    def here(path: str) -> list[str]:
        around = [one for one in theirs if _is_in(path, one.point)]
        if not around:
            return []
        mount = max(reversed(around), key=lambda one: len(one.point))
        inner = _moved(path, mount.point, mount.root)
        same = (one for one in ours if one.device == mount.device and _is_in(inner, one.root))
        return [_moved(inner, one.root, one.point) for one in same]

    return here


@cache
def _own() -> str:
    """Our own namespace; empty where there are none."""
    try:
        return os.readlink("/proc/self/ns/mnt")
    except OSError:
        return ""


def _is_in(path: str, directory: str) -> bool:
    return f"{path}/".startswith(f"{directory.rstrip('/')}/")


def _moved(path: str, source: str, target: str) -> str:
    """`path`, which is in the directory `source`, where it would be in `target`."""
    return (target.rstrip("/") + path[len(source.rstrip("/")) :]) or "/"
