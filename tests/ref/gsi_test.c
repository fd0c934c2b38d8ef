/*
 * What the model says of the VM's interrupt inputs: each sends what a message
 * to KVM_SIGNAL_MSI would, for every kind of message, and its answer counts
 * who took it; and when a table of routes is refused.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected, other;

/* Three APICs, of which one is disabled by software, and then @format. */
static void __attribute__((format(printf, 2, 3)))
run(struct expectation *out, const char *format, ...)
{
	static const char first[] =
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"vcpu_create vcpu_id=2\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
		"lapic_write vcpu=0 by=host reg=ldr value=0x1000000\n"
		"lapic_write vcpu=1 by=host reg=ldr value=0x2000000\n";
	struct model_setup setup = { 0 };
	char text[2048];
	va_list args;

	strcpy(text, first);
	va_start(args, format);
	vsnprintf(text + strlen(first), sizeof(text) - strlen(first), format,
		  args);
	va_end(args);
	test_parse(&scenario, text);
	model_run(out, &scenario, &setup);
}

/* Of the op that is @back before the end. */
static const struct step *last(const struct observation *o, uint32_t back)
{
	return &o->steps[o->nr_steps - 1 - back];
}

static bool states_are_equal(const struct observation *a,
			     const struct observation *b)
{
	return a->nr_states == b->nr_states &&
	       !memcmp(a->states, b->states,
		       a->nr_states * sizeof(a->states[0]));
}

static void expect_like_msi(uint64_t address, uint32_t data)
{
	const struct answer *want, *got, *care, *known;

	run(&expected, "msi address=%#llx data=%#x\n",
	    (unsigned long long)address, data);
	run(&other,
	    "gsi_route gsi=9 address=%#llx data=%#x\n"
	    "irq_line gsi=9 level=1\n",
	    (unsigned long long)address, data);
	want = &last(&expected.want, 1)->answer;
	got = &last(&other.want, 1)->answer;
	care = &last(&expected.care, 1)->answer;
	known = &last(&other.care, 1)->answer;
	if (!states_are_equal(&expected.want, &other.want) ||
	    !states_are_equal(&expected.care, &other.care) ||
	    want->accepted != got->accepted ||
	    care->accepted != known->accepted)
		fail_msg("address %#llx data %#x", (unsigned long long)address,
			 data);
	/* It never fails, and it counts. */
	assert_int_equal(got->error, 0);
	assert_int_equal(known->error, UINT32_MAX);
	assert_int_equal(known->value != 0, known->accepted && got->accepted);
	if (known->value && !got->value)
		fail_msg("none took data %#x", data);
}

static void an_input_sends_as_a_device_does(void **state)
{
	static const uint64_t addresses[] = {
		0xfee00000, 0xfee01000, 0xfee02000,    0xfee05000, 0xfeeff000,
		0xfee01004, 0xfee03004, 0xfee04004,    0xfeeff004, 0xfee03008,
		0xfee0300c, 0,		0x123fee00000,
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(addresses); i++)
		for (uint32_t delivery = 0; delivery < 8; delivery++)
			for (uint32_t level = 0; level < 4; level++)
				expect_like_msi(addresses[i],
						0x45 | delivery << 8 |
							level << 14);
	expect_like_msi(0xfee00000, 0x0f);
	expect_like_msi(0xfee00000, 0x10);
}

static void all_that_take_it_are_counted(void **state)
{
	static const struct {
		uint64_t address;
		uint32_t data, nr;
	} cases[] = {
		{ 0xfee00000, 0x41, 1 },  { 0xfeeff000, 0x41, 2 },
		{ 0xfeeff000, 0x400, 3 }, { 0xfee03004, 0x41, 2 },
		{ 0xfee03004, 0x141, 1 }, { 0xfee0300c, 0x41, 1 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		run(&expected,
		    "gsi_route gsi=255 address=%#llx data=%#x\n"
		    "irq_line gsi=255 level=1\n",
		    (unsigned long long)cases[i].address, cases[i].data);
		assert_int_equal(last(&expected.want, 1)->answer.value,
				 cases[i].nr);
		assert_int_equal(last(&expected.care, 1)->answer.value,
				 UINT64_MAX);
	}
}

static void only_what_has_a_route_sends(void **state)
{
	(void)state;
	for (uint32_t gsi = 0; gsi < 256; gsi++) {
		bool routed = gsi == 23 || gsi == 24;

		run(&expected,
		    "gsi_route gsi=23 address=0xfee00000 data=0x41\n"
		    "gsi_route gsi=24 address=0xfee00000 data=0x41\n"
		    "irq_line gsi=%u level=1\n",
		    gsi);
		assert_int_equal(last(&expected.want, 1)->answer.accepted,
				 routed);
		assert_int_equal(last(&expected.want, 1)->answer.value,
				 routed ? 1 : UINT32_MAX);
	}
	run(&expected, "gsi_route gsi=1 address=0xfee00000 data=0x41\n"
		       "gsi_route gsi=1 address=0xfee02000 data=0x400\n"
		       "irq_line gsi=1 level=0\n");
	run(&other, "observe\n");
	assert_true(!memcmp(&expected.want.states[0], &other.want.states[3],
			    3 * sizeof(struct vcpu_state)));
}

/* Bits 7:0 of the upper half, with 32-bit IDs; of any route of the table. */
static void a_table_with_a_reserved_bit_is_refused(void **state)
{
	(void)state;
	for (uint32_t bit = 0; bit < 32; bit++) {
		uint64_t address = 0xfee00000 | 1ull << (32 + bit);
		uint32_t error = bit < 8 ? 22 : 0;

		run(&expected,
		    "gsi_route gsi=1 address=%#llx data=0x41\n"
		    "x2apic_api_enable flags=use_32bit_ids\n"
		    "gsi_route gsi=2 address=0xfee00000 data=0x42\n"
		    "gsi_route gsi=3 address=%#llx data=0x43\n"
		    "gsi_route gsi=1 address=0xfee00000 data=0x44\n"
		    "gsi_route gsi=2 address=0xfee00000 data=0x42\n",
		    (unsigned long long)address, (unsigned long long)address);
		assert_int_equal(last(&expected.want, 6)->answer.error, 0);
		assert_int_equal(last(&expected.want, 4)->answer.error, error);
		assert_int_equal(last(&expected.want, 3)->answer.error, error);
		assert_int_equal(last(&expected.want, 2)->answer.error, 0);
		assert_int_equal(last(&expected.want, 1)->answer.error, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_input_sends_as_a_device_does),
		cmocka_unit_test(all_that_take_it_are_counted),
		cmocka_unit_test(only_what_has_a_route_sends),
		cmocka_unit_test(a_table_with_a_reserved_bit_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
