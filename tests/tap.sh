# TAP for shell tests: source it, call `result`, `expect`, `skip_one`, and
# `plan` at the end. Uses and removes $tmp.
number=0
failed=0
tmp=$(mktemp -d "${TEST_TMPDIR:-/tmp}/test.XXXXXX")

# result NAME STATUS: one line of TAP.
result() {
	number=$((number + 1))
	if [ "$2" = 0 ]; then
		echo "ok $number - $1"
	else
		echo "not ok $number - $1"
		failed=1
	fi
}

# in_order NAME FILE PATTERN...: FILE has a line for each, one after the other.
in_order() {
	local name=$1 file=$2 line=0 found pattern
	shift 2
	for pattern; do
		found=$(tail -n +$((line + 1)) "$file" |
			grep -nE -m 1 -e "$pattern" | cut -d: -f1)
		if [ -z "$found" ]; then
			echo "# not there: $pattern"
			result "$name" 1
			return
		fi
		line=$((line + found))
	done
	result "$name" 0
}

# skip_one NAME REASON
skip_one() {
	number=$((number + 1))
	echo "ok $number - $1 # SKIP $2"
}

# expect NAME STATUS STDERR COMMAND...: exact status, and exact first line of
# stderr where that is not empty. What it printed stays in $tmp/out and err.
expect() {
	local name=$1 status=$2 message=$3 got first
	shift 3
	"$@" >"$tmp/out" 2>"$tmp/err"
	got=$?
	first=$(head -n 1 "$tmp/err")
	if [ "$got" = "$status" ] &&
		{ [ -z "$message" ] || [ "$first" = "$message" ]; }; then
		result "$name" 0
		return
	fi
	echo "# want $status '$message'"
	echo "# got  $got '$first'"
	head -n 20 "$tmp/out" | sed 's/^/# /'
	result "$name" 1
}

plan() {
	echo "1..$number"
	rm -rf "$tmp"
	exit $failed
}
