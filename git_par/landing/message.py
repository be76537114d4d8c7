"""The words of a merge: what `git merge` itself would write, unless the user gave some."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from git_par.landing.select import Item
from git_par.repo import Repo


@dataclass(frozen=True)
class Words:
    """What the messages of one batch are made of."""

    base: str
    text: str | None = None
    """The message given with `-m`, for every merge of the batch."""
    into: str = ""
    """How the title of a merge ends; git leaves the branch out for some (git-fmt-merge-msg(1), merge.suppressDest)."""


def words(repo: Repo, base: str, before: str, text: str | None) -> Words:
    """The words of one batch onto `base` at `before`; git is asked once how its titles end, not for every task."""
    if text is not None:
        return Words(base, text)
    title = _format(repo, base, before, "x", "--no-log").partition("\n")[0]
    return Words(base, into=title.removeprefix("Merge branch 'x'"))


def merge(repo: Repo, words: Words, item: Item, tip: str) -> str:
    """The message of a merge commit."""
    if words.text is not None:
        return f"{words.text}\n"
    if {"merge.log", "merge.summary", "merge.branchdesc"} & repo.config.keys():
        # The people are comments, for an editor that never opens here.
        return re.sub(r"^\S+ (By|Via) .*\n", "", _format(repo, words.base, tip, item.branch), flags=re.MULTILINE)
    return f"Merge branch '{item.branch}'{words.into}\n"


def _format(repo: Repo, base: str, tip: str, branch: str, *options: str) -> str:
    feed = f"{tip}\t\tbranch '{branch}' of .\n"
    return repo.git.run("fmt-merge-msg", "--into-name", base, *options, feed=feed).out


def squash(repo: Repo, words: Words, item: Item, root: str, tip: str) -> tuple[str, Mapping[str, str]]:
    """The message of a squash commit, and the environment that keeps the authorship.

    The author is that of the first commit; other authors become `Co-authored-by` trailers.
    """
    form = "%an%x00%ae%x00%aI%x00%B%x00"
    fields = repo.git.run(
        "log", "--no-show-signature", "--reverse", "--no-merges", f"--format={form}", f"{root}..{tip}"
    ).out
    values = [value.lstrip("\n") for value in fields.split("\0")]
    commits = [tuple(values[at : at + 4]) for at in range(0, len(values) - 3, 4)]
    if not commits:
        return words.text or f"Squash branch '{item.branch}'\n", {}
    name, email, date, first = commits[0]
    body = "".join(f"* {text.splitlines()[0]}\n" for *_, text in commits if text.strip())
    if words.text is not None:
        text = words.text
    elif item.task and item.task.title:
        text = f"{item.task.title}\n\n{body}"
    else:
        text = first if len(commits) == 1 else f"Squash branch '{item.branch}'\n\n{body}"
    others = dict.fromkeys((who, mail) for who, mail, *_ in commits if mail != email)
    trailers = "".join(f"Co-authored-by: {who} <{mail}>\n" for who, mail in others)
    env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    return text.rstrip("\n") + "\n" + (f"\n{trailers}" if trailers else ""), env
