"""`docs/performance.md`: its tables come from the results, between markers; the words around them are written by hand."""

import re
from collections.abc import Iterator
from pathlib import Path

from bench.plots import CURVES, points_of
from bench.results import Budget, Measure, Results, Timing

PAGE = Path(__file__).resolve().parent.parent / "docs" / "performance.md"
PICTURES = PAGE.with_suffix("")

BLOCK = re.compile(r"(<!-- bench: (\S+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def write(results: Results) -> None:
    """Fill every block of the page."""
    PAGE.write_text(filled(PAGE.read_text(), results))


def filled(page: str, results: Results) -> str:
    """The page with the tables of these results: `<!-- bench: NAME -->` names a table."""
    return BLOCK.sub(lambda found: f"{found[1]}{block(found[2], results)}{found[3]}", page)


def block(name: str, results: Results) -> str:
    """One table with what belongs to it: `machine`, `budgets`, `left-out`, a suite or a curve."""
    floor = int(results.machine.get("least_peak_kib", 0))
    if name == "machine":
        lines = list(_machine(results))
    elif name == "budgets":
        lines = list(_budgets(results))
    elif name == "left-out":
        lines = [f"- {word}" for suite in results.suites for word in suite.left_out] or ["Nothing."]
    elif name in CURVES:
        lines = list(_curve(name, results))
    else:
        lines = [
            line
            for suite in results.suites
            if suite.name == name
            for one in suite.measures
            for line in _table(one, floor)
        ]
    return "\n".join(["", *(lines or ["Not measured yet."]), "", ""])


def _machine(results: Results) -> Iterator[str]:
    facts = results.machine
    dates = sorted({suite.date for suite in results.suites})
    if results.quick:
        yield "**A quick run: small repositories and few rounds, good for nothing but trying it out.**"
        yield ""
    yield (
        f"{facts['cores']} cores, {facts['memory_gib']} GiB of memory, {facts['system']} {facts['kernel']}, "
        f"{facts['filesystem']}, git {facts['git']}, Python {facts['python']}; "
        f"measured on {' and '.join(dict.fromkeys((dates[0], dates[-1])))}."
    )
    beside = ", ".join(f"{name} {version}" for name, version in results.peers.items())
    yield f"Beside git: {beside or 'no other tool was here'}."


def _budgets(results: Results) -> Iterator[str]:
    yield "| budget | measured | limit | |"
    yield "|---|---|---|---|"
    for measure in results.measures:
        for budget in measure.budgets:
            met = "met" if budget.met else "**missed**"
            yield f"| {budget.says} | {_amount(budget, budget.value)} | {_amount(budget, budget.limit)} | {met} |"


def _amount(budget: Budget, figure: float) -> str:
    if budget.unit == "s":
        return _time(figure)
    return f"{figure:.3f} ×" if budget.unit == "x" else f"{figure:.0f} {budget.unit}"


def _table(measure: Measure, floor: int) -> Iterator[str]:
    counted = list(dict.fromkeys(kind for timing in measure.timings for kind in timing.counts))
    if measure.group in CURVES:
        return
    yield f"**{measure.title}**"
    yield ""
    yield "| | median | min to max | ratio | min to max | peak |" + "".join(f" {kind} |" for kind in counted)
    yield "|---|---|---|---|---|---|" + "---|" * len(counted)
    for timing in measure.timings:
        counts = "".join(f" {_figures(timing.counts.get(kind, ()))} |" for kind in counted)
        yield f"| {_row(timing, floor)} |{counts}"
    yield ""
    if measure.note:
        yield from (measure.note, "")


def _row(timing: Timing, floor: int) -> str:
    spread, ratio = timing.spread, timing.ratio
    cells = [timing.way, _time(spread.median), f"{_time(spread.min)} to {_time(spread.max)}"]
    cells += [f"{ratio.median:.2f}", f"{ratio.min:.2f} to {ratio.max:.2f}"] if ratio else ["", ""]
    return " | ".join([*cells, _peak(timing.peak, floor)])


def _peak(kibibytes: int, floor: int) -> str:
    """What is not above the floor is not known more closely."""
    if not kibibytes:
        return ""
    return f"{kibibytes / 1024:.0f} MiB" if kibibytes > 1.1 * floor else f"under {1.1 * floor / 1024:.0f} MiB"


def _curve(name: str, results: Results) -> Iterator[str]:
    points = points_of(results, name)
    if not points:
        return
    ways = list(dict.fromkeys(timing.way for point in points for timing in point.timings))
    yield f"![{CURVES[name].title}](performance/{name}.svg)"
    yield ""
    yield f"| {CURVES[name].across} | " + " | ".join(ways) + " |"
    yield "|---|" + "---|" * len(ways)
    for point in points:
        found = {timing.way: timing for timing in point.timings}
        yield f"| {point.at:,} | " + " | ".join(_cell(found[way]) if way in found else "" for way in ways) + " |"


def _cell(timing: Timing) -> str:
    spread = timing.spread
    text = f"{_time(spread.median)} ({_time(spread.min)} to {_time(spread.max)})"
    if timing.counts and not any(map(sum, timing.counts.values())):
        return f"{text}; all whole"
    return text + "".join(f"; {kind} {_figures(each)}" for kind, each in timing.counts.items() if any(each))


def _figures(figures: tuple[int, ...]) -> str:
    return ", ".join(map(str, figures))


def _time(seconds: float) -> str:
    """In a unit that three or four digits will do for."""
    return f"{seconds:.2f} s" if abs(seconds) >= 1 else f"{1000 * seconds:.1f} ms"
