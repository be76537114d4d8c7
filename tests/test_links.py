"""Links into the main checkout: relative, never followed, never committed."""

import shutil
from pathlib import Path

import pytest

from tests.world import PAR, World

NAMED = "# git-par: links into the main worktree"


@pytest.fixture
def linking(world: World) -> World:
    """A repository that links its node_modules, which a pattern for directories ignores."""
    world.git("config", "par.link", "node_modules")
    world.write("node_modules/package/index.js", "package\n")
    return world


def exclude(world: World) -> Path:
    return world.repo / ".git" / "info" / "exclude"


def test_a_link_is_relative_and_no_add_takes_it(linking: World) -> None:
    exclude(linking).write_text("# mine\n*.mine")
    exclude(linking).chmod(0o664)
    done = linking.ok("add", "one", "two")
    said = f"git par: '{exclude(linking)}': git ignores /node_modules from now on, so that no link is committed\n"
    assert done.err.count(said) == 1
    assert "one: linked node_modules\n" in done.err
    assert exclude(linking).read_text() == f"# mine\n*.mine\n{NAMED}\n/node_modules\n"
    assert exclude(linking).stat().st_mode & 0o777 == 0o664
    path = linking.workspaces / "one"
    assert str((path / "node_modules").readlink()) == "../../repo/node_modules"
    assert (path / "node_modules" / "package" / "index.js").read_text() == "package\n"
    linking.git("add", "--all", cwd=path)
    assert linking.git("status", "--porcelain", cwd=path) == linking.git("status", "--porcelain") == ""
    assert linking.ok("copy", "one") == (0, "", "")
    before = exclude(linking).read_bytes()
    assert "exclude" not in linking.ok("add", "three").err
    assert exclude(linking).read_bytes() == before


def test_a_pattern_that_covers_links_needs_no_line(linking: World) -> None:
    linking.write(".gitignore", "node_modules\n")
    linking.commit("covered")
    before = exclude(linking).read_bytes()
    path = linking.add("t")[0]
    assert (path / "node_modules").is_symlink()
    assert exclude(linking).read_bytes() == before


def test_a_link_that_would_not_be_ignored_is_not_made(linking: World) -> None:
    linking.write(".gitignore", "!node_modules\nnode_modules/\n")
    linking.commit("not covered")
    shutil.rmtree(exclude(linking).parent)
    for name in ("t", "u"):
        done = linking.ok("add", name)
        assert f"{name}: left node_modules/: git does not ignore it there\n" in done.err
        assert ("from now on" in done.err) == (name == "t")
        assert not (linking.workspaces / name / "node_modules").exists()
        assert exclude(linking).read_text() == f"{NAMED}\n/node_modules\n"


def test_odd_names_are_ignored_as_they_are(world: World) -> None:
    world.write(".gitignore", "/*odd*/\n")
    world.commit("odd")
    odd = ["!odd", "#odd", "[odd]*?", "odd \\ ", "odd"]
    world.git("config", "par.link", "*odd*")
    for name in (*odd, "odd\nline"):
        world.write(f"{name}/x", "x\n")
    done = world.ok("add", "t")
    path = world.workspaces / "t"
    assert {one.name for one in path.iterdir() if one.is_symlink()} == set(odd)
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert "t: left odd\\nline/: git does not ignore it there\n" in done.err
    world.write("oddx", "x\n", path)
    assert world.git("status", "--porcelain", cwd=path) == "?? oddx"


def test_a_link_survives_a_move_of_both(linking: World) -> None:
    linking.add("t")
    moved = linking.root / "moved"
    moved.mkdir()
    for place in (linking.repo, linking.workspaces):
        place.rename(moved / place.name)
    assert (moved / linking.workspaces.name / "t" / "node_modules" / "package").is_dir()


def test_what_stands_there_is_left_and_what_has_no_place_too(linking: World) -> None:
    linking.write("sub/tracked", "x\n")
    linking.commit("sub")
    linking.git("switch", "-qc", "with")
    shutil.rmtree(linking.repo / "node_modules")
    linking.write("node_modules", "a file\n")
    linking.git("add", "-f", "node_modules")
    linking.git("rm", "-qr", "sub")
    linking.commit("tracked", kind="a file\n")
    linking.git("switch", "-q", "main")
    linking.write("node_modules/x", "x\n")
    linking.write("sub/node_modules/x", "x\n")
    linking.write("kind/node_modules/x", "x\n")
    done = linking.ok("add", "t", "--from", "with")
    assert "t: left node_modules/: something else is there\n" in done.err
    assert "t: left sub/node_modules/: its directory is not there\n" in done.err
    assert "t: left kind/node_modules/: a link or a file is where its directory would be\n" in done.err
    assert (linking.workspaces / "t" / "node_modules").read_text() == "a file\n"


def test_removal_neither_follows_nor_keeps_a_link(linking: World) -> None:
    linking.git("config", "--add", "par.link", "vendor")
    linking.write(".gitignore", "node_modules/\nvendor/\n")
    linking.commit("ignored")
    linking.write("vendor/x", "x\n")
    for force in ((), ("--force",)):
        path = linking.add("t")[0]
        assert (path / "vendor").is_symlink()
        if force:
            linking.write("untracked", "x\n", path)
        done = linking.ok("remove", "t", *force)
        assert "kept in" not in done.err
        assert not path.exists()
    assert (linking.repo / "vendor" / "x").read_text() == "x\n"
    assert (linking.repo / "node_modules" / "package" / "index.js").read_text() == "package\n"


def test_a_link_that_leads_elsewhere_is_kept(linking: World) -> None:
    linking.write(".gitignore", "vendor\n")
    linking.commit("ignored")
    path = linking.add("t")[0]
    (path / "vendor").symlink_to("../mine")
    linking.ok("remove", "t")
    (stay,) = (linking.workspaces / ".par" / "kept").rglob("vendo*")
    assert str(stay.readlink()) == "../mine"


def test_a_link_that_is_not_ignored_any_more_gets_into_no_commit(linking: World) -> None:
    path = linking.task("t")
    exclude(linking).write_text("")
    linking.write("new", "new\n", path)
    assert "?? node_modules" in linking.git("status", "--porcelain", cwd=path)
    linking.ok("merge", "t", "--autocommit")
    assert linking.git("ls-tree", "-r", "--name-only", "main").splitlines() == [".gitignore", "a.txt", "new", "t.txt"]
    linking.ok("remove", "--force", "t")
    for ref in linking.git("for-each-ref", "--format=%(refname)", "refs/par/kept").splitlines():
        assert "node_modules" not in linking.git("ls-tree", "-r", "--name-only", ref)
    assert (linking.repo / "node_modules" / "package").is_dir()


def test_many_at_once_add_one_line(linking: World) -> None:
    running = [linking.start(*PAR, "add", f"t{number}") for number in range(6)]
    for one in running:
        _, err = one.communicate(timeout=120)
        assert one.returncode == 0, err
    assert exclude(linking).read_text().count("\n/node_modules\n") == 1
    assert exclude(linking).read_text().count(NAMED) == 1
    for number in range(6):
        assert (linking.workspaces / f"t{number}" / "node_modules").is_symlink()
