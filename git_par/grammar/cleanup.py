"""What goes when the work is done."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import TEXT, DryRun, Json, Work, verb

OlderThan = Annotated[
    str | None, typer.Option("--older-than", metavar="AGE", help="Only tasks made longer ago: 12h, 3d, 2w.", **TEXT)
]


@verb
def prune(
    new: Annotated[bool, typer.Option("--new", help="Also tasks in which nothing was committed yet.")] = False,
    older_than: OlderThan = None,
    kept: Annotated[bool, typer.Option("--kept", help="Sweep what old removals kept, and no tasks.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Remove every task that is safely in its base; keep and explain the rest."""
    from git_par.commands import prune

    if kept and new:
        raise UsageError("--kept: sweeps no tasks, and --new means some", hint="git par prune --kept")
    if kept:
        return lambda session: prune.kept(session, older_than=older_than, dry_run=dry_run)
    return lambda session: prune.run(session, new=new, older_than=older_than, dry_run=dry_run)


@verb
def remove(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Tasks; without them, you choose.", **TEXT)
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Keep what would be lost, then remove.")] = False,
    older_than: OlderThan = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Remove the named tasks, each only when nothing would be lost."""
    from git_par.commands.remove import run

    return lambda session: run(session, names or (), force=force, dry_run=dry_run, older_than=older_than)


@verb
def restore(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A removed task; without it, you choose one.", **TEXT)
    ] = None,
    new: Annotated[str | None, typer.Option("--as", metavar="NEW", help="Call the task NEW.", **TEXT)] = None,
    at: Annotated[
        str | None, typer.Option("--at", metavar="STAMP", help="What that removal kept, not the last one.", **TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Bring a removed task back, with all that was in its workspace."""
    from git_par.commands.restore import run

    return lambda session: run(session, name, new=new, stamp=at)
