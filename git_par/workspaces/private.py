"""Private workspaces: detached worktrees of git-par's own, reused from run to run.

They lie in `<workspaces directory>/.par/<kind>/<n>`.  Who holds the lock of one has it to itself, so that whatever stands
in it was left by somebody who is gone.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from git_par import files
from git_par.errors import GitFailed
from git_par.git import Git
from git_par.repo import Repo
from git_par.state.session import Session
from git_par.workspaces import in_progress, registering, registry, trash
from git_par.workspaces.worktree import PRIVATE, fill, opened

Kind = Literal["gate", "merge"]


@dataclass(frozen=True)
class Private:
    """A private workspace that this process holds; it exists from the first `stand_at` on."""

    session: Session
    path: Path

    @property
    def git(self) -> Git:
        """Git in this workspace."""
        return opened(self.session.repo, self.path)

    def stand_at(self, commit: str, clean: Literal["untracked", "all"] = "untracked") -> None:
        """Make the workspace stand detached at the existing `commit`, with nothing of an earlier use but ignored files.

        With "all" these go too.  A workspace that is damaged, or has files in it that cannot be deleted, is made again.
        """
        if self._is_whole():
            try:
                self._reuse(commit, "-ffdxq" if clean == "all" else "-ffdq")
            except GitFailed:
                self._make(commit)
        else:
            self._make(commit)

    def _is_whole(self) -> bool:
        entry = registry.admin_dir(self.session.repo, self.path)
        return entry is not None and registry.lock_reason(entry) == registry.PRIVATE_LOCK

    def _reuse(self, commit: str, clean: str) -> None:
        entry = registry.admin_dir(self.session.repo, self.path)
        assert entry is not None
        in_progress.abandon(entry)
        if self._hides_changes():
            (entry / "index").unlink()
        # Not `reset --hard`, which would take along a branch that was checked out here.
        self.git.run("checkout", "--detach", "--force", "--quiet", "--no-recurse-submodules", commit, "--")
        self.git.run("clean", clean)

    def _hides_changes(self) -> bool:
        """Whether paths are marked assume-unchanged or skip-worktree, and a checkout would not put them right."""
        return any(entry[0] == "S" or entry[0].islower() for entry in self.git.fields("ls-files", "-v", "-z"))

    def _make(self, commit: str) -> None:
        repo = self.session.repo
        repo.workspaces.mkdir(parents=True, exist_ok=True)
        files.private_directory(self.path.parent)
        if self.path.exists():
            trash.throw(repo.workspaces, self.path, f"{self.path.parent.name}-{self.path.name}")
            trash.sweep_later(repo.workspaces)
        with self.session.locks.repository():
            registering.unregister(repo, self.path)
            registering.register_private(repo, self.path, commit)
        fill(repo, self.path)


@contextmanager
def claim(session: Session, kind: Kind) -> Iterator[Private]:
    """A private workspace for as long as the block runs: the first that nobody has."""
    directory = session.repo.workspaces / PRIVATE / kind
    with session.locks.private(kind, lambda number: _is_ours(session.repo, directory / str(number))) as number:
        yield Private(session, directory / str(number))


def _is_ours(repo: Repo, path: Path) -> bool:
    """Whether `path` is free or was made here; several repositories may share a workspaces directory."""
    entries = registry.entries_for(repo, path)
    if any(registry.lock_reason(entry) not in (None, registry.PRIVATE_LOCK) for entry in entries):
        return False
    if path.is_symlink() or not path.is_dir():
        return not os.path.lexists(path)
    return bool(entries or registry.claimed_entry(repo, path) or not any(path.iterdir()))
