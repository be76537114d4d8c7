"""The shell blocks of a page, played as a reader would type them: one bash, from an empty home to the end of the page.

A ```console block has commands behind `$ ` (they go on behind `> `) and what they write.  A ```sh block has commands that
must succeed, and says nothing of what they write.  Two marks stand in comments that a reader of the page does not see:

    <!-- shell             commands that set the scene or look whether what the page says came true; they must succeed
    COMMAND
    -->
    <!-- not run: WHY -->  the block below it is only read
"""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tests.world import PAR, World

ROOT = Path(__file__).resolve().parent.parent
HOME = "/home/ann"
"""Where the pages say that the reader is at home."""

PIECE = re.compile(
    r"^<!-- shell\n(?P<unseen>.*?)^-->$"
    r"|^(?:<!-- not run: (?P<reason>[^>]+) -->\n+)?```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
COMMIT = re.compile(r"\b[0-9a-f]{7,40}\b")
_START = """\
exec 2>&1
done_with () { printf '\\0%s\\0' "$1"; }
"""


@dataclass(frozen=True)
class Command:
    """Something to type; `at` is its line on the page."""

    text: str
    at: int
    shown: str | None = None
    """What the page says it writes; None where the page says nothing, and it must succeed."""


@dataclass(frozen=True)
class Block:
    """What stands between fences, or is unseen; `start` and `end` are where its text lies in that of the page."""

    language: str
    text: str
    start: int
    at: int
    reason: str = ""
    """Why it is not run."""

    @property
    def commands(self) -> list[Command]:
        """What there is to type; nothing in a block of another language."""
        if self.reason or self.language not in ("console", "sh", "shell"):
            return []
        if self.language != "console":
            return [Command(self.text, self.at)]
        return list(_typed(self.text, self.at))


@dataclass(frozen=True)
class Played:
    """A command and what it wrote, with the home directory as the pages have it."""

    command: Command
    wrote: str


class Broken(AssertionError):
    """A command of a page that had to succeed did not."""


def pages() -> list[Path]:
    """Every page whose commands are run."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(page: str) -> list[Block]:
    """All that a page fences or hides, in order."""
    found = []
    for piece in PIECE.finditer(page):
        part = "unseen" if piece["unseen"] is not None else "body"
        language = "shell" if part == "unseen" else piece["language"]
        line = page.count("\n", 0, piece.start(part)) + 1
        found.append(Block(language, piece[part], piece.start(part), line, piece["reason"] or ""))
    return found


def _typed(text: str, at: int) -> Iterator[Command]:
    """The commands of a console block, each with what stands below it."""
    lines = text.splitlines(keepends=True)
    index = 0
    while index < len(lines):
        assert lines[index].startswith("$ "), f"line {at + index}: a console block begins with a command"
        typed, begin = [lines[index][2:]], index
        index += 1
        while index < len(lines) and lines[index].startswith("> "):
            typed.append(lines[index][2:])
            index += 1
        shown = index
        while index < len(lines) and not lines[index].startswith("$ "):
            index += 1
        yield Command("".join(typed), at + begin, "".join(lines[shown:index]))


def is_as_shown(played: Sequence[Played]) -> bool:
    """Whether a page shows what its commands write."""
    return comparable(said(played, "wrote")) == comparable(said(played, "shown"))


def said(played: Sequence[Played], what: Literal["wrote", "shown"]) -> str:
    """The commands of which a page shows what they write, each with that: as they wrote it, or as it is shown."""
    told = [one for one in played if one.command.shown is not None]
    return "".join(f"$ {one.command.text}{one.wrote if what == 'wrote' else one.command.shown}" for one in told)


def comparable(text: str) -> str:
    """Without what differs from run to run: ids of operations, times, sizes, free ports, column widths.

    The ids of commits become numbers, in the order in which they come: the same commit has the same one all over a page.
    """
    for pattern, instead in (
        (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
        (r"\b\d{8}T\d{6}(\.\d+Z)?[\d-]*", "OPERATION"),
        (r"\b\d+(\.\d+)? (ms|s|min)\b", "1 s"),
        (r"\b\d+(\.\d+)? ([kMG]i?)?B\b", "1 kB"),
        (r"\bprocess \d+", "process 1"),
        (r"(\bport\W{1,3})2\d{4}\b", r"\g<1>20010"),
        (r" {2,}", "  "),
        # The columns of `git worktree list` are closer in newer gits.
        (r"^(/\S+) +([0-9a-f]{7} [\[(])", r"\1 \2"),
        (r" +$", ""),
    ):
        text = re.sub(pattern, instead, text, flags=re.MULTILINE)
    text = re.sub(r"(^(git par: )?[\w-]+: .*\n)+", _in_any_order, text, flags=re.MULTILINE)
    numbers: dict[str, int] = {}
    return COMMIT.sub(lambda found: f"ID {numbers.setdefault(found[0][:7], len(numbers) + 1)}", text)


def _in_any_order(found: re.Match[str]) -> str:
    """What workers side by side came to, whoever was quicker."""
    lines = found[0].splitlines(keepends=True)
    if "committed what was uncommitted" in found[0]:
        lines.sort(key=lambda line: COMMIT.sub("ID", line))
    return "".join(lines)


def play(page: str, root: Path) -> list[Played]:
    """Type all commands of a page into one bash, in `root`; Broken when one that must succeed does not."""
    commands = [command for block in blocks(page) for command in block.commands]
    if not commands:
        return []
    home = settle(root)
    done = World(root).process("bash", "-c", _START + "".join(map(_script, commands)), cwd=home, env=environment(home))
    written = done.out.replace(str(home), HOME).split("\0")[:-1]
    wrote, statuses = written[::2], written[1::2]
    played = [Played(command, text) for command, text in zip(commands, wrote, strict=False)]
    for one, status in zip(played, statuses, strict=False):
        if one.command.shown is None and status != "0":
            raise Broken(f"line {one.command.at}: status {status}: {one.command.text}{one.wrote}")
    if len(played) < len(commands):
        said = done.out.rpartition("\0")[2]
        raise Broken(f"line {commands[len(played)].at}: the shell ended at: {commands[len(played)].text}{said}")
    return played


def settle(root: Path) -> Path:
    """A home directory with git-par in its `bin`, and nothing else."""
    home = root / "ann"
    (home / "bin").mkdir(parents=True)
    for name, verb in (("git-par", ""), ("git-par-merge", " merge")):
        launcher = home / "bin" / name
        launcher.write_text(f'#!/bin/sh\nexec "{PAR[0]}" -P -m git_par{verb} "$@"\n')
        launcher.chmod(0o755)
    return home


def environment(home: Path) -> dict[str, str]:
    """A reader at home, who takes every message that an editor would show as it is."""
    return {
        "HOME": str(home),
        "LOGNAME": home.name,
        "USER": home.name,
        "PATH": f"{home}/bin:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GIT_CEILING_DIRECTORIES": str(home),
        "GIT_EDITOR": "true",
        "TMPDIR": str(home.parent),
    }


def _script(command: Command) -> str:
    """One command as bash is told it; what must succeed is typed in a shell that ends at the first failure."""
    if command.shown is None:
        return f"set -eu\n{command.text}set +eu\ndone_with $?\n"
    return f"{command.text}done_with $?\n"


def rewritten(page: str, played: Sequence[Played]) -> str:
    """The page with what its commands really write, all of it from one run, where that is not what it shows."""
    if is_as_shown(played):
        return page
    answers = {one.command.at: one for one in played}
    for block in reversed(blocks(page)):
        if block.language == "console" and not block.reason:
            text = "".join(map(_as_shown, (answers[command.at] for command in block.commands)))
            page = page[: block.start] + text + page[block.start + len(block.text) :]
    return page


def _as_shown(one: Played) -> str:
    first, *more = one.command.text.splitlines(keepends=True)
    typed = f"$ {first}" + "".join(f"> {line}" for line in more)
    return typed + one.wrote
