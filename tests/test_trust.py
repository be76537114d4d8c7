"""A committed `.gitpar`: what counts of it before and after the user has seen it, and what nobody can hide in it."""

import json
import os
import stat
from pathlib import Path

import pexpect
import pytest

from git_par.commands.trust import visible
from git_par.discovery import find
from git_par.state import trust
from git_par.state.settings import Settings
from tests.test_schema import check
from tests.world import PAR, Result, World

GATE = '[par]\n\tgate = "touch $GIT_PAR_MAIN/../ran; true"\n\tportBase = 30000\n'
HOOK = '[par "hook"]\n\tpost-add = touch $GIT_PAR_MAIN/../ran\n'


@pytest.fixture
def clone(world: World) -> World:
    """A repository that sets a gate and a hook, which leave a trace when they run."""
    world.write(".gitpar", GATE + HOOK)
    world.commit("settings")
    return world


def accept(world: World) -> None:
    """What `git par trust` does with a yes."""
    repo = find(world.repo)
    trust.trust(repo, Settings(repo).committed.digest)


def ran(world: World) -> bool:
    """Whether anything of `.gitpar` ran since the last look."""
    try:
        (world.root / "ran").unlink()
    except FileNotFoundError:
        return False
    return True


def at_terminal(world: World, *argv: str, answer: str) -> Result:
    """`git par ARGV` on a terminal of its own, with `answer` typed at the question."""
    env: dict[str, str] = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    child = pexpect.spawn(
        PAR[0], [*PAR[1:], *argv], cwd=str(world.repo), env=env, timeout=60, encoding="utf-8", dimensions=(40, 200)
    )
    child.expect_exact("[y/N] ")
    shown = str(child.before)
    child.send(answer)
    child.expect(pexpect.EOF)
    rest = str(child.before)
    child.close()
    return Result(child.exitstatus or 0, shown.replace("\r\n", "\n"), rest.replace("\r\n", "\n"))


def test_without_trust_nothing_runs_and_one_line_says_so(clone: World) -> None:
    done = clone.ok("add", "t")
    keys = "par.gate, par.hook.post-add"
    said = f"git par: .gitpar: not trusted, so this does not count: {keys}; see 'git par trust'\n"
    assert done.err.count(".gitpar") == 1
    assert said in done.err
    assert clone.listed("t")["port"] == 30010
    clone.commit("work", cwd=clone.workspaces / "t")
    assert clone.ok("merge", "t").err.count(said) == 1
    assert not ran(clone)
    assert (clone.ok("list").err, clone.ok("path", "t").err) == ("", "")


def test_with_trust_all_of_it_counts(clone: World) -> None:
    accept(clone)
    done = clone.ok("add", "t")
    assert ran(clone)
    assert ".gitpar" not in done.err
    clone.commit("work", cwd=clone.workspaces / "t")
    clone.ok("merge", "t")
    assert ran(clone)


def test_a_text_that_changed_is_not_trusted_and_its_gate_is_not_gone_without_notice(clone: World) -> None:
    clone.task("t")
    accept(clone)
    before = clone.rev("main")
    clone.write(".gitpar", (GATE + HOOK).replace("true", "evil"))
    done = clone.par("merge", "t")
    assert done == (
        3,
        "",
        "git par: .gitpar: it has changed since it was trusted, and sets par.gate, par.hook.post-add\n"
        "hint: git par trust, to see and accept it, or git par trust --forget, to do without\n",
    )
    assert clone.rev("main") == before
    assert "not trusted" in clone.ok("add", "u", "--allow-dirty").err
    assert not ran(clone)
    clone.ok("merge", "t", "--gate", "")
    clone.ok("trust", "--forget")
    clone.commit("more", cwd=clone.workspaces / "t")
    assert "not trusted" in clone.ok("merge", "t").err
    assert not ran(clone)


@pytest.mark.parametrize("argv", [("merge", "t"), ("remove", "t"), ("prune",), ("merge", "u", "--prune")])
def test_a_hook_that_could_refuse_is_not_gone_without_notice_either(world: World, argv: tuple[str, ...]) -> None:
    event = "pre-merge" if argv == ("merge", "t") else "pre-remove"
    world.task("t")
    world.task("u")
    world.write(".gitpar", f'[par "hook"]\n\t{event} = true\n')
    accept(world)
    if argv[0] != "merge":
        world.ok("merge", "t")
    before = world.rev("main")
    world.write(".gitpar", f'[par "hook"]\n\t{event} = true \n\t{event} = false\n')
    done = world.par(*argv)
    assert (done.status, done.out) == (3, "")
    assert f"it has changed since it was trusted, and sets par.hook.{event}\n" in done.err
    assert world.rev("main") == before
    assert world.listed("t")["path"]


def test_configuration_wins_and_hooks_of_both_run_the_committed_ones_first(clone: World) -> None:
    accept(clone)
    clone.git("config", "par.gate", "true")
    clone.git("config", "par.hook.post-add", "test -e $GIT_PAR_MAIN/../ran && touch after")
    clone.task("t")
    assert ran(clone)
    assert (clone.workspaces / "t/after").exists()
    clone.ok("merge", "t")
    assert not ran(clone)
    clone.git("config", "par.hook.post-add", "")
    clone.add("u")
    assert not ran(clone)


def test_trust_is_of_one_repository_at_one_place(clone: World) -> None:
    accept(clone)
    other = World(clone.root, "other")
    clone.git("clone", "-q", str(clone.repo), str(other.repo))
    assert "not trusted" in other.ok("add", "t").err
    clone.repo.rename(clone.root / "moved")
    moved = World(clone.root, "moved")
    assert "not trusted" in moved.ok("add", "t").err
    assert not ran(clone)


def test_trust_is_remembered_for_the_user_only_and_not_in_the_repository(
    clone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(clone)
    (file,) = (clone.root / "home/.state/git-par/trust").iterdir()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    assert trust.directory() == clone.root / "home/.local/state/git-par/trust"
    monkeypatch.delenv("XDG_STATE_HOME")
    assert trust.directory() == clone.root / "home/.local/state/git-par/trust"


@pytest.mark.parametrize("damage", [b"", b"{}", b"[]", b"\xff", b'{"version": 2}', b"null", b"[" * 100_000])
def test_what_cannot_be_read_is_no_trust(clone: World, damage: bytes) -> None:
    accept(clone)
    (file,) = (clone.root / "home/.state/git-par/trust").iterdir()
    good = file.read_bytes()
    file.write_bytes(damage)
    assert "not trusted" in clone.ok("add", "t").err
    file.write_bytes(good.replace(str(clone.repo).encode(), b"/elsewhere"))
    assert "not trusted" in clone.ok("add", "u").err
    assert not ran(clone)


def test_what_was_shown_is_what_runs(clone: World) -> None:
    """The text is read once: a change after that does not count in this run, nor is it trusted by it."""
    accept(clone)
    evil = clone.root / "evil"
    clone.git("config", "par.hook.post-add", f"printf '[par]\\n\\tgate = touch {evil}\\n' >\"$GIT_PAR_MAIN/.gitpar\"")
    clone.ok("add", "t", "u")
    assert ran(clone)
    assert "not trusted" in clone.ok("trust", "--show").err
    assert not evil.exists()


def test_a_yes_at_a_terminal_is_trust(clone: World) -> None:
    done = at_terminal(clone, "trust", answer="y\n")
    assert done.out == (
        "par.gate = touch $GIT_PAR_MAIN/../ran; true\n"
        "par.hook.post-add = touch $GIT_PAR_MAIN/../ran\n"
        f"Trust these 2 settings of '{clone.repo}/.gitpar'? "
    )
    assert (done.status, done.err.splitlines()[-1]) == (0, f"'{clone.repo}/.gitpar': trusted until its text changes")
    clone.add("t")
    assert ran(clone)
    assert clone.ok("trust").err == f"'{clone.repo}/.gitpar': trusted already\n"


@pytest.mark.parametrize("answer", ["n\n", "\n", "yess\n", "\x04"])
def test_anything_else_is_not(clone: World, answer: str) -> None:
    done = at_terminal(clone, "trust", answer=answer)
    assert (done.status, done.err.splitlines()[-1]) == (3, f"'{clone.repo}/.gitpar': not trusted, and does not count")
    clone.add("t")
    assert not ran(clone)


def test_what_changes_while_the_question_stands_is_not_trusted(clone: World) -> None:
    env: dict[str, str] = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    child = pexpect.spawn(PAR[0], [*PAR[1:], "trust"], cwd=str(clone.repo), env=env, timeout=60, encoding="utf-8")
    child.expect_exact("[y/N] ")
    clone.write(".gitpar", (GATE + HOOK).replace("true", "evil"))
    child.send("y\n")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert "not trusted" in clone.ok("add", "t", "--allow-dirty").err
    assert not ran(clone)


def test_without_a_terminal_nothing_is_asked_and_nothing_trusted(clone: World) -> None:
    done = clone.par("trust", "--json")
    assert done.status == 3
    assert done.err == (
        "git par: .gitpar: not trusted: nobody sits at a terminal to be asked\n"
        "hint: git par trust, in a terminal; git par trust --show lists what is in it\n"
    )
    assert clone.process("sh", "-c", f"yes | {PAR[0]} -m git_par trust").status == 3
    assert not (clone.root / "home/.state").exists()


def test_show_lists_what_needs_trust(clone: World) -> None:
    file = f"'{clone.repo}/.gitpar'"
    done = clone.ok("trust", "--show")
    assert done.out == "par.gate = touch $GIT_PAR_MAIN/../ran; true\npar.hook.post-add = touch $GIT_PAR_MAIN/../ran\n"
    assert done.err == f"{file}: not trusted, and does not count\n"
    accept(clone)
    shown = clone.ok("trust", "--show", "--json").json
    check("trust", shown)
    assert shown == {
        "version": 1,
        "file": f"{clone.repo}/.gitpar",
        "trusted": True,
        "settings": [
            {"key": "par.gate", "value": "touch $GIT_PAR_MAIN/../ran; true"},
            {"key": "par.hook.post-add", "value": "touch $GIT_PAR_MAIN/../ran"},
        ],
    }
    assert clone.ok("trust", "--forget").err == f"{file}: not trusted any more\n"
    assert clone.ok("trust", "--forget").err == f"{file}: was not trusted\n"
    clone.write(".gitpar", "[par]\n\tportBase = 30000\n[core]\n\teditor = evil\n")
    for argv in ((), ("--show",)):
        done = clone.ok("trust", *argv)
        assert (done.out, done.err) == ("", f"{file}: nothing there needs to be trusted\n")
    assert clone.par("trust", "--show", "--forget").status == 2


def test_what_this_version_does_not_know_is_shown_too(world: World) -> None:
    """A later one may know it, and would heed what nobody had seen."""
    world.write(".gitpar", '[par]\n\tsetup = evil\n[par "Hook"]\n\tPost-Add = evil\n')
    assert world.ok("trust", "--show").out == "par.setup = evil\npar.Hook.post-add = evil\n"


def test_nothing_can_hide_in_what_is_shown(world: World) -> None:
    lines = [
        "make test",
        "par.gate = make test\x1b[2K\x1b[1A",
        "\u202eevil\u2066 \u200b\u3164\u0430",
        "\r\t\x07\x9b2J\\",
    ]
    world.git("config", "--file", ".gitpar", "par.gate", "\n".join(lines))
    done = world.ok("trust", "--show")
    assert done.out == (
        "par.gate = make test\n"
        "    | par.gate = make test\\x1b[2K\\x1b[1A\n"
        "    | \\u202eevil\\u2066 \\u200b\\u3164\\u0430\n"
        "    | \\r\\t\\x07\\x9b2J\\\n"
    )
    assert all(" " <= one <= "~" for one in visible("".join(map(chr, range(0x3000))) + "\udcff\U0001f600"))
    shown = at_terminal(world, "trust", answer="n\n").out
    assert shown.startswith(done.out)


def test_the_workspaces_directory_of_a_trusted_text_counts(world: World) -> None:
    world.write(".gitpar", "[par]\n\tdirectory = ../elsewhere\n")
    world.commit("settings")
    assert world.add("t") == [world.workspaces / "t"]
    accept(world)
    assert world.add("u") == [world.root / "elsewhere/u"]
    assert find(world.repo).workspaces == world.workspaces
    world.git("config", "par.directory", "../mine")
    assert world.add("v") == [world.root / "mine/v"]
    world.git("config", "par.directory", "")
    assert world.add("w") == [world.workspaces / "w"]


def test_a_link_is_not_followed_and_a_pipe_not_waited_for(world: World) -> None:
    world.write("settings", "[par]\n\tbranch = linked/{name}\n", world.root)
    file = world.repo / ".gitpar"
    file.symlink_to(world.root / "settings")
    world.ok("add", "t", "--allow-dirty")
    file.unlink()
    os.mkfifo(file)
    world.ok("add", "u", "--allow-dirty")
    assert {"t", "u"} < set(world.branches())
    file.unlink()
    file.symlink_to(world.root / "settings")
    world.commit("a link")
    world.git("clone", "-q", "--bare", str(world.repo), str(world.root / "x.git"))
    world.ok("add", "t2", cwd=world.root / "x.git")
    assert (world.root / "x-worktrees/t2").is_dir()
    assert world.git("branch", "--list", "t2", cwd=world.root / "x.git")


def test_of_a_bare_repository_it_is_the_committed_text(clone: World) -> None:
    clone.git("clone", "-q", "--bare", str(clone.repo), str(clone.root / "x.git"))
    bare = World(clone.root, "x.git")
    assert "not trusted" in bare.ok("add", "t").err
    done = at_terminal(bare, "trust", answer="y\n")
    assert done.out.endswith(f"Trust these 2 settings of HEAD:.gitpar of '{bare.repo}'? ")
    assert done.status == 0
    assert json.loads(bare.ok("trust", "--show", "--json").out)["file"] == "HEAD:.gitpar"
    bare.ok("add", "u")
    assert ran(clone)


def test_a_kill_while_it_is_remembered_leaves_the_old_trust_or_the_new(
    clone: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept(clone)
    clone.write(".gitpar", HOOK)
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError("killed")))
        with pytest.raises(OSError, match="killed"):
            accept(clone)
    assert "not trusted" in clone.ok("add", "t", "--allow-dirty").err
    clone.write(".gitpar", GATE + HOOK)
    clone.ok("add", "u")
    assert ran(clone)


def test_a_script_that_a_trusted_text_calls_may_change(world: World) -> None:
    world.write(".gitpar", '[par "hook"]\n\tpost-add = sh $GIT_PAR_MAIN/script\n')
    world.write("script", "true\n")
    world.commit("a script")
    accept(world)
    world.commit("another script", script="touch $GIT_PAR_MAIN/../ran\n")
    world.add("t")
    assert ran(world)
