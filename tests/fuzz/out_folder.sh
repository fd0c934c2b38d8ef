# What the tests of the whole path ask of an output folder of `fuzz`. Source it
# after tap.sh; it wants a function k that is the kvmerrata command.

# Waits up to 60 s for a finding in $1.
wait_for_finding() {
	local i
	for i in $(seq 600); do
		ls "$1"/findings/*/report.scn >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	return 1
}

# Are all findings in $1 whole, and does each report run?
findings_are_whole() {
	local folder nr=0
	for folder in "$1"/findings/*/; do
		[ -s "$folder/meta.json" ] && [ -s "$folder/input.bin" ] &&
			[ "$(cat "$folder/hits")" -ge 1 ] &&
			k convert "$folder/report.scn" -o "$tmp/bytes" ||
			return 1
		nr=$((nr + 1))
	done
	[ $nr -gt 0 ]
}

# Does every scenario that differed, by the table in $tmp/out, stand in the
# hits of the folders in $1? Only of a run that went to its end.
nothing_is_lost() {
	local seen kept
	seen=$(awk '/^verdict / { on = 1 }
		on && /^(found|explained|flaky) / { n += $2 }
		END { print n + 0 }' "$tmp/out")
	kept=$(cat "$1"/*/*/hits 2>/dev/null | awk '{ n += $1 } END { print n + 0 }')
	[ "$seen" -gt 0 ] && [ "$seen" = "$kept" ] && return 0
	echo "# $seen scenarios differed, $kept are kept"
	return 1
}

# The processes that have the output folder $1. The brackets keep the command
# from finding itself.
processes_on() {
	grep -lse "[-]-out=$1" -e "[-]o$1" /proc/[0-9]*/cmdline
}

# Have they all ended, within 20 s?
all_have_ended() {
	local i
	for i in $(seq 200); do
		processes_on "$1" >/dev/null || return 0
		sleep 0.1
	done
	processes_on "$1" | sed 's/^/# left: /'
	return 1
}

# The file systems and namespaces of a disk that is full: 160 KiB. Runs `fuzz`
# with more options on it; 99 if what it left is not whole.
full_disk() {
	unshare -rm bash -c '
		kvmerrata=$1 folder=$2
		shift 2
		mkdir -p "$folder" && mount -t tmpfs -o size=160k none "$folder" &&
		mkdir "$folder/o" &&
		"$kvmerrata" fuzz --against=documented,+canary --seed=1 \
			--time=60 --out="$folder/o" "$@"
		status=$?
		shopt -s nullglob
		for report in "$folder"/o/{findings,explained}/[0-9a-f]*/report.scn
		do
			"$kvmerrata" convert "$report" -o /dev/stdout \
				>/dev/null || status=99
		done
		exit $status' - "$kvmerrata" "$tmp/full" "$@"
}
