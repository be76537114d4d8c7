"""Beside the main job: the check-up, the lock for other commands, the demo, the shells."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import Json, Work, verb


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
def demo() -> Work:
    """Play the main job on a throw-away repository, every command and its output shown."""
    from git_par.commands.demo import run

    return run


@verb
def shell_init(shell: Annotated[str, typer.Argument(metavar="SHELL", show_default=False)], json: Json = False) -> Work:
    """Print what bash, zsh or fish evals: completion, par-cd and par-add."""
    from git_par.commands.shell_init import run

    return lambda session: run(session, shell)
