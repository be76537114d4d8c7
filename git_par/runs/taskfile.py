"""Task files: TOML, read whole and checked whole, so that all that is wrong is said at once, before anything is made."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from git_par import names
from git_par.errors import UsageError
from git_par.runs import levels
from git_par.workspaces import owned

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}

_LONGEST_PROMPT = 100_000
"""Bytes; one variable holds 131,072 with its name and with what is said around the prompt (execve(2))."""


@dataclass(frozen=True)
class Wanted:
    """One `[[task]]`: what is to be done, after what, and in which files."""

    name: str
    title: str | None = None
    prompt: str | None = None
    """What the worker is asked to do; that of `prompt_file` when it stands in one."""
    needs: tuple[str, ...] = ()
    level: int | None = None
    """The level asked for, from 1 on; None leaves it to `needs`."""
    creates: tuple[str, ...] = ()
    modifies: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()
    copy: tuple[str, ...] = ()
    command: str | None = None
    timeout: float | None = None

    @property
    def owns(self) -> tuple[str, ...]:
        """The patterns of the files that it may change; empty where it may change all."""
        return (*self.creates, *self.modifies)

    @property
    def instructions(self) -> str | None:
        """The prompt, with what is to be read first."""
        if not self.reads:
            return self.prompt
        return "\n\n".join(filter(None, (self.prompt, f"Read first: {', '.join(self.reads)}")))


@dataclass(frozen=True)
class TaskFile:
    """A task file; what is None was left to git-par's settings."""

    tasks: tuple[Wanted, ...] = ()
    base: str | None = None
    command: str | None = None
    jobs: int | None = None
    gate: str | None = None
    """A shell command; empty for none, whatever the settings say."""
    timeout: float | None = None
    """Seconds that a worker may take."""
    on_failure: str = "keep"
    cleanup: str = "merged"
    isolation: str | None = None
    autocommit: bool = True

    @property
    def levels(self) -> list[list[Wanted]]:
        """The tasks that run together, level by level."""
        by_name = {one.name: one for one in self.tasks}
        return [[by_name[name] for name in level] for level in levels.put(self.tasks)]


def read(path: Path) -> TaskFile:
    """The task file `path`; UsageError with all that is wrong with it."""
    shown = path.name
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"'{path}': {(error.strerror or str(error)).lower()}", hint="git par run FILE") from None
    except UnicodeDecodeError as error:
        raise UsageError(f"{shown}: not UTF-8 at byte {error.start}", hint=f"see {shown}") from None
    except (ValueError, RecursionError) as error:  # not all that tomllib cannot take is an error of TOML's
        raise UsageError(
            f"{shown}: {_lower(str(error))}", hint=f"see {shown}, and https://toml.io for what TOML is"
        ) from None
    return parse(data, path.parent, shown)


def parse(data: Mapping[str, Any], directory: Path, shown: str) -> TaskFile:
    """The task file with the content `data`; what it names lies in `directory`."""
    problems: list[str] = []
    run = data.get("run", {})
    tables = data.get("task", [])
    problems += [f"'{key}': no such table, only [run] and [[task]]" for key in data if key not in ("run", "task")]
    if not isinstance(run, dict):
        problems, run = [*problems, "[run]: it must be a table"], {}
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        problems, tables = [*problems, "[[task]]: it must be written with two brackets"], []
    elif not tables:
        problems.append("[[task]]: there is none")
    whole = _Section("[run]", run, problems)
    found = TaskFile(
        base=whole.text("base"),
        command=whole.text("command"),
        jobs=whole.number("jobs", at_least=0),
        gate=whole.text("gate", may_be_empty=True),
        timeout=whole.seconds("timeout"),
        on_failure=whole.choice("on_failure", "keep", "remove") or "keep",
        cleanup=whole.choice("cleanup", "merged", "never") or "merged",
        isolation=whole.choice("isolation", "worktree", "clone", "shared-clone"),
        autocommit=whole.flag("autocommit", default=True),
    )
    whole.end()
    tasks = [_task(number, table, directory, problems) for number, table in enumerate(tables, 1)]
    named = tuple(one for one in tasks if one.name)
    for one in named:
        if not (one.command or found.command):
            problems.append(f"task '{one.name}': command: there is none, here or in [run]")
    problems += levels.problems(named)
    if problems:
        many = f"{len(problems)} things are wrong" if len(problems) > 1 else "one thing is wrong"
        raise UsageError(
            f"{shown}: {many}; nothing was done", hint=f"see {shown}, and 'man git-par-run'", details=problems
        )
    return replace(found, tasks=named)


def _task(number: int, table: Mapping[str, Any], directory: Path, problems: list[str]) -> Wanted:
    name = table.get("name")
    section = _Section(f"task '{name}'" if isinstance(name, str) else f"task {number}", table, problems)
    if "name" not in table:
        section.wrong("name", "it is missing")
    elif isinstance(name, str) and (problem := names.task_problem(name)):
        section.wrong("name", problem)
    prompt, file = section.text("prompt"), section.text("prompt_file")
    if prompt is not None and file is not None:
        section.wrong("prompt_file", "there is a prompt already")
    elif file is not None:
        try:
            prompt = (directory / file).read_bytes().decode()  # line ends are the author's
        except UnicodeDecodeError as error:
            section.wrong("prompt_file", f"'{file}': not UTF-8 at byte {error.start}")
        except (OSError, ValueError) as error:
            section.wrong("prompt_file", f"'{file}': {_lower(getattr(error, 'strerror', None) or str(error))}")
        prompt = section.checked("prompt_file", prompt)
    if prompt is not None and len(prompt.encode()) > _LONGEST_PROMPT:
        why = f"it is longer than {_LONGEST_PROMPT} bytes, which no environment holds; let it name a file of the repository"
        section.wrong("prompt_file" if file is not None else "prompt", why)
    wanted = Wanted(
        name=section.text("name") or "",
        title=section.text("title"),
        prompt=prompt,
        needs=section.texts("needs"),
        level=section.number("level", at_least=1),
        creates=section.patterns("creates"),
        modifies=section.patterns("modifies"),
        reads=section.patterns("reads"),
        copy=section.patterns("copy"),
        command=section.text("command"),
        timeout=section.seconds("timeout"),
    )
    if wanted.owns and all(pattern.startswith("!") for pattern in wanted.owns):
        section.wrong("modifies" if wanted.modifies else "creates", f"'{wanted.owns[0]}' only takes out")
    section.end()
    return wanted


@dataclass
class _Section:
    """A table that is read key by key, and what is wrong with it."""

    shown: str
    table: Mapping[str, Any]
    problems: list[str]
    known: set[str] = field(default_factory=set)

    def wrong(self, key: str, why: str) -> None:
        self.problems.append(f"{self.shown}: {key}: {why}")

    def end(self) -> None:
        """All keys were asked for: the others are unknown."""
        for key in self.table:
            if key not in self.known:
                self.wrong(key, "no such key")

    def text(self, key: str, *, may_be_empty: bool = False) -> str | None:
        return self.checked(key, self._of(key, str, "text"), may_be_empty=may_be_empty)

    def checked(self, key: str, value: str | None, *, may_be_empty: bool = False) -> str | None:
        """`value`, if there is text that an environment can hold."""
        if value is not None and not value.strip() and not may_be_empty:
            self.wrong(key, "it is empty")
            return None
        if value is not None and "\0" in value:
            self.wrong(key, "it has a NUL character")
            return None
        return value

    def number(self, key: str, *, at_least: int) -> int | None:
        value: int | None = self._of(key, int, "a number")
        if value is not None and value < at_least:
            self.wrong(key, f"it must be {at_least} or more")
            return None
        return value

    def flag(self, key: str, *, default: bool) -> bool:
        value: bool | None = self._of(key, bool, "true or false")
        return default if value is None else value

    def choice(self, key: str, *choices: str) -> str | None:
        value: str | None = self._of(key, str, f"one of {', '.join(choices)}")
        if value is not None and value not in choices:
            self.wrong(key, f"'{value}' is none of {', '.join(choices)}")
            return None
        return value

    def seconds(self, key: str) -> float | None:
        """A length of time: `90`, `"90s"`, `"30m"`, `"1h30m"`."""
        value = self.table.get(key)
        self.known.add(key)
        if value is None:
            return None
        parts = re.findall(r"(\d{1,9})([smhd])", value, re.ASCII) if isinstance(value, str) else []
        if type(value) is int and 0 < value < 10**9:
            return float(value)
        if (
            parts
            and "".join(map("".join, parts)) == value
            and (total := sum(int(n) * _UNITS[unit] for n, unit in parts))
        ):
            return float(total)
        self.wrong(key, 'it must be a time such as "90s", "30m" or "1h30m"')
        return None

    def texts(self, key: str) -> tuple[str, ...]:
        value: list[str] | None = self._of(key, list, "a list of texts")
        if value is None:
            return ()
        if not all(isinstance(one, str) for one in value):
            self.wrong(key, "it must be a list of texts")
            return ()
        return tuple(dict.fromkeys(value))

    def patterns(self, key: str) -> tuple[str, ...]:
        found = self.texts(key)
        for pattern in found:
            if problem := owned.problem(pattern):
                self.wrong(key, f"'{pattern}': {problem}")
        return found

    def _of(self, key: str, kind: type, meant: str) -> Any:
        self.known.add(key)
        value = self.table.get(key)
        if value is not None and type(value) is not kind:
            self.wrong(key, f"it must be {meant}")
            return None
        return value


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
