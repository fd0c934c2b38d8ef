# shellcheck shell=sh
# For scripts that keep files while they run. Source it; it wants $cache.

# $work, a folder for this run, and away with those of runs that were killed:
# whose lock nobody holds. What is started holds it as well.
make_work() {
	mkdir -p "$cache/run"
	exec 8>"$cache/run/lock"
	flock 8
	for old in "$cache"/run/*/; do
		[ ! -d "$old" ] || ! flock -n "$old" true || rm -rf "$old"
	done
	work=$(mktemp -d "$cache/run/XXXXXX")
	exec 7<"$work"
	flock 7
	exec 8>&-
	trap 'rm -rf "$work"' EXIT
}
