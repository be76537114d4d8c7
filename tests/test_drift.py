"""Program, manual pages and completions know the same verbs and long options."""

import re
from collections.abc import Callable

import pytest

from tests import grammar
from tests.shells import ROOT

PROGRAM = {verb: {flag for flag in grammar.options(verb) if flag.startswith("--")} for verb in grammar.verbs()}


def pages() -> dict[str, set[str]]:
    found = {}
    for file in sorted((ROOT / "man/man1").glob("git-par-*.1")):
        items = re.findall(r"^\.It Fl (.*)", file.read_text(encoding="utf-8"), re.MULTILINE)
        flags = {f"-{flag}" for item in items for flag in re.findall(r"(?:^|, Fl )(-[\w-]+)", item)}
        found[file.stem.removeprefix("git-par-")] = flags
    return found


def bash() -> dict[str, set[str]]:
    text = (ROOT / "completions/git-par.bash").read_text(encoding="utf-8")
    table = text.partition("__git_par_options () {")[2].partition("esac")[0]
    rows = re.findall(r"^ +([\w-]+)\) list=\((.*)\) ;;", table, re.MULTILINE)
    listed = re.findall(r"^            \*\) list=\((add .*)\)", text, re.MULTILINE)[0].split()
    assert listed == [verb for verb, _ in rows]
    return {verb: set(flags.split()) - {"--help"} for verb, flags in rows}


def zsh() -> dict[str, set[str]]:
    text = (ROOT / "completions/_git-par").read_text(encoding="utf-8")
    listed = re.findall(r"^        '([\w-]+):", text.partition("verbs=(")[2].partition("\n    )")[0], re.MULTILINE)
    bodies = {
        verb: re.findall(rf"^__git_par_{verb} \(\) \{{\n(.*?)^\}}", text, re.MULTILINE | re.DOTALL)[0]
        for verb in listed
    }
    return {verb: set(re.findall(r"(?<=['{,*])--[\w-]+(?=[\[=}])", body)) - {"--help"} for verb, body in bodies.items()}


def fish() -> dict[str, set[str]]:
    text = (ROOT / "completions/git-par.fish").read_text(encoding="utf-8")
    listed = re.findall(r"^complete -c git-par -n __git_par_needs_verb -a (\S+)", text, re.MULTILINE)
    found: dict[str, set[str]] = {verb: set() for verb in listed}
    for verb, flag in re.findall(
        r"^complete -c git-par -n '__git_par_verb ([\w-]+)' (?:-s \w )?-l ([\w-]+)", text, re.M
    ):
        found[verb].add(f"--{flag}")
    return {verb: flags - {"--help"} for verb, flags in found.items()}


@pytest.mark.parametrize("source", [pages, bash, zsh, fish])
def test_verbs_and_long_options_are_those_of_the_program(source: Callable[[], dict[str, set[str]]]) -> None:
    assert source() == PROGRAM
