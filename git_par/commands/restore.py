"""`git par restore`: bring a removed task back from what was kept of it."""

from collections.abc import Sequence
from shlex import quote

from git_par import names
from git_par.commands import choose, facts
from git_par.errors import Status, UsageError
from git_par.names import some
from git_par.report import Report
from git_par.state.session import Session
from git_par.workspaces import environment, kept, restore
from git_par.workspaces.kept import Keepsake


def run(session: Session, name: str | None, *, new: str | None, stamp: str | None) -> Report:
    """Make the task again as it was removed last, or at `stamp`; its path is the answer."""
    if new is not None and (problem := names.task_problem(new)):
        again = f"git par restore {quote(name)}" if name else "git par restore NAME"
        raise UsageError(f"'{new}': {problem}", hint=f"{again} --as NEW, with another name")
    environment.check_settings(session)
    if name is None:
        picked = choose.kept(session, "restore", "NAME", stamp)
        name, stamp = picked.task.name, picked.stamp
        session = session.naming(name, *(() if "--at" in session.argv else ("--at", stamp)))
    found = kept.find(session.repo, name)
    keepsake = _chosen(session, found, name, stamp)
    hooks = facts.hooks(session, "post-add")
    with session.journal.operation() as operation:
        task = restore.bring_back(session, keepsake, operation, name=new)
    problem = hooks.added(task)
    others = [one.stamp for one in found if one.stamp != keepsake.stamp]
    talk = [f"{task.name}: restored as it was removed at {keepsake.stamp}"]
    talk += [f"hint: git par restore {quote(name)} --at {one} brings back an older one" for one in others[:1]]
    if problem:
        talk.append(f"{task.name}: {problem}")
    return Report(
        data=lambda: {
            "tasks": [fact.as_json() for fact in facts.gather(session, [task])],
            "kept": {"ref": keepsake.ref, "files": str(keepsake.files) if keepsake.files else None},
            "others": others,
        },
        lines=[task.path],
        talk=talk,
        status=Status.FAILED if problem else Status.DONE,
    )


def _chosen(session: Session, found: Sequence[Keepsake], name: str, stamp: str | None) -> Keepsake:
    if not found:
        others = list(dict.fromkeys(one.task.name for one in kept.find(session.repo)))
        if session.tasks.get(name):
            raise UsageError(f"{name}: it was not removed", hint=f"git par path {quote(name)}")
        what = f"kept are {some(others)}" if others else "nothing is kept in this repository"
        hint = f"git par restore {quote(others[0])}" if others else "see 'git reflog' for lost commits"
        raise UsageError(f"{name}: nothing is kept of it; {what}", hint=hint)
    if stamp is None:
        return found[0]
    for one in found:
        if one.stamp == stamp:
            return one
    stamps = [one.stamp for one in found]
    raise UsageError(f"--at {stamp}: kept at {some(stamps)}", hint=f"git par restore {quote(name)} --at {stamps[0]}")
