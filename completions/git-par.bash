# bash completion for git-par
# Written by script/completions from templates/git-par.bash; change that.
#
# Git's own completion calls `_git_par` for `git par`; `git-par` and `git-par-merge` are registered below.  Names come from git and
# the state directory, so no Python is started.  Works from bash 3.2 on.

_git_par () {
    local cur own words=() where=()
    __git_par_read_line
    __git_par_read_git
    __git_par_complete "${words[@]}"
}

_git_par_merge () {
    local cur own words=() where=()
    __git_par_read_line
    __git_par_read_git
    __git_par_complete merge "${words[@]}"
}

# For commands that are not `git`; the command's name is the first word.
__git_par_alone () {
    local cur own words=() where=()
    __git_par_read_line
    set -- "${words[0]##*/}" "${words[@]:1}"
    case $1 in
        git-par) shift ;;
        git-par-merge) shift; set -- merge "$@" ;;
        par-add) shift; set -- add "$@" ;;
        par-cd) shift; set -- path "$@" ;;
    esac
    __git_par_complete "$@"
}

# The words before the cursor go to `words`, the one at it to `cur`.  Bash cuts words at the signs in COMP_WORDBREAKS, = and @ among
# them; pieces without white space between are one word again.  `own` is the piece that readline is going to replace.
__git_par_read_line () {
    local rest=${COMP_LINE:0:COMP_POINT} piece=0 here last=-1
    while :; do
        here=${rest#"${rest%%[![:space:]]*}"}
        if ((piece >= COMP_CWORD)); then
            own=$here
        else
            own=${COMP_WORDS[piece]}
        fi
        if ((last < 0)) || [[ $here != "$rest" ]]; then
            words[++last]=$own
        else
            words[last]+=$own
        fi
        ((piece++ < COMP_CWORD)) || break
        rest=${here#"$own"}
    done
    cur=${words[last]}
    unset "words[last]"
    case $own in [=@:]) own= ;; esac
}

# Takes `git`, its options and the name of its command off `words`, and what they say about the repository to `where`.
__git_par_read_git () {
    set -- "${words[@]:1}"
    while (($#)); do
        case $1 in
            -C | --git-dir)
                where+=("$1" "${2/#\~\//$HOME/}")
                shift
                ;;
            -c | --work-tree | --namespace | --exec-path) shift ;;
            --git-dir=*) where+=("$1") ;;
            -*) ;;
            *)
                shift
                break
                ;;
        esac
        (($#)) && shift
    done
    words=("$@")
}

__git_par_git () {
    command git ${where[@]+"${where[@]}"} "$@" 2>/dev/null
}

# Completes `cur` after the given words: a verb and what follows it.
__git_par_complete () {
    local verb= kind= waits= ahead= each= filtered= word given=() list=()
    COMPREPLY=()
    compopt +o default +o bashdefault 2>/dev/null
    # The option for every verb stands before it.
    while [[ ${1-} == --color || ${1-} == --color=* ]]; do
        waits=
        [[ $1 == *=* ]] || waits=1
        shift
        [[ $waits && ${1+there} ]] && waits= && shift
    done
    if (($# == 0)); then
        local before=
        case $waits$cur in
            1*) list=(auto always never) ;;
            --color=*)
                list=(auto always never)
                before=--color=
                cur=${cur#*=}
                ;;
            -*) list=(--color --help --version) ;;
            *) list=(add list path env show copy set merge sync conflicts prune remove restore log undo revert exec run pool adopt doctor trust with-lock hook demo shell-init) ;;
        esac
        __git_par_offer "$before"
        return
    fi
    verb=$1
    shift
    for word; do
        if [[ $waits ]]; then
            waits=
            continue
        fi
        case $word in
            --) ahead=1 ;;
            --each) [[ $ahead ]] || each=1 ;;
            -*=*) ;;
            -?*) [[ $ahead ]] || ! __git_par_value "$verb" "$word" || waits=$kind ;;
            *) given+=("$word") ;;
        esac
    done
    if [[ $waits ]]; then
        kind=$waits
    elif [[ $cur == --*=* ]] && __git_par_value "$verb" "${cur%%=*}"; then
        ahead=
    elif [[ $cur == -* && ! $ahead ]]; then
        __git_par_options "$verb"
        __git_par_offer
        return
    else
        __git_par_names "$verb"
    fi
    local before=
    [[ ! $waits && $cur == --*=* ]] && before=${cur%%=*}=
    cur=${cur#"$before"}
    case $kind in
        task) __git_par_tasks ;;
        kept) __git_par_kept ;;
        task-or-branch)
            __git_par_tasks
            __git_par_any || __git_par_refs heads
            ;;
        branch)
            given=()
            __git_par_refs heads
            ;;
        branch-or-directory)
            __git_par_refs heads
            __git_par_any || kind=directory
            ;;
        revision)
            given=()
            __git_par_refs heads remotes tags
            ;;
        operation) __git_par_operations ;;
        shell) list=(bash zsh fish) ;;
        event) list=(worktree-create worktree-remove) ;;
        pool) list=(fill drain status) ;;
        order) list=(created given fewest-conflicts) ;;
        isolation) list=(worktree clone shared-clone) ;;
        on-conflict) list=(skip stop abort) ;;
        directory) __git_par_paths -d; return ;;
        file) __git_par_paths -f; return ;;
        command) __git_par_command_line; return ;;
        task-command)
            if [[ $ahead ]]; then
                __git_par_command_line
                return
            fi
            __git_par_tasks
            ;;
        task-file)
            if [[ $ahead ]]; then
                __git_par_command_line
            elif ((${#given[@]} == 0)) && [[ ! $each ]]; then
                __git_par_paths -f -o plusdirs -X '!*.toml'
            fi
            return
            ;;
    esac
    __git_par_offer "$before"
}

# The words of `list` that begin as `cur` does become the reply, quoted as the line already is.
__git_par_offer () {
    local plain quote= name reply other
    case $cur in
        \"*) quote=\" plain=${cur#\"} plain=${plain//\\/} ;;
        \'*) quote=\' plain=${cur#\'} ;;
        *) plain=${cur//\\/} ;;
    esac
    local typed=${1-}$cur
    # Inside quotes readline replaces what follows the quote.
    local strip=${typed%"$own"}
    [[ $quote ]] && strip=
    local space=
    compopt +o nospace 2>/dev/null || space=' '
    # A thousand branches: git has filtered them, and none needs quoting.
    if [[ $filtered && ! $quote$strip${1-}${given[*]-} && ! ${list[*]} == *[\$\`\"\'\;\&\|\<\>\(\)\{\}\!\#]* ]]; then
        COMPREPLY=(${list[@]+"${list[@]/%/$space}"})
        return
    fi
    for name in "${list[@]}"; do
        [[ $name == "$plain"* ]] || continue
        for other in ${given[@]+"${given[@]}"}; do
            [[ ${other//[\\\"\']/} == "${name//[\\\"\']/}" ]] && continue 2
        done
        case $quote$name in
            \"*[\$\`\"]*) reply=${name//\$/\\\$} reply=${reply//\`/\\\`} reply=${reply//\"/\\\"} ;;
            \'*\'*) reply=${name//\'/\'\\\'\'} ;;
            [\"\']*) reply=${name} ;;
            *[\$\`\"\'\;\&\|\<\>\(\)\{\}\!\#]*) printf -v reply %q "$name" ;;
            *) reply=$name ;;
        esac
        [[ $quote ]] || reply=${1-}$reply$space
        COMPREPLY+=("${reply#"$strip"}")
    done
}

# Whether one of `list` begins as `cur` does.
__git_par_any () {
    local name plain=${cur//[\\\"\']/}
    for name in ${list[@]+"${list[@]}"}; do
        [[ ${name//[\\\"\']/} == "$plain"* ]] && return
    done
    return 1
}

# Files, directories or commands; readline does the quoting.
__git_par_paths () {
    local IFS=$'\n'
    compopt -o filenames +o nospace 2>/dev/null
    COMPREPLY=($(compgen "$@" -- "${cur//[\\\"]/}"))
}

# A command of its own, from the first -- on; its arguments are its own completion's, where bash-completion can ask that.
__git_par_command_line () {
    local at=1
    while ((at < COMP_CWORD)) && [[ ${COMP_WORDS[at]} != -- ]]; do
        ((at++))
    done
    if ((at + 1 < COMP_CWORD)) && declare -F _command_offset >/dev/null; then
        _command_offset $((at + 1))
    elif ((at < COMP_CWORD)); then
        __git_par_paths -c
    else
        list=(--)
        __git_par_offer
    fi
}

# Where the records lie: of a clone, in the repository it was made from.
__git_par_common () {
    local common
    common=$(__git_par_git rev-parse --path-format=absolute --git-common-dir) || return
    [[ ! -f $common/par-parent ]] || common=$(__git_par_git config remote.par.url) || return
    printf '%s\n' "$common"
}

# Task records are called after their task, percent-encoded; of a very long one only the beginning is there (%-).
__git_par_tasks () {
    local common record name
    common=$(__git_par_common) || return
    for record in "$common"/par/tasks/*.json; do
        name=${record##*/}
        name=${name%.json}
        case $name in
            \* | *%-*) continue ;;
            *%*) printf -v name %b "${name//\%/\\x}" ;;
        esac
        list+=("$name")
    done
}

# Entries of the journal begin with their time, which tells them apart; offered are the newest.
__git_par_operations () {
    local common entries entry plain=${cur//[\\\"\']/}
    case $plain in *[!0-9TZ.]*) return ;; esac
    common=$(__git_par_common) || return
    entries=("$common"/par/journal/"$plain"*.json)
    ((${#entries[@]} > 50)) && entries=("${entries[@]: -50}")
    for entry in "${entries[@]##*/}"; do
        [[ $entry == *\** ]] || list+=("${entry%%-*}")
    done
}

# What was removed is kept under refs that are called after the task in the same way.
__git_par_kept () {
    local name IFS=$'\n'
    for name in $(__git_par_git for-each-ref --format='%(refname:lstrip=3)' refs/par/kept); do
        name=${name%%/*}
        [[ $name == *%-* ]] && continue
        [[ $name == *%* ]] && printf -v name %b "${name//\%/\\x}"
        [[ ${list[*]+"$IFS${list[*]}$IFS"} == *"$IFS$name$IFS"* ]] || list+=("$name")
    done
}

# Branches and the like; git does the filtering, and no ref holds a sign that means something to it.
__git_par_refs () {
    local plain=${cur//[\\\"\']/} space patterns=() IFS=$'\n' globs=
    case $plain in *[*?[]*) return ;; esac
    # Where a quote was typed, all are listed: which of the quotes belong to the name is seen later.
    case $cur in
        *[\\\"\']*) plain= ;;
        *) ((${#list[@]})) || filtered=1 ;;
    esac
    for space; do
        patterns+=("refs/$space/$plain*" "refs/$space/$plain*/**")
    done
    [[ $- == *f* ]] || globs=1
    set -f
    list+=($(__git_par_git for-each-ref --format='%(refname:strip=2)' "${patterns[@]}"))
    [[ $globs ]] && set +f
}

# The options of the verb $1.
__git_par_options () {
    case $1 in
        add) list=(--from --base --branch --group --title --isolation --sparse --owns --carry --allow-dirty --fetch --no-files --exec --json --help) ;;
        list) list=(--size --owns --in-use --watch --json --help) ;;
        path) list=(--json --help) ;;
        env) list=(--dotenv --json --help) ;;
        show) list=(--prompt --json --help) ;;
        copy) list=(--json --help) ;;
        set) list=(--base --title --group --owns --protect --no-protect --json --help) ;;
        merge) list=(--all --group --into --no-ff --ff --squash --rebase --message --signoff --order --atomic --on-conflict --gate --gate-each --gate-tries --autocommit --allow-dirty --allow-foreign --prune --dry-run --json --help) ;;
        sync) list=(--all --rebase --conflicts --json --help) ;;
        conflicts) list=(--svg --html --json --help) ;;
        prune) list=(--new --older-than --kept --dry-run --json --help) ;;
        remove) list=(--force --older-than --dry-run --json --help) ;;
        restore) list=(--as --at --json --help) ;;
        log) list=(--max-count --runs --json --help) ;;
        undo) list=(--dry-run --json --help) ;;
        revert) list=(--dry-run --json --help) ;;
        exec) list=(--all --group --jobs --grouped --json --help) ;;
        run) list=(--each --jobs --resume --dry-run --allow-overlap --json --help) ;;
        pool) list=(--json --help) ;;
        adopt) list=(--keep-directory --name --base --group --json --help) ;;
        doctor) list=(--fix --cleanup --json --help) ;;
        trust) list=(--show --forget --json --help) ;;
        with-lock) list=(--help) ;;
        hook) list=(--help) ;;
        demo) list=(--help) ;;
        shell-init) list=(--json --help) ;;
    esac
}

# What the value of an option is; false for one that takes none.
__git_par_value () {
    kind=
    case $1:$2 in
        add:--from) kind=revision ;;
        add:--base) kind=branch ;;
        add:--branch) kind=text ;;
        add:--group) kind=text ;;
        add:--title) kind=text ;;
        add:--isolation) kind=isolation ;;
        add:--sparse) kind=directory ;;
        add:--owns) kind=text ;;
        add:--exec) kind=text ;;
        env:--dotenv) kind=file ;;
        set:--base) kind=branch ;;
        set:--title) kind=text ;;
        set:--group) kind=text ;;
        set:--owns) kind=text ;;
        merge:--group) kind=text ;;
        merge:--into) kind=branch ;;
        merge:-m | merge:--message) kind=text ;;
        merge:--order) kind=order ;;
        merge:--on-conflict) kind=on-conflict ;;
        merge:--gate) kind=text ;;
        merge:--gate-tries) kind=text ;;
        conflicts:--svg) kind=file ;;
        conflicts:--html) kind=file ;;
        prune:--older-than) kind=text ;;
        remove:--older-than) kind=text ;;
        restore:--as) kind=text ;;
        restore:--at) kind=text ;;
        log:-n | log:--max-count) kind=text ;;
        exec:--group) kind=text ;;
        exec:--jobs | exec:-j) kind=text ;;
        run:--jobs | run:-j) kind=text ;;
        adopt:--name) kind=text ;;
        adopt:--base) kind=branch ;;
        adopt:--group) kind=text ;;
    esac
    [[ $kind ]]
}

# What the arguments of the verb $1 are.
__git_par_names () {
    case $1 in
        add) kind=text ;;
        path) ((${#given[@]})) || kind=task ;;
        env) ((${#given[@]})) || kind=task ;;
        show) ((${#given[@]})) || kind=task ;;
        copy) ((${#given[@]})) || kind=task ;;
        set) kind=task ;;
        merge) kind=task-or-branch ;;
        sync) kind=task ;;
        conflicts) kind=task-or-branch ;;
        remove) kind=task ;;
        restore) ((${#given[@]})) || kind=kept ;;
        undo) ((${#given[@]})) || kind=operation ;;
        revert) ((${#given[@]})) || kind=task ;;
        exec) kind=task-command ;;
        run) kind=task-file ;;
        pool) ((${#given[@]})) || kind=pool ;;
        adopt) kind=branch-or-directory ;;
        with-lock) kind=command ;;
        hook) ((${#given[@]})) || kind=event ;;
        shell-init) ((${#given[@]})) || kind=shell ;;
    esac
}

complete -o bashdefault -o default -o nospace -F __git_par_alone git-par git-par-merge 2>/dev/null ||
    complete -o default -o nospace -F __git_par_alone git-par git-par-merge
