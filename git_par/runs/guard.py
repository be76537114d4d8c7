"""A check at commit that changes no configuration: git is pointed at a directory of hooks by the environment alone.

`GIT_CONFIG_COUNT` and its family (git-config(1), ENVIRONMENT) set core.hooksPath for one process and what it starts.  Each
hook there hands on to the repository's own, which it finds by asking git with our entry taken out; before a commit it
asks git-par first.  What git starts in another repository through a remote does not see the entry: git itself drops it.
"""

import hashlib
import os
import re
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from git_par import files
from git_par.environ import GUARD
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import environment, excludes

HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "p4-changelist",
    "p4-post-changelist",
    "p4-pre-submit",
    "p4-prepare-changelist",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "reference-transaction",
    "sendemail-validate",
    "update",
)
"""The hooks that git knows (githooks(5)), but for push-to-checkout: where that is, git leaves the checkout to it."""

# The position of our entry is not known, because a program below us may have added its own: it is looked for, and what
# stands there becomes a setting that means nothing.
_FORWARDER = """#!/bin/sh
# Hands on to the repository's own hook of this name.  Made by git-par.
{check}par_guard=${{0%/*}} par_number=0
while [ "$par_number" -lt "${{GIT_CONFIG_COUNT:-0}}" ]; do
    eval "par_key=\\$GIT_CONFIG_KEY_$par_number par_value=\\$GIT_CONFIG_VALUE_$par_number"
    if [ "$par_key" = core.hooksPath ] && [ "$par_value" = "$par_guard" ]; then
        export "GIT_CONFIG_KEY_$par_number=par.guard"
    fi
    par_number=$((par_number + 1))
done
unset {variable} par_guard par_number par_key par_value
par_hook=$(git rev-parse --git-path hooks/{name}) || exit
[ -x "$par_hook" ] && [ "$par_hook" != "$0" ] || exit 0
exec "$par_hook" "$@"
"""


def of_commands(session: Session, task: Task) -> dict[str, str]:
    """The whole environment of a user's command that runs for `task`.

    Where that owns something, its commits are checked; what was brought into its workspace is ignored there.
    """
    env: Mapping[str, str] = environment.of_commands(session, task)
    if hidden := excludes.file(session.repo, Path(task.path)):
        env = _configured(env, "core.excludesFile", str(hidden))
    return guarded(env, directory(session.repo)) if task.owns else dict(env)


def directory(repo: Repo) -> Path:
    """The directory of our hooks, made when it is not there; what stands in it never changes."""
    texts = {name: _text(name) for name in HOOKS}
    place = repo.state / "guard" / hashlib.sha256(os.fsencode("".join(texts.values()))).hexdigest()[:16]
    if (place / HOOKS[-1]).exists():
        return place
    files.private_directory(place)
    for name, text in texts.items():  # the last one says that all are there
        files.replace(place / name, os.fsencode(text), mode=stat.S_IRWXU)
    return place


def guarded(env: Mapping[str, str], hooks: Path) -> dict[str, str]:
    """`env` with git pointed at `hooks`, whatever else the user's own entries say."""
    made = _configured(env, "core.hooksPath", str(hooks))
    return made if made == env else {**made, GUARD: str(hooks)}


def _configured(env: Mapping[str, str], key: str, value: str) -> dict[str, str]:
    """`env` with one more setting for git, behind those it has (git-config(1), ENVIRONMENT)."""
    count = env.get("GIT_CONFIG_COUNT") or "0"
    if not re.fullmatch("[0-9]+", count):
        return dict(env)  # git refuses to work with that
    added = {f"GIT_CONFIG_KEY_{int(count)}": key, f"GIT_CONFIG_VALUE_{int(count)}": value}
    return {**env, **added, "GIT_CONFIG_COUNT": str(int(count) + 1)}


def _text(name: str) -> str:
    check = f"{_check()} || exit\n" if name == "pre-commit" else ""
    return _FORWARDER.format(check=check, variable=GUARD, name=name)


def _check() -> str:
    """The command line by which a hook asks the git-par that made it, wherever that is installed.

    Without `-P`, Python would take modules that lie in the workspace for its own.
    """
    above = Path(__file__).absolute().parents[2]
    start = f"import sys; sys.path.insert(0, {str(above)!r}); from git_par.cli import run; run()"
    return shlex.join([sys.executable, "-P", "-c", start, "hook", "pre-commit"])
