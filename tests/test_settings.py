"""Settings: who wins, what a repository may say for itself, and what is refused."""

import shutil
from pathlib import Path

import pytest

from git_par.discovery import find
from git_par.state.settings import KEYS, Settings
from tests.world import World


def settings(world: World, cwd: Path | None = None) -> Settings:
    return Settings(find(cwd or world.repo))


def test_every_key_has_a_default_that_passes_its_own_check(world: World) -> None:
    found = settings(world)
    for key in KEYS:
        assert found.text(key.name) == key.default
    for name in ("gateRetries", "gateTries", "jobs", "lockTimeout", "portBase", "portStep"):
        assert str(found.number(name)) == found.text(name)
    assert found.choice("dirty", "refuse", "warn") == "refuse"


def test_a_flag_wins_over_git_over_gitpar_over_the_default(world: World) -> None:
    def branch_of(name: str, *flags: str) -> str:
        world.ok("add", name, *flags)
        return world.git("symbolic-ref", "--short", "HEAD", cwd=world.workspaces / name)

    assert branch_of("a") == "a"
    world.write(".gitpar", "[par]\n\tbranch = committed/{name}\n")
    world.commit("settings")
    assert branch_of("b") == "committed/b"
    world.git("config", "--file", str(world.root / "home" / "gitconfig"), "par.branch", "mine/{name}")
    world.git("config", "include.path", str(world.root / "home" / "gitconfig"))
    assert branch_of("c") == "mine/c"
    world.git("config", "par.branch", "local/{name}")
    assert branch_of("d") == "local/d"
    assert branch_of("e", "--branch", "flag/{name}") == "flag/e"


@pytest.mark.parametrize("key", [key.name for key in KEYS])
def test_only_harmless_keys_of_gitpar_count(world: World, key: str) -> None:
    harmless = {
        "branch",
        "copy",
        "dirty",
        "isolation",
        "lfs",
        "link",
        "order",
        "pool",
        "portBase",
        "portStep",
        "submodules",
    }
    world.write(".gitpar", f"[par]\n\t{key} = 7\n")
    found = settings(world)
    default = next(one.default for one in KEYS if one.name == key)
    assert found.text(key) == ("7" if key in harmless else default)
    assert "7" not in found.patterns("regenerable")
    assert found.repo.workspaces == world.workspaces


def test_the_case_of_a_key_does_not_matter(world: World) -> None:
    world.write(".gitpar", "[PAR]\n\tPORTBASE = 30000\n")
    assert settings(world).number("portBase") == 30000
    world.git("config", "PAR.portbase", "40000")
    assert settings(world).number("portBase") == 40000


def test_gitpar_cannot_pull_in_other_files(world: World) -> None:
    world.write("more", "[par]\n\tportBase = 1\n")
    world.write(".gitpar", '[include]\n\tpath = more\n[core]\n\tbare = true\n[par "sub"]\n\tdirty = warn\n')
    found = settings(world)
    assert found.number("portBase") == 20000
    assert found.text("dirty") == "refuse"
    assert found.repo.main == world.repo


def test_gitpar_counts_from_the_main_checkout_and_never_from_a_workspace(world: World) -> None:
    path = world.add("t")[0]
    world.write(".gitpar", "[par]\n\tportBase = 30000\n", cwd=path)
    assert settings(world, path).number("portBase") == 20000
    assert world.listed("t")["port"] == 20010
    world.write(".gitpar", "[par]\n\tportBase = 40000\n")
    assert settings(world, path).number("portBase") == 40000


def test_gitpar_of_a_bare_repository_is_that_of_its_head(world: World) -> None:
    world.write(".gitpar", "[par]\n\tbranch = committed/{name}\n")
    world.commit("settings")
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    store = world.root / "x.git"
    world.ok("add", "t", cwd=store)
    path = world.root / "x-worktrees" / "t"
    assert world.git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/committed/t"
    world.write(".gitpar", "[par]\n\tbranch = workspace/{name}\n", cwd=path)
    assert settings(world, path).text("branch") == "committed/{name}"


def test_a_bare_repository_without_gitpar_or_commit_has_the_defaults(world: World) -> None:
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    assert settings(world, world.root / "x.git").text("branch") == "{name}"
    world.git("init", "-q", "--bare", str(world.root / "y.git"))
    assert settings(world, world.root / "y.git").text("branch") == "{name}"


@pytest.mark.parametrize("text", ["[par\n", '[par]\n\tbranch = "x\n', "\0\0"])
def test_a_broken_gitpar_is_refused(world: World, text: str) -> None:
    world.write(".gitpar", text)
    done = world.par("add", "t")
    assert done == (
        2,
        "",
        f"git par: .gitpar: git cannot read it\nhint: git config --file {world.repo}/.gitpar --list\n",
    )
    assert world.branches() == ["main"]


def test_a_broken_gitpar_in_a_bare_repository_is_refused(world: World) -> None:
    world.write(".gitpar", "[par\n")
    world.commit("broken")
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    done = world.par("add", "t", cwd=world.root / "x.git")
    assert done == (2, "", "git par: .gitpar: git cannot read it\nhint: git config --blob HEAD:.gitpar --list\n")


def test_a_gitpar_that_is_no_file_is_none(world: World) -> None:
    (world.repo / ".gitpar").mkdir()
    assert settings(world).text("branch") == "{name}"
    shutil.rmtree(world.repo / ".gitpar")
    (world.repo / ".gitpar").symlink_to("nowhere")
    assert settings(world).text("branch") == "{name}"


@pytest.mark.parametrize(
    ("key", "value", "message", "hint"),
    [
        ("portBase", "many", "par.portBase: 'many' is not a number", "git config par.portBase NUMBER"),
        ("portStep", "-1", "par.portStep: '-1' is not a number", "git config par.portStep NUMBER"),
        ("jobs", "²", "par.jobs: '²' is not a number", "git config par.jobs NUMBER"),
        ("lockTimeout", "", "par.lockTimeout: '' is not a number", "git config par.lockTimeout NUMBER"),
        ("portBase", "9" * 5000, f"par.portBase: '{'9' * 5000}' is not a number", "git config par.portBase NUMBER"),
        ("dirty", "maybe", "par.dirty: 'maybe' is none of refuse, warn", "git config par.dirty refuse"),
        (
            "branch",
            "fixed",
            "branch template 'fixed': it must hold '{name}'",
            "git par add --branch 'work/{name}', or git config par.branch TEMPLATE",
        ),
        (
            "branch",
            "{nome}",
            "branch template '{nome}': it knows no '{nome}', only {name}, {group}, {user}, {date}",
            "git par add --branch 'work/{name}', or git config par.branch TEMPLATE",
        ),
        (
            "branch",
            "{group}/{name}",
            "branch template '{group}/{name}': '{group}' is empty here",
            "git par add --branch 'work/{name}', or git config par.branch TEMPLATE",
        ),
        (
            "branch",
            "{name}.",
            "branch 't.': a name cannot end with '.'",
            "git par add with another name, or --branch TEMPLATE",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused(world: World, key: str, value: str, message: str, hint: str) -> None:
    world.git("config", f"par.{key}", value)
    world.write("a.txt", "changed\n")
    done = world.par("add", "t", *(() if key == "dirty" else ("--allow-dirty",)), "--json")
    assert done.status == 2
    assert done.err == f"git par: {message}\nhint: {hint}\n"
    assert done.json == {"version": 1, "error": {"status": 2, "message": message, "hint": hint}}


def test_patterns_add_up(world: World) -> None:
    world.git("config", "--add", "par.regenerable", "dist *.tmp")
    world.git("config", "--add", "par.regenerable", "out")
    default = tuple(next(key.default for key in KEYS if key.name == "regenerable").split())
    assert settings(world).patterns("regenerable") == (*default, "dist", "*.tmp", "out")
    world.git("config", "--add", "par.regenerable", "")
    world.git("config", "--add", "par.regenerable", "only this")
    assert settings(world).patterns("regenerable") == ("only", "this")
