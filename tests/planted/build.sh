# Sourced by the long runs: what they need is built and copied, so that building
# something meanwhile changes nothing. The caller sets
#   root       the project's folder
#   work       a folder for what the runs leave, or nothing for a temporary one
# Sets what find.sh wants, and $pad.

if [ -z "$work" ]; then
	work=$(mktemp -d)
	trap 'rm -rf "$work"' EXIT
fi
mkdir -p "$work" && work=$(cd "$work" && pwd) || exit 3
host=$work/host.json
# The launcher builds what is missing.
"$root/kvmerrata" fuzz --target=codec --runs=1 --out="$work/build" \
	>/dev/null || exit 3
"$root/kvmerrata" fingerprint -o "$host" >/dev/null ||
	exit $?
(cd "$root" && bazel build //tests/planted:planted.so //tests/planted:pad) \
	>"$work/log" 2>&1 || {
	cat "$work/log" >&2
	exit 3
}
cp -f "$root/bazel-out/k8-opt/bin/cli/kvmerrata" \
	"$root/bazel-out/k8-opt/bin/tests/planted/planted.so" \
	"$root/bazel-out/k8-opt/bin/tests/planted/pad" \
	"$root/bazel-out/k8-opt-libfuzzer/bin/fuzz/fuzz_diff_bin" "$work" ||
	exit 3
export KVMERRATA_ROOT=$root
export KVMERRATA_FUZZ_DIR=$work
kvmerrata=$work/kvmerrata
planted=$work/planted.so
pad=$work/pad
