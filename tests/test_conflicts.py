"""`git par conflicts`: who will collide, uncommitted work included, and nothing is touched by asking."""

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.world import World

SVG = "{http://www.w3.org/2000/svg}"


def ask(world: World, *names: str) -> Any:
    return world.ok("conflicts", *names, "--json").json


def state(world: World) -> dict[str, tuple[int, bytes]]:
    """Every file below the world's root, with its time and content."""
    return {
        str(file): (file.lstat().st_mtime_ns, file.read_bytes())
        for file in sorted(world.root.rglob("*"))
        if file.is_file() and not file.is_symlink()
    }


def test_the_matrix_the_pairs_the_order_and_what_to_run_next(world: World) -> None:
    prices, sizes, hours, late = world.add("prices", "sizes", "hours", "late")
    world.commit("dearer", cwd=prices, menu="coffee 2.80\n")
    world.commit("large", cwd=sizes, menu="coffee 3.50\n", size="l\n")
    world.commit("hours", cwd=hours, hours="8 to 18\n")
    world.commit("late", cwd=late, a__txt="late\n")
    world.commit("first", a__txt="first\n")
    done = world.ok("conflicts")
    assert done.out == (
        "         1 2 3  base\n"
        "1 prices - 1 .     .\n"
        "2 sizes  1 - .     .\n"
        "3 late   . . -     1\n"
        "\n"
        "prices with sizes: menu\n"
        "late with its base main: a.txt\n"
        "1 more: no collision\n"
        "order: prices hours\n"
        "not beside them: late sizes\n"
    )
    assert done.err == "hint: git par merge prices hours, then git par sync late, and each of the others\n"
    assert world.par("merge", "prices", "hours").status == 0
    assert world.par("merge", "late", "sizes").status == 1


def test_what_is_uncommitted_and_untracked_counts_and_nothing_is_touched(world: World) -> None:
    one, two, three = world.add("one", "two", "three")
    world.write("a.txt", "one\n", one)
    world.write("a.txt", "two\n", two)
    world.git("add", "a.txt", cwd=two)
    world.write("new", "new in one\n", one)
    world.write("new", "new in three\n", three)
    world.write(".env.local", "SECRET\n", three)
    world.ok("list")
    before = state(world)
    done = world.ok("conflicts")
    assert done.out.splitlines()[-4:-1] == ["one with two: a.txt", "one with three: new", "order: two three"]
    assert done.err == (
        "three: not looked at: .env.local\n"
        "what is uncommitted counts, and is to be committed before a merge: one, two, three\n"
        "hint: git par merge two three, then git par sync one\n"
    )
    assert state(world) == before


def test_asking_writes_no_object_and_leaves_no_directory(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "tmp"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    for name in ("one", "two"):
        world.write("a.txt", name, world.task(name))
    before = world.git("count-objects", "-v")
    assert len(ask(world)["pairs"]) == 1
    assert world.git("count-objects", "-v") == before
    assert list(place.iterdir()) == []


def test_plain_branches_are_compared_with_the_branch_one_stands_on(world: World) -> None:
    for name in ("one", "two"):
        world.git("checkout", "-q", "-b", name, "main")
        world.commit(name, a__txt=f"{name}\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    assert ask(world, "one", "two") == {
        "version": 1,
        "tasks": ["one", "two"],
        "pairs": [{"a": "one", "b": "two", "files": ["a.txt"]}],
        "base": [{"name": name, "base": "main", "files": ["a.txt"]} for name in ("one", "two")],
        "order": ["one", "two"],
        "rest": ["one", "two"],
        "uncommitted": [],
        "left": [],
        "notes": [],
    }
    world.git("checkout", "-q", "--detach")
    assert ask(world, "one", "two")["base"] == []
    assert ask(world, "one", "one", "refs/heads/one")["tasks"] == ["one"]


def test_a_branch_that_is_checked_out_counts_as_it_stands_there(world: World) -> None:
    world.task("one", a__txt="one\n")
    world.write("a.txt", "changed in main\n")
    seen = ask(world, "main", "one")
    assert [(one["a"], one["b"]) for one in seen["pairs"]] == [("main", "one")]
    assert (seen["uncommitted"], seen["base"]) == (["main"], [])


def test_a_branch_called_like_a_task_goes_by_its_ref(world: World) -> None:
    world.ok("add", "fix", "--branch", "work/{name}")
    world.git("branch", "fix")
    assert ask(world, "fix", "refs/heads/fix")["tasks"] == ["fix", "refs/heads/fix"]


def test_a_stacked_task_comes_behind_what_it_stands_on(world: World) -> None:
    low = world.task("low", a__txt="low\n")
    world.ok("add", "high", "--from", "low")
    world.commit("high", cwd=world.workspaces / "high", high="x\n")
    world.task("other", b__txt="x\n", c__txt="x\n", d__txt="x\n")
    assert ask(world, "high", "low", "other")["order"] == ["low", "high", "other"]
    world.commit("in the way", a__txt="main\n")
    seen = ask(world, "high", "low", "other")
    assert [one["name"] for one in seen["base"]] == ["low"]
    assert (seen["order"], seen["rest"]) == (["other", "low", "high"], ["low", "high"])
    assert low.is_dir()


def test_what_lands_in_different_branches_is_not_in_each_others_way(world: World) -> None:
    world.git("branch", "release")
    world.task("one", a__txt="one\n")
    world.ok("add", "two", "--base", "release", "--from", "release")
    world.commit("two", cwd=world.workspaces / "two", a__txt="two\n")
    seen = ask(world)
    assert len(seen["pairs"]) == 1
    assert (seen["order"], seen["rest"]) == (["one", "two"], [])


def test_a_task_in_the_middle_of_a_sync_counts_with_what_it_merges(world: World) -> None:
    path = world.task("one", a__txt="one\n")
    world.commit("main", a__txt="main\n")
    assert [one["name"] for one in ask(world)["base"]] == ["one"]
    assert world.par("sync", "one").status == 1
    world.write("a.txt", "both\n", path)
    assert ask(world)["base"] == []


def test_what_cannot_be_looked_at_is_named_and_the_rest_goes_on(world: World) -> None:
    elsewhere, gone, based, damaged, good = world.add("elsewhere", "gone", "based", "damaged", "good")
    for path in (elsewhere, gone, based, damaged, good):
        world.commit("work", cwd=path, a__txt=f"{path.name}\n")
    world.write("b.txt", "x\n", elsewhere)
    world.git("switch", "-qc", "fix", cwd=elsewhere)
    world.git("checkout", "-q", "--detach", cwd=gone)
    world.git("branch", "-q", "-D", "gone")
    world.git("branch", "old")
    world.ok("set", "based", "--base", "old")
    world.git("branch", "-q", "-D", "old")
    Path(world.git("rev-parse", "--absolute-git-dir", cwd=damaged), "index").write_bytes(b"nonsense")
    seen = ask(world)
    assert seen["tasks"] == ["elsewhere", "based", "damaged", "good"]
    assert len(seen["pairs"]) == 6
    notes = {one["name"]: one["detail"] for one in seen["notes"]}
    assert notes.pop("damaged").startswith("only its commits count, its workspace cannot be read: git status: ")
    assert notes == {
        "gone": "its branch 'gone' is gone",
        "based": "its base 'old' is gone",
        "elsewhere": "only its commits count, its workspace is on branch 'fix'",
    }


def test_a_workspace_that_is_gone_counts_with_its_branch(world: World) -> None:
    path = world.task("one", a__txt="one\n")
    world.task("two", a__txt="two\n")
    world.process("rm", "-rf", str(path))
    assert len(ask(world)["pairs"]) == 1


def test_without_tasks_and_with_one_there_is_little_to_say(world: World) -> None:
    done = world.ok("conflicts")
    assert (done.out, done.err) == ("", "nothing to compare: there are no tasks; git par add NAME makes one\n")
    world.task("one")
    done = world.ok("conflicts")
    assert (done.out, done.err) == ("no collision\n", "hint: git par merge one\n")
    world.task("two")
    assert world.ok("conflicts").out == "2 looked at: no collision\norder: one two\n"


def test_a_matrix_that_is_too_wide_goes_by_numbers_and_then_is_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"a-name-that-is-not-exactly-short-{number}" for number in range(12)]
    for name, path in zip(names, world.add(*names), strict=True):
        world.write("a.txt", name, path)

    def shown(columns: int) -> list[str]:
        monkeypatch.setenv("COLUMNS", str(columns))
        return world.ok("conflicts").out.splitlines()

    assert shown(100)[12].startswith(f"12 {names[11]}  1  1")
    middle = shown(60)
    assert middle[1] == " 1  -  1  1  1  1  1  1  1  1  1  1  1     ."
    assert middle[14] == f" 1 {names[0]}"
    assert max(len(line) for line in middle[:26]) <= 60
    assert shown(30)[0] == f"{names[0]} with {names[1]}: a.txt"


def test_a_hundred_are_a_list_on_a_narrow_terminal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    stream = "".join(
        f"commit refs/heads/b{number}\ncommitter C <c@example.com> 1700000000 +0000\ndata 1\nx\n"
        f"from refs/heads/main^0\nM 100644 inline {'a.txt' if number < 40 else f'n{number}'}\ndata 3\n{number:03}\n"
        for number in range(100)
    )
    world.write("../stream", stream)
    assert world.process("sh", "-c", "git fast-import --quiet <../stream").status == 0
    done = world.ok("conflicts", *(f"b{number}" for number in range(100)))
    lines = done.out.splitlines()
    assert lines[0] == "b0 with b1: a.txt"
    assert len(lines) == 40 * 39 // 2 + 3
    assert lines[-3] == "60 more: no collision"
    assert len(lines[-2].split()) == 1 + 61
    assert done.err == "hint: git par merge, with the names in that order\n"


def test_the_picture_and_the_page_hold_everything_and_need_nothing(world: World) -> None:
    hard = '<b>&"it\'s"'
    for name in ("one", hard):
        path = world.add(name)[0]
        (path / 'x<y>&"\n\udcff').write_text(name)
        world.write("a.txt", name, path)
    world.ok("conflicts", "--svg", "matrix.svg", "--html", str(world.root / "matrix.html"))
    svg, page = (world.repo / "matrix.svg").read_text(), (world.root / "matrix.html").read_text()
    root = ElementTree.fromstring(svg.encode())
    assert root.tag == f"{SVG}svg"
    assert float(root.attrib["width"]) > 8 * len(str(root.findtext(f"{SVG}title")))
    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "2 tasks: 1 colliding pair"
    assert root.findtext(f"{SVG}desc") == f"one with {hard}"
    tips = {hit.findtext(f"{SVG}title") for hit in root.iter(f"{SVG}g") if hit.get("class") == "hit"}
    files = 'a.txt\nx<y>&"\\n\\udcff'
    assert tips == {f"one with {hard}:\n{files}"}
    labels = [text.text for text in root.iter(f"{SVG}text")]
    assert labels.count("one") == labels.count(hard) == 2
    for text in (svg, page):
        assert "<b>" not in text
        assert "<script" not in text
        assert not re.search(r"(?:href|src)=|url\(|@import", text)
        assert "prefers-color-scheme:dark" in text
    assert page.startswith('<!DOCTYPE html>\n<html lang="en">')
    body = page.partition("<body>")[2].partition("</body>")[0]
    assert [element.tag for element in ElementTree.fromstring(f"<body>{body}</body>")] == [
        "h1", "figure", "h2", "table", "h2", "ol", "h2", "ul", "h2", "ul",
    ]  # fmt: skip


def test_the_page_says_what_was_left_out(world: World) -> None:
    world.git("branch", "base")
    world.ok("add", "one", "--base", "base", "--from", "base")
    world.git("branch", "-D", "base")
    world.ok("conflicts", "--html", "matrix.html")
    page = (world.repo / "matrix.html").read_text()
    assert "<h2>Notes</h2>\n<ul><li><code>one</code>: its base &#x27;base&#x27; is gone</li></ul>" in page


def test_pictures_of_nothing_are_pictures(world: World) -> None:
    world.ok("conflicts", "--svg", "matrix.svg", "--html", "matrix.html")
    root = ElementTree.fromstring((world.repo / "matrix.svg").read_bytes())
    assert root.findtext(f"{SVG}title") == "0 tasks: 0 colliding pairs"


def test_a_cell_has_room_for_a_hundred_files(world: World) -> None:
    for name in ("one", "two"):
        path = world.add(name)[0]
        for number in range(120):
            world.write(f"{number}.txt", name, path)
    world.ok("conflicts", "--svg", "matrix.svg")
    root = ElementTree.fromstring((world.repo / "matrix.svg").read_bytes())
    hits = [hit for hit in root.iter(f"{SVG}g") if hit.get("class") == "hit"]
    assert [span.text for hit in hits for span in hit.iter(f"{SVG}tspan")] == ["99+", "99+"]
    assert str(hits[0].findtext(f"{SVG}title")).splitlines()[-1] == "…"
    assert re.search(r"^one with two: \S+, \S+, \S+ and 117 more$", world.ok("conflicts").out, re.M)


def test_in_a_bare_repository_branches_are_compared(world: World) -> None:
    for name in ("one", "two"):
        world.git("checkout", "-q", "-b", name, "main")
        world.commit(name, a__txt=f"{name}\n")
    bare = world.root / "bare.git"
    world.git("clone", "-q", "--bare", str(world.repo), str(bare))
    world.git("symbolic-ref", "HEAD", "refs/heads/main", cwd=bare)
    done = world.ok("conflicts", "one", "two", "--json", cwd=bare)
    assert done.json["pairs"] == [{"a": "one", "b": "two", "files": ["a.txt"]}]


@pytest.mark.parametrize("option", ["--svg", "--html"])
def test_a_file_that_cannot_be_written_is_said(option: str, world: World) -> None:
    world.task("one")
    done = world.par("conflicts", option, "no/such/place")
    assert (done.status, done.out) == (2, "")
    assert done.err == (
        "git par: no/such/place: cannot be written: no such file or directory\n"
        "hint: name a file in a directory you can write to\n"
    )


def test_a_name_that_is_nothing_is_said(world: World) -> None:
    done = world.par("conflicts", "nothing")
    assert (done.status, done.out) == (2, "")
    assert done.err == "git par: nothing: no such task or branch\nhint: see 'git par list' and 'git branch'\n"
