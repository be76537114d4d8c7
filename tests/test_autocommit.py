"""`--autocommit`: what stands uncommitted comes home too, committed as its owner would have done it."""

import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from git_par import names
from git_par.landing import autocommit
from tests.world import PAR, World


def index(world: World, path: Path) -> tuple[str, str]:
    """All that an index says: its entries, and what is staged, changed and untracked."""
    return (
        world.git("ls-files", "--stage", "-t", cwd=path),
        world.git("status", "--porcelain=v2", "--untracked-files=all", cwd=path),
    )


def test_tracked_and_untracked_changes_come_home(world: World) -> None:
    path = world.task("t", t__txt="t\n", gone__txt="g\n")
    world.write("t.txt", "changed\n", cwd=path)
    world.write("staged.txt", "staged\n", cwd=path)
    world.git("add", "staged.txt", cwd=path)
    world.write("staged.txt", "and changed\n", cwd=path)
    world.write("deep/new ü\nfile.txt", "new\n", cwd=path)
    world.write(":(top)x", "odd\n", cwd=path)
    world.write("ignored.log", "log\n", cwd=path)
    (path / "gone.txt").unlink()
    old = world.rev("t")
    done = world.ok("merge", "t", "--autocommit")
    new = world.rev("t")
    assert done.err == (
        f"git par: t: committed what was uncommitted ({new[:8]})\n"
        "hint: git par prune would remove 1 task, unless in use\n"
    )
    assert world.rev("t~1") == old
    assert world.git("log", "-1", "--format=%s %an %cn", "t") == "Work on t A U Thor C O Mitter"
    assert world.git("ls-tree", "-rz", "--name-only", "main").split("\0")[:-1] == sorted(
        [".gitignore", ":(top)x", "a.txt", "deep/new ü\nfile.txt", "staged.txt", "t.txt"]
    )
    assert world.git("show", "main:staged.txt", "main:t.txt") == "and changed\nchanged"
    assert world.git("status", "--porcelain", "--ignored", cwd=path) == "!! ignored.log"


@pytest.mark.parametrize(
    ("options", "title", "expected"),
    [
        ((), None, "Work on t\n"),
        ((), "Free the channel", "Free the channel\n"),
        (("-m", "mine\n\n# not a comment"), "Free the channel", "mine\n\n# not a comment\n"),
        (("--signoff",), None, "Work on t\n\nSigned-off-by: C O Mitter <committer@example.com>\n"),
    ],
)
def test_its_message_is_that_of_m_or_the_title(
    world: World, options: tuple[str, ...], title: str | None, expected: str
) -> None:
    path = Path(world.ok("add", "t", *(("--title", title) if title else ())).out.strip())
    world.write("t.txt", "t\n", cwd=path)
    world.ok("merge", "t", "--autocommit", *options)
    assert world.git("log", "-1", "--format=%B", "t") == expected


def test_secrets_and_repositories_of_their_own_stay_where_they_are(world: World) -> None:
    path = world.task("t", **{".env__example": "tracked\n"})
    world.git("config", "core.excludesFile", "/dev/null")
    world.write(".gitignore", "nothing\n", cwd=path)
    world.write(".env", "key\n", cwd=path)
    world.write("deep/.env.local", "key\n", cwd=path)
    world.write(".env.d/key", "key\n", cwd=path)
    world.write(".env.example", "changed\n", cwd=path)
    world.git("init", "-q", str(path / "nested"))
    world.write("nested/file", "x\n", cwd=path)
    done = world.ok("merge", "t", "--autocommit")
    assert done.err.splitlines()[1:] == ["t: 4 untracked files not merged"]
    assert world.git("ls-tree", "-r", "--name-only", "main").splitlines() == [".env.example", ".gitignore", "a.txt"]
    assert world.git("show", "main:.env.example") == "changed"
    assert (path / ".env").read_text() == "key\n"


@pytest.mark.parametrize(
    ("path", "secret"),
    [(".env", True), ("a/.env.local", True), (".envrc", True), (".env.d/key", True), ("env", False), ("a.env", False)],
)
def test_what_a_secret_is(path: str, secret: bool) -> None:
    assert names.is_secret(path) is secret


def test_nothing_to_commit_makes_no_commit(world: World) -> None:
    path = world.task("t")
    world.write(".env", "ignored\n", cwd=path)
    os.utime(path / "t.txt", (1, 1))
    before = world.rev("t")
    done = world.ok("merge", "t", "--autocommit")
    assert (world.rev("t"), done.err) == (before, "hint: git par prune would remove 1 task, unless in use\n")


def test_hooks_run_as_in_the_owners_own_commit(world: World) -> None:
    path = world.task("t")
    record = world.root / "record"
    world.write("t.txt", "dirty\n", cwd=path)
    world.write("n.txt", "new\n", cwd=path)
    world.hook("pre-commit", f"pwd >>{record}; git diff --cached --name-only >>{record}")
    world.hook("commit-msg", 'echo "Change-Id: 1" >>"$1"')
    world.hook("post-commit", f"echo post >>{record}")
    world.ok("merge", "t", "--autocommit")
    assert record.read_text().splitlines() == [str(path), "n.txt", "t.txt", "post"]
    assert world.git("log", "-1", "--format=%B", "t") == "Work on t\nChange-Id: 1\n"


def test_no_lock_is_held_while_hooks_run(world: World) -> None:
    path = world.task("t")
    other = world.task("other")
    world.write("n.txt", "new\n", cwd=path)
    command = " ".join([*PAR, "merge", "other"])
    world.hook("pre-commit", f"unset GIT_INDEX_FILE GIT_DIR; PYTHONPATH={Path(__file__).parent.parent} {command} >&2")
    world.git("config", "par.lockTimeout", "1")
    done = world.ok("merge", "t", "--autocommit")
    assert done.out.splitlines()[1:] == ["  merged      t"]
    assert world.git("merge-base", "--is-ancestor", "other", "main") == ""
    assert (other / "other.txt").exists()


def test_a_commit_that_a_hook_refuses_leaves_the_task_out_and_its_index_as_it_was(world: World) -> None:
    path = world.task("t", t__txt="t\n", s__txt="s\n")
    other = world.add("other")[0]
    world.write("s.txt", "staged\n", cwd=path)
    world.git("add", "s.txt", cwd=path)
    world.write("s.txt", "and changed\n", cwd=path)
    world.write("t.txt", "changed\n", cwd=path)
    world.write("n.txt", "new\n", cwd=path)
    world.write("other.txt", "other\n", cwd=other)
    world.hook("pre-commit", 'test ! -e n.txt || { echo "no new files, please" >&2; echo more >&2; exit 3; }')
    before = (world.rev("t"), index(world, path))
    done = world.par("merge", "--all", "--autocommit")
    assert done.status == 1
    assert done.out.splitlines()[1:] == [
        "  merged      other",
        "  left out    t: its commit was refused: no new files, please",
    ]
    assert done.err.splitlines()[1:] == [
        "hint: t: cd ../repo-worktrees/t && git add --all && git commit, then git par merge t",
        "hint: git par prune would remove 1 task, unless in use",
    ]
    assert (world.rev("t"), index(world, path)) == before
    assert world.par("merge", "t", "--autocommit", "--json").json["merges"][0]["skipped"] == [
        {"name": "t", "reason": "vetoed", "detail": "its commit was refused: no new files, please"}
    ]


def test_a_refused_task_is_left_out_even_when_only_new_files_stand_there(world: World) -> None:
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    world.hook("commit-msg", "exit 1")
    before = (world.rev("main"), index(world, path))
    done = world.par("merge", "t", "--autocommit", "--allow-dirty")
    assert (done.status, done.out.splitlines()[1:]) == (1, ["  left out    t: its commit was refused: status 1"])
    assert (world.rev("main"), index(world, path)) == before


def test_who_is_not_fit_is_left_as_it_is(world: World) -> None:
    rebasing, away, unmerged = world.task("rebasing"), world.task("away"), world.task("unmerged")
    for path in (rebasing, away, unmerged):
        world.write("n.txt", "new\n", cwd=path)
    world.git("switch", "-q", "--detach", cwd=away)
    (world.repo / ".git/worktrees/rebasing/MERGE_HEAD").write_text(world.rev("main") + "\n")
    blob = world.git("rev-parse", "main:a.txt")
    feed = "".join(f"100644 {blob} {stage}\ta.txt\n" for stage in (1, 2, 3))
    world.process(
        "sh", "-c", f"printf '%s' '0 {'0' * 40}\ta.txt\n{feed}' | git update-index --index-info", cwd=unmerged
    )
    tips = world.git("for-each-ref", "refs/heads")
    done = world.par("merge", "--all", "--autocommit")
    assert done.status == 1
    assert done.out.splitlines()[1:] == [
        "  left out    rebasing: a merge is in progress in it",
        "  left out    away: it is on a detached HEAD",
        "  left out    unmerged: unmerged files: a.txt",
    ]
    assert world.git("for-each-ref", "refs/heads") == tips


def test_a_base_that_must_not_move_costs_no_commit(world: World) -> None:
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    world.git("bisect", "start")
    before = world.git("for-each-ref")
    done = world.par("merge", "t", "--autocommit")
    assert done.status == 3
    assert world.git("for-each-ref") == before


def test_a_rehearsal_commits_nothing_and_says_what_it_would(world: World) -> None:
    path = world.task("t")
    world.write("t.txt", "dirty\n", cwd=path)
    world.write("n.txt", "new\n", cwd=path)
    before = (world.git("for-each-ref"), index(world, path))
    done = world.ok("merge", "t", "--autocommit", "--dry-run")
    assert done.out.splitlines()[1:] == ["  merged      t"]
    assert done.err.splitlines()[0] == (
        "git par: t: what is uncommitted would be committed first; the plan is without it"
    )
    assert (world.git("for-each-ref"), index(world, path)) == before


def test_the_journal_has_the_step_of_the_branch(world: World) -> None:
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    tips = world.rev("t"), world.rev("main")
    world.ok("merge", "t", "--autocommit")
    entry = json.loads(max((world.repo / ".git/par/journal").iterdir()).read_text())
    assert entry["state"] == "done"
    assert entry["refs"] == {
        "refs/heads/t": [tips[0], world.rev("t")],
        "refs/heads/main": [tips[1], world.rev("main")],
    }


def test_an_interrupt_in_a_hook_puts_the_index_back(world: World) -> None:
    path = world.task("t")
    world.write("t.txt", "dirty\n", cwd=path)
    world.write("n.txt", "new\n", cwd=path)
    before = (world.rev("t"), index(world, path))
    world.hook("pre-commit", f"touch {world.root}/there; exec sleep 60")
    running = world.start(*PAR, "merge", "t", "--autocommit")
    patience = time.monotonic() + 30
    while not (world.root / "there").exists():
        assert time.monotonic() < patience
        time.sleep(0.02)
    running.send_signal(signal.SIGTERM)
    running.communicate(timeout=30)
    assert running.returncode == 143
    assert (world.rev("t"), index(world, path)) == before


def test_an_index_that_is_held_for_a_moment_is_waited_for(world: World) -> None:
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    lock = world.repo / ".git/worktrees/t/index.lock"
    lock.touch()
    release = threading.Timer(0.5, lock.unlink)
    release.start()
    done = world.ok("merge", "t", "--autocommit")
    release.join()
    assert done.out.splitlines()[1:] == ["  merged      t"]
    assert world.git("show", "main:n.txt") == "new"


def test_an_index_that_is_free_again_before_anybody_looks_is_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    lock = world.repo / ".git/worktrees/t/index.lock"
    lock.touch()
    exists = Path.exists

    def late(file: Path) -> bool:
        if file == lock:
            lock.unlink(missing_ok=True)
        return exists(file)

    monkeypatch.setattr(Path, "exists", late)
    world.ok("merge", "t", "--autocommit")
    assert world.git("show", "main:n.txt") == "new"


def test_an_index_that_stays_held_leaves_the_task_out(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autocommit, "_INDEX_PATIENCE", 0.1)
    path = world.task("t")
    world.write("n.txt", "new\n", cwd=path)
    lock = world.repo / ".git/worktrees/t/index.lock"
    lock.touch()
    before = (world.rev("main"), index(world, path))
    done = world.par("merge", "t", "--autocommit")
    assert done.status == 1
    assert done.out.splitlines()[1].startswith("  left out    t: its commit was refused: ")
    assert "index.lock" in done.out
    lock.unlink()
    assert (world.rev("main"), index(world, path)) == before


def test_edits_inside_of_a_submodule_are_nothing_to_commit(world: World) -> None:
    inner = World(world.root, "inner").init()
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner.repo), "sub")
    world.commit("submodule")
    path = world.task("t")
    world.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "update", "--init", cwd=path)
    world.write("sub/a.txt", "dirty\n", cwd=path)
    tip = world.rev("t")
    done = world.par("merge", "t", "--autocommit")
    assert done.out.splitlines()[1:] == ["  left out    t: uncommitted changes: sub"]
    assert world.rev("t") == tip


def test_work_outside_of_a_sparse_checkout_comes_home_too(world: World) -> None:
    world.write("in/a", "a\n")
    world.write("out/b", "b\n")
    world.commit("folders")
    path = Path(world.ok("add", "t", "--sparse", "in").out.strip())
    world.write("out/new.txt", "new\n", cwd=path)
    world.write("in/a", "changed\n", cwd=path)
    world.ok("merge", "t", "--autocommit")
    assert world.git("show", "main:out/new.txt", "main:in/a", "main:out/b") == "new\nchanged\nb"


def test_a_task_on_top_of_a_refused_one_is_left_out_with_it(world: World) -> None:
    path = world.task("t")
    world.ok("add", "above", "--from", "t")
    world.commit("above", cwd=world.workspaces / "above", above__txt="1\n")
    world.write("n.txt", "new\n", cwd=path)
    world.hook("pre-commit", "echo no >&2; exit 1")
    done = world.par("merge", "--all", "--autocommit")
    assert done.out.splitlines()[1:] == [
        "  left out    t: its commit was refused: no",
        "  left out    above: it is based on t, which was left out",
    ]
