"""What the figures were measured on: no names of machines, no paths."""

import os
import platform
import sys
from pathlib import Path

from bench.processes import run


def facts(place: Path) -> dict[str, str | int]:
    """`place` is where the repositories are made."""
    floor = run(["true"], cwd=place).peak
    return {
        "cores": os.cpu_count() or 0,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": platform.system(),
        "kernel": platform.release().partition("-")[0],
        "filesystem": _filesystem(place),
        "git": run(["git", "--version"], cwd=place).ended[0].out.split()[2],
        "python": ".".join(map(str, sys.version_info[:3])),
        # No peak below this can be told: it is what a process has before it is the one that is measured.
        "least_peak_kib": floor,
    }


def _filesystem(place: Path) -> str:
    done = run(["df", "-PT", place], cwd=place, check=False).ended[0]
    rows = done.out.splitlines()
    return rows[-1].split()[1] if done.status == 0 and len(rows) > 1 else "unknown"
