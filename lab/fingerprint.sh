#!/bin/sh
# kvmerrata lab fingerprint: the errata of several kernels and vendors, side by
# side. lab/run.sh takes them, `kvmerrata fingerprint FILE...` prints them.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
kernels=5.10,6.1,6.12,newest
vendors=amd
format=table
keep=

cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata
# shellcheck source=lab/work.sh
. "$lab/work.sh"

say() {
	printf 'lab: %s\n' "$*" >&2
}

bad_usage() {
	say "$*; see \`kvmerrata lab fingerprint --help\`"
	exit 2
}

usage() {
	cat <<-END
	Usage: kvmerrata lab fingerprint [OPTION...]

	Runs the witness of every erratum on several kernels and prints what each
	of them has, side by side.

	  --kernel=LIST     as of \`lab run\` (default: $kernels)
	  --vendor=LIST     amd (default), intel
	  --format=FORMAT   table (default), json or md
	  --out=DIR         keep DIR/KERNEL-VENDOR.json, which --against takes
	  --jobs=N, --time-limit=S   as of \`lab run\`

	Exit status: 0, or 3 if a kernel did not finish, or 4 if none was had.
	END
}

options=
for word in "$@"; do
	case $word in
	--help)
		usage
		exit 0 ;;
	--kernel=*) kernels=${word#*=} ;;
	--vendor=*) vendors=${word#*=} ;;
	--format=table | --format=json | --format=md) format=${word#*=} ;;
	--format=*) bad_usage "--format is table, json or md" ;;
	--out=?*) keep=${word#*=} ;;
	--jobs=* | --time-limit=*) options="$options $word" ;;
	*) bad_usage "no option '$word'" ;;
	esac
done

make_work
folder=$work
# shellcheck disable=SC2086 # a list of words
"$lab/tied.sh" $$ "$lab/run.sh" --kernel="$kernels" --vendor="$vendors" \
	--name-all $options -- fingerprint -o "$folder/host.json" >/dev/null &
run=$!
trap 'kill "$run"' INT TERM
# A signal ends the first `wait`, and is passed on.
status=0
wait "$run" || status=$?
while kill -0 "$run" 2>/dev/null; do
	status=0
	wait "$run" || status=$?
done
set --
[ "$kernels" != all ] || kernels=$("$lab/kernels.sh" names | tr '\n' ' ')
for vendor in $(echo "$vendors" | tr , ' '); do
	for kernel in $(echo "$kernels" | tr , ' '); do
		file=$folder/host.$kernel-$vendor.json
		[ ! -e "$file" ] || set -- "$@" "$file"
	done
done
[ $# != 0 ] || exit $status
"$KVMERRATA_BINARY" fingerprint --format="$format" "$@" || exit 3
[ -n "$keep" ] || exit $status
mkdir -p "$keep"
for file; do
	name=${file##*/host.}
	cp "$file" "$keep/.$name" && mv "$keep/.$name" "$keep/$name" || exit 3
done
exit $status
