"""How many tasks there may be (`par.maxTasks`), and which of them could go when there are too many."""

from git_par.errors import Refused
from git_par.state.session import Session

_SHOWN = 20


class Full(Refused):
    """There would be more tasks than there may be."""

    def __init__(self, most: int, known: int) -> None:
        super().__init__(f"par.maxTasks: at most {most} at a time, and there are {known}")


def check(session: Session, known: int, more: int) -> None:
    """Raise Full when `more` tasks beside those `known` are too many; under the repository lock, where it stays true."""
    most = session.settings.number("maxTasks")
    if most and known + more > most:
        raise Full(most, known)


def refusal(session: Session, full: Full) -> Refused:
    """The same with what could be pruned; that takes a look at every task, so no lock is held."""
    from git_par.commands import remove  # 15 ms to import, and rarely needed

    with session.journal.operation() as operation:
        swept = remove.sweep(session, session.tasks.all(), operation, standing_too=False, new_too=False, dry_run=True)
    names = [one.task.name for one in swept.removed]
    if not names:
        return Refused(
            f"{full.message}, none of which can be pruned", hint="git par merge --all, or a higher par.maxTasks"
        )
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return Refused(f"{full.message}; these can be pruned: {', '.join(names[:_SHOWN])}{more}", hint="git par prune")
