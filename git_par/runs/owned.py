"""Which files belong to a task, as patterns say: exact paths, or globs as in gitignore(5)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from git_par.runs import globs

if TYPE_CHECKING:  # 15 ms to import
    from pathspec import GitIgnoreSpec

_MAGIC = "*?["


@dataclass(frozen=True)
class Owned:
    """The files that `patterns` name; a later one counts before an earlier, and `!` takes out."""

    patterns: tuple[str, ...]

    def __contains__(self, path: str) -> bool:
        return self._spec.match_file(path)

    def of(self, paths: Iterable[str]) -> list[str]:
        """Those of `paths` that belong to it."""
        return list(self._spec.match_files(paths))

    @cached_property
    def _spec(self) -> "GitIgnoreSpec":
        from pathspec import GitIgnoreSpec

        return GitIgnoreSpec.from_lines(map(anchored, self.patterns))


def is_exact(pattern: str) -> bool:
    """Whether `pattern` names one file or directory and no others."""
    return not any(sign in pattern for sign in _MAGIC) and not pattern.startswith("!")


def anchored(pattern: str) -> str:
    """`pattern` as gitignore(5) has it: there a plain name would match at any depth; here it names one file."""
    sign, plain = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    return f"{sign}/{plain.lstrip('/')}" if is_exact(plain) else pattern


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
    return "it is git's own" if parts[0].lower() == ".git" else ""


def overlap(one: Owned, other: Owned, files: Sequence[str], fresh: Iterable[tuple[str, str]] = ()) -> list[str]:
    """The files that belong to both: of those there are, of those either names, and an example of new ones.

    `fresh` are pairs of patterns, one of each, at least one of which makes files: they may meet where nothing is yet.
    """
    both = set(one.of(other.of(files)))
    named = {pattern.strip("/") for owned in (one, other) for pattern in owned.patterns if is_exact(pattern)}
    both |= {path for path in named if path in one and path in other}
    if both:
        return sorted(both)
    examples = (globs.common(anchored(left), anchored(right)) for left, right in fresh)
    return sorted({path for path in examples if path and path in one and path in other})
