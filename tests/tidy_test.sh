#!/bin/bash
# What a compiler does not check: lengths, includes by direction, sources of
# rules, folders that say nothing. Speaks TAP. Arguments: all files.
set -u

. tests/tap.sh

# of PATTERN: the files whose path matches.
of() {
	printf '%s\n' "${files[@]}" | grep -E "$1"
}

files=("$@")

# none NAME WRONG: nothing is wrong, or this is.
none() {
	[ -z "$2" ]
	result "$1" $?
	[ -z "$2" ] || printf '%s\n' "$2" | sed 's/^/# /'
}

sources=$(of '\.(c|h)$')
[ -n "$sources" ]
result "there are sources" $?

none "no file is longer than 600 lines" \
	"$(wc -l $sources | awk '$2 != "total" && $1 > 600 { print $2 ": " $1 }')"
none "no header is longer than 150 lines" \
	"$(wc -l $(of '^(scenario|ref|kvmdrv|oracle|fuzz)/[a-z_0-9]*\.h$') |
		awk '$2 != "total" && $1 > 150 { print $2 ": " $1 }')"

# A function's body is between a `{` and a `}` in the first column.
none "no function is longer than 60 lines" \
	"$(awk 'FNR == 1 { start = 0 }
		/^{/ { start = FNR }
		/^}/ { if (start && FNR - start - 1 > 60)
				print FILENAME ":" start ": " FNR - start - 1
			start = 0 }' $(of '\.c$'))"
none "no line is longer than 100 columns" \
	"$(awk 'length($0) > 100 { print FILENAME ":" FNR }' $sources)"

none "scenario includes nothing above it" \
	"$(grep -nE '#include "(ref|kvmdrv|oracle|fuzz|cli)/' $(of '^scenario/'))"
none "ref includes neither driver nor oracle" \
	"$(grep -nE '#include "(kvmdrv|oracle|fuzz|cli)/' $(of '^ref/'))"
none "kvmdrv includes neither model nor oracle" \
	"$(grep -nE '#include "(ref|oracle|fuzz|cli)/' $(of '^kvmdrv/'))"
none "oracle includes neither model nor driver" \
	"$(grep -nE '#include "(ref|kvmdrv|fuzz|cli)/' $(of '^oracle/'))"
none "ref includes no system header" \
	"$(grep -nE '#include <' $(of '^ref/') |
		grep -vE '<(stdbool|stddef|stdint|string|errno)\.h>')"

none "every file of rules names its sources" \
	"$(grep -LE '(SDM|APM) "|KVM:|KVM.s API' \
		$(of '^ref/[a-z]*\.c$' | grep -vE 'ref/(model|errata)\.c'))"
none "nothing is left undone" \
	"$(grep -nE '\b(TODO|FIXME|XXX)\b' $sources)"
none "every file opens with what it is" \
	"$(for file in $sources; do
		head -c 2 "$file" | grep -q '/\*' || echo "$file"
	done)"
none "no file is called util, common, misc or helper" \
	"$(of '(^|/)(util|common|misc|helper)[a-z]*\.[ch]$')"
none "every scenario says what it shows" \
	"$(grep -LE '^# ' $(of '^corpora/.*\.scn$'))"

# Other versions of clang-format have other opinions.
if clang-format --version 2>/dev/null | grep -q 'version 14\.'; then
	none "sources are formatted (bazel run //tests:format)" \
		"$(for file in $sources; do
			clang-format --style=file "$file" |
				cmp -s - "$file" || echo "$file"
		done)"
else
	skip_one "sources are formatted" "clang-format 14 is not installed"
fi

none "no rule reads a kernel version" \
	"$(grep -niE 'uname|kernel_version|LINUX_VERSION' $(of '^ref/.*\.[ch]$'))"
none "every erratum is in docs/errata.md" \
	"$(sed -n 's/^ERRATUM(\([a-z0-9_]*\), [A-BD-Z].*/\1/p' ref/errata.def |
		while read -r row; do
			grep -q "\[.$row.\]" docs/errata.md || echo "$row"
		done)"

none "every probe is in docs/errata.md" \
	"$(sed -n 's/^PROBE(\([a-z0-9_]*\), .*/\1/p' kvmdrv/probes.def |
		while read -r probe; do
			grep -q "^.*| .$probe. |" docs/errata.md || echo "$probe"
		done)"

plan
