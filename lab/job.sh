#!/bin/sh
# job.sh CACHED VENDOR WORK DIR LIMIT: the verb of WORK (lab/payload.sh) on one
# kernel, that of the folder CACHED, and what it gave. Leaves in DIR
#
#   console, stderr   as they come
#   stdout, status    of the verb, once it is known; status 3 with `verdict`, a
#                     sentence, where the kernel did not finish
#   ended             written last
#
# DIR/to has the places for what the verb wrote, a line each, in the order of
# WORK/outputs. LIMIT is in seconds.
set -u

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cached=$1
vendor=$2
work=$3
dir=$4
limit=$5

# What a verb has to end in when it is asked to, carrying out included. Of that
# `fuzz` gives its jobs 30 (cli/jobs.c).
stop_seconds=60
# What an emulator has after that.
end_seconds=5

# not_finished WHY
not_finished() {
	echo "$*" >"$dir/verdict"
	echo 3 >"$dir/status"
	: >"$dir/ended"
	exit 3
}

# This kernel's part of the initramfs: its modules, and what there is already
# of what the verb writes, for it to go on with.
make_initrd() {
	stage=$dir/stage
	mkdir -p "$stage/lab"
	cp -r "$cached/modules" "$stage/lab/modules"
	cp "$cached/load-$vendor" "$stage/lab/load"
	exec 4<"$dir/to"
	while read -r inside; do
		read -r outside <&4
		[ -e "$outside" ] || continue
		mkdir -p "$stage$(dirname -- "$inside")"
		cp -rLT -- "$outside" "$stage$inside" || return 1
	done <"$work/outputs"
	exec 4<&-
	"$lab/initramfs.sh" "$stage" >"$dir/part" &&
		cat "$work/payload" "$dir/part" >"$dir/initrd" &&
		rm -r "$stage" "$dir/part"
}

emulator() {
	case $vendor in
	amd) echo "$lab/qemu.sh" ;;
	intel) echo "$lab/bochs.sh" ;;
	esac
}

# The result has the sum that it says, and is unpacked.
unpack_result() {
	[ -s "$dir/result" ] && read -r want _ <"$dir/result" &&
		tail -n +2 "$dir/result" >"$dir/result.tar.gz" &&
		got=$(sha256sum <"$dir/result.tar.gz") &&
		[ "${got%% *}" = "$want" ] &&
		tar -xzmf "$dir/result.tar.gz" -C "$dir" &&
		rm "$dir/result" "$dir/result.tar.gz" "$dir/initrd"
}

# put FROM TO: a file or folder appears whole; to a folder that is there are
# added files, each whole.
put() {
	mkdir -p "$(dirname -- "$2")" && rm -rf "$2.part" &&
		cp -rT -- "$1" "$2.part" || return 1
	if [ -d "$2" ]; then
		cp -rlfT -- "$2.part" "$2" && rm -r "$2.part"
	else
		mv -T -- "$2.part" "$2"
	fi
}

put_outputs() {
	number=0
	while read -r outside; do
		number=$((number + 1))
		[ ! -e "$dir/out/$number" ] ||
			put "$dir/out/$number" "$outside" || return 1
	done <"$dir/to"
}

# Until the emulator has ended; status 1: not within $1 seconds, or a signal.
# A sleep may outlive us, and holds no lock (lab/work.sh).
wait_for_end() {
	left=$1
	while kill -0 "$pid" 2>/dev/null; do
		[ "$left" -gt 0 ] && [ -z "$interrupted" ] || return 1
		left=$((left - 1))
		sleep 1 7>&-
	done
}

# A machine that hangs may take its emulator with it, which then hears no SIGTERM.
end_machine() {
	kill "$pid"
	for _ in $(seq $end_seconds); do
		sleep 1 7>&-
		kill -0 "$pid" 2>/dev/null || return 0
	done
	kill -KILL "$pid"
}

# The verb is asked to end, and given time to; then the machine is ended. One
# that has not come to the verb has nothing to give.
stop() {
	left=$stop_seconds
	grep -q 'lab: the verb runs' "$dir/console" || left=0
	while kill -0 "$pid" 2>/dev/null; do
		if [ "$left" = 0 ] || ! [ -p "$dir/com2.in" ]; then
			end_machine
			return
		fi
		left=$((left - 1))
		echo stop 1<>"$dir/com2.in"
		sleep 1 7>&-
	done
}

interrupted=
why=
trap 'interrupted=1' TERM
make_initrd || not_finished "its initramfs could not be made"
"$lab/tied.sh" $$ "$(emulator)" "$cached/vmlinuz" "$dir/initrd" "$dir" \
	>"$dir/emulator" 2>&1 &
pid=$!
if ! wait_for_end "$limit"; then
	[ -n "$interrupted" ] || why="the time limit of $limit s"
	stop
fi
trap '' TERM
wait "$pid"
ended=$?
if ! unpack_result; then
	case $ended in
	0) no_result="the machine went off without a result" ;;
	*) no_result="the emulator ended with status $ended" ;;
	esac
	[ -z "$interrupted" ] || why="interrupted"
	not_finished "${why:-$no_result}"
fi
put_outputs || not_finished "what it wrote could not be put in place"
[ -z "$why" ] || not_finished "$why; what there was is carried out"
: >"$dir/ended"
