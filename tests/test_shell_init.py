"""The one eval line: completion, `par-cd`, `par-add` and manual pages, in the real shells."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.shells import ROOT, SHELLS, Shell, install, need
from tests.world import World

HARD = ("größe/maß", "it's", 'say"hi"', "a$b;c&d", "(round){curly}")
LINE = {
    "bash": 'eval "$(git par shell-init bash)"',
    "zsh": 'eval "$(git par shell-init zsh)"',
    "fish": "git par shell-init fish | source",
}


@pytest.fixture
def world(tmp_path: Path) -> World:
    """A repository whose path has what shells trip over: a space, quotes, an umlaut, a dollar."""
    return World(tmp_path, name='it\'s a "größe" $HOME').init()


@pytest.fixture
def shell(request: pytest.FixtureRequest, world: World) -> Iterator[Shell]:
    """A shell in the repository, with no completion of ours but by the eval line."""
    running = Shell(request.param, world.root, world.repo, completions=False)
    assert running.run(LINE[request.param]) == ""
    assert running.status == 0
    yield running
    running.close()


each_shell = pytest.mark.parametrize("shell", SHELLS, indirect=True)


def here(shell: Shell) -> str:
    """Where the shell stands."""
    return shell.run("command pwd -P")


@each_shell
def test_par_cd_goes_to_the_workspace_of_a_task(shell: Shell, world: World) -> None:
    for name, path in zip(HARD, world.add(*HARD), strict=True):
        quoted = name.replace("'", "'\\''")
        assert shell.run(f"par-cd '{quoted}'") == ""
        assert (shell.status, here(shell)) == (0, str(path))


@each_shell
def test_par_cd_stays_where_it_is_when_there_is_no_such_task(shell: Shell, world: World) -> None:
    before = here(shell)
    assert shell.run("par-cd nothing") == "git par: nothing: no such task\nhint: see 'git par list'"
    assert (shell.status, here(shell)) == (2, before)
    assert shell.run("par-cd") == "git par: path: there are no tasks\nhint: git par add NAME makes one"
    assert (shell.status, here(shell)) == (2, before)
    assert shell.run("par-cd one two") == "usage: par-cd [NAME]"
    assert (shell.status, here(shell)) == (2, before)
    shell.run("par-cd --help")
    assert here(shell) == before


@each_shell
def test_par_add_makes_a_task_and_goes_there(shell: Shell, world: World) -> None:
    said = shell.run("par-add größe --title 'a title'")
    assert said == f"größe: starts at main ({world.rev('HEAD')[:8]}), returns to main"
    assert (shell.status, here(shell)) == (0, str(world.workspaces / "größe"))
    assert world.listed("größe")["title"] == "a title"


@each_shell
def test_par_add_of_several_names_their_paths_and_goes_to_the_first(shell: Shell, world: World) -> None:
    said = shell.run("par-add one two").splitlines()
    assert [line for line in said if line.startswith("/")] == [str(world.workspaces / name) for name in ("one", "two")]
    assert here(shell) == str(world.workspaces / "one")


@each_shell
def test_par_add_stays_where_it_is_when_nothing_was_made(shell: Shell, world: World) -> None:
    before = here(shell)
    world.add("there")
    said = shell.run("par-add there")
    assert said.startswith("git par: there: there is a task of that name\nhint: ")
    assert (shell.status, here(shell)) == (2, before)
    assert "Usage: git par add" in shell.run("par-add --help")
    assert (shell.status, here(shell)) == (0, before)


@each_shell
def test_par_add_says_when_its_command_failed_and_goes_there_all_the_same(shell: Shell, world: World) -> None:
    shell.run("par-add one --exec false")
    assert (shell.status, here(shell)) == (1, str(world.workspaces / "one"))


@each_shell
def test_the_eval_line_completes_everything(shell: Shell, world: World) -> None:
    world.add("task-48", "it's")
    started = shell.started()
    assert shell.tab("git par me") == ["git", "par", "merge"]
    assert shell.tab("git par merge ta") == ["git", "par", "merge", "task-48"]
    assert shell.tab("git-par merge ta") == ["git-par", "merge", "task-48"]
    assert shell.tab("git-par-merge ta") == ["git-par-merge", "task-48"]
    assert shell.tab("par-cd it") == ["par-cd", "it's"]
    assert shell.all("par-cd ") == ["it's", "task-48"]
    assert shell.tab("par-add --fro") in (["par-add", "--from"], ["par-add", "--from="])
    assert shell.tab("par-add --base ma") == ["par-add", "--base", "main"]
    assert shell.started() == started


def test_zsh_may_set_up_its_completion_after_the_eval_line(world: World) -> None:
    world.add("task-48")
    zsh = Shell("zsh", world.root, world.repo, completions=False)
    zsh.run("unfunction compdef; " + LINE["zsh"])
    zsh.run("compinit -u -D; zstyle ':completion:*' use-cache no")
    assert zsh.tab("git par merge ta") == ["git", "par", "merge", "task-48"]
    assert zsh.tab("par-cd ta") == ["par-cd", "task-48"]
    zsh.close()


@pytest.mark.parametrize("shell", ["bash", "zsh"], indirect=True)
def test_strict_shells_take_it(shell: Shell, world: World) -> None:
    world.add("task-48")
    shell.run("set -u")
    assert shell.tab("git-par path ta") == ["git-par", "path", "task-48"]
    assert shell.tab("git-par me") == ["git-par", "merge"]
    shell.run("par-cd task-48")
    assert here(shell) == str(world.workspaces / "task-48")


def test_an_unknown_shell_is_named(world: World) -> None:
    done = world.par("shell-init", "tcsh")
    assert (done.status, done.out) == (2, "")
    assert done.err == "git par: shell-init: 'tcsh' is none of bash, zsh, fish\nhint: git par shell-init bash\n"


@pytest.mark.parametrize("kind", SHELLS)
def test_it_is_printed_outside_of_any_repository(world: World, kind: str) -> None:
    done = world.par("shell-init", kind, cwd=world.root)
    assert (done.status, done.err) == (0, "")
    assert world.par("shell-init", kind, "--json", cwd=world.root).json == {
        "version": 1, "shell": kind, "text": done.out,
    }  # fmt: skip


@pytest.mark.parametrize("kind", SHELLS)
def test_pages_that_do_not_lie_beside_the_command_are_found(world: World, kind: str) -> None:
    """As after `uv tool install`, which links the commands into a directory and nothing else."""
    need("man")
    shutil.rmtree(install(world.root) / "share/man")
    shell = Shell(kind, world.root, world.repo, completions=False)
    assert shell.run("man -w git-par-merge") != str(ROOT / "man/man1/git-par-merge.1")
    for _ in range(2):  # a shell starts in another
        assert shell.run(LINE[kind]) == ""
        assert shell.run('echo "$MANPATH"') == f"{ROOT}/man:"
    assert shell.run("man -w git-par-merge") == str(ROOT / "man/man1/git-par-merge.1")
    shell.run("set -gx MANPATH /elsewhere" if kind == "fish" else "export MANPATH=/elsewhere")
    assert shell.run(LINE[kind]) == ""
    assert shell.run('echo "$MANPATH"') == f"{ROOT}/man:/elsewhere"
    shell.close()


@pytest.mark.parametrize("kind", SHELLS)
def test_a_manpath_stays_as_it_is_where_pages_are_found_anyway(world: World, kind: str) -> None:
    install(world.root)
    env = {"PATH": f"{world.root}/prefix/bin:/usr/bin:/bin"}
    assert "MANPATH" not in world.process("git", "par", "shell-init", kind, env=env).out
