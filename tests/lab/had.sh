# What tests of the lab need of the machine. Source it after tap.sh.

# The user's own cache, so that a kernel is fetched once.
users_cache() {
	printf '%s\n' "${XDG_CACHE_HOME:-${HOME:-$(getent passwd "$(id -u)" |
		cut -d : -f 6)}/.cache}"
}

# need_tool TOOL...: skips everything where one is missing.
need_tool() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null && continue
		skip_one "the lab" "no $tool here"
		plan
	done
}

# need_kernel NAME...: skips everything where one cannot be had.
need_kernel() {
	local name
	for name in "$@"; do
		XDG_CACHE_HOME=$(users_cache) lab/kernels.sh get "$name" \
			>"$tmp/folder" 2>"$tmp/why" && continue
		skip_one "the lab" "$(tail -n 1 "$tmp/why")"
		plan
	done
}

# The processes of the lab that work in the folder $1. The brackets keep the
# command from finding itself.
processes_in() {
	grep -ls -e "[^ ]*$1[/]" /proc/[0-9]*/cmdline 2>/dev/null |
		grep -v "/proc/$$/"
}

# signal_emulator SIGNAL FOLDER: to QEMU, of a machine in that folder.
signal_emulator() {
	local file pid
	for file in $(processes_in "$2"); do
		grep -qs '^qemu-system' "$file" && pid=${file#/proc/} &&
			kill "-$1" "${pid%/cmdline}"
	done
}

# Have they all ended, within 5 s? Left alone they would go on for longer.
all_have_ended() {
	local i
	for i in $(seq 50); do
		processes_in "$1" >/dev/null || return 0
		sleep 0.1
	done
	for i in $(processes_in "$1"); do
		echo "# left: $(tr '\0' ' ' <"$i")"
		i=${i#/proc/}
		kill -KILL "${i%/cmdline}"
	done
	return 1
}

# Waits up to 60 s for a file that the pattern names.
wait_for_file() {
	local i
	for i in $(seq 600); do
		compgen -G "$1" >/dev/null && return 0
		sleep 0.1
	done
	echo "# no $1"
	return 1
}
