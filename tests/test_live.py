"""Tables that stay: they fit, nothing in them steers the terminal, and each state is one write over the last."""

import os
import socket
from collections.abc import Iterator
from typing import TextIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from git_par import colour, live
from git_par.changes import Changes
from git_par.live import Board, Screen
from tests.screens import Glass
from tests.world import World

HEADINGS = ("TASK", "LEVEL", "STATE", "LAST LINE")
ROWS = [
    ["mixer-channel-delete", "1", "running", "compiling src/mixer/free.c with all warnings on"],
    ["docs", "2", "waiting", ""],
]


def test_a_wide_terminal_shows_all() -> None:
    assert live.fit(HEADINGS, ROWS, 100) == [
        "TASK                  LEVEL  STATE    LAST LINE",
        "mixer-channel-delete  1      running  compiling src/mixer/free.c with all warnings on",
        "docs                  2      waiting",
    ]


def test_a_narrow_one_cuts_the_last_column_and_then_the_first() -> None:
    assert live.fit(HEADINGS, ROWS, 52)[1] == "mixer-channel-delete  1      running  compiling src…"
    assert live.fit(HEADINGS, ROWS, 48)[1] == "mixer-channel-del…  1      running  compiling s…"


def test_a_narrower_one_does_without_some_columns() -> None:
    assert live.fit(HEADINGS, ROWS, 40, ["LEVEL"]) == [
        "TASK              STATE    LAST LINE",
        "mixer-channel-d…  running  compiling sr…",
        "docs              waiting",
    ]
    assert live.fit(HEADINGS, ROWS, 33, ["LEVEL"])[1] == "mixer-cha…  running  compiling s…"


@given(
    st.lists(st.lists(st.text(max_size=30), min_size=4, max_size=4), max_size=6), st.integers(min_value=1, max_value=99)
)
def test_no_line_is_ever_wider_than_the_terminal_or_steers_it(rows: list[list[str]], width: int) -> None:
    lines = live.fit(HEADINGS, rows, width, ["LEVEL", "STATE"])
    assert len(lines) == len(rows) + 1
    for line in lines:
        assert cell_len(line) <= width
        assert line.isprintable(), line


def test_colours_go_and_what_else_steers_is_spelled_out() -> None:
    assert live.harmless("\x1b[1;32mPASS\x1b[m \x1b]0;evil\x07\x9b2J\u202etxt\ttab") == (
        r"PASS \x1b]0;evil\x07\x9b2J\u202etxt tab"
    )
    assert live.harmless("größer 漢字") == "größer 漢字"


def test_who_is_most_urgent_comes_first_where_there_is_no_room_for_all() -> None:
    things = ["late", "now", "never", "now too"]
    order = {"now": 0, "now too": 0, "late": 1, "never": 2}
    assert live.choose(things, lambda one: order[one], 4) == (things, [])
    assert live.choose(things, lambda one: order[one], 3) == (["now", "now too"], ["late", "never"])
    assert live.choose(things, lambda one: order[one], 0) == ([], ["now", "now too", "late", "never"])


class Wire:
    """A stream that tells one write from the next, and a glass at its end."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self._near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._far.setblocking(False)
        self.stream: TextIO = open(self._near.fileno(), "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        self.glass = Glass(columns, lines)

    def writes(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self._far.recv(1 << 20).decode())
            except BlockingIOError:
                break
        for text in found:
            self.glass.feed(text.replace("\n", "\r\n"))
        return found

    def close(self) -> None:
        self.stream.close()
        self._near.close()
        self._far.close()


@pytest.fixture
def wire() -> Iterator[Wire]:
    one = Wire()
    yield one
    one.close()


def test_each_state_is_one_write_and_only_a_new_one_is_written(wire: Wire) -> None:
    board = Board(lambda: wire.stream)
    board.on()
    for count in range(1, 4):
        board.show(["head", *(f"row {number} of {count}" for number in range(count))])
        assert len(wire.writes()) == 1
        assert wire.glass.shown == ["head", *(f"row {number} of {count}" for number in range(count))]
    board.show(["head", *(f"row {number} of 3" for number in range(3))])
    assert wire.writes() == []
    board.show(["head"])
    assert len(wire.writes()) == 1
    assert wire.glass.shown == ["head"]
    board.off()
    assert (len(wire.writes()), wire.glass.shown, wire.glass.modes) == (1, [""], {"7"})


def test_what_is_said_comes_above_in_the_same_write(wire: Wire) -> None:
    board = Board(lambda: wire.stream)
    board.on()
    board.show(["a head of some length", "row"])
    wire.writes()
    for number in range(40):
        board.above(f"line {number}\n".encode())
        board.above(f"{'long ' * 20}{number}\n".encode())
        board.show(["a head of some length", f"row {number}"])
        assert len(wire.writes()) == 1
    assert wire.glass.shown[-2:] == ["a head of some length", "row 39"]
    text = "\n".join(wire.glass.all)
    assert [line for line in wire.glass.all if line.startswith("line ")] == [f"line {number}" for number in range(40)]
    assert text.count("head") == 1
    board.above(b"the last\n")
    board.off()
    assert len(wire.writes()) == 1
    assert wire.glass.shown[-1] == "the last"
    assert "head" not in "\n".join(wire.glass.all)


def test_a_flood_is_not_held_back(wire: Wire) -> None:
    board = Board(lambda: wire.stream)
    board.on()
    board.show(["head"])
    wire.writes()
    for _ in range(70):
        board.above(b"x" * 1023 + b"\n")
    assert len(wire.writes()) == 1


def test_a_colour_that_a_worker_left_on_does_not_reach_the_table(wire: Wire) -> None:
    board = Board(lambda: wire.stream)
    board.on()
    board.above(b"\x1b[31mred\n")
    board.show(["head"])
    assert "red\n\x1b\\\x1b[0m\x1b[?7lhead" in wire.writes()[0]


def test_without_a_board_what_is_said_is_written_at_once(wire: Wire) -> None:
    board = Board(lambda: wire.stream)
    board.above(b"now\n")
    assert wire.writes() == ["now\n"]
    board.show(["head"])
    board.off()
    assert wire.writes() == []


def test_a_screen_is_turned_once_and_then_written_over(wire: Wire) -> None:
    wire.glass.feed("what stood there")
    screen = Screen(lambda: wire.stream)
    screen.enter()
    for text in ("one", "two", "two"):
        screen.show([text, "q quits"])
    assert len(wire.writes()) == 3
    assert wire.glass.shown == ["two", "q quits"]
    screen.leave()
    wire.writes()
    assert (wire.glass.shown, wire.glass.modes) == (["what stood there"], {"7", "25"})


def test_the_size_is_the_terminals_and_may_be_asked_to_be_less(monkeypatch: pytest.MonkeyPatch) -> None:
    import termios

    far, near = os.openpty()
    with open(near, "w") as stream:
        termios.tcsetwinsize(near, (40, 100))
        monkeypatch.delenv("COLUMNS")
        monkeypatch.delenv("LINES", raising=False)
        assert live.size(stream) == live.Size(100, 40)
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("LINES", "200")
        assert live.size(stream) == live.Size(60, 40)
        for nonsense in ("", "0", "x", "-3"):
            monkeypatch.setenv("COLUMNS", nonsense)
            assert live.size(stream) == live.Size(100, 40)
        monkeypatch.setenv("TERM", "dumb")
        assert not colour.steers(stream)
        monkeypatch.setenv("TERM", "xterm")
        assert colour.steers(stream)
    os.close(far)


def test_changes_are_heard_of_where_the_system_tells(world: World) -> None:
    below = world.root / "below"
    below.mkdir()
    with Changes() as changes:
        if not changes.descriptors:
            pytest.skip("no inotify here")
        changes.follow([below, world.root / "not there"])
        assert not changes.came()
        world.write("x", "1", below)
        assert changes.came()
        assert not changes.came()
        (below / "x").rename(below / "y")
        assert changes.came()
        (below / "y").unlink()
        assert changes.came()
        changes.follow([below])
        below.rmdir()
        assert changes.came()
    assert changes.descriptors == []
