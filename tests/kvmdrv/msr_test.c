/*
 * MTRRs and PAT on the real /dev/kvm: every byte in every field of every one,
 * and every bit alone, written and read back by the host, and of one of each
 * kind by the guest. Both must be answered as the model says, and so alike.
 * Which rows the host has that bear on that is asked first.
 */
#include "tests/test.h"

#include "kvmdrv/kvmdrv.h"
#include "ref/model.h"
#include "scenario/x86.h"

enum { PAIRS_MAX = 128, VECTOR_DF = 8 };

static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct scenario scenario;
static struct observation got, by_host;
static struct expectation expected;
static struct model_setup setup;

static const uint32_t numbers[] = {
#define MSR(number, name) number,
#define MSR_READ_ONLY(number, name) number,
#define MSR_ABSENT(number, name) number,
#include "scenario/msrs.def"
};

static void start(void)
{
	test_parse(&scenario, "vcpu_create vcpu_id=0\n");
}

/* It is written, and read back. */
static void add(enum agent by, uint32_t msr, uint64_t value)
{
	struct op *op = &scenario.ops[scenario.nr_ops];

	op[0] = (struct op){ .kind = OP_msr_write,
			     .as.msr_write = { 0, (field_agent)by,
					       (field_msr)msr, value } };
	op[1] = (struct op){ .kind = OP_msr_read,
			     .as.msr_read = { 0, (field_agent)by,
					      (field_msr)msr } };
	scenario.nr_ops += 2;
}

static void print_op(size_t step, const struct answer *want,
		     const struct answer *answer)
{
	op_print(stdout, &scenario.ops[step]);
	printf(": want accepted=%u exception=%u value=%#llx, got accepted=%u "
	       "exception=%u value=%#llx\n",
	       want->accepted, want->exception, (unsigned long long)want->value,
	       answer->accepted, answer->exception,
	       (unsigned long long)answer->value);
	fflush(stdout);
}

static bool answers_agree(size_t step)
{
	const struct answer *want = &expected.want.steps[step].answer;
	const struct answer *care = &expected.care.steps[step].answer;
	const struct answer *answer = &got.steps[step].answer;

	if (answer->accepted == want->accepted &&
	    answer->exception == want->exception &&
	    ((answer->value ^ want->value) & care->value) == 0)
		return true;
	print_op(step, want, answer);
	return false;
}

static void check_against_model(void)
{
	model_run(&expected, &scenario, &setup);
	kvmdrv_run(drv, &got, &scenario, SCHEDULE_FAST);
	for (size_t i = 0; i < scenario.nr_ops; i++)
		assert_true(answers_agree(i));
}

/* The same as the host's, but for how a refusal is told. */
static void check_against_host(void)
{
	for (size_t i = 0; i < scenario.nr_ops; i++) {
		const struct answer *want = &by_host.steps[i].answer;
		const struct answer *answer = &got.steps[i].answer;

		if (want->accepted == answer->accepted &&
		    (!want->accepted || want->value == answer->value))
			continue;
		print_op(i, want, answer);
		fail_msg("the guest's answer is not the host's");
	}
}

/* One of each kind, which the guest tries as well. */
static bool is_for_guest(uint32_t msr)
{
	static const uint32_t sample[] = {
		MSR_mtrr_cap,	       MSR_mtrr_phys_base0, MSR_mtrr_phys_mask7,
		MSR_mtrr_fix16k_80000, MSR_mtrr_def_type,   MSR_pat,
		MSR_absent_2f8,
	};

	for (size_t i = 0; i < ARRAY_SIZE(sample); i++)
		if (sample[i] == msr)
			return true;
	return false;
}

/* Values @first to @last by @make, by the host and then by the guest. */
static void try_values(uint32_t msr, uint64_t (*make)(uint32_t, unsigned),
		       unsigned place, uint32_t first, uint32_t last)
{
	start();
	for (uint32_t i = first; i <= last; i++)
		add(AGENT_HOST, msr, make(i, place));
	check_against_model();
	if (!is_for_guest(msr))
		return;
	observation_copy(&by_host, &got);
	for (size_t i = 1; i < scenario.nr_ops; i++)
		scenario.ops[i].as.msr_read.by = AGENT_GUEST;
	check_against_model();
	check_against_host();
}

static uint64_t byte_at(uint32_t byte, unsigned shift)
{
	return (uint64_t)byte << shift;
}

static uint64_t bit(uint32_t bit, unsigned unused)
{
	(void)unused;
	return 1ull << bit;
}

static uint64_t all_but_bit(uint32_t bit, unsigned unused)
{
	(void)unused;
	return ~(1ull << bit);
}

/* What depends on the kernel or its vendor module is asked, not known. */
static void ask_for_rows(void)
{
	start();
	add(AGENT_GUEST, MSR_mtrr_phys_mask0, 1);
	add(AGENT_HOST, MSR_pat, 2);
	kvmdrv_run(drv, &got, &scenario, SCHEDULE_FAST);
	if (got.steps[1].answer.exception == VECTOR_DF)
		setup.errata.set |= ROW(ERRATUM_mtrr_refusal_queued);
	if (got.steps[3].answer.accepted)
		setup.errata.set |= ROW(ERRATUM_pat_any_value);
}

static void open_or_skip(void)
{
	if (drv)
		return;
	if (kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
	ask_for_rows();
}

static void every_byte_in_every_field(void **state)
{
	(void)state;
	open_or_skip();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		for (unsigned shift = 0; shift < 64; shift += 8)
			for (uint32_t half = 0; half < 256; half += PAIRS_MAX)
				try_values(numbers[i], byte_at, shift, half,
					   half + PAIRS_MAX - 1);
}

static void every_bit_alone(void **state)
{
	(void)state;
	open_or_skip();
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		try_values(numbers[i], bit, 0, 0, 63);
		try_values(numbers[i], all_but_bit, 0, 0, 63);
	}
}

static int close_driver(void **state)
{
	(void)state;
	if (drv)
		kvmdrv_close(drv);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_byte_in_every_field),
		cmocka_unit_test(every_bit_alone),
	};

	return cmocka_run_group_tests(tests, NULL, close_driver);
}
