"""Beside the main job: commands in every workspace, the check-up, the lock for other commands, the demo, the shells."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import TEXT, Json, Work, one_of, verb


@verb
def exec_(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME]... -- CMD [ARGUMENT]...",
            help="Tasks (without them, the one you stand in), and a command.",
            **TEXT,
        ),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="Run it in every workspace.")] = False,
    group: Annotated[str | None, typer.Option(metavar="G", help="Run it in the workspaces of a group.", **TEXT)] = None,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", help="Run so many at a time.", **TEXT)
    ] = None,
    grouped: Annotated[
        bool, typer.Option("--grouped", help="Show what each wrote in one piece, when it has ended.")
    ] = False,
    json: Json = False,
) -> Work:
    """Run a command (after --) in workspaces, all at once; say where it failed."""
    from git_par.commands.exec import Options, run

    options = Options(names=tuple(names or ()), every=every, group=group, jobs=jobs, grouped=grouped, aside=json)
    return lambda session: run(session, options)


@verb
def run_(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="FILE | --each NAME... -- CMD [ARGUMENT]...",
            help="A task file; or new tasks and a command.",
            **TEXT,
        ),
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Make a task of each name, and run the command in it.")] = False,
    jobs: Annotated[
        int | None, typer.Option("--jobs", "-j", metavar="N", help="Run so many workers at a time.", **TEXT)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the last run that is not done.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show levels, workspaces and owners; do nothing.")] = False,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="Let tasks of one level own the same files.")
    ] = False,
    json: Json = False,
) -> Work:
    """Carry out a task file: workspaces, workers and merges, level by level."""
    from git_par.commands.run import Options, run

    options = Options(
        words=tuple(words or ()),
        each=each,
        jobs=jobs,
        resume=resume,
        dry_run=dry_run,
        allow_overlap=allow_overlap,
        live=not json,
    )
    return lambda session: run(session, options)


@verb
def pool(
    action: Annotated[
        str, typer.Argument(metavar="[fill|drain|status]", help="What to do; without it, status.", **TEXT)
    ] = "status",
    json: Json = False,
) -> Work:
    """Fill the pool of spares, which add claims at once; empty it; or say how it stands."""
    from git_par.commands.pool import Action, run

    wanted = one_of("pool", "", action, Action)
    return lambda session: run(session, wanted)


@verb
def adopt(
    words: Annotated[list[str], typer.Argument(metavar="PATH|BRANCH...", help="Worktrees and branches.", **TEXT)],
    keep_directory: Annotated[bool, typer.Option("--keep-directory", help="Leave each worktree where it is.")] = False,
    name: Annotated[str | None, typer.Option(metavar="NEW", help="Call the task NEW.", **TEXT)] = None,
    base: Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch it returns to.", **TEXT)] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="Put the tasks into a group.", **TEXT)] = None,
    json: Json = False,
) -> Work:
    """Make tasks of worktrees that others made, and of branches without one; print their paths."""
    from git_par.commands.adopt import Options, run

    options = Options(words=tuple(words), name=name, base=base, group=group, keep_directory=keep_directory)
    return lambda session: run(session, options)


@verb
def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can be mended; no work is ever deleted.")] = False,
    cleanup: Annotated[
        bool, typer.Option("--cleanup", help="As --fix, and remove orphaned workspaces that are safe to remove.")
    ] = False,
    json: Json = False,
) -> Work:
    """Find what is wrong with the tasks and the repository, and say what it means."""
    from git_par.commands.doctor import run

    return lambda session: run(session, fix=fix, cleanup=cleanup)


@verb
def trust(
    show: Annotated[bool, typer.Option("--show", help="List what needs trust, and ask nothing.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Trust nothing in this repository any more.")] = False,
    json: Json = False,
) -> Work:
    """Show the commands that came with the repository in .gitpar, and heed them once you agree."""
    from git_par.commands import trust

    if show and forget:
        raise UsageError("--show, --forget: not together", hint="choose one of them")
    return trust.show if show else trust.forget if forget else trust.run


@verb
def with_lock() -> Work:
    """Run a command (after --) under the repository lock; end with its status."""
    from git_par.commands.with_lock import run

    return lambda session: run(session, session.command)


@verb
def hook(
    event: Annotated[
        str, typer.Argument(metavar="EVENT", help="worktree-create or worktree-remove.", show_default=False)
    ],
) -> Work:
    """Answer a coding agent that wants a worktree or is done with one: JSON on stdin, the path on stdout."""
    if event == "pre-commit":  # asked by the hook of `runs.guard`, and by nobody else
        from git_par.commands import precommit

        return precommit.run
    from git_par.commands.hook import Event, run

    wanted = one_of("hook", "", event, Event)
    return lambda session: run(session, wanted)


@verb
def demo() -> Work:
    """Play the main job on a throw-away repository, every command and its output shown."""
    from git_par.commands.demo import run

    return run


@verb
def shell_init(
    shell: Annotated[str, typer.Argument(metavar="SHELL", help="bash, zsh or fish.", show_default=False)],
    json: Json = False,
) -> Work:
    """Print completion, par-cd and par-add for bash, zsh or fish to eval."""
    from git_par.commands.shell_init import run

    return lambda session: run(session, shell)
