#!/bin/bash
# Verbs on an old and a new kernel, with the real kvm_amd: what goes in and
# comes out, and what is left when something is killed. Speaks TAP. Argument:
# the kvmerrata binary.
set -u

export KVMERRATA_BINARY=$PWD/$1 KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/lab/had.sh

old=5.10
new=newest
need_tool qemu-system-x86_64 busybox setpriv flock
need_kernel $old $new

# The kernels of the user's cache, in a cache that only this test uses.
mkdir -p "$tmp/cache/kvmerrata"
ln -s "$(users_cache)/kvmerrata/kernels" "$tmp/cache/kvmerrata/kernels"
export XDG_CACHE_HOME=$tmp/cache
cache=$tmp/cache/kvmerrata
lab=$PWD/lab/lab.sh
witnesses=$PWD/corpora/witness
cd "$tmp" || exit 3

run() {
	"$lab" run "$@"
}

# start COMMAND...: in the background; SIGINT is not ignored there.
start() {
	setsid env --default-signal=INT "$@" >"$tmp/out" 2>"$tmp/err" &
	started=$!
}

nothing_is_left() {
	all_have_ended "$cache/run" && [ "$(ls "$cache/run")" = lock ]
	result "$1" $?
}

# The witnesses: each kernel is as its fingerprint says.
expect "two kernels agree with the model of what they are" 0 "" \
	run --kernel=$old,$new -- run --against=host "$witnesses"/*.scn
[ "$(grep -c '^== ' "$tmp/out")" = 2 ] &&
	grep -q "^== $old (5\.10.*), kvm_amd\$" "$tmp/out" &&
	grep -q '^# host: Linux 5\.10\..*, kvm_amd, ' "$tmp/out"
result "each under its name" $?
count=$(ls "$witnesses"/*.scn | wc -l)
[ "$(grep -c '^# kvmerrata: AGREE' "$tmp/out")" = $((2 * count)) ]
result "all of them" $?
nothing_is_left "nothing is left"

mkdir "a b"
expect "what they have is carried out" 0 "" \
	run --kernel=$old,$new -- fingerprint --format=json -o "a b/host.json"
grep -q '"5\.10\.' "a b/host.$old-amd.json" &&
	! grep -q '"5\.10\.' "a b/host.$new-amd.json"
result "to names that tell kernels apart" $?
row() {
	sed -n "/\"$2\"/,/}/p" "$1" | tr -d ' \t\n'
}
[ "$(row "a b/host.$old-amd.json" hotplug_hack_always)" != \
	"$(row "a b/host.$new-amd.json" hotplug_hack_always)" ]
result "and they differ where upstream changed it" $?
for kernel in $old $new; do
	for probe in mtrr_ignored cr0_cd_ignored cr0_cd_documents cd_nw_cleared; do
		row "a b/host.$kernel-amd.json" $probe
		echo
	done
done >"$tmp/probes"
[ "$(grep -c '"presence":"present"' "$tmp/probes")" = 8 ]
result "on both it is known what MTRRs and CR0.CD do" $?

# One that the old kernel has and documents do not say.
cp "$witnesses/hotplug_hack_always.scn" "a b/it's.scn"
expect "a status is kept, and a file with a strange name read" 1 "" \
	run --kernel=$old -- run --against=documented "a b/it's.scn"
grep -q '^# explained by: .*+hotplug_hack_always' "$tmp/out"
result "with what was found" $?

# What KVM keeps of the first one's guest would end QEMU in the second one's.
cat >"$tmp/waits.scn" <<-'END'
	config guest=long
	vcpu_create vcpu_id=0
	lapic_write vcpu=0 by=guest reg=svr value=0x1ff
	msi address=0xfee00000 data=0x41
	control_read vcpu=0 by=guest reg=cr8
END
cat >"$tmp/writes.scn" <<-'END'
	config guest=long
	vcpu_create vcpu_id=0
	control_write vcpu=0 by=guest reg=cr8 value=0x1
END
expect "a guest writes CR8 after one that an interrupt waited for" 0 "" \
	run --kernel=$old,$new --jobs=1 -- run "$tmp/waits.scn" \
	"$tmp/writes.scn"

expect "a machine that takes too long did not finish" 3 "" \
	run --kernel=$old --time-limit=1 -- fingerprint
grep -q "^lab: $old-amd: the kernel did not finish: the time limit of 1 s; logs in $cache/logs/$old-amd\$" \
	"$tmp/err" && [ -e "$cache/logs/$old-amd/console" ]
result "which is said, with its log" $?
nothing_is_left "nothing is left"

# Kills while the machine runs.
start "$lab" run --kernel=$old -- fingerprint
wait_for_file "$cache/run/*/$old-amd/console"
result "a machine runs" $?
signal_emulator KILL "$cache/run"
wait $started
[ $? = 3 ] && grep -q 'did not finish: the emulator ended with status 137;' \
	"$tmp/err"
result "the emulator is killed: it did not finish" $?
nothing_is_left "nothing is left"

start "$lab" run --kernel=$old --time-limit=5 -- fingerprint
wait_for_file "$cache/run/*/$old-amd/console" &&
	signal_emulator STOP "$cache/run"
wait $started
[ $? = 3 ] && grep -q 'did not finish: the time limit of 5 s;' "$tmp/err"
result "nor did one whose emulator hears nothing any more" $?
nothing_is_left "nothing is left"

for signal in INT TERM; do
	start "$lab" run --kernel=$old -- fingerprint
	wait_for_file "$cache/run/*/$old-amd/console"
	kill -$signal $started
	wait $started
	[ $? = 3 ] && grep -q 'did not finish: interrupted;' "$tmp/err"
	result "SIG$signal: it did not finish" $?
	nothing_is_left "nothing is left"
done

start "$lab" run --kernel=$old,$new --jobs=2 -- fingerprint
wait_for_file "$cache/run/*/$new-amd/console"
kill -KILL $started
wait $started 2>/dev/null
all_have_ended "$cache/run"
result "SIGKILL: no process is left" $?
expect "and the next run works; a verb's own bad usage is status 2" 2 "" \
	run --kernel=$old -- run --no-such-option
grep -q 'no-such-option' "$tmp/err"
result "with what it said" $?
nothing_is_left "and removes what was left"

plan
