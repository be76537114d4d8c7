"""The user's own commands around the verbs: `par.hook.<event>`, in order, each with the whole matter as JSON on its input.

No lock of a base, the repository or a task is held meanwhile, so a hook may run git-par itself.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from git_par import interrupts
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import environment

VERSION = 1


@dataclass(frozen=True)
class Matter:
    """What a hook is about: a task or a plain branch; `task` is its JSON, `merge` and `removal` say what becomes of it."""

    name: str
    branch: str
    base: str
    record: Task | None = None
    task: Mapping[str, Any] | None = None
    merge: Mapping[str, Any] | None = None
    removal: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Hooks:
    """The hooks of one repository, and where the lines go that they write."""

    session: Session
    describe: Callable[[Task], Mapping[str, Any]]
    """The JSON of a task as every report shows it."""
    line: Callable[[str, str], None]
    """Takes the name of the task, and each line as it comes."""

    def wanted(self, event: str) -> bool:
        """Whether there are hooks for `event`."""
        return bool(self.session.settings.hooks(event))

    def about(self, task: Task) -> Matter:
        """A task as the matter of a hook, as it stands now."""
        return Matter(task.name, task.branch, task.base, task, self.describe(task))

    def run(self, event: str, matter: Matter) -> str:
        """Run the hooks of `event` until one fails; why it did, or nothing.

        They run in the task's workspace, and where there is none in the main checkout, in a bare repository in that.
        """
        from git_par.spawn import heard  # who has no hooks needs none of it

        told = f"{json.dumps(self._told(event, matter))}\n".encode()
        cwd, env = self._cwd(event, matter), self._environment(matter)
        for command in self.session.settings.hooks(event):
            last = ""

            def take(text: str) -> None:
                nonlocal last
                last = text.strip() or last
                self.line(matter.name, text)

            try:
                with interrupts.heeded():
                    code = heard.contained(command, heard.Place(cwd, env, take), feed=told)
            except OSError as error:
                return f"the {event} hook could not be run: {(error.strerror or str(error)).lower()}"
            if code:
                return f"the {event} hook ended with status {code}" + (f": {last}" if last else "")
        return ""

    def added(self, task: Task) -> str:
        """Run the hooks of a task that was made or brought back; what went wrong, or nothing."""
        return self.run("post-add", self.about(task)) if self.wanted("post-add") else ""

    def _told(self, event: str, matter: Matter) -> dict[str, Any]:
        repo = self.session.repo
        return {
            "version": VERSION,
            "event": event,
            "task": matter.task,
            "branch": matter.branch,
            "repository": {
                "common": str(repo.common),
                "main": str(repo.main) if repo.main else None,
                "workspaces": str(repo.workspaces),
            },
            "merge": matter.merge,
            "removal": matter.removal,
        }

    def _cwd(self, event: str, matter: Matter) -> Path:
        main = self.session.repo.main or self.session.repo.common
        if matter.record is None or event == "post-remove":
            return main
        path = Path(matter.record.path)
        return path if path.is_dir() and os.access(path, os.X_OK) else main

    def _environment(self, matter: Matter) -> Mapping[str, str]:
        if matter.record:
            return environment.of_commands(self.session, matter.record)
        main = str(self.session.repo.main or self.session.repo.common)
        own = {"GIT_PAR_BRANCH": matter.branch, "GIT_PAR_BASE": matter.base}
        return environment.of_no_task() | own | {"GIT_PAR_MAIN": main, "GIT_PAR_PATH": main}


def without(event: str, verb: str) -> str:
    """The command that does `verb` and goes without the hooks of `event`."""
    return f"git -c par.hook.{event}= par {verb}"
