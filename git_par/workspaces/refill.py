"""Fill the pool in the background, after a spare was claimed: `python -m git_par.workspaces.refill REPOSITORY`.

It yields to everything else on the machine, says nothing, and ends when somebody else is filling, or when all is gone.
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from git_par import environ
from git_par.errors import ParError
from git_par.state.session import Session
from git_par.workspaces import spares


def later(session: Session, commit: str) -> None:
    """Start filling in the background, when fewer spares stand ready at `commit` than are wanted."""
    wanted = spares.wanted(session)
    if not wanted:
        return
    from git_par.spawn import background

    found = spares.find(session.repo)
    if sum(spare.ready and spare.record is not None and spare.record.commit == commit for spare in found) < wanted:
        place = session.repo.main or session.repo.common
        background.start([*background.gently(), sys.executable, "-m", "git_par.workspaces.refill", str(place)])


def run(place: Path) -> None:
    """Fill the pool of the repository at `place`, until as many are ready as are wanted."""
    from git_par.workspaces import pooling  # add, which has this module, needs none of it

    session = Session(("pool", "fill"), lambda _: None, cwd=place)
    wanted = spares.wanted(session)
    while wanted:
        with session.locks.idle_pool() as got:
            if not got:
                return  # whoever fills now looks once more when he is done
            done = pooling.fill(session, wanted)
        # Some may have been claimed while it was looking at them.
        if done.short or sum(spare.ready for spare in spares.find(session.repo)) >= wanted:
            return


if __name__ == "__main__":
    os.nice(19)
    for name in environ.REPO_VARS:
        os.environ.pop(name, None)
    with suppress(ParError, OSError, AssertionError):
        run(Path(sys.argv[1]))
