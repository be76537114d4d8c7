"""Start work in the background, which goes on when this process and its terminal are gone."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path


def gently() -> list[str]:
    """What goes before a command so that it uses a disk only when nobody else does; nothing where ionice(1) is not."""
    found = shutil.which("ionice")
    return [found, "-c", "3", "-t"] if found else []


def start(argv: Sequence[str]) -> None:
    """Start a process that outlives this one and its terminal, silent, with nothing of ours open."""
    package = str(Path(__file__).parent.parent.parent)
    path = os.pathsep.join(filter(None, [package, os.environ.get("PYTHONPATH")]))
    subprocess.run(
        # The shell ends at once, so that nobody is left who would have to wait for the process.
        ["/bin/sh", "-c", '"$@" &', "sh", *argv],
        cwd="/",
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        check=False,
    )
