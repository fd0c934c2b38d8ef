/*
 * Minimal scenarios, by predicates on the scenario itself, so that the minimum
 * is known: each row has what is kept, a scenario, and what must be left.
 */
#include "tests/test.h"

#include <string.h>

#include "scenario/check.h"
#include "scenario/minimize.h"
#include "scenario/x86.h"

static uint64_t random_state = 3;

static size_t count(const struct scenario *s, enum op_kind kind)
{
	size_t nr = 0;

	for (size_t i = 0; i < s->nr_ops; i++)
		nr += s->ops[i].kind == kind;
	return nr;
}

/* A vCPU is sent a message by its ID, whatever that is. */
static bool id_is_used(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		for (size_t j = 0; j < s->nr_ops; j++)
			if (s->ops[i].kind == OP_vcpu_create &&
			    s->ops[j].kind == OP_msi &&
			    s->ops[i].as.vcpu_create.vcpu_id ==
				    (s->ops[j].as.msi.address >> 12 & 0xff))
				return true;
	return false;
}

/* Aliased: two IDs, equal in their low 8 bits, and a message to those. */
static bool ids_are_aliased(const struct scenario *s)
{
	for (size_t i = 0; i + 1 < s->nr_ops; i++) {
		const struct op *a = &s->ops[i], *b = &s->ops[i + 1];

		if (a->kind == OP_vcpu_create && b->kind == OP_vcpu_create &&
		    a->as.vcpu_create.vcpu_id > 0xff &&
		    b->as.vcpu_create.vcpu_id < 0x100 && id_is_used(s) &&
		    (a->as.vcpu_create.vcpu_id & 0xff) ==
			    b->as.vcpu_create.vcpu_id)
			return true;
	}
	return false;
}

static bool observes_evenly(const struct scenario *s)
{
	size_t nr = count(s, OP_observe);

	return nr && nr % 2 == 0;
}

static bool ids_are_32bit(const struct scenario *s)
{
	uint32_t flags = s->config.x2apic_api;

	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_x2apic_api_enable)
			flags |= s->ops[i].as.x2apic_api_enable.flags;
	return flags & X2APIC_API_USE_32BIT_IDS;
}

/* One vCPU does two things; a third is done by whichever. */
static bool a_vcpu_does_both(const struct scenario *s)
{
	if (!count(s, OP_lapic_read))
		return false;
	for (size_t i = 0; i < s->nr_ops; i++)
		for (size_t j = 0; j < s->nr_ops; j++)
			if (s->ops[i].kind == OP_self_ipi &&
			    s->ops[j].kind == OP_icr_write &&
			    op_vcpu(&s->ops[i]) == op_vcpu(&s->ops[j]))
				return true;
	return false;
}

static bool base_is_moved(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_apicbase_write &&
		    (s->ops[i].as.apicbase_write.value & ~0xfffull) !=
			    APICBASE_ADDRESS_DEFAULT)
			return true;
	return false;
}

/* What a field says decides whether an op is needed. */
static bool data_is_observed(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_msi && s->ops[i].as.msi.data &&
		    !count(s, OP_observe))
			return false;
	return count(s, OP_msi);
}

/* One op of a kind does what two of another do. */
static bool a_page_is_written(const struct scenario *s)
{
	return count(s, OP_lapic_write) || count(s, OP_apicbase_write) > 1;
}

static bool a_mode_is_left(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_apicbase_write &&
		    s->ops[i].as.apicbase_write.value & APICBASE_EXTD)
			return true;
	return false;
}

static bool a_vector_is_legal(const struct scenario *s)
{
	for (size_t i = 0; i < s->nr_ops; i++)
		if (s->ops[i].kind == OP_msi &&
		    (s->ops[i].as.msi.data & 0xff) >= 16)
			return true;
	return false;
}

#define SETTINGS "config irqchip=full x2apic_api=use_32bit_ids cpuid=none\n"

static const struct {
	const char *name;
	bool (*keeps)(const struct scenario *s);
	const char *from;
	const char *to;
} rows[] = {
	{ "a number in two places gets smaller in both", id_is_used,
	  SETTINGS
	  "vcpu_create vcpu_id=0x77\nvcpu_create vcpu_id=0x2b\nobserve\n"
	  "msi address=0xfee2b00c data=0x45\n",
	  "vcpu_create vcpu_id=0\nmsi address=0xfee00000 data=0\n" },
	{ "and in three", ids_are_aliased,
	  "vcpu_create vcpu_id=0x123\nvcpu_create vcpu_id=0x23\n"
	  "msi address=0xfee23004 data=0x4045\n",
	  "vcpu_create vcpu_id=0x100\nvcpu_create vcpu_id=0\n"
	  "msi address=0xfee00000 data=0\n" },
	{ "what goes only with another one goes with it", observes_evenly,
	  "observe\nobserve\nobserve\nobserve\nobserve\nobserve\n",
	  "observe\nobserve\n" },
	{ "what an op says the settings say", ids_are_32bit,
	  "config x2apic_api=disable_broadcast_quirk\nvcpu_create vcpu_id=1\n"
	  "x2apic_api_enable flags=use_32bit_ids\n",
	  "config x2apic_api=use_32bit_ids\n" },
	{ "one vCPU does for two", a_vcpu_does_both,
	  "vcpu_create vcpu_id=1\nvcpu_create vcpu_id=2\n"
	  "lapic_read vcpu=0 by=guest reg=svr\n"
	  "self_ipi vcpu=1 by=guest vector=0x41\n"
	  "icr_write vcpu=1 by=guest dest=0x102 low=0x4041\n",
	  "vcpu_create vcpu_id=0\n"
	  "lapic_read vcpu=0 by=host reg=reserved_000\n"
	  "self_ipi vcpu=0 by=host vector=0\n"
	  "icr_write vcpu=0 by=host dest=0 low=0\n" },
	{ "of a mode what it is after a reset stays", a_mode_is_left,
	  "vcpu_create vcpu_id=5\nvcpu_create vcpu_id=6\n"
	  "apicbase_write vcpu=1 by=guest value=0x12fef00d00\n",
	  "vcpu_create vcpu_id=0\n"
	  "apicbase_write vcpu=0 by=host value=0xfee00c00\n" },
	{ "an address is moved no further than it must be", base_is_moved,
	  "vcpu_create vcpu_id=5\n"
	  "apicbase_write vcpu=0 by=host value=0x12fef00d00\n",
	  "vcpu_create vcpu_id=0\n"
	  "apicbase_write vcpu=0 by=host value=0xfee01800\n" },
	{ "an op that a field does without goes", data_is_observed,
	  "msi address=0xfee00000 data=0x55\nobserve\n",
	  "msi address=0xfee00000 data=0\n" },
	{ "an op of another kind does for two", a_page_is_written,
	  "vcpu_create vcpu_id=7\n"
	  "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
	  "apicbase_write vcpu=0 by=host value=0xfee00800\n",
	  "vcpu_create vcpu_id=0\n"
	  "lapic_write vcpu=0 by=host reg=reserved_000 value=0\n" },
	{ "bits that must be there are low", a_vector_is_legal,
	  "msi address=0xfee23000 data=0xc0c5\n",
	  "msi address=0xfee00000 data=0x10\n" },
};

static bool holds(void *context, const struct scenario *s)
{
	bool (*const *keeps)(const struct scenario *) = context;

	return (*keeps)(s);
}

static void minimize(struct scenario *s, bool (*keeps)(const struct scenario *))
{
	static struct minimizer minimizer;

	minimizer.holds = holds;
	minimizer.context = &keeps;
	minimizer.depth = MINIMIZE_FIELDS;
	scenario_minimize(&minimizer, s);
}

static void what_is_left_is_known(void **state)
{
	static struct scenario s, want;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		test_parse(&s, rows[i].from);
		test_parse(&want, rows[i].to);
		minimize(&s, rows[i].keeps);
		if (scenario_equal(&s, &want))
			continue;
		scenario_print(stderr, &s);
		fail_msg("%s", rows[i].name);
	}
}

/* Of any scenario: what is left is legal, and minimizing it changes nothing. */
static void any_scenario_has_a_minimum(void **state)
{
	static struct scenario s, again;
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	size_t tried = 0;

	(void)state;
	for (int i = 0; i < 3000; i++) {
		for (size_t b = 0; b < 200; b++)
			bytes[b] = (uint8_t)(test_random(&random_state) % 14);
		scenario_decode(&s, bytes, 200);
		for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
			if (!rows[r].keeps(&s))
				continue;
			again = s;
			minimize(&again, rows[r].keeps);
			assert_true(rows[r].keeps(&again));
			scenario_decode(&s, bytes,
					scenario_encode(bytes, sizeof(bytes),
							&again));
			assert_true(scenario_equal(&s, &again));
			minimize(&again, rows[r].keeps);
			assert_true(scenario_equal(&s, &again));
			tried++;
			break;
		}
	}
	assert_true(tried > 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_left_is_known),
		cmocka_unit_test(any_scenario_has_a_minimum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
