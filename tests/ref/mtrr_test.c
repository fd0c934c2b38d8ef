/*
 * MTRRs and PAT in the model: every byte in every field of every one, and every
 * bit alone, against the manuals' tables written down a second time; what they
 * are at reset and after INIT; by host and by guest alike.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "ref/rules.h"
#include "scenario/x86.h"

/* One row a kind: the bits that may be set in fields that are no types. */
static const struct {
	uint32_t first, last, step;
	uint64_t bits;	/* may be set or not */
	uint64_t types; /* all ones in each field that is a type */
	const char *legal_types;
} kinds[] = {
	{ 0x0fe, 0x0fe, 1, 0, 0, NULL },
	{ 0x200, 0x20e, 2, 0xffffff000, 0xff, "\0\1\4\5\6" },
	{ 0x201, 0x20f, 2, 0xffffff800, 0, "" },
	{ 0x250, 0x250, 1, 0, UINT64_MAX, "\0\1\4\5\6" },
	{ 0x258, 0x259, 1, 0, UINT64_MAX, "\0\1\4\5\6" },
	{ 0x268, 0x26f, 1, 0, UINT64_MAX, "\0\1\4\5\6" },
	{ 0x277, 0x277, 1, 0, UINT64_MAX, "\0\1\4\5\6\7" },
	{ 0x2ff, 0x2ff, 1, 0xc00, 0xff, "\0\1\4\5\6" },
	{ 0x210, 0x211, 1, 0, 0, NULL },
	{ 0x251, 0x251, 1, 0, 0, NULL },
	{ 0x2f8, 0x2f8, 1, 0, 0, NULL },
};

static const uint32_t numbers[] = {
#define MSR(number, name) number,
#define MSR_READ_ONLY(number, name) number,
#define MSR_ABSENT(number, name) number,
#include "scenario/msrs.def"
};

static bool type_is_in(const char *types, uint8_t type)
{
	if (type == 0)
		return true; /* it is in each list */
	return strchr(types + 1, type) != NULL;
}

/* By the table. */
static bool want_legal(uint32_t msr, uint64_t value)
{
	size_t i = 0;

	while (msr < kinds[i].first || msr > kinds[i].last ||
	       (msr - kinds[i].first) % kinds[i].step)
		if (++i == ARRAY_SIZE(kinds))
			fail_msg("no row for MSR %#x", msr);
	if (!kinds[i].legal_types || value & ~(kinds[i].bits | kinds[i].types))
		return false;
	for (int byte = 0; byte < 8; byte++)
		if (kinds[i].types >> 8 * byte & 0xff &&
		    !type_is_in(kinds[i].legal_types,
				(uint8_t)(value >> 8 * byte)))
			return false;
	return true;
}

static void check(uint32_t msr, uint64_t value)
{
	bool want = want_legal(msr, value);

	if (msr_is_legal(msr, value) != want)
		fail_msg("MSR %#x value %#llx: want %d", msr,
			 (unsigned long long)value, want);
}

/* Alone, and among fields that are legal or are not. */
static void every_byte_in_every_field(void **state)
{
	static const uint64_t others[] = { 0, 0x0606060606060606,
					   0x0706050401000406, 0xc00000800 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (unsigned shift = 0; shift < 64; shift += 8)
			for (uint64_t byte = 0; byte < 256; byte++)
				for (size_t o = 0; o < ARRAY_SIZE(others); o++)
					check(numbers[i],
					      (others[o] &
					       ~(0xffull << shift)) |
						      byte << shift);
}

static void every_bit_alone(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (unsigned bit = 0; bit < 64; bit++) {
			check(numbers[i], 1ull << bit);
			check(numbers[i], ~(1ull << bit));
			check(numbers[i], 0xc06ull ^ 1ull << bit);
		}
}

/* The table has what it should: eight pairs, eleven fixed ones, three more. */
static void all_msrs_are_there(void **state)
{
	uint32_t nr_taking_0 = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		nr_taking_0 += msr_is_legal(numbers[i], 0);
	assert_int_equal(nr_taking_0, 16 + 11 + 2);
}

static struct scenario scenario;
static struct expectation expected;

static void run(const char *text)
{
	struct model_setup setup = { 0 };

	test_parse(&scenario, text);
	model_run(&expected, &scenario, &setup);
}

static void expect_read(uint32_t op, uint64_t want, uint64_t care)
{
	const struct answer *answer = &expected.want.steps[op].answer;

	assert_int_equal(answer->accepted, 1);
	assert_int_equal(answer->value & care, want);
	assert_int_equal(expected.care.steps[op].answer.value, care);
}

static void reset_values(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "msr_read vcpu=0 by=guest msr=mtrr_cap\n"
	    "msr_read vcpu=0 by=guest msr=pat\n"
	    "msr_read vcpu=0 by=host msr=mtrr_def_type\n"
	    "msr_read vcpu=0 by=host msr=mtrr_phys_mask3\n"
	    "msr_read vcpu=0 by=host msr=mtrr_phys_base3\n"
	    "msr_read vcpu=0 by=host msr=mtrr_fix16k_80000\n"
	    "msr_read vcpu=0 by=host msr=absent_211\n");
	expect_read(1, 0x508, UINT64_MAX);
	expect_read(2, 0x0007040600070406, UINT64_MAX);
	expect_read(3, 0, 0x800);
	expect_read(4, 0, 0x800);
	expect_read(5, 0, 0);
	expect_read(6, 0, 0);
	assert_int_equal(expected.want.steps[7].answer.accepted, 0);
}

/* Each vCPU has its own, and an INIT leaves them. */
static void what_is_written_stays(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=1\n"
	    "msr_write vcpu=0 by=guest msr=pat value=0x0406\n"
	    "msr_write vcpu=1 by=host msr=mtrr_def_type value=0xc05\n"
	    "msr_write vcpu=1 by=host msr=mtrr_def_type value=0xc02\n"
	    "msi address=0xfee00000 data=0x500\n"
	    "msi address=0xfee01000 data=0x500\n"
	    "observe\n"
	    "msr_read vcpu=0 by=host msr=pat\n"
	    "msr_read vcpu=1 by=host msr=pat\n"
	    "msr_read vcpu=1 by=host msr=mtrr_def_type\n");
	assert_int_equal(expected.want.steps[4].answer.accepted, 0);
	expect_read(8, 0x0406, UINT64_MAX);
	expect_read(9, 0x0007040600070406, UINT64_MAX);
	expect_read(10, 0xc05, UINT64_MAX);
}

/* Without CPUID a guest has none of them; the host has what KVM has. */
static void no_cpuid_no_mtrrs(void **state)
{
	(void)state;
	run("config cpuid=none\n"
	    "vcpu_create vcpu_id=0\n"
	    "msr_write vcpu=0 by=guest msr=pat value=0\n"
	    "msr_read vcpu=0 by=guest msr=mtrr_cap\n"
	    "msr_write vcpu=0 by=host msr=pat value=0\n"
	    "msr_read vcpu=0 by=host msr=pat\n");
	for (uint32_t op = 1; op < 3; op++) {
		const struct answer *answer = &expected.want.steps[op].answer;

		assert_int_equal(answer->accepted, 0);
		assert_int_equal(answer->outcome, OUTCOME_EXCEPTION);
		assert_int_equal(answer->exception, 13);
	}
	expect_read(4, 0, UINT64_MAX);
}

/* Under mtrr_refusal_queued: for reserved bits, but not for types. */
static void a_refusal_may_wait_for_the_guest(void **state)
{
	static const uint32_t outcomes[] = { 0, 1, 1, 0, 1, 0, 11, 11, 0, 0 };
	static const uint32_t exceptions[] = { 0, 8, 13, 0, 13 };
	struct model_setup setup = { 0 };

	(void)state;
	setup.errata.set = ROW(ERRATUM_mtrr_refusal_queued);
	test_parse(&scenario,
		   "vcpu_create vcpu_id=0\n"
		   "msr_write vcpu=0 by=guest msr=mtrr_phys_base0 value=0x100\n"
		   "msr_write vcpu=0 by=guest msr=mtrr_phys_base0 value=0x102\n"
		   "msr_write vcpu=0 by=host msr=mtrr_phys_base0 value=0x102\n"
		   "msr_write vcpu=0 by=guest msr=mtrr_def_type value=0x100\n"
		   "msr_write vcpu=0 by=host msr=mtrr_phys_mask0 value=0x1\n"
		   "msr_read vcpu=0 by=guest msr=pat\n"
		   "interrupt_take vcpu=0\n"
		   "msi address=0xfee00000 data=0x500\n"
		   "msr_read vcpu=0 by=guest msr=pat\n");
	model_run(&expected, &scenario, &setup);
	for (uint32_t op = 0; op < ARRAY_SIZE(outcomes); op++) {
		const struct answer *answer = &expected.want.steps[op].answer;

		assert_int_equal(answer->outcome, outcomes[op]);
		if (op < ARRAY_SIZE(exceptions))
			assert_int_equal(answer->exception, exceptions[op]);
	}
	expect_read(9, 0x0007040600070406, UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_msrs_are_there),
		cmocka_unit_test(every_byte_in_every_field),
		cmocka_unit_test(every_bit_alone),
		cmocka_unit_test(reset_values),
		cmocka_unit_test(what_is_written_stays),
		cmocka_unit_test(no_cpuid_no_mtrrs),
		cmocka_unit_test(a_refusal_may_wait_for_the_guest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
