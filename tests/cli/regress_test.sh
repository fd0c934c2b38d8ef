#!/bin/bash
# The verb `regress`: what it says of hosts that are models, of this host, and
# of this host with a fault planted in it; each form read by a parser that is
# not ours. Speaks TAP. Arguments: the kvmerrata binary and the library of
# faults.
set -u

kvmerrata=$PWD/$1
planted=$PWD/$2
export KVMERRATA_ROOT=$PWD
. tests/tap.sh

k() {
	"$kvmerrata" "$@"
}

# has NAME PATTERN...: lines of the last command's output.
has() {
	local name=$1
	shift
	for pattern in "$@"; do
		grep -Eqx -e "$pattern" "$tmp/out" && continue
		echo "# not there: $pattern"
		result "$name" 1
		return
	done
	result "$name" 0
}

# Totals of the last command's output, by perl's TAP parser: the plan, passed,
# failed, skipped, and whether all is well-formed.
tap_totals() {
	perl -MTAP::Parser -e '
		local $/;
		open my $in, "<", $ARGV[0];
		my $p = TAP::Parser->new({ tap => <$in> });
		$p->run;
		printf "%d %d %d %d %s\n", $p->tests_planned // -1,
			scalar $p->passed, scalar $p->failed,
			scalar $p->skipped,
			$p->parse_errors ? "bad" : "good"' "$tmp/out"
}

# The same by junitparser: tests, failures, errors, skipped, and the sums of
# what the single tests say.
junit_totals() {
	/usr/bin/python3 -c '
import sys, junitparser
xml = junitparser.JUnitXml.fromfile(sys.argv[1])
got = {"Failure": 0, "Error": 0, "Skipped": 0}
cases = [case for suite in xml for case in suite]
for case in cases:
    for result in case.result:
        got[type(result).__name__] += 1
print(xml.tests, xml.failures, xml.errors, xml.skipped, len(cases),
      *got.values())' "$tmp/out"
}

# json EXPRESSION: of the last command's output, `all`.
json() {
	/usr/bin/python3 -c '
import json, sys
all = json.load(open(sys.argv[1]))
tests = all["tests"]
print(eval(sys.argv[2]))' "$tmp/out" "$1"
}

can_junit() {
	/usr/bin/python3 -c 'import junitparser' 2>/dev/null
}

if ! command -v prove >/dev/null; then
	skip_one "regress" "perl is missing"
	plan
fi

# Bad usage and bad input.
expect "a form that is none" 2 \
	"kvmerrata regress: --format is tap, junit or json" k regress -f x
expect "a row that is none" 2 \
	"kvmerrata regress: no erratum 'x'; \`kvmerrata explain\` lists them" \
	k regress --row=x
expect "no jobs" 2 "kvmerrata regress: --jobs is 1 to 64" k regress -j 0
expect "no time" 2 "kvmerrata regress: --timeout is 1 to 86400" \
	k regress --timeout=x
expect "a path that is not there" 2 "$tmp/no:1:1: No such file or directory" \
	k regress --host=arch "$tmp/no"
printf 'config\n\n  msi address=1\n' >"$tmp/bad.scn"
expect "bad input: where and what" 2 "$tmp/bad.scn:3:16: msi lacks 'data='" \
	k regress --host=arch corpora/seeds "$tmp/bad.scn"
[ ! -s "$tmp/out" ]
result "before anything is said" $?

# No KVM.
expect "no KVM is a skip" 4 "" k regress --kvm=/nonexistent corpora/seeds
nr=$(find corpora/seeds/ -name '*.scn' | wc -l)
[ "$(tap_totals)" = "$nr $nr 0 $nr good" ]
result "of each scenario" $?
has "with the reason" 'KTAP version 1' \
	'ok 1 corpora/seeds/.* # SKIP /nonexistent does not exist: .*' \
	"# Totals: pass:0 fail:0 xfail:0 xpass:0 skip:$nr error:0"
expect "nothing to do" 4 "SKIP: nothing was tested" \
	k regress --host=arch --row=alias_first_created \
	corpora/seeds/lapic_read-xapic.scn
[ "$(tap_totals)" = "0 0 0 0 good" ]
result "is a plan without tests" $?

# The model in the place of a host.
expect "a host that is as the documents say" 0 "" \
	k regress --host=documented --kvm=/nonexistent
all=$(find corpora/{findings,regressions,seeds,witness}/ -name '*.scn' | wc -l)
has "passes" '# host: the model under documented' \
	"# Totals: pass:$all fail:0 xfail:0 xpass:0 skip:0 error:0"
expect "a host that was recorded" 0 "" \
	k regress --host=corpora/hosts/6.1-amd.json
cp "$tmp/out" "$tmp/recorded"
has "fails as expected, with the rows" '# host: the model as Linux 6.1.*' \
	'ok [0-9]+ corpora/witness/xapic_id_keeps_32bit.scn # XFAIL \+xapic_id_keeps_32bit' \
	'ok [0-9]+ corpora/findings/msi-alias-wrong-target.scn # XFAIL .*\+alias_first_created'
prove -Q --exec cat "$tmp/recorded" >"$tmp/prove" 2>&1
result "prove is content" $?
k record --model=observed -o "$tmp/observed.rec" corpora/seeds
expect "one of which there is a recording" 0 "" \
	k regress --host="$tmp/observed.rec" corpora/findings
has "is what that says it is" '# host: the model under observed' \
	'ok [0-9]+ corpora/findings/msi-alias-wrong-target.scn # XFAIL .*\+alias_first_created'
expect "a host of which another is known" 1 "" \
	k regress --host=corpora/hosts/6.1-amd.json \
	--against=corpora/hosts/newest-amd.json --jobs=2
has "fails" 'not ok [0-9]+ corpora/witness/hotplug_hack_always.scn' \
	'#   # kvmerrata: EXPLAINED' \
	'#   # explained by: \+hotplug_hack_always' \
	'#   vcpu_create vcpu_id=0x101'
nr_failed=$(grep -c '^not ok' "$tmp/out")
[ "$nr_failed" -gt 0 ] &&
	[ "$(tap_totals)" = "$all $((all - nr_failed)) $nr_failed 0 good" ]
result "by TAP::Parser, too" $?
prove -Q --exec cat "$tmp/out" >"$tmp/prove" 2>&1
[ $? = 1 ]
result "and by prove" $?

expect "the same as JUnit" 1 "" k regress --format=junit \
	--host=corpora/hosts/6.1-amd.json \
	--against=corpora/hosts/newest-amd.json
if can_junit; then
	skipped=$(grep -c '<skipped type="xfail"' "$tmp/out")
	[ "$skipped" -gt 0 ] && [ "$(junit_totals)" = \
		"$all $nr_failed 0 $skipped $all $nr_failed 0 $skipped" ]
	result "junitparser counts as many" $?
else
	skip_one "junitparser counts as many" "python3-junitparser is missing"
fi
expect "the same as JSON" 1 "" k regress --format=json \
	--host=corpora/hosts/6.1-amd.json \
	--against=corpora/hosts/newest-amd.json
[ "$(json 'all["format"], len(tests), sum(t["result"] == "fail" for t in tests)')" = \
	"('kvmerrata-regress-1', $all, $nr_failed)" ]
result "has as many" $?
[ "$(json '[t["verdict"] for t in tests if "witness/hotplug_hack" in t["name"]]')" = \
	"['EXPLAINED']" ]
result "and the verdict" $?
known=$(json 'all["known"]')
expect "and a set that the command takes" 1 "" \
	k regress --host=corpora/hosts/6.1-amd.json --against="$known"

# Filters.
expect "scenarios that a row decides" 0 "" \
	k regress --host=observed --row=alias_first_created
has "are there" 'ok [0-9]+ corpora/witness/alias_first_created.scn.*' \
	'ok [0-9]+ corpora/findings/msi-alias-wrong-target.scn.*'
one=$(grep -c '^ok' "$tmp/out")
[ "$one" -lt $((all / 2)) ] &&
	! grep -q 'witness/no_apic_errors' "$tmp/out"
result "and no others" $?
k regress --host=observed --row=no_apic_errors >"$tmp/out"
two=$(grep -c '^ok' "$tmp/out")
k regress --host=observed --row=no_apic_errors --row=alias_first_created \
	>"$tmp/out"
both=$(grep -c '^ok' "$tmp/out")
[ "$both" -gt "$one" ] && [ "$both" -gt "$two" ] &&
	[ "$both" -le $((one + two)) ]
result "two rows: those of either" $?
cp corpora/seeds/msi-physical.scn "$tmp/a # b.scn"
expect "paths" 0 "" k regress --host=documented "$tmp/a # b.scn" \
	corpora/seeds/msi-lowest.scn ./corpora/seeds/msi-lowest.scn
[ "$(tap_totals)" = "2 2 0 0 good" ]
result "each once, whatever is in their names" $?

if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "regress on this host" "$reason"
	fi
	plan
fi

start=$(date +%s)
expect "this host is as its fingerprint says" 0 "" k regress
[ $(($(date +%s) - start)) -lt 10 ]
result "in less than ten seconds" $?
[ "$(tap_totals)" = "$all $all 0 0 good" ]
result "all of it" $?
cp "$tmp/out" "$tmp/here"
expect "with two jobs" 0 "" k regress --jobs=2
cmp -s "$tmp/out" "$tmp/here"
result "the same" $?

k fingerprint -o "$tmp/host.json" >/dev/null
expect "a planted fault" 1 "" env LD_PRELOAD="$planted" \
	KVMERRATA_FAULT=level_msi_is_edge "$kvmerrata" regress \
	--against="$tmp/host.json" --format=json corpora/seeds \
	tests/planted/witness/level_msi_is_edge.scn
[ "$(json '[t["result"] for t in tests if t["name"].endswith("level_msi_is_edge.scn") and t["signature"].startswith("msi.physical.fixed host apic_tmr lost")]')" = \
	"['fail']" ]
result "is found, by its signature" $?
expect "the fingerprint is taken with it where none is given" 0 "" \
	env LD_PRELOAD="$planted" KVMERRATA_FAULT=level_msi_is_edge \
	"$kvmerrata" regress corpora/seeds/msi-physical.scn

{
	echo "# many"
	for i in {1..200}; do
		echo "vcpu_create vcpu_id=$i"
	done
} >"$tmp/many.scn"
small() {
	(ulimit -n 512 && "$@")
}
expect "a scenario that this host has no room for" 0 "" \
	small k regress --against="$tmp/host.json" "$tmp/many.scn" \
	corpora/seeds/msi-lowest.scn
has "is skipped, with the reason" \
	'ok 1 .*/many.scn # SKIP it has 200 vCPUs, and .*' \
	'ok 2 corpora/seeds/msi-lowest.scn'

# What hangs, what dies, and interrupts.
printf '# hangs\nvcpu_create vcpu_id=1\nmsi address=0xfee01000 data=0x99\n' \
	>"$tmp/hang.scn"
hang() {
	env LD_PRELOAD="$planted" KVMERRATA_HANG=deaf "$kvmerrata" regress \
		--against="$tmp/host.json" "$@" "$tmp/hang.scn" \
		corpora/seeds/msi-physical.scn
}
expect "what hangs is ended" 3 "" hang --timeout=1
has "is told, and the rest goes on" 'not ok 1 .*/hang.scn # TIMEOUT 1 s' \
	'ok 2 corpora/seeds/msi-physical.scn.*' \
	'# Totals: pass:[01] fail:0 xfail:[01] xpass:0 skip:0 error:1'
expect "as JUnit" 3 "" hang --timeout=1 --format=junit
if can_junit; then
	junit_totals | grep -q '^2 0 1 [01] 2 0 1 [01]$'
	result "it is an error" $?
else
	skip_one "it is an error" "python3-junitparser is missing"
fi
start_hang() {
	env LD_PRELOAD="$planted" KVMERRATA_HANG=deaf "$kvmerrata" regress \
		--against="$tmp/host.json" "$tmp/hang.scn" \
		corpora/seeds/msi-physical.scn >"$tmp/out" 2>"$tmp/err" &
	pid=$!
	sleep 1
	child=$(tr -d ' ' </proc/$pid/task/$pid/children)
}
start_hang
kill -KILL "$child"
wait $pid
[ $? = 3 ]
result "a process that dies" $?
has "is one test" 'not ok 1 .* # ERROR its process ended by signal 9' \
	'ok 2 corpora/seeds/msi-physical.scn.*'
start_hang
kill -TERM $pid
wait $pid
status=$?
sleep 0.2
[ $status = 143 ] && [ ! -e "/proc/$child" ]
result "an interrupt leaves nothing behind" $?

plan
