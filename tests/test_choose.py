"""At a terminal a name that is missing is chosen: with fzf, or from a numbered list; nobody is asked elsewhere."""

import os
import re
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path

import pexpect
import pytest

from git_par.commands.choose import _numbers
from tests.shells import SHELLS, Shell, need
from tests.world import PAR, Result, World

FZF = """\
#!/bin/sh
# Stands for fzf: takes the lines, and answers with those whose numbers are in PICK.
printf '%s\\n' "$@" >"$NOTES/argv"
printf '%s\\n' "$FZF_DEFAULT_OPTS" >"$NOTES/options"
case $PICK in sleep) echo $$ >"$NOTES/pid"; exec sleep 300 ;; esac
cat >"$NOTES/lines"
case $PICK in
    [0-9]*) for one in $PICK; do sed -n "${one}p" "$NOTES/lines"; done ;;
    broken) echo 'unknown option: --whatever' >&2; exit 2 ;;
    nothing) exit 1 ;;
    *) exit 130 ;;
esac
"""
PLAIN = {"TERM": "dumb"}
"""A terminal on which nothing is drawn, so that fzf is not used where it is installed."""


@contextmanager
def terminal(
    world: World, *argv: str, env: Mapping[str, str] = PLAIN, cwd: Path | None = None
) -> Iterator["pexpect.spawn[str]"]:
    """A command of its own at a terminal."""
    with closing(
        pexpect.spawn(
            argv[0],
            list(argv[1:]),
            cwd=str(cwd or world.repo),
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), **env},
            timeout=60,
            encoding="utf-8",
            echo=False,
            dimensions=(40, 200),
        )
    ) as child:
        child.delaybeforesend = None
        yield child


def ended(child: "pexpect.spawn[str]") -> Result:
    """How it ended, and what it wrote since the last that was expected."""
    child.expect(pexpect.EOF)
    child.close()
    status = child.exitstatus if child.exitstatus is not None else -1
    return Result(status, str(child.before).replace("\r\n", "\n"), "")


def fzf(world: World, pick: str) -> dict[str, str]:
    """The environment in which the stand-in for fzf picks."""
    place = world.root / "bin"
    place.mkdir(exist_ok=True)
    (place / "fzf").write_text(FZF)
    (place / "fzf").chmod(0o755)
    return {"PATH": f"{place}:{os.environ['PATH']}", "NOTES": str(place), "PICK": pick}


def noted(world: World, what: str) -> list[str]:
    return (world.root / "bin" / what).read_text().splitlines()


def test_one_is_chosen_by_its_number(world: World) -> None:
    world.task("one")
    two = world.add("größe/two")[0]
    world.write("new.txt", "x\n", two)
    with terminal(world, *PAR, "path") as child:
        child.expect(r"1  one        active    1 ahead\r\n2  größe/two  new       1 untracked\r\n")
        child.expect(r"path which\? \(a number; empty: none\) ")
        child.sendline("2")
        assert ended(child) == Result(0, f"{two}\n", "")


def test_who_answers_otherwise_is_asked_again(world: World) -> None:
    world.add("one", "two")
    with terminal(world, *PAR, "path") as child:
        child.expect(r"none\) ")
        for answer in ("0", "3", "1 2", "one", "x1", "-1", "1-", "²"):
            child.sendline(answer)
            child.expect_exact(f"'{answer}': not a number, from 1 to 2\r\npath which? (a number; empty: none) ")
        child.sendline("1")
        assert ended(child) == Result(0, f"{world.workspaces / 'one'}\n", "")


@pytest.mark.parametrize("how", ["\r", "  \r", "\x04", "\x03"])
def test_whoever_leaves_it_changes_nothing(how: str, world: World) -> None:
    world.add("one", "two")
    world.ok("list")  # which remembers what it found
    before = world.git("for-each-ref"), sorted((world.repo / ".git/par").rglob("*.json"))
    # Where the tests run in the background, Ctrl-C is ignored, and that is inherited.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from git_par.cli import run; run()"
    )
    for verb in ("remove", "merge"):
        with terminal(world, PAR[0], "-c", start, verb) as child:
            child.expect(r"none\) ")
            child.send(how)
            assert ended(child).status == 130
    assert (world.git("for-each-ref"), sorted((world.repo / ".git/par").rglob("*.json"))) == before


def test_several_are_removed_and_the_journal_names_them(world: World) -> None:
    world.add("a", "b", "c", "d")
    with terminal(world, *PAR, "remove") as child:
        child.expect(r"remove which\? \(numbers, such as 1 3 or 2-4; empty: none\) ")
        child.sendline("1, 3-4")
        done = ended(child)
    assert done.status == 0, done
    assert [task["name"] for task in world.ok("list", "--json").json["tasks"]] == ["b"]
    assert world.ok("log", "--json", "-n", "1").json["operations"][0]["command"] == ["remove", "a", "c", "d"]


def test_several_are_merged_in_the_order_of_the_answer(world: World) -> None:
    for name in ("a", "b", "c"):
        world.task(name)
    with terminal(world, *PAR, "merge", "--no-ff") as child:
        child.expect(r"none\) ")
        child.sendline("3 1")
        assert ended(child).status == 0
    subjects = world.git("log", "--first-parent", "--format=%s", "-n", "2").splitlines()
    assert ["'a'" in subjects[0] or " a" in subjects[0], "'c'" in subjects[1] or " c" in subjects[1]] == [True, True]
    assert world.listed("b")["state"] == "active"


def test_in_a_workspace_a_merge_asks_nobody(world: World) -> None:
    path = world.task("one")
    with terminal(world, *PAR, "merge", cwd=path) as child:
        done = ended(child)
    assert (done.status, "which?" in done.out) == (0, False), done
    assert world.listed("one")["state"] == "landed"


def test_all_that_is_kept_is_offered_the_newest_first(world: World) -> None:
    path = world.add("one")[0]
    world.write("first.txt", "1\n", path)
    world.ok("remove", "--force", "one")
    world.write("second.txt", "2\n", world.add("one")[0])
    world.ok("remove", "--force", "one")
    with terminal(world, *PAR, "restore") as child:
        child.expect(r"1  one  removed \d+ s ago; returns to main\r\n2  one  removed \d+ s ago; returns to main\r\n")
        child.expect(r"restore which\? \(a number; empty: none\) ")
        child.sendline("2")
        assert ended(child).status == 0
    assert (path / "first.txt").read_text() == "1\n"
    assert not (path / "second.txt").exists()
    words = world.ok("log", "--json", "-n", "1").json["operations"][0]["command"]
    assert words[:3] == ["restore", "one", "--at"]


def test_where_there_is_nothing_to_choose_it_says_so(world: World) -> None:
    for verb in ("path", "merge", "remove"):
        with terminal(world, *PAR, verb) as child:
            assert ended(child) == Result(
                2, f"git par: {verb}: there are no tasks\nhint: git par add NAME makes one\n", ""
            )
    said = "git par: restore: nothing is kept in this repository\nhint: see 'git reflog' for lost commits\n"
    with terminal(world, *PAR, "restore") as child:
        assert ended(child) == Result(2, said, "")
    with terminal(world, *PAR, "restore", "--at", "x") as child:
        assert ended(child) == Result(2, said.replace("in this repository", "of x"), "")


MISSING = {"path": "NAME", "restore": "NAME", "remove": "NAME..."}


@pytest.mark.parametrize("verb", [*MISSING, "merge"])
def test_nobody_is_asked_for_json_or_without_a_terminal(verb: str, world: World) -> None:
    world.add("one")
    what, hint = f"{verb}: missing argument '{MISSING.get(verb)}'", f"git par {verb} -h"
    if verb == "merge":
        what = "merge: nothing named, and this is not the workspace of a task"
        hint = "git par merge NAME…, or git par merge --all"
    assert world.par(verb) == Result(2, "", f"git par: {what}\nhint: {hint}\n")
    with terminal(world, *PAR, verb, "--json") as child:
        done = ended(child)
    assert done.status == 2
    assert done.out.startswith(f"git par: {what}\nhint: {hint}\n")
    for line in ('"$@" </dev/null', '"$@" 2>&1 | cat'):
        with terminal(world, "/bin/sh", "-c", line, "sh", *PAR, verb) as child:
            assert ended(child).out == f"git par: {what}\nhint: {hint}\n"


def test_the_answer_may_go_anywhere(world: World) -> None:
    world.add("one", "two")
    with terminal(world, "/bin/sh", "-c", 'place=$("$@") && echo "<$place>"', "sh", *PAR, "path") as child:
        child.expect(r"none\) ")
        child.sendline("2")
        assert ended(child) == Result(0, f"<{world.workspaces / 'two'}>\n", "")


def test_fzf_is_given_a_line_a_task_and_nothing_to_interpret(world: World) -> None:
    name = "$(touch${IFS}hit);`touch${IFS}hit`&'\""
    world.ok("add", "--title", "a\ttab \x1b[31m", "--", name)
    world.task("two")
    env = fzf(world, "1") | {"FZF_DEFAULT_OPTS": "--bind=ctrl-a:select-all"}
    with terminal(world, *PAR, "path", env=env) as child:
        done = ended(child)
    assert (done.status, Path(done.out.splitlines()[-1]).name) == (0, name)
    lines = noted(world, "lines")
    assert lines[0].startswith(f"0\t{name}  new")
    assert lines[0].endswith(r"a\ttab \x1b[31m")
    assert lines[1] == f"1\t{'two':{len(name)}}  active    1 ahead"
    assert noted(world, "options") == ["--bind=ctrl-a:select-all"]
    assert {"--with-nth=2..", "--no-multi", "--no-select-1", "--no-read0"} <= set(noted(world, "argv"))
    assert "--height=50%" not in noted(world, "argv")
    assert not list(world.root.rglob("hit"))


def test_fzf_marks_several_for_a_removal(world: World) -> None:
    world.add("a", "b", "c")
    with terminal(world, *PAR, "remove", env=fzf(world, "3 1")) as child:
        done = ended(child)
    assert re.findall(r"^removed (\w)", done.out, re.MULTILINE) == ["c", "a"]
    assert {"--multi", "--height=50%"} <= set(noted(world, "argv"))
    assert "--no-color" not in noted(world, "argv")
    with terminal(world, *PAR, "path", env=fzf(world, "1") | {"NO_COLOR": "1"}) as child:
        ended(child)
    assert "--no-color" in noted(world, "argv")


@pytest.mark.parametrize("how", ["nothing", "esc"])
def test_leaving_fzf_changes_nothing(how: str, world: World) -> None:
    world.add("a")
    with terminal(world, *PAR, "remove", env=fzf(world, how)) as child:
        assert ended(child) == Result(130, "", "")
    assert world.listed("a")["state"] == "new"


def test_without_an_fzf_that_works_it_is_the_list(world: World) -> None:
    world.add("a")
    with terminal(world, *PAR, "path", env=fzf(world, "broken")) as child:
        child.expect(r"unknown option: --whatever\r\n1  a  new\r\npath which\?")
        child.sendline("1")
        assert ended(child).status == 0


def test_fzf_ends_with_git_par(world: World) -> None:
    world.add("a")
    with terminal(world, *PAR, "path", env=fzf(world, "sleep")) as child:
        note, deadline = world.root / "bin" / "pid", time.monotonic() + 30
        while not (note.exists() and note.read_text().strip()) and time.monotonic() < deadline:
            time.sleep(0.02)
        chooser = int(note.read_text())
        child.kill(signal.SIGTERM)
        assert ended(child).status == 143
        assert not Path(f"/proc/{chooser}").exists()


def test_a_dumb_terminal_has_no_fzf(world: World) -> None:
    world.add("a")
    with terminal(world, *PAR, "path", env=fzf(world, "1") | PLAIN) as child:
        child.expect(r"path which\?")
        child.sendline("1")
        assert ended(child).status == 0
    assert not (world.root / "bin" / "argv").exists()


def test_the_real_fzf_takes_our_options(world: World) -> None:
    need("fzf")
    world.add("alpha", "beta", "gamma")
    whole = {"TERM": "xterm", "FZF_DEFAULT_OPTS": "--select-1 --print0 --no-height"}  # else it asks where the cursor is
    with terminal(world, "/bin/sh", "-c", 'echo "<$("$@")>"', "sh", *PAR, "path", env=whole) as child:
        child.expect("path>")
        child.send("beta")
        time.sleep(0.5)
        child.send("\r")
        child.expect(f"<{world.workspaces / 'beta'}>")
    with terminal(world, *PAR, "remove", env=whole) as child:
        child.expect("remove>")
        child.send("\x1b")
        assert ended(child).status == 130


@pytest.mark.parametrize("kind", SHELLS)
def test_par_cd_alone_offers_the_choice(kind: str, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    two = world.add("one", "two")[1]
    for key, value in fzf(world, "2").items():
        monkeypatch.setenv(key, value)
    with closing(Shell(kind, world.root, world.repo, completions=False)) as shell:
        line = "git par shell-init fish | source" if kind == "fish" else f'eval "$(git par shell-init {kind})"'
        shell.run(line)
        shell.run("par-cd")
        assert (shell.status, shell.run("command pwd -P")) == (0, str(two))
        shell.run("cd /")
        assert "par-cd [NAME]" in shell.run("par-cd a b")
        assert shell.status == 2


def test_numbers_are_read_as_people_write_them() -> None:
    assert _numbers("3 1", 3) == [3, 1]
    assert _numbers("1,2 ,3-3", 3) == [1, 2, 3]
    assert _numbers(" 2-3, 2 ", 3) == [2, 3]
    for wrong in ("", "4", "0", "3-1", "1-4", "1 x", "99999999999", "1--2", "*"):
        assert _numbers(wrong, 3) == [], wrong
