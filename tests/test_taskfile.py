"""Task files: what stands in them, and everything that can be wrong with one, all of it at once."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par.errors import UsageError
from git_par.runs import levels, taskfile
from git_par.runs.taskfile import TaskFile, Wanted

WHOLE = """
[run]
base = "main"
command = "work"
jobs = 4
gate = "pytest -q"
timeout = "1h30m"
on_failure = "remove"
cleanup = "never"
isolation = "clone"
autocommit = false

[[task]]
name = "task-47"

[[task]]
name = "task-48"
title = "free mixer channel on delete"
prompt_file = "48.md"
needs = ["task-47"]
creates = ["src/mixer/free.py"]
modifies = ["src/mixer/**"]
reads = ["docs/mixer.md"]
copy = ["specs/mixer.md"]
command = "other"
timeout = 90
"""


def read(directory: Path, text: str) -> TaskFile:
    file = directory / "tasks.toml"
    file.write_text(text)
    return taskfile.read(file)


def wrong(directory: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(UsageError) as caught:
        read(directory, text)
    return caught.value.details or (caught.value.message,)


def test_every_key(tmp_path: Path) -> None:
    (tmp_path / "48.md").write_text("Free it.\n")
    found = read(tmp_path, WHOLE)
    assert found == TaskFile(
        tasks=(
            Wanted("task-47"),
            Wanted(
                "task-48",
                title="free mixer channel on delete",
                prompt="Free it.\n",
                needs=("task-47",),
                creates=("src/mixer/free.py",),
                modifies=("src/mixer/**",),
                reads=("docs/mixer.md",),
                copy=("specs/mixer.md",),
                command="other",
                timeout=90.0,
            ),
        ),
        base="main",
        command="work",
        jobs=4,
        gate="pytest -q",
        timeout=5400.0,
        on_failure="remove",
        cleanup="never",
        isolation="clone",
        autocommit=False,
    )
    assert [[one.name for one in level] for level in found.levels] == [["task-47"], ["task-48"]]


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    said = wrong(
        tmp_path,
        """
        colour = 1
        [run]
        jobs = "four"
        timeout = "soon"
        on_failure = "explode"
        autocommit = 1
        comand = "x"
        [[task]]
        name = "a"
        needs = ["b", "nobody"]
        modifies = ["../up", 3]
        level = 0
        [[task]]
        name = "b"
        needs = ["a"]
        prompt = "p"
        prompt_file = "p.md"
        [[task]]
        name = "a"
        creates = ["/etc/passwd"]
        [[task]]
        title = "nameless"
        [[task]]
        name = "-rf"
        command = ""
        """,
    )
    assert said == (
        "'colour': no such table, only [run] and [[task]]",
        "[run]: jobs: it must be a number",
        '[run]: timeout: it must be a time such as "90s", "30m" or "1h30m"',
        "[run]: on_failure: 'explode' is none of keep, remove",
        "[run]: autocommit: it must be true or false",
        "[run]: comand: no such key",
        "task 'a': level: it must be 1 or more",
        "task 'a': modifies: it must be a list of texts",
        "task 'b': prompt_file: there is a prompt already",
        "task 'a': creates: '/etc/passwd': it must be a path inside of the repository, from its top",
        "task 4: name: it is missing",
        "task '-rf': name: a name cannot begin with '-'",
        "task '-rf': command: it is empty",
        "task 'a': command: there is none, here or in [run]",
        "task 'b': command: there is none, here or in [run]",
        "task 'a': command: there is none, here or in [run]",
        "task '-rf': command: there is none, here or in [run]",
        "task 'a': name: it stands there twice",
        "task 'a': needs: there is no task 'nobody'",
        "task 'a': needs: a circle, a needs b needs a",
    )


def test_a_syntax_error_names_its_line(tmp_path: Path) -> None:
    assert wrong(tmp_path, "[run]\ncommand = \n") == ("tasks.toml: invalid value (at line 2, column 11)",)


@pytest.mark.parametrize("text", ["task = 1\n", "task = [1]\n", "run = 3\n", "", "[[run]]\n", "[task]\nname = 'a'\n"])
def test_a_file_of_another_shape(tmp_path: Path, text: str) -> None:
    assert wrong(tmp_path, text)


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or directory"):
        taskfile.read(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="not UTF-8 at byte 0"):
        taskfile.read(tmp_path / "binary.toml")


def test_a_prompt_file_that_is_not_there(tmp_path: Path) -> None:
    text = '[run]\ncommand = "x"\n[[task]]\nname = "a"\nprompt_file = "none.md"\n'
    assert wrong(tmp_path, text) == ("task 'a': prompt_file: 'none.md': no such file or directory",)


def test_a_level_may_be_named_and_needs_may_push_it_further() -> None:
    tasks = [
        Wanted("a"),
        Wanted("b", level=3),
        Wanted("c", needs=("b",)),
        Wanted("d", needs=("a",)),
        Wanted("e", level=2),
    ]
    assert levels.problems(tasks) == []
    assert levels.put(tasks) == [["a"], ["d", "e"], ["b"], ["c"]]


def test_a_level_before_that_of_a_need_is_wrong() -> None:
    tasks = [Wanted("a", level=2), Wanted("b", needs=("a",), level=2)]
    assert levels.problems(tasks) == ["task 'b': level: it is 2, but its need 'a' is of level 2"]


def test_a_task_that_needs_itself() -> None:
    assert levels.problems([Wanted("a", needs=("a",))]) == ["task 'a': needs: a circle, a needs a"]


def test_a_long_chain_is_no_trouble() -> None:
    tasks = [Wanted(f"t{number}", needs=(f"t{number + 1}",)) for number in range(3000)] + [Wanted("t3000")]
    assert levels.problems(tasks) == []
    assert levels.put(tasks)[0] == ["t3000"]


@given(st.dictionaries(st.integers(0, 7), st.sets(st.integers(0, 7), max_size=3), max_size=8))
def test_levels_respect_every_need_or_something_is_wrong(graph: dict[int, set[int]]) -> None:
    tasks = [Wanted(str(one), needs=tuple(sorted(map(str, needs)))) for one, needs in graph.items()]
    if levels.problems(tasks):
        return
    depth = {name: number for number, level in enumerate(levels.put(tasks)) for name in level}
    assert set(depth) == {one.name for one in tasks}
    assert all(depth[need] < depth[one.name] for one in tasks for need in one.needs)
    assert all(depth[one.name] == max((depth[need] + 1 for need in one.needs), default=0) for one in tasks)
