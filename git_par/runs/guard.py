"""A check at commit that changes no configuration: git is pointed at a directory of hooks by the environment alone.

`GIT_CONFIG_COUNT` and its family (git-config(1), ENVIRONMENT) set core.hooksPath for one process and what it starts.  Each
hook there hands on to the repository's own, which it finds by asking git with our entry taken out; before a commit it
asks git-par first.
"""

import hashlib
import shlex
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from git_par import files
from git_par.git import GUARD
from git_par.repo import Repo

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
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
)
"""Every hook that git knows (githooks(5))."""

# The position of our entry is not known, because a program below us may have added its own: it is looked for, and what
# stands there becomes a setting that means nothing.
_FORWARDER = """#!/bin/sh
# Hands on to the repository's own hook of this name.  Made by git-par.
name=${{0##*/}}
if [ "$name" = pre-commit ]; then
    {check} || exit
fi
number=0
while [ "$number" -lt "${{GIT_CONFIG_COUNT:-0}}" ]; do
    eval "key=\\$GIT_CONFIG_KEY_$number value=\\$GIT_CONFIG_VALUE_$number"
    if [ "$key" = core.hooksPath ] && [ "$value" = "${guard}" ]; then
        export "GIT_CONFIG_KEY_$number=par.guard"
    fi
    number=$((number + 1))
done
unset {guard}
hook=$(git rev-parse --git-path "hooks/$name") || exit
[ -x "$hook" ] || exit 0
exec "$hook" "$@"
"""


def directory(repo: Repo) -> Path:
    """The directory of our hooks, made when it is not there; what stands in it never changes."""
    text = _FORWARDER.format(check=_check(), guard=GUARD)
    place = repo.state / "guard" / hashlib.sha256(text.encode()).hexdigest()[:16]
    if (place / HOOKS[-1]).exists():
        return place
    for one in (repo.state, place.parent, place):
        files.private_directory(one)
    for name in HOOKS:  # the last one says that all are there
        files.replace(place / name, text.encode())
        (place / name).chmod(stat.S_IRWXU)
    return place


def environment(env: Mapping[str, str], hooks: Path) -> dict[str, str]:
    """`env` with git pointed at `hooks`, whatever else the user's own entries say."""
    count = env.get("GIT_CONFIG_COUNT", "")
    number = int(count) if count.isdigit() else 0
    return {
        **env,
        GUARD: str(hooks),
        "GIT_CONFIG_COUNT": str(number + 1),
        f"GIT_CONFIG_KEY_{number}": "core.hooksPath",
        f"GIT_CONFIG_VALUE_{number}": str(hooks),
    }


def _check() -> str:
    """The command line by which a hook asks the git-par that made it, wherever that is installed."""
    above = Path(__file__).absolute().parents[2]
    start = f"import sys; sys.path.insert(0, {str(above)!r}); from git_par.cli import run; run()"
    return shlex.join([sys.executable, "-c", start, "hook", "pre-commit"])
