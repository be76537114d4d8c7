"""`git par with-lock`: a command takes its turn, and neither outlives git-par nor keeps the lock."""

import os
import shlex
import signal
import subprocess
import sys
import time

import pexpect

from tests.processes import ALONE, wait_for, wait_for_end
from tests.world import PAR, World


def lock_is_free(world: World) -> bool:
    import fcntl

    with open(world.repo / ".git" / "par" / "locks" / "repository", "rb+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_the_status_of_the_command_is_returned(world: World) -> None:
    assert world.par_process("with-lock", "--", "sh", "-c", "echo out; echo err >&2; exit 7") == (7, "out\n", "err\n")
    assert world.par_process("with-lock", "--", "sh", "-c", "kill -9 $$").status == 137
    assert world.par_process("with-lock", "--", "git", "branch", "x").status == 0
    assert "x" in world.branches()


def test_bad_command_lines(world: World) -> None:
    done = world.par("with-lock", "git", "log", "--format=%h %s")
    assert (done.status, done.err.splitlines()[1]) == (2, "hint: git par with-lock -- git log '--format=%h %s'")
    for args in (("with-lock",), ("with-lock", "--")):
        assert world.par(*args) == (2, "", "git par: with-lock: no command\nhint: git par with-lock -- git fetch\n")
    done = world.par("with-lock", "--", "no-such-command")
    hint = "name a program after '--'; what only a shell knows goes as sh -c '…'"
    assert done == (127, "", f"git par: no-such-command: command not found\nhint: {hint}\n")
    assert world.par("with-lock", "--", "./a.txt").status == 126


def test_others_wait_and_say_for_whom(world: World) -> None:
    go, started = world.root / "go", world.root / "started"
    holder = world.start(
        *PAR, "with-lock", "--", "sh", "-c", f"touch {started}; while ! [ -e {go} ]; do sleep 0.05; done"
    )
    wait_for(started)
    waiter = world.start(*PAR, "add", "one")
    assert waiter.stderr
    said = waiter.stderr.readline()
    assert said.startswith(f"git par: waiting for the repository, held by 'git par with-lock -- sh -c touch {started}")
    assert f"(process {holder.pid}, since " in said
    assert not (world.workspaces / "one").exists()
    go.touch()
    assert holder.wait(60) == 0
    assert waiter.wait(60) == 0
    holder.communicate()
    waiter.communicate()


def test_a_git_par_below_does_not_wait_for_its_own_ancestor_and_still_takes_turns(world: World) -> None:
    program = " ".join(PAR)
    adds = " ".join(f"{program} add t{number} &" for number in range(8))
    done = world.par_process("with-lock", "--", "sh", "-c", f"{adds} wait")
    assert done.status == 0, done
    assert sorted(done.out.split()) == [str(world.workspaces / f"t{number}") for number in range(8)]
    assert "waiting" not in done.err
    world.check_sound()


def test_a_borrowed_lock_of_somebody_else_does_not_count(world: World) -> None:
    env = {"GIT_PAR_LOCK": f"{os.getpid()}:{world.root}", "GIT_PAR_X": "1"}
    assert world.par_process("add", "one", env=env).status == 0
    assert not list((world.repo / ".git" / "par" / "locks").glob("repository-below*"))


def test_the_command_ends_with_git_par(world: World) -> None:
    pid = world.root / "pid"
    holder = world.start(
        *(*ALONE, *PAR), "with-lock", "--", "sh", "-c", f"sleep 300 & echo $! >{pid}.new; mv {pid}.new {pid}; wait"
    )
    wait_for(pid)
    child = int(pid.read_text())
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    wait_for_end(child)
    assert lock_is_free(world)


def test_a_daemon_of_the_command_does_not_keep_the_lock(world: World) -> None:
    pid = world.root / "pid"
    script = f"setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $! >{pid}"
    assert world.par_process("with-lock", "--", "sh", "-c", script).status == 0
    try:
        assert lock_is_free(world)
        world.ok("add", "one")
    finally:
        os.kill(int(pid.read_text()), signal.SIGKILL)


def test_interrupting_ends_the_command(world: World) -> None:
    started = world.root / "started"
    holder = world.start(*PAR, "with-lock", "--", "sh", "-c", f"touch {started}; exec sleep 300")
    wait_for(started)
    holder.send_signal(signal.SIGINT)
    assert holder.wait(60) == 128 + signal.SIGINT
    holder.communicate()
    assert lock_is_free(world)


def test_a_stopped_command_is_woken_to_hear_it(world: World) -> None:
    started = world.root / "started"
    script = f"trap 'exit 9' TERM; touch {started}; kill -STOP $$; while :; do sleep 0.05; done"
    holder = world.start(*ALONE, *PAR, "with-lock", "--", "sh", "-c", script)
    wait_for(started)
    for _ in range(600):
        listed = subprocess.run(["ps", "-Ao", "ppid=,stat="], capture_output=True, text=True).stdout
        if any(line.split()[0] == str(holder.pid) and line.split()[1][0] == "T" for line in listed.splitlines()):
            break
        time.sleep(0.05)
    holder.send_signal(signal.SIGTERM)
    assert holder.wait(60) == 9
    holder.communicate()


def test_the_command_may_ask_at_the_terminal_though_its_input_is_a_pipe(world: World) -> None:
    shell = f"echo x | {' '.join(PAR)} with-lock -- sh -c 'read y </dev/tty; echo got $y'"
    child = pexpect.spawn("/bin/sh", ["-c", shell], cwd=str(world.repo), timeout=20, encoding="utf-8")
    child.sendline("word")
    try:
        child.expect("got word")
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 0


def test_a_signal_to_git_par_reaches_the_command_at_a_terminal(world: World) -> None:
    started = world.root / "started"
    script = f"trap 'exit 9' TERM; touch {started}; while :; do sleep 0.05; done"
    child = pexpect.spawn(
        sys.executable, [*PAR[1:], "with-lock", "--", "sh", "-c", script], cwd=str(world.repo), timeout=20
    )
    try:
        wait_for(started)
        child.kill(signal.SIGTERM)
        child.expect(pexpect.EOF)
    finally:
        child.close(force=True)
    assert child.exitstatus == 9


def test_a_signal_that_comes_while_the_command_starts_is_the_commands_too(world: World) -> None:
    started = world.root / "started"
    script = f"trap 'exit 9' TERM; touch {started}; while :; do sleep 0.05; done"
    slow = (
        "import os, sys, time\nfrom git_par import cli\nfrom git_par.spawn import foreground\n"
        "real, sent = foreground._attend, sys.argv.pop(1)\n"
        "def slow(*args, **options):\n"
        "    while not os.path.exists(sent): time.sleep(0.02)\n"
        "    return real(*args, **options)\n"
        "foreground._attend = slow\ncli.run()\n"
    )
    sent = world.root / "sent"
    holder = world.start(sys.executable, "-c", slow, str(sent), "with-lock", "--", "sh", "-c", script)
    wait_for(started)
    holder.send_signal(signal.SIGTERM)
    sent.touch()
    assert holder.wait(60) == 9
    holder.communicate()


def test_a_signal_reaches_all_of_the_command_at_a_terminal(world: World) -> None:
    pids = world.root / "pids"
    # An interactive parent stays: with git-par as its leader the whole session would be hung up anyway.
    script = f"echo $PPID >{pids}.new; sh -c 'echo $$ >>{pids}.new; mv {pids}.new {pids}; exec sleep 300'; :"
    line = f"{shlex.join([*PAR, 'with-lock', '--', 'sh', '-c', script])}; echo ended with $?; read wait"
    child = pexpect.spawn("/bin/sh", ["-c", line], cwd=str(world.repo), timeout=20, encoding="utf-8")
    try:
        wait_for(pids)
        git_par, inner = map(int, pids.read_text().split())
        os.kill(git_par, signal.SIGTERM)
        child.expect("ended with 143")
        wait_for_end(inner)
    finally:
        child.close(force=True)


def test_the_command_has_the_environment_as_inherited(world: World) -> None:
    env = {"GIT_DIR": str(world.repo / ".git"), "GIT_INDEX_FILE": "/no/such", "GIT_WORK_TREE": str(world.repo)}
    done = world.par_process(
        "with-lock", "--", "sh", "-c", 'echo "$GIT_DIR|$GIT_INDEX_FILE|$GIT_WORK_TREE"', cwd=world.root, env=env
    )
    assert done == (0, f"{world.repo}/.git|/no/such|{world.repo}\n", "")
