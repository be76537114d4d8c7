"""`git par exec`: a command in every workspace at once, told apart, counted, and ended together."""

import os
import shlex
import signal
import time
from pathlib import Path

import pexpect
import pytest

from tests.processes import ALONE, is_alive, wait_for, wait_for_end
from tests.world import PAR, World


def test_each_runs_in_its_workspace_with_its_environment(world: World) -> None:
    one, two = world.add("one", "two")
    done = world.par("exec", "--all", "--", "sh", "-c", 'echo "$PWD $GIT_PAR_TASK $GIT_PAR_PORT"')
    assert sorted(done.out.splitlines()) == [f"one: {one} one 20010", f"two: {two} two 20020"]
    assert (done.status, done.err) == (0, "2 done\n")


def test_both_streams_stay_apart_and_each_line_says_whose_it_is(world: World) -> None:
    world.add("one", "two")
    script = "echo a; echo b; printf c; echo e >&2; [ $GIT_PAR_TASK = two ]"
    done = world.par("exec", "two", "one", "--", "sh", "-c", script)
    assert sorted(done.out.splitlines()) == ["one: a", "one: b", "one: c", "two: a", "two: b", "two: c"]
    *talk, failed, count = done.err.splitlines()
    assert sorted(talk) == ["one: e", "two: e"]
    assert (done.status, failed, count) == (1, "one: ended with status 1", "1 of 2 failed")


def test_grouped_output_comes_in_one_piece(world: World) -> None:
    names = [f"t{number}" for number in range(4)]
    world.add(*names)
    script = "for n in 1 2 3; do echo $n; sleep 0.02; done; printf '\\377\\0end'; echo e >&2; test $GIT_PAR_TASK != t2"
    done = world.par_process("exec", "--all", "--grouped", "--", "sh", "-c", script)
    pieces = done.out.split("==> ")[1:]
    assert sorted(pieces) == [f"{name} <==\n1\n2\n3\n\udcff\0end\n" for name in names]
    assert sorted(done.err.splitlines()[:-2]) == sorted([f"==> {name} <==" for name in names] + ["e"] * 4)
    assert (done.status, done.err.splitlines()[-1]) == (1, "1 of 4 failed")
    line = shlex.join([*PAR, "exec", "t1", "t2", "--grouped", "--", "sh", "-c", "echo 1; echo 2 >&2"]) + " 2>&1"
    shown = world.process("sh", "-c", line).out.removesuffix("2 done\n")
    # The two streams of one task may change places, but it has one heading.
    assert [piece[:6] for piece in sorted(shown.split("==> ")[1:])] == ["t1 <==", "t2 <=="]
    assert sorted(shown.split("\n")) == ["", "1", "1", "2", "2", "==> t1 <==", "==> t2 <=="]


def test_one_task_has_the_streams_and_gives_the_status(world: World) -> None:
    path = world.add("one")[0]
    done = world.par_process("exec", "one", "--", "sh", "-c", "pwd; echo err >&2; exit 7")
    assert done == (7, f"{path}\n", "err\n")
    assert world.par_process("exec", "--", "sh", "-c", "kill -9 $$", cwd=path).status == 137
    assert world.par_process("exec", ".", "--", "printf", "x", cwd=path) == (0, "x", "")
    line = f"echo typed | {shlex.join([*PAR, 'exec', 'one', '--', 'cat'])}"
    assert world.process("sh", "-c", line) == (0, "typed\n", "")
    # With --all the answer has one shape, however many tasks there are.
    assert world.par_process("exec", "--all", "--", "sh", "-c", "exit 7").status == 1


def test_the_command_is_words_and_no_shell_text(world: World) -> None:
    world.add("one", "two")
    done = world.par("exec", "--all", "--", "printf", "%s|", "$(echo x)", "a b", "--json", "--")
    assert sorted(done.out.splitlines()) == [f"{name}: $(echo x)|a b|--json|--|" for name in ("one", "two")]


def test_bad_command_lines(world: World) -> None:
    path = world.add("one")[0]
    usage = "hint: git par exec NAME -- git status, or with --all\n"
    for args in (("exec",), ("exec", "one"), ("exec", "one", "--")):
        assert world.par(*args) == (2, "", f"git par: exec: no command\n{usage}")
    assert world.par("exec", "--", "true").err.startswith("git par: exec: this is not the workspace of a task\n")
    for args in (("one", "--all"), ("--all", "--group", "g"), ("--jobs", "0", "one"), ("--group", "g"), ("nope",)):
        assert world.par("exec", *args, "--", "touch", "made").status == 2, args
    assert not (path / "made").exists()
    (path / "sub").mkdir()
    assert world.par_process("exec", "--", "pwd", cwd=path / "sub").out == f"{path}\n"


def test_a_command_that_is_not_there_is_named(world: World) -> None:
    path = world.add("one", "two")[0]
    hint = "hint: name a program after '--'; what only a shell knows goes as sh -c '…'\n"
    assert world.par("exec", "one", "--", "no-such") == (127, "", f"git par: no-such: command not found\n{hint}")
    assert world.par("exec", "--all", "--", "no-such") == (
        1,
        "",
        "one: no-such: command not found\ntwo: no-such: command not found\n"
        f"one: ended with status 127\ntwo: ended with status 127\n{hint}2 of 2 failed\n",
    )
    world.write("plain", "", cwd=path)
    done = world.par("exec", "one", "--json", "--", "./plain")
    assert (done.status, done.json["tasks"][0]["exit"], done.err) == (
        126,
        126,
        "git par: ./plain: not executable\nhint: name a program after '--', or make it one: chmod +x ./plain\n",
    )
    # What is there in one workspace only fails in the others only.
    world.write("tool", "#!/bin/sh\necho ran\n", cwd=path).chmod(0o755)
    done = world.par("exec", "--all", "--", "./tool")
    assert (done.status, done.out, done.err.splitlines()[-1]) == (1, "one: ran\n", "1 of 2 failed")


def test_what_a_shell_is_to_read_is_given_to_one(world: World) -> None:
    path = world.add("one")[0]
    done = world.par("exec", "one", "--", "touch 'a b'")
    said, _, command = done.err.removesuffix("\n").partition("\nhint: after '--': ")
    assert (done.status, said) == (127, "git par: touch 'a b': command not found")
    world.ok("exec", "one", "--", *shlex.split(command))
    assert (path / "a b").exists()
    world.write("plain", "touch made\n", cwd=path).chmod(0o755)
    done = world.par("exec", "--all", "--", "./plain")
    hint = "hint: after '--': sh ./plain, or begin the file with '#!/bin/sh'"
    assert (done.status, done.err.splitlines()[2:]) == (1, [hint, "1 of 1 failed"])


def test_a_workspace_that_is_gone_is_left_out_and_named(world: World) -> None:
    one, two = world.add("one", "two")
    two.rename(world.root / "elsewhere")
    done = world.par("exec", "--all", "--", "echo", "x")
    assert (done.status, done.out) == (1, "one: x\n")
    assert done.err == f"two: its workspace is gone: '{two}'\nhint: git par doctor\n1 of 2 failed\n"
    assert world.par("exec", "two", "--", "echo", "x").status == 1
    done = world.par("exec", "one", "two", "--json", "--", "sh", "-c", "echo x; exit 3")
    assert done.err.startswith("one: x\n")
    del done.json["tasks"][0]["seconds"]
    found = done.json
    assert [(task["name"], task["exit"]) for task in found["tasks"]] == [("one", 3)]
    assert [(task["name"], task["reason"]) for task in found["left"]] == [("two", "gone")]
    assert one.exists()


def test_a_workspace_that_was_never_finished_is_left_out_and_named(world: World) -> None:
    world.add("one")
    world.record("one").write_text(world.record("one").read_text().replace('"active"', '"creating"'))
    said = "one: it is being made, or its making was cut short\nhint: git par doctor\n"
    assert said in world.par("exec", "--all", "--", "touch", "x").err
    assert not (world.workspaces / "one" / "x").exists()


def test_json_keeps_stdout_to_itself_for_one_task_too(world: World) -> None:
    world.add("one")
    done = world.par_process("exec", "one", "--json", "--", "sh", "-c", "echo out; exit 7")
    assert (done.status, done.err, done.json["tasks"][0]["exit"]) == (7, "out\n", 7)


def test_no_tasks_and_a_group(world: World) -> None:
    assert world.par("exec", "--all", "--", "false") == (0, "", "there are no tasks\n")
    world.ok("add", "--group", "g", "a")
    world.add("b")
    assert world.par("exec", "--group", "g", "--", "echo", "x") == (0, "a: x\n", "1 done\n")


def test_sixty_at_once_and_in_turns(world: World) -> None:
    names = [f"t{number}" for number in range(60)]
    world.add(*names)
    meet = world.root / "meet"
    meet.mkdir()
    # Each waits until all have come: they do run at once.
    script = (
        f"touch {meet}/$GIT_PAR_TASK; while [ $(ls {meet} | wc -l) -lt 60 ]; do sleep 0.2; done; echo $GIT_PAR_TASK"
    )
    done = world.par_process("exec", "--all", "--", "timeout", "60", "sh", "-c", script)
    assert (done.status, done.err) == (0, "60 done\n")
    assert sorted(done.out.splitlines()) == sorted(f"{name}: {name}" for name in names)
    turns = world.root / "turns"
    script = f"mkdir {turns} && rmdir {turns}"
    assert world.par_process("exec", *names[:9], "-j", "1", "--", "sh", "-c", script).err == "9 done\n"


@pytest.mark.parametrize("how", [(), ("--grouped",)])
def test_much_output_without_a_line_end_takes_no_memory(how: tuple[str, ...], world: World) -> None:
    world.add("one", "two")
    argv = [*PAR, "exec", "--all", *how, "--", "head", "-c", "100000000", "/dev/zero"]
    limited = f"ulimit -v 400000; {shlex.join(argv)} | tr -dc '\\0' | wc -c"
    assert world.process("bash", "-c", limited).out.strip() == "200000000"


def test_a_reader_that_goes_away_ends_it(world: World) -> None:
    world.add("one", "two")
    began = time.monotonic()
    line = f"{shlex.join([*PAR, 'exec', '--all', '--', 'yes'])} | head -n 2"
    done = world.process("sh", "-c", line)
    assert [text[3:] for text in done.out.splitlines()] == [": y", ": y"]
    assert time.monotonic() - began < 20


def test_what_a_command_leaves_behind_goes_on_and_is_not_waited_for(world: World) -> None:
    world.add("one", "two")
    pid = world.root / "pid"
    began = time.monotonic()
    script = f"sleep 300 & echo $! >{pid}-$GIT_PAR_TASK; echo said"
    done = world.par_process("exec", "--all", "--", "sh", "-c", script)
    assert (done.status, sorted(done.out.splitlines())) == (0, ["one: said", "two: said"])
    assert time.monotonic() - began < 20
    left = [int(Path(f"{pid}-{name}").read_text()) for name in ("one", "two")]
    try:
        assert all(map(is_alive, left))
    finally:
        for process in left:
            os.kill(process, signal.SIGKILL)


@pytest.mark.parametrize(
    ("number", "status"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGKILL, -9)],
)
def test_a_signal_ends_all_of_them_with_all_they_started(number: int, status: int, world: World) -> None:
    world.add("one", "two")
    file = f"{world.root}/$GIT_PAR_TASK"
    script = f"sleep 300 & echo $! >{file}.new; mv {file}.new {file}; wait"
    running = world.start(*ALONE, *PAR, "exec", "--all", "--", "sh", "-c", script)
    files = [world.root / name for name in ("one", "two")]
    wait_for(*files)
    children = [int(file.read_text()) for file in files]
    running.send_signal(number)
    assert running.wait(60) == status
    _, err = running.communicate()
    wait_for_end(*children)
    if number != signal.SIGKILL:
        assert err == "git par: interrupted: ended, or not begun, in one, two\n"


def test_ctrl_c_at_a_terminal_ends_all_and_nothing_more_begins(world: World) -> None:
    world.add("one", "two", "three")
    started = world.root / "started"
    script = f"echo $GIT_PAR_TASK >>{started}; sleep 300"
    child = pexpect.spawn(
        PAR[0], [*PAR[1:], "exec", "--all", "-j", "2", "--", "sh", "-c", script], cwd=str(world.repo), timeout=30
    )
    try:
        for _ in range(600):
            if started.exists() and len(started.read_text().split()) == 2:
                break
            time.sleep(0.05)
        child.sendintr()
        child.expect("ended, or not begun, in one, two, three")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 130
    assert sorted(started.read_text().split()) == ["one", "two"]
