"""How tasks stand is remembered from one listing to the next, shown, and never trusted beyond what it is about."""

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from git_par.discovery import find as find_repo
from git_par.landing import remembered, standing
from git_par.landing.integrated import Verdict
from git_par.landing.remembered import Memory, Standing
from git_par.repo import Repo
from git_par.state.session import Session
from tests.world import PAR, World


def cache(world: World) -> Path:
    return world.repo / ".git/par/standing.json"


def listing(world: World) -> Any:
    return world.ok("list", "--json").json["tasks"]


def asked(world: World, *args: str) -> list[str]:
    """The git commands that a git-par process runs."""
    trace = world.root / "trace"
    trace.unlink(missing_ok=True)
    assert world.par_process(*args, env={"GIT_TRACE2_EVENT": str(trace)}).status == 0
    events = map(json.loads, trace.read_text().splitlines())
    return [event["name"] for event in events if event["event"] == "cmd_name"]


def repo_of(world: World) -> Repo:
    return find_repo(world.repo)


def several(world: World, count: int) -> None:
    for number in range(count):
        world.task(f"t{number}")
    world.commit("the base moves", base__txt="b\n")


def test_what_is_known_is_not_asked_again(world: World) -> None:
    several(world, 5)
    first, before = asked(world, "list"), listing(world)
    again = asked(world, "list")
    assert sorted(again) == ["config", "for-each-ref", "rev-parse", *["status"] * 5]
    assert "merge-tree" in first
    cache(world).unlink()
    assert listing(world) == before
    assert [(task["ahead"], task["behind"]) for task in before] == [(1, 1)] * 5


def test_only_what_moved_is_asked_again(world: World) -> None:
    several(world, 3)
    listing(world)
    world.commit("more", cwd=world.workspaces / "t1", more__txt="x\n")
    assert asked(world, "list").count("merge-tree") == 1
    assert [task["ahead"] for task in listing(world)] == [1, 2, 1]
    world.commit("and the base", base__txt="c\n")
    assert [task["behind"] for task in listing(world)] == [2, 2, 2]


def test_a_landing_and_its_revert_are_seen_at_once(world: World) -> None:
    world.task("t")
    assert world.listed("t")["state"] == "active"
    world.ok("merge", "t")
    assert (world.listed("t")["state"], world.listed("t")["integrated"]["into"]) == ("landed", "main")
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    assert world.listed("t")["state"] == "reverted"
    world.git("reset", "-q", "--hard", "HEAD~1")
    assert world.listed("t")["state"] == "landed"


def test_uncommitted_work_is_never_remembered(world: World) -> None:
    path = world.task("t")
    assert world.listed("t")["dirty"] == {"staged": 0, "changed": 0, "untracked": 0}
    before = (path / "a.txt").stat()
    text = (path / "a.txt").read_text()
    (path / "a.txt").write_text(text.replace("line 1\n", "LINE 1\n"))
    os.utime(path / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000_000))
    world.write("new.txt", "x", path)
    assert world.listed("t")["dirty"] == {"staged": 0, "changed": 1, "untracked": 1}


def test_prune_asks_git_whatever_is_remembered(world: World) -> None:
    world.task("t")
    listing(world)
    text = cache(world).read_text()
    assert text.count("null, null, false, false") == 1
    cache(world).write_text(text.replace("null, null, false", '"ancestor", "main", false'))
    assert world.listed("t")["state"] == "landed"  # so it is read
    done = world.ok("prune")
    assert done.out == ""
    assert "left t: not in main" in done.err
    assert (world.workspaces / "t").is_dir()


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe\x00",
        b"[" * 100_000,
        b'{"version": 2}',
        b'{"version": 1, "circumstances": null, "answers": 7}',
        b"x" * (remembered._LONGEST + 1),
    ],
)
def test_a_damaged_file_is_as_good_as_none(world: World, damage: bytes) -> None:
    several(world, 2)
    before = listing(world)
    cache(world).write_bytes(damage)
    assert listing(world) == before
    assert json.loads(cache(world).read_bytes())["version"] == 1


@pytest.mark.parametrize(
    "answer",
    [None, 7, [], [1, 1], ["1", 1, None, None, False, False], [1, 1, 5, None, False, False], [1, 1, None, None, 0, 0]],
)
def test_a_damaged_answer_is_asked_for_again(world: World, answer: object) -> None:
    several(world, 1)
    before = listing(world)
    data = json.loads(cache(world).read_bytes())
    data["answers"] = dict.fromkeys(data["answers"], answer)
    cache(world).write_text(json.dumps(data))
    assert listing(world) == before
    assert list(json.loads(cache(world).read_bytes())["answers"].values()) == [[1, 1, None, None, False, False]]


def test_where_it_cannot_be_written_nothing_is_said(world: World) -> None:
    several(world, 1)
    cache(world).mkdir(parents=True)
    done = world.ok("list")
    assert done.err == ""
    assert cache(world).is_dir()
    assert [path.name for path in cache(world).parent.iterdir() if path.name.endswith(".tmp")] == []


def test_it_is_for_its_owner_only(world: World) -> None:
    several(world, 1)
    old = os.umask(0)
    try:
        listing(world)
    finally:
        os.umask(old)
    assert stat.S_IMODE(cache(world).stat().st_mode) == 0o600


def test_no_setting_is_copied_into_it(world: World) -> None:
    several(world, 1)
    world.git("config", "http.extraHeader", "Authorization: Bearer s3cret")
    listing(world)
    assert "s3cret" not in cache(world).read_text()


def test_other_circumstances_are_another_question(world: World) -> None:
    several(world, 1)
    seen = set()

    def see() -> None:
        listing(world)
        seen.add(json.loads(cache(world).read_bytes())["circumstances"])

    see()
    see()
    assert len(seen) == 1
    world.git("config", "merge.renames", "false")
    see()
    world.write(".git/info/attributes", "*.txt merge=union\n")
    see()
    world.git("replace", world.rev("HEAD"), world.rev("HEAD~1"))
    see()
    assert len(seen) == 4


def test_it_stays_small(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "_MOST", 3)
    path = world.task("t")
    for number in range(6):
        world.commit(f"{number}", cwd=path)
        listing(world)
    assert len(json.loads(cache(world).read_bytes())["answers"]) == 4


def test_two_that_list_at_once_leave_one_whole_file(world: World) -> None:
    several(world, 3)
    running = [world.start(*PAR, "list") for _ in range(4)]
    assert [process.communicate(timeout=60)[1] for process in running] == [""] * 4
    assert len(json.loads(cache(world).read_bytes())["answers"]) == 3


def test_where_git_counts_many_in_one_walk_it_says_what_one_by_one_does(world: World) -> None:
    several(world, 3)
    world.commit("more", cwd=world.workspaces / "t2", more__txt="x\n")
    session = Session((), print)
    os.chdir(world.repo)
    tasks = session.tasks.all()
    base = world.rev("main")
    tips = {task.name: world.rev(task.branch) for task in tasks}
    counted = standing._count_together(session.repo, {base: [task.ref for task in tasks]})
    if session.repo.version >= (2, 41):
        assert counted == {(tips["t0"], base): (1, 1), (tips["t1"], base): (1, 1), (tips["t2"], base): (2, 1)}
    else:
        assert counted == {}
    found = standing.standings(session.repo, tasks)
    assert [(found.of(task, tips[task.name]).ahead, found.of(task, tips[task.name]).behind) for task in tasks] == [
        (1, 1),
        (1, 1),
        (2, 1),
    ]


def test_a_task_without_a_base_stands_nowhere(world: World) -> None:
    world.git("branch", "other")
    world.ok("add", "t", "--from", "other")
    world.git("branch", "-D", "other")
    assert [(task["ahead"], task["behind"], task["integrated"]) for task in listing(world)] == [(None, None, None)]


def test_an_upstream_ahead_counts_as_the_base_and_one_behind_does_not(world: World) -> None:
    world.git("remote", "add", "origin", "nowhere")
    path = world.task("t")
    tip, base = world.rev("HEAD", cwd=path), world.rev("main")
    world.git("config", "branch.main.remote", "origin")
    world.git("config", "branch.main.merge", "refs/heads/main")
    assert world.listed("t")["integrated"] is None  # there is none yet
    world.git("update-ref", "refs/remotes/origin/main", tip)
    assert world.listed("t")["integrated"] == {"reason": "same-commit", "into": "origin/main"}
    world.git("update-ref", "refs/remotes/origin/main", base)
    assert world.listed("t")["integrated"] is None
    world.commit("apart", apart__txt="x\n")
    world.git("update-ref", "refs/remotes/origin/main", tip)
    assert world.listed("t")["integrated"] is None


def test_an_answer_comes_back_as_it_was(world: World) -> None:
    several(world, 1)
    repo = repo_of(world)
    memory = Memory.read(repo, "")
    key = memory.key("a" * 40, [("main", "b" * 40), ("origin/mäin\udcff", "c" * 40)], None)
    answer = Standing(Verdict("ancestor", "origin/mäin\udcff"), 3, 4)
    memory.put(key, answer)
    memory.write()
    assert Memory.read(repo, "").get(key) == answer
    assert Memory.read(repo, "refs/replace/x=y").get(key) is None
