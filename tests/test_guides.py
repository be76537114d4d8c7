"""The guides in docs/ are true: their commands can be pasted, their settings read, their links followed."""

import configparser
import json
import re
import shlex
from pathlib import Path

import pytest

from git_par.state.settings import KEYS
from tests.world import PAR, Result, World

DOCS = Path(__file__).parent.parent / "docs"
AGENTS = (DOCS / "agents.md").read_text()
WORKSPACES = (DOCS / "workspaces.md").read_text()

AGENT = """#!/bin/sh
# An agent that does what it is told: the last word of its command line.
for prompt; do :; done
printf '%s\\n' "$prompt" >>"said-by-$GIT_PAR_TASK"
[ "$GIT_PAR_TASK" = hours ] || { git add . && git commit -q -m "$GIT_PAR_TASK"; }
"""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


@pytest.fixture
def shop(tmp_path: Path) -> World:
    """The repository that the guides speak of."""
    shop = World(tmp_path, "shop").init()
    shop.commit("the menu", menu="coffee\n", web__txt="")
    shop.write("web/index.html", "<p>\n")
    shop.commit("the page")
    for name in ("prices", "sizes", "hours"):
        shop.write(f"todo/{name}", f"do {name}\n")
    shop.write(".git/info/exclude", "/todo/\n")
    for name in ("codex", "aider"):
        shop.write(f"bin/{name}", AGENT, shop.root).chmod(0o755)
    shop.write("bin/git-par", f'#!/bin/sh\nexec "{PAR[0]}" -P -m git_par "$@"\n', shop.root).chmod(0o755)
    return shop


def pasted(shop: World, commands: str) -> Result:
    return shop.process("bash", "-euc", f'PATH="{shop.root}/bin:$PATH"\n{commands}')


@pytest.mark.parametrize("page", ["agents.md", "workspaces.md"])
def test_links_lead_somewhere(page: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (DOCS / page).read_text())
    assert links
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_agents_can_be_started_as_the_guide_says(shop: World) -> None:
    done = pasted(shop, "".join(blocks(AGENTS, "sh")))
    assert done.status == 0, done
    assert not (shop.workspaces / "try-it").exists()
    for name in ("prices", "sizes", "hours"):
        assert (shop.repo / f"said-by-{name}").read_text().endswith(f"\ndo {name}\n")
    freed = (shop.repo / "said-by-free-the-mixer-channel").read_text()
    assert "It is about: Free the mixer channel\n" in freed
    assert [task["name"] for task in shop.ok("list", "--json").json["tasks"]] == ["soup"]
    soup = shop.workspaces / "soup"
    assert f"\nWork in {soup} only.  Run 'make test' before every commit on soup.\n" in done.out
    assert done.out.endswith(f"{shop.repo}/.git/worktrees/soup\n{shop.repo}/.git\n")
    shop.check_sound()


def test_the_hooks_of_the_guide_answer_the_agent(shop: World) -> None:
    (settings,) = (json.loads(block) for block in blocks(AGENTS, "json"))
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


def test_workspaces_are_made_as_the_guide_says(shop: World) -> None:
    done = pasted(shop, "".join(blocks(WORKSPACES, "sh")))
    assert done.status == 0, done
    found = {task["name"]: task for task in shop.ok("list", "--json").json["tasks"]}
    assert re.fullmatch(r"[\w.-]+/wave-1/prices", found["prices"]["branch"])
    assert "free-mixer-channel" in found
    assert len(found) == 5


def test_the_clock_prunes_what_the_guide_says(shop: World) -> None:
    lines = [line for block in blocks(WORKSPACES, "crontab") for line in block.splitlines()]
    commands = [re.fullmatch(r"(?:\S+ ){5}(git -C /home/ann/shop par prune .*)", line) for line in lines]
    units = [configparser.RawConfigParser() for _ in range(2)]
    for unit, block in zip(units, blocks(WORKSPACES, "ini")[1:], strict=True):
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
    record = shop.repo / ".git/par/tasks/landed.json"
    record.write_text(re.sub('"created": "[^"]*"', '"created": "2026-01-01T00:00:00Z"', record.read_text()))
    assert pasted(shop, commands[0][1].replace("/home/ann/shop", str(shop.repo))).out == "removed landed (merged)\n"


def test_the_settings_that_the_guides_name_exist() -> None:
    known = {key.name for key in KEYS} | {"KEY"}
    named = set(re.findall(r"\bpar\.(\w+)", AGENTS + WORKSPACES))
    assert {"branch", "maxTasks", "prompt", "keepDays"} <= named
    coming = {"isolation"}
    assert named <= known | coming
