"""Worktrees that others made, and plain branches, as tasks."""

import subprocess
import sys
from pathlib import Path
from shutil import rmtree
from typing import Any

import pytest

from git_par.commands import undo
from tests.test_losses import AS_OWNER
from tests.test_submodules import ALLOWED, add_submodule
from tests.world import PAR, World


def made_by_hand(world: World, branch: str, where: str = "elsewhere/tree") -> Path:
    path = world.root / where
    world.git("worktree", "add", "-q", "-b", branch, str(path))
    world.commit(f"of {branch}", cwd=path, **{f"{branch}__txt": "x\n"})
    return path


def state(world: World) -> tuple[str, ...]:
    """Everything an adoption may change, and an undo must bring back."""
    asked = (("worktree", "list", "--porcelain"), ("for-each-ref", "refs/heads"), ("config", "--list", "--local"))
    return tuple(world.git(*ask) for ask in asked)


def test_a_worktree_and_a_branch_become_tasks_that_merge_and_go(world: World) -> None:
    path = made_by_hand(world, "by-hand")
    world.write("a.txt", "edited\n", path)
    world.write("untracked", "u\n", path)
    world.git("branch", "plain")
    before = (world.repo / ".git" / "config").read_bytes()
    done = world.ok("adopt", str(path), "plain")
    first = world.rev("main")[:8]
    assert done.out.splitlines() == [str(world.workspaces / "by-hand"), str(world.workspaces / "plain")]
    assert f"by-hand: returns to main, which it left at {first}\n" in done.err
    assert not path.exists()
    home = world.workspaces / "by-hand"
    assert world.git("status", "--porcelain", cwd=home) == " M a.txt\n?? untracked"
    assert [world.listed(name)["state"] for name in ("by-hand", "plain")] == ["active", "new"]
    assert (world.repo / ".git" / "config").read_bytes() == before
    world.check_sound()
    world.git("restore", "a.txt", cwd=home)
    (home / "untracked").unlink()
    world.ok("merge", "by-hand")
    world.ok("prune", "--new")
    assert world.branches() == ["main"]
    world.check_sound()


def test_undo_gives_back_and_can_itself_be_undone(world: World) -> None:
    path = made_by_hand(world, "by-hand")
    world.git("branch", "plain")
    world.write("untracked", "u\n", path)
    before = state(world)
    world.ok("adopt", "by-hand", "plain")
    after = state(world)
    tasks = world.ok("list", "--json").json
    world.ok("undo")
    assert state(world) == before
    assert (path / "untracked").read_text() == "u\n"
    assert world.ok("list").out == ""
    world.ok("undo")
    assert state(world) == after
    again = world.ok("list", "--json").json
    assert [one["name"] for one in again["tasks"]] == [one["name"] for one in tasks["tasks"]]
    assert [one["path"] for one in again["tasks"]] == [one["path"] for one in tasks["tasks"]]
    world.write("work", "w\n", world.workspaces / "plain")
    refused = world.par("undo", world.ok("log", "--json").json["operations"][-1]["id"])
    assert refused.status == 3, refused
    assert (world.workspaces / "plain" / "work").exists()


def test_a_kept_directory_stays_and_what_its_removal_keeps_is_told(world: World) -> None:
    path = made_by_hand(world, "topic")
    done = world.ok("adopt", "--keep-directory", "--name", "mine", "--group", "g", "topic")
    assert done.out == f"{path}\n"
    assert f"mine: what its removal keeps will lie in '{path.parent / '.par'}'" in done.err
    assert world.listed("mine")["group"] == "g"
    world.write(".env", "secret\n", path)
    world.ok("merge", "mine")
    world.ok("remove", "mine")
    assert not path.exists()
    assert world.ok("restore", "mine").out == f"{path}\n"
    assert (path / ".env").read_text() == "secret\n"


def test_one_in_use_or_stood_in_stays_where_it_is(world: World) -> None:
    path = made_by_hand(world, "topic")
    with subprocess.Popen(["sleep", "60"], cwd=path) as user:
        done = world.ok("adopt", "topic")
        user.kill()
    assert f"topic: its directory stays where it is: in use by sleep (process {user.pid})" in done.err
    assert world.ok("path", "topic").out == f"{path}\n"
    other = made_by_hand(world, "other", "elsewhere/other")
    assert "you are standing in it" in world.ok("adopt", ".", cwd=other).err
    assert world.ok("path", "other").out == f"{other}\n"


def test_the_base_is_the_branch_it_left_last(world: World) -> None:
    world.commit("second")
    world.git("branch", "develop")
    world.git("switch", "-q", "develop")
    world.commit("third")
    world.git("branch", "topic")
    world.git("switch", "-q", "main")
    world.git("config", "init.defaultBranch", "develop")
    world.ok("adopt", "topic")
    assert world.listed("topic")["base"] == "develop"
    world.git("branch", "short")
    world.git("branch", "far", "main^")
    world.git("config", "init.defaultBranch", "far")
    world.ok("adopt", "short")
    assert world.listed("short")["base"] == "main"
    world.git("config", "init.defaultBranch", "develop")
    world.git("branch", "other", "topic")
    world.ok("adopt", "--base", "main", "other")
    assert world.listed("other")["base"] == "main"
    assert world.listed("other")["base_commit"] == world.rev("main")
    world.git("branch", "--track", "up", "develop")
    world.git("config", "--unset", "init.defaultBranch")
    world.ok("adopt", "up")
    assert world.listed("up")["base"] == "develop"


def test_what_cannot_be_adopted_says_what_to_run(world: World) -> None:
    path = made_by_hand(world, "topic")
    world.add("task")
    world.git("worktree", "add", "-q", "--detach", str(world.root / "detached"))
    made_by_hand(world, "locked", "locked")
    world.git("worktree", "lock", "--reason", "mine", str(world.root / "locked"))
    world.git("checkout", "-q", "--orphan", "alone", cwd=world.root / "detached")
    world.commit("unrelated", cwd=world.root / "detached")
    world.git("worktree", "add", "-q", "--detach", str(world.root / "loose"))
    before = state(world)
    for words, status, said in (
        (("nothing",), 2, "nothing: neither a worktree nor a branch"),
        ((".",), 2, ".: it is the main worktree"),
        (("main",), 2, "main: it is the main worktree"),
        (("task",), 2, "task: it is task task already"),
        ((str(world.workspaces / "task"),), 2, "it is task task already"),
        ((str(world.root / "loose"),), 2, "it is on no branch"),
        (("locked",), 3, "locked: it is locked: mine"),
        (("alone",), 2, "alone: git does not say which branch it returns to"),
        (("--base", "none", "topic"), 2, "--base none: "),
        (("--base", "topic", "topic"), 2, "--base topic: "),
        (("--name", "task", "topic"), 2, "task: there is a task of that name"),
        (("--name", "a", "topic", "locked"), 2, "--name: one name for several tasks"),
        (("topic", str(path)), 2, "named twice"),
        (("topic", "nothing"), 2, "nothing: neither"),
    ):
        done = world.par("adopt", *words)
        assert (done.status, said in done.err, "hint: " in done.err) == (status, True, True), (words, done)
        assert state(world) == before
    assert "git par adopt topic" in world.par("add", "topic").err


def test_a_worktree_with_submodules_moves_with_them(world: World) -> None:
    lib = World(world.root, "lib").init()
    add_submodule(world, lib, "lib", "lib")
    path = made_by_hand(world, "topic")
    world.git(*ALLOWED, "submodule", "--quiet", "update", "--init", cwd=path)
    world.write("new", "n\n", path / "lib")
    world.ok("adopt", "topic")
    home = world.workspaces / "topic"
    assert world.git("status", "--porcelain", cwd=home) == " M lib" or "? lib" in world.git("status", "-s", cwd=home)
    assert world.git("status", "--porcelain", cwd=home / "lib") == "?? new"
    world.ok("undo")
    assert world.git("status", "--porcelain", cwd=path / "lib") == "?? new"


@pytest.mark.parametrize("point", ["record", "lock", "rename"])
def test_a_kill_leaves_a_task_or_none(world: World, point: str) -> None:
    path = made_by_hand(world, "topic")
    world.git("branch", "plain")
    broken = {
        "record": "tasks.Tasks.add",
        "lock": "adoption._lock",
        "rename": "files.replace",
    }[point]
    code = (
        "import os, sys\nfrom git_par import cli, files\nfrom git_par.state import tasks\n"
        "from git_par.workspaces import adoption\n"
        f"real = {broken}\n"
        "def dead(*args):\n"
        "    if 'rename' != sys.argv[1] or str(args[0]).endswith('gitdir'): os._exit(9)\n"
        "    return real(*args)\n"
        f"{broken} = dead\n"
        "cli.main(['adopt', 'topic', 'plain'])\n"
    )
    assert world.process(sys.executable, "-c", code, point).status == 9
    world.par("doctor", "--fix")
    world.par("adopt", "topic")
    world.ok("adopt", "plain")
    world.check_sound()
    assert world.listed("topic")["state"] == "active"
    assert [(one / "topic.txt").exists() for one in (path, world.workspaces / "topic")].count(True) == 1


@pytest.mark.parametrize("cut", ["adoption._tell_git", "tasks.Tasks.put"])
def test_whoever_asks_after_a_kill_in_the_move_hears_what_finishes_it(world: World, cut: str) -> None:
    path = made_by_hand(world, "topic")
    code = (
        "import os\nfrom git_par import cli\nfrom git_par.state import tasks\nfrom git_par.workspaces import adoption\n"
        f"{cut} = lambda *_: os._exit(9)\ncli.main(['adopt', 'topic'])\n"
    )
    assert world.process(sys.executable, "-c", code).status == 9
    assert (world.workspaces / "topic" / "topic.txt").exists()
    said = f"git par: topic: it is task topic already, and not at '{path}' any more\nhint: git par doctor --fix\n"
    assert world.par("adopt", "topic") == (2, "", said)
    assert world.ok("list").err == "hint: git par doctor --fix, for what is broken\n"
    world.ok("doctor", "--fix")
    assert world.ok("list").err == ""
    assert world.listed("topic")["path"] == str(world.workspaces / "topic")
    world.check_sound()


def test_a_kill_while_a_branch_gets_its_workspace_keeps_the_branch(world: World) -> None:
    world.git("branch", "plain")
    code = (
        "import os\nfrom git_par import cli\nfrom git_par.workspaces import worktree\n"
        "worktree.fill = lambda *_: os._exit(9)\ncli.main(['adopt', 'plain'])\n"
    )
    assert world.process(sys.executable, "-c", code).status == 9
    world.ok("adopt", "plain")
    assert world.branches() == ["main", "plain"]
    world.check_sound()


def test_a_move_touches_no_submodule_that_a_link_leads_to(world: World) -> None:
    add_submodule(world, World(world.root, "lib").init(), "third/lib", "lib")
    path = made_by_hand(world, "by-hand")
    world.git(*ALLOWED, "submodule", "--quiet", "update", "--init", cwd=path)
    rmtree(path / "third")
    (path / "third").symlink_to(world.repo / "third")
    before = (world.repo / "third" / "lib" / ".git").read_bytes()
    world.ok("adopt", "by-hand")
    assert (world.workspaces / "by-hand" / "third").is_symlink()
    assert (world.repo / "third" / "lib" / ".git").read_bytes() == before


def test_a_worktree_that_holds_the_repository_itself_is_not_moved(world: World) -> None:
    bare, path = world.root / "bare.git", world.root / "folder"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    world.git("worktree", "add", "-q", "-b", "topic", str(path), cwd=bare)
    bare.rename(path / ".bare")
    world.git("worktree", "repair", str(path), cwd=path / ".bare")
    done = world.ok("adopt", "topic", cwd=path / ".bare")
    assert done.out == f"{path}\n"
    assert "its directory stays where it is: the repository lies inside" in done.err
    left = world.par("remove", "--force", "topic", "--json", cwd=path / ".bare").json["left"]
    assert left == [{"name": "topic", "reason": "not-ours", "detail": f"'{path}' holds the repository itself"}]
    assert (path / ".bare/HEAD").exists()


def test_one_with_another_inside_or_on_another_file_system_stays_where_it_is(world: World, elsewhere: Path) -> None:
    outer, far = made_by_hand(world, "outer"), elsewhere / "far"
    world.git("worktree", "add", "-q", "--detach", str(outer / "inner"))
    world.git("worktree", "add", "-q", "-b", "far", str(far))
    done = world.ok("adopt", "outer", "far")
    assert done.out.splitlines() == [str(outer), str(far)]
    assert "outer: its directory stays where it is: another worktree lies inside" in done.err
    assert "far: its directory stays where it is: the workspaces directory is on another file system" in done.err
    assert list(world.workspaces.glob("[a-z]*")) == []


@pytest.mark.skipif(not AS_OWNER, reason="root moves everything, and there is no setpriv")
def test_one_that_cannot_be_moved_stays_where_it_is(world: World) -> None:
    path = world.root / "shut" / "topic"
    world.git("worktree", "add", "-q", "-b", "topic", str(path))
    world.write("mine", "mine\n", path)
    path.parent.chmod(0o500)
    done = world.process(*AS_OWNER, *PAR, "adopt", "topic")
    path.parent.chmod(0o700)
    assert (done.status, done.out) == (0, f"{path}\n"), done
    assert "topic: its directory stays where it is: it cannot be renamed\n" in done.err
    assert world.listed("topic")["path"] == str(path)
    assert list(world.workspaces.glob("[a-z]*")) == []
    assert world.git("status", "--porcelain", cwd=path) == "?? mine"
    assert f"worktree {path}\n" in world.git("worktree", "list", "--porcelain")
    world.check_sound()


def test_a_directory_in_which_nothing_can_be_kept_stays_and_others_go(world: World) -> None:
    path = made_by_hand(world, "topic")
    world.ok("adopt", "--keep-directory", "topic")
    world.task("other")
    world.ok("merge", "--all")
    (path.parent / ".par").touch()
    done = world.ok("prune")
    assert done.out == "removed other (merged)\n"
    assert f"left topic: '{path}' cannot be moved: " in done.err
    assert world.listed("topic")["state"] == "landed"
    (path.parent / ".par").unlink()
    world.ok("remove", "topic")


def half_given_back(world: World, *, told: bool) -> Path:
    """An undo of an adoption was killed when the worktree had been moved, and perhaps git told."""
    path = made_by_hand(world, "by-hand")
    home = Path(world.ok("adopt", "by-hand").out.strip())
    world.write("untracked", "u\n", home)
    home.rename(path)
    if told:
        (world.repo / ".git" / "worktrees" / path.name / "gitdir").write_text(f"{path}/.git\n")
    return path


@pytest.mark.parametrize("told", [False, True])
def test_an_undo_that_was_cut_off_is_finished_by_the_next(world: World, told: bool) -> None:
    path = half_given_back(world, told=told)
    world.ok("undo")
    assert (path / "untracked").exists()
    assert world.ok("list").out == ""
    assert world.git("status", "--porcelain", cwd=path) == "?? untracked"
    world.git("worktree", "remove", "--force", str(path))


@pytest.mark.parametrize("told", [False, True])
def test_the_doctor_finds_a_worktree_that_was_half_given_back(world: World, told: bool) -> None:
    path = half_given_back(world, told=told)
    adoption = max((world.repo / ".git" / "par" / "journal").glob("*.json")).stem
    found = world.par("doctor", "--fix")
    assert "workspace-moved" in found.out, found
    assert world.ok("path", "by-hand").out == f"{path}\n"
    assert world.git("status", "--porcelain", cwd=path) == "?? untracked"
    world.ok("undo", adoption)
    assert world.ok("list").out == ""
    world.check_sound()


# an undo in whose way something stands


def newest(world: World) -> str:
    return str(world.ok("log", "--json").json["operations"][0]["name"])


def refused_undo(world: World, name: str, why: str, *, cwd: Path | None = None) -> None:
    """It is refused for `why`, and nothing is changed."""
    before = state(world), world.ok("log", "--json").json
    done = world.par("undo", name, cwd=cwd)
    assert (done.status, f"not undone: {why}" in done.err, "hint: " in done.err) == (3, True, True), done
    assert (state(world), world.ok("log", "--json").json) == before


def test_what_was_adopted_and_has_gone_since_is_not_given_back(world: World) -> None:
    made_by_hand(world, "topic")
    world.ok("adopt", "topic")
    adopted = newest(world)
    world.ok("merge", "topic", "--prune")
    refused_undo(world, adopted, "topic is not there any more")
    world.git("branch", "topic")
    world.ok("adopt", "topic")
    refused_undo(world, adopted, "topic is another task now")


def test_what_lies_at_the_old_place_stays_there(world: World) -> None:
    path = made_by_hand(world, "topic")
    world.ok("adopt", "topic")
    world.write("theirs", "t\n", path)
    refused_undo(world, newest(world), f"topic cannot go back to '{path}'")
    assert (path / "theirs").read_text() == "t\n"


def test_an_adopted_branch_is_not_given_back_under_ones_feet(world: World) -> None:
    world.git("branch", "plain")
    world.ok("adopt", "plain")
    refused_undo(world, newest(world), "you are standing in plain", cwd=world.workspaces / "plain")


def test_what_is_written_meanwhile_is_not_given_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.git("branch", "plain")
    world.ok("adopt", "plain")
    real = undo._checked

    def then(*args: Any) -> Any:
        steps = real(*args)
        world.write("theirs", "t\n", world.workspaces / "plain")
        return steps

    monkeypatch.setattr(undo, "_checked", then)
    done = world.par("undo")
    assert (done.status, "git par: plain: " in done.err) == (3, True), done
    assert (world.workspaces / "plain" / "theirs").read_text() == "t\n"
    assert world.listed("plain")["dirty"]["untracked"] == 1
    assert [one["state"] for one in world.ok("log", "--json").json["operations"]] == ["done"]


def test_what_was_given_back_is_adopted_again_only_as_it_was(world: World) -> None:
    path = made_by_hand(world, "topic")
    world.git("branch", "plain")
    world.ok("adopt", "topic")
    world.ok("undo")
    topic = newest(world)
    world.ok("adopt", "plain")
    world.ok("undo")
    plain = newest(world)
    with subprocess.Popen(["sleep", "60"], cwd=path) as user:
        refused_undo(world, topic, "topic: in use by sleep")
        user.kill()
    world.git("worktree", "add", "-q", str(world.root / "other"), "plain")
    refused_undo(world, plain, f"branch 'plain' is checked out in '{world.root}/other'")
    world.git("switch", "-q", "--detach", cwd=path)
    refused_undo(world, topic, f"branch 'topic' is not in '{path}' any more")
    world.git("branch", "-D", "topic")
    refused_undo(world, topic, "branch 'topic' is gone")
    world.ok("adopt", "plain")
    refused_undo(world, plain, "there is another task plain now")


def test_a_directory_that_was_kept_is_kept_again_and_a_taken_place_is_left(world: World) -> None:
    path = made_by_hand(world, "topic")
    world.ok("adopt", "--keep-directory", "topic")
    world.ok("undo")
    world.ok("undo")
    assert world.ok("path", "topic").out == f"{path}\n"
    world.git("branch", "plain")
    world.ok("adopt", "plain")
    world.ok("undo")
    world.write("theirs", "t\n", world.workspaces / "plain")
    world.ok("undo")
    assert world.ok("path", "plain").out == f"{world.workspaces}/plain-2\n"
    assert (world.workspaces / "plain" / "theirs").exists()
    world.check_sound()


def test_what_fails_while_it_is_adopted_again_leaves_a_trace_of_the_others_only(world: World) -> None:
    made_by_hand(world, "topic")
    world.write(".gitattributes", "*.txt filter=needed\n")
    world.commit("a filter")
    world.git("branch", "plain")
    world.ok("adopt", "topic", "plain")
    world.ok("undo")
    undone = newest(world)
    world.git("config", "filter.needed.required", "true")
    world.git("config", "filter.needed.smudge", "false")
    failed = world.par("undo")
    assert failed.status == 5, failed
    assert "then git par undo finishes it" in failed.err
    assert not (world.workspaces / "plain").exists()
    assert [task["name"] for task in world.ok("list", "--json").json["tasks"]] == ["topic"]
    (again, *_) = world.ok("log", "--json").json["operations"]
    assert (again["undoes"], again["tasks"]["added"]) == (undone, ["topic"])
    world.git("config", "--unset", "filter.needed.smudge")
    world.git("config", "--unset", "filter.needed.required")
    started = world.repo / ".git" / "par" / "journal" / f"{again['name']}.json"
    started.rename(started.with_name(f"{started.stem.split('-')[0]}-999999999-1.json"))  # its process has ended
    world.ok("undo")
    assert [one["state"] for one in world.ok("log", "--json").json["operations"]] == ["done", "undone", "done"]
    assert {task["name"] for task in world.ok("list", "--json").json["tasks"]} == {"topic", "plain"}
    world.check_sound()


def test_an_adoption_that_was_cut_off_while_it_was_done_again_is_finished(world: World) -> None:
    world.git("branch", "plain")
    world.ok("adopt", "plain")
    world.ok("undo")
    code = (
        "import os\nfrom git_par import cli\nfrom git_par.workspaces import worktree\n"
        "worktree.fill = lambda *_: os._exit(9)\ncli.main(['undo'])\n"
    )
    assert world.process(sys.executable, "-c", code).status == 9
    world.ok("undo")
    assert world.listed("plain")["state"] == "new"
    assert (world.workspaces / "plain" / "a.txt").exists()
    world.check_sound()
