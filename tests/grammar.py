"""The verbs and options of the program, as the tests compare them with pages and completions."""

from functools import cache
from typing import Any

import typer

from git_par import cli


def verbs() -> list[str]:
    return list(_commands())


def options(verb: str) -> list[str]:
    """All options of a verb, but for those that show its help."""
    return [flag for names in aliases(verb) for flag in names]


def aliases(verb: str) -> list[list[str]]:
    """The options of a verb, each with all its names."""
    found: list[list[str]] = []
    for one in _commands()[verb].params:
        if one.param_type_name == "option":
            found += [list(names) for names in (one.opts, one.secondary_opts) if names]
    return found


@cache
def _commands() -> dict[str, Any]:
    return dict(getattr(typer.main.get_command(cli.verbs()), "commands"))  # noqa: B009 - the group's class has no public name
