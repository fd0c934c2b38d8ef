/*
 * The memory-type probe: what follows from page-table entries, from CR0 and from
 * timings is tried on made-up ones, each case a row, and so are the trace's and
 * the kernel log's formats, cut short at every byte. Last this host is asked:
 * whatever it says, nothing of ours may be left behind.
 */
#include "tests/test.h"

#include <dirent.h>
#include <unistd.h>

#include "kvmdrv/probe_memory.h"
#include "kvmdrv/spte_trace.h"
#include "kvmdrv/vmcb_cr0.h"

#define CR0_CD_SET 0xc0010033ull
#define CR0_CD_CLEAR 0x80010033ull

static struct memory_seen seen;

static void fill(uint32_t out[MEMORY_SWEEPS], uint32_t ticks)
{
	for (size_t i = 0; i < MEMORY_SWEEPS; i++)
		out[i] = ticks;
}

/* Entries of write-back memory and of uncacheable one, and no timing. */
static void see_entries(enum paging paging, uint64_t wb, uint64_t asked)
{
	memset(&seen, 0, sizeof(seen));
	seen.paging = paging;
	for (size_t i = 0; i < MEMORY_STATES; i++) {
		struct memory_look *look = &seen.looks[i];

		look->spte.value = i == MEMORY_WB ? wb : asked;
		look->spte.level = 1;
		strcpy(look->no_sweeps, "no timing");
	}
}

static void see_sweeps(uint32_t hit, uint32_t miss, uint32_t asked)
{
	memset(&seen, 0, sizeof(seen));
	fill(seen.looks[MEMORY_WB].sweeps, hit);
	fill(seen.missed, miss);
	fill(seen.looks[MEMORY_UC].sweeps, asked);
	for (size_t i = 0; i < MEMORY_STATES; i++)
		strcpy(seen.looks[i].no_spte, "no trace");
}

static void check(const char *name, const struct probe_found *got,
		  enum probe_answer want, const char *why)
{
	if (got->answer != want || !strstr(got->why, why))
		fail_msg("%s: want %d (...%s...), got %d (%s)", name, want, why,
			 got->answer, got->why);
}

static void entries_are_compared(void **state)
{
	static const struct {
		const char *name;
		enum paging paging;
		enum memory_state state;
		uint64_t wb, asked, cr0;
		enum probe_answer want;
		const char *why;
	} rows[] = {
		{ "EPT, the same", PAGING_EPT, MEMORY_UC, 0xf77, 0x1f77, 0,
		  PROBE_IGNORED, "0x77" },
		{ "EPT, UC", PAGING_EPT, MEMORY_UC, 0xf77, 0xf47, 0,
		  PROBE_HONOURED, "0x77 became 0x47" },
		{ "EPT, the guest's PAT counts", PAGING_EPT, MEMORY_UC, 0xf77,
		  0xf37, 0, PROBE_HONOURED, "" },
		{ "EPT, as CD does not reach the CPU", PAGING_EPT, MEMORY_CD,
		  0xf77, 0xf77, CR0_CD_SET, PROBE_IGNORED, "" },
		{ "EPT, other bits", PAGING_EPT, MEMORY_CD, 0xf77, 0x8f75, 0,
		  PROBE_IGNORED, "" },
		{ "EPT, write-back is not", PAGING_EPT, MEMORY_UC, 0xf47, 0xf47,
		  0, PROBE_UNDETERMINED, "not write-back" },
		{ "EPT, not present", PAGING_EPT, MEMORY_UC, 0xf77, 0xf70, 0,
		  PROBE_UNDETERMINED, "not present" },
		{ "EPT, write-back not present", PAGING_EPT, MEMORY_UC, 0xf70,
		  0xf77, 0, PROBE_UNDETERMINED, "not write-back" },
		{ "Intel without EPT", PAGING_INTEL, MEMORY_CD, 0x67, 0x67, 0,
		  PROBE_IGNORED, "" },
		{ "Intel without EPT, UC", PAGING_INTEL, MEMORY_CD, 0x67, 0x7f,
		  0, PROBE_HONOURED, "" },
		{ "AMD MTRR, the same", PAGING_AMD, MEMORY_UC, 0xe67, 0x1e67,
		  CR0_CD_SET, PROBE_IGNORED, "0x67" },
		{ "AMD MTRR, PCD", PAGING_AMD, MEMORY_UC, 0xe67, 0xe77, 0,
		  PROBE_HONOURED, "" },
		{ "AMD MTRR, PWT", PAGING_AMD, MEMORY_UC, 0xe67, 0xe6f, 0,
		  PROBE_HONOURED, "" },
		{ "AMD MTRR, PAT", PAGING_AMD, MEMORY_UC, 0xe67, 0xee7, 0,
		  PROBE_HONOURED, "" },
		{ "AMD, write-back is not", PAGING_AMD, MEMORY_UC, 0xe77, 0xe77,
		  0, PROBE_UNDETERMINED, "not write-back" },
		{ "AMD, CD in the VMCB", PAGING_AMD, MEMORY_CD, 0xe67, 0xe67,
		  CR0_CD_SET, PROBE_HONOURED, "0xc0010033: CD is set" },
		{ "AMD, CD not in the VMCB", PAGING_AMD, MEMORY_CD, 0xe67,
		  0xe67, CR0_CD_CLEAR, PROBE_IGNORED,
		  "0x80010033: CD is clear" },
		{ "AMD, CD in the entry", PAGING_AMD, MEMORY_CD, 0xe67, 0xe77,
		  CR0_CD_CLEAR, PROBE_HONOURED, "became" },
		{ "another vendor", PAGING_UNKNOWN, MEMORY_UC, 0x67, 0x67, 0,
		  PROBE_UNDETERMINED, "vendor module" },
	};
	struct probe_found got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		see_entries(rows[i].paging, rows[i].wb, rows[i].asked);
		seen.looks[rows[i].state].cr0 = rows[i].cr0;
		memory_decide_by_kvm(&got, &seen, rows[i].state);
		check(rows[i].name, &got, rows[i].want, rows[i].why);
	}
}

/* A large page's PAT bit is elsewhere, and where it was is its size. */
static void large_entries_are_compared(void **state)
{
	struct probe_found got;

	(void)state;
	see_entries(PAGING_AMD, 0xe7, 0x10e7);
	seen.looks[MEMORY_WB].spte.level = 2;
	seen.looks[MEMORY_UC].spte.level = 2;
	memory_decide_by_kvm(&got, &seen, MEMORY_UC);
	check("PAT", &got, PROBE_HONOURED, "");
	seen.looks[MEMORY_UC].spte.value = 0xe7;
	memory_decide_by_kvm(&got, &seen, MEMORY_UC);
	check("the same", &got, PROBE_IGNORED, "");
}

static void what_is_missing_is_the_reason(void **state)
{
	struct probe_found got;

	(void)state;
	see_entries(PAGING_AMD, 0x67, 0x67);
	strcpy(seen.looks[MEMORY_CD].no_cr0, "no log");
	memory_decide_by_kvm(&got, &seen, MEMORY_CD);
	check("CR0", &got, PROBE_UNDETERMINED, "no log");
	memory_decide_by_kvm(&got, &seen, MEMORY_UC);
	check("MTRRs want no CR0", &got, PROBE_IGNORED, "");
	strcpy(seen.looks[MEMORY_CD].no_spte, "no entry");
	memory_decide_by_kvm(&got, &seen, MEMORY_CD);
	check("entry", &got, PROBE_UNDETERMINED, "no entry");
	strcpy(seen.looks[MEMORY_WB].no_spte, "no trace");
	memory_decide_by_kvm(&got, &seen, MEMORY_UC);
	check("trace", &got, PROBE_UNDETERMINED, "no trace");
	strcpy(seen.looks[MEMORY_UC].no_guest, "no VM");
	memory_decide_by_kvm(&got, &seen, MEMORY_UC);
	check("guest", &got, PROBE_UNDETERMINED, "no VM");
	memory_decide(&got, &seen, MEMORY_UC);
	check("either way", &got, PROBE_UNDETERMINED, "no timing");
}

static void timings_are_compared(void **state)
{
	static const struct {
		const char *name;
		uint32_t hit, miss, asked;
		enum probe_answer want;
		const char *why;
	} rows[] = {
		{ "hits", 900, 40000, 950, PROBE_IGNORED, "950 ticks" },
		{ "misses", 900, 40000, 41000, PROBE_HONOURED, "41000" },
		{ "slower than misses", 900, 40000, 900000, PROBE_HONOURED,
		  "" },
		{ "at the mean", 100, 400, 200, PROBE_IGNORED, "" },
		{ "above the mean", 100, 400, 201, PROBE_HONOURED, "" },
		{ "least contrast", 100, 100 * MEMORY_CONTRAST, 100,
		  PROBE_IGNORED, "" },
		{ "less contrast", 100, 100 * MEMORY_CONTRAST - 1, 100,
		  PROBE_UNDETERMINED, "no contrast" },
		{ "emulated loads", 800000, 850000, 800000, PROBE_UNDETERMINED,
		  "no contrast" },
		{ "emulated loads in question", 800000, 850000, 4000000000u,
		  PROBE_UNDETERMINED, "no contrast" },
		{ "misses are faster", 40000, 900, 900, PROBE_UNDETERMINED,
		  "no contrast" },
		{ "a counter that stands", 0, 0, 0, PROBE_UNDETERMINED,
		  "no contrast" },
		{ "a counter that hardly goes", 0, 4, 4, PROBE_UNDETERMINED,
		  "no contrast" },
		{ "as long as can be", 1, UINT32_MAX, UINT32_MAX,
		  PROBE_HONOURED, "" },
	};
	struct probe_found got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		see_sweeps(rows[i].hit, rows[i].miss, rows[i].asked);
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		check(rows[i].name, &got, rows[i].want, rows[i].why);
	}
}

/* As many strays as are allowed, wherever, and one more. */
static void strays_are_counted(void **state)
{
	struct probe_found got;
	uint32_t *asked = seen.looks[MEMORY_UC].sweeps;
	uint32_t *hit = seen.looks[MEMORY_WB].sweeps;

	(void)state;
	for (unsigned int nr = 0; nr <= MEMORY_SWEEPS; nr++) {
		see_sweeps(900, 40000, 900);
		for (unsigned int i = 0; i < nr; i++)
			asked[(7 * i) % MEMORY_SWEEPS] = 25000000;
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		check("in question", &got,
		      nr <= MEMORY_STRAYS_MAX ? PROBE_IGNORED :
		      nr >= MEMORY_SWEEPS - MEMORY_STRAYS_MAX ?
						PROBE_HONOURED :
						PROBE_UNDETERMINED,
		      "");
	}
	for (unsigned int nr = 1; nr <= MEMORY_STRAYS_MAX + 1; nr++) {
		see_sweeps(900, 40000, 900);
		for (unsigned int i = 0; i < nr; i++)
			hit[i] = 50000;
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		check("that hit", &got,
		      nr <= MEMORY_STRAYS_MAX ? PROBE_IGNORED :
						PROBE_UNDETERMINED,
		      nr <= MEMORY_STRAYS_MAX ? "" : "noise");
		see_sweeps(900, 40000, 40000);
		for (unsigned int i = 0; i < nr; i++)
			seen.missed[i] = 900;
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		check("that miss", &got,
		      nr <= MEMORY_STRAYS_MAX ? PROBE_HONOURED :
						PROBE_UNDETERMINED,
		      nr <= MEMORY_STRAYS_MAX ? "" : "noise");
	}
}

/* Sweeps that are anything: an answer is the rarest thing. */
static void noise_decides_nothing(void **state)
{
	uint64_t random = 20261121;
	unsigned int nr_answers = 0;
	struct probe_found got;

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		see_sweeps(1, 1, 1);
		for (size_t j = 0; j < MEMORY_SWEEPS; j++) {
			uint32_t *hit = seen.looks[MEMORY_WB].sweeps;

			hit[j] = 1000u << test_random(&random) % 8;
			seen.missed[j] = 1000u << test_random(&random) % 8;
			seen.looks[MEMORY_UC].sweeps[j] =
				1000u << test_random(&random) % 8;
		}
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		nr_answers += got.answer != PROBE_UNDETERMINED;
	}
	assert_int_equal(nr_answers, 0);
}

/* Each way alone, both, and one against the other. */
static void two_ways_are_joined(void **state)
{
	struct probe_found got;

	(void)state;
	see_sweeps(900, 40000, 900);
	memory_decide(&got, &seen, MEMORY_UC);
	check("timing alone", &got, PROBE_IGNORED, "900 ticks");
	see_entries(PAGING_AMD, 0x67, 0x67);
	memory_decide(&got, &seen, MEMORY_UC);
	check("entries alone", &got, PROBE_IGNORED, "0x67");
	see_sweeps(900, 40000, 900);
	for (size_t i = 0; i < MEMORY_STATES; i++) {
		seen.looks[i].no_spte[0] = '\0';
		seen.looks[i].spte = (struct spte){ 0x67, 1 };
	}
	seen.paging = PAGING_AMD;
	memory_decide(&got, &seen, MEMORY_UC);
	check("both", &got, PROBE_IGNORED, "0x67 as for write-back; a sweep");
	fill(seen.looks[MEMORY_UC].sweeps, 40000);
	memory_decide(&got, &seen, MEMORY_UC);
	check("against each other", &got, PROBE_UNDETERMINED, "contradict");
}

static struct probe_found found(enum probe_answer answer)
{
	struct probe_found out;

	probe_say(&out, answer, "because %d", answer);
	return out;
}

#define U PROBE_UNDETERMINED
#define I PROBE_IGNORED
#define H PROBE_HONOURED

static void documents_are_compared(void **state)
{
	static const struct {
		enum probe_answer on, off, quirk, documents;
	} rows[] = {
		{ I, H, H, H }, /* as api.rst says */
		{ H, H, I, I }, /* as errata.rst says */
		{ I, I, I, U }, { H, I, I, I }, { U, H, U, U }, { I, U, U, U },
		{ U, I, U, U }, { H, U, U, U }, { U, U, U, U },
	};
	struct probe_found got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct probe_found on = found(rows[i].on);
		struct probe_found off = found(rows[i].off);

		memory_decide_quirk(&got, &on, &off);
		check("the quirk", &got, rows[i].quirk, "because");
		seen.paging = PAGING_AMD;
		memory_decide_documents(&got, &seen, &on, &off);
		check("on AMD", &got, rows[i].documents, "because");
		seen.paging = PAGING_EPT;
		memory_decide_documents(&got, &seen, &on, &off);
		check("on Intel", &got, U, "kvm_amd only");
	}
}

#define GFN "\tfield:u64 gfn;\toffset:8;\tsize:8;\tsigned:0;\n"
#define SPTE "\tfield:u64 spte;\toffset:16;\tsize:8;\tsigned:0;\n"
#define SPTEP "\tfield:u64 sptep;\toffset:24;\tsize:8;\tsigned:0;\n"
#define LEVEL "\tfield:u8 level;\toffset:32;\tsize:1;\tsigned:0;\n"

static void formats_are_read(void **state)
{
	static const char format[] = GFN SPTE SPTEP LEVEL;
	static const char *const bad[] = {
		"",
		SPTE SPTEP LEVEL,
		GFN SPTEP LEVEL,
		GFN SPTE SPTEP,
		"\tfield:u32 gfn;\toffset:8;\tsize:4;\tsigned:0;\n" SPTE LEVEL,
		"\tfield:u64 gfn;\toffset:-8;\tsize:8;\tsigned:0;\n" SPTE LEVEL,
		"\tfield:u64 gfn;\toffset:x;\tsize:8;\tsigned:0;\n" SPTE LEVEL,
		"\tfield:u64 gfn;\toffset:99999;\tsize:8;\n" SPTE LEVEL,
		"\tfield:u64 old_gfn;\toffset:8;\tsize:8;\n" SPTE LEVEL,
		"\tfield:u64 gfn;\tsize:8;\toffset:8;\n" SPTE LEVEL,
	};
	const size_t wanted = strlen(format) - strlen("\tsigned:0;\n");
	struct spte_fields fields;
	char cut[sizeof(format)];

	(void)state;
	assert_true(spte_fields_parse(&fields, format));
	assert_int_equal(fields.gfn, 8);
	assert_int_equal(fields.spte, 16);
	assert_int_equal(fields.level, 32);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (spte_fields_parse(&fields, bad[i]))
			fail_msg("read: %s", bad[i]);
	/* It may be cut behind the last digit: there the ";" says nothing. */
	for (size_t len = 0; len + 1 < wanted; len++) {
		memcpy(cut, format, len);
		cut[len] = '\0';
		assert_false(spte_fields_parse(&fields, cut));
	}
}

static void records_are_read(void **state)
{
	static const struct {
		uint64_t gfn;
		uint8_t level;
		bool want; /* for page 0x200 */
	} rows[] = {
		{ 0x200, 1, true },	  { 0x201, 1, false },
		{ 0x1ff, 1, false },	  { 0x200, 2, true },
		{ 0x3ff, 2, true },	  { 0x400, 2, false },
		{ 0x1ff, 2, false },	  { 0, 3, true },
		{ 0x40000, 3, false },	  { 0x200, 0, false },
		{ 0x200, 4, false },	  { 0x200, 255, false },
		{ UINT64_MAX, 1, false },
	};
	const struct spte_fields fields = { 8, 16, 32 };
	uint8_t record[33] = { 0 };
	const uint64_t value = 0x18cb12e67;
	struct spte spte;

	(void)state;
	memcpy(record + 16, &value, 8);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(record + 8, &rows[i].gfn, 8);
		record[32] = rows[i].level;
		if (spte_record_parse(&spte, &fields, record, sizeof(record),
				      0x200) != rows[i].want)
			fail_msg("gfn 0x%llx level %u",
				 (unsigned long long)rows[i].gfn,
				 rows[i].level);
		if (rows[i].want) {
			assert_int_equal(spte.value, value);
			assert_int_equal(spte.level, rows[i].level);
		}
	}
}

/* No byte behind the record is read: each length has memory of its own. */
static void short_records_are_none(void **state)
{
	const struct spte_fields fields = { 8, 16, 32 };
	const struct spte_fields far = { SIZE_MAX - 3, SIZE_MAX, SIZE_MAX };
	struct spte spte;

	(void)state;
	for (size_t len = 0; len <= 33; len++) {
		uint8_t *record = calloc(1, len + 1);

		assert_non_null(record);
		record = realloc(record, len ? len : 1);
		assert_non_null(record);
		if (len == 33)
			record[32] = 1;
		assert_int_equal(spte_record_parse(&spte, &fields, record, len,
						   0),
				 len == 33);
		assert_false(spte_record_parse(&spte, &far, record, len, 0));
		free(record);
	}
}

static void logs_are_read(void **state)
{
	static const struct {
		const char *record;
		uint64_t want; /* 0: none */
	} rows[] = {
		{ "3,745,9141,-;kvm_amd: cr0:            00000000c0010033 cr2: "
		  "           0000000000000000\n",
		  CR0_CD_SET },
		{ "3,745,9141,-;cr0:            0000000080010033 cr2:",
		  CR0_CD_CLEAR },
		{ "3,745,9141,-;cr0: 0000000080010033", CR0_CD_CLEAR },
		{ "3,745,9141,-;cr0: 000000008001003", 0 },
		{ "3,745,9141,-;cr0: 00000000800100334", 0 },
		{ "3,745,9141,-;cr0: 00000000g0010033", 0 },
		{ "3,745,9141,-;vmcr0: 0000000080010033", 0 },
		{ "3,745,9141,-;cr3: 0000000080010033", 0 },
		{ "cr0: 0000000080010033", 0 },
		{ "", 0 },
	};
	uint64_t got;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *record = rows[i].record;

		got = 0;
		if (vmcb_cr0_parse(&got, record, strlen(record)) !=
			    (rows[i].want != 0) ||
		    got != rows[i].want)
			fail_msg("%s: got 0x%llx", record,
				 (unsigned long long)got);
	}
	/* One that is not ended by a NUL, and cut anywhere. */
	for (size_t len = 0; len < strlen(rows[2].record); len++) {
		char *cut = malloc(len + 1);

		assert_non_null(cut);
		memcpy(cut, rows[2].record, len);
		cut = realloc(cut, len ? len : 1);
		assert_non_null(cut);
		assert_false(vmcb_cr0_parse(&got, cut, len));
		free(cut);
	}
}

static unsigned int nr_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int nr = 0;

	assert_non_null(dir);
	while (readdir(dir))
		nr++;
	closedir(dir);
	return nr;
}

/* VMs are closed in the background. */
static unsigned int nr_descriptors_down_to(unsigned int want)
{
	unsigned int nr = nr_descriptors();

	for (unsigned int i = 0; i < 500 && nr > want; i++) {
		usleep(10000);
		nr = nr_descriptors();
	}
	return nr;
}

static void this_host_is_asked(void **state)
{
	struct kvmdrv_reason reason;
	struct probe_found got;
	struct kvmdrv *drv;
	unsigned int before;

	(void)state;
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
	before = nr_descriptors();
	probe_run(&got, drv, PROBE_mtrr_ignored);
	assert_int_equal(nr_descriptors_down_to(before), before);
	print_message("# %s\n", got.why);
	/* No KVM of today honours MTRRs, but it may not be known. */
	assert_int_not_equal(got.answer, PROBE_HONOURED);
	seen = *memory_look(drv);
	for (size_t i = 0; i < MEMORY_STATES; i++)
		assert_string_equal(seen.looks[i].no_guest, "");
	/* Were all loads to miss as flushed ones do, it would be seen. */
	memory_decide_by_time(&got, &seen, MEMORY_UC);
	if (got.answer == PROBE_IGNORED) {
		memcpy(seen.looks[MEMORY_UC].sweeps, seen.missed,
		       sizeof(seen.missed));
		memory_decide_by_time(&got, &seen, MEMORY_UC);
		assert_int_equal(got.answer, PROBE_HONOURED);
	}
	kvmdrv_close(drv);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_are_compared),
		cmocka_unit_test(large_entries_are_compared),
		cmocka_unit_test(what_is_missing_is_the_reason),
		cmocka_unit_test(timings_are_compared),
		cmocka_unit_test(strays_are_counted),
		cmocka_unit_test(noise_decides_nothing),
		cmocka_unit_test(two_ways_are_joined),
		cmocka_unit_test(documents_are_compared),
		cmocka_unit_test(formats_are_read),
		cmocka_unit_test(records_are_read),
		cmocka_unit_test(short_records_are_none),
		cmocka_unit_test(logs_are_read),
		cmocka_unit_test(this_host_is_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
