"""How one task comes onto the planned commit.

Mostly in the object database, where nobody's checkout is touched and nothing has to be written out.  What needs a checkout,
because hooks, drivers or submodules have a say, goes to the workshop; the rest of a merge does not see the difference.
"""

from dataclasses import dataclass

from git_par.landing import message, replay, trees
from git_par.landing.attributes import AtStake, Attributes
from git_par.landing.audit import Step
from git_par.landing.jobs import Clashing, Job, Made, Outcome, Way
from git_par.landing.planned import Strategy
from git_par.landing.workshop import Workshop


@dataclass(frozen=True)
class Steps:
    """Brings the tasks of one batch onto the plan, one after the other."""

    way: Way
    attributes: Attributes
    workshop: Workshop
    is_far: bool = True
    """Whether merge bases are to be shown to git; where all tasks stand on the base as it is, it finds them at once."""

    def take(self, job: Job) -> Outcome:
        """Bring one task onto the plan."""
        way = self.way
        if way.strategy is Strategy.FF and job.roots == (job.onto,):
            return Made(job.tip)
        if way.strategy is Strategy.REBASE and job.roots == (job.onto,) and replay.is_linear(way, job):
            return Made(job.tip)
        stepwise = way.strategy is Strategy.REBASE
        stake = self.attributes.at_stake(job.bases, job.onto, job.tip, stepwise=stepwise)
        if why := self._private(job, stake):
            return self.workshop.take(job, why, stake.driven)
        done = self._rebase(job) if way.strategy is Strategy.REBASE else self._merge(job)
        if isinstance(done, Clashing) and (why := self.workshop.may_solve(done.kinds)):
            return self.workshop.take(job, why, stake.driven)
        return done

    def _private(self, job: Job, stake: AtStake) -> str:
        """Why this step needs a checkout; empty when it does not."""
        if hooks := self.workshop.hooks:
            return f"hooks: {', '.join(hooks)}"
        if stake.driven:
            return "merge drivers"
        if stake.marked and not self.attributes.are_named(job.onto, job.tip):
            return "attributes"
        return ""

    def _merge(self, job: Job) -> Outcome:
        way, repo = self.way, self.way.repo
        bases = job.bases if self.is_far or job.landed else ()
        named = self.attributes.are_named(job.onto, job.theirs)
        merged = trees.merge(repo, job.onto, job.theirs, bases=bases, attributes=named)
        if merged.clashes:
            return Clashing(merged.clashes, merged.kinds)
        if way.strategy is Strategy.SQUASH:
            if merged.tree == trees.tree_of(repo, job.onto):
                return None
            text, env = message.squash(repo, way.words, job.item, job.tip, job.known)
            commit = way.commit(merged.tree, (job.onto,), text, env)
        else:
            text = message.merge(repo, way.words, job.item, job.tip)
            commit = way.commit(merged.tree, (job.onto, job.tip), text)
        return Made(commit, (Step(job.bases, job.onto, job.tip, commit),))

    def _rebase(self, job: Job) -> Outcome:
        repo, onto, steps = self.way.repo, job.onto, []
        for piece in replay.pieces(repo, job):
            bases = replay.bases(repo, onto, piece, job.landed)
            named = self.attributes.are_named(onto, piece.commit)
            merged = trees.merge(repo, onto, piece.commit, bases=bases, attributes=named)
            if merged.clashes:
                return Clashing(merged.clashes, merged.kinds)
            if merged.tree == trees.tree_of(repo, onto) and not piece.is_empty:
                continue  # it is in already
            text, env = replay.words(self.way, job, piece)
            commit = self.way.commit(merged.tree, (onto,), text, env)
            steps.append(Step(bases, onto, piece.commit, commit))
            onto = commit
        return Made(onto, tuple(steps)) if onto != job.onto else None
