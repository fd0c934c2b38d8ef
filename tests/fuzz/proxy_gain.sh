#!/bin/bash
# What the proxy search gains: distinct explained signatures, and rows that
# they name, after equal time on this host; half of it spent with the target
# tell and half with diff, against all of it with diff. Prints a line a seed,
# then medians. Needs /dev/kvm.
#
#   tests/fuzz/proxy_gain.sh [SECONDS [SEED...]]     default: 60 1 2 3 4 5
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd)
seconds=${1-60}
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- 1 2 3 4 5
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# fuzz TARGET SECONDS SEED OUT: 1 is what finding something ends with. The
# engine would run all of a corpus first, however long that takes.
fuzz() {
	timeout --signal=INT "$2" \
		"$root/kvmerrata" fuzz --target="$1" --against=arch \
		--seed="$3" --out="$4" >"$4.log" 2>&1 || [ $? = 124 ] ||
		{ tail -n 5 "$4.log" >&2; exit 3; }
}

# of OUT: how many signatures, and how many rows in them.
of() {
	cat "$1"/explained/*/meta.json 2>/dev/null |
		sed -n 's/.*"signature":[[:space:]]*"\(.*\)",/\1/p' >"$1.sig"
	echo "$(sort -u "$1.sig" | wc -l)" \
		"$(grep -o ' [+-][a-z0-9_]*' "$1.sig" | sort -u | wc -l)"
}

# medians FILE: of its columns
medians() {
	for column in 1 2 3 4; do
		awk -v c=$column '{ print $c }' "$1" | sort -n |
			sed -n "$(($(wc -l <"$1") / 2 + 1))p"
	done | xargs
}

"$root/kvmerrata" fuzz --help >/dev/null # builds
echo "seed: signatures and rows of diff alone, of tell then diff"
for seed; do
	fuzz diff "$seconds" "$seed" "$tmp/alone$seed"
	fuzz tell $((seconds / 2)) "$seed" "$tmp/proxy$seed"
	fuzz diff $((seconds - seconds / 2)) "$seed" "$tmp/proxy$seed"
	echo "$(of "$tmp/alone$seed") $(of "$tmp/proxy$seed")" >>"$tmp/table"
	echo "$seed: $(tail -n 1 "$tmp/table")"
done
echo "medians: $(medians "$tmp/table")"
