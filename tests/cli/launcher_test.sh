#!/bin/bash
# The launcher where things are missing: what it says, and that it stops.
# Speaks TAP. Argument: the launcher.
set -u

launcher=$PWD/$1
. tests/tap.sh

# A tree with nothing but the launcher, and a PATH with the plainest tools.
mkdir "$tmp/tree" "$tmp/bin"
cp "$launcher" "$tmp/tree/kvmerrata"
for tool in sh dirname find grep ls id touch mktemp rm cat; do
	ln -s "$(command -v $tool)" "$tmp/bin/$tool"
done

bare() {
	env -i PATH="$tmp/bin" "$@"
}

expect "without bazel it names what is missing and stops" 3 "" \
	bare KVMERRATA_NO_INSTALL=1 "$tmp/tree/kvmerrata" doctor
grep -q '^kvmerrata: these Debian packages are missing: .*bazel-bootstrap' \
	"$tmp/err"
result "the list" $?
grep -qx 'kvmerrata: by hand, as root: apt-get update && apt-get install --no-install-recommends bazel-bootstrap clang libclang-rt-14-dev libcmocka-dev libcjson-dev' \
	"$tmp/err"
result "how to do it by hand" $?
grep -qx 'kvmerrata: KVMERRATA_NO_INSTALL is set: nothing is installed; stopping' \
	"$tmp/err"
result "why it stops" $?

grep -q 'afl++' "$tmp/err" && afl=1 || afl=0
result "nothing of AFL++, which nobody asked for" $afl
for spelling in --engine=afl --eng=afl '-e afl'; do
	# shellcheck disable=SC2086 # two words
	expect "AFL++ is missing too when asked for ($spelling)" 3 "" \
		bare KVMERRATA_NO_INSTALL=1 "$tmp/tree/kvmerrata" fuzz $spelling
	grep -q '^kvmerrata: these Debian packages are missing: .* afl++$' \
		"$tmp/err" && grep -q '^kvmerrata: by hand.* afl++$' "$tmp/err"
	result "and is said how to do by hand" $?
done
expect "the tests want it" 3 "" \
	bare KVMERRATA_NO_INSTALL=1 "$tmp/tree/kvmerrata" test
grep -q '^kvmerrata: these Debian packages are missing: .* afl++$' "$tmp/err"
result "and say so" $?

printf '#!/bin/sh\ntouch "%s/called"\nexit 1\n' "$tmp" >"$tmp/bin/apt-get"
printf '#!/bin/sh\n[ "$1" = -u ] && echo 0\n' >"$tmp/bin/id.new"
mv "$tmp/bin/id.new" "$tmp/bin/id"
chmod +x "$tmp/bin/apt-get" "$tmp/bin/id"
expect "with apt-get there it stops as well" 3 "" \
	bare KVMERRATA_NO_INSTALL=1 "$tmp/tree/kvmerrata" doctor
[ ! -e "$tmp/called" ]
result "and does not call it" $?
expect "an apt-get that fails is said" 3 "" bare "$tmp/tree/kvmerrata" doctor
[ -e "$tmp/called" ] && grep -q '^kvmerrata: apt-get failed; ' "$tmp/err"
result "after it was called" $?
rm "$tmp/bin/apt-get"

expect "without apt-get it says so" 3 "" bare "$tmp/tree/kvmerrata" doctor
grep -qx 'kvmerrata: no apt-get here: install what corresponds by hand' \
	"$tmp/err"
result "and what to do" $?

expect "test wants options of bazel only" 2 \
	"kvmerrata: test takes options of bazel only, not 'x'" \
	bare "$tmp/tree/kvmerrata" test x

# With all that the tests need, but nothing else.
for tool in bazel clang afl-clang-fast; do
	printf '#!/bin/sh\n' >"$tmp/bin/$tool"
	chmod +x "$tmp/bin/$tool"
done
for tool in awk sed; do
	ln -s "$(command -v $tool)" "$tmp/bin/$tool"
done
expect "test without a browser goes on" 0 "" \
	bare KVMERRATA_NO_INSTALL=1 "$tmp/tree/kvmerrata" test
grep -qx 'kvmerrata: chromium is missing: no browser looks at pages' \
	"$tmp/err" && grep -q '^tests: 0 passed' "$tmp/out"
result "and says so" $?
expect "test has help" 0 "" bare "$tmp/tree/kvmerrata" test --help

plan
