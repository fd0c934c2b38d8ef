#!/bin/bash
# Every planted fault does what its row says: on its witness, which agrees with
# the host's fingerprint, the command reports something that no erratum
# explains, and the subject is the right one. Speaks TAP. Arguments: the
# kvmerrata binary and the library of faults.
set -u

kvmerrata=$PWD/$1
planted=$PWD/$2
. tests/tap.sh
. tests/planted/find.sh
host=$tmp/host.json

if ! "$kvmerrata" doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "planted faults show on their witnesses" "$reason"
	fi
	plan
fi

"$kvmerrata" fingerprint -o "$host" >/dev/null
result "the host has a fingerprint" $?
expect "without a fault all witnesses agree with it" 0 "" \
	"$kvmerrata" run --against="$host" tests/planted/witness/*.scn

run_with_fault() {
	LD_PRELOAD=$planted KVMERRATA_FAULT=$1 "$kvmerrata" run \
		--against="$host" "tests/planted/witness/$1.scn"
}

while IFS='	' read -r name subject text; do
	expect "$name shows" 1 "" run_with_fault "$name"
	grep -q '^# kvmerrata: DIVERGE$' "$tmp/out" &&
		sed -n 's/^# signature: //p' "$tmp/out" |
		grep -qE -e "$subject"
	result "as what it is: $text" $?
done <<EOT
$(list_faults)
EOT
[ $number -gt 50 ]
result "there are more than 25 faults" $?
expect "a fault that is none is said" 2 "KVMERRATA_FAULT: no fault 'none'" \
	env LD_PRELOAD="$planted" KVMERRATA_FAULT=none "$kvmerrata" --help

plan
