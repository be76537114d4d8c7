"""Ignored files that can be made again, as patterns such as `node_modules` say (`par.regenerable`): nobody keeps them."""

from collections.abc import Sequence
from fnmatch import fnmatchcase

from git_par.git import Git


def matches(git: Git, path: str, patterns: Sequence[str]) -> bool:
    """Whether an ignored path can be made again: its own name says so, or a directory around it that holds nothing tracked.

    Secrets never can.
    """
    parts = path.rstrip("/").split("/")
    if fnmatchcase(parts[-1], ".env*"):
        return False
    for count, part in enumerate(parts, 1):
        if any(fnmatchcase(part, pattern) for pattern in patterns):
            around = f":(top,literal){'/'.join(parts[:count])}"
            if count == len(parts) or not git.fields("ls-files", "-z", "--", around):
                return True
    return False
