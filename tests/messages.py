"""Every refusal in the code, as its source says it: where, what kind, the shape of its text and of its hint."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
KINDS = {"ParError": 5, "UsageError": 2, "Refused": 3, "Busy": 4, "GitFailed": 5}
"""The classes of errors, with their exit statuses."""


@dataclass(frozen=True)
class Refusal:
    """One place in the code that refuses."""

    place: str
    """Module and function."""
    kind: str
    text: ast.expr
    hint: ast.expr | None

    @property
    def shape(self) -> str:
        """The text with `…` for what is only known at run time."""
        return shape(self.text)

    def matches(self, text: str, hint: str) -> bool:
        """Whether it can have said that."""
        said = re.fullmatch(pattern(self.text), text, re.DOTALL)
        helped = self.hint is not None and re.fullmatch(pattern(self.hint), hint, re.DOTALL)
        return bool(said and helped)


@cache
def refusals() -> tuple[Refusal, ...]:
    """All of them, module by module."""
    found: list[Refusal] = []
    for file in sorted((ROOT / "git_par").rglob("*.py")):
        module = str(file.relative_to(ROOT / "git_par")).removesuffix(".py").replace("/", ".")
        found += _in(ast.parse(file.read_text(encoding="utf-8")), module, "")
    return tuple(found)


def _in(tree: ast.AST, module: str, function: str) -> Iterator[Refusal]:
    for node in ast.iter_child_nodes(tree):
        inside = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else function
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            hints = [one.value for one in node.keywords if one.arg == "hint"]
            yield Refusal(f"{module}.{inside}", node.func.id, node.args[0], next(iter(hints), None))
        yield from _in(node, module, inside)


def pattern(node: ast.expr) -> str:
    """A regular expression for the texts that an expression can come to."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.escape(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(map(pattern, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return pattern(node.left) + pattern(node.right)
    if isinstance(node, ast.IfExp):
        return f"(?:{pattern(node.body)}|{pattern(node.orelse)})"
    if isinstance(node, ast.BoolOp):
        return f"(?:{'|'.join(map(pattern, node.values))})"
    if isinstance(node, ast.FormattedValue) and isinstance(node.value, ast.IfExp):
        return pattern(node.value)
    return ".*"


def shape(node: ast.expr) -> str:
    """The same for people and for a search: the words of it, with `…` between."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(map(shape, node.values))
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return shape(node.left) + shape(node.right)
    if isinstance(node, ast.IfExp):
        return shape(node.body)
    if isinstance(node, ast.BoolOp):
        return shape(node.values[-1])
    return "…"


@cache
def texts_of_tests() -> list[str]:
    """Every string in the tests but for the table, with `…` for what is put into it."""
    found = []
    for file in sorted({*(ROOT / "tests").glob("test_*.py")} - {ROOT / "tests/test_messages.py"}):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant | ast.JoinedStr) and len(text := shape(node)) > 5:
                found.append(text.replace("\\", ""))
    return found
