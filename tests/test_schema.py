"""What `--json` writes is what docs/schema promises: for every verb, and for refusals."""

import ast
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from git_par.commands import remove_report
from git_par.grammar import NAMES
from git_par.landing.planned import Reason
from git_par.runs import record
from git_par.workspaces import bringing, copies, reasons
from tests.world import World

ROOT = Path(__file__).parent.parent
SCHEMAS = {file.stem: json.loads(file.read_text()) for file in (ROOT / "docs/schema").glob("*.json")}
REGISTRY: Registry[Any] = Registry().with_resources(
    (f"{name}.json", Resource.from_contents(schema)) for name, schema in SCHEMAS.items()
)
SILENT = {"demo", "hook", "with-lock"}
"""Verbs that have no --json."""


def check(name: str, data: Any) -> None:
    Draft202012Validator(SCHEMAS[name], registry=REGISTRY).validate(data)


def test_every_verb_has_a_schema_and_every_schema_is_one() -> None:
    assert set(NAMES) - SILENT | {"task", "error", "hook-event"} == set(SCHEMAS)
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert schema["$id"] == f"{name}.json"
        assert all(part["additionalProperties"] is False for part in _objects(schema)), name


def _objects(schema: Any) -> list[dict[str, Any]]:
    if isinstance(schema, list):
        return [part for one in schema for part in _objects(one)]
    if not isinstance(schema, dict):
        return []
    return [schema] * (schema.get("type") == "object") + [part for one in schema.values() for part in _objects(one)]


def test_reasons_are_the_ones_of_the_code() -> None:
    assert SCHEMAS["remove"]["$defs"]["reason"]["enum"] == list(reasons.REASONS)
    removed = SCHEMAS["remove"]["properties"]["removed"]["items"]["properties"]["reason"]["enum"]
    for reason in removed:
        assert remove_report._why(reason)
    integrated = SCHEMAS["task"]["properties"]["integrated"]["anyOf"][0]["properties"]["reason"]["enum"]
    assert set(removed) - set(integrated) == {"new", "gone", "unfinished", "forced"}
    assert set(integrated) <= _texts("landing/integrated.py")
    used = (
        _first_words("Reason", "commands/remove.py")
        | _first_words("Reason", "workspaces/aside.py")
        | _first_words("Reason", "workspaces/removal.py")
        | _first_words("Reason", "workspaces/reasons.py")
    )
    assert used <= set(reasons.REASONS)


def test_reasons_to_leave_a_file_are_the_ones_of_the_code() -> None:
    known = list(get_args(copies.Why))
    assert SCHEMAS["copy"]["properties"]["left"]["items"]["properties"]["reason"]["enum"] == known == list(bringing.WHY)
    page = " ".join((ROOT / "man/man1/git-par-copy.1").read_text().split())
    assert f"{', '.join(known[:-1])} or {known[-1]}." in page


def test_reasons_to_leave_a_task_out_are_the_ones_of_the_code() -> None:
    """That the code gives no others is what mypy sees to."""
    skipped = SCHEMAS["merge"]["properties"]["merges"]["items"]["properties"]["skipped"]["items"]
    known = list(get_args(Reason))
    assert skipped["properties"]["reason"]["enum"] == known
    files = (file for file in (ROOT / "git_par/landing").glob("*.py") if file.name != "planned.py")
    assert set(known) <= {text for file in files for text in _texts(f"landing/{file.name}")}
    page = (ROOT / "man/man1/git-par-merge.1").read_text().partition(".Ss Why a task is left out\n")[2]
    assert re.findall(r"^\.It Cm (.*)", page.partition("\n.S")[0], re.MULTILINE) == known


def test_states_and_reasons_of_a_run_are_the_ones_of_the_code() -> None:
    task, run = SCHEMAS["run"]["$defs"]["task"]["properties"], SCHEMAS["run"]["$defs"]["run"]["properties"]
    assert task["state"]["enum"] == list(record.STATES)
    assert run["state"]["enum"] == [*record.RUN_STATES, "cut off"]
    page = (ROOT / "man/man1/git-par-run.1").read_text()
    states = page.partition(".Ss States of a task\n")[2].partition("\n.Ss")[0]
    assert re.findall(r"^\.It Sy (.*)", states, re.MULTILINE) == list(record.STATES)
    own = re.findall(r"^\.It Cm (.*)", page.partition(".Ss Why a task fails\n")[2], re.MULTILINE)
    others = [reason for reason in get_args(Reason) if reason not in ("already in", *own)]
    assert task["reason"]["enum"] == [None, *own, *others]
    used = {text for file in (ROOT / "git_par/commands").glob("run*.py") for text in _texts(f"commands/{file.name}")}
    assert set(own) <= used
    page = (ROOT / "man/man1/git-par-log.1").read_text().partition(".Ss Runs\n")[2].partition("\n.Sh")[0]
    assert sorted(re.findall(r"^\.It Sy (.*)", page, re.MULTILINE)) == sorted(run["state"]["enum"])


def _texts(file: str) -> set[str]:
    tree = ast.parse((ROOT / "git_par" / file).read_text())
    return {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}


def _first_words(call: str, file: str) -> set[str]:
    """The text that every `call(…)` begins with."""
    tree = ast.parse((ROOT / "git_par" / file).read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func) == call]
    assert calls
    return {ast.literal_eval(node.args[0]) for node in calls}


def test_what_the_verbs_of_a_whole_day_write(world: World) -> None:
    def ask(name: str, *argv: str, status: int = 0) -> Any:
        done = world.par(name, *argv, "--json")
        assert done.status == status, done
        check(name, done.json)
        return done.json

    check("list", world.par("list", "--json").json)
    assert [task["state"] for task in ask("add", "one", "two", "three", "--group", "g")["tasks"]] == ["new"] * 3
    ask("add", "--title", "Fix the thing")
    assert ask("path", "one")["path"] == str(world.workspaces / "one")
    assert ask("env", "one")["environment"]["GIT_PAR_TASK"] == "one"
    world.write(".env", "secret\n")
    world.write(".env", "mine\n", world.workspaces / "two")
    assert ask("copy", "one")["copied"] == [".env"]
    assert ask("copy", "two", status=1)["left"] == [{"path": ".env", "reason": "exists"}]
    assert [task["exit"] for task in json_of_exec(world)["tasks"]] == [0, 0, 0, 0]
    for shell in ("bash", "zsh", "fish"):
        assert ask("shell-init", shell)["shell"] == shell
    for option in ("--show", "--forget"):
        assert ask("trust", option)["settings"] == []
    ask("set", "one", "two", "--title", "T", "--protect")
    ask("set", "one", "two", "--title", "", "--group", "", "--no-protect")
    world.commit("one", cwd=world.workspaces / "one", a__txt="one\n")
    world.commit("two", cwd=world.workspaces / "two", a__txt="two\n")
    world.commit("three", cwd=world.workspaces / "three", three__txt="three\n")
    world.write("untracked", "", cwd=world.workspaces / "three")
    world.write("a.txt", "changed\n", cwd=world.workspaces / "fix-the-thing")
    assert ask("sync", "--all")["current"] == ["one", "two", "three", "fix-the-thing"]
    foreseen = ask("conflicts")
    assert {(one["a"], one["b"]) for one in foreseen["pairs"]} == {
        ("one", "two"),
        ("one", "fix-the-thing"),
        ("two", "fix-the-thing"),
    }
    world.write(".env.local", "", cwd=world.workspaces / "three")
    world.git("branch", "gone")
    world.ok("set", "three", "--base", "gone")
    world.git("branch", "-D", "gone")
    assert ask("conflicts", "three", "main") == {
        "version": 1,
        "tasks": ["three", "main"],
        "pairs": [],
        "base": [],
        "rest": [],
        "order": ["three", "main"],
        "uncommitted": ["three"],
        "left": [{"name": "three", "files": [".env.local"]}],
        "notes": [{"name": "three", "detail": "its base 'gone' is gone"}],
    }
    world.ok("set", "three", "--base", "main")
    (world.workspaces / "three" / ".env.local").unlink()
    assert ask("merge", "--all", "--dry-run", status=1)["merges"][0]["published"] is False
    merged = ask("merge", "--all", "--prune", status=1)
    assert [one["name"] for one in merged["merges"][0]["merged"]] == ["one", "three"]
    assert merged["merges"][0]["conflicted"][0]["files"] == [{"path": "a.txt", "with": ["one"]}]
    assert [one["reason"] for one in merged["merges"][0]["skipped"]] == ["dirty"]
    assert [one["name"] for one in merged["pruned"]["removed"]] == ["one"]
    (listed,) = [task for task in ask("list", "--size", "--in-use")["tasks"] if task["name"] == "three"]
    assert (listed["state"], listed["dirty"]["untracked"]) == ("landed", 1)
    assert ask("show", "two")["task"]["conflicts"] == ["main"]
    assert ask("sync", "two", "three", status=1)["conflicted"][0]["files"] == ["a.txt"]
    left = ask("prune", "--dry-run")["left"]
    assert {one["reason"] for one in left} == {"unmerged", "untracked", "uncommitted", "new"}
    (world.workspaces / "three" / "untracked").unlink()
    assert [one["reason"] for one in ask("prune")["removed"]] == ["same-commit"]
    assert ask("remove", "two", status=3)["left"][0]["reason"] == "unmerged"
    assert ask("revert", "one", "--dry-run")["reverted"]["published"] is False
    assert ask("revert", "one")["reverted"]["files"] == []
    assert ask("undo", "--dry-run")["operation"] is None
    assert [step["kind"] for step in ask("undo")["steps"]] == ["move"]
    undo, revert, *_ = ask("log")["operations"]
    assert (undo["undoes"], revert["state"]) == (revert["name"], "undone")
    assert ask("remove", "--force", "two")["removed"][0]["reason"] == "forced"
    assert ask("restore", "two")["tasks"][0]["name"] == "two"
    assert [one["name"] for one in ask("prune", "--kept", "--older-than", "0m")["swept"]][-1] == "two"
    assert ask("prune", "--kept")["swept"] == []


def json_of_exec(world: World) -> Any:
    """`--json` stands before the `--` here."""
    done = world.par("exec", "--all", "--json", "--", "true")
    check("exec", done.json)
    return done.json


def test_what_exec_writes_of_workspaces_that_are_gone(world: World) -> None:
    world.add("one", "two")[0].rename(world.root / "elsewhere")
    done = world.par("exec", "one", "two", "--json", "--", "false")
    check("exec", done.json)
    assert [one["reason"] for one in done.json["left"]] == ["gone"]


def test_what_a_run_writes(world: World) -> None:
    world.write(
        "tasks.toml",
        """
        [run]
        command = "echo $GIT_PAR_TASK >file; echo noise; echo noise >&2"
        gate = "echo noise; test $(cat file) != gate"
        [[task]]
        name = "one"
        title = "One"
        modifies = ["*"]
        [[task]]
        name = "conflict"
        [[task]]
        name = "gate"
        needs = ["one"]
        creates = ["file"]
        [[task]]
        name = "never"
        needs = ["conflict"]
        [[task]]
        name = "exit"
        command = "kill -9 $$"
        [[task]]
        name = "timeout"
        command = "exec sleep 100"
        timeout = 1
        """,
    )
    done = world.par("run", "tasks.toml", "--dry-run", "--allow-overlap", "--json")
    assert done.status == 0
    check("run", done.json)
    assert [(task["name"], task["level"]) for task in done.json["tasks"]] == [
        ("one", 1), ("conflict", 1), ("exit", 1), ("timeout", 1), ("gate", 2), ("never", 2),
    ]  # fmt: skip
    done = world.par_process("run", "tasks.toml", "--json")
    assert done.status == 1, done
    assert "one: noise\none: noise\n" in done.err
    check("run", done.json)
    assert {task["name"]: (task["state"], task["reason"]) for task in done.json["tasks"]} == {
        "one": ("landed", None),
        "conflict": ("failed", "conflict"),
        "exit": ("failed", "exit"),
        "timeout": ("failed", "timeout"),
        "gate": ("failed", "gate"),
        "never": ("skipped", "needs"),
    }
    check("log", world.ok("log", "--runs", "--json").json)
    done = world.par("run", "tasks.toml", "--json")
    check("error", done.json)
    assert len(done.json["error"]["details"]) == 4


def test_what_a_merge_with_a_gate_hooks_and_a_stale_task_writes(world: World) -> None:
    world.commit("old", None, **{f"f{number}": "old\n" for number in range(6)})
    stale = world.rev("main")
    world.commit("new", None, **{f"f{number}": "new\n" for number in range(6)})
    path = world.task("stale")
    world.git("checkout", "-q", stale, "--", ".", cwd=path)
    world.commit("from a stale checkout", cwd=path)
    world.task("bad")
    hook = world.hook("commit-msg", ":")
    done = world.par("merge", "--all", "--gate", "test ! -e bad.txt", "--json")
    check("merge", done.json)
    (merge,) = done.json["merges"]
    assert ([one["private"] for one in merge["merged"]], len(merge["warnings"])) == (["hooks: commit-msg"], 1)
    assert [one["name"] for one in merge["failed"]] == ["bad"]
    hook.unlink()
    world.task("other", a__txt="other\n")
    world.commit("main's own", a__txt="main\n")
    for atomic in ("--atomic", "--on-conflict=stop"):
        done = world.par("merge", "other", "bad", atomic, "--json")
        check("merge", done.json)
        assert len(done.json["merges"][0]["skipped"]) == 1


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (["path", "nothing"], 2),
        (["path"], 2),
        (["what"], 2),
        (["list", "--what"], 2),
        (["merge", "--ff", "--squash", "x"], 2),
        (["merge", "nothing"], 2),
        (["conflicts", "nothing"], 2),
        (["add", "a b"], 2),
        (["add", "one"], 3),
    ],
)
def test_refusals_are_json_too(argv: list[str], status: int, world: World) -> None:
    world.write("a.txt", "changed\n")
    done = world.par(*argv, "--json")
    check("error", done.json)
    assert (done.status, done.json["error"]["status"]) == (status, status)
    said = done.json["error"]
    assert done.err == f"git par: {said['message']}\nhint: {said['hint']}\n"


def test_a_wrong_answer_would_be_found() -> None:
    with pytest.raises(ValidationError):
        check("list", {"version": 1, "tasks": [{"name": "one"}]})
    with pytest.raises(ValidationError):
        check("prune", {"version": 1, "removed": [], "left": [{"name": "x", "reason": "old", "detail": "x"}]})
