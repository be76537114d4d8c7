"""Is everything a task has in its base?  Only then may its workspace and branch go.

The tests go from cheap to dear; a conflict while testing, or anything that cannot be told, means no.  A landing that was
reverted on the base is never integrated, whatever ancestry says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from git_par.landing import trees
from git_par.repo import Repo
from git_par.state.tasks import Landed, Task

_FAR = 1000
"""How many commits of the base are compared with a squashed task."""


@dataclass(frozen=True)
class Verdict:
    """How a tip stands to a base: `reason` says why it is integrated; none of the three means plain no."""

    reason: str | None = None
    into: str | None = None
    reverted: bool = False
    conflict: bool = False
    revert: str | None = field(default=None, compare=False)
    """The commit that took the landing back."""


def targets(repo: Repo, base: str) -> list[tuple[str, str]]:
    """The refs that count as `base`, with their commits: itself, and its upstream where that is ahead or equal."""
    form = "%(objectname)%00%(upstream)"
    fields = repo.git.line("for-each-ref", f"--format={form}", f"refs/heads/{base}").splitlines()
    own = next((line for line in fields), None)
    if own is None:
        return []
    stored, upstream = own.split("\0")
    commit = repo.git.commit(f"refs/heads/{base}") if repo.git.seen else stored
    return with_upstream(repo, base, commit, upstream) if commit else []


def with_upstream(repo: Repo, base: str, commit: str, upstream: str) -> list[tuple[str, str]]:
    """The branch `base` at `commit`, and its `upstream` (a full ref, or empty) where that is ahead or equal."""
    found = [(base, commit)]
    if upstream:
        # The two commits, and after a `^` every merge base (git-rev-parse(1)); an upstream may be gone.
        reply = repo.git.run("rev-parse", f"{commit}...{upstream}", "--", ok=(0, 128))
        if reply.code == 0:
            ahead, _, *roots = reply.out.split()
            if roots[:1] == [f"^{commit}"]:
                found.append((upstream.removeprefix("refs/remotes/").removeprefix("refs/heads/"), ahead))
    return found


def base_names(task: Task) -> list[str]:
    """The branches that count as the base of `task`: its base, and where it landed when that is another."""
    return list(dict.fromkeys([task.base, *([task.landed.into] if task.landed else [])]))


def bases(repo: Repo, task: Task) -> list[tuple[str, str]]:
    """Those branches and their upstreams, with their commits, as `verdict` takes them."""
    return [target for name in base_names(task) for target in targets(repo, name)]


def start(repo: Repo, tip: str, base: str, landed: Landed | None) -> str | None:
    """What of `tip` the commit `base` has under another commit: the task, or an earlier state of it, landed as one.

    After a squash or a rebase git does not know that the base has the work up to there, and would merge it once more.  A
    task that contains its landing needs no such help.
    """
    if landed is None or not _is_in(repo, landed.commit, base):
        return None
    if _is_in(repo, landed.tip, base) or _is_in(repo, landed.commit, tip):
        return None
    if _is_in(repo, landed.tip, tip):
        return landed.tip
    return _shared(repo, tip, base, landed)


def _shared(repo: Repo, tip: str, base: str, landed: Landed) -> str | None:
    """How far a task that was reset since has what landed; None where it has that, or more of the base, already."""
    git = repo.git
    shared = git.run("merge-base", "--all", landed.tip, tip, ok=range(256)).out.split()
    roots = git.run("merge-base", "--all", base, tip, ok=(0, 1)).out.split()
    if len(shared) != 1 or shared[0] in roots or not all(_is_in(repo, root, shared[0]) for root in roots):
        return None
    return shared[0]


def merge_bases(repo: Repo, roots: Sequence[str], landed: Sequence[str]) -> tuple[str, ...]:
    """The merge bases that count where git finds `roots`, and the base has `landed` of the task under other commits.

    None of the two takes the place of the other: what the task merged of its base after it landed is in `roots` only, and
    going by `landed` alone would bring back what the base undid since.
    """
    if not landed:
        return tuple(roots)
    return tuple(repo.git.run("merge-base", "--independent", *landed, *roots).out.split())


def _is_in(repo: Repo, commit: str, tip: str) -> bool:
    """Whether `commit` is in the history of `tip`; no, when it is not here any more."""
    return repo.git.run("merge-base", "--is-ancestor", commit, tip, ok=range(256)).code == 0


def verdict(repo: Repo, tip: str, bases: list[tuple[str, str]], landed: Landed | None) -> Verdict:
    """Whether the commit `tip` is integrated into one of `bases` (names and commits, as `targets` gives them)."""
    conflict = False
    earlier = landed and landed.tip != tip and _is_in(repo, landed.tip, tip)
    for name, base in bases:
        if landed and earlier and (revert := _reverted(repo, landed.tip, base, {landed.commit})):
            return Verdict(reverted=True, revert=revert)  # what was added since does not bring that back
        reason, commits, clash = _reason(repo, tip, base, landed)
        conflict = conflict or clash
        if reason and (revert := _reverted(repo, tip, base, commits)):
            return Verdict(reverted=True, revert=revert)
        if reason:
            return Verdict(reason=reason, into=name)
    return Verdict(conflict=conflict)


def _reason(repo: Repo, tip: str, base: str, landed: Landed | None) -> tuple[str | None, set[str], bool]:
    """Why `tip` is in `base`, the commits that brought it, and whether merging it would conflict."""
    git = repo.git
    if tip == base:
        return "same-commit", set(), False
    roots = git.run("merge-base", "--all", base, tip, ok=(0, 1)).out.split()
    brought = {landed.commit} if landed and landed.tip == tip else set()
    if roots == [tip]:
        return "ancestor", brought, False
    if landed and not brought and _is_in(repo, tip, landed.tip):
        brought = {landed.commit}  # the task was reset to an earlier state of it
    if landed and brought and _is_in(repo, landed.commit, base):
        return "landed", brought, False
    if not roots:
        return None, set(), False
    files = git.line("rev-parse", *(f"{commit}^{{tree}}" for commit in (base, tip, roots[0]))).split("\n")
    if files[0] == files[1]:
        return "same-tree", set(), False
    if roots == [base]:
        return None, set(), False  # git would only fast-forward, to other files
    if files[1] == files[2] and len(roots) == 1:
        return "no-added-changes", set(), False
    with repo.asked() as apart:
        return _by_merging(apart, tip, base, files[0], roots, landed)


def _by_merging(
    repo: Repo, tip: str, base: str, tree: str, roots: Sequence[str], landed: Landed | None
) -> tuple[str | None, set[str], bool]:
    """The same for two of which neither has the other: what merging them would come to; `tree` is that of the base."""
    counts = start(repo, tip, base, landed)
    merged = trees.merge(repo, base, tip, bases=merge_bases(repo, roots, (counts,) if counts else ()))
    if merged.clashes:
        return None, set(), True
    if _has_driver(repo, roots[0], tip):
        return None, set(), False  # a driver may throw away what it is given, and call that clean
    if merged.tree == tree:
        return "merge-adds-nothing", set(_squashed(repo, tip, base, roots[0])), False
    squashed = next(_squashed(repo, tip, base, roots[0]), None)
    return ("same-patch", {squashed}, False) if squashed else (None, set(), False)


def _has_driver(repo: Repo, root: str, tip: str) -> bool:
    """Whether a merge driver of the user's has a say in what `tip` changed (gitattributes(5), merge)."""
    changed = repo.git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", root, tip).out
    values = repo.git.fields("check-attr", "-z", "--stdin", "merge", feed=changed)[2::3]
    return any(value not in ("unspecified", "set", "unset", "text", "binary") for value in values)


def _squashed(repo: Repo, tip: str, base: str, root: str) -> Iterator[str]:
    """The commits of the base whose patch is that of the whole task, newest first (git-patch-id(1)).

    A patch-id knows neither line numbers nor white space, so each must also have all of the task: merging adds nothing.
    """
    git = repo.git
    paths = git.fields("diff-tree", "-r", "-z", "--name-only", "--no-renames", root, tip)
    wanted = _patch_ids(repo, git.run("diff-tree", "-p", "--full-index", root, tip).out)
    if not paths or not wanted:
        return
    # A squash changed all of them, so it changed the first ones; more would not fit into a command line.
    pathspecs = "".join(f":(top,literal){path}\0" for path in paths[:200])
    commits = git.run(
        *(
            "log",
            "--no-show-signature",
            "--no-merges",
            "--format=%H",
            f"--max-count={_FAR}",
            f"{root}..{base}",
            "--",
        ),
        *pathspecs.split("\0")[:-1],
    ).out
    if not commits:
        return
    patches = git.run("diff-tree", "--stdin", "-p", "--full-index", "--root", feed=commits).out
    # Without a commit in front, patch-id has none to name, so the task's own id comes with zeros.
    (mine, _), *_ = wanted
    for patch, commit in _patch_ids(repo, patches):
        if patch == mine and trees.merge(repo, commit, tip) == trees.Result(trees.tree_of(repo, commit)):
            yield commit


def _patch_ids(repo: Repo, patches: str) -> list[tuple[str, str]]:
    """Patches with their commits; two commits may have the same patch."""
    lines = repo.git.run("patch-id", "--stable", feed=patches).out.splitlines()
    return [(patch, commit) for patch, _, commit in (line.partition(" ") for line in lines)]


def _reverted(repo: Repo, tip: str, base: str, commits: set[str]) -> str | None:
    """The commit of the base's first-parent line that took back what brought `tip`, if it was not taken back in turn."""
    if tip == base:
        return None
    since = [tip] if not commits else sorted(commits)
    bringing = set(commits)
    reverts: set[str] = set()
    down = None
    for commit, parents, taken_back in reverts_since(repo, base, since):
        if tip in parents[1:]:
            bringing.add(commit)
            down = None
        for named in taken_back:
            if named in reverts:
                bringing.add(commit)
                down = None
            elif named in bringing or _brought(repo, named, tip):
                reverts.add(commit)
                down = commit
    return down


def reverts_since(repo: Repo, base: str, since: Sequence[str]) -> Iterator[tuple[str, list[str], list[str]]]:
    """The first-parent line of `base`, oldest first, without what `since` has: commits, parents, and what each reverts.

    `git revert` writes "This reverts commit ID" into its message; a revert of a merge goes on ", reversing".
    """
    form = ("log", "--no-show-signature", "-z", "--first-parent", "--reverse", "--format=%H%n%P%n%B")
    for entry in repo.git.run(*form, base, *(f"^{commit}" for commit in since)).out.split("\0"):
        commit, _, rest = entry.partition("\n")
        parents, _, body = rest.partition("\n")
        named = re.findall(r"^This reverts commit ([0-9a-f]{40,64})", body, re.MULTILINE)
        yield commit, parents.split(" "), named


def _brought(repo: Repo, commit: str, tip: str) -> bool:
    """Whether `tip` is in the history of `commit` and not in that of its first parent; no, when `commit` is not here."""
    return (
        _is_in(repo, tip, commit)
        and repo.git.run("merge-base", "--is-ancestor", tip, f"{commit}^", ok=range(256)).code == 1
    )
