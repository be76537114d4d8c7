"""Shells that stand beside a command: one that waits until it may begin, and those that end it when git-par is killed."""

WAIT = 'read -r _ || exit; exec "$@" </dev/null'
"""A shell that becomes the command once it hears a line, and nothing when there will be none."""

END = """read -r word && exit
kill -s TERM -- "$1"
tries=0
while kill -s 0 -- "$1" && [ "$tries" -lt 100 ]; do tries=$((tries + 1)); sleep 0.1; done
kill -s KILL -- "$1"
"""
"""A shell that ends $1, a process or a group of them, unless it is told otherwise before the end of its input."""

END_MANY = """running=' '
while read -r what who; do
    case $what in
        began) running="$running$who " ;;
        ended) running="${running%% $who *} ${running#* $who }" ;;
    esac
done
for who in $running; do kill -s TERM -- "-$who"; done
tries=0
while [ "$tries" -lt 100 ]; do
    left=
    for who in $running; do kill -s 0 -- "-$who" && left=1; done
    [ "$left" ] || exit
    tries=$((tries + 1))
    sleep 0.1
done
for who in $running; do kill -s KILL -- "-$who"; done
"""
"""A shell that ends the process groups it was told have begun and not ended, at the end of its input."""
