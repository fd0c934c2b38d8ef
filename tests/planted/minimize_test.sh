#!/bin/bash
# The verb `minimize`: planted faults come down from 64 ops to the known minimum,
# a handful of them, so that this is short (minimize.sh does all); and what it
# does with hosts that are models, with interrupts, and where there is nothing
# to do. Speaks TAP. Arguments: the kvmerrata binary, the library of faults, and
# the program that makes scenarios long.
set -u

kvmerrata=$PWD/$1
planted=$PWD/$2
pad=$PWD/$3
export KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/planted/find.sh
. tests/planted/shrink.sh
host=$tmp/host.json
work=$tmp
witnesses=tests/planted/witness

k() {
	"$kvmerrata" "$@"
}

# Bad usage and bad input.
printf 'config\n\n  msi address=1\n' >"$tmp/bad.scn"
echo old >"$tmp/out.scn"
expect "which file" 2 "kvmerrata minimize: which FILE?" k minimize
expect "two files" 2 "kvmerrata minimize: one FILE at a time" k minimize a b
expect "bystanders that are none" 2 "kvmerrata minimize: no bystanders 'x'" \
	k minimize --twin=x a
expect "bad text: where and what" 2 "$tmp/bad.scn:3:16: msi lacks 'data='" \
	k minimize "$tmp/bad.scn" -o "$tmp/out.scn"
expect "no KVM is a skip" 4 "" k minimize --kvm=/nonexistent \
	corpora/findings/msi-alias-wrong-target.scn -o "$tmp/out.scn"
expect "a host that is no set" 2 "" k minimize --host=nope \
	corpora/findings/msi-alias-wrong-target.scn -o "$tmp/out.scn"
grep -q "^unknown set or row 'nope'; " "$tmp/err"
result "is told" $?
expect "where both sides agree there is nothing to do" 1 \
	"corpora/seeds/msi-physical.scn: nothing to minimize: both sides agree" \
	k minimize --host=documented corpora/seeds/msi-physical.scn \
	-o "$tmp/out.scn"
[ "$(cat "$tmp/out.scn")" = old ]
result "and each time the file is the old one" $?

# The model in the place of a host: no KVM is needed.
cat >"$tmp/long.scn" <<EOT
config x2apic_api=use_32bit_ids
vcpu_create vcpu_id=9
vcpu_create vcpu_id=0x123
observe
lapic_write vcpu=0 by=host reg=svr value=0x1ff
lapic_write vcpu=1 by=host reg=svr value=0x1ff
vcpu_create vcpu_id=0x23
lapic_write vcpu=1 by=host reg=tpr value=0x10
lapic_write vcpu=2 by=host reg=svr value=0x1ff
msi address=0xfee09000 data=0x44
msi address=0xfee23000 data=0x45
EOT
expect "a host that is a model" 0 "" \
	k minimize --kvm=/nonexistent --against=arch --host=documented \
	"$tmp/long.scn" -o "$tmp/out.scn"
grep -Eqx ".*/long.scn: 4 of 10 ops left, [0-9]+ scenarios tried" "$tmp/err"
result "says what it did" $?
cat >"$tmp/want.scn" <<EOT
config x2apic_api=use_32bit_ids
vcpu_create vcpu_id=0x101
lapic_write vcpu=0 by=host reg=svr value=0x100
vcpu_create vcpu_id=0x1
msi address=0xfee01000 data=0x10
EOT
k convert "$tmp/want.scn" -o "$tmp/want.bin"
k convert "$tmp/out.scn" -o "$tmp/got.bin"
cmp -s "$tmp/want.bin" "$tmp/got.bin"
result "gives the minimum" $?
k run --against=arch --host=documented "$tmp/long.scn" >"$tmp/report"
[ -n "$(signature_of "$tmp/report")" ] &&
	[ "$(signature_of "$tmp/report")" = "$(signature_of "$tmp/out.scn")" ]
result "with the signature that it had" $?
again=$(sed -n 's|^# again: ./kvmerrata run \(.*\) FILE$|\1|p' "$tmp/out.scn")
# shellcheck disable=SC2086 # options
expect "the report's last line shows it again" 1 "" k run $again "$tmp/out.scn"
k convert "$tmp/long.scn" -o "$tmp/long.bin"
expect "from bytes" 0 "" k minimize --against=arch --host=documented \
	"$tmp/long.bin" -o "$tmp/out2.scn"
cmp -s "$tmp/out.scn" "$tmp/out2.scn"
result "it is the same" $?
expect "what is minimal" 0 "" k minimize --against=arch --host=documented \
	"$tmp/out.scn" -o "$tmp/out2.scn"
cmp -s "$tmp/out.scn" "$tmp/out2.scn"
result "stays as it is" $?
expect "a host that was recorded" 0 "" k minimize --against=documented \
	--host=corpora/hosts/6.1-amd.json \
	corpora/findings/msi-alias-wrong-target.scn -o "$tmp/out.scn"
grep -q '^# host: the model as Linux 6.1.*, kvm_amd, ' "$tmp/out.scn"
result "is named in the report" $?

if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "minimizing on this host" "$reason"
	fi
	plan
fi

k fingerprint -o "$host" >/dev/null
result "the host has a fingerprint" $?
while IFS='	' read -r name subject text; do
	case $name in
	ipi_id_truncated | lowest_to_all | id_stale) ;;
	*) continue ;;
	esac
	shrink_fault "$name" 1
	result "from $from ops to $to of $known in $seconds s: $text" $?
done <<EOT
$(list_faults)
EOT

# What takes longer.
interrupt() {
	local pid

	echo old >"$tmp/out.scn"
	LD_PRELOAD=$planted KVMERRATA_SLOW=1 "$kvmerrata" minimize \
		--against=arch "$tmp/long.scn" -o "$tmp/out.scn" 2>"$tmp/err" &
	pid=$!
	for _ in {1..300}; do
		[ "$(head -n 1 "$tmp/out.scn")" = old ] ||
			[ ! -s "$tmp/err" ] || break
		sleep 0.1
	done
	kill -TERM $pid
	wait $pid
}
interrupt
[ $? = 143 ]
result "an interrupt ends it" $?
grep -Eqx ' +[0-9]+ s  [0-9]+ of 10 ops left, [0-9]+ scenarios tried' \
	"$tmp/err"
result "which had told how far it was" $?
k run --against=arch "$tmp/long.scn" >"$tmp/report"
k run --against=arch "$tmp/out.scn" >"$tmp/report2"
[ -n "$(signature_of "$tmp/report")" ] &&
	[ "$(signature_of "$tmp/report")" = "$(signature_of "$tmp/report2")" ] &&
	[ "$(ops_of "$tmp/out.scn")" -lt 10 ]
result "and leaves the smallest one so far, whole" $?
echo old >"$tmp/out.scn"
printf 'vcpu_create vcpu_id=1\nmsi address=0xfee01000 data=0x99\n' \
	>"$tmp/hang.scn"
LD_PRELOAD=$planted KVMERRATA_HANG=1 "$kvmerrata" minimize "$tmp/hang.scn" \
	-o "$tmp/out.scn" 2>"$tmp/err" &
pid=$!
sleep 1
kill -TERM $pid
wait $pid
[ $? = 143 ] && [ "$(cat "$tmp/out.scn")" = old ]
result "or the old file" $?
[ -z "$(find "$tmp" -name '*.tmp')" ]
result "and no temporary one" $?

expect "beside bystanders" 0 "" k minimize --twin=x2apic-late \
	corpora/findings/msi-bystander-logical-extra.scn
grep -q '^# again: ./kvmerrata run --twin=x2apic-late ' "$tmp/out"
result "of the same kind" $?

plan
