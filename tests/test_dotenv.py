"""`git par env --dotenv FILE`: every reader reads the same, and everything else in the file stays as it is."""

import os
import re
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from git_par.errors import UsageError
from git_par.workspaces import dotenv
from tests.world import World

HARD = (
    "a b",
    "it's",
    'say "x"',
    "$HOME",
    "`id`",
    "a#b",
    " # c",
    "",
    "a\\b",
    "größe",
    "'\"",
    "a;b&c|d",
    "$(id)",
    "~",
    "!x",
    "\udcff",
)


def by_shell(world: World, file: Path, key: str) -> str:
    """What a shell finds when it reads the file."""
    return world.process("sh", "-c", '. "$0"; eval "printf %s \\"\\$$1\\""', str(file), key).out


def by_reader(text: str, key: str) -> str:
    """What a dotenv reader finds: the rules of python-dotenv, in which only `${` is ever filled in."""
    for line in text.splitlines():
        name, _, value = line.removeprefix("export ").partition("=")
        if name != key:
            continue
        assert "${" not in value
        if value[:1] == "'":
            found = re.fullmatch(r"'((?:\\'|[^'])*)'", value)
            assert found, value
            return re.sub(r"\\([\\'])", r"\1", found[1])
        if value[:1] == '"':
            found = re.fullmatch(r'"((?:\\"|[^"])*)"', value)
            assert found, value
            assert not re.search(r"\\[abfnrtv]", found[1].replace(r"\\", ""))
            return re.sub(r"\\([\\'\"])", r"\1", found[1])
        return re.sub(r"\s+#.*", "", value).rstrip()
    raise AssertionError(key)


def test_hard_values_are_read_alike(world: World) -> None:
    file = world.root / "x.env"
    values = {f"K{number}": value for number, value in enumerate(HARD)}
    dotenv.update(file, values)
    text = file.read_text(errors="surrogateescape")
    for key, value in values.items():
        assert by_reader(text, key) == value, key
        assert by_shell(world, file, key) == value, key


@pytest.mark.parametrize("value", ["it's $x", "'`'", "${x}", "a\nb", "\r", "'${x"])
def test_what_readers_take_differently_is_refused(value: str) -> None:
    with pytest.raises(UsageError, match="which readers of such files take differently"):
        dotenv.line("K", value)


@given(st.text("ab '\"\\$`#{}=~!", max_size=8))
def test_any_value_is_refused_or_read_back(value: str) -> None:
    try:
        line = dotenv.line("K", value)
    except UsageError:
        return
    assert by_reader(line, "K") == value
    # A shell, by the rules of its quotes (POSIX, 2.2).
    text = line.removeprefix("K=")
    if text[:1] == "'":
        assert "'" not in text[1:-1]
        assert text[1:-1] == value
    elif text[:1] == '"':
        assert not re.search(r'(?<!\\)(?:\\\\)*[$`"]', text[1:-1])
        assert re.sub(r'\\([\\"$`])', r"\1", text[1:-1]) == value
    else:
        assert re.fullmatch(r"[\w@%+=:,./-]*", text)


def test_a_new_file_is_private_and_tells_the_task(world: World) -> None:
    world.ok("add", "it's", "--group", 'a "b" #1')
    path = Path(world.ok("path", "it's").out.strip())
    assert world.ok("env", "--dotenv", ".env.par", cwd=path) == (0, "", "")
    file = path / ".env.par"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    values = world.ok("env", "--json", cwd=path).json["environment"]
    assert values["GIT_PAR_GROUP"] == 'a "b" #1'
    assert "GIT_PAR_PROMPT" not in file.read_text()
    for key in values.keys() - {"GIT_PAR_PROMPT"}:
        value = values[key]
        assert by_reader(file.read_text(), key) == by_shell(world, file, key) == value
    assert world.ok("env", "it's", "--dotenv", "-").out == file.read_text()


def test_all_other_lines_and_the_mode_stay(world: World) -> None:
    world.add("one")
    file = world.repo / ".env"
    before = b"# mine\r\nPORT=3000\nexport  GIT_PAR_SLOT = 7\n\nGIT_PAR_TASKS=mine\nGIT_PAR_PORT='1'\n\xff=\xfe"
    file.write_bytes(before)
    file.chmod(0o640)
    world.ok("env", "one", "--dotenv", ".env")
    ours = os.fsencode(world.ok("env", "one", "--dotenv", "-").out)
    after = b"# mine\r\nPORT=3000\n" + ours + b"\nGIT_PAR_TASKS=mine\n\xff=\xfe"
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (after, 0o640)
    written = file.stat()
    world.ok("env", "one", "--dotenv", ".env")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (written.st_ino, written.st_mtime_ns)
    file.write_bytes(b"A=1")
    world.ok("env", "one", "--dotenv", ".env")
    assert file.read_bytes() == b"A=1\n" + ours
    file.write_bytes(b"")
    world.ok("env", "one", "--dotenv", ".env")
    assert file.read_bytes() == ours
    assert [entry.name for entry in world.repo.iterdir() if entry.name.startswith("..")] == []


def test_a_link_is_not_followed_and_stays(world: World) -> None:
    path = world.add("one")[0]
    shared = world.write("shared", "A=1\n")
    (path / ".env").symlink_to(shared)
    done = world.par("env", "--dotenv", ".env", cwd=path)
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith(f"git par: --dotenv: '{path}/.env' is a symbolic link")
    assert (shared.read_text(), (path / ".env").is_symlink()) == ("A=1\n", True)
    for place in (".", "/dev/null"):
        assert world.par("env", "--dotenv", place, cwd=path).status == 3
    done = world.par("env", "--dotenv", "no/such", cwd=path)
    assert (done.status, "cannot be written" in done.err) == (2, True)
    assert world.par("env", "--dotenv", "-", "--json", cwd=path).status == 2
    assert world.ok("env", "--dotenv", "x", "--json", cwd=path).json["environment"]["GIT_PAR_TASK"] == "one"
    assert (path / "x").exists()
