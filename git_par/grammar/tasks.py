"""Tasks: made, looked at, changed."""

from typing import Annotated

import typer

from git_par.errors import UsageError
from git_par.grammar.words import TEXT, HereName, Json, Work, one_of, verb


@verb
def add(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="New tasks; without them, one named after title or time.", **TEXT),
    ] = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="REV", help="Start there, not at HEAD.", **TEXT)
    ] = None,
    base: Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch the task returns to.", **TEXT)] = None,
    branch: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help="Name the branch, from {name} {group} {user} {date}.", **TEXT),
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="Put the task into a group.", **TEXT)] = None,
    title: Annotated[str | None, typer.Option(metavar="T", help="Say what it is about.", **TEXT)] = None,
    isolation: Annotated[
        str | None, typer.Option(metavar="KIND", help="Make a worktree, clone or shared-clone (par.isolation).", **TEXT)
    ] = None,
    sparse: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Check out only DIR and the files on top; repeatable.", **TEXT),
    ] = None,
    owns: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="It may change only such files; repeatable.", **TEXT),
    ] = None,
    carry: Annotated[
        bool, typer.Option("--carry", help="Take a copy of the uncommitted work along, untracked files too.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Start although there are uncommitted changes.")
    ] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the remote first.")] = False,
    no_files: Annotated[
        bool, typer.Option("--no-files", help="Neither copy nor link files of the main checkout.")
    ] = False,
    command: Annotated[
        str | None, typer.Option("--exec", metavar="CMD", help="Run a shell command in each.", **TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Make tasks, each with a branch and a workspace of its own; print their paths."""
    from git_par.commands.add import run
    from git_par.commands.add_plan import Options
    from git_par.workspaces.isolation import Isolation

    options = Options(
        names=tuple(names or ()),
        start=start,
        base=base,
        template=branch,
        group=group,
        title=title,
        isolation=one_of("add", "--isolation", isolation, Isolation) if isolation is not None else None,
        sparse=tuple(sparse or ()),
        owns=tuple(owns or ()),
        carry=carry,
        allow_dirty=allow_dirty,
        fetch=fetch,
        files=not no_files,
        command=command,
    )
    return lambda session: run(session, options)


@verb
def list_(
    size: Annotated[bool, typer.Option("--size", help="Show what each workspace takes on disk.")] = False,
    owns: Annotated[bool, typer.Option("--owns", help="Show which files each owns.")] = False,
    in_use: Annotated[bool, typer.Option("--in-use", help="Show who works in each.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Show how it goes on, until q is pressed.")] = False,
    json: Json = False,
) -> Work:
    """Show every task and how it stands."""
    from git_par.commands.list import Columns, run

    columns = Columns(size=size, owns=owns, in_use=in_use)
    if watch:
        from git_par.commands import list_watch

        list_watch.check(as_json=json)
        return lambda session: list_watch.run(session, columns)
    return lambda session: run(session, columns)


@verb
def path(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A task; without it, you choose one.", **TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Print where a task lives."""
    from git_par.commands.path import run

    return lambda session: run(session, name)


@verb
def env(
    name: HereName = None,
    dotenv: Annotated[
        str | None, typer.Option(metavar="FILE", help="Put it into a dotenv file instead; -: print it so.", **TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Print a task's environment as shell text to eval."""
    from git_par.commands.env import run

    if dotenv == "-" and json:
        raise UsageError("--dotenv -, --json: not together", hint="choose one of them")
    return lambda session: run(session, name, dotenv)


@verb
def show(
    name: HereName = None,
    prompt: Annotated[bool, typer.Option("--prompt", help="Print the text to hand to a coding agent.")] = False,
    json: Json = False,
) -> Work:
    """Show everything about one task."""
    from git_par.commands.show import run

    return lambda session: run(session, name, prompt=prompt)


@verb
def copy(name: HereName = None, json: Json = False) -> Work:
    """Bring files of the main checkout into a workspace again, as copies and links."""
    from git_par.commands.copy import run

    return lambda session: run(session, name)


@verb
def set_(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="Tasks.", **TEXT)],
    base: Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch it returns to.", **TEXT)] = None,
    title: Annotated[str | None, typer.Option(metavar="T", help="What it is about; empty: none.", **TEXT)] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="The group it is in; empty: none.", **TEXT)] = None,
    owns: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="The files it may change; repeatable; empty: all.", **TEXT),
    ] = None,
    protect: Annotated[
        bool | None, typer.Option("--protect/--no-protect", help="Whether it may never be removed.", **TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Change what is recorded of tasks."""
    from git_par.commands.set import Options, run

    owned = tuple(owns) if owns is not None else None
    options = Options(base=base, title=title, group=group, owns=owned, protected=protect)
    return lambda session: run(session, names, options)
