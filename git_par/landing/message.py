"""The words of a merge: what `git merge` itself would write, unless the user gave some."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from git_par.landing.select import Item
from git_par.repo import Repo


@dataclass(frozen=True)
class Words:
    """What the messages of one batch are made of."""

    base: str
    text: str | None = None
    """The message given with `-m`, for every merge of the batch."""


def merge(repo: Repo, words: Words, item: Item, tip: str) -> str:
    """The message of a merge commit.

    `git fmt-merge-msg` writes it where merge.log or a branch description has a say; else its one line (git-fmt-merge-msg(1),
    merge.suppressDest) is made here, which saves a process for every task.
    """
    if words.text is not None:
        return f"{words.text}\n"
    plain = not {"merge.log", "merge.summary", "merge.branchdesc"} & repo.config.keys()
    if plain:
        return f"Merge branch '{item.branch}'{_into(repo, words.base)}\n"
    feed = f"{tip}\t\tbranch '{item.branch}' of .\n"
    return repo.git.run("fmt-merge-msg", "--into-name", words.base, feed=feed).out


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


def _into(repo: Repo, base: str) -> str:
    patterns = repo.config.get("merge.suppressdest", ["master"])
    if "" in patterns:  # an empty value clears what stands before it
        patterns = patterns[len(patterns) - patterns[::-1].index("") :]
    return "" if any(fnmatchcase(base, pattern) for pattern in patterns) else f" into {base}"
