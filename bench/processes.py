"""Starting what is measured: one command, several in turn, or several at once."""

import atexit
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PAR = Path(sys.executable).parent / "git-par"


@cache
def environment() -> Mapping[str, str]:
    """Nothing of the user's configuration, fixed names, and compiled modules as an installed program has them."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("GIT_", "XDG_", "TMUX"))}
    plain.pop("PYTHONDONTWRITEBYTECODE", None)
    return plain | {
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        # Not even an ignore or attributes file of the user's has a say.
        "HOME": "/dev/null",
        "XDG_CONFIG_HOME": "/dev/null",
        "GIT_AUTHOR_NAME": "Bench",
        "GIT_AUTHOR_EMAIL": "bench@example.com",
        "GIT_COMMITTER_NAME": "Bench",
        "GIT_COMMITTER_EMAIL": "bench@example.com",
    }


@dataclass(frozen=True)
class Ended:
    """How one command ended: its exit status, seconds, the kibibytes of the largest process in it, and what it wrote."""

    argv: tuple[str, ...]
    status: int
    seconds: float
    peak: int
    out: str
    err: str


@dataclass(frozen=True)
class Run:
    """Some commands: the seconds of all of them together, and each."""

    seconds: float
    ended: tuple[Ended, ...]

    @property
    def peak(self) -> int:
        """Kibibytes of the largest single process."""
        return max((one.peak for one in self.ended), default=0)

    def check(self) -> "Run":
        """Give up when one of them failed: what is measured must have happened."""
        for one in self.ended:
            if one.status:
                raise SystemExit(f"bench: {' '.join(one.argv)}: status {one.status}: {one.err}{one.out}")
        return self


def run(
    *commands: Sequence[object], cwd: Path, width: int = 1, env: Mapping[str, str] | None = None, check: bool = True
) -> Run:
    """Carry out the commands in `cwd`, `width` of them at once, and wait for all."""
    with tempfile.TemporaryDirectory(prefix="git-par-bench-out-") as out:
        words = [[_program(str(argv[0])), *map(str, argv[1:])] for argv in commands]
        request = {
            "commands": words,
            "cwd": str(cwd),
            "environment": dict(env or environment()),
            "width": width,
            "out": out,
        }
        launcher = _launcher()
        assert launcher.stdin
        assert launcher.stdout
        launcher.stdin.write(json.dumps(request) + "\n")
        launcher.stdin.flush()
        answer = json.loads(launcher.stdout.readline() or '{"seconds": 0, "ended": []}')
        if len(answer["ended"]) != len(words):
            raise SystemExit(f"bench: could not run {words[0]} in {cwd}")
        ended = tuple(
            Ended(tuple(argv), int(status), seconds, int(peak), _text(out, number, "out"), _text(out, number, "err"))
            for number, (argv, (status, seconds, peak)) in enumerate(zip(words, answer["ended"], strict=True))
        )
    done = Run(answer["seconds"], ended)
    return done.check() if check else done


def _text(out: str, number: int, kind: str) -> str:
    return Path(out, f"{number}.{kind}").read_text(errors="replace")


@cache
def _program(name: str) -> str:
    found = name if "/" in name else shutil.which(name)
    if not found:
        raise SystemExit(f"bench: there is no {name} here")
    return found


@cache
def _launcher() -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).parent / "launcher.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    atexit.register(_end, process)
    return process


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin
    process.stdin.close()
    process.wait()
