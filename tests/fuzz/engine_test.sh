#!/bin/bash
# The whole path: the command, the engine, the driver on the real /dev/kvm, the
# model, the oracle and the findings. Speaks TAP. Arguments: the kvmerrata
# binary and one of the fuzz targets beside which the others are.
set -u

kvmerrata=$PWD/$1
export KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
. tests/tap.sh

k() {
	"$kvmerrata" "$@"
}

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

expect "the codec target runs clean" 0 "" \
	k fuzz --target=codec --runs=20000 --seed=1 --out="$tmp/codec"
expect "the model target runs clean" 0 "" \
	k fuzz --target=ref --runs=20000 --seed=1 --out="$tmp/ref"
expect "comparing twins without KVM is a skip" 4 "" \
	k fuzz --target=twin --kvm=/nonexistent --runs=1 --out="$tmp/none"
expect "fuzzing without KVM is a skip" 4 "" \
	k fuzz --kvm=/nonexistent --runs=1 --out="$tmp/none"
grep -q '^SKIP: /nonexistent does not exist: load the module' "$tmp/err"
result "with the reason" $?

if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "the whole path on real VMs" "$reason"
	fi
	plan
fi

# Where the model once was wrong about this kind of host, it no longer is.
expect "earlier mistakes of the model stay mended" 0 "" \
	k run --against=host corpora/regressions/*.scn

# A model that is broken on purpose.
expect "the canary is found" 1 "" k fuzz --against=documented,+canary \
	--runs=2000 --seed=1 --out="$tmp/canary"
report=$(grep -l '^# signature: [a-z_0-9]*\.logical\..* extra ' \
	"$tmp"/canary/findings/*/report.scn | head -n 1)
[ -n "$report" ]
result "as a logical message that should have been lost" $?
expect "its report runs again and differs" 1 "" \
	k run --against=documented,+canary "$report"
expect "and agrees where the model is whole" 0 "" \
	k run --against=host "$report"
findings_are_whole "$tmp/canary"
result "its findings are whole" $?
hits=$(cat "$tmp"/canary/findings/*/hits | sort -n | tail -n 1)
expect "a second run goes on with them" 1 "" k fuzz \
	--against=documented,+canary --runs=500 --seed=1 \
	--out="$tmp/canary"
[ "$(cat "$tmp"/canary/findings/*/hits | sort -n | tail -n 1)" -gt "$hits" ]
result "and counts them up" $?

# Bystanders matter to every KVM that looks receivers up in a table.
expect "the twin target finds where bystanders matter" 1 "" \
	k fuzz --target=twin --runs=2000 --seed=1 --out="$tmp/twin"
report=$(ls "$tmp"/twin/explained/*/report.scn | head -n 1)
grep -q '^# signature: twin [a-z0-9]*: .* +routing_snapshot' "$report"
result "and what explains it" $?
again=$(sed -n 's|^# again: ./kvmerrata run \(.*\) FILE$|\1|p' "$report")
# shellcheck disable=SC2086 # options
expect "the report's last line shows it again" 1 "" k run $again "$report"
# shellcheck disable=SC2086
expect "and it is what is expected of this host" 0 "" \
	k run ${again% *} --against=host "$report"

# Killed without warning.
"$kvmerrata" fuzz --against=documented,+canary --seed=1 --time=60 \
	--out="$tmp/killed" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/killed"
result "a finding is there while it runs" $?
kill -KILL $(cat /proc/$pid/task/$pid/children) $pid 2>/dev/null
wait $pid 2>/dev/null
findings_are_whole "$tmp/killed"
result "SIGKILL leaves findings that are whole" $?
expect "and the input that was about to run" 0 "" \
	k convert --bytes "$tmp/killed/running.bin"

# Interrupted.
"$kvmerrata" fuzz --against=documented,+canary --seed=1 --time=60 \
	--out="$tmp/interrupted" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/interrupted"
kill -INT $pid
wait $pid
[ $? = 1 ]
result "an interrupt ends with the status of what was found" $?
grep -q '^findings in ' "$tmp/out"
result "and with the summary" $?
findings_are_whole "$tmp/interrupted"
result "and with findings that are whole" $?

# A disk that is full: 160 KiB, in a mount namespace of its own.
full_disk() {
	unshare -rm bash -c '
		mkdir -p "$2" && mount -t tmpfs -o size=160k none "$2" &&
		mkdir "$2/o" &&
		"$1" fuzz --against=documented,+canary --seed=1 --time=60 \
			--out="$2/o"
		status=$?
		shopt -s nullglob
		for report in "$2"/o/{findings,explained}/[0-9a-f]*/report.scn; do
			"$1" convert "$report" -o /dev/stdout >/dev/null ||
				status=99
		done
		exit $status' - "$kvmerrata" "$tmp/full"
}
if unshare -rm true 2>/dev/null; then
	expect "a full disk ends the run with 3" 3 "" full_disk
	grep -q 'No space left on device' "$tmp/err"
	result "and is said" $?
else
	skip_one "a full disk" "no user namespaces here"
fi

plan
