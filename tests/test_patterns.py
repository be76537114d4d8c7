"""Patterns select what git would ignore by them."""

import random

import pytest

from git_par.workspaces import patterns
from tests.world import World

PIECES = (
    *("a", "b", "c", "A", "*", "**", "?", "/", "/", "!", "-", " ", "#", ".", "\\a", "\\*", "\\ ", "\\"),
    *(
        "[ab]",
        "[!a]",
        "[^b-]",
        "[a-c]",
        "[]a]",
        "[a",
        "[\\]]",
        "[[:alpha:]]",
        "[[:upper:][:digit:]]",
        "[[:odd:]]",
        "[a-",
    ),
)
PARTS = ("a", "b", "c", "A", "ab", "a.b", ".a", "a b", "a ", "-", "*", "]", "!a", "#", "é", "1")


@pytest.mark.parametrize("seed", range(4))
def test_they_select_what_git_ignores(world: World, seed: int) -> None:
    dice = random.Random(seed)
    paths = ["/".join(dice.choices(PARTS, k=dice.randint(1, 4))) for _ in range(80)]
    selected = 0
    for _ in range(60):
        lines = ["".join(dice.choices(PIECES, k=dice.randint(1, 6))) for _ in range(dice.randint(1, 3))]
        if dice.random() < 0.4:
            lines.append(f"!{dice.choice(lines)[:3]}")
        world.write(".gitignore", "".join(f"{line}\n" for line in lines))
        feed = world.root / "feed"
        feed.write_text("".join(f"{path}\0" for path in paths))
        done = world.process("sh", "-c", f"git check-ignore --no-index -z --stdin <'{feed}'")
        found = patterns.parse(lines)
        assert {path for path in paths if found.select(path)} == set(done.out.split("\0")[:-1]), lines
        selected += len(done.out)
    assert selected > 2000


@pytest.mark.parametrize(
    ("line", "path", "leads"),
    [
        ("config/*.key", "config", True),
        ("/config/deep/x", "config/deep", True),
        ("config/**", "config/deep", True),
        ("*/x", "config", True),
        ("config/*.key", "config/deep", False),
        ("*.key", "config", False),
        ("/config", "config", False),
        ("**/x", "config", False),
        ("!config/x", "config", False),
    ],
)
def test_only_a_pattern_with_a_way_leads_into_a_directory(line: str, path: str, leads: bool) -> None:
    assert patterns.parse([line]).lead_into(path) is leads


def test_case_does_not_matter_where_git_says_so() -> None:
    assert patterns.parse(["Secret*"], ignore_case=True).select("SECRET.key")
    assert not patterns.parse(["Secret*"]).select("SECRET.key")


def test_many_wildcards_take_no_time() -> None:
    wanted = patterns.parse(["*a" * 30 + "b", "/" + "x*a" * 20 + "/c"])
    assert not wanted.select("a" * 250)
    assert not wanted.select("xa" * 120 + "/b")
    assert wanted.select("a" * 249 + "b")
    assert wanted.select("xa" * 100 + "/c")
