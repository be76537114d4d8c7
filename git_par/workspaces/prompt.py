"""The text that hands a task to a coding agent: where it works, what is its own, and what it leaves to others."""

import re
from collections.abc import Mapping

from git_par import names
from git_par.errors import UsageError
from git_par.state.session import Session
from git_par.state.tasks import Task

DEFAULT = """\
{prompt}

Your task is '{task}'.
It is about: {title}
It belongs to the group '{group}'.

Work in the directory {path} and nowhere else: it is a checkout of your own, on the branch '{branch}'.
{main} and the other worktrees of the repository belong to others; change nothing there.
Change only the files that are yours: {owns}.  Commits of others are refused, or are not merged.
Servers that you start listen on port {port} or the next few; others have other ports.

Commit all that you want to keep, in small commits on '{branch}'; what is not committed is not merged.
Leave secrets, such as .env files, out of the commits.
Do not merge into '{base}' and do not push: when you are done, 'git par merge' brings your work there.
Do not switch to another branch, and delete none.
Do not use git stash, git worktree or git config, and change no other branch, tag or ref: all worktrees share them.
When you need what came into '{base}' meanwhile, run 'git par sync' in your directory.
"""


_PLACEHOLDERS = ("task", "title", "group", "path", "branch", "base", "main", "port", "slot", "owns", "prompt")


def check(session: Session) -> None:
    """Find out, before there is a task, whether par.prompt is a template; UsageError when it is none."""
    _expanded(session, dict.fromkeys(_PLACEHOLDERS, "x"))


def fill(session: Session, task: Task, variables: Mapping[str, str]) -> str:
    """The prompt of `task`, from par.prompt and what its `variables` say; UsageError when that is no template."""
    known = {
        **{key.removeprefix("GIT_PAR_").lower(): value for key, value in variables.items()},
        "title": task.title or "",
        "owns": ", ".join(task.owns),
        "prompt": task.prompt or "",
    }
    return _expanded(session, {key: known[key] for key in _PLACEHOLDERS})


def _expanded(session: Session, values: Mapping[str, str]) -> str:
    """The template filled in; a line that has placeholders is left out when all of them are empty."""
    lines: list[str] = []
    for line in (session.settings.text("prompt") or DEFAULT).split("\n"):
        text, problem = names.expand(line, values)
        if problem:
            raise UsageError(f"par.prompt: '{line}': {problem}", hint="git config --edit")
        used = [values[key] for key in re.findall(r"\{([^{}]*)\}", line.replace("{{", "").replace("}}", ""))]
        if any(used) or not used:
            lines.append(text)
    # Line ends of the template go from both ends, those of a value stay.
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    return "\n".join(lines)
