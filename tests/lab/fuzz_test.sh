#!/bin/bash
# Fuzzing on an old kernel in the lab: whatever ends it, what it found is
# carried out. Speaks TAP. Arguments: the kvmerrata binary and one of the fuzz
# targets beside which the others are.
set -u

export KVMERRATA_BINARY=$PWD/$1 KVMERRATA_FUZZ_DIR=$PWD/$(dirname "$2")
export KVMERRATA_ROOT=$PWD
. tests/tap.sh
. tests/lab/had.sh
. tests/fuzz/out_folder.sh

old=5.10
need_tool qemu-system-x86_64 busybox setpriv flock
need_kernel $old
mkdir -p "$tmp/cache/kvmerrata"
ln -s "$(users_cache)/kvmerrata/kernels" "$tmp/cache/kvmerrata/kernels"
export XDG_CACHE_HOME=$tmp/cache
lab=$PWD/lab/lab.sh

k() {
	"$KVMERRATA_BINARY" "$@"
}

reports() {
	ls "$1"/findings/*/report.scn "$1"/explained/*/report.scn 2>/dev/null |
		wc -l
}

# A machine that hangs is ended by the limits, and fails the test.
setsid env --default-signal=INT "$lab" run --kernel=$old --time-limit=150 \
	-- fuzz --seed=1 --out="$tmp/o" >"$tmp/out" 2>"$tmp/err" &
started=$!
for _ in $(seq 120); do
	[ "$(grep -cE '^(EXPLAINED|FINDING): ' "$tmp/err")" -lt 3 ] || break
	sleep 1
done
kill -INT $started
wait $started
[ $? = 1 ]
result "an interrupt ends fuzzing as outside" $?
grep -q '^all  *[0-9]' "$tmp/out"
result "with its table" $?
before=$(reports "$tmp/o")
[ "$before" -ge 3 ] && [ ! -e "$tmp/o.part" ]
result "and everything is carried out" $?
grep -qs '^# host: Linux 5\.10\..*, kvm_amd, ' "$tmp"/o/*/*/report.scn
result "as it was found there" $?

expect "a second run, which the time limit ends, did not finish" 3 "" \
	"$lab" run --kernel=$old --time-limit=30 -- fuzz --seed=2 \
	--out="$tmp/o"
grep -q 'the time limit of 30 s; what there was is carried out; logs in ' \
	"$tmp/err"
result "which is said" $?
[ "$(reports "$tmp/o")" -ge "$before" ] &&
	grep -q "^explained by errata in $tmp/o/explained:" "$tmp/out"
result "it went on with what the first had found" $?
mkdir "$tmp/e"
ln -s "$tmp/o/explained" "$tmp/e/findings"
findings_are_whole "$tmp/e"
result "all of which is whole" $?

# A result that is cut off in the middle.
mkdir "$tmp/o2"
head -c 3000000 /dev/urandom >"$tmp/o2/large"
"$lab" run --kernel=$old --time-limit=100 -- fuzz --runs=1 \
	--out="$tmp/o2" >"$tmp/out" 2>"$tmp/err" &
started=$!
wait_for_file "$XDG_CACHE_HOME/kvmerrata/run/*/$old-amd/result" &&
	sent=$(compgen -G "$XDG_CACHE_HOME/kvmerrata/run/*/$old-amd/result")
for _ in $(seq 600); do
	[ ! -s "$sent" ] || break
	sleep 0.1
done
signal_emulator KILL "$XDG_CACHE_HOME/kvmerrata/run"
wait $started
[ $? = 3 ] && grep -q 'did not finish: the emulator ended with status 137;' \
	"$tmp/err" && [ "$(ls "$tmp/o2")" = large ]
result "a part of a result is none" $?
[ "$(ls "$XDG_CACHE_HOME/kvmerrata/run")" = lock ]
result "nothing else is left" $?

plan
