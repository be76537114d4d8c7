"""`git par run`: workers side by side, their environment, their logs, and how what they made comes home."""

import shlex
import stat
from pathlib import Path

import pytest

from tests.running import Tasks, lines, log_of, parts, record, states, subjects, task_file
from tests.world import PAR, World

# Does its part, waits for the other's, and looks at what it sees then; nobody leaves before both have looked.
SIDE_BY_SIDE = """
set -e
meet() { touch "$MEET/$1.$GIT_PAR_TASK"; while [ "$(ls "$MEET" | grep -c "^$1")" -lt 2 ]; do sleep 0.02; done; }
echo "of $GIT_PAR_TASK" >a.txt; git commit -qam "first of $GIT_PAR_TASK"
echo "staged by $GIT_PAR_TASK" >staged.txt; git add staged.txt
echo "edited by $GIT_PAR_TASK" >>a.txt
echo loose >"$GIT_PAR_TASK.txt"
git config --worktree --list >/dev/null 2>&1 || true
meet before
{
    cat a.txt staged.txt; git log --format=%s main..HEAD; git status --porcelain
    git diff --cached --name-only; git branch --show-current; pwd
} >"$MEET/saw.$GIT_PAR_TASK"
meet looked
git rm -qf staged.txt; git checkout -q main -- a.txt; git commit -qam "second of $GIT_PAR_TASK"
"""


def test_two_side_by_side_see_only_their_own(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    meet = world.root / "meet"
    meet.mkdir()
    monkeypatch.setenv("MEET", str(meet))
    first = world.rev("main")
    file = task_file(world, {"one": {}, "two": {}}, command=SIDE_BY_SIDE, jobs=2)
    done = world.ok("run", file, "--json")
    assert states(done.json) == {"one": "landed", "two": "landed"}
    for name in ("one", "two"):
        saw = lines(meet / f"saw.{name}")
        assert saw == [
            *(f"of {name}", f"edited by {name}", f"staged by {name}"),
            f"first of {name}",
            *(" M a.txt", "A  staged.txt", f"?? {name}.txt"),
            "staged.txt",
            name,
            str(world.workspaces / name),
        ]
    for name in ("one", "two"):
        assert (world.repo / f"{name}.txt").read_text() == "loose\n"
        # Its own line of commits has nothing of the other's.
        own = world.git("log", "--format=%s", f"{first}..{world.git('rev-parse', f':/^second of {name}')}")
        assert own.splitlines() == [f"second of {name}", f"first of {name}"]
    assert len((world.repo / "a.txt").read_text().splitlines()) == 20
    world.check_sound()


def test_what_a_run_says(world: World) -> None:
    command = 'echo hello; echo "$GIT_PAR_TASK" >"$GIT_PAR_TASK.txt"'
    file = task_file(
        world, {"one": {"title": "do one thing"}, "two": {"needs": ["one"], "command": "exit 3"}}, command=command
    )
    done = world.par("run", file, "--jobs", "1")
    assert done.status == 1
    rows = [row.split() for row in done.out.splitlines()]
    assert rows[0] == ["LEVEL", "TASK", "STATE", "TIME", "COMMITS", "NOTE"]
    assert [(row[:3], row[5:]) for row in rows[1:]] == [
        (["1", "one", "landed"], ["1"]),
        (["2", "two", "failed"], ["ended", "with", "status", "3"]),
    ]
    talk = done.err.splitlines()
    assert "one: hello" in talk
    assert f"git par: two: failed: ended with status 3; see '{log_of(world, 'two')}'" in talk
    assert any(line.startswith("run ") and "1 of 2" in line for line in talk)
    assert subjects(world) == ["Merge task 'one': do one thing", "do one thing", "first"] or "do one thing" in subjects(
        world
    )
    assert [one["name"] for one in world.ok("list", "--json").json["tasks"]] == ["two"]


def test_what_a_run_says_to_programs(world: World) -> None:
    file = task_file(world, {"one": {"command": "echo x >x"}, "none": {}, "bad": {"command": "kill -9 $$"}})
    done = world.par("run", file, "--json")
    run = done.json
    assert (done.status, run["state"], run["base"], run["file"]) == (1, "failed", "main", file)
    assert parts(run) == {"one": ("landed", ""), "none": ("unchanged", ""), "bad": ("failed", "exit")}
    one, none, bad = run["tasks"]
    assert one["landed"] == world.rev("main")
    assert (one["exit"], one["commits"], one["removed"]) == (0, 1, True)
    assert (none["exit"], none["commits"], none["landed"], none["removed"]) == (0, 0, None, True)
    assert (bad["exit"], bad["commits"], bad["detail"], bad["removed"]) == (137, None, "ended by SIGKILL", False)
    assert [[merged["name"] for merged in merge["merged"]] for merge in run["merges"]] == [["one"]]
    assert record(world)["state"] == "failed"


def test_the_environment_reaches_the_worker_and_is_on_no_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "very-secret-token")
    prompt = 'say "$(touch made)" and `touch made` and ${HOME}'
    told = " ".join(f'"$GIT_PAR_{what}"' for what in ("TASK", "RUN", "BASE", "PATH", "PROMPT"))
    command = f'printf "%s|" {told} >"$SAW"; test -n "$API_TOKEN"'
    monkeypatch.setenv("SAW", str(world.root / "saw"))
    done = world.ok("run", task_file(world, {"one": {"prompt": prompt}}, command=command), "--json")
    saw = (world.root / "saw").read_text().split("|")
    assert saw[:4] == ["one", done.json["id"], "main", str(world.workspaces / "one")]
    assert saw[4].splitlines()[0] == prompt
    assert not list(world.root.rglob("made"))
    for file in (world.repo / ".git" / "par").rglob("*"):
        assert not file.is_file() or b"very-secret-token" not in file.read_bytes(), file


def test_a_log_has_every_byte_and_only_its_owner_reads_it(world: World) -> None:
    data = bytes(range(256)) * 300
    (world.root / "data").write_bytes(data)
    old = log_of(world, "one")
    old.parent.mkdir(parents=True)
    old.write_text("of another run\n")
    old.chmod(0o644)
    command = f"cat {world.root}/data\nprintf x >&2"
    world.ok("run", task_file(world, {"one": {}, "lines": {"command": "echo x"}}, command=command))
    head, _, rest = old.read_bytes().partition(data + b"x\n# end: ")
    assert head.splitlines()[:2] == [f"# command: cat {world.root}/data".encode(), b"#   printf x >&2"]
    assert head.splitlines()[2].startswith(b"# start: 2")
    assert rest.splitlines()[1:] == [b"# exit: 0"]
    assert stat.S_IMODE(old.stat().st_mode) == 0o600
    assert [line.partition(" 2")[0] for line in lines(log_of(world, "lines"))] == [
        *("# command: echo x", "# start:", "x", "# end:", "# exit: 0"),
    ]


def test_one_after_the_other_is_in_the_order_of_the_file(world: World) -> None:
    order = world.root / "order"
    names = ["zeta", "alpha", "mid"]
    file = task_file(world, {name: {} for name in names}, command=f'echo "$GIT_PAR_TASK" >>{order}', jobs=9)
    world.ok("run", file, "--jobs", "1")
    assert lines(order) == names


def test_a_command_for_several_names(world: World) -> None:
    done = world.par(
        "run", "--each", "one", "two", "--", "sh", "-c", 'echo "$0 $GIT_PAR_TASK" >"$GIT_PAR_TASK.txt"', "$HOME *"
    )
    assert done.status == 0
    assert [(world.repo / f"{name}.txt").read_text() for name in ("one", "two")] == ["$HOME * one\n", "$HOME * two\n"]
    assert record(world)["file"] == ""
    assert world.branches() == ["main"]


def test_levels_start_from_what_came_before_and_skip_what_failed(world: World) -> None:
    tasks: Tasks = {
        "a": {"command": "echo a >a"},
        "bad": {"command": "exit 1"},
        "after": {"needs": ["a"], "command": "cat a >after"},
        "behind": {"needs": ["bad", "a"]},
        "last": {"needs": ["behind"]},
        "late": {"level": 3, "command": "cat after >late"},
    }
    done = world.par("run", task_file(world, tasks))
    assert done.status == 1
    told = [line for line in done.err.splitlines() if "skipped" in line]
    assert told == [
        "git par: behind: skipped: it needs 'bad', which failed",
        "git par: last: skipped: it needs 'behind', which was skipped",
    ]
    assert (world.repo / "late").read_text() == "a\n"
    assert [one["name"] for one in world.ok("list", "--json").json["tasks"]] == ["bad"]
    assert states(record(world)) == {
        "a": "landed",
        "bad": "failed",
        "after": "landed",
        "late": "landed",
        "behind": "skipped",
        "last": "skipped",
    }


def test_work_that_nobody_commits_stays(world: World) -> None:
    tasks: Tasks = {
        "dirty": {"command": "echo x >>a.txt"},
        "clean": {"command": "echo y >y; git add y; git commit -qm y"},
    }
    done = world.par("run", task_file(world, tasks, autocommit=False), "--json")
    assert parts(done.json) == {"dirty": ("failed", "dirty"), "clean": ("landed", "")}
    assert world.git("status", "--porcelain", cwd=world.workspaces / "dirty") == " M a.txt"
    # What was missing is done by hand, then the rest goes on.
    world.git("commit", "-qam", "by hand", cwd=world.workspaces / "dirty")
    done = world.ok("run", "--resume", "--json")
    assert states(done.json) == {"dirty": "landed", "clean": "landed"}
    assert "by hand" in subjects(world)


def test_workspaces_stay_where_that_is_wanted(world: World) -> None:
    world.ok("run", task_file(world, {"one": {"command": "echo x >x"}}, cleanup="never"))
    assert (world.workspaces / "one" / "x").exists()
    assert [part["removed"] for part in record(world)["parts"]] == [False]
    world.ok("prune")
    assert not (world.workspaces / "one").exists()


def test_what_failed_is_removed_where_that_is_wanted_and_comes_back_whole(world: World) -> None:
    work = "git commit -q --allow-empty -m committed; echo s >s; git add s; echo t >>s; echo u >u; echo v >.env; exit 1"
    done = world.par("run", task_file(world, {"bad": {"command": work}}, on_failure="remove"), "--json")
    assert [(part["state"], part["removed"]) for part in done.json["tasks"]] == [("failed", True)]
    assert world.branches() == ["main"]
    path = Path(world.ok("restore", "bad").out.strip())
    assert world.git("log", "--format=%s", "main..", cwd=path) == "committed"
    assert world.git("status", "--porcelain", cwd=path) == "AM s\n?? u"
    assert (path / ".env").read_text() == "v\n"
    # Brought back, it is tried again where it is; gone, it is made again.
    assert states(world.par("run", "--resume", "--json").json) == {"bad": "failed"}
    assert not path.exists()
    assert states(world.par("run", "--resume", "--json").json) == {"bad": "failed"}
    assert log_of(world, "bad").read_text().count("# start: ") == 3


def test_a_gate_leaves_the_culprit_out_and_the_rest_lands(world: World) -> None:
    tasks: Tasks = {
        "good": {"command": "echo x >good"},
        "bad": {"command": "echo x >broken"},
        "next": {"needs": ["good"]},
    }
    done = world.par("run", task_file(world, tasks, gate="test ! -e broken"), "--json")
    assert done.status == 1
    assert parts(done.json) == {"good": ("landed", ""), "bad": ("failed", "gate"), "next": ("unchanged", "")}
    assert (world.repo / "good").exists()
    assert not (world.repo / "broken").exists()
    # Mended where it was made, it goes on.
    world.git("rm", "-q", "broken", cwd=world.workspaces / "bad")
    world.commit("mended", cwd=world.workspaces / "bad", mended="x\n")
    assert states(world.ok("run", "--resume", "--json").json)["bad"] == "landed"


def test_an_empty_gate_of_the_task_file_switches_that_of_the_settings_off(world: World) -> None:
    world.git("config", "par.gate", "false")
    tasks: Tasks = {"one": {"command": "echo x >x"}}
    assert world.par("run", task_file(world, tasks), "--json").status == 3
    assert states(world.par("run", task_file(world, {"two": tasks["one"]}, gate=""), "--json").json) == {
        "two": "landed"
    }
    # So does that of the command line.
    world.ok("merge", "one", "--gate", "")


def test_a_base_that_moves_meanwhile(world: World) -> None:
    move = f'git -C {world.repo} commit -q --allow-empty -m "by somebody"; echo x >x'
    world.ok("run", task_file(world, {"one": {"command": move}, "two": {"needs": ["one"], "command": "test -e x"}}))
    assert "by somebody" in subjects(world)
    assert (world.repo / "x").exists()


def test_one_commit_that_git_refuses_does_not_end_the_others(world: World) -> None:
    wreck = 'git update-ref -d "refs/heads/$GIT_PAR_BRANCH"; sleep 0.1'
    tasks: Tasks = {"wreck": {"command": wreck}, "fine": {"command": "sleep 1; echo x >x"}}
    done = world.par("run", task_file(world, tasks), "--json")
    assert states(done.json) == {"wreck": "failed", "fine": "landed"}
    assert done.json["state"] == "failed"


def test_a_reader_that_goes_away_does_not_end_the_workers(world: World) -> None:
    file = task_file(
        world, {"one": {"command": "yes | head -n 20000; echo x >x"}, "two": {"needs": ["one"], "command": "echo y >y"}}
    )
    world.process("sh", "-c", f"{shlex.join([*PAR, 'run', file])} 2>&1 | head -n 1")
    assert record(world)["state"] == "done"
    assert (world.repo / "y").exists()


def test_sixty_at_once(world: World) -> None:
    names = [f"t{number}" for number in range(60)]
    meet = world.root / "meet"
    meet.mkdir()
    # All wait until all have come: they do run at once.
    command = (
        f"touch {meet}/$GIT_PAR_TASK; while [ $(ls {meet} | wc -l) -lt 60 ]; do sleep 2; done;"
        ' seq 500 | sed "s/$/ $GIT_PAR_TASK/"; echo $GIT_PAR_TASK >$GIT_PAR_TASK.txt'
    )
    file = task_file(world, {name: {} for name in names}, command=command, timeout="4m", cleanup="never")
    world.ok("run", file, "--jobs", "60")
    assert set(states(record(world)).values()) == {"landed"}
    for name in names:
        said = [line for line in lines(log_of(world, name)) if not line.startswith("#")]
        assert said == [f"{number} {name}" for number in range(1, 501)]
        assert (world.repo / f"{name}.txt").read_text() == f"{name}\n"
    world.check_sound()
