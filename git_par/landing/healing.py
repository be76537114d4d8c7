"""Finish off what a killed git-par left of a publish, before anybody builds on it."""

from git_par.state import announce
from git_par.state.session import Session


def heal(session: Session) -> None:
    """Heal what was announced and never finished; nearly always there is nothing."""
    if announce.pending(session.repo):
        from git_par.landing import recover

        recover.heal(session.repo, session.locks, session.tell)
