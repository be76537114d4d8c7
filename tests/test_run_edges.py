"""`git par run` at its edges: other places, other bases, other isolations, limits, hooks, prompts, ownership."""

import json
import os
import stat
from pathlib import Path

import pytest

from tests.running import carry_out
from tests.test_run_copy import PAR
from tests.test_trust import at_terminal
from tests.world import Result, World

WRITE = "echo $GIT_PAR_TASK > $GIT_PAR_TASK"


def tasks(*names: str, run: str = f"command = '{WRITE}'", **more: str) -> str:
    """A task file with a task of each name, the lines `run` for all of them and `more` for some."""
    return f"[run]\n{run}\n" + "".join(f'[[task]]\nname = "{name}"\n{more.get(name, "")}\n' for name in names)


def states(done: Result) -> dict[str, tuple[str, str | None]]:
    """How each task ended, and why, as the JSON of a run tells."""
    return {one["name"]: (one["state"], one["reason"]) for one in done.json["tasks"]}


def landed(world: World, base: str = "main", cwd: Path | None = None) -> list[str]:
    """What `base` has by now beside the files of its first commit."""
    return [
        one for one in world.git("ls-tree", "--name-only", base, cwd=cwd).split("\n") if one[:2] not in (".g", "a.")
    ]


# what the worker is asked


PROMPT = "Zeile 1: \"quoted\" 'so'\n\n  {task} {{x}} {nobody} $HOME `id` %s \\n äöü ☃\r\n\tend\n"


@pytest.mark.parametrize("way", ["prompt", "prompt_file"])
def test_a_prompt_reaches_the_worker_as_it_was_written(world: World, way: str) -> None:
    world.git("config", "par.prompt", "{prompt}")
    if way == "prompt_file":
        (world.root / "auftrag für a.md").write_bytes(PROMPT.encode())
        line = 'prompt_file = "auftrag für a.md"'
    else:
        line = f"prompt = {json.dumps(PROMPT)}"
    run = "command = 'printf %s \"$GIT_PAR_PROMPT\" > said'\ncleanup = 'never'"
    done = carry_out(world, tasks("a", run=run, a=line))
    assert done.status == 0, done
    assert (world.workspaces / "a" / "said").read_bytes().decode() == PROMPT
    assert world.ok("show", "a", "--prompt").out == f"{PROMPT}\n"
    world.ok("exec", "a", "--", "sh", "-c", 'printf %s "$GIT_PAR_PROMPT" > again')
    assert (world.workspaces / "a" / "again").read_bytes().decode() == PROMPT
    world.git("config", "par.prompt", "")
    assert PROMPT.strip("\n") in world.ok("show", "a", "--prompt").out


def test_a_prompt_survives_damage_removal_and_undo(world: World) -> None:
    world.git("config", "par.prompt", "{prompt}")
    text = tasks("a", run="command = 'exit 1'", a=f"prompt = {json.dumps(PROMPT)}\nreads = ['a.txt', 'docs/**']")
    asked = f"{PROMPT}\n\nRead first: a.txt, docs/**\n"
    carry_out(world, text)
    assert world.ok("show", "a", "--prompt").out == asked
    record = world.record("a")
    record.unlink()
    world.par("doctor", "--fix")
    assert world.ok("show", "a", "--prompt").out == asked
    world.ok("remove", "a")
    world.ok("restore", "a")
    assert world.ok("show", "a", "--prompt").out == asked
    world.ok("remove", "a")
    world.ok("undo")
    assert world.ok("show", "a", "--prompt").out == asked


def test_a_prompt_that_no_environment_holds_is_refused(world: World) -> None:
    (world.root / "nul.md").write_bytes(b"a\0b")
    (world.root / "empty.md").write_bytes(b" \n")
    (world.root / "latin.md").write_bytes(b"gr\xfc\xdfe")
    more = {
        "a": f"prompt = '{'x' * 100_001}'",
        "b": "prompt_file = 'nul.md'",
        "c": "prompt_file = 'empty.md'",
        "d": "prompt_file = 'latin.md'",
        "e": "prompt_file = '.'",
    }
    done = carry_out(world, tasks(*more, **more))
    assert done.status == 2
    said = [line.strip() for line in done.err.splitlines() if "task '" in line]
    too_long = "it is longer than 100000 bytes, which no environment holds; let it name a file of the repository"
    assert said == [
        f"task 'a': prompt: {too_long}",
        "task 'b': prompt_file: it has a NUL character",
        "task 'c': prompt_file: it is empty",
        "task 'd': prompt_file: 'latin.md': not UTF-8 at byte 2",
        "task 'e': prompt_file: '.': is a directory",
    ]


def test_the_longest_prompt_can_be_told(world: World) -> None:
    done = carry_out(world, tasks("a", a=f"prompt = '{'ü' * 50_000}'"))
    assert done.status == 0, done


# what is said before


def snapshot(top: Path) -> dict[str, tuple[int, bytes]]:
    return {
        str(file.relative_to(top)): (stat.S_IFMT(file.lstat().st_mode), file.read_bytes() if file.is_file() else b"")
        for file in top.rglob("*")
    }


def test_a_dry_run_shows_all_and_writes_nothing(world: World) -> None:
    world.write("specs/mixer.md", "spec\n")
    world.write("b", "in the way\n", world.workspaces)
    before = snapshot(world.repo), snapshot(world.workspaces)
    text = tasks(
        *("ab/c", "b", "ab-c", "d"),
        run="command = 'true'",
        b="modifies = ['docs/mixer.md']",
        d="needs = ['b']\ntitle = 'Last'\ncopy = ['specs/mixer.md']\nreads = ['docs/mixer.md']",
    )
    text += '[[task]]\nname = "e"\nreads = ["docs/*.md"]\ncreates = ["docs/new.md"]\n'
    done = carry_out(world, text, "--dry-run")
    assert done.status == 0
    assert "e reads docs/mixer.md, which b of the same level may change" in done.err
    assert done.err.splitlines()[-1] == "main: 5 tasks in 2 levels; nothing was done"
    told = carry_out(world, text, "--dry-run", "--json").json
    assert {one["name"]: one["path"] for one in told["tasks"]} == {
        "ab/c": f"{world.workspaces}/ab-c",
        "b": f"{world.workspaces}/b-2",
        "ab-c": f"{world.workspaces}/ab-c-2",
        "d": f"{world.workspaces}/d",
        "e": f"{world.workspaces}/e",
    }
    last = next(one for one in told["tasks"] if one["name"] == "d")
    assert (last["level"], last["needs"], last["reads"], last["copy"], last["title"]) == (
        *(2, ["b"], ["docs/mixer.md"], ["specs/mixer.md"]),
        "Last",
    )
    assert told["reads"] == [{"level": 1, "task": "e", "changed_by": "b", "files": ["docs/mixer.md"]}]
    assert told["overlaps"] == []
    assert (snapshot(world.repo), snapshot(world.workspaces)) == before
    done = carry_out(world, text)
    assert done.status == 0, done
    assert "e reads docs/mixer.md, which b of the same level may change" in done.err


def test_where_a_dry_run_says_the_tasks_are_made(world: World) -> None:
    world.write("b", "in the way\n", world.workspaces)
    text = tasks(
        "ab/c", "b", "ab-c", "ab.c", run=f"command = '{WRITE.replace('$GIT_PAR_TASK', 'x', 1)}'\ncleanup = 'never'"
    )
    text = text.replace("echo x > $GIT_PAR_TASK", "true")
    told = carry_out(world, text, "--dry-run", "--json").json
    assert carry_out(world, text).status == 0
    made = {one["name"]: one["path"] for one in world.ok("list", "--json").json["tasks"]}
    assert made == {one["name"]: one["path"] for one in told["tasks"]}


@pytest.mark.parametrize("options", [(), ("--dry-run",)])
def test_every_overlap_is_listed_and_can_be_allowed(world: World, options: tuple[str, ...]) -> None:
    more = {
        "a": "modifies = ['src/**']",
        "b": "creates = ['src/x.py']\nmodifies = ['a.txt']",
        "c": "modifies = ['a.txt', 'src/**']\nlevel = 2",
        "d": "modifies = ['*.txt']\nlevel = 2",
    }
    text = tasks("a", "b", "c", "d", run="command = 'true'", **more)
    both = ["level 1: 'a' and 'b' both own src/x.py", "level 2: 'c' and 'd' both own a.txt"]
    done = carry_out(world, text, *options)
    assert done.status == 2
    assert [line.strip() for line in done.err.splitlines()[1:3]] == both
    assert done.err.splitlines()[-1] == "hint: put them into levels with needs, or --allow-overlap"
    done = carry_out(world, text, "--allow-overlap", *options)
    assert done.status == 0, done
    assert [line.removeprefix("git par: ") for line in done.err.splitlines()[:2]] == both
    if options:
        told = carry_out(world, text, "--allow-overlap", "--json", *options).json
        assert told["overlaps"] == [
            {"level": 1, "tasks": ["a", "b"], "files": ["src/x.py"]},
            {"level": 2, "tasks": ["c", "d"], "files": ["a.txt"]},
        ]


def test_a_file_that_is_named_is_no_directory(world: World) -> None:
    more = {
        "a": "creates = ['src/new.py', 'lib']",
        "b": "creates = ['*.md']",
        "c": "creates = ['lib/*.c']",
        "d": "modifies = ['src/new.py/x']",
    }
    done = carry_out(world, tasks(*more, **more), "--dry-run")
    assert [line.strip() for line in done.err.splitlines()[1:-1]] == [
        "level 1: 'a' and 'c' both own lib/.c",
        "level 1: 'a' and 'd' both own src/new.py/x",
    ]


def test_what_would_be_in_the_way_at_home_is_said_before(world: World) -> None:
    world.write("new.txt", "mine\n")
    world.write("x.log", "ignored\n")
    text = tasks("a", "b", a="creates = ['new.txt', 'x.log', 'a.txt', 'fresh']", b="creates = ['*.md']")
    done = carry_out(world, text, "--dry-run")
    assert done.status == 2
    assert [line.strip() for line in done.err.splitlines()[1:-1]] == [
        f"task 'a': creates: 'new.txt' lies in '{world.repo}' and is in no commit",
        f"task 'a': creates: 'x.log' lies in '{world.repo}' and is in no commit",
    ]
    (world.repo / "new.txt").unlink()
    (world.repo / "x.log").unlink()
    world.write("a.txt", "edited\n")
    done = carry_out(world, text, "--dry-run")
    assert done.status == 0
    assert f"'{world.repo}' has uncommitted changes that the tasks will not see: a.txt" in done.err


def test_names_branches_and_limits_are_looked_at_before(world: World) -> None:
    world.git("branch", "b")
    world.git("branch", "c/d")
    world.ok("add", "a")
    world.git("config", "par.maxTasks", "5")
    more = {"e/f": "level = 2", "c": "level = 2"}
    for options in ((), ("--dry-run",)):
        done = carry_out(world, tasks("a", "b", "c", "e", "e/f", "g", "h", **more), *options)
        assert done.status == 2
        assert [line.strip() for line in done.err.splitlines()[1:-1]] == [
            "task 'a': name: there is a task of that name",
            "task 'b': name: branch 'b' exists already",
            "task 'c': name: git cannot have branch 'c' beside 'c/d'",
            "task 'e/f': name: git cannot have branch 'e/f' beside 'e'",
            "level 1: par.maxTasks: at most 5 at a time, and there would be 6",
        ]
    assert [one["name"] for one in world.ok("list", "--json").json["tasks"]] == ["a"]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("par.gateTries", "0", "par.gateTries"),
        ("par.message", "{nobody}", "par.message"),
        ("par.prompt", "{nobody}", "par.prompt"),
        ("par.isolation", "box", "par.isolation"),
        ("par.maxTasks", "many", "par.maxTasks"),
        ("par.branch", "{group}/{name}", "branch template"),
        ("par.portBase", "high", "par.portBase"),
        ("par.copy", "../x", "par.copy"),
    ],
)
def test_a_bad_setting_is_found_before_anything_is_made(world: World, key: str, value: str, said: str) -> None:
    world.git("config", key, value)
    for options in ((), ("--dry-run",)):
        done = carry_out(world, tasks("a", run="command = 'true'\ngate = 'true'"), *options)
        assert done.status == 2, done
        assert said in done.err.splitlines()[0]
        assert not (world.repo / ".git/par/runs").exists()


def test_who_commits_and_a_base_in_the_middle_of_something_are_asked_about_before(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.git("switch", "-qc", "side")
    world.commit("side", a__txt="side\n")
    world.git("switch", "-q", "main")
    world.commit("main", a__txt="main\n")
    world.try_git("merge", "side")
    for options in ((), ("--dry-run",)):
        done = carry_out(world, tasks("a"), *options)
        assert (done.status, done.err.splitlines()[0]) == (
            3,
            f"git par: main: a merge is in progress in '{world.repo}'",
        )
    world.git("merge", "--abort")
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.delenv(f"GIT_{name}_NAME")
        monkeypatch.delenv(f"GIT_{name}_EMAIL")
    world.git("config", "user.useConfigOnly", "true")
    done = carry_out(world, tasks("a"))
    assert (done.status, done.err.splitlines()[0]) == (
        3,
        "git par: user.name, user.email: git does not know who merges",
    )
    assert not world.workspaces.exists()


# ownership


def test_a_worker_cannot_commit_what_its_task_does_not_own(world: World) -> None:
    command = "echo x > a.txt; echo y > own; git commit -qam w || git restore -q . && git add own && git commit -qm own"
    done = carry_out(world, tasks("a", run=f"command = '''{command}'''", a="creates = ['own']"))
    assert done.status == 0, done
    assert "\na: git par: a: not committed: it does not own a.txt\n" in done.err
    assert landed(world) == ["own"]


def test_foreign_commits_stay_out_and_land_once_they_are_mended(world: World) -> None:
    command = (
        "echo x > a.txt; echo y > own; git add -A; git commit -qnm w; " + f"{PAR} list --json > $GIT_PAR_MAIN/../listed"
    )
    text = tasks(
        "a", "b", "c", run=f"command = '{WRITE}'", a=f"creates = ['own']\ncommand = '''{command}'''", c="needs = ['a']"
    )
    done = carry_out(world, text, "--json")
    assert done.status == 1
    assert states(done) == {"a": ("failed", "foreign"), "b": ("landed", None), "c": ("skipped", "needs")}
    assert done.json["tasks"][0]["detail"] == "it changed what it does not own: a.txt"
    assert [one["foreign"] for one in json.loads((world.root / "listed").read_text())["tasks"]] == [["a.txt"], []]
    assert landed(world) == ["b"]
    path = world.workspaces / "a"
    assert "not its own: a.txt" in world.ok("show", "a").out
    world.git("restore", "--source=main", "--staged", "--worktree", "a.txt", cwd=path)
    world.git("commit", "-qm", "mended", cwd=path)
    done = world.par("run", "--resume", "--json")
    assert done.status == 0, done
    assert {state for state, _ in states(done).values()} == {"landed"}
    assert landed(world) == ["b", "c", "own"]


def test_foreign_work_that_nobody_committed_stays_and_lands_once_it_is_mended(world: World) -> None:
    text = tasks("a", run="command = 'echo x > strange; echo y > own; echo z > own2'", a="creates = ['own*']")
    done = carry_out(world, text, "--json")
    assert (done.status, states(done)) == (1, {"a": ("failed", "foreign")})
    (world.workspaces / "a" / "strange").unlink()
    done = world.par("run", "--resume", "--json")
    assert (done.status, states(done)) == (0, {"a": ("landed", None)}), done
    assert landed(world) == ["own", "own2"]


# isolations, spares, submodules


@pytest.mark.parametrize("kind", ["clone", pytest.param("shared-clone", marks=pytest.mark.soak)])
def test_a_run_in_clones(world: World, kind: str) -> None:
    run = f"command = 'cat one* > seen-$GIT_PAR_TASK; {WRITE}; git add -A; git commit -qm 1; echo 2 >> $GIT_PAR_TASK'"
    text = tasks("one", "one-b", "two", run=f"{run}\nisolation = '{kind}'", two="needs = ['one', 'one-b']")
    done = carry_out(world, text, "--json")
    assert done.status == 0, done
    assert [one["commits"] for one in done.json["tasks"]] == [2, 2, 2]
    assert [one["removed"] for one in done.json["tasks"]] == [True, True, True]
    assert (world.repo / "seen-two").read_text() == "one\n2\none-b\n2\n"
    assert world.ok("list", "--json").json["tasks"] == []
    world.check_sound()


def test_a_clone_that_failed_is_mended_and_lands(world: World) -> None:
    run = "command = 'echo x > x; git add -A; git commit -qm 1; exit 3'\nisolation = 'clone'"
    done = carry_out(world, tasks("a", run=run), "--json")
    assert states(done) == {"a": ("failed", "exit")}
    world.write("tasks.toml", "", world.root)  # what is to be done is on record
    path = world.workspaces / "a"
    run_file = next((world.repo / ".git/par/runs").glob("*.json"))
    run_file.write_text(run_file.read_text().replace("exit 3", "echo 2 > y"))
    done = world.par("run", "--resume", "--json")
    assert (done.status, states(done)) == (0, {"a": ("landed", None)}), done
    assert not path.exists()
    assert landed(world) == ["x", "y"]


def test_spares_are_used_and_limits_count_by_level(world: World) -> None:
    world.git("config", "par.pool", "2")
    world.git("config", "par.maxTasks", "2")
    world.ok("pool", "fill")
    inodes = {file.lstat().st_ino for file in (world.workspaces / ".par/spares").glob("*/a.txt")}
    run = "command = 'stat -c %i a.txt > $GIT_PAR_TASK'"
    done = carry_out(world, tasks("a", "b", "c", "d", run=run, c="level = 2", d="level = 2"))
    assert done.status == 0, done
    assert {int((world.repo / name).read_text()) for name in ("a", "b")} == inodes
    done = carry_out(world, tasks("e", "f", "g", run=run, g="level = 2").replace("[run]", "[run]\ncleanup = 'never'"))
    assert done.status == 2
    assert "level 2: par.maxTasks: at most 2 at a time, and there would be 3" in done.err


def test_workspaces_have_their_submodules(world: World) -> None:
    other = World(world.root, "sub").init()
    world.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other.repo), "lib")
    world.commit("lib")
    done = carry_out(world, tasks("a", "b", run="command = 'cat lib/a.txt > $GIT_PAR_TASK'", b="level = 2"))
    assert done.status == 0, done
    assert (world.repo / "b").read_text() == (other.repo / "a.txt").read_text()
    assert world.ok("list", "--json").json["tasks"] == []


# hooks


def test_a_task_whose_hook_fails_is_not_begun(world: World) -> None:
    world.git("config", "par.hook.post-add", 'test "$GIT_PAR_TASK" != a || { echo broken; exit 7; }')
    done = carry_out(world, tasks("a", "b", "c", c="needs = ['a']"), "--json")
    assert done.status == 1
    assert states(done) == {"a": ("failed", "hook"), "b": ("landed", None), "c": ("skipped", "needs")}
    assert done.json["tasks"][0]["detail"] == "the post-add hook ended with status 7: broken"
    assert "\ngit par: a: the post-add hook ended with status 7: broken\n" in done.err
    assert not (world.workspaces / "a" / "a").exists()
    world.git("config", "par.hook.post-add", "")
    done = world.par("run", "--resume", "--json")
    assert (done.status, {state for state, _ in states(done).values()}) == (0, {"landed"}), done


def test_hooks_of_merge_and_removal(world: World) -> None:
    world.git("config", "par.hook.pre-merge", 'test "$GIT_PAR_TASK" != a || { echo no; exit 1; }')
    world.git("config", "par.hook.post-merge", f"echo merged $GIT_PAR_TASK >> '{world.root}/told'")
    world.git("config", "par.hook.pre-remove", 'test "$GIT_PAR_TASK" != c')
    world.git("config", "par.hook.post-remove", f"echo removed $GIT_PAR_TASK >> '{world.root}/told'")
    done = carry_out(world, tasks("a", "b", "c"), "--json")
    assert done.status == 1
    assert states(done) == {"a": ("failed", "vetoed"), "b": ("landed", None), "c": ("landed", None)}
    assert [one["removed"] for one in done.json["tasks"]] == [False, True, False]
    assert (world.root / "told").read_text().split("\n")[:-1] == ["merged b", "merged c", "removed b"]


def test_commands_that_came_with_the_repository_are_not_run(world: World) -> None:
    text = f'[par]\n\tgate = touch {world.root}/gate\n[par "hook"]\n\tpost-add = touch {world.root}/hook\n'
    world.commit("settings", __gitpar=text)
    done = carry_out(world, tasks("a"))
    assert done.status == 0, done
    assert ".gitpar: not trusted" in done.err
    assert not (world.root / "gate").exists()
    assert not (world.root / "hook").exists()
    assert at_terminal(world, "trust", answer="y\n").status == 0
    assert carry_out(world, tasks("b")).status == 0
    assert (world.root / "gate").exists()
    assert (world.root / "hook").exists()


# places


def test_from_a_subdirectory_the_file_is_the_one_there(world: World) -> None:
    world.write(
        "docs/plan/tasks.toml", tasks("a", run="command = 'echo \"$GIT_PAR_PROMPT\" > a'", a="prompt_file = 'a.md'")
    )
    world.write("docs/plan/a.md", "to do\n")
    done = world.par("run", "plan/tasks.toml", cwd=world.repo / "docs")
    assert done.status == 0, done
    assert (world.repo / "a").read_text().startswith("to do\n")
    run = next((world.repo / ".git/par/runs").glob("*.json"))
    assert json.loads(run.read_text())["file"] == f"{world.repo}/docs/plan/tasks.toml"
    assert world.git("status", "--porcelain") == "?? docs/"


def test_resume_finds_the_file_by_any_way_that_leads_there(world: World) -> None:
    world.write("plan/tasks.toml", tasks("a", run="command = 'test -e ../../go'"))
    assert world.par("run", "plan/tasks.toml").status == 1
    (world.root / "go").touch()
    (world.repo / "docs").mkdir()
    done = world.par("run", "../plan/tasks.toml", "--resume", cwd=world.repo / "docs")
    assert done.status == 0, done


def test_inside_of_a_task_all_returns_to_that(world: World) -> None:
    path = world.task("outer")
    done = carry_out(world, tasks("a", "b", b="level = 2"), cwd=path)
    assert done.status == 0, done
    assert "all of it returns to outer, the branch of task outer" in done.err
    assert landed(world, "outer") == ["a", "b", "outer.txt"]
    assert (path / "b").exists()
    assert landed(world) == []
    clone = world.root / "repo-worktrees/inner"
    world.ok("add", "inner", "--isolation", "clone")
    done = carry_out(world, tasks("c"), cwd=clone)
    assert done.status == 3
    assert done.err.splitlines()[-1] == 'hint: in the file: base = "main"'
    done = carry_out(world, tasks("c").replace("[run]", "[run]\nbase = 'main'"), cwd=clone)
    assert done.status == 0, done
    assert landed(world) == ["c"]


def test_a_base_that_is_not_checked_out_here(world: World) -> None:
    world.git("branch", "other")
    world.write("a.txt", "edited\n")
    done = carry_out(world, tasks("a", "b", b="needs = ['a']").replace("[run]", "[run]\nbase = 'refs/heads/other'"))
    assert done.status == 0, done
    assert (landed(world, "other"), landed(world)) == (["a", "b"], [])
    world.git("worktree", "add", "-q", str(world.root / "there"), "other")
    done = carry_out(world, tasks("c", "d", d="needs = ['c']").replace("[run]", "[run]\nbase = 'other'"))
    assert done.status == 0, done
    assert (landed(world, "other"), landed(world)) == (["a", "b", "c", "d"], [])
    assert (world.root / "there" / "d").exists()
    assert (world.repo / "a.txt").read_text() == "edited\n"


def test_a_detached_head_needs_a_base(world: World) -> None:
    world.git("switch", "-q", "--detach")
    done = carry_out(world, tasks("a"))
    assert (done.status, done.err) == (
        2,
        'git par: run: no branch is checked out here\nhint: name one in the file: base = "main"\n',
    )
    assert carry_out(world, tasks("a").replace("[run]", "[run]\nbase = 'main'")).status == 0
    assert landed(world) == ["a"]


@pytest.mark.parametrize("layout", ["bare", "dot-bare"])
def test_without_a_main_checkout(world: World, layout: str) -> None:
    home = world.root / "home of it"
    home.mkdir()
    bare = home / (".bare" if layout == "dot-bare" else "it.git")
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    cwd = bare
    if layout == "dot-bare":
        (home / ".git").write_text("gitdir: ./.bare\n")
        world.git("worktree", "add", "-q", "main", cwd=home)
        cwd = home / "main"
    done = carry_out(world, tasks("a", "b", b="needs = ['a']"), cwd=cwd)
    assert done.status == 0, done
    assert landed(world, cwd=bare) == ["a", "b"]
    assert layout == "bare" or (cwd / "b").exists()


def test_spaces_and_umlauts_everywhere(tmp_path: Path, sealed: None) -> None:
    world = World(tmp_path, "Größe des 'Ganzen' $(x)").init()
    text = tasks(
        *("grün/café", "zwei"),
        run="command = '''test \"$GIT_PAR_TASK\" = zwei || echo ü > \"ä ö.txt\"; echo $GIT_PAR_BRANCH >> z'''",
        zwei="title = 'Schöne Größe; $(touch x)'\nneeds = ['grün/café']",
    )
    world.write("Aufträge für alle.toml", text)
    done = world.par("run", "Aufträge für alle.toml")
    assert done.status == 0, done
    assert (world.repo / "z").read_text() == "grün/café\nzwei\n"
    assert (world.repo / "ä ö.txt").read_text() == "ü\n"
    assert "Schöne Größe; $(touch x)" in world.git("log", "--format=%s")
    assert not list(tmp_path.rglob("x"))


def test_a_task_file_in_the_checkout_is_nobodys_work(world: World) -> None:
    world.write("tasks.toml", tasks("a"))
    done = world.par("run", "tasks.toml")
    assert done.status == 0, done
    assert world.git("status", "--porcelain") == "?? tasks.toml"


# forms


def test_a_file_without_a_table_for_all(world: World) -> None:
    text = f"[[task]]\nname = 'a'\ncommand = '{WRITE}'\n[[task]]\nname = 'b'\nlevel = 2\ncommand = 'cat a > b'\n"
    done = carry_out(world, text)
    assert done.status == 0, done
    assert (world.repo / "b").read_text() == "a\n"


def test_no_jobs_mean_all_at_once(world: World) -> None:
    names = [f"t{number}" for number in range(6)]
    meet = (
        "touch {0}/$GIT_PAR_TASK; for i in $(seq 300); do test $(ls {0} | wc -l) = 6 && exit; sleep 0.1; done; exit 1"
    )
    (world.root / "met").mkdir()
    run = f"jobs = 0\ncommand = '{meet.format(world.root / 'met')}'"
    done = carry_out(world, tasks(*names, run=run))
    assert done.status == 0, done


def test_a_level_alone_puts_a_task_behind(world: World) -> None:
    told = carry_out(world, tasks("a", "b", "c", a="level = 3", b="level = 2"), "--dry-run", "--json").json
    assert {one["name"]: one["level"] for one in told["tasks"]} == {"c": 1, "b": 2, "a": 3}


def test_a_task_that_only_excepts_files_is_wrong(world: World) -> None:
    done = carry_out(world, tasks("a", "b", a="modifies = ['!x']", b="creates = ['!y']\nmodifies = ['src/**']"))
    assert done.status == 2
    assert [line.strip() for line in done.err.splitlines()[1:-1]] == ["task 'a': modifies: '!x' only takes out"]


def test_a_run_is_for_eyes_of_its_owner(world: World) -> None:
    carry_out(world, tasks("a", run="command = 'echo secret'"))
    for place in (world.repo / ".git/par/runs", world.repo / ".git/par/logs"):
        assert all(stat.S_IMODE(os.stat(file).st_mode) == 0o600 for file in place.iterdir())
