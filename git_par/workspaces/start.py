"""Where new tasks begin, and the branch they return to."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from git_par import git
from git_par.errors import Refused, UsageError
from git_par.git import Git
from git_par.names import some
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.workspaces import clones, meeting, snapshot, status
from git_par.workspaces.status import Status

_PATIENCE = 300.0
"""Seconds for a fetch."""


@dataclass(frozen=True)
class Start:
    """Where tasks begin: the commit, how it was named, and the branch they return to."""

    commit: str
    shown: str
    base: str


def fetch(repo: Repo, revision: str | None) -> None:
    """Bring the remote that the start names up to date, else the one the current branch follows."""
    here = _asked(repo, "")
    remotes = here.line("remote").splitlines()
    remote = next((one for one in remotes if revision and revision.startswith(f"{one}/")), None)
    if remote is None:
        reply = here.run("rev-parse", "--abbrev-ref", "@{upstream}", ok=(0, 128))
        follows = reply.out.strip() if reply.code == 0 else ""
        remote = next((one for one in remotes if follows.startswith(f"{one}/")), None)
    if remote is None:
        remote = "origin" if "origin" in remotes else None
    if remote is None:
        raise UsageError("--fetch: no remote to fetch from", hint="git remote add origin URL")
    for attempt in range(3):  # another fetch next door may hold a ref
        reply = here.run("fetch", "--quiet", "--no-recurse-submodules", remote, ok=range(256), timeout=_PATIENCE)
        if reply.code == 0 or attempt == 2:
            break
    if reply.code != 0:
        raise git.failed(["fetch"], reply)


@contextmanager
def within_reach(session: Session, *revisions: str | None, staged: bool = False) -> Iterator[None]:
    """See that the repository has what the start names, for as long as the block runs, where that stands in a clone.

    With `staged` also what is in the index there.  Refused when the branch of the clone's task moved there and here.
    """
    repo, here = session.repo, clones.around(session.repo)
    for name in dict.fromkeys([*revisions, here.branch if here else None]):
        meeting.catch_up_branch(session, name.removeprefix("refs/heads/") if name else None)
    with ExitStack() as stack:
        if here:
            for name in dict.fromkeys([revisions[0] or "HEAD", "HEAD"]):
                commit = repo.here.commit(name)
                if commit and repo.git.commit(commit) is None:
                    stack.enter_context(meeting.given(repo, Path(here.path), commit))
            tree = repo.here.run("write-tree", ok=range(256)).out.strip() if staged else ""
            if tree:
                held = snapshot.commit(repo.here, tree, (), "what is staged")
                stack.enter_context(meeting.given(repo, Path(here.path), held))
        yield


def _asked(repo: Repo, revision: str) -> Git:
    """Where a revision is looked up: where one stands, but of a clone only what is said of its HEAD or is not here."""
    if not clones.around(repo) or re.match(r"(HEAD|@)(?![\w/.-])", revision):
        return repo.here
    return repo.git if not revision or repo.git.commit(revision) else repo.here


def _shared(repo: Repo, branch: str | None) -> str | None:
    """The branch one stands on, as it was told; None for one that only a clone has."""
    task = clones.around(repo)
    return branch if task is None or branch == task.branch else None


def find(
    session: Session, revision: str | None, base: str | None, *, allow_dirty: bool, lenient: bool = False
) -> Start:
    """Where the tasks begin and what they return to; refuses a start that would leave work behind.

    `lenient` is for a caller whom nobody can help: from HEAD it then starts anyway and says what is uncommitted there, and
    on a detached HEAD it takes the branch that this most likely came from.
    """
    repo = session.repo
    if revision is not None:
        asked = _asked(repo, revision)
        commit = asked.commit(revision)
        if commit is None:
            raise UsageError(f"--from {revision}: no such commit", hint="see 'git branch --all'")
        branch = _shared(repo, repo.branch_here())
        full = asked.line("rev-parse", "--symbolic-full-name", "--end-of-options", revision)
        full = full.split("\n")[-1]  # git 2.39 echoes '--end-of-options'
        if full.startswith("refs/") and repo.git.commit(full) != commit:
            full = ""  # only a clone has it
        if repo.top and not allow_dirty and (full == "HEAD" or (branch and full == f"refs/heads/{branch}")):
            _check_dirt(session, repo.top, _at_rest(session).tracked_dirt)
        shown = revision
        if revision.startswith("refs/heads/"):
            shown = f"{revision.removeprefix('refs/heads/')} ({commit[:8]})"
        return Start(commit, shown, _base(repo, revision, base, commit, branch, full))
    if repo.top is None:
        branch, head = _shared(repo, repo.branch_here()), repo.here.commit("HEAD")
    else:
        now = status.read(repo.here, untracked="no") if allow_dirty else _at_rest(session)
        branch, head = _shared(repo, now.branch), now.head
        if head and not allow_dirty:
            _check_dirt(session, repo.top, now.tracked_dirt, refuse=not lenient)
    if head is None:
        raise Refused("HEAD: no commit yet to start from", hint="git commit --allow-empty -m 'first commit'")
    shown = f"{branch or repo.branch_here() or 'detached HEAD'} ({head[:8]})"
    if here := session.here():
        shown += f", the branch of task {here.name}"
    if lenient and branch is None and base is None:
        base = here.branch if here else _likely(repo, head)
    return Start(head, shown, _base(repo, None, base, head, branch, ""))


def _likely(repo: Repo, commit: str) -> str | None:
    """The branch that a detached HEAD at `commit` most likely came from: the usual one, or the only one that has it."""
    reply = repo.git.run("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD", ok=(0, 1))
    usual = [reply.out.strip().removeprefix("origin/"), repo.setting("init.defaultbranch") or "", "main", "master"]
    there = {ref.removeprefix("refs/heads/") for ref in repo.branches()}
    listed = repo.git.line("for-each-ref", "--format=%(refname)", f"--contains={commit}", "refs/heads").splitlines()
    having = [ref.removeprefix("refs/heads/") for ref in listed]
    if len(having) == 1:
        return having[0]
    return next((name for name in usual if name in having), next((name for name in usual if name in there), None))


def _at_rest(session: Session) -> Status:
    """How the checkout stands, and not how it looks while a merge of another git-par goes through it."""
    here = session.repo.here
    now = status.read(here, untracked="no")
    if now.tracked_dirt and now.branch:
        with session.locks.base(now.branch):
            now = status.read(here, untracked="no")
    return now


def _check_dirt(session: Session, top: Path, dirt: Sequence[str], *, refuse: bool = True) -> None:
    """Refuse, or tell, when the tasks start at the HEAD of `top` and would not see what is uncommitted there."""
    if not dirt:
        return
    if session.settings.choice("dirty", "refuse", "warn") == "warn" or not refuse:
        session.tell(f"'{top}' has uncommitted changes that the new tasks will not see: {some(dirt)}")
        return
    raise Refused(
        f"'{top}': uncommitted changes that the new tasks would not see: {some(dirt)}",
        hint="commit them, or start from the commit as it is with --allow-dirty",
    )


def _base(repo: Repo, revision: str | None, wanted: str | None, commit: str, branch: str | None, full: str) -> str:
    """The branch the tasks return to; `full` is the ref that the start names, if it names one."""
    if wanted is not None:
        chosen = wanted.removeprefix("refs/heads/")
        if repo.git.commit(f"refs/heads/{chosen}") is None:
            raise UsageError(f"--base {wanted}: no such local branch", hint="see 'git branch'")
        return chosen
    if revision is not None:
        if full.startswith("refs/heads/"):
            return full.removeprefix("refs/heads/")
        if full.startswith("refs/remotes/"):
            form = "--format=%(upstream)%00%(refname)"
            tracking = [line.split("\0") for line in repo.git.line("for-each-ref", form, "refs/heads").splitlines()]
            local = [ref.removeprefix("refs/heads/") for upstream, ref in tracking if upstream == full]
            if branch in local or len(local) == 1:
                return branch if branch in local else local[0]
    if branch is None:
        raise UsageError(
            f"{revision or 'HEAD'}: it does not say which branch the task returns to",
            hint="name it with --base BRANCH",
        )
    if revision is None or repo.git.holds("merge-base", "--is-ancestor", commit, f"refs/heads/{branch}"):
        return branch
    raise UsageError(
        f"--from {revision}: not in the history of '{branch}', so the task cannot return there",
        hint="name the branch it returns to with --base BRANCH",
    )
