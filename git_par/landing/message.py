"""The words of a merge: what `git merge` itself would write, unless the user gave some."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from git_par import names
from git_par.errors import Refused, UsageError
from git_par.landing.select import Item
from git_par.repo import Repo
from git_par.state.session import Session

_PICKED = "(cherry picked from commit "
"""A line that makes a trailer block as a trailer does (git-interpret-trailers(1))."""


@dataclass(frozen=True)
class Words:
    """What the commits of one batch are made of, but for their content."""

    base: str
    text: str | None = None
    """The message given with `-m`, for every merge of the batch."""
    into: str = ""
    """How the title of a merge ends; git leaves the branch out for some (git-fmt-merge-msg(1), merge.suppressDest)."""
    template: str = ""
    """What par.message makes a message from; empty when it is not set."""
    signer: str = ""
    """Who signs every commit off, as `NAME <EMAIL>`; empty when nobody does."""
    sign: bool = True
    """Whether commits are signed where commit.gpgSign asks for it."""


def words(
    repo: Repo, base: str, before: str, text: str | None, *, template: str = "", signer: str = "", sign: bool = True
) -> Words:
    """The words of one batch onto `base` at `before`; git is asked once how its titles end, not for every task."""
    found = Words(base, text, "", template, signer, sign)
    if text is not None:
        return found
    title = _format(repo, base, before, "x", "--no-log").partition("\n")[0]
    return Words(base, text, title.removeprefix("Merge branch 'x'"), template, signer, sign)


def template(session: Session) -> str:
    """The value of par.message; UsageError when no message can be made from it."""
    text = session.settings.text("message")
    if problem := _expand(text, Item("x", "x"), "x")[1]:
        raise UsageError(f"par.message: '{text}': {problem}", hint="git config par.message TEMPLATE")
    return text


def committer(repo: Repo) -> str:
    """Who commits, as `NAME <EMAIL>`; Refused when git does not know."""
    reply = repo.here.run("var", "GIT_COMMITTER_IDENT", ok=(0, 128))
    if reply.code:
        raise Refused(
            "user.name, user.email: git does not know who merges",
            hint="git config --global user.name NAME && git config --global user.email ADDRESS",
        )
    return reply.out.rsplit(" ", 2)[0]


def merge(repo: Repo, words: Words, item: Item, tip: str) -> str:
    """The message of a merge commit."""
    text = _given(words, item)
    if text is not None:
        text = f"{text}\n"
    elif {"merge.log", "merge.summary", "merge.branchdesc"} & repo.config.keys():
        # The people are comments, for an editor that never opens here.
        text = re.sub(r"^\S+ (By|Via) .*\n", "", _format(repo, words.base, tip, item.branch), flags=re.MULTILINE)
    else:
        text = f"Merge branch '{item.branch}'{words.into}\n"
    return signed_off(repo, words, text)


def squash(repo: Repo, words: Words, item: Item, tip: str, known: Sequence[str]) -> tuple[str, Mapping[str, str]]:
    """The message of the one commit that brings `tip` home, and the environment that keeps the authorship.

    The author is that of the first commit; other authors become `Co-authored-by` trailers.  What the commits
    `known` have is none of the task's.
    """
    form = "%an%x00%ae%x00%aI%x00%B%x00"
    asked = (tip, *(f"^{one}" for one in known))
    fields = repo.git.run("log", "--no-show-signature", "--reverse", "--no-merges", f"--format={form}", *asked).out
    values = [value.lstrip("\n") for value in fields.split("\0")]
    commits = [tuple(values[at : at + 4]) for at in range(0, len(values) - 3, 4)]
    given = _given(words, item)
    if not commits:
        return signed_off(repo, words, f"{given}\n" if given else f"Squash branch '{item.branch}'\n"), {}
    name, email, date, first = commits[0]
    body = "".join(f"* {text.splitlines()[0]}\n" for *_, text in commits if text.strip())
    if given is not None:
        text = given
    elif item.task and item.task.title:
        text = f"{item.task.title}\n\n{body}"
    else:
        text = first if len(commits) == 1 else f"Squash branch '{item.branch}'\n\n{body}"
    others = dict.fromkeys((who, mail) for who, mail, *_ in commits if mail != email)
    text = with_trailers(repo, text, [f"Co-authored-by: {who} <{mail}>" for who, mail in others])
    env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": date}
    return signed_off(repo, words, text), env


def replayed(repo: Repo, words: Words, commit: str) -> tuple[str, Mapping[str, str]]:
    """The message of `commit` for its replay, and the environment that keeps its author."""
    form = "%an%x00%ae%x00%ad%x00%B"
    shown = repo.git.run("log", "--no-show-signature", "-1", "--date=raw", f"--format=tformat:{form}", commit).out
    name, email, date, text = shown.split("\0", 3)
    env = {"GIT_AUTHOR_NAME": name, "GIT_AUTHOR_EMAIL": email, "GIT_AUTHOR_DATE": f"@{date}"}
    return signed_off(repo, words, text.removesuffix("\n")), env


def signed_off(repo: Repo, words: Words, text: str) -> str:
    """The message `text`, signed off where that was asked for, as `git commit --signoff` does it."""
    return with_trailers(repo, text, [f"Signed-off-by: {words.signer}"]) if words.signer else text


def with_trailers(repo: Repo, text: str, trailers: Sequence[str]) -> str:
    """The message `text` with `trailers` behind those it has, else as a paragraph of their own; not twice in a row.

    Git is asked only for what there is: what the configuration of trailers adds to every message has no say in a signoff.
    """
    text = text.rstrip("\n") + "\n"
    if not trailers:
        return text
    last = text.splitlines()[-1]
    is_block = text == f"{trailers[0]}\n"  # git takes a message that is nothing else for one
    if re.search(r"\n\s*\n", text):  # the first paragraph is never a block of trailers
        is_block = last.startswith(_PICKED) or bool(repo.git.run("interpret-trailers", *_PARSE, feed=text).out)
    for trailer in trailers:
        if not (is_block and last == trailer):
            text += f"{trailer}\n" if is_block else f"\n{trailer}\n"
        is_block, last = True, trailer
    return text


_PARSE = ("--only-trailers", "--only-input", "--no-divider")


def _given(words: Words, item: Item) -> str | None:
    """The user's own words: those of `-m`, else what par.message makes; None when there are none."""
    if words.text is not None:
        return words.text
    return _expand(words.template, item, words.base)[0].strip() or None


def _expand(template: str, item: Item, base: str) -> tuple[str, str]:
    task = item.task
    title, group = (task.title, task.group) if task else (None, None)
    return names.expand(
        template,
        {"task": item.name, "branch": item.branch, "title": title or item.name, "group": group or "", "base": base},
    )


def _format(repo: Repo, base: str, tip: str, branch: str, *options: str) -> str:
    feed = f"{tip}\t\tbranch '{branch}' of .\n"
    return repo.git.run("fmt-merge-msg", "--into-name", base, *options, feed=feed).out
