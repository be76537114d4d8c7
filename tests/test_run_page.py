"""Task files that the pages show are some, and the manual explains every key of them."""

import re
import tomllib
from pathlib import Path

import pytest

from git_par.runs import taskfile
from tests import shell_blocks
from tests.shell_blocks import ROOT


@pytest.mark.parametrize("page", ["docs/run.md", "docs/agents.md", "README.md"])
def test_task_files_that_are_shown_are_task_files(page: str, tmp_path: Path) -> None:
    for name in ("english.md", "leaflet.md"):
        (tmp_path / name).write_text("Do it.\n")
    shown = [block.text for block in shell_blocks.blocks((ROOT / page).read_text()) if block.language == "toml"]
    assert shown
    for text in shown:
        assert taskfile.parse(tomllib.loads(text), tmp_path, page).tasks


def test_the_page_of_the_manual_explains_every_key(known: list[set[str]]) -> None:
    page = (ROOT / "man/man1/git-par-run.1").read_text().partition(".Ss The task file\n")[2].partition("\n.Ss ")[0]
    whole, _, each = page.partition("[[task]]")
    listed = [re.findall(r"^\.It Cm (\w+(?: , \w+)*)", text, re.M) for text in (whole, each)]
    assert [{key for item in items for key in item.split(" , ")} for items in listed] == known


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The keys that the reader asks for, of [run] and of [[task]]."""
    found: list[set[str]] = []
    monkeypatch.setattr(taskfile._Section, "end", lambda section: found.append(section.known))
    taskfile.parse({"task": [{"name": "a", "command": "b"}]}, Path(), "x")
    return found
