"""Hear of changes in directories, where the system tells (Linux, inotify(7)); elsewhere one has to look now and then."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

# From linux/inotify.h: what makes a listing of a directory, or of files in it, another one.
_CLOSED_AFTER_WRITE, _MOVED_FROM, _MOVED_TO, _CREATED, _DELETED = 0x8, 0x40, 0x80, 0x100, 0x200
_DELETED_ITSELF, _MOVED_ITSELF = 0x400, 0x800
_ANY = _CLOSED_AFTER_WRITE | _MOVED_FROM | _MOVED_TO | _CREATED | _DELETED | _DELETED_ITSELF | _MOVED_ITSELF

_PIECE = 1 << 16


class Changes:
    """What happens in the directories that are followed; not in those below them."""

    def __init__(self) -> None:
        self._libc, self._descriptor = _begin()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    @property
    def descriptors(self) -> list[int]:
        """What becomes readable when something has changed; empty where nobody tells."""
        return [] if self._descriptor is None else [self._descriptor]

    def follow(self, directories: Iterable[Path]) -> None:
        """Hear of these too, as far as they are there and the system has room for them."""
        if self._descriptor is not None:
            for one in directories:
                self._libc.inotify_add_watch(self._descriptor, os.fsencode(one), _ANY)

    def came(self) -> bool:
        """Whether something has changed since this was asked last."""
        found = False
        with suppress(BlockingIOError):
            while self._descriptor is not None and os.read(self._descriptor, _PIECE):
                found = True
        return found


def _begin() -> tuple[Any, int | None]:
    """The C library and an inotify descriptor; None where there is none to be had."""
    import ctypes  # 4 ms to import

    try:
        libc = ctypes.CDLL(None, use_errno=True)
        descriptor = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, AttributeError):
        return None, None
    return libc, (descriptor if descriptor >= 0 else None)
