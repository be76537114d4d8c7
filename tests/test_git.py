"""The door to git: what an environment, a configuration or a hook may do to us, and what it may not."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from git_par import git
from git_par.environ import REPO_VARS
from git_par.errors import GitFailed
from git_par.git import Git, Reply
from tests.world import World, script


def test_every_variable_that_points_git_at_a_repository_is_known() -> None:
    listed = subprocess.run(["git", "rev-parse", "--local-env-vars"], capture_output=True, text=True, check=True)
    users_own = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    assert set(listed.stdout.split()) - users_own <= REPO_VARS


def test_an_inherited_repository_does_not_win_over_the_directory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    other = World(world.root, "other").init()
    other.commit("second", b="b")
    monkeypatch.setenv("GIT_DIR", str(other.repo / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other.repo))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other.repo / ".git" / "index"))
    monkeypatch.setenv("GIT_PREFIX", "sub/")
    assert Git(world.repo).line("rev-parse", "--show-toplevel") == str(world.repo)
    assert Git(world.repo).fields("ls-files", "-z") == [".gitignore", "a.txt"]
    assert git.discover(world.repo, "ls-files").out == ".gitignore\na.txt\nb\n"


def test_an_inherited_index_is_left_alone_by_a_whole_life(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    index = world.root / "index"
    index.write_bytes((world.repo / ".git" / "index").read_bytes())
    before = index.read_bytes()
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    world.ok("add", "t")
    monkeypatch.delenv("GIT_INDEX_FILE")
    world.commit("work", cwd=world.workspaces / "t", t="t")
    monkeypatch.setenv("GIT_INDEX_FILE", str(index))
    world.ok("merge", "t")
    world.ok("prune")
    assert index.read_bytes() == before


SWEEP = """
import os, sys, time
print("ready", flush=True)
while True:
    try:
        os.rmdir(sys.argv[1])
    except OSError:
        continue
    time.sleep(0.02)
"""


def test_an_object_is_made_although_a_gc_removes_the_directory_made_for_it(world: World) -> None:
    """As `git gc` does with empty ones; the directory goes at once, and then stays for as long as git needs it."""
    oid = Git(world.repo).line("hash-object", "--stdin", feed="x")
    directory = world.repo / ".git" / "objects" / oid[:2]
    with subprocess.Popen([sys.executable, "-c", SWEEP, directory], stdout=subprocess.PIPE) as sweeping:
        assert sweeping.stdout is not None
        sweeping.stdout.readline()
        try:
            for _ in range(15):
                assert Git(world.repo).line("hash-object", "-w", "--stdin", feed="x") == oid
                (directory / oid[2:]).unlink()
                time.sleep(0.04)  # until it is removed, and the next is waited for
        finally:
            sweeping.kill()


def test_pathspec_settings_of_the_user_do_not_change_our_questions(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_LITERAL_PATHSPECS", "GIT_EXTERNAL_DIFF", "GIT_ATTR_SOURCE"):
        monkeypatch.setenv(name, "1")
    assert Git(world.repo).fields("ls-files", "-z", "--", ":(glob)*.txt") == ["a.txt"]


def test_paths_that_are_no_text_make_the_round_trip(world: World) -> None:
    name = os.fsdecode(b"caf\xe9\n\xff.txt")
    (world.repo / name).write_text("x")
    here = Git(world.repo)
    here.run("add", "--", name)
    assert name in here.fields("ls-files", "-z")
    assert here.run("hash-object", "--stdin", feed=name).out == (
        here.run("hash-object", "--stdin", feed=os.fsdecode(os.fsencode(name))).out
    )
    assert here.line("rev-parse", f":{name}") == here.line("hash-object", "--stdin", feed="x")


def test_what_the_user_sets_for_one_command_reaches_ours(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'par.test'='from -c'")
    assert Git(world.repo).line("config", "par.test") == "from -c"
    monkeypatch.delenv("GIT_CONFIG_PARAMETERS")
    for name, value in (("COUNT", "1"), ("KEY_0", "par.test"), ("VALUE_0", "from the environment")):
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert Git(world.repo).line("config", "par.test") == "from the environment"


def test_hooks_run_only_when_they_are_asked_for(world: World) -> None:
    ran = world.root / "ran"
    for hook in ("reference-transaction", "post-checkout", "pre-commit"):
        world.hook(hook, f"echo {hook} >>'{ran}'")
    here = Git(world.repo)
    here.run("update-ref", "refs/heads/x", "HEAD")
    here.run("commit", "--quiet", "--allow-empty", "-m", "x")
    assert not ran.exists()
    here.run("update-ref", "refs/heads/y", "HEAD", hooks=True)
    assert set(ran.read_text().split()) == {"reference-transaction"}


@pytest.mark.parametrize("verb", ["list", "merge", "remove"])
def test_a_program_named_by_the_configuration_never_answers_for_the_files(world: World, verb: str) -> None:
    path = world.task("t")
    ran = world.root / "ran"
    liar = script(world.root / "liar", f"touch '{ran}'; printf '1\\0'")
    world.git("update-index", "--fsmonitor", cwd=path)
    world.git("config", "core.fsmonitor", str(liar))
    world.git("status", cwd=path)
    assert ran.exists()  # git itself asks it
    ran.unlink()
    (path / "a.txt").write_text("changed\n")
    done = world.par(verb, *(["--json"] if verb == "list" else ["t"]))
    assert not ran.exists()
    assert (path / "a.txt").read_text() == "changed\n"
    if verb == "list":
        assert done.json["tasks"][0]["dirty"]["changed"] == 1
    else:
        assert done.status in (1, 3)


def test_no_answer_in_time_ends_the_whole_process_group(world: World) -> None:
    pid = world.root / "pid"
    slow = Git(world.repo, ("-c", f"alias.slow=!echo $$ >'{pid}'; sleep 300 & sleep 300; :"))
    with pytest.raises(GitFailed) as caught:
        slow.run("slow", timeout=1.0)
    assert caught.value.message == "git slow: no answer within 1 s"
    group = int(pid.read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{group}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            break
        if state == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("the child of git still runs")


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ("warning: x\nfatal: it broke\nhint: do that\n", "git frob: it broke"),
        ("error: first\nfatal: second\n", "git frob: second"),
        ("some words\nlast words\n", "git frob: last words"),
        ("", "git frob: exit status 7"),
    ],
)
def test_what_git_says_becomes_one_line(said: str, message: str) -> None:
    error = git.failed(["--no-pager", "frob", "x"], Reply(7, "", said))
    assert error.message == message
    assert error.status == 5
    assert "\n" not in error.hint


def test_a_status_that_means_nothing_to_the_caller_is_a_failure(world: World) -> None:
    here = Git(world.repo)
    assert here.holds("merge-base", "--is-ancestor", "HEAD", "HEAD")
    with pytest.raises(GitFailed) as caught:
        here.holds("merge-base", "--is-ancestor", "HEAD", "no-such")
    assert caught.value.message == "git merge-base: Not a valid object name no-such"
    assert here.commit("HEAD") == world.rev("HEAD")
    for nothing in ("no-such", "HEAD:a.txt", "-x", "--all", ""):
        assert here.commit(nothing) is None


def test_a_directory_that_is_gone_is_named(world: World) -> None:
    with pytest.raises(GitFailed) as caught:
        Git(world.root / "gone").run("version")
    assert caught.value.message == f"{world.root / 'gone'}: not found"


def test_without_git_we_say_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(world.root / "empty"))
    done = world.par("list")
    assert done == (5, "", "git par: git: not found\nhint: install git, or go to a directory that exists\n")


def test_a_descriptor_is_carried_to_git_only_inside_the_block(world: World) -> None:
    with open(world.root / "lock", "w") as lock:
        shows = Git(world.repo, ("-c", f"alias.fd=!test -e /proc/self/fd/{lock.fileno()} || exit 1; exit 0"))
        assert not shows.holds("fd")
        with git.carrying(lock.fileno()):
            assert shows.holds("fd")
        assert not shows.holds("fd")


def test_a_failure_is_told_by_the_command_and_not_by_its_settings() -> None:
    failed = git.failed(
        ["-c", "core.splitIndex=false", "-c", "a.b=c", "update-index", "x"], Reply(128, "", "fatal: no\n")
    )
    assert failed.message == "git update-index: no"


def test_an_index_over_packs_of_which_one_is_gone_hides_nothing(world: World) -> None:
    """What a `git gc` leaves when git's maintenance writes that index at the same time; git itself then misses objects."""
    path = world.task("one")
    world.git("config", "maintenance.auto", "false")
    store = world.repo / ".git/objects/pack"
    listed = world.write("objects", world.git("rev-list", "--objects", "--all") + "\n", world.root)
    pack = 'git pack-objects -q --no-reuse-object --compression="$1" "$2"/pack <"$3"'
    first, second = (
        world.process("sh", "-c", pack, "sh", level, str(store), str(listed)).out.strip() for level in ("0", "9")
    )
    world.git("prune-packed")
    world.git("multi-pack-index", "write", f"--preferred-pack=pack-{first}.pack")
    for file in store.glob(f"pack-{first}.*"):
        file.unlink()
    assert (first != second, world.try_git("log").status) == (True, 128)
    assert world.ok("list", "--json").json["tasks"][0]["ahead"] == 1
    world.ok("add", "two")
    world.ok("merge", "one")
    assert world.ok("prune", "--new").out == "removed one (merged)\nremoved two (nothing was committed in it)\n"
    assert not path.exists()
