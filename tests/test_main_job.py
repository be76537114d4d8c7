"""The main job, end to end: add, work, merge, prune."""

from tests.world import World


def test_three_tasks_come_home_and_are_removed(world: World) -> None:
    before = (world.repo / ".git" / "config").read_bytes()
    added = world.ok("add", "task-48", "task-50", "task-51")
    assert added.out == "".join(f"{world.workspaces / name}\n" for name in ("task-48", "task-50", "task-51"))
    head = world.rev("HEAD")[:8]
    assert added.err == "".join(
        f"{name}: starts at main ({head}), returns to main\n" for name in ("task-48", "task-50", "task-51")
    )
    for name in ("task-48", "task-50", "task-51"):
        world.commit(f"work of {name}", cwd=world.workspaces / name, **{name: name})
    merged = world.ok("merge", "--all", "--no-ff")
    after = world.rev("HEAD")[:8]
    assert merged.out == (
        f"main: 3 merged ({head}..{after})\n  merged      task-48\n  merged      task-50\n  merged      task-51\n"
    )
    assert sorted(path.name for path in world.repo.iterdir()) == [
        ".git", ".gitignore", "a.txt", "task-48", "task-50", "task-51",
    ]  # fmt: skip
    assert world.git("status", "--porcelain") == ""
    world.check_sound()
    pruned = world.ok("prune")
    assert pruned.out == "removed task-48 (merged)\nremoved task-50 (merged)\nremoved task-51 (merged)\n"
    assert world.branches() == ["main"]
    assert world.git("worktree", "list").count("\n") == 0
    assert world.ok("list").out == ""
    assert (world.repo / ".git" / "config").read_bytes() == before
