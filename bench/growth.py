"""What one more merge costs, for repositories of different size: it must not grow with the number of files."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench.repositories import Repository, make
from bench.ways import PAR, Way, run

FIGURES = Path(__file__).parent / "figures"
"""Where `growth.json`, and with matplotlib `growth.svg`, are written."""

LOOP, OURS = "a loop of git merge --no-ff", "git-par merge"


@dataclass(frozen=True)
class Point:
    """So many tasks merged in so many files, in one way; seconds of the whole command, all rounds."""

    way: str
    files: int
    tasks: int
    seconds: tuple[float, ...]

    @property
    def each(self) -> float:
        """Milliseconds for one merge, start-up and publish included."""
        return 1000 * median(self.seconds) / self.tasks


def measure(root: Path, *, quick: bool) -> None:
    """Time, print, and write the figures."""
    sizes, counts, rounds = (
        ((200, 1_000, 5_000), (1, 5, 20), 2) if quick else ((1_000, 10_000, 50_000), (1, 10, 100), 3)
    )
    points: list[Point] = []
    for files in sizes:
        repository = make(root / f"files-{files}", files=files, directories=max(20, files // 17), branches=max(counts))
        for count in counts:
            points += _points(repository, files, count, rounds)
    _tell(points, sizes, counts)
    FIGURES.mkdir(exist_ok=True)
    rows = [asdict(point) | {"milliseconds_each": point.each} for point in points]
    (FIGURES / "growth.json").write_text(json.dumps(rows, indent=1) + "\n")
    _plot(points, sizes, FIGURES / "growth.svg")


def _points(repository: Repository, files: int, count: int, rounds: int) -> list[Point]:
    before = repository.git("rev-parse", "main")
    names = repository.branches[:count]

    def loop() -> None:
        for name in names:
            run(["git", "merge", "-q", "--no-ff", "--no-edit", name], repository.path)

    def back() -> None:
        repository.git("reset", "-q", "--hard", before)

    ways = Way(LOOP, loop, back), Way(OURS, lambda: run([PAR, "merge", *names], repository.path), back)
    for _ in range(rounds):
        for way in ways:
            way.round(counts=True)
    return [Point(way.name, files, count, tuple(way.seconds)) for way in ways]


def _tell(points: list[Point], sizes: tuple[int, ...], counts: tuple[int, ...]) -> None:
    print("growth: milliseconds for one merge, start-up and publish included")
    print(f"  {'':30}" + "".join(f"{f'{count} tasks':>26}" for count in counts) + f"{'one more':>12}")
    for way in (LOOP, OURS):
        for files in sizes:
            cells = ""
            for point in _row(points, way, files):
                low, high = (1000 * value(point.seconds) / point.tasks for value in (min, max))
                cells += f"{f'{point.each:.1f} ({low:.1f} to {high:.1f})':>26}"
            print(f"  {f'{way}'[:14]:15}{files:8} files {cells}{_one_more(points, way, files):12.1f}", flush=True)
    ratio = _one_more(points, OURS, sizes[-1]) / _one_more(points, OURS, sizes[0])
    print(f"  {sizes[-1] // sizes[0]} times the files: one more merge costs git-par {ratio:.2f} times as much")


def _one_more(points: list[Point], way: str, files: int) -> float:
    """Milliseconds that each further task adds, once start-up and publish are paid."""
    row = _row(points, way, files)
    first, last = row[0], row[-1]
    return 1000 * (median(last.seconds) - median(first.seconds)) / (last.tasks - first.tasks)


def _row(points: list[Point], way: str, files: int) -> list[Point]:
    return sorted((one for one in points if (one.way, one.files) == (way, files)), key=lambda one: one.tasks)


def _plot(points: list[Point], sizes: tuple[int, ...], file: Path) -> None:
    try:
        from matplotlib import pyplot
    except ImportError:
        print("  no plot: matplotlib is not installed (the extra `bench` has it)")
        return
    pyplot.switch_backend("svg")
    figure, axes = pyplot.subplots(figsize=(7, 4.5))
    for way, line in ((LOOP, "--"), (OURS, "-")):
        for files in sizes:
            row = _row(points, way, files)
            axes.plot(
                [one.tasks for one in row], [one.each for one in row], line, marker="o", label=f"{way}, {files} files"
            )
    axes.set(xscale="log", yscale="log", xlabel="tasks in one command", ylabel="ms for one merge")
    axes.legend(fontsize="small")
    figure.tight_layout()
    figure.savefig(file)
