#!/bin/bash
# lab/bochs.sh and lab/bochs-build.sh as far as seconds show: what they say of
# wrong use, that nothing is mended but what is known, and that Bochs starts,
# and is gone with whoever started it. Speaks TAP.
set -u

. tests/tap.sh
. tests/lab/had.sh

export XDG_CACHE_HOME=$tmp/cache
run=$tmp/run

expect "without arguments" 2 \
	"bochs: usage: bochs.sh VMLINUZ INITRD DIR [COMMAND LINE]" lab/bochs.sh
expect "a kernel that is not there" 2 "bochs: $tmp/none: cannot be read" \
	lab/bochs.sh "$tmp/none" "$tmp/none" "$run"
expect "no emulator of that name" 3 \
	"bochs: KVMERRATA_BOCHS is 'new', neither stock nor built" \
	env KVMERRATA_BOCHS=new lab/bochs.sh lab/init lab/init "$run"
expect "none was built" 3 "bochs: none is built: run lab/bochs-build.sh" \
	env KVMERRATA_BOCHS=built lab/bochs.sh lab/init lab/init "$run"

# The least that holds what is mended, in $src.
src=$tmp/cpu
faulty() {
	mkdir -p "$src"
	echo 'if (! IsValidPageAlignedPhyAddr(vm->pid_addr)) {
		in_vmx_guest = true;' >"$src/vmx.cc"
	echo '    interrupt(vector, BX_EXTERNAL_INTERRUPT, 0, 0);' \
		>"$src/vapic.cc"
	echo 'if (is_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR)) {' \
		>"$src/event.cc"
}

# not_mended NAME COUNT PATTERN FILE: it is refused, and all left as it is.
not_mended() {
	rm -rf "$tmp/before"
	cp -r "$src" "$tmp/before"
	expect "$1" 1 "bochs-build: '$3' is $2 times in $src/$4, not once" \
		lab/bochs-build.sh mend "$src"
	diff -r "$tmp/before" "$src" >/dev/null
	result "$1: nothing is changed" $?
}

faulty
expect "what is wrong is mended" 0 "" lab/bochs-build.sh mend "$src"
grep -q '(vm->pid_addr & 63)' "$src/vmx.cc" &&
	grep -q 'true; handleInterruptMaskChange();' "$src/vmx.cc" &&
	grep -q '^vm->.*vector_info = vector; *interrupt(' "$src/vapic.cc" &&
	grep -q '(is_unmasked_event_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR))' \
		"$src/event.cc"
result "in four places" $?
not_mended "it is mended once" 0 '! IsValidPageAlignedPhyAddr(vm->pid_addr)' \
	vmx.cc
faulty
sed -i p "$src/vmx.cc"
not_mended "it is there twice" 2 '! IsValidPageAlignedPhyAddr(vm->pid_addr)' \
	vmx.cc
faulty
sed -i '$d' "$src/vmx.cc"
not_mended "one of two is there" 0 'in_vmx_guest = true;' vmx.cc
faulty
: >"$src/event.cc"
not_mended "what comes last is not there" 0 \
	'if (is_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR))' event.cc
faulty
: >"$src/vapic.cc"
not_mended "the other file is another" 0 \
	' interrupt(vector, BX_EXTERNAL_INTERRUPT, 0, 0);' vapic.cc

# Processes that work in the folder $run.
in_run() {
	local dir
	for dir in /proc/[0-9]*; do
		[ "$(readlink "$dir/cwd")" != "$run" ] || echo "${dir#/proc/}"
	done
}

# ended_by SIGNAL: Bochs starts, and ends with bochs.sh, with its status.
ended_by() {
	rm -rf "$run"
	KVMERRATA_BOCHS=stock lab/bochs.sh lab/init lab/init "$run" \
		2>"$tmp/err" &
	local pid=$! i
	wait_for_file "$run/bochs.log"
	result "Bochs starts, to end by SIG$1" $?
	kill "-$1" $pid
	wait $pid 2>/dev/null
	status=$?
	for i in $(seq 50); do
		[ -n "$(in_run)" ] || break
		sleep 0.1
	done
	[ -z "$(in_run)" ]
	result "no process is left after SIG$1" $?
}

for tool in bochs-bin xorriso script setpriv; do
	command -v $tool >/dev/null && continue
	skip_one "Bochs starts and ends" "no $tool here"
	plan
done
for file in /usr/lib/ISOLINUX/isolinux.bin /usr/share/vgabios/vgabios.bin \
	/usr/lib/syslinux/modules/bios/ldlinux.c32 \
	/usr/share/bochs/BIOS-bochs-latest; do
	[ -e $file ] && continue
	skip_one "Bochs starts and ends" "no $file here"
	plan
done
# fake VERSION: an emulator that only says which one it is.
fake() {
	mkdir -p "$XDG_CACHE_HOME/kvmerrata/bochs/$1"
	printf '#!/bin/sh\necho %s >%s\n' "$1" "$tmp/which" \
		>"$XDG_CACHE_HOME/kvmerrata/bochs/$1/bochs"
	chmod +x "$XDG_CACHE_HOME/kvmerrata/bochs/$1/bochs"
}
fake 2.9-1
fake 3.0-1.mended4
fake 3.0-1
timeout 20 lab/bochs.sh lab/init lab/init "$run" >"$tmp/out" 2>"$tmp/err"
[ "$(cat "$tmp/which")" = 3.0-1.mended4 ]
result "the newest one that was built is taken" $?
ended_by TERM
[ "$(cat "$tmp/err")" = "bochs: ended by a signal" ] && [ $status = 3 ]
result "it says that a signal ended it" $?
[ -s "$run/boot.iso" ]
result "what it boots from was made" $?
ended_by KILL
plan
