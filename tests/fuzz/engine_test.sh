#!/bin/bash
# The whole path: the command, the engine, the driver on the real /dev/kvm, the
# model, the oracle and the findings. Speaks TAP. Arguments: the kvmerrata
# binary and one of the fuzz targets beside which the others are.
set -u

kvmerrata=$PWD/$1
export KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/fuzz/out_folder.sh

k() {
	"$kvmerrata" "$@"
}

expect "the codec target runs clean" 0 "" \
	k fuzz --target=codec --runs=20000 --seed=1 --out="$tmp/codec"
expect "the model target runs clean" 0 "" \
	k fuzz --target=ref --runs=20000 --seed=1 --out="$tmp/ref"
expect "the search for what tells runs clean" 0 "" \
	k fuzz --target=tell --against=arch --runs=20000 --seed=1 \
	--out="$tmp/tell"
[ "$(ls "$tmp/tell/corpus" | wc -l)" -gt \
	$((2 * $(ls "$tmp/ref/corpus" | wc -l))) ]
result "and keeps more than coverage of the model" $?
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
	--runs=3000 --seed=1 --out="$tmp/canary"
awk '$3 == "canary" { n = $1 + $2 } END { exit !(n >= 1 && n <= 3000) }' \
	"$tmp/out"
result "its row, the last, is counted" $?
# It shows as an interrupt too many, or first in the answer of who sent it.
report=$(grep -lE '^# signature: [a-z_0-9]*\.logical\..* (extra|wrongly-accepted) ' \
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

# Without --out a target aborts, as engines expect, and libFuzzer shortens bytes.
mkdir "$tmp/crash"
diff_bytes() {
	(cd "$tmp/crash" && "$KVMERRATA_FUZZ_DIR/fuzz_diff_bin" \
		--against=documented,+canary -seed=1 "$@")
}
expect "the target itself crashes on a difference" 77 "" \
	diff_bytes -runs=50000 "$tmp/canary/seeds"
crash=$(ls "$tmp"/crash/crash-*)
expect "-minimize_crash shortens its bytes" 0 "" diff_bytes \
	-minimize_crash=1 -runs=500 -exact_artifact_path="$tmp/crash/shorter" \
	"$crash"
[ "$(stat -c %s "$tmp/crash/shorter")" -lt "$(stat -c %s "$crash")" ]
result "and they are fewer" $?
expect "the bytes still differ" 1 "" \
	k run --against=documented,+canary "$tmp/crash/shorter"
expect "and minimize takes either" 0 "" \
	k minimize --against=documented,+canary "$crash" -o "$tmp/crash/min.scn"
grep -q '^# kvmerrata: DIVERGE$' "$tmp/crash/min.scn"
result "to a scenario" $?

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
	k convert --bytes "$tmp/killed/running.0.bin"

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

# Two jobs on one folder.
expect "two jobs run clean" 0 "" \
	k fuzz --target=ref --jobs=2 --runs=20001 --seed=1 --out="$tmp/ref2"
grep -q '^#10001.*DONE' "$tmp/ref2/fuzz.0.log" &&
	grep -q '^#10000.*DONE' "$tmp/ref2/fuzz.1.log"
result "and have the runs between them" $?
expect "two jobs find the canary" 1 "" k fuzz --jobs=2 --runs=4000 --seed=7 \
	--against=documented,+canary --out="$tmp/two"
findings_are_whole "$tmp/two"
result "their findings are whole" $?
nothing_is_lost "$tmp/two"
result "none is lost between them" $?
grep -q 'INFO: Seed: 7$' "$tmp/two/fuzz.0.log" &&
	grep -q 'INFO: Seed: 8$' "$tmp/two/fuzz.1.log"
result "each has a seed of its own" $?
grep -q 'RELOAD' "$tmp"/two/fuzz.?.log
result "each reads what the other adds to the corpus" $?

# What AFL++ found in the same folder is read.
mkdir -p "$tmp/shared/afl/job0/queue"
k convert corpora/seeds/msi-logical-flat.scn \
	-o "$tmp/shared/afl/job0/queue/id:000000,orig:seed"
expect "a run where AFL++ has been" 0 "" \
	k fuzz --target=ref --runs=100 --seed=1 --out="$tmp/shared"
grep -q "1 files found in $tmp/shared/afl/job0/queue" "$tmp/shared/fuzz.0.log"
result "reads its queue" $?

# What a run shows: lines that stay, or on a terminal one that is redrawn.
expect "a run of some seconds" 0 "" \
	k fuzz --target=ref --time=12 --seed=1 --out="$tmp/shown"
grep -Eqx ' +1[0-9] s  [0-9]+ scenarios \([0-9]+/s\)  coverage [0-9]+  corpus [0-9]+' \
	"$tmp/err" && ! grep -q "$(printf '\r')" "$tmp/err"
result "shows a line, and no more than that" $?
grep -Eqx 'all +[0-9]+ in 1[0-9] s, [0-9]+/s; coverage [0-9]+, corpus [0-9]+' \
	"$tmp/out"
result "and the sums at its end" $?
script -qec "'$kvmerrata' fuzz --target=ref --time=3 --seed=1 --out='$tmp/shown'" \
	/dev/null >"$tmp/out" </dev/null
clear=$(printf '\r\033')'\[K'
grep -q "$clear  *[0-9] s .*$clear  *[0-9] s " "$tmp/out"
result "on a terminal the line is redrawn" $?

# How that went stays in the output folder: two samples and one, of two runs.
history=$tmp/shown/history.tsv
awk -F '\t' 'NR == 1 { good = $1 == "kvmerrata-history-1" && NF == 11 }
	NR > 1 { starts[$2]; good = good && $1 == "sample" && NF == 11 &&
		$4 > 0 && $5 > 0 && $6 > 0 && $10 == "ref" }
	END { exit !(good && NR == 4 && length(starts) == 2) }' "$history"
result "the history has both runs" $?
printf 'sample\t17' >>"$history"
expect "a run after one that was cut off" 0 "" \
	k fuzz --target=ref --runs=100 --seed=1 --out="$tmp/shown"
tail -n 2 "$history" | head -n 1 | grep -qx "$(printf 'sample\t17?')" &&
	[ "$(tail -n 1 "$history" | awk -F '\t' '{ print NF }')" = 11 ]
result "leaves a line that is none, and adds its own" $?
rm "$history"
mkdir "$history"
expect "a history that cannot be written" 0 "" \
	k fuzz --target=ref --time=12 --seed=1 --out="$tmp/shown"
[ "$(grep -cx "$history: cannot write: Is a directory" "$tmp/err")" = 1 ]
result "is said once" $?

# The page of what was found.
expect "a page of the output folder" 0 "" \
	k report --format=html "$tmp/canary" -o "$tmp/page.html"
python3 tests/cli/page_check.py "$tmp/page.html" | tee "$tmp/checked" |
	grep -qE '^good: [0-9]+ findings, [1-9]'
result "has what differs as pictures" $?
sed 's/^/# /' "$tmp/checked"
[ "$(grep -c '<svg class="chart"' "$tmp/page.html")" = 2 ] &&
	grep -q '<tr class="present"><td>present</td>' "$tmp/page.html" &&
	grep -q '>DIVERGE</span> <b>' "$tmp/page.html"
result "the errata of the host, and how it went" $?

# One of two is killed; the other goes on to the end.
"$kvmerrata" fuzz --against=documented,+canary --seed=1 --time=15 --jobs=2 \
	--out="$tmp/one" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/one"
kill -KILL $(awk '{ print $1 }' /proc/$pid/task/$pid/children)
wait $pid
[ $? = 3 ]
result "a job that dies ends the run with 3" $?
grep -qx "job 0 ended with status 137; its last input is $tmp/one/running.0.bin" \
	"$tmp/err"
result "which is said" $?
grep -q '^#.*DONE' "$tmp/one/fuzz.0.log" "$tmp/one/fuzz.1.log" &&
	grep -q '^findings in ' "$tmp/out"
result "and the other one goes on" $?
findings_are_whole "$tmp/one"
result "with findings that are whole" $?

# Two are interrupted, this time as a service manager does.
"$kvmerrata" fuzz --against=documented,+canary --seed=1 --time=60 --jobs=2 \
	--out="$tmp/both" >"$tmp/out" 2>"$tmp/err" &
pid=$!
wait_for_finding "$tmp/both"
kill -TERM $pid
wait $pid
[ $? = 1 ]
result "an interrupt ends two jobs as it does one" $?
findings_are_whole "$tmp/both"
result "with findings that are whole" $?
all_have_ended "$tmp/both"
result "and no process is left" $?

# A harness that fails on the way: something is where findings go.
mkdir "$tmp/way"
touch "$tmp/way/findings" "$tmp/way/explained"
expect "a harness that fails ends the run with 3" 3 "" k fuzz \
	--against=documented,+canary --jobs=2 --time=60 --out="$tmp/way"
grep -q "^HARNESS: cannot keep a finding in $tmp/way/" "$tmp/err" &&
	grep -qx "job 1 ended with status 3" "$tmp/err"
result "and says why, of each job" $?

# A disk that is full, in a mount namespace of its own.
if unshare -rm true 2>/dev/null; then
	expect "a full disk ends the run with 3" 3 "" full_disk
	grep -q 'No space left on device' "$tmp/err"
	result "and is said" $?
else
	skip_one "a full disk" "no user namespaces here"
fi

plan
