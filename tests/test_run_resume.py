"""`git par run --resume` after a person has been at it: mended, merged, removed, restored by hand."""

import json
from pathlib import Path

import pytest

from tests.running import QUICK, Tasks, lines, log_of, parts, record, states, subjects, task_file
from tests.world import PAR, World

CLASH: Tasks = {
    "one": {"command": "sed 's/line 1$/of one/' a.txt >t; mv t a.txt"},
    "two": {"command": 'echo two >>"$OUT"; sed "s/line 1$/of two/" a.txt >t; mv t a.txt'},
    "next": {"needs": ["two"], "command": "head -n 1 a.txt >next.txt"},
}


@pytest.fixture
def out(world: World, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where workers count their runs."""
    monkeypatch.setenv("OUT", str(world.root / "out"))
    return world.root / "out"


def clash(world: World) -> Path:
    """A run with a conflict, solved in the workspace of `two` but for the commit; that workspace."""
    done = world.par("run", task_file(world, CLASH), "--json")
    assert parts(done.json) == {"one": ("landed", ""), "two": ("failed", "conflict"), "next": ("skipped", "needs")}
    world.par("sync", "two")
    path = world.workspaces / "two"
    world.write("a.txt", "of both\n", path)
    return path


def test_a_conflict_that_was_solved_comes_home_and_its_worker_is_not_run_again(world: World, out: Path) -> None:
    path = clash(world)
    # As long as it is being solved, nothing is done to it.
    done = world.par("run", "--resume", "--json")
    assert (done.status, states(done.json)) == (1, {"one": "landed", "two": "failed", "next": "skipped"})
    assert (path / "a.txt").read_text() == "of both\n"
    world.git("commit", "-qam", "solved", cwd=path)
    done = world.ok("run", "--resume", "--json")
    assert set(states(done.json).values()) == {"landed"}
    assert (world.repo / "next.txt").read_text() == "of both\n"
    assert lines(out) == ["two"]
    assert all(part["detail"] is None for part in done.json["tasks"])
    assert record(world)["state"] == "done"
    done = world.par("run", "--resume")
    assert (done.status, done.err.splitlines()[0]) == (2, "git par: --resume: there is no run to go on with")


@pytest.mark.parametrize("how", [(), ("--prune",), ("--squash", "--prune")])
def test_what_was_merged_by_hand_counts_as_come_home(how: tuple[str, ...], world: World, out: Path) -> None:
    path = clash(world)
    world.git("commit", "-qam", "solved", cwd=path)
    world.ok("merge", "two", *how)
    done = world.ok("run", "--resume", "--json")
    assert set(states(done.json).values()) == {"landed"}
    assert (world.repo / "next.txt").read_text() == "of both\n"
    assert lines(out) == ["two"]
    assert world.branches() == ["main"]


def test_what_was_removed_by_hand_stays_away_and_the_rest_goes_on(world: World, out: Path) -> None:
    path = clash(world)
    world.git("commit", "-qam", "solved", cwd=path)
    world.ok("remove", "--force", "two")
    done = world.par("run", "--resume", "--json")
    assert (done.status, states(done.json)) == (1, {"one": "landed", "two": "failed", "next": "skipped"})
    assert lines(out) == ["two"]
    world.ok("restore", "two")
    assert set(states(world.ok("run", "--resume", "--json").json).values()) == {"landed"}
    assert lines(out) == ["two"]


def test_what_was_restored_after_it_came_home_stays(world: World, out: Path) -> None:
    clash(world)
    world.git("commit", "-qam", "solved", cwd=world.workspaces / "two")
    world.ok("restore", "one")
    assert set(states(world.ok("run", "--resume", "--json").json).values()) == {"landed"}
    assert world.branches() == ["main", "one"]
    assert (world.workspaces / "one").is_dir()


def test_what_a_hook_refused_is_committed_once_that_is_mended(world: World, out: Path) -> None:
    world.hook("pre-commit", "grep -q bad *.txt && echo no bad words && exit 1\nexit 0")
    done = world.par("run", task_file(world, {"one": {"command": 'echo one >>"$OUT"; echo bad >one.txt'}}), "--json")
    assert parts(done.json) == {"one": ("failed", "vetoed")}
    assert "no bad words" in done.json["tasks"][0]["detail"]
    path = world.workspaces / "one"
    assert world.git("status", "--porcelain", cwd=path) == "?? one.txt"
    world.write("one.txt", "good\n", path)
    assert states(world.ok("run", "--resume", "--json").json) == {"one": "landed"}
    assert (world.repo / "one.txt").read_text() == "good\n"
    assert lines(out) == ["one"]


def test_who_ends_well_only_when_it_was_too_late_has_failed(world: World, out: Path) -> None:
    command = 'trap "exit 0" TERM; echo half >half; test -e "$OUT" || while :; do sleep 0.05; done; echo rest >>half'
    file = task_file(world, {"one": {"command": command}}, timeout=1)
    done = world.process(*QUICK, "run", file, "--json")
    assert parts(done.json) == {"one": ("failed", "timeout")}
    assert (done.json["tasks"][0]["exit"], done.json["tasks"][0]["commits"]) == (0, None)
    assert world.git("status", "--porcelain", cwd=world.workspaces / "one") == "?? half"
    out.touch()
    assert states(world.ok("run", "--resume", "--json").json) == {"one": "landed"}
    assert (world.repo / "half").read_text() == "half\nrest\n"
    assert log_of(world, "one").read_text().count("# start: ") == 2


def test_the_run_of_a_file_is_chosen_by_it_and_the_newest_otherwise(world: World) -> None:
    for name in ("one", "two"):
        world.par("run", task_file(world, {name: {"command": "exit 1"}}, name=f"{name}.toml"))
    assert states(world.par("run", "--resume", "--json").json) == {"two": "failed"}
    assert states(world.par("run", "--resume", "../one.toml", "--json").json) == {"one": "failed"}


def test_a_landing_that_nobody_put_on_record_is_found(world: World) -> None:
    """Killed between the publish and the record, only the history knows."""
    file = task_file(world, {"one": {"command": "echo x >x"}}, cleanup="never")
    world.ok("run", file)
    commit = world.rev("main")
    (kept,) = (world.repo / ".git" / "par" / "runs").glob("*.json")
    kept.write_text(
        kept.read_text()
        .replace('"state": "landed"', '"state": "done"')
        .replace('"state": "done", "ended"', '"state": "interrupted", "ended"')
        .replace(commit, "")
    )
    (task,) = (world.repo / ".git" / "par" / "tasks").glob("*.json")
    before, _, after = task.read_text().partition('"landed"')
    assert after
    task.write_text(f'{before}"landed": null\n}}')
    done = world.ok("run", "--resume", "--json")
    assert [(part["state"], part["landed"]) for part in done.json["tasks"]] == [("landed", commit)]
    assert world.rev("main") == commit
    assert subjects(world).count("Work on one") == 1


@pytest.mark.parametrize("isolation", ["worktree", "clone"], indirect=True)
def test_locks_of_a_git_that_was_killed_with_its_worker_are_not_in_the_way(world: World) -> None:
    """It was ended between making the lock and knowing that it has to delete it: the next `git add` would fail."""
    killed = 'touch again; : >"$(git rev-parse --absolute-git-dir)/index.lock"; kill -9 $PPID; sleep 60'
    file = task_file(world, {"one": {"command": f"[ -e again ] || {{ {killed}; }}; git add again"}})
    assert world.process(*PAR, "run", file).status == -9
    assert set(states(world.ok("run", "--resume", "--json").json).values()) == {"landed"}


def test_each_goes_on_without_a_file(world: World) -> None:
    command = ("sh", "-c", f"test -e {world.root}/go && echo x >$GIT_PAR_TASK")
    assert world.par("run", "--each", "one", "two", "--", *command).status == 1
    (world.root / "go").touch()
    done = world.ok("run", "--resume", "--json")
    assert states(done.json) == {"one": "landed", "two": "landed"}
    assert "has changed" not in done.err


def as_cut_off(world: World, state: str) -> None:
    """The run as a kill leaves it while its one part is in `state`."""
    (file,) = (world.repo / ".git" / "par" / "runs").glob("*.json")
    run = record(world)
    run["parts"][0] |= {"state": state, "reason": "", "detail": ""}
    file.write_text(json.dumps({**run, "state": "interrupted"}))


def test_what_a_hook_has_against_it_after_a_kill_is_told(world: World) -> None:
    file = task_file(world, {"one": {"command": "exit 1"}}, on_failure="remove")
    world.git("config", "par.hook.post-remove", "true")
    world.par("run", file)
    world.ok("restore", "one")
    as_cut_off(world, "adding")
    world.git("config", "par.hook.post-add", "echo not here; exit 3")
    done = world.par("run", "--resume", "--json")
    assert (done.status, parts(done.json)) == (1, {"one": ("failed", "hook")})
    assert "one: failed: the post-add hook ended with status 3: not here\n" in done.err
    assert world.branches() == ["main"]


@pytest.mark.parametrize("forgotten", [False, True])
def test_a_task_that_was_removed_between_kill_and_resume_is_gone(forgotten: bool, world: World) -> None:
    world.par("run", task_file(world, {"one": {"command": "echo x >x; exit 1"}}))
    as_cut_off(world, "ready")
    world.ok("remove", "--force", "one")
    for entry in (world.repo / ".git" / "par" / "journal").iterdir() if forgotten else ():
        entry.unlink()
    done = world.par("run", "--resume", "--json")
    assert (done.status, parts(done.json)) == (1, {"one": ("failed", "gone")})
    assert "one: failed: its task is gone\n" in done.err
