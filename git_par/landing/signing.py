"""Signatures: made where commit.gpgSign asks for them, which git-commit-tree(1) ignores, and tried before any work."""

from collections.abc import Mapping

from git_par import git
from git_par.errors import Refused
from git_par.git import Reply
from git_par.repo import Repo, is_true


def is_wanted(repo: Repo) -> bool:
    """Whether the user signs every commit."""
    return is_true(repo.setting("commit.gpgsign"))


def check(repo: Repo) -> None:
    """Sign a commit that nobody keeps: an agent asks for the passphrase once and now, and what fails is heard of now.

    Refused when git cannot sign.
    """
    from tempfile import TemporaryDirectory  # only those who sign pay for it

    empty = repo.git.line("hash-object", "-t", "tree", "--stdin")  # known to git without being stored
    with TemporaryDirectory(prefix="git-par-") as aside:
        commit_tree(repo, empty, "-F", "-", text="git-par: can this be signed?\n", env={"GIT_OBJECT_DIRECTORY": aside})


def commit_tree(repo: Repo, *args: str, text: str, env: Mapping[str, str] | None = None) -> str:
    """The signed commit that `git commit-tree ARGS` makes; Refused when git cannot sign.

    In the user's own environment: a pinentry reads the passphrase in the locale it is told (gpg-agent(1), lc-ctype).
    """
    reply = repo.git.run("commit-tree", "-S", *args, feed=text, env=env, hooks=True, ok=range(256))
    if reply.code:
        raise Refused(f"commit.gpgSign: git cannot sign: {_reason(reply)}", hint=HINT)
    return reply.out.strip()


HINT = (
    "see 'git config --show-origin --get-regexp \"^(gpg|user.signingkey|commit.gpgsign)\"',"
    " or 'git -c commit.gpgSign=false par merge'"
)
"""Where the settings of signatures come from, and how to go without."""


def _reason(reply: Reply) -> str:
    return git.failed(["commit-tree"], reply).message.removeprefix("git commit-tree: ").removesuffix(":")
