"""Merge and commit in the object database: what planning, prediction and integration are made of."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par.errors import GitFailed
from git_par.git import Git
from git_par.landing import signing
from git_par.repo import Repo


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
    if bases and bases != (ours,):
        ours = on_bases(repo, ours, bases)
    # The option came with 2.41, and until 2.43 merge-tree died of it.
    git = Git(repo.git.cwd, (*repo.git.lead, f"--attr-source={ours}")) if attributes else repo.git
    reply = git.run("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs, ok=(0, 1))
    fields = reply.out.split("\0")
    if len(fields) < 2 or not fields[0]:
        raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
    if reply.code == 0:
        return Result(fields[0])
    end = fields.index("", 1)
    paths = dict.fromkeys(fields[1:end])
    kinds = set()
    # Some conflicts, such as those of renamed directories, name their paths in a message only.
    rest = iter(fields[end + 1 :])
    for count in rest:
        if not count.isdigit():
            break
        named = [next(rest) for _ in range(int(count))]
        kind = next(rest)
        next(rest)
        if kind.startswith("CONFLICT"):
            kinds.add(kind)
            paths.update(dict.fromkeys(named))
    # Where a file and a directory want one name, git sets the file aside as `NAME~SIDE`.
    aside = re.compile(f"~(?:{ours}|{theirs})(?:_[0-9]+)?$")
    return Result(fields[0], tuple(dict.fromkeys(aside.sub("", path) for path in paths)), frozenset(kinds))


def on_bases(repo: Repo, commit: str, bases: Sequence[str]) -> str:
    """A commit with the files of `commit` and the parents `bases`, so that those are the merge bases git finds, at once.

    It does what `merge-tree --merge-base` does, which came with git 2.40 and takes one only.
    """
    named = [word for base in bases for word in ("-p", base)]
    return repo.git.line("commit-tree", f"{commit}^{{tree}}", *named, "-m", "the same files on other merge bases")


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
    """A new commit in the object database, signed where that is asked for; Refused when git cannot sign."""
    named = (tree, *(word for parent in parents for word in ("-p", parent)), "-F", "-")
    if sign and signing.is_wanted(repo):
        return signing.commit_tree(repo, *named, text=text, env=env)
    return repo.git.run("commit-tree", *named, feed=text, env=env).out.strip()
