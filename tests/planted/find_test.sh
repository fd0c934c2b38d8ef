#!/bin/bash
# Fuzzing finds planted faults: a handful of easy ones, so that this is short;
# run.sh does all. Speaks TAP. Arguments: the kvmerrata binary, one of the fuzz
# targets beside which the others are, and the library of faults.
set -u

kvmerrata=$PWD/$1
planted=$PWD/$3
export KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/planted/find.sh
host=$tmp/host.json
work=$tmp
seconds_max=60

if ! "$kvmerrata" doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "planted faults are found" "$reason"
	fi
	plan
fi

"$kvmerrata" fingerprint -o "$host" >/dev/null
result "the host has a fingerprint" $?
while IFS='	' read -r name subject text; do
	case $name in
	ipi_id_truncated | lowest_to_all | level_msi_is_edge | \
		nmi_msi_doubled | irr_bit_lost) ;;
	*) continue ;;
	esac
	find_fault "$name" "$subject" $seconds_max 1
	[ -n "$signature" ]
	result "found in $seconds s: $text" $?
done <<EOT
$(list_faults)
EOT

plan
