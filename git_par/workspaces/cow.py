"""Copy what is in a file, sharing it with the original where the file system can (btrfs, xfs, APFS)."""

import os
import sys
from contextlib import suppress

_FICLONE = 0x40049409
"""The ioctl that makes one file share all of another's data (ioctl_ficlone(2))."""
_CHUNK = 1 << 20


def clone_into(source: int, directory: int, name: str) -> bool:
    """Make `name` in the open `directory` a clone of the open file `source`, on macOS; whether that could be done."""
    if sys.platform != "darwin":
        return False
    import ctypes

    with suppress(OSError, AttributeError):
        clone = ctypes.CDLL(None, use_errno=True).fclonefileat
        return bool(clone(source, directory, os.fsencode(name), 0) == 0)
    return False


def copy(source: int, target: int) -> None:
    """Fill the empty open file `target` with what is in the open file `source`; they share it where they can."""
    if sys.platform == "linux":
        import fcntl

        with suppress(OSError):
            fcntl.ioctl(target, _FICLONE, source)
            return
        with suppress(OSError):
            while os.copy_file_range(source, target, 1 << 30):
                pass
    # What was copied by then moved both positions on.
    while data := os.read(source, _CHUNK):
        written = 0
        while written < len(data):
            written += os.write(target, data[written:])
