/*
 * PPR and IA32_APIC_BASE. PPR: every TPR against every vector in service,
 * against the manual's text in decimal. APICBASE: every single bit, and every
 * transition between modes.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "ref/rules.h"
#include "scenario/x86.h"

static void ppr_all(void **state)
{
	(void)state;
	for (uint32_t tpr = 0; tpr < 256; tpr++) {
		for (uint32_t vector = 0; vector < 256; vector++) {
			uint32_t isr[8] = { 0 };
			uint32_t want;

			isr[vector / 32] = 1u << vector % 32;
			want = tpr / 16 >= vector / 16 ? tpr : vector / 16 * 16;
			assert_int_equal(lapic_ppr(tpr, isr), want);
			/* Lower ones in service do not count. */
			isr[0] |= 1;
			assert_int_equal(lapic_ppr(tpr, isr), want);
		}
	}
	assert_int_equal(lapic_ppr(0xffffff35, (uint32_t[8]){ 0 }), 0x35);
}

static void apicbase_every_bit(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		bool address = bit >= 12 && bit < 36;
		uint64_t value = 0xfee00800 ^ 1ull << bit;
		/* Bit 11 cleared leaves EXTD clear too: off. */
		bool legal = address || bit == 8 || bit == 10 || bit == 11;

		if (apicbase_is_legal(value, true) != legal)
			fail_msg("bit %u: want %d", bit, legal);
		if (apicbase_is_legal(value, false) != (legal && bit != 10))
			fail_msg("bit %u without x2APIC", bit);
	}
	assert_false(apicbase_is_legal(0xfee00400, true));
}

static struct scenario scenario;
static struct expectation expected;

/* The state of the only vCPU at the end. */
static const struct vcpu_state *run(const char *text)
{
	struct model_setup setup = { 0 };

	test_parse(&scenario, text);
	model_run(&expected, &scenario, &setup);
	return &expected.want.states[expected.want.nr_states - 1];
}

static uint32_t accepted(uint32_t op)
{
	return expected.want.steps[op].answer.accepted;
}

static void mode_transitions(void **state)
{
	static const struct {
		const char *from, *to;
		uint32_t accepted, id, ldr;
	} rows[] = {
		/* An xAPIC ID that software wrote, 7; the vCPU's is 0x123. */
		{ "0xfee00800", "0xfee00800", 1, 0x07000000, 0x02000000 },
		{ "0xfee00800", "0xfee00c00", 1, 0x23000000, 0x00120008 },
		{ "0xfee00800", "0xfee00000", 1, 0x07000000, 0x02000000 },
		{ "0xfee00800", "0xfee00400", 0, 0x07000000, 0x02000000 },
		{ "0xfee00c00", "0xfee00800", 1, 0x23000000, 0x00120008 },
		{ "0xfee00c00", "0xfee00c00", 1, 0x23000000, 0x00120008 },
		{ "0xfee00c00", "0xfee00400", 0, 0x23000000, 0x00120008 },
		{ "0xfee00000", "0xfee00800", 1, 0x23000000, 0x02000000 },
		{ "0xfee00000", "0xfee00c00", 1, 0x23000000, 0x00120008 },
		{ "0xfee00000", "0xfee00400", 0, 0x07000000, 0x02000000 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct vcpu_state *end;
		char text[512];

		snprintf(text, sizeof(text),
			 "vcpu_create vcpu_id=0x123\n"
			 "lapic_write vcpu=0 by=host reg=id value=0x7000000\n"
			 "lapic_write vcpu=0 by=host reg=ldr "
			 "value=0x2000000\n"
			 "apicbase_write vcpu=0 by=host value=%s\n"
			 "apicbase_write vcpu=0 by=host value=%s\n",
			 rows[i].from, rows[i].to);
		end = run(text);
		if (accepted(4) != rows[i].accepted ||
		    end->apic[APIC_REG_id] != rows[i].id ||
		    end->apic[APIC_REG_ldr] != rows[i].ldr)
			fail_msg("%s -> %s: accepted %u id %#x ldr %#x",
				 rows[i].from, rows[i].to, accepted(4),
				 end->apic[APIC_REG_id],
				 end->apic[APIC_REG_ldr]);
	}
}

/* Which bits a WRMSR to each x2APIC register may set: 1 where it may. */
static const struct {
	uint32_t slot;
	uint32_t legal;
} x2apic_registers[] = {
	{ 0x08, 0x000000ff }, /* TPR */
	{ 0x0b, 0x00000000 }, /* EOI */
	{ 0x0f, 0x000013ff }, /* SVR */
	{ 0x28, 0x00000000 }, /* ESR */
	{ 0x32, 0x000710ff }, /* LVT timer */
	{ 0x33, 0x000117ff }, /* LVT thermal */
	{ 0x34, 0x000117ff }, /* LVT performance */
	{ 0x35, 0x0001f7ff }, /* LVT LINT0 */
	{ 0x36, 0x0001f7ff }, /* LVT LINT1 */
	{ 0x37, 0x000110ff }, /* LVT error */
	{ 0x3e, 0x0000000b }, /* divide configuration */
	{ 0x3f, 0x000000ff }, /* self IPI */
};

static uint32_t try_x2apic_write(uint32_t slot, uint64_t value)
{
	struct model_setup setup = { 0 };

	test_parse(&scenario, "vcpu_create vcpu_id=1\n"
			      "apicbase_write vcpu=0 by=host value=0xfee00c00\n"
			      "x2apic_write vcpu=0 by=host reg=tpr value=0\n");
	scenario.ops[2].as.x2apic_write.reg = (uint8_t)slot;
	scenario.ops[2].as.x2apic_write.value = value;
	model_run(&expected, &scenario, &setup);
	return accepted(2);
}

static void x2apic_reserved_bits(void **state)
{
	(void)state;
	for (uint32_t slot = 0; slot < 64; slot++) {
		uint64_t legal = 0;
		bool exists = false;

		if (slot == 0x30 || slot == 0x38)
			continue; /* ICR: below; the timer: never written */
		for (size_t i = 0; i < ARRAY_SIZE(x2apic_registers); i++) {
			if (x2apic_registers[i].slot != slot)
				continue;
			exists = true;
			legal = x2apic_registers[i].legal;
		}
		assert_int_equal(try_x2apic_write(slot, 0), exists);
		for (unsigned bit = 0; bit < 64; bit++) {
			uint32_t want = exists && (legal >> bit & 1);

			if (try_x2apic_write(slot, 1ull << bit) != want)
				fail_msg("slot %#x bit %u: want %u", slot, bit,
					 want);
		}
	}
}

static void icr_reserved_bits(void **state)
{
	(void)state;
	for (unsigned bit = 0; bit < 64; bit++) {
		bool reserved = bit == 13 || bit == 16 || bit == 17 ||
				(bit >= 20 && bit < 32);

		if (try_x2apic_write(0x30, 1ull << bit) == reserved)
			fail_msg("ICR bit %u", bit);
	}
}

static void x2apic_registers_need_x2apic_mode(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=1\n"
	    "x2apic_write vcpu=0 by=host reg=tpr value=0\n"
	    "icr_write vcpu=0 by=host dest=1 low=0x4051\n"
	    "self_ipi vcpu=0 by=host vector=0x51\n"
	    "apicbase_write vcpu=0 by=host value=0xfee00000\n"
	    "x2apic_write vcpu=0 by=host reg=tpr value=0\n");
	assert_int_equal(accepted(1), 0);
	assert_int_equal(accepted(2), 0);
	assert_int_equal(accepted(3), 0);
	assert_int_equal(accepted(5), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ppr_all),
		cmocka_unit_test(apicbase_every_bit),
		cmocka_unit_test(mode_transitions),
		cmocka_unit_test(x2apic_reserved_bits),
		cmocka_unit_test(icr_reserved_bits),
		cmocka_unit_test(x2apic_registers_need_x2apic_mode),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
