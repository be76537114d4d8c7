"""The commits of a task, one after the other, as a rebase replays them.

A task that merged its base, or anything else, on its way is not asked again what was solved then: everything up to the last
merge counts as one piece.  What comes after it is linear, and each commit is a piece.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par.landing import integrated, message
from git_par.landing.jobs import Job, Way
from git_par.repo import Repo


@dataclass(frozen=True)
class Piece:
    """What is replayed as one commit: what `commit` changed since `base`.

    Without a base it is all that the task did up to `commit`, and the merge bases are found then.
    """

    commit: str
    base: str | None
    is_single: bool
    """Whether it is one commit of the task's own, and keeps its message."""
    is_empty: bool = False
    """It changes nothing, as its author meant it to."""


def pieces(repo: Repo, job: Job) -> list[Piece]:
    """What the task has beyond the plan, and beyond what landed of it before, in the order to replay it."""
    feed = f"{job.tip}\n" + "".join(f"^{one}\n" for one in job.known)
    lines = repo.git.run("log", "--no-show-signature", "--format=%H %T %P", "--stdin", feed=feed).out.splitlines()
    known = {commit: (tree, parents) for commit, tree, *parents in (line.split() for line in lines)}
    found: list[Piece] = []
    commit = job.tip
    while commit in known and commit not in job.bases:
        tree, parents = known[commit]
        if len(parents) != 1:
            found.append(Piece(commit, None, is_single=False))
            break
        parent = parents[0]
        before = known[parent][0] if parent in known else repo.git.line("rev-parse", f"{parent}^{{tree}}")
        found.append(Piece(commit, parent, is_single=True, is_empty=before == tree))
        commit = parent
    return found[::-1]


def is_linear(way: Way, job: Job) -> bool:
    """Whether a task that stands on the plan has no merges, so that a rebase leaves its commits as they are."""
    if way.words.signer:
        return False
    return not way.repo.git.run("rev-list", "--merges", "--max-count=1", f"{job.onto}..{job.tip}").out


def bases(repo: Repo, onto: str, piece: Piece, landed: Sequence[str]) -> tuple[str, ...]:
    """The merge bases of a piece; `landed` as in `Job`, and in the history of a piece without a base."""
    if piece.base:
        return (piece.base,)
    roots = tuple(repo.git.run("merge-base", "--all", onto, piece.commit).out.split())
    return integrated.merge_bases(repo, roots, landed)


def words(way: Way, job: Job, piece: Piece) -> tuple[str, Mapping[str, str]]:
    """The message of a replayed piece, and the environment that keeps its author."""
    if piece.is_single:
        return message.replayed(way.repo, way.words, piece.commit)
    return message.squash(way.repo, way.words, job.item, piece.commit, job.known)
