"""The page on speed says what `bench/results.json` has, and the measuring itself is right about what it says."""

import json
import os
import re
from pathlib import Path

import pytest

from bench import document, peers, plots, processes, results, ways
from bench.measures import ALL
from bench.peers import Found
from bench.processes import run
from bench.results import Budget, Measure, Results, Spread, Suite, Timing

FOUND = results.read(results.FILE)


def test_the_page_has_the_figures_of_the_results() -> None:
    assert FOUND
    page = document.PAGE.read_text()
    assert document.filled(page, FOUND) == page, "script/bench --write-docs"


def test_every_measure_stands_on_the_page() -> None:
    assert FOUND
    blocks = [found[2] for found in document.BLOCK.finditer(document.PAGE.read_text())]
    assert len(blocks) == len(set(blocks))
    shown = {measure.name for suite in FOUND.suites if suite.name in blocks for measure in suite.measures}
    shown |= {measure.name for measure in FOUND.measures if measure.group in blocks}
    assert shown == {measure.name for measure in FOUND.measures}
    assert {suite.name for suite in FOUND.suites} == set(ALL)
    assert set(blocks) <= {*ALL, *plots.CURVES, "machine", "budgets", "left-out"}


def test_nothing_is_left_unmeasured() -> None:
    assert "Not measured yet." not in document.PAGE.read_text()


def test_every_picture_is_there_and_no_other() -> None:
    assert FOUND
    drawn = {file.stem for file in document.PICTURES.glob("*.svg")}
    assert drawn == {measure.group for measure in FOUND.measures if measure.group}
    assert drawn == set(plots.CURVES)
    assert set(re.findall(r"\(performance/(\S+)\.svg\)", document.PAGE.read_text())) == drawn


def test_the_results_name_no_machine_and_no_place() -> None:
    text = results.FILE.read_text()
    assert os.uname().nodename not in text
    assert not re.search(r"/(home|root|tmp|usr|work|Users)\b", text)


def test_at_least_three_other_tools_were_measured() -> None:
    assert FOUND
    ways_of_adding = {
        timing.way for measure in FOUND.measures if measure.name == "add-big" for timing in measure.timings
    }
    assert len(ways_of_adding & set(FOUND.peers)) >= 3


def _some() -> Results:
    timings = ways.compared(
        [
            Timing("git", (2.0, 4.0, 3.0), 4096),
            Timing("ours", (1.0, 1.0, 3.0), 20480, {"failed": (0, 1, 0)}),
            Timing(ways.YARDSTICK, (0.0232, 0.0232, 0.0232)),
        ]
    )
    budgets = (
        ways.at_most(timings, "ours", "git", 0.5, "half"),
        ways.at_most_seconds(timings, "ours", 0.6, "scaled"),
        ways.at_most_more(timings, "git", "ours", 0.9, "more"),
        Budget("none", 1, 0, "wrong"),
    )
    measure = Measure("m", "M", timings, budgets, group="growth-add", at=5, note="note")
    return Results(False, {"cores": 2}, {"tool": "1.0"}, (Suite("add", "2026-01-01", (measure,), ("word",)),))


def test_results_survive_being_written(tmp_path: Path) -> None:
    results.write(_some(), tmp_path / "r.json")
    assert results.read(tmp_path / "r.json") == _some()
    row = json.loads((tmp_path / "r.json").read_text())["suites"][0]["measures"][0]
    assert [one["median"] for one in row["timings"]] == [3.0, 1.0, 0.0232]
    assert row["timings"][1]["ratio"] == {"median": 0.5, "min": 0.25, "max": 1.0}, "round by round"
    assert [(one["value"], one["limit"], one["met"]) for one in row["budgets"]] == [
        (0.3333, 0.5, True),
        (1.0, 1.2, True),  # twice as slow a machine, twice the seconds
        (2.0, 1.8, False),
        (1, 0, False),
    ]


def test_a_fast_machine_has_the_budget_as_it_is() -> None:
    assert ways.scale([Timing(ways.YARDSTICK, (0.001,))]) == 1.0


def test_a_suite_measured_again_takes_its_own_place() -> None:
    first = _some().with_suite(Suite("merge", "", ()), ("merge", "add"))
    assert [one.name for one in first.suites] == ["merge", "add"]
    again = first.with_suite(Suite("add", "2027-01-01", ()), ("merge", "add"))
    assert [(one.name, one.date) for one in again.suites] == [("merge", ""), ("add", "2027-01-01")]


def test_a_table_and_a_curve_from_results() -> None:
    page = "a\n<!-- bench: growth-add -->\nold\n<!-- /bench -->\nb\n<!-- bench: budgets -->\n<!-- /bench -->\n"
    text = document.filled(page, _some())
    assert "| 5 | 3.00 s (2.00 s to 4.00 s) | 1.00 s (1.00 s to 3.00 s); failed 0, 1, 0 |" in text
    assert "| half | 0.333 × | 0.500 × | met |" in text
    assert "| none | 1 wrong | 0 wrong | **missed** |" in text
    assert "old" not in text
    assert document.filled(text, _some()) == text


def test_commands_are_timed_and_weighed(tmp_path: Path) -> None:
    fat = ["python3", "-c", "import time; kept = bytearray(60_000_000); time.sleep(0.2); print(len(kept))"]
    done = run(fat, ["true"], cwd=tmp_path)
    assert [one.out for one in done.ended] == ["60000000\n", ""]
    assert done.ended[0].seconds >= 0.2
    assert done.ended[0].peak > 60_000
    assert done.ended[1].peak < 20_000, "not what this process has, nor the one before"
    failed = run(["sh", "-c", "echo no >&2; exit 3"], cwd=tmp_path, check=False).ended[0]
    assert (failed.status, failed.err) == (3, "no\n")
    with pytest.raises(SystemExit, match="status 3: no"):
        run(["sh", "-c", "echo no >&2; exit 3"], cwd=tmp_path)


def test_two_at_once_are_two_and_one_is_alone(tmp_path: Path) -> None:
    meet = "touch $0; n=0; while ! [ -e $1 ] && [ $n -lt 600 ]; do sleep 0.05; n=$((n + 1)); done; [ -e $1 ]"
    assert run(["sh", "-c", meet, "a", "b"], ["sh", "-c", meet, "b", "a"], cwd=tmp_path, width=2).seconds
    alone = ["sh", "-c", "mkdir taken && sleep 0.05 && rmdir taken"]
    assert len(run(*[alone] * 4, cwd=tmp_path).ended) == 4


def _program(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\ncase $1 in --version) echo some 1.2.3 ;; *) echo '{text}' ;; esac\n")
    file.chmod(0o755)


@pytest.fixture
def named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with nothing but what a test puts into `bin` and `other` (and the system's own)."""
    monkeypatch.setattr(peers, "PLACE", tmp_path / "none")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{tmp_path / 'other'}:/usr/bin:/bin")
    processes.environment.cache_clear()
    return tmp_path


def _names(found: tuple[Found, ...]) -> dict[str, str]:
    return {one.name: Path(one.peer.command[0]).parent.name for one in found}


def test_tools_of_one_name_are_told_apart(named: Path) -> None:
    _program(named / "bin" / "wt", "Git worktree management for parallel AI agent workflows")
    _program(named / "other" / "wt", "Git worktree workflow tool for AI agents")
    _program(named / "bin" / "par", "par: unknown option; text is formatted into paragraphs")
    _program(named / "bin" / "git-wt", "Git worktree management for parallel AI agent workflows")
    found = peers.find(named / "home-1")
    assert _names(found) == {"worktrunk": "bin", "agent-worktree": "other", "worktrunk as git wt": "bin"}
    assert {one.version for one in found} == {"1.2.3"}
    _program(named / "bin" / "git-wt", "git wt makes worktrees simple: one worktree a branch")
    assert "git-wt" in _names(peers.find(named / "home-2"))


def test_a_command_of_a_tool_has_the_name_and_the_start() -> None:
    peer = next(one for one in peers.KNOWN if one.name == "git-worktree-runner")
    assert peer.creating("x")[1:] == ("new", "x", "--no-fetch", "--yes", "--from-current")
    assert peer.creating("x", "origin/main")[-2:] == ("--from", "origin/main")
    assert peer.removing("x")[1:3] == ("rm", "x")


def test_a_spread_is_of_all_rounds() -> None:
    assert Spread.of([3, 1, 2]) == Spread(2, 1, 3)
