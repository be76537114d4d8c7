"""The grammar: verbs, options, help.  Errors become exit statuses here, once.

Only the verb that was asked for is set up and loaded; `git par -h` and a word that is no verb set up all of them.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer

from git_par import __version__, interrupts, render
from git_par.errors import ParError, Status, UsageError
from git_par.render import Report
from git_par.state.session import Session

Work = Callable[[Session], Report]
"""What a verb comes to: a command line that was understood, ready to be carried out."""

# What typer raises for a bad command line; the class itself has no public name.
_BadUsage: type[Exception] = typer.BadParameter.__bases__[0]

_Choice = TypeVar("_Choice", bound=StrEnum)

_AS_THEY_ARE = frozenset(("path", "env", "shell-init", "demo", "with-lock"))
"""Verbs that neither read nor move a checkout."""

_VERBS: dict[str, Callable[..., Work]] = {}

Names = Annotated[list[str] | None, typer.Argument(metavar="[NAME]...", show_default=False)]
SomeNames = Annotated[list[str], typer.Argument(metavar="NAME...", show_default=False)]
MaybeName = Annotated[str | None, typer.Argument(metavar="[NAME]", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="Write the report as JSON.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]
_TEXT: dict[str, Any] = {"show_default": False}


def run() -> None:
    """The console script `git-par`."""
    interrupts.install()
    sys.exit(main(sys.argv[1:]))


def run_merge() -> None:
    """The console script `git-par-merge`: the same as `git par merge`."""
    interrupts.install()
    sys.exit(main(["merge", *sys.argv[1:]]))


def main(argv: Sequence[str]) -> int:
    """Carry out one command line and return its exit status."""
    render.as_typed()
    as_json = "--json" in (argv[: argv.index("--")] if "--" in argv else argv)
    try:
        if sys.platform == "win32":
            raise UsageError("Windows: not supported", hint="use git-par inside WSL")
        grammar = list(argv)
        if grammar[:1] == ["with-lock"] and "--" in grammar:
            grammar = grammar[: grammar.index("--")]  # typer would swallow it
        work = _app(argv)(grammar, prog_name="git par", standalone_mode=False)
        if not callable(work):
            return int(work or 0)  # help or version was shown
        session = Session(tuple(argv), render.tell, render.progress)
        if argv[0] not in _AS_THEY_ARE:
            _heal(session)
        report: Report = work(session)
        render.show(report, as_json=as_json)
        return report.status
    except ParError as error:
        render.show_error(error, as_json=as_json)
        return error.status
    except _BadUsage as error:
        render.show_error(_usage_error(error, argv), as_json=as_json)
        return Status.USAGE
    except interrupts.Interrupted as signal:
        return 128 + signal.number
    except (KeyboardInterrupt, typer.Abort):
        return Status.INTERRUPTED
    except BrokenPipeError:
        render.close_quietly()
        return Status.DONE
    except OSError as error:
        what = f"'{error.filename}': " if error.filename else ""
        render.show_error(
            ParError(
                f"{what}{(error.strerror or str(error)).lower()}",
                hint="run 'df -h' and check the permissions",
            ),
            as_json=as_json,
        )
        return Status.FAILED


def _heal(session: Session) -> None:
    """Finish off what a killed git-par left of a publish, before anybody builds on it."""
    from git_par.state import announce

    if announce.pending(session.repo):
        from git_par.landing import recover

        recover.heal(session.repo, session.locks, session.tell)


def verbs() -> typer.Typer:
    """The whole grammar."""
    return _app([])


def _app(argv: Sequence[str]) -> typer.Typer:
    app = typer.Typer(
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    asked = next(iter(argv), "")
    for name, function in _VERBS.items():
        if asked == name or asked not in _VERBS:
            app.command(name)(function)
    return app


def _usage_error(error: Exception, argv: Sequence[str]) -> UsageError:
    """Typer's complaint as one line of ours."""
    text = str(getattr(error, "format_message", lambda: error)()).rstrip(".")
    verb = next((word for word in argv[:1] if word in _VERBS), "")
    text = text[:1].lower() + text[1:]
    if verb == "with-lock" and not argv[1].startswith("-"):
        return UsageError(f"{verb}: {text}", hint=f"git par {verb} -- {shlex.join(argv[1:])}")
    return UsageError(f"{verb}: {text}" if verb else text, hint=f"git par {verb} -h" if verb else "git par -h")


def _verb(function: Callable[..., Work]) -> Callable[..., Work]:
    _VERBS[function.__name__.removesuffix("_").replace("_", "-")] = function
    return function


def _one_of(option: str, given: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(given)
    except ValueError:
        names = ", ".join(choices)
        raise UsageError(
            f"{option} {given}: none of {names}", hint=f"git par merge {option} {next(iter(choices))}"
        ) from None


def _version(wanted: bool) -> None:
    if wanted:
        render.show(Report(lines=[f"git-par {__version__}"]), as_json=False)
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """A branch and a directory for every parallel piece of work, and one safe way home."""


@_verb
def add(
    names: Names = None,
    start: Annotated[
        str | None, typer.Option("--from", metavar="REV", help="Start there, not at HEAD.", **_TEXT)
    ] = None,
    base: Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch the task returns to.", **_TEXT)] = None,
    branch: Annotated[
        str | None,
        typer.Option(metavar="TEMPLATE", help="Name the branch, from {name} {group} {user} {date}.", **_TEXT),
    ] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="Put the task into a group.", **_TEXT)] = None,
    title: Annotated[str | None, typer.Option(metavar="T", help="Say what it is about.", **_TEXT)] = None,
    sparse: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR", help="Check out only DIR and the files on top; repeatable.", **_TEXT),
    ] = None,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Start although there are uncommitted changes.")
    ] = False,
    fetch: Annotated[bool, typer.Option("--fetch", help="Fetch the remote first.")] = False,
    command: Annotated[
        str | None, typer.Option("--exec", metavar="CMD", help="Run a shell command in each.", **_TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Make tasks, each with a branch and a workspace of its own; print their paths."""
    from git_par.commands.add import Options, run

    options = Options(
        names=tuple(names or ()),
        start=start,
        base=base,
        template=branch,
        group=group,
        title=title,
        sparse=tuple(sparse or ()),
        allow_dirty=allow_dirty,
        fetch=fetch,
        command=command,
    )
    return lambda session: run(session, options)


@_verb
def list_(
    size: Annotated[bool, typer.Option("--size", help="Show what each workspace takes on disk.")] = False,
    in_use: Annotated[bool, typer.Option("--in-use", help="Show who works in each.")] = False,
    json: Json = False,
) -> Work:
    """Show every task and how it stands."""
    from git_par.commands.list import run

    return lambda session: run(session, size=size, in_use=in_use)


@_verb
def path(name: Annotated[str, typer.Argument(metavar="NAME", show_default=False)], json: Json = False) -> Work:
    """Print where a task lives."""
    from git_par.commands.path import run

    return lambda session: run(session, name)


@_verb
def env(name: MaybeName = None, json: Json = False) -> Work:
    """Print a task's environment as shell text to eval."""
    from git_par.commands.env import run

    return lambda session: run(session, name)


@_verb
def show(name: MaybeName = None, json: Json = False) -> Work:
    """Show everything about one task."""
    from git_par.commands.show import run

    return lambda session: run(session, name)


@_verb
def set_(
    names: SomeNames,
    base: Annotated[str | None, typer.Option(metavar="BRANCH", help="The branch it returns to.", **_TEXT)] = None,
    title: Annotated[str | None, typer.Option(metavar="T", help="What it is about; empty: none.", **_TEXT)] = None,
    group: Annotated[str | None, typer.Option(metavar="G", help="The group it is in; empty: none.", **_TEXT)] = None,
    protect: Annotated[
        bool | None, typer.Option("--protect/--no-protect", help="Whether it may never be removed.", **_TEXT)
    ] = None,
    json: Json = False,
) -> Work:
    """Change what is recorded of tasks."""
    from git_par.commands.set import Options, run

    return lambda session: run(session, names, Options(base=base, title=title, group=group, protected=protect))


@_verb
def merge(
    names: Names = None,
    every: Annotated[bool, typer.Option("--all", help="Merge every task.")] = False,
    group: Annotated[str | None, typer.Option(metavar="G", help="Merge the tasks of a group.", **_TEXT)] = None,
    into: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="Merge into BRANCH, not each task's base.", **_TEXT)
    ] = None,
    no_ff: Annotated[bool, typer.Option("--no-ff", help="A merge commit for each task (the default).")] = False,
    ff: Annotated[bool, typer.Option("--ff", help="Fast-forward where that is possible.")] = False,
    squash: Annotated[bool, typer.Option("--squash", help="One ordinary commit for each task.")] = False,
    rebase: Annotated[bool, typer.Option("--rebase", help="Each task's commits, replayed onto the base.")] = False,
    message: Annotated[
        str | None, typer.Option("-m", "--message", metavar="TEXT", help="The commit message.", **_TEXT)
    ] = None,
    signoff: Annotated[bool, typer.Option("--signoff", help="Add Signed-off-by to every commit that is made.")] = False,
    order: Annotated[
        str | None,
        typer.Option(metavar="ORDER", help="created, given or fewest-conflicts.", **_TEXT),
    ] = None,
    atomic: Annotated[bool, typer.Option("--atomic", help="All of them or nothing: --on-conflict abort.")] = False,
    on_conflict: Annotated[
        str | None,
        typer.Option(metavar="WHAT", help="When one cannot land: skip it, stop there, or abort.", **_TEXT),
    ] = None,
    gate: Annotated[
        str | None,
        typer.Option(metavar="CMD", help="Publish only what this shell command passes on.", **_TEXT),
    ] = None,
    gate_each: Annotated[
        bool, typer.Option("--gate-each", help="Every planned commit must pass, not only the last.")
    ] = False,
    gate_tries: Annotated[
        int | None, typer.Option("--gate-tries", metavar="N", help="Test so many plans at most.", **_TEXT)
    ] = None,
    autocommit: Annotated[
        bool, typer.Option("--autocommit", help="Commit what is uncommitted in the tasks first.")
    ] = False,
    allow_dirty: Annotated[
        bool, typer.Option("--allow-dirty", help="Merge what is committed of tasks with uncommitted changes.")
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
        on_conflict=OnConflict.ABORT if atomic else _one_of("--on-conflict", on_conflict or "skip", OnConflict),
        autocommit=autocommit,
        allow_dirty=allow_dirty,
        dry_run=dry_run,
    )
    options = Options(
        names=tuple(names or ()),
        every=every,
        group=group,
        order=_one_of("--order", order, Order) if order is not None else None,
        gate=gate,
        gate_each=gate_each,
        gate_tries=gate_tries,
        wish=wish,
        prune=prune,
    )
    return lambda session: run(session, options)


@_verb
def sync(
    names: Names = None,
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


@_verb
def conflicts(
    names: Names = None,
    svg: Annotated[str | None, typer.Option(metavar="FILE", help="Draw a picture of it.", **_TEXT)] = None,
    html: Annotated[str | None, typer.Option(metavar="FILE", help="Write a page with all of it.", **_TEXT)] = None,
    json: Json = False,
) -> Work:
    """Show which tasks will collide with each other and with their bases, and the order that lands the most."""
    from git_par.commands.conflicts import Options, run

    options = Options(names=tuple(names or ()), svg=svg, html=html)
    return lambda session: run(session, options)


@_verb
def prune(
    new: Annotated[bool, typer.Option("--new", help="Also tasks in which nothing was committed yet.")] = False,
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Only tasks made longer ago: 12h, 3d, 2w.", **_TEXT)
    ] = None,
    dry_run: DryRun = False,
    json: Json = False,
) -> Work:
    """Remove every task that is safely in its base; keep and explain the rest."""
    from git_par.commands.prune import run

    return lambda session: run(session, new=new, older_than=older_than, dry_run=dry_run)


@_verb
def remove(names: SomeNames, dry_run: DryRun = False, json: Json = False) -> Work:
    """Remove the named tasks, each only when nothing would be lost."""
    from git_par.commands.remove import run

    return lambda session: run(session, names, dry_run=dry_run)


@_verb
def with_lock() -> Work:
    """Run a command (after --) under the repository lock; end with its status."""
    from git_par.commands.with_lock import run

    return lambda session: run(session, session.command)


@_verb
def demo() -> Work:
    """Play the main job on a throw-away repository, every command and its output shown."""
    from git_par.commands.demo import run

    return run


@_verb
def shell_init(shell: Annotated[str, typer.Argument(metavar="SHELL", show_default=False)], json: Json = False) -> Work:
    """Print what bash, zsh or fish evals: completion, par-cd and par-add."""
    from git_par.commands.shell_init import run

    return lambda session: run(session, shell)
