"""What removals keep is found again with or without its record, and goes only when somebody sweeps it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from git_par import discovery
from git_par.errors import GitFailed
from git_par.repo import Repo
from git_par.state import tasks
from git_par.workspaces import claims, kept, registering, registry, snapshot, trash, unpacking, worktree
from git_par.workspaces.kept import Keepsake
from tests.test_removal import everything, kept_refs, private, wait_for_empty_trash
from tests.world import World, expect_files

LONG = "long/" + "x" * 150


def found(world: World, name: str | None = None) -> list[Keepsake]:
    return kept.find(discovery.find(world.repo), name)


def records(world: World) -> list[Path]:
    return sorted((world.repo / ".git" / "par" / "kept").rglob("*.json"))


def busy(world: World, name: str = "t") -> Path:
    """A task with a commit, an uncommitted and a staged change, an untracked file and a secret."""
    path = world.task(name)
    world.write("staged.txt", "staged\n", cwd=path)
    world.git("add", "staged.txt", cwd=path)
    world.write("staged.txt", "and edited\n", cwd=path)
    world.write("untracked.txt", "untracked\n", cwd=path)
    world.write(".env", "SECRET=1\n", cwd=path).chmod(0o600)
    return path


def test_each_removal_is_a_keepsake_and_the_newest_comes_first(world: World) -> None:
    world.landed()
    first = world.rev("t")
    world.ok("remove", "t")
    world.ok("restore", "t")
    second = world.commit("more", cwd=world.workspaces / "t", more="x")
    world.ok("remove", "--force", "t")
    world.add("größe/maß", LONG)
    world.ok("remove", "größe/maß", LONG)
    assert [one.refs for one in found(world, "t")] == [{"tip": second}, {"tip": first}]
    assert [one.task.name for one in found(world)] == [LONG, "größe/maß", "t", "t"]
    assert [one.task.name for one in found(world, LONG)] == [LONG]
    assert found(world, "tt") == []


def test_the_record_is_for_its_owner_only(world: World) -> None:
    os.umask(0o022)
    busy(world)
    world.ok("remove", "--force", "t")
    (record,) = records(world)
    data = json.loads(record.read_text())
    assert (data["version"], data["task"]["name"], data["secrets"]) == (1, "t", [".env"])
    assert set(data["refs"]) == {"tip", "index", "work"}
    assert "SECRET" not in record.read_text()
    assert record.stat().st_mode & 0o777 == 0o600
    for directory in list(record.parents)[:3]:
        assert directory.stat().st_mode & 0o777 == 0o700
    assert "SECRET" not in world.git("log", "--all", "-p", "--format=")


@pytest.mark.parametrize("damage", ["gone", "empty", "binary", "newer", "another", "wrong"])
def test_without_its_record_the_refs_make_a_keepsake(world: World, damage: str) -> None:
    path = busy(world, "größe/maß")
    before, tip = everything(path), world.rev("größe/maß")
    world.ok("remove", "--force", "größe/maß")
    (record,) = records(world)
    text = record.read_text()
    changed = {
        "empty": b"",
        "binary": b"\x00\xff\x80",
        "newer": text.replace('"version": 1', '"version": 2').encode(),
        "another": text.replace('"name": "', '"name": "x').encode(),
        "wrong": text.replace('"secrets": [', '"secrets": [1,').encode(),
    }
    record.unlink() if damage == "gone" else record.write_bytes(changed[damage])
    (keepsake,) = found(world)
    assert (keepsake.task.name, keepsake.task.base, keepsake.refs["tip"]) == ("größe/maß", "main", tip)
    assert Path(world.ok("restore", "größe/maß").out.strip()) == path
    assert everything(path) == before
    assert world.listed("größe/maß")["state"] == "active"
    assert world.par("remove", "größe/maß").status == 3


def test_without_registration_and_record_the_commits_are_enough(world: World) -> None:
    path = busy(world)
    world.commit("theirs", staged__txt="theirs\n")
    world.git("stash", "push", "-q", "--include-untracked", cwd=path)
    world.commit("ours", cwd=path, staged__txt="ours\n")
    assert world.try_git("merge", "main", cwd=path).status == 1
    world.write("untracked.txt", "untracked\n", cwd=path)
    world.write("added.txt", "added\n", cwd=path)
    world.git("add", "added.txt", cwd=path)
    before = world.git("ls-files", "--stage", cwd=path), everything(path)
    world.ok("remove", "--force", "t")
    (keepsake,) = found(world)
    assert set(keepsake.refs) == {"tip", "head", "index", "unmerged", "work"}
    registering.drop(discovery.find(world.repo), kept.registration(discovery.find(world.repo), keepsake))
    world.ok("restore", "t")
    after = world.git("ls-files", "--stage", cwd=path), everything(path)
    assert after == before


def test_a_damaged_index_is_made_again_from_the_commits(world: World) -> None:
    path = busy(world)
    before = world.git("status", "--porcelain=v2", cwd=path)
    world.ok("remove", "--force", "t")
    repo = discovery.find(world.repo)
    (kept.registration(repo, found(world)[0]) / "index").write_bytes(b"damaged")
    world.ok("restore", "t")
    assert world.git("status", "--porcelain=v2", cwd=path) == before


def test_without_an_index_the_files_are_kept(world: World) -> None:
    path = busy(world)
    before = everything(path)
    (world.repo / ".git/worktrees/t/index").unlink()
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert everything(path) == before


def test_what_comes_late_is_kept_with_the_rest(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = busy(world)
    monkeypatch.setattr(registry, "entries_for", late(world, path, registry.entries_for))
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert (path / "late.txt").read_text() == "late\n"


def late(world: World, path: Path, function: Callable[..., object]) -> Callable[..., object]:
    """The function, with a file written to the workspace at the last moment before it is renamed."""

    def wrapped(*args: object) -> object:
        if path.is_dir():
            world.write("late.txt", "late\n", cwd=path)
        return function(*args)

    return wrapped


def fail_commit(world: World, patch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> str:
        raise GitFailed("git commit-tree: no space left on device")

    patch.setattr(snapshot, "commit", failing)


def fail_record(world: World, patch: pytest.MonkeyPatch) -> None:
    """The work is gone from the object database before anything is removed, as an unlucky gc would do it."""
    original = kept.record

    def failing(repo: Repo, keepsake: Keepsake) -> None:
        original(repo, keepsake)
        blob = world.rev(f"{keepsake.refs['work']}:untracked.txt")
        (world.repo / ".git" / "objects" / blob[:2] / blob[2:]).unlink()

    patch.setattr(kept, "record", failing)


def fail_trash(world: World, patch: pytest.MonkeyPatch) -> None:
    """By then the files are moved aside."""

    def failing(*_: object) -> None:
        raise OSError("no space left on device")

    patch.setattr(trash, "throw", failing)


@pytest.mark.parametrize("fail", [fail_commit, fail_record, fail_trash], ids=lambda fail: fail.__name__)
def test_what_cannot_be_kept_is_left_as_it_was(
    world: World, monkeypatch: pytest.MonkeyPatch, fail: Callable[[World, pytest.MonkeyPatch], None]
) -> None:
    path = busy(world)
    before = everything(path), world.git("status", "--porcelain=v2", cwd=path), world.git("for-each-ref")
    with monkeypatch.context() as patch:
        fail(world, patch)
        done = world.par("remove", "--force", "t", "--json")
    assert (done.status, [one["reason"] for one in done.json["left"]]) == (3, ["in-use"])
    assert (everything(path), world.git("status", "--porcelain=v2", cwd=path), world.git("for-each-ref")) == before
    assert not list((private(world) / "kept").rglob("*"))
    assert records(world) == []
    world.check_sound()
    assert world.listed("t")["state"] == "active"
    assert world.ok("remove", "--force", "t").out == "removed t (by force)\n"


def test_when_somebody_takes_its_place_all_it_had_is_named_and_comes_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = busy(world)
    before = everything(path)

    def failing(*_: object) -> None:
        world.write("theirs", "theirs\n", path)
        raise OSError("no space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(trash, "throw", failing)
        left = world.par("remove", "--force", "t", "--json").json["left"]
    (place,) = (private(world) / "kept" / "t").glob("*/workspace")
    detail = f"no space left on device, and somebody took its place: all it had is in '{place}'"
    assert left == [{"name": "t", "reason": "in-use", "detail": detail}]
    assert everything(place) == before
    assert everything(path) == {"theirs": "theirs\n"}
    path.rename(world.root / "theirs")
    assert world.par("remove", "t").status == 3
    assert everything(path) == before


def test_force_does_not_take_what_is_in_use(world: World) -> None:
    path = busy(world)
    sleeper = subprocess.Popen(["sleep", "60"], cwd=path)
    try:
        done = world.par("remove", "--force", "t", "--json")
    finally:
        sleeper.kill()
        sleeper.wait()
    assert done.status == 3
    reasons = [one["reason"] for one in done.json["left"]]
    assert reasons == ["in-use", "uncommitted", "untracked", "unmerged"]
    assert "--force" not in done.err
    assert (path / ".env").exists()


def test_a_removal_killed_while_all_is_aside_is_taken_back_by_the_next(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = busy(world)
    before = everything(path)

    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(trash, "throw", killed)
        with pytest.raises(Killed):
            world.par("remove", "--force", "t")
    assert not path.exists()
    assert world.par("remove", "t").status == 3
    assert everything(path) == before
    assert world.listed("t")["state"] == "active"
    world.ok("remove", "--force", "t")
    world.ok("restore", "t")
    assert everything(path) == before


# Sweeping.


def aged(world: World, keepsake: Keepsake, stamp: str = "20200101T000000.000000Z") -> None:
    """Make what was kept look old."""
    files = json.loads(kept.record_file(discovery.find(world.repo), keepsake.task.slug, keepsake.stamp).read_text())
    for base in (world.repo / ".git" / "par" / "kept", private(world) / "kept"):
        for path in list((base / keepsake.task.slug).glob(f"{keepsake.stamp}*")):
            path.rename(path.with_name(path.name.replace(keepsake.stamp, stamp)))
    record = kept.record_file(discovery.find(world.repo), keepsake.task.slug, stamp)
    record.write_text(json.dumps(files).replace(keepsake.stamp, stamp))
    for name, commit in keepsake.refs.items():
        world.git("update-ref", f"refs/par/kept/{keepsake.task.slug}/{stamp}/{name}", commit)
        world.git("update-ref", "-d", f"{keepsake.ref}/{name}")
    for file in (world.repo / ".git" / "par" / "journal").iterdir():
        file.write_text(file.read_text().replace(keepsake.stamp, stamp))


def states(world: World) -> dict[str, str]:
    """Of each operation that kept something: its verb and name, and its state."""
    entries = [json.loads(file.read_text()) for file in (world.repo / ".git" / "par" / "journal").iterdir()]
    return {" ".join(entry["command"]): entry["state"] for entry in entries if entry["kept"]}


def test_only_what_is_old_is_swept(world: World) -> None:
    busy(world, "old")
    world.ok("remove", "--force", "old")
    aged(world, found(world)[0])
    busy(world, "young")
    world.ok("remove", "--force", "young")
    before = world.git("for-each-ref")
    assert world.ok("prune").out == ""
    assert world.ok("prune", "--kept", "--dry-run").out == "would sweep old (kept at 20200101T000000.000000Z)\n"
    assert world.git("for-each-ref") == before
    assert world.ok("prune", "--kept").out == "swept old (kept at 20200101T000000.000000Z)\n"
    wait_for_empty_trash(world)
    assert [one.task.name for one in found(world)] == ["young"]
    assert not list(private(world).rglob("old*"))
    assert not list((world.repo / ".git" / "par" / "kept").rglob("old*"))
    assert states(world) == {"remove --force old": "expired", "remove --force young": "done"}
    assert world.par("restore", "old").status == 2
    assert world.ok("prune", "--kept").err == "nothing to sweep: nothing kept is that old\n"
    world.ok("restore", "young")


def test_what_is_called_like_a_keepsake_and_is_none_stays(world: World) -> None:
    world.landed()
    world.ok("remove", "t")
    odd = {f"refs/par/kept/{name}": world.rev("HEAD") for name in ("t/long-ago/tip", "t/alone")}
    for ref, commit in odd.items():
        world.git("update-ref", ref, commit)
    assert world.ok("prune", "--kept", "--older-than", "0m").out.count("swept") == 1
    assert kept_refs(world) == odd


def test_how_long_is_up_to_the_user(world: World) -> None:
    world.landed()
    world.ok("remove", "t")
    world.git("config", "par.keepDays", "1")
    assert world.ok("prune", "--kept").out == ""
    assert world.ok("prune", "--kept", "--older-than", "1h").out == ""
    world.git("config", "par.keepDays", "0")
    assert world.ok("prune", "--kept").out.startswith("swept t ")
    assert kept_refs(world) == {}


@pytest.mark.parametrize("argv", [["--kept", "--new"], ["--kept", "--older-than", "old"]])
def test_a_sweep_that_is_not_understood_sweeps_nothing(world: World, argv: list[str]) -> None:
    world.landed()
    world.ok("remove", "t")
    world.git("config", "par.keepDays", "0")
    assert world.par("prune", *argv).status == 2
    assert len(found(world)) == 1


def test_a_sweep_takes_no_directory_that_only_a_record_names(world: World) -> None:
    busy(world)
    precious = world.write("precious/files/x", "x", cwd=world.root).parent
    world.ok("remove", "--force", "t")
    (record,) = records(world)
    data = json.loads(record.read_text())
    record.write_text(json.dumps({**data, "files": str(precious)}))
    world.ok("prune", "--kept", "--older-than", "0m")
    wait_for_empty_trash(world)
    assert (precious / "x").read_text() == "x"


def test_what_a_killed_removal_has_yet_to_finish_is_not_swept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = busy(world)
    before = everything(path)

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registering, "unregister", killed)
        assert world.par("remove", "--force", "t").status == 130
    assert world.ok("prune", "--kept", "--older-than", "0m").out == ""
    world.ok("remove", "--force", "t")
    assert len(found(world)) == 1
    world.ok("restore", "t")
    assert everything(path) == before


def test_a_sweep_that_was_killed_is_finished_by_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    busy(world)
    world.ok("remove", "--force", "t")

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(registering, "drop", killed)
        assert world.par("prune", "--kept", "--older-than", "0m").status == 130
    assert world.ok("prune", "--kept", "--older-than", "0m").out.startswith("swept t ")
    assert (kept_refs(world), records(world), states(world)) == ({}, [], {"remove --force t": "expired"})


def test_a_half_made_workspace_that_was_put_aside_goes_with_what_is_old(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    world.task("t")
    world.ok("remove", "--force", "t")
    with monkeypatch.context() as patch:
        patch.setattr(unpacking, "_fill", killed)
        patch.setattr(worktree, "take_back", lambda *_: None)
        patch.setattr(claims, "delete_branches", lambda *_: None)
        patch.setattr(tasks.Tasks, "drop", lambda *_: None)
        with pytest.raises(Killed):
            world.par("restore", "t")
    world.ok("restore", "t")
    (rest,) = (private(world) / "kept").glob("t/*/unfinished")
    world.ok("prune", "--kept")
    assert rest.exists()
    world.ok("prune", "--kept", "--older-than", "0m")
    wait_for_empty_trash(world)
    assert not rest.exists()
    assert world.listed("t")["state"] == "active"


def test_trash_that_a_killed_sweep_left_goes_with_the_next_removal(world: World) -> None:
    world.write("x", "x", cwd=private(world) / "trash" / "left-behind" / "deep")
    dropped = world.write("HEAD", "x", cwd=world.repo / ".git" / "par" / "dropped-t-999999999-1").parent
    ours = world.write("HEAD", "x", cwd=world.repo / ".git" / "par" / f"dropped-t-{os.getpid()}-1").parent
    world.landed()
    world.ok("remove", "t")
    wait_for_empty_trash(world)
    assert not dropped.exists()
    assert ours.exists()


def test_copying_back_replaces_files_but_no_directories_and_leads_nowhere(world: World) -> None:
    source, target, outside = world.root / "source", world.root / "target", world.root / "outside"
    for name in ("same", "new", "deep/same", "deep/new", "file/inside", "directory", "linked/x", "link"):
        world.write(name, "kept\n", cwd=source)
    for name in ("same", "deep/same", "file", "directory/inside"):
        world.write(name, "there\n", cwd=target)
    world.write("x", "outside\n", cwd=outside)
    (target / "linked").symlink_to(outside)
    (target / "link").symlink_to(outside / "x")
    unpacking.copy_files(source, target)
    assert everything(target) == {
        "same": "kept\n",
        "deep/same": "kept\n",
        "deep/new": "kept\n",
        "directory/inside": "there\n",
        "file": "there\n",
        "link": "kept\n",
        "linked": str(outside),
        "new": "kept\n",
    }
    assert everything(outside) == {"x": "outside\n"}


@pytest.mark.parametrize("force", [(), ("--force",)])
def test_commits_that_only_a_reflog_of_the_workspace_names_are_kept(world: World, force: tuple[str, ...]) -> None:
    path = world.task("t")
    dropped = [world.rev("t")]
    world.git("commit", "-q", "--amend", "-m", "amended", cwd=path)
    dropped.append(world.rev("t"))
    world.git("reset", "-q", "--hard", "main", cwd=path)
    world.ok("remove", "t", *force)
    world.git("gc", "-q", "--prune=now")
    for commit in dropped:
        assert world.try_git("cat-file", "-e", commit).status == 0
    world.ok("restore", "t")
    assert world.git("status", "--porcelain", cwd=path) == ""
    assert world.try_git("fsck", "--no-dangling").status == 0


def test_a_reflog_that_names_what_is_gone_already_holds_no_removal_back(world: World) -> None:
    expect_files(world.repo / ".git")
    path = world.task("t")
    world.git("reset", "-q", "--hard", "main", cwd=path)
    world.git("reflog", "expire", "--expire=now", "--all")
    log = path / (path / ".git").read_text().removeprefix("gitdir: ").strip() / "logs" / "HEAD"
    log.write_text(f"{world.rev('main')} {'1' * 40} A <a@x.org> 1700000000 +0000\tgone\n")
    world.ok("remove", "t")
