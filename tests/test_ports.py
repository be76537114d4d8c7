"""The ports of a task are nobody else's: slots are unique, and a block that somebody listens on is passed over."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from git_par.state.session import Session
from git_par.workspaces import ports
from tests.world import World


@contextmanager
def listening(family: int, address: str, port: int, *, reuse: bool = True) -> Iterator[int]:
    """Somebody listens; the port."""
    with socket.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(reuse))
        server.bind((address, port))
        server.listen()
        yield server.getsockname()[1]


@pytest.fixture
def quiet(world: World) -> int:
    """A `par.portBase` with ten slots of ten ports where nobody listens."""
    for base in range(31000, 60000, 500):
        world.git("config", "par.portBase", str(base))
        session = _session(world)
        if all(ports.is_quiet(session, slot) for slot in range(10)):
            return base
    raise AssertionError("somebody listens everywhere")


def _session(world: World) -> Session:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(world.repo)
        session = Session((), print)
        assert session.repo
        assert session.settings.text("portBase")
        session.repo.config  # noqa: B018 (read it while we stand there)
        session.settings.committed  # noqa: B018
    return session


@pytest.mark.parametrize(
    ("family", "address"),
    [
        (socket.AF_INET, "127.0.0.1"),
        (socket.AF_INET, "0.0.0.0"),
        (socket.AF_INET6, "::1"),
        (socket.AF_INET6, "::"),
    ],
)
@pytest.mark.parametrize("reuse", [True, False])
def test_a_block_with_a_listener_is_passed_over(
    family: int, address: str, reuse: bool, world: World, quiet: int
) -> None:
    with ExitStack() as stack:
        try:
            stack.enter_context(listening(family, address, quiet + 19, reuse=reuse))
        except OSError as error:
            pytest.skip(f"{address}: {error}")
        assert world.ok("add", "one", "two", "--json").json["tasks"][0]["slot"] == 2
        assert [world.listed(name)["slot"] for name in ("one", "two")] == [2, 3]
        assert world.listed("one")["port"] == quiet + 20
    world.ok("add", "three")
    assert world.listed("three")["slot"] == 1


def test_a_connection_that_ended_lately_is_no_listener(world: World, quiet: int) -> None:
    with listening(socket.AF_INET, "127.0.0.1", quiet + 10) as port, socket.create_connection(("127.0.0.1", port)):
        pass  # the server's end closes last
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", quiet + 11))
        server.listen()
        with socket.create_connection(("127.0.0.1", quiet + 11)) as client:
            accepted, _ = server.accept()
            accepted.close()  # the server's end closes first, and waits
            assert client.recv(1) == b""
    with socket.socket() as plain, pytest.raises(OSError, match="in use"):
        plain.bind(("127.0.0.1", quiet + 11))
    world.ok("add", "one")
    assert world.listed("one")["slot"] == 1


def test_slots_come_free_on_removal(world: World, quiet: int) -> None:
    world.add("one", "two", "three")
    world.ok("remove", "--force", "two")
    world.add("four")
    assert [world.listed(name)["slot"] for name in ("one", "three", "four")] == [1, 3, 2]


def test_restore_takes_the_old_slot_only_when_nobody_listens_there(world: World, quiet: int) -> None:
    world.add("one", "two", "three")
    world.ok("remove", "--force", "two")
    with listening(socket.AF_INET, "127.0.0.1", quiet + 20):
        world.ok("restore", "two")
        assert world.listed("two")["slot"] == 4
    world.ok("remove", "--force", "two", "three")
    world.ok("restore", "three")
    assert world.listed("three")["slot"] == 3


def test_ports_that_do_not_exist_are_refused(world: World) -> None:
    world.git("config", "par.portBase", "65516")
    done = world.par("add", "one", "two")
    assert (done.status, done.err) == (
        2,
        "git par: par.portBase, par.portStep: the 10 ports of slot 2 would begin at 65536 and go beyond 65535\n"
        "hint: git config par.portBase NUMBER, or par.portStep NUMBER\n",
    )
    assert (world.branches(), world.workspaces.exists()) == (["main"], False)
    world.ok("add", "one")
    assert world.listed("one")["port"] == 65526


def test_no_ports_at_all_and_ports_of_the_system_are_allowed(world: World) -> None:
    world.git("config", "par.portStep", "0")
    world.ok("add", "one")
    world.git("config", "par.portStep", "10")
    world.git("config", "par.portBase", "0")
    world.ok("add", "two")
    assert [world.listed(name)["slot"] for name in ("one", "two")] == [1, 2]


def test_asking_costs_next_to_nothing(world: World, quiet: int) -> None:
    session = _session(world)
    times = []
    for slot in range(1, 10):
        began = time.perf_counter()
        assert ports.is_quiet(session, slot)
        times.append(time.perf_counter() - began)
    assert sorted(times)[4] < 0.01
