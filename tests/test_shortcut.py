"""A publish through a deep history: git is spared its walks, and nothing else changes."""

from pathlib import Path

import pytest

from git_par.discovery import find
from git_par.errors import GitFailed
from git_par.landing import publish, shortcut
from git_par.repo import Repo
from tests.world import World


@pytest.fixture(autouse=True)
def _deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shortcut, "_SHALLOW", -1)


@pytest.fixture
def repo(world: World, monkeypatch: pytest.MonkeyPatch) -> Repo:
    monkeypatch.chdir(world.repo)
    return find(world.repo)


def planned(world: World) -> tuple[str, str, str]:
    """The oldest commit, the base, and the merge of a task so old that a walk to it comes by the oldest commit."""
    oldest = world.rev("main")
    world.commit("fork")
    world.git("branch", "t")
    before = world.commit("later", later__txt="later\n")
    world.git("switch", "-q", "t")
    world.write("t.txt", "t\n")
    world.git("add", "t.txt")
    world.git("commit", "-q", "-m", "work", env={"GIT_COMMITTER_DATE": "2001-01-01T00:00:00Z"})
    theirs = world.rev("t")
    world.git("switch", "-q", "main")
    tree = world.git("merge-tree", "--write-tree", before, theirs)
    return oldest, before, world.git("commit-tree", tree, "-p", before, "-p", theirs, "-m", "merge")


def move(repo: Repo, before: str, after: str) -> bool:
    return publish.publish(repo, base="main", before=before, after=after, note="test", ready=lambda _: None)


def test_git_does_not_walk_behind_the_base(world: World, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    oldest, before, after = planned(world)
    # A walk that comes by here fails.
    (world.repo / ".git" / "objects" / oldest[:2] / oldest[2:]).unlink()
    monkeypatch.setattr(shortcut, "_SHALLOW", 10**9)
    with pytest.raises(GitFailed):
        move(repo, before, after)
    monkeypatch.setattr(shortcut, "_SHALLOW", -1)
    assert move(repo, before, after)
    assert world.rev("main") == after
    assert (world.repo / "t.txt").read_text() == "t\n"
    assert world.git("status", "--porcelain") == ""
    assert world.git("for-each-ref", "refs/par", "refs/replace") == ""
    assert world.git("log", "-1", "--format=%P", "main").split()[0] == before


def test_what_the_user_replaced_is_checked_out_as_replaced(world: World, repo: Repo) -> None:
    _, before, after = planned(world)
    other = world.git("hash-object", "-w", str(world.write("other", "instead\n", cwd=world.root)))
    world.git("replace", world.rev(f"{after}:t.txt"), other)
    assert move(repo, before, after)
    assert (world.repo / "t.txt").read_text() == "instead\n"


def test_a_commit_that_does_not_follow_is_refused_by_git_as_ever(world: World, repo: Repo) -> None:
    oldest, before, _ = planned(world)
    aside = world.git("commit-tree", f"{before}^{{tree}}", "-p", oldest, "-m", "aside")
    with pytest.raises(GitFailed):
        move(repo, before, aside)
    assert world.rev("main") == before


def test_a_base_that_comes_in_as_second_parent_is_fast_forwarded_too(world: World, repo: Repo) -> None:
    _, before, after = planned(world)
    theirs = world.rev("t")
    swapped = world.git("commit-tree", f"{after}^{{tree}}", "-p", theirs, "-p", before, "-m", "merge of main")
    assert move(repo, before, swapped)
    assert world.rev("main") == swapped
    assert Path(world.repo / "t.txt").exists()


def test_a_merge_in_a_deep_repository_is_as_any_other(world: World) -> None:
    for name in ("one", "two"):
        world.task(name)
    world.ok("merge", "--all")
    assert world.git("log", "--first-parent", "--format=%s", "main").splitlines()[:2] == [
        "Merge branch 'two'",
        "Merge branch 'one'",
    ]
    assert world.git("status", "--porcelain") == ""
    assert world.git("for-each-ref", "refs/par", "refs/replace") == ""
