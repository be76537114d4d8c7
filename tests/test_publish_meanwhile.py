"""What becomes of a publish when others commit, lock or remove at that very moment: nothing of theirs goes."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from git_par.errors import GitFailed
from git_par.landing import audit, autocommit, pins, publish
from git_par.landing import revert as reverting
from git_par.landing.audit import Alarm, Findings
from git_par.repo import Repo
from git_par.state.announce import Announcement
from git_par.state.session import Session
from tests.test_publish import plan_refs, state_of
from tests.test_undo import operations
from tests.world import World


def published(
    session: Session, after: str, ready: Callable[[], object], *, base: str = "main", replayed: bool = False
) -> bool:
    """Publish `after` on `base`, with `ready` in the moment between the look and git's own."""
    before = session.repo.git.commit(f"refs/heads/{base}")
    assert before
    how = {"base": base, "before": before, "after": after, "note": "git-par merge: t"}
    return publish.publish(session.repo, **how, ready=lambda _: ready(), replayed=replayed)  # type: ignore[arg-type]


# the one step


def test_a_branch_that_is_not_checked_out_stays_where_others_moved_it(world: World, session: Session) -> None:
    world.task("t")
    world.git("branch", "release")
    other = world.git("commit-tree", "-m", "theirs", "-p", "main", "main^{tree}")
    moves = lambda: world.git("update-ref", "refs/heads/release", other)  # noqa: E731
    assert not published(session, world.rev("t"), moves, base="release")
    assert world.rev("release") == other
    with pytest.raises(GitFailed, match="update-ref"):
        published(session, world.rev("t^{tree}"), lambda: None, base="release")
    assert world.rev("release") == other


@pytest.mark.parametrize("replayed", [False, True])
def test_a_commit_in_the_checkout_at_the_last_moment_stays(world: World, session: Session, replayed: bool) -> None:
    """The merge of git refuses to go on from there; its reset does not ask, and is taken back."""
    world.task("t")
    world.write("a.txt", "edited\n")
    made: list[str] = []

    def commits() -> None:
        world.git("commit", "-q", "--allow-empty", "-m", "theirs")
        made.append(world.rev("main"))

    assert not published(session, world.rev("t"), commits, replayed=replayed)
    assert [world.rev("main")] == made
    assert world.git("status", "--porcelain") == " M a.txt"
    assert (world.repo / "a.txt").read_text() == "edited\n"
    assert list((world.repo / ".git/par/publishing").iterdir()) == []


def test_a_step_from_where_others_moved_the_base_is_taken_back(world: World, session: Session) -> None:
    path = world.task("t")
    middle = world.rev("t")
    after = world.commit("more", cwd=path, more__txt="more\n")
    world.write("a.txt", "edited\n")
    assert not published(session, after, lambda: world.git("merge", "-q", "--ff-only", middle))
    assert world.rev("main") == middle
    assert world.git("status", "--porcelain") == " M a.txt"
    assert not (world.repo / "more.txt").exists()


def test_an_index_that_stays_locked_is_given_up_with_nothing_done(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publish, "_INDEX_PATIENCE", 0.2)
    world.task("t")
    (world.repo / ".git/index.lock").touch()
    before = state_of(world)
    done = world.par("merge", "t")
    assert (done.status, done.out) == (4, "")
    assert done.err == (
        f"git par: main: another git holds the index of '{world.repo}'\n"
        "hint: wait for it; when none runs there: git par doctor --fix\n"
    )
    assert state_of(world) == before
    assert plan_refs(world) == ""
    world.ok("doctor", "--fix")
    world.ok("merge", "t")


def test_what_came_into_the_way_of_a_merge_that_is_done_again_is_refused(world: World) -> None:
    world.landed()
    world.ok("undo")
    before, log = world.rev("main"), operations(world)
    world.write("t.txt", "mine\n")
    done = world.par("undo")
    assert operations(world) == log
    assert (done.status, f"main: in the way in '{world.repo}': t.txt" in done.err) == (3, True), done
    assert (world.rev("main"), (world.repo / "t.txt").read_text()) == (before, "mine\n")


def test_a_branch_whose_clone_is_elsewhere_is_not_moved_under_it(world: World) -> None:
    path = Path(world.ok("add", "t", "--isolation", "clone").out.strip())
    world.commit("work", cwd=path, t__txt="t\n")
    world.commit("base", b__txt="b\n")
    world.ok("sync", "t")
    before = world.rev("t", cwd=path)
    world.git("switch", "-q", "-c", "fix", cwd=path)
    done = world.par("undo")
    assert done.status == 3, done
    assert f"t: its clone '{path}' is on another branch" in done.err
    assert f"git -C {path} switch t" in done.err
    assert world.rev("t", cwd=path) == before


# a base that goes, or moves again and again


def test_a_revert_is_planned_again_on_what_came_meanwhile(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.landed()
    made: list[str] = []
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        if not made:
            made.append(world.commit("meanwhile", other__txt="other\n"))
        elif len(made) == 1:
            made.append("lost")
            raise pins.LostError
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    done = world.ok("revert", "t")
    assert done.out == f"main: t reverted ({made[0][:8]}..{world.rev('main')[:8]})\n"
    assert world.rev("main^") == made[0]
    (step,) = world.ok("log", "--json").json["operations"][0]["refs"]
    assert (step["before"], step["after"]) == (made[0], world.rev("main"))
    assert plan_refs(world) == ""


def test_a_revert_on_a_base_that_keeps_moving_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.landed()
    monkeypatch.setattr(reverting, "_REPLANS", 2)
    real = pins.Pins.hold

    def hold(self: pins.Pins, commit: str, *known: str) -> None:
        world.git("commit", "-q", "--allow-empty", "-m", "again")
        real(self, commit, *known)

    monkeypatch.setattr(pins.Pins, "hold", hold)
    done = world.par("revert", "t")
    assert (done.status, done.out) == (4, "")
    assert done.err == ("git par: main: it kept moving\nhint: run the command again when fewer others commit there\n")
    assert world.git("log", "-1", "--format=%s") == "again"
    assert (world.repo / "t.txt").exists()
    assert plan_refs(world) == ""


@pytest.mark.parametrize("argv", [("revert", "one"), ("sync", "two")])
def test_what_the_audit_does_not_pass_is_not_published(
    world: World, argv: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    world.landed("one")
    world.task("two")
    world.commit("base", base__txt="b\n")
    before = world.git("for-each-ref")

    def alarms(repo: Repo, steps: object) -> Findings:
        return Findings(((Alarm("x.txt", "as it was", "deleted"),),))

    monkeypatch.setattr(audit, "check", alarms)
    done = world.par(*argv)
    assert done.status == 1
    assert "would not keep a change as it is: 'x.txt' should be as it was, is deleted" in done.out + done.err
    assert world.git("for-each-ref") == before


def test_a_workspace_that_goes_while_its_work_is_committed_leaves_the_others_alone(world: World) -> None:
    path = world.task("gone")
    world.write("new", "new\n", path)
    world.write("other", "other\n", world.task("stays"))
    world.hook("pre-commit", f'case "$(pwd)" in {path}) rm -rf "{path}"; exit 1 ;; esac')
    done = world.ok("merge", "--all", "--autocommit")
    assert "gone" in done.out
    assert (world.repo / "other").read_text() == "other\n"


def test_a_commit_whose_git_is_killed_is_told_and_the_work_is_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autocommit, "_INDEX_PATIENCE", 0.1)
    path = world.task("t")
    world.write("new", "new\n", path)
    world.hook("pre-commit", "kill -9 $PPID")
    before = world.git("for-each-ref")
    done = world.par("merge", "t", "--autocommit")
    assert (done.status, done.out) == (5, "")
    assert done.err.startswith("git par: git commit")
    assert (path / "new").read_text() == "new\n"
    assert world.git("for-each-ref") == before


# what was cut off


def announced(world: World, place: Path, base: str, before: str, after: str) -> Path:
    directory = world.repo / ".git/par/publishing"
    directory.mkdir(exist_ok=True)
    file = directory / "1-x.json"
    file.write_text(json.dumps(vars(Announcement(str(place), base, before, after))))
    return file


def test_a_link_and_a_directory_in_the_place_of_a_torn_file_are_copied_aside(world: World) -> None:
    world.commit("files", one__txt="1\n", two__txt="2\n", three__txt="3\n")
    world.task("t", one__txt="new\n", two__txt="new\n", three__txt="new\n")
    world.write("one.txt", "new\n")
    for name in ("two.txt", "three.txt"):
        (world.repo / name).unlink()
    os.symlink("/somewhere", world.repo / "two.txt")
    world.write("three.txt/inside", "mine\n")
    file = announced(world, world.repo, "main", world.rev("main"), world.rev("t"))
    assert "is taken back" in world.ok("list").err
    assert not file.exists()
    assert world.git("status", "--porcelain") == ""
    torn = world.workspaces / ".par/kept/.torn"
    assert sorted(one.name for one in torn.rglob("*.txt")) == ["three.txt", "two.txt"]
    assert os.readlink(next(torn.rglob("two*"))) == "/somewhere"
    assert (next(torn.rglob("three.txt")) / "inside").read_text() == "mine\n"


@pytest.mark.parametrize("how", ["removed", "clone"])
def test_an_announcement_of_what_cannot_be_torn_any_more_goes(world: World, how: str) -> None:
    """The checkout was removed since; or the clone was not even given the commit."""
    kind = "clone" if how == "clone" else "worktree"
    path = Path(world.ok("add", "t", "--isolation", kind).out.strip())
    before, after = world.rev("t", cwd=path), world.commit("base", b__txt="b\n")
    if how == "removed":
        world.git("branch", "other", "t")
        world.ok("remove", "--force", "t")
        file = announced(world, path, "other", before, after)
    else:
        file = announced(world, path, "t", before, after)
    assert "git par: " not in world.ok("list").err
    assert not file.exists()


@pytest.mark.parametrize("kind", ["worktree", "clone"])
def test_a_torn_checkout_that_is_out_of_reach_is_healed_when_it_is_back(world: World, kind: str) -> None:
    path = Path(world.ok("add", "t", "--isolation", kind).out.strip())
    if kind == "clone":
        world.commit("only in the clone", cwd=path)
    before, after = world.rev("t", cwd=path), world.commit("base", b__txt="b\n")
    if kind == "clone":
        world.git("fetch", "-q", "par", cwd=path)
    world.write("b.txt", "b\n", path)
    file = announced(world, path, "t", before, after)
    away = world.root / "away"
    path.rename(away)
    world.ok("list")
    assert file.exists()
    away.rename(path)
    assert "is taken back" in world.ok("list").err
    assert not file.exists()
    assert not (path / "b.txt").exists()
