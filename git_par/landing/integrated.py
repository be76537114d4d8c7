"""Is everything a task has in its base?  Only then may its workspace and branch go.

The tests go from cheap to dear; a conflict while testing, or anything that cannot be told, means no.  A landing that was
reverted on the base is never integrated, whatever ancestry says.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

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


def targets(repo: Repo, base: str) -> list[tuple[str, str]]:
    """The refs that count as `base`, with their commits: itself, and its upstream where that is ahead or equal."""
    form = "%(objectname)%00%(upstream)"
    fields = repo.git.line("for-each-ref", f"--format={form}", f"refs/heads/{base}").splitlines()
    own = next((line for line in fields), None)
    if own is None:
        return []
    commit, upstream = own.split("\0")
    found = [(base, commit)]
    ahead = repo.git.commit(upstream) if upstream else None
    if ahead and (ahead == commit or repo.git.holds("merge-base", "--is-ancestor", commit, ahead)):
        found.append((upstream.removeprefix("refs/remotes/").removeprefix("refs/heads/"), ahead))
    return found


def base_names(task: Task) -> list[str]:
    """The branches that count as the base of `task`: its base, and where it landed when that is another."""
    return list(dict.fromkeys([task.base, *([task.landed.into] if task.landed else [])]))


def bases(repo: Repo, task: Task) -> list[tuple[str, str]]:
    """Those branches and their upstreams, with their commits, as `verdict` takes them."""
    return [target for name in base_names(task) for target in targets(repo, name)]


def start(repo: Repo, tip: str, base: str, landed: Landed | None) -> str | None:
    """The merge base that counts for `tip` and `base` when the task, or an earlier state of it, landed as another commit.

    After a squash or a rebase git does not know that the base has the work up to there, and would merge it once more.  A
    task that contains its landing needs no such help.
    """
    if landed is None:
        return None
    known = [(landed.tip, tip), (landed.commit, base)]
    unknown = [(landed.tip, base), (landed.commit, tip)]
    if all(_is_in(repo, *pair) for pair in known) and not any(_is_in(repo, *pair) for pair in unknown):
        return landed.tip
    return None


def _is_in(repo: Repo, commit: str, tip: str) -> bool:
    """Whether `commit` is in the history of `tip`; no, when it is not here any more."""
    return repo.git.run("merge-base", "--is-ancestor", commit, tip, ok=range(256)).code == 0


def verdict(repo: Repo, tip: str, bases: list[tuple[str, str]], landed: Landed | None) -> Verdict:
    """Whether the commit `tip` is integrated into one of `bases` (names and commits, as `targets` gives them)."""
    conflict = False
    earlier = landed and landed.tip != tip and _is_in(repo, landed.tip, tip)
    for name, base in bases:
        if landed and earlier and _reverted(repo, landed.tip, base, {landed.commit}):
            return Verdict(reverted=True)  # what was added since does not bring that back
        reason, commits, clash = _reason(repo, tip, base, landed)
        conflict = conflict or clash
        if reason and _reverted(repo, tip, base, commits):
            return Verdict(reverted=True)
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
    if landed and brought and _is_in(repo, landed.commit, base):
        return "landed", brought, False
    if not roots:
        return None, set(), False
    files = [trees.tree_of(repo, commit) for commit in (base, tip, roots[0])]
    if files[0] == files[1]:
        return "same-tree", set(), False
    if files[1] == files[2] and len(roots) == 1:
        return "no-added-changes", set(), False
    with repo.asked() as apart:
        return _by_merging(apart, tip, base, files[0], roots, landed)


def _by_merging(
    repo: Repo, tip: str, base: str, tree: str, roots: Sequence[str], landed: Landed | None
) -> tuple[str | None, set[str], bool]:
    """The same for two of which neither has the other: what merging them would come to; `tree` is that of the base."""
    counts = start(repo, tip, base, landed)
    merged = trees.merge(repo, base, tip, bases=(counts,) if counts else tuple(roots))
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
    if not changed:
        return False
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
    if not patches:
        return []
    lines = repo.git.run("patch-id", "--stable", feed=patches).out.splitlines()
    return [(patch, commit) for patch, _, commit in (line.partition(" ") for line in lines)]


def _reverted(repo: Repo, tip: str, base: str, commits: set[str]) -> bool:
    """Whether the base's first-parent line took back what brought `tip`, and did not take that back in turn.

    `git revert` writes "This reverts commit ID" into its message; a revert of a merge goes on ", reversing".
    """
    if tip == base:
        return False
    since = [f"^{tip}"] if not commits else [f"^{commit}" for commit in sorted(commits)]
    text = repo.git.run(
        *(
            "log",
            "--no-show-signature",
            "-z",
            "--first-parent",
            "--reverse",
            "--format=%H%n%P%n%B",
            base,
            *since,
        )
    ).out
    bringing = set(commits)
    reverts: set[str] = set()
    down = False
    for entry in text.split("\0"):
        commit, _, rest = entry.partition("\n")
        parents, _, body = rest.partition("\n")
        if tip in parents.split(" ")[1:]:
            bringing.add(commit)
            down = False
        for named in re.findall(r"^This reverts commit ([0-9a-f]{40,64})", body, re.MULTILINE):
            if named in reverts:
                bringing.add(commit)
                down = False
            elif named in bringing or _brought(repo, named, tip):
                reverts.add(commit)
                down = True
    return down


def _brought(repo: Repo, commit: str, tip: str) -> bool:
    """Whether `tip` is in the history of `commit` and not in that of its first parent; no, when `commit` is not here."""
    return (
        _is_in(repo, tip, commit)
        and repo.git.run("merge-base", "--is-ancestor", tip, f"{commit}^", ok=range(256)).code == 1
    )
