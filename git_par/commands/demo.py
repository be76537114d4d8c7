"""`git par demo`: the main job on a throw-away repository, every command shown with what it really writes."""

import os
import shlex
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from git_par import environ, render
from git_par.errors import GitFailed
from git_par.report import Report
from git_par.spawn import heard
from git_par.state.session import Session

MAIN = "cafe"
SIZES = f"{MAIN}-worktrees/sizes"


@dataclass(frozen=True)
class Step:
    """One command: where it runs, what it is there for, and how it must end."""

    command: str
    story: str = ""
    where: str = MAIN
    status: int = 0
    shows: str = ""
    """What must stand in its output."""


STEPS = (
    Step("git init -q -b main", "A repository with one commit."),
    Step(r"printf 'coffee 2.50\ntea 2.00\n' >menu && git add menu && git commit -q -m 'the menu'"),
    Step(
        "git par add prices sizes hours",
        "Three pieces of work at once: each gets a branch and a directory of its own, beside the repository.",
        shows=f"{MAIN}-worktrees/hours",
    ),
    Step(
        r"printf 'coffee 2.80\ntea 2.20\n' >menu && git commit -qam 'dearer'",
        "People or agents work there and commit, at the same time.",
        where=f"{MAIN}-worktrees/prices",
    ),
    Step(r"printf 'coffee 2.50, large 3.50\ntea 2.00\n' >menu && git commit -qam 'large coffee'", where=SIZES),
    Step("echo '8 to 18' >hours && git add hours && git commit -q -m 'hours'", where=f"{MAIN}-worktrees/hours"),
    Step("git par list", "How everything stands.", shows="prices"),
    Step(
        "git par merge --all",
        "Bring it all home.  What collides is left out and named, with the way out; the rest goes in.",
        status=1,
        shows="conflict    sizes: menu (with prices)",
    ),
    Step("git status --short --branch && ls", "The checkout was never half merged.", shows="## main"),
    Step("git par sync", "The conflict is solved where the work was done.", SIZES, status=1, shows="solve: menu"),
    Step(r"printf 'coffee 2.80, large 3.80\ntea 2.20\n' >menu && git commit -qam 'both'", where=SIZES),
    Step("git par merge sizes", "Now it comes home too.", shows="merged      sizes"),
    Step("cat menu hours && git log --oneline --first-parent", shows="large 3.80"),
    Step(
        "git par prune",
        "What is safely in can go: directories, branches, registrations.",
        shows="removed sizes (merged)",
    ),
    Step("git branch && git worktree list", shows="* main"),
)


def run(session: Session) -> Report:  # noqa: ARG001 (there is no repository yet)
    """Carry out the steps; GitFailed at the first one that does not do what it should."""
    # The background may still be emptying the trash there: what is gone already is no error.
    with tempfile.TemporaryDirectory(prefix="git-par-demo-", ignore_cleanup_errors=True) as made:
        root = Path(made).resolve()
        env = _environment(root)
        (root / MAIN).mkdir()
        where, gap = MAIN, ""
        for step in STEPS:
            if step.story:
                render.answer(f"{gap}# {step.story}")
                gap = "\n"
            if step.where != where:
                render.answer(f"$ cd {_way(where, step.where)}")
                where = step.where
            _carry_out(step, root / step.where, env)
    render.answer("\n# That was git-par.  The repository of this demo is gone again.")
    return Report()


def _carry_out(step: Step, cwd: Path, env: Mapping[str, str]) -> None:
    """Show one command, run it, show what it writes."""
    written: list[str] = []
    render.answer(f"$ {step.command}")
    status = heard.shells(step.command, [heard.Place(cwd, env, written.append)])[0]
    for line in written:
        render.answer(line)
    if status != step.status:
        raise GitFailed(
            f"demo: '{step.command}' ended with status {status}, not {step.status}",
            hint="see 'git version' and 'git par --version'",
        )
    if step.shows not in "\n".join(written):
        raise GitFailed(
            f"demo: '{step.command}' did not show '{step.shows}'", hint="see 'git version' and 'git par --version'"
        )


def _way(before: str, after: str) -> str:
    """From one directory of the demo to another, as one would type it."""
    return os.path.relpath(after, before)


def _environment(root: Path) -> dict[str, str]:
    """This very git-par in PATH, an identity, and nothing of the user's git configuration."""
    launcher = root / "bin" / "git-par"
    launcher.parent.mkdir()
    # -P: a directory `git_par` where one stands is not this program.
    launcher.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -P -m git_par "$@"\n')
    launcher.chmod(0o755)
    env = {key: value for key, value in environ.for_commands().items() if not key.startswith("GIT_")}
    package = str(Path(__file__).parents[2])
    return env | {
        "PATH": f"{launcher.parent}:{env.get('PATH', '/usr/bin:/bin')}",
        "PYTHONPATH": f"{package}:{env['PYTHONPATH']}" if env.get("PYTHONPATH") else package,
        "XDG_CONFIG_HOME": str(root / "config"),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "Demo",
        "GIT_AUTHOR_EMAIL": "demo@example.com",
        "GIT_COMMITTER_NAME": "Demo",
        "GIT_COMMITTER_EMAIL": "demo@example.com",
        "GIT_PAGER": "cat",
        "LC_ALL": "C",
    }
