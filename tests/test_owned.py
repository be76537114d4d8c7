"""Which files belong to a task, and whether two tasks could want the same one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from git_par.errors import UsageError
from git_par.workspaces import globs, owned, patterns
from git_par.workspaces.owned import Owned

_PARTS = st.sampled_from(["a", "b", "ab", "*", "a*", "*.c", "x.c", "?", "[ab]", "[!a]", "[a-c]x", "**", "a?c"])
_PATTERNS = st.builds(
    lambda lead, parts, tail: lead + "/".join(parts) + tail,
    st.sampled_from(["", "/"]),
    st.lists(_PARTS, min_size=1, max_size=4),
    st.sampled_from(["", "/"]),
).filter(lambda pattern: pattern.strip("/*"))
_PATHS = st.lists(st.sampled_from(["a", "b", "ab", "x.c", "c", "ax", "abc", "b.c"]), min_size=1, max_size=4).map(
    "/".join
)


@settings(max_examples=400)
@given(_PATTERNS, _PATHS)
def test_the_automaton_matches_what_gitignore_matches(pattern: str, path: str) -> None:
    assert globs.matches(pattern, path) == patterns.parse([pattern]).select(path)


@settings(max_examples=300)
@given(_PATTERNS, _PATTERNS, _PATHS)
def test_a_path_that_both_match_is_found_whenever_there_is_one(one: str, other: str, path: str) -> None:
    found = globs.common(one, other)
    if found is None:
        globs_only = any(sign in pattern.rpartition("/")[2] for pattern in (one, other) for sign in "*?[")
        assert globs_only or not (globs.matches(one, path) and globs.matches(other, path))
    else:
        assert patterns.parse([one]).select(found)
        assert patterns.parse([other]).select(found)


@pytest.mark.parametrize(
    ("one", "other", "example"),
    [
        ("src/**", "**/*.md", "src/.md"),
        ("src/mixer/", "src/mixer/free.py", "src/mixer/free.py"),
        ("/a", "/b", None),
        ("a[0-9].txt", "a[5-7]*", "a5.txt"),
        ("*.py", "*.md", None),
        (r"a\*b", "a?b", "a*b"),
        (r"/a\*b", "/axb", None),
        ("src/*.py", "src/*/x.py", None),
        ("src/*/", "src/*/x.py", "src/z/x.py"),
        ("**/test/**", "a/*", "a/test/x"),
    ],
)
def test_examples(one: str, other: str, example: str | None) -> None:
    assert globs.common(one, other) == example


def test_a_plain_name_is_one_file_and_not_any_of_that_name() -> None:
    mine = Owned(("README.md", "docs"))
    assert "README.md" in mine
    assert "sub/README.md" not in mine
    assert "docs/a/b.md" in mine
    assert "x/docs/a" not in mine


def test_a_glob_without_a_slash_matches_at_any_depth_and_a_later_pattern_takes_out() -> None:
    mine = Owned(("*.py", "!gen/*.py", "gen/kept.py"))
    assert "a/b.py" in mine
    assert "gen/a.py" not in mine
    assert "gen/kept.py" in mine


@pytest.mark.parametrize(
    "pattern",
    ["", "/", "/etc/passwd", "../x", "a/../b", "~/x", ".git/config", "a//b", " a", "a\n", "a\nb", "[a", "a\\"],
)
def test_a_pattern_stays_inside_of_the_repository(pattern: str) -> None:
    assert owned.problem(pattern)


@pytest.mark.parametrize("pattern", ["a", "src/**", "!src/gen/", "*.py", "[ab]/c", "ü/日本.txt"])
def test_patterns_that_can_be_had(pattern: str) -> None:
    assert owned.problem(pattern) == ""


def test_part_of_a_directory_can_be_taken_out() -> None:
    mine = Owned(("src/", "!src/gen/", "!*.md", "#*"))
    assert mine.of(["src/a.c", "src/gen/a.c", "src/a.md", "other", "#x", "src/gen/deep/b"]) == ["src/a.c", "#x"]
    assert mine.outside(["src/a.c", "z", "a"]) == ["a", "z"]


def test_patterns_as_they_are_given() -> None:
    assert owned.wanted(["a", "", "src/**", "!src/gen/", "src/**"]) == ("src/**", "!src/gen/")
    assert owned.wanted(["a", ""]) == ()
    with pytest.raises(UsageError, match="only takes out"):
        owned.wanted(["!a"])
    with pytest.raises(UsageError, match=r"--owns \.\./x: it must be a path inside"):
        owned.wanted(["../x"])


def test_files_that_two_tasks_own() -> None:
    files = ["src/a.py", "src/b.py", "README.md"]
    assert owned.overlap(Owned(("src/*.py",)), Owned(("src/b.py", "README.md")), files) == ["src/b.py"]
    assert owned.overlap(Owned(("new.txt",)), Owned(("*.txt",)), files) == ["new.txt"]
    assert owned.overlap(Owned(("src/",)), Owned(("*.md",)), files) == []
    assert owned.overlap(Owned(("src/",)), Owned(("*.md",)), files, [("src/", "*.md")]) == ["src/.md"]
    assert owned.overlap(Owned(("src/", "!*.md")), Owned(("*.md",)), files, [("src/", "*.md")]) == []
    # What is named is a file, unless it is a directory there or a pattern leads into it.
    assert owned.overlap(Owned(("lib",)), Owned(("*.md",)), files, [("lib", "*.md")]) == []
    assert owned.overlap(Owned(("lib",)), Owned(("*.md",)), files, [("lib", "*.md")], {"lib"}) == ["lib/.md"]
    assert owned.overlap(Owned(("lib",)), Owned(("lib/*.md",)), files, [("lib", "lib/*.md")]) == ["lib/.md"]


@given(
    st.lists(
        st.sampled_from(
            ["src/*.py", "src/", "src", "*.md", "a/**/b", "**/x", "a[bc]/d", "\\*x", "a\\b/c", "!src/x.py", "#x"]
        )
    )
)
def test_most_files_need_no_closer_look(patterns: list[str]) -> None:
    paths = [
        "src",
        "src/x.py",
        "src/d/y.py",
        "srcs",
        "d/r.md",
        "a/b",
        "a/c/b",
        "x",
        "d/x",
        "ab/d",
        "ac/d",
        "*x",
        "ab/c",
        "#x",
    ]
    own = Owned(tuple(patterns))
    assert own.of(paths) == [path for path in paths if path in own]
    assert own.has_any(paths) == bool(own.of(paths))
