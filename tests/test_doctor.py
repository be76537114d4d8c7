"""`git par doctor` finds what is wrong, says what it means, mends what can be mended, and never loses work."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from git_par.checkup.finding import IDS
from tests.killing import run_killed
from tests.shells import ROOT
from tests.test_schema import SCHEMAS, check
from tests.world import World, expect_files


def doctor(world: World, *options: str, status: int = 1, cwd: Path | None = None) -> list[dict[str, Any]]:
    """The findings of `git par doctor`, each with a known word and a text for both questions."""
    done = world.par("doctor", *options, "--json", cwd=cwd)
    assert done.status == status, done
    check("doctor", done.json)
    found: list[dict[str, Any]] = done.json["findings"]
    assert all(one["id"] in IDS and one["message"] and "--fix" in one["fix"] for one in found), found
    return found


def one(world: World, id_: str, *options: str, status: int = 1) -> dict[str, Any]:
    """The only finding, which is an `id_`."""
    found = doctor(world, *options, status=status)
    assert [each["id"] for each in found] == [id_], found
    return found[0]


def mended(world: World, id_: str) -> dict[str, Any]:
    """The only finding, mended; and nothing is wrong afterwards."""
    told = one(world, id_)
    assert not told["fixed"]
    fixed = one(world, id_, "--fix", status=0)
    assert fixed == {**told, "fixed": True}
    assert doctor(world, status=0) == []
    return told


def stays(world: World, id_: str) -> dict[str, Any]:
    """The only finding, which --fix leaves to a person, and says what to do."""
    told = one(world, id_)
    assert "for you to do: " in told["fix"]
    assert one(world, id_, "--fix") == told
    return told


def entry(world: World, name: str = "t") -> Path:
    return world.repo / ".git/worktrees" / name


def image(top: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every path below `top`: its mode, when it was written, what is in it."""
    found = {}
    for path in sorted(top.rglob("*")):
        stat = path.lstat()
        data = path.read_bytes() if path.is_file() else b""
        found[str(path.relative_to(top))] = (stat.st_mode, stat.st_mtime_ns, data)
    return found


@contextmanager
def committing(world: World) -> Iterator[None]:
    """A git that has its editor open, and is killed in the end."""
    world.write("a.txt", "edited\n")
    world.git("add", "a.txt")
    fifo = world.root / "fifo"
    os.mkfifo(fifo)
    # The editor waits for somebody to write into the pipe.
    git = world.start(
        "git", "commit", env={"GIT_EDITOR": f"echo > '{world.root}/ready'; read -r x < '{fifo}'; false #"}
    )
    while not (world.root / "ready").exists():
        time.sleep(0.01)
    try:
        yield
    finally:
        git.kill()
        fifo.write_text("done\n")
        git.communicate()


# as a whole


def test_nothing_is_wrong_with_a_day_of_work(world: World) -> None:
    assert doctor(world, status=0) == []
    world.task("a")
    world.add("b")
    world.ok("merge", "a", "--prune")
    path = world.task("c")
    world.write("untracked", "x\n", path)
    done = world.ok("doctor")
    assert done.out.startswith("disk use: kept ")
    assert done.err == "nothing is wrong\n"
    assert doctor(world, "--fix", status=0) == []


def test_schema_and_manual_know_every_finding() -> None:
    assert SCHEMAS["doctor"]["properties"]["findings"]["items"]["properties"]["id"]["enum"] == list(IDS)
    page = (ROOT / "man/man1/git-par-doctor.1").read_text()
    listed = [id_ for item in re.findall(r"^\.It Cm (.*)", page, re.MULTILINE) for id_ in item.split(" , ")]
    assert sorted(listed) == sorted(IDS)


def test_looking_writes_nothing(world: World) -> None:
    path = world.task("t")
    world.task("u")
    world.ok("merge", "u")
    world.record("u").write_text("{")
    (entry(world) / "commondir").write_text("")
    (world.repo / ".git/index.lock").write_text("")
    shutil.rmtree(path)
    before = image(world.root)
    assert {each["id"] for each in doctor(world)} == {
        "state-damaged",
        "registration-half",
        "git-lock",
        "workspace-missing",
    }
    assert image(world.root) == before


def test_a_finding_reads_as_one_line_and_what_to_do(world: World) -> None:
    (world.repo / ".git/index.lock").write_text("")
    done = world.par("doctor")
    lock = world.repo / ".git/index.lock"
    assert (done.status, done.err) == (1, "")
    assert done.out.splitlines()[:2] == [
        f"git-lock: '{lock}' was left by a git that is dead: what it guards cannot be written",
        "  --fix deletes this lock file, after one more look whether a git is at work",
    ]
    done = world.ok("doctor", "--fix")
    assert done.out.startswith(f"fixed git-lock: '{lock}' was left")
    assert not lock.exists()


def test_it_works_from_any_directory_of_the_repository(world: World) -> None:
    path = world.task("t")
    (world.repo / ".git/index.lock").write_text("")
    for place in (world.repo, world.repo / ".git", path):
        assert [each["id"] for each in doctor(world, cwd=place)] == ["git-lock"], place


def test_a_workspace_whose_link_is_broken_is_named_with_the_way_out(world: World) -> None:
    path = world.task("t")
    (entry(world) / "commondir").write_text("")
    done = world.par("doctor", cwd=path)
    assert done.status == 3
    assert done.err.endswith(f"hint: git -C {world.repo} par doctor\n")


def test_it_works_in_a_bare_repository(world: World) -> None:
    bare = World(world.root, "bare.git")
    world.git("clone", "-q", "--bare", str(world.repo), str(bare.repo))
    bare.ok("add", "t", "--base", "main", "--from", "main")
    assert doctor(bare, status=0) == []
    (bare.repo / "worktrees/t/commondir").write_text("")
    assert [each["id"] for each in doctor(bare, "--fix", status=0)] == ["registration-half"]
    assert doctor(bare, status=0) == []


# records


@pytest.mark.parametrize("damage", [b"", b"{", b"\x00\xff\xfe", b'{"version": 99}', b"[]", b'{"version":1,"name":5}'])
def test_a_damaged_record_is_made_again_from_the_journal(world: World, damage: bytes) -> None:
    world.ok("add", "t", "--title", "a title", "--group", "g")
    before = json.loads(world.record().read_bytes())
    world.record().write_bytes(damage)
    told = mended(world, "state-damaged")
    assert (told["task"], json.loads(world.record().read_bytes())) == ("t", before)
    assert [file.read_bytes() for file in (world.repo / ".git/par/damaged").iterdir()] == [damage]
    world.check_sound()


def test_a_record_that_is_gone_is_made_again(world: World) -> None:
    world.task("größe/ü")
    before = world.listed("größe/ü")
    world.record("gr%C3%B6%C3%9Fe%2F%C3%BC").unlink()
    assert mended(world, "record-missing")["task"] == "größe/ü"
    assert world.listed("größe/ü") == before


def test_without_a_journal_the_registry_tells_and_the_only_base_is_no_guess(world: World) -> None:
    path = world.task("t")
    shutil.rmtree(world.repo / ".git/par/journal")
    world.record().write_text("{}")
    mended(world, "state-damaged")
    found = world.listed("t")
    assert (found["path"], found["branch"], found["base"], found["ahead"]) == (str(path), "t", "main", 1)


def test_a_base_that_was_guessed_is_said(world: World) -> None:
    world.git("branch", "other")
    world.task("t")
    shutil.rmtree(world.repo / ".git/par/journal")
    world.record().unlink()
    found = doctor(world, "--fix")
    assert [(each["id"], each["fixed"]) for each in found] == [("record-missing", True), ("base-guessed", False)]
    assert found[1]["fix"].startswith("for you to do: git par set t --base BRANCH")
    assert world.listed("t")["base"] == "main"
    assert doctor(world, status=0) == []


def test_damaged_journal_and_announcements_are_moved_aside(world: World) -> None:
    world.task("t")
    state = world.repo / ".git/par"
    (state / "publishing").mkdir(exist_ok=True)
    (state / "publishing/1-a.json").write_text("{")
    entry_ = next((state / "journal").iterdir())
    entry_.write_bytes(b'{"version": 2}')
    (state / "locks").rename(state / "old")
    (state / "locks").write_text("a file")
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["state-damaged"] * 3
    assert len(list((state / "damaged").iterdir())) == 3
    assert doctor(world, status=0) == []


def test_a_state_directory_that_is_a_file_is_moved_aside(world: World) -> None:
    path = world.task("t")
    shutil.rmtree(world.repo / ".git/par")
    (world.repo / ".git/par").write_text("mine")
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["state-damaged", "record-missing"]
    assert world.listed("t")["path"] == str(path)
    assert next((world.repo / ".git/par-damaged").iterdir()).read_text() == "mine"


def test_a_state_directory_that_others_may_read_is_closed(world: World) -> None:
    world.task("t")
    (world.repo / ".git/par").chmod(0o755)
    mended(world, "state-open")
    assert (world.repo / ".git/par").stat().st_mode & 0o777 == 0o700


# registrations


def test_an_empty_commondir_is_written_again(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "staged\n", path)
    world.git("add", "a.txt", cwd=path)
    for text in ("", None):
        (entry(world) / "commondir").unlink()
        if text is not None:
            (entry(world) / "commondir").write_text(text)
        mended(world, "registration-half")
        assert world.git("status", "--porcelain", cwd=path) == "M  a.txt"
    world.check_sound()


@pytest.mark.parametrize("missing", ["gitdir", "HEAD", "all"])
def test_half_a_registration_is_moved_aside(world: World, missing: str) -> None:
    half = entry(world, "half")
    half.mkdir(parents=True)
    (half / "locked").write_text("initializing")
    for name, text in (("gitdir", "/nowhere/.git\n"), ("HEAD", "0" * 40 + "\n"), ("commondir", "../..\n")):
        if missing not in (name, "all"):
            (half / name).write_text(text)
    mended(world, "registration-half")
    assert not half.exists()
    assert (next((world.repo / ".git/par/damaged").iterdir()) / "locked").read_text() == "initializing"


def test_the_lock_of_a_dead_worktree_add_goes_and_the_worktree_stays(world: World) -> None:
    place = world.root / "foreign"
    world.git("worktree", "add", "-q", str(place))
    (entry(world, "foreign") / "locked").write_text("initializing")
    mended(world, "registration-locked")
    world.git("worktree", "remove", str(place))


def test_while_a_git_is_at_work_nothing_half_made_is_touched(world: World) -> None:
    half = entry(world, "half")
    half.mkdir(parents=True)
    with committing(world):
        assert doctor(world, "--fix", status=0) == []
        assert half.exists()
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["registration-half"]


def test_a_moved_repository_is_linked_again(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    moved = World(world.root, "moved")
    world.repo.rename(moved.repo)
    mended(moved, "repository-moved")
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt"
    assert moved.listed("t")["path"] == str(path)


def test_a_copy_of_a_repository_does_not_take_the_workspaces(world: World) -> None:
    path = world.task("t")
    copy = World(world.root, "copy")
    shutil.copytree(world.repo, copy.repo, symlinks=True)
    found = doctor(copy, "--fix")
    assert {each["id"] for each in found} == {"repository-copied", "workspace-replaced"}
    assert not any(each["fixed"] for each in found)
    assert doctor(world, status=0) == []
    assert world.listed("t")["path"] == str(path)


# locks


def test_locks_of_the_dead_go_wherever_git_makes_them(world: World) -> None:
    world.task("t")
    common = world.repo / ".git"
    expect_files(common)
    names = (
        "index.lock",
        "HEAD.lock",
        "config.lock",
        "packed-refs.lock",
        "refs/heads/t.lock",
        "worktrees/t/index.lock",
    )
    for name in (
        *names,
        "worktrees/t/HEAD.lock",
        "objects/info/commit-graph.lock",
        "shallow.lock",
        "refs/heads/x/y.lock",
    ):
        (common / name).parent.mkdir(exist_ok=True)
        (common / name).write_text("")
    found = doctor(world, "--fix", status=0)
    assert [each["id"] for each in found] == ["git-lock"] * 10
    assert list(common.rglob("*.lock")) == []


def test_a_lock_is_judged_by_its_owner_and_not_by_its_age(world: World) -> None:
    lock = world.repo / ".git/index.lock"
    lock.write_text("")
    os.utime(lock, (0, 0))
    with lock.open("a"):
        holder = subprocess.Popen(["sleep", "100"], stdout=os.open(lock, os.O_WRONLY))
        try:
            assert doctor(world, status=0) == []
            assert doctor(world, "--fix", status=0) == []
            assert lock.exists()
        finally:
            holder.kill()
            holder.wait()
    mended(world, "git-lock")


def test_a_lock_stays_while_a_git_has_its_editor_open(world: World) -> None:
    with committing(world):
        (world.repo / ".git/config.lock").write_text("")
        assert doctor(world, "--fix", status=0) == []
    assert {each["id"] for each in doctor(world, "--fix", status=0)} == {"git-lock"}


def test_the_mark_of_a_dead_gc_goes_and_that_of_another_host_stays(world: World) -> None:
    mark = world.repo / ".git/gc.pid"
    mark.write_text(f"{os.getpid()} elsewhere.example")
    assert doctor(world, status=0) == []
    mark.write_text(f"99999999 {os.uname().nodename}")
    mended(world, "git-lock")
    mark.write_text(f"{os.getpid()} {os.uname().nodename}")  # a number that is another program's by now
    mended(world, "git-lock")


# configuration


@pytest.mark.parametrize(
    ("settings", "id_", "cure"),
    [
        ({"core.bare": "true"}, "config-bare", "git config --file {common}/config core.bare false"),
        ({"core.worktree": "/elsewhere"}, "config-worktree", "git config --file {common}/config --unset core.worktree"),
        ({"core.hooksPath": ".husky"}, "config-hooks", "git config core.hooksPath {repo}/.husky"),
        ({"remote.o.mirror": "true"}, "config-push", "git config --unset remote.o.mirror"),
        ({"remote.o.push": "+refs/*:refs/*"}, "config-push", "git config --add remote.o.push '^refs/par/*'"),
        (
            {"remote.o.fetch": "+refs/*:refs/*", "remote.o.prune": "true"},
            "config-fetch",
            "git config remote.o.prune false",
        ),
    ],
)
def test_settings_that_harm_are_told_with_their_cure(
    world: World, settings: dict[str, str], id_: str, cure: str
) -> None:
    world.task("t")
    (world.repo / ".husky").mkdir()
    for key, value in settings.items():
        world.git("config", key, value)
    before = (world.repo / ".git/config").read_bytes()
    told = stays(world, id_)
    assert (world.repo / ".git/config").read_bytes() == before
    command = cure.format(common=world.repo / ".git", repo=world.repo)
    assert told["fix"].startswith(f"for you to do: {command}")
    assert world.process("sh", "-c", command).status == 0
    assert doctor(world, status=0) == []


def test_a_refspec_that_leaves_out_what_is_kept_is_fine(world: World) -> None:
    for refspec in ("refs/heads/*:refs/heads/*", "HEAD"):
        world.git("config", "--add", "remote.o.push", refspec)
    world.git("config", "remote.o.fetch", "+refs/heads/*:refs/remotes/o/*")
    world.git("config", "core.hooksPath", "/absolute")
    assert doctor(world, status=0) == []


# what killed commands left


def test_a_killed_add_is_taken_back(world: World) -> None:
    for number in range(1, 40, 2):
        if not run_killed(world, number, "add", "one"):
            assert number > 5
            break
        doctor(world, "--fix", status=0)
        assert doctor(world, status=0) == [], number
        assert world.branches() == ["main"] or world.listed("one"), number
        world.check_sound()
        if world.branches() != ["main"]:
            world.ok("remove", "one")


def test_a_killed_add_in_which_somebody_committed_is_finished(world: World) -> None:
    path = world.task("t")
    data = json.loads(world.record().read_bytes())
    world.record().write_text(json.dumps({**data, "state": "creating"}))
    mended(world, "add-unfinished")
    assert world.listed("t")["state"] == "active"
    assert (path / "t.txt").exists()


def test_a_killed_removal_is_finished_or_brought_back(world: World) -> None:
    for number in range(1, 60, 3):
        path = world.task("one", **{f"f{number}": "x\n"})
        world.write(".env", "secret\n", path)
        world.ok("merge", "one")
        killed = run_killed(world, number, "remove", "one")
        found = doctor(world, "--fix", status=0)
        assert {each["id"] for each in found} <= {"removal-unfinished", "leftovers"}, (number, found)
        assert doctor(world, status=0) == [], number
        world.check_sound()
        kept = [file.read_text() for file in world.workspaces.rglob(".env")]
        assert kept == ["secret\n"] * (number // 3 + 1), number
        if world.record("one").exists():
            world.ok("remove", "one")
        if not killed:
            assert number > 8
            return
    pytest.fail("it never got through")


@pytest.mark.parametrize("argv", [("merge", "one"), ("sync", "one")])
def test_after_a_killed_merge_or_sync_nothing_is_left(world: World, argv: tuple[str, ...]) -> None:
    for number in range(2, 80, 5):
        world.task("one", **{f"f{number}": "x\n"})
        world.write(f"m{number}", "x\n")
        world.commit("more")
        killed = run_killed(world, number, *argv)
        doctor(world, "--fix", status=0)
        assert doctor(world, status=0) == [], number
        world.check_sound()
        world.ok("merge", "one", "--prune")
        if not killed:
            return
    pytest.fail("it never got through")


def test_a_publish_that_was_cut_off_is_put_back(world: World) -> None:
    world.git("fetch", "-q", str(world.task("t", a__txt="merged\n")), "t")
    publishing = world.repo / ".git/par/publishing"
    publishing.mkdir(mode=0o700, exist_ok=True)
    told = {"checkout": str(world.repo), "base": "main", "before": world.rev("main"), "after": world.rev("t")}
    (publishing / "99999999-a.json").write_text(json.dumps(told))
    world.write("a.txt", "merged\n")
    mended(world, "publish-cut-off")
    assert world.git("status", "--porcelain") == ""


def test_pins_of_dead_processes_go_and_those_of_living_ones_stay(world: World) -> None:
    world.git("update-ref", "refs/par/plan/99999999-abc", "HEAD")
    world.git("update-ref", f"refs/par/plan/{os.getpid()}-abc", "HEAD")
    told = mended(world, "leftovers")
    assert told["message"].startswith("1 commits of plans")
    assert world.git("for-each-ref", "--format=%(refname)", "refs/par/plan") == f"refs/par/plan/{os.getpid()}-abc"


def test_trash_that_nobody_sweeps_goes(world: World) -> None:
    bin_ = world.workspaces / ".par/trash/t-1"
    bin_.mkdir(parents=True)
    (world.workspaces / ".par").chmod(0o700)
    (bin_ / "file").write_text("x")
    mended(world, "leftovers")
    assert not bin_.exists()


def test_what_dead_processes_were_writing_goes(world: World) -> None:
    world.task("t")
    (world.repo / ".git/par/tasks/.t.json.99999999.0a1b2c3d.tmp").write_text("{")
    (world.repo / ".git/par/dropped-t-99999999-1").mkdir()
    living = world.repo / f".git/par/tasks/.t.json.{os.getpid()}.0a1b2c3d.tmp"
    living.write_text("{")
    assert len(doctor(world, "--fix", status=0)) == 2
    assert living.exists()
    living.unlink()
    assert doctor(world, status=0) == []


def test_an_empty_directory_goes_and_one_with_work_stays(world: World) -> None:
    world.task("t")
    (world.workspaces / "empty").mkdir()
    mended(world, "leftovers")
    assert not (world.workspaces / "empty").exists()
    foreign = world.workspaces / "notes"
    foreign.mkdir()
    (foreign / "n.txt").write_text("mine")
    assert doctor(world, "--fix", "--cleanup", status=0) == []
    assert (foreign / "n.txt").exists()


def test_a_former_worktree_of_ours_is_told_and_never_deleted(world: World) -> None:
    place = world.workspaces / "old"
    world.git("worktree", "add", "-q", str(place))
    world.write("n.txt", "mine", place)
    shutil.rmtree(entry(world, "old"))
    stays(world, "workspace-unknown")
    doctor(world, "--cleanup")
    assert (place / "n.txt").read_text() == "mine"


def test_a_removal_that_left_the_whole_workspace_is_told(world: World) -> None:
    world.task("t")
    place = world.workspaces / ".par/kept/t/20260101T000000.000000Z/workspace"
    place.mkdir(parents=True)
    (world.workspaces / ".par").chmod(0o700)
    world.git("update-ref", "refs/par/kept/t/20260101T000000.000000Z/tip", "t")
    told = stays(world, "kept-workspace")
    assert f"'{place}'" in told["message"]
    assert "git branch NAME refs/par/kept/t/20260101T000000.000000Z/tip" in told["fix"]


# orphans


def test_cleanup_removes_an_orphan_that_is_safe_and_leaves_one_that_is_not(world: World) -> None:
    safe, unsafe = world.task("safe"), world.task("unsafe")
    world.ok("merge", "safe")
    for name in ("safe", "unsafe"):
        world.record(name).unlink()
    done = world.par("doctor", "--cleanup", "--json")
    assert (done.status, [each["fixed"] for each in done.json["findings"]]) == (0, [True, True])
    assert "left unsafe: not in main" in done.err
    assert not safe.exists()
    assert (unsafe / "unsafe.txt").exists()
    assert [task["name"] for task in world.ok("list", "--json").json["tasks"]] == ["unsafe"]


def test_worktrees_of_others_are_no_findings(world: World) -> None:
    world.task("t")
    for place in (world.workspaces / "foreign", world.root / "elsewhere"):
        world.git("worktree", "add", "-q", str(place))
    world.git("worktree", "lock", "--reason", "mine", str(world.workspaces / "foreign"))
    assert doctor(world, "--fix", "--cleanup", status=0) == []
    assert (world.workspaces / "foreign/a.txt").exists()


# workspaces


def test_a_deleted_workspace_is_checked_out_again_with_what_was_staged(world: World) -> None:
    path = world.task("t")
    world.write("staged", "staged\n", path)
    world.git("add", "staged", cwd=path)
    shutil.rmtree(path)
    assert mended(world, "workspace-missing")["task"] == "t"
    assert world.git("status", "--porcelain", cwd=path) == "A  staged"
    assert (path / "t.txt").read_text() == "t\n"
    world.check_sound()


def test_a_workspace_deleted_with_its_registration_is_made_again(world: World) -> None:
    path = world.task("t")
    shutil.rmtree(path)
    shutil.rmtree(entry(world))
    mended(world, "workspace-missing")
    assert world.git("status", "--porcelain", cwd=path) == ""
    world.check_sound()


def test_a_moved_workspace_is_followed(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    path.rename(world.workspaces / "new")
    mended(world, "workspace-moved")
    assert world.listed("t")["path"] == str(world.workspaces / "new")
    assert world.git("status", "--porcelain", cwd=world.workspaces / "new") == " M a.txt"
    far = world.root / "far"
    (world.workspaces / "new").rename(far)
    world.git("worktree", "repair", str(far))
    mended(world, "workspace-moved")
    assert world.listed("t")["path"] == str(far)
    world.check_sound()


@pytest.mark.parametrize("text", [None, "", "gitdir: /nowhere\n", "nonsense"])
def test_a_link_edited_by_hand_is_written_again(world: World, text: str | None) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    (path / ".git").unlink()
    if text is not None:
        (path / ".git").write_text(text)
    mended(world, "workspace-unlinked")
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt"
    world.check_sound()


def test_a_lost_registration_is_made_again_and_files_stay(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    world.write("new", "new\n", path)
    shutil.rmtree(entry(world))
    mended(world, "workspace-unregistered")
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt\n?? new"
    world.check_sound()


def test_an_index_that_git_cannot_read_is_made_again(world: World) -> None:
    path = world.task("t")
    world.write("a.txt", "edited\n", path)
    (entry(world) / "index").write_bytes(b"\0" * 100)
    mended(world, "workspace-index")
    assert world.git("status", "--porcelain", cwd=path) == " M a.txt"


def test_a_workspace_that_something_took_the_place_of_is_left(world: World) -> None:
    path = world.task("t")
    path.rename(world.root / "away")
    path.symlink_to(world.root / "away")
    stays(world, "workspace-replaced")
    path.unlink()
    path.write_text("a file")
    stays(world, "workspace-replaced")
    path.unlink()
    path.mkdir()
    world.git("init", "-q", cwd=path)
    stays(world, "workspace-replaced")


def test_a_workspaces_directory_that_is_away_is_told_once(world: World) -> None:
    world.task("t")
    world.task("u")
    away = world.root / "far" / "away"
    away.parent.mkdir()
    world.workspaces.rename(away)
    assert "mkdir -p" in stays(world, "workspaces-directory")["fix"]
    world.workspaces.symlink_to(away)
    stays(world, "workspaces-directory")
    world.workspaces.unlink()
    world.workspaces.write_text("a file")
    stays(world, "workspaces-directory")
    world.workspaces.unlink()
    away.rename(world.workspaces)
    assert doctor(world, status=0) == []


# branches and bases


def test_a_deleted_branch_is_made_again_where_its_workspace_stood(world: World) -> None:
    path = world.task("t")
    tip = world.rev("t")
    world.git("update-ref", "-d", "refs/heads/t")
    mended(world, "branch-gone")
    assert world.rev("t") == tip
    assert world.git("status", "--porcelain", cwd=path) == ""


def test_a_deleted_branch_without_a_workspace_on_it_is_told(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "--detach", cwd=path)
    world.git("branch", "-D", "t")
    assert "git par remove t" in stays(world, "branch-gone")["fix"]


def test_a_renamed_branch_is_followed(world: World) -> None:
    world.task("t")
    world.git("branch", "-m", "t", "new")
    mended(world, "branch-renamed")
    assert world.listed("t")["branch"] == "new"
    world.check_sound()


def test_commits_that_a_moved_branch_lost_are_kept(world: World) -> None:
    world.task("t")
    tip = world.rev("t")
    world.git("update-ref", "refs/heads/t", "main")
    told = mended(world, "branch-moved")
    assert f"reset --keep {tip[:8]}" in told["fix"]
    assert world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept/t") == tip
    assert world.rev("t") == world.rev("main")


def test_a_branch_that_is_elsewhere_is_told(world: World) -> None:
    path = world.task("t")
    world.git("switch", "-q", "-c", "fix", cwd=path)
    assert "is on branch 'fix'" in stays(world, "branch-elsewhere")["message"]
    world.git("switch", "-q", "t")
    found = doctor(world)
    assert [each["id"] for each in found] == ["branch-elsewhere", "branch-elsewhere"]
    assert f"checked out in '{world.repo}' too" in found[1]["message"]


def test_a_renamed_base_is_followed_and_one_that_is_gone_is_told(world: World) -> None:
    world.task("t")
    world.git("branch", "-m", "main", "trunk")
    mended(world, "base-gone")
    assert world.listed("t")["base"] == "trunk"
    world.git("switch", "-q", "--detach")
    world.git("update-ref", "refs/remotes/origin/trunk", "trunk")
    world.git("branch", "-q", "-D", "trunk")
    assert "git branch trunk origin/trunk, or git par set t --base BRANCH" in stays(world, "base-gone")["fix"]


def test_work_after_the_landing_is_told(world: World) -> None:
    path = world.task("t")
    world.ok("merge", "t")
    assert doctor(world, status=0) == []
    world.write("more", "x\n", path)
    assert "1 uncommitted file that" in stays(world, "work-unmerged")["message"]
    world.commit("more", cwd=path)
    assert "1 commit since that" in stays(world, "work-unmerged")["message"]
