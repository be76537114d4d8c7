"""How many tasks there may be, what those are called that nobody named, and what tells when some can go."""

import re
import subprocess
from pathlib import Path

import pytest

from git_par import names
from git_par.commands import prunable
from tests.world import PAR, World

ROOT = Path(__file__).parent.parent


def at_once(world: World, count: int, *args: str) -> list["subprocess.Popen[str]"]:
    """So many `git par add` at the same time, all of them ended."""
    running = [world.start(*PAR, "add", *args) for _ in range(count)]
    for process in running:
        process.wait(300)
    return running


def made(running: list["subprocess.Popen[str]"]) -> list[str]:
    names = []
    for process in running:
        out, err = process.communicate()
        assert process.returncode == 0, err
        names.append(Path(out.removesuffix("\n")).name)
    return names


# names


@pytest.mark.parametrize("count", [pytest.param(12), pytest.param(100, marks=pytest.mark.soak)])
@pytest.mark.parametrize("args", [("--group", "wave"), ("--title", "Free mixer channel")])
def test_names_made_up_by_many_processes_at_once_differ(world: World, count: int, args: tuple[str, str]) -> None:
    found = made(at_once(world, count, *args))
    assert len(set(found)) == count
    stem = "free-mixer-channel" if args[0] == "--title" else "wave-2"
    assert all(name.startswith(stem) for name in found)
    world.check_sound()


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Free mixer channel", "free-mixer-channel"),
        ("Größe ÄNDERN", "größe-ändern"),
        ("修复 登录", "修复-登录"),
        ("исправить вход", "исправить-вход"),
        ("हिन्दी में", "हिन्दी-में"),
        ("fix 🚀 launch", "fix-launch"),
        ("a/b: [c]~1^{2}", "a-b-c-1-2"),
        ("-x --y", "x-y"),
        ("HEAD", "head"),
        ("file.lock", "file-lock"),
        ("long " * 60, ("long-" * 60)[:59]),
    ],
)
def test_titles_in_all_scripts_make_names(world: World, title: str, name: str) -> None:
    assert Path(world.ok("add", f"--title={title}").out.removesuffix("\n")).name == name
    assert world.listed(name)["branch"] == name


@pytest.mark.parametrize("title", ["!?", "🚀", "\u0301", " ", "", "\u200d"])
def test_a_title_without_letters_makes_no_name(title: str) -> None:
    assert names.from_title(title) == ""


@pytest.mark.parametrize("group", ["Sprint 12", "a:b", "-g", "~"])
def test_a_group_that_is_no_branch_name_still_makes_one(world: World, group: str) -> None:
    name = Path(world.ok("add", f"--group={group}").out.removesuffix("\n")).name
    stem = names.from_title(group) or "task"
    assert name.startswith(f"{stem}-2")
    assert world.listed(name)["group"] == group


def test_a_template_with_all_there_is(world: World) -> None:
    world.git("config", "par.branch", "zerg/{group}/{user}/{date}/{name}")
    world.ok("add", "--group", "g", "--title", "Free channel")
    parts = world.listed("free-channel")["branch"].split("/")
    assert (parts[0], parts[1], parts[4], len(parts)) == ("zerg", "g", "free-channel", 5)
    done = world.par("add", "x")
    assert done.status == 2
    assert done.err.startswith(
        "git par: branch template 'zerg/{group}/{user}/{date}/{name}': '{group}' is empty here\n"
    )


def test_a_made_up_name_avoids_a_branch_that_is_a_folder(world: World) -> None:
    world.git("branch", "free-channel/x")
    assert world.ok("add", "--title", "Free channel").out == f"{world.workspaces / 'free-channel-2'}\n"


# how many


def test_there_may_be_any_number_of_tasks_until_somebody_says_so(world: World) -> None:
    world.add("a", "b", "c")
    world.git("config", "par.maxTasks", "3")
    before = world.git("for-each-ref")
    done = world.par("add", "d")
    assert done == (
        3,
        "",
        "git par: par.maxTasks: at most 3 at a time, and there are 3, none of which can be pruned\n"
        "hint: git par merge --all, or a higher par.maxTasks\n",
    )
    assert world.git("for-each-ref") == before
    assert not (world.workspaces / "d").exists()
    world.ok("remove", "a")
    assert world.par("add", "d", "e").status == 3
    world.ok("add", "d")
    world.git("config", "par.maxTasks", "0")
    world.ok("add", "e", "f")


def test_the_refusal_names_what_prune_would_remove(world: World) -> None:
    for name in ("one", "two", "three"):
        world.task(name)
    world.task("open")
    world.ok("merge", "one", "two", "three")
    world.write("note", "note\n", world.workspaces / "three")
    world.git("config", "par.maxTasks", "4")
    done = world.par("add", "--json", "more")
    assert done.status == 3
    assert done.json["error"]["message"] == (
        "par.maxTasks: at most 4 at a time, and there are 4; these can be pruned: one, two"
    )
    assert done.json["error"]["hint"] == "git par prune"
    shown = world.ok("prune", "--dry-run").out
    assert shown == "would remove one (merged)\nwould remove two (merged)\n"
    world.ok("prune")
    world.ok("add", "more")


def test_many_at_once_do_not_get_past_the_limit(world: World) -> None:
    world.git("config", "par.maxTasks", "3")
    running = at_once(world, 8)
    assert sorted(process.returncode for process in running) == [0] * 3 + [3] * 5
    for process in running:
        process.communicate()
    assert len(world.ok("list", "--json").json["tasks"]) == 3
    world.check_sound()


def test_a_limit_that_is_none_is_refused_before_anything_is_made(world: World) -> None:
    world.git("config", "par.maxTasks", "many")
    assert world.par("add", "a").err.startswith("git par: par.maxTasks: 'many' is not a number\n")
    assert world.branches() == ["main"]


# how old


def test_remove_leaves_what_is_not_old_enough(world: World) -> None:
    world.add("old", "young")
    record = world.record("old")
    record.write_text(re.sub('"created": "[^"]*"', '"created": "2026-01-01T00:00:00Z"', record.read_text()))
    done = world.par("remove", "--older-than", "3d", "old", "young")
    assert done == (1, "removed old (nothing was committed in it)\n", "left young: not older than 3d\n")
    done = world.par("remove", "--force", "--older-than", "3d", "young")
    assert done == (3, "", "left young: not older than 3d\n")
    assert world.par("remove", "--older-than", "soon", "young").status == 2
    assert world.branches() == ["main", "young"]


# what can go


def told(world: World, *args: str) -> int:
    """How many tasks a merge says that prune would remove."""
    done = world.par("merge", *args)
    found = re.findall(r"^hint: git par prune would remove (\d+) tasks?, unless in use$", done.err, re.M)
    assert len(found) < 2
    return int(found[0]) if found else 0


def gone(world: World) -> int:
    return len(world.ok("prune", "--dry-run").out.splitlines())


def test_a_merge_tells_how_many_tasks_prune_would_remove(world: World) -> None:
    for name in ("one", "two", "three", "four", "open"):
        world.task(name)
    world.add("new")
    assert told(world, "one") == gone(world) == 1
    assert told(world, "two", "three", "--squash") == gone(world) == 3
    world.write("note", "note\n", world.workspaces / "one")
    world.write("note", "note\n", world.workspaces / "four")
    assert told(world, "four") == gone(world) == 2
    world.ok("set", "two", "--protect")
    world.commit("more", cwd=world.workspaces / "three", more__txt="more\n")
    assert told(world, "open") == gone(world) == 1


def test_a_merge_counts_what_was_reverted_or_is_dirty_as_prune_does(world: World) -> None:
    world.task("back")
    world.task("dirty")
    world.task("last")
    world.ok("merge", "back")
    world.ok("revert", "back")
    world.write("dirty.txt", "changed\n", world.workspaces / "dirty")
    assert told(world, "dirty", "--allow-dirty") == gone(world) == 0
    assert told(world, "last") == gone(world) == 1


def test_what_git_itself_merged_is_counted_unless_it_is_long_ago(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("old", "one", "two"):
        world.task(name)
    world.git("merge", "-q", "--no-ff", "--no-edit", "old")
    assert told(world, "one") == gone(world) == 2
    # No more of the history is walked than that.
    monkeypatch.setattr(prunable, "_RECENT", 1)
    assert (told(world, "two"), gone(world)) == (2, 3)


@pytest.mark.parametrize("args", [("--dry-run",), ("--prune",)])
def test_a_merge_that_removes_or_does_nothing_tells_nothing(world: World, args: tuple[str, ...]) -> None:
    world.task("one")
    assert told(world, "one", *args) == 0


def test_the_task_one_stands_in_is_not_counted(world: World) -> None:
    path = world.task("one")
    assert "prune" not in world.ok("merge", cwd=path).err
