"""One command line, from what was typed to the exit status; errors become one here, once.

Only the verb that was asked for is set up and loaded; `git par -h` and a word that is no verb set up all of them.
"""

import errno
import shlex
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from git_par import __version__, grammar, interrupts, render
from git_par.errors import ParError, Status, UsageError
from git_par.render import Report
from git_par.state.session import Session

# What typer raises for a bad command line; the class itself has no public name.
_BadUsage: type[Exception] = typer.BadParameter.__bases__[0]

_AS_THEY_ARE = frozenset(("path", "env", "log", "shell-init", "demo", "with-lock", "doctor", "hook"))
"""Verbs that neither read nor move a checkout, heal it only when asked to, or have yet to hear which one is meant."""


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
        words = list(argv)
        if words[:1] in (["with-lock"], ["exec"]) and "--" in words:
            words = words[: words.index("--")]  # typer would swallow it
        work = _app(argv)(words, prog_name="git par", standalone_mode=False)
        if not callable(work):
            return int(work or 0)  # help or version was shown
        session = Session(tuple(argv), render.tell, render.progress)
        if argv[0] not in _AS_THEY_ARE:
            from git_par.landing import healing

            healing.heal(session)
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
                hint=_way_out(error),
            ),
            as_json=as_json,
        )
        return Status.FAILED


def _way_out(error: OSError) -> str:
    """Something stands where a file or directory of ours should; else the disk is full or closed to us."""
    if error.errno in (errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENOENT):
        return "git par doctor"
    return "run 'df -h' and check the permissions"


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
    for name, function in grammar.verbs(next(iter(argv), "")).items():
        app.command(name)(function)
    return app


def _usage_error(error: Exception, argv: Sequence[str]) -> UsageError:
    """Typer's complaint as one line of ours."""
    text = str(getattr(error, "format_message", lambda: error)()).rstrip(".")
    verb = next((word for word in argv[:1] if word in grammar.NAMES), "")
    text = text[:1].lower() + text[1:]
    if verb == "with-lock" and not argv[1].startswith("-"):
        return UsageError(f"{verb}: {text}", hint=f"git par {verb} -- {shlex.join(argv[1:])}")
    return UsageError(f"{verb}: {text}" if verb else text, hint=f"git par {verb} -h" if verb else "git par -h")


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
