#!/bin/bash
# Does `minimize` find the known minimum? For every planted fault: random ops
# make its witness 64 ops long, and it must become as short again.
#
#   tests/planted/minimize.sh [--seed=1] [--keep=DIR] [FAULT...]
#
# Prints a table, and the median and the worst time. Exit status 1: one is
# longer than its minimum, or says something else; 4: no KVM here.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/tests/planted/find.sh"
. "$root/tests/planted/shrink.sh"

seed=1
work=
while [ $# -gt 0 ]; do
	case "$1" in
	--seed=*) seed=${1#*=} ;;
	--keep=*) work=${1#*=} ;;
	-*)
		sed -n '2,8s/^# \{0,1\}//p' "$0" >&2
		exit 2 ;;
	*) break ;;
	esac
	shift
done
. "$root/tests/planted/build.sh"
witnesses=$root/tests/planted/witness

printf '%-24s %4s %4s %6s %8s\n' fault ops left known seconds
: >"$work/times"
longer=0
while IFS='	' read -r name subject text; do
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	verdict=
	shrink_fault "$name" "$seed" || {
		verdict=NO
		longer=$((longer + 1))
	}
	echo "$seconds" >>"$work/times"
	printf '%-24s %4s %4s %6s %8s  %s\n' "$name" "$from" "$to" "$known" \
		"$seconds" $verdict
done <<EOT
$(list_faults)
EOT
sort -n "$work/times" | awk -v longer=$longer '
	{ at[NR] = $1 }
	END {
		if (NR)
			printf "%d, median %.1f s, worst %.1f s; ", NR,
				at[int((NR + 1) / 2)], at[NR]
		printf "not minimal %d\n", longer
	}'
[ $longer = 0 ]
