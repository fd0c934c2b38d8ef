#!/bin/sh
# Boots a kernel in Bochs, which emulates VMX: kvm_intel without such a host.
#
#   lab/bochs.sh VMLINUZ INITRD DIR [COMMAND LINE]
#
# Stays in the foreground until the guest powers off. What the guest writes to
# ttyS0 to ttyS3 appears in DIR as console, stderr, stdout and result; DIR also
# gets what is booted from, and Bochs's own log. A guest at 9600 baud, the
# default, spends most of its time there: the ports want 115200, and to be
# drained before the guest powers off. No process survives the caller.
#
#   KVMERRATA_BOCHS=stock|built   which one; built if there is one
#   KVMERRATA_BOCHS_CPU=MODEL     a name out of `bochs-bin --help cpu`
#   KVMERRATA_BOCHS_LIMIT=S       ends what takes longer; default 600
#
# Exit status: 0 the guest powered off, 2 bad usage, 3 anything else.
set -eu

say() {
	printf 'bochs: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 3
}

# The file out of $2... that is there, for the package $1.
find_file() {
	package=$1
	shift
	for file; do
		[ ! -f "$file" ] || return 0
	done
	die "no $1: install $package"
}

# The newest emulator that bochs-build.sh left, if any.
find_built() {
	cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata/bochs
	built=$(find "$cache" -path '*/bin/bochs' -type f 2>/dev/null |
		sort -V | tail -n 1)
	[ -n "$built" ]
}

# What is run, in $emulator, and what only it wants in its settings.
choose_emulator() {
	wanted=${KVMERRATA_BOCHS-}
	if [ "$wanted" != stock ] && find_built; then
		emulator="'$built' -q -f bochsrc"
		display=nogui
		cpu=${KVMERRATA_BOCHS_CPU:-corei7_skylake_x}
		return
	fi
	case "$wanted" in
	'' | stock) ;;
	built) die "none is built: run lab/bochs-build.sh" ;;
	*) die "KVMERRATA_BOCHS is '$wanted', neither stock nor built" ;;
	esac
	command -v bochs-bin >/dev/null ||
		die "no bochs-bin: install bochs and bochs-term"
	# Debian's has a debugger, which must be told to go on.
	emulator="bochs-bin -q -f bochsrc -rc debugger"
	display=term
	cpu=${KVMERRATA_BOCHS_CPU:-corei7_haswell_4770}
}

make_iso() {
	rm -rf iso
	mkdir iso
	find_file isolinux /usr/lib/ISOLINUX/isolinux.bin
	cp "$file" iso/isolinux.bin
	find_file syslinux-common /usr/lib/syslinux/modules/bios/ldlinux.c32
	cp "$file" iso/
	cp -- "$kernel" iso/vmlinuz
	cp -- "$initrd" iso/initrd
	# A guest that panics reboots, which would begin anew: a triple fault
	# is where Bochs stops.
	printf 'default linux\nlabel linux\nkernel vmlinuz\ninitrd initrd\n' \
		>iso/isolinux.cfg
	printf 'append %s reboot=t\n' "$append" >>iso/isolinux.cfg
	command -v xorriso >/dev/null || die "no xorriso: install it"
	xorriso -as mkisofs -quiet -o boot.iso -b isolinux.bin -c boot.cat \
		-no-emul-boot -boot-load-size 4 -boot-info-table iso \
		>xorriso.log 2>&1 || die "xorriso failed: $dir/xorriso.log"
	rm -rf iso
}

write_settings() {
	find_file bochsbios /usr/share/bochs/BIOS-bochs-latest
	bios=$file
	find_file vgabios /usr/share/vgabios/vgabios.bin
	cat >bochsrc <<-END
		megs: 1024
		romimage: file=$bios
		vgaromimage: file=$file
		cpu: model=$cpu, ips=50000000, reset_on_triple_fault=0
		clock: sync=none
		ata0-master: type=cdrom, path=boot.iso, status=inserted
		boot: cdrom
		com1: enabled=1, mode=file, dev=console
		com2: enabled=1, mode=file, dev=stderr
		com3: enabled=1, mode=file, dev=stdout
		com4: enabled=1, mode=file, dev=result
		display_library: $display
		log: bochs.log
		panic: action=fatal
		error: action=report
		info: action=ignore
	END
	echo c >debugger
}

# Runs it on a terminal of its own, which stock Bochs asks for. Each process
# of the chain ends with its parent.
run_emulator() {
	TERM=xterm SHELL=/bin/sh setpriv --pdeathsig KILL \
		timeout -s KILL "$limit" setpriv --pdeathsig KILL \
		script -qfc "exec setpriv --pdeathsig KILL $emulator" \
		/dev/null </dev/null >/dev/null 2>&1 &
	child=$!
	status=0
	wait "$child" || status=$?
	child=
}

# A signal for this process; nothing that it started remains.
interrupted() {
	[ -z "$child" ] || kill -KILL "$child"
	die "ended by a signal"
}

# Why it ended; a guest that powers off makes Bochs panic, too.
judge_end() {
	why=$(sed -n 's/^[0-9]*p\[[^]]*\] >>PANIC<< //p' bochs.log | tail -n 1)
	case "$why" in
	*'soft power off'*) exit 0 ;;
	*'exception with no resolution'*)
		die "the guest panicked or rebooted; see $dir/console" ;;
	?*) die "Bochs panicked: $why" ;;
	esac
	[ "$status" != 137 ] || die "not done after $limit s; ended"
	die "Bochs ended by itself, status $status; see $dir/bochs.log"
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
append=${4-console=ttyS0,115200 panic=-1 quiet}
limit=${KVMERRATA_BOCHS_LIMIT:-600}
mkdir -p -- "$3"
cd -- "$3"
dir=$(pwd)
choose_emulator
make_iso
write_settings
run_emulator
judge_end
