# Sourced: fuzzing with a planted fault until it is found. The caller sets
#   kvmerrata  the command          planted  the library
#   host       a fingerprint, taken without any fault
#   work       a folder for what the runs leave

# The table of faults: name, subject, text, parted by tabs.
list_faults() {
	LD_PRELOAD=$planted KVMERRATA_FAULT=list "$kvmerrata" --help
}

# The first signature in the findings of $1 that is about subject $2.
signature_about() {
	sed -n 's/^# signature: //p' "$1"/findings/*/report.scn 2>/dev/null |
		grep -E -m 1 -e "$2"
}

seconds_since() {
	awk -v from="$1" -v to="$(date +%s.%N)" \
		'BEGIN { printf "%.1f", to - from }'
}

# find_fault NAME SUBJECT SECONDS SEED: fuzzes until there is a finding about
# the subject, or so long. Sets $signature (empty: not found), $seconds and
# $scenarios. What the run left is in $work/NAME.
find_fault() {
	local out=$work/$1 start pid

	rm -rf "$out"
	start=$(date +%s.%N)
	LD_PRELOAD=$planted KVMERRATA_FAULT=$1 "$kvmerrata" fuzz \
		--against="$host" --time="$3" --seed="$4" --out="$out" \
		>"$out.log" 2>&1 &
	pid=$!
	while :; do
		signature=$(signature_about "$out" "$2")
		seconds=$(seconds_since "$start")
		scenarios=$(od -An -tu8 -N8 "$out/stats.0.bin" 2>/dev/null |
			tr -d ' ')
		[ -z "$signature" ] && kill -0 $pid 2>/dev/null || break
		sleep 0.1
	done
	kill -INT $pid 2>/dev/null
	wait $pid
	# What it found while it ended counts too.
	[ -n "$signature" ] || signature=$(signature_about "$out" "$2")
	: "${scenarios:=0}"
}
