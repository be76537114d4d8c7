"""`git par set`: change what is recorded of tasks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from git_par.errors import UsageError
from git_par.report import Report
from git_par.state.session import Session
from git_par.state.tasks import Task


@dataclass(frozen=True)
class Options:
    """What is to change; None leaves a field as it is, an empty text clears it."""

    base: str | None = None
    title: str | None = None
    group: str | None = None
    owns: tuple[str, ...] | None = None
    protected: bool | None = None


def run(session: Session, wanted: Sequence[str], options: Options) -> Report:
    """Change the records of the `wanted` tasks, all of them or none."""
    fields = _fields(session, options)
    if not fields:
        raise UsageError("set: nothing to change", hint="git par set NAME --base, --title, --group, --owns, --protect")
    found = list({task.name: task for task in map(session.named, wanted)}.values())
    for task in found:
        if "base" in fields and _is_based_on(session, fields["base"], task.branch):
            raise UsageError(
                f"{task.name}: it cannot be based on itself", hint="git par set NAME --base BRANCH, with another branch"
            )
    changed = []
    with session.journal.operation() as operation, session.locks.every_task([task.name for task in found]):
        for task in found:
            before = session.tasks.expect(task.name)
            after = session.tasks.change(task.name, **fields)
            operation.entry.task(before, after)
            changed += [after] if after else []
    shared = _shared(session, changed) if "owns" in fields or "base" in fields else []
    return Report(
        data=lambda: {"changed": [task.name for task in found]},
        talk=[*(f"{task.name}: {_said(fields)}" for task in found), *shared],
    )


def _is_based_on(session: Session, branch: str, other: str) -> bool:
    """Whether `branch` is `other`, or leads there from base to base."""
    bases = {task.branch: task.base for task in session.tasks.all()}
    seen: set[str] = set()
    while branch in bases and branch != other and branch not in seen:
        seen.add(branch)
        branch = bases[branch]
    return branch == other


def _fields(session: Session, options: Options) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    if options.base is not None:
        base = options.base.removeprefix("refs/heads/")
        commit = session.repo.git.commit(f"refs/heads/{base}")
        if commit is None:
            raise UsageError(f"--base {options.base}: no such local branch", hint="see 'git branch'")
        fields |= {"base": base, "base_commit": commit}
    if options.title is not None:
        fields["title"] = options.title or None
    if options.group is not None:
        fields["group"] = options.group or None
    if options.owns is not None:
        from git_par.workspaces import owned  # few ask

        fields["owns"] = owned.wanted(options.owns)
    if options.protected is not None:
        fields["protected"] = options.protected
    return fields


def _shared(session: Session, changed: Sequence[Task]) -> list[str]:
    from git_par.commands import owners

    return owners.shared(session, changed)


def _said(fields: dict[str, Any]) -> str:
    words = []
    for key, value in fields.items():
        if key == "protected":
            words.append("protected" if value else "no longer protected")
        elif key == "owns":
            words.append(f"owns now {', '.join(value)}" if value else "may change all files")
        elif key != "base_commit":
            words.append(f"{key} is now {value}" if value else f"no {key} any more")
    return ", ".join(words)
