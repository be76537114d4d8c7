"""The house stays in order: imports go down, one module starts git, one prints, and nothing heavy is loaded for nothing."""

import ast
import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from git_par import grammar
from git_par.state import settings
from tests.world import PAR, World

PACKAGE = Path(__file__).parent.parent / "git_par"
MODULES = sorted(PACKAGE.rglob("*.py"))

STOREYS = {
    "__main__": 7,
    "cli": 6,
    "grammar": 6,
    "commands": 5,
    "runs": 4,
    "landing": 4,
    "checkup": 4,
    "workspaces": 3,
    "state": 2,
    "report": 1,
    "render": 1,
    "streams": 1,
    "columns": 1,
    "colour": 1,
    "git": 1,
    "environ": 1,
    "spawn": 1,
    "processes": 1,
    "live": 1,
    "changes": 1,
    "sitting": 1,
    "discovery": 1,
    "repo": 1,
    "parent": 1,
    "names": 1,
    "interrupts": 1,
    "files": 1,
    "beside": 1,
    "errors": 0,
    "__init__": 0,
}

STARTERS = re.compile(
    r"(subprocess|sh|pty|multiprocessing|asyncio|_posixsubprocess|pexpect)(\..*)?"
    r"|os\.(system|popen|fork|forkpty|exec[lv]\w*|spawn\w+|posix_spawnp?|startfile)"
    r"|concurrent\.futures\.ProcessPoolExecutor"
)
PRINTERS = re.compile(
    r"print|input|sys\.(__)?(stdout|stderr)(__)?(\..*)?|(typer|click|rich)\.(echo|secho|print|progressbar)"
)
LOOKS = re.compile(r"sys\.(stdout|stderr)(\.(isatty|fileno))?")


def name_of(file: Path) -> str:
    """`git_par/state/tasks.py` is `state.tasks`, `git_par/state/__init__.py` is `state`."""
    parts = file.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if len(parts) > 1 and parts[-1] == "__init__" else parts)


def storey(module: str) -> int:
    return STOREYS[module.partition(".")[0]]


def imports(tree: ast.AST) -> Iterator[str]:
    """Every dotted name that an import brings in, wherever in the file it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(tree: ast.AST) -> set[str]:
    """The modules of git_par that `tree` imports."""
    known = {name_of(file) for file in MODULES}
    found = set()
    for name in imports(tree):
        if name.partition(".")[0] != "git_par":
            continue
        inner = name.removeprefix("git_par").removeprefix(".")
        while inner and inner not in known:
            inner = inner.rpartition(".")[0]
        found.add(inner or "__init__")
    return found


def uses(tree: ast.AST) -> Iterator[str]:
    """Every name that `tree` speaks of, by where it came from: `from os import fork as f; f()` is `os.fork`."""
    meaning: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            meaning |= {
                alias.asname or alias.name.partition(".")[0]: (alias.asname and alias.name)
                or alias.name.partition(".")[0]
                for alias in node.names
            }
        elif isinstance(node, ast.ImportFrom):
            meaning |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    yield from imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load):
            head, *rest = ast.unparse(node).split(".")
            if isinstance(node, ast.Name) and head not in meaning and head not in ("print", "input"):
                continue
            yield ".".join([meaning.get(head, head), *rest])


def broken_imports(graph: dict[str, set[str]]) -> list[str]:
    """What is wrong with who imports whom."""
    wrong = [
        f"{module} (storey {storey(module)}) imports {other} (storey {storey(other)})"
        for module, others in graph.items()
        for other in sorted(others)
        if storey(other) > storey(module)
    ]
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        wrong.append(f"in a circle: {' → '.join(error.args[1])}")
    return wrong


def test_imports_only_go_down() -> None:
    graph = {name_of(file): rooms(ast.parse(file.read_text())) for file in MODULES}
    assert broken_imports(graph) == []


def test_an_upward_or_circular_import_would_be_found() -> None:
    assert rooms(ast.parse("def later() -> None:\n    from git_par.commands import add")) == {"commands.add"}
    assert broken_imports({"git": {"state.tasks"}, "state.tasks": {"errors"}}) != []
    assert broken_imports({"landing.plan": {"landing.audit"}, "landing.audit": {"landing.plan"}}) != []
    assert broken_imports({"landing.plan": {"landing.audit"}, "landing.audit": {"errors"}}) == []


def found(pattern: re.Pattern[str], text: str) -> set[str]:
    return {name for name in uses(ast.parse(text)) if pattern.fullmatch(name)}


def test_only_git_and_spawn_start_processes() -> None:
    guilty = {name_of(file).partition(".")[0] for file in MODULES if found(STARTERS, file.read_text())}
    assert guilty == {"git", "spawn"}


def test_only_render_prints() -> None:
    used = {name_of(file): found(PRINTERS, file.read_text()) for file in MODULES}
    looked = used.pop("streams")
    assert {module for module, names in used.items() if names} == {"render"}
    assert {name for name in looked if not LOOKS.fullmatch(name)} == set(), "who looks at a stream writes nothing there"


@pytest.mark.parametrize(
    "text",
    [
        "import subprocess as s\ns.run([])",
        "from os import fork as f\nf()",
        "import os\nos.execvp('git', [])",
        "import os\nos.posix_spawn('git', [], {})",
        "def later():\n    import sh",
        "import pty",
        "from concurrent.futures import ProcessPoolExecutor",
    ],
)
def test_a_hidden_process_would_be_found(text: str) -> None:
    assert found(STARTERS, text)


@pytest.mark.parametrize(
    "text",
    [
        "print('x')",
        "import sys\nsys.stdout.write('x')",
        "from sys import stderr\nstderr.write('x')",
        "import typer\ntyper.echo(1)",
    ],
)
def test_a_hidden_print_would_be_found(text: str) -> None:
    assert found(PRINTERS, text)


def test_a_question_loads_nothing_heavy(world: World) -> None:
    world.add("one")
    code = "import sys; from git_par import cli; cli.main(sys.argv[1:]); print(*sys.modules)"
    heavy = {"rich", "sh", "filelock", "psutil", "asyncio", "distributed", "pydantic", "concurrent.futures", "logging"}
    for argv in (("path", "one"), ("--version",), ("path", "two")):
        done = world.process(PAR[0], "-c", code, *argv)
        assert heavy & set(done.out.splitlines()[-1].split()) == set(), argv


def test_every_module_says_what_it_is_and_is_short() -> None:
    for file in MODULES:
        text = file.read_text()
        assert ast.get_docstring(ast.parse(text)), f"{file}: no docstring"
        assert text.count("\n") < 300, f"{file}: too long"


def test_every_setting_is_read_and_every_one_read_is_known() -> None:
    text = "".join(file.read_text() for file in MODULES)
    read = set(re.findall(r'settings\.(?:text|number|size|choice|patterns)\(\s*"(\w+)"', text))
    read |= set(re.findall(r'\.setting\("par\.(\w+)"\)', text))
    assert read == {key.name for key in settings.KEYS}


def test_every_verb_has_one_module() -> None:
    modules = {name_of(file).removeprefix("commands.") for file in MODULES if name_of(file).startswith("commands.")}
    helpers = {
        "add_begin",
        "add_plan",
        "choose",
        "facts",
        "limit",
        "log_runs",
        "merge_report",
        "remove_report",
        "sync_report",
        "conflicts_report",
        "conflicts_picture",
        "exec_output",
        "list_watch",
        "older",
        "owners",
        "precommit",
        "prunable",
        "run_book",
        "run_check",
        "run_conduct",
        "run_home",
        "run_report",
        "run_show",
        "run_workers",
        "undo_adopted",
        "undo_obstacle",
        "undo_reach",
        "undo_steps",
    }
    assert modules - helpers == {verb.replace("-", "_") for verb in grammar.NAMES}


def test_every_verb_stands_in_the_module_that_the_grammar_names() -> None:
    for module, names in grammar.MODULES.items():
        tree = ast.parse((PACKAGE / "grammar" / f"{module}.py").read_text())
        defined = [
            node.name.removesuffix("_").replace("_", "-")
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and [ast.unparse(one) for one in node.decorator_list] == ["verb"]
        ]
        assert tuple(defined) == names, module
    files = {name_of(file).removeprefix("grammar.") for file in MODULES if name_of(file).startswith("grammar.")}
    assert files == {*grammar.MODULES, "usage", "words"}
    assert len(set(grammar.NAMES)) == len(grammar.NAMES)


def test_a_verb_pays_for_no_other(world: World) -> None:
    code = "import sys; from git_par import cli; cli.main(sys.argv[1:]); print(*sys.modules)"
    done = world.process(PAR[0], "-c", code, "path", "one")
    loaded = {name for name in done.out.splitlines()[-1].split() if name.startswith("git_par.")}
    assert {name.removeprefix("git_par.grammar.") for name in loaded if name.startswith("git_par.grammar.")} == {
        "tasks",
        "usage",
        "words",
    }
    assert {name for name in loaded if name.startswith("git_par.commands.")} == {"git_par.commands.path"}
