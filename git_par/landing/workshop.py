"""Merge in a private workspace, where something has a say that only works in a checkout.

That is the repository's merge hooks, merge drivers and attributes, and what rerere recorded.  A real `git merge`,
`git commit` or `git cherry-pick` runs there; what it makes is published as any plan is.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from git_par.git import Git, Reply
from git_par.landing import message, replay, trees
from git_par.landing.audit import Step
from git_par.landing.hooks import hooks_directory, lend
from git_par.landing.jobs import Clashing, Job, Made, Outcome, Vetoed, Way
from git_par.landing.planned import Strategy
from git_par.repo import is_true
from git_par.state.session import Session
from git_par.workspaces import registry

if TYPE_CHECKING:  # most merges never need one
    from git_par.workspaces.private import Private

_HOOKS = {
    Strategy.NO_FF: ("pre-merge-commit", "prepare-commit-msg", "commit-msg"),
    Strategy.FF: ("pre-merge-commit", "prepare-commit-msg", "commit-msg"),
    Strategy.SQUASH: ("pre-commit", "prepare-commit-msg", "commit-msg"),
    Strategy.REBASE: ("prepare-commit-msg", "commit-msg"),
}
"""What git itself would run (githooks(5)), besides what only looks on."""

_PLAIN = frozenset(("CONFLICT (contents)", "CONFLICT (add/add)"))
_NO_EDITOR = {"GIT_EDITOR": ":", "GIT_SEQUENCE_EDITOR": ":", "GIT_MERGE_AUTOEDIT": "no"}


@dataclass
class Workshop:
    """The private workspace of one batch: made when the first step needs it, given back at the end."""

    session: Session
    way: Way
    base: str
    _stack: ExitStack = field(default_factory=ExitStack)
    _private: "Private | None" = None

    @contextmanager
    def opened(self) -> Iterator["Workshop"]:
        """Give the workspace back when the block is done."""
        with self._stack:
            yield self

    @cached_property
    def hooks(self) -> tuple[str, ...]:
        """The hooks of the repository that have a say in merges of this strategy."""
        return tuple(name for name in _HOOKS[self.way.strategy] if os.access(self._hooks_place / name, os.X_OK))

    @cached_property
    def _hooks_place(self) -> Path:
        return hooks_directory(self.session.repo, self.base)

    def may_solve(self, kinds: frozenset[str]) -> str:
        """Why a checkout may merge what conflicts in the object database; empty when it will not."""
        return "recorded resolutions" if kinds and kinds <= _PLAIN and self._records else ""

    @cached_property
    def _records(self) -> bool:
        """Whether rerere is on; where nothing is said, git goes by its directory (git-rerere(1))."""
        repo = self.session.repo
        chosen = repo.setting("rerere.enabled")
        return is_true(chosen) if chosen is not None else (repo.common / "rr-cache").is_dir()

    def take(self, job: Job, why: str, driven: tuple[str, ...]) -> Outcome:
        """Bring one task onto the plan by real git commands; `why` they are needed goes into the report."""
        if self.way.strategy is Strategy.REBASE:
            done = self._replay(job)
        elif self.way.strategy is Strategy.SQUASH:
            done = self._squash(job, job.tip)
        else:
            done = self._merge(job)
        return replace(done, private=why, driven=driven) if isinstance(done, Made) else done

    def _merge(self, job: Job) -> Outcome:
        ours = self._stand_at(job.onto, job.bases if job.landed else ())
        text = message.merge(self.session.repo, self.way.words, job.item, job.tip)
        how = ("--no-ff", "--no-edit", "--no-log", "--into-name", self.base, "-m", text)
        stopped = self._settle(self._git_merge(job.theirs, *how), ours, job.theirs)
        return stopped or self._made(ours, Step(job.bases, job.onto, job.tip, ""), job.tip)

    def _squash(self, job: Job, tip: str) -> Outcome:
        """All that the task did up to `tip`, as one commit."""
        bases = job.bases if tip == job.tip else self._bases(job, tip)
        theirs = job.theirs if tip == job.tip else tip
        ours = self._stand_at(job.onto, bases if job.landed else ())
        reply = self._git_merge(theirs, "--squash", "--ff")  # merge.ff may forbid either
        if self._unmerged() and not self._solve(ours, theirs):
            return Clashing(trees.in_place(self._unmerged(), ours, theirs))
        if not self._unmerged() and reply.code:
            return self._stopped(reply, ours, theirs)
        if self._git.holds("diff-index", "--quiet", "--cached", ours):
            return None
        text, env = message.squash(self.session.repo, self.way.words, job.item, tip, job.known)
        reply = self._run("commit", "--quiet", *self._signed, "-F", "-", feed=text, env=env)
        if self._head() == ours:
            return Vetoed(_first_line(reply))
        return self._made(ours, Step(bases, job.onto, tip, ""))

    def _replay(self, job: Job) -> Outcome:
        onto, steps = job.onto, list[Step]()
        pieces = replay.pieces(self.session.repo, job)
        if pieces and pieces[0].is_single:
            self._stand_at(onto)
        for piece in pieces:
            done = self._pick(onto, piece) if piece.is_single else self._squash(job, piece.commit)
            if isinstance(done, Clashing | Vetoed):
                return done
            if done is not None:
                onto = done.commit
                steps += done.steps
            if not piece.is_single:
                self._stand_at(onto)  # what git was shown for the merge is no parent of what comes
        return Made(onto, tuple(steps)) if onto != job.onto else None

    def _pick(self, onto: str, piece: replay.Piece) -> Outcome:
        signed_off = ("--signoff",) if self.way.words.signer else ()
        reply = self._run("cherry-pick", "--allow-empty", *self._signed, *signed_off, piece.commit)
        if self._head() == onto and not self._unmerged() and self._git.holds("diff-index", "--quiet", "--cached", onto):
            self._run("cherry-pick", "--quit")
            return None  # it is in already
        # Shown to the merge as what it is: this one commit on the files of the plan.
        stopped = self._settle(reply, trees.on_bases(self.session.repo, onto, (piece.base or onto,)), piece.commit)
        return stopped or self._made(onto, Step((piece.base or onto,), onto, piece.commit, ""))

    def _made(self, ours: str, step: Step, *parents: str) -> Made:
        """What stands in the workspace now, as a commit on the plan; `step` lacks only that."""
        commit = self._head()
        if ours != step.ours:  # git was shown another history, so that it would find the right merge base
            text, env = message.replayed(self.session.repo, message.Words(self.base), commit)
            commit = self.way.commit(trees.tree_of(self.session.repo, commit), (step.ours, *parents), text, env)
        return Made(commit, (replace(step, result=commit),))

    def _settle(self, reply: Reply, ours: str, theirs: str) -> Clashing | Vetoed | None:
        """None when a new commit stands in the workspace; else what stopped git."""
        if unmerged := self._unmerged():
            if not self._solve(ours, theirs):
                return Clashing(trees.in_place(unmerged, ours, theirs))
            reply = self._run("commit", "--quiet", "--no-edit", *self._signed)
        return self._stopped(reply, ours, theirs) if reply.code else None

    def _stopped(self, reply: Reply, ours: str, theirs: str) -> Clashing | Vetoed:
        """Conflicts that leave no entry in the index, such as those of renamed directories, else a hook's veto."""
        merged = trees.merge(self.session.repo, ours, theirs)
        return Clashing(merged.clashes, merged.kinds) if merged.clashes else Vetoed(_first_line(reply))

    def _solve(self, ours: str, theirs: str) -> bool:
        """Whether rerere has solved everything that conflicts, and nothing conflicts that it knows nothing of."""
        unmerged = self._unmerged()
        if not self._records or self._git.run("rerere", "remaining", ok=range(256)).out:
            return False
        merged = trees.merge(self.session.repo, ours, theirs)
        if not merged.kinds <= _PLAIN or set(merged.clashes) != set(unmerged):
            return False
        self._git.run(
            "add",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            feed="".join(f"{one}\0" for one in unmerged),
            env={"GIT_LITERAL_PATHSPECS": "1"},
        )
        return True

    # the workspace

    def _stand_at(self, onto: str, bases: tuple[str, ...] = ()) -> str:
        """Make the workspace ready to merge onto `onto`; the commit it stands at then.

        With `bases` that is one with the files of `onto` and a history in which git finds those merge bases.
        """
        repo = self.session.repo
        ours = trees.on_bases(repo, onto, bases) if bases else onto
        if self._private is None:
            from git_par.workspaces import private

            self._private = self._stack.enter_context(private.claim(self.session, "merge"))
        self._private.stand_at(ours, clean="all")
        lend(self._hooks_place, self._lent)
        return ours

    @property
    def _place(self) -> Path:
        assert self._private is not None, "nothing stands in the workspace yet"
        return self._private.path

    @property
    def _lent(self) -> Path:
        """The hooks that run in the workspace, where `$GIT_DIR/hooks` leads a hook to them too."""
        directory = registry.admin_dir(self.session.repo, self._place)
        assert directory is not None, "nothing stands in the workspace yet"
        return directory / "hooks"

    @property
    def _git(self) -> Git:
        return Git(self._place, env=self.session.repo.git.env)

    @property
    def _signed(self) -> tuple[str, ...]:
        return () if self.way.words.sign else ("--no-gpg-sign",)

    def _head(self) -> str:
        return self._git.line("rev-parse", "--verify", "HEAD")

    def _unmerged(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self._git.fields("diff-files", "-z", "--name-only", "--diff-filter=U")))

    def _bases(self, job: Job, commit: str) -> tuple[str, ...]:
        return replay.bases(self.session.repo, job.onto, replay.Piece(commit, None, is_single=False), job.landed)

    def _git_merge(self, theirs: str, *how: str) -> Reply:
        quietly = ("--no-autostash", "--no-stat", "--no-verify-signatures", "--quiet")
        return self._run("merge", "--strategy=ort", *quietly, *self._signed, *how, theirs)

    def _run(self, *args: str, feed: str = "", env: Mapping[str, str] | None = None) -> Reply:
        """Git as the user would run it there, with hooks; what it ends with is looked at by its effect."""
        given = {**(env or {}), **_NO_EDITOR}
        # What rerere solved is looked at before it counts.
        how = ("-c", "rerere.autoUpdate=false", "-c", f"core.hooksPath={self._lent}")
        return self._git.run(*how, *args, feed=feed, ok=range(256), hooks=True, env=given)


def _first_line(reply: Reply) -> str:
    said = [line.strip() for line in (*reply.err.splitlines(), *reply.out.splitlines()) if line.strip()]
    return said[0] if said else f"exit status {reply.code}"
