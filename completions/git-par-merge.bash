# bash completion for git-par-merge, which is looked up by its own name; all of it stands in the file of git-par beside this one.
_git_par_file=${BASH_SOURCE[0]%.bash}
if [ -e "${_git_par_file%-merge}" ]; then
    . "${_git_par_file%-merge}"
else
    . "${_git_par_file%-merge}.bash"
fi
unset _git_par_file
