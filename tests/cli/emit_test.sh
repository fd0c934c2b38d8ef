#!/bin/bash
# C programs from scenarios: each compiles by itself, without a warning, and says
# of this host what `run` says: against the documents in the plain style with gcc,
# against the architecture as a selftest with clang. Two at a time. Speaks TAP.
# Arguments: the kvmerrata binary, scenarios.
set -u

kvmerrata=$PWD/$1
shift
. tests/tap.sh

export KVMERRATA_ROOT=$PWD tmp kvmerrata

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "/dev/kvm can be used" 1
	else
		skip_one "programs beside run" "no /dev/kvm"
	fi
	plan
fi

# one COMPILER SET STYLE FILE: what is wrong, or nothing.
one() {
	local name=$3.$(basename "$(dirname "$4")").$(basename "$4" .scn)
	local program=$tmp/$name want got

	"$kvmerrata" emit-c --against="$2" --style="$3" "$4" \
		-o "$program.c" || { echo "$4: emit-c fails" && return; }
	$1 -Wall -Wextra -Werror -o "$program" "$program.c" \
		2>"$program.err" || {
		echo "$4: $1: $(grep -m 1 error "$program.err")"
		return
	}
	timeout 60 "$program" >"$program.out"
	got=$?
	"$kvmerrata" run --against="$2" "$4" >"$program.run" 2>&1
	want=$?
	[ "$got" = "$want" ] || echo "$4: $2: run says $want, the program $got"
	rm -f "$program"
}
export -f one

# all COMPILER SET STYLE FILE...
all() {
	local wrong name="$3 programs with $1, against $2"

	if ! command -v ${1% *} >/dev/null; then
		skip_one "$name" "no ${1% *}"
		return
	fi
	wrong=$(printf '%s\n' "${@:4}" |
		xargs -P 2 -I '{}' bash -c "one '$1' $2 $3 '{}'")
	[ -z "$wrong" ]
	result "$name say what run says" $?
	[ -z "$wrong" ] || printf '%s\n' "$wrong" | sed 's/^/# /'
}

all 'gcc -static' documented plain "$@"
all clang arch selftest "$@"

# As many assertions as planned, numbered, and nothing else but comments.
wrong=$(for out in "$tmp"/selftest.*.out; do
	awk -v name="$out" '
		NR == 1 { bad = $0 != "KTAP version 1"; next }
		/^1\.\.[0-9]+$/ && NR == 2 { planned = substr($0, 4); next }
		/^(not )?ok / { bad = bad || $(/^not/ ? 3 : 2) != ++number; next }
		!/^# / { bad = 1 }
		END { if (bad || number != planned) print name }' "$out"
done)
[ -z "$wrong" ]
result "selftests speak KTAP as planned" $?
[ -z "$wrong" ] || printf '%s\n' "$wrong" | sed 's/^/# /'

# changed NAME EXPRESSION STATUS LINE: the program is changed by sed; what it
# then ends with and says.
changed() {
	local source=$tmp/$2.findings.msi-alias-wrong-target.c

	sed "$3" "$source" >"$tmp/changed.c"
	gcc -O2 -Wall -Wextra -Werror -o "$tmp/changed" "$tmp/changed.c"
	"$tmp/changed" >"$tmp/out"
	[ "$?" = "$4" ] && grep -qx "$5" "$tmp/out"
	result "$1" $?
}

if command -v gcc >/dev/null; then
	changed "no KVM cannot be tested" plain 's|/dev/kvm|/nonexistent|' 4 \
		"cannot test: /nonexistent: No such file or directory"
	changed "nor can too many vCPUs" plain \
		's/KVM_CAP_MAX_VCPUS, 2/KVM_CAP_MAX_VCPUS, 1000000/' 4 \
		"cannot test: KVM_CAP_MAX_VCPUS is [0-9]* here; 1000000 is needed"
	changed "a selftest skips" selftest 's|/dev/kvm|/nonexistent|' 4 \
		"1..0 # SKIP /nonexistent: No such file or directory"
	changed "a wrong answer is told" plain 's/, DELIVERED, result/, BLOCKED, result/' 1 \
		"DIFFERS op 5: KVM_SIGNAL_MSI: expected 0, got 1"
	changed "and what was seen stays so when it breaks off" plain \
		's/, DELIVERED, result/, BLOCKED, result/
		s/read_state(&state, 0/vcpu_fds[0] = -1; &/' 1 \
		"cannot test: ioctl(fd, KVM_GET_MP_STATE, &mp_state): Bad file descriptor"
fi

plan
