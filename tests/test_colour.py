"""Colours where they are wanted, and text that fits: narrow terminals, dumb ones, names in wide scripts, `git par` alone."""

import io
import os
import re
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pexpect
import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par import render
from git_par.colour import Choice, Marked, Style, When
from git_par.columns import broken, cells, drawn, padded
from tests.screens import Tty
from tests.world import PAR, Result, World

LONG = "feature/a-task-with-a-name-that-takes-most-of-a-narrow-terminal"
WIDE = "混音器-チャンネル"


def settings(**found: str) -> Choice:
    return Choice(setting=lambda key: found.get(key.replace(".", "_")))


@pytest.mark.parametrize(
    ("asked", "env", "config", "stream", "coloured"),
    [
        (None, {}, {}, Tty(), True),
        (None, {}, {}, io.StringIO(), False),
        (None, {"TERM": "dumb"}, {}, Tty(), False),
        (None, {"NO_COLOR": "1"}, {}, Tty(), False),
        (None, {"NO_COLOR": ""}, {}, Tty(), True),
        (None, {"NO_COLOR": "1"}, {"color_ui": "always"}, Tty(), False),
        (None, {}, {"color_ui": "always"}, io.StringIO(), True),
        (None, {}, {"color_ui": "Never"}, Tty(), False),
        (None, {}, {"color_ui": "false"}, Tty(), False),
        (None, {}, {"color_ui": "true"}, Tty(), True),
        (None, {}, {"color_ui": "true"}, io.StringIO(), False),
        (None, {"GIT_PAGER_IN_USE": "true"}, {}, io.StringIO(), True),
        (None, {"GIT_PAGER_IN_USE": "true"}, {"color_pager": "false"}, io.StringIO(), False),
        (When.ALWAYS, {"NO_COLOR": "1", "TERM": "dumb"}, {"color_ui": "never"}, io.StringIO(), True),
        (When.NEVER, {}, {"color_ui": "always"}, Tty(), False),
        (When.AUTO, {"NO_COLOR": "1"}, {"color_ui": "never"}, Tty(), True),
        (When.AUTO, {}, {"color_ui": "always"}, io.StringIO(), False),
    ],
)
def test_who_decides(
    asked: When | None,
    env: Mapping[str, str],
    config: Mapping[str, str],
    stream: io.StringIO,
    coloured: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for key, value in env.items():
        monkeypatch.setenv(key, value)
    choice = settings(**config)
    choice.asked = asked
    assert choice.on(stream) is coloured


def plain(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def timeless(done: Result) -> Result:
    """What it wrote, whenever that was."""
    return done._replace(out=re.sub(r"\b[0-9] s\b|\.\.[0-9a-f]{8}", "0 s", done.out))


def test_colour_adds_nothing_but_colour(world: World) -> None:
    one = world.task("one", a__txt="1\n")
    world.task("two", a__txt="2\n")
    world.write("untracked", "x\n", one)
    for argv in (["list"], ["log"], ["conflicts"], ["merge", "--all", "--dry-run"], ["remove", "two"], ["show", "one"]):
        coloured, without = world.par("--color", "always", *argv), world.par("--color=never", *argv)
        shown = Result(coloured.status, plain(coloured.out), plain(coloured.err))
        assert timeless(shown) == timeless(without)
        assert ("\x1b[" in coloured.out + coloured.err) is (argv[0] not in ("show",)), argv
        assert timeless(world.par(*argv)) == timeless(without)


def test_the_settings_of_git_and_of_the_user_count(world: World) -> None:
    world.add("one")
    assert "\x1b" not in world.ok("list").out
    world.git("config", "color.ui", "always")
    assert "\x1b[1mTASK\x1b[m" in world.ok("list").out
    assert "\x1b[31mgit par:\x1b[m what" in world.par("path", "what").err
    assert "\x1b[33mhint:\x1b[m see" in world.par("path", "what").err
    assert "\x1b" not in world.par("--color=never", "path", "what").err
    assert "\x1b" not in world.par_process("list", env={"NO_COLOR": "1"}).out
    assert "\x1b" not in world.ok("list", "--json").out


def test_the_pager_of_git_gets_colours(world: World) -> None:
    world.add("one")
    env = {"GIT_PAGER_IN_USE": "true"}
    assert "\x1b[1mTASK" in world.par_process("list", env=env).out


def test_a_name_cannot_colour(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Tty()
    monkeypatch.setattr("sys.stdout", terminal)
    monkeypatch.setattr(render, "colours", Choice(When.ALWAYS))
    render.answer(Marked.of(("\x1b[31mred", Style.GOOD), " and \x1b[32m"))
    assert terminal.getvalue() == "\x1b[32m\\x1b[31mred\x1b[m and \\x1b[32m\n"


HEADINGS = ["TASK", "STATE", "BASE", "NOTE"]


def test_columns_stand_below_each_other_in_any_script() -> None:
    rows = [[WIDE, "new", "main", "混"], ["e\u0301te\u0301", "active", "main", "x"]]
    assert cells(WIDE) == 17
    assert drawn(HEADINGS, rows, None) == [
        "TASK               STATE   BASE  NOTE",
        f"{WIDE}  new     main  混",
        "e\u0301te\u0301" + " " * 16 + "active  main  x",
    ]


def test_a_last_column_that_is_too_wide_is_broken_at_spaces() -> None:
    rows = [["a", "new", "main", "it conflicts with b and with c"], ["b", "new", "main", ""]]
    assert drawn(HEADINGS, rows, 40) == [
        "TASK  STATE  BASE  NOTE",
        "a     new    main  it conflicts with b",
        "                   and with c",
        "b     new    main",
    ]


def test_where_the_columns_do_not_fit_each_row_is_a_paragraph() -> None:
    rows = [[LONG, "broken", "main", "its workspace is gone or damaged; conflicts with main"], ["b", "", "main", ""]]
    assert drawn(HEADINGS, rows, 40) == [
        f"TASK {LONG}",
        "  STATE broken  BASE main",
        "  NOTE its workspace is gone or",
        "    damaged; conflicts with main",
        "TASK b",
        "  BASE main",
    ]
    assert drawn(HEADINGS, rows, 40, coloured=True)[:2] == [
        f"\x1b[1mTASK\x1b[m {LONG}",
        "  STATE \x1b[31mbroken\x1b[m  BASE main",
    ]


WORDS = st.text(alphabet="ab 混é\u0301", max_size=60)


@given(st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=4), st.integers(10, 100))
def test_no_table_is_wider_than_it_may_be_and_none_loses_a_word(rows: list[tuple[str, str, str]], width: int) -> None:
    shown = drawn(["A", "B", "C"], rows, width)
    longest = max((cells(word) for row in rows for cell in row for word in cell.split(" ")), default=0)
    first = max(cells(row[0]) for row in rows)
    assert max(map(cells, shown)) <= max(width, longest + 4, first + 2)
    there = "".join(shown).replace(" ", "")
    for row in rows:
        for cell in row:
            assert all(word in there for word in cell.split(" "))
    coloured = drawn(["A", "B", "C"], rows, width, coloured=True)
    assert [plain(line) for line in coloured] == shown


@given(st.text(alphabet="ab 混", max_size=60), st.integers(1, 30))
def test_what_is_broken_has_all_its_words(text: str, width: int) -> None:
    lines = broken(text, width)
    assert " ".join(lines).split() == text.split()
    assert all(cells(line) <= width or " " not in line.strip() for line in lines)
    assert cells(padded(text, 99)) == 99


def at(world: World, columns: int, *argv: str, **env: str) -> str:
    """What a command shows on a terminal of so many columns."""
    child = pexpect.spawn(
        PAR[0],
        [*PAR[1:], *argv],
        cwd=str(world.repo),
        env={**{key: value for key, value in os.environ.items() if key != "COLUMNS"}, "PYTHONPATH": ROOT, **env},
        timeout=60,
        encoding="utf-8",
        dimensions=(40, columns),
    )
    with closing(child):
        child.expect(pexpect.EOF)
    return str(child.before).replace("\r\n", "\n")


ROOT = str(Path(__file__).parent.parent)


@pytest.fixture
def busy(world: World) -> World:
    """Tasks with long names and wide ones, that collide and are dirty."""
    world.task(LONG, a__txt="1\n")
    world.write("new.txt", "x\n", world.task(WIDE, a__txt="2\n"))
    world.task("t", b__txt="b\n")
    world.ok("set", "t", "--title", "A title of a task that says at some length what it is good for")
    return world


def test_at_60_columns_nothing_is_wider_than_a_word(busy: World) -> None:
    for argv in (["list"], ["log"], ["conflicts"]):
        text = at(busy, 60, *argv, TERM="dumb")
        assert "\x1b" not in text
        for line in text.splitlines():
            words = line.replace(":", ": ").split()
            assert cells(line) <= 60 or max(map(cells, words)) > 40 or argv == ["conflicts"], line
    text = at(busy, 60, "list", TERM="xterm")
    assert "\x1b[1mTASK\x1b[m" in text
    assert f"TASK {LONG}\n  STATE active  BASE main  AHEAD 1  BEHIND 0" in plain(text)
    assert at(busy, 60, "list", TERM="dumb", COLUMNS="300").startswith("TASK      ")


def test_the_matrix_stands_straight_beside_wide_names(world: World) -> None:
    for name, text in ((WIDE, "1\n"), ("short", "2\n")):
        world.task(name, a__txt=text)
    rows = world.ok("conflicts").out.splitlines()[:3]
    assert rows == [
        "                    1 2  base",
        f"1 {WIDE} - 1     .",
        "2 short             1 -     .",
    ]


def test_alone_it_is_the_list_or_help(world: World) -> None:
    help_text = world.ok("-h")
    assert world.par() == help_text
    assert not (world.repo / ".git/par").exists()
    assert world.par(cwd=world.root) == help_text
    world.add("one")
    listed = timeless(world.ok("list"))
    assert timeless(world.par()) == listed
    assert timeless(world.par(cwd=world.workspaces / "one")) == listed
    assert world.par("--color=always").out.startswith("\x1b[1mTASK")
    assert timeless(world.par("--color", "never")) == listed


def test_alone_it_says_once_that_a_record_is_damaged(world: World) -> None:
    world.add("one", "two")
    next((world.repo / ".git/par/tasks").glob("one*")).write_text("{")
    assert timeless(world.par()) == timeless(world.par("list"))
