"""Which blocks of ports are free: those of a new task's slot must be nobody's when it is made."""

import errno
import socket
from collections.abc import Iterator
from contextlib import suppress

from git_par.errors import UsageError
from git_par.state.session import Session
from git_par.workspaces import claims, environment

_LAST = 65535

_EVERYWHERE = (
    (socket.AF_INET, "0.0.0.0"),
    (socket.AF_INET6, "::"),
    # A BSD lets these be bound beside a listener at any address, and the other way round.
    (socket.AF_INET, "127.0.0.1"),
    (socket.AF_INET6, "::1"),
)


def block(session: Session, slot: int) -> range:
    """The ports that belong to `slot`; UsageError when there are no such ports."""
    first, step = environment.first_port(session, slot), session.settings.number("portStep")
    if first + max(step, 1) - 1 > _LAST:
        raise UsageError(
            f"par.portBase, par.portStep: the {step} ports of slot {slot} would begin at {first} and go beyond {_LAST}",
            hint="git config par.portBase NUMBER, or par.portStep NUMBER",
        )
    return range(first, first + step)


def free_slots(session: Session, used: set[int], *, first: int = 0) -> Iterator[int]:
    """The slots that are not `used` and whose ports nobody listens on: `first`, if it is one of them, then the lowest."""
    if first > 0 and first not in used and is_quiet(session, first):
        used = used | {first}
        yield first
    yield from (slot for slot in claims.free_slots(used) if is_quiet(session, slot))


def is_quiet(session: Session, slot: int) -> bool:
    """Whether nothing listens on the ports of `slot`."""
    return not any(map(_is_taken, block(session, slot)))


def _is_taken(port: int) -> bool:
    """Whether somebody listens on `port`: it cannot be bound then, though connections that ended lately are no hindrance.

    A port that is not ours to bind, or an address that this machine does not have, says nothing.
    """
    for family, address in _EVERYWHERE:
        with suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            try:
                probe.bind((address, port))
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    return True
    return False
