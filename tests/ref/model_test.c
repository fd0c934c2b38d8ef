/*
 * The model as a whole: equal runs give equal bytes; what single messages do,
 * one named row a case, on both sides of each rule; what the documented rows
 * change; and the sets of errata by name.
 */
#include "tests/test.h"

#include "fuzz/mutate.h"
#include "oracle/oracle.h"
#include "ref/model.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected, again;

static void run(const char *against, const char *text)
{
	struct model_setup setup = { 0 };
	const char *unknown;

	assert_true(errata_parse(&setup.errata, &unknown, against));
	test_parse(&scenario, text);
	model_run(&expected, &scenario, &setup);
}

static const struct vcpu_state *end_of(uint32_t vcpu)
{
	const struct observation *want = &expected.want;

	return observation_state_const(want, &want->steps[want->nr_steps - 1],
				       vcpu);
}

static bool has_irr(uint32_t vcpu, uint8_t vector)
{
	return end_of(vcpu)->apic[APIC_REG_irr0 + vector / 32] >>
		       (vector % 32) &
	       1;
}

static errata_rows random_rows(uint64_t *random)
{
	errata_rows rows = test_random(random);

	return (rows << 64 | test_random(random)) & (ROW(ERRATA) - 1);
}

static void equal_runs_are_equal(void **state)
{
	uint64_t random = 3;
	uint8_t bytes[300];
	struct model_setup setup = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++) {
		for (size_t b = 0; b < sizeof(bytes); b++)
			bytes[b] = (uint8_t)(test_random(&random) % 14);
		scenario_decode(&scenario, bytes, sizeof(bytes));
		setup.errata.set = random_rows(&random);
		model_run(&expected, &scenario, &setup);
		model_run(&again, &scenario, &setup);
		assert_int_equal(expected.want.nr_states, again.want.nr_states);
		assert_memory_equal(expected.want.states, again.want.states,
				    sizeof(struct vcpu_state) *
					    expected.want.nr_states);
		assert_memory_equal(expected.care.states, again.care.states,
				    sizeof(struct vcpu_state) *
					    expected.want.nr_states);
	}
}

/* Two vCPUs, IDs 0x123 and 0x23, in xAPIC mode and listening. */
#define ALIASES(flags)                                          \
	"config x2apic_api=" flags "\n"                         \
	"vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0x23\n" \
	"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"      \
	"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"

static const struct {
	const char *name;
	const char *against;
	const char *text;
	uint8_t vector;
	bool first, second; /* who has it at the end */
} messages[] = {
	{ "arch: all aliases receive", "arch",
	  ALIASES("use_32bit_ids") "msi address=0xfee23000 data=0x45", 0x45,
	  true, true },
	{ "documented: the lowest vCPU ID receives", "documented",
	  ALIASES("use_32bit_ids") "msi address=0xfee23000 data=0x45", 0x45,
	  false, true },
	{ "documented, 8-bit IDs: all aliases receive", "documented",
	  ALIASES("0") "msi address=0xfee23000 data=0x45", 0x45, true, true },
	{ "documented: a 32-bit ID reaches its xAPIC alone", "documented",
	  ALIASES("use_32bit_ids") "msi address=0x100fee23000 data=0x45", 0x45,
	  true, false },
	{ "arch: an xAPIC sees the low 8 bits", "arch",
	  ALIASES("use_32bit_ids") "msi address=0x100fee23000 data=0x45", 0x45,
	  true, true },
	{ "without 32-bit IDs the upper address does not count", "documented",
	  ALIASES("0") "msi address=0x500fee23000 data=0x45", 0x45, true,
	  true },
	{ "broadcast reaches all", "arch",
	  ALIASES("use_32bit_ids") "msi address=0xfeeff000 data=0x45", 0x45,
	  true, true },
	{ "a broadcast is no alias", "documented",
	  ALIASES("use_32bit_ids") "msi address=0xfeeff000 data=0x45", 0x45,
	  true, true },
	{ "another ID reaches nobody", "arch",
	  ALIASES("0") "msi address=0xfee24000 data=0x45", 0x45, false, false },
	{ "software-disabled: no fixed interrupt", "arch",
	  ALIASES("0") "lapic_write vcpu=0 by=host reg=svr value=0xff\n"
		       "msi address=0xfee23000 data=0x45",
	  0x45, false, true },
	{ "globally disabled: nothing", "arch",
	  ALIASES("0") "apicbase_write vcpu=1 by=host value=0xfee00000\n"
		       "msi address=0xfee23000 data=0x45",
	  0x45, true, false },
	{ "x2APIC: the whole ID", "arch",
	  ALIASES("use_32bit_ids") "apicbase_write vcpu=0 by=host "
				   "value=0xfee00c00\n"
				   "msi address=0xfee23000 data=0x45",
	  0x45, false, true },
	{ "illegal vector: nowhere", "arch",
	  ALIASES("0") "msi address=0xfee23000 data=0x0f", 0x0f, false, false },
	{ "first legal vector", "arch",
	  ALIASES("0") "msi address=0xfee23000 data=0x10", 0x10, true, true },
	{ "self IPI: itself alone", "arch",
	  ALIASES("0") "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
		       "self_ipi vcpu=0 by=host vector=0x45",
	  0x45, true, false },
	{ "all but self", "arch",
	  ALIASES("0") "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
		       "icr_write vcpu=0 by=host dest=0 low=0xc4045",
	  0x45, false, true },
	{ "all with self", "arch",
	  ALIASES("0") "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
		       "icr_write vcpu=0 by=host dest=0 low=0x84045",
	  0x45, true, true },
	{ "snapshot: aliases are all in it", "arch,+routing_snapshot",
	  ALIASES("use_32bit_ids") "msi address=0xfee23000 data=0x45", 0x45,
	  true, true },
	{ "the first created of them receives",
	  "arch,+routing_snapshot,+alias_first_created",
	  ALIASES("use_32bit_ids") "msi address=0xfee23000 data=0x45", 0x45,
	  true, false },
	{ "but one in x2APIC mode wins",
	  "arch,+routing_snapshot,+alias_first_created",
	  ALIASES("use_32bit_ids") "apicbase_write vcpu=1 by=host "
				   "value=0xfee00c00\n"
				   "msi address=0xfee23000 data=0x45",
	  0x45, false, true },
	{ "before 6.3 also without 32-bit IDs",
	  "arch,+routing_snapshot,+alias_first_created,+hotplug_hack_always",
	  ALIASES("0") "msi address=0xfee23000 data=0x45", 0x45, true, false },
	{ "snapshot: without 32-bit IDs aliases are asked",
	  "arch,+routing_snapshot",
	  ALIASES("0") "msi address=0xfee23000 data=0x45", 0x45, true, true },
	{ "a wide ID is nobody's low bits", "arch,+xapic_dest_whole",
	  ALIASES("use_32bit_ids") "msi address=0x300fee23000 data=0x45", 0x45,
	  false, false },
	{ "lowest priority by vector", "arch,+lowest_by_vector",
	  ALIASES("0") "msi address=0xfee23000 data=0x145", 0x45, false, true },
	{ "and by the next one", "arch,+lowest_by_vector",
	  ALIASES("0") "msi address=0xfee23000 data=0x146", 0x46, true, false },
	{ "canary: logical messages are lost", "arch,+canary",
	  ALIASES("0") "msi address=0xfeeff004 data=0x45", 0x45, false, false },
	{ "and without it they are not", "arch",
	  ALIASES("0") "msi address=0xfeeff004 data=0x45", 0x45, true, true },
};

static void messages_reach_whom_they_should(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(messages); i++) {
		run(messages[i].against, messages[i].text);
		if (has_irr(0, messages[i].vector) != messages[i].first ||
		    has_irr(1, messages[i].vector) != messages[i].second)
			fail_msg("%s: want %d %d, got %d %d", messages[i].name,
				 messages[i].first, messages[i].second,
				 has_irr(0, messages[i].vector),
				 has_irr(1, messages[i].vector));
	}
}

static void broadcast_quirk_is_a_flag(void **state)
{
	static const char *const text =
		"config x2apic_api=%s\n"
		"vcpu_create vcpu_id=0x23\n"
		"apicbase_write vcpu=0 by=host value=0xfee00c00\n"
		"x2apic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfeeff000 data=0x45";
	char with[512], without[512];

	(void)state;
	snprintf(with, sizeof(with), text, "0");
	snprintf(without, sizeof(without), text, "disable_broadcast_quirk");
	run("documented", with);
	assert_true(has_irr(0, 0x45));
	run("documented", without);
	assert_false(has_irr(0, 0x45));
	run("arch", with);
	assert_false(has_irr(0, 0x45));
}

static void lowest_priority_picks_each_in_turn(void **state)
{
	struct model_setup setup = { 0 };

	(void)state;
	for (uint8_t pick = 0; pick < 2; pick++) {
		test_parse(&scenario,
			   ALIASES("0") "msi address=0xfee23000 data=0x145");
		setup.choices.pick[0] = pick;
		model_run(&expected, &scenario, &setup);
		assert_int_equal(expected.choices.nr, 1);
		assert_int_equal(expected.choices.alternatives[0], 2);
		assert_int_equal(expected.choices.step[0], 4);
		assert_int_equal(has_irr(0, 0x45), pick == 0);
		assert_int_equal(has_irr(1, 0x45), pick == 1);
	}
}

static void init_and_sipi(void **state)
{
	(void)state;
	run("arch", "vcpu_create vcpu_id=1\n"
		    "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		    "lapic_write vcpu=0 by=host reg=id value=0x7000000\n"
		    "lapic_write vcpu=0 by=host reg=ldr value=0x1000000\n"
		    "msi address=0xfee07000 data=0x500");
	assert_int_equal(end_of(0)->mp_state, 2);
	assert_int_equal(end_of(0)->apic[APIC_REG_svr], 0xff);
	assert_int_equal(end_of(0)->apic[APIC_REG_ldr], 0);
	assert_int_equal(end_of(0)->apic[APIC_REG_id], 0x7000000);
	run("arch", "vcpu_create vcpu_id=0\nvcpu_create vcpu_id=1\n"
		    "apicbase_write vcpu=0 by=host value=0xfee00d00\n"
		    "icr_write vcpu=0 by=host dest=1 low=0x4608\n"
		    "observe\n"
		    "icr_write vcpu=0 by=host dest=1 low=0x4500\n"
		    "icr_write vcpu=0 by=host dest=1 low=0x4609\n"
		    "icr_write vcpu=0 by=host dest=1 low=0x460a\n");
	assert_int_equal(expected.want.states[1].mp_state, 1);
	assert_int_equal(end_of(1)->mp_state, 0);
	assert_int_equal(end_of(1)->cs_selector, 0x900);
}

static void sets_have_names(void **state)
{
	struct errata errata = { UINT64_MAX };
	const char *unknown;

	(void)state;
	assert_true(errata_parse(&errata, &unknown, "arch"));
	assert_int_equal(errata.set, 0);
	assert_true(errata_parse(&errata, &unknown, "documented"));
	assert_true(errata_has(&errata, ERRATUM_alias_lowest_vcpu_id));
	assert_false(errata_has(&errata, ERRATUM_canary));
	assert_true(errata_parse(&errata, &unknown,
				 "documented,-alias_lowest_vcpu_id,+canary"));
	assert_false(errata_has(&errata, ERRATUM_alias_lowest_vcpu_id));
	assert_true(errata_has(&errata, ERRATUM_canary));
	assert_false(errata_parse(&errata, &unknown, "arch,canary"));
	assert_string_equal(unknown, "canary");
	assert_false(errata_parse(&errata, &unknown, "arch,+nope"));
	assert_string_equal(unknown, "+nope");
	assert_false(errata_parse(&errata, &unknown, ""));
	assert_false(errata_parse(&errata, &unknown, "documentedx"));
}

static void mutate(uint64_t seed)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX], mutated[SCENARIO_BYTES_MAX];
	size_t len = 0;

	for (uint64_t i = 0; i < 40; i++) {
		len = mutate_bytes(mutated, sizeof(mutated), bytes, len,
				   seed * 64 + i);
		memcpy(bytes, mutated, len);
	}
	scenario_decode(&scenario, bytes, len);
}

static bool runs_are_equal(void)
{
	const struct observation *a = &expected.want, *b = &again.want;

	return !memcmp(a->states, b->states,
		       sizeof(a->states[0]) * a->nr_states) &&
	       !memcmp(a->steps, b->steps, sizeof(a->steps[0]) * a->nr_steps) &&
	       !memcmp(expected.care.states, again.care.states,
		       sizeof(a->states[0]) * a->nr_states) &&
	       !memcmp(expected.care.steps, again.care.steps,
		       sizeof(a->steps[0]) * a->nr_steps);
}

/* Rows may be left out of a set where they are not among what decided. */
static void rows_that_decide_nothing_change_nothing(void **state)
{
	uint64_t random = 7;
	struct model_setup setup = { 0 };

	(void)state;
	for (uint64_t seed = 0; seed < 3000; seed++) {
		errata_rows rows = random_rows(&random);

		mutate(seed);
		setup.errata.set = rows;
		model_run(&expected, &scenario, &setup);
		for (uint32_t row = 0; row < ERRATA; row++) {
			if (!((rows & ~expected.rows) >> row & 1))
				continue;
			setup.errata.set = rows & ~ROW(row);
			model_run(&again, &scenario, &setup);
			if (runs_are_equal())
				continue;
			scenario_print(stderr, &scenario);
			fail_msg("%s decides in secret", erratum_name(row));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_runs_are_equal),
		cmocka_unit_test(messages_reach_whom_they_should),
		cmocka_unit_test(broadcast_quirk_is_a_flag),
		cmocka_unit_test(lowest_priority_picks_each_in_turn),
		cmocka_unit_test(init_and_sipi),
		cmocka_unit_test(sets_have_names),
		cmocka_unit_test(rows_that_decide_nothing_change_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
