"""What `git par remove` and `git par prune` say: what went and where it is kept, what stayed and why."""

from dataclasses import dataclass, field
from shlex import quote
from typing import Any

from git_par.colour import Marked, Style
from git_par.state.tasks import Task
from git_par.workspaces.hooks import Matter
from git_par.workspaces.kept import Keepsake
from git_par.workspaces.reasons import Reason


@dataclass(frozen=True)
class Removed:
    """A task that is gone: why it could go, and where what it had is kept."""

    task: Task
    tip: str | None
    reason: str
    kept: Keepsake | None
    standing: bool = False
    matter: Matter | None = None
    """What hooks are told of it, when there are any."""

    def kept_json(self) -> dict[str, Any] | None:
        """The JSON of what is kept."""
        if self.kept is None:
            return None
        return {"ref": self.kept.ref, "files": str(self.kept.files) if self.kept.files else None}


@dataclass
class Sweep:
    """What a removal of several tasks came to."""

    removed: list[Removed] = field(default_factory=list)
    left: list[tuple[Task, list[Reason]]] = field(default_factory=list)
    moved: list[tuple[str, str]] = field(default_factory=list)
    """Tasks that were based on a removed one, and their new base."""
    problems: list[str] = field(default_factory=list)
    """What hooks had to complain of afterwards."""
    dry: bool = False
    offers_force: bool = False
    """Whether to say where force would help."""

    def data(self) -> dict[str, Any]:
        """The JSON of a removal."""
        return {
            "removed": [
                {
                    "name": one.task.name,
                    "branch": one.task.branch,
                    "tip": one.tip,
                    "reason": one.reason,
                    "kept": one.kept_json(),
                }
                for one in self.removed
            ],
            "left": [
                {"name": task.name, "reason": reason.word, "detail": reason.detail}
                for task, found in self.left
                for reason in found
            ],
        }

    def lines(self) -> list[str]:
        """What went, on stdout."""
        word = "would remove" if self.dry else "removed"
        return [f"{word} {one.task.name} ({_why(one.reason)})" for one in self.removed]

    @property
    def talk(self) -> list[str]:
        """What stayed and why, what was kept, and who has a new base."""
        said: list[str] = []
        for task, found in self.left:
            for reason in found:
                said.append(Marked.of(("left", Style.HEED), f" {task.name}: {reason.detail}"))
                if reason.hint:
                    said.append(f"hint: {reason.hint}")
            if self.offers_force and all(reason.yields for reason in found):
                said.append(f"hint: git par remove --force {quote(task.name)} keeps all of it, then removes it")
        for one in self.removed:
            forced = one.reason == "forced"
            if one.kept and one.kept.files:
                what = "files that are in no commit" if forced else "ignored files"
                said.append(f"{one.task.name}: {what} are kept in '{one.kept.files}'")
            if one.kept and forced:
                said.append(f"hint: git par restore {quote(one.task.name)} brings all of it back")
        said += [f"{name}: returns to {base} now" for name, base in self.moved]
        return said + self.problems


def _why(reason: str) -> str:
    words = {
        "same-commit": "the base is at its commit",
        "ancestor": "merged",
        "landed": "merged",
        "same-tree": "the base has the same files",
        "no-added-changes": "it adds nothing",
        "merge-adds-nothing": "the base has its changes",
        "same-patch": "the base has its changes as one commit",
        "gone": "its branch was gone",
        "unfinished": "it was never finished",
        "new": "nothing was committed in it",
        "forced": "by force",
    }
    return words[reason]
