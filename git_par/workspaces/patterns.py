"""Patterns as gitignore(5) has them, where no git process is asked; a property test holds them against git."""

import os
import re
import string
from collections.abc import Iterable
from dataclasses import dataclass

_CLASSES = {
    "alnum": string.ascii_letters + string.digits,
    "alpha": string.ascii_letters,
    "blank": " \t",
    "cntrl": "".join(map(chr, [*range(32), 127])),
    "digit": string.digits,
    "graph": string.ascii_letters + string.digits + string.punctuation,
    "lower": string.ascii_lowercase,
    "print": string.ascii_letters + string.digits + string.punctuation + " ",
    "punct": string.punctuation,
    "space": string.whitespace,
    "upper": string.ascii_uppercase,
    "xdigit": string.hexdigits,
}


@dataclass(frozen=True)
class Pattern:
    """One line: what it matches, and whether that is wanted or, after `!`, not."""

    whole: re.Pattern[bytes]
    """Of a pattern with a slash the whole path, else the last part of it."""
    steps: tuple[re.Pattern[bytes] | None, ...]
    """The parts of a pattern with a slash, None for `**`; empty without one."""
    wanted: bool
    directories_only: bool
    named: bool
    """Whether it is more than wildcards."""

    def matches(self, path: bytes, name: bytes, directory: bool) -> bool:
        """Whether it matches `path`, whose last part is `name`."""
        if self.directories_only and not directory:
            return False
        return self.whole.fullmatch(path if self.steps else name) is not None


@dataclass(frozen=True)
class Patterns:
    """Several patterns, of which the last one that matches decides."""

    patterns: tuple[Pattern, ...] = ()

    def __bool__(self) -> bool:
        return any(one.wanted for one in self.patterns)

    def select(self, path: str, *, directory: bool = False) -> bool:
        """Whether `path`, or a directory that it lies in, is selected; what lies in a selected one cannot be excepted."""
        parts = os.fsencode(path).split(b"/")
        return any(
            self._decide(b"/".join(parts[:count]), parts[count - 1], directory or count < len(parts))
            for count in range(1, len(parts) + 1)
        )

    def claim(self, path: str) -> bool:
        """Whether the last of them that matches `path`, or a directory that it lies in, is not after a `!`.

        Unlike with `select`, part of a directory can be excepted.
        """
        parts = os.fsencode(path).split(b"/")
        ways = [(b"/".join(parts[:count]), parts[count - 1], count < len(parts)) for count in range(1, len(parts) + 1)]
        for one in reversed(self.patterns):
            if any(one.matches(*way) for way in ways):
                return one.wanted
        return False

    def lead_into(self, path: str) -> bool:
        """Whether one of them names something in the directory `path` by its way from the top, not by its name alone."""
        parts = os.fsencode(path).split(b"/")
        return any(one.wanted and _leads(one.steps, parts) for one in self.patterns)

    def name(self, path: str) -> bool:
        """Whether `path` is selected by a part of a name at least, and not by a `*` that stands for everything."""
        return Patterns(tuple(one for one in self.patterns if one.named or not one.wanted)).select(path)

    def _decide(self, path: bytes, name: bytes, directory: bool) -> bool:
        for one in reversed(self.patterns):
            if one.matches(path, name, directory):
                return one.wanted
        return False


def parse(lines: Iterable[str], *, ignore_case: bool = False) -> Patterns:
    """The patterns of `lines`; empty ones and comments say nothing, and what git cannot read matches nothing."""
    found = (_parse(os.fsencode(line), re.IGNORECASE if ignore_case else 0) for line in lines)
    return Patterns(tuple(one for one in found if one))


def _parse(line: bytes, flags: int) -> Pattern | None:
    line = re.sub(rb"^((?:[^\\]|\\.)*?) *$", rb"\1", line.removesuffix(b"\r"), flags=re.DOTALL)
    if not line or line.startswith(b"#"):
        return None
    wanted = not line.startswith(b"!")
    line = line if wanted else line[1:]
    directories_only = line.endswith(b"/")
    line = line.removesuffix(b"/")
    text = line.removeprefix(b"/")
    whole = _expression(text)
    if whole is None or not text:
        return None
    steps: list[re.Pattern[bytes] | None] = []
    for part in text.split(b"/") if b"/" in line else []:
        step = _expression(part)
        steps.append(None if part == b"**" or step is None else re.compile(step, flags | re.DOTALL))
    return Pattern(
        re.compile(whole, flags | re.DOTALL),
        tuple(steps),
        wanted,
        directories_only,
        re.search(rb"\w", text) is not None,
    )


def _leads(steps: tuple[re.Pattern[bytes] | None, ...], parts: list[bytes]) -> bool:
    """Whether a path that `steps` match may begin with `parts`; a `**` in front leads everywhere, and so nowhere."""
    for number, part in enumerate(parts):
        if number >= len(steps):
            return False
        step = steps[number]
        if step is None:
            return number > 0
        if not step.fullmatch(part):
            return False
    return len(steps) > len(parts)


def _expression(glob: bytes) -> bytes | None:
    """The regular expression of `glob`; None when it cannot match anything."""
    out, at = b"", 0
    star: int | None = None
    while at < len(glob):
        sign = glob[at : at + 1]
        if sign == b"/":
            star = None
        if sign == b"*":
            end = at + len(glob[at:]) - len(glob[at:].lstrip(b"*"))
            alone = (at == 0 or glob[at - 1 : at] == b"/") and glob[end : end + 1] in (b"", b"/")
            if end - at > 1 and alone:
                out += b"(?:.*/)?" if end < len(glob) else b".*"
                end += end < len(glob)
                star = None
            else:
                if (
                    star is not None
                ):  # what comes first after one `*` will do when another follows: no need to try the rest
                    out = out[:star] + b"(?>[^/]*?" + out[star + len(b"[^/]*") :] + b")"
                star = len(out)
                out += b"[^/]*"
            at = end
        elif sign == b"?":
            out, at = out + b"[^/]", at + 1
        elif sign == b"[":
            found = _class(glob, at + 1)
            if found is None:
                return None
            out, at = out + found[0], found[1]
        else:
            at += sign == b"\\"
            if at == len(glob):
                return None
            out, at = out + re.escape(glob[at : at + 1]), at + 1
    return out


def _class(glob: bytes, at: int) -> tuple[bytes, int] | None:
    """The expression of the bracket whose inside begins at `at`, and where it ends; None when it does not end."""
    inverted = glob[at : at + 1] in (b"!", b"^")
    at += inverted
    signs: set[int] = set()
    before, first = -1, True
    while first or glob[at : at + 1] != b"]":
        first = False
        if at >= len(glob):
            return None
        named = re.compile(rb"\[:([^\]]*):\]").match(glob, at)
        if named:
            name = named[1].decode("ascii", "replace")
            if name not in _CLASSES:
                return None
            signs |= set(_CLASSES[name].encode())
            at, before = named.end(), -1
            continue
        ranged = glob[at : at + 1] == b"-" and before >= 0 and glob[at + 1 : at + 2] not in (b"]", b"")
        at += ranged
        at += glob[at : at + 1] == b"\\"
        if at >= len(glob):
            return None
        sign = glob[at]
        signs |= set(range(before, sign + 1)) if ranged else {sign}
        at, before = at + 1, -1 if ranged else sign
    found = (set(range(256)) - signs if inverted else signs) - {ord("/")}
    inside = b"".join(b"\\x%02x" % sign for sign in sorted(found))
    return (b"[" + inside + b"]" if inside else b"(?!)"), at + 1
