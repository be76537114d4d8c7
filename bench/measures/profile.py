"""Where the time of each verb goes: to which git processes, and to git-par itself."""

import json
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench.context import Bench, emptied, par
from bench.processes import PAR, environment, run
from bench.repositories import Repository
from bench.results import Measure, Timing

WHOLE, REST = "the whole command", "git-par itself: Python, files, waiting"

SHOWN = 6
"""So many kinds of git process have a row of their own."""


def measure(bench: Bench) -> Iterator[Measure]:
    """Git tells how long each of its processes ran; what is left is git-par's own, where they do not run side by side."""
    small, big = bench.small, bench.big
    names = [f"task-{number}" for number in range(20)]
    par(small, "add", *names)
    before = big.git("rev-parse", "main")
    verbs: Sequence[tuple[Repository, Sequence[str], Sequence[str]]] = (
        (small, ("path", "task-1"), ()),
        (small, ("list",), ()),
        (small, ("add", "one"), ("remove", "one")),
        (big, ("add", "one"), ()),
        (big, ("remove", "one"), ("add", "one")),
        (big, ("merge", *big.branches), ()),
        (big, ("conflicts", *big.branches), ()),
    )
    for repository, words, back in verbs:
        profiles = []
        for number in range(bench.rounds(3)):
            if number and words[:2] == ("add", "one") and repository is big:
                break  # the next row removes it
            profiles.append(_profile(repository, words))
            if back:
                par(repository, *back)
            if words[0] == "merge":
                repository.git("reset", "-q", "--hard", before)
            emptied(repository)
        many = f" of {len(words) - 1}" if len(words) > 2 else " of 20" if words == ("list",) else ""
        yield Measure(
            f"profile-{words[0]}-{repository.files}",
            f"`git par {words[0]}`{many}, {repository.files:,} files",
            tuple(_timings(profiles)),
        )
    bench.clear(small)
    bench.clear(big)


def _profile(repository: Repository, words: Sequence[str]) -> tuple[float, dict[str, float], Counter[str]]:
    """The seconds of the command, and those of its git processes and how many there were, by what they were asked."""
    with tempfile.TemporaryDirectory(dir=repository.path.parent) as place:
        log = Path(place) / "trace2.json"
        done = run([PAR, *words], cwd=repository.path, env={**environment(), "GIT_TRACE2_EVENT": str(log)})
        kinds: dict[str, str] = {}
        seconds: dict[str, float] = defaultdict(float)
        count: Counter[str] = Counter()
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if "/" in event["sid"]:
                continue  # of another git process
            if event["event"] == "start":
                kinds[event["sid"]] = _kind(event["argv"])
            elif event["event"] == "atexit" and event["sid"] in kinds:
                seconds[kinds[event["sid"]]] += event["t_abs"]
                count[kinds[event["sid"]]] += 1
    return done.seconds, dict(seconds), count


def _kind(argv: Sequence[str]) -> str:
    words = iter(argv[1:])
    for word in words:
        if word == "-c":
            next(words)
        elif not word.startswith("-"):
            return word
    return "git"


def _timings(profiles: Sequence[tuple[float, dict[str, float], Counter[str]]]) -> Iterator[Timing]:
    calls = Counter(profiles[0][2])
    processes = {"processes": (calls.total(),)}
    yield Timing(WHOLE, tuple(whole for whole, _, _ in profiles), counts=processes)
    yield Timing(REST, tuple(max(0.0, whole - sum(inside.values())) for whole, inside, _ in profiles))
    largest = sorted(calls, key=lambda kind: -profiles[0][1].get(kind, 0))
    for kind in largest[:SHOWN]:
        figures = tuple(inside.get(kind, 0.0) for _, inside, _ in profiles)
        yield Timing(f"git {kind}", figures, counts={"processes": (calls[kind],)})
