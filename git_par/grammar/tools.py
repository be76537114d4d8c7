"""Beside the main job: the check-up, the lock for other commands, the demo, the shells."""

from typing import Annotated

import typer

from git_par.grammar.words import TEXT, Json, Work, verb


@verb
def adopt(
    words: Annotated[list[str], typer.Argument(metavar="PATH|BRANCH...", show_default=False)],
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
