"""Merge and commit in the object database: what planning, prediction and integration are made of."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from git_par.errors import GitFailed
from git_par.git import Git, failed
from git_par.landing import message, signing
from git_par.repo import Repo

NOBODY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    # Git walks from young to old: a child from the year 2100 is met before anything behind its parents.
    for what, value in (("NAME", "git-par"), ("EMAIL", "git-par"), ("DATE", "@4102444800 +0000"))
}
"""Whose the commits are that are not published, and when: nobody has to have a name, and made again they are the same."""


@dataclass(frozen=True)
class Result:
    """The tree of a merge; the paths in conflict, none when it is clean, and of what kinds git calls the conflicts."""

    tree: str
    clashes: tuple[str, ...] = ()
    kinds: frozenset[str] = frozenset()


def merge(repo: Repo, ours: str, theirs: str, *, bases: Sequence[str] = (), attributes: bool = False) -> Result:
    """Merge the commit `theirs` onto the commit `ours` (both ids).

    Git finds the merge bases itself, unless they are given, as ancestors of `theirs`: in a deep history each search takes
    longer than the merge.  With `attributes` the `.gitattributes` of `ours` have a say (git 2.43); those of a checkout
    never do.

    git-merge-tree(1): only the exit status tells a conflict, and a bad name ends with the same one, so ids come in here.
    """
    if bases and tuple(bases) != (ours,):
        ours = on_bases(repo, ours, bases)
    # The option came with 2.41, and until 2.43 merge-tree died of it.
    git = Git(repo.git.cwd, (*repo.git.lead, f"--attr-source={ours}")) if attributes else repo.git
    reply = git.run("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs, ok=(0, 1))
    fields = iter(reply.out.split("\0"))
    tree = next(fields)
    if not tree:
        raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
    return _result(tree, fields, ours, theirs, clean=reply.code == 0)


def merge_pairs(git: Git, pairs: Sequence[tuple[str, str]]) -> list[tuple[str, ...]]:
    """The paths in conflict for each of `pairs` (commit ids), by one process; none when it is clean.

    Two that have no history in common are merged as if they had begun with nothing.  The status in front of each answer is
    1 for clean and 0 for a conflict; without --messages the first answer decides whether the others bring theirs (2.39).
    """
    if not pairs:
        return []
    feed = "".join(f"{ours} {theirs}\n" for ours, theirs in pairs)
    reply = git.run(
        *("merge-tree", "--write-tree", "--stdin", "-z", "--name-only", "--messages", "--allow-unrelated-histories"),
        feed=feed,
    )
    fields = iter(reply.out.split("\0"))
    found = []
    for ours, theirs in pairs:
        clean, tree = next(fields, ""), next(fields, "")
        if clean not in ("0", "1") or not tree:
            raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
        found.append(_result(tree, fields, ours, theirs, clean=clean == "1").clashes)
    return found


def _result(tree: str, fields: Iterator[str], ours: str, theirs: str, *, clean: bool) -> Result:
    """What follows the tree in one answer (git-merge-tree(1), OUTPUT), which is read to its end."""
    paths = dict.fromkeys(iter(lambda: next(fields, ""), ""))
    kinds = set()
    # Some conflicts, such as those of renamed directories, name their paths in a message only.
    for count in fields:
        if not count.isdigit():
            break
        named = [next(fields) for _ in range(int(count))]
        kind = next(fields)
        next(fields)
        if kind.startswith("CONFLICT"):
            kinds.add(kind)
            paths.update(dict.fromkeys(named))
    if clean:
        return Result(tree)
    return Result(tree, in_place(paths, ours, theirs) or (".",), frozenset(kinds))


def in_place(paths: Iterable[str], ours: str, theirs: str) -> tuple[str, ...]:
    """The paths by the names that the files had before the merge.

    Where a file and a directory want one name, git sets the file aside as `NAME~SIDE`, with SIDE as it was given: an id,
    `HEAD` in a checkout, and `ABBREVIATED (SUBJECT)` for what is picked.
    """
    aside = re.compile(rf"~(?:HEAD|{ours}|{theirs}|{theirs[:7]}[0-9a-f]* \(.*\))(?:_[0-9]+)?$", re.DOTALL)
    return tuple(dict.fromkeys(aside.sub("", path) for path in paths))


def on_bases(repo: Repo, commit: str, bases: Sequence[str]) -> str:
    """A commit with the files of `commit` and the parents `bases`, so that those are the merge bases git finds, at once.

    It does what `merge-tree --merge-base` does, which came with git 2.40 and takes one only.
    """
    named = [word for base in bases for word in ("-p", base)]
    made = repo.git.run(
        "commit-tree", f"{commit}^{{tree}}", *named, "-m", "the same files on other merge bases", env=NOBODY
    )
    return made.out.strip()


def tree_of(repo: Repo, commit: str) -> str:
    """The tree of a commit."""
    return repo.git.line("rev-parse", "--verify", f"{commit}^{{tree}}")


def commit(
    repo: Repo,
    tree: str,
    parents: Sequence[str],
    text: str,
    env: Mapping[str, str] | None = None,
    *,
    sign: bool = True,
) -> str:
    """A new commit in the object database, signed where that is asked for.

    Refused when git cannot sign, or does not know who commits.
    """
    named = (tree, *(word for parent in parents for word in ("-p", parent)), "-F", "-")
    if sign and signing.is_wanted(repo):
        return signing.commit_tree(repo, *named, text=text, env=env)
    reply = repo.git.run("commit-tree", *named, feed=text, env=env, ok=(0, 128))
    if reply.code:
        message.committer(repo)
        raise failed(["commit-tree"], reply)
    return reply.out.strip()
