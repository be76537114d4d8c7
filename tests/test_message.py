"""The words of a merge: templates, and who signs it off; held against git's own."""

from pathlib import Path

import pytest

from git_par.discovery import find
from git_par.landing import message
from git_par.landing.message import Words
from tests.world import World

SIGNER = "C O Mitter <committer@example.com>"


def titled(world: World, name: str, *options: str) -> Path:
    """A task with two commits of two authors; its workspace."""
    path = Path(world.ok("add", name, *options).out.strip())
    world.commit("step 1", cwd=path, one__txt="1\n")
    world.write("two.txt", "2\n", cwd=path)
    world.git("add", "--all", cwd=path)
    world.git("commit", "-q", "-m", "step 2", "--author", "Second <second@x.org>", cwd=path)
    return path


def said(world: World, commit: str = "main") -> str:
    return world.git("log", "-1", "--format=%B", commit)


def test_the_template_is_the_message_of_merges_with_everything_filled_in(world: World) -> None:
    titled(world, "t", "--title", "Free {the} channel", "--group", "audio", "--branch", "work/{name}")
    world.git("config", "par.message", "{title}\n\n{{{task}}} {branch} {group} {base}")
    world.ok("merge", "t")
    assert said(world) == "Free {the} channel\n\n{t} work/t audio main\n"


def test_a_missing_title_is_the_name_and_a_missing_group_is_nothing(world: World) -> None:
    world.task("t")
    world.git("branch", "plain", world.commit("elsewhere", cwd=world.add("u")[0], u__txt="u\n"))
    world.git("config", "par.message", "{title}[{group}]")
    world.ok("merge", "t", "refs/heads/plain")
    assert [said(world, "main~1"), said(world)] == ["t[]\n", "plain[]\n"]


def test_a_squash_takes_the_template_and_keeps_the_other_authors(world: World) -> None:
    titled(world, "t")
    world.git("config", "par.message", "Land {task}\n\nRefs: {branch}\n")
    world.ok("merge", "t", "--squash")
    assert said(world) == "Land t\n\nRefs: t\nCo-authored-by: Second <second@x.org>\n"


def test_m_wins_over_the_template_and_stays_literal(world: World) -> None:
    world.task("t")
    world.git("config", "par.message", "Land {task}")
    world.ok("merge", "t", "-m", "{task} {nonsense} {")
    assert said(world) == "{task} {nonsense} {\n"


def test_a_template_that_comes_to_nothing_leaves_git_its_own_words(world: World) -> None:
    world.task("t")
    world.git("branch", "trial")
    world.git("config", "par.message", " {group}\n")
    world.ok("merge", "t", "--into", "trial")
    assert said(world, "trial") == "Merge branch 't' into trial\n"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("{nome}", "it knows no '{nome}', only {task}, {branch}, {title}, {group}, {base}"),
        ("{}", "it knows no '{}', only {task}, {branch}, {title}, {group}, {base}"),
        ("{task", "a single '{'; a brace itself is written '{{'"),
        ("{{task}", "a single '}'; a brace itself is written '}}'"),
    ],
)
@pytest.mark.parametrize("options", [(), ("--dry-run",), ("--all", "--autocommit")])
def test_a_wrong_template_is_refused_before_anything_is_done(
    world: World, template: str, why: str, options: tuple[str, ...]
) -> None:
    path = world.task("t")
    world.write("t.txt", "dirty\n", cwd=path)
    world.git("config", "par.message", template)
    before = world.git("for-each-ref")
    done = world.par("merge", *(options or ("t",)), cwd=path if options == ("--dry-run",) else None)
    assert (done.status, done.out) == (2, "")
    assert done.err == f"git par: par.message: '{template}': {why}\nhint: git config par.message TEMPLATE\n"
    assert world.git("for-each-ref") == before


def test_a_template_that_came_with_the_repository_has_no_say(world: World) -> None:
    world.write(".gitpar", "[par]\n\tmessage = Foreign {task}\n")
    world.commit("settings")
    world.task("t")
    world.ok("merge", "t")
    assert said(world) == "Merge branch 't'\n"


MESSAGES = [
    "title",
    "title\n",
    "title: looks like a trailer",
    f"title\n\nSigned-off-by: {SIGNER}",
    "title\n\nbody",
    "title\nstill the title\nKey: value",
    "title\n\nbody\n\nAcked-by: A <a@x.org>",
    "title\n\nbody\n\nAcked-by: A <a@x.org>\n continued",
    "title\n\nbody\n\nAcked-by:A <a@x.org>\nreviewed-BY : B <b@x.org>",
    "title\n\nbody\nAcked-by: A <a@x.org>",
    f"title\n\nbody\n\nSigned-off-by: {SIGNER}",
    f"title\n\nbody\n\nSigned-off-by: {SIGNER}\nAcked-by: A <a@x.org>",
    f"title\n\nbody\n\nSigned-off-by: {SIGNER}\n\nmore",
    "title\n\nbody\n\n(cherry picked from commit 0123456789012345678901234567890123456789)",
    "title\n\nbody\n\nAcked-by: A <a@x.org>\n---\nnot a divider here",
    "title\n\nAcked-by: A <a@x.org>\nSigned-off-by: B <b@x.org>\nand a line of prose",
    "title\n\nAcked-by: A <a@x.org>\nand a line of prose",
    "title\n  \nKey: value",
    f"Signed-off-by: {SIGNER}",
    f"title\n\none\ntwo\nthree\nfour\nSigned-off-by: {SIGNER}",
    "title\n\n* a\n* b: c",
    "Ümlaut\n\nKéy: value",
]


@pytest.mark.parametrize("text", MESSAGES)
@pytest.mark.parametrize("configured", [False, True])
def test_a_signoff_stands_where_git_puts_it(world: World, text: str, configured: bool) -> None:
    if configured:  # what other programs have added to messages is not asked for here
        world.git("config", "trailer.where", "start")
        world.git("config", "trailer.ifexists", "doNothing")
        world.git("config", "trailer.ticket.command", "echo none")
    (world.root / "text").write_text(text)
    options = ("--allow-empty", "--cleanup=verbatim", "--file", str(world.root / "text"))
    world.git("commit", "-q", "--signoff", *options)
    # git leaves what follows the message as it is, and so do we, but for empty lines at the end
    assert message.signed_off(find(world.repo), Words("main", signer=SIGNER), text) == said(world)


def test_every_commit_that_a_merge_makes_is_signed_off(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    path = titled(world, "t")
    world.git("checkout", "-q", "-b", "expected")
    world.git("merge", "-q", "--no-ff", "--no-edit", "--signoff", "--into-name", "main", "t")
    world.git("checkout", "-q", "main")
    world.ok("merge", "t", "--signoff")
    assert said(world) == said(world, "expected") == f"Merge branch 't'\n\nSigned-off-by: {SIGNER}\n"
    world.commit("step 3", cwd=path, three__txt="3\n")
    world.commit("step 4", cwd=path, four__txt="4\n")
    monkeypatch.setenv("GIT_COMMITTER_NAME", "Other < Person")
    world.ok("merge", "t", "--signoff", "--squash", "-m", "All\n\nAcked-by: A <a@x.org>")
    assert said(world) == "All\n\nAcked-by: A <a@x.org>\nSigned-off-by: Other  Person <committer@example.com>\n"


def test_a_squash_of_a_commit_that_is_signed_off_is_not_signed_off_twice(world: World) -> None:
    path = world.add("t")[0]
    world.write("t.txt", "t\n", cwd=path)
    world.git("add", "--all", cwd=path)
    world.git("commit", "-q", "--signoff", "-m", "the only one", cwd=path)
    world.commit("meanwhile", m__txt="m\n")
    world.ok("merge", "t", "--squash", "--signoff")
    assert said(world) == f"the only one\n\nSigned-off-by: {SIGNER}\n"


def test_nobody_can_sign_off_who_has_no_name(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.task("t")
    for name in ("GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"):
        monkeypatch.delenv(name)
    world.git("config", "user.useConfigOnly", "true")
    done = world.par("merge", "t", "--signoff", "--dry-run")
    assert done.status == 3
    assert done.err.startswith("git par: user.name, user.email: git does not know who merges\n")
