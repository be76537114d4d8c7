"""Long work says on a terminal how far it is, and nowhere else."""

import json
import re
import sys

import pexpect
import pytest

from git_par import render
from git_par.commands import show
from git_par.render import Preview, Progress
from git_par.report import Table
from git_par.state.session import Session
from tests.screens import Tty
from tests.world import PAR, World


def seen_by(monkeypatch: pytest.MonkeyPatch) -> Tty:
    stream = Tty()
    monkeypatch.setattr(sys, "stderr", stream)
    return stream


def test_the_first_second_is_silent_and_then_one_line_is_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = seen_by(monkeypatch)
    progress = Progress()
    progress("planning", 1, 9)
    assert terminal.getvalue() == ""
    progress._began -= 2
    progress("planning", 2, 9)
    progress("planning", 3, 9)
    assert terminal.getvalue() == "\r\x1b[Kplanning: 2/9"
    progress.wipe()
    progress.wipe()
    assert terminal.getvalue() == "\r\x1b[Kplanning: 2/9\r\x1b[K"


def test_words_come_on_a_line_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = seen_by(monkeypatch)
    monkeypatch.setattr(render, "progress", Progress(_began=0))
    render.progress("planning", 2, 9)
    render.say("done")
    assert terminal.getvalue().endswith("\r\x1b[Kdone\n")


def test_without_a_terminal_there_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    Progress(_began=0)("planning", 2, 9)
    assert capsys.readouterr() == ("", "")


def test_a_long_merge_shows_how_far_it_is(world: World) -> None:
    for number in range(3):
        world.task(f"t{number}")
    world.hook("commit-msg", "sleep 0.8")
    child = pexpect.spawn(PAR[0], [*PAR[1:], "merge", "--all"], cwd=str(world.repo), timeout=60)
    child.expect("planning main: [23]/3")
    child.expect("main: 3 merged")
    child.expect(pexpect.EOF)


def test_an_answer_on_a_terminal_does_not_steer_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.add("t")[0]
    world.git("commit", "-q", "--allow-empty", "-m", "of \x1b]0;evil\x07 work", cwd=path)
    assert "  " + world.rev("t")[:7] + " of \x1b]0;evil\x07 work\n" in world.ok("show", "t").out
    terminal = Tty()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        report = show.run(Session(("show", "t"), render.tell, cwd=world.repo), "t", prompt=False)
        render.show(report, as_json=False)
    assert r" of \x1b]0;evil\x07 work" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) > 9


def table_of(count: int) -> Table:
    return Table(["TASK", "STATE"], [[f"t{number}", "active" if number < count else "..."] for number in range(3)])


def test_a_growing_table_is_written_over_in_one_piece_and_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Tty()
    monkeypatch.setattr(sys, "stdout", terminal)
    preview = Preview()
    preview(table_of(1))
    assert terminal.getvalue() == ""  # it may be done in a moment
    preview._began -= 1
    preview(table_of(1))
    first = terminal.getvalue()
    plain = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", first)
    assert [line.rstrip() for line in plain.splitlines()] == [
        "TASK  STATE",
        "t0    active",
        "t1    ...",
        "t2    ...",
    ]
    preview(table_of(2))
    assert terminal.getvalue() == first  # not more often than anybody can read
    preview._shown -= 1
    preview(table_of(2))
    assert terminal.getvalue().removeprefix(first).startswith("\x1b[4F")
    preview.wipe()
    assert terminal.getvalue().endswith("\x1b[4F\x1b[J")
    assert not preview.is_shown


def test_a_growing_table_is_no_higher_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Tty()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setenv("LINES", "3")
    Preview(_began=0)(table_of(1))
    assert terminal.getvalue().count("\n") == 2


def test_without_a_terminal_a_table_comes_whole(capsys: pytest.CaptureFixture[str]) -> None:
    Preview(_began=0)(table_of(1))
    assert capsys.readouterr() == ("", "")


def slow_status(world: World, seconds: float) -> None:
    """Have git take its time over the statuses of all tasks."""
    world.write(".gitattributes", "slow.txt filter=slow\n")
    world.commit("slow", slow__txt="x\n")
    world.git("config", "filter.slow.clean", f"sleep {seconds}; cat")
    world.git("config", "par.jobs", "1")
    for path in world.add("a", "b", "c"):
        world.write("slow.txt", "y\n", path)


def test_a_slow_list_shows_what_it_knows(world: World) -> None:
    slow_status(world, 0.5)
    child = pexpect.spawn(PAR[0], [*PAR[1:], "list"], cwd=str(world.repo), timeout=60, dimensions=(24, 80))
    child.expect(r"a +new +main[^\n]*1 changed[^\n]*\n[^\n]*b +\.\.\. +main")
    child.expect("\x1b\\[4F\x1b\\[J")
    child.expect(r"a +new[^\n]*\n[^\n]*b +new[^\n]*\n[^\n]*c +new[^\n]*1 changed")
    child.expect(pexpect.EOF)


def test_a_slow_list_for_a_program_is_whole(world: World) -> None:
    slow_status(world, 0.3)
    child = pexpect.spawn(PAR[0], [*PAR[1:], "list", "--json"], cwd=str(world.repo), timeout=60, encoding="utf-8")
    child.expect(pexpect.EOF)
    assert child.before is not None
    assert "..." not in child.before
    text = child.before[child.before.index("{") :]
    assert [task["name"] for task in json.loads(text)["tasks"]] == ["a", "b", "c"]
