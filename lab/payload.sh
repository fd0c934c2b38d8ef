#!/bin/sh
# payload.sh WORK VERB [ARGUMENT...]: what all machines of a run have in common:
# WORK/payload, a part of an initramfs with busybox, /init, our binaries with
# their libraries, the corpora, and the verb as a script; and WORK/outputs, the
# paths that the verb writes.
#
# Inside, everything is where it is outside, the working folder included. What
# an argument or the value of an option names, and is there, is carried in.
# From the environment: KVMERRATA_ROOT, KVMERRATA_BINARY, KVMERRATA_FUZZ_DIR.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
here=$(pwd -P)
stage=$1/stage
outputs=$1/outputs
payload=$1/payload
shift

# More than that is not meant to be carried.
mb_max=256

say() {
	printf 'lab: %s\n' "$*" >&2
}

absolute() {
	realpath -ms -- "$1"
}

# carry PATH: a file or folder to the same place inside.
carry() {
	mb=$(du -smL -- "$1" 2>/dev/null | cut -f 1) || true
	if [ "${mb:-0}" -gt $mb_max ]; then
		say "$1: $mb MB is too much to carry in"
		exit 2
	fi
	mkdir -p "$stage$(dirname -- "$1")"
	if ! cp -rLT -- "$1" "$stage$1"; then
		say "$1: cannot be carried in"
		exit 2
	fi
}

input() {
	path=$(absolute "$1")
	case $path/ in
	/dev/* | /proc/* | /sys/*) return ;;
	esac
	[ ! -e "$path" ] || carry "$path"
}

# Each machine has its own of what is there already: lab/job.sh carries it.
output() {
	path=$(absolute "$1")
	mkdir -p "$stage$(dirname -- "$path")"
	printf '%s\n' "$path" >>"$outputs"
}

arguments() {
	is_output=
	for word in "$@"; do
		if [ -n "$is_output" ]; then
			output "$word"
			is_output=
			continue
		fi
		case $word in
		--o*=*) output "${word#*=}" ;;
		-o | --o*) is_output=1 ;;
		-o*) output "${word#-o}" ;;
		--*=*) input "${word#*=}" ;;
		*) input "$word" ;;
		esac
	done
}

# binary FILE: to /lab/bin, without what only debuggers read, and what it needs.
binary() {
	mkdir -p "$stage/lab/bin"
	strip --strip-debug -o "$stage/lab/bin/$(basename "$1")" "$1"
	libraries "$1"
}

# What the dynamic loader would load, to the same place.
libraries() {
	for library in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		mkdir -p "$stage$(dirname "$library")"
		cp -Lu "$library" "$stage$library"
	done
}

quoted() {
	printf "'%s' " "$(printf '%s' "$1" | sed "s/'/'\\\\''/g")"
}

verb_script() {
	printf 'cd '
	quoted "$here"
	printf '&& exec env KVMERRATA_ROOT='
	quoted "$KVMERRATA_ROOT"
	printf '/lab/bin/kvmerrata '
	for word in "$@"; do
		quoted "$word"
	done
	echo
}

# What runs writes no more when we are gone.
trap 'exit 143' TERM
mkdir -p "$stage/bin" "$stage/lab" "$stage$here"
: >"$outputs"
cp -L "$(command -v busybox)" "$stage/bin/busybox"
libraries "$stage/bin/busybox"
cp "$lab/init" "$stage/init"
binary "$KVMERRATA_BINARY"
carry "$KVMERRATA_ROOT/corpora"
verb_script "$@" >"$stage/lab/verb"
verb=$1
shift
arguments "$@"
case $verb in
fuzz | bench)
	for target in "$KVMERRATA_FUZZ_DIR"/fuzz_*_bin; do
		binary "$target"
	done ;;
esac
if [ "$verb" = fuzz ] && ! [ -s "$outputs" ]; then
	output fuzz-out
fi
cp "$outputs" "$stage/lab/outputs"
"$lab/initramfs.sh" "$stage" >"$payload"
rm -r "$stage"
