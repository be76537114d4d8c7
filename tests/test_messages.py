"""Every refusal says what, why and what to run next: its text, its hint and its exit status, and none is left out.

The table provokes them, a repository for each scene.  What a refusal says that the table does not provoke is held by another
test, or cannot be provoked here, which is said with the reason.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.messages import KINDS, Refusal, refusals, shape, texts_of_tests
from tests.world import World


@dataclass(frozen=True)
class Row:
    """A command line that is refused; `…` stands for anything, and braces for places of the scene."""

    line: str
    status: int
    text: str
    hint: str
    at: str = "{repo}"
    config: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """How a repository stands, and what is refused there."""

    name: str
    make: Callable[[World], Mapping[str, str]]
    """Sets it up; what else rows may name."""
    rows: tuple[Row, ...]


def two_tasks(world: World) -> dict[str, str]:
    """`a` is new, `b` has work; `loose` is a branch, and so is `refs/x`; some files for run."""
    world.add("a")
    world.task("b")
    world.commit("more", c__txt="c\n")
    world.git("branch", "loose", "HEAD~1")
    world.add("r")
    world.ok("remove", "r")
    world.git("branch", "refs/x")
    (world.root / "file.toml").write_text("task = 1\n")
    (world.root / "bad.toml").write_text("[run\n")
    (world.root / "latin.toml").write_bytes(b"# \xe4\n")
    (world.root / "base.toml").write_text('[run]\nbase = "nope"\ncommand = "true"\n[[task]]\nname = "n"\n')
    (world.root / "taken.toml").write_text('[run]\ncommand = "true"\n[[task]]\nname = "a"\n')
    return {}


def odd_worktrees(world: World) -> dict[str, str]:
    """Worktrees that others made: detached, on a branch without a commit, registered elsewhere; a rebase that goes on."""
    world.task("b")
    for name in ("detached", "unborn", "moved", "rebased"):
        world.git("worktree", "add", "-q", "-b", name, f"../{name}")
    world.git("checkout", "-q", "--detach", cwd=world.root / "detached")
    world.git("checkout", "-q", "--orphan", "empty", cwd=world.root / "unborn")
    (world.repo / ".git/worktrees/moved/gitdir").write_text("/nowhere/.git\n")
    going_on = world.repo / ".git/worktrees/rebased/rebase-merge"
    going_on.mkdir()
    (going_on / "head-name").write_text("refs/heads/rebased\n")
    world.git("checkout", "-q", "--detach", cwd=world.root / "rebased")
    world.git("worktree", "add", "-q", "-b", "side", "../side")
    world.ok("add", "on-side", "--base", "side", "--from", "side")
    world.commit("work", cwd=world.workspaces / "on-side", s__txt="s\n")
    for file in sorted((world.root / "side").iterdir(), reverse=True):
        file.unlink()
    (world.root / "side").rmdir()
    world.ok("add", "on-rebased", "--base", "rebased", "--from", "rebased")
    world.commit("work", cwd=world.workspaces / "on-rebased", r__txt="r\n")
    return {}


def landings(world: World) -> dict[str, str]:
    """Tasks that landed, and whose base went on in odd ways."""
    world.git("branch", "side")
    world.ok("add", "gone", "--base", "side", "--from", "side")
    world.commit("gone", cwd=world.workspaces / "gone", g__txt="g\n")
    world.ok("merge", "gone")
    world.git("branch", "-D", "side")
    world.task("emptied")
    world.ok("merge", "emptied")
    world.git("rm", "-q", "emptied.txt")
    world.commit("without it")
    world.task("old")
    world.ok("merge", "--squash", "old")
    record = world.record("old")
    told = json.loads(record.read_text())
    del told["landed"]["onto"]
    record.write_text(json.dumps(told))
    return {}


def past_things(world: World) -> dict[str, str]:
    """Operations that cannot be taken back: undone, swept, damaged."""
    world.add("a", "b")
    done = []
    for verb in (("remove", "--force", "a"), ("set", "b", "--title", "t"), ("set", "b", "--title", "u")):
        world.ok(*verb)
        done.append(str(world.ok("log", "--json").json["operations"][0]["name"]))
    removed, undone, damaged = done
    world.git("config", "par.keepDays", "0")
    world.ok("prune", "--kept")
    world.ok("undo", damaged)
    world.ok("undo", undone)
    (world.repo / f".git/par/journal/{damaged}.json").write_text("{")
    world.record("b").write_text("{")
    return {"removed": removed, "undone": undone, "damaged": damaged}


def bare(world: World) -> dict[str, str]:
    """A repository without a checkout, and one in which no branch is checked out."""
    world.git("clone", "-q", "--bare", ".", "../bare.git")
    world.git("checkout", "-q", "--detach")
    (world.root / "file.toml").write_text('[run]\ncommand = "true"\n[[task]]\nname = "n"\n')
    return {}


def in_progress(world: World) -> dict[str, str]:
    """A merge in the main checkout that is not done."""
    world.git("checkout", "-q", "-b", "other")
    world.commit("other", a__txt="other\n")
    world.git("checkout", "-q", "main")
    world.commit("main", a__txt="main\n")
    world.try_git("merge", "-q", "other")
    return {}


def odds_and_ends(world: World) -> dict[str, str]:
    """A workspace whose registration is gone; an environment that cannot be written."""
    world.add("a")
    world.ok("add", "odd", "--group", "it's $x")
    (world.repo / "link.env").symlink_to("elsewhere")
    world.add("b")
    for file in (world.repo / ".git/worktrees/a").rglob("*"):
        if file.is_file():
            file.unlink()
    return {}


REBASE = "finish it there, or take it back with 'git rebase --abort' or 'git bisect reset'"
EACH = "git par run --each NAME… -- CMD"

TABLE = (
    Scene(
        "two tasks",
        two_tasks,
        (
            Row("add 'a b'", 2, "'a b': a name cannot hold a space", "git par add a-b"),
            Row("add @", 2, "'@': git means something else by it", "git par add NAME, with another name"),
            Row("add main", 2, "main: branch 'main' exists already", "choose another name, or --branch TEMPLATE"),
            Row("add a", 2, "a: there is a task of that name", 'cd "$(git par path a)", or choose another name'),
            Row(
                "add t --branch {{name}}.",
                2,
                "branch 't.': a name cannot end with '.'",
                "git par add with another name, or --branch TEMPLATE",
            ),
            Row(
                "add s t --title T",
                2,
                "--title: one title for several tasks",
                "git par add NAME --title T, one by one, or git par set NAME --title T",
            ),
            Row(
                "add t --sparse /x",
                2,
                "--sparse '/x': not a directory inside of the repository",
                "see 'git ls-tree -d HEAD'",
            ),
            Row("add t --sparse a.txt", 2, "--sparse 'a.txt': it is a file", "name the directory that it lies in"),
            Row("add t --owns '!x'", 2, "--owns !x: it only takes out", "--owns '*' --owns '!x'"),
            Row(
                "add t --owns .git/x",
                2,
                "--owns .git/x: it is git's own",
                "--owns src/menu.c, --owns 'src/**' or --owns '!src/old/'",
            ),
            Row(
                "add t --carry --from HEAD~1",
                2,
                "--carry: the work is on top of …, and HEAD~1 is another commit",
                "leave out --from, or commit the work",
            ),
            Row("exec --jobs 0 a -- true", 2, "--jobs 0: not 1 or more", "leave it out, or name a number"),
            Row("exec --all a -- true", 2, "exec: names, --all and --group do not go together", "choose one of them"),
            Row("exec --group g -- true", 2, "--group g: no task is in that group", "see 'git par list'"),
            Row(
                "env a --dotenv nowhere/x",
                2,
                "--dotenv nowhere/x: cannot be written: no such file or directory",
                "name a file in a directory you can write to",
            ),
            Row("env a --dotenv - --json", 2, "--dotenv -, --json: not together", "choose one of them"),
            Row("trust --show --forget", 2, "--show, --forget: not together", "choose one of them"),
            Row("prune --kept --new", 2, "--kept: sweeps no tasks, and --new means some", "git par prune --kept"),
            Row("sync --all a", 2, "--all: not together with names", "name the tasks, or leave the names out"),
            Row(
                "merge b --gate true",
                2,
                "par.gateTries: with 0 nothing could be tested",
                "git config par.gateTries NUMBER",
                config={"par.gateTries": "0"},
            ),
            Row(
                "pool",
                2,
                "par.poolMinFree: 'big' is not a size",
                "git config par.poolMinFree SIZE, such as 500m or 2g",
                config={"par.poolMinFree": "big"},
            ),
            Row(
                "pool fill",
                3,
                "pool: …",
                "git config par.poolMinFree SIZE, or make room: git par prune",
                config={"par.pool": "1", "par.poolMinFree": "99999999g"},
            ),
            Row(
                "pool fill",
                3,
                "pool: the main checkout is sparse, and spares are whole",
                "git config par.pool 0, or git par add without",
                config={"par.pool": "1", "core.sparseCheckout": "true"},
            ),
            Row("undo nothing", 2, "nothing: no such operation", "see 'git par log'"),
            Row("undo ''", 2, "'': no such operation", "see 'git par log'"),
            Row("undo 20", 2, "20: several operations begin so: …, …", "type more of it; see 'git par log'"),
            Row(
                "restore a --as 'x y'",
                2,
                "'x y': a name cannot hold a space",
                "git par restore a --as NEW, with another name",
            ),
            Row("restore r --at x", 2, "--at x: kept at …", "git par restore r --at …"),
            Row("adopt .", 2, ".: it is the main worktree, which is no task", "git par add NAME"),
            Row("adopt a", 2, "a: it is task a already", 'cd "$(git par path a)"'),
            Row(
                "adopt refs/x",
                2,
                "'refs/x': a task is named without 'refs/'",
                "choose a name for the task with --name NAME",
            ),
            Row("adopt loose loose", 2, "loose: named twice", "name each branch or worktree once"),
            Row(
                "adopt loose refs/x --name n",
                2,
                "--name: one name for several tasks",
                "git par adopt BRANCH --name NEW, one by one",
            ),
            Row(
                "adopt loose --base nope",
                2,
                "--base nope: no branch that loose could have left",
                "see 'git branch'",
            ),
            Row("run --jobs 0 x", 2, "--jobs 0: not 1 or more", "leave it out, or name a number"),
            Row("run x -- true", 2, "run: a command is only for --each", EACH),
            Row("run", 2, "run: no task file", "git par run FILE, or git par run --each NAME… -- CMD"),
            Row("run x y", 2, "run: one task file, not 2", "git par run FILE, or git par run --each NAME… -- CMD"),
            Row("run --each -- true", 2, "run --each: no names", EACH),
            Row("run --each x", 2, "run --each: no command", EACH),
            Row("run --each x x -- true", 2, "x: named twice", "name each task once"),
            Row("run --each 'x y' -- true", 2, "'x y': a name cannot hold a space", "choose another name"),
            Row("run nowhere", 2, "'{repo}/nowhere': no such file or directory", "git par run FILE"),
            Row("run ../latin.toml", 2, "latin.toml: not UTF-8 at byte 2", "see latin.toml"),
            Row("run ../bad.toml", 2, "bad.toml: …", "see bad.toml, and https://toml.io for what TOML is"),
            Row(
                "run ../file.toml",
                2,
                "file.toml: one thing is wrong; nothing was done",
                "see file.toml, and 'man git-par-run'",
            ),
            Row("run ../base.toml", 2, "base 'nope': no such local branch", "see 'git branch'"),
            Row("run ../taken.toml", 2, "run: one thing is in the way; nothing was done", "…"),
            Row("run --resume --dry-run", 2, "--resume: only with a task file and --jobs", "git par run --resume"),
            Row("run --resume", 2, "--resume: there is no run to go on with", "git par log --runs"),
            Row("list", 3, "'{root}': not a git repository", "cd into a repository, or name one with '…'", at="{root}"),
        ),
    ),
    Scene(
        "odd worktrees",
        odd_worktrees,
        (
            Row(
                "adopt ../detached",
                2,
                "../detached: it is on no branch",
                "git -C {root}/detached switch -c BRANCH",
            ),
            Row("adopt ../unborn", 2, "../unborn: no commit yet", "git -C {root}/unborn commit"),
            Row(
                "adopt moved",
                3,
                "moved: '/nowhere' and git's registration of it do not agree",
                "git worktree repair /nowhere",
            ),
            Row("adopt rebased", 3, "rebased: a rebase of it is in progress in '{root}/rebased'", REBASE),
            Row("merge on-rebased", 3, "rebased: a rebase of it is in progress in '{root}/rebased'", REBASE),
            Row(
                "merge on-side",
                3,
                "side: checked out in '{root}/side', which is gone or damaged",
                "git worktree repair {root}/side, or 'git worktree prune' when it is gone for good",
            ),
        ),
    ),
    Scene(
        "landings",
        landings,
        (
            Row(
                "revert gone",
                3,
                "gone: it landed in side, which is gone",
                "see 'git branch' and 'git par log'",
            ),
            Row("revert emptied", 3, "emptied: main has nothing of it any more", "git log main"),
            Row(
                "revert old",
                3,
                "old: an older git-par recorded its landing, without where it began",
                "git revert …, and the commits of it before that one",
            ),
        ),
    ),
    Scene(
        "past things",
        past_things,
        (
            Row("undo {removed}", 3, "…: expired: what was kept for it is gone", "see 'git par log'"),
            Row("undo {undone}", 3, "…: it was undone already", "git par undo …, to have it done again"),
            Row(
                "undo {damaged}",
                3,
                "{damaged}: its entry in the journal cannot be read (…)",
                "nothing was changed; see '{repo}/.git/par/journal/{damaged}.json'",
            ),
            Row(
                "path b",
                3,
                "b: its record cannot be read (…): '{repo}/.git/par/tasks/b.json'",
                "git par doctor --fix moves it aside, and makes it again as far as it can",
            ),
        ),
    ),
    Scene(
        "no branch",
        bare,
        (
            Row(
                "add t --carry --base main",
                2,
                "--carry: there is no checkout here",
                "go to the one whose work is to come along",
                at="{root}/bare.git",
            ),
            Row(
                "adopt main",
                2,
                "main: it is the branch that others return to",
                "git par add NAME",
                at="{root}/bare.git",
            ),
            Row("run ../file.toml", 2, "run: no branch is checked out here", 'name one in the file: base = "main"'),
        ),
    ),
    Scene(
        "a merge in progress",
        in_progress,
        (
            Row(
                "add t --carry",
                3,
                "--carry: '{repo}': a merge is in progress in it",
                "finish it or take it back first; 'git status' says how",
            ),
        ),
    ),
    Scene(
        "odds and ends",
        odds_and_ends,
        (
            Row("list", 3, "'{workspaces}/a': not a git repository", "git -C {repo} par doctor", at="{workspaces}/a"),
            Row(
                "env odd --dotenv -",
                2,
                '--dotenv: GIT_PAR_GROUP is "it\'s $x", which readers of such files take differently',
                'eval "$(git par env NAME)"',
            ),
            Row(
                "env b --dotenv link.env",
                3,
                "--dotenv: '{repo}/link.env' is a symbolic link, and what it leads to may be shared",
                "name another file, or '-' to print it",
            ),
        ),
    ),
)


@pytest.mark.parametrize("scene", TABLE, ids=lambda scene: scene.name)
def test_each_says_what_and_why_and_what_to_run_next(
    scene: Scene, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = {"repo": str(world.repo), "root": str(world.root), "workspaces": str(world.workspaces)}
    places |= scene.make(world)
    before = world.git("for-each-ref")
    for row in scene.rows:
        with monkeypatch.context() as patched:
            for number, (key, value) in enumerate(row.config.items()):
                patched.setenv(f"GIT_CONFIG_KEY_{number}", key)
                patched.setenv(f"GIT_CONFIG_VALUE_{number}", value)
            patched.setenv("GIT_CONFIG_COUNT", str(len(row.config)))
            argv = [word.format(**places) for word in shlex.split(row.line)]
            done = world.par(*argv, cwd=Path(row.at.format(**places)))
        lines = [line for line in done.err.splitlines() if not line.startswith("  ")]
        expected = [f"git par: {row.text}", f"hint: {row.hint}"]
        assert done.status == row.status, (row, done)
        assert len(lines) >= 2, (row, done)
        for line, wanted in zip(lines[-2:], expected, strict=True):
            assert re.fullmatch(as_pattern(wanted, places), line), (wanted, done)
    assert world.git("for-each-ref") == before


def as_pattern(text: str, places: Mapping[str, str]) -> str:
    filled = re.sub(r"\{(\w+)\}", lambda found: places.get(found[1], found[0]), text)
    return ".*".join(map(re.escape, filled.split("…")))


WINDOWS = Row("list", 2, "Windows: not supported", "use git-par inside WSL")
NO_GIT = Row("list", 5, "git: not found", "install git, or go to a directory that exists")
ROWS = (*(row for scene in TABLE for row in scene.rows), WINDOWS, NO_GIT)


def test_on_windows_one_line_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(sys, "platform", "win32")
        done = world.par(WINDOWS.line)
    assert done == (WINDOWS.status, "", f"git par: {WINDOWS.text}\nhint: {WINDOWS.hint}\n")


def test_without_git_it_says_so(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(world.root))
        done = world.par(NO_GIT.line)
    assert done == (NO_GIT.status, "", f"git par: {NO_GIT.text}\nhint: {NO_GIT.hint}\n")


def test_a_damaged_record_is_made_again_as_its_hint_says(world: World) -> None:
    past_things(world)
    assert world.par("path", "b").status == 3
    world.par("doctor", "--fix")
    assert world.ok("path", "b").out == f"{world.workspaces / 'b'}\n"


# that none is left out

PASSED_ON = {
    "checkup.spares._discard": "a reason of `spares`",
    "cli.main": "the system's own words",
    "cli._usage_error": "typer's words; see test_cli",
    "landing.publish.place": "of `in_progress.moving`; see the table",
    "workspaces.adoption.find": "of `in_progress.moving`; see the table",
    "workspaces.adoption._check": "of `in_progress.operation`; see the table",
    "workspaces.claims.taken": "by the state of the other task; see the table and test_add",
    "commands.undo_adopted.take": "a reason of `reasons`",
    "commands.undo_steps.take": "an obstacle or a reason; see test_undo",
    "git.failed": "git's own words",
    "workspaces.claims.check_branches": "of `claims.rivals`; see test_add",
    "workspaces.claims.clear_dead": "a reason of `reasons`",
    "workspaces.meeting.expect_together": "a reason of `meeting`",
    "workspaces.moved.expect_not": "of `moved.told`; see test_moved",
    "workspaces.restore._plan": "a refusal of `claims`, with another hint",
}
"""Where what is said is worded elsewhere."""

NOT_PROVOKED = {
    "demo: '…' did not show '…'": "the demo is wrong",
    "…: it was not installed with git-par": "an incomplete installation",
    "…: it is still running": "two processes at the same moment",
    "git merge-tree: no answer for … and …": "a damaged object database",
    "'…': it is not a worktree any more": "a workspace that goes at that very moment",
    "--carry: '…' is a link, and '…' is to go below it": "a link that comes at that very moment",
    "…: what was to be kept is not all there": "a damaged object database",
    "'…': the repository is gone": "a repository that goes at that very moment",
    "…: git cannot delete the branch": "a lock that nobody frees",
    "…: no commit of it was kept": "commits that were swept by hand",
    "'…': not a worktree of this repository": "becomes a reason",
    "its registration is gone": "becomes a reason",
}
"""What a test cannot bring about, and why."""

NO_HINT = {
    "workspaces.reasons._checkout": "becomes a reason, which has one",
    "workspaces.aside.put": "becomes a reason, which has one",
    "workspaces.aside._look": "becomes a reason, which has one",
}
"""Those that nobody sees as they are."""

_ENOUGH = 9
"""So many letters tell a text from others."""


def parts_of(text: str) -> list[str]:
    """The words of a refusal that are the same each time."""
    return [part for piece in text.split("…") if len(part := piece.strip(" :;,.'\"()")) > 6]


def is_held(refusal: Refusal, elsewhere: list[str]) -> bool:
    """Whether the table provokes it, or another test has its words."""
    parts, hint = parts_of(refusal.shape), parts_of(shape(refusal.hint)) if refusal.hint else []
    for row in ROWS if parts or hint else ():
        if row.status == KINDS[refusal.kind] and refusal.matches(row.text, row.hint):
            return True
    return sum(map(len, parts)) >= _ENOUGH and any(all(part in text for part in parts) for text in elsewhere)


def left_out() -> Iterator[Refusal]:
    elsewhere = texts_of_tests()
    yield from (one for one in refusals() if not is_held(one, elsewhere))


def excuse(refusal: Refusal) -> str:
    """What stands for it among those that are not provoked; empty when nothing does."""
    if refusal.shape in NOT_PROVOKED:
        return refusal.shape
    return refusal.place if refusal.place in PASSED_ON and sum(map(len, parts_of(refusal.shape))) < _ENOUGH else ""


def test_no_refusal_is_left_out() -> None:
    missing = list(left_out())
    assert [(one.place, one.shape, shape(one.hint) if one.hint else "") for one in missing if not excuse(one)] == []
    assert {excuse(one) for one in missing} == {*PASSED_ON, *NOT_PROVOKED}, "no longer needed"


def test_every_refusal_says_what_to_run_next() -> None:
    without = {one.place for one in refusals() if one.hint is None}
    assert without == set(NO_HINT)


def test_every_text_begins_small_and_has_no_full_stop() -> None:
    for one in refusals():
        words, hint = one.shape, shape(one.hint) if one.hint else ""
        for text in (words, hint):
            assert not text.endswith("."), (one.place, text)
        assert words[0].islower() or not words[0].isalpha() or words.split(":")[0] in ("HEAD", "Windows"), one
