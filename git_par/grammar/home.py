"""The way home: what merges, what comes in from the base, what will collide."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import TEXT, DryRun, Json, Work, one_of, verb


@verb
def merge(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]...", help="Tasks or branches; without them, the task you stand in, or you choose.", **TEXT
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Merge every task.")] = False,
    group: Annotated[str | None, typer.Option(metavar="G", help="Merge the tasks of a group.", **TEXT)] = None,
    into: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Merge into BRANCH, not each task's base.", **TEXT)
    ] = None,
    no_ff: Annotated[bool, typer.Option("--no-ff", help="A merge commit for each task (the default).")] = False,
    ff: Annotated[bool, typer.Option("--ff", help="Fast-forward where that is possible.")] = False,
    squash: Annotated[bool, typer.Option("--squash", help="One ordinary commit for each task.")] = False,
    rebase: Annotated[bool, typer.Option("--rebase", help="Each task's commits, replayed onto the base.")] = False,
    message: Annotated[
        str | None, typer.Option("-m", "--message", metavar="TEXT", help="The commit message.", **TEXT)
    ] = None,
    signoff: Annotated[bool, typer.Option("--signoff", help="Add Signed-off-by to every commit that is made.")] = False,
    order: Annotated[
        str | None,
        typer.Option(metavar="ORDER", help="Which comes first: created, given, fewest-conflicts.", **TEXT),
    ] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="All or nothing: the same as --on-conflict abort.")] = False,
    on_conflict: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="At a conflict: skip the task, stop before it, or abort.", **TEXT),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="Publish only what this shell command succeeds on; empty: no gate.", **TEXT),
    ] = None,
    gate_each: Annotated[
        bool, typer.Option("--gate-each", help="Test the plan after each task, not only at the end.")
    ] = False,
    gate_tries: Annotated[
        int | None, typer.Option("--gate-tries", metavar="N", help="Test so many plans at most.", **TEXT)
    ] = None,
    autocommit: Annotated[
        bool, typer.Option("--autocommit", help="Commit what is uncommitted in the tasks first.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Merge what is committed of tasks with uncommitted changes.")
    ] = False,
    allow_foreign: Annotated[
        bool, typer.Option("--allow-foreign", help="Merge tasks that changed what they do not own, too.")
    ] = False,
    prune: Annotated[bool, typer.Option("--prune", help="Remove the tasks that came home.")] = False,
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Bring tasks home into their bases: planned, audited, and published in one step."""
    from git_par.commands.merge import Options, run
    from git_par.landing.land import Wish
    from git_par.landing.planned import OnConflict, Order, Strategy

    strategies = {Strategy.NO_FF: no_ff, Strategy.FF: ff, Strategy.SQUASH: squash, Strategy.REBASE: rebase}
    chosen = [strategy for strategy, wanted in strategies.items() if wanted]
    if len(chosen) > 1:
        raise UsageError(f"--{chosen[0]}, --{chosen[1]}: not together", hint="choose one of them")
    if message is not None and rebase:
        raise UsageError("-m, --rebase: not together", hint="a rebase keeps the messages; leave out -m")
    if atomic and on_conflict not in (None, OnConflict.ABORT):
        raise UsageError(f"--atomic, --on-conflict {on_conflict}: not together", hint="choose one of them")
    wish = Wish(
        strategy=chosen[0] if chosen else Strategy.NO_FF,
        text=message,
        signoff=signoff,
        into=into,
        on_conflict=OnConflict.ABORT if atomic else one_of("merge", "--on-conflict", on_conflict or "skip", OnConflict),
        autocommit=autocommit,
        allow_dirty=allow_dirty,
        allow_foreign=allow_foreign,
        dry_run=dry_run,
    )
    options = Options(
        names=tuple(names or ()),
        every=every,
        group=group,
        order=one_of("merge", "--order", order, Order) if order is not None else None,
        gate=gate,
        gate_each=gate_each,
        gate_tries=gate_tries,
        wish=wish,
        prune=prune,
    )
    return lambda session: run(session, options)


@verb
def sync(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Tasks; without them, the one you stand in.", **TEXT),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Sync every task that takes it without a conflict.")] = False,
    rebase: Annotated[bool, typer.Option("--rebase", help="Replay each task onto its base instead.")] = False,
    conflicts: Annotated[
        bool, typer.Option("--conflicts", help="Leave markers in every task that conflicts, not only in one alone.")
    ] = False,
    json: Json = False,
) -> Work:
    """Bring the base into tasks; conflicts are solved there, in the workspace."""
    from git_par.commands.sync import Options, run

    options = Options(names=tuple(names or ()), every=every, rebase=rebase, conflicts=conflicts)
    return lambda session: run(session, options)


@verb
def conflicts(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Tasks or branches; without them, all tasks.", **TEXT),
    ] = None,
    svg: Annotated[str | None, typer.Option(metavar="FILE", help="Draw a picture of it.", **TEXT)] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with all of it.", **TEXT)] = None,
    json: Json = False,
) -> Work:
    """Show which tasks will collide with each other and with their bases, and the order that lands the most."""
    from git_par.commands.conflicts import Options, run

    options = Options(names=tuple(names or ()), svg=svg, html=html)
    return lambda session: run(session, options)
