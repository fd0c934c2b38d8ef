#!/bin/bash
# `bench` measures something; how much is no test's business. Speaks TAP.
# Argument: the kvmerrata binary.
set -u

kvmerrata=$PWD/$1
. tests/tap.sh

# measures FIGURE...: there is a positive number of each.
measures() {
	local figure
	for figure; do
		grep -A2 -F "\"name\":	\"$figure\"" "$tmp/out" |
			grep -q '"median":	0*\.\{0,1\}0*[1-9]' && continue
		result "no $figure" 1
		return
	done
	result "each has a number" 0
}

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "/dev/kvm can be used" 1
	else
		skip_one "figures of this host" "no /dev/kvm"
	fi
	plan
fi

expect "scenarios on new VMs" 0 "" \
	"$kvmerrata" bench --only='fresh VM each' --runs=1 --format=json
measures 'differential, fresh VM each'
expect "commands of a guest" 0 "" \
	"$kvmerrata" bench --only='guest command' --runs=1 --format=json
measures 'guest command, alone in KVM_RUN' 'guest commands, 16 in KVM_RUN'

plan
