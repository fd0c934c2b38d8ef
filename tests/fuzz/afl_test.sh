#!/bin/bash
# The whole path under AFL++, as engine_test.sh has it under libFuzzer. Speaks
# TAP. Arguments: the kvmerrata binary and one of the fuzz targets, beside which
# the others and the mutator are.
set -u

kvmerrata=$PWD/$1
export KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/fuzz/out_folder.sh

k() {
	"$kvmerrata" "$@"
}

afl() {
	k fuzz --engine=afl "$@"
}

# Has every job in $1 seen the same input always do the same, and end?
is_stable() {
	local stats
	for stats in "$1"/afl/job*/fuzzer_stats; do
		grep -q '^stability *: 100.00%' "$stats" &&
			grep -q '^saved_hangs *: 0$' "$stats" || return 1
	done
	grep -q ', stability 100.00 %$' "$tmp/out"
}

# The process that runs the inputs in $1: the one that has no children.
worker_on() {
	local file dir
	for file in $(processes_on "$1"); do
		dir=${file%/cmdline}
		[ -z "$(cat "$dir"/task/*/children 2>/dev/null)" ] &&
			readlink "$dir/exe" | grep -q '/fuzz_diff_bin$' &&
			echo "${dir#/proc/}"
	done
}

expect "without afl-fuzz it says what to do" 3 \
	"fuzzing ref against documented, seed 1, 1 job under AFL++; output in $tmp/none" \
	env PATH=/nonexistent "$kvmerrata" fuzz --engine=afl --target=ref \
	--seed=1 --runs=1 --out="$tmp/none"
grep -qx 'afl-fuzz: not found; start with ./kvmerrata, or: apt-get install afl++' \
	"$tmp/err"
result "namely this" $?
if ! command -v afl-fuzz >/dev/null; then
	skip_one "the whole path under AFL++" "AFL++ is not installed"
	plan
fi

for target in codec witness; do
	expect "the $target target runs clean" 0 "" \
		afl --target=$target --runs=5000 --seed=1 --out="$tmp/$target"
	is_stable "$tmp/$target"
	result "and is stable" $?
done
expect "the model target runs clean, in two jobs" 0 "" \
	afl --target=ref --runs=20000 --seed=1 --jobs=2 --out="$tmp/ref"
is_stable "$tmp/ref"
result "and is stable" $?
grep -q ' -Mjob0 ' "$tmp/ref/afl/job0/fuzzer_stats" &&
	grep -q ' -Sjob1 ' "$tmp/ref/afl/job1/fuzzer_stats"
result "one job is the main one" $?
grep -q 'target_mode *: persistent shmem_testcase deferred' \
	"$tmp/ref/afl/job0/fuzzer_stats"
result "the target is persistent, reads from memory, and forks late" $?
k convert --bytes "$(ls "$tmp"/ref/afl/job0/queue/id:* | tail -n 1)" \
	-o "$tmp/found.scn"
k convert "$tmp/found.scn" -o "$tmp/found.bytes"
k convert --bytes "$tmp/found.bytes" -o "$tmp/again.scn"
cmp -s "$tmp/found.scn" "$tmp/again.scn"
result "its queue holds scenarios" $?

# What libFuzzer left in the folder is read, and the other way round.
mkdir -p "$tmp/shared/corpus"
k convert "$tmp/found.scn" -o "$tmp/shared/corpus/from-libfuzzer"
expect "AFL++ starts on libFuzzer's corpus" 0 "" \
	afl --target=ref --runs=2000 --seed=1 --out="$tmp/shared"
ls "$tmp/shared/afl/job0/queue" | grep -q ',sync:corpus_0,'
result "and takes from it" $?
expect "a second run goes on with the first" 0 "" \
	afl --target=ref --runs=2000 --seed=2 --out="$tmp/shared"
ls "$tmp/shared/afl/job0/queue" | grep -q 'orig:id:.*,sync:corpus_0,'
result "whose queue it has" $?

if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "AFL++ on real VMs" "$reason"
	fi
	plan
fi

expect "two jobs find the canary on real VMs" 1 "" afl --jobs=2 --runs=3000 \
	--seed=1 --against=documented,+canary --out="$tmp/canary"
grep -q '^# signature: [a-z_0-9]*\.logical\..* extra ' \
	"$tmp"/canary/findings/*/report.scn
result "as a logical message that should have been lost" $?
findings_are_whole "$tmp/canary"
result "their findings are whole" $?
nothing_is_lost "$tmp/canary"
result "none is lost between them" $?
is_stable "$tmp/canary"
result "both are stable, whatever was found and made short" $?
! ls "$tmp"/canary/crashed-* "$tmp"/canary/running.* 2>/dev/null
result "and no process that AFL++ ended is taken for a crash" $?

# Longer than AFL++ has a process live.
expect "a long run agrees with this host" 0 "" \
	afl --runs=11000 --seed=1 --against=host --out="$tmp/long"
is_stable "$tmp/long"
result "and is stable" $?
[ -z "$(ls "$tmp"/long/*.bin | grep -v '/stats')" ] &&
	! grep -q KEPT "$tmp/err"
result "and no process of it died" $?

"$kvmerrata" fuzz --engine=afl --against=documented,+canary --seed=1 \
	--time=60 --jobs=2 --out="$tmp/interrupted" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/interrupted"
kill -INT $pid
wait $pid
[ $? = 1 ]
result "an interrupt ends with the status of what was found" $?
grep -q '^findings in ' "$tmp/out" && findings_are_whole "$tmp/interrupted"
result "and with findings that are whole" $?
all_have_ended "$tmp/interrupted"
result "and no process is left" $?

# One of two is killed; the other goes on to the end.
"$kvmerrata" fuzz --engine=afl --against=documented,+canary --seed=1 \
	--time=20 --jobs=2 --out="$tmp/one" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/one"
killed=$(awk '{ print $1 }' /proc/$pid/task/$pid/children)
kill -KILL $killed
wait $pid
[ $? = 3 ]
result "a job that dies ends the run with 3" $?
grep -qx "job 0: afl-fuzz ended with status 137; see $tmp/one/fuzz.0.log" \
	"$tmp/err"
result "which is said" $?
findings_are_whole "$tmp/one"
result "with findings that are whole" $?
all_have_ended "$tmp/one"
result "and no process is left" $?
[ -z "$(awk -v pid="$killed" '$5 == pid' /proc/sysvipc/shm)" ]
result "nor shared memory" $?

# The target crashes; again where AFL++ was just measuring, and took no notice.
"$kvmerrata" fuzz --engine=afl --against=documented,+canary --seed=1 \
	--time=60 --out="$tmp/crash" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/crash"
for i in $(seq 50); do
	kill -SEGV $(worker_on "$tmp/crash") 2>/dev/null
	sleep 0.3
	kill -0 $pid 2>/dev/null || break
done
wait $pid
[ $? = 3 ]
result "a target that crashes ends the run with 3" $?
grep -qx "job 0 ended; its input is in $tmp/crash/afl/job0/crashes" "$tmp/err"
result "and its input is kept" $?
ls "$tmp"/crash/afl/job0/crashes/id:*,sig:11,* >"$tmp/out"
result "with the signal" $?

# A harness that fails on the way: something is where findings go.
mkdir "$tmp/way"
touch "$tmp/way/findings" "$tmp/way/explained"
expect "a harness that fails ends the run with 3" 3 "" afl \
	--against=documented,+canary --jobs=2 --time=60 --out="$tmp/way"
grep -q "^HARNESS: cannot keep a finding in $tmp/way/" "$tmp/err" &&
	grep -qx "job 1 ended; its input is in $tmp/way/afl/job1/crashes" "$tmp/err"
result "and says why, of each job" $?

if unshare -rm true 2>/dev/null; then
	expect "a full disk ends the run with 3" 3 "" full_disk --engine=afl
	grep -q 'No space left on device' "$tmp/err"
	result "and is said" $?
else
	skip_one "a full disk" "no user namespaces here"
fi

plan
