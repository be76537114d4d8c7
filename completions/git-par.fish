# fish completion for git-par
# Written by script/completions from templates/git-par.fish; change that.
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
complete -c git-par -n __git_par_needs_verb -l color -x -a 'auto always never' -d 'colour what is shown'
complete -c git-par -n __git_par_needs_verb -a add -d 'make tasks, each with a branch and a workspace of its own; print their paths'
complete -c git-par -n __git_par_needs_verb -a list -d 'show every task and how it stands'
complete -c git-par -n __git_par_needs_verb -a path -d 'print where a task lives'
complete -c git-par -n __git_par_needs_verb -a env -d 'print a task\'s environment as shell text to eval'
complete -c git-par -n __git_par_needs_verb -a show -d 'show everything about one task'
complete -c git-par -n __git_par_needs_verb -a copy -d 'bring files of the main checkout into a workspace again, as copies and links'
complete -c git-par -n __git_par_needs_verb -a set -d 'change what is recorded of tasks'
complete -c git-par -n __git_par_needs_verb -a merge -d 'bring tasks home into their bases: planned, audited, and published in one step'
complete -c git-par -n __git_par_needs_verb -a sync -d 'bring the base into tasks; conflicts are solved there, in the workspace'
complete -c git-par -n __git_par_needs_verb -a conflicts -d 'show which tasks will collide with each other and with their bases, and the order that lands the most'
complete -c git-par -n __git_par_needs_verb -a prune -d 'remove every task that is safely in its base; keep and explain the rest'
complete -c git-par -n __git_par_needs_verb -a remove -d 'remove the named tasks, each only when nothing would be lost'
complete -c git-par -n __git_par_needs_verb -a restore -d 'bring a removed task back, with all that was in its workspace'
complete -c git-par -n __git_par_needs_verb -a log -d 'show what git-par did here, the newest first'
complete -c git-par -n __git_par_needs_verb -a undo -d 'take back what git-par did: the last of it from here, or the one named'
complete -c git-par -n __git_par_needs_verb -a revert -d 'take one landed task back out of its base, as a new commit'
complete -c git-par -n __git_par_needs_verb -a exec -d 'run a command (after --) in workspaces, all at once; say where it failed'
complete -c git-par -n __git_par_needs_verb -a run -d 'carry out a task file: workspaces, workers and merges, level by level'
complete -c git-par -n __git_par_needs_verb -a pool -d 'fill the pool of spares, which add claims at once; empty it; or say how it stands'
complete -c git-par -n __git_par_needs_verb -a adopt -d 'make tasks of worktrees that others made, and of branches without one; print their paths'
complete -c git-par -n __git_par_needs_verb -a doctor -d 'find what is wrong with the tasks and the repository, and say what it means'
complete -c git-par -n __git_par_needs_verb -a trust -d 'show the commands that came with the repository in .gitpar, and heed them once you agree'
complete -c git-par -n __git_par_needs_verb -a with-lock -d 'run a command (after --) under the repository lock; end with its status'
complete -c git-par -n __git_par_needs_verb -a hook -d 'answer a coding agent that wants a worktree or is done with one: JSON on stdin, the path on stdout'
complete -c git-par -n __git_par_needs_verb -a demo -d 'play the main job on a throw-away repository, every command and its output shown'
complete -c git-par -n __git_par_needs_verb -a shell-init -d 'print completion, par-cd and par-add for bash, zsh or fish to eval'
complete -c git-par -n '__git_par_verb add' -l from -x -a '(__git_par_revisions)' -d 'start there, not at HEAD'
complete -c git-par -n '__git_par_verb add' -l base -x -a '(__git_par_branches)' -d 'the branch the task returns to'
complete -c git-par -n '__git_par_verb add' -l branch -x -d 'name the branch, from {name} {group} {user} {date}'
complete -c git-par -n '__git_par_verb add' -l group -x -d 'put the task into a group'
complete -c git-par -n '__git_par_verb add' -l title -x -d 'say what it is about'
complete -c git-par -n '__git_par_verb add' -l isolation -x -a 'worktree clone shared-clone' -d 'make a worktree, clone or shared-clone (par.isolation)'
complete -c git-par -n '__git_par_verb add' -l sparse -x -a '(__fish_complete_directories)' -d 'check out only DIR and the files on top; repeatable'
complete -c git-par -n '__git_par_verb add' -l owns -x -d 'it may change only such files; repeatable'
complete -c git-par -n '__git_par_verb add' -l carry -d 'take a copy of the uncommitted work along, untracked files too'
complete -c git-par -n '__git_par_verb add' -l allow-dirty -d 'start although there are uncommitted changes'
complete -c git-par -n '__git_par_verb add' -l fetch -d 'fetch the remote first'
complete -c git-par -n '__git_par_verb add' -l no-files -d 'neither copy nor link files of the main checkout'
complete -c git-par -n '__git_par_verb add' -l exec -x -d 'run a shell command in each'
complete -c git-par -n '__git_par_verb add' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb add' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb list' -l size -d 'show what each workspace takes on disk'
complete -c git-par -n '__git_par_verb list' -l owns -d 'show which files each owns'
complete -c git-par -n '__git_par_verb list' -l in-use -d 'show who works in each'
complete -c git-par -n '__git_par_verb list' -l watch -d 'show how it goes on, until q is pressed'
complete -c git-par -n '__git_par_verb list' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb list' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb path' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb path' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb path' -n __git_par_no_name_yet -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb env' -l dotenv -r -F -d 'put it into a dotenv file instead; -: print it so'
complete -c git-par -n '__git_par_verb env' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb env' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb env' -n __git_par_no_name_yet -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb show' -l prompt -d 'print the text to hand to a coding agent'
complete -c git-par -n '__git_par_verb show' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb show' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb show' -n __git_par_no_name_yet -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb copy' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb copy' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb copy' -n __git_par_no_name_yet -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb set' -l base -x -a '(__git_par_branches)' -d 'the branch it returns to'
complete -c git-par -n '__git_par_verb set' -l title -x -d 'what it is about; empty: none'
complete -c git-par -n '__git_par_verb set' -l group -x -d 'the group it is in; empty: none'
complete -c git-par -n '__git_par_verb set' -l owns -x -d 'the files it may change; repeatable; empty: all'
complete -c git-par -n '__git_par_verb set' -l protect -d 'whether it may never be removed'
complete -c git-par -n '__git_par_verb set' -l no-protect -d 'whether it may never be removed'
complete -c git-par -n '__git_par_verb set' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb set' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb set' -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb merge' -l all -d 'merge every task'
complete -c git-par -n '__git_par_verb merge' -l group -x -d 'merge the tasks of a group'
complete -c git-par -n '__git_par_verb merge' -l into -x -a '(__git_par_branches)' -d 'merge into BRANCH, not each task\'s base'
complete -c git-par -n '__git_par_verb merge' -l no-ff -d 'A merge commit for each task (the default)'
complete -c git-par -n '__git_par_verb merge' -l ff -d 'fast-forward where that is possible'
complete -c git-par -n '__git_par_verb merge' -l squash -d 'one ordinary commit for each task'
complete -c git-par -n '__git_par_verb merge' -l rebase -d 'each task\'s commits, replayed onto the base'
complete -c git-par -n '__git_par_verb merge' -s m -l message -x -d 'the commit message'
complete -c git-par -n '__git_par_verb merge' -l signoff -d 'add Signed-off-by to every commit that is made'
complete -c git-par -n '__git_par_verb merge' -l order -x -a 'created given fewest-conflicts' -d 'which comes first: created, given, fewest-conflicts'
complete -c git-par -n '__git_par_verb merge' -l atomic -d 'all or nothing: the same as --on-conflict abort'
complete -c git-par -n '__git_par_verb merge' -l on-conflict -x -a 'skip stop abort' -d 'at a conflict: skip the task, stop before it, or abort'
complete -c git-par -n '__git_par_verb merge' -l gate -x -d 'publish only what this shell command succeeds on; empty: no gate'
complete -c git-par -n '__git_par_verb merge' -l gate-each -d 'test the plan after each task, not only at the end'
complete -c git-par -n '__git_par_verb merge' -l gate-tries -x -d 'test so many plans at most'
complete -c git-par -n '__git_par_verb merge' -l autocommit -d 'commit what is uncommitted in the tasks first'
complete -c git-par -n '__git_par_verb merge' -l allow-dirty -d 'merge what is committed of tasks with uncommitted changes'
complete -c git-par -n '__git_par_verb merge' -l allow-foreign -d 'merge tasks that changed what they do not own, too'
complete -c git-par -n '__git_par_verb merge' -l prune -d 'remove the tasks that came home'
complete -c git-par -n '__git_par_verb merge' -l dry-run -d 'show what would be done, and do nothing'
complete -c git-par -n '__git_par_verb merge' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb merge' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb merge' -a '(__git_par_tasks_or_branches)'
complete -c git-par -n '__git_par_verb sync' -l all -d 'sync every task that takes it without a conflict'
complete -c git-par -n '__git_par_verb sync' -l rebase -d 'replay each task onto its base instead'
complete -c git-par -n '__git_par_verb sync' -l conflicts -d 'leave markers in every task that conflicts, not only in one alone'
complete -c git-par -n '__git_par_verb sync' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb sync' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb sync' -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb conflicts' -l svg -r -F -d 'draw a picture of it'
complete -c git-par -n '__git_par_verb conflicts' -l html -r -F -d 'write a page with all of it'
complete -c git-par -n '__git_par_verb conflicts' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb conflicts' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb conflicts' -a '(__git_par_tasks_or_branches)'
complete -c git-par -n '__git_par_verb prune' -l new -d 'also tasks in which nothing was committed yet'
complete -c git-par -n '__git_par_verb prune' -l older-than -x -d 'only tasks made longer ago: 12h, 3d, 2w'
complete -c git-par -n '__git_par_verb prune' -l kept -d 'sweep what old removals kept, and no tasks'
complete -c git-par -n '__git_par_verb prune' -l dry-run -d 'show what would be done, and do nothing'
complete -c git-par -n '__git_par_verb prune' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb prune' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb remove' -l force -d 'keep what would be lost, then remove'
complete -c git-par -n '__git_par_verb remove' -l older-than -x -d 'only tasks made longer ago: 12h, 3d, 2w'
complete -c git-par -n '__git_par_verb remove' -l dry-run -d 'show what would be done, and do nothing'
complete -c git-par -n '__git_par_verb remove' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb remove' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb remove' -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb restore' -l as -x -d 'call the task NEW'
complete -c git-par -n '__git_par_verb restore' -l at -x -d 'what that removal kept, not the last one'
complete -c git-par -n '__git_par_verb restore' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb restore' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb restore' -n __git_par_no_name_yet -a '(__git_par_kept)'
complete -c git-par -n '__git_par_verb log' -s n -l max-count -x -d 'show the newest N only'
complete -c git-par -n '__git_par_verb log' -l runs -d 'show the runs of task files instead'
complete -c git-par -n '__git_par_verb log' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb log' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb undo' -l dry-run -d 'show what would be done, and do nothing'
complete -c git-par -n '__git_par_verb undo' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb undo' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb undo' -n __git_par_no_name_yet -a '(__git_par_operations)'
complete -c git-par -n '__git_par_verb revert' -l dry-run -d 'show what would be done, and do nothing'
complete -c git-par -n '__git_par_verb revert' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb revert' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb revert' -n __git_par_no_name_yet -a '(__git_par_tasks)'
complete -c git-par -n '__git_par_verb exec' -l all -d 'run it in every workspace'
complete -c git-par -n '__git_par_verb exec' -l group -x -d 'run it in the workspaces of a group'
complete -c git-par -n '__git_par_verb exec' -l jobs -s j -x -d 'run so many at a time'
complete -c git-par -n '__git_par_verb exec' -l grouped -d 'show what each wrote in one piece, when it has ended'
complete -c git-par -n '__git_par_verb exec' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb exec' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb exec' -a '(__git_par_tasks_then_command)'
complete -c git-par -n '__git_par_verb run' -l each -d 'make a task of each name, and run the command in it'
complete -c git-par -n '__git_par_verb run' -l jobs -s j -x -d 'run so many workers at a time'
complete -c git-par -n '__git_par_verb run' -l resume -d 'go on with the last run that is not done'
complete -c git-par -n '__git_par_verb run' -l dry-run -d 'show levels, workspaces and owners; do nothing'
complete -c git-par -n '__git_par_verb run' -l allow-overlap -d 'let tasks of one level own the same files'
complete -c git-par -n '__git_par_verb run' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb run' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb run' -a '(__git_par_task_file_or_command)'
complete -c git-par -n '__git_par_verb pool' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb pool' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb pool' -n __git_par_no_name_yet -a 'fill drain status'
complete -c git-par -n '__git_par_verb adopt' -l keep-directory -d 'leave each worktree where it is'
complete -c git-par -n '__git_par_verb adopt' -l name -x -d 'call the task NEW'
complete -c git-par -n '__git_par_verb adopt' -l base -x -a '(__git_par_branches)' -d 'the branch it returns to'
complete -c git-par -n '__git_par_verb adopt' -l group -x -d 'put the tasks into a group'
complete -c git-par -n '__git_par_verb adopt' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb adopt' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb adopt' -a '(__git_par_branches; __fish_complete_directories)'
complete -c git-par -n '__git_par_verb doctor' -l fix -d 'mend what can be mended; no work is ever deleted'
complete -c git-par -n '__git_par_verb doctor' -l cleanup -d 'as --fix, and remove orphaned workspaces that are safe to remove'
complete -c git-par -n '__git_par_verb doctor' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb doctor' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb trust' -l show -d 'list what needs trust, and ask nothing'
complete -c git-par -n '__git_par_verb trust' -l forget -d 'trust nothing in this repository any more'
complete -c git-par -n '__git_par_verb trust' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb trust' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb with-lock' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb with-lock' -x -a '(__fish_complete_subcommand --fcs-skip=3)'
complete -c git-par -n '__git_par_verb hook' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb hook' -n __git_par_no_name_yet -a 'worktree-create worktree-remove'
complete -c git-par -n '__git_par_verb demo' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb shell-init' -l json -d 'write the report as JSON'
complete -c git-par -n '__git_par_verb shell-init' -s h -l help -d 'show how it is used'
complete -c git-par -n '__git_par_verb shell-init' -n __git_par_no_name_yet -a 'bash zsh fish'
