"""`--older-than`: an age as people write it."""

import re
from datetime import UTC, datetime, timedelta

from git_par.errors import UsageError
from git_par.state.tasks import Task

_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def before(text: str) -> datetime:
    """The time `90m`, `12h`, `3d` or `2w` ago."""
    found = re.fullmatch(r"([0-9]{1,6})([mhdw])", text)
    if not found:
        raise UsageError(f"--older-than {text}: not an age", hint="write 90m, 12h, 3d or 2w")
    try:
        return datetime.now(UTC) - timedelta(**{_UNITS[found[2]]: int(found[1])})
    except OverflowError:
        raise UsageError(f"--older-than {text}: before all time", hint="write 90m, 12h, 3d or 2w") from None


def is_from_before(task: Task, limit: datetime | None) -> bool:
    """Whether `task` was made before that time; without one, yes."""
    return limit is None or datetime.fromisoformat(task.created) < limit
