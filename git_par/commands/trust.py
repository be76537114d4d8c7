"""`git par trust`: show what a committed `.gitpar` would have git-par do, and heed it once the user has agreed.

What is shown is what is trusted: the text is read once, and its digest remembered.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from git_par import render, streams
from git_par.errors import Refused, Status
from git_par.report import Report
from git_par.state import gitpar, trust
from git_par.state.session import Session

_NOTHING = "nothing there needs to be trusted"


def run(session: Session) -> Report:
    """Show what needs trust, ask, and remember the answer if it is yes."""
    wanted = session.settings.in_need_of_trust
    digest = session.settings.committed.digest
    if not wanted or trust.trusted(session.repo) == digest:
        return _report(session, "trusted already" if wanted else _NOTHING)
    if not streams.has_terminal():
        raise Refused(
            f"{gitpar.NAME}: not trusted: nobody sits at a terminal to be asked",
            hint="git par trust, in a terminal; git par trust --show lists what is in it",
        )
    for line in _lines(wanted):
        render.say(line)
    count = f"{len(wanted)} setting{'s' if len(wanted) > 1 else ''}"
    if not render.ask(f"Trust {'these' if len(wanted) > 1 else 'this'} {count} of {_source(session)}? [y/N] "):
        return _report(session, "not trusted, and does not count", Status.REFUSED)
    trust.trust(session.repo, digest)
    return _report(session, "trusted until its text changes")


def show(session: Session) -> Report:
    """List what needs trust, and whether it has it."""
    said = "trusted" if _is_trusted(session) else "not trusted, and does not count"
    wanted = session.settings.in_need_of_trust
    return _report(session, said if wanted else _NOTHING, lines=list(_lines(wanted)))


def forget(session: Session) -> Report:
    """Trust nothing in this repository any more."""
    said = "not trusted any more" if trust.forget(session.repo) else "was not trusted"
    return _report(session, said)


def _report(session: Session, said: str, status: Status = Status.DONE, *, lines: Sequence[str] = ()) -> Report:
    return Report(
        data=lambda: _data(session),
        lines=lines,
        talk=[f"{_source(session)}: {said}"],
        status=status,
    )


def _data(session: Session) -> Mapping[str, Any]:
    wanted = session.settings.in_need_of_trust
    return {
        "file": str(session.repo.main / gitpar.NAME) if session.repo.main else f"HEAD:{gitpar.NAME}",
        "trusted": bool(wanted) and _is_trusted(session),
        "settings": [{"key": f"par.{key}", "value": value} for key, value in wanted],
    }


def _is_trusted(session: Session) -> bool:
    return trust.trusted(session.repo) == session.settings.committed.digest


def _source(session: Session) -> str:
    main = session.repo.main
    return f"'{main / gitpar.NAME}'" if main else f"HEAD:{gitpar.NAME} of '{session.repo.common}'"


def _lines(wanted: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Each setting; the lines of a value that has several stand below each other, behind a bar."""
    for key, value in wanted:
        first, *more = value.split("\n")
        yield f"{visible(f'par.{key}')} = {visible(first)}"
        yield from (f"    | {visible(line)}" for line in more)


def visible(text: str) -> str:
    """`text` with everything spelled out but printable ASCII.

    Other signs can look alike, take no room, or turn the line around.
    """
    return "".join(one if " " <= one <= "~" else one.encode("unicode_escape", "surrogatepass").decode() for one in text)
