"""`git par shell-init`: what one eval line in a shell's start file gives: completion, `par-cd`, `par-add`, manual pages."""

import shlex
import shutil
import sys
from pathlib import Path

from git_par.errors import GitFailed, UsageError
from git_par.report import Report
from git_par.state.session import Session

# Where each file lies in a checkout, and where the installed package has it.
_FILES = {
    "bash": ("completions/git-par.bash", "share/bash-completion/completions/git-par"),
    "zsh": ("completions/_git-par", "share/zsh/site-functions/_git-par"),
    "fish": ("completions/git-par.fish", "share/fish/vendor_completions.d/git-par.fish"),
    "fish start": ("completions/git-par.conf.fish", "share/fish/vendor_conf.d/git-par.fish"),
    "page": ("man/man1/git-par.1", "share/man/man1/git-par.1"),
}

_BESIDE = ("../man", "man", "../share/man", "share/man")
"""Where man(1) looks for the pages of commands, from each directory in PATH."""

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

# An empty part of MANPATH stands for where man(1) looks anyway.
_PAGES = """\
case :${MANPATH-}: in
*:@PAGES@:*) ;;
*) export MANPATH=@PAGES@:${MANPATH-} ;;
esac
"""

_FISH_PAGES = """\
set -q MANPATH; or set -gx MANPATH ''
contains -- @PAGES@ $MANPATH; or set -gx MANPATH @PAGES@ $MANPATH
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
    if pages := _hidden_pages():
        text += (_FISH_PAGES if shell == "fish" else _PAGES).replace("@PAGES@", quote(str(pages)))
    program = " ".join(word if word.isalpha() else quote(word) for word in _program())
    text = text.replace("@PROGRAM@", program).removesuffix("\n")
    return Report(data=lambda: {"shell": shell, "text": f"{text}\n"}, lines=[text])


def completion(what: str) -> Path:
    """The completion file for `what`."""
    if (found := _file(what)) is None:
        raise GitFailed(f"{_FILES[what][1]}: it was not installed with git-par", hint="install git-par again")
    return found


def _hidden_pages() -> Path | None:
    """The directory of our manual pages, when man(1) does not find them beside the command in PATH."""
    program, page = shutil.which("git-par"), _file("page")
    if page is None or (program and any((Path(program).parent / one / "man1" / page.name).exists() for one in _BESIDE)):
        return None
    return page.parent.parent


def _file(what: str) -> Path | None:
    """A file that comes along: of the checkout this runs from, else where the package was installed."""
    here, installed = _FILES[what]
    checkout = Path(__file__).resolve().parent.parent.parent
    if (checkout / here).is_file():
        return checkout / here
    from importlib.metadata import PackageNotFoundError, files

    try:
        # The package's own list knows every way of installing: a venv, a user's home, a target directory.
        found = [entry for entry in files("git-par") or () if entry.as_posix().endswith(installed)]
    except PackageNotFoundError:
        found = []
    return Path(str(found[0].locate())).resolve() if found else None


def _program() -> list[str]:
    """How the functions start git-par: as part of git where that works, else this very program by its path."""
    if shutil.which("git-par"):
        return ["command", "git", "par"]
    beside = Path(sys.executable).with_name("git-par")
    return [str(beside)] if beside.is_file() else [sys.executable, "-m", "git_par"]


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
