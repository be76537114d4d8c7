"""`copy` in a task file: what the worker must find, tracked, ignored or neither, and what becomes of that."""

import os
import shlex
from pathlib import Path

import pytest

from tests.running import carry_out
from tests.world import PAR as PROGRAM
from tests.world import Result, World

PAR = f"PYTHONPATH={shlex.quote(str(Path(__file__).parent.parent))} {shlex.join(PROGRAM)}"
"""`git par` of the source that is tested, for workers."""

ONE = """
[run]
command = '''{command}'''
[[task]]
name = "one"
copy = {copy}
"""


def one(world: World, command: str, *copy: str, more: str = "") -> Result:
    return carry_out(world, ONE.format(command=command, copy=list(copy)) + more)


def kept(world: World, task: str = "one") -> dict[str, str]:
    """What was moved aside of the files of `task`, with its content."""
    top = world.workspaces / ".par" / "kept" / task
    found = {}
    for file in top.rglob("*"):
        if file.is_file():
            found[file.relative_to(top).as_posix().partition("/files/")[2]] = file.read_text(errors="replace")
    return found


def loose(world: World) -> None:
    """Files of every kind in the main checkout that are in no commit."""
    (world.write("specs/mixer.md", "the spec\n")).chmod(0o640)
    os.utime(world.repo / "specs/mixer.md", (1_500_000_000, 1_500_000_000))
    world.write("notes.log", "ignored\n")
    world.write("build/out/lib.a", "built\n")
    (world.repo / "specs/link.md").symlink_to("mixer.md")


SEE = """set -e
stat -c '%a %Y' specs/mixer.md > seen
readlink specs/link.md >> seen
cat specs/mixer.md notes.log build/out/lib.a >> seen
test ! -e a.log
git status --porcelain >> seen
git add --all
git commit -qm work
"""


@pytest.mark.parametrize("kind", ["worktree", "clone", "spare", pytest.param("shared-clone", marks=pytest.mark.soak)])
def test_the_worker_finds_all_of_it_and_commits_none(world: World, kind: str) -> None:
    loose(world)
    world.write("a.log", "not asked for\n")
    if kind == "spare":
        world.git("config", "par.pool", "1")
        world.ok("pool", "fill")
    else:
        world.git("config", "par.isolation", kind)
    done = one(world, SEE, "specs/*.md", "notes.log", "build", "a.txt")
    assert done.status == 0, done
    assert "one: copied specs/link.md, specs/mixer.md, build/ and 1 more\n" in done.err
    assert (world.repo / "seen").read_text() == "640 1500000000\nmixer.md\nthe spec\nignored\nbuilt\n?? seen\n"
    assert world.git("show", "--format=", "--name-only", "main^2").split() == ["seen"]
    assert "untracked" not in done.err
    assert not (world.workspaces / "one").exists()
    assert world.git("status", "--porcelain") == "?? specs/"
    assert (
        not (world.repo / ".git/info/exclude").exists() or "specs" not in (world.repo / ".git/info/exclude").read_text()
    )
    assert kept(world)["specs/mixer.md"] == "the spec\n"


def test_what_git_par_commits_itself_has_no_copies_and_a_changed_one_is_kept(world: World) -> None:
    loose(world)
    done = one(world, "echo mine >> specs/mixer.md; echo mine > specs/own.md", "specs", "build/")
    assert done.status == 0, done
    assert "one: it changed its copy of specs/mixer.md, which is not merged and goes to what is kept" in done.err
    assert world.git("show", "--format=", "--name-only", "main^2").split() == ["specs/own.md"]
    assert (world.repo / "specs/mixer.md").read_text() == "the spec\n"
    assert kept(world)["specs/mixer.md"] == "the spec\nmine\n"
    path = Path(world.ok("restore", "one").out.strip())
    assert (path / "specs/mixer.md").read_text() == "the spec\nmine\n"


def test_no_object_is_made_of_a_copy_even_by_force(world: World) -> None:
    world.write("specs/key.md", "top secret\n")
    more = "[run]\non_failure = 'remove'\n"
    text = ONE.format(command="echo secret too >> specs/key.md; echo x > x; exit 1", copy=["specs/key.md"])
    done = carry_out(world, text.replace("[run]\n", more))
    assert done.status == 1, done
    assert not (world.workspaces / "one").exists()
    assert kept(world)["specs/key.md"] == "top secret\nsecret too\n"
    objects = world.git("cat-file", "--batch-all-objects", "--batch-check=%(objecttype) %(objectname)").splitlines()
    blobs = [line.split()[1] for line in objects if line.startswith("blob")]
    assert blobs
    assert not any("secret" in world.git("cat-file", "blob", blob) for blob in blobs)


def test_a_copy_is_no_foreign_change(world: World) -> None:
    loose(world)
    text = ONE.format(command=f"{PAR} list --json > own.txt; git add -A; git commit -qm w", copy=["specs/mixer.md"])
    done = carry_out(world, text + 'creates = ["own.txt"]\n', "--json")
    assert done.status == 0, done
    assert '"foreign": []' in (world.repo / "own.txt").read_text()


def test_a_file_of_ones_own_ignore_file_stays_ignored(world: World) -> None:
    world.write(".config/git/ignore", "*.bak", world.root / "home")
    world.write("specs/a b[1]!.md", "spec\n")
    done = one(world, "touch x.bak y; git add -A; git commit -qm w", "specs/a b[[]1]!.md")
    assert done.status == 0, done
    assert world.git("show", "--format=", "--name-only", "main^2").split() == ["y"]
    world.write("mine.txt", "x*.txt\n", world.root)
    world.git("config", "core.excludesFile", str(world.root / "mine.txt"))
    done = one(world, "touch x.bak x1.txt; git add -A; git commit -qm w", "specs")
    assert done.status == 0, done
    assert world.git("show", "--format=", "--name-only", "main^2").split() == ["x.bak"]


def test_what_is_nowhere_is_one_of_all_that_is_wrong(world: World) -> None:
    world.write("sub/nested/x", "x\n")
    world.git("init", "-q", cwd=world.repo / "sub/nested")
    world.write("shut.txt", "x\n").chmod(0)
    text = """
        [run]
        command = "true"
        [[task]]
        name = "one"
        copy = ["specs/mixer.md", "a.txt", "*.nix", "!other", "sub/nested/x"]
        [[task]]
        name = "two"
        copy = ["made/later.md", "shut.txt"]
        creates = ["a.txt"]
        [[task]]
        name = "three"
        needs = ["two"]
        copy = ["a.txt", "made/by/one.md"]
        [[task]]
        name = "four"
        creates = ["made/by/one.md"]
        """
    world.ok("add", "two")
    before = world.git("for-each-ref")
    done = carry_out(world, text)
    assert done.status == 2
    top = world.repo
    unreadable = [] if os.geteuid() == 0 else [f"task 'two': copy: 'shut.txt': '{top}/shut.txt' cannot be read"]
    lines = done.err.splitlines()
    assert lines[0] == f"git par: run: {5 + len(unreadable)} things are in the way; nothing was done"
    wrong = [line.strip() for line in lines if "task '" in line]
    assert wrong == [
        "task 'two': name: there is a task of that name",
        f"task 'one': copy: 'specs/mixer.md': nothing is called so, neither tracked nor in '{top}'",
        f"task 'one': copy: '*.nix': nothing is called so, neither tracked nor in '{top}'",
        f"task 'one': copy: 'sub/nested/x': nothing is called so, neither tracked nor in '{top}'",
        f"task 'two': copy: 'made/later.md': nothing is called so, neither tracked nor in '{top}'",
        *unreadable,
    ]
    assert world.git("for-each-ref") == before


def test_exceptions_hold_in_ignored_directories_too(world: World) -> None:
    for name in ("build/a/x.md", "build/a/y.md", "build/b/x.md", "specs/x.md", "specs/y.md"):
        world.write(name, name)
    done = one(world, "find build specs -type f | sort > found", "build/", "specs", "!y.md", "!build/b/")
    assert done.status == 0, done
    assert (world.repo / "found").read_text().split() == ["build/a/x.md", "build/a/y.md", "specs/x.md", "specs/y.md"]
    done = one(world, "find build specs -type f | sort > found", "build/", "specs", "!**/y.md", "!build/b/")
    assert done.status == 0, done
    assert (world.repo / "found").read_text().split() == ["build/a/x.md", "specs/x.md"]


def test_what_the_base_has_is_not_taken_from_the_checkout(world: World) -> None:
    world.git("branch", "other")
    path = world.root / "there"
    world.git("worktree", "add", "-q", str(path), "other")
    world.commit("spec", cwd=path, spec__md="of the base\n")
    world.git("worktree", "remove", str(path))
    world.write("spec.md", "of the checkout\n")
    text = ONE.format(command="cat spec.md > seen", copy=["spec.md"]).replace("[run]", '[run]\nbase = "other"')
    done = carry_out(world, text)
    assert done.status == 0, done
    assert "one: left spec.md: something else is there" in done.err
    assert world.git("show", "other:seen") == "of the base"
    assert world.git("show", "other:spec.md") == "of the base"


def test_what_went_before_a_later_level_fails_that_task_alone(world: World) -> None:
    world.write("spec.md", "spec\n")
    text = f"""
        [run]
        command = "echo done > $GIT_PAR_TASK"
        [[task]]
        name = "one"
        command = "echo done > one; rm -f '{world.repo}/spec.md'"
        [[task]]
        name = "two"
        needs = ["one"]
        copy = ["spec.md"]
        [[task]]
        name = "three"
        level = 2
        [[task]]
        name = "four"
        needs = ["two"]
        """
    done = carry_out(world, text)
    assert done.status == 1, done
    assert "two: failed: copy: 'spec.md': nothing is called so" in done.err
    assert "four: skipped: it needs 'two', which failed" in done.err
    assert world.git("ls-files").split() == [".gitignore", "a.txt", "one", "three"]
    assert world.ok("list", "--json").json["tasks"] == []
    world.write("spec.md", "spec\n")
    done = world.par("run", "--resume")
    assert done.status == 0, done
    assert world.git("ls-files").split() == [".gitignore", "a.txt", "four", "one", "three", "two"]


def test_links_lead_nobody_out_and_into_nothing(world: World) -> None:
    world.write("secret.md", "outside\n", world.root / "elsewhere")
    (world.repo / "out").symlink_to(world.root / "elsewhere")
    done = one(world, "true", "out/secret.md")
    assert done.status == 2
    done = one(world, "readlink out > seen", "out")
    assert done.status == 0, done
    assert (world.repo / "seen").read_text() == f"{world.root}/elsewhere\n"


def test_a_bare_repository_has_what_is_tracked(world: World) -> None:
    bare = world.root / "bare.git"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    world.write("tasks.toml", ONE.format(command="cp a.txt b.txt", copy=["a.txt", "b.md"]), world.root)
    done = world.par("run", "../tasks.toml", cwd=bare)
    assert done.status == 2
    assert "'b.md': nothing tracked is called so, and there is no main checkout to copy from" in done.err
    world.write("tasks.toml", ONE.format(command="cp a.txt b.txt", copy=["a.txt"]), world.root)
    assert world.par("run", "../tasks.toml", cwd=bare).status == 0
    assert "b.txt" in world.git("ls-tree", "--name-only", "main", cwd=bare)


def test_prune_and_remove_treat_copies_alike(world: World) -> None:
    world.write("spec.md", "spec\n")
    text = ONE.format(command="echo x > x", copy=["spec.md"]).replace("[run]", '[run]\ncleanup = "never"')
    assert carry_out(world, text + 'creates = ["x"]\n').status == 0
    path = world.workspaces / "one"
    assert world.listed("one")["foreign"] == []
    world.write("spec.md", "changed\n", path)
    world.write("later.md", "mine\n", path)
    assert "untracked files: later.md" in world.par("prune").err + world.par("prune").out
    (path / "later.md").unlink()
    world.ok("prune")
    assert not path.exists()
    assert kept(world)["spec.md"] == "changed\n"
