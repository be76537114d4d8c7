"""Names: what can be a task or a branch, held against git itself, and what they are called on disk."""

import subprocess
from datetime import datetime
from itertools import islice
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from git_par import names
from tests.world import World

# Pieces that git has an opinion about, so that random names get near its rules.
TEXT = """a b Z 9 . .. / // - @ @{ { } ~ ^ : ? * [ \\ .lock HEAD refs/ refs/heads/ ü 🎉 $(id) `id` ; ' " % ="""
PIECES = st.sampled_from([*TEXT.split(), " ", "\t", "\n", "\x7f", "\x01", "x" * 240])
NAMES = st.lists(PIECES, max_size=6).map("".join) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=12
)
ACCEPTED = NAMES.filter(lambda name: not names.task_problem(name))


def git_accepts(name: str) -> bool:
    """Git as a branch: its form as a ref, and what `git branch` refuses besides."""
    asked = (["git", "check-ref-format", f"refs/heads/{name}"], ["git", "check-ref-format", "--branch", name])
    return all(subprocess.run(argv, capture_output=True, check=False).returncode == 0 for argv in asked)


def refused_on_purpose(name: str) -> bool:
    """What git takes and we do not."""
    parts = name.split("/")
    return (
        name in ("@", "HEAD")  # `git branch @` makes a branch that nobody can name
        or name.startswith("@{")
        or len(name.encode()) > names.LONGEST_NAME
        or any(len(part.encode()) > names.LONGEST_COMPONENT for part in parts)
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(NAMES)
def test_a_branch_is_accepted_exactly_when_git_accepts_it(name: str) -> None:
    problem = names.branch_problem(name)
    if not problem:
        assert git_accepts(name)
    elif not refused_on_purpose(name):
        assert not git_accepts(name), problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "a name cannot be empty"),
        ("\udcff", "a name must be valid UTF-8"),
        ("a\nb", "a name cannot hold control characters"),
        ("a b", "a name cannot hold a space"),
        ("a\\b", "a name cannot hold '\\\\'"),
        ("a?", "a name cannot hold '?'"),
        ("../x", "a name cannot hold '..'"),
        ("a@{1}", "a name cannot hold '@{'"),
        ("-rf", "a name cannot begin with '-'"),
        ("--exec=x", "a name cannot begin with '-'"),
        ("@", "git means something else by it"),
        ("HEAD", "git means something else by it"),
        ("a.", "a name cannot end with '.'"),
        (".", "a name cannot end with '.'"),
        ("/abs", "a name cannot begin or end with '/' or hold '//'"),
        ("a//b", "a name cannot begin or end with '/' or hold '//'"),
        ("a/", "a name cannot begin or end with '/' or hold '//'"),
        ("a/.b", "no part of a name can begin with '.'"),
        ("a.lock/b", "no part of a name can end with '.lock'"),
        ("x" * 231, "no part of a name can be longer than 230 bytes"),
        ("/".join(["x" * 200] * 4), "a name cannot be longer than 700 bytes"),
        ("refs/heads/x", "a task is named without 'refs/'"),
    ],
)
def test_a_refused_name_is_told_why(name: str, problem: str) -> None:
    assert names.task_problem(name) == problem


@pytest.mark.parametrize("name", ["x" * 230, "$(id)", "`id`", "a;b", "'", '"', "%", "CON", "ä/ö", "🎉", "a.b", "a-"])
def test_strange_names_that_git_takes_are_taken(name: str) -> None:
    assert names.task_problem(name) == ""


def test_slugs_are_refs_and_short_and_one_path_component() -> None:
    seen: dict[str, str] = {}

    @settings(max_examples=300, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(ACCEPTED)
    def collect(name: str) -> None:
        slug = names.slug(name)
        assert seen.setdefault(slug, name) == name
        assert slug.isascii()
        assert len(slug) <= 120
        assert "/" not in slug
        assert slug not in ("", ".", "..")

    collect()
    for slug in list(seen)[:60]:
        subprocess.run(["git", "check-ref-format", f"refs/par/kept/{slug}/x"], check=True)


def test_slugs_of_names_that_look_alike_differ() -> None:
    alike = [
        "a/b",
        "a-b",
        "a%2Fb",
        "a%b",
        "A/b",
        "\u00e4",
        "a\u0308",
        "x" * 121,
        "x" * 122,
        "x" * 120,
        "ä" * 60,
        "ä" * 61,
    ]
    assert len({names.slug(name) for name in alike}) == len(alike)
    assert names.slug("a/b") == "a%2Fb"
    assert names.slug("x" * 120) == "x" * 120
    assert len(names.slug("x" * 121)) == 114


@settings(max_examples=200, deadline=None)
@given(ACCEPTED)
def test_directories_are_single_components_that_differ(name: str) -> None:
    first = list(islice(names.directories(name), 12))
    assert len(set(first)) == 12
    for directory in first:
        assert "/" not in directory
        assert directory not in ("", ".", "..")
        assert not directory.startswith((".", "-"))
        assert 0 < len(directory.encode()) <= names.LONGEST_DIRECTORY


def test_a_directory_is_named_as_typed() -> None:
    assert list(islice(names.directories("fix/Größe"), 3)) == ["fix-Größe", "fix-Größe-2", "fix-Größe-3"]
    assert next(names.directories("ä" * 60)) == "ä" * 50
    assert list(islice(names.directories("x" + "ä" * 60), 2))[1] == "x" + "ä" * 48 + "-2"


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Free mixer channel", "free-mixer-channel"),
        ("  Größe: ändern!  ", "größe-ändern"),
        ("$(touch x); `id`", "touch-x-id"),
        ("--exec=x", "exec-x"),
        ("../../etc", "etc"),
        ("!?", ""),
        ("word " * 40, "word-" * 11 + "word"),
    ],
)
def test_a_title_becomes_a_name(title: str, name: str) -> None:
    assert names.from_title(title) == name


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_a_name_from_a_title_can_be_used(title: str) -> None:
    name = names.from_title(title)
    assert not name or not names.task_problem(name), name


def test_a_name_from_a_title_in_wide_letters_can_be_used() -> None:
    assert names.task_problem(names.from_title("𐌰" * 80)) == ""


@pytest.mark.parametrize(
    ("template", "filled"),
    [
        ("{name}", ("x", "")),
        ("{user}/{name}-{name}", ("me/x-x", "")),
        ("{name}/{group}", ("", "'{group}' is empty here")),
        ("{nome}", ("", "it knows no '{nome}', only {name}, {user}, {group}")),
        ("{}{name}", ("", "it knows no '{}', only {name}, {user}, {group}")),
        ("fixed", ("", "it must hold '{name}'")),
        ("{{name}}", ("", "it must hold '{name}'")),
        ("{{{name}}}", ("{x}", "")),
        ("{name", ("", "a single '{'; a brace itself is written '{{'")),
        ("{name}}", ("", "a single '}'; a brace itself is written '}}'")),
    ],
)
def test_templates(template: str, filled: tuple[str, str]) -> None:
    assert names.fill_template(template, name="x", user="me", group="") == filled


def test_what_is_filled_in_is_not_filled_in_again() -> None:
    assert names.fill_template("{name}", name="{user}", user="me") == ("{user}", "")


@pytest.mark.parametrize(
    ("path", "cwd", "shown"),
    [
        ("/r/repo/a", "/r/repo", "a"),
        ("/r/w/a", "/r/repo", "../w/a"),
        ("/r/w/a", "/r/repo/sub", "/r/w/a"),
        ("/r/repo/-rf", "/r/repo", "/r/repo/-rf"),
        ("/r/w/a b", "/r/repo", "'../w/a b'"),
        ("/r/w/$(id)", "/r/repo", "'../w/$(id)'"),
    ],
)
def test_a_path_is_shown_as_one_would_type_it(path: str, cwd: str, shown: str) -> None:
    assert names.shown(Path(path), Path(cwd)) == shown


def test_a_made_up_name_holds_the_time() -> None:
    assert names.stamped("task", datetime(2026, 1, 2, 3, 4, 5)) == "task-20260102-030405"


# End to end: each name is a working task, or refused with nothing made.

WORKING = [
    "a",
    "a/b",
    "a-b",
    "Foo",
    "CON",
    "$(touch${IFS}x)",
    "`touch${IFS}x`",
    "a;touch${IFS}x",
    "a|touch${IFS}x",
    "a&touch${IFS}x",
    "it's",
    'say"hi"',
    "größe",
    "gro\u0308ße",
    "🎉",
    "%2F",
    "x" * 230,
    "@a",
    "a@b",
    "main@",
    "{name}",
    "=",
    "a=b",
    "!x",
    "#1",
]
REFUSED = [
    "",
    "../x",
    "/abs",
    "-rf",
    "--exec=touch x",
    ".",
    "..",
    "@",
    "HEAD",
    "refs/heads/x",
    "x.lock",
    "x.",
    "x ",
    "$(touch x)",
    "a\nb",
    "a\x1b[31mb",
    "a~1",
    "a^",
    "x" * 251,
    ".par",
    "a/../../b",
    "\udcff",
]


@pytest.mark.parametrize("name", WORKING)
def test_a_working_name_goes_through_its_whole_life(world: World, name: str) -> None:
    path = Path(world.ok("add", "--exec", 'printf %s "$GIT_PAR_TASK" >who.log', "--", name).out.removesuffix("\n"))
    assert path.parent == world.workspaces
    assert (path / "who.log").read_text() == name
    assert world.ok("path", "--", name).out == f"{path}\n"
    env = world.ok("env", "--", name).out
    told = world.process("sh", "-c", f'{env}printf %s "$GIT_PAR_TASK"')
    assert told.out == name
    world.commit("work", cwd=path, work__txt="work\n")
    world.ok("merge", "--", name)
    assert (world.repo / "work.txt").read_text() == "work\n"
    world.ok("remove", "--", name)
    assert world.branches() == ["main"]
    assert not path.exists()
    assert not [found for found in world.root.rglob("x") if found.is_file()]


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_name_leaves_nothing_behind(world: World, name: str) -> None:
    done = world.par("add", "fine", "--", name)
    assert (done.status, done.out) == (2, "")
    first, hint, *rest = done.err.split("\n")
    assert first.startswith("git par: ")
    assert hint.startswith("hint: ")
    assert rest == [""]
    assert "\x1b" not in done.err
    assert world.branches() == ["main"]
    assert not world.workspaces.exists()
    assert not list((world.repo / ".git" / "par").rglob("*.json"))
    assert not (world.repo / "x").exists()


@pytest.mark.parametrize("names", [("a", "a/b"), ("a/b", "a"), ("a", "a")])
def test_names_that_git_cannot_have_together_are_refused_together(world: World, names: tuple[str, str]) -> None:
    done = world.par("add", *names)
    assert (done.status, done.out) == (2, "")
    assert done.err.count("\n") == 2
    assert world.branches() == ["main"]
    assert not world.workspaces.exists() or not list(world.workspaces.iterdir())
    world.ok("add", names[0])
    if names[0] != names[1]:
        assert world.par("add", names[1]).status == 2
    assert world.branches() == sorted(["main", names[0]])


def test_names_that_share_a_directory_name_get_different_directories(world: World) -> None:
    assert [path.name for path in world.add("a/b", "a-b")] == ["a-b", "a-b-2"]


def test_a_refused_name_comes_with_one_that_works(world: World) -> None:
    done = world.par("add", "Free mixer channel")
    assert done.err == (
        "git par: 'Free mixer channel': a name cannot hold a space\nhint: git par add free-mixer-channel\n"
    )
