"""Long work says on a terminal how far it is, and nowhere else."""

import io
import sys

import pexpect
import pytest

from git_par import render
from git_par.commands import show
from git_par.render import Progress
from git_par.state.session import Session
from tests.world import PAR, World


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def seen_by(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    stream = Terminal()
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
    slow = world.write(".git/hooks/commit-msg", "#!/bin/sh\nsleep 0.8\n")
    slow.chmod(0o755)
    child = pexpect.spawn(PAR[0], [*PAR[1:], "merge", "--all"], cwd=str(world.repo), timeout=60)
    child.expect("planning main: [23]/3")
    child.expect("main: 3 merged")
    child.expect(pexpect.EOF)


def test_an_answer_on_a_terminal_does_not_steer_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.add("t")[0]
    world.git("commit", "-q", "--allow-empty", "-m", "of \x1b]0;evil\x07 work", cwd=path)
    assert "  " + world.rev("t")[:7] + " of \x1b]0;evil\x07 work\n" in world.ok("show", "t").out
    terminal = Terminal()
    with monkeypatch.context() as patched:
        patched.setattr(sys, "stdout", terminal)
        report = show.run(Session(("show", "t"), render.tell, cwd=world.repo), "t", prompt=False)
        render.show(report, as_json=False)
    assert r" of \x1b]0;evil\x07 work" in terminal.getvalue()
    assert "\x1b" not in terminal.getvalue()
    assert len(terminal.getvalue().splitlines()) > 9
