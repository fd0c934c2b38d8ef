#!/bin/bash
# Recordings and what is said of two: of the model under two sets, of files
# that are damaged, and of this host, as it is and with a fault planted in it.
# Speaks TAP. Arguments: the kvmerrata binary and the library of faults.
set -u

kvmerrata=$PWD/$1
planted=$PWD/$2
. tests/tap.sh

export KVMERRATA_ROOT=$PWD

k() {
	"$kvmerrata" "$@"
}

# says NAME PATTERN...: the last command's output has such lines, in order.
says() {
	local name=$1
	shift
	in_order "$name" "$tmp/out" "$@"
}

# Bad usage and bad files.
expect "no files" 2 \
	"kvmerrata compare: which two? A FILE of \`record\` each, or \`host\` for one of them" \
	k compare
expect "one file" 2 "" k compare host
expect "three files" 2 "kvmerrata compare: two recordings, not more" \
	k compare a b c
expect "twice this host" 2 "kvmerrata compare: one of the two is a file" \
	k compare host host
expect "a form that is none" 2 \
	"kvmerrata compare: --format is text, json or md" k compare -f x a b
expect "a file that is not there" 2 "$tmp/x:1:1: No such file or directory" \
	k compare "$tmp/x" "$tmp/y"
expect "a folder" 2 "$tmp:1:1: Is a directory" k compare "$tmp" "$tmp"
expect "nothing to record" 2 "$tmp/none:1:1: No such file or directory" \
	k record -m arch "$tmp/none"
expect "a set that is none" 2 \
	"unknown set or row 'x'; a set is \`arch\`, \`documented\` or \`observed\`, then +ROW or -ROW after commas; or \`host\`, or a FILE of \`fingerprint\` or \`record\`" \
	k record -m x
expect "no KVM is a skip" 4 "" k record --kvm=/nonexistent
printf 'frob\n' >"$tmp/bad.scn"
echo old >"$tmp/kept"
expect "a bad scenario" 2 "$tmp/bad.scn:1:1: unknown op 'frob'" \
	k record -m arch -o "$tmp/kept" "$tmp/bad.scn"
[ "$(cat "$tmp/kept")" = old ]
result "and the file is the old one" $?
expect "a folder that is not there" 3 \
	"$tmp/no/x: cannot write: No such file or directory" \
	k record -m arch -o "$tmp/no/x" corpora/seeds

# The model in the place of hosts.
expect "the model is recorded" 0 "" k record -m documented -o "$tmp/doc"
expect "whatever the folder is called" 0 "" \
	k record -m documented -o "$tmp/doc2" corpora/witness/ \
	./corpora/findings corpora/seeds "$PWD/corpora/regressions" \
	corpora/seeds/msi-lowest.scn
cmp -s "$tmp/doc" "$tmp/doc2"
result "the same bytes" $?
expect "nothing changed" 0 "" k compare "$tmp/doc" "$tmp/doc2"
says "and that is said" '^rows: the same$' \
	'^[1-9][0-9]* scenarios compared, 0 changed$'
k record -m observed,+nmi_count_hidden -o "$tmp/new"
expect "another set" 1 "" k compare "$tmp/doc" "$tmp/new"
says "rows gained and lost, and scenarios by signature, with the row" \
	'^\+ alias_first_created  *absent -> present: Of several vCPUs' \
	'^\+ nmi_count_hidden ' \
	'^- broadcast_quirk  *present -> absent: Unless' \
	'^ +3  msi.logical.fixed host apic_irr extra xapic ids32$' \
	'^ +rows: \+illegal_vector_accepted$' \
	'^ +rows: -broadcast_quirk$' \
	'^ +rows: none: with the rows of the first, either is right$' \
	'^ +1  msi.physical.nmi host nmi_pending lost xapic ids8$' \
	'^ +rows: \+nmi_count_hidden$' \
	'such as corpora/witness/nmi_count_hidden.scn, op 3, msi address' \
	'^ +vcpu 0 nmi_pending: was 0x2, is 0x1$'
! grep -q 'none explains it\|not known' "$tmp/out"
result "all are explained" $?
expect "as JSON" 1 "" k compare --format=json "$tmp/doc" "$tmp/new"
says "the same there" '"format":.*"kvmerrata-comparison-1"' \
	'"name":.*"alias_first_created"' '"kind":.*"explained"' \
	'"rows":.*"\+illegal_vector_accepted"'
expect "as Markdown" 1 "" k compare --format=md "$tmp/doc" "$tmp/new"
says "and there" '^\| \+ \| `alias_first_created` \| absent \| present \|' \
	'^\| 1 \| `msi.physical.nmi host nmi_pending lost xapic ids8` \| \+nmi_c'

# What is in one only, and files that were damaged or changed by hand.
k record -m documented -o "$tmp/seeds" corpora/seeds
expect "a part of the corpus" 0 "" k compare "$tmp/doc" "$tmp/seeds"
says "the rest is listed" '^not compared: [1-9]' \
	'^  corpora/findings/.*: only in the first$'
k record -m documented -o "$tmp/witness" corpora/witness
expect "nothing in common" 4 "SKIP: no scenario ran in both" \
	k compare "$tmp/seeds" "$tmp/witness"
head -n -1 "$tmp/seeds" >"$tmp/cut"
expect "a file that lost its end" 2 \
	"$tmp/cut:$(($(wc -l <"$tmp/cut") + 1)):1: the file ends before its 'total'" \
	k compare "$tmp/cut" "$tmp/doc"
sed 's/apic_svr=0x1ff/apic_svr=0x1fg/' "$tmp/seeds" >"$tmp/typo"
line=$(grep -n -m 1 0x1fg "$tmp/typo" | cut -d: -f1)
column=$(awk 'i = index($0, "0x1fg") { print i; exit }' "$tmp/typo")
expect "a typo" 2 "$tmp/typo:$line:$column: '0x1fg' is not a value here" \
	k compare "$tmp/seeds" "$tmp/typo"
sed '/^scenario corpora.seeds.msi-logical-flat/,/^$/s/vcpu 0: apic_irr4=0x20000/vcpu 0: apic_irr4=0/' \
	"$tmp/seeds" >"$tmp/edited"
expect "a lost interrupt" 1 "" k compare "$tmp/seeds" "$tmp/edited"
says "is what no row explains" '^ +1  msi.logical.fixed host apic_irr lost' \
	'^ +rows: none explains it' 'such as corpora/seeds/msi-logical-flat.scn' \
	'^ +vcpu 0 apic_irr4: was 0x20000, is 0x0$'
expect "and where the first has it, the model does not agree" 1 "" \
	k compare "$tmp/edited" "$tmp/seeds"
says "that is said" 'rows: not known: the model with the rows of the first'
sed 's/vcpu 0: apic_irr4=0x20000/vcpu 0: apic_irr4=0\/0xfffdffff/' \
	"$tmp/seeds" >"$tmp/masked"
expect "a bit that is not known" 0 "" k compare "$tmp/seeds" "$tmp/masked"
expect "whoever does not know it" 0 "" k compare "$tmp/masked" "$tmp/seeds"
sed 's/apic_dfr=0xffffffff/apic_dfr=0\/0/' "$tmp/new" >"$tmp/masked"
expect "bits that are not known of another set" 1 "" \
	k compare "$tmp/doc" "$tmp/masked"
says "hide no row" '^ +rows: \+nmi_count_hidden$'
! grep -q 'none explains it\|not known' "$tmp/out"
result "and explain nothing" $?
sed '/^scenario corpora.witness.nmi_count_hidden/,/^$/s/mp_state=0x1/mp_state=0x5/' \
	"$tmp/new" >"$tmp/edited"
expect "a row, and at the end what none explains" 1 "" \
	k compare "$tmp/doc" "$tmp/edited"
says "is not explained" '^ +1  msi.physical.nmi host nmi_pending lost' \
	'^ +rows: none explains it'
sed 's/^row lint0_reenabled .*/row lint0_reenabled undetermined no APIC/
	s/^row smi_dropped .*/row later_than_this present/' \
	"$tmp/seeds" >"$tmp/unsure"
expect "a row that is not known" 0 \
	"$tmp/unsure: unknown row 'later_than_this', left out" \
	k compare "$tmp/seeds" "$tmp/unsure"
says "undetermined ones, and why" \
	'^\? lint0_reenabled  *present -> undetermined: no APIC$' \
	"^\? smi_dropped  *absent -> undetermined: not in $tmp/unsure\$"

# Real VMs.
if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "this host is recorded" "$reason"
	fi
	plan
fi

expect "this host" 0 "" k record -o "$tmp/here"
grep -q "^kernel $(uname -r)\$" "$tmp/here" &&
	grep -q '^capability KVM_CAP_X2APIC_API 0x' "$tmp/here" &&
	grep -q '^parameter kvm.vector_hashing ' "$tmp/here"
result "what it is" $?
expect "the same again" 0 "" k record -o "$tmp/again"
expect "nothing changed here" 0 "" k compare "$tmp/here" "$tmp/again"
expect "nor against the host as it is" 0 "" k compare "$tmp/here" host
expect "either way" 0 "" k compare host "$tmp/here"
says "nothing is left out" ' scenarios compared, 0 changed$'
! grep -q '^not compared' "$tmp/out"
result "not one" $?
expect "no host, no comparison" 4 "" k compare --kvm=/nonexistent "$tmp/here" host

fault() {
	env LD_PRELOAD="$planted" "$@"
}
expect "a kernel with a fault" 0 "" fault KVMERRATA_FAULT=level_msi_is_edge \
	"$kvmerrata" record -o "$tmp/fault" tests/planted/witness
k record -o "$tmp/healthy" tests/planted/witness
expect "differs" 1 "" k compare "$tmp/healthy" "$tmp/fault"
says "as what it is" '^ +[0-9]+  msi.* apic_tmr lost ' \
	'^ +rows: none explains it'
printf '# wide\nvcpu_create vcpu_id=0x100\nvcpu_create vcpu_id=0\n' >"$tmp/wide.scn"
expect "the kernel's version, and what must not run" 0 "" \
	fault KVMERRATA_RELEASE=6.3.0 "$kvmerrata" record -o "$tmp/old" \
	corpora/findings "$tmp/wide.scn"
grep -q '^kernel 6.3.0$' "$tmp/old" && grep -q '^not_run Linux 6.3 to' "$tmp/old"
result "are written down" $?
grep -q '^[1-9][0-9]* of [0-9]* scenarios were not run here$' "$tmp/err"
result "and said" $?
expect "and compared" 0 "" k compare "$tmp/old" host
says "as far as it goes" '^  kernel: 6.3.0 -> ' '^not compared: ' \
	': not run in the first: Linux 6.3 to'

k record -o "$tmp/wide" corpora/findings "$tmp/wide.scn"
expect "nor is what ran in one only" 0 "" k compare "$tmp/old" "$tmp/wide"
says "compared" '^not compared: 1$' ': not run in the first: Linux 6.3 to'
expect "either way round" 0 "" k compare "$tmp/wide" "$tmp/old"
says "it is said" '^not compared: 1$' ': not run in the second: Linux 6.3 to'

# Interrupted: an MSI that hangs, and Ctrl-C.
printf '# hangs\nvcpu_create vcpu_id=0\nmsi address=0xfee00000 data=0x99\n' \
	>"$tmp/hang.scn"
echo old >"$tmp/kept"
LD_PRELOAD=$planted KVMERRATA_HANG=1 "$kvmerrata" record -o "$tmp/kept" \
	"$tmp/hang.scn" 2>"$tmp/err" &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
[ $? = 143 ] && [ "$(cat "$tmp/kept")" = old ] &&
	[ -z "$(find "$tmp" -name '*.tmp')" ]
result "an interrupt leaves the old file, and nothing else" $?

plan
