"""The engine of this machine: results, output, limits of time and room, and nobody left behind, whatever goes wrong."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from git_par import processes
from git_par.runs.engine import Local
from git_par.runs.work import Ended, Work
from git_par.spawn import crowd, jobs, watchers
from tests.processes import wait_for
from tests.running import alive, lines


class Heard:
    """An ear that remembers."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.said: dict[str, bytes] = {}
        self.over: list[str] = []
        self.refuses = ""

    def begins(self, work: Work) -> None:
        if work.name == self.refuses:
            raise OSError(errno.ENOSPC, "no space")
        self.begun.append(work.name)

    def wrote(self, work: Work, data: bytes) -> None:
        self.said[work.name] = self.said.get(work.name, b"") + data

    def ended(self, work: Work, ended: Ended) -> None:
        assert ended.seconds >= 0
        self.over.append(work.name)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = threading.active_count()
    files = len(os.listdir("/dev/fd"))
    yield
    assert threading.active_count() == before
    assert len(os.listdir("/dev/fd")) == files


def work(directory: Path, command: str, name: str = "one", timeout: float | None = None) -> Work:
    return Work(name, command, directory, {**os.environ, "PIDS": str(directory / "pids")}, timeout)


def test_status_output_and_order(tmp_path: Path, heard: Heard) -> None:
    with Local(heard, 1) as engine:
        codes = [engine.submit(work(tmp_path, f"echo {n}; exit {n}", str(n))).result(20).code for n in range(4)]
        killed = engine.submit(work(tmp_path, "kill -9 $$", "killed")).result(20)
    assert codes == [0, 1, 2, 3]
    assert (killed.code, killed.overdue, killed.stopped) == (137, False, False)
    assert heard.begun == heard.over == ["0", "1", "2", "3", "killed"]
    assert heard.said == {str(n): f"{n}\n".encode() for n in range(4)}


def test_one_at_a_time_is_in_order_and_several_are_together(tmp_path: Path, heard: Heard) -> None:
    meet = 'touch "$0.$$"; while [ "$(ls meet.* | wc -l)" -lt 5 ]; do sleep 0.05; done'
    with Local(heard, 5) as engine:
        wait(
            [
                engine.submit(work(tmp_path, f"set -- ; cd {tmp_path}; {meet.replace('$0', 'meet')}", str(n)))
                for n in range(5)
            ]
        )
    with Local(heard, 1) as engine:
        turn = "mkdir turn && sleep 0.02 && rmdir turn"
        ended = [engine.submit(work(tmp_path, turn, f"turn-{n}")) for n in range(5)]
        assert [future.result(20).code for future in ended] == [0] * 5
    assert heard.begun[5:] == [f"turn-{n}" for n in range(5)]


def test_nobody_works_before_it_is_noted(tmp_path: Path) -> None:
    class Slow(Heard):
        def begins(self, work: Work) -> None:
            time.sleep(0.3)
            assert not (tmp_path / "worked").exists()
            super().begins(work)

    heard = Slow()
    with Local(heard, 1) as engine:
        assert engine.submit(work(tmp_path, "touch worked")).result(20).code == 0
    assert heard.begun == ["one"]
    assert (tmp_path / "worked").exists()


def test_nothing_and_much_output(tmp_path: Path, heard: Heard) -> None:
    size = 10_000_000
    data = os.urandom(1000) * (size // 1000)
    (tmp_path / "data").write_bytes(data)
    with Local(heard, 2) as engine:
        both = [engine.submit(work(tmp_path, "cat data", "much")), engine.submit(work(tmp_path, ":", "none"))]
        assert [future.result(60).code for future in both] == [0, 0]
    assert heard.said == {"much": data}


def test_what_cannot_be_started_says_so_and_has_ended(tmp_path: Path, heard: Heard) -> None:
    gone = tmp_path / "gone"
    with Local(heard, 2) as engine:
        first = engine.submit(work(gone, "true", "gone")).result(20)
        second = engine.submit(work(tmp_path, "true " + "x" * 3_000_000, "long")).result(20)
        third = engine.submit(work(tmp_path, "no-such", "none")).result(20)
        after = engine.submit(work(tmp_path, "true", "after")).result(20)
    assert [one.code for one in (first, second, third, after)] == [127, 126, 127, 0]
    assert heard.said["gone"] == f"'{gone}': no such file or directory\n".encode()
    assert heard.said["long"] == b"/bin/sh: argument list too long\n"
    assert heard.begun == ["none", "after"]
    assert heard.over == ["gone", "long", "none", "after"]


@pytest.mark.parametrize("stubborn", [False, True])
def test_who_takes_too_long_is_ended_with_all_it_started(tmp_path: Path, heard: Heard, stubborn: bool) -> None:
    trap = "trap '' TERM;" if stubborn else ""
    script = (
        f"{trap} (sleep 300 & echo $! >>$PIDS; wait) & echo $! >>$PIDS; echo $$ >>$PIDS; echo begun; wait; sleep 300"
    )
    began = time.monotonic()
    with Local(heard, 1, grace=0.4) as engine:
        ended = engine.submit(work(tmp_path, script, timeout=0.5)).result(20)
    assert (ended.overdue, ended.stopped, ended.code) == (True, False, 137 if stubborn else 143)
    assert (ended.seconds > 0.85) is stubborn
    assert time.monotonic() - began < 15
    assert len(lines(tmp_path / "pids")) == 3
    assert alive(tmp_path / "pids") == []
    assert heard.said["one"] == b"begun\n"


def test_a_shell_whose_child_is_ended_does_not_go_on(tmp_path: Path, heard: Heard) -> None:
    script = "sh -c 'sleep 300; echo inner; sh -c \"sleep 300\"; echo inner'; echo outer"
    with Local(heard, 6) as engine:
        futures = [engine.submit(work(tmp_path, script, str(n), timeout=0.3)) for n in range(6)]
        assert [future.result(20).code for future in futures] == [143] * 6
    assert heard.said == {}


def test_who_is_asked_to_end_in_time_and_ends_well_was_overdue_all_the_same(tmp_path: Path, heard: Heard) -> None:
    script = "trap 'echo last; exit 0' TERM; while :; do sleep 0.05; done"
    with Local(heard, 1) as engine:
        ended = engine.submit(work(tmp_path, script, timeout=0.3)).result(20)
    assert (ended.code, ended.overdue, heard.said["one"].splitlines()[-1]) == (0, True, b"last")


def test_what_one_that_ended_well_left_running_is_ended(tmp_path: Path, heard: Heard) -> None:
    script = "(trap '' TERM; sleep 300) & echo $! >>$PIDS; sleep 300 & echo $! >>$PIDS; echo said"
    with Local(heard, 1, grace=0.3) as engine:
        ended = engine.submit(work(tmp_path, script)).result(20)
        assert alive(tmp_path / "pids") == []
    assert (ended.code, ended.overdue, ended.stopped, heard.said["one"]) == (0, False, False, b"said\n")
    assert ended.seconds < 0.3


def test_one_that_closed_its_output_is_waited_for_idly_and_ended_in_time(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0
    has_ended = crowd._has_ended

    def counted(pid: int) -> bool:
        nonlocal looks
        looks += 1
        return has_ended(pid)

    monkeypatch.setattr(crowd, "_has_ended", counted)
    with Local(heard, 2) as engine:
        futures = [engine.submit(work(tmp_path, "exec sleep 2.5 >/dev/null 2>&1", name)) for name in ("one", "two")]
        time.sleep(0.8)
        looks = 0
        assert [future.result(20).code for future in futures] == [0, 0]
        assert looks < 120
        late = engine.submit(work(tmp_path, "exec sleep 300 >&- 2>&-", timeout=0.2)).result(20)
    assert (late.code, late.overdue) == (143, True)


def test_one_that_cannot_be_ended_is_waited_for_idly(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries: list[float] = []
    monkeypatch.setattr(processes, "end", lambda *_: tries.append(time.monotonic()))
    with Local(heard, 1, grace=0.3) as engine:
        ended = engine.submit(work(tmp_path, "exec sleep 1.2", timeout=0.1)).result(20)
    assert (ended.code, ended.overdue) == (0, True)
    assert 3 <= len(tries) <= 6


@pytest.mark.parametrize("hurried", [False, True])
def test_a_stop_ends_what_runs_and_begins_nothing_more(tmp_path: Path, heard: Heard, hurried: bool) -> None:
    script = "trap '' TERM; echo $$ >>$PIDS; touch begun; while :; do sleep 0.05; done"
    with Local(heard, 1, grace=30 if hurried else 0.3) as engine:
        first, *rest = [engine.submit(work(tmp_path, script, str(n))) for n in range(3)]
        wait_for(tmp_path / "begun")
        engine.shutdown(wait=False, cancel_futures=True)
        if hurried:
            engine.hurry()
        assert wait([first, *rest], timeout=10).not_done == set()
        assert first.result().stopped
        assert all(future.cancelled() for future in rest)
        assert alive(tmp_path / "pids") == []
        with pytest.raises(RuntimeError):
            engine.submit(work(tmp_path, "true"))
    assert heard.begun == ["0"]


def test_one_that_cannot_be_put_on_record_does_not_begin_and_the_engine_ends(tmp_path: Path, heard: Heard) -> None:
    heard.refuses = "second"
    with Local(heard, 2) as engine:
        script = "echo $$ >>$PIDS; touch begun; exec sleep 300"
        first = engine.submit(work(tmp_path, script, "first"))
        wait_for(tmp_path / "begun")
        second = engine.submit(work(tmp_path, "touch second", "second"))
        third = engine.submit(work(tmp_path, "touch third", "third"))
        for future in (first, second, third):
            with pytest.raises(OSError, match="no space"):
                future.result(20)
        with pytest.raises(OSError, match="no space"):
            engine.submit(work(tmp_path, "true")).result(20)
    assert alive(tmp_path / "pids") == []
    assert not (tmp_path / "second").exists()
    assert not (tmp_path / "third").exists()


def test_where_there_is_no_room_at_first_nobody_waits_for_ever(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> Any:
        raise OSError(errno.EMFILE, "too many open files")

    monkeypatch.setattr(watchers, "Watcher", full)
    with Local(heard, 2) as engine:
        for future in [engine.submit(work(tmp_path, "true", name)) for name in ("one", "two")]:
            with pytest.raises(OSError, match="too many"):
                future.result(20)


def test_who_finds_no_room_waits_until_another_has_ended(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = jobs.begin
    running: list[str] = []

    def scarce(job: jobs.Job) -> jobs.Running:
        if len(running) - len(heard.over) >= 2:
            raise BlockingIOError(errno.EAGAIN, "resource temporarily unavailable")
        running.append(str(job.cwd))
        return begin(job)

    monkeypatch.setattr(jobs, "begin", scarce)
    with Local(heard, 9) as engine:
        futures = [engine.submit(work(tmp_path, "sleep 0.05", str(n))) for n in range(9)]
        assert [future.result(30).code for future in futures] == [0] * 9
    assert heard.begun == [str(n) for n in range(9)]
    heard.over.clear()
    running[:] = ["somebody", "else"]
    with Local(heard, 9) as engine, pytest.raises(BlockingIOError):
        engine.submit(work(tmp_path, "true")).result(20)


def test_a_stop_while_one_waits_for_room(tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = jobs.begin

    def scarce(job: jobs.Job) -> jobs.Running:
        if heard.begun:
            raise BlockingIOError(errno.EAGAIN, "resource temporarily unavailable")
        return begin(job)

    monkeypatch.setattr(jobs, "begin", scarce)
    with Local(heard, 3) as engine:
        futures = [engine.submit(work(tmp_path, "touch begun; exec sleep 300", str(n))) for n in range(3)]
        wait_for(tmp_path / "begun")
        time.sleep(0.2)
        engine.shutdown(wait=False, cancel_futures=True)
        assert wait(futures, timeout=10).not_done == set()
    assert heard.begun == ["0"]


FEW = """
import os, resource, sys, threading
from pathlib import Path
from git_par.runs.engine import Local
from git_par.runs.work import Work

resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))

class Ear:
    def begins(self, work): pass
    def wrote(self, work, data): pass
    def ended(self, work, ended): pass

with Local(Ear(), 60) as engine:
    futures = [engine.submit(Work(str(n), "sleep 0.05", Path.cwd(), dict(os.environ))) for n in range(60)]
    print([future.result(60).code for future in futures] == [0] * 60, engine.at_once < 20)
"""


def test_few_files_may_be_open(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, env=env, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("True True\n", "")


def test_a_worker_hears_signals_and_reads_nothing(tmp_path: Path, heard: Heard) -> None:
    script = f"{sys.executable} -c 'import signal; print(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, ())))'; cat"
    with Local(heard, 1) as engine:
        assert engine.submit(work(tmp_path, script)).result(20).code == 0
    assert heard.said["one"] == b"[]\n"
    assert signal.pthread_sigmask(signal.SIG_BLOCK, ()) == set()
