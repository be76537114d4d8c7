"""What a person sees while workers run: each line with its task in front."""

import threading
from collections.abc import Sequence
from typing import Self

from git_par.commands.exec_output import Prefixed
from git_par.runs.record import Part, Run
from git_par.state.session import Session


class Show:
    """Shows the workers of a level; `take` may be called in any thread."""

    every = 0.2
    """Seconds between two looks."""

    def __init__(self, session: Session, run: Run, parts: Sequence[Part], *, live: bool) -> None:
        self._session, self._run, self._parts, self._live = session, run, parts, live
        self._outputs = {part.name: Prefixed(part.name, aside=True) for part in parts}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._lock:
            for output in self._outputs.values():
                output.close()

    def take(self, name: str, data: bytes) -> None:
        """The worker of the task `name` wrote that."""
        with self._lock:
            self._outputs[name].take(data, is_error=True)

    def refresh(self) -> None:
        """Show how it stands now."""
