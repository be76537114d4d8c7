"""Who works in a workspace is seen, whoever asks."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

import pytest

from git_par.workspaces import by_psutil, proc, usage
from tests.processes import until
from tests.world import PAR, Result, World


@contextmanager
def running(world: World, *argv: str, cwd: Path) -> Iterator[int]:
    """A process, ready; its number."""
    ready = world.root / "ready"
    process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, env={**os.environ, "READY": str(ready)})
    try:
        for _ in range(400):
            if ready.exists():
                break
            time.sleep(0.02)
        assert ready.exists()
        yield process.pid
    finally:
        ready.unlink(missing_ok=True)
        process.kill()
        process.wait()
        assert process.stdin
        process.stdin.close()


WAIT = "open(os.environ['READY'], 'w').close(); sys.stdin.read()"


def python(code: str, *args: str) -> tuple[str, ...]:
    return (sys.executable, "-c", f"import os, sys; {code}; {WAIT}", *args)


def test_one_who_stands_in_it_uses_it(world: World) -> None:
    path = world.landed()
    (path / "build").mkdir()
    for cwd in (path, path / "build"):
        with running(world, *python("pass"), cwd=cwd) as pid:
            [user] = usage.users([path])[path]
            assert user.pid == pid
            detail = f"in use by {user.command} (process {pid})"
            assert world.par("remove", "t") == (3, "", f"left t: {detail}\n")
            done = world.ok("prune", "--json").json
            assert done == {
                "version": 1,
                "removed": [],
                "left": [{"name": "t", "reason": "in-use", "detail": detail}],
            }
            told = world.ok("list", "--in-use", "--json").json["tasks"][0]["in_use"]
            assert told == [{"pid": pid, "command": user.command}]
    assert usage.users([path]) == {path: []}
    assert world.ok("list", "--json").json["tasks"][0]["in_use"] is None
    world.ok("remove", "t")


def test_one_with_a_file_open_for_writing_uses_it(world: World) -> None:
    path = world.landed()
    file = str(path / "out.log")
    with running(world, *python("f = open(sys.argv[1], 'w')", file), cwd=world.root) as pid:
        assert [user.pid for user in usage.users([path])[path]] == [pid]
        assert world.par("remove", "t").status == 3
    with running(world, *python("f = open(sys.argv[1])", file), cwd=world.root):
        assert usage.users([path])[path] == []


def test_a_neighbour_of_a_similar_name_does_not_count(world: World) -> None:
    paths = world.add("t", "t2")
    with running(world, *python("pass"), cwd=paths[1]):
        assert [len(usage.users(paths)[path]) for path in paths] == [0, 1]
        assert [len(usage.users([path])[path]) for path in paths] == [0, 1]


def test_one_who_came_through_a_link_uses_it(world: World) -> None:
    path = world.landed()
    (world.root / "link").symlink_to(path)
    with running(world, *python("pass"), cwd=world.root / "link"):
        assert len(usage.users([path])[path]) == 1


def test_one_who_is_locked_into_it_uses_it(world: World) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root for chroot")
    path = world.landed()
    # It stands outside and has nothing open inside: only its root tells.
    code = "d = os.open('.', 0); os.chroot(sys.argv[1]); os.fchdir(d); open('ready', 'w').close(); sys.stdin.read()"
    with running(world, sys.executable, "-c", f"import os, sys; {code}", str(path), cwd=world.root) as pid:
        assert [user.pid for user in usage.users([path])[path]] == [pid]


def test_the_calling_shell_does_not_count(world: World) -> None:
    path = world.landed()
    par = " ".join(f"'{word}'" for word in PAR)
    # Two commands, so that no shell hands itself over to the last one.
    done = world.process("sh", "-c", f"{par} remove .; status=$?; exit $status", cwd=path)
    assert done == (0, "removed t (merged)\n", "")


def test_what_the_calling_shell_started_before_does_count(world: World) -> None:
    path = world.landed()
    par = " ".join(f"'{word}'" for word in PAR)
    text = f"sleep 60 & {par} remove .; status=$?; kill $!; exit $status"
    done = world.process("sh", "-c", text, cwd=path)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("left t: in use by sleep (process ")


def test_a_shell_further_up_does_count(world: World) -> None:
    path = world.landed()
    par = " ".join(f"'{word}'" for word in PAR)
    done = world.process("sh", "-c", 'sh -c "$1; exit \\$?"; exit $?', "sh", f"{par} remove .", cwd=path)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("left t: in use by sh (process ")


def test_processes_of_another_user_that_cannot_be_read_do_not_count(world: World) -> None:
    path = world.landed()
    code = "print(usage.users([Path(sys.argv[2])]) == {Path(sys.argv[2]): []})"
    with running(world, *python("pass"), cwd=path):
        assert as_somebody(world, code, str(path)) == (0, "True\n", "")


def as_somebody(world: World, code: str, *args: str) -> Result:
    """What some Python says that an ordinary user runs, who can read the repository."""
    if os.getuid() != 0:
        pytest.skip("needs root to become another user")
    for place in (world.root, *world.root.parents):
        if place.name.startswith(("pytest-", "popen-")) or place == world.root:
            place.chmod(0o755)
    start = (
        "import os, sys; sys.path[:0] = [sys.argv[1]]; from pathlib import Path; import psutil\n"
        "from git_par.workspaces import usage\n"
        "os.setgroups([]); os.setgid(4321); os.setuid(4321)\n"
    )
    return world.process(sys.executable, "-c", start + code, str(Path(__file__).parent.parent), *args)


@pytest.mark.skipif(not proc.IS_HERE, reason="needs /proc")
def test_one_that_has_ended_and_was_not_reaped_does_not_count(world: World) -> None:
    path = world.landed()
    code = (
        "pid = os.fork()\n"
        "if not pid: os._exit(0)\n"
        "os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)\n"
        "print(usage.users([Path(sys.argv[2])]) == {Path(sys.argv[2]): []})"
    )
    assert as_somebody(world, code, str(path)) == (0, "True\n", "")


@pytest.mark.skipif(not proc.IS_HERE, reason="needs /proc")
def test_one_whose_first_thread_has_ended_uses_it(world: World) -> None:
    path = world.landed()
    code = (
        "import ctypes, os, sys, threading, time\n"
        "def work():\n"
        "    while open('/proc/self/stat').read().rpartition(')')[2].split()[0] != 'Z': time.sleep(0.01)\n"
        "    open(os.environ['READY'], 'w').close()\n"
        "    sys.stdin.read()\n"
        "threading.Thread(target=work).start()\n"
        "ctypes.CDLL(None).pthread_exit(None)"
    )
    with running(world, sys.executable, "-c", code, cwd=path) as pid:
        assert [user.pid for user in usage.users([path])[path]] == [pid]


@pytest.mark.skipif(not proc.IS_HERE, reason="needs /proc")
def test_one_whose_place_has_too_long_a_name_counts_everywhere(world: World) -> None:
    path = world.landed()
    code = "[(os.mkdir('x' * 200), os.chdir('x' * 200)) for _ in range(25)]"
    with running(world, *python(code), cwd=world.root) as pid:
        assert [user.pid for user in usage.users([path])[path]] == [pid]


def unshared(world: World, script: str, *args: str) -> tuple[str, ...]:
    """A shell script in a mount namespace of its own."""
    if not proc.IS_HERE or world.process("unshare", "-m", "true").status != 0:
        pytest.skip("needs a mount namespace")
    return ("unshare", "-m", "sh", "-ec", script, "sh", *args)


@pytest.mark.parametrize("what", ["cd build", "exec 3>build/new"])
def test_one_in_a_container_that_has_it_elsewhere_uses_it(world: World, what: str) -> None:
    path = world.landed()
    (path / "build").mkdir()
    (world.root / "inside").mkdir()
    script = f'mount --bind "$1" "$2"; cd "$2"; {what}; [ -d build ] && cd /; >"$READY"; read -r _'
    argv = unshared(world, script, str(path), str(world.root / "inside"))
    with running(world, *argv, cwd=world.root) as pid:
        assert [user.pid for user in usage.users([path])[path]] == [pid]
        assert usage.users([world.root / "inside"]) == {world.root / "inside": []}
        assert world.par("remove", "t").status == 3
    assert usage.users([path]) == {path: []}


def test_where_nothing_tells_of_processes_nothing_is_removed(world: World) -> None:
    path = world.landed()
    script = 'mount -t tmpfs none /proc; exec "$@"'
    done = world.process(*unshared(world, script, *PAR, "remove", "t"))
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("git par: /proc: it does not tell of processes, so nobody knows who uses what\n")
    assert path.is_dir()


def test_looking_at_nothing_costs_nothing_and_finds_nothing() -> None:
    assert usage.users([]) == {}


@pytest.mark.skipif(not proc.IS_HERE, reason="needs /proc")
def test_both_ways_to_ask_tell_the_same(world: World) -> None:
    path = world.landed()
    inside = f"{path}/"
    code = (
        "f = open('new', 'w'); g = open('read'); h = open('both', 'r+'); a = open('more', 'a'); "
        "u = open('gone', 'w'); os.unlink('gone'); d = os.open('.', 0)"
    )
    for name in ("read", "both"):
        world.write(name, "x\n", cwd=path)
    with running(world, *python(code), cwd=path) as pid:

        def told(by: ModuleType) -> list[str]:
            return sorted(by.places(pid, lambda place: f"{place}/".startswith(inside)))

        assert (
            told(proc)
            == told(by_psutil)
            == sorted([str(path), *(f"{inside}{name}" for name in ("both", "more", "new"))])
        )
        assert proc.is_ours(pid)
        assert by_psutil.is_ours(pid)
        here = [(number, name[:15]) for number, name in by_psutil.parents()]
        assert list(proc.parents()) == here != []
        assert {pid, os.getpid()} <= set(proc.numbers()) & set(by_psutil.numbers())
        shutil.rmtree(path)
        assert told(proc) == told(by_psutil) == [str(path)]
    for by in (proc, by_psutil):
        with pytest.raises((FileNotFoundError, ProcessLookupError)):
            by.places(pid, lambda _: True)
        assert not by.is_ours(pid)


@pytest.mark.skipif(not proc.IS_HERE, reason="needs /proc")
def test_where_there_is_no_proc_psutil_is_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.landed()
    with running(world, *python("pass"), cwd=path) as pid:
        seen = usage.users([path])
        chain = usage.calling_chain(), usage.calling_chain(with_caller=True)
        monkeypatch.setattr(usage, "_told", by_psutil)
        assert usage.users([path]) == seen
        assert [user.pid for user in seen[path]] == [pid]
        assert (usage.calling_chain(), usage.calling_chain(with_caller=True)) == chain


def test_a_git_that_has_a_look_for_git_par_does_not_count(world: World) -> None:
    world.write(".gitattributes", "slow.txt filter=slow\n")
    world.commit("slow", slow__txt="x\n")
    ready, go = world.root / "ready", world.root / "go"
    world.git("config", "filter.slow.clean", f"touch '{ready}'; until [ -e '{go}' ]; do sleep 0.02; done; cat")
    go.touch()  # git may read the file of the main checkout again, which is as young as its index
    path = world.add("one")[0]
    times = iter(range(1, 9))

    def met(*argv: str) -> list[str]:
        os.utime(path / "slow.txt", (0, next(times)))  # a status of the user's has it in the index from then on
        ready.unlink(missing_ok=True)
        go.unlink(missing_ok=True)
        looking = world.start(*argv, cwd=world.repo)
        for _ in range(1000):
            if ready.exists():
                break
            time.sleep(0.02)
        found = [user.command for user in usage.users([path])[path]]
        go.touch()
        looking.communicate()
        assert looking.returncode == 0
        return found

    assert met(*PAR, "list") == []
    assert "git" in met("git", "-C", str(path), "status")
    # Who says so without a git-par that waits for him is not believed.
    assert "git" in met("env", f"GIT_PAR_LOOKS={os.getpid() + 1}", "git", "-C", str(path), "status")


def test_a_git_that_is_being_started_does_not_count(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it has become git, it is called as we are and stands where it is to work."""
    path = world.landed()
    number = os.fork()
    if not number:
        os.chdir(path)
        time.sleep(60)
        os._exit(0)
    try:
        until(lambda: os.readlink(f"/proc/{number}/cwd") == str(path))
        assert usage.users([path]) == {path: []}
        monkeypatch.setattr(os, "getpid", lambda: 1)
        assert [user.pid for user in usage.users([path])[path]] == [number]
    finally:
        os.kill(number, signal.SIGKILL)
        os.waitpid(number, 0)
