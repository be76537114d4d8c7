"""What every command works with: the repository, its settings, its records and its locks."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from git_par import discovery
from git_par.errors import UsageError
from git_par.repo import Repo
from git_par.state.settings import Settings
from git_par.state.tasks import Task, Tasks

if TYPE_CHECKING:  # only verbs that change something pay for the locks and the journal
    from git_par.report import Table
    from git_par.state.journal import Journal
    from git_par.state.locks import Locks

_Thing = TypeVar("_Thing")


@dataclass(frozen=True)
class Session:
    """One run of git-par in one repository."""

    argv: tuple[str, ...]
    tell: Callable[[str], None]
    """Says something to the person at the terminal."""
    progress: Callable[[str, int, int], None] = lambda *_: None
    """Shows how many of a number of things are done."""
    preview: "Callable[[Table], None]" = lambda _: None
    """Shows a table that is still growing."""
    cwd: Path | None = None
    """Where the repository is looked for; None is the current directory."""
    can_ask: bool = False
    """Whether a person is there to choose what was not named."""

    def followed(self, what: str, things: Iterable[_Thing], total: int) -> Iterator[_Thing]:
        """`things` as they come, with word of how far that is."""
        for done, thing in enumerate(things, 1):
            self.progress(what, done, total)
            yield thing

    @cached_property
    def repo(self) -> Repo:
        """The repository of the directory one stands in."""
        return replace(discovery.find(self.cwd), directory=self._committed_directory)

    @property
    def command(self) -> tuple[str, ...]:
        """The user's command, which stands behind the first `--`."""
        return self.argv[self.argv.index("--") + 1 :] if "--" in self.argv else ()

    @cached_property
    def settings(self) -> Settings:
        """The settings of the repository."""
        return Settings(self.repo, self.tell)

    def _committed_directory(self) -> str:
        return next(reversed(self.settings.committed_values("directory")), "")

    @cached_property
    def tasks(self) -> Tasks:
        """The tasks of the repository."""
        return Tasks(self.repo, self.tell)

    @cached_property
    def locks(self) -> "Locks":
        """The locks of the repository."""
        from git_par.state.locks import Locks

        command = " ".join(("git par", *self.argv))[:200]
        return Locks(self.repo, float(self.settings.number("lockTimeout")), self.tell, command)

    @cached_property
    def journal(self) -> "Journal":
        """The journal of the repository."""
        from git_par.state.journal import Journal

        return Journal(self.repo, self.argv)

    def naming(self, *words: str) -> "Session":
        """The same session, as if the user had typed these words too: so the journal and the locks tell it."""
        typed = replace(self, argv=(*self.argv, *words))
        known = {key: value for key, value in self.__dict__.items() if key not in ("locks", "journal")}
        typed.__dict__.update(known | {"argv": typed.argv})
        return typed

    def here(self) -> Task | None:
        """The task in whose workspace one stands."""
        return self.tasks.at(self.repo.top)

    def named(self, name: str) -> Task:
        """The task `name`; `.` is the one whose workspace one stands in."""
        if name == ".":
            task = self.here()
            if task is None:
                raise UsageError("'.': this is not the workspace of a task", hint="see 'git par list'")
            return task
        return self.tasks.expect(name)
