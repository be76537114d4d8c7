"""Merge two commits in the object database: the one question that planning, prediction and integration ask."""

import re

from git_par.errors import GitFailed
from git_par.repo import Repo


def merge(repo: Repo, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The tree of `theirs` merged onto `ours` (both commit ids), and the paths in conflict; none when it is clean.

    git-merge-tree(1): only the exit status tells a conflict, and a bad name ends with the same one, so ids come in here.
    """
    reply = repo.git.run("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs, ok=(0, 1))
    fields = reply.out.split("\0")
    if len(fields) < 2 or not fields[0]:
        raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
    if reply.code == 0:
        return fields[0], ()
    end = fields.index("", 1)
    paths = dict.fromkeys(fields[1:end])
    # Some conflicts, such as those of renamed directories, name their paths in a message only.
    rest = iter(fields[end + 1 :])
    for count in rest:
        if not count.isdigit():
            break
        named = [next(rest) for _ in range(int(count))]
        kind = next(rest)
        next(rest)
        if kind.startswith("CONFLICT"):
            paths.update(dict.fromkeys(named))
    # Where a file and a directory want one name, git sets the file aside as `NAME~SIDE`.
    aside = re.compile(f"~(?:{ours}|{theirs})(?:_[0-9]+)?$")
    return fields[0], tuple(dict.fromkeys(aside.sub("", path) for path in paths))
