#!/bin/bash
# Does fuzzing find the planted faults? Every one for itself, from the ordinary
# seeds, until there is a finding with the right subject.
#
#   tests/planted/run.sh [--time=60] [--seed=1] [--keep=DIR] [FAULT...]
#
# Prints a table, and the median and the worst time; "seed" in it says that an
# ordinary seed shows the fault as it is. Exit status 1: one was not found; 4:
# no KVM here.
set -u

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
. "$root/tests/planted/find.sh"

time=60
seed=1
work=
while [ $# -gt 0 ]; do
	case "$1" in
	--time=*) time=${1#*=} ;;
	--seed=*) seed=${1#*=} ;;
	--keep=*) work=${1#*=} ;;
	-*)
		sed -n '2,9s/^# \{0,1\}//p' "$0" >&2
		exit 2 ;;
	*) break ;;
	esac
	shift
done

. "$root/tests/planted/build.sh"

# Does one of the ordinary seeds show fault $1, with subject $2, as it is?
seeds_show() {
	LD_PRELOAD=$planted KVMERRATA_FAULT=$1 "$kvmerrata" run \
		--against="$host" "$root"/corpora/seeds/*.scn 2>/dev/null |
		sed -n 's/^# signature: //p' | grep -qE -e "$2"
}

printf '%-24s %-6s %7s %9s  %s\n' fault found seconds scenarios signature
: >"$work/times"
missed=0
while IFS='	' read -r name subject text; do
	[ $# = 0 ] || [[ " $* " = *" $name "* ]] || continue
	find_fault "$name" "$subject" "$time" "$seed"
	found=yes
	seeds_show "$name" "$subject" && found=seed
	if [ -z "$signature" ]; then
		found=NO
		missed=$((missed + 1))
		signature="($text)"
	else
		echo "$seconds" >>"$work/times"
	fi
	printf '%-24s %-6s %7s %9s  %s\n' "$name" $found "$seconds" \
		"$scenarios" "$signature"
done <<EOT
$(list_faults)
EOT
sort -n "$work/times" | awk -v missed=$missed '
	{ at[NR] = $1 }
	END {
		if (NR)
			printf "found %d, median %.1f s, worst %.1f s; ", NR,
				at[int((NR + 1) / 2)], at[NR]
		printf "not found %d\n", missed
	}'
[ $missed = 0 ]
