#!/bin/sh
# Builds the newest Bochs that Debian has the source of, for lab/bochs.sh:
# three times as fast as Debian 12's own, and with APICv. Leaves
# ~/.cache/kvmerrata/bochs/VERSION.mendedN/bochs, whole or not at all.
#
#   bochs-build.sh             fetch and build; prints the path
#   bochs-build.sh mend DIR    only mend vmx.cc, vapic.cc and event.cc in its
#                              cpu/
#
# Wants g++, make and xz-utils.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=lab/apt.sh
. "$lab/apt.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata

say() {
	printf 'bochs-build: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 3
}

# is_once FILE PATTERN: a line of it, and no more, has that.
is_once() {
	found=$(grep -c -- "$2" "$1") || true
	[ "$found" = 1 ] || {
		say "'$2' is $found times in $1, not once"
		return 1
	}
}

# Where the emulator is wrong, in folder $1. It wants a page where a
# posted-interrupt descriptor is 64 bytes, so no vCPU runs with APICv; it
# enters a guest that has IF clear with the host's interrupts masked, though
# they shall exit, so a guest that spins is never left; where an exit comes
# while it delivers a virtual interrupt, it does not tell which, so it is lost;
# and when the host's interrupt comes while a virtual one waits for IF, it
# delivers the virtual one, IF or not.
mend() {
	aligned='! IsValidPageAlignedPhyAddr(vm->pid_addr)'
	entered='in_vmx_guest = true;'
	delivered=' interrupt(vector, BX_EXTERNAL_INTERRUPT, 0, 0);'
	waits='if (is_pending(BX_EVENT_PENDING_VMX_VIRTUAL_INTR))'
	mended='! IsValidPhyAddr(vm->pid_addr) || (vm->pid_addr \& 63)'
	told='vm->idt_vector_error_code = 0; vm->idt_vector_info = vector;'
	is_once "$1/vmx.cc" "$aligned" && is_once "$1/vmx.cc" "$entered" &&
		is_once "$1/vapic.cc" "$delivered" &&
		is_once "$1/event.cc" "$waits" &&
		sed -i -e "s/$aligned/$mended/" \
			-e "s/$entered/& handleInterruptMaskChange();/" \
			"$1/vmx.cc" &&
		sed -i "s/^ *${delivered# }/$told&/" "$1/vapic.cc" &&
		sed -i "/$waits/s/is_pending/is_unmasked_event_pending/" \
			"$1/event.cc"
}

# Runs what takes long; it ends with this process, and has not its lock.
tied() {
	setpriv --pdeathsig TERM "$@" 9>&- &
	child=$!
	status=0
	wait $child || status=$?
	child=
	return $status
}

# apt-get in its tree.
get() {
	tied apt-get -c "$tree/apt.conf" -qq "$@"
}

# The sources of sid and of the stable before it.
update() {
	for mirror in $(mirrors '[^-/]*'); do
		make_tree "$cache/apt/bochs" deb-src target=Sources "$mirror" \
			sid trixie
		if get update >"$tree/log" 2>&1; then
			return 0
		fi
	done
	die "no index of the sources of sid and trixie from this machine's mirror"
}

versions() {
	apt-cache -c "$tree/apt.conf" showsrc bochs |
		sed -n 's/^Version: //p' | sort -rVu
}

# Fetches and builds version $1 in the empty folder $2.
build() {
	cd "$2"
	# Debian's own changes are to its packaging; upstream's archive is all.
	if ! get source --download-only --tar-only "bochs=$1" >log 2>&1; then
		say "$1: not to be had: $(grep -m 1 '^E:' log)"
		return 1
	fi
	mkdir source
	tar -xJf bochs_*.orig.tar.xz -C source --strip-components=1 \
		--no-same-owner || return 1
	mend source/cpu || {
		say "$1: it is not as expected, and is left alone"
		return 1
	}
	say "building $1; it takes some minutes"
	cd source
	if ! { tied ./configure CFLAGS=-O2 CXXFLAGS=-O2 --enable-x86-64 \
		--enable-vmx=2 --enable-avx --enable-evex \
		--enable-all-optimizations --disable-docbook --with-nogui &&
		tied make -j"$(nproc)"; } >../log 2>&1; then
		say "$1: the build failed:"
		tail -n 5 ../log >&2
		return 1
	fi
	cd ..
	strip -o bochs source/bochs
}

# Puts version $1 where bochs.sh looks, if it is not there as mended here.
provide() {
	there=$cache/bochs/$1.mended4
	if [ ! -e "$there" ]; then
		work=$(mktemp -d "$cache/bochs/.build.XXXXXX")
		build "$1" "$work" || return 1
		mkdir "$work/whole"
		mv "$work/bochs" "$work/whole/"
		mv -T "$work/whole" "$there"
		rm -rf "$work"
	fi
	echo "$there/bochs"
}

cleanup() {
	cd "$cache"
	rm -rf "${work-}"
}

# By trap.
# shellcheck disable=SC2317
interrupted() {
	[ -z "$child" ] || kill "$child"
	exit 143
}

case ${1-} in
mend)
	mend "$2"
	exit ;;
'') ;;
*)
	say "usage: bochs-build.sh [mend DIR]"
	exit 2 ;;
esac
mkdir -p "$cache/bochs"
exec 9>"$cache/bochs/lock"
flock 9
# Of one that was killed.
rm -rf "$cache"/bochs/.build.*
trap cleanup EXIT
child=
trap interrupted INT TERM HUP
update
for version in $(versions); do
	if provide "$version"; then
		exit 0
	fi
	cleanup
done
die "no newer Bochs"
