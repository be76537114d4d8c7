"""`python -m bench`: how long git-par takes, beside plain git and the other tools that are here, in one run.

The ways of doing a thing take turns, so that a busy machine is busy for all of them.  What is kept are the seconds of all
rounds, their medians with the fastest and the slowest, the ratios round by round, and the memory of the largest process.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from bench import document, machine, peers, plots, results
from bench.context import Bench
from bench.measures import ALL
from bench.processes import PAR
from bench.results import Measure, Results, Suite

FIGURES = Path(__file__).parent / "figures"
"""For what a quick run writes."""


def main() -> None:
    options = _options()
    quick = bool(options.quick)
    file = (options.output or (FIGURES / "quick.json" if quick else results.FILE)).resolve()
    if not options.write_docs:
        _measure([name for name in ALL if not options.only or name in options.only], quick, file)
    found = results.read(file)
    if not found:
        raise SystemExit(f"bench: {file}: no results")
    if file == results.FILE:
        plots.draw(found, document.PICTURES)
        document.write(found)
    else:
        plots.draw(found, file.with_suffix(""))
    missed = [budget for measure in found.measures for budget in measure.budgets if not budget.met]
    for budget in missed:
        _say(f"missed: {budget.says}: {budget.value} {budget.unit}, not {budget.limit}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small repositories, few rounds, no budgets of size")
    parser.add_argument("--only", nargs="+", choices=tuple(ALL), metavar="NAME", help=f"just these: {', '.join(ALL)}")
    parser.add_argument("--output", type=Path, help="write the results here, and no documents")
    parser.add_argument(
        "--write-docs", action="store_true", help="measure nothing, write the documents anew from results"
    )
    return parser.parse_args()


def _measure(names: list[str], quick: bool, file: Path) -> None:
    """Carry out these measures, and write each as it is done into `file`, where others may be already."""
    if not PAR.exists():
        raise SystemExit("bench: no git-par beside this Python; use script/bench")
    root = Path(tempfile.mkdtemp(prefix="git-par-bench-")).resolve()
    bench = Bench(root, quick, _say)
    try:
        found = results.read(file)
        known = {one.name: one.version for one in bench.peers}
        _say(f"beside: {', '.join(f'{name} {version}' for name, version in known.items()) or 'plain git only'}")
        said = 0
        # Figures of small repositories and of large ones are never mixed.
        kept = found if found and found.quick == quick else None
        suites, beside = (kept.suites, {**kept.peers, **known}) if kept else ((), known)
        told = Results(quick, machine.facts(root), beside, suites)
        for name in names:
            began = time.monotonic()
            measures = tuple(_told(ALL[name](bench)))
            date = datetime.now(UTC).strftime("%Y-%m-%d")
            words, said = tuple(bench.left_out[said:]), len(bench.left_out)
            told = told.with_suite(Suite(name, date, measures, words), tuple(ALL))
            results.write(told, file)
            for word in words:
                _say(f"left out: {word}")
            _say(f"({name}: {time.monotonic() - began:.0f} s)")
    finally:
        peers.end(bench.__dict__.get("peers", ()))
        shutil.rmtree(root, ignore_errors=True)


def _told(measures: Iterator[Measure]) -> Iterator[Measure]:
    """Print each as it comes."""
    for measure in measures:
        _say(measure.title)
        for timing in measure.timings:
            spread = timing.spread
            row = f"  {timing.way:42}{1000 * spread.median:10.1f} ms  ({1000 * spread.min:.1f} to {1000 * spread.max:.1f})"
            if timing.ratio:
                row = f"{row:88}{timing.ratio.median:8.3f} ({timing.ratio.min:.3f} to {timing.ratio.max:.3f})"
            if timing.counts:
                row += "  " + ", ".join(f"{name} {sum(each)}" for name, each in timing.counts.items())
            _say(row)
        for budget in measure.budgets:
            _say(
                f"  {'met' if budget.met else 'MISSED'}: {budget.says}: {budget.value} {budget.unit} of {budget.limit}"
            )
        yield measure


def _say(text: str) -> None:
    print(text, file=sys.stdout, flush=True)


if __name__ == "__main__":
    main()
