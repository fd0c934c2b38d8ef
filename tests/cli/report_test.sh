#!/bin/bash
# Mails from findings: what they say, what they do not take over from strangers,
# and that the program of each shows what the mail says. Speaks TAP. Argument:
# the kvmerrata binary.
set -u

kvmerrata=$PWD/$1
. tests/tap.sh

export KVMERRATA_ROOT=$PWD tmp kvmerrata
played=corpora/hosts/6.18-pvm.json
alias=corpora/findings/msi-alias-wrong-target.scn

k() {
	"$kvmerrata" "$@"
}

# says NAME PATTERN...: the mail has such lines, in order.
says() {
	local name=$1
	shift
	in_order "$name" "$tmp/mail" "$@"
}

expect "a PATH is needed" 2 "" k report
expect "that is there" 2 "$tmp/none:1:1: No such file or directory" \
	k report "$tmp/none"
expect "in a format that there is" 2 "" k report --format=pdf $alias
echo 'vcpu_create vcpu_id=x' >"$tmp/bad.scn"
expect "a typo is told as in run" 2 "" k report "$tmp/bad.scn"
grep -q "^$tmp/bad.scn:1:21: " "$tmp/err"
result "with its place" $?

# With the model in the place of a host.
expect "a mail" 0 "" k report --host=$played $alias -o "$tmp/mail"
says "has a head" '^To: kvm@vger.kernel.org$' \
	'^Subject: KVM: x86: with 32-bit IDs, creation order picks the receiver$'
says "the author's words" '^errata.rst, "x2APIC": of several vCPUs with'
says "the steps, and the one that differs" '^    1  vcpu_create vcpu_id=0x101' \
	'^>   5  msi address=0xfee01000 data=0x42$'
says "expected and got" '^  vCPU 0, apic_irr2: expected 0x0, got 0x4$' \
	'^  vCPU 1, apic_irr2: expected 0x4, got 0x0$'
says "where that is written" '^Expected is by: SDM "Message Address' \
	'\(documented: errata.rst, x2APIC;'
says "what KVM does" '^  Of several vCPUs that the routing table has for one'
says "who can reach it" '^Who can reach it: the VMM, for a device'
says "that it was no host" '^\[Not on a host: the model as Linux 6.18'
[ -z "$(sed '/^reproducer.c:$/,$d' "$tmp/mail" | awk 'length > 110')" ]
result "in lines that a mail can have" $?

# Of a stranger.
printf '# evil: one\r\001\nconfig irqchip=split\nvcpu_create vcpu_id=1\n' \
	>"$tmp/evil.scn"
expect "a comment with control characters" 0 "" \
	k report --host=$played "$tmp/evil.scn" -o "$tmp/mail"
! LC_ALL=C grep -q $'[\r\001]' "$tmp/mail"
result "brings none of them along" $?

# What was found elsewhere, as it was kept.
mkdir -p "$tmp/o/findings/0123456789abcdef"
{
	echo '# kvmerrata: DIVERGE'
	echo '# against: arch'
	echo '# host: Linux 6.3.0, kvm_amd, some CPU'
	echo '# signature: kernel: WARNING: CPU: 1 PID: 7 at lapic.c:1'
	echo "# the kernel's log:"
	echo '#   WARNING: CPU: 1 PID: 7 at lapic.c:1'
	echo 'config irqchip=split'
	echo 'vcpu_create vcpu_id=1'
} >"$tmp/o/findings/0123456789abcdef/report.scn"
echo '{"hash": "0123456789abcdef", "against": "arch", "found": "then"}' \
	>"$tmp/o/findings/0123456789abcdef/meta.json"
echo 7 >"$tmp/o/findings/0123456789abcdef/hits"
expect "a finding of another host, without KVM" 0 "" \
	k report --kvm="$tmp/no" "$tmp/o" -o "$tmp/mail"
grep -q '^nothing is run here: ' "$tmp/err"
result "which is said" $?
says "is told as it was kept" '^Subject: KVM: x86: kernel: WARNING: CPU: 1' \
	'^\[It was not run for this mail:' \
	'^    WARNING: CPU: 1 PID: 7 at lapic.c:1$' \
	'^Seen on: Linux 6.3.0, kvm_amd'

# Many, two of one name.
mkdir -p "$tmp/many/a" "$tmp/many/b"
cp $alias "$tmp/many/a/x.scn"
cp corpora/findings/msi-illegal-vector.scn "$tmp/many/b/x.scn"
expect "several findings" 0 "" \
	k report --host=$played "$tmp/many" -o "$tmp/mails"
[ "$(ls "$tmp/mails" | tr '\n' ' ')" = 'x-2.mail x.mail ' ]
result "have a mail each" $?

# Whatever ends it leaves the old mail or the whole new one.
k report --host=$played corpora/findings -o "$tmp/cut"
whole=$(cat "$tmp"/cut/* | md5sum)
torn=0
for delay in 0.00 0.01 0.02 0.03 0.05 0.08 0.13 0.21; do
	"$kvmerrata" report --host=$played corpora/findings -o "$tmp/cut" &
	sleep $delay
	kill -KILL $! 2>/dev/null
	wait $! 2>/dev/null
	[ "$(cat "$tmp"/cut/*.mail | md5sum)" = "$whole" ] || torn=1
done 2>/dev/null
result "a killed report leaves whole mails" $torn

if [ ! -r /dev/kvm ] || [ ! -w /dev/kvm ]; then
	if [ -n "${KVMERRATA_REQUIRE_KVM-}" ]; then
		result "/dev/kvm can be used" 1
	else
		skip_one "mails of this host" "no /dev/kvm"
	fi
	plan
fi

expect "a mail of this host" 0 "" k report $alias -o "$tmp/mail"
says "describes it" "^  Linux version $(uname -r) " '^  microcode: 0x' \
	'^ .* kvm\.[a-z_]*=' '^  KVM_CAP_MAX_VCPU_ID 0x' 'CONFIG_KVM=|attach'

# one MAIL: what is wrong with its program, or nothing.
one() {
	local name=$tmp/$(basename "$1" .mail) got want=0
	sed '1,/^reproducer.c:$/d' "$1" >"$name.c"
	gcc -Wall -Werror -static -o "$name" "$name.c" 2>"$name.err" || {
		echo "$1: $(head -n 1 "$name.err")"
		return
	}
	timeout 60 "$name" >"$name.out"
	got=$?
	grep -q '^After step\|^At the end:' "$1" && want=1
	[ $got = $want ] || echo "$1: the mail says $want, the program $got"
}
export -f one

expect "mails of all findings" 0 "" k report corpora/findings -o "$tmp/all"
[ "$(ls "$tmp/all" | wc -l)" = "$(ls corpora/findings/*.scn | wc -l)" ]
result "are there" $?
wrong=$(ls "$tmp"/all/*.mail | xargs -P 2 -I '{}' bash -c "one '{}'")
[ -z "$wrong" ]
result "their programs show what they say" $?
[ -z "$wrong" ] || printf '%s\n' "$wrong" | sed 's/^/# /'

plan
