/*
 * Bytes <-> scenario: every byte string is a legal scenario, and what is
 * encoded decodes to the same. Shown on random strings, on every single field
 * value at both ends of its domain, and on the limits of the format.
 */
#include "tests/test.h"

#include "scenario/tables.h"

static struct scenario first, second;
static uint8_t encoded[SCENARIO_BYTES_MAX];

static void expect_round_trip(const struct scenario *s)
{
	size_t len = scenario_encode(encoded, sizeof(encoded), s);

	scenario_decode(&second, encoded, len);
	assert_true(scenario_equal(s, &second));
}

static void expect_legal(const struct scenario *s)
{
	size_t nr_vcpus = 0;

	assert_in_range(s->nr_ops, 0, OPS_MAX);
	for (size_t i = 0; i < s->nr_ops; i++) {
		assert_true(op_vcpu(&s->ops[i]) < (int)nr_vcpus ||
			    op_vcpu(&s->ops[i]) < 0);
		nr_vcpus += s->ops[i].kind == OP_vcpu_create;
		if (s->ops[i].kind == OP_vcpu_create)
			assert_in_range(s->ops[i].as.vcpu_create.vcpu_id, 0,
					VCPU_ID_MAX);
	}
	assert_in_range(nr_vcpus, 0, VCPUS_MAX);
}

static void any_bytes_are_a_scenario(void **state)
{
	uint64_t random = 1;
	uint8_t bytes[600];

	(void)state;
	for (int run = 0; run < 20000; run++) {
		size_t len = test_random(&random) % sizeof(bytes);

		for (size_t i = 0; i < len; i++) {
			uint64_t r = test_random(&random);

			/* Half of them ops, so that many are. */
			bytes[i] = (uint8_t)(r & 256 ? r % 12 : r);
		}
		scenario_decode(&first, bytes, len);
		expect_legal(&first);
		expect_round_trip(&first);
	}
}

/* The bytes of the settings, all zero. */
enum { CONFIG_BYTES = 8 };

static void nothing_is_the_empty_scenario(void **state)
{
	(void)state;
	scenario_decode(&first, NULL, 0);
	assert_int_equal(first.nr_ops, 0);
	assert_int_equal(first.config.irqchip, IRQCHIP_SPLIT);
	assert_int_equal(first.config.x2apic_api, 0);
	assert_int_equal(first.config.cpuid, CPUID_X2APIC);
	assert_int_equal(first.config.boot_vcpu_id, 0);
}

static void a_short_tail_reads_as_zero(void **state)
{
	const uint8_t bytes[CONFIG_BYTES + 2] = {
		[CONFIG_BYTES] = OP_vcpu_create, 0x34
	};

	(void)state;
	scenario_decode(&first, bytes, sizeof(bytes));
	assert_int_equal(first.nr_ops, 1);
	assert_int_equal(first.ops[0].as.vcpu_create.vcpu_id, 0x34);
}

static void an_unknown_op_is_skipped(void **state)
{
	const uint8_t bytes[CONFIG_BYTES + 3] = { [CONFIG_BYTES] = 0,
						  0xff,
						  OP_observe };

	(void)state;
	scenario_decode(&first, bytes, sizeof(bytes));
	assert_int_equal(first.nr_ops, 1);
	assert_int_equal(first.ops[0].kind, OP_observe);
}

static void an_op_without_a_vcpu_is_dropped(void **state)
{
	const uint8_t bytes[CONFIG_BYTES + 5] = {
		[CONFIG_BYTES] = OP_self_ipi, 0, 0, 0x31, OP_observe
	};

	(void)state;
	scenario_decode(&first, bytes, sizeof(bytes));
	assert_int_equal(first.nr_ops, 1);
	assert_int_equal(first.ops[0].kind, OP_observe);
}

static void out_of_range_is_reduced(void **state)
{
	const uint8_t bytes[] = { 3,   0xff, 2,	   0xff,	   0xff,
				  3,   0xff, 0xff, OP_vcpu_create, 0x01,
				  0x10 };

	(void)state;
	scenario_decode(&first, bytes, sizeof(bytes));
	assert_int_equal(first.config.irqchip, IRQCHIP_FULL);
	assert_int_equal(first.config.x2apic_api, 3);
	assert_int_equal(first.config.cpuid, CPUID_X2APIC);
	assert_int_equal(first.config.boot_vcpu_id, VCPU_ID_MAX);
	assert_int_equal(first.config.guest, GUEST_LONG);
	assert_int_equal(first.config.quirks_off, 0x307);
	assert_int_equal(first.ops[0].as.vcpu_create.vcpu_id, 1);
}

static void limits_hold(void **state)
{
	static uint8_t bytes[CONFIG_BYTES + 3 * (VCPUS_MAX + 2) + OPS_MAX];
	size_t creates = 3 * (VCPUS_MAX + 2);

	(void)state;
	memset(bytes, 0, CONFIG_BYTES);
	for (size_t i = 0; i < creates; i += 3)
		bytes[CONFIG_BYTES + i] = OP_vcpu_create;
	memset(bytes + CONFIG_BYTES + creates, OP_observe, OPS_MAX);
	scenario_decode(&first, bytes, sizeof(bytes));
	assert_int_equal(scenario_nr_vcpus(&first, first.nr_ops), VCPUS_MAX);
	assert_int_equal(first.nr_ops, OPS_MAX);
	expect_round_trip(&first);
}

/* A second op, of this kind, with the first value in each field. */
static void add_op(uint32_t kind, const struct record *record)
{
	test_parse(&first, "vcpu_create vcpu_id=0");
	memset(&first.ops[1], 0, sizeof(first.ops[1]));
	first.ops[1].kind = (enum op_kind)kind;
	first.nr_ops = 2;
	for (uint32_t f = 0; f < record->nr_fields; f++)
		field_set(&record->fields[f], &first.ops[1].as,
			  field_reduce(record->fields[f].type, 0, 1));
}

/* Lowest and highest value of each field of each op. */
static void every_field_survives(void **state)
{
	(void)state;
	for (uint32_t kind = 0; kind < 256; kind++) {
		const struct record *record = op_record(kind);

		for (uint32_t f = 0; record && f < record->nr_fields; f++) {
			const struct field *field = &record->fields[f];
			const uint64_t raw[] = { 0, UINT64_MAX };

			for (size_t i = 0; i < ARRAY_SIZE(raw); i++) {
				add_op(kind, record);
				field_set(field, &first.ops[1].as,
					  field_reduce(field->type, raw[i], 1));
				expect_round_trip(&first);
			}
		}
	}
}

static void removing_a_vcpu_keeps_the_rest_legal(void **state)
{
	(void)state;
	test_parse(&first, "vcpu_create vcpu_id=1\n"
			   "vcpu_create vcpu_id=2\n"
			   "self_ipi vcpu=0 by=host vector=0x31\n"
			   "vcpu_create vcpu_id=3\n"
			   "self_ipi vcpu=1 by=host vector=0x32\n"
			   "self_ipi vcpu=2 by=host vector=0x33\n"
			   "observe\n");
	scenario_remove_op(&first, 1);
	test_parse(&second, "vcpu_create vcpu_id=1\n"
			    "self_ipi vcpu=0 by=host vector=0x31\n"
			    "vcpu_create vcpu_id=3\n"
			    "self_ipi vcpu=1 by=host vector=0x33\n"
			    "observe\n");
	assert_true(scenario_equal(&first, &second));
	scenario_remove_op(&first, 5);
	assert_true(scenario_equal(&first, &second));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_bytes_are_a_scenario),
		cmocka_unit_test(nothing_is_the_empty_scenario),
		cmocka_unit_test(a_short_tail_reads_as_zero),
		cmocka_unit_test(an_unknown_op_is_skipped),
		cmocka_unit_test(an_op_without_a_vcpu_is_dropped),
		cmocka_unit_test(out_of_range_is_reduced),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(every_field_survives),
		cmocka_unit_test(removing_a_vcpu_keeps_the_rest_legal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
