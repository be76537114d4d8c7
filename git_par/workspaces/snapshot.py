"""Turn what stands in a workspace into a commit, with nothing of the workspace touched.

A copy of its index is brought up to what stands on disk, as `git add` would do it (filters run, modes are kept), and
becomes a tree.  It is the working tree that counts: what was staged and then changed again is in it as it was changed.
"""

import os
import shutil
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from git_par import files, names
from git_par.errors import Refused
from git_par.git import Git
from git_par.workspaces import status
from git_par.workspaces.status import Status

_TRIES = 3

# The common part of a split index would go into the git directory, and a warning about line ends may be set to be fatal.
_PLAIN = ("-c", "core.splitIndex=false", "-c", "core.safecrlf=false")

_IDENTITY = {
    f"GIT_{who}_{what}": text
    for who in ("AUTHOR", "COMMITTER")
    for what, text in (("NAME", "git-par"), ("EMAIL", "git-par@localhost"))
}


@dataclass(frozen=True)
class Snapshot:
    """A workspace as it stood."""

    commit: str | None
    """The commit that holds it: `head` itself where there is nothing more; None where there was never anything."""
    head: str | None
    """The commit checked out."""
    branch: str | None
    """The branch checked out, without `refs/heads/`; None when detached."""
    left: tuple[str, ...] = ()
    """What is not in `commit`: secrets, repositories inside (they end with `/`), what is neither file nor link."""


def take(
    git: Git,
    git_dir: Path,
    *,
    message: str,
    ignored: bool = False,
    hidden: Sequence[str] = (),
    secret: Callable[[str], bool] = names.is_secret,
) -> Snapshot:
    """A commit of everything in the checkout of `git`, on top of what is checked out, and of MERGE_HEAD in a merge.

    `git_dir` is the git directory of that checkout; `ignored` takes ignored files too, `hidden` names
    tracked ones that git was told not to look at and that are taken all the same; untracked and ignored files that are
    `secret` stay out.  GitFailed or OSError when something cannot be read; Refused when the checkout
    does not stand still.  A `git` that writes elsewhere (`Git.writing_to`) leaves nothing in the repository.
    """
    for _ in range(_TRIES):
        now = status.read(git, untracked="all", ignored=ignored)
        wanted, left = _sort(git, now, secret)
        wanted += [path for path in hidden if path not in wanted]
        if not (wanted or now.staged):
            return Snapshot(now.head, now.head, now.branch, left)
        tree = _tree(git, git_dir, *split(git.cwd, wanted), hidden)
        if now.head is None:
            return Snapshot(commit(git, tree, (), message), None, now.branch, left)
        merged = _merged(git_dir)
        head, before = git.line("rev-parse", "HEAD", "HEAD^{tree}").split("\n")
        if head != now.head:
            continue
        if tree == before and not merged:
            return Snapshot(head, head, now.branch, left)
        return Snapshot(commit(git, tree, (head, *merged), message), head, now.branch, left)
    raise Refused(f"'{git.cwd}': commits are being made there right now", hint="run the command again")


def converted(git: Git, before: str | None, after: str) -> list[str]:
    """The files that the commit `after` has anew since `before` and that a checkout of it may not give back as they are.

    Those are the files that git changes on the way in, as its attributes and settings say (line ends, filters,
    encodings, `$Id$`), or may change on the way out (gitattributes(5)), and those of which it does not know the mode.
    """
    parts = git.fields(
        *("diff-tree", "-r", "-z", "--root", "--no-commit-id", "--no-renames", "--diff-filter=d"),
        *([before] if before else []),
        after,
    )
    entries = ((path, *how.split(" ")[1:4:2]) for how, path in zip(parts[::2], parts[1::2], strict=True))
    blobs: dict[str, str] = {}
    changed: set[str] = set()
    usual = {"100644": 0o666 & ~files.umask(), "100755": 0o777 & ~files.umask()}
    for path, mode, blob in entries:
        place = git.cwd / path
        if mode in usual and place.is_file():
            blobs[path] = blob
            if stat.S_IMODE(place.lstat().st_mode) != usual[mode]:
                changed.add(path)
    if not blobs:
        return []
    paths = list(blobs)
    feed = "".join(f"{git.cwd / path}\n" for path in paths if "\n" not in path)
    raw = iter(git.line("hash-object", "--no-filters", "--stdin-paths", feed=feed).split() if feed else ())
    # hash-object reads lines: of a name with a line end in it nothing is known.
    changed |= {path for path in paths if "\n" in path or next(raw) != blobs[path]}
    settings = ("core.autocrlf", "core.eol")
    values = [git.run("config", "--get", key, ok=(0, 1)).out.strip().lower() for key in settings]
    if values[0] not in ("", "false", "no", "off", "0", "input") or values[1] == "crlf":
        return paths
    asked = "".join(f"{path}\0" for path in paths)
    told = git.fields("check-attr", "-z", "--stdin", "eol", "filter", "ident", "working-tree-encoding", feed=asked)
    for path, name, value in zip(told[::3], told[1::3], told[2::3], strict=True):
        if value not in ("unspecified", "unset") and (name, value) != ("eol", "lf"):
            changed.add(path)
    return [path for path in paths if path in changed]


def _sort(git: Git, now: Status, secret: Callable[[str], bool]) -> tuple[list[str], tuple[str, ...]]:
    """The paths that a snapshot brings up to date, and those it leaves out."""
    untracked = [*now.untracked, *_files(git.cwd, now.ignored)]
    suspects = [path for path in now.changed if secret(path)]
    if suspects:  # `git add -N` tracks a name, not what is in it (git-diff-files(1) shows it as added)
        named = git.fields("diff-files", "-z", "--name-only", "--diff-filter=A", "--no-renames")
        untracked += [path for path in suspects if path in named]
    hidden = {path for path in untracked if secret(path)}
    wanted, left = [], dict.fromkeys(path for path in untracked if path in hidden)
    paths = [path for path in dict.fromkeys([*now.changed, *untracked]) if path not in hidden]
    gone = set(split(git.cwd, paths)[1])
    for path in paths:
        kind = "nothing" if path in gone else kind_of(git.cwd / path)
        if kind in ("repository", "other"):
            left[f"{path.rstrip('/')}/" if kind == "repository" else path] = None
        if kind != "other" and not path.endswith("/"):
            wanted.append(path)
    return wanted, tuple(left)


def kind_of(place: Path) -> str:
    """What stands at `place`; of a repository inside only its commit is known, and only when it is a submodule."""
    try:
        mode = place.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return "nothing"
    if stat.S_ISDIR(mode):
        return "repository" if os.path.lexists(place / ".git") else "nothing"
    return "file" if stat.S_ISREG(mode) or stat.S_ISLNK(mode) else "other"


def _files(top: Path, paths: Sequence[str]) -> list[str]:
    """The files below `paths`, of which those that end with `/` are directories that git did not look into."""
    found = []
    waiting = list(paths)[::-1]
    while waiting:
        path = waiting.pop()
        if not path.endswith("/") or os.path.lexists(top / path / ".git"):
            found.append(path)
            continue
        with os.scandir(top / path) as entries:
            inside = sorted((entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries)
        waiting += [f"{path}{name}{'/' if is_directory else ''}" for name, is_directory in reversed(inside)]
    return found


def split(top: Path, paths: Sequence[str]) -> tuple[list[str], list[str]]:
    """The paths that stand where git says, and those that went: a link stands where one of their directories was."""
    links: dict[str, bool] = {"": False}

    def beyond(directory: str) -> bool:
        if directory not in links:
            links[directory] = beyond(directory.rpartition("/")[0]) or (top / directory).is_symlink()
        return links[directory]

    gone = [path for path in paths if beyond(path.rpartition("/")[0])]
    return [path for path in paths if not links[path.rpartition("/")[0]]], gone


def _tree(git: Git, git_dir: Path, paths: Sequence[str], gone: Sequence[str], hidden: Sequence[str]) -> str:
    """The tree of the index with `paths` as they stand on disk, unmerged ones too, and without those that are `gone`."""
    import tempfile  # 5 ms to import

    with tempfile.TemporaryDirectory(prefix="git-par-index-") as directory:
        index = Path(directory) / "index"
        if (git_dir / "index").exists():
            # Git takes what changed after the index was written for changed, so the copy must not look younger.
            shutil.copy2(git_dir / "index", index)
        env = {"GIT_INDEX_FILE": str(index)}
        for some, how in (
            (hidden, ["--no-assume-unchanged"]),
            (hidden, ["--no-skip-worktree"]),
            (gone, ["--force-remove"]),
            (paths, ["--add", "--remove", "--replace"]),
        ):
            if some:
                feed = "".join(f"{path}\0" for path in some)
                git.run(*_PLAIN, "update-index", *how, "-z", "--stdin", feed=feed, env=env)
        return git.run(*_PLAIN, "write-tree", env=env).out.strip()


def _merged(git_dir: Path) -> tuple[str, ...]:
    """What is being merged into the checkout, which a commit would have as further parents."""
    try:
        return tuple((git_dir / "MERGE_HEAD").read_text(encoding="ascii").split())
    except FileNotFoundError:
        return ()


def commit(git: Git, tree: str, parents: Sequence[str], message: str) -> str:
    """A commit of `tree`, in git-par's own name."""
    named = [word for parent in parents for word in ("-p", parent)]
    return git.run("commit-tree", tree, *named, "-F", "-", feed=f"{message}\n", env=_IDENTITY).out.strip()
