#!/bin/bash
# Probes as a user meets them: in the fingerprint of this host, in files, side
# by side, in `explain` and `doctor`. Speaks TAP. Argument: the kvmerrata binary.
set -u

kvmerrata=$PWD/$1
. tests/tap.sh

export KVMERRATA_ROOT=$PWD

k() {
	"$kvmerrata" "$@"
}

# says NAME PATTERN: the last command's output has such a line.
says() {
	grep -qE -e "$2" "$tmp/out"
	result "$1" $?
}

# Files, of hosts that are made up.
rows='"rows":[{"name":"lint0_reenabled","presence":"present"}]'
printf '{"kernel":"5.10","module":"kvm_old","cpu":"c",%s}' "$rows" >"$tmp/old"
printf '{"kernel":"7.2","module":"kvm_new","cpu":"c",%s,"probes":[
	{"name":"x87_workaround","presence":"present","because":"it \\"works\\""},
	{"name":"nested_state","presence":"absent","because":"none"},
	{"name":"nested_nonsense","presence":"present","because":"x"}]}' "$rows" \
	>"$tmp/new"
cp "$tmp/new" "$tmp/newer"

expect "files, with probes and from before there were any" 0 \
	"$tmp/new: unknown probe 'nested_nonsense', left out" \
	k fingerprint "$tmp/old" "$tmp/new" "$tmp/newer"
says "each in its column" '^x87_workaround +undetermined +present +present *$'
says "the old one's reason" "^    \[1\] because not in $tmp/old\$"
says "the same reason for two" '^    \[2\] \[3\] because it "works"$'
[ "$(grep -c 'because it "works"' "$tmp/out")" = 1 ]
result "is told once" $?
says "a section's rows with it" '^alias_lowest_vcpu_id .* row, see above$'
for section in 'x87 features' 'Nested virtualization features' x2APIC; do
	[ -n "$(sed -n "/^errata.rst, $section\$/{n;p}" "$tmp/out")" ]
	result "a line for $section" $?
done

expect "as Markdown" 0 "" k fingerprint --format=md "$tmp/old" "$tmp/new"
says "a table of them" \
	'^\| `nested_state` \| errata.rst, Nested virtualization features \| undetermined \| absent \|'
says "with reasons" '^    \[2\] none$'

expect "as JSON" 0 "" k fingerprint --format=json "$tmp/new"
tr -d '\t\n' <"$tmp/out" >"$tmp/flat"
cp "$tmp/flat" "$tmp/out"
says "with reasons" \
	'"name":"x87_workaround","section":"errata.rst, x87 features","presence":"present","because":"it \\"works\\""'

# One that was written is read again.
sed 's/^.*"hosts":\[//; s/\]}$//' "$tmp/flat" >"$tmp/again"
k fingerprint "$tmp/new" 2>/dev/null | grep -v "not in" >"$tmp/want"
k fingerprint "$tmp/again" | grep -v "not in" >"$tmp/got"
diff "$tmp/want" "$tmp/got" | sed 's/^/# /'
cmp -s "$tmp/want" "$tmp/got"
result "what was written reads as it was" $?

expect "a set from such a file" 0 "" k explain x87_workaround
says "what is looked for" '^Workaround: '
says "what it means" '^present:  where the probe finds it honoured$'
expect "names" 0 "" k explain
says "of probes as well" '^nested_state +probe$'

# This host.
if ! k doctor >"$tmp/doctor"; then
	reason=$(sed -n 's/^\/dev\/kvm  *//p' "$tmp/doctor")
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "KVM is required: $reason" 1
	else
		skip_one "this host's probes" "$reason"
	fi
	plan
fi
expect "this host" 0 "" k fingerprint -o "$tmp/host.json"
cp "$tmp/out" "$tmp/want"
[ "$(grep -cE '^    \[1\] because .' "$tmp/out")" = \
	"$(k explain | grep -c ' probe$')" ]
result "every probe gives a reason" $?
expect "from its file" 0 "" k fingerprint "$tmp/host.json"
cmp -s "$tmp/want" "$tmp/out"
result "is the same" $?
expect "doctor" 0 "" k doctor
says "has the document's advice" \
	'^advice of errata.rst  *always set .*EBX\[6\] and EBX\[13\]'
because=$(sed -n '/^x87_workaround /{n;s/^ *\[1\] because //p}' "$tmp/want")
case $(awk '$1 == "x87_workaround" { print $2 }' "$tmp/want") in
present) holds="that works here" ;;
absent) holds="that does not work here" ;;
*) holds="whether that works here is not known" ;;
esac
grep -qF "$holds: $because" "$tmp/out"
result "and what holds here" $?

plan
