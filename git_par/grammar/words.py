"""What the verbs have in common: how one is made known, and the arguments and options that mean the same everywhere."""

from collections.abc import Callable
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from git_par.errors import UsageError
from git_par.report import Report
from git_par.state.session import Session

Work = Callable[[Session], Report]
"""What a verb comes to: a command line that was understood, ready to be carried out."""

VERBS: dict[str, Callable[..., Work]] = {}
"""The verbs that are loaded, by name; each reads its part of the command line, and its docstring is its help."""

TEXT: dict[str, Any] = {"show_default": False}
"""For an option with a value whose help says what is without it."""

HereName = Annotated[
    str | None, typer.Argument(metavar="[NAME]", help="A task; without it, the one you stand in.", **TEXT)
]
Json = Annotated[bool, typer.Option("--json", help="Write the report as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]

_Choice = TypeVar("_Choice", bound=StrEnum)


def verb(function: Callable[..., Work]) -> Callable[..., Work]:
    """Make a verb known by the name of its function: `list_` is `list`, `with_lock` is `with-lock`."""
    VERBS[function.__name__.removesuffix("_").replace("_", "-")] = function
    return function


def one_of(verb: str, option: str, given: str, choices: type[_Choice]) -> _Choice:
    """The choice that `given` names, as the value of `option` or, where that is empty, as an argument; else a UsageError."""
    try:
        return choices(given)
    except ValueError:
        names = ", ".join(choices)
        where = f"{option} " if option else ""
        command = f"git par {verb}".rstrip()
        raise UsageError(
            f"{where}{given}: not one of {names}", hint=f"{command} {where}{next(iter(choices))}"
        ) from None
