"""What is checked out in a new workspace where not all of it is wanted: LFS pointers, sparse checkouts."""

from pathlib import Path

import pytest

from tests.shells import need
from tests.test_submodules import ALLOWED, add_submodule
from tests.world import World

POINTER = "version https://git-lfs.github.com/spec/v1\n"


def with_filter(world: World) -> None:
    """A filter that goes by the variable of git-lfs as git-lfs does: pointers in commits, contents in files."""
    store = world.root / "store"
    store.mkdir()
    script = world.write(
        "filter",
        "#!/bin/sh\n"
        "text=$(cat; echo x); text=${text%x}\n"
        f"case $1,$text,$GIT_LFS_SKIP_SMUDGE in\n"
        f'    clean,version*,* | smudge,*,1) printf %s "$text" ;;\n'
        f'    clean,*) printf %s "$text" >{store}/it; printf "version https://git-lfs.github.com/spec/v1\\n" ;;\n'
        f"    smudge,*) cat {store}/it ;;\n"
        "esac\n",
        cwd=world.root,
    )
    script.chmod(0o755)
    for key, value in (("clean", f"{script} clean"), ("smudge", f"{script} smudge"), ("required", "true")):
        world.git("config", f"filter.lfs.{key}", value)


def big(world: World) -> None:
    world.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    world.write("big.bin", "big\n")
    world.commit("with a big file")


@pytest.mark.parametrize("real", [False, True])
def test_pointers_stay_where_they_are_wanted(world: World, real: bool) -> None:
    if real:
        need("git-lfs")
        world.git("lfs", "install", "--local")
    else:
        with_filter(world)
    big(world)
    assert world.git("cat-file", "-p", "HEAD:big.bin").startswith(POINTER.strip())
    assert (world.add("full")[0] / "big.bin").read_text() == "big\n"
    world.write(".gitpar", "[par]\n\tlfs = skip\n")
    world.commit("settings")
    (path,) = world.add("thin")
    assert (path / "big.bin").read_text().startswith(POINTER)
    assert world.git("status", "--porcelain", cwd=path) == ""
    world.git("update-index", "--really-refresh", cwd=path)
    assert world.git("status", "--porcelain", cwd=path) == ""
    if real:
        world.git("lfs", "pull", cwd=path)
        assert (path / "big.bin").read_text() == "big\n"
        assert world.git("status", "--porcelain", cwd=path) == ""
    world.commit("more", cwd=path, new="n\n")
    world.ok("merge", "thin")
    world.ok("prune")
    assert not path.exists()
    world.git("config", "par.lfs", "never")
    assert world.par("add", "w").status == 2


def test_all_of_it_at_once(world: World) -> None:
    """Two levels of submodules, a filter, a sparse checkout, a secret."""
    deep, lib = (World(world.root, name).init() for name in ("deep", "lib"))
    add_submodule(lib, deep, "in/deep", "deep")
    add_submodule(world, lib, "mods/lib", "lib")
    world.git(*ALLOWED, "submodule", "--quiet", "update", "--init", "--recursive")
    with_filter(world)
    big(world)
    world.write("far/away.txt", "far\n")
    world.commit("far")
    world.write(".env", "secret\n").chmod(0o600)
    world.git("config", "par.lfs", "skip")
    world.git("sparse-checkout", "set", "mods")
    (path,) = world.add("t")
    assert (path / "mods" / "lib" / "in" / "deep" / "a.txt").is_file()
    assert (path / "big.bin").read_text() == POINTER
    assert not (path / "far").exists()
    assert world.git("status", "--porcelain", cwd=path) == ""
    world.write(".env", "secret\n", path).chmod(0o600)
    world.commit("work", cwd=path, new="n\n")
    world.ok("merge", "t")
    world.ok("prune")
    assert not path.exists()
    back = Path(world.ok("restore", "t").out.strip())
    assert (back / ".env").stat().st_mode & 0o777 == 0o600
    assert (back / "mods" / "lib" / "in" / "deep" / "a.txt").is_file()
    assert not (back / "far").exists()
    assert world.git("status", "--porcelain", cwd=back) == ""


def test_directories_with_hard_names(world: World) -> None:
    for name in ("a b", "ümlaut", "-dash", "glob*", "other"):
        world.write(f"{name}/x", "x\n")
    world.commit("directories")
    wanted = ("a b", "ümlaut", "-dash", "glob*", "nowhere")
    added = world.ok("add", "t", *(f"--sparse={name}" for name in wanted))
    missing = [line for line in added.err.splitlines() if "--sparse" in line]
    assert missing == [f"git par: --sparse 'nowhere': commit {world.rev('HEAD')[:8]} has no such directory"]
    path = Path(added.out.strip())
    assert sorted(one.name for one in path.iterdir() if one.is_dir()) == sorted(wanted[:-1])
    assert world.git("status", "--porcelain", cwd=path) == ""
    world.ok("remove", "t")
    for wrong in ("a.txt", "a b/x", "/etc", "../out", ".", ""):
        assert world.par("add", "u", "--sparse", wrong).status == 2
    assert world.branches() == ["main"]
    world.check_sound()


@pytest.mark.parametrize("how", ["cone", "index", "patterns", "old"])
def test_a_sparse_main_checkout_is_inherited(world: World, how: str) -> None:
    for name in ("in/deep", "out"):
        world.write(f"{name}/x", "x\n")
    world.commit("directories")
    if how == "old":  # as git wrote it before there was a configuration for each worktree
        world.git("config", "core.sparseCheckout", "true")
        world.write(".git/info/sparse-checkout", "/*\n!/out/\n")
        world.git("read-tree", "-mu", "HEAD")
    elif how == "patterns":
        world.git("sparse-checkout", "set", "--no-cone", "/*", "!/out/")
    else:
        world.git("sparse-checkout", "set", *(["--sparse-index"] if how == "index" else []), "in/deep")
    assert not (world.repo / "out").exists()
    before = (world.repo / ".git" / "config").read_bytes()
    (path,) = world.add("t")
    assert (path / "in" / "deep" / "x").is_file()
    assert not (path / "out").exists()
    assert world.git("sparse-checkout", "list", cwd=path) == world.git("sparse-checkout", "list")
    assert (world.repo / ".git" / "config").read_bytes() == before
    world.write("out/x", "hidden\n", path)
    assert world.par("remove", "t").status == 3
    (path / "out" / "x").unlink()
    world.commit("work", cwd=path, new="n\n")
    world.ok("merge", "t")
    world.ok("prune")
    assert not path.exists()
    other = Path(world.ok("add", "u", "--sparse", "out").out.strip())
    assert (other / "out" / "x").is_file()
    assert not (other / "in").exists()
    assert not (world.repo / "out").exists()
