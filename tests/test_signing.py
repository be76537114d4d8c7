"""Signatures: asked for once before any work, and a merge that cannot be signed is not made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from tests.shells import need
from tests.world import PAR, World

WORKS = """\
echo '[GNUPG:] SIG_CREATED D' >&2
echo '-----BEGIN PGP SIGNATURE-----'
echo '-----END PGP SIGNATURE-----'
"""


def signer(world: World, body: str) -> Path:
    """Make commits be signed by a program that notes each call; the notes."""
    record = world.root / "record"
    record.write_text("")
    program = world.write("gpg", f"#!/bin/sh\ncat >/dev/null\necho ran >>'{record}'\n{body}", cwd=world.root)
    program.chmod(0o755)
    world.git("config", "gpg.program", str(program))
    world.git("config", "commit.gpgSign", "true")
    return record


def is_signed(world: World, commit: str) -> bool:
    return "\ngpgsig" in world.git("cat-file", "commit", commit)


def test_every_merge_is_signed_after_one_trial(world: World) -> None:
    world.task("a")
    world.task("b")
    record = signer(world, WORKS)
    world.ok("merge", "--all")
    assert record.read_text().splitlines() == ["ran"] * 3
    assert [is_signed(world, name) for name in ("main", "main~1")] == [True, True]
    world.commit("more", cwd=world.workspaces / "a", more__txt="1\n")
    world.ok("merge", "a", "--squash")
    assert is_signed(world, "main")
    world.ok("revert", "a")
    assert is_signed(world, "main")
    merge = world.rev("main")
    world.git("config", "gpg.program", "/no/such/gpg")
    done = world.par("revert", "b")
    assert done.err.startswith("git par: commit.gpgSign: git cannot sign: cannot run /no/such/gpg")
    assert world.rev("main") == merge


def test_the_trial_leaves_nothing_behind(world: World) -> None:
    world.task("a")
    signer(world, WORKS)
    world.ok("merge", "a")
    assert world.git("fsck", "--unreachable", "--no-reflogs") == ""


def test_a_signature_that_fails_is_heard_of_before_any_work(world: World) -> None:
    path = world.task("t")
    record = signer(world, "exit 1\n")
    world.write("t.txt", "dirty\n", cwd=path)
    before = world.git("for-each-ref")
    objects = world.git("count-objects")
    done = world.par("merge", "t", "--autocommit")
    assert (done.status, done.out) == (3, "")
    assert done.err == (
        "git par: commit.gpgSign: git cannot sign: gpg failed to sign the data\n"
        "hint: see 'git config --show-origin --get-regexp \"^(gpg|user.signingkey|commit.gpgsign)\"',"
        " or 'git -c commit.gpgSign=false par merge'\n"
    )
    assert record.read_text() == "ran\n"
    assert (world.git("for-each-ref"), world.git("count-objects")) == (before, objects)
    assert world.git("status", "--porcelain", cwd=path) == " M t.txt"


def test_a_signature_that_fails_half_way_publishes_nothing(world: World) -> None:
    world.task("a")
    world.task("b")
    record = signer(world, f"test $(wc -l <{world.root}/record) -lt 3 || exit 1\n{WORKS}")
    before = world.git("for-each-ref")
    done = world.par("merge", "--all")
    assert (done.status, done.out) == (3, "")
    assert done.err.startswith("git par: commit.gpgSign: git cannot sign: gpg failed to sign the data\n")
    assert record.read_text().splitlines() == ["ran"] * 3
    assert world.git("for-each-ref") == before
    assert world.git("status", "--porcelain") == ""


def test_a_program_that_is_not_there_is_named(world: World) -> None:
    world.task("t")
    signer(world, WORKS)
    world.git("config", "gpg.program", "/no/such/gpg")
    done = world.par("merge", "t")
    assert done.status == 3
    assert done.err.startswith("git par: commit.gpgSign: git cannot sign: cannot ")
    assert "/no/such/gpg" in done.err.splitlines()[0]


def test_a_rehearsal_signs_nothing(world: World) -> None:
    world.task("t")
    record = signer(world, "exit 1\n")
    done = world.ok("merge", "t", "--dry-run", "--json")
    planned = done.json["merges"][0]["after"]
    assert record.read_text() == ""
    assert not is_signed(world, planned)


def test_nothing_is_signed_where_there_is_nothing_to_merge(world: World) -> None:
    record = signer(world, "exit 1\n")
    world.ok("merge", "--all")
    assert record.read_text() == ""


def test_who_does_not_sign_is_asked_for_nothing(world: World) -> None:
    world.task("t")
    record = signer(world, "exit 1\n")
    world.git("config", "commit.gpgSign", "false")
    world.ok("merge", "t")
    assert record.read_text() == ""
    assert not is_signed(world, "main")


def test_a_signer_has_the_terminal_and_the_locale_of_the_user(world: World) -> None:
    world.task("t")
    record = signer(
        world,
        f'printf "%s %s\\n" "$GPG_TTY" "$LC_ALL" >>{world.root}/record\n'
        "printf 'passphrase: ' >/dev/tty\nread word </dev/tty\n"
        f'test "$word" = sesame || exit 1\n{WORKS}',
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "GPG_TTY": "the terminal"}
    child = pexpect.spawn(PAR[0], [*PAR[1:], "merge", "t"], cwd=str(world.repo), env=env, timeout=60, encoding="utf-8")
    for _ in range(2):
        child.expect_exact("passphrase: ")
        child.sendline("sesame")
    child.expect_exact("1 merged")
    child.expect(pexpect.EOF)
    child.close()
    assert child.exitstatus == 0
    assert record.read_text().splitlines() == ["ran", "the terminal C.UTF-8"] * 2


def test_a_key_of_openssh_signs(world: World) -> None:
    need("ssh-keygen")
    key = world.root / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    world.write("signers", f"committer@example.com {key.with_suffix('.pub').read_text()}", cwd=world.root)
    for name, value in {
        "gpg.format": "ssh",
        "user.signingKey": str(key),
        "gpg.ssh.allowedSignersFile": str(world.root / "signers"),
        "commit.gpgSign": "true",
    }.items():
        world.git("config", name, value)
    world.task("t")
    world.ok("merge", "t")
    assert world.git("log", "-1", "--format=%G?") == "G"
    key.unlink()
    world.git("branch", "trial", "main~1")
    done = world.par("merge", "t", "--into", "trial")
    assert done.status == 3
    assert done.err.startswith("git par: commit.gpgSign: git cannot sign: ")
    assert str(key) in done.err.splitlines()[0]


@pytest.mark.skipif(sys.platform == "darwin", reason="the path of its agent's socket would be too long")
def test_a_key_of_gnupg_signs(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    need("gpg", "gpgconf")
    home = Path(f"/tmp/git-par-gnupg-{os.getpid()}")  # the socket of its agent wants a short path
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    try:
        identity = "C O Mitter <committer@example.com>"
        subprocess.run(
            [
                "gpg",
                "--batch",
                "--quiet",
                "--passphrase",
                "",
                "--quick-generate-key",
                identity,
                "ed25519",
                "sign",
                "never",
            ],
            check=True,
            capture_output=True,
        )
        world.git("config", "commit.gpgSign", "true")
        world.task("t")
        world.ok("merge", "t")
        assert world.git("log", "-1", "--format=%G?") in ("G", "U")
    finally:
        subprocess.run(["gpgconf", "--kill", "all"], check=False)
        shutil.rmtree(home, ignore_errors=True)
