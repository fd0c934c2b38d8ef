#!/bin/sh
# kvmerrata lab run: a verb on several kernels side by side. lab/job.sh runs
# one; here they are started, watched and summed up.
set -eu

lab=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/kvmerrata
logs=$cache/logs
kernels=newest
vendors=amd
limit=
jobs_max=
name_all=
limit_default=600

# shellcheck source=lab/work.sh
. "$lab/work.sh"

# What a machine wants of the host's memory, and gets at most, in MB.
job_mb=1536
machine_mb_max=2048
machine_mb_min=1024

say() {
	printf 'lab: %s\n' "$*" >&2
}

bad_usage() {
	say "$*; see \`kvmerrata lab run --help\`"
	exit 2
}

usage() {
	cat <<-'END'
	Usage: kvmerrata lab run [OPTION...] -- VERB [ARGUMENT...]

	Runs a verb of kvmerrata on Debian's stock kernels under software
	emulation, on a /dev/kvm of theirs. Kernels not in the cache are fetched.

	  --kernel=LIST     of 5.10, 6.1, 6.12, newest, experimental, or versions
	                    in the cache; or all (default: newest)
	  --vendor=LIST     amd (default), intel
	  --time-limit=S    for each kernel (default: 600, and the verb's --time)
	  --jobs=N          side by side (default: as cores and memory allow)

	Files and folders that arguments name are carried in, to the same place.
	What the verb writes (-o, --out, --output; fuzz-out for fuzz) is carried
	out: for several kernels, or with --name-all, to names with
	.KERNEL-VENDOR before the ending, so host.json becomes
	host.6.1-amd.json and out becomes out.6.1-amd.

	Exit status: the verb's. For several kernels 3 if any gave 3, else 1 if
	any gave 1, else 2, else 0 if any gave 0, else 4. A kernel that did not
	finish is a 3, one that could not be had is skipped and counted.
	END
}

number() {
	case $2 in
	'' | 0* | *[!0-9]*) bad_usage "$1 wants a number, not '$2'" ;;
	esac
	printf '%s' "$2"
}

# Known names, or versions in the cache, without repetition.
check_lists() {
	names=$("$lab/kernels.sh" names)
	[ "$kernels" != all ] || kernels=$(echo "$names" | tr '\n' ,)
	kernels=$(echo "$kernels" | tr ',' '\n' | awk '!seen[$0]++')
	vendors=$(echo "$vendors" | tr ',' '\n' | awk '!seen[$0]++')
	[ -n "$kernels" ] || bad_usage "--kernel wants names"
	[ -n "$vendors" ] || bad_usage "--vendor wants names"
	for kernel in $kernels; do
		echo "$names" | grep -qxF -- "$kernel" ||
			[ -e "$cache/kernels/$kernel/about" ] ||
			bad_usage "no kernel '$kernel'"
	done
	for vendor in $vendors; do
		case $vendor in
		amd | intel) ;;
		*) bad_usage "no vendor '$vendor': amd or intel" ;;
		esac
	done
}

# The value of the verb's --time, in its spellings, or 0.
verb_time() {
	is_time=
	time=0
	for word in "$@"; do
		case ${is_time:+is }$word in
		'is '*) time=$word ;;
		-T?* | --ti*=*)
			time=${word#*=}
			time=${time#-T} ;;
		esac
		case $word in
		-T | --time) is_time=1 ;;
		*) is_time= ;;
		esac
	done
	case $time in
	*[!0-9]* | '') time=0 ;;
	esac
	echo "$time"
}

# A child of ours, which a signal for us does not wait for.
child() {
	"$lab/tied.sh" $$ "$@" &
	child_pid=$!
	wait $child_pid
}

# kill_jobs SIGNAL
kill_jobs() {
	for job in $all; do
		[ ! -e "$work/$job/pid" ] || [ -e "$work/$job/ended" ] ||
			kill "-$1" "$(cat "$work/$job/pid")" 2>/dev/null || true
	done
}

# The first time verbs are asked to end, and what they gave is reported.
interrupt() {
	if [ -n "$interrupted" ] || [ -z "$watching" ]; then
		trap '' INT TERM
		kill_jobs KILL
		[ -z "$child_pid" ] || kill "$child_pid" 2>/dev/null || true
		wait
		exit "$1"
	fi
	interrupted=1
	say "stopping; once more to stop at once"
	kill_jobs TERM
}

# with_job PATH JOB: PATH with .JOB before its ending.
with_job() {
	case ${1##*/} in
	?*.*) printf '%s.%s.%s\n' "${1%.*}" "$2" "${1##*.}" ;;
	*) printf '%s.%s\n' "$1" "$2" ;;
	esac
}

# Makes a folder for each kernel and vendor; their names are $all.
make_jobs() {
	for kernel in $kernels; do
		if ! child "$lab/kernels.sh" get "$kernel" >"$work/cached"; then
			say "$kernel: skipped: it cannot be had"
			skipped=$((skipped + 1))
			continue
		fi
		for vendor in $vendors; do
			mkdir "$work/$kernel-$vendor"
			cp "$work/cached" "$work/$kernel-$vendor/"
			all="$all $kernel-$vendor"
			total=$((total + 1))
		done
	done
}

# Where each has what the verb writes.
name_outputs() {
	for job in $all; do
		while read -r path; do
			if [ $total = 1 ] && [ -z "$name_all" ]; then
				printf '%s\n' "$path"
			else
				with_job "$path" "$job"
			fi
		done <"$work/outputs" >"$work/$job/to"
	done
}

share_host() {
	available=$(awk '/^MemAvailable:/ { print int($2 / 1024) }' /proc/meminfo)
	if [ -z "$jobs_max" ]; then
		jobs_max=$((available / job_mb))
		[ "$jobs_max" -le "$(nproc)" ] || jobs_max=$(nproc)
		[ "$jobs_max" -ge 1 ] || jobs_max=1
	fi
	LAB_MEMORY=$((available / jobs_max - (job_mb - machine_mb_min)))
	[ $LAB_MEMORY -ge $machine_mb_min ] || LAB_MEMORY=$machine_mb_min
	[ $LAB_MEMORY -le $machine_mb_max ] || LAB_MEMORY=$machine_mb_max
	export LAB_MEMORY
}

start() {
	# Ctrl-C is for us, not for an emulator.
	"$lab/tied.sh" $$ setsid "$lab/job.sh" "$(cat "$work/$1/cached")" \
		"${1##*-}" "$work" "$work/$1" "$limit" &
	echo $! >"$work/$1/pid"
}

is_over() {
	if [ ! -e "$work/$1/pid" ]; then
		[ -n "$interrupted" ]
	else
		[ -e "$work/$1/ended" ] ||
			! kill -0 "$(cat "$work/$1/pid")" 2>/dev/null
	fi
}

# What the job $1 said last.
last_word() {
	if [ -e "$work/$1/verdict" ]; then
		word="did not finish: $(cat "$work/$1/verdict")"
	elif [ -e "$work/$1/ended" ]; then
		word="done"
	elif [ ! -e "$work/$1/pid" ]; then
		word="waiting"
	else
		word=$(tail -n 1 "$work/$1/stderr" 2>/dev/null |
			tr -d '\r' | cut -c 1-60)
	fi
	printf '%-20s %s\n' "$1" "${word:-booting}"
}

# Of one kernel all that it says; of several the last lines, redrawn on a
# terminal and otherwise every ten seconds.
show_progress() {
	if [ $total = 1 ]; then
		[ ! -e "$work/${all# }/stderr" ] || {
			tail -c +$((shown + 1)) "$work/${all# }/stderr" \
				>"$work/news"
			size=$(wc -c <"$work/news")
			shown=$((shown + ${size:-0}))
			cat "$work/news" >&2
		}
	elif [ -t 2 ]; then
		for job in $all; do
			printf '\033[K%s\n' "$(last_word "$job")"
		done >&2
		printf '\033[%dA' "$total" >&2
	elif [ $((rounds % 10)) = 9 ]; then
		for job in $all; do
			last_word "$job" >&2
		done
	fi
}

# Jobs start in their order.
watch_jobs() {
	watching=1
	shown=0
	rounds=0
	while :; do
		running=0
		over=0
		for job in $all; do
			if is_over "$job"; then
				over=$((over + 1))
				continue
			fi
			[ -e "$work/$job/pid" ] || [ $running -ge "$jobs_max" ] ||
				start "$job"
			running=$((running + 1))
		done
		show_progress
		[ $over != $total ] || break
		sleep 1 7>&-
		rounds=$((rounds + 1))
	done
	[ $total = 1 ] || [ ! -t 2 ] || printf '\033[J' >&2
}

# Keeps the log of one that did not finish, and says where.
not_finished() {
	why=$(cat "$work/$1/verdict" 2>/dev/null) || why="it was interrupted"
	rm -rf "${logs:?}/$1"
	mkdir -p "$logs/$1"
	for file in console stderr emulator; do
		[ ! -e "$work/$1/$file" ] ||
			cp "$work/$1/$file" "$logs/$1/$file"
	done
	say "$1: the kernel did not finish: $why; logs in $logs/$1"
	unfinished=$((unfinished + 1))
}

# The worse of two statuses, of several kernels.
worse() {
	for status in 3 1 2 0; do
		if [ "$1" = $status ] || [ "$2" = $status ]; then
			echo $status
			return
		fi
	done
	echo 4
}

# What the job $1 printed, and its status in $status.
report() {
	dir=$work/$1
	if [ $total != 1 ]; then
		printf '== %s (%s), kvm_%s\n' "${1%-*}" \
			"$(sed -n 's/^release //p' "$(cat "$dir/cached")/about")" \
			"${1##*-}"
	fi
	[ ! -e "$dir/stdout" ] || cat "$dir/stdout"
	if [ ! -e "$dir/ended" ] || [ -e "$dir/verdict" ]; then
		not_finished "$1"
		status=3
		return
	fi
	status=$(cat "$dir/status")
	if [ $total != 1 ] && [ "$status" != 0 ] && [ "$status" != 1 ]; then
		tail -n 5 "$dir/stderr" | sed "s/^/$1: /" >&2
	fi
}

report_all() {
	sum=
	for job in $all; do
		report "$job"
		if [ $total = 1 ]; then
			sum=$status
		else
			case $status in
			[0-4]) ;;
			*) status=3 ;;
			esac
			sum=$(worse "${sum:-$status}" "$status")
		fi
	done
	if [ $((total + skipped)) != 1 ]; then
		say "$((total - unfinished)) kernels finished," \
			"$unfinished did not, $skipped skipped"
	fi
	return "${sum:-4}"
}

while [ $# != 0 ]; do
	case $1 in
	--) break ;;
	--help)
		usage
		exit 0 ;;
	--kernel=*) kernels=${1#*=} ;;
	--vendor=*) vendors=${1#*=} ;;
	--time-limit=*) limit=$(number --time-limit "${1#*=}") ;;
	--name-all) name_all=1 ;;
	--jobs=*) jobs_max=$(number --jobs "${1#*=}") ;;
	*) bad_usage "no option '$1'" ;;
	esac
	shift
done
[ $# -gt 1 ] || bad_usage "a verb is wanted after --"
shift
check_lists
limit=${limit:-$((limit_default + $(verb_time "$@")))}

all=
total=0
skipped=0
unfinished=0
watching=
interrupted=
child_pid=
trap 'interrupt 130' INT
trap 'interrupt 143' TERM
make_work
make_jobs
if [ $total != 0 ]; then
	child "$lab/payload.sh" "$work" "$@"
	name_outputs
	share_host
	# Ctrl-C ends what runs in there just then, which does not matter.
	watch_jobs || true
fi
report_all
