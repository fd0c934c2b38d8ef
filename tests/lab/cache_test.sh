#!/bin/bash
# The cache of kernels: what is corrupted, cannot be had, or is killed. A real
# index with Debian's own signature, served from a folder. Speaks TAP.
set -u

. tests/tap.sh
. tests/lab/had.sh

kernel=5.10
suite=$(lab/kernels.sh suite $kernel)
need_tool apt-get dpkg-deb xz setpriv flock

# A mirror with the kernel's suite and packages, copied from the machine's.
mirror=$tmp/mirror
index=dists/$suite/main/binary-amd64/Packages.xz

copy() {
	mkdir -p "$mirror/$(dirname "$1")"
	/usr/lib/apt/apt-helper download-file "$from/$1" "$mirror/$1" \
		>"$tmp/log" 2>&1
}

copy_packages() {
	local image file
	image=$(xz -dc "$mirror/$index" | sed -n '/^Package: linux-image-cloud-amd64$/,/^$/s/^Depends:.*\(linux-image-[^ ]*\).*/\1/p')
	file=$(xz -dc "$mirror/$index" |
		sed -n "/^Package: $image\$/,/^\$/s/^Filename: //p")
	[ -n "$file" ] && copy "$file" && deb=$mirror/$file
}

from=$(apt-get --print-uris update 2>/dev/null | sed -n \
	"s|^'\(.*\)/dists/[^/]*-security/main/binary-amd64/.*|\1|p" | head -n 1)
if ! copy "dists/$suite/InRelease" || ! copy "$index" || ! copy_packages; then
	skip_one "the cache of kernels" "$suite cannot be had from a mirror"
	plan
fi

# The machine's apt has that mirror only. apt reads what the user _apt may.
chmod -R a+rX "$tmp"
echo "deb file:$mirror $suite main" >"$tmp/sources.list"
cat >"$tmp/apt.conf" <<END
Dir::Etc::sourcelist "$tmp/sources.list";
Dir::Etc::sourceparts "/dev/null";
END
export APT_CONFIG=$tmp/apt.conf XDG_CACHE_HOME=$tmp/cache
kernels=$XDG_CACHE_HOME/kvmerrata/kernels

k() {
	lab/kernels.sh "$@"
}

said() {
	grep -q "$1" "$tmp/err"
	result "$2" $?
}

nothing_cached() {
	[ -z "$(ls -A "$kernels" 2>/dev/null)" ]
	result "nothing is in the cache" $?
}

expect "what is not in the cache is a status" 1 "" k cached $kernel
lab/lab.sh list >"$tmp/list"
grep -q "^$kernel .*not known offline *no " "$tmp/list"
result "the list says so" $?
expect "there is no such kernel" 1 "" k get 1.0

expect "it is fetched" 0 "" k get $kernel
folder=$(cat "$tmp/out")
[ -s "$folder/vmlinuz" ] && [ -s "$folder/modules/kvm-amd.ko" ] &&
	[ "$(tail -n 1 "$folder/load-amd")" = kvm-amd ]
result "with its modules" $?
sum=$(sha256sum "$deb")
grep -q "^package linux-image-.* ${sum%% *}\$" "$folder/about"
result "and it is written down from what" $?
lab/lab.sh list >"$tmp/list"
grep -q "^$kernel *$suite *${folder##*/} *yes " "$tmp/list"
result "the list has it" $?

mv "$mirror" "$mirror.gone"
expect "once cached it works offline" 0 "" k get $kernel
expect "and asking for a newer one does not" 1 "" k fetch $kernel
said "^lab: $suite: no index: " "which is said"
for file in vmlinuz modules/kvm.ko about load-amd sums; do
	cp -r "$folder" "$tmp/whole"
	printf x | dd of="$folder/$file" bs=1 seek=40 conv=notrunc 2>/dev/null
	expect "a corrupted $file is noticed" 1 \
		"lab: $kernel: the cached ${folder##*/} is corrupted; removing it" \
		k cached $kernel
	[ ! -e "$folder" ]
	result "and removed" $?
	mv "$tmp/whole" "$folder"
done
rm "$folder/modules/irqbypass.ko"
expect "a missing module is noticed, and not to be had offline" 1 "" \
	k get $kernel
nothing_cached
mv "$mirror.gone" "$mirror"
expect "online it is fetched again" 0 "" k get $kernel
rm -r "$folder"

: >"$tmp/sources.list"
expect "an apt without a mirror of Debian" 1 "" k get $kernel
said "no mirror for it in the machine's apt set-up" "is said"
echo "deb file:$mirror $suite main" >"$tmp/sources.list"

cp "$deb" "$tmp/deb"
printf x | dd of="$deb" bs=1 seek=1000000 conv=notrunc 2>/dev/null
expect "a corrupted package is refused" 1 "" k get $kernel
said "^lab: $kernel: .* could not be fetched from $suite\$" "which is said"
nothing_cached
rm "$deb"
expect "so is a version that vanished" 1 "" k get $kernel
said "^lab: $kernel: .* could not be fetched from $suite\$" "which is said"
nothing_cached
lab/lab.sh fetch $kernel >"$tmp/out" 2>"$tmp/err"
[ $? = 4 ] && [ ! -s "$tmp/out" ]
result "fetching nothing at all is status 4" $?
mv "$tmp/deb" "$deb"

cp "$mirror/$index" "$tmp/index"
rm -rf "$XDG_CACHE_HOME"
printf x | dd of="$mirror/$index" bs=1 seek=1000 conv=notrunc 2>/dev/null
expect "an index that is not as signed is refused" 1 "" k get $kernel
said "^lab: $suite: no index: " "which is said"
mv "$tmp/index" "$mirror/$index"

# A kill at any moment: what is there is whole, or not there.
for delay in 0.2 0.5 0.8 1.2; do
	rm -rf "$XDG_CACHE_HOME"
	(exec lab/kernels.sh get $kernel >"$tmp/out" 2>"$tmp/err") &
	killed=$!
	sleep $delay
	kill -KILL $killed 2>/dev/null
	wait $killed 2>/dev/null
	all_have_ended "$XDG_CACHE_HOME"
	result "killed after $delay s: no process is left" $?
	[ "$(ls "$kernels" 2>/dev/null | wc -l)" = 0 ] || k cached $kernel \
		>/dev/null
	result "nothing in the cache is half-written" $?
done
# A mirror that does not answer.
mv "$mirror/dists/$suite/InRelease" "$tmp/"
mkfifo "$mirror/dists/$suite/InRelease"
echo "deb copy:$mirror $suite main" >"$tmp/sources.list"
rm -rf "$XDG_CACHE_HOME"
(exec lab/kernels.sh get $kernel >"$tmp/out" 2>"$tmp/err") &
killed=$!
wait_for_file "$XDG_CACHE_HOME/kvmerrata/apt/$suite/log"
sleep 1
kill -KILL $killed
wait $killed 2>/dev/null
all_have_ended "$XDG_CACHE_HOME"
result "killed while it waits: no process is left" $?
rm "$mirror/dists/$suite/InRelease"
mv "$tmp/InRelease" "$mirror/dists/$suite/"
expect "and the next one gets it" 0 "" k get $kernel
[ "$(ls -A "$kernels")" = "$(basename "$(cat "$tmp/out")")" ]
result "and leaves nothing else there" $?

plan
