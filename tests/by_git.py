"""What git itself makes of branches that come home one after the other, in a checkout, as a person would do it."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.world import World


@dataclass(frozen=True)
class Result:
    """What a series of merges came to."""

    merged: tuple[str, ...]
    conflicts: dict[str, frozenset[str]]
    already: tuple[str, ...]
    unrelated: tuple[str, ...]
    tree: str


@dataclass
class ByGit:
    """The checkout `at`, detached; `landed` are tips that are in under other commits, by the branch that brought them."""

    world: World
    at: Path
    strategy: str
    landed: Mapping[str, str] = field(default_factory=dict)
    brought: list[str] = field(default_factory=list)
    """Those of this series."""

    def all(self, base: str, names: Iterable[str]) -> Result:
        """One after the other; those in conflict are taken back."""
        self.git("checkout", "-q", "--detach", base)
        merged: list[str] = []
        already: list[str] = []
        unrelated: list[str] = []
        conflicts: dict[str, frozenset[str]] = {}
        for name in names:
            before = self.head()
            if not self.roots(before, name):
                unrelated.append(name)
            elif self.landed.get(name) == self.world.rev(name):
                already.append(name)
            elif self.land(name):
                (merged if self.head() != before else already).append(name)
            else:
                unmerged = self.git("ls-files", "-u", "-z").split("\0")[:-1]
                aside = re.compile(r"~(HEAD|[^/~]*)(_[0-9]+)?$")
                conflicts[name] = frozenset(aside.sub("", line.partition("\t")[2]) for line in unmerged)
                self.world.try_git("rebase", "--quit", cwd=self.at)
                self.git("checkout", "-q", "-f", "--detach", before)
                self.git("clean", "-qfdx")
        return Result(tuple(merged), conflicts, tuple(already), tuple(unrelated), self.git("rev-parse", "HEAD^{tree}"))

    def land(self, name: str) -> bool:
        """Bring one branch home; whether it came without a conflict."""
        tip = self.world.rev(name)
        extra = self.extra(tip)
        if self.strategy == "--rebase":
            return self.rebase(tip, extra)
        if self.strategy == "--squash":
            return self.squash(tip, extra) and self.note(tip)
        if not extra:
            return self.try_git("merge", "-q", "--no-edit", self.strategy, tip)
        if not self.apply(tip, extra):
            return False
        if not self.within(tip, self.head()):
            tree = self.git("write-tree")
            self.git("reset", "-q", "--hard", self.git("commit-tree", tree, "-p", "HEAD", "-p", tip, "-m", "merged"))
        return True

    def note(self, tip: str) -> bool:
        self.brought.append(tip)
        return True

    def extra(self, tip: str) -> list[str]:
        """What of `tip` is in already, under other commits."""
        candidates = [*self.brought, *(one for one in self.landed.values() if one != tip)]
        return [one for one in dict.fromkeys(candidates) if self.within(one, tip) and not self.within(one, self.head())]

    def squash(self, tip: str, extra: Sequence[str]) -> bool:
        """All that `tip` has, as one commit."""
        if not self.apply(tip, extra):
            return False
        if not self.try_git("diff", "--cached", "--quiet"):
            self.git("commit", "-qm", "squashed")
        return True

    def apply(self, tip: str, extra: Sequence[str]) -> bool:
        """What `tip` adds, in the index and the checkout."""
        roots = self.roots(self.head(), tip)
        bases = self.git("merge-base", "--independent", *extra, *roots).split() if extra else roots
        if bases == roots:
            return self.try_git("merge", "-q", "--squash", tip)
        if len(bases) == 1:
            step = self.git("commit-tree", f"{tip}^{{tree}}", "-p", bases[0], "-m", "all of it")
            return self.try_git("cherry-pick", "--no-commit", step)
        # Git takes several merge bases only from a history.
        here = self.git("commit-tree", "HEAD^{tree}", *(word for base in bases for word in ("-p", base)), "-m", "here")
        before = self.head()
        self.git("checkout", "-q", "--detach", here)
        clean = self.try_git("merge", "-q", "--squash", tip)
        self.git("update-ref", "--no-deref", "HEAD", before)
        return clean

    def rebase(self, tip: str, extra: Sequence[str]) -> bool:
        """`git rebase` of what comes after the last merge; what is before it is solved already, and comes as one."""
        before = cut = self.head()
        cut, merge = tip, False
        while not any(self.within(cut, one) for one in (before, *extra)):
            parents = self.git("rev-parse", f"{cut}^@").split()
            if merge := len(parents) != 1:
                break
            cut = parents[0]
        if merge and not self.squash(cut, extra):
            return False
        onto = self.head()
        done = self.try_git("rebase", "-q", "--reapply-cherry-picks", "--empty=drop", "--onto", onto, cut, tip)
        if not done:
            return False
        if self.head() != tip:
            self.note(tip)
        return True

    # git

    def roots(self, ours: str, theirs: str) -> list[str]:
        return self.world.try_git("merge-base", "--all", ours, theirs, cwd=self.at).out.split()

    def within(self, commit: str, tip: str) -> bool:
        return self.try_git("merge-base", "--is-ancestor", commit, tip)

    def head(self) -> str:
        return self.world.rev("HEAD", cwd=self.at)

    def git(self, *args: str) -> str:
        return self.world.git(*args, cwd=self.at)

    def try_git(self, *args: str) -> bool:
        """Whether git says yes; anything but yes and no is an error of the test."""
        done = self.world.try_git(*args, cwd=self.at)
        assert done.status in (0, 1), (args, done)
        return done.status == 0
