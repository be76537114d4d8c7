"""A snapshot holds all that stands in a workspace, and nothing of the workspace is touched."""

import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from git_par import names
from git_par.errors import GitFailed, Refused
from git_par.git import Git
from git_par.workspaces import snapshot
from git_par.workspaces.snapshot import Snapshot
from tests.histories import History, Tree, fast_import, put, somewhere, text
from tests.world import World


def take(world: World, *, ignored: bool = False, secret: Callable[[str], bool] = names.is_secret) -> Snapshot:
    git = Git(world.repo, (f"--git-dir={world.repo / '.git'}", f"--work-tree={world.repo}"))
    return snapshot.take(git, world.repo / ".git", message="as it stood", ignored=ignored, secret=secret)


def content(world: World, taken: Snapshot, path: str) -> str:
    return world.git("cat-file", "blob", f"{taken.commit}:{path}")


def paths(world: World, taken: Snapshot) -> list[str]:
    assert taken.commit
    return world.git("ls-tree", "-r", "-z", "--name-only", taken.commit).split("\0")[:-1]


def state(world: World) -> dict[str, tuple[int, bytes]]:
    """Every file of checkout and repository but the objects, with its time and content."""
    return {
        str(file.relative_to(world.repo)): (file.lstat().st_mtime_ns, file.read_bytes())
        for file in sorted(world.repo.rglob("*"))
        if file.is_file() and not file.is_symlink() and "objects" not in file.parts
    }


def objects(world: World) -> set[str]:
    return {str(file) for file in (world.repo / ".git" / "objects").rglob("*") if file.is_file()}


def test_a_clean_workspace_is_its_own_commit(world: World) -> None:
    before = objects(world)
    assert take(world) == Snapshot(world.rev("HEAD"), world.rev("HEAD"), "main")
    assert objects(world) == before


def test_everything_that_stands_there_is_in_it_and_nothing_is_touched(world: World) -> None:
    world.commit("more", gone__txt="gone\n", staged__txt="old\n", both__txt="old\n")
    world.write("staged.txt", "staged\n")
    world.write("new.txt", "new\n")
    world.write("both.txt", "staged\n")
    world.git("add", "staged.txt", "new.txt", "both.txt")
    world.write("both.txt", "and changed\n")
    world.write("a.txt", "changed\n")
    world.write("deep/er/untracked", "untracked\n")
    world.write('new\nline "x"', "odd\n")
    world.write("build/out", "ignored\n")
    (world.repo / "gone.txt").unlink()
    before, head = state(world), world.rev("HEAD")
    taken = take(world)
    assert state(world) == before
    assert (taken.head, taken.left) == (head, ())
    assert world.git("log", "-1", "--format=%P %an <%ae> %s", str(taken.commit)) == (
        f"{head} git-par <git-par@localhost> as it stood"
    )
    assert paths(world, taken) == sorted(
        [".gitignore", "a.txt", "both.txt", "deep/er/untracked", 'new\nline "x"', "new.txt", "staged.txt"]
    )
    assert content(world, taken, "a.txt") == "changed"
    assert content(world, taken, "both.txt") == "and changed"
    assert content(world, taken, "staged.txt") == "staged"
    assert "build/out" in paths(world, take(world, ignored=True))
    assert state(world) == before


def test_a_change_in_the_very_moment_of_the_last_add_is_not_missed(world: World) -> None:
    index = world.repo / ".git" / "index"
    world.write("a.txt", "AAAA\n")
    world.git("add", "a.txt")
    world.write("a.txt", "BBBB\n")
    moment = index.stat().st_mtime_ns
    os.utime(world.repo / "a.txt", ns=(moment, moment))
    os.utime(index, ns=(moment, moment))
    assert content(world, take(world), "a.txt") == "BBBB"


@pytest.mark.parametrize("seed", range(25))
def test_it_is_what_git_add_would_make_of_it(world: World, seed: int) -> None:
    dice = random.Random(seed)
    history = History(dice)
    tree: Tree = {}
    for _ in range(8):
        put(tree, somewhere(dice), ("100644", text(dice)))
    steps = [history.grow(history.commit(tree), 1)]
    steps += [history.grow(steps[0], 3), history.grow(steps[0], 4)]
    history.branches = {"committed": steps[0], "staged": steps[1], "standing": steps[2]}
    fast_import(world, history)
    world.git("checkout", "-q", "-f", "--detach", "committed")
    if seed % 3:
        world.git("read-tree", "staged")
    for file in world.repo.iterdir():
        if file.name != ".git":
            world.process("rm", "-rf", str(file))
    index = {"GIT_INDEX_FILE": str(world.root / "index")}
    world.git("read-tree", "standing", env=index)
    world.git("checkout-index", "--all", "--force", env=index)
    (world.root / "index").write_bytes((world.repo / ".git" / "index").read_bytes())
    world.git("add", "--all", env=index)
    expected = world.git("write-tree", env=index)
    before = state(world)
    taken = take(world)
    assert world.rev(f"{taken.commit}^{{tree}}") == expected
    assert state(world) == before


def test_modes_and_links_survive(world: World) -> None:
    world.write("run", "#!/bin/sh\n").chmod(0o755)
    (world.repo / "a.txt").chmod(0o755)
    (world.repo / "link").symlink_to("nowhere")
    taken = take(world)
    modes = dict(line.split("\t")[::-1] for line in world.git("ls-tree", str(taken.commit)).splitlines())
    assert {name: mode[:6] for name, mode in modes.items()} == {
        ".gitignore": "100644",
        "a.txt": "100755",
        "link": "120000",
        "run": "100755",
    }


def test_secrets_never_enter_the_object_database(world: World) -> None:
    world.write(".gitignore", "")
    world.commit("tracked", _envx="x\n")
    world.write("deep/.env.local", "SECRET=1\n")
    world.write(".env", "SECRET=2\n")
    world.write(".envrc", "SECRET=3\n")
    world.write("token", "SECRET=4\n")
    world.git("add", "--intent-to-add", ".envrc")
    for ignored in (False, True):
        taken = take(world, ignored=ignored)
        assert set(taken.left) == {".env", ".envrc", "deep/.env.local"}
        assert paths(world, taken) == [".gitignore", "_envx", "a.txt", "token"]
    for secret in ("SECRET=1", "SECRET=2", "SECRET=3"):
        oid = world.process("sh", "-c", f"printf '{secret}\\n' | git hash-object --stdin").out.strip()
        assert world.try_git("cat-file", "-e", oid).status
    assert take(world, secret=lambda path: ".env" in path or path == "token").commit == world.rev("HEAD")
    assert set(take(world, secret=lambda path: path == "token").left) == {"token"}


def test_an_ignored_secret_stays_out_when_ignored_files_are_asked_for(world: World) -> None:
    world.write(".env", "SECRET\n")
    world.write("build/deep/.env.test", "SECRET\n")
    world.write("build/deep/out", "out\n")
    taken = take(world, ignored=True)
    assert set(taken.left) == {".env", "build/deep/.env.test"}
    assert paths(world, taken) == [".gitignore", "a.txt", "build/deep/out"]


def test_a_tracked_file_called_like_a_secret_is_no_secret(world: World) -> None:
    world.write(".env.example", "KEY=\n")
    world.git("add", "-f", ".env.example")
    world.commit("example")
    world.write(".env.example", "KEY=value\n")
    assert content(world, take(world), ".env.example") == "KEY=value"


def test_repositories_inside_stay_out_and_are_named(world: World) -> None:
    inner, built = world.repo / "inner", world.repo / "build" / "inner"
    for place in (inner, built):
        place.mkdir(parents=True)
        world.git("init", "-q", cwd=place)
        world.write("file", "inside\n", cwd=place)
        world.commit("inside", cwd=place)
    world.write("beside", "x\n")
    taken = take(world, ignored=True)
    assert set(taken.left) == {"inner/", "build/inner/"}
    assert paths(world, taken) == [".gitignore", "a.txt", "beside"]


def test_of_a_submodule_the_commit_is_in_it_and_the_rest_is_named(world: World) -> None:
    inner = world.repo / "inner"
    inner.mkdir()
    world.git("init", "-q", cwd=inner)
    world.commit("inside", cwd=inner, file="1\n")
    world.git("add", "inner")
    world.git("commit", "-qm", "with a submodule")
    moved = world.commit("more", cwd=inner, file="2\n")
    taken = take(world)
    assert taken.left == ("inner/",)
    assert world.rev(f"{taken.commit}:inner") == moved
    world.git("commit", "-qam", "moved")
    world.write("file", "dirty\n", cwd=inner)
    assert take(world) == Snapshot(world.rev("HEAD"), world.rev("HEAD"), "main", ("inner/",))


def test_files_that_became_directories_and_the_other_way_round(world: World) -> None:
    world.write("dir/one", "1\n")
    world.write("dir/two", "2\n")
    world.commit("more", file="file\n")
    (world.repo / "file").unlink()
    world.write("file/inside", "inside\n")
    world.process("rm", "-r", "dir")
    world.write("dir", "now a file\n")
    taken = take(world)
    assert paths(world, taken) == [".gitignore", "a.txt", "dir", "file/inside"]


@pytest.mark.parametrize("ignored", [False, True])
def test_a_directory_that_became_a_link_is_the_link(world: World, ignored: bool) -> None:
    world.write("dir/deep/one", "1\n")
    world.write("there/deep/one", "other\n")
    if ignored:
        world.write(".gitignore", "/dir\n")
        world.git("add", "-f", "dir")
    world.commit("more")
    world.process("rm", "-r", "dir")
    (world.repo / "dir").symlink_to("there")
    taken = take(world)
    assert paths(world, taken) == [".gitignore", "a.txt", *([] if ignored else ["dir"]), "there/deep/one"]


def test_of_an_unmerged_index_it_takes_what_stands_in_the_working_tree(world: World) -> None:
    world.commit("both", gone__txt="1\n")
    world.git("switch", "-qc", "other")
    theirs = world.commit("theirs", a__txt="theirs\n", gone__txt="2\n", their__txt="x\n")
    world.git("switch", "-q", "main")
    (world.repo / "gone.txt").unlink()
    ours = world.commit("ours", a__txt="ours\n")
    assert world.try_git("merge", "other").status == 1
    (world.repo / "gone.txt").unlink(missing_ok=True)
    before = state(world)
    taken = take(world)
    assert state(world) == before
    assert content(world, taken, "a.txt").splitlines()[0] == "<<<<<<< HEAD"
    assert paths(world, taken) == [".gitignore", "a.txt", "their.txt"]
    assert world.git("log", "-1", "--format=%P", str(taken.commit)) == f"{ours} {theirs}"


def test_nothing_committed_yet(world: World) -> None:
    world.git("switch", "-q", "--orphan", "empty")
    (world.repo / "a.txt").unlink(missing_ok=True)
    for file in world.repo.glob(".gitignore"):
        file.unlink()
    assert take(world) == Snapshot(None, None, "empty")
    world.write("first", "1\n")
    taken = take(world)
    assert paths(world, taken) == ["first"]
    assert world.git("log", "-1", "--format=%P", str(taken.commit)) == ""


@pytest.mark.parametrize("commits", [1, 100])
def test_a_commit_made_meanwhile_is_under_it(world: World, monkeypatch: pytest.MonkeyPatch, commits: int) -> None:
    world.write("a.txt", "changed\n")
    split, made = snapshot.split, list[str]()

    def late(top: Path, wanted: Sequence[str]) -> tuple[list[str], list[str]]:
        if len(made) < commits:
            made.append(world.git("commit", "-q", "--allow-empty", "-m", "late"))
        return split(top, wanted)

    monkeypatch.setattr(snapshot, "split", late)
    if commits > 1:
        with pytest.raises(Refused, match="commits are being made there right now"):
            take(world)
        return
    taken = take(world)
    assert taken.commit != taken.head == world.rev("HEAD") == world.git("rev-parse", f"{taken.commit}^")
    assert content(world, taken, "a.txt") == "changed"


def test_filters_and_line_ends_are_those_of_git_add(world: World) -> None:
    world.write(".gitattributes", "*.up filter=up\n*.crlf text\n")
    world.commit("attributes")
    world.git("config", "filter.up.clean", "tr a-z A-Z")
    world.git("config", "core.safecrlf", "true")
    world.write("x.up", "shout\n")
    (world.repo / "x.crlf").write_bytes(b"one\ntwo\r\n")
    taken = take(world)
    assert content(world, taken, "x.up") == "SHOUT"
    assert world.process("git", "cat-file", "blob", f"{taken.commit}:x.crlf").out == "one\ntwo\n"


def test_no_hook_runs_and_no_monitor_is_asked(world: World) -> None:
    for name in ("post-index-change", "pre-commit", "reference-transaction"):
        world.hook(name, "touch ../ran ran")
    world.git("config", "core.fsmonitor", "touch ran; false")
    world.git("config", "core.splitIndex", "true")
    world.git("update-index", "--no-split-index")
    (world.repo / "ran").unlink(missing_ok=True)
    world.write("new", "new\n")
    before = state(world)
    assert "new" in paths(world, take(world))
    assert state(world) == before


def test_a_split_index_is_read_and_left_as_it_is(world: World) -> None:
    world.git("update-index", "--split-index")
    world.write("new", "new\n")
    before = state(world)
    assert paths(world, take(world)) == [".gitignore", "a.txt", "new"]
    after = state(world)
    # Every git that reads it marks the common part as still in use, by its time.
    assert {name: known[1] for name, known in after.items()} == {name: known[1] for name, known in before.items()}
    assert after[".git/index"] == before[".git/index"]


def test_what_lies_outside_of_a_sparse_checkout_stays_in_it(world: World) -> None:
    world.write("in/file", "1\n")
    world.write("out/file", "1\n")
    world.commit("two directories")
    world.git("sparse-checkout", "set", "--sparse-index", "in")
    world.write("in/new", "new\n")
    world.write("out/untracked", "new\n")
    assert not (world.repo / "out" / "file").exists()
    taken = take(world)
    assert paths(world, taken) == [".gitignore", "a.txt", "in/file", "in/new", "out/file", "out/untracked"]


def test_with_another_object_directory_nothing_is_written_into_the_repository(world: World) -> None:
    elsewhere = world.root / 'else"where: \\ there'
    elsewhere.mkdir()
    moved = World(world.root, 'odd": repo')
    moved.init()
    moved.write("new", "new\n")
    before = objects(moved)
    git = Git(moved.repo, (f"--git-dir={moved.repo / '.git'}", f"--work-tree={moved.repo}"))
    apart = git.writing_to(elsewhere, moved.repo / ".git" / "objects")
    taken = snapshot.take(apart, moved.repo / ".git", message="x")
    assert objects(moved) == before
    assert taken.commit
    assert moved.try_git("cat-file", "-e", taken.commit).status
    assert apart.fields("ls-tree", "-z", "--name-only", taken.commit) == [".gitignore", "a.txt", "new"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_cannot_be_read_is_an_error(world: World) -> None:
    world.write("locked", "x\n").chmod(0)
    with pytest.raises(GitFailed):
        take(world)


def test_what_is_neither_file_nor_link_is_named(world: World) -> None:
    (world.repo / "a.txt").unlink()
    os.mkfifo(world.repo / "a.txt")
    taken = take(world)
    assert taken.left == ("a.txt",)
    assert taken.commit == world.rev("HEAD")


def test_the_temporary_index_is_gone_afterwards(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    world.write("new", "new\n")
    take(world)
    assert list(place.iterdir()) == []
