"""Merge two commits in the object database: the one question that planning, prediction and integration ask."""

import re
from collections.abc import Iterator, Sequence

from git_par.errors import GitFailed
from git_par.git import Git
from git_par.repo import Repo


def merge(repo: Repo, ours: str, theirs: str) -> tuple[str, tuple[str, ...]]:
    """The tree of `theirs` merged onto `ours` (both commit ids), and the paths in conflict; none when it is clean.

    git-merge-tree(1): only the exit status tells a conflict, and a bad name ends with the same one, so ids come in here.
    """
    reply = repo.git.run("merge-tree", "--write-tree", "-z", "--name-only", "--messages", ours, theirs, ok=(0, 1))
    fields = iter(reply.out.split("\0"))
    tree = next(fields)
    if not tree:
        raise GitFailed(f"git merge-tree: no answer for {ours} and {theirs}", hint="run 'git fsck'")
    paths = _paths(fields, ours, theirs)
    return tree, () if reply.code == 0 else paths or (".",)


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
        paths = _paths(fields, ours, theirs)
        found.append(() if clean == "1" else paths or (".",))
    return found


def _paths(fields: Iterator[str], ours: str, theirs: str) -> tuple[str, ...]:
    """The paths in conflict that follow the tree in one answer (git-merge-tree(1), OUTPUT), which is read to its end."""
    paths = dict.fromkeys(iter(lambda: next(fields, ""), ""))
    # Some conflicts, such as those of renamed directories, name their paths in a message only.
    for count in fields:
        if not count.isdigit():
            break
        named = [next(fields) for _ in range(int(count))]
        kind = next(fields)
        next(fields)
        if kind.startswith("CONFLICT"):
            paths.update(dict.fromkeys(named))
    # Where a file and a directory want one name, git sets the file aside as `NAME~SIDE`.
    aside = re.compile(f"~(?:{ours}|{theirs})(?:_[0-9]+)?$")
    return tuple(dict.fromkeys(aside.sub("", path) for path in paths))
