"""Run many commands side by side, hear what each writes, and leave none behind when this process is asked to end."""

import os
import selectors
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from git_par import interrupts, processes
from git_par.errors import NotStartedError
from git_par.spawn import jobs
from git_par.spawn.jobs import Job, Running
from git_par.spawn.watchers import Watcher

_PIECE = 65536

_SOON = 0.5
"""Who closes its output is about to end, most of the time within so many seconds."""


def run(jobs: Sequence[Job], at_once: int) -> list[NotStartedError]:
    """Run the jobs, `at_once` at most at a time; why some did not start.

    What a command leaves behind when it ends goes on; it is listened to for a second at most.  When this process is asked
    to end, or a job's `take` or `done` fails, all ends that the running commands have started; when it is killed, their
    process groups end.
    """
    waiting = deque(jobs)
    with selectors.DefaultSelector() as selector:
        crowd = Crowd(selector, Watcher())
        try:
            while waiting or crowd.running:
                while waiting and len(crowd.running) < at_once:
                    crowd.begin(waiting.popleft())
                crowd.listen()
        except BaseException:
            with interrupts.held():
                crowd.end()
            raise
        finally:
            with interrupts.held():
                crowd.watcher.close()
    return crowd.unstarted


@dataclass
class Crowd:
    """The jobs that run, by process number."""

    selector: selectors.BaseSelector
    watcher: Watcher
    running: dict[int, Running] = field(default_factory=dict)
    detained: set[int] = field(default_factory=set)
    """Those that somebody is about to end: they are not reaped, lest their numbers become somebody else's."""
    unstarted: list[NotStartedError] = field(default_factory=list)

    def begin(self, job: Job) -> None:
        """Start a job; one that cannot be started says so as a shell would, and has ended."""
        try:
            with interrupts.later():
                one = jobs.begin(job)
                self.running[one.process.pid] = one
                self.watcher.note("began", -one.process.pid)
                for pipe in one.pipes:
                    self.selector.register(pipe, selectors.EVENT_READ, one)
                jobs.let_go(one)
        except NotStartedError as error:
            self.unstarted.append(error)
            job.take(f"{error.message}\n".encode(errors="surrogateescape"), True)
            job.done(error.code, 0.0)

    def listen(self) -> None:
        """Give on what the jobs write, for a moment, and take leave of those that have ended and said all."""
        ended = [one for pid, one in self.running.items() if one.ended and pid not in self.detained]
        patience = 0.0 if ended else 0.02 if self.detained else 0.1
        if patience > 0.02 and any(time.monotonic() - one.hushed < _SOON for one in self.running.values()):
            patience = 0.005
        heard = set()
        for key, _ in self.selector.select(patience):
            one: Running = key.data
            if data := os.read(key.fd, _PIECE):
                heard.add(one.process.pid)
                one.job.take(data, one.pipes[key.fd])
            else:
                self.selector.unregister(key.fd)
                del one.pipes[key.fd]
                one.hushed = 0.0 if one.pipes else time.monotonic()
        for one in ended:
            over = not one.pipes or one.process.pid not in heard
            if over or time.monotonic() - one.ended > jobs.LAST_WORDS:
                with interrupts.later():
                    code = self._reap(one)
                one.job.done(128 - code if code < 0 else code, one.ended - one.began)
        for pid, one in self.running.items():
            if not one.ended and _has_ended(pid):
                one.ended = time.monotonic()

    def end(self, hurry: Callable[[], bool] = lambda: False) -> None:
        """End them all with everything they started, at once when there is reason to `hurry`."""
        processes.end(list(self.running), processes.GRACE, hurry)
        for one in list(self.running.values()):
            if _has_ended(one.process.pid):  # what became another user's may not have heard us
                self._reap(one)

    def has_ended(self, pid: int) -> bool:
        """Whether the process `pid` of a running job has ended; what it said may not all be heard yet."""
        return bool(self.running[pid].ended)

    def _reap(self, one: Running) -> int:
        """Take the status of a job that has ended; from then on its number may be somebody else's."""
        self.watcher.note("ended", -one.process.pid)
        del self.running[one.process.pid]
        for pipe in one.pipes:
            self.selector.unregister(pipe)
        for stream in (one.process.stdin, one.process.stdout, one.process.stderr):
            if stream is not None:
                stream.close()
        return one.process.wait()


def _has_ended(pid: int) -> bool:
    """Whether a child has ended; its number stays its own."""
    return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
