"""What an engine is given to carry out, and what it gives back: plain data, so that it could be carried elsewhere.

An engine takes work and gives futures, as `concurrent.futures.Executor` does.
"""

from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, Self


@dataclass(frozen=True)
class Work:
    """A shell command, where it runs and with what environment, and after how many seconds it is ended."""

    name: str
    command: str
    cwd: Path
    env: Mapping[str, str] = field(repr=False)
    timeout: float | None = None


@dataclass(frozen=True)
class Ended:
    """How a worker ended: its status (128 + n when signal n ended it), and after how many seconds."""

    code: int
    seconds: float
    overdue: bool = False
    """Whether that was too long."""
    stopped: bool = False
    """Whether it was ended because all were."""


class Ear(Protocol):
    """Who hears of the work; all of it in one thread."""

    def begins(self, work: Work) -> None:
        """It is about to begin; when this fails, it does not."""

    def wrote(self, work: Work, data: bytes) -> None:
        """A piece of what it wrote came; also why it could not begin."""

    def ended(self, work: Work, ended: Ended) -> None:
        """That was all of it, and nothing that it started is left."""


class Engine(Protocol):
    """Where workers run, in the shape of an Executor: as a context it is shut down in the end, and nothing runs on."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def submit(self, work: Work, /) -> "Future[Ended]":
        """Carry it out as soon as there is room."""

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more; with `cancel_futures` begin nothing that has not begun, and end what runs."""

    def hurry(self) -> None:
        """Do not wait for what was asked to end."""


Start = Callable[[Ear, int], Engine]
"""Starts an engine that tells `Ear` what it hears, and runs so many workers at once."""
