"""What there is in a spare that git-par did not put there: nobody may lose it, so not knowing counts as well."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from git_par import files
from git_par.git import Git
from git_par.names import some
from git_par.state.session import Session
from git_par.workspaces import (
    hidden_edits,
    in_progress,
    nested_repositories,
    regenerable,
    renewal,
    spares,
    status,
    untouched,
    usage,
)
from git_par.workspaces.spares import Record, Spare
from git_par.workspaces.status import Status


def find(session: Session, spare: Spare) -> str:
    """What somebody has in `spare`, or is doing there, in words; empty when it is as git-par left it.

    In one that is not ready, files are none of theirs that a killed git wrote in part, or of the commit it came from.
    """
    record = spare.record
    if record is None:
        inside = sorted(one.name for one in spare.path.iterdir() if one.name != ".git")
        return f"nothing tells how {some(inside)} came into it" if inside else ""
    git = spares.opened(session.repo, spare)
    if busy := in_progress.operation(spare.entry):
        return f"{busy} is in progress in it"
    if spares.head(spare.entry) not in (record.commit, record.was):
        return "another commit is checked out in it"
    if hidden := hidden_edits.find(git, spare.path):
        return f"edited: {some(hidden)}"
    now = status.read(git, untracked="all", ignored=True, seeing=True)
    patterns = session.settings.patterns("regenerable")
    if nested := nested_repositories.find(git, spare.path, now, patterns) + files.mounts_below(spare.path):
        return f"another repository or file system lies inside: {some(nested)}"
    ours = _brought(session, spare, record)
    strange = [*_tracked(git, spare, record, now, ours), *_ignored(git, spare, now, patterns, ours)]
    if strange:
        return f"edited: {some(strange)}"
    if found := usage.users([spare.path])[spare.path]:
        return f"in use by {found[0].command} (process {found[0].pid})"
    return ""


def _brought(session: Session, spare: Spare, record: Record) -> Callable[[str], bool]:
    """Tells of an untracked path whether it came from the main checkout and is as it came, or as it is there."""
    known = {came.path for came in record.copied if untouched.is_as_it_came(spare.path, came)}
    known |= {path for path, text in record.linked if untouched.says(spare.path / path) == text}
    return lambda path: path in known or renewal.is_like_main(session.repo, spare.path, path)


def _tracked(git: Git, spare: Spare, record: Record, now: Status, ours: Callable[[str], bool]) -> list[str]:
    """The changed and the untracked files."""
    untracked = [one for one in now.untracked if not ours(one)]
    commits = [commit for commit in (record.commit, record.was) if commit]
    if spare.ready or not any(git.holds("diff-index", "--cached", "--quiet", commit, "--") for commit in commits):
        return [*now.tracked_dirt, *untracked]
    return [one for one in (*now.changed, *untracked) if not _is_half(git, commits, one)]


def _is_half(git: Git, commits: list[str], path: str) -> bool:
    """Whether what is at `path` is the file of one of the commits, or the beginning of it."""
    place = git.cwd / path
    if not os.path.lexists(place):
        return True
    for commit in commits:
        mode, _, rest = git.run("ls-tree", "-z", commit, "--", f":(top,literal){path}").out.partition(" ")
        if mode == "120000" and place.is_symlink():
            if git.run("cat-file", "blob", rest.split()[1].partition("\t")[0]).out == os.readlink(place):
                return True
            continue
        if mode in ("100644", "100755") and place.is_file() and not place.is_symlink():
            whole = git.run("cat-file", "--filters", f"{commit}:{path}", env=spares.POINTERS).out
            if os.fsencode(whole).startswith(place.read_bytes()):
                return True
    return False


def _ignored(
    git: Git, spare: Spare, now: Status, patterns: Sequence[str], ours: Callable[[str], bool]
) -> Iterator[str]:
    """The ignored files that cannot be made again."""
    for one in now.ignored:
        if not regenerable.matches(git, one, patterns):
            inside = _below(spare.path, one) if one.endswith("/") else [one]
            yield from (path for path in inside if not ours(path))


def _below(path: Path, directory: str) -> list[str]:
    """All that is no directory below one of a spare."""
    listed = files.walk_directories(path / directory.rstrip("/"))
    found = (where / one.name for where, entries in listed for one in entries if not one.is_dir(follow_symlinks=False))
    return [os.path.relpath(one, path) for one in found]
