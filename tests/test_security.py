"""What came with a repository runs nothing, sees nothing, and what is remembered is for its owner's eyes only."""

import os
import shutil
from pathlib import Path

import pytest

from tests.world import World

QUESTIONS: list[tuple[str, ...]] = [
    ("list", "--in-use", "--size", "--json"),
    ("show", "t"),
    ("path", "t"),
    ("env", "t"),
    ("conflicts",),
    ("conflicts", "--json"),
    ("doctor",),
    ("doctor", "--fix"),
    ("prune", "--dry-run"),
    ("remove", "t", "--dry-run"),
]

COMMANDS = {
    "core.fsmonitor": "hook",
    "core.editor": "hook",
    "core.pager": "hook",
    "core.askPass": "hook",
    "core.sshCommand": "hook",
    "core.gitProxy": "hook",
    "core.alternateRefsCommand": "hook",
    "sequence.editor": "hook",
    "gpg.program": "hook",
    "gpg.ssh.program": "hook",
    "gpg.ssh.defaultKeyCommand": "hook",
    "credential.helper": "!hook",
    "diff.external": "hook",
    "diff.odd.textconv": "hook",
    "diff.odd.command": "hook",
    "pager.log": "hook",
    "pager.diff": "hook",
    "pager.branch": "hook",
    "pager.config": "hook",
    "pager.for-each-ref": "hook",
    "interactive.diffFilter": "hook",
    "trailer.odd.command": "hook",
    "uploadpack.packObjectsHook": "hook",
    "remote.o.uploadpack": "hook",
    "remote.o.vcs": "hook",
    "alias.status": "!hook",
    "alias.merge-tree": "!hook",
    "alias.par": "!hook",
    "alias.update-ref": "!hook",
    "log.showSignature": "true",
    "merge.verifySignatures": "true",
}
"""Settings that name a command, or make git run one; `hook` stands for the trap."""

HOOKS = (
    "applypatch-msg", "commit-msg", "fsmonitor-watchman", "post-applypatch", "post-checkout", "post-commit",
    "post-index-change", "post-merge", "post-receive", "post-rewrite", "post-update", "pre-applypatch", "pre-auto-gc",
    "pre-commit", "pre-merge-commit", "pre-push", "pre-rebase", "pre-receive", "prepare-commit-msg", "push-to-checkout",
    "reference-transaction", "sendemail-validate", "update",
)  # fmt: skip


MERGE_HOOKS = {
    "commit-msg", "post-checkout", "post-index-change", "post-merge", "pre-merge-commit", "prepare-commit-msg",
    "reference-transaction",
}  # fmt: skip
"""What `git merge` and `git switch` run."""


class Trap:
    """A command that writes down that it ran."""

    def __init__(self, world: World) -> None:
        self.file = world.root / "trap"
        self.log = world.root / "sprung"
        self.file.write_text(f'#!/bin/sh\necho "$0 $*" >>"{self.log}"\ncat\n')
        self.file.chmod(0o755)

    @property
    def sprung(self) -> list[str]:
        """What ran since the last look."""
        said = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return said


def hostile(world: World) -> Trap:
    """A repository full of traps, with one task that has landed and one that has not; both are clean."""
    trap = Trap(world)
    world.write(".gitattributes", "*.odd diff=odd filter=odd\n* diff=odd\n")
    world.write("one.odd", "one\n")
    world.commit("attributes")
    for name in ("t", "u"):
        world.task(name, **{f"{name}__odd": f"{name}\n"})
    world.ok("merge", "u")
    for key, value in COMMANDS.items():
        world.git("config", key, value.replace("hook", str(trap.file)))
    for name in HOOKS:
        shutil.copy(trap.file, world.repo / ".git/hooks" / name)
    assert trap.sprung == []
    return trap


def names(sprung: list[str]) -> set[str]:
    """Which traps ran."""
    return {Path(line.split()[0]).name for line in sprung}


def test_questions_run_nothing_that_came_with_the_repository(world: World) -> None:
    trap = hostile(world)
    world.git("status")
    assert "trap" in names(trap.sprung), "git itself asks fsmonitor: the traps work"
    for argv in QUESTIONS:
        done = world.par(*argv)
        assert done.status in (0, 1) or argv[0] == "remove", (argv, done)
        assert trap.sprung == [], argv


def test_a_plan_runs_only_hooks_of_git_merge(world: World) -> None:
    trap = hostile(world)
    world.ok("merge", "--all", "--dry-run")
    assert names(trap.sprung) <= MERGE_HOOKS
    for name in HOOKS:
        (world.repo / ".git/hooks" / name).unlink()
    world.ok("merge", "--all", "--dry-run")
    assert trap.sprung == []


def test_a_merge_runs_only_hooks_of_git_merge(world: World) -> None:
    trap = hostile(world)
    world.ok("merge", "t")
    assert names(trap.sprung) <= MERGE_HOOKS


def test_removals_run_nothing_either(world: World) -> None:
    trap = hostile(world)
    world.ok("prune")
    world.ok("add", "empty")
    assert names(trap.sprung) <= {"post-checkout"}, "git worktree add runs that one too"
    world.ok("remove", "empty")
    assert trap.sprung == []
    assert sorted(world.branches()) == ["main", "t"]


def test_filters_run_for_changed_files_only_as_in_git_status(world: World) -> None:
    trap = hostile(world)
    for name in HOOKS:
        (world.repo / ".git/hooks" / name).unlink()
    world.git("config", "core.fsmonitor", "false")
    for place in (world.repo, *world.workspaces.iterdir()):
        for file in place.glob("*.*"):
            os.utime(file, (10**9, 10**9))  # what is as young as the index, git would read again
        world.git("update-index", "-q", "--refresh", cwd=place)
    for what in ("clean", "smudge"):
        world.git("config", f"filter.odd.{what}", str(trap.file))
    for argv in QUESTIONS:
        world.par(*argv)
    assert trap.sprung == []
    path = world.workspaces / "t"
    world.write("t.odd", "x\n", path)
    world.ok("list")
    mine = trap.sprung
    world.git("status", cwd=path)
    assert len(mine) <= len(trap.sprung)


@pytest.mark.parametrize("name", ["$(id)", "`id`", "a;id", "a|id", "a&id", "a'b", 'a"b', "x--upload-pack=id", "ünï"])
def test_odd_names_are_names(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = world.task(name)
    trap = Trap(world)
    env = world.root / "bin"
    env.mkdir()
    shutil.copy(trap.file, env / "id")
    monkeypatch.setenv("PATH", f"{env}:{os.environ['PATH']}")
    for argv in (("list",), ("show", name), ("env", name), ("conflicts",), ("doctor", "--fix")):
        world.ok(*argv)
    world.ok("sync", name)
    world.ok("merge", name)
    record = next((world.repo / ".git/par/tasks").iterdir())
    record.write_text("")
    world.ok("doctor", "--fix")
    assert world.listed(name)["path"] == str(path)
    world.ok("remove", name)
    assert trap.sprung == []
    assert not path.exists()


def test_a_directory_that_is_a_link_leads_nobody_out(world: World) -> None:
    outside = world.root / "outside"
    outside.mkdir()
    (outside / "precious").write_text("precious\n")
    path = world.task("t", node_modules_real="x\n")
    (path / "node_modules").symlink_to(outside)
    (path / "build").symlink_to(outside)
    world.ok("merge", "t")
    world.par("doctor", "--fix")
    world.par("remove", "t")
    assert (outside / "precious").read_text() == "precious\n"


def test_a_link_in_the_place_of_the_private_corner_leads_nobody_out(world: World) -> None:
    outside = world.root / "outside"
    (outside / "trash").mkdir(parents=True)
    (outside / "trash/precious").write_text("precious\n")
    world.task("t")
    shutil.rmtree(world.workspaces / ".par", ignore_errors=True)
    (world.workspaces / ".par").symlink_to(outside)
    world.par("doctor", "--fix", "--cleanup")
    assert (outside / "trash/precious").read_text() == "precious\n"


def test_what_is_remembered_is_for_its_owner_only(world: World) -> None:
    old = os.umask(0)
    try:
        path = world.task("t")
        world.write(".env", "secret\n", path)
        world.ok("merge", "t", "--gate", "true")
        world.ok("prune")
        world.task("u")
        world.record("u").write_text("{")
        world.ok("doctor", "--fix")
    finally:
        os.umask(old)
    for top in (world.repo / ".git/par", world.workspaces / ".par"):
        for place in (top, *top.rglob("*")):
            if place.is_symlink() or "gate" in place.relative_to(top).parts[:1]:
                continue
            mode = place.stat().st_mode & 0o777
            wanted = 0o700 if place.is_dir() else 0o600
            kept = "kept" in place.relative_to(top).parts  # as it was, in a directory that is closed
            assert mode == wanted or (kept and top.stat().st_mode & 0o077 == 0), (place, oct(mode))


def test_reports_and_logs_hold_no_environment_and_no_credentials(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", "hunter2-environment")
    world.git("config", "remote.origin.url", "https://user:hunter2-url@example.com/x.git")
    world.git("config", "remote.origin.push", "+refs/*:refs/*")
    world.git("config", "http.extraHeader", "Authorization: hunter2-header")
    world.task("t")
    world.task("u", t__txt="clash\n")
    said = ""
    for argv in (
        ("list", "--json"), ("show", "t", "--json"), ("env", "t", "--json"), ("conflicts", "--json"), ("doctor", "--json"),
        ("add", "f", "--fetch", "--json"), ("merge", "--all", "--gate", "true", "--json"), ("prune", "--json"),
    ):  # fmt: skip
        done = world.par(*argv)
        said += done.out + done.err
    for file in (world.repo / ".git/par").rglob("*"):
        said += file.read_text(errors="replace") if file.is_file() else ""
    assert "config-push" in said
    assert "hunter2" not in said


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_a_repository_of_another_user_is_refused_as_git_does(world: World) -> None:
    world.task("t")
    for place in (world.repo, world.repo / ".git"):
        os.chown(place, 4321, 4321)
    for argv in QUESTIONS:
        done = world.par(*argv)
        assert done.status == 3, (argv, done)
        assert "dubious ownership" in done.err
        assert f"hint: git config --global --add safe.directory {world.repo}" in done.err
