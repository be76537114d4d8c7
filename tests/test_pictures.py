"""The pictures of README and docs/ are those of the program as it is, and need nothing from elsewhere."""

import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.shell_blocks import ROOT
from tests.world import World

PICTURES = sorted((ROOT / "docs" / "pictures").glob("*.svg"))


def test_they_show_what_the_program_shows_now(tmp_path: Path) -> None:
    done = World(tmp_path).process(sys.executable, str(ROOT / "script/picture"), "--check", cwd=tmp_path)
    assert done == (0, "", "")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda file: file.name)
def test_a_picture_stands_alone(picture: Path) -> None:
    text = picture.read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag == "{http://www.w3.org/2000/svg}svg"
    assert re.findall(r"https?://(?!www\.w3\.org/)|@import|@font-face|/tmp/|/root/", text) == []
    assert re.findall(r"url\((?!#)", text) == []


@pytest.mark.parametrize("picture", PICTURES, ids=lambda file: file.name)
def test_its_letters_are_drawn_where_a_general_name_of_a_font_means_nothing(picture: Path) -> None:
    fonts = re.findall(r"\bfont(?:-family)?:[^;}]*", picture.read_text(encoding="utf-8"))
    named = [one for one in fonts if "monospace" in one or "sans-serif" in one]
    assert named
    assert [one for one in named if '"DejaVu Sans' not in one] == []


def test_there_are_pictures() -> None:
    assert {picture.name for picture in PICTURES} >= {"terminal.svg", "conflicts.svg"}
