"""`git par shell-init`: what one eval line in a shell's start file gives: completion, `par-cd` and `par-add`."""

import shlex
import shutil
import sys
from pathlib import Path

from git_par.errors import GitFailed, UsageError
from git_par.render import Report
from git_par.state.session import Session

# Where each completion lies in a checkout, and where the installed package has it.
_COMPLETIONS = {
    "bash": ("completions/git-par.bash", "share/bash-completion/completions/git-par"),
    "zsh": ("completions/_git-par", "share/zsh/site-functions/_git-par"),
    "fish": ("completions/git-par.fish", "share/fish/vendor_completions.d/git-par.fish"),
    "fish start": ("completions/git-par.conf.fish", "share/fish/vendor_conf.d/git-par.fish"),
}

_FUNCTIONS = """\
par-cd () {
    if [ $# -gt 1 ]; then
        printf 'usage: par-cd [NAME]\\n' >&2
        return 2
    fi
    local place
    place=$(@PROGRAM@ path -- "$@") && builtin cd -- "$place"
}
par-add () {
    local place first ended
    place=$(@PROGRAM@ add "$@")
    ended=$?
    first=${place%%$'\\n'*}
    if [ ! -d "$first" ] || [ "$first" != "$place" ]; then
        [ -z "$place" ] || printf '%s\\n' "$place"
    fi
    [ ! -d "$first" ] || builtin cd -- "$first" || return
    return "$ended"
}
"""

_BASH = """\
. @COMPLETION@
complete -o nospace -F __git_par_alone par-cd par-add
"""

_ZSH = """\
fpath=(@FOLDER@ $fpath)
if (( $+functions[compdef] )); then
    autoload -Uz _git-par
    compdef _git-par git-par git-par-merge par-cd par-add
fi
"""

_FISH = """\
function par-cd --description 'Go to the workspace of a task'
    if test (count $argv) -gt 1
        echo 'usage: par-cd [NAME]' >&2
        return 2
    end
    set -l place (@PROGRAM@ path -- $argv); and cd -- $place
end
function par-add --description 'Make tasks and go to the workspace of the first'
    set -l places (@PROGRAM@ add $argv)
    set -l ended $status
    if not test -d "$places[1]"; or test (count $places) -gt 1
        test (count $places) -eq 0; or printf '%s\\n' $places
    end
    if test -d "$places[1]"
        cd -- $places[1]; or return
    end
    return $ended
end
source @COMPLETION@
source @START@
complete -c par-cd -f -n 'test (count (commandline -opc)) -eq 1' -a '(__git_par_tasks)'
complete -c par-add -f -w 'git-par add'
"""


def run(_session: Session, shell: str) -> Report:
    """Report the text to eval in `shell`."""
    if shell == "bash":
        text = _FUNCTIONS + _BASH.replace("@COMPLETION@", shlex.quote(str(completion("bash"))))
    elif shell == "zsh":
        text = _FUNCTIONS + _ZSH.replace("@FOLDER@", shlex.quote(str(completion("zsh").parent)))
    elif shell == "fish":
        text = _FISH.replace("@COMPLETION@", _fish(str(completion("fish"))))
        text = text.replace("@START@", _fish(str(completion("fish start"))))
    else:
        raise UsageError(f"shell-init: '{shell}' is none of bash, zsh, fish", hint="git par shell-init bash")
    quote = _fish if shell == "fish" else shlex.quote
    program = " ".join(word if word.isalpha() else quote(word) for word in _program())
    text = text.replace("@PROGRAM@", program).removesuffix("\n")
    return Report(data=lambda: {"shell": shell, "text": f"{text}\n"}, lines=[text])


def completion(what: str) -> Path:
    """The completion file for `what`: of the checkout this runs from, else where the package was installed."""
    here, installed = _COMPLETIONS[what]
    checkout = Path(__file__).resolve().parent.parent.parent
    if (checkout / here).is_file():
        return checkout / here
    from importlib.metadata import PackageNotFoundError, files

    try:
        # The package's own list knows every way of installing: a venv, a user's home, a target directory.
        found = [entry for entry in files("git-par") or () if entry.as_posix().endswith(installed)]
    except PackageNotFoundError:
        found = []
    if not found:
        raise GitFailed(f"{installed}: it was not installed with git-par", hint="install git-par again")
    return Path(str(found[0].locate())).resolve()


def _program() -> list[str]:
    """How the functions start git-par: as part of git where that works, else this very program by its path."""
    if shutil.which("git-par"):
        return ["command", "git", "par"]
    beside = Path(sys.executable).with_name("git-par")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "git_par"]


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
