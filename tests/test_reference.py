"""The reference pages of docs/: their tables are what the code has, and what is written around them is so."""

import ast
import json
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from git_par import grammar
from git_par.errors import Status
from git_par.state.settings import EVENTS, KEYS
from git_par.workspaces import environment
from tests import grammar as options
from tests.test_house import MODULES, PACKAGE, STOREYS, name_of

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SCRIPT = runpy.run_path(str(ROOT / "script/reference"))
PAGES = {"settings.md", "json.md", "exit-status.md", "architecture.md"}


def page(name: str) -> str:
    return (DOCS / name).read_text()


def rows(name: str, title: str) -> list[list[str]]:
    """The cells of the first table behind `title`, without its head."""
    text = page(name).partition(title)[2]
    lines = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)[0].splitlines()[2:]
    return [re.split(r" (?<!\\)\| ", line.strip("| ")) for line in lines]


def test_the_tables_are_what_the_code_has() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "script/reference", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_table_stands_on_a_page_and_a_stale_one_is_found() -> None:
    found = [name for file in PAGES for name, *_ in SCRIPT["TABLE"].findall(page(file))]
    assert sorted(found) == sorted(SCRIPT["TABLES"])
    for file in PAGES:
        text = page(file)
        longer = re.sub(r"^<!-- end of ", "| stale |\n<!-- end of ", text, flags=re.MULTILINE)
        assert longer != text
        assert SCRIPT["rewritten"](longer) == text


@pytest.mark.parametrize("name", sorted({*PAGES, "install.md"}))
def test_links_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page(name))
    assert [link for link in links if not (DOCS / link).exists()] == []


def test_every_setting_is_there() -> None:
    told = {line[0]: line[1:3] for line in rows("settings.md", "\n## All of them\n")}
    assert told == {
        f"`par.{key.name}`": [f"`{key.default}`" if key.default else "", "yes" if key.committed else ""] for key in KEYS
    }
    assert [line[0] for line in rows("settings.md", "\n## Hooks\n")] == [f"`par.hook.{event}`" for event in EVENTS]


def test_the_options_that_win_over_settings_exist() -> None:
    said = page("settings.md").partition("An option of the verb wins")[2].partition("\n\n")[0]
    words = re.findall(r"`([\w-]+)`", said)
    verb = ""
    for word in words:
        if word.startswith("--"):
            assert word in options.options(verb), (verb, word)
        else:
            verb = word
    assert len(words) > 10


def test_every_variable_is_there() -> None:
    told = {line[0].strip("`") for line in rows("settings.md", "\n## Environment\n")}
    text = Path(environment.__file__).read_text()
    assert told == set(re.findall(r'"(GIT_PAR_[A-Z]+)"', text))


def test_every_schema_is_there_and_what_comes_and_goes_is_named() -> None:
    links = re.findall(r"\]\(schema/([\w-]+)\.json\)", page("json.md"))
    assert set(links) == {file.stem for file in (DOCS / "schema").glob("*.json")}
    said = page("json.md").partition("Only\n  these come and go:")[2].partition("\n- ")[0]
    named = set(re.findall(r"`(\w+)`", said))
    assert named == {
        field for file in (DOCS / "schema").glob("*.json") for field in _optional(json.loads(file.read_text()))
    }


def _optional(schema: object) -> set[str]:
    if isinstance(schema, list):
        return {field for one in schema for field in _optional(one)}
    if not isinstance(schema, dict):
        return set()
    own = set(schema["properties"]) - set(schema["required"]) if schema.get("type") == "object" else set()
    return own | {field for one in schema.values() for field in _optional(one)}


def test_every_status_is_explained_and_every_verb_has_some() -> None:
    told = [line[0] for line in rows("exit-status.md", "# Exit statuses\n") if line[0].isdigit()]
    assert told == [str(int(one)) for one in Status if one < 100]
    named = re.findall(r"\]\(\.\./man/man1/git-par-([\w-]+)\.1\)", page("exit-status.md"))
    assert named == [verb for verb in grammar.NAMES if (ROOT / f"man/man1/git-par-{verb}.1").exists()]


def test_the_house_of_the_page_is_the_house() -> None:
    storeys = {re.findall(r"\[(\w+)", line[1])[0]: int(line[0]) for line in rows("architecture.md", "\n## The house\n")}
    assert storeys == {name: storey for name, storey in STOREYS.items() if not name.startswith("__")}
    listed = set(re.findall(r"\(\.\./git_par/([\w/]+\.py)\)", page("architecture.md")))
    there = {str(file.relative_to(PACKAGE)) for file in MODULES if not file.name.startswith("__")}
    assert listed == there


def test_what_the_architecture_names_exists() -> None:
    text = page("architecture.md")
    named = re.findall(r"`([\w/]+\.py)`", text)
    assert len(named) > 30
    known = {str(file.relative_to(PACKAGE)) for file in MODULES}
    assert [one for one in named if one not in known] == []
    functions = {
        f"{name_of(file).rpartition('.')[2]}.{node.name}"
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef)
    }
    assert [one for one in re.findall(r"`(\w+\.\w+)\(\)`", text) if one not in functions] == []
