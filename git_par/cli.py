"""One command line, from what was typed to the exit status; errors become one here, once.

Only the verb that was asked for is set up and loaded; `git par -h` and a word that is no verb set up all of them.  Without a
verb it is `list` where there are tasks, else help.
"""

import errno
import gc
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, NoReturn

from git_par import __version__, colour, interrupts, parent, render, streams
from git_par.errors import ParError, Status, UsageError
from git_par.report import Report
from git_par.state.session import Session

if TYPE_CHECKING:  # it is loaded once the collector is told to wait
    import typer

_GARBAGE = 100_000
"""How many objects come to be before the collector looks at them: what is loaded is no garbage, and looking costs 4 ms."""

_AS_THEY_ARE = frozenset(("path", "env", "log", "shell-init", "demo", "with-lock", "doctor", "hook"))
"""Verbs that neither read nor move a checkout, heal it only when asked to, or have yet to hear which one is meant."""

_ANYWHERE = (_AS_THEY_ARE | {"list", "show"}) - {"with-lock"}
"""Verbs that look on, or have yet to hear where, also in a clone whose repository is not there."""

_ELSEWHERE = {
    "create": "add",
    "delete": "remove",
    "ls": "list",
    "new": "add",
    "rm": "remove",
    "status": "list",
    "switch": "path",
}
"""What verbs are called in other programs, and here."""

_OF_ANOTHER = {
    ("prune", "--all"): "git par prune, which always means all tasks",
    ("prune", "--force"): "git par remove --force NAME…",
    ("remove", "--all"): "git par prune removes all that are safely in their bases; git par remove NAME… others",
}
"""Options that a verb has not, and what they may be looked for in it for."""


def run() -> NoReturn:
    """The console script `git-par`."""
    _process(sys.argv[1:])


def run_merge() -> NoReturn:
    """The console script `git-par-merge`: the same as `git par merge`."""
    _process(["merge", *sys.argv[1:]])


def _process(argv: Sequence[str]) -> NoReturn:
    """The whole life of a process of ours; nothing that was loaded is taken apart at the end, which would take 10 ms."""
    gc.set_threshold(_GARBAGE)
    import typer as typer  # before interrupts are ours to answer

    interrupts.install()
    status = main(argv)
    streams.finish()
    os._exit(status)


def main(argv: Sequence[str]) -> int:
    """Carry out one command line and return its exit status."""
    import typer

    # What typer raises for a bad command line; the class itself has no public name.
    bad_usage: type[Exception] = typer.BadParameter.__bases__[0]
    streams.as_typed()
    render.colours = colour.Choice()
    as_json = "--json" in (argv[: argv.index("--")] if "--" in argv else argv)
    at = _where_verb_is(argv)
    alone = at == len(argv)
    before, own = list(argv[:at]), ["list"] if alone else list(argv[at:])
    session = _session(own, as_json=as_json)
    try:
        if sys.platform == "win32":
            raise UsageError("Windows: not supported", hint="use git-par inside WSL")
        words = own
        if words[:1] in (["with-lock"], ["exec"], ["run"]) and "--" in words:
            words = words[: words.index("--")]  # typer would swallow it
        work = _app(own)([*before, *words], prog_name="git par", standalone_mode=False)
        if alone and not _has_tasks(session):
            work = _app([])(["-h"], prog_name="git par", standalone_mode=False)
        if not callable(work):
            return int(work or 0)  # help or version was shown
        if own[0] not in _ANYWHERE:
            parent.check(session.repo.common)
        if own[0] not in _AS_THEY_ARE:
            from git_par.landing import healing

            healing.heal(session)
        report: Report = work(session)
        render.show(report, as_json=as_json)
        return report.status
    except ParError as error:
        render.show_error(error, as_json=as_json)
        return error.status
    except bad_usage as error:
        render.show_error(_usage_error(error, own), as_json=as_json)
        return Status.USAGE
    except interrupts.Interrupted as signal:
        return 128 + signal.number
    except (KeyboardInterrupt, typer.Abort):
        return Status.INTERRUPTED
    except BrokenPipeError:
        streams.close_quietly()
        return Status.DONE
    except OSError as error:
        what = f"'{error.filename}': " if error.filename else ""
        render.show_error(
            ParError(
                f"{what}{(error.strerror or str(error)).lower()}",
                hint=_way_out(error),
            ),
            as_json=as_json,
        )
        return Status.FAILED


def _where_verb_is(argv: Sequence[str]) -> int:
    """The place of the verb in the command line, behind the options that are for every verb."""
    at = 0
    while at < len(argv) and argv[at].partition("=")[0] == "--color":
        at += 1 if "=" in argv[at] else 2
    return at


def _session(argv: Sequence[str], *, as_json: bool) -> Session:
    """What the verb works with; git's settings say what colours there are, too."""
    session = Session(tuple(argv), render.tell, render.progress)
    if not as_json:
        session = replace(session, preview=render.preview, can_ask=streams.can_ask())

    @cache
    def setting(key: str) -> str | None:
        with suppress(ParError, OSError):
            return session.repo.setting(key)
        return None

    render.colours.setting = setting
    return session


def _has_tasks(session: Session) -> bool:
    """Whether there are records of tasks, be they damaged: then `git par` alone lists them, or says so."""
    try:
        return any(session.tasks.directory.glob("*.json"))
    except (ParError, OSError):
        return False


def _way_out(error: OSError) -> str:
    """Something stands where a file or directory of ours should; else the disk is full or closed to us."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT):
        return "git par doctor"
    return "run 'df -h' and check the permissions"


def verbs() -> "typer.Typer":
    """The whole grammar."""
    return _app([])


def _app(argv: Sequence[str]) -> "typer.Typer":
    import typer

    from git_par import grammar
    from git_par.grammar import usage, words

    def version(wanted: bool) -> None:
        if wanted:
            render.show(Report(lines=[f"git-par {__version__}"]), as_json=False)
            raise typer.Exit

    shown = typer.Option("--version", callback=version, is_eager=True, help="Show the version and exit.")
    when = typer.Option(
        "--color", metavar="WHEN", help="Colour what is shown: auto, always, never.", show_default=False
    )

    def root(version: Annotated[bool, shown] = False, color: Annotated[str | None, when] = None) -> None:  # noqa: ARG001
        """A branch and a directory for every parallel piece of work, and one safe way home."""
        if color is not None:
            render.colours.asked = words.one_of("", "--color", color, colour.When)

    app = typer.Typer(
        cls=usage.Verbs,
        subcommand_metavar="VERB [ARGUMENT]...",
        epilog="'git par VERB -h' shows the arguments and options of one, 'man git-par-VERB' explains it.",
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(root)
    for name, function in grammar.verbs(next(iter(argv), "")).items():
        # Said outright, it is not cut short.
        app.command(name, cls=usage.Verb, short_help=(function.__doc__ or "").partition("\n")[0])(function)
    return app


def _usage_error(error: Exception, argv: Sequence[str]) -> UsageError:
    """Typer's complaint as one line of ours."""
    from git_par import grammar

    text = str(getattr(error, "format_message", lambda: error)()).rstrip(".")
    text = text.replace("No such command", "no such verb").replace(". Did you mean", "; did you mean")
    verb = next((word for word in argv[:1] if word in grammar.NAMES), "")
    text = text[:1].lower() + text[1:]
    if hint := _OF_ANOTHER.get((verb, getattr(error, "option_name", ""))):
        return UsageError(f"{verb}: {text}", hint=hint)
    if verb == "with-lock" and not argv[1].startswith("-"):
        return UsageError(f"{verb}: {text}", hint=f"git par {verb} -- {shlex.join(argv[1:])}")
    meant = verb or next((word for word in (*map(_ELSEWHERE.get, argv[:1]), *argv[1:2]) if word in grammar.NAMES), "")
    return UsageError(f"{verb}: {text}" if verb else text, hint=f"git par {meant} -h" if meant else "git par -h")
