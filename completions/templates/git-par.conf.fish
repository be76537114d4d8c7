# @GENERATED@
#
# Fish looks for the completion of `git par` in git's file only, which does not find ours; so it is said here, at start.
complete -c git -f -n '__fish_git_using_command par' -a '(functions -q __git_par_from_git; or complete -C "git-par -" >/dev/null; __git_par_from_git)'
complete -c git -f -n __fish_git_needs_command -a par -d '@ABOUT@'
complete -c git-par-merge -f -w 'git-par merge'
