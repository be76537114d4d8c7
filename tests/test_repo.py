"""Where git-par can be called from, and where it then works."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from git_par.discovery import find
from tests.world import Result, World, edited, script


@pytest.fixture
def on_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`git par` works, in real processes."""
    here = Path(__file__).parent.parent
    script(tmp_path / "bin" / "git-par", f"PYTHONPATH='{here}' exec '{sys.executable}' -m git_par \"$@\"")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")


def live(
    world: World,
    cwd: Path,
    workspaces: Path,
    *git: str,
    name: str = "t",
    env: Mapping[str, str] | None = None,
    base: str = "main",
) -> None:
    """A task's whole life, called from `cwd`: its workspace lies in `workspaces`, its commit comes home, all is removed."""
    path = workspaces / name
    added = world.try_git(*git, "par", "add", name, cwd=cwd, env=env)
    assert added.out == f"{path}\n", added
    assert world.git(*git, "par", "path", name, cwd=cwd, env=env) == str(path)
    assert world.git("status", "--porcelain", cwd=path) == ""
    tip = world.commit(f"work of {name}", cwd=path, **{f"{name}__txt": name})
    assert world.git("symbolic-ref", "HEAD", cwd=path) == f"refs/heads/{name}"
    merged = world.try_git(*git, "par", "merge", name, cwd=cwd, env=env)
    assert merged.status == 0, merged
    assert world.rev(f"{base}^2", cwd=path) == tip
    pruned = world.try_git(*git, "par", "prune", cwd=cwd, env=env)
    assert pruned == (0, f"removed {name} (merged)\n", ""), pruned
    assert not path.exists()


def test_from_the_main_checkout_and_below_it(world: World, on_path: None) -> None:
    below = world.write("sub/dir/file", "x").parent
    world.commit("sub")
    live(world, world.repo, world.workspaces)
    live(world, below, world.workspaces, name="u")
    assert (world.repo / "t.txt").read_text() == "t"
    assert world.git("status", "--porcelain") == ""


def test_from_another_workspace_and_below_it(world: World, on_path: None) -> None:
    world.write("sub/file", "x")
    world.commit("sub")
    here = world.add("here")[0]
    for cwd, name in ((here, "t"), (here / "sub", "u")):
        path = Path(world.git("par", "add", "--base", "main", name, cwd=cwd))
        assert path == world.workspaces / name
        world.commit("work", cwd=path, **{name: name})
        world.git("par", "merge", name, cwd=cwd)
        assert (world.repo / name).read_text() == name
        assert world.git("par", "prune", cwd=cwd) == f"removed {name} (merged)"


def test_with_git_c_and_settings_on_the_command_line(world: World, on_path: None) -> None:
    live(world, world.root, world.workspaces, "-C", "repo")
    live(world, world.root, world.root / "elsewhere", "-C", "repo", "-c", "par.directory=../elsewhere", name="u")
    assert world.git("-c", "par.branch=me/{name}", "par", "add", "v") == str(world.workspaces / "v")
    assert world.git("symbolic-ref", "HEAD", cwd=world.workspaces / "v") == "refs/heads/me/v"


def test_with_the_repository_named_by_option_or_environment(world: World, on_path: None) -> None:
    below = world.write("sub/file", "x").parent
    world.commit("sub")
    live(world, world.repo, world.workspaces, env={"GIT_DIR": ".git"})
    live(world, world.root, world.workspaces, env={"GIT_DIR": str(world.repo / ".git")}, name="u")
    live(world, below, world.workspaces, "--git-dir=../.git", name="v")
    live(world, world.root, world.workspaces, "--git-dir=repo/.git", "--work-tree=repo", name="w")
    assert world.git("status", "--porcelain") == ""


def test_through_aliases(world: World, on_path: None) -> None:
    below = world.write("sub/file", "x").parent
    world.commit("sub")
    world.git("config", "alias.p", "par")
    world.git("config", "alias.outer", "!git par")
    assert world.git("p", "add", "t", cwd=below) == str(world.workspaces / "t")
    assert world.git("outer", "path", "t", cwd=below) == str(world.workspaces / "t")
    assert world.git("outer", "remove", "t", cwd=below) == "removed t (nothing was committed in it)"


def test_from_inside_a_hook(world: World, on_path: None) -> None:
    world.add("t")
    world.hook("post-commit", "git par list >seen.log; git par add from-hook >>seen.log")
    world.commit("second", b="b")
    seen = (world.repo / "seen.log").read_text().splitlines()
    assert [line.split()[:2] for line in seen] == [
        ["TASK", "STATE"],
        ["t", "new"],
        [str(world.workspaces / "from-hook")],
    ]
    assert world.git("status", "--porcelain") == ""
    assert world.git("status", "--porcelain", cwd=world.workspaces / "from-hook") == ""


def bare(world: World, name: str) -> Path:
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / name))
    world.git("remote", "remove", "origin", cwd=world.root / name)
    return world.root / name


def test_in_a_bare_repository(world: World, on_path: None) -> None:
    live(world, bare(world, "x.git"), world.root / "x-worktrees")
    assert not (world.root / "x.git" / "index").exists()


def test_in_a_folder_around_a_bare_repository(world: World, on_path: None) -> None:
    (world.root / "project").mkdir()
    bare(world, "project/.bare")
    world.write("project/.git", "gitdir: ./.bare\n", cwd=world.root)
    live(world, world.root / "project", world.root / "project-worktrees")
    live(world, world.root / "project" / ".bare", world.root / "project-worktrees", name="u")


def test_in_a_folder_around_a_bare_dot_git(world: World, on_path: None) -> None:
    (world.root / "project").mkdir()
    bare(world, "project/.git")
    live(world, world.root / "project", world.root / "project-worktrees")


def test_in_a_submodule(world: World, on_path: None) -> None:
    library = World(world.root, "library").init()
    allow = ("-c", "protocol.file.allow=always")
    world.git(*allow, "submodule", "--quiet", "add", str(library.repo), "deps/lib")
    world.commit("submodule")
    inside = world.repo / "deps" / "lib"
    live(world, inside, world.root / "repo-lib-worktrees")
    assert (inside / "t.txt").read_text() == "t"
    assert world.git("status", "--porcelain", cwd=inside) == ""
    world.commit("submodule moved")
    live(world, world.repo, world.workspaces, name="u")


def test_with_a_separate_git_directory(world: World, on_path: None) -> None:
    shutil.move(world.repo / ".git", world.root / "store")
    world.write(".git", "gitdir: ../store\n")
    (world.repo / "sub").mkdir()
    live(world, world.repo, world.workspaces)
    live(world, world.repo / "sub", world.workspaces, name="u")
    assert (world.repo / "u.txt").read_text() == "u"
    assert world.git("status", "--porcelain") == ""
    world.write("a.txt", "changed\n")
    assert world.par("add", "v").status == 3


def test_a_separate_git_directory_seen_from_a_workspace_is_not_merged_under_the_user(world: World) -> None:
    shutil.move(world.repo / ".git", world.root / "store")
    world.write(".git", "gitdir: ../store\n")
    path = world.task("t")
    (world.root / "store/par/checkout").unlink()  # as before git-par noted where that is
    done = world.par("merge", cwd=path)
    assert done.status == 3
    assert world.git("status", "--porcelain") == ""
    world.ok("add", "u")
    world.ok("merge", cwd=path)
    assert (world.repo / "t.txt").is_file()
    assert world.git("status", "--porcelain") == ""


def test_with_a_worktree_named_in_the_configuration(world: World, on_path: None) -> None:
    shutil.move(world.repo / ".git", world.root / "store.git")
    world.git("config", "--file", str(world.root / "store.git" / "config"), "core.worktree", "../repo")
    live(world, world.root / "store.git", world.workspaces, base="main")
    live(world, world.root, world.workspaces, "--git-dir=store.git", name="u")
    assert (world.repo / "u.txt").read_text() == "u"
    assert world.git("--git-dir=store.git", "status", "--porcelain", cwd=world.root) == ""


def test_through_links(world: World, on_path: None) -> None:
    (world.root / "link").symlink_to("repo")
    live(world, world.root / "link", world.workspaces)
    (world.root / "disk").mkdir()
    shutil.rmtree(world.workspaces)
    world.workspaces.symlink_to("disk")
    live(world, world.repo, world.root / "disk", name="u")


@pytest.mark.parametrize(
    ("chosen", "where"),
    [("../trees", "trees"), ("inside", "repo/inside"), ("~/trees", "home/trees"), ("", "repo-worktrees")],
)
def test_the_workspaces_directory_can_be_chosen(world: World, on_path: None, chosen: str, where: str) -> None:
    world.git("config", "par.directory", chosen)
    (world.repo / "sub").mkdir()
    live(world, world.repo / "sub", world.root / where)
    world.git("config", "par.directory", str(world.root / "absolute"))
    live(world, world.repo, world.root / "absolute", name="u")


def test_a_workspaces_directory_of_nobody_is_refused(world: World) -> None:
    world.git("config", "par.directory", "~nosuchuser/trees")
    assert world.par("add", "t") == (
        2,
        "",
        "git par: par.directory: '~nosuchuser/trees': no such home\nhint: git config par.directory DIRECTORY\n",
    )


@pytest.mark.parametrize("name", ["with space", "größe", "it's", 'say "hi"', "$(id)", "new\tline", "-dash", "a;b"])
def test_in_paths_of_all_kinds(tmp_path: Path, on_path: None, name: str) -> None:
    world = World(tmp_path, name).init()
    live(world, world.repo, world.workspaces)


def test_in_a_path_that_is_no_text(tmp_path: Path, on_path: None) -> None:
    world = World(tmp_path, os.fsdecode(b"caf\xe9")).init()
    path = world.add("t")[0]
    world.commit("work", cwd=path, t="t")
    world.ok("merge", "t")
    assert world.ok("prune").out == "removed t (merged)\n"
    assert (world.repo / "t").read_text() == "t"


def test_a_newline_in_the_path_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path, "new\nline").init()
    done = world.par("add", "t")
    assert done == (
        3,
        "",
        f"git par: '{tmp_path}/new\\nline': a newline in the path of the repository\nhint: move the repository\n",
    )


def test_in_a_sha256_repository(tmp_path: Path, on_path: None) -> None:
    world = World(tmp_path)
    world.repo.mkdir()
    world.git("init", "-q", "-b", "main", "--object-format=sha256")
    world.commit("first", a="a")
    live(world, world.repo, world.workspaces)


def test_in_a_reftable_repository(tmp_path: Path, on_path: None) -> None:
    world = World(tmp_path)
    world.repo.mkdir()
    if world.try_git("init", "-q", "-b", "main", "--ref-format=reftable").status:
        pytest.skip("this git has no reftable")
    world.commit("first", a="a")
    live(world, world.repo, world.workspaces)


def test_where_bare_repositories_must_be_named(world: World, on_path: None) -> None:
    store = bare(world, "x.git")
    explicit = ("-c", "safe.bareRepository=explicit")
    live(world, world.repo, world.workspaces, *explicit)
    done = world.try_git(*explicit, "par", "list", cwd=store)
    assert done.status == 3
    assert "safe.bareRepository" in done.err
    live(world, world.root, world.root / "x-worktrees", *explicit, "--git-dir=x.git", name="u")


def refusal(done: Result, message: str, hint: str) -> None:
    assert done == (3, "", f"git par: {message}\nhint: {hint}\n")


NAME_ONE = "cd into a repository, or name one with 'git -C DIR par …'"


def test_no_repository_is_refused(world: World) -> None:
    refusal(world.par("list", cwd=world.root), f"'{world.root}': not a git repository", NAME_ONE)


def test_a_repository_of_somebody_else_is_refused(world: World) -> None:
    if os.getuid() != 0:
        pytest.skip("needs root to give a repository to another user")
    for directory, _, files in os.walk(world.repo):
        for name in (directory, *(os.path.join(directory, file) for file in files)):
            os.chown(name, 4321, 4321)
    done = world.par("list")
    assert done.status == 3
    assert "dubious ownership" in done.err
    assert "safe.directory" in done.err
    assert not (world.repo / ".git" / "par").exists()


def test_an_old_git_is_refused_by_its_version(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # It echoes options of rev-parse that it does not know.
    script(
        world.root / "old" / "git",
        'case $1 in version) echo "git version 2.30.2" ;; rev-parse) shift; printf "%s\\n" "$@" ;; *) exit 99 ;; esac',
    )
    monkeypatch.setenv("PATH", f"{world.root / 'old'}{os.pathsep}{os.environ['PATH']}")
    refusal(world.par("add", "t"), "git 2.30: too old, git-par needs 2.39 or newer", "see 'git version'")


def test_a_git_whose_version_nobody_can_read_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    script(world.root / "odd" / "git", 'case $1 in version) echo git ;; *) shift; printf "%s\\n" "$@" ;; esac')
    monkeypatch.setenv("PATH", f"{world.root / 'odd'}{os.pathsep}{os.environ['PATH']}")
    done = world.par("add", "t")
    assert (done.status, done.err.splitlines()[0]) == (2, "git par: git version: cannot be read")


def test_a_link_of_git_that_leads_nowhere_is_no_repository(world: World) -> None:
    place = world.write("odd/.git", "gitdir: nowhere\n", cwd=world.root).parent
    refusal(world.par("list", cwd=place), f"'{place}': not a git repository", NAME_ONE)


def test_who_stands_in_a_removed_workspace_is_told_so(world: World) -> None:
    (path,) = world.add("a")
    trash = world.workspaces / ".par" / "trash" / "a-1"
    trash.parent.mkdir(parents=True)
    path.rename(trash)
    (trash / "below").mkdir()
    world.git("worktree", "prune")
    world.git("worktree", "unlock", str(path))
    world.git("worktree", "prune")
    what = "the current directory: its workspace was removed"
    refusal(world.par("list", cwd=trash / "below"), what, f"cd {world.repo}")
    (trash / ".git").unlink()
    refusal(world.par("list", cwd=trash), what, "run 'cd' into a directory that exists")


def test_a_directory_that_is_gone_is_refused(world: World) -> None:
    gone = world.root / "gone"
    gone.mkdir()
    done = subprocess.run(
        [
            "sh",
            "-c",
            'cd "$1" && rmdir "$1" && shift && exec "$@"',
            "sh",
            gone,
            sys.executable,
            "-m",
            "git_par",
            "list",
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)},
    )
    refusal(
        Result(done.returncode, done.stdout, done.stderr),
        "the current directory: it is gone",
        "run 'cd' into a directory that exists",
    )


def test_what_is_found_is_absolute_and_real(world: World) -> None:
    (world.root / "link").symlink_to("repo")
    (world.repo / "sub").mkdir()
    repo = find(world.root / "link" / "sub")
    assert (repo.common, repo.git_dir, repo.main, repo.top) == (
        world.repo / ".git",
        world.repo / ".git",
        world.repo,
        world.repo,
    )
    path = world.add("t")[0]
    repo = find(path)
    assert (repo.common, repo.git_dir, repo.main, repo.top) == (
        world.repo / ".git",
        world.repo / ".git" / "worktrees" / "t",
        world.repo,
        path,
    )


def test_a_repository_that_only_a_newer_git_knows_is_refused(world: World) -> None:
    path = world.add("t")[0]
    world.git("config", "core.repositoryFormatVersion", "1")
    world.git("config", "extensions.fromLater", "true")
    version = world.git("version", cwd=world.root).split()[2].split(".")
    why = f"unknown repository extension found: fromlater: too new for git {version[0]}.{version[1]}"
    for place in (world.repo, path):
        refusal(world.par("list", cwd=place), f"'{place}': {why}", "run it with a newer git; see 'git version'")


def test_a_partial_clone_goes_on_without_its_remote_where_that_is_not_needed(world: World) -> None:
    world.git("config", "uploadpack.allowFilter", "true")
    clone = World(world.root, "clone")
    world.git("clone", "-q", "--filter=blob:none", world.repo.as_uri(), str(clone.repo), cwd=world.root)
    clone.task("t", a__txt=edited(l3="ours"))
    world.commit("theirs", a__txt=edited(l15="theirs"))
    clone.git("fetch", "-q")
    world.repo.rename(world.root / "away")
    listed = clone.ok("list")
    assert listed.out.splitlines()[1].split()[:4] == ["t", "active", "main", "?"]
    assert listed.err.startswith("git par: t: how it stands to main cannot be told: git merge-tree: ")
    failed = clone.par("prune")
    assert failed.status == 5
    assert failed.err.endswith("hint: see 'git remote -v', and run the command again when the remote answers\n")
    clone.ok("add", "u")
    (world.root / "away").rename(world.repo)
    clone.ok("sync", "u")
    assert clone.listed("t")["behind"] == 0
    clone.git("merge", "-q", "--ff-only", "origin/main")
    clone.ok("merge", "t")
    assert clone.git("show", "HEAD:a.txt") == edited(l3="ours", l15="theirs").rstrip("\n")
