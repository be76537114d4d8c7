"""What Tab costs in each shell: our function's own time, beside the git process it asks.

    PYTHONPATH=$PWD .venv/bin/python bench/tab.py [--tasks N] [--branches N] [--rounds N]

The shells time themselves, so that neither their start nor the terminal counts.  "all" is one Tab after `git par`, with
what the shell's completion of git spends before it asks us (bash: next to nothing, and not counted); "ours" is our
function, "git" the git process it starts, run alone, and "own" the difference of these two medians.  The budget for "own"
is 20 ms.
"""

import argparse
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = "git rev-parse --path-format=absolute --git-common-dir"
REFS = "git for-each-ref --format='%(refname:strip=2)' refs/heads"
LINES = {
    "verbs": "git par ",
    "options": "git par merge --",
    "tasks": "git par merge ",
    "branches": "git par merge --into ",
}
ASKS = {"verbs": "", "options": "", "tasks": NAMES, "branches": REFS}
BUDGET = 20.0

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
ask 'autoload -Uz +X _git-par; functions -c _git-par _git-par-untimed
_git-par () { local from=$EPOCHREALTIME; _git-par-untimed "$@"; local ret=$?; ((ours = EPOCHREALTIME - from)); return ret }'
ask "unset zle_bracketed_paste; zstyle ':completion:*' list-prompt ''; LISTMAX=100000"
ask 'timed () { local from=$EPOCHREALTIME; _main_complete; compstate[insert]=; compstate[list]=
    print -r "all $(( int((EPOCHREALTIME - from) * 1000000) ))" >>@OUT@
    print -r "tab $(( int(ours * 1000000) )) $compstate[nmatches]" >>@OUT@ }'
ask 'zmodload zsh/mathfunc; zle -C timed complete-word timed; bindkey "\\et" timed; bindkey "\\ek" kill-whole-line'
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


def main() -> None:
    """Measure and print, in milliseconds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--tasks", type=int, default=80)
    parser.add_argument("--branches", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        repo = make(Path(place), chosen.tasks, chosen.branches)
        rows = [
            measure(Path(place), repo, kind, what, chosen.rounds) for kind in ("bash", "zsh", "fish") for what in LINES
        ]
    if chosen.json:
        print(json.dumps({"budget": BUDGET, "rows": rows}, indent=2))
        return
    print(f"{'shell':6}{'Tab for':10}{'offers':>8}{'all':>9}{'ours':>9}{'git':>9}{'own':>9}   (ms, medians)")
    for row in rows:
        late = "" if float(row["own"]) <= BUDGET else "  over budget"
        print(
            f"{row['shell']:6}{row['what']:10}{row['offers']:8}{row['all']:9.1f}{row['tab']:9.1f}{row['git']:9.1f}{row['own']:9.1f}{late}"
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


def measure(place: Path, repo: Path, kind: str, what: str, rounds: int) -> dict[str, str | int | float]:
    """One line of the table."""
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
    found = {word: [int(line[1]) / 1000 for line in lines if line[0] == word] for word in ("git", "tab", "all")}
    if len(found["tab"]) < rounds:
        sys.exit(f"{kind}, {what}: {len(found['tab'])} of {rounds} answers\n{done.stdout}{done.stderr}")
    tab = statistics.median(found["tab"])
    whole = statistics.median(found["all"] or found["tab"])
    alone = statistics.median(found["git"]) if ASKS[what] else 0.0
    offers = next(int(line[2]) for line in reversed(lines) if line[0] == "tab")
    return {"shell": kind, "what": what, "offers": offers, "all": whole, "tab": tab, "git": alone, "own": tab - alone}


if __name__ == "__main__":
    main()
