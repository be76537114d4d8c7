"""The boundary: what is typed wrong gets one line and a hint, and every end has its status."""

import os
import re
import signal
from pathlib import Path

import pytest

from git_par import __version__, grammar
from tests.test_locks import holder
from tests.world import PAR, Result, World

VERBS = sorted(grammar.NAMES)

WRONG = [
    (["--color"], "option '--color' requires an argument", "git par -h"),
    (["--color", "list"], "--color list: not one of auto, always, never", "git par --color auto"),
    (["--color=never", "what"], "no such verb 'what'", "git par -h"),
    (
        ["--color=always", "--color", "never", "list", "x"],
        "list: got unexpected extra argument(s) (x)",
        "git par list -h",
    ),
    (["what"], "no such verb 'what'", "git par -h"),
    (["what", "list"], "no such verb 'what'", "git par list -h"),
    (["help", "add"], "no such verb 'help'", "git par add -h"),
    (["rm", "x"], "no such verb 'rm'", "git par remove -h"),
    (["lst"], "no such verb 'lst'; did you mean 'list', 'set'?", "git par -h"),
    (["wh\nat"], r"no such verb 'wh\nat'", "git par -h"),
    (["--what"], "no such option: --what", "git par -h"),
    (["add", "--what"], "add: no such option: --what", "git par add -h"),
    (
        ["remove", "--all"],
        "remove: no such option: --all",
        "git par prune removes all that are safely in their bases; git par remove NAME… others",
    ),
    (["prune", "--all"], "prune: no such option: --all", "git par prune, which always means all tasks"),
    (["prune", "--force"], "prune: no such option: --force", "git par remove --force NAME…"),
    (["add", "--branch"], "add: option '--branch' requires an argument", "git par add -h"),
    (["list", "x"], "list: got unexpected extra argument(s) (x)", "git par list -h"),
    (["list", "--json=x"], "list: option '--json' does not take a value", "git par list -h"),
    (["path"], "path: missing argument 'NAME'", "git par path -h"),
    (["remove"], "remove: missing argument 'NAME...'", "git par remove -h"),
    (["path", ""], "'': no such task", "see 'git par list'"),
    (["path", "x"], "x: no such task", "see 'git par list'"),
    (["path", "."], "'.': this is not the workspace of a task", "see 'git par list'"),
    (["env"], "env: this is not the workspace of a task", "git par env NAME"),
    (["show"], "show: this is not the workspace of a task", "git par show NAME"),
    (["set", "x"], "set: nothing to change", "git par set NAME --base, --title, --group, --owns, --protect"),
    (["set", "x", "--base", "y"], "--base y: no such local branch", "see 'git branch'"),
    (["merge", "--ff", "--squash", "x"], "--ff, --squash: not together", "choose one of them"),
    (
        ["merge"],
        "merge: nothing named, and this is not the workspace of a task",
        "git par merge NAME…, or git par merge --all",
    ),
    (
        ["merge", "--all", "x"],
        "--all, --group: not together with names",
        "name the tasks, or leave the names out",
    ),
    (["merge", "x"], "x: no such task or branch", "see 'git par list' and 'git branch'"),
    (["merge", "--group", "x"], "--group x: no task is in that group", "see 'git par list'"),
    (["prune", "--older-than", "soon"], "--older-than soon: not an age", "write 90m, 12h, 3d or 2w"),
    (["add", "a b"], "'a b': a name cannot hold a space", "git par add a-b"),
    (["add", "a\nb\x1b[31m"], r"'a\nb\x1b[31m': a name cannot hold control characters", "git par add a-b-31m"),
    (["add", "x", "x"], "x: named twice", "name each task once"),
    (["add", "x", "--from", "y"], "--from y: no such commit", "see 'git branch --all'"),
    (["add", "x", "--fetch"], "--fetch: no remote to fetch from", "git remote add origin URL"),
]


@pytest.mark.parametrize(("argv", "what", "hint"), WRONG)
def test_what_is_typed_wrong_gets_one_line_and_a_hint(argv: list[str], what: str, hint: str, world: World) -> None:
    assert world.par(*argv) == Result(2, "", f"git par: {what}\nhint: {hint}\n")
    assert not (world.repo / ".git/par").exists()


@pytest.mark.parametrize("setting", ["portBase=ten", "jobs=-1", "dirty=maybe", "lockTimeout=1.5", "branch={what}"])
def test_a_bad_setting_is_named(setting: str, world: World) -> None:
    name, _, value = setting.partition("=")
    world.git("config", f"par.{name}", value)
    if name == "dirty":
        world.write("a.txt", "changed\n")
    first = world.par("add", "x", "--json")
    assert (first.status, first.err.count("\n")) == (2, 2), first
    assert value in first.err
    assert world.branches() == ["main"]


def test_statuses_are_those_of_the_process(world: World) -> None:
    """0 done, 1 partly, 2 usage, 3 refused, 5 failed; 4 and 130 have tests of their own."""
    assert world.par_process("add", "one", "two", "three").status == 0
    for name in ("one", "two"):
        world.commit(name, cwd=world.workspaces / name, a__txt=name)
    assert world.par_process("merge", "--all").status == 1
    assert world.par_process("what").status == 2
    assert world.par_process("remove", "two").status == 3
    world.hook("post-checkout", "exit 1")
    assert world.par_process("add", "four").status == 5


def test_outside_of_a_repository_it_refuses(tmp_path: Path) -> None:
    done = World(tmp_path).par("list", cwd=tmp_path)
    assert done == Result(
        3,
        "",
        f"git par: '{tmp_path}': not a git repository\nhint: cd into a repository, or name one with 'git -C DIR par …'\n",
    )


def test_version(world: World) -> None:
    assert world.par("--version") == Result(0, f"git-par {__version__}\n", "")
    assert world.par_process("--version", cwd=Path("/")) == Result(0, f"git-par {__version__}\n", "")


def test_help_names_every_verb(world: World) -> None:
    done = world.par("-h")
    assert (done.status, done.err) == (0, "")
    assert re.findall(r"^  ([a-z-]+)  +\S", done.out.partition("Verbs:")[2], re.M) == list(grammar.NAMES)
    assert world.par("--help") == done
    assert done.out.startswith("Usage: git par [OPTIONS] VERB [ARGUMENT]...\n")
    assert "command" not in done.out.partition("Verbs:")[0].lower()


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_help_and_every_argument_and_option_a_word(verb: str, tmp_path: Path) -> None:
    done = World(tmp_path).par(verb, "-h", cwd=tmp_path)
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith(f"Usage: git par {verb} [OPTIONS]")
    assert grammar.verbs(verb)[verb].__doc__
    usage, _, arguments = done.out.partition("Options:\n")[0].partition("Arguments:\n")
    assert "{" not in usage
    assert re.search(r"\s{2,}[A-Za-z ]*[a-z]{2}", arguments.strip()) or not arguments, arguments
    options = done.out.partition("Options:\n")[2]
    for option in re.findall(r"^  (?:-\w, )?--.*(?:\n {3,}.*)*", options, re.M):
        assert re.search(r"\S  +[A-Z]|\n +[A-Z]", option), option


def test_git_par_merge_is_git_par_merge(world: World) -> None:
    world.task("one")
    code = "from git_par.cli import run_merge; run_merge()"
    done = world.process(PAR[0], "-c", code, "one", "--dry-run")
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(r"main: 1 would be merged \(\w{8}\.\.\w{8}\)\n  merged      one\n", done.out)
    assert world.process(PAR[0], "-c", code, "-h").out.startswith("Usage: git par merge ")
    assert world.process(PAR[0], "-c", code, "nothing").status == 2


@pytest.mark.parametrize("argv", [["list"], ["path", "one"], ["list", "--json"], ["show", "one"]])
def test_a_reader_that_went_away_is_no_failure(argv: list[str], world: World) -> None:
    world.add("one")
    assert world.to_nobody(*argv) == (0, "", "")


@pytest.mark.parametrize("argv", [["-h"], ["add", "-h"], ["--version"]])
def test_help_to_nobody_leaves_no_traceback(argv: list[str], world: World) -> None:
    assert world.to_nobody(*argv).err == ""


def test_closed_streams_do_not_stop_the_work(world: World) -> None:
    done = world.process("sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *PAR, "add", "one")
    assert done == Result(0, "", "")
    assert world.ok("path", "one").out == f"{world.workspaces / 'one'}\n"
    world.check_sound()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full")
@pytest.mark.parametrize("argv", [["list"], ["path", "one"]])
def test_a_full_disk_is_said_once(argv: list[str], world: World) -> None:
    world.add("one")
    with open("/dev/full", "w") as full:
        done = world.par_process(*argv, stdout=full)
    assert done == (5, "", "git par: no space left on device\nhint: run 'df -h' and check the permissions\n")


def test_ctrl_c_while_waiting_is_130_and_leaves_nothing(world: World) -> None:
    world.add("one")
    before = world.git("for-each-ref")
    # Where the tests run in the background, Ctrl-C is ignored, and that is inherited.
    start = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from git_par.cli import run; run()"
    )
    with holder(world):
        waiting = world.start(PAR[0], "-c", start, "add", "two")
        assert waiting.stderr
        assert waiting.stderr.readline().startswith("git par: waiting for the repository, held by ")
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=30)
    assert (waiting.returncode, out, err) == (130, "", "")
    assert world.git("for-each-ref") == before
    world.check_sound()
    world.ok("add", "two")


def test_a_lock_that_is_not_freed_is_4(world: World) -> None:
    world.add("one")
    world.git("config", "par.lockTimeout", "0")
    with holder(world):
        done = world.par_process("add", "two")
    assert (done.status, done.out) == (4, "")
    assert done.err.startswith("git par: the repository: locked by 'git par holder' (process ")
    assert done.err.endswith("hint: wait for it to finish and run the command again, or raise par.lockTimeout\n")
    assert done.err.count("\n") == 2


@pytest.mark.skipif(os.uname().sysname == "Darwin", reason="file names are UTF-8 there")
def test_names_that_are_no_text_go_out_as_they_came_in(tmp_path: Path) -> None:
    root = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9"))
    root.mkdir()
    world = World(root).init()
    (added,) = world.par_process("add", "one").out.splitlines()
    assert os.fsencode(added).endswith(b"/caf\xe9/repo-worktrees/one")
    assert os.fsencode(world.par_process("path", "one").out) == os.fsencode(f"{world.workspaces / 'one'}\n")
    assert os.fsencode(world.par_process("path", "caf\udce9").err).startswith(b"git par: caf\xe9: no such task\n")
    assert world.par_process("path", "one", env={"LC_ALL": "C"}).out == f"{world.workspaces / 'one'}\n"
    assert world.par_process("path", "one", "--json").json["path"] == str(world.workspaces / "one")


def test_json_behind_the_dashes_is_the_commands(world: World) -> None:
    assert world.par_process("with-lock", "--", "echo", "--json") == (0, "--json\n", "")
    done = world.par("with-lock", "--", "no-such-command", "--json")
    assert (done.status, done.out) == (127, "")
