#!/bin/sh
# One run of a kernel under Bochs, which emulates VMX: kvm_intel in software.
#
#   bochs.sh VMLINUZ INITRD DIR [COMMAND LINE]
#
# Runs in the foreground and ends when the guest turns itself off, or when it
# or its parent is killed; no process remains. DIR gets console, stderr and
# result, what the guest writes to COM1, COM2 and COM4; what it boots from; and
# bochs.log. A port is as slow as its speed says, in emulated time: the guest
# should set 115200, and drain all ports before it turns itself off.
#
#   KVMERRATA_BOCHS=stock|built   Debian's, or one by bochs-build.sh, which is
#                                 the default where there is one
#   KVMERRATA_BOCHS_CPU=MODEL     a name out of `bochs-bin --help cpu`
#   LAB_MEMORY=MB                 the machine's memory, 1024 by default
#
# Exit status: 0 the guest turned itself off, 2 bad usage, 3 anything else.
set -eu

# Instructions a millisecond of emulated time; each is a tick.
khz=50000

say() {
	printf 'bochs: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 3
}

# need FILE PACKAGE
need() {
	[ -r "$1" ] || die "no $1: install $2"
}

# The newest emulator that bochs-build.sh left, in $built.
find_built() {
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata/bochs
	# By folder: a slash would sort before what follows a version.
	built=$(find "$cache" -path "$cache/[0-9]*/bochs" -printf '%h\n' \
		2>/dev/null | sort -V | tail -n 1)/bochs
	[ -e "$built" ]
}

# What is run, and what only that wants in its settings.
choose_emulator() {
	wanted=${KVMERRATA_BOCHS-}
	if [ "$wanted" != stock ] && find_built; then
		emulator="'$built' -q -f bochsrc"
		display=nogui
		# The newest that 6.1 and 7.2 both boot on; it has APICv.
		cpu=corei7_skylake_x
		return
	fi
	case "$wanted" in
	'' | stock) ;;
	built) die "none is built: run lab/bochs-build.sh" ;;
	*) die "KVMERRATA_BOCHS is '$wanted', neither stock nor built" ;;
	esac
	command -v bochs-bin >/dev/null || die "no bochs-bin: install bochs-term"
	# Debian's has a debugger, which must be told to go on.
	emulator="bochs-bin -q -f bochsrc -rc debugger"
	display=term
	cpu=corei7_haswell_4770
}

# To what is asked for, the kernel's command line adds: reboots are triple
# faults, which is where Bochs stops; and the time-stamp counter runs at the
# speed that Bochs gives it, not at what the CPU model's CPUID says, by which a
# second would be 70 on some models.
make_iso() {
	rm -rf iso
	mkdir iso
	for file in /usr/lib/ISOLINUX/isolinux.bin,isolinux \
		/usr/lib/syslinux/modules/bios/ldlinux.c32,syslinux-common; do
		need "${file%,*}" "${file#*,}"
		cp "${file%,*}" iso/
	done
	cp -- "$kernel" iso/vmlinuz
	cp -- "$initrd" iso/initrd
	cat >iso/isolinux.cfg <<-END
		default linux
		label linux
		kernel vmlinuz
		initrd initrd
		append $append reboot=t tsc_early_khz=$khz
	END
	command -v xorriso >/dev/null || die "no xorriso: install it"
	xorriso -as mkisofs -quiet -o boot.iso -b isolinux.bin -c boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table iso \
		>xorriso.log 2>&1 || die "xorriso failed; see $dir/xorriso.log"
	rm -r iso
}

write_settings() {
	bios=/usr/share/bochs/BIOS-bochs-latest
	vga=/usr/share/vgabios/vgabios.bin
	need $bios bochsbios
	need $vga vgabios
	cat >bochsrc <<-END
		megs: ${LAB_MEMORY:-1024}
		romimage: file=$bios
		vgaromimage: file=$vga
		cpu: model=${KVMERRATA_BOCHS_CPU:-$cpu}, ips=${khz}000
		cpu: reset_on_triple_fault=0
		clock: sync=none
		ata0-master: type=cdrom, path=boot.iso, status=inserted
		boot: cdrom
		com1: enabled=1, mode=file, dev=console
		com2: enabled=1, mode=file, dev=stderr
		com4: enabled=1, mode=file, dev=result
		display_library: $display
		log: bochs.log
		panic: action=fatal
		error: action=ignore
		info: action=ignore
	END
	echo c >debugger
}

# On a terminal of its own, which stock Bochs asks for. Each process of the
# chain ends with its parent.
run_emulator() {
	rm -f bochs.log
	: >console
	: >stderr
	: >result
	TERM=xterm SHELL=/bin/sh setpriv --pdeathsig KILL \
		script -qfc "exec setpriv --pdeathsig KILL $emulator" \
		/dev/null </dev/null >terminal 2>&1 &
	child=$!
	wait "$child" || true
	child=
}

# A signal for this process.
# shellcheck disable=SC2317 # by trap
interrupted() {
	[ -z "$child" ] || kill -KILL "$child"
	die "ended by a signal"
}

# Why it ended: a guest that turns itself off makes Bochs panic, too.
judge_end() {
	why=$(sed -n 's/^[0-9]*p\[[^]]*\] >>PANIC<< //p' bochs.log | tail -n 1)
	case "$why" in
	*'soft power off'*) exit 0 ;;
	*'exception with no resolution'*)
		die "the guest panicked or rebooted; see $dir/console" ;;
	?*) die "it panicked: $why" ;;
	esac
	die "it ended by itself; see bochs.log and terminal in $dir"
}

if [ -z "${BOCHS_TIED-}" ]; then
	if [ $# -lt 3 ] || [ $# -gt 4 ]; then
		say "usage: bochs.sh VMLINUZ INITRD DIR [COMMAND LINE]"
		exit 2
	fi
	BOCHS_TIED=1 exec setpriv --pdeathsig TERM sh "$0" "$@"
fi
unset BOCHS_TIED
child=
trap interrupted INT TERM HUP
for file in "$1" "$2"; do
	if [ ! -r "$file" ]; then
		say "$file: cannot be read"
		exit 2
	fi
done
kernel=$(realpath -- "$1")
initrd=$(realpath -- "$2")
# Without tests of its crypto 6.1 boots in half the time, and without KVM's
# newer page tables VMs are made faster.
append=${4-console=ttyS0,115200 panic=-1 cryptomgr.notests kvm.tdp_mmu=0}
mkdir -p -- "$3"
cd -- "$3"
dir=$(pwd)
choose_emulator
make_iso
write_settings
run_emulator
judge_end
