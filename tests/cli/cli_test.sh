#!/bin/bash
# The command as a user meets it: exit statuses, messages word by word, files
# that are whole or not there. Speaks TAP. Arguments: the kvmerrata binary and
# a seed.
set -u

kvmerrata=$1
seed=$2
. tests/tap.sh

export KVMERRATA_ROOT=$PWD

k() {
	"$kvmerrata" "$@"
}

expect "no verb is bad usage" 2 "Usage: kvmerrata VERB [OPTION...] [FILE...]" k
expect "an unknown verb is bad usage" 2 "kvmerrata: unknown verb 'frob'" k frob
expect "help is success" 0 "" k --help
for verb in doctor fuzz run minimize regress record compare fingerprint explain emit-c convert bench; do
	expect "help of $verb" 0 "" k $verb --help
done
expect "an unknown option is bad usage" 2 \
	"kvmerrata run: unrecognized option '--frob'" k run --frob x
expect "run wants a file" 2 "kvmerrata run: which FILE?" k run
expect "fuzz wants a number" 2 \
	"kvmerrata fuzz: --time wants a number, not 'x'" k fuzz --time=x
expect "fuzz wants a number of jobs" 2 \
	"kvmerrata fuzz: --jobs is 1 to 64" k fuzz --jobs=0
expect "fuzz knows its engines" 2 \
	"kvmerrata fuzz: no engine 'x': libfuzzer or afl" k fuzz --engine=x
expect "fuzz wants a folder" 2 "kvmerrata fuzz: --out wants a folder" \
	k fuzz --out=
expect "results that cannot be written are a failure" 3 "" \
	bash -c '"$1" run -m "$2" >/dev/full' - "$kvmerrata" "$seed"
expect "fuzz knows its targets" 2 \
	"kvmerrata fuzz: no target 'x': diff, twin, tell, ref, codec or witness" k fuzz --target=x
expect "an unknown set of errata" 2 \
	"unknown set or row 'nope'; a set is \`arch\`, \`documented\` or \`observed\`, then +ROW or -ROW after commas; or \`host\`, or a FILE of \`fingerprint\` or \`record\`" \
	k run --against=nope "$seed"

expect "a file that is not there" 2 \
	"$tmp/none.scn:1:1: No such file or directory" k run -m "$tmp/none.scn"
expect "a folder is no file" 2 "$tmp:1:1: Is a directory" k run -m "$tmp"
printf 'config\n\n  msi address=1\n' >"$tmp/bad.scn"
expect "bad text: where and what" 2 "$tmp/bad.scn:3:16: msi lacks 'data='" \
	k run -m "$tmp/bad.scn"
printf 'observe\0' >"$tmp/nul.scn"
expect "a NUL in a text" 2 "$tmp/nul.scn:1:1: a NUL byte in a scenario text" \
	k run -m "$tmp/nul.scn"
head -c 2000000 /dev/zero >"$tmp/large"
expect "too large" 2 "$tmp/large:1:1: larger than any scenario (1 MiB)" \
	k run -m "$tmp/large"

expect "bad text: nothing is written" 2 "" k convert "$tmp/bad.scn" -o "$tmp/o"
[ ! -e "$tmp/o" ]
result "and there is no file" $?
expect "text to bytes" 0 "" k convert "$seed" -o "$tmp/bytes"
expect "bytes to text" 0 "" k convert "$tmp/bytes" -o "$tmp/text.scn"
expect "and to bytes again" 0 "" k convert "$tmp/text.scn" -o "$tmp/bytes2"
cmp -s "$tmp/bytes" "$tmp/bytes2"
result "gives the same bytes" $?
expect "a folder that is not there" 3 \
	"$tmp/no/such: cannot write: No such file or directory" \
	k convert "$seed" -o "$tmp/no/such"
mkdir "$tmp/folder"
expect "a folder in the way" 3 "$tmp/folder: cannot write: Is a directory" \
	k convert "$seed" -o "$tmp/folder"
[ -z "$(find "$tmp" -name '*.tmp')" ]
result "no temporary file is left" $?

expect "a program without KVM" 0 "" \
	k emit-c --kvm=/nonexistent "$seed" -o "$tmp/program.c"
grep -q '^ \* It was not run where this was made: /nonexistent does not exist' \
	"$tmp/program.c" && grep -q '^int main(void)$' "$tmp/program.c"
result "says that it was not run" $?
expect "and is the same each time" 0 "" \
	k emit-c --kvm=/nonexistent "$seed" -o "$tmp/program2.c"
cmp -s "$tmp/program.c" "$tmp/program2.c"
result "byte by byte" $?
expect "a program in no style" 2 \
	"kvmerrata emit-c: no style 'x': plain or selftest" \
	k emit-c --style=x "$seed"
expect "a program for nothing" 2 "kvmerrata emit-c: which FILE?" k emit-c
expect "a program that cannot be written" 3 \
	"$tmp/folder: cannot write: Is a directory" \
	k emit-c --kvm=/nonexistent "$seed" -o "$tmp/folder"
[ -z "$(find "$tmp" -name '*.tmp')" ]
result "leaves nothing" $?

expect "an erratum is explained" 0 "" k explain alias_first_created
grep -q '^witness:  corpora/witness/alias_first_created.scn$' "$tmp/out"
result "with its witness" $?
expect "one that is not known" 2 \
	"no erratum 'nope'; \`kvmerrata explain\` lists them" k explain nope
printf '{"rows":[{"name":"lint0_reenabled","presence":"present"}]}' \
	>"$tmp/set.json"
expect "a set from a file" 0 "" k run -m --against="$tmp/set.json" "$seed"
printf '{"kernel":"6.1","module":"kvm_amd","cpu":"c","rows":[{"name":"lint0_reenabled","presence":"absent"}]}' \
	>"$tmp/other.json"
expect "sets side by side" 0 "" k fingerprint "$tmp/set.json" "$tmp/other.json"
grep -q '^lint0_reenabled  *documented  *present  *absent ' "$tmp/out" &&
	grep -q '^\[2\] Linux 6.1, kvm_amd, c$' "$tmp/out" &&
	grep -q '^broadcast_quirk  *documented  *undetermined  *undetermined ' \
		"$tmp/out"
result "each in its column, with what a file does not have undetermined" $?
expect "as JSON too" 0 "" k fingerprint --format=json "$tmp/set.json"
grep -q 'kvmerrata-fingerprints-1' "$tmp/out"
result "in a list" $?
expect "files are not written over by this host's" 2 \
	"kvmerrata fingerprint: --output is for this host, not for files" \
	k fingerprint -o "$tmp/x.json" "$tmp/set.json"
expect "a file that is no fingerprint" 2 \
	"$tmp/bad.scn:1:1: no fingerprint: make one with \`kvmerrata fingerprint -o FILE\`" \
	k run -m --against="$tmp/bad.scn" "$seed"
expect "no fingerprint without KVM" 4 "" k fingerprint --kvm=/nonexistent
expect "nor a host's set" 4 "" k run --against=host --kvm=/nonexistent "$seed"

expect "no KVM is a skip, with the reason" 4 \
	"SKIP: /nonexistent does not exist: load the module (modprobe kvm_intel or kvm_amd), or enable virtualization in the firmware or in the hypervisor above" \
	k run --kvm=/nonexistent "$seed"
[ "$(tail -n 1 "$tmp/err")" = "Without a KVM here, in software: ./kvmerrata lab run -- run $seed" ]
result "and the way to do it without" $?
expect "nor bystanders" 4 "" k run --twin --kvm=/nonexistent "$seed"
expect "bystanders that are none" 2 "kvmerrata run: no bystanders 'x'" \
	k run --twin=x "$seed"
expect "doctor without KVM" 4 "" k doctor --kvm=/nonexistent
expect "the model runs without KVM" 0 "" k run -m "$seed"

plan
