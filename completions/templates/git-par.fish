# fish completion for git-par
# @GENERATED@
#
# Names come from git and the state directory, so no Python is started.

function __git_par_git
    # `git -C DIR par`: what stands before the verb is handed on in __git_par_where.
    command git $__git_par_where $argv 2>/dev/null
end

# The words before the cursor, without the option for every verb, which stands before that.
function __git_par_words
    set -l words (commandline -opc)
    while string match -qr -- '^--color(=|$)' "$words[2]"
        test "$words[2]" = --color; and set -e words[3]
        set -e words[2]
    end
    printf '%s\n' $words
end

function __git_par_needs_verb
    set -l words (__git_par_words)
    test (count $words) -eq 1
end

function __git_par_verb
    set -l words (__git_par_words)
    contains -- "$words[2]" $argv
end

function __git_par_no_name_yet
    set -l words (__git_par_words)
    not string match -qv -- '-*' $words[3..]
end

# Where the records lie: of a clone, in the repository it was made from.
function __git_par_common
    set -l common (__git_par_git rev-parse --path-format=absolute --git-common-dir); or return
    test -f $common/par-parent; and set common (__git_par_git config remote.par.url)
    printf '%s\n' $common
end

# Task records are called after their task, percent-encoded; of a very long one only the beginning is there (%-).
function __git_par_tasks
    string match -q -- '-*' (commandline -ct); and return
    set -l common (__git_par_common); or return
    set -l records $common/par/tasks/*.json
    set -l names (string replace -r '^.*/(.*)\.json$' '$1' -- $records | string match -v '*%-*' | string unescape --style=url)
    set -l given (commandline -opc)
    for name in $names
        contains -- $name $given; or echo $name
    end
end

# Tasks, and behind the first -- a command of its own with its arguments.
function __git_par_tasks_then_command
    set -l words (commandline -opc)
    if set -l at (contains -i -- -- $words)
        set -e words[1..$at]
        complete -C (string join ' ' -- (string escape -- $words) (commandline -ct))
    else
        __git_par_tasks
    end
end

# A task file; with --each names that are yet to be made up, and behind the first -- a command of its own with its arguments.
function __git_par_task_file_or_command
    set -l words (commandline -opc)
    if contains -- -- $words
        __git_par_tasks_then_command
    else if not contains -- --each $words
        set -l typed (commandline -ct | string unescape)
        string match -q -- '-*' $typed; and return
        set -l files $typed*.toml $typed*/
        string join \n -- $files
    end
end

# Entries of the journal begin with their time, which tells them apart; offered are the newest.
function __git_par_operations
    string match -q -- '-*' (commandline -ct); and return
    set -l common (__git_par_common); or return
    set -l entries $common/par/journal/*.json
    test (count $entries) -gt 50; and set entries $entries[-50..-1]
    string replace -r '^.*/([^-]*)-[^/]*$' '$1' -- $entries
end

# What was removed is kept under refs that are called after the task in the same way.
function __git_par_kept
    string match -q -- '-*' (commandline -ct); and return
    __git_par_git for-each-ref --format='%(refname:lstrip=3)' refs/par/kept | string replace -r '/.*' '' |
        string match -v '*%-*' | string unescape --style=url | sort -u
end

function __git_par_branches
    __git_par_git for-each-ref --format='%(refname:strip=2)' refs/heads
end

function __git_par_tasks_or_branches
    string match -q -- '-*' (commandline -ct); and return
    set -l names (__git_par_tasks)
    set -l typed (commandline -ct | string unescape)
    if string match -q -- "$typed*" $names
        string join \n -- $names
    else
        __git_par_branches
    end
end

function __git_par_revisions
    __git_par_git for-each-ref --format='%(refname:strip=2)' refs/heads refs/remotes refs/tags
end

# Called for `git par`: the same as for `git-par`.
function __git_par_from_git
    set -l words (commandline -opc)
    set -e words[1]
    set -lx __git_par_where
    while set -q words[1]
        switch $words[1]
            case -C --git-dir
                set -a __git_par_where $words[1..2]
                set -e words[1]
            case '--git-dir=*'
                set -a __git_par_where $words[1]
            case -c --work-tree --namespace --exec-path
                set -e words[1]
            case '-*'
            case '*'
                set -e words[1]
                break
        end
        set -e words[1]
    end
    complete -C "git-par "(string join ' ' -- (string escape -- $words) (commandline -ct))
end

complete -c git-par -f
complete -c git-par -n __git_par_needs_verb -s h -l help -d 'show how it is used'
complete -c git-par -n __git_par_needs_verb -l version -d 'show the version'
complete -c git-par -n __git_par_needs_verb -l color -x -a '@WHEN@' -d 'colour what is shown'
@TABLES@
