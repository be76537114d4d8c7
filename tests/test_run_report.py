"""What `git par run` says at its end about those that did not come home: why, and what to run next."""

from tests.world import World

FILE = """
[run]
command = "echo $GIT_PAR_TASK >a.txt"
gate = "! test -e bad"
{more}
[[task]]
name = "one"
[[task]]
name = "two"
[[task]]
name = "bad"
command = "touch bad"
[[task]]
name = "ends"
command = "touch it; exit 3"
[[task]]
name = "never"
needs = ["two"]
"""


def said(world: World, more: str = "") -> list[str]:
    """The end of what a run says, from the sum on."""
    world.write("tasks.toml", FILE.format(more=more))
    done = world.par("run", "tasks.toml")
    assert done.status == 1
    return done.err.partition("came home to main\n")[2].splitlines()


def test_each_failure_names_a_way_out_that_leads_out(world: World) -> None:
    assert said(world) == [
        "hint: two: solve it where it was made: cd ../repo-worktrees/two && git par sync",
        "hint: bad: mend it where it was made: cd ../repo-worktrees/bad && git par sync",
        f"hint: ends: see '{world.repo}/.git/par/logs/ends.log'",
        "hint: then git par run --resume",
    ]
    for name in ("two", "bad"):
        path = world.workspaces / name
        world.par("sync", cwd=path)
        (path / "bad").unlink(missing_ok=True)
        world.commit("solved", cwd=path, a__txt="one and two\n")
    log = world.repo / ".git/par/logs/ends.log"
    assert "touch it; exit 3" in log.read_text()
    done = world.par("run", "--resume")
    assert done.err.partition("came home to main\n")[2].splitlines() == [
        f"hint: ends: see '{log}'",
        "hint: then git par run --resume",
    ]


def test_what_was_removed_can_be_brought_back(world: World) -> None:
    assert said(world, 'on_failure = "remove"')[-2:] == [
        f"hint: ends: see '{world.repo}/.git/par/logs/ends.log'; git par restore ends brings back what it made",
        "hint: then git par run --resume",
    ]
    world.ok("restore", "ends")
    assert (world.workspaces / "ends" / "it").exists()


def test_a_run_that_came_home_says_no_more(world: World) -> None:
    done = world.ok("run", "--each", "one", "--", "touch", "file")
    assert done.err.endswith(": 1 of 1 came home to main\n")
    assert done.out.splitlines()[0].split() == ["LEVEL", "TASK", "STATE", "TIME", "COMMITS", "NOTE"]
