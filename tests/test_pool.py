"""Spares: made ahead, claimed in one step, and never at the cost of what somebody has in one."""

import fcntl
import json
import os
import shutil
import stat
import time
from pathlib import Path
from typing import Any

import pytest

from git_par import git
from git_par.errors import GitFailed
from git_par.state.session import Session
from git_par.workspaces import provision, refill, strangers
from git_par.workspaces.spares import Spare
from tests.processes import until, wait_for
from tests.test_losses import AS_OWNER
from tests.test_schema import check
from tests.test_storm import at_once, check_nothing_open, expect_done
from tests.world import PAR, World, fillers

ENOUGH = "999999g"
"""More room than any disk has: nothing is filled in the background."""


@pytest.fixture
def pool(world: World) -> World:
    """A repository that has things to copy and to link, and wants one spare."""
    world.write(".env", "secret\n").chmod(0o600)
    world.write("node_modules/x/index.js", "x\n")
    for key, value in {"pool": "1", "poolMinFree": "0", "link": "node_modules"}.items():
        world.git("config", f"par.{key}", value)
    return world


def fill(world: World, count: int = 1) -> list[Path]:
    """Fill the pool, and let no background process do it any more; the spares."""
    world.git("config", "par.pool", str(count))
    world.git("config", "par.poolMinFree", "0")
    world.ok("pool", "fill")
    world.git("config", "par.poolMinFree", ENOUGH)
    return [Path(one["path"]) for one in world.ok("pool", "--json").json["spares"]]


def states(world: World) -> list[str]:
    return [one["state"] for one in world.par("pool", "--json").json["spares"]]


def was_claimed(spare: Path, path: Path, inode: int) -> bool:
    return path.stat().st_ino == inode and not spare.exists()


def entry_of(path: Path) -> Path:
    return Path((path / ".git").read_text().removeprefix("gitdir: ").strip())


def test_filling_makes_detached_worktrees_that_are_no_tasks(pool: World) -> None:
    done = pool.ok("pool", "fill")
    spare = pool.workspaces / ".par/spares/1"
    assert done.err.splitlines()[-2:] == [f"filled {spare}", "1 ready; par.pool is 1"]
    assert pool.ok("list", "--json").json["tasks"] == []
    assert "1 spare ready; see git par pool" in pool.ok("list").err
    assert pool.git("worktree", "list", "--porcelain").split("\n\n")[1].splitlines() == [
        f"worktree {spare}",
        f"HEAD {pool.rev('HEAD')}",
        "detached",
        "locked git-par: spare",
    ]
    assert pool.git("status", "--porcelain", cwd=spare) == ""
    assert (spare / ".env").read_text() == "secret\n"
    assert stat.S_IMODE((spare / ".env").stat().st_mode) == 0o600
    # Not from here, but from where a task is.
    assert os.readlink(spare / "node_modules") == "../../repo/node_modules"
    assert pool.ok("pool", "fill").err == "1 ready; par.pool is 1\n"
    assert pool.ok("doctor").status == 0


def test_add_claims_a_spare_and_the_next_is_made_in_the_background(pool: World) -> None:
    pool.ok("pool", "fill")
    spare = pool.workspaces / ".par/spares/1"
    inode, config = spare.stat().st_ino, (pool.repo / ".git/config").read_bytes()
    pool.hook("post-checkout", "pwd >hook.log")
    done = pool.par_process("add", "one")
    path = pool.workspaces / "one"
    assert (done.status, done.out) == (0, f"{path}\n")
    assert "one: copied .env; linked node_modules" in done.err
    assert path.stat().st_ino == inode
    assert (path / "node_modules/x/index.js").read_text() == "x\n"
    assert (path / "hook.log").read_text() == f"{path}\n"
    assert pool.git("status", "--porcelain", "--branch", cwd=path) == "## one"
    assert pool.git("symbolic-ref", "HEAD", cwd=path) == "refs/heads/one"
    entry = entry_of(path)
    assert (entry / "gitdir").read_text() == f"{path}/.git\n"
    assert (entry / "locked").read_text() == "git-par: remove with 'git par remove one'\n"
    assert not (entry / "par-spare").exists()
    deadline = time.monotonic() + 60
    while states(pool) != ["ready"]:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert (pool.repo / ".git/config").read_bytes() == config
    pool.check_sound()
    pool.commit("work", cwd=path, one__txt="one\n")
    pool.ok("merge", "one", "--prune")
    pool.ok("doctor")


def test_a_warm_add_needs_at_most_ten_git_processes(pool: World, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []
    run = git._run

    def counted(argv: list[str], *rest: Any) -> git.Reply:
        calls.append(" ".join(argv))
        return run(argv, *rest)

    monkeypatch.setattr(git, "_run", counted)
    monkeypatch.setattr(refill, "later", lambda *_: None)
    fill(pool)
    calls.clear()
    pool.ok("add", "same")
    assert len(calls) <= (10 if (pool.repo / ".git/reftable").is_dir() else 9), calls
    fill(pool)
    pool.commit("moves on", new__txt="new\n")
    calls.clear()
    pool.ok("add", "other")
    assert len(calls) <= 10, calls
    assert not [call for call in calls if "worktree add" in call]


def test_from_another_commit_only_the_difference_is_checked_out(pool: World) -> None:
    (spare,) = fill(pool)
    inode = spare.stat().st_ino
    same, mine = (spare / "a.txt").stat(), pool.write("mine.txt", "untracked\n", spare)
    pool.commit("moves on", new__txt="new\n")
    pool.git("mv", ".gitignore", "ignore")
    pool.commit("moves again")
    assert states(pool) == ["behind"]
    (path,) = pool.add("one")
    assert path.stat().st_ino == inode
    now = (path / "a.txt").stat()
    assert (now.st_ino, now.st_mtime_ns, now.st_ctime_ns) == (same.st_ino, same.st_mtime_ns, same.st_ctime_ns)
    assert (path / "new.txt").read_text() == "new\n"
    assert not (path / ".gitignore").exists()
    assert (path / mine.name).read_text() == "untracked\n"
    assert pool.git("rev-parse", "HEAD", cwd=path) == pool.rev("main")
    assert pool.git("diff", "HEAD", cwd=path) == ""


def test_filling_brings_spares_to_the_commit_of_the_main_checkout(pool: World) -> None:
    (spare,) = fill(pool)
    pool.commit("moves on", new__txt="new\n")
    pool.git("config", "par.poolMinFree", "0")
    done = pool.ok("pool", "fill", "--json").json
    check("pool", done)
    assert done["updated"] == [str(spare)]
    assert (spare / "new.txt").exists()
    assert pool.rev("HEAD", cwd=spare) == pool.rev("main")
    assert states(pool) == ["ready"]


def edit(world: World, spare: Path) -> None:
    world.write("a.txt", "edited\n", spare)


def stage(world: World, spare: Path) -> None:
    world.write("a.txt", "staged\n", spare)
    world.git("add", "a.txt", cwd=spare)


def unedit_staged(world: World, spare: Path) -> None:
    before = (spare / "a.txt").read_text()
    stage(world, spare)
    world.write("a.txt", before, spare)


def commit(world: World, spare: Path) -> None:
    world.commit("in the spare", cwd=spare, spare__txt="mine\n")


def switch(world: World, spare: Path) -> None:
    world.git("switch", "-q", "-c", "mine", cwd=spare)


def hide(world: World, spare: Path) -> None:
    world.git("update-index", "--assume-unchanged", "a.txt", cwd=spare)
    world.write("a.txt", "hidden\n", spare)


def bisect(world: World, spare: Path) -> None:
    world.git("bisect", "start", cwd=spare)


@pytest.mark.parametrize("change", [edit, stage, unedit_staged, commit, switch, hide, bisect])
def test_a_spare_with_edits_is_not_claimed_nor_removed_but_named(pool: World, change: object) -> None:
    (spare,) = fill(pool)
    change(pool, spare)  # type: ignore[operator]
    before = pool.git("status", "--porcelain", "--branch", cwd=spare), (spare / "a.txt").read_bytes()
    inode = spare.stat().st_ino
    done = pool.ok("add", "one")
    assert f"'{spare}': this spare is not used: " in done.err
    assert (pool.workspaces / "one").stat().st_ino != inode
    assert pool.git("status", "--porcelain", cwd=pool.workspaces / "one") == ""
    for command in (("pool", "fill"), ("pool", "drain")):
        pool.git("config", "par.poolMinFree", "0")
        done = pool.par(*command)
        assert done.status == 1
        assert f"left {spare}: " in done.err
    assert states(pool) == ["edited"]
    found = pool.par("doctor", "--fix", "--json")
    assert [one["id"] for one in found.json["findings"] if not one["fixed"]] == ["spare-edited"]
    pool.par("prune")
    assert (pool.git("status", "--porcelain", "--branch", cwd=spare), (spare / "a.txt").read_bytes()) == before


def test_a_file_of_somebodys_in_the_way_of_the_difference_stays(pool: World) -> None:
    (spare,) = fill(pool)
    pool.write("new.txt", "theirs\n", spare)
    pool.write("x.log", "ignored, and theirs\n", spare)
    pool.commit("moves on", new__txt="new\n")
    pool.write(".gitignore", ".env\nnode_modules\n")
    pool.commit("tracks it", x__log="tracked\n")
    done = pool.ok("add", "one")
    assert "not used" in done.err
    assert (spare / "new.txt").read_text() == "theirs\n"
    assert (spare / "x.log").read_text() == "ignored, and theirs\n"
    assert (pool.workspaces / "one/x.log").read_text() == "tracked\n"
    assert pool.par("pool", "drain").status == 1
    assert (spare / "x.log").read_text() == "ignored, and theirs\n"


@pytest.mark.parametrize("name", ["x.log", "x.log/inside"])
def test_an_ignored_file_in_the_way_of_the_difference_stays(pool: World, name: str) -> None:
    (spare,) = fill(pool)
    pool.write(name, "ignored, and theirs\n", spare)
    pool.write(".gitignore", ".env\nnode_modules\n")
    pool.commit("tracks it", x__log="tracked\n")
    assert "not used" in pool.ok("add", "one").err
    assert (pool.workspaces / "one/x.log").read_text() == "tracked\n"
    pool.git("config", "par.poolMinFree", "0")
    assert pool.par("pool", "fill").status == 1
    assert (spare / name).read_text() == "ignored, and theirs\n"


def test_copies_and_links_are_as_in_the_main_checkout_when_it_is_claimed(pool: World) -> None:
    pool.write(".env.gone", "gone\n")
    pool.write(".env.edited", "as it was\n")
    pool.write(".gitignore", "*.log\n.env*\nnode_modules/\nbuild/\n")
    pool.commit("ignores more")
    (spare,) = fill(pool)
    pool.write(".env", "another secret\n").chmod(0o640)
    (pool.repo / ".env.gone").unlink()
    pool.write(".env.new", "new\n")
    pool.write(".env.edited", "edited in the spare\n", spare)
    shutil.rmtree(pool.repo / "node_modules")
    done = pool.ok("add", "one")
    path = pool.workspaces / "one"
    assert (path / ".env").read_text() == "another secret\n"
    assert stat.S_IMODE((path / ".env").stat().st_mode) == 0o640
    assert (path / ".env.new").read_text() == "new\n"
    assert (path / ".env.edited").read_text() == "edited in the spare\n"
    assert not (path / ".env.gone").exists()
    assert not os.path.lexists(path / "node_modules")
    assert "one: copied .env, .env.new\n" in done.err
    assert "one: left .env.edited: something else is there" in done.err


def test_a_copied_directory_is_as_in_the_main_checkout_but_for_what_is_somebodys(pool: World) -> None:
    outside = pool.root / "outside"
    pool.write(".gitignore", ".env*\nnode_modules/\nconf/\nmoved/\n")
    pool.commit("ignores more")
    pool.git("config", "par.copy", "conf moved .env*")
    for name in ("conf/deep/same", "conf/gone/file", "moved/gone", ".env.kind"):
        pool.write(name, f"{name}\n")
    (pool.repo / "conf/link").symlink_to("deep/same")
    first, second = fill(pool, 2)
    (first / "moved").rename(outside)
    (first / "moved").symlink_to(outside)
    (first / ".env.kind").unlink()
    pool.write(".env.kind/mine", "mine\n", first)
    (first / "node_modules").unlink()
    pool.write("conf/mine", "mine\n", second)
    for name in ("conf/gone", "moved"):
        shutil.rmtree(pool.repo / name)
    (pool.repo / ".env.kind").unlink()
    done = pool.ok("add", "one", "two")
    one, two = (pool.workspaces / name for name in ("one", "two"))
    assert (outside / "gone").read_text() == "moved/gone\n"
    assert (one / ".env.kind/mine").read_text() == "mine\n"
    assert (one / "node_modules/x/index.js").exists()
    assert sorted(path.name for path in (one / "conf").iterdir()) == ["deep", "link"]
    assert sorted(path.name for path in (two / "conf").iterdir()) == ["deep", "link", "mine"]
    assert (two / "conf/link").readlink() == Path("deep/same")
    assert not (two / "moved").exists()
    assert "this spare is not used" not in done.err


def test_copies_of_the_same_size_and_time_are_compared(pool: World) -> None:
    env, link = pool.repo / ".env", pool.repo / ".env.link"
    pool.write(".git/info/exclude", ".env*\n")
    link.symlink_to("here")
    fill(pool)
    times = [one.lstat() for one in (env, link)]
    env.write_text("SECRET\n")
    link.unlink()
    link.symlink_to("away")
    for one, about in zip((env, link), times, strict=True):
        os.utime(one, ns=(about.st_atime_ns, about.st_mtime_ns), follow_symlinks=False)
    (path,) = pool.add("one")
    assert (path / ".env").read_text() == "SECRET\n"
    assert (path / ".env.link").readlink() == Path("away")


def test_without_files_there_are_none_in_a_claimed_spare_either(pool: World) -> None:
    (spare,) = fill(pool)
    inode = spare.stat().st_ino
    pool.ok("add", "one", "--no-files")
    path = pool.workspaces / "one"
    assert path.stat().st_ino == inode
    assert sorted(one.name for one in path.iterdir()) == [".git", ".gitignore", "a.txt"]


@pytest.mark.parametrize(
    "words",
    [
        ("add", "one", "--sparse", "d"),
        ("add", "one", "--isolation", "clone"),
        ("-c", "par.pool=0"),
        ("-c", "core.sparseCheckout=true"),
    ],
)
def test_where_a_spare_does_not_fit_none_is_claimed(pool: World, words: tuple[str, ...]) -> None:
    pool.write("d/x", "x\n")
    pool.commit("a directory")
    (spare,) = fill(pool)
    if words[0] == "add":
        pool.ok(*words)
    else:
        key, _, value = words[1].partition("=")
        pool.git("config", key, value)
        pool.ok("add", "one")
    assert spare.is_dir()


def test_draining_throws_away_what_nobody_touched_and_nothing_else(pool: World) -> None:
    pool.write("conf/a", "a\n")
    pool.write(".git/info/exclude", "conf/\n")
    pool.git("config", "par.copy", ".env conf")
    spares = fill(pool, 7)
    first, untracked, copied, inside, nested, used, claimed = spares
    pool.write("untracked", "theirs\n", untracked)
    pool.write(".env", "edited\n", copied)
    pool.write("conf/deep/mine", "theirs\n", inside)
    pool.git("init", "-q", "lib", cwd=nested)
    user = pool.start("sleep", "60", cwd=used)
    with (pool.repo / ".git/par/locks/spare-7").open("a") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        done = pool.par("pool", "drain", "--json")
    user.kill()
    user.communicate()
    check("pool", done.json)
    assert done.status == 1
    assert done.json["removed"] == [str(first)]
    assert [(one["path"], one["detail"]) for one in done.json["left"]] == [
        (str(untracked), "edited: untracked"),
        (str(copied), "edited: .env"),
        (str(inside), "edited: conf/deep/mine"),
        (str(nested), "another repository or file system lies inside: lib/"),
        (str(used), f"in use by sleep (process {user.pid})"),
        (str(claimed), "another command is at it"),
    ]
    assert (untracked / "untracked").read_text() == "theirs\n"
    assert (copied / ".env").read_text() == "edited\n"
    assert (inside / "conf/deep/mine").read_text() == "theirs\n"
    assert (nested / "lib/.git").is_dir()
    assert str(first) not in pool.git("worktree", "list")
    assert len(pool.git("worktree", "list").splitlines()) == 7


def test_in_a_bare_repository_a_file_in_a_spare_is_somebodys(pool: World) -> None:
    bare = World(pool.root, "bare.git")
    pool.git("clone", "-q", "--bare", str(pool.repo), str(bare.repo))
    bare.git("config", "par.pool", "1")
    bare.git("config", "par.poolMinFree", "0")
    bare.ok("pool", "fill")
    (spare,) = [Path(one["path"]) for one in bare.ok("pool", "--json").json["spares"]]
    file = pool.write(".env", "mine\n", spare)
    done = bare.par("pool", "drain")
    assert (done.status, f"left {spare}: edited: .env\n" in done.err) == (1, True)
    file.unlink()
    assert bare.ok("pool", "drain", "--json").json["removed"] == [str(spare)]


def test_what_somebody_writes_while_a_spare_is_thrown_away_stays(pool: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (spare,) = fill(pool)
    find = strangers.find

    def late(session: Session, one: Spare) -> str:
        found = find(session, one)
        if spare.is_dir():
            pool.write("late", "theirs\n", spare)
        return found

    monkeypatch.setattr(strangers, "find", late)
    done = pool.par("pool", "drain")
    assert (done.status, f"left {spare}: edited: late\n" in done.err) == (1, True)
    assert (spare / "late").read_text() == "theirs\n"
    assert not list(spare.parent.glob("*.leaving"))


def test_a_spare_whose_throwing_away_was_killed_is_one_again(pool: World) -> None:
    (spare,) = fill(pool)
    spare.rename(spare.with_name("1.leaving"))
    pool.write("late", "theirs\n", spare.with_name("1.leaving"))
    pool.ok("pool", "fill")
    assert not list(spare.parent.glob("*.leaving"))
    assert pool.par("pool", "drain").status == 1
    assert (spare / "late").read_text() == "theirs\n"


def test_those_that_are_too_many_go_with_the_next_filling(pool: World) -> None:
    first, second, third = fill(pool, 3)
    pool.write("mine", "mine\n", third)
    pool.git("config", "par.pool", "1")
    done = pool.par("pool", "fill", "--json")
    assert (done.status, done.json["removed"]) == (1, [str(second)])
    assert done.json["left"] == [{"path": str(third), "detail": "edited: mine"}]
    assert [one["path"] for one in pool.ok("pool", "--json").json["spares"]] == [str(first), str(third)]
    (third / "mine").unlink()
    pool.git("config", "par.directory", "../elsewhere")
    assert [one["detail"] for one in pool.par("pool", "--json").json["spares"]] == [
        "it is not in the workspaces directory"
    ] * 2
    pool.git("config", "par.poolMinFree", "0")
    assert pool.ok("pool", "fill", "--json").json["removed"] == [str(first), str(third)]
    (elsewhere,) = pool.ok("pool", "--json").json["spares"]
    assert elsewhere["path"] == str(pool.root / "elsewhere/.par/spares/1")


def test_a_disk_that_is_short_of_room_is_not_filled(pool: World) -> None:
    pool.git("config", "par.poolMinFree", ENOUGH)
    done = pool.par("pool", "fill")
    assert done.status == 3
    assert f"'{pool.workspaces}': " in done.err
    assert "MiB are free there, and par.poolMinFree wants 1023998976" in done.err
    assert "hint: git config par.poolMinFree SIZE, or make room: git par prune" in done.err
    assert states(pool) == []


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (("pool", "fil"), 2, "fil: not one of fill, drain, status"),
        (("pool", "fill"), 2, "par.pool: it is 0, so no spares are wanted"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(world: World, words: tuple[str, ...], status: int, says: str) -> None:
    done = world.par(*words)
    assert (done.status, done.err.splitlines()[0]) == (status, f"git par: {says}")


@pytest.mark.parametrize(("key", "value"), [("pool", "two"), ("poolMinFree", "5x"), ("poolMinFree", "")])
def test_bad_settings_are_said_before_anything_is_made(pool: World, key: str, value: str) -> None:
    pool.git("config", f"par.{key}", value)
    assert pool.par("add", "one").status == 2
    assert pool.par("pool").status == 2
    assert pool.branches() == ["main"]


def test_there_is_nothing_to_fill_a_spare_with_before_the_first_commit(tmp_path: Path) -> None:
    world = World(tmp_path, "empty")
    world.repo.mkdir()
    world.git("init", "-q")
    world.git("config", "par.pool", "1")
    done = world.par("pool", "fill")
    assert (done.status, done.err.splitlines()[0]) == (3, "git par: HEAD: no commit yet to fill spares with")


def test_what_fails_after_the_claim_gives_the_spare_back(pool: World, monkeypatch: pytest.MonkeyPatch) -> None:
    (spare,) = fill(pool)
    inode, mine = spare.stat().st_ino, pool.write("mine", "untracked\n", spare)
    with monkeypatch.context() as patch:

        def fail(*_: object) -> None:
            raise GitFailed("broken", hint="")

        patch.setattr(provision, "provision_all", fail)
        assert pool.par("add", "one").status == 5
    assert mine.read_text() == "untracked\n"
    assert spare.stat().st_ino == inode
    assert pool.branches() == ["main"]
    assert pool.git("worktree", "list", "--porcelain").count("worktree ") == 2
    assert (pool.repo / ".git/worktrees").is_dir()
    mine.unlink()
    fill(pool)
    assert states(pool) == ["ready"]
    pool.add("one")
    assert (pool.workspaces / "one").stat().st_ino == inode


def test_a_name_that_is_taken_costs_no_spare(pool: World) -> None:
    pool.add("one")
    fill(pool)
    pool.commit("moves on", new__txt="new\n")
    assert pool.par("add", "one").status == 2
    fill(pool)
    assert states(pool) == ["ready"]


def half_made(world: World, spare: Path) -> None:
    """As a killed git left it in the middle of its work."""
    entry = entry_of(spare)
    record = entry / "par-spare"
    text = record.read_text()
    index = text.partition('"index": "')[2].partition('"')[0]
    record.write_text(text.replace(index, ""))
    (entry / "index").unlink()
    (entry / "index.lock").touch()
    (spare / ".gitignore").unlink()
    (spare / "a.txt").write_text("line 1\nli")


def test_an_add_that_comes_to_nothing_leaves_a_spare_ready_that_it_had_brought_to_its_commit(pool: World) -> None:
    (spare,) = fill(pool)
    pool.git("branch", "taken")
    new = pool.commit("more", more__txt="more\n")
    assert pool.par("add", "taken").status == 2
    assert states(pool) == ["ready"]
    assert pool.rev("HEAD", cwd=spare) == new
    assert pool.git("status", "--porcelain", cwd=spare) == ""
    inode = spare.stat().st_ino
    assert was_claimed(spare, pool.add("free")[0], inode)


def test_a_half_made_spare_is_finished_by_the_next_filling(pool: World) -> None:
    (spare,) = fill(pool)
    half_made(pool, spare)
    assert states(pool) == ["damaged"]
    assert "it is not whole" in pool.ok("add", "one").err
    assert fill(pool) == [spare]
    assert states(pool) == ["ready"]
    assert pool.git("status", "--porcelain", cwd=spare) == ""


@pytest.mark.parametrize("mine", [False, True])
def test_a_link_in_a_spare_on_its_way_is_of_either_commit_or_somebodys(pool: World, mine: bool) -> None:
    link, links = pool.repo / "link", {}
    for target in ("old", "new"):
        link.unlink(missing_ok=True)
        link.symlink_to(target)
        links[target] = pool.commit(target)
        if target == "old":
            (spare,) = fill(pool)
    half_made(pool, spare)
    record = entry_of(spare) / "par-spare"
    record.write_text(json.dumps(json.loads(record.read_text()) | {"commit": links["new"], "was": links["old"]}))
    if mine:
        (spare / "link").unlink()
        (spare / "link").symlink_to("mine")
    pool.git("config", "par.poolMinFree", "0")
    done = pool.par("pool", "fill")
    assert (done.status, f"left {spare}: edited: link\n" in done.err) == (int(mine), mine)
    assert (spare / "link").readlink() == Path("mine" if mine else "new")


@pytest.mark.parametrize("name", ["a.txt", "theirs", ".env"])
def test_what_somebody_wrote_into_a_half_made_spare_stays(pool: World, name: str) -> None:
    (spare,) = fill(pool)
    half_made(pool, spare)
    pool.write(name, "theirs\n", spare)
    pool.git("config", "par.poolMinFree", "0")
    for command in ("fill", "drain"):
        done = pool.par("pool", command)
        assert done.status == 1
        assert f"left {spare}: edited: " in done.err
        assert (spare / name).read_text() == "theirs\n"
    found = pool.par("doctor", "--fix", "--json").json["findings"]
    assert ("spare-damaged", False) in [(one["id"], one["fixed"]) for one in found]
    assert (spare / name).read_text() == "theirs\n"


@pytest.mark.parametrize("text", ["", "{}", '{"version":1,"commit":1,"was":"","index":"","copied":[],"linked":[]}'])
def test_a_spare_of_which_nothing_is_known_is_made_anew_only_when_it_is_empty(pool: World, text: str) -> None:
    first, second = fill(pool, 2)
    for spare in (first, second):
        (entry_of(spare) / "par-spare").write_text(text)
    for name in (".gitignore", "a.txt", ".env", "node_modules"):
        (second / name).unlink()
    new = pool.commit("moves on")
    assert states(pool) == ["damaged", "damaged"]
    pool.git("config", "par.poolMinFree", "0")
    why = f"left {first}: nothing tells how .env, .gitignore, a.txt and 1 more came into it\n"
    for _ in range(2):
        done = pool.par("pool", "fill")
        assert (done.status, why in done.err, f"left {second}" in done.err) == (1, True, False)
    assert (first / "a.txt").exists()
    assert pool.rev("HEAD", cwd=second) == new
    assert pool.git("status", "--porcelain", cwd=second) == ""


@pytest.mark.parametrize(
    ("where", "why"),
    [
        (".git", "its directory does not lead to its registration"),
        ("index", "it cannot be "),
    ],
)
def test_a_damaged_spare_is_named_and_stays(pool: World, where: str, why: str) -> None:
    (spare,) = fill(pool)
    pool.write("mine", "mine\n", spare)
    (spare / ".git" if where == ".git" else entry_of(spare) / "index").write_text("junk\n")
    assert states(pool) == ["damaged"]
    assert "this spare is not used: " in pool.ok("add", "one").err
    pool.git("config", "par.poolMinFree", "0")
    for command in ("fill", "drain"):
        done = pool.par("pool", command)
        assert (done.status, f"left {spare}: {why}" in done.err) == (1, True), done
    assert (spare / "mine").read_text() == "mine\n"


@pytest.mark.skipif(not AS_OWNER, reason="root may write everywhere, and there is no setpriv")
def test_a_spare_that_cannot_be_moved_costs_no_add(pool: World) -> None:
    (spare,) = fill(pool)
    spare.parent.chmod(0o500)
    done = pool.process(*AS_OWNER, *PAR, "add", "one")
    spare.parent.chmod(0o700)
    assert done.status == 0, done
    assert pool.git("status", "--porcelain", "--branch", cwd=pool.workspaces / "one") == "## one"
    assert states(pool) == ["ready"]


def test_doctor_takes_half_made_and_lost_spares_out(pool: World) -> None:
    first, second = fill(pool, 2)
    half_made(pool, first)
    (first / "a.txt").unlink()
    shutil.rmtree(second)
    found = pool.par("doctor", "--json")
    assert [one["id"] for one in found.json["findings"]] == ["git-lock", "spare-damaged", "spare-damaged"]
    assert found.status == 1
    assert pool.ok("doctor", "--fix").status == 0
    assert states(pool) == []
    assert "spares" not in pool.git("worktree", "list")


def test_a_spare_that_was_deleted_by_hand_is_made_again(pool: World) -> None:
    (spare,) = fill(pool)
    shutil.rmtree(spare)
    pool.ok("add", "one")
    fill(pool)
    assert states(pool) == ["ready"]
    pool.check_sound()


def test_twenty_adds_beside_fillings_share_three_spares(pool: World) -> None:
    spares = fill(pool, 3)
    inodes = {spare.stat().st_ino for spare in spares}
    pool.git("config", "par.poolMinFree", "0")
    names = [f"t{number}" for number in range(20)]
    done = at_once(pool, [*(("add", name) for name in names), ("pool", "fill"), ("pool", "status")])
    expect_done(done)
    claimed = [(pool.workspaces / name).stat().st_ino for name in names]
    assert inodes <= set(claimed)
    assert len(set(claimed)) == 20
    for name in names:
        assert pool.git("status", "--porcelain", "--branch", cwd=pool.workspaces / name) == f"## {name}"
    deadline = time.monotonic() + 60
    while states(pool) != ["ready"] * 3:
        assert time.monotonic() < deadline, states(pool)
        time.sleep(0.1)
    check_nothing_open(pool)
    pool.check_sound()
    pool.ok("doctor")


@pytest.mark.soak
def test_a_hundred_adds_beside_fillings(pool: World) -> None:
    fill(pool, 3)
    pool.git("config", "par.poolMinFree", "0")
    for burst in range(5):
        pool.commit(f"burst {burst}")
        expect_done(at_once(pool, [*(("add", f"t{burst}-{number}") for number in range(100)), ("pool", "fill")]))
    pool.check_sound()
    check_nothing_open(pool)


def test_filling_in_the_background_ends_when_the_repository_is_gone(pool: World) -> None:
    pool.ok("pool", "fill")
    held = [pool.start(*PAR, "add", f"one{number}") for number in range(2)]
    for process in held:
        process.communicate(timeout=60)
    for _ in range(100):
        shutil.rmtree(pool.root / "repo", ignore_errors=True)
        shutil.rmtree(pool.workspaces, ignore_errors=True)
        if not (pool.repo.exists() or pool.workspaces.exists()):
            break
        time.sleep(0.05)
    deadline = time.monotonic() + 30
    while fillers(pool):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert not pool.repo.exists()
    assert not pool.workspaces.exists()


def test_large_files_come_when_a_spare_is_claimed(pool: World) -> None:
    """With a filter that does as git-lfs does: it leaves the pointer where it is told so."""
    smudge = pool.write(
        "../smudge", '#!/bin/sh\nif [ -n "$GIT_LFS_SKIP_SMUDGE" ]; then cat; else cat >/dev/null; echo large; fi\n'
    )
    smudge.chmod(0o755)
    clean = pool.write("../clean", '#!/bin/sh\ncat >/dev/null\nprintf "%s\\n" "version https://git-lfs" "oid 0"\n')
    clean.chmod(0o755)
    pool.git("config", "filter.lfs.smudge", str(smudge))
    pool.git("config", "filter.lfs.clean", str(clean))
    pool.write(".gitattributes", "*.bin filter=lfs\n")
    (pool.repo / "link.bin").symlink_to("big.bin")
    pool.commit("large", big__bin="large\n")
    spare, other = fill(pool, 2)
    assert (spare / "big.bin").read_text() == "version https://git-lfs\noid 0\n"
    inode = spare.stat().st_ino
    (path,) = pool.add("one")
    assert path.stat().st_ino == inode
    assert (path / "big.bin").read_text() == "large\n"
    assert (path / "link.bin").readlink() == Path("big.bin")
    assert pool.git("status", "--porcelain", cwd=path) == ""
    inode = other.stat().st_ino
    pool.git("config", "par.lfs", "skip")
    (path,) = pool.add("two")
    assert path.stat().st_ino == inode
    assert (path / "big.bin").read_text() == "version https://git-lfs\noid 0\n"


def test_a_spare_is_claimed_while_filling_only_looks_at_it(pool: World) -> None:
    """The filter keeps the filling, and nobody else, waiting in the middle of its look."""
    looks, goes = pool.root / "looks", pool.root / "goes"
    clean = pool.write(
        "../clean",
        f"#!/bin/sh\nif [ \"$WAIT\" ]; then : >'{looks}'; while [ ! -e '{goes}' ]; do sleep 0.02; done; fi\ncat\n",
    )
    clean.chmod(0o755)
    pool.git("config", "filter.slow.clean", f"'{clean}'")
    pool.write(".gitattributes", "*.bin filter=slow\n")
    pool.commit("slow", big__bin="large\n")
    (spare,) = fill(pool)
    pool.git("config", "par.poolMinFree", "0")
    os.utime(spare / "big.bin", (1, 1))  # so that git has to read it
    inode = spare.stat().st_ino
    filling = pool.start(*PAR, "pool", "fill", env={"WAIT": "1"})
    wait_for(looks)
    (path,) = pool.add("one")
    goes.touch()
    filling.communicate()
    assert filling.returncode == 0
    assert was_claimed(spare, path, inode)
    until(lambda: states(pool) == ["ready"])
