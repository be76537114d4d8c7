"""`git par pool`: fill the pool of spares, empty it, or say how it stands."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from git_par.errors import Refused, Status, UsageError
from git_par.repo import is_true
from git_par.report import Report, Table
from git_par.state.session import Session
from git_par.workspaces import pooling, spares
from git_par.workspaces.pooling import Filled, Standing


class Action(StrEnum):
    """What is to be done with the pool."""

    FILL = "fill"
    DRAIN = "drain"
    STATUS = "status"


def run(session: Session, action: Action) -> Report:
    """Do it, and report all spares as they stand then."""
    session.settings.size("poolMinFree")
    wanted = session.settings.number("pool")
    if action is Action.FILL:
        return _fill(session, wanted)
    if action is Action.DRAIN:
        return _drain(session, wanted)
    return _report(session, wanted, Filled(), [])


def _fill(session: Session, wanted: int) -> Report:
    if not wanted:
        raise UsageError(
            "par.pool: it is 0, so no spares are wanted", hint="git config par.pool 2, or git par pool drain"
        )
    if is_true(session.repo.setting("core.sparsecheckout")):
        raise Refused(
            "pool: the main checkout is sparse, and spares are whole",
            hint="git config par.pool 0, or git par add without",
        )
    with session.locks.pool():
        done = pooling.fill(session, wanted)
    if done.short and not (done.made or done.moved or done.ready):
        raise Refused(f"pool: {done.short}", hint="git config par.poolMinFree SIZE, or make room: git par prune")
    return _report(session, wanted, done, [done.short] if done.short else [])


def _drain(session: Session, wanted: int) -> Report:
    with session.locks.pool():
        done = pooling.drain(session)
    return _report(session, wanted, done, [])


def _report(session: Session, wanted: int, done: Filled, talk: Sequence[str]) -> Report:
    commit = session.repo.git.commit("HEAD")
    found = pooling.look(session, commit)
    rows = [[str(one.spare.path), one.state, _at(one)[:8], one.detail] for one in found]
    said = [
        *(f"filled {path}" for path in done.made),
        *(f"brought up to date {path}" for path in done.moved),
        *(f"removed {path}" for path in done.dropped),
        *(f"left {path}: {why}" for path, why in done.left),
        *talk,
    ]
    return Report(
        data=lambda: {
            "wanted": wanted,
            "directory": str(spares.directory(session.repo)),
            "free": pooling.free_bytes(session.repo.workspaces),
            "min_free": session.settings.size("poolMinFree"),
            "counts": {state: sum(one.state == state for one in found) for state in pooling.STATES},
            "spares": [_as_json(one) for one in found],
            "filled": list(map(str, done.made)),
            "updated": list(map(str, done.moved)),
            "removed": list(map(str, done.dropped)),
            "left": [{"path": str(path), "detail": why} for path, why in done.left],
        },
        table=Table(["SPARE", "STATE", "COMMIT", "NOTE"], rows) if found else None,
        talk=[*said, _summary(found, wanted)],
        status=Status.PARTIAL if done.left or done.short else Status.DONE,
    )


def _summary(found: Sequence[Standing], wanted: int) -> str:
    counts = [f"{number} {state}" for state in pooling.STATES if (number := sum(one.state == state for one in found))]
    want = "par.pool is 0: git config par.pool N wants some" if not wanted else f"par.pool is {wanted}"
    return f"{', '.join(counts) or 'no spares'}; {want}"


def _at(one: Standing) -> str:
    return one.spare.record.commit if one.spare.record else ""


def _as_json(one: Standing) -> dict[str, Any]:
    return {"path": str(one.spare.path), "state": one.state, "commit": _at(one) or None, "detail": one.detail or None}
