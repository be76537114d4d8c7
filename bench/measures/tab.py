"""What Tab costs in each shell: our function's own time, beside the git process it asks.

The shells time themselves, so that neither their start nor the terminal counts.  What is measured is our function, and the
git process that it starts, run alone; "own" is the difference of the medians.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median

from bench.context import Bench
from bench.results import Budget, Measure, Timing
from bench.ways import scale, take_turns, yardstick

ROOT = Path(__file__).resolve().parent.parent.parent
NAMES = "git rev-parse --path-format=absolute --git-common-dir"
REFS = "git for-each-ref --format='%(refname:strip=2)' refs/heads"
LINES = {
    "verbs": "git par ",
    "options": "git par merge --",
    "tasks": "git par merge ",
    "branches": "git par merge --into ",
}
ASKS = {"verbs": "", "options": "", "tasks": NAMES, "branches": REFS}
BUDGET = 0.020
TASKS, BRANCHES = 80, 1000

_BASH = """\
. {root}/completions/git-par.bash
compopt () {{ :; }}
COMP_LINE={line}
COMP_POINT=${{#COMP_LINE}}
COMP_WORDS=($COMP_LINE)
[[ $COMP_LINE == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1))
for ((round = 0; round < {rounds}; round++)); do
    from=$EPOCHREALTIME; {git}; to=$EPOCHREALTIME
    echo "git $((${{to/./}} - ${{from/./}}))"
    from=$EPOCHREALTIME; _git_par; to=$EPOCHREALTIME
    echo "tab $((${{to/./}} - ${{from/./}})) ${{#COMPREPLY[@]}}"
done
"""
# Zsh's completion functions run under a line editor only: zpty is one.
_ZSH = """\
zmodload zsh/datetime zsh/zpty
zpty shell zsh -f -i
ask () { zpty -w shell "$1" }
ask 'PS1= PROMPT= RPROMPT=; zmodload zsh/datetime'
ask 'fpath=(@ROOT@/completions $fpath); autoload -Uz compinit; compinit -u -D; bindkey -e'
ask "unset zle_bracketed_paste; zstyle ':completion:*' list-prompt ''; LISTMAX=100000"
ask 'timed () { local from=$EPOCHREALTIME; _main_complete; compstate[insert]=; compstate[list]=
    print -r "all $(( int((EPOCHREALTIME - from) * 1000000) ))" >>@OUT@
    print -r "tab $(( int(ours * 1000000) )) $compstate[nmatches]" >>@OUT@ }'
ask 'warm () { _main_complete; compstate[insert]=; compstate[list]= }'
ask 'zmodload zsh/mathfunc; zle -C timed complete-word timed; bindkey "\\et" timed; bindkey "\\ek" kill-whole-line'
ask 'zle -C warm complete-word warm; bindkey "\\ew" warm'
# The first Tab loads our function, which then puts another one in its own place: that is the one to be timed.
zpty -w -n shell @LINE@$'\\ew'$'\\ek'
ask 'functions -c _git-par _git-par-untimed
_git-par () { local from=$EPOCHREALTIME; _git-par-untimed "$@"; local ret=$?; ((ours = EPOCHREALTIME - from)); return ret }'
for ((round = 0; round < @ROUNDS@; round++)); do
    ask "from=\\$EPOCHREALTIME; @GIT@; print \\"git \\$(( int((EPOCHREALTIME - from) * 1000000) ))\\" >>@OUT@"
    zpty -w -n shell @LINE@$'\\et'$'\\ek'
done
ask 'print end >>@OUT@'
while ! [[ -e @OUT@ && $(<@OUT@) == *end ]]; do zpty -r -t shell answer || sleep 0.01; done
cat @OUT@
"""
_FISH = """\
source {root}/completions/git-par.fish
source {root}/completions/git-par.conf.fish
function now; date +%s%6N; end
complete -C {line} >/dev/null
complete -C {ours} >/dev/null
for round in (seq {rounds})
    set -l a (now); set -l b (now)
    {git}
    set -l c (now)
    set -l found (complete -C {ours})
    set -l d (now)
    complete -C {line} >/dev/null
    set -l e (now)
    # The clock is a process too: what it takes is known from asking twice.
    echo git (math $c - $b - $b + $a)
    echo tab (math $d - $c - $b + $a) (count $found)
    echo all (math $e - $d - $b + $a)
end
"""


def measure(bench: Bench) -> Iterator[Measure]:
    """Verbs, options, tasks and branches, in each shell that is here."""
    rounds = 3 if bench.quick else 21
    with tempfile.TemporaryDirectory(dir=bench.root) as place:
        repo = make(Path(place), TASKS, BRANCHES)
        for kind in ("bash", "zsh", "fish"):
            if not shutil.which(kind):
                bench.left_out.append(f"Tab in {kind}: there is no {kind} here")
                continue
            rule = take_turns(3, [yardstick(repo)])
            timings: list[Timing] = []
            own = 0.0
            for what in LINES:
                found = ask(Path(place), repo, kind, what, rounds)
                git = found["git"] if ASKS[what] else ()
                timings.append(Timing(f"{what}: our function", found["tab"]))
                if git:
                    timings.append(Timing(f"{what}: the git process it asks", git))
                own = max(own, median(found["tab"]) - (median(git) if git else 0))
            says = f"Tab in {kind}: 20 ms of our function's own time, scaled by bare Python"
            yield Measure(
                f"tab-{kind}",
                f"Tab in {kind}, {TASKS} tasks, {BRANCHES:,} branches",
                (*timings, *rule),
                (Budget(says, round(own, 5), round(BUDGET * scale(rule), 5), "s"),),
                note="Own time is what is left without git's.",
            )


def make(place: Path, tasks: int, branches: int) -> Path:
    """A repository with that many task records and branches."""
    repo = place / "repo"
    env = {**os.environ, "HOME": str(place)}
    for name in ("AUTHOR", "COMMITTER"):
        env |= {f"GIT_{name}_NAME": "A U Thor", f"GIT_{name}_EMAIL": "author@example.com"}
    subprocess.run(["git", "init", "-q", "-b", "main", repo], check=True, env=env)
    subprocess.run(["git", "commit", "-q", "--allow-empty", "-m", "first"], cwd=repo, check=True, env=env)
    feed = "".join(f"create refs/heads/topic/{number} HEAD\n" for number in range(branches))
    subprocess.run(["git", "update-ref", "--stdin"], cwd=repo, check=True, env=env, input=feed, text=True)
    subprocess.run(["git", "pack-refs", "--all"], cwd=repo, check=True, env=env)
    # Else fish makes completions of all manual pages at its first start.
    (place / ".local/share/fish/generated_completions").mkdir(parents=True)
    records = repo / ".git/par/tasks"
    records.mkdir(parents=True)
    for number in range(tasks):
        (records / f"gr%C3%BC%C3%9Fe%2F{number}.json").write_text("{}")
    return repo


def ask(place: Path, repo: Path, kind: str, what: str, rounds: int) -> Mapping[str, tuple[float, ...]]:
    """The seconds of each Tab, by what was timed: `tab`, our function; `git`, the process it asks."""
    out = place / f"out-{kind}-{what}"
    values = {
        "root": shlex.quote(str(ROOT)),
        "line": shlex.quote(LINES[what]),
        "ours": shlex.quote(LINES[what].replace("git par", "git-par")),
        "rounds": str(rounds),
    }
    git = f"{ASKS[what]} >/dev/null" if ASKS[what] else "true"
    if kind == "zsh":
        script = _ZSH
        for key, value in {**values, "out": str(out), "git": git}.items():
            script = script.replace(f"@{key.upper()}@", value)
    else:
        script = (_BASH if kind == "bash" else _FISH).format(**values, git=git)
    env = {**os.environ, "HOME": str(place), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    flags = {"bash": ["--norc", "--noprofile"], "zsh": ["-f"], "fish": []}[kind]
    done = subprocess.run(
        [kind, *flags, "-c", script], cwd=repo, env=env, capture_output=True, text=True, check=False, timeout=300
    )
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith(("git ", "tab ", "all "))]
    found = {word: tuple(int(line[1]) / 1e6 for line in lines if line[0] == word) for word in ("git", "tab")}
    if len(found["tab"]) < rounds:
        raise SystemExit(f"bench: {kind}, {what}: {len(found['tab'])} of {rounds} answers\n{done.stdout}{done.stderr}")
    return found
