"""The check that git asks for before a commit, in a process that runs for a task: may it change these files?"""

import os
from pathlib import Path
from shlex import quote

from git_par.errors import Status
from git_par.landing import ownership
from git_par.names import some
from git_par.report import Report
from git_par.state.session import Session


def run(session: Session) -> Report:
    """Refuse the commit when it has files that the task of this workspace does not own."""
    task = session.here()
    if task is None or not task.owns:
        return Report()
    repo = session.repo
    try:
        merging = (repo.git_dir / "MERGE_HEAD").read_text().split()
    except FileNotFoundError:
        merging = []
    index = os.environ.get("GIT_INDEX_FILE")  # that of `git commit FILE` is none of the usual ones
    found = ownership.staged(repo, repo.here, task, merging, str(Path(index).absolute()) if index else None)
    if not found:
        return Report()
    name = quote(task.name)
    return Report(
        talk=[
            f"git par: {task.name}: not committed: it does not own {some(found, 10)}",
            f"hint: git restore --staged -- {quote(found[0])}, or git par set {name} --owns GLOB ...",
        ],
        status=Status.PARTIAL,
    )
