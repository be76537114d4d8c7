"""Several workspaces are filled side by side: all of them, or none is left."""

import os
import signal
import time
from pathlib import Path

import pexpect
import pytest

from git_par.discovery import find as find_repo
from git_par.git import Git
from git_par.workspaces import abreast, worktree
from tests.processes import until
from tests.test_add import smudge
from tests.world import PAR, World

WAITING = "do kill -0 $PPID || exit 1; sleep 0.02; done"
"""A loop of a filter that ends with its git."""


def filtered(world: World, command: str) -> Path:
    """Have a filter run `command` after it left a mark for its workspace in the directory that is returned."""
    smudge(world, "cat")
    marks = world.root / "marks"
    marks.mkdir()
    world.git("config", "filter.strict.smudge", f'touch {marks}/$(basename "$PWD"); {command}')
    return marks


def nothing_is_left(world: World) -> None:
    assert world.branches() == ["main"]
    assert world.ok("list", "--json").json["tasks"] == []
    left = world.workspaces.iterdir() if world.workspaces.is_dir() else ()
    assert [path.name for path in left if path.name != ".par"] == []
    assert world.git("worktree", "list", "--porcelain").count("worktree ") == 1


def test_several_are_filled_at_once(world: World) -> None:
    filtered(world, f'until [ "$(ls {world.root}/marks | wc -l)" -eq 3 ]; {WAITING}; cat')
    world.git("config", "par.jobs", "3")
    done = world.par_process("add", "a", "b", "c")
    assert done.status == 0, done
    assert [Path(line).name for line in done.out.splitlines()] == ["a", "b", "c"]
    for name in "abc":
        assert (world.workspaces / name / "filtered.txt").read_text() == "content\n"
        assert world.git("status", "--porcelain", cwd=world.workspaces / name) == ""


def test_no_more_than_jobs_at_a_time(world: World) -> None:
    running: list[int] = []
    most: list[int] = []

    def work(number: int) -> None:
        running.append(number)
        most.append(len(running))
        time.sleep(0.02)
        running.remove(number)

    abreast.each(work, range(6), 2)
    assert max(most) == 2
    assert len(most) == 6


def test_one_that_fails_takes_all_back(world: World) -> None:
    fails = f"until [ -e {world.root}/marks/a ]; {WAITING}; exit 1"
    marks = filtered(world, f"case $PWD in */b) {fails};; esac; while :; {WAITING}")
    world.git("config", "par.jobs", "2")
    done = world.par_process("add", "a", "b", "c")
    assert done.status == 5, done
    assert "smudge filter" in done.err
    assert sorted(os.listdir(marks)) == ["a", "b"]
    nothing_is_left(world)


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_an_interrupt_takes_all_back(world: World, number: int, status: int) -> None:
    marks = filtered(world, f"while :; {WAITING}")
    world.git("config", "par.jobs", "2")
    running = world.start(*PAR, "add", "a", "b", "c")
    until(lambda: len(os.listdir(marks)) == 2)
    running.send_signal(number)
    running.communicate(timeout=60)
    assert running.returncode == status
    nothing_is_left(world)


def test_the_first_failure_is_raised_when_nobody_is_at_work(world: World) -> None:
    ended: list[str] = []

    def work(name: str) -> None:
        if name == "fails":
            raise ValueError(name)
        time.sleep(0.3)
        ended.append(name)

    with pytest.raises(ValueError, match="fails"):
        abreast.each(work, ["slow", "fails", "never"], 2)
    assert ended == ["slow"]


def test_a_long_checkout_says_how_far_it_is(world: World) -> None:
    for number in range(40):
        world.write(f"many/{number}.txt", "x\n")
    world.write(".gitattributes", "many/* filter=slow\n")
    world.commit("many")
    world.git("config", "filter.slow.smudge", "sleep 0.07; cat")
    child = pexpect.spawn(PAR[0], [*PAR[1:], "add", "a"], cwd=str(world.repo), timeout=60)
    child.expect(r"checking out files: \d+/4\d")
    child.expect("a: starts at main")
    child.expect(pexpect.EOF)


def test_who_watches_hears_the_progress_and_the_rest_of_what_git_says(world: World) -> None:
    heard: list[tuple[int, int]] = []
    reply = Git(world.repo).run(
        "-c",
        'alias.talk=!printf "Files:  50%% (1/2)\\rFiles: 100%% (2/2), done.\\n" >&2; echo out; echo warning: x >&2',
        "talk",
        watch=lambda done, total: heard.append((done, total)),
    )
    assert heard[-1] == (2, 2)
    assert reply.out == "out\n"
    assert reply.err.endswith("warning: x\n")


def test_workers_help_where_there_is_much_to_do_and_the_user_did_not_say(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    assert worktree._by_several(find_repo(world.repo), 1) == ()  # a small one
    monkeypatch.setattr(worktree, "_BIG_INDEX", 10)
    assert worktree._by_several(find_repo(world.repo), 1) == ("-c", "checkout.workers=4")
    assert worktree._by_several(find_repo(world.repo), 2) == ("-c", "checkout.workers=2")
    assert worktree._by_several(find_repo(world.repo), 3) == ()
    world.git("config", "checkout.workers", "1")
    assert worktree._by_several(find_repo(world.repo), 1) == ()
