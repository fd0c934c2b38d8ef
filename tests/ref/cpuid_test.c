/*
 * CPUID in the model: every leaf of the profile by host and guest against a
 * second table, what is between them, what is above, and the APIC's flag.
 */
#include "tests/test.h"

#include "ref/model.h"

static struct scenario scenario;
static struct expectation expected;

/* The profile of vCPU 0x123, as a person would write it down. */
static const struct {
	uint32_t leaf, subleaf, regs[CPUID_REGS];
} rows[] = {
	{ 0, 0, { 0xb } },
	{ 0, 7, { 0xb } },
	{ 1, 0, { 0, 0x23000000, 0x01200000, 0x00011260 } },
	{ 0xb, 0, { 0, 1, 0x100, 0x123 } },
	{ 0xb, 1, { 0, 0, 1, 0x123 } },
	{ 0x80000000, 0, { 0x80000008 } },
	{ 0x80000001, 0, { 0, 0, 0, 1u << 29 } },
	{ 0x80000008, 0, { 0x3024 } },
};

/* Op 1 reads; the vCPU was told to wait for nothing, so that it runs. */
static void read_one(enum cpuid profile, enum agent by, uint32_t leaf,
		     uint32_t subleaf, uint32_t reg)
{
	struct model_setup setup = { 0 };

	test_parse(&scenario, "config boot_vcpu_id=0x123\n"
			      "vcpu_create vcpu_id=0x123\n");
	scenario.config.cpuid = (field_cpuid)profile;
	scenario.ops[1] = (struct op){
		.kind = OP_cpuid_read,
		.as.cpuid_read = { 0, (field_agent)by, leaf, subleaf,
				   (field_cpuid_reg)reg },
	};
	scenario.nr_ops = 2;
	model_run(&expected, &scenario, &setup);
}

static void expect_register(uint64_t value)
{
	assert_int_equal(expected.want.steps[1].answer.accepted, 1);
	assert_int_equal(expected.care.steps[1].answer.accepted, UINT32_MAX);
	assert_int_equal(expected.want.steps[1].answer.value, value);
	assert_int_equal(expected.care.steps[1].answer.value, UINT64_MAX);
}

static void the_profile(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		for (uint32_t reg = 0; reg < CPUID_REGS; reg++)
			for (int by = AGENT_HOST; by <= AGENT_GUEST; by++) {
				read_one(CPUID_X2APIC, (enum agent)by,
					 rows[i].leaf, rows[i].subleaf, reg);
				expect_register(rows[i].regs[reg]);
			}
}

/* Leaves between those of the profile: 0 for the guest, none for the host. */
static void what_is_between(void **state)
{
	(void)state;
	for (uint32_t leaf = 2; leaf < 0xb; leaf++) {
		read_one(CPUID_X2APIC, AGENT_GUEST, leaf, 0, CPUID_EAX);
		expect_register(0);
		read_one(CPUID_X2APIC, AGENT_HOST, leaf, 0, CPUID_EAX);
		assert_int_equal(expected.want.steps[1].answer.accepted, 0);
	}
	for (uint32_t subleaf = 2; subleaf < 0x300; subleaf++) {
		read_one(CPUID_X2APIC, AGENT_GUEST, 0xb, subleaf, CPUID_ECX);
		expect_register(subleaf & 0xff);
		read_one(CPUID_X2APIC, AGENT_GUEST, 0xb, subleaf, CPUID_EDX);
		expect_register(0x123);
		read_one(CPUID_X2APIC, AGENT_GUEST, 0xb, subleaf, CPUID_EAX);
		expect_register(0);
	}
}

/* Vendors differ; and without a table nothing is said. */
static void what_is_open(void **state)
{
	static const uint32_t leaves[] = { 0xc, 0x7fffffff, 0x40000000,
					   0x80000009, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(leaves); i++) {
		read_one(CPUID_X2APIC, AGENT_GUEST, leaves[i], 0, CPUID_EAX);
		assert_int_equal(expected.care.steps[1].answer.value, 0);
		read_one(CPUID_X2APIC, AGENT_HOST, leaves[i], 0, CPUID_EAX);
		assert_int_equal(expected.want.steps[1].answer.accepted, 0);
	}
	read_one(CPUID_NONE, AGENT_GUEST, 1, 0, CPUID_EAX);
	assert_int_equal(expected.care.steps[1].answer.value, 0);
	read_one(CPUID_NONE, AGENT_HOST, 1, 0, CPUID_EAX);
	assert_int_equal(expected.want.steps[1].answer.accepted, 0);
}

static void the_flag_of_the_apic(void **state)
{
	struct model_setup setup = { 0 };

	(void)state;
	test_parse(&scenario,
		   "vcpu_create vcpu_id=0\n"
		   "apicbase_write vcpu=0 by=guest value=0xfee00100\n"
		   "cpuid_read vcpu=0 by=guest leaf=1 subleaf=0 reg=edx\n"
		   "cpuid_read vcpu=0 by=host leaf=1 subleaf=0 reg=edx\n"
		   "apicbase_write vcpu=0 by=host value=0xfee00d00\n"
		   "cpuid_read vcpu=0 by=guest leaf=1 subleaf=0 reg=edx\n");
	model_run(&expected, &scenario, &setup);
	assert_int_equal(expected.want.steps[2].answer.value, 0x00011060);
	assert_int_equal(expected.want.steps[3].answer.value, 0x00011060);
	assert_int_equal(expected.want.steps[5].answer.value, 0x00011260);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_profile),
		cmocka_unit_test(what_is_between),
		cmocka_unit_test(what_is_open),
		cmocka_unit_test(the_flag_of_the_apic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
