"""`docs/safety.md` promises nothing that no test shows: behind each statement stands the name of one, and that is there."""

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
ROOT = TESTS.parent
FILE = ROOT / "docs" / "safety.md"
PAGE = re.sub(r"^<!-- shell\n.*?^-->\n", "", FILE.read_text(), flags=re.MULTILINE | re.DOTALL)
"""Without the commands that nobody sees."""

NAME = re.compile(r"(test_\w+\.py)::(test_\w+)")
LIMITS = "What it does not promise"
UNTESTED = "no test"
"""What stands in the place of a test behind a limit that none can show."""


def sections(page: str) -> dict[str, str]:
    """What stands below each heading of the second level."""
    parts = re.split(r"^## (.*)\n", page, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def statements(section: str) -> list[str]:
    """The bullets and paragraphs of a section, each with the comment behind it; code is none."""
    text = re.sub(r"^```.*?^```$", "", section, flags=re.M | re.S)
    found = [one.strip() for one in re.split(r"\n\s*\n|\n(?=- )", text)]
    return [one for one in found if one]


def named_by(statement: str) -> list[tuple[str, str]]:
    """File and function of each test that a statement names; it names nothing else."""
    comments = re.findall(r"<!--(.*?)-->", statement, re.S)
    words = " ".join(comments).split()
    assert all(NAME.fullmatch(word) for word in words), words
    return [(found[1], found[2]) for word in words if (found := NAME.fullmatch(word))]


def unbacked(title: str, section: str) -> list[str]:
    """The statements of a section behind which nothing stands."""
    limits = [one for one in statements(section) if title == LIMITS and one.endswith(f"<!-- {UNTESTED} -->")]
    return [one for one in statements(section) if one not in limits and not (one.endswith("-->") and named_by(one))]


def functions(file: Path) -> set[str]:
    """The tests that a file has."""
    return {node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("title", sections(PAGE))
def test_every_statement_names_the_test_that_shows_it(title: str) -> None:
    section = sections(PAGE)[title]
    assert statements(section)
    assert unbacked(title, section) == []


def test_every_test_that_is_named_is_there() -> None:
    there = {file.name: functions(file) for file in TESTS.glob("test_*.py")}
    named = NAME.findall(PAGE)
    assert len(named) > 50
    assert [f"{file}::{name}" for file, name in named if name not in there.get(file, set())] == []


def test_a_statement_without_a_test_is_found() -> None:
    backed = "- One.\n  <!-- test_x.py::test_y -->\n"
    limit = f"- Not that. <!-- {UNTESTED} -->\n"
    assert unbacked("Promises", backed) == []
    assert unbacked(LIMITS, limit) == []
    assert unbacked("Promises", limit.replace(f"<!-- {UNTESTED} -->", "")) == ["- Not that."]
    assert unbacked("Promises", f"Two.\n\n{backed}") == ["Two."]
    with pytest.raises(AssertionError):
        unbacked("Promises", limit)
