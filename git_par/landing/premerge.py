"""Ask the user's pre-merge hooks about what would land: each may refuse a task, and may change it before it lands."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from shlex import quote

from git_par.landing import fitness, integrated
from git_par.landing.planned import Skipped
from git_par.landing.select import Batch, Item
from git_par.workspaces import hooks
from git_par.workspaces.hooks import Hooks, Matter

_IN = frozenset(("same-commit", "ancestor", "landed"))
"""A tip that is in its base so does not land."""


@dataclass
class Asked:
    """What the hooks had to say of each branch of one merge."""

    hooks: Hooks
    allow_dirty: bool
    allow_foreign: bool
    into: str | None
    vetoed: dict[str, Skipped]
    """Branches that are left out, also for other reasons."""
    _passed: dict[str, str] = field(default_factory=dict)
    """The tip of each branch when its hooks had passed it, with what they committed there."""

    def ask(self, batch: Batch) -> None:
        """Ask about all that would land and was not asked about, or has moved since.

        Call it without any lock but that of the queue.
        """
        session = self.hooks.session
        tips = session.repo.branches()
        before = tips.get(f"refs/heads/{batch.base}")
        ready, _, _ = fitness.inspect(
            session,
            batch,
            tips,
            allow_dirty=self.allow_dirty,
            allow_foreign=self.allow_foreign,
            into=self.into,
            vetoed=self.vetoed,
        )
        for item, tip in ready:
            if before is None or self._passed.get(item.branch) == tip:
                continue
            found = integrated.verdict(
                session.repo, tip, [(batch.base, before)], item.task.landed if item.task else None
            )
            if found.reason in _IN and not found.reverted:
                continue
            matter = about(self.hooks, item, batch.base, {"before": before, "after": None, "tip": tip, "commit": None})
            if why := self.hooks.run("pre-merge", matter):
                hint = hooks.without("pre-merge", f"merge {quote(item.name)}")
                self.vetoed[item.branch] = Skipped(item, "vetoed", why, hint)
            else:
                self._passed[item.branch] = session.repo.git.commit(item.ref) or tip

    def has_passed(self, item: Item, tip: str) -> bool:
        """Whether `item` may land as it stands at `tip`."""
        return self._passed.get(item.branch) == tip


def about(asked: Hooks, item: Item, base: str, merge: Mapping[str, str | None]) -> Matter:
    """What hooks are told of a merge of `item` into `base`."""
    record = asked.session.tasks.get(item.task.name) if item.task else None
    told = {"base": base, **merge}
    return Matter(item.name, item.branch, base, record, asked.describe(record) if record else None, told)
