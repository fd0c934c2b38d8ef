/*
 * Text <-> scenario: what is printed parses to the same; what is wrong is
 * named, with line and column. Each bad text has its exact message.
 */
#include "tests/test.h"

static struct scenario first, second;

static const struct {
	const char *text;
	int line, column;
	const char *message;
} bad[] = {
	{ "frob", 1, 1, "unknown op 'frob'" },
	{ "\n\n  frob x=1", 3, 3, "unknown op 'frob'" },
	{ "=", 1, 1, "expected the name of an op" },
	{ "\x01", 1, 1, "expected the name of an op" },
	{ "msi address=1", 1, 14, "msi lacks 'data='" },
	{ "msi data=1 # address=1", 1, 12, "msi lacks 'address='" },
	{ "msi adress=1 data=2", 1, 5, "msi has no field 'adress'" },
	{ "msi address=1 data=2 data=2", 1, 22, "data is given twice" },
	{ "msi address data=2", 1, 12, "expected '=' after 'address'" },
	{ "msi address= data=2", 1, 13, "'' is not a number" },
	{ "msi address=0x data=2", 1, 13, "'0x' is not a number" },
	{ "msi address=0xg data=2", 1, 13, "'0xg' is not a number" },
	{ "msi address=12a data=2", 1, 13, "'12a' is not a number" },
	{ "msi address=1,data=2", 1, 14,
	  "expected a blank after the value of address" },
	{ "msi address=1 ,data=2", 1, 15, "expected a field of msi" },
	{ "msi address=0x10000000000000000 data=2", 1, 13,
	  "'0x10000000000000000' is not a number" },
	{ "msi address=18446744073709551616 data=2", 1, 13,
	  "'18446744073709551616' is not a number" },
	{ "msi address=1 data=0x100000000", 1, 20,
	  "data must be at most 0xffffffff" },
	{ "vcpu_create vcpu_id=0x1000", 1, 21,
	  "vcpu_id must be at most 0xfff" },
	{ "self_ipi vcpu=0 by=host vector=1", 1, 15,
	  "vcpu 0 does not exist yet: 0 created before this line" },
	{ "vcpu_create vcpu_id=0\nself_ipi vcpu=1 by=host vector=1", 2, 15,
	  "vcpu 1 does not exist yet: 1 created before this line" },
	{ "vcpu_create vcpu_id=0\nself_ipi vcpu=0 by=ghost vector=1", 2, 20,
	  "'ghost' is not a value of by" },
	{ "vcpu_create vcpu_id=0\nself_ipi vcpu=0 by=host vector=256", 2, 32,
	  "vector must be at most 0xff" },
	{ "vcpu_create vcpu_id=0\n"
	  "lapic_write vcpu=0 by=host reg=tmict value=1",
	  2, 32, "'tmict' is not a value of reg" },
	{ "x2apic_api_enable flags=use_32bit_ids|", 1, 39,
	  "'' is not a value of flags" },
	{ "x2apic_api_enable flags=1", 1, 25, "'1' is not a value of flags" },
	{ "observe\nconfig irqchip=full", 2, 1,
	  "config must be the first line and the only one" },
	{ "config\nconfig", 2, 1,
	  "config must be the first line and the only one" },
	{ "config irqchip=none", 1, 16, "'none' is not a value of irqchip" },
	{ "config apic=1", 1, 8, "config has no field 'apic'" },
	{ "thisnameisfartoolongtobequotedinwholeinamessage", 1, 1,
	  "unknown op 'thisnameisfartoolongtobequotedin'" },
};

static void bad_text_is_named(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct text_error error = { 0 };

		if (scenario_parse(&first, &error, bad[i].text))
			fail_msg("accepted: %s", bad[i].text);
		if (error.line != bad[i].line ||
		    error.column != bad[i].column ||
		    strcmp(error.message, bad[i].message) != 0)
			fail_msg("'%s': want %d:%d: %s, got %d:%d: %s",
				 bad[i].text, bad[i].line, bad[i].column,
				 bad[i].message, error.line, error.column,
				 error.message);
	}
}

static void too_many_ops_are_refused(void **state)
{
	static char text[(OPS_MAX + 1) * 8 + 1];
	struct text_error error;

	(void)state;
	for (int i = 0; i < OPS_MAX + 1; i++)
		memcpy(text + 8 * i, "observe\n", 8);
	assert_false(scenario_parse(&first, &error, text));
	assert_int_equal(error.line, OPS_MAX + 1);
	assert_string_equal(error.message, "more than 512 ops");
	text[8 * OPS_MAX] = '\0';
	assert_true(scenario_parse(&first, &error, text));
}

static void too_many_vcpus_are_refused(void **state)
{
	static char text[(VCPUS_MAX + 1) * 32];
	struct text_error error;
	size_t len = 0, last = 0;

	(void)state;
	for (int i = 0; i < VCPUS_MAX + 1; i++) {
		last = len;
		len += (size_t)sprintf(text + len, "vcpu_create vcpu_id=%d\n",
				       i);
	}
	assert_false(scenario_parse(&first, &error, text));
	assert_int_equal(error.line, VCPUS_MAX + 1);
	assert_string_equal(error.message, "more than 256 vCPUs");
	text[last] = '\0';
	assert_true(scenario_parse(&first, &error, text));
}

static void layout_is_free(void **state)
{
	(void)state;
	test_parse(&first, "# a comment\r\n\n"
			   "\tconfig\tirqchip=full # another\n"
			   "msi data=0x45   address=0xfee23000#glued");
	test_parse(&second, "config irqchip=full\n"
			    "msi address=4276236288 data=69\n");
	assert_true(scenario_equal(&first, &second));
}

static void print_and_parse(const struct scenario *s)
{
	static char text[OPS_MAX * 128];
	FILE *out = fmemopen(text, sizeof(text), "w");

	assert_non_null(out);
	scenario_print(out, s);
	assert_int_equal(fclose(out), 0);
	test_parse(&second, text);
	assert_true(scenario_equal(s, &second));
}

static void what_is_printed_parses_to_the_same(void **state)
{
	uint64_t random = 7;
	uint8_t bytes[400];

	(void)state;
	for (int run = 0; run < 3000; run++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			uint64_t r = test_random(&random);

			bytes[i] = (uint8_t)(r & 256 ? r % 12 : r);
		}
		scenario_decode(&first, bytes, sizeof(bytes));
		print_and_parse(&first);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_text_is_named),
		cmocka_unit_test(too_many_ops_are_refused),
		cmocka_unit_test(too_many_vcpus_are_refused),
		cmocka_unit_test(layout_is_free),
		cmocka_unit_test(what_is_printed_parses_to_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
