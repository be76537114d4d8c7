"""Interactive shells under a terminal, driven by keys: bash, zsh and fish, with git-par and its completions installed."""

import os
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path

import pexpect
import pytest

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60
"""Seconds for one answer; only ever used up when something is wrong."""

_TAB, _ALL = "\t", "\x1b*"
_START = {
    "bash": """\
HISTFILE=
bind 'set bell-style none'
bind 'set enable-bracketed-paste off'
bind '"\\e*": insert-completions'
words () { printf 'WORDS'; printf '<%s>' "$@"; printf 'SDROW\\n'; }
""",
    "zsh": """\
unsetopt beep
bindkey -e
zle -C all-matches complete-word _generic
zstyle ':completion:all-matches::::' completer _all_matches _complete
zstyle ':completion:all-matches:*' insert true
zstyle ':completion:*' use-cache no
bindkey '\\e*' all-matches
unset zle_bracketed_paste
words () { printf 'WORDS'; printf '<%s>' "$@"; printf 'SDROW\\n' }
""",
    "fish": """\
function fish_greeting; end
function fish_title; end
function words; printf 'WORDS'; printf '<%s>' $argv; printf 'SDROW\\n'; end
bind \\ew 'commandline -C 0; commandline -i "words "; commandline -f execute'
""",
}
_DUMPS: dict[bool, str] = {}
SHELLS = tuple(_START)


def need(*tools: str) -> None:
    """Skip the test when a tool is not there; in CI everything must be."""
    for tool in tools:
        there = (
            Path("/usr/share/bash-completion/bash_completion").exists()
            if tool == "bash-completion"
            else shutil.which(tool)
        )
        if not there and os.environ.get("CI"):
            pytest.fail(f"{tool}: not installed")
        if not there:
            pytest.skip(f"{tool}: not installed")


def install(root: Path) -> Path:
    """A prefix as a wheel would make it: `bin` with the commands, `share` with the data files."""
    prefix = root / "prefix"
    (prefix / "bin").mkdir(parents=True)
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = settings["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    for source, target in shared.items():
        (prefix / target).parent.mkdir(parents=True, exist_ok=True)
        (prefix / target).symlink_to(ROOT / source)
    for name, verb in (("git-par", ""), ("git-par-merge", " merge")):
        program = prefix / "bin" / name
        program.write_text(
            f'#!/bin/sh\necho "$0 $*" >>{shlex.quote(str(root / "started"))}\n'
            f'PYTHONPATH={shlex.quote(str(ROOT))} exec {shlex.quote(sys.executable)} -m git_par{verb} "$@"\n'
        )
        program.chmod(0o755)
    # A Python that somebody starts leaves a mark too.
    for name in ("python", "python3"):
        program = prefix / "bin" / name
        program.write_text(f'#!/bin/sh\necho "$0 $*" >>{shlex.quote(str(root / "started"))}\nexit 1\n')
        program.chmod(0o755)
    return prefix


class Shell:
    """One interactive shell of the kind `kind`, standing in `cwd`."""

    def __init__(self, kind: str, root: Path, cwd: Path, *, completions: bool = True) -> None:
        need(kind, "bash-completion") if kind == "bash" else need(kind)
        self.kind = kind
        self.root = root
        self.completions = completions
        self.prefix = root / "prefix" if (root / "prefix").exists() else install(root)
        start = _START[kind]
        if kind == "bash":
            start = f". /usr/share/bash-completion/bash_completion\n{start}"
        if kind == "zsh":
            fpath = (
                f"fpath=({shlex.quote(str(self.prefix / 'share/zsh/site-functions'))} $fpath)\n" if completions else ""
            )
            start = f"{fpath}autoload -Uz compinit\n{_compinit(root, completions)}\n{start}"
        file = root / f"start.{kind}"
        file.write_text(start)
        env = {
            **os.environ,
            "PATH": f"{self.prefix / 'bin'}:{os.environ['PATH']}",
            "TERM": "xterm",
            "PS1": "",
        }
        if completions:
            env["XDG_DATA_DIRS"] = f"{self.prefix / 'share'}:/usr/local/share:/usr/share"
        if kind == "fish":  # else it makes completions of all manual pages at its first start, by a Python
            (Path(os.environ["HOME"]) / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
        argv = {
            "bash": ["--norc", "--noprofile", "-i"],
            "zsh": ["-f", "-i"],
            "fish": ["--private", "-i"],
        }[kind]
        self.process = pexpect.spawn(
            kind, argv, cwd=str(cwd), env=env, encoding="utf-8", timeout=PATIENCE, dimensions=(50, 400), echo=False
        )
        self.process.delaybeforesend = None
        if kind == "fish":
            self.run(f"source {shlex.quote(str(file))}")
        else:
            self.run(f". {shlex.quote(str(file))}; PS1=; PROMPT=; PS2=")

    def run(self, command: str) -> str:
        """What `command` writes; `$?` of it is in `status`."""
        status = "$status" if self.kind == "fish" else "$?"
        # The words are put together by the shell, so that the command as typed is not mistaken for the answer.
        begin = "printf '%s%s\\n' BEG IN"
        self.process.send(f"{begin}; {command}; printf '%s%s %s\\n' E ND {status}\r")
        found = self._expect(r"BEGIN\r*\n(.*?)END (\d+)\r*\n")
        self.status = int(found[2])
        return _plain(found[1]).strip()

    def tab(self, typed: str) -> list[str]:
        """The words of the line after `typed` and Tab."""
        return self._keys(typed + _TAB)

    def all(self, typed: str) -> list[str]:
        """Everything that Tab offers for the last word of `typed`."""
        if self.kind == "fish":
            listed = self.run(f"complete -C {_fish(typed)}")
            return sorted({line.split("\t")[0] for line in listed.splitlines()})
        before = len(self._keys(typed)) - (0 if typed.endswith(" ") else 1)
        offered = self._keys(typed + _ALL)[before:]
        return sorted(offered)

    def _keys(self, keys: str) -> list[str]:
        """The words of the line after some keys."""
        if self.kind == "fish":
            self.process.send(f"{keys}\x1bw")
        else:
            self.process.send(f"{keys}\x01words \r")
        return re.findall(r"<(.*?)>", _plain(self._expect(r"WORDS(<.*?>)SDROW\r*\n")[1]))

    def _expect(self, pattern: str) -> re.Match[str]:
        self.process.expect(pattern)
        assert isinstance(self.process.match, re.Match)
        return self.process.match

    def started(self) -> str:
        """Which of git-par and Python were started so far, and how."""
        marks = self.root / "started"
        return marks.read_text() if marks.exists() else ""

    def close(self) -> None:
        """End the shell."""
        dump = self.root / "zcompdump"
        if dump.is_file():
            _DUMPS.setdefault(self.completions, dump.read_text())
        self.process.close(force=True)


def _compinit(root: Path, completions: bool) -> str:
    """Set zsh's completion up; what it finds in its function path is remembered from shell to shell, for that takes long."""
    known = _DUMPS.get(completions)
    if known:
        (root / "zcompdump").write_text(known)
    return f"compinit {'-C' if known else '-u'} -d {shlex.quote(str(root / 'zcompdump'))}"


def _plain(text: str) -> str:
    """Without what only moves the cursor or colours."""
    text = re.sub(r"\x1b\][^\x07\x1b]*(\x07|\x1b\\)", "", text)
    return re.sub(r"\x1b[\[(][0-9;?]*[A-Za-z]|\x1b[=>]|\r", "", text)


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
