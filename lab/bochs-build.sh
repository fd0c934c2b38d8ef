#!/bin/sh
# Builds the newest Bochs that Debian has the source of, for lab/bochs.sh:
# three times as fast as Debian 12's own, and with APICv. Leaves
# ~/.cache/kvmerrata/bochs/VERSION/bochs, whole or not at all.
#
#   bochs-build.sh             fetch and build; prints the path
#   bochs-build.sh mend FILE   only mend this file, cpu/vmx.cc
#
# The mirror is the one that the machine's own apt uses; apt's own files are
# only read, and apt checks the signatures. Wants g++, make and xz-utils.
set -eu

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() {
	printf 'bochs-build: %s\n' "$*" >&2
}

die() {
	say "$*"
	exit 3
}

# change FILE OLD NEW: replaces what must be there exactly once. OLD is a
# basic regular expression, NEW as in sed.
change() {
	found=$(grep -c -- "$2" "$1") || true
	if [ "$found" != 1 ]; then
		say "'$2' is $found times in $1, not once"
		return 1
	fi
	sed -i "s/$2/$3/" "$1"
}

# Where the emulator is wrong, in cpu/vmx.cc. It wants a page where a
# posted-interrupt descriptor is 64 bytes, so no vCPU runs with APICv; and it
# enters a guest that has IF clear with the host's interrupts masked, though
# they shall exit, so a guest that spins is never left.
mend() {
	change "$1" '! IsValidPageAlignedPhyAddr(vm->pid_addr)' \
		'! IsValidPhyAddr(vm->pid_addr) || (vm->pid_addr \& 63)' &&
		change "$1" 'in_vmx_guest = true;' \
			'& handleInterruptMaskChange();'
}

mirrors() {
	apt-get --print-uris update 2>/dev/null |
		sed -n "s|^'\(.*\)/dists/[^-/]*/main/binary-amd64/.*|\1|p" |
		awk '!seen[$0]++'
}

# apt-get or apt-cache, in a tree of its own.
apt() {
	tool=$1
	shift
	"$tool" -c "$tree/apt.conf" -qq "$@"
}

# The tree $tree, with the sources of sid and of the stable before it.
make_tree() {
	mkdir -p "$tree/lists/partial" "$tree/archives/partial"
	: >"$tree/status"
	signed=
	[ ! -e $keyring ] || signed=" signed-by=$keyring"
	for suite in sid trixie; do
		echo "deb-src [target=Sources$signed] $1 $suite main"
	done >"$tree/sources.list"
	cat >"$tree/apt.conf" <<-END
	Dir::Etc::sourcelist "$tree/sources.list";
	Dir::Etc::sourceparts "/dev/null";
	Dir::State "$tree";
	Dir::State::lists "$tree/lists";
	Dir::State::status "$tree/status";
	Dir::Cache "$tree";
	Dir::Cache::pkgcache "";
	Dir::Cache::srcpkgcache "";
	APT::Sandbox::User "root";
	APT::Update::Error-Mode "any";
	Acquire::GzipIndexes "true";
	Acquire::Retries "2";
	END
}

update() {
	for mirror in $(mirrors); do
		make_tree "$mirror"
		if apt apt-get update >"$tree/log" 2>&1; then
			return 0
		fi
	done
	die "no index of the sources of sid and trixie from this machine's mirror"
}

versions() {
	apt apt-cache showsrc bochs | sed -n 's/^Version: //p' | sort -rVu
}

# Fetches and builds version $1 in the empty folder $2.
build() {
	cd "$2"
	# Debian's own changes are to its packaging; upstream's archive is all.
	if ! apt apt-get source --download-only --tar-only "bochs=$1" \
		>log 2>&1; then
		say "$1: not to be had: $(grep -m 1 '^E:' log)"
		return 1
	fi
	mkdir source
	tar -xJf bochs_*.orig.tar.xz -C source --strip-components=1 \
		--no-same-owner || return 1
	mend source/cpu/vmx.cc || {
		say "$1: it is not as expected, and is left alone"
		return 1
	}
	say "building $1; it takes some minutes"
	cd source
	if ! { CFLAGS=-O2 CXXFLAGS=-O2 ./configure --enable-x86-64 \
		--enable-vmx=2 --enable-avx --enable-evex \
		--enable-all-optimizations --disable-docbook --with-nogui &&
		make -j"$(nproc)"; } >../log 2>&1; then
		say "$1: the build failed:"
		tail -n 5 ../log >&2
		return 1
	fi
	cd ..
	strip -o bochs source/bochs
}

# Puts version $1 where bochs.sh looks, if it is not there.
provide() {
	if [ ! -e "$cache/bochs/$1" ]; then
		work=$(mktemp -d "$cache/bochs/.build.XXXXXX")
		(build "$1" "$work") 9>&- || return 1
		mkdir "$work/whole"
		mv "$work/bochs" "$work/whole/"
		mv -T "$work/whole" "$cache/bochs/$1"
		rm -rf "$work"
	fi
	echo "$cache/bochs/$1/bochs"
}

cleanup() {
	rm -rf "${work-}"
}

case ${1-} in
mend)
	mend "$2"
	exit ;;
'') ;;
*)
	say "usage: bochs-build.sh [mend FILE]"
	exit 2 ;;
esac
mkdir -p "$cache/bochs"
exec 9>"$cache/bochs/lock"
flock 9
# Of one that was killed.
rm -rf "$cache"/bochs/.build.*
tree=$cache/apt/bochs
trap cleanup EXIT
trap 'exit 143' INT TERM HUP
update
for version in $(versions); do
	if provide "$version"; then
		exit 0
	fi
	cleanup
done
die "no newer Bochs"
