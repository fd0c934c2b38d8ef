# Sourced: a scenario of 64 ops with a planted fault, and its minimum. The
# caller sets what find.sh wants, and
#   pad        the program that makes scenarios long
#   witnesses  the folder of the known minima

# The set of $host by its rows.
host_set() {
	"$kvmerrata" regress --host="$host" --format=json \
		"$witnesses/bsp_lost.scn" |
		sed -n 's/.*"known":[^"]*"\(.*\)",$/\1/p'
}

# ops_of FILE, signature_of FILE: how many ops, and the signature in a report.
ops_of() {
	grep -cvE '^ *(#|config|$)' "$1"
}

signature_of() {
	sed -n 's/^# signature: //p' "$1"
}

# with_fault NAME COMMAND...
with_fault() {
	local name=$1
	shift
	LD_PRELOAD=$planted KVMERRATA_FAULT=$name "$@"
}

# shrink_fault NAME SEED: random ops make the witness 64 ops long, and minimize
# takes it from there. Sets $from, $to and $known, in ops, and $seconds; true
# if it is no longer than the known minimum, and says the same.
shrink_fault() {
	local long=$work/$1.64.scn short=$work/$1.min.scn start

	# A fault may break a call that must succeed, which ends the program.
	for seed_of_try in "$2" "$2"001 "$2"002; do
		with_fault "$1" "$pad" "$(host_set)" "$witnesses/$1.scn" 64 \
			"$seed_of_try" >"$long" && break
	done
	with_fault "$1" "$kvmerrata" run --against="$host" "$long" \
		>"$work/$1.report"
	start=$(date +%s.%N)
	with_fault "$1" "$kvmerrata" minimize --against="$host" "$long" \
		-o "$short" 2>"$work/$1.err"
	seconds=$(seconds_since "$start")
	from=$(ops_of "$long")
	to=$(ops_of "$short")
	known=$(ops_of "$witnesses/$1.scn")
	[ "$from" = 64 ] && [ "$to" -le "$known" ] &&
		[ "$(signature_of "$short")" = \
			"$(signature_of "$work/$1.report")" ]
}
