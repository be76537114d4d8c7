"""Tab in the real shells, with the completions found where a wheel puts them."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from git_par.colour import When
from git_par.grammar import NAMES
from git_par.landing.planned import OnConflict, Order
from git_par.workspaces.isolation import Isolation
from tests.shells import ROOT, SHELLS, Shell
from tests.world import World

VERBS = sorted(NAMES)
HARD = ("größe/maß", "it's", 'say"hi"', "a$b;c&d", "fix@2", "x=y", "(round){curly}", "über'all")
"""Names that git allows and shells trip over."""


@pytest.fixture
def shell(request: pytest.FixtureRequest, world: World) -> Iterator[Shell]:
    """A shell in the repository; no Tab in it may have started git-par or a Python."""
    running = Shell(request.param, world.root, world.repo)
    yield running
    running.close()
    assert running.started() == ""


each_shell = pytest.mark.parametrize("shell", SHELLS, indirect=True)


def test_the_committed_files_are_what_the_grammar_says() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "script/completions", "--check"], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr, done.returncode) == ("", "", 0)


@each_shell
def test_verbs_are_offered(shell: Shell) -> None:
    assert shell.all("git par ") == VERBS
    assert shell.all("git-par ") == VERBS
    assert shell.tab("git par me") == ["git", "par", "merge"]
    assert shell.tab("git-par me") == ["git-par", "merge"]


@each_shell
def test_tasks_are_offered_where_a_task_is_meant(shell: Shell, world: World) -> None:
    world.add("task-48", "task-50", "other")
    tasks = ["other", "task-48", "task-50"]
    for verb in ("merge", "remove", "set", "path", "show", "env"):
        assert shell.all(f"git par {verb} ") == tasks, verb
    assert shell.all("git-par merge ") == tasks
    assert shell.all("git-par-merge ") == tasks
    assert shell.tab("git par merge o") == ["git", "par", "merge", "other"]
    assert shell.tab("git-par merge --no-ff o") == ["git-par", "merge", "--no-ff", "other"]
    assert shell.tab("git-par-merge o") == ["git-par-merge", "other"]
    assert shell.all("git par merge other ") == ["task-48", "task-50"]


@each_shell
def test_what_was_removed_is_offered_for_restore(shell: Shell, world: World) -> None:
    world.add("gone", "größe/maß", "living")
    world.ok("remove", "gone", "größe/maß")
    world.ok("restore", "gone")
    world.ok("remove", "gone")
    assert shell.all("git par restore ") == ["gone", "größe/maß"]
    assert shell.tab("git-par restore go") == ["git-par", "restore", "gone"]
    assert shell.tab("git par restore gr") == ["git", "par", "restore", "größe/maß"]


@each_shell
def test_options_are_offered(shell: Shell) -> None:
    wanted = ["--ff", "--help", "--into", "--message", "--no-ff", "--prune"]
    for start in ("git par merge --", "git-par merge --", "git-par-merge --"):
        offered = [option.rstrip("=") for option in shell.all(start)]
        assert [option for option in offered if option in wanted] == wanted
    assert shell.tab("git par merge --squ") == ["git", "par", "merge", "--squash"]
    assert shell.tab("git par add one two --fet") == ["git", "par", "add", "one", "two", "--fetch"]


@each_shell
def test_branches_are_offered_for_options_that_take_one(shell: Shell, world: World) -> None:
    world.git("branch", "topic/one")
    world.git("branch", "größer")
    world.git("tag", "v1")
    world.git("update-ref", "refs/remotes/origin/far", "HEAD")
    local, everything = ["größer", "main", "topic/one"], ["größer", "main", "origin/far", "topic/one", "v1"]
    assert shell.all("git par add --from ") == everything
    assert shell.all("git par add --base ") == local
    assert shell.all("git par merge --into ") == local
    assert shell.all("git par set a --base ") == local
    assert shell.tab("git par add --from top") == ["git", "par", "add", "--from", "topic/one"]
    assert shell.tab("git par add --from=top") == ["git", "par", "add", "--from=topic/one"]
    assert shell.tab("git par add --from gr") == ["git", "par", "add", "--from", "größer"]
    assert shell.tab("git-par-merge --into ma") == ["git-par-merge", "--into", "main"]


@each_shell
def test_a_branch_is_offered_for_merge_where_no_task_fits(shell: Shell, world: World) -> None:
    world.add("task")
    world.git("branch", "plain")
    assert shell.all("git par merge ") == ["task"]
    assert shell.tab("git par merge pl") == ["git", "par", "merge", "plain"]
    assert shell.tab("git par conflicts pl") == ["git", "par", "conflicts", "plain"]


@each_shell
def test_operations_are_offered_for_undo(shell: Shell, world: World) -> None:
    assert shell.tab("git par undo ") == ["git", "par", "undo"]
    world.add("one")
    journal = world.repo / ".git/par/journal"
    name = next(journal.iterdir()).name.split("-")[0]
    assert shell.tab("git par undo 2") == ["git", "par", "undo", name]
    assert shell.tab("git par undo on") == ["git", "par", "undo", "on"]
    for number in range(60):
        (journal / f"20200101T0000{number:02}.000000Z-1-1.json").write_text("{}")
    offered = shell.all("git-par undo ")
    assert offered == [*(f"20200101T0000{number:02}.000000Z" for number in range(11, 60)), name]


@each_shell
def test_hard_names_come_out_as_one_word(shell: Shell, world: World) -> None:
    world.add(*HARD)
    assert shell.all("git par path ") == sorted(HARD)
    for name in HARD:
        start = "".join(itertools.takewhile(str.isalpha, name))
        assert not start or shell.tab(f"git par path {start}") == ["git", "par", "path", name]


@each_shell
def test_a_name_is_finished_where_its_sign_was_typed(shell: Shell, world: World) -> None:
    world.add("fix@2", "it's", "x=y", "größe/maß")
    for typed, name in (
        ("fix@", "fix@2"),
        ("it\\'", "it's"),
        ("x=", "x=y"),
        ("größe/m", "größe/maß"),
        ("\"it'", "it's"),
    ):
        assert shell.tab(f"git par path {typed}") == ["git", "par", "path", name], typed
    for typed, name in (("fix@", "fix@2"), ("x=", "x=y")):
        assert shell.tab(f"git-par path {typed}") == ["git-par", "path", name], typed


@each_shell
def test_a_name_that_is_a_command_is_only_a_name(shell: Shell, world: World) -> None:
    world.git("branch", "$(touch${IFS}pwned)")
    world.git("branch", "`touch${IFS}pwned`")
    assert shell.all("git par add --base ") == ["$(touch${IFS}pwned)", "`touch${IFS}pwned`", "main"]
    assert not (world.repo / "pwned").exists()


@each_shell
def test_directories_are_offered_for_sparse(shell: Shell, world: World) -> None:
    (world.repo / "source").mkdir()
    (world.repo / "some file").write_text("")
    words = shell.tab("git par add --sparse so")
    assert [word.rstrip("/") for word in words] == ["git", "par", "add", "--sparse", "source"]


@each_shell
def test_files_are_offered_for_a_picture(shell: Shell, world: World) -> None:
    (world.repo / "matrix.svg").write_text("")
    assert shell.tab("git par conflicts --svg mat") == ["git", "par", "conflicts", "--svg", "matrix.svg"]


@each_shell
def test_task_files_are_offered_for_a_run(shell: Shell, world: World) -> None:
    world.write("tasks.toml", "")
    world.write("table.txt", "")
    assert shell.tab("git par run ta") == ["git", "par", "run", "tasks.toml"]
    assert shell.tab("git-par run -j 2 ta") == ["git-par", "run", "-j", "2", "tasks.toml"]
    assert shell.tab("git par run --resume ta") == ["git", "par", "run", "--resume", "tasks.toml"]
    world.write("plans/wave 1.toml", "")
    words = shell.tab("git-par run pl")
    assert [word.rstrip("/") for word in words] == ["git-par", "run", "plans"]
    assert shell.tab("git par run plans/w") == ["git", "par", "run", "plans/wave 1.toml"]
    assert shell.tab("git par run --each ta") == ["git", "par", "run", "--each", "ta"]
    words = shell.tab("git par run --each one two -- rmdir plan")
    assert [word.rstrip("/") for word in words] == ["git", "par", "run", "--each", "one", "two", "--", "rmdir", "plans"]


@each_shell
def test_fixed_values_are_offered(shell: Shell) -> None:
    assert shell.all("git par merge --order ") == sorted(Order)
    assert shell.all("git par merge --on-conflict ") == sorted(OnConflict)
    assert shell.all("git par add --isolation ") == sorted(Isolation)
    assert shell.tab("git-par merge --all --order few") == ["git-par", "merge", "--all", "--order", "fewest-conflicts"]
    assert shell.tab("git-par-merge --on-conflict=st") == ["git-par-merge", "--on-conflict=stop"]


@each_shell
def test_new_names_are_not_made_up_from_files(shell: Shell, world: World) -> None:
    world.add("task")
    assert shell.tab("git par add a.t") == ["git", "par", "add", "a.t"]


@each_shell
def test_the_option_for_every_verb_stands_before_it(shell: Shell, world: World) -> None:
    world.add("task-1")
    assert shell.all("git-par --color ") == sorted(When)
    assert shell.tab("git-par --color=al") == ["git-par", "--color=always"]
    assert shell.tab("git-par --color never pat") == ["git-par", "--color", "never", "path"]
    assert shell.tab("git par --color=never path ta") == ["git", "par", "--color=never", "path", "task-1"]
    assert shell.all("git par --color never path ") == ["task-1"]


@each_shell
def test_a_very_long_name_is_passed_over(shell: Shell, world: World) -> None:
    world.add("ü" * 60, "short")
    assert shell.all("git par path ") == ["short"]


@each_shell
def test_tasks_are_those_of_the_repository_one_stands_in(shell: Shell, world: World) -> None:
    path = world.add("task-1")[0]
    shell.run(f"cd '{path}'")
    assert shell.tab("git par path ta") == ["git", "par", "path", "task-1"]
    shell.run(f"cd '{world.root}'")
    assert shell.tab("git par path ta") == ["git", "par", "path", "ta"]


@pytest.mark.parametrize("shell", ["bash", "fish"], indirect=True)
def test_tasks_are_those_of_the_repository_that_git_is_sent_to(shell: Shell, world: World) -> None:
    world.add("task-1")
    shell.run(f"cd '{world.root}'")
    assert shell.tab("git -C repo par path ta") == ["git", "-C", "repo", "par", "path", "task-1"]
    assert shell.tab("git --git-dir repo/.git par path ta")[-1] == "task-1"


def test_bash_finds_the_file_of_git_par_merge_by_its_own_name(world: World) -> None:
    world.add("task-1")
    bash = Shell("bash", world.root, world.repo)
    assert bash.tab("git-par-merge ta") == ["git-par-merge", "task-1"]
    bash.close()
    checkout = subprocess.run(
        ["bash", "-c", '. "$1"; declare -F _git_par', "-", ROOT / "completions/git-par-merge.bash"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checkout.stdout == "_git_par\n"


def test_bash_completes_without_the_package_bash_completion(world: World, tmp_path: Path) -> None:
    world.add("task-1")
    bash = Shell("bash", world.root, world.repo, completions=False)
    bash.run(f"complete -r; unset -f _completion_loader; . '{ROOT}/completions/git-par.bash'")
    assert bash.tab("git-par path ta") == ["git-par", "path", "task-1"]
    bash.close()


@each_shell
def test_a_command_of_its_own_is_completed_as_it_is_alone(shell: Shell, world: World) -> None:
    (world.repo / "some-directory").mkdir()
    assert "git" in shell.all("git-par with-lock -- gi")
    words = shell.tab("git-par with-lock -- rmdir some-d")
    assert [word.rstrip("/") for word in words] == ["git-par", "with-lock", "--", "rmdir", "some-directory"]
    world.add("task-1", "task-2")
    assert shell.all("git par exec ta") == shell.all("git-par exec ta") == ["task-1", "task-2"]
    assert "git" in shell.all("git-par exec task-1 --jobs 2 -- gi")
    words = shell.tab("git-par exec task-1 -- rmdir -p some-d")
    assert [word.rstrip("/") for word in words] == ["git-par", "exec", "task-1", "--", "rmdir", "-p", "some-directory"]
    words = shell.tab("git par with-lock -- rmdir some-d")
    assert [word.rstrip("/") for word in words] == ["git", "par", "with-lock", "--", "rmdir", "some-directory"]
