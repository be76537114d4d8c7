"""The manual pages: sound, found by man(1) and by git, and in step with the program."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from git_par.state.session import Session
from git_par.state.settings import KEYS
from git_par.workspaces.environment import variables
from git_par.workspaces.reasons import REASONS
from tests import grammar
from tests.shells import ROOT, install, need
from tests.world import World

PAGES = ROOT / "man/man1"
WORDS = (
    "task", "workspace", "base", "workspaces directory", "plan", "publish", "integrated", "kept", "left", "landed",
    "journal", "slot", "task file",
)  # fmt: skip


def page(name: str) -> str:
    return (PAGES / f"{name}.1").read_text(encoding="utf-8")


def section(text: str, title: str) -> str:
    """What stands below `.Sh title`."""
    found = re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, title
    return found[1]


def test_mandoc_has_nothing_to_say() -> None:
    need("mandoc")
    done = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *sorted(PAGES.iterdir())], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


def test_every_verb_has_a_page_and_every_page_a_verb() -> None:
    assert sorted(file.name for file in PAGES.iterdir()) == sorted(
        ["git-par.1", *(f"git-par-{verb}.1" for verb in grammar.verbs())]
    )


def test_the_overview_lists_every_verb() -> None:
    text = page("git-par")
    listed = re.findall(r"^\.It Cm (\S+)", section(text, "DESCRIPTION"), re.MULTILINE)
    assert sorted(listed) == sorted(grammar.verbs())
    seen = re.findall(r"^\.Xr git-par-(\S+) 1", section(text, "SEE ALSO"), re.MULTILINE)
    assert sorted(seen) == sorted(grammar.verbs())


@pytest.mark.parametrize("verb", grammar.verbs())
def test_a_page_explains_exactly_the_options_of_its_verb(verb: str) -> None:
    text = page(f"git-par-{verb}")
    wanted = grammar.options(verb)
    items = re.findall(r"^\.It Fl (.*)", text, re.MULTILINE)
    explained = [flag for item in items for flag in re.findall(r"(?:^|, Fl )(-?[\w-]+)", item)]
    assert sorted(f"-{flag}" for flag in explained) == sorted(wanted)
    used = {f"-{flag}" for flag in re.findall(r"Fl (-?[\w-]+)", section(text, "SYNOPSIS"))} - {"--"}
    # One name of each option is enough there.
    assert used <= set(wanted)
    for names in grammar.aliases(verb):
        assert used & set(names), names


@pytest.mark.parametrize("verb", grammar.verbs())
def test_a_page_has_every_section(verb: str) -> None:
    titles = re.findall(r"^\.Sh (.*)", page(f"git-par-{verb}"), re.MULTILINE)
    assert titles == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OUTPUT", "EXIT STATUS", "EXAMPLES", "SEE ALSO",
    ]  # fmt: skip


def test_pages_refer_only_to_pages_of_ours_that_exist() -> None:
    referred = {
        name for file in PAGES.iterdir() for name in re.findall(r"^\.Xr (git-par\S*) 1", file.read_text(), re.M)
    }
    assert referred <= {file.stem for file in PAGES.iterdir()}


def test_the_overview_explains_every_setting_with_its_default() -> None:
    text = section(page("git-par"), "CONFIGURATION")
    items = re.findall(r"^\.It Va par\.(\w+)(.*)", text, re.MULTILINE)
    assert {name for name, _ in items} == {key.name for key in KEYS}
    said = dict(items)
    for key in KEYS:
        assert ("*" in said[key.name]) == key.committed, key.name
        if key.name == "regenerable":
            assert (
                re.findall(r"^\.Ql (\S+)", text.partition("par.regenerable")[2].partition(".It Va")[0], re.MULTILINE)
                == key.default.split()
            )
        elif key.default:
            assert re.search(r"default (?:Ql )?(\S+)", said[key.name]), key.name
            assert said[key.name].split()[-1] == key.default


def test_the_overview_lists_the_environment_of_commands(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.add("task")[0]
    monkeypatch.chdir(path)
    session = Session((), print)
    names = variables(session, session.named("task"))
    text = section(page("git-par"), "ENVIRONMENT")
    assert re.findall(r"^\.It Ev (GIT_PAR_\w+)", text.partition("GIT_PAR_LOCK")[0], re.MULTILINE) == list(names)


def test_the_overview_explains_the_words_and_the_exit_statuses() -> None:
    text = page("git-par")
    assert tuple(re.findall(r"^\.It Sy (.*)", section(text, "CONCEPTS").partition(".Ss")[0], re.MULTILINE)) == WORDS
    statuses = re.findall(r"^\.It (\d.*)", section(text, "EXIT STATUS"), re.MULTILINE)
    assert statuses == ["0", "1", "2", "3", "4", "5", "130 , 143"]


def test_the_page_of_remove_names_every_reason() -> None:
    text = " ".join(section(page("git-par-remove"), "OUTPUT").split())
    listed = re.findall(r"one element for each reason: (.*)\.", text)[0].replace(" or ", ", ").split(", ")
    assert listed == list(REASONS)


def test_man_and_git_find_the_pages_of_an_installation(world: World) -> None:
    need("man")
    prefix = install(world.root)
    check_found(world, prefix / "bin", prefix / "share/man/man1")


def test_man_and_git_find_the_pages_of_a_checkout(world: World) -> None:
    need("man")
    check_found(world, ROOT / "bin", PAGES)


def check_found(world: World, commands: Path, pages: Path) -> None:
    env = {"PATH": f"{commands}:{os.environ['PATH']}", "MANPAGER": "cat", "MANWIDTH": "80"}
    for name in ("git-par", *(f"git-par-{verb}" for verb in grammar.verbs())):
        found = world.process("man", "-w", name, env=env)
        assert (found.status, Path(found.out.strip()).resolve()) == (0, (pages / f"{name}.1").resolve()), found
    shown = world.process("git", "par", "--help", env=env)
    assert shown.status == 0, shown
    assert "one safe way home" in " ".join(shown.out.split())


def test_a_page_reads_as_git_writes_it(world: World) -> None:
    need("mandoc")
    done = subprocess.run(
        ["mandoc", "-Tascii", PAGES / "git-par-path.1"], capture_output=True, text=True, check=True
    ).stdout
    plain = re.sub(".\b", "", done)
    assert "SYNOPSIS\n     git par path [--json] [name]\n" in plain
