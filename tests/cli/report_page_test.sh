#!/bin/bash
# The page of `report`: what stands in it, that nothing of strangers gets into
# it but as text, and how a browser shows it. Speaks TAP. Arguments: the
# kvmerrata binary.
set -u

kvmerrata=$PWD/$1
. tests/tap.sh

export KVMERRATA_ROOT=$PWD
host=corpora/hosts/6.18-pvm.json

k() {
	"$kvmerrata" "$@"
}

page() {
	k report --format=html --host=$host -o "$tmp/page.html" "$@"
}

# is_page NAME WORDS: the page is one that may be, and the checker says so.
is_page() {
	local status
	python3 tests/cli/page_check.py "$tmp/page.html" >"$tmp/checked" 2>&1 &&
		grep -qE "$2" "$tmp/checked"
	status=$?
	[ $status = 0 ] || sed 's/^/# /' "$tmp/checked"
	result "$1" $status
}

# has NAME PATTERN...: the page has such lines, in order.
has() {
	local name=$1
	shift
	in_order "$name" "$tmp/page.html" "$@"
}

# has_not NAME PATTERN
has_not() {
	! grep -qiE -e "$2" "$tmp/page.html"
	result "$1" $?
}

# What was found on the reference host.
expect "a page of all findings" 0 "" page corpora/findings
is_page "it is what a page may be" '^good: [0-9]+ findings, 1[0-9] differ$'
has_not "and wants nothing from elsewhere" 'https?:|src=|<script|@import|url\('
has "its top, its table, its sections and their parts" \
	'<dd>corpora/findings</dd>' '>EXPLAINED</span> <b>[0-9]+</b>' \
	'<a href="#f1">' '<section class="case" id="f1">' \
	'<svg class="pic" role="img"' 'lost: vector 0xe0' \
	'<li class="differs">' '<code>-broadcast_quirk</code>' \
	'./kvmerrata run --host=corpora/hosts/6.18-pvm.json --against=docu' \
	'<section id="fingerprint">' '<code>interrupt_not_in_service</code>' \
	'<section id="history">' '<p>No history'
expect "again, the same bytes" 0 "" \
	k report --format=html --host=$host -o "$tmp/again.html" corpora/findings
cmp -s "$tmp/page.html" "$tmp/again.html"
result "are written" $?

# One picture.
expect "a message that goes astray" 0 "" \
	page corpora/findings/msi-alias-wrong-target.scn
is_page "is one difference" '^good: 1 findings, 1 differ$'
has "which is told, drawn from both sides" \
	'<title>.*MSI: fixed, vector 0x42, physical destination 0x1' \
	'>op 5, by the host<' '>EXPECTED<' '>GOT<' \
	'>vCPU 0, vcpu_id 0x101<' '>xAPIC, ID 0x1, enabled<' \
	'>same ID as vCPU 1<' 'class="arrow got wrong"' '>extra: IRR 0x42<' \
	'>vCPU 1, vcpu_id 0x1<' 'class="arrow want "' 'class="arrow got lost"' \
	'class="cross"' '>IRR 0x42<' '>lost: IRR 0x42<'

# Answers, more vCPUs than there is room for, and one that is not created.
expect "an answer" 0 "" page corpora/findings/msi-blocked-nmi-wakes.scn
has "beside the one expected" '>answer: vCPU does not<' '>run<' \
	'class="warn">wrong answer: halted<'
{
	echo "# Many."
	for i in $(seq 1 100); do echo "vcpu_create vcpu_id=$i"; done
	echo "vcpu_create vcpu_id=7"
	for i in 3 9 100; do
		echo "lapic_write vcpu=$i by=host reg=svr value=0x1ff"
	done
	echo "msi address=0xfeeff000 data=0x5"
} >"$tmp/many.scn"
expect "many vCPUs" 0 "" page "$tmp/many.scn"
is_page "are one picture" '^good: 1 findings, 1 differ$'
[ "$(grep -c 'class="strong">vCPU [0-9]*, ' "$tmp/page.html")" = 2 ]
result "of those that differ" $?
has "and the others are counted" 'and 99 other vCPUs, which nothing'
printf '# Few.\nvcpu_create vcpu_id=1\nvcpu_create vcpu_id=1\n%s\n%s\n' \
	'lapic_write vcpu=0 by=host reg=svr value=0x1ff' \
	'msi address=0xfee01000 data=0x5' >"$tmp/refused.scn"
expect "a vCPU that is refused" 0 "" page "$tmp/refused.scn"
has "is said to be" 'class="box refused"' 'not there: creation refused'

# What shows later than it is done, and what the manuals leave open.
printf '# Later.\nconfig x2apic_api=use_32bit_ids\n%s\n%s\n%s\n%s\n' \
	'vcpu_create vcpu_id=0' 'vcpu_create vcpu_id=0x123' \
	'vcpu_create vcpu_id=0x23' \
	'icr_write vcpu=0 by=guest dest=0x23 low=0x4500' >"$tmp/later.scn"
expect "an INIT" 0 "" page "$tmp/later.scn"
has "shows at the end, at whom it went to and whom not" \
	'>op 4, by the guest; shows at the end<' \
	'>IPI: INIT, physical destination 0x23<' '>its guest acts<' \
	'class="arrow got wrong"' '>wrong: mp_state =<' '>init_received<' \
	'class="arrow want "' 'class="arrow got lost"' \
	'>wrong: mp_state =<' '>uninitialized<' \
	'<li class="cause">.*brought it about' '>end: <em>shows here'
expect "what is open" 0 "" page corpora/witness/lowest_broadcast_is_fixed.scn
has "is no value" ', redirection hint<' '>answer: open<' \
	'>answer: delivered<' 'class="arrow want open"' '>open: nmi_pending<' \
	'Open: the manuals leave it undefined'

# What no row explains, what agrees, and what does not run.
expect "a model that is broken on purpose" 0 "" k report --format=html \
	--host=documented,+canary --against=documented -o "$tmp/page.html" \
	corpora/seeds
is_page "differs, and all seeds are there" '^good: [0-9]+ findings, [1-9]'
has "no fingerprint" 'the model is in the place of a host'
has "without a row that explains" 'class="verdict diverge">DIVERGE<' \
	'No row of the table of errata explains it'
has "and most agree" 'class="verdict agree">AGREE<' 'Both sides agree'
expect "without KVM" 0 "" k report --format=html --kvm=/nonexistent \
	-o "$tmp/page.html" corpora/findings/msi-illegal-vector.scn
is_page "nothing differs" '^good: 1 findings, 0 differ$'
has "and why is said, with what the file says" '>NOT RUN<' \
	'vectors 0 to 15 are put into IRR' \
	'It was not run: /nonexistent does not exist'

expect "what was found beside bystanders" 0 "" \
	page corpora/findings/msi-bystander-broadcast-lost.scn
is_page "differs beside them" '^good: 1 findings, 1 differ$'
has "and it is said how to have them" 'convert --twin=x2apic-late<'

# Strangers.
mkdir -p "$tmp/folder/findings/<b>"
evil="$tmp/folder/findings/<b>/report.scn"
{
	printf '# </pre><script>alert(1)</script> ]]> &amp; <!-- "\x27\n'
	printf '# \xff\xfe \xc3( \xed\xa0\x80 \xf4\x90\x80\x80 \xc0\xbc \x01\x1b[31m'
	printf ' \xe2\x80\xae \xef\xbf\xbf \xc2\x85 \r \xc3\xa4\n'
	grep -v '^#' corpora/findings/msi-illegal-vector.scn
} >"$evil"
printf '{"hash": "<img src=x onerror=alert(1)>\\u0007", "found": "]]>\\"", %s}' \
	'"against": "documented"' >"$tmp/folder/findings/<b>/meta.json"
echo '7' >"$tmp/folder/findings/<b>/hits"
cp "$evil" "$tmp/<script>alert('1')&\"]]>.scn"
expect "hostile comments and numbers" 0 "" page "$tmp/folder"
is_page "are text" '^good: 1 findings, 1 differ$'
has "of which nothing is lost but what is none" \
	'&lt;img src=x onerror=alert\(1\)&gt;\?' \
	'&lt;/pre&gt;&lt;script&gt;alert\(1\)&lt;/script&gt; \]\]&gt; &amp;amp;' \
	'^\?\? \?\( \?\?\? \?\?\?\? \?\? \?\?\[31m \? \? \? \? ä$'
expect "a hostile name" 0 "" page "$tmp/<script>alert('1')&\"]]>.scn"
is_page "is text" '^good: 1 findings, 1 differ$'
has "and one word of the shell's" \
	"run .* &#39;.*/&lt;script&gt;alert\\(&#39;\\\\&#39;&#39;1&#39;"

# The history of a folder, with lines that are not whole.
{
	printf 'kvmerrata-history-1\tstart\tseconds\tscenarios\tcoverage\tcorpus'
	printf '\tfound\texplained\tflaky\ttarget\tengine\n'
	printf 'sample\t1700000000\t10\t1000\t0\t50\t0\t2\t0\tdiff\tlibfuzzer\n'
	printf 'sample\t1700000000\t20\t3000\t200\t90\t1\t3\t0\tdiff\tlibfuzzer\n'
	printf 'sample\t1700000000\t30\t50?\n'
	printf '<script>\t1\n'
	printf 'sample\t1700009000\t4\t800\t210\t91\t0\t0\t0\tdiff\tafl\n'
	printf 'sample\t1700009000\t99\t9999\t999\t999\t9\t9\t9\tdiff\tafl'
} >"$tmp/folder/history.tsv"
expect "a history" 0 "" page "$tmp/folder"
is_page "is in a page" '^good: 1 findings, 1 differ$'
[ "$(grep -c '<svg class="chart"' "$tmp/page.html")" = 2 ]
result "as two charts" $?
has "with axes, both runs and their sums" '>coverage</text>' \
	'>corpus, inputs' '>seconds of fuzzing</text>' 'class="seam"' \
	'class="curve a" d="M[0-9]+ [0-9]+' '>scenarios/s</text>' \
	'class="curve a" d="M302 114L540 58M636 58h-4"' \
	'2023-11-14 22:13:20 UTC.*>20<.*>3000<.*>150<.*>200<.*>90<.*1 found, 3' \
	'diff, afl</td>.*>4<.*>800<.*>200<.*>210<'
has_not "and nothing of lines that are not whole" '>9999<|>99<'
sed -i '1s/-1/-2/' "$tmp/folder/history.tsv"
expect "a history of another version" 0 "" page "$tmp/folder"
has "is none" '<p>No history'

# How it looks.
if ! command -v chromium >/dev/null; then
	skip_one "a browser shows it" "chromium is not installed"
	plan
fi

browse() {
	HOME=$tmp timeout 120 chromium --headless --no-sandbox --disable-gpu \
		--disable-quic --no-first-run --disable-background-networking \
		--disable-component-update --disable-sync \
		--disable-dev-shm-usage --hide-scrollbars \
		--user-data-dir="$(mktemp -d "$tmp/profile.XXXXXX")" "$@" \
		2>"$tmp/browser.err"
}

# shows NAME WIDTH HEIGHT COLOURS [OPTION]: the page in a window of that size.
shows() {
	local colours=$4 status
	rm -f "$tmp/shot.png"
	# shellcheck disable=SC2086 # lists of words
	browse --screenshot="$tmp/shot.png" --window-size="$2,$3" ${5-} \
		"file://$tmp/page.html" >/dev/null &&
		python3 tests/cli/png_check.py "$tmp/shot.png" "$2" "$3" \
			$colours >"$tmp/checked" 2>&1
	status=$?
	[ $status = 0 ] || tail -n 3 "$tmp/checked" "$tmp/browser.err" |
		sed 's/^/# /'
	result "$1" $status
}

expect "a page for a browser" 0 "" page corpora/findings/msi-alias-wrong-target.scn
# The ground, what is expected, what is wrong; light, then dark.
shows "on a desk" 1200 2000 "ffffff 0a5bb5 b3260a"
shows "on a telephone" 400 2000 "ffffff 0a5bb5 b3260a"
shows "in the dark" 1200 2000 "15171a 75b4ff ff8b6b" --force-dark-mode

# Scripts do not run in it, so one is let in to measure it, in a frame: windows
# are not as narrow as telephones.
expect "a page of everything" 0 "" page corpora/findings
measure='parent.postMessage(innerWidth + " " +'
measure="$measure document.documentElement.scrollWidth, '*')"
sed -e '/http-equiv/d' -e "s|</body>|<script>$measure</script>&|" \
	"$tmp/page.html" >"$tmp/measured.html"
cat >"$tmp/frame.html" <<END
<script>onmessage = e => document.title = "measured " + e.data</script>
<iframe width="360" height="2000" src="measured.html"></iframe>
END
browse --dump-dom --virtual-time-budget=5000 "file://$tmp/frame.html" |
	grep -o '<title>measured [0-9]* [0-9]*' >"$tmp/width"
grep -qx '<title>measured 360 360' "$tmp/width"
result "nothing is wider than a telephone" $?
sed 's/^/# /' "$tmp/width"
# A script that got in would be stopped by the policy.
sed -e 's|</body>|<script>document.title = "ran"</script>&|' \
	"$tmp/page.html" >"$tmp/script.html"
browse --dump-dom "file://$tmp/script.html" >"$tmp/dom"
grep -q '<title>kvmerrata: ' "$tmp/dom"
result "and its policy stops scripts" $?
plan
