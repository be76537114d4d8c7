"""Settings of the repository that break workspaces or would publish what is kept.

None of this is mended: the shared configuration is a person's, and git-par does not write it.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from shlex import quote

from git_par.checkup.finding import Case, Finding
from git_par.names import some
from git_par.repo import Repo, is_true
from git_par.state import gitpar
from git_par.state.settings import EVENTS, HOOK
from git_par.workspaces import clones

_YOURS = "--fix does not write the shared configuration"


def check(case: Case) -> Iterator[Finding]:
    """What the shared configuration says that cannot be meant."""
    repo = case.repo
    shared = _shared(repo)
    where = quote(str(repo.common / "config"))
    if is_true(shared.get("core.bare")) and (repo.common / "index").exists():
        yield Finding(
            "config-bare",
            f"core.bare is true, but '{repo.common}' has a checkout: there git refuses to work",
            f"for you to do: git config --file {where} core.bare false; {_YOURS}",
        )
    worktree = shared.get("core.worktree")
    if worktree is not None and repo.common.name == ".git":
        place = Path(os.path.realpath(repo.common / worktree))
        if place != repo.common.parent:
            yield Finding(
                "config-worktree",
                f"core.worktree says that the checkout is '{place}', not '{repo.common.parent}'",
                f"for you to do: git config --file {where} --unset core.worktree; {_YOURS}",
            )
    yield from _hooks(case)
    yield from _events(case)
    yield from _remotes(repo)


def _shared(repo: Repo) -> dict[str, str]:
    fields = repo.git.run("config", "--file", "config", "--null", "--list", ok=(0, 1)).out.split("\0")[:-1]
    return {key: value if newline else "true" for key, newline, value in (one.partition("\n") for one in fields)}


def _hooks(case: Case) -> Iterator[Finding]:
    """A relative core.hooksPath is looked up in the checkout where a hook runs (git-config(1))."""
    path, main = case.repo.setting("core.hookspath"), case.repo.main
    if not path or path.startswith(("/", "~")) or not main or not (main / path).is_dir():
        return
    linked = [task for task in case.tasks if not clones.is_clone(task)]
    without = [task.name for task in linked if Path(task.path).is_dir() and not (Path(task.path) / path).is_dir()]
    if without:
        yield Finding(
            "config-hooks",
            f"core.hooksPath is '{path}', which is not in the workspaces: no hook runs in {some(without)}",
            f"for you to do: git config core.hooksPath {quote(str(main / path))}; {_YOURS}",
        )


def _events(case: Case) -> Iterator[Finding]:
    """Hooks of events that never come, because of how they are written; the middle of a key is case-sensitive."""
    settings = case.session.settings
    keys = dict.fromkeys([*case.repo.config, *(f"par.{key}" for key, _ in settings.committed.pairs)])
    known = {f"par.{HOOK}{event}" for event in EVENTS}
    for key in keys:
        if key.startswith("par.") and key.count(".") > 1 and key not in known:
            yield Finding(
                "config-events",
                f"{key}: there is no such event, so it never runs; events are {', '.join(EVENTS)}",
                f"for you to do: see git config --show-origin --get-all {quote(key)}, and {gitpar.NAME}; {_YOURS}",
            )


def _remotes(repo: Repo) -> Iterator[Finding]:
    for key, values in repo.config.items():
        parts = key.split(".")
        if parts[0] != "remote" or len(parts) < 3:
            continue
        name, what = ".".join(parts[1:-1]), parts[-1]
        if (what == "push" and _takes_all(values)) or (what == "mirror" and is_true(values[-1])):
            remedy = f"git config --add remote.{name}.push '^refs/par/*'"
            if what == "mirror":
                remedy = f"git config --unset remote.{name}.mirror, and name what is to be pushed in remote.{name}.push"
            yield Finding(
                "config-push",
                f"'git push {name}' sends all refs, with the kept work under refs/par",
                f"for you to do: {remedy}; {_YOURS}",
            )
        prunes = is_true(repo.setting(f"remote.{name}.prune") or repo.setting("fetch.prune"))
        if what == "fetch" and prunes and any(one.partition(":")[2] == "refs/*" for one in values):
            yield Finding(
                "config-fetch",
                f"'git fetch {name}' deletes every ref that '{name}' does not have: branches of tasks, and kept work",
                f"for you to do: git config remote.{name}.prune false; {_YOURS}",
            )


def _takes_all(refspecs: list[str]) -> bool:
    """Whether refs/par is pushed; a refspec that begins with `^` takes refs out (git-push(1))."""
    if any(one.startswith("^") and "refs/par/kept/x".startswith(one[1:].partition("*")[0]) for one in refspecs):
        return False
    sources = [one.lstrip("+").partition(":")[0] for one in refspecs if not one.startswith("^")]
    return any(one.endswith("*") and "refs/par/kept/x".startswith(one[:-1]) for one in sources)
