/*
 * What the model says of ops that a guest does: every register of the page and
 * every way between modes, each against a second formulation as a table; the
 * events that a vCPU takes as it runs; and what is left open.
 */
#include "tests/test.h"

#include "ref/model.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected;

static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
	struct model_setup setup = { 0 };
	char text[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	test_parse(&scenario, text);
	model_run(&expected, &scenario, &setup);
}

static const struct answer *answer_of(size_t op)
{
	return &expected.want.steps[op].answer;
}

static const struct vcpu_state *end_of(uint32_t vcpu)
{
	const struct observation *want = &expected.want;

	return observation_state_const(want, &want->steps[want->nr_steps - 1],
				       vcpu);
}

/* Slots that keep something of a write of all ones, and what. */
static uint32_t kept_of_ones(uint32_t slot)
{
	switch (slot) {
	case 0x02:
	case 0x0d:
	case 0x31:
		return 0xff000000;
	case 0x08:
		return 0xff;
	case 0x0e:
		return 0xffffffff;
	case 0x0f:
		return 0x13ff;
	case 0x32:
		return 0x700ff;
	case 0x33:
	case 0x34:
		return 0x107ff;
	case 0x35:
	case 0x36:
		return 0x1a7ff;
	case 0x37:
		return 0x100ff;
	case 0x3e:
		return 0xb;
	}
	return 0;
}

static void each_register_keeps_its_bits(void **state)
{
	static const char *const names[] = {
#define REG(slot, name) [slot] = #name,
#include "scenario/apic_regs.def"
	};
	static uint32_t before[APIC_REGS];

	(void)state;
	for (uint32_t slot = 0; slot < APIC_REGS; slot++) {
		uint32_t want = kept_of_ones(slot);

		/* ICR sends, and reserved bits of it are not defined. */
		if (slot == APIC_REG_tmict || slot == APIC_REG_icr)
			continue;
		run("vcpu_create vcpu_id=0\n"
		    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n");
		memcpy(before, end_of(0)->apic, sizeof(before));
		run("vcpu_create vcpu_id=0\n"
		    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
		    "lapic_write vcpu=0 by=guest reg=%s value=0xffffffff\n",
		    names[slot]);
		if (!want)
			want = before[slot];
		if (slot == APIC_REG_ppr)
			want = 0;
		if (end_of(0)->apic[slot] != want)
			fail_msg("%s: want 0x%x, got 0x%x", names[slot], want,
				 end_of(0)->apic[slot]);
		assert_int_equal(answer_of(2)->accepted, 1);
	}
}

static void a_timer_has_the_modes_of_cpuid(void **state)
{
	(void)state;
	run("config cpuid=none\n"
	    "vcpu_create vcpu_id=0\n"
	    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "lapic_write vcpu=0 by=guest reg=lvt_timer value=0xffffffff\n");
	assert_int_equal(end_of(0)->apic[APIC_REG_lvt_timer], 0x300ff);
}

static void a_guest_goes_between_modes_as_the_manual_says(void **state)
{
	static const uint32_t modes[] = { 0x000, 0x800, 0xc00 };
	/* From off, xAPIC, x2APIC (rows) to each of them. */
	static const bool allowed[3][3] = { { true, true, false },
					    { true, true, true },
					    { true, false, true } };

	(void)state;
	for (int from = 0; from < 3; from++)
		for (int to = 0; to < 3; to++) {
			bool may = allowed[from][to];

			run("vcpu_create vcpu_id=0\n"
			    "apicbase_write vcpu=0 by=host value=0xfee00%03x\n"
			    "apicbase_write vcpu=0 by=guest "
			    "value=0xfee00%03x\n",
			    modes[from] | 0x100, modes[to] | 0x100);
			assert_int_equal(answer_of(2)->accepted, may);
			assert_int_equal(answer_of(2)->exception, may ? 0 : 13);
			assert_int_equal(answer_of(2)->outcome,
					 may ? OUTCOME_DONE :
					       OUTCOME_EXCEPTION);
			assert_int_equal(end_of(0)->apicbase,
					 0xfee00100 | modes[may ? to : from]);
		}
}

static void there_is_no_page_in_other_modes(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "apicbase_write vcpu=0 by=guest value=0xfee00d00\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0x30\n"
	    "apicbase_write vcpu=0 by=guest value=0xfee00100\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0x30\n");
	assert_int_equal(answer_of(2)->accepted, 1);
	assert_int_equal(answer_of(4)->accepted, 1);
	assert_int_equal(end_of(0)->apic[APIC_REG_tpr], 0);
}

static void icr_is_in_the_way_of_the_mode(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=0x123\n"
	    "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
	    "icr_write vcpu=0 by=guest dest=0x123 low=0x41\n"
	    "x2apic_write vcpu=0 by=guest reg=icr value=0x2300000042\n");
	assert_int_equal(end_of(1)->apic[APIC_REG_irr2], 1 << 1);
	assert_int_equal(end_of(0)->apic[APIC_REG_icr_high], 0x23000000);
	assert_int_equal(answer_of(4)->exception, 13);
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=0x123\n"
	    "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
	    "apicbase_write vcpu=0 by=guest value=0xfee00d00\n"
	    "apicbase_write vcpu=1 by=host value=0xfee00c00\n"
	    "icr_write vcpu=0 by=guest dest=0x123 low=0x41\n"
	    "icr_write vcpu=0 by=guest dest=0x23 low=0x42\n");
	assert_int_equal(end_of(1)->apic[APIC_REG_irr2], 1 << 1);
}

static void one_that_waits_executes_nothing(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=1\n"
	    "lapic_write vcpu=1 by=guest reg=tpr value=1\n"
	    "icr_write vcpu=0 by=guest dest=1 low=0x4500\n"
	    "lapic_write vcpu=1 by=guest reg=tpr value=2\n"
	    "icr_write vcpu=0 by=guest dest=1 low=0x4608\n"
	    "lapic_write vcpu=1 by=guest reg=tpr value=3\n");
	assert_int_equal(answer_of(2)->outcome, OUTCOME_NOT_RUN);
	assert_int_equal(answer_of(4)->outcome, OUTCOME_NOT_RUN);
	assert_int_equal(answer_of(6)->outcome, OUTCOME_DONE);
	assert_int_equal(end_of(1)->apic[APIC_REG_tpr], 3);
}

static void one_nmi_is_taken_and_then_they_are_blocked(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0\n");
	assert_int_equal(end_of(0)->nmi_pending, 0);
	run("vcpu_create vcpu_id=0\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x400\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0\n");
	assert_int_equal(end_of(0)->nmi_pending, 1);
	/* An INIT is the end of that. */
	run("vcpu_create vcpu_id=0\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x400\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x4500\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0\n");
	assert_int_equal(answer_of(2)->outcome, OUTCOME_RESET);
	assert_int_equal(end_of(0)->nmi_pending, 0);
}

static void a_reserved_register_is_an_error(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "lapic_write vcpu=0 by=guest reg=lvt_error value=0x61\n"
	    "lapic_write vcpu=0 by=guest reg=reserved_3a0 value=0\n"
	    "lapic_write vcpu=0 by=guest reg=esr value=0\n");
	assert_int_equal(end_of(0)->apic[APIC_REG_esr], 0x80);
	assert_int_equal(end_of(0)->apic[APIC_REG_irr3], 1 << 1);
}

/* A SIPI from a device may start it or not: then all that follows is open. */
static void what_may_have_run_promises_nothing(void **state)
{
	const struct observation *care = &expected.care;

	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=1\n"
	    "icr_write vcpu=0 by=host dest=1 low=0x4500\n"
	    "msi address=0xfee01000 data=0x500\n"
	    "msi address=0xfee01000 data=0x612\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0x10\n"
	    "lapic_write vcpu=1 by=guest reg=tpr value=0x10\n"
	    "msi address=0xfee00000 data=0x45\n");
	assert_int_equal(care->steps[5].answer.accepted, UINT32_MAX);
	assert_int_equal(care->steps[6].answer.accepted, 0);
	assert_int_equal(care->steps[7].answer.accepted, 0);
	assert_int_equal(care->states[0].apicbase, 0);
}

/* By the host as by the guest: what is not readable in x2APIC mode is #GP. */
static void what_can_be_read_of_an_x2apic(void **state)
{
	static const char *const names[] = {
#define REG(slot, name) [slot] = #name,
#include "scenario/apic_regs.def"
	};
	/* A bit a slot: 02, 03, 08, 0a, 0d, 0f-28, 30, 32-39, 3e. */
	const uint64_t readable = 0x43fd01ffffffa50c;
	static const char *const agents[] = { "host", "guest" };

	(void)state;
	for (uint32_t i = 0; i < 2 * APIC_REGS; i++) {
		uint32_t slot = i / 2;
		bool may = readable >> slot & 1;

		if (slot == APIC_REG_tmict)
			continue;
		run("vcpu_create vcpu_id=0\n"
		    "x2apic_read vcpu=0 by=%s reg=%s\n"
		    "apicbase_write vcpu=0 by=host value=0xfee00d00\n"
		    "x2apic_read vcpu=0 by=%s reg=%s\n",
		    agents[i % 2], names[slot], agents[i % 2], names[slot]);
		assert_int_equal(answer_of(1)->accepted, 0);
		assert_int_equal(answer_of(3)->exception,
				 !may && i % 2 ? 13 : 0);
		if (answer_of(3)->accepted != may)
			fail_msg("%s: want %d", names[slot], may);
	}
}

static void what_is_read_is_what_was_written(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0x53\n"
	    "lapic_read vcpu=0 by=guest reg=tpr\n"
	    "lapic_read vcpu=0 by=host reg=ppr\n"
	    "lapic_read vcpu=0 by=guest reg=eoi\n"
	    "lapic_read vcpu=0 by=guest reg=reserved_3a0\n"
	    "lapic_write vcpu=0 by=guest reg=esr value=0\n"
	    "lapic_read vcpu=0 by=guest reg=esr\n"
	    "apicbase_write vcpu=0 by=guest value=0xfee00100\n"
	    "lapic_read vcpu=0 by=guest reg=tpr\n"
	    "apicbase_write vcpu=0 by=guest value=0x900\n"
	    "lapic_read vcpu=0 by=guest reg=tpr\n");
	assert_int_equal(answer_of(2)->value, 0x53);
	assert_int_equal(answer_of(3)->value, 0x53);
	assert_int_equal(expected.care.steps[4].answer.value, 0);
	assert_int_equal(expected.care.steps[5].answer.value, 0);
	assert_int_equal(answer_of(7)->value, 0x80);
	assert_int_equal(answer_of(9)->value, 0xffffffff);
	assert_int_equal(answer_of(11)->outcome, OUTCOME_IMPOSSIBLE);
}

/* For each vector and each TPR: by class, and the sub-class does not count. */
static void an_interrupt_is_taken_by_its_class(void **state)
{
	struct model_setup setup = { 0 };

	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "apicbase_write vcpu=0 by=guest value=0xfee00d00\n"
	    "x2apic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "self_ipi vcpu=0 by=guest vector=0x20\n"
	    "x2apic_write vcpu=0 by=guest reg=tpr value=0\n"
	    "interrupt_take vcpu=0\n"
	    "interrupt_take vcpu=0\n");
	for (uint32_t vector = 16; vector < 256; vector++)
		for (uint32_t tpr = 0; tpr < 256; tpr++) {
			bool taken = vector / 16 > tpr / 16;

			scenario.ops[3].as.self_ipi.vector = (uint8_t)vector;
			scenario.ops[4].as.x2apic_write.value = tpr;
			model_run(&expected, &scenario, &setup);
			assert_int_equal(answer_of(5)->value,
					 taken ? vector : 0);
			assert_int_equal(answer_of(6)->value, 0);
			assert_int_equal(
				end_of(0)->apic[APIC_REG_isr0 + vector / 32],
				taken ? 1u << vector % 32 : 0);
		}
}

static void a_lower_interrupt_waits_for_an_eoi(void **state)
{
	(void)state;
	run("vcpu_create vcpu_id=0\n"
	    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x44045\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x44091\n"
	    "interrupt_take vcpu=0\n"
	    "interrupt_take vcpu=0\n"
	    "lapic_write vcpu=0 by=guest reg=eoi value=0\n"
	    "interrupt_take vcpu=0\n");
	assert_int_equal(answer_of(4)->value, 0x91);
	assert_int_equal(answer_of(5)->value, 0);
	assert_int_equal(answer_of(7)->value, 0x45);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_register_keeps_its_bits),
		cmocka_unit_test(a_timer_has_the_modes_of_cpuid),
		cmocka_unit_test(a_guest_goes_between_modes_as_the_manual_says),
		cmocka_unit_test(there_is_no_page_in_other_modes),
		cmocka_unit_test(icr_is_in_the_way_of_the_mode),
		cmocka_unit_test(one_that_waits_executes_nothing),
		cmocka_unit_test(one_nmi_is_taken_and_then_they_are_blocked),
		cmocka_unit_test(a_reserved_register_is_an_error),
		cmocka_unit_test(what_may_have_run_promises_nothing),
		cmocka_unit_test(what_can_be_read_of_an_x2apic),
		cmocka_unit_test(what_is_read_is_what_was_written),
		cmocka_unit_test(an_interrupt_is_taken_by_its_class),
		cmocka_unit_test(a_lower_interrupt_waits_for_an_eoi),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
