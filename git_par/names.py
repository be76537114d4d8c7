"""Names: which ones can be a task or a branch, what they are called on disk, and how several are said.

The rules of a branch name are those of git-check-ref-format(1); a property test holds them against git itself.
"""

import itertools
import os
import re
import shlex
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

LONGEST_COMPONENT = 230
"""Bytes; git adds `.lock` to each component and file systems end at 255."""
LONGEST_NAME = 700
"""Bytes; with the path of the repository in front it must stay under PATH_MAX."""
LONGEST_DIRECTORY = 100
SECRETS = (".env*",)
"""Names of files that never go into the object database unless their owner puts them there."""
_LONGEST_SLUG = 120
_LONGEST_TITLE = 180

_PLAIN = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")


def branch_problem(name: str) -> str:
    """Why `name` cannot be a branch; empty when it can."""
    if not name:
        return "a name cannot be empty"
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        return "a name must be valid UTF-8"
    if any(ord(sign) < 32 or ord(sign) == 127 for sign in name):
        return "a name cannot hold control characters"
    for sign in " ~^:?*[\\":
        if sign in name:
            return f"a name cannot hold {'a space' if sign == ' ' else repr(sign)}"
    if ".." in name or "@{" in name:
        return f"a name cannot hold '{'..' if '..' in name else '@{'}'"
    if name.startswith("-"):
        return "a name cannot begin with '-'"
    if name in ("@", "HEAD"):
        return "git means something else by it"
    if name.endswith("."):
        return "a name cannot end with '.'"
    for part in name.split("/"):
        if not part:
            return "a name cannot begin or end with '/' or hold '//'"
        if part.startswith("."):
            return "no part of a name can begin with '.'"
        if part.endswith(".lock"):
            return "no part of a name can end with '.lock'"
        if len(part.encode()) > LONGEST_COMPONENT:
            return f"no part of a name can be longer than {LONGEST_COMPONENT} bytes"
    return f"a name cannot be longer than {LONGEST_NAME} bytes" if size > LONGEST_NAME else ""


def task_problem(name: str) -> str:
    """Why `name` cannot be a task; empty when it can."""
    if name.startswith("refs/"):
        return "a task is named without 'refs/'"
    return branch_problem(name)


def slug(name: str) -> str:
    """The name of a task's records, locks and refs: one component, ASCII, and different for different names."""
    plain = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in name.encode("utf-8", "replace"))
    if len(plain) <= _LONGEST_SLUG:
        return plain
    import hashlib  # rarely needed, and 3 ms

    # '%-' stands in no encoded name, and git allows it in a ref.
    return f"{plain[:100]}%-{hashlib.sha256(name.encode()).hexdigest()[:12]}"


def unslug(slug: str) -> str:
    """The name that `slug` stands for, as far as it can be told: of a very long one only the beginning is there."""
    whole = re.sub(
        "(?:%[0-9A-F]{2})+", lambda found: bytes.fromhex(found[0].replace("%", "")).decode(errors="ignore"), slug
    )
    return slug if branch_problem(whole) else whole


def directories(name: str) -> Iterator[str]:
    """What the workspace of a task may be called, best first: the name itself, then `-2`, `-3`, …"""
    plain = name.replace("/", "-").encode()
    for number in itertools.count(1):
        tail = f"-{number}" if number > 1 else ""
        yield plain[: LONGEST_DIRECTORY - len(tail)].decode(errors="ignore") + tail


def from_title(title: str) -> str:
    """A task's name made from its title: `Free mixer channel` → `free-mixer-channel`; may be empty."""
    text = unicodedata.normalize("NFC", title).lower()
    # A vowel sign is part of its word, although it is no letter.
    plain = "".join(
        sign if sign == "_" or sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in text
    )
    words = [word for word in plain.split(" ") if any(map(str.isalnum, word))]
    short = "-".join(words)[:60].encode()[:_LONGEST_TITLE]
    return short.decode(errors="ignore").strip("-_")


def substitute(name: str) -> str:
    """A name that can be a task, for one that cannot or is taken: always the same, and another for every other name."""
    import hashlib  # rarely needed, and 3 ms

    return f"{from_title(name)[:40] or 'task'}-{hashlib.sha256(name.encode(errors='surrogatepass')).hexdigest()[:8]}"


def stamped(what: str, now: datetime) -> str:
    """A name for a task that was given none."""
    return f"{what}-{now:%Y%m%d-%H%M%S}"


def expand(template: str, values: Mapping[str, str]) -> tuple[str, str]:
    """`template` with each `{key}` replaced, `{{` and `}}` as braces; and what is wrong with it (empty: nothing)."""
    parts = re.findall(r"\{\{|\}\}|\{[^{}]*\}|[{}]|[^{}]+", template)
    for part in parts:
        if part in ("{", "}"):
            return "", f"a single '{part}'; a brace itself is written '{part * 2}'"
        if part[0] == "{" and part != "{{" and part[1:-1] not in values:
            return "", f"it knows no '{part}', only {', '.join(f'{{{key}}}' for key in values)}"
    braces = {"{{": "{", "}}": "}"}
    return "".join(braces.get(part) or (values[part[1:-1]] if part[0] == "{" else part) for part in parts), ""


def fill_template(template: str, **values: str) -> tuple[str, str]:
    """The branch of a new task, made from `template`, and what is wrong with it (empty when nothing is)."""
    branch, problem = expand(template, values)
    if problem:
        return "", problem
    plain = template.replace("{{", "").replace("}}", "")
    if empty := next((key for key in values if f"{{{key}}}" in plain and not values[key]), ""):
        return "", f"'{{{empty}}}' is empty here"
    if "{name}" not in plain:
        return "", "it must hold '{name}'"
    return branch, ""


def is_secret(path: str) -> bool:
    """Whether an untracked file looks like one that holds secrets, by its own name or that of a directory above it."""
    return any(fnmatchcase(part, pattern) for part in path.split("/") for pattern in SECRETS)


def leads_out(pattern: str) -> bool:
    """Whether a gitignore-style `pattern` means something outside of the repository."""
    plain = pattern.removeprefix("!")
    return ".." in plain.split("/") or plain.startswith(("~", "//"))


def going_to(path: Path, cwd: Path) -> str:
    """How a command line gets from `cwd` to `path`: `cd PATH && `, or nothing when one is there."""
    return "" if path == cwd else f"cd {shown(path, cwd)} && "


def shown(path: Path, cwd: Path) -> str:
    """`path` as a person standing in `cwd` would write it in a shell: short where that is clear, quoted where needed."""
    relative = os.path.relpath(path, cwd)
    return shlex.quote(str(path) if relative.count("../") > 1 or relative.startswith("-") else relative)


def some(paths: Sequence[str], count: int = 3) -> str:
    """The first few of `paths`, and how many more there are."""
    return ", ".join(paths[:count]) + (f" and {len(paths) - count} more" if len(paths) > count else "")
