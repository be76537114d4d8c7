"""Which files belong to a task, as patterns say: exact paths, or globs as in gitignore(5)."""

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from git_par.errors import UsageError
from git_par.workspaces import patterns
from git_par.workspaces.patterns import Patterns

_MAGIC = "*?["


@dataclass(frozen=True)
class Owned:
    """The files that `patterns` name; a later one counts before an earlier, and `!` takes out."""

    patterns: tuple[str, ...]

    def __contains__(self, path: str) -> bool:
        return self._parsed.claim(path.rstrip("/"))

    def of(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that belong to it."""
        return [path for path in paths if path.startswith(self._beginnings) and path in self]

    def has_any(self, paths: Iterable[str]) -> bool:
        """Whether one of `paths` belongs to it."""
        return any(path.startswith(self._beginnings) and path in self for path in paths)

    def outside(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that do not, sorted."""
        return sorted(path for path in paths if path not in self)

    @cached_property
    def _beginnings(self) -> tuple[str, ...]:
        """With one of these begins all that belongs to it: most files need no closer look."""
        return tuple(map(_beginning, (pattern for pattern in self.patterns if not pattern.startswith("!"))))

    @cached_property
    def _parsed(self) -> Patterns:
        return patterns.parse(map(anchored, self.patterns))


def _beginning(pattern: str) -> str:
    if not is_exact(pattern) and "/" not in pattern.rstrip("/"):
        return ""  # it matches at any depth
    return re.split(r"[*?\[\\]", pattern.strip("/"), maxsplit=1)[0]


def is_exact(pattern: str) -> bool:
    """Whether `pattern` names one file or directory and no others."""
    return not any(sign in pattern for sign in _MAGIC) and not pattern.startswith("!")


def anchored(pattern: str) -> str:
    """`pattern` as gitignore(5) has it: there a plain name would match at any depth; here it names one file."""
    sign, plain = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    if is_exact(plain):
        return f"{sign}/{plain.lstrip('/')}"
    return f"{sign}\\{plain}" if not sign and plain.startswith("#") else pattern


def problem(pattern: str) -> str:
    """Why `pattern` cannot say what a task owns; empty when it can."""
    plain = pattern.removeprefix("!")
    if not plain.strip("/") or plain.strip() != plain:
        return "it names nothing" if not plain.strip("/ ") else "it begins or ends with a space"
    if any(ord(sign) < 32 for sign in plain):
        return "it has a control character"
    parts = plain.strip("/").split("/")
    if plain.startswith(("/", "~")) or ".." in parts or "." in parts or "" in parts:
        return "it must be a path inside of the repository, from its top"
    if parts[0].lower() == ".git":
        return "it is git's own"
    return "" if patterns.parse([anchored(pattern)]).patterns else "it is no pattern that git can read"


def wanted(given: Sequence[str]) -> tuple[str, ...]:
    """The patterns of `--owns`: an empty one drops those before it.  UsageError when one cannot be had."""
    found: list[str] = []
    for pattern in given:
        if not pattern:
            found.clear()
            continue
        if why := problem(pattern):
            raise UsageError(
                f"--owns {pattern}: {why}", hint="--owns src/menu.c, --owns 'src/**' or --owns '!src/old/'"
            )
        found.append(pattern)
    if found and all(pattern.startswith("!") for pattern in found):
        raise UsageError(f"--owns {found[0]}: it only takes out", hint=f"--owns '*' --owns '{found[0]}'")
    return tuple(dict.fromkeys(found))


def directories(files: Iterable[str]) -> set[str]:
    """The directories that `files` lie in."""
    return {path[:at] for path in files for at, sign in enumerate(path) if sign == "/"}


def overlap(
    one: Owned,
    other: Owned,
    files: Iterable[str],
    fresh: Iterable[tuple[str, str]] = (),
    directories: Container[str] = (),
) -> list[str]:
    """The files that belong to both: of those there are, of those either names, and an example of new ones.

    `fresh` are pairs of patterns, one of each, at least one of which makes files: they may meet where nothing is yet.  What
    is named is taken for a file there, unless it is one of the `directories` or a pattern leads into it.
    """
    both = set(one.of(other.of(files)))
    named = {pattern.strip("/") for owned in (one, other) for pattern in owned.patterns if is_exact(pattern)}
    # A directory that is named stands for what is in it.
    both |= {
        path for path in named if path in one and path in other and not any(f.startswith(f"{path}/") for f in both)
    }
    if both:
        return sorted(both)
    from git_par.workspaces import globs

    known = (*one.patterns, *other.patterns)

    def is_file(pattern: str) -> bool:
        plain = pattern.lstrip("/")
        return is_exact(pattern) and not (
            plain.endswith("/") or plain in directories or any(one.startswith(f"{plain}/") for one in known)
        )

    pairs = ((left, right) for left, right in fresh if not (is_file(left) or is_file(right)))
    examples = (globs.common(anchored(left), anchored(right)) for left, right in pairs)
    return sorted({path for path in examples if path and path in one and path in other})
