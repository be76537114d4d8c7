"""What happened, and the way back from it."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import TEXT, DryRun, Json, Work, verb


@verb
def log(
    limit: Annotated[
        int | None, typer.Option("-n", "--max-count", metavar="N", help="Show the newest N only.", **TEXT)
    ] = None,
    runs: Annotated[bool, typer.Option("--runs", help="Show the runs of task files instead.")] = False,
    json: Json = False,
) -> Work:
    """Show what git-par did here, the newest first."""
    if limit is not None and limit < 0:
        raise UsageError(f"-n {limit}: not a number from 0 on", hint="git par log -n 10")
    if runs:
        from git_par.commands import log_runs

        return lambda session: log_runs.run(session, limit)
    from git_par.commands.log import run

    return lambda session: run(session, limit)


@verb
def undo(
    operation: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="An operation of git par log; without it, your last one.", **TEXT),
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Take back what git-par did: the last of it from here, or the one named."""
    from git_par.commands.undo import run

    return lambda session: run(session, operation, dry_run=dry_run)


@verb
def revert(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A task that landed, removed or not.", **TEXT)],
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Take one landed task back out of its base, as a new commit."""
    from git_par.commands.revert import run

    return lambda session: run(session, name, dry_run=dry_run)
