#!/bin/sh
# Debian's stock kernels: which there are by name, and the cache of those that
# were fetched. A folder of the cache is named by the package's version:
#
#   vmlinuz, modules/*.ko      as in the package, modules unpacked
#   load-VENDOR                the modules that /dev/kvm needs, needed first
#   about                      "FIELD VALUE" lines
#   sums                       of all these, as sha256sum writes them
#
# It appears by a rename and is whole.
#
#   kernels.sh names           one name a line
#   kernels.sh suite NAME      where it is looked for first
#   kernels.sh cached NAME     the folder, checked; status 1: not in the cache
#   kernels.sh get NAME        the folder, fetched if need be; 1: not to be had
#   kernels.sh fetch NAME      the same, but asks the mirror for a newer one
#
# NAME is one of the names or the version of a folder in the cache.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=lab/apt.sh
. "$lab/apt.sh"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata
kernels=$cache/kernels

# A name, and the suites in which it is looked for.
catalogue() {
	cat <<-'END'
	5.10 bullseye-security bullseye
	6.1 bookworm-security bookworm
	6.12 trixie-security trixie
	newest sid
	experimental experimental
	END
}

say() {
	printf 'lab: %s\n' "$*" >&2
}

suites_of() {
	catalogue | sed -n "s/^$(echo "$1" | sed 's/[.]/[.]/g') //p"
}

# field FOLDER NAME
field() {
	sed -n "s/^$2 //p" "$1/about"
}

is_whole() {
	(cd "$1" && grep -q ' about$' sums &&
		sha256sum --check --strict --status sums) 2>/dev/null
}

# The folders in the cache that have the name or the version, newest first.
folders_of() {
	for about in "$kernels"/*/about; do
		[ -e "$about" ] || continue
		folder=${about%/about}
		if [ "${folder##*/}" = "$1" ] ||
			[ "$(field "$folder" name)" = "$1" ]; then
			printf '%s\n' "$folder"
		fi
	done | sort -rV
}

# The newest that is as it was written; others are removed.
cached() {
	folders_of "$1" | while read -r folder; do
		if is_whole "$folder"; then
			printf '%s\n' "$folder"
			break
		fi
		say "$1: the cached ${folder##*/} is corrupted; removing it"
		rm -rf "$folder"
	done | grep .
}

# The mirrors for the suite $1: those of security for one of security.
mirrors_for() {
	case $1 in
	*-security) mirrors '[^/]*-security' ;;
	*) mirrors '[^-/]*' ;;
	esac
}

# apt-get in the tree of a suite. A signal does not wait for its end.
get() {
	"$lab/tied.sh" $$ apt-get -c "$tree/apt.conf" -qq "$@" &
	wait $!
}

show() {
	apt-cache -c "$tree/apt.conf" show "$1" | sed '/^$/q'
}

# The index of the suite $1, in $tree.
update() {
	reason="no mirror for it in the machine's apt set-up"
	for mirror in $(mirrors_for "$1"); do
		make_tree "$cache/apt/$1" deb \
			"arch=amd64 target=Packages pdiffs=no" "$mirror" "$1"
		if get update >"$tree/log" 2>&1; then
			return 0
		fi
		reason=$(grep -m 1 '^E:' "$tree/log") || reason="apt failed"
	done
	say "$1: no index: $reason"
	return 1
}

# What the package $1 depends on, of packages of kernels with a version.
needs() {
	show "$1" | sed -n 's/^Depends: //p' | tr , '\n' |
		sed -n 's/^ *\(linux-[a-z]*-[0-9][^ ]*\).*/\1/p'
}

# The packages with the suite's kernel; up to 6.12 it is one.
packages_in_tree() {
	image=$(needs linux-image-cloud-amd64 | grep '^linux-image-') ||
		return 1
	parts=$(needs "$image" | grep -E '^linux-(binary|modules)-') || true
	printf '%s\n' "${parts:-$image}"
}

version_in_tree() {
	show "$1" | sed -n 's/^Version: //p'
}

# Puts the module $2, and first what it needs, from the unpacked packages in
# $1/root into $1/modules, and prints their names in that order.
take_module() {
	pattern=$(echo "$2" | sed 's/[-_]/[-_]/g')
	found=$(find "$1/root" -name "$pattern.ko*" | grep -m 1 .) || return 1
	case $found in
	*.xz) xz -dc "$found" >"$1/modules/$2.ko" || return 1 ;;
	*) cp "$found" "$1/modules/$2.ko" || return 1 ;;
	esac
	for needed in $(tr '\0' '\n' <"$1/modules/$2.ko" |
		sed -n 's/^depends=//p' | tr ',' ' '); do
		take_module "$1" "$needed" || return 1
	done
	echo "$2"
}

# From unpacked packages in $1/root to what the cache keeps, in $1.
take_files() {
	mkdir "$1/modules" &&
		vmlinuz=$(find "$1/root" -name 'vmlinuz*' -type f) &&
		mv "$vmlinuz" "$1/vmlinuz" || return 1
	for vendor in amd intel; do
		take_module "$1" "kvm-$vendor" >"$1/load" || return 1
		awk '!seen[$0]++' "$1/load" >"$1/load-$vendor" || return 1
	done
	for release in "$1"/root/lib/modules/* "$1"/root/usr/lib/modules/*; do
		[ ! -d "$release" ] || echo "release ${release##*/}"
	done >>"$1/about"
	rm -r "$1/root" "$1/load"
}

# Fetches and unpacks, in the folder $1, the packages $2 of the version $3.
unpack() {
	for package in $2; do
		cd "$1" && get download "$package=$3" &&
			dpkg-deb -x "$1"/*.deb "$1/root" || return 1
		sum=$(sha256sum "$1"/*.deb) &&
			echo "package $package $3 ${sum%% *}" >>"$1/about" &&
			rm "$1"/*.deb || return 1
	done
}

# The kernel named $1 of the suite $2, whose index is in $tree.
add_to_cache() {
	if ! packages=$(packages_in_tree); then
		say "$1: no kernel in $2"
		return 1
	fi
	version=$(for package in $packages; do
		version_in_tree "$package"
		break
	done)
	folder=$kernels/$version
	if [ -e "$folder" ] && is_whole "$folder"; then
		return 0
	fi
	say "$1: fetching $version from $2"
	new=$kernels/.new
	rm -rf "$new"
	mkdir "$new"
	printf 'name %s\nsuite %s\nversion %s\n' "$1" "$2" "$version" \
		>"$new/about"
	# shellcheck disable=SC2086 # a list of words
	if unpack "$new" "$packages" "$version" && take_files "$new" &&
		(cd "$new" && sha256sum vmlinuz modules/* load-* about >.sums &&
			mv .sums sums) && rm -rf "$folder" &&
		mv "$new" "$folder"; then
		return 0
	fi
	rm -rf "$new"
	say "$1: $version could not be fetched from $2"
	return 1
}

# One at a time. The lock is gone with who has it.
fetch() {
	mkdir -p "$kernels"
	trap 'rm -rf "$kernels/.new"; exit 143' INT TERM
	exec 9>"$cache/lock"
	flock -n 9 || {
		say "waiting for another process that fetches"
		flock 9
	}
	for suite in $(suites_of "$1"); do
		if update "$suite" && add_to_cache "$1" "$suite"; then
			return 0
		fi
	done
	return 1
}

case ${1-} in
names)
	catalogue | sed 's/ .*//' ;;
suite)
	suites_of "$2" | sed 's/ .*//' ;;
cached)
	cached "$2" ;;
get)
	cached "$2" || { fetch "$2" && cached "$2"; } ;;
fetch)
	fetch "$2" && cached "$2" ;;
*)
	say "kernels.sh: no '${1-}'"
	exit 2 ;;
esac
