#!/bin/sh
# tied.sh PID COMMAND...: becomes the command, which dies with its parent, of
# that PID, even where that is ended by SIGKILL.
parent=$1
shift
# shellcheck disable=SC2016 # for the inner shell
exec setpriv --pdeathsig KILL \
	sh -c '[ "$PPID" = "$0" ] || exit 3; exec "$@"' "$parent" "$@"
