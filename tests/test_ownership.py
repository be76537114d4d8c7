"""A task that owns files changes these and no others: said at once, refused at commit, left out at merge."""

import os
import shlex
from pathlib import Path

import pytest

from git_par import discovery
from git_par.runs import guard
from tests.world import PAR, Result, World

PYTHON = {"PYTHONPATH": str(Path(__file__).parent.parent)}


def own(world: World, name: str, *globs: str, more: tuple[str, ...] = ()) -> Path:
    """A task that owns `globs`; its workspace."""
    return Path(world.ok("add", name, *more, *(word for glob in globs for word in ("--owns", glob))).out.strip())


def inside(world: World, name: str, script: str, **env: str) -> Result:
    """What a shell script does in the workspace of `name`, as a worker."""
    return world.par_process("exec", name, "--", "sh", "-ec", script, env=env)


def skipped(world: World, *args: str) -> list[tuple[str, str, list[str]]]:
    found = world.par("merge", *args, "--json").json["merges"][0]["skipped"]
    return [(one["name"], one["reason"], one.get("files", [])) for one in found]


# what is recorded


def test_what_a_task_owns_is_recorded_shown_changed_and_cleared(world: World) -> None:
    own(world, "one", "src/**", "!src/old/", "menu")
    world.add("two")
    assert (world.listed("one")["owns"], world.listed("two")["owns"]) == (["src/**", "!src/old/", "menu"], [])
    assert "src/**, !src/old/, menu" in world.ok("list", "--owns").out
    assert "owns:    src/**, !src/old/, menu\n" in world.ok("show", "one").out
    assert "Change only the files that are yours: src/**, !src/old/, menu." in world.ok("show", "one", "--prompt").out
    assert "files that are yours" not in world.ok("show", "two", "--prompt").out
    assert world.ok("set", "one", "two", "--owns", "docs/").err.splitlines() == [
        "one: owns now docs/",
        "two: owns now docs/",
        "one: two owns docs/x too",
    ]
    assert world.ok("set", "one", "--owns", "").err == "one: may change all files\n"
    assert world.listed("one")["owns"] == []
    world.ok("undo")
    assert world.listed("one")["owns"] == ["docs/"]


@pytest.mark.parametrize("bad", ["../x", "/etc/passwd", ".git/config", "[a", "!x", " x"])
def test_a_bad_pattern_is_refused_before_anything_is_made(world: World, bad: str) -> None:
    done = world.par("add", "one", "--owns", bad)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith(f"git par: --owns {bad}: it ")
    assert world.branches() == ["main"]
    world.add("two")
    assert world.par("set", "two", "--owns", bad).status == 2
    assert world.listed("two")["owns"] == []


def test_what_another_task_of_the_base_owns_too_is_said(world: World) -> None:
    world.write("src/x.c", "x\n")
    world.commit("more")
    own(world, "one", "src/*.c")
    own(world, "elsewhere", "src/*.c", more=("--base", "main", "--from", "main"))
    world.git("branch", "other")
    world.ok("set", "elsewhere", "--base", "other")
    done = world.ok("add", "two", "three", "--owns", "src/x.c", "--owns", "docs/*.md")
    said = [line for line in done.err.splitlines() if " owns " in line]
    assert said == ["two: one owns src/x.c too", "two: three owns src/x.c too", "three: one owns src/x.c too"]
    assert " owns " not in world.ok("add", "four", "--owns", "lib/").err


def test_edits_outside_are_marked_committed_or_not(world: World) -> None:
    path = own(world, "one", "mine/**")
    world.write("mine/a", "a\n", path)
    world.commit("stray", cwd=path, stray="s\n")
    world.write("mine/b", "b\n", path)
    world.write("new/deep/c", "c\n", path)
    world.git("mv", "a.txt", "mine/moved", cwd=path)
    assert world.listed("one")["foreign"] == ["a.txt", "new/deep/c", "stray"]
    assert "changes what it does not own: a.txt, new/deep/c, stray" in world.ok("list").out.replace("\n", " ")
    shown = world.ok("show", "one").out
    assert "  not its own: a.txt\n  not its own: new/deep/c\n  not its own: stray\n" in shown


# at merge


def test_a_task_that_changed_what_it_does_not_own_is_left_out(world: World) -> None:
    good, bad = own(world, "good", "good.txt"), own(world, "bad", "bad.txt")
    world.commit("good", cwd=good, good__txt="g\n")
    world.commit("bad", cwd=bad, bad__txt="b\n", other__txt="o\n")
    world.git("mv", "a.txt", "bad.txt", "-f", cwd=bad)
    world.commit("moved", cwd=bad)
    done = world.par("merge", "--all")
    assert done.status == 1
    assert "it changed what it does not own: a.txt, other.txt" in done.err + done.out
    assert "--allow-foreign" in done.err
    assert world.git("log", "--format=%s", "-1") == "Merge branch 'good'"
    assert skipped(world, "bad") == [("bad", "foreign", ["a.txt", "other.txt"])]
    world.ok("merge", "bad", "--allow-foreign")
    assert (world.repo / "other.txt").exists()


def test_what_a_task_merged_of_its_base_is_not_its_own_change(world: World) -> None:
    path = own(world, "one", "mine")
    world.commit("mine", cwd=path, mine="1\n")
    world.commit("theirs", theirs="t\n")
    world.ok("sync", "one")
    world.commit("mine again", cwd=path, mine="2\n")
    assert world.listed("one")["foreign"] == []
    world.ok("merge", "one", "--squash")
    world.commit("more", theirs="u\n")
    world.commit("further", cwd=path, mine="3\n")
    world.ok("merge", "one", "--squash")


def test_a_task_on_another_answers_for_its_own_changes_only(world: World) -> None:
    below = own(world, "below", "below")
    world.commit("below", cwd=below, below="b\n")
    above = Path(world.ok("add", "above", "--owns", "above", cwd=below).out.strip())
    world.commit("above", cwd=above, above="a\n")
    world.ok("merge", "above", "--into", "main")
    world.commit("stray", cwd=above, below="x\n")
    assert skipped(world, "above", "--into", "main") == [("above", "foreign", ["below"])]


def test_autocommit_commits_nothing_foreign(world: World) -> None:
    path = own(world, "one", "mine")
    world.write("mine", "m\n", path)
    world.write("stray", "s\n", path)
    before = world.rev("one")
    assert skipped(world, "one", "--autocommit", "--dry-run") == [("one", "foreign", ["stray"])]
    assert skipped(world, "one", "--autocommit") == [("one", "foreign", ["stray"])]
    assert world.rev("one") == before
    world.ok("merge", "one", "--autocommit", "--allow-foreign")


# at commit


@pytest.mark.parametrize("isolation", ["worktree", "clone"], indirect=True)
def test_a_worker_cannot_commit_what_its_task_does_not_own(world: World, isolation: str) -> None:
    path = own(world, "one", "mine/**")
    stray = inside(world, "one", "mkdir mine; echo m >mine/a; echo s >stray; git add .; git commit -qm both")
    assert stray.status == 1
    first, hint = stray.err.splitlines()
    assert first == "git par: one: not committed: it does not own stray"
    assert hint == "hint: git restore --staged -- stray, or git par set one --owns GLOB ..."
    assert world.git("log", "--format=%s", "-1", cwd=path) == "first"
    fine = inside(world, "one", "git commit -qm only -o mine/a; echo n >>a.txt; git commit -qm rest mine || exit 3")
    assert (fine.status, world.git("log", "--format=%s", "-1", cwd=path)) == (3, "only")
    assert inside(world, "one", "git reset -q; git commit -qam all").status == 1
    assert inside(world, "one", "cd mine; git commit -qm by-name ../a.txt").status == 1
    assert inside(world, "one", "git mv a.txt mine/; git commit -qm moved").status == 1
    assert inside(world, "one", "git reset -q --hard; git commit -q --amend -m only2").status == 0


def test_its_own_commits_outside_of_exec_and_tasks_that_own_nothing_are_free(world: World) -> None:
    path = own(world, "one", "mine")
    world.commit("by hand", cwd=path, stray="s\n")
    world.add("two")
    assert (
        inside(world, "two", "echo x >x; git add x; git commit -qm x; env | grep -c GIT_CONFIG_COUNT || :").out == "0\n"
    )
    assert not (world.repo / ".git" / "par" / "guard").exists()


def test_a_foreign_change_can_be_taken_back(world: World) -> None:
    path = own(world, "one", "mine")
    world.commit("stray", cwd=path, a__txt="strayed\n")
    world.commit("moved on", b__txt="b\n")
    assert inside(world, "one", "git checkout -q main -- a.txt; git commit -qm back").status == 0
    assert world.listed("one")["foreign"] == []


def test_a_merge_of_the_base_is_concluded(world: World) -> None:
    path = own(world, "one", "mine")
    world.commit("mine", cwd=path, mine="1\n")
    world.commit("theirs", mine="2\n", theirs="t\n")
    done = inside(
        world, "one", "git merge -q main || :; echo 3 >mine; git add mine; echo x >>theirs; git commit -qam m"
    )
    assert (done.status, "does not own theirs\n" in done.err) == (1, True)
    done = inside(world, "one", "git checkout -q main -- theirs; git commit -qm merged")
    assert done.status == 0, done
    assert world.git("rev-list", "--parents", "-1", "HEAD", cwd=path).count(" ") == 2
    world.ok("merge", "one")


def test_a_merge_of_another_task_is_concluded_and_not_landed_with_it(world: World) -> None:
    path, other = own(world, "one", "mine"), own(world, "other", "theirs", "mine")
    world.commit("mine", cwd=path, mine="1\n")
    world.commit("theirs", cwd=other, mine="2\n", theirs="t\n")
    done = inside(world, "one", "git merge -q other || :; echo 3 >mine; git add mine; git commit -qm merged")
    assert done.status == 0, done
    assert skipped(world, "one") == [("one", "foreign", ["theirs"])]
    world.ok("merge", "other")
    world.ok("merge", "one")


def test_add_exec_is_guarded_too(world: World) -> None:
    command = "echo s >stray && git add stray && git commit -qm stray"
    done = world.par_process("add", "one", "--owns", "mine", "--exec", command)
    assert done.status == 1
    assert "one: not committed: it does not own stray" in done.err


# the hooks of the repository

HOOK = (
    '#!/bin/sh\n{ printf "%s" "${0##*/}"; printf " [%s]" "$@"; echo; [ -t 0 ] || cat; } >>"$LOG"\nexit ${STATUS:-0}\n'
)


def install(place: Path, *names: str, text: str = HOOK) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        (place / name).write_text(text)
        (place / name).chmod(0o755)


def test_every_hook_is_handed_on_with_its_words_its_input_and_its_status(world: World) -> None:
    path = own(world, "one", "**")
    log = world.root / "log"
    place = guard.directory(discovery.find(world.repo))
    env = guard.guarded({**os.environ, **PYTHON, "LOG": str(log)}, place)
    for name in guard.HOOKS:
        assert world.process(str(place / name), "x", cwd=path, env=env).status == 0, name
    assert not log.exists()
    install(world.repo / ".git" / "hooks", *guard.HOOKS)
    for name in guard.HOOKS:
        script = f"printf 'in put\\n' | {shlex.quote(str(place / name))} 'a b' ü '$x'"
        done = world.process("sh", "-c", script, cwd=path, env={**env, "STATUS": "7"})
        assert (done.status, log.read_text()) == (7, f"{name} [a b] [ü] [$x]\nin put\n"), (name, done)
        log.unlink()


@pytest.mark.parametrize("where", ["default", "absolute", "relative", "worktree", "user", "command"])
def test_the_hooks_of_the_repository_run_wherever_they_lie(tmp_path: Path, sealed: None, where: str) -> None:
    world = World(tmp_path, "répo with space").init()
    path = own(world, "öne", "mine/**", "hooks/")
    log = world.root / "log"
    place = world.root / "höoks of mine"
    before = ""
    if where == "default":
        place = world.repo / ".git" / "hooks"
    elif where == "absolute":
        world.git("config", "core.hooksPath", str(place))
    elif where == "relative":
        place = path / "hooks"
        world.git("config", "core.hooksPath", "hooks")
    elif where == "worktree":
        world.git("config", "extensions.worktreeConfig", "true")
        world.git("config", "--worktree", "core.hooksPath", str(place), cwd=path)
    elif where == "command":
        before = f"-c core.hooksPath={shlex.quote(str(world.root / 'none'))}"
    env = {"LOG": str(log), "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ada"}
    if where == "user":
        env |= {"GIT_CONFIG_KEY_0": "core.hooksPath", "GIT_CONFIG_VALUE_0": str(place)}
    install(place, "pre-commit", "commit-msg", "post-commit", "reference-transaction", "post-checkout", "pre-push")
    script = f"mkdir mine; echo x >mine/x; git add mine; git {before} commit -qm x; git switch -qc new"
    done = inside(world, "öne", script, **env)
    assert done.status == 0, done
    if where == "command":
        assert not log.exists() or "commit" not in log.read_text()
        return
    ran = log.read_text()
    assert all(f"{name} [" in ran for name in ("pre-commit", "commit-msg", "post-commit", "post-checkout"))
    assert "reference-transaction [committed]\n" in ran
    assert "refs/heads/öne" in ran
    bare = world.root / "bare.git"
    world.git("init", "-q", "--bare", str(bare))
    assert inside(world, "öne", f"git push -q {shlex.quote(str(bare))} new", **env).status == 0
    assert "pre-push [" in log.read_text()
    assert "refs/heads/new" in log.read_text().partition("pre-push [")[2]
    refused = inside(world, "öne", "echo y >mine/x; git commit -qam y", **env, STATUS="1")
    assert refused.status == 1
    assert world.git("log", "--format=%s", "-1", "new", cwd=path) == "x"


def test_git_par_inside_finds_the_hooks_of_the_repository(world: World) -> None:
    path = own(world, "one", "mine")
    log = world.root / "log"
    install(world.repo / ".git" / "hooks", "pre-merge-commit", "post-checkout", "pre-commit")
    world.commit("mine", cwd=path, mine="m\n")
    log.unlink(missing_ok=True)
    script = f"{shlex.join(PAR)} merge one; {shlex.join(PAR)} add two; git rev-parse --git-path hooks"
    done = inside(world, "one", script, LOG=str(log))
    assert done.status == 0, done
    assert {line.partition(" ")[0] for line in log.read_text().splitlines() if "[" in line} >= {"post-checkout"}
    assert "pre-merge-commit" in log.read_text()
    assert done.out.splitlines()[-1].startswith(str(world.repo / ".git" / "par" / "guard"))
    assert world.git("config", "--list").count("hookspath") == 0


def test_git_par_inside_does_not_take_the_guard_for_hooks_of_the_repository(world: World) -> None:
    path = own(world, "one", "mine")
    world.write("stray", "s\n", path)
    done = inside(world, "one", f"{shlex.join(PAR)} merge one --autocommit --allow-foreign --json")
    assert done.status == 0, done
    assert [one["private"] for one in done.json["merges"][0]["merged"]] == [None]


def test_a_worker_of_one_task_in_the_workspace_of_another(world: World) -> None:
    own(world, "one", "mine")
    two = own(world, "two", "yours")
    commit = f"cd {shlex.quote(str(two))}; echo y >yours; git add yours; git commit -qm yours"
    assert inside(world, "one", commit).status == 0
    nested = f"{shlex.join(PAR)} exec two -- sh -c 'echo m >mine; git add mine; git commit -qm mine'"
    done = inside(world, "one", nested)
    assert (done.status, "two: not committed: it does not own mine" in done.err) == (1, True)
    assert inside(world, "one", f"cd {shlex.quote(str(world.repo))}; echo >z; git add z; git commit -qm z").status == 0
    assert inside(world, "one", f"git clone -q {shlex.quote(str(world.repo))} ../copy").status == 0


def test_modules_in_the_workspace_are_not_taken_for_those_of_git_par(world: World) -> None:
    own(world, "one", "*.py")
    script = "echo 'raise SystemExit(0)' | tee typer.py json.py >re.py; echo s >stray; git add .; git commit -qm x"
    done = inside(world, "one", script)
    assert (done.status, "does not own stray" in done.err) == (1, True)


def test_other_repositories_are_pushed_to_as_they_say(world: World) -> None:
    path = own(world, "one", "mine")
    other = World(world.root, "other").init()
    other.git("config", "receive.denyCurrentBranch", "updateInstead")
    log = world.root / "log"
    install(other.repo / ".git" / "hooks", "push-to-checkout", "post-receive")
    assert inside(world, "one", f"git push -qf {shlex.quote(str(other.repo))} HEAD:main", LOG=str(log)).status in (0, 1)
    world.commit("next", cwd=path, mine="m\n")
    inside(world, "one", f"git push -qf {shlex.quote(str(other.repo))} HEAD:main", LOG=str(log))
    assert "push-to-checkout [" in log.read_text()


def test_the_check_has_nothing_to_say_where_no_task_owns_anything(world: World) -> None:
    path = world.add("one")[0]
    world.write("x", "x\n", path)
    world.git("add", "x", cwd=path)
    for cwd in (path, world.repo):
        assert world.par("hook", "pre-commit", cwd=cwd) == (0, "", "")


@pytest.mark.parametrize("script", ["", "unset GIT_PAR_GUARD; "])
def test_entries_for_git_that_do_not_count_any_more_change_nothing(world: World, script: str) -> None:
    path, log = own(world, "one", "mine"), world.root / "log"
    left = {"GIT_CONFIG_COUNT": "0", "GIT_CONFIG_KEY_0": "user.name", "GIT_CONFIG_VALUE_0": "Ada"}
    install(world.repo / ".git" / "hooks", "pre-commit")
    commit = f"{script}echo m >mine; git add mine; timeout 20 git commit -qm mine"
    done = inside(world, "one", commit, LOG=str(log), **left)
    assert (done.status, log.read_text()) == (0, "pre-commit []\n"), done
    assert world.git("log", "--format=%s %an", "-1", cwd=path) == "mine A U Thor"


def test_hooks_have_the_environment_of_their_user(world: World) -> None:
    own(world, "one", "mine")
    words = {"key": "1", "value": "2", "number": "3", "hook": "4", "guard": "5"}
    install(world.repo / ".git" / "hooks", "pre-commit", text='#!/bin/sh\necho "$key$value$number$hook$guard"\n')
    done = inside(world, "one", "echo m >mine; git add mine; git commit -qm mine", **words)
    assert (done.status, "12345" in done.err + done.out) == (0, True), done


def test_no_other_command_takes_the_guard_off(world: World) -> None:
    own(world, "one", "mine")
    commit = "echo s >stray; git add stray; git commit -qm stray"
    done = inside(world, "one", f"{shlex.join(PAR)} with-lock -- sh -ec {shlex.quote(commit)}")
    assert (done.status, "does not own stray" in done.err) == (1, True)


def test_twenty_at_once_make_the_hooks_once(world: World) -> None:
    own(world, "one", "mine")
    running = [world.start(*PAR, "exec", "one", "--", "git", "hook", "run", "pre-commit") for _ in range(20)]
    assert [process.wait() for process in running] == [0] * 20
    for process in running:
        process.communicate()
    (place,) = (world.repo / ".git" / "par" / "guard").iterdir()
    assert sorted(file.name for file in place.iterdir()) == sorted(guard.HOOKS)
    assert all(os.access(file, os.X_OK) for file in place.iterdir())
