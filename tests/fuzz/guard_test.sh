#!/bin/bash
# The host guard in the whole path: what was running when a process died is
# kept, a call that hangs is ended and its input kept, what must not run is not
# run, and what the kernel complains of is a finding. Speaks TAP. Arguments: the
# kvmerrata binary, one of the fuzz targets beside which the others are, and the
# library that makes the host look like another one.
set -u

kvmerrata=$PWD/$1
export KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
planted=$PWD/$3
. tests/tap.sh

k() {
	"$kvmerrata" "$@"
}

if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "the host guard on real VMs" "$reason"
	fi
	plan
fi
k fingerprint -o "$tmp/host.json" >/dev/null
result "the host has a fingerprint" $?

# fuzz OUT OPTION...: nothing is found, so that only the guard is seen.
fuzz() {
	local out=$1
	shift
	k fuzz --against="$tmp/host.json" --seed=1 --out="$out" "$@"
}

# The same in the background; sets $pid. (A function there would not get SIGINT.)
start_fuzz() {
	"$kvmerrata" fuzz --against="$tmp/host.json" --seed=1 --time=60 \
		--out="$1" >"$tmp/out" 2>"$tmp/err" &
	pid=$!
}

# Waits up to 30 s until there are $2 scenarios in $1.
wait_for_scenarios() {
	local i
	for i in $(seq 300); do
		[ "$(od -An -tu8 -N8 "$1/stats.0.bin" 2>/dev/null || echo 0)" \
			-ge "$2" ] 2>/dev/null && return 0
		sleep 0.1
	done
	return 1
}

expect "a run that ends by itself" 0 "" fuzz "$tmp/clean" --runs=200
[ ! -e "$tmp/clean/running.0.bin" ]
result "leaves no input behind" $?
expect "nor does one whose inputs are synced" 0 "" \
	fuzz "$tmp/clean" --runs=50 --sync-input
[ ! -e "$tmp/clean/running.0.bin" ] && ! ls "$tmp"/clean/crashed-* 2>/dev/null
result "and neither is taken for a crash" $?

start_fuzz "$tmp/killed"
wait_for_scenarios "$tmp/killed" 50
expect "a second run in the same folder is refused" 3 "" \
	fuzz "$tmp/killed" --runs=1
grep -q 'running.0.bin: Device or resource busy' "$tmp/err"
result "with the reason" $?
pids="$(cat /proc/$pid/task/$pid/children) $pid"
kill -KILL $pids 2>/dev/null
wait $pid 2>/dev/null
left=$(sha1sum <"$tmp/killed/running.0.bin")
expect "a run after one that was killed" 0 "" fuzz "$tmp/killed" --runs=50
grep -q '^KEPT: .*/killed/crashed-[0-9a-f]*\.bin: what ran when a process died$' "$tmp/err"
result "says where that one's input is" $?
[ "$(cat "$tmp"/killed/crashed-*.bin | sha1sum)" = "$left" ]
result "which is what was running" $?

start_fuzz "$tmp/interrupted"
wait_for_scenarios "$tmp/interrupted" 50
kill -INT $pid
wait $pid
[ $? = 0 ] && [ ! -e "$tmp/interrupted/running.0.bin" ]
result "an interrupted run leaves no input behind" $?

# A call of the kernel's that does not return. The corpus has the MSI that it
# takes, the output folder its input.
hang() {
	mkdir -p "$tmp/hang$1/corpus"
	printf 'vcpu_create vcpu_id=1\nmsi address=0xfee01000 data=0x99\n' \
		>"$tmp/hang.scn"
	k convert "$tmp/hang.scn" -o "$tmp/hang$1/corpus/hang"
	LD_PRELOAD=$planted KVMERRATA_HANG=$1 fuzz "$tmp/hang$1" --timeout=1 \
		--time=60
}
expect "a call that hangs ends the run with 3" 3 "" hang 1
ls "$tmp"/hang1/timeout-* >/dev/null 2>&1
result "and leaves a timeout's artifact" $?
grep -q 'Test unit written to .*timeout-' "$tmp/err"
result "which is said" $?
expect "one that no signal ends is killed" 3 "" hang deaf
grep -q '^HARNESS: nothing has run for .* s: the target hangs' "$tmp/err"
result "and that is said" $?
k convert --bytes "$tmp/hangdeaf/running.0.bin" | grep -q 'data=0x99'
result "its input is there" $?

# A host with few descriptors.
small() {
	(ulimit -n 142 && "$@")
}
expect "a scenario that this host has no room for is a skip" 4 \
	"SKIP: corpora/seeds/msi-logical-flat.scn: it has 3 vCPUs, and this host has room for 2 in one VM" \
	small k run corpora/seeds/msi-logical-flat.scn
expect "one that it has room for is not" 0 "" \
	small k run --against="$tmp/host.json" corpora/seeds/msi-lowest.scn
expect "a skip beside an agreement is still told" 4 "" \
	small k run --against="$tmp/host.json" corpora/seeds/msi-lowest.scn \
	corpora/seeds/msi-logical-flat.scn
expect "fuzzing there is possible" 0 "" small fuzz "$tmp/small" --runs=300
grep -q '^not run: [0-9]* scenarios: more than this host has room for$' \
	"$tmp/out"
result "and tells what it did not run" $?

# A kernel with a bug that may damage the host.
printf 'vcpu_create vcpu_id=1\nvcpu_create vcpu_id=0x100\n' >"$tmp/wide.scn"
on_6_3() {
	LD_PRELOAD=$planted KVMERRATA_RELEASE=6.3.4 "$@"
}
expect "what may damage this kernel is a skip" 4 "" \
	on_6_3 k run --against="$tmp/host.json" "$tmp/wide.scn"
grep -q '^SKIP: .*wide.scn: Linux 6.3 to 6.3.6 may .*; --dangerous runs it$' \
	"$tmp/err"
result "with the reason" $?
expect "--dangerous runs it" 0 "" \
	on_6_3 k run --dangerous --against="$tmp/host.json" "$tmp/wide.scn"
mkdir -p "$tmp/danger/corpus"
k convert -o "$tmp/danger/corpus/wide" "$tmp/wide.scn"
expect "fuzzing does not run it either" 0 "" \
	on_6_3 fuzz "$tmp/danger" --runs=500
grep -q '^not run: [0-9]* scenarios: may damage this kernel' "$tmp/out"
result "and tells that" $?
on_6_3 k doctor 2>&1 | grep -q '^dangers  *Linux 6.3 to 6.3.6 may '
result "doctor knows" $?

# A kernel that complains: a file in the place of its log.
complaining() {
	unshare -rm bash -c '
		: >"$2/kmsg" && mount --bind "$2/kmsg" /dev/kmsg || exit 99
		"$1" fuzz --against="$2/host.json" --seed=1 --time=20 \
			--out="$2/log" >"$2/out" 2>"$2/err" &
		pid=$!
		for i in $(seq 300); do
			[ -s "$2/log/stats.0.bin" ] && break
			sleep 0.1
		done
		sleep 1
		printf "%s\n" "6,1,1,-;kvm: nothing" \
			"4,2,2,-;WARNING: CPU: 1 PID: 77 at kvm_foo+0x1f/0x20" \
			"4,3,3,-;RIP: 0010:kvm_foo+0x1f/0x20" >>"$2/kmsg"
		for i in $(seq 100); do
			ls "$2"/log/findings/*/meta.json >/dev/null 2>&1 && break
			sleep 0.1
		done
		kill -INT $pid
		wait $pid' - "$kvmerrata" "$tmp"
}
if unshare -rm true 2>/dev/null; then
	complaining
	result "what the kernel complains of is a finding" $(($? != 1))
	report=$(ls "$tmp"/log/findings/*/report.scn)
	grep -q '^# signature: kernel: WARNING: CPU: # PID: # at kvm_foo' \
		"$report"
	result "named by its first line" $?
	grep -q '^#   RIP: 0010:kvm_foo+0x1f/0x20$' "$report" &&
		grep -q '"kernel_log":.*RIP: 0010:kvm_foo' \
			"$(dirname "$report")/meta.json"
	result "with the rest of it" $?
	k convert "$report" >/dev/null
	result "and the scenario that ran" $?
else
	skip_one "what the kernel complains of" "no user namespaces here"
fi

plan
