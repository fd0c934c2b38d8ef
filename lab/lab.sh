#!/bin/sh
# kvmerrata lab: our verbs on other kernels, in software. Called by the
# launcher, which has made sure of what is needed.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata

say() {
	printf 'lab: %s\n' "$*" >&2
}

usage() {
	cat <<-'END'
	Usage: kvmerrata lab list
	       kvmerrata lab fetch [KERNEL...]
	       kvmerrata lab run [OPTION...] -- VERB [ARGUMENT...]
	       kvmerrata lab fingerprint [OPTION...]
	       kvmerrata lab bochs

	Debian's stock kernels under software emulation, with the real kvm_amd:
	no /dev/kvm is needed. `kvmerrata lab COMMAND --help` tells more.
	END
}

list_usage() {
	cat <<-'END'
	Usage: kvmerrata lab list

	The kernels that the lab knows by name, where they come from, the version
	in the cache, if any, and the vendor modules that can be run. Asks nobody:
	`lab fetch` does.
	END
}

fetch_usage() {
	cat <<-END
	Usage: kvmerrata lab fetch [KERNEL...]

	Asks the mirror of this machine's own apt for each KERNEL (default: all)
	and fetches what is newer than in the cache, which is
	$cache/kernels.
	What cannot be had is said and skipped. Exit status 4 if nothing could be
	had, 3 if some could not.
	END
}

# field FOLDER NAME
field() {
	sed -n "s/^$2 //p" "$1/about"
}

row() {
	printf '%-14s %-20s %-24s %-7s %s\n' "$@"
}

list() {
	row kernel suite version cached vendors
	for name in $("$lab/kernels.sh" names); do
		if folder=$("$lab/kernels.sh" cached "$name"); then
			row "$name" "$(field "$folder" suite)" \
				"$(field "$folder" version)" yes "amd intel"
		else
			row "$name" "$("$lab/kernels.sh" suite "$name")" \
				"not known offline" no "amd intel"
		fi
	done
}

fetch() {
	had=0
	failed=0
	if [ $# = 0 ] || [ "$*" = all ]; then
		# shellcheck disable=SC2046 # a list of words
		set -- $("$lab/kernels.sh" names)
	fi
	for name in "$@"; do
		if [ -z "$("$lab/kernels.sh" suite "$name")" ]; then
			say "no kernel '$name'; \`kvmerrata lab list\` has them"
			exit 2
		fi
	done
	for name in "$@"; do
		if folder=$("$lab/kernels.sh" fetch "$name"); then
			had=$((had + 1))
			printf '%-14s %s\n' "$name" "$(field "$folder" version)"
		else
			failed=$((failed + 1))
		fi
	done
	[ $failed = 0 ] || say "$failed of $((had + failed)) kernels skipped"
	[ $had != 0 ] || exit 4
	[ $failed = 0 ] || exit 3
}

case ${1-} in
--help | '')
	usage
	[ $# != 0 ] || exit 2 ;;
list)
	case ${2-} in
	--help) list_usage ;;
	'') list ;;
	*)
		say "list takes no arguments"
		exit 2 ;;
	esac ;;
fetch)
	shift
	case ${1-} in
	--help) fetch_usage ;;
	-*)
		say "fetch takes names of kernels, not '$1'"
		exit 2 ;;
	*) fetch "$@" ;;
	esac ;;
bochs)
	case ${2-} in
	--help)
		echo "Usage: kvmerrata lab bochs"
		echo "Builds a newer Bochs than Debian's from Debian's source, for" \
			"--vendor=intel:"
		echo "three times as fast, and with APICv. Prints where it is." ;;
	'') exec "$lab/bochs-build.sh" ;;
	*)
		say "bochs takes no arguments"
		exit 2 ;;
	esac ;;
run | fingerprint)
	command=$1
	shift
	exec "$lab/$command.sh" "$@" ;;
*)
	say "no command '$1': list, fetch, run, fingerprint or bochs"
	exit 2 ;;
esac
