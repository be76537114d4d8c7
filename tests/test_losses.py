"""Ways in which work was nearly lost, each found by trying: none of them may come back."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from git_par.workspaces import reasons
from git_par.workspaces.reasons import Reason
from tests.world import PAR, World

AS_OWNER: list[str] = ["env"]
"""How to start a process that may read its own files only as their modes say; empty when it cannot be done."""
if os.geteuid() == 0:
    setpriv = shutil.which("setpriv")
    AS_OWNER = [setpriv, "--bounding-set=-dac_override,-dac_read_search"] if setpriv else []


def filtered(world: World) -> None:
    """Have a filter for `*.big`, as a large-file store has one, and a first file of that kind."""
    world.write(".gitattributes", "*.big filter=l\n")
    world.git("config", "filter.l.clean", "cat")
    world.git("config", "filter.l.smudge", "cat")
    world.git("config", "filter.l.required", "true")
    world.commit("first", z__big="v1\n")


def kept_files(world: World) -> dict[str, str]:
    kept = world.workspaces / ".par" / "kept"
    return {file.name: file.read_text() for file in kept.rglob("*") if file.is_file() and file.name != ".git"}


# the publish


def test_a_filter_that_fails_in_the_publish_leaves_the_checkout_as_it_was(world: World) -> None:
    filtered(world)
    path = world.add("t")[0]
    world.write("0new", "new\n", path)
    world.write("a.txt", "edited\n", path)
    world.commit("second", cwd=path, z__big="v2\n")
    before = world.rev("main")
    # It works for what stood there, as a large-file store that is offline still has what it had.
    world.git("config", "filter.l.smudge", "sh -c 'read -r x; [ \"$x\" = v1 ] && echo v1'")
    done = world.par("merge", "t")
    assert done.status == 5
    assert done.err.startswith("git par: git merge: ")
    assert f"'{world.repo}' is as it was\n" in done.err
    assert world.rev("main") == before
    assert world.git("status", "--porcelain") == ""
    assert not (world.repo / "0new").exists()
    assert (world.repo / "z.big").read_text() == "v1\n"
    world.git("config", "filter.l.smudge", "cat")
    world.ok("merge", "t")
    assert (world.repo / "z.big").read_text() == "v2\n"


def test_what_cannot_be_put_back_is_named_with_the_command_that_does_it(world: World) -> None:
    filtered(world)
    path = world.add("t")[0]
    world.commit("second", cwd=path, z__big="v2\n")
    world.git("config", "filter.l.smudge", "false")
    done = world.par("merge", "t")
    assert done.status == 5
    hint = done.err.splitlines()[1].removeprefix("hint: ")
    assert hint == f"git -C {world.repo} checkout HEAD -- z.big"
    world.git("config", "filter.l.smudge", "cat")
    assert world.process("sh", "-c", hint).status == 0
    assert world.git("status", "--porcelain") == ""


def test_sync_does_not_overwrite_an_ignored_file_on_its_way_to_a_conflict(world: World) -> None:
    path = world.task("t", b__txt="mine\n")
    world.write(".env", "SECRET\n", path)
    world.write(".env", "from the repository\n")
    world.write("b.txt", "theirs\n")
    world.git("add", "-f", ".env", "b.txt")
    world.git("commit", "-q", "-m", "both")
    done = world.par("sync", "t")
    assert (done.status, done.out) == (3, "")
    assert done.err == f"git par: t: in the way in '{path}': .env\nhint: move them away, then git par sync t\n"
    assert (path / ".env").read_text() == "SECRET\n"
    assert world.git("status", "--porcelain", cwd=path) == ""


# removal


def test_files_in_the_directory_of_an_empty_submodule_are_seen(world: World) -> None:
    other = World(world.root, "other").init()
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other.repo), "sub")
    world.commit("submodule")
    world.git("config", "par.submodules", "off")
    path = world.landed()
    world.write("sub/notes.txt", "precious\n", path)
    done = world.par("remove", "t")
    assert done.status == 3
    assert done.err.startswith("left t: another repository or file system lies inside: sub\n")
    (path / "sub" / "notes.txt").unlink()
    world.ok("remove", "t")


@pytest.mark.parametrize("secret", ["services/target/.env", "node_modules/.env.local", "target/.env"])
def test_a_secret_is_kept_wherever_git_names_it(world: World, secret: str) -> None:
    world.write(".gitignore", ".env*\n")
    world.commit("ignore")
    path = world.landed()
    world.write(secret, "SECRET\n", path)
    world.ok("remove", "t")
    assert kept_files(world)[Path(secret).name] == "SECRET\n"


def test_an_ignored_file_beside_tracked_ones_is_kept_though_the_directory_is_called_target(world: World) -> None:
    world.write("target/code.py", "tracked\n")
    world.commit("target")
    path = world.landed()
    world.write("target/run.log", "log\n", path)
    world.ok("remove", "t")
    assert kept_files(world) == {"run.log": "log\n"}


def test_repositories_near_the_top_of_what_can_be_made_again_are_seen(world: World) -> None:
    world.write(".gitignore", ".venv/\n")
    world.commit("ignore")
    path = world.landed()
    inner = path / ".venv" / "src" / "lib"
    inner.mkdir(parents=True)
    world.git("init", "-q", cwd=inner)
    done = world.par("remove", "t")
    assert done.status == 3
    assert ".venv/src/lib\n" in done.err


def test_who_came_in_while_others_were_removed_is_seen(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.landed()
    real = reasons.find
    users: list[subprocess.Popen[bytes]] = []

    def late(*args: object) -> list[Reason]:
        found = real(*args)  # type: ignore[arg-type]
        users.append(subprocess.Popen([sys.executable, "-c", "input()"], cwd=path, stdin=subprocess.PIPE))
        return found

    monkeypatch.setattr(reasons, "find", late)
    done = world.par("remove", "t")
    users[0].communicate(b"\n")
    assert done.status == 3
    assert f"(process {users[0].pid})" in done.err
    assert (path / "t.txt").exists()
    world.check_sound()


def test_the_index_of_a_workspace_deleted_by_hand_is_kept(world: World) -> None:
    path = world.landed()
    world.write("staged", "only here\n", path)
    world.git("add", "staged", cwd=path)
    shutil.rmtree(path)
    world.ok("remove", "t")
    (ref,) = [
        ref for ref in world.git("for-each-ref", "--format=%(refname)", "refs/par/kept").splitlines() if "/index" in ref
    ]
    assert world.git("show", f"{ref}:staged") == "only here"


def test_commits_that_only_the_workspace_knows_are_kept(world: World) -> None:
    path = world.landed()
    tree = world.rev("HEAD^{tree}")
    lonely = world.git("commit-tree", tree, "-m", "lonely")
    world.git("update-ref", "refs/worktree/mine", lonely, cwd=path)
    world.ok("remove", "t")
    assert lonely in world.git("for-each-ref", "--format=%(objectname)", "refs/par/kept").splitlines()


def test_a_read_only_directory_is_kept_as_it_is(world: World) -> None:
    path = world.landed()
    (path / "build" / "deep").mkdir(parents=True)
    (path / "build" / "deep" / "x").write_text("made\n")
    (path / "build").chmod(0o555)
    done = world.ok("remove", "t")
    place = Path(done.err.rpartition(" in '")[2].removesuffix("'\n"))
    assert (place / "build" / "deep" / "x").read_text() == "made\n"
    assert (place / "build").stat().st_mode & 0o777 == 0o555


@pytest.mark.skipif(not AS_OWNER, reason="root reads everything, and there is no setpriv")
@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_a_directory_that_nobody_can_look_into_holds_a_task_back(world: World, kind: str) -> None:
    world.git("config", "par.isolation", kind)
    commands = [["remove", "--force", "t"], ["remove", "t"], ["prune"]]
    path = world.landed()
    precious = world.write("shut/precious", "work\n", path)
    precious.parent.chmod(0o000)
    for command in commands if kind == "worktree" else commands[:1]:
        done = world.process(*AS_OWNER, *PAR, *command)
        assert f"it cannot be checked: '{precious.parent}': what is in it cannot be read" in done.err
    precious.parent.chmod(0o755)
    assert precious.read_text() == "work\n"


@pytest.mark.skipif(not AS_OWNER, reason="root reads everything, and there is no setpriv")
def test_what_is_read_only_or_cannot_be_read_is_brought_back(world: World) -> None:
    path = world.landed()
    world.write("info/exclude", "cache\nshut\n", world.repo / ".git")
    world.write("cache/module/file", "made\n", path).chmod(0o444)
    world.write("shut", "work\n", path).chmod(0o000)
    for directory in ("cache/module", "cache"):
        (path / directory).chmod(0o555)
    assert world.process(*AS_OWNER, *PAR, "remove", "t").status == 0
    for name in ("t", "u"):  # what is kept is as it was, and can be brought back again
        assert world.process(*AS_OWNER, *PAR, "restore", "t", "--as", name).status == 0
        there = world.workspaces / name
        assert (there / "cache" / "module" / "file").read_text() == "made\n"
        modes = [(there / one).stat().st_mode & 0o777 for one in ("cache", "cache/module", "cache/module/file", "shut")]
        assert modes == [0o555, 0o555, 0o444, 0o000]


@pytest.mark.skipif(not AS_OWNER, reason="root writes everywhere, and there is no setpriv")
def test_a_file_that_cannot_be_moved_out_of_its_directory_holds_a_task_back(world: World) -> None:
    world.write("sub/tracked", "x\n")
    world.commit("sub")
    path = world.landed()
    file = world.write("sub/x.log", "log\n", path)
    file.parent.chmod(0o555)
    done = world.process(*AS_OWNER, *PAR, "remove", "t")
    assert (done.status, "left t: " in done.err, "Permission denied" in done.err) == (3, True, True), done
    assert file.read_text() == "log\n"
    assert file.parent.stat().st_mode & 0o777 == 0o555
    file.parent.chmod(0o755)
    world.ok("remove", "t")


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_commits_in_a_workspace_that_was_never_finished_hold_it(world: World, kind: str) -> None:
    world.git("config", "par.isolation", kind)
    path = world.task("t")
    world.record().write_text(world.record().read_text().replace('"active"', '"creating"'))
    show = f"git -C {path} log t" if kind == "clone" else "git log t"
    says = f"git par: t: it was never finished, and has commits\nhint: {show}\n"
    assert world.par("add", "t") == (2, "", says)
    for command in (["remove", "t"], ["prune"], ["doctor", "--fix"], ["remove", "--force", "t"], ["restore", "t"]):
        world.par(*command)
        assert (path / "t.txt").exists() == ("--force" not in command), command
    assert world.git("log", "-1", "--format=%s", "t", cwd=path) == "work of t"


def with_module(world: World) -> Path:
    """A task with a submodule in which there is a commit, an edit and an untracked file."""
    library = World(world.root, "library").init()
    allowed = ("-c", "protocol.file.allow=always")
    world.git(*allowed, "submodule", "--quiet", "add", str(library.repo), "lib/one")
    world.commit("submodule")
    (path,) = world.add("t")
    world.git(*allowed, "submodule", "--quiet", "update", "--init", cwd=path)
    world.commit("only here", cwd=path / "lib" / "one", new="new\n")
    world.write("new", "edited\n", path / "lib" / "one")
    world.write("untracked", "u\n", path / "lib" / "one")
    return path


def test_a_submodule_is_kept_with_its_commits_and_comes_back(world: World) -> None:
    path = with_module(world)
    module = path / "lib" / "one"
    before = [world.git(*ask, cwd=module) for ask in (["log", "--oneline"], ["status", "--porcelain"])]
    outside = world.git("status", "--porcelain", cwd=path)
    world.ok("remove", "--force", "t")
    assert not path.exists()
    world.git("gc", "--quiet", "--prune=now")
    world.ok("restore", "t")
    assert [world.git(*ask, cwd=module) for ask in (["log", "--oneline"], ["status", "--porcelain"])] == before
    assert world.git("status", "--porcelain", cwd=path) == outside


def test_a_submodule_is_back_in_place_when_its_workspace_cannot_be_kept(world: World) -> None:
    path = with_module(world)
    world.write(".gitattributes", "*.wide working-tree-encoding=UTF-16LE\n", path)
    world.write("odd.wide", "odd", path)
    assert world.par("remove", "--force", "t").status == 3
    assert (path / "lib" / "one" / "untracked").read_text() == "u\n"
    assert world.git("status", "--porcelain", cwd=path / "lib" / "one") == " M new\n?? untracked"
    assert not list((world.workspaces / ".par" / "kept").rglob("untracked"))


def test_modes_that_git_does_not_know_come_back(world: World) -> None:
    world.git("config", "core.fileMode", "false")
    (path,) = world.add("t")
    modes = {"key": 0o600, "script": 0o755, "all": 0o777, "a.txt": 0o640, "plain": 0o644}
    for name, mode in modes.items():
        world.write(name, f"{name}\n", path).chmod(mode)
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert {name: (path / name).stat().st_mode & 0o777 for name in modes} == modes
    assert {name: (path / name).read_text() for name in modes} == {name: f"{name}\n" for name in modes}


def crlf(world: World) -> None:
    world.write(".gitattributes", "* text=auto\n")


def lf_to_be_crlf(world: World) -> None:
    world.write(".gitattributes", "* text eol=crlf\n")


def a_setting(world: World) -> None:
    world.git("config", "core.autocrlf", "true")


def a_filter(world: World) -> None:
    world.git("config", "filter.strip.clean", "sed '/output/d'")
    world.write(".gitattributes", "* filter=strip\n")


def an_id(world: World) -> None:
    world.write(".gitattributes", "* ident\n")


@pytest.mark.parametrize("setup", [crlf, lf_to_be_crlf, a_setting, a_filter, an_id])
def test_files_that_git_changes_on_the_way_come_back_byte_by_byte(world: World, setup: Callable[[World], None]) -> None:
    setup(world)
    world.commit("attributes", tracked="text\n", staged="text\n")
    (path,) = world.add("t")
    wild = b"unix\ndos\r\noutput\n$Id: mine$\n"
    given = dict.fromkeys(("tracked", "staged", "deep/untracked", "odd\nname"), wild)
    given |= {"unix": b"a\nb\n", "dos": b"a\r\nb\r\n"}
    for name, text in given.items():
        world.write(name, "", path).write_bytes(text)
    world.git("add", "staged", cwd=path)
    before = world.git("status", "--porcelain", "--untracked-files=all", cwd=path)
    world.ok("remove", "--force", "t")
    world.git("gc", "--quiet", "--prune=now")
    world.ok("restore", "t")
    assert {name: (path / name).read_bytes() for name in given} == given
    assert world.git("status", "--porcelain", "--untracked-files=all", cwd=path) == before


def test_another_workspaces_directory_later_does_not_hold_the_old_ones_back(world: World) -> None:
    path = world.landed()
    world.write(".env", "SECRET\n", path)
    world.git("config", "par.directory", str(world.root / "elsewhere"))
    world.ok("remove", "t")
    assert kept_files(world) == {".env": "SECRET\n"}


# wrongly in


def test_sync_does_not_turn_a_reverted_landing_into_one_that_is_in(world: World) -> None:
    path = world.landed()
    world.git("revert", "--no-edit", "-m", "1", "HEAD")
    done = world.par("sync", "t")
    assert done.status == 1
    assert done.err.startswith("left t: main reverted it\nhint: ")
    assert (path / "t.txt").exists()
    assert world.listed("t")["state"] == "reverted"
    assert world.ok("prune").out == ""


@pytest.mark.parametrize("strategy", ["--no-ff", "--squash"])
def test_more_work_on_a_reverted_landing_does_not_come_home_without_the_rest(world: World, strategy: str) -> None:
    path = world.task("t")
    world.ok("merge", "t", strategy)
    world.git("revert", "--no-edit", *(["-m", "1"] if strategy == "--no-ff" else []), "HEAD")
    world.commit("more", cwd=path, more__txt="more\n")
    world.ok("merge", "t")
    assert {"t.txt", "more.txt"} <= set(world.git("ls-tree", "--name-only", "main").splitlines())
    assert world.listed("t")["state"] == "landed"


def test_a_stacked_task_is_in_where_it_landed(world: World) -> None:
    below = world.task("below")
    above = Path(world.ok("add", "above", cwd=below).out.strip())
    world.commit("above", cwd=above, above__txt="above\n")
    world.ok("merge", "--all")
    assert [world.listed(name)["state"] for name in ("below", "above")] == ["landed", "landed"]
    pruned = world.ok("prune")
    assert pruned.out == "removed below (merged)\nremoved above (merged)\n"


def test_merge_and_prune_of_all_is_done_when_only_new_tasks_stay(world: World) -> None:
    world.task("one")
    world.add("new")
    done = world.ok("merge", "--all", "--prune")
    assert "removed one" not in done.out
    assert world.branches() == ["main", "new"]


def test_a_merge_driver_does_not_decide_what_is_in(world: World) -> None:
    world.write(".git/info/attributes", "a.txt merge=ours\n")
    world.git("config", "merge.ours.driver", "true")
    world.task("t", a__txt="theirs\n")
    world.commit("ours", a__txt="ours\n")
    assert world.listed("t")["integrated"] is None
    assert world.ok("prune").out == ""


def test_bases_in_a_circle_do_not_keep_prune_busy(world: World) -> None:
    world.add("a", "b", "c")
    for name, base in (("a", "b"), ("b", "a"), ("c", "a")):
        record = world.record(name)
        record.write_text(record.read_text().replace('"base": "main"', f'"base": "{base}"'))
    world.commit("c", cwd=world.workspaces / "c", c__txt="c\n")
    assert world.ok("prune", "--new").out.startswith("removed a")


def test_several_bases_that_are_all_busy_end_with_4(world: World) -> None:
    import fcntl

    world.git("branch", "other")
    world.task("one")
    world.task("two")
    world.ok("set", "two", "--base", "other")
    world.git("config", "par.lockTimeout", "0")
    locks = world.repo / ".git" / "par" / "locks"
    with open(locks / "base-main", "w") as one, open(locks / "base-other", "w") as two:
        fcntl.flock(one, fcntl.LOCK_EX)
        fcntl.flock(two, fcntl.LOCK_EX)
        done = world.par("merge", "--all")
    assert done.status == 4
    assert done.out.count("not merged: ") == 2
