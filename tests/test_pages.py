"""README and docs/ tell the truth: commands answer what stands there, links lead somewhere, and what is named exists."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from git_par.state.settings import KEYS
from tests import grammar, shell_blocks
from tests.shell_blocks import ROOT, Broken, comparable, said
from tests.world import World

PAGES = [str(page.relative_to(ROOT)) for page in shell_blocks.pages()]
LINKED = [*PAGES, "CONTRIBUTING.md", "CHANGELOG.md"]
RUN = ("console", "sh", "shell")
READ = ("crontab", "ini", "json", "text", "toml", "yaml")
"""What else may stand between fences."""

SAID = re.compile(r"\bgit(?:(?: -[cC] \S+)* |-)par ([a-z][a-z-]*)\b((?:(?! -- )[^|;,&#)`\n])*)")
"""A verb of git-par, and what stands behind it."""
QUOTED = re.compile(r"'[^']*'")


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def outside(page: str) -> str:
    """What is neither fenced nor hidden."""
    return re.sub(r"<!--.*?-->", "", shell_blocks.PIECE.sub("", page), flags=re.DOTALL)


def anchors(page: str) -> set[str]:
    """What the headings of a page can be linked by, as on GitHub."""
    found: set[str] = set()
    for heading in re.findall(r"^#+ (.*)$", outside(page), re.MULTILINE):
        plain = re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", plain.lower()).replace(" ", "-")
        count = 1
        while slug in found:
            slug, count = f"{slug.removesuffix(f'-{count - 1}')}-{count}", count + 1
        found.add(slug)
    return found


def dead_links(page: str, place: Path) -> list[str]:
    """The relative links of a page in `place` that lead nowhere."""
    dead = []
    prose = outside(page)
    for link in re.findall(r"\]\(([^)\s]+)\)", prose) + re.findall(r'(?:src|href)="([^"]+)"', prose):
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        file = place / name if name else None
        there = file is None or file.exists()
        if not there or (anchor and anchor not in anchors(file.read_text(encoding="utf-8") if file else page)):
            dead.append(link)
    return dead


def unknown(page: str) -> list[str]:
    """Verbs and options of git-par that a page speaks of in code, and that do not exist."""
    spans = re.findall(r"`([^`\n]+)`", outside(page))
    spans += [block.text for block in shell_blocks.blocks(page) if block.language != "text"]
    wrong = []
    for verb, rest in (found for span in spans for found in SAID.findall(QUOTED.sub("''", span))):
        if verb not in grammar.verbs():
            wrong.append(f"git par {verb}")
        else:
            options = re.findall(r"(?<=\s)--[a-z][\w-]*", rest)
            wrong += [f"git par {verb} {one}" for one in options if one not in (*grammar.options(verb), "--help")]
    return wrong


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page_write_what_stands_there(page: str, tmp_path: Path) -> None:
    played = shell_blocks.play(text(page), tmp_path)
    assert comparable(said(played, "wrote")) == comparable(said(played, "shown"))


@pytest.mark.parametrize("page", PAGES)
def test_every_command_stands_where_it_is_run_or_says_why_not(page: str) -> None:
    found = shell_blocks.blocks(text(page))
    assert {block.language for block in found} <= {*RUN, *READ}
    fences = re.findall(r"^ *(?:```|~~~)", re.sub(r"<!--.*?-->", "", text(page), flags=re.DOTALL), re.MULTILINE)
    assert len(fences) == 2 * sum(block.language != "shell" for block in found)
    assert re.findall(r"\n\n {4,}(?=\S)(?![-*] ).*", outside(text(page))) == []
    assert len(re.findall(r"<!-- (?:shell|not run)", text(page))) == sum(
        bool(block.reason) or block.language == "shell" for block in found
    )


@pytest.mark.parametrize("page", PAGES)
def test_what_is_not_run_can_be_read(page: str) -> None:
    for block in shell_blocks.blocks(text(page)):
        if block.language in RUN:
            commands = re.sub(r"^(\$|>) ", "", block.text, flags=re.MULTILINE) if block.reason else ""
            done = subprocess.run(["bash", "-n"], input=commands, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, ""), block
        elif block.language == "json":
            json.loads(block.text)
        elif block.language == "toml":
            tomllib.loads(block.text)


@pytest.mark.parametrize("page", LINKED)
def test_links_lead_somewhere(page: str) -> None:
    assert dead_links(text(page), (ROOT / page).parent) == []


@pytest.mark.parametrize("page", LINKED)
def test_verbs_options_and_settings_exist(page: str) -> None:
    assert unknown(text(page)) == []
    events = {"post-add", "pre-merge", "post-merge", "pre-remove", "post-remove"}
    assert set(re.findall(r"\bpar\.hook\.([a-z-]+)", text(page))) <= events
    named = set(re.findall(r"(?<![\w.-])par\.([a-z]\w*)(?![\w.-]*/)", text(page)))
    assert named - {key.name for key in KEYS} <= {"hook"}


def test_the_table_of_verbs_names_each_with_options_that_it_has() -> None:
    table = text("README.md").partition("\n## The verbs\n")[2].partition("\n## ")[0]
    there = []
    for row in re.findall(r"^\| (`.*?`) \| (.*) \|$", table, re.MULTILINE):
        verbs = [found for span in re.findall(r"`([^`]+)`", row[0]) if (found := span.split()[0]) in grammar.verbs()]
        known = {option for verb in verbs for option in grammar.options(verb)}
        assert set(re.findall(r"(?<=[` ])--[a-z][\w-]*", " ".join(row))) <= known, row
        there += verbs
    assert set(there) == set(grammar.verbs())


def test_programs_of_the_checkout_are_there() -> None:
    named = {
        program for page in LINKED for program in re.findall(r"(?<![\w./-])((?:bin|script)/[a-z-]+)\b", text(page))
    }
    assert {"script/bench", "script/test"} <= named
    standing = {program for program in named if not program.startswith("bin/rails")}
    assert [program for program in sorted(standing) if not (ROOT / program).is_file()] == []


def test_manual_pages_refer_to_what_git_and_we_have(tmp_path: Path) -> None:
    git = World(tmp_path).process("git", "--list-cmds=main,list-guide", cwd=tmp_path).out.split()
    ours = {page.name for page in (ROOT / "man/man1").iterdir()}
    guides = {
        "man.1",
        "gitignore.5",
        "gitattributes.5",
        "githooks.5",
        "gitmodules.5",
        "gitsubmodules.7",
        "git.1",
        "git-lfs.1",
    }
    wrong = []
    for page in sorted((ROOT / "man/man1").iterdir()):
        source = page.read_text(encoding="utf-8")
        for name, number in re.findall(r"^\.Xr (\S+) (\d)", source, re.MULTILINE):
            if f"{name}.{number}" not in ours | guides and name.removeprefix("git-") not in git:
                wrong.append(f"{page.name}: {name}({number})")
        titles = {title.strip('"') for title in re.findall(r"^\.S[hs] (.*)", source, re.MULTILINE)}
        for title in re.findall(r"\bSx (.*?)(?: [.,;):]+)*$", source, re.MULTILINE):
            if title not in titles:
                wrong.append(f"{page.name}: {title}")
        wrong += [
            f"{page.name}: {file}"
            for file in re.findall(r"^\.Pa (docs/\S+)", source, re.M)
            if not (ROOT / file).exists()
        ]
    assert wrong == []


PAGE = """\
# A page

## Two words, `code`

```console
$ echo one; echo 0f7c"2d1a in 3 s"
one
12345678 in 20 min
$ cat <<END
> two
> END
two
```

<!-- shell
mkdir made
-->

```sh
cd made
```

<!-- not run: it would never end -->
```sh
sleep infinity
```

See [above](#two-words-code), [this](test_pages.py), `git par merge --all -- --else` and `git par path NAME`.
"""


def test_a_page_that_tells_the_truth(tmp_path: Path) -> None:
    played = shell_blocks.play(PAGE, tmp_path)
    assert [one.command.at for one in played] == [6, 9, 16, 20]
    assert shell_blocks.is_as_shown(played)
    assert shell_blocks.rewritten(PAGE, played) == PAGE
    assert dead_links(PAGE, Path(__file__).parent) == []
    assert unknown(PAGE) == []


def test_a_page_that_does_not_is_found_and_written_anew(tmp_path: Path) -> None:
    false = PAGE.replace("\ntwo\n```", "\nthree\n```")
    played = shell_blocks.play(false, tmp_path)
    assert not shell_blocks.is_as_shown(played)
    assert shell_blocks.rewritten(false, played) == PAGE.replace("12345678 in 20 min", "0f7c2d1a in 3 s")


@pytest.mark.parametrize("other", ["0f7c2d1a", "9999999", "0f7c2d1", "12345678"])
def test_a_commit_has_one_id_all_over_a_page(other: str, tmp_path: Path) -> None:
    page = (
        PAGE.replace("12345678 in", f"{other} in").replace("> two\n", "> 0f7c2d1\n").replace("\ntwo\n", "\n0f7c2d1\n")
    )
    assert shell_blocks.is_as_shown(shell_blocks.play(page, tmp_path)) == other.startswith("0f7c2d1")


@pytest.mark.parametrize("command", ["false", "cd nowhere; echo", "echo $unset", "exit 0", "if"])
def test_a_command_that_fails_is_found(command: str, tmp_path: Path) -> None:
    with pytest.raises(Broken, match="line 16"):
        shell_blocks.play(PAGE.replace("mkdir made\n", f"{command}\n"), tmp_path)


@pytest.mark.parametrize("link", ["nowhere.md", "#nowhere", "test_pages.py#nowhere"])
def test_a_link_that_leads_nowhere_is_found(link: str) -> None:
    assert dead_links(PAGE.replace("#two-words-code", link), Path(__file__).parent) == [link]


@pytest.mark.parametrize("wrong", ["git par mrege", "git par merge --everything", "git par path --all"])
def test_a_verb_or_an_option_that_does_not_exist_is_found(wrong: str) -> None:
    assert unknown(PAGE.replace("git par path", wrong)) == [wrong]
    assert unknown(PAGE.replace("sleep infinity", f"cd x && {wrong} | cat")) == [wrong]
