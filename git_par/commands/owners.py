"""Which files several tasks own: to be said, and no reason to refuse anything."""

from collections.abc import Sequence
from itertools import product

from git_par.names import some
from git_par.state.session import Session
from git_par.state.tasks import Task
from git_par.workspaces import owned
from git_par.workspaces.owned import Owned


def shared(session: Session, tasks: Sequence[Task]) -> list[str]:
    """For each of `tasks` the files that another living task of the same base owns too; each pair is said once."""
    mine = [task for task in tasks if task.owns]
    others = [task for task in session.tasks.all() if task.owns] if mine else []
    said: list[str] = []
    done: set[str] = set()
    for task in mine:
        done.add(task.name)
        rivals = [one for one in others if one.name not in done and one.base == task.base]
        listed = ("ls-tree", "-r", "-z", "--name-only", "--full-tree", task.base_commit)
        # A commit that is not here any more is no reason to fail: then only what is named in both is found.
        files = session.repo.git.run(*listed, ok=range(256)).out.split("\0")[:-1] if rivals else []
        for one in rivals:
            pairs = product(task.owns, one.owns)
            both = owned.overlap(Owned(task.owns), Owned(one.owns), files, pairs, owned.directories(files))
            if both:
                said.append(f"{task.name}: {one.name} owns {some(both)} too")
    return said
