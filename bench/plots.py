"""The curves among the measures, as SVG.  The same results give the same bytes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from bench.results import Measure, Results


class Curve(NamedTuple):
    """One picture: a group of measures, each a point of it."""

    title: str
    across: str
    counts: str = ""


CURVES: Mapping[str, Curve] = {
    "growth-add": Curve("Adding one workspace", "files"),
    "growth-merge-files": Curve("Merging 10 branches", "files"),
    "growth-merge-tasks": Curve("Merging, 1,000 files", "tasks"),
    "growth-list": Curve("Listing, 1,000 files", "tasks"),
    "at-once-head": Curve("Simultaneous adds from HEAD: missing or half made, all rounds", "processes", "missing"),
    "at-once-origin": Curve(
        "Simultaneous adds from origin/main: missing or half made, all rounds", "processes", "missing"
    ),
}


def draw(results: Results, directory: Path) -> None:
    """One file a curve into `directory`; nothing without matplotlib."""
    try:
        import matplotlib as library
        from matplotlib import pyplot
    except ImportError:
        print("no pictures: matplotlib is not installed (the extra `bench` has it)")
        return
    pyplot.switch_backend("svg")
    library.rcParams |= {"svg.hashsalt": "git-par", "svg.fonttype": "none", "font.size": 9}
    directory.mkdir(parents=True, exist_ok=True)
    for group, curve in CURVES.items():
        points = points_of(results, group)
        if points:
            _draw(pyplot, curve, points, directory / f"{group}.svg")


def points_of(results: Results, group: str) -> list[Measure]:
    """The measures of a group, from left to right."""
    return sorted((one for one in results.measures if one.group == group), key=lambda one: one.at)


def _draw(pyplot: Any, curve: Curve, points: list[Measure], file: Path) -> None:
    figure, axes = pyplot.subplots(figsize=(6, 3.6))
    for way in dict.fromkeys(timing.way for point in points for timing in point.timings):
        found = [(point.at, timing) for point in points for timing in point.timings if timing.way == way]
        across = [at for at, _ in found]
        line = "o-" if way.startswith("git-par") else "o--"
        if curve.counts:
            axes.plot(across, [sum(timing.counts.get(curve.counts, ())) for _, timing in found], line, label=way)
            continue
        spreads = [timing.spread for _, timing in found]
        axes.plot(across, [one.median for one in spreads], line, label=way)
        axes.fill_between(across, [one.min for one in spreads], [one.max for one in spreads], alpha=0.15)
    scale = {} if curve.counts else {"yscale": "log"}
    axes.set(title=curve.title, xscale="log", xlabel=curve.across, ylabel=curve.counts or "seconds", **scale)
    axes.set_xticks([point.at for point in points], labels=[f"{point.at:,}" for point in points])
    axes.minorticks_off()
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file, metadata={"Date": None, "Creator": None})
    pyplot.close(figure)
    # Matplotlib leaves blanks at the ends of lines.
    file.write_text("".join(f"{line.rstrip()}\n" for line in file.read_text().splitlines()))
