"""What docs/ shows for others to run is true, too: the hooks of agents, the lines of clocks."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest

from tests.shell_blocks import ROOT, blocks, environment, settle
from tests.world import Result, World

DOCS = ROOT / "docs"


def fenced(page: str, language: str) -> list[str]:
    return [block.text for block in blocks((DOCS / page).read_text()) if block.language == language]


@pytest.fixture
def shop(tmp_path: Path) -> World:
    """The repository that the guides speak of."""
    return World(settle(tmp_path), "shop").init()


def pasted(shop: World, commands: str) -> Result:
    return shop.process("bash", "-euc", commands, env=environment(shop.root))


def test_the_hooks_of_the_guide_answer_the_agent(shop: World) -> None:
    (settings,) = (json.loads(block) for block in fenced("agents.md", "json"))
    commands = {event: one["hooks"][0]["command"] for event, (one,) in settings["hooks"].items()}
    assert set(commands) == {"WorktreeCreate", "WorktreeRemove"}

    def fire(event: str, **fields: str) -> Result:
        request = shlex.quote(json.dumps({"session_id": "x", "hook_event_name": event, **fields}))
        return pasted(shop, f"cd /; printf %s {request} | {commands[event]}")

    made = fire("WorktreeCreate", name="bright-fox", cwd=str(shop.repo))
    assert (made.status, made.out) == (0, f"{shop.workspaces / 'bright-fox'}\n")
    gone = fire("WorktreeRemove", worktree_path=made.out.strip(), cwd=str(shop.repo))
    assert (gone.status, gone.out) == (0, "")
    assert not (shop.workspaces / "bright-fox").exists()


def test_the_clock_prunes_what_the_guide_says(shop: World) -> None:
    lines = [line for block in fenced("workspaces.md", "crontab") for line in block.splitlines()]
    commands = [re.fullmatch(r"(?:\S+ ){5}(git -C /home/ann/shop par prune .*)", line) for line in lines]
    units = [configparser.RawConfigParser() for _ in range(2)]
    for unit, block in zip(units, fenced("workspaces.md", "ini")[1:], strict=True):
        unit.optionxform = str  # type: ignore[assignment,method-assign]
        unit.read_string(block)
    assert commands[0]
    assert units[0]["Service"]["ExecStart"] == commands[0][1]
    assert units[1]["Install"]["WantedBy"] == "timers.target"
    shop.task("landed")
    shop.ok("merge", "landed")
    for command in commands:
        assert command
        assert pasted(shop, command[1].replace("/home/ann/shop", str(shop.repo))).status == 0
    assert "landed" in shop.branches()
    record = shop.record("landed")
    record.write_text(re.sub('"created": "[^"]*"', '"created": "2026-01-01T00:00:00Z"', record.read_text()))
    assert pasted(shop, commands[0][1].replace("/home/ann/shop", str(shop.repo))).out == "removed landed (merged)\n"


def test_each_message_of_the_questions_is_one_of_the_program() -> None:
    """The message in a heading stands in what the commands below it write."""
    sections = re.split(r"^### ", (DOCS / "faq.md").read_text(), flags=re.MULTILINE)[1:]
    looked_at = 0
    for section in sections:
        heading, _, body = section.partition("\n")
        said = "".join(block.text for block in blocks(body) if block.language == "console")
        if heading.startswith("`") and said:
            pattern = ".*?".join(map(re.escape, heading.strip("`").split("…")))
            assert re.search(pattern, said), heading
            looked_at += 1
    assert looked_at > 15
