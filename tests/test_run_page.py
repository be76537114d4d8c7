"""docs/run.md tells the truth: its commands answer what stands there, and its task files are some."""

import os
import re
import tomllib
from pathlib import Path

import pytest

from git_par.runs import taskfile
from tests.world import PAR, World

ROOT = Path(__file__).parent.parent
FILE = ROOT / "docs/run.md"
PAGE = FILE.read_text()


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page, re.M | re.S)


def commands(page: str) -> list[str]:
    """What there is to type, in order: behind `$ `, going on behind `> `; what stands in a hidden comment comes as it is."""
    found: list[str] = []
    for hidden, shown in re.findall(r"^<!-- shell\n(.*?)^-->$|^```console\n(.*?)^```$", page, re.M | re.S):
        if hidden:
            found.append(f"{{ {hidden}}} >/dev/null")
        for line in shown.splitlines():
            if line.startswith("$ "):
                found.append(line)
            elif line.startswith("> "):
                found[-1] += f"\n{line}"
    return found


def answered(home: Path) -> str:
    """The commands of the page carried out, each with what it writes, as a terminal would show it."""
    (home / "bin").mkdir(parents=True)
    launcher = home / "bin" / "git-par"
    launcher.write_text(f'#!/bin/sh\nexec "{PAR[0]}" -P -m git_par "$@"\n')
    launcher.chmod(0o755)
    script = "exec 2>&1\n"
    for command in commands(PAGE):
        if command.startswith("$ "):
            script += f"cat <<'COMMAND'\n{command}\nCOMMAND\n"
        script += re.sub(r"^[$>] ", "", command, flags=re.M) + "\n"
    env = {
        "HOME": str(home),
        "PATH": f"{launcher.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GIT_CEILING_DIRECTORIES": str(home),
    }
    return World(home.parent).process("bash", "-c", script, cwd=home, env=env).out


def comparable(text: str, home: str) -> str:
    """Without what differs from run to run: commit ids, times, where the home directory lies, and who was quicker."""
    text = re.sub(r"\b([0-9a-f]{7,8})\b", lambda found: "x" * len(found[1]), text.replace(home, "/home/ann"))
    text = re.sub(r"\d{8}T\d{6}Z(-\d+)?", "20261121T093012Z", text)
    text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "2026-11-21T09:30:12Z", text)
    text = re.sub(r"\b\d+\.\d s\b", "0.1 s", re.sub(r"\b\d+ (s|min)\b", "1 s", text))
    text = re.sub(r" {2,}", "  ", text)
    return re.sub(
        r"(^(git par: )?\w+: (committed|failed|where) .*\n)+",
        lambda found: "".join(sorted(found[0].splitlines(keepends=True))),
        text,
        flags=re.M,
    )


def test_its_commands_answer_what_it_shows(tmp_path: Path) -> None:
    shown = "".join(blocks(PAGE, "console"))
    assert len(commands(PAGE)) > 12
    home = tmp_path / "ann"
    assert comparable(answered(home), str(home)) == comparable(shown, str(home))


@pytest.mark.parametrize("page", ["docs/run.md", "docs/agents.md", "README.md"])
def test_task_files_that_are_shown_are_task_files(page: str, tmp_path: Path) -> None:
    for name in ("english.md", "leaflet.md"):
        (tmp_path / name).write_text("Do it.\n")
    shown = blocks((ROOT / page).read_text(), "toml")
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


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", PAGE)
    assert links
    assert [link for link in links if not (FILE.parent / link).exists()] == []
