"""The gate: a command that must pass on a planned commit before that is published.

It runs in a private workspace that stands at the commit.  A pass is remembered by the command and the tree, a failure never.
"""

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from git_par import files, names
from git_par.errors import UsageError
from git_par.landing.culprit import Result
from git_par.spawn import heard
from git_par.state import tasks
from git_par.state.session import Session
from git_par.workspaces import environment, private

_KEPT = 30 * 24 * 3600
"""How long a pass is remembered at least, in seconds."""


@dataclass(frozen=True)
class Policy:
    """What is asked of a merge with a gate."""

    command: str
    tries: int
    """How many plans are tested at most."""
    retries: int
    """How often a tested plan may be overtaken."""
    each: bool
    """Whether every planned commit has to pass, not only the last one."""
    line: Callable[[str], None]
    """Takes each line that the command writes, as it comes."""


def policy(
    session: Session, command: str | None, tries: int | None, *, each: bool, line: Callable[[str], None]
) -> Policy | None:
    """What the command line asks for, else the settings; None when there is no gate."""
    command = session.settings.text("gate") if command is None else command
    if not command.strip():
        if each or tries is not None:
            raise UsageError("--gate-each, --gate-tries: there is no gate", hint="name one with --gate CMD or par.gate")
        return None
    if tries is not None and tries < 1:
        raise UsageError(f"--gate-tries {tries}: not 1 or more", hint="leave it out, or name a number")
    tries = session.settings.number("gateTries") if tries is None else tries
    if not tries:
        raise UsageError("par.gateTries: with 0 nothing could be tested", hint="git config par.gateTries NUMBER")
    return Policy(command, tries, session.settings.number("gateRetries"), each, line)


@dataclass
class Gate:
    """The gate of merges into `base`."""

    session: Session
    command: str
    base: str
    line: Callable[[str], None]
    """Takes each line that the command writes, as it comes."""
    _used: bool = field(default=False, init=False)

    @property
    def log(self) -> Path:
        """The file with all that the command wrote for this gate, one run after the other."""
        return self.session.repo.state / "logs" / f"gate-{names.slug(self.base)}.log"

    def passes(self, commit: str) -> Result:
        """Whether the command succeeds on `commit`, now or remembered."""
        repo = self.session.repo
        known = _Pass(repo.state / "gates", self.command, repo.git.line("rev-parse", f"{commit}^{{tree}}"))
        if known.is_remembered():
            return Result(ok=True, exit=0, log=None)
        with private.claim(self.session, "gate") as workspace:
            workspace.stand_at(commit)
            if not self._used:
                self.session.tell(f"gate workspace '{workspace.path}': ignored files stay from run to run")
            began = time.monotonic()
            try:
                code = self._run(workspace.path, commit)
            finally:
                # A branch that the command switched to would count as checked out, and could not be deleted.
                workspace.git.run("update-ref", "--no-deref", "HEAD", commit, ok=range(256))
            seconds = time.monotonic() - began
        if code == 0:
            with suppress(OSError):  # then it is tested again
                known.remember()
        return Result(ok=code == 0, exit=code, log=self.log, seconds=seconds)

    def _run(self, path: Path, commit: str) -> int:
        """Run the command in the workspace `path`; all it writes goes to the log and to `line`."""
        with self._opened() as log:

            def note(text: str) -> None:
                with suppress(OSError):  # a full disk is no failure of the command
                    log.write(os.fsencode(f"{text}\n"))

            def line(text: str) -> None:
                note(text)
                self.line(text)

            command = self.command.replace("\n", "\n#   ")
            note(f"# commit: {commit}\n# command: {command}\n# start: {tasks.now()}")
            try:
                code = heard.contained(self.command, heard.Place(path, self._environment(path), line))
            except BaseException:
                note(f"# interrupted: {tasks.now()}")
                raise
            note(f"# end: {tasks.now()}\n# exit: {code}")
        return code

    def _opened(self) -> BinaryIO:
        """The log, without what an earlier merge wrote there; unbuffered, so that it can be watched."""
        files.private_directory(self.session.repo.state)
        files.private_directory(self.log.parent)
        fresh = 0 if self._used else os.O_TRUNC
        self._used = True
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | fresh
        return os.fdopen(os.open(self.log, flags, 0o600), "wb", buffering=0)

    def _environment(self, path: Path) -> Mapping[str, str]:
        """The user's own, without a task that git-par may have been started from."""
        repo = self.session.repo
        return environment.of_no_task() | {
            "GIT_PAR_BASE": self.base,
            "GIT_PAR_MAIN": str(repo.main or repo.common),
            "GIT_PAR_PATH": str(path),
        }


@dataclass(frozen=True)
class _Pass:
    """The memory of one command on one tree."""

    directory: Path
    command: str
    tree: str

    @property
    def _file(self) -> Path:
        key = os.fsencode(f"{self.command}\0{self.tree}")
        return self.directory / f"{hashlib.sha256(key).hexdigest()}.json"

    def is_remembered(self) -> bool:
        """Whether it passed before; what cannot be read is not remembered."""
        try:
            found = json.loads(self._file.read_bytes())
            return bool(found["command"] == self.command and found["tree"] == self.tree)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def remember(self) -> None:
        """Remember that it passes, and forget what is old."""
        data = {"version": 1, "command": self.command, "tree": self.tree, "time": tasks.now()}
        files.replace(files.private_directory(self.directory) / self._file.name, json.dumps(data).encode())
        too_old = time.time() - _KEPT
        for path in self.directory.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < too_old:
                    path.unlink()
