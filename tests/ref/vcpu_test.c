/*
 * What the model says of vCPUs that wait: every state that the host can set
 * against every event, by a second formulation as tables; what ends a HLT; and
 * that a VM which is saved and restored, wherever in a scenario, goes on as if
 * it had not been.
 */
#include "tests/test.h"

#include <errno.h>

#include "ref/model.h"
#include "scenario/x86.h"

static struct scenario scenario;
static struct expectation expected;
static struct model_setup setup;

static void __attribute__((format(printf, 1, 2))) run(const char *format, ...)
{
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

/* With the rows that are switched on in @set. */
static void use(const char *set)
{
	const char *unknown;

	setup = (struct model_setup){ 0 };
	assert_true(errata_parse(&setup.errata, &unknown, set));
}

static const char *const events[] = {
	"observe\n",
	"msi address=0xfee01000 data=0x500\n", /* INIT */
	"msi address=0xfee01000 data=0x634\n", /* SIPI */
	"msi address=0xfee01000 data=0x400\n", /* NMI */
	"msi address=0xfee01000 data=0x45\n",
};

/* vCPU 1 has no BSP flag, so an INIT leaves it waiting; 'x': it executes. */
static const struct {
	const char *name;
	const char *runs; /* for each event */
	uint32_t shows[5];
} states[] = {
	{ "runnable", "x-xxx", { 0, 2, 0, 0, 0 } },
	{ "uninitialized", "-----", { 1, 2, 1, 1, 1 } },
	{ "init_received", "--x--", { 2, 2, 0, 2, 2 } },
	/* Interrupts are not enabled where it is not by a HLT of its own. */
	{ "halted", "---x-", { 3, 2, 3, 3, 3 } },
	/* With `observe` between, the SIPI is taken before the event comes. */
	{ "sipi_received", "x-xxx", { 0, 2, 0, 0, 0 } },
};

static void each_state_knows_what_it_waits_for(void **state)
{
	(void)state;
	use("arch");
	for (size_t s = 0; s < ARRAY_SIZE(states); s++)
		for (size_t e = 0; e < ARRAY_SIZE(events); e++) {
			bool runs = states[s].runs[e] == 'x';

			run("vcpu_create vcpu_id=0\n"
			    "vcpu_create vcpu_id=1\n"
			    "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
			    "mp_state_set vcpu=1 state=%s\n"
			    "%s"
			    "observe\n"
			    "lapic_read vcpu=1 by=guest reg=id\n",
			    states[s].name, events[e]);
			assert_int_equal(answer_of(3)->accepted, 1);
			if (answer_of(6)->accepted != runs ||
			    expected.want.states[expected.want.steps[5]
							 .first_state +
						 1]
					    .mp_state != states[s].shows[e])
				fail_msg("%s, event %zu", states[s].name, e);
			assert_int_equal(answer_of(6)->outcome,
					 runs ? OUTCOME_DONE : OUTCOME_NOT_RUN);
		}
}

static void there_is_no_other_state(void **state)
{
	(void)state;
	use("arch");
	run("vcpu_create vcpu_id=0\n"
	    "mp_state_set vcpu=0 state=stopped\n");
	assert_int_equal(answer_of(1)->error, EINVAL);
	assert_int_equal(end_of(0)->mp_state, MP_STATE_RUNNABLE);
}

/* For each vector and TPR class: woken up if taken, and else halted still. */
static void an_interrupt_ends_a_halt_by_its_class(void **state)
{
	(void)state;
	use("arch");
	for (uint32_t class = 1; class < 16; class ++)
		for (uint32_t tpr = 0; tpr < 16; tpr++) {
			bool wakes = class > tpr;

			run("vcpu_create vcpu_id=0\n"
			    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
			    "lapic_write vcpu=0 by=guest reg=tpr value=0x%x0\n"
			    "halt vcpu=0\n"
			    "msi address=0xfee00000 data=0x%x7\n"
			    "lapic_read vcpu=0 by=guest reg=id\n"
			    "halt vcpu=0\n",
			    tpr, class);
			assert_int_equal(answer_of(3)->outcome, OUTCOME_HALTED);
			assert_int_equal(answer_of(5)->accepted, wakes);
			assert_int_equal(answer_of(6)->outcome,
					 wakes ? OUTCOME_HALTED :
						 OUTCOME_NOT_RUN);
			assert_int_equal(end_of(0)->mp_state, MP_STATE_HALTED);
			assert_int_equal(
				end_of(0)->apic[APIC_REG_isr0 + class / 2],
				wakes ? 1u << (class % 2 * 16 + 7) : 0);
		}
}

static void what_waits_is_taken_by_a_halt_at_once(void **state)
{
	(void)state;
	use("arch");
	run("vcpu_create vcpu_id=0\n"
	    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x44045\n"
	    "halt vcpu=0\n");
	assert_int_equal(answer_of(3)->value, 0x45);
	assert_int_equal(answer_of(3)->outcome, OUTCOME_DONE);
	assert_int_equal(end_of(0)->mp_state, MP_STATE_RUNNABLE);
}

/* It says so only while it is halted, and only once. */
static void a_reserved_mode_ends_one_halt(void **state)
{
	static const char text[] =
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee00000 data=0x300\n"
		"halt vcpu=0\n"
		"halt vcpu=0\n"
		"msi address=0xfee00000 data=0x300\n"
		"observe\n";

	(void)state;
	use("arch,+reserved_mode_unhalts");
	run(text);
	assert_int_equal(answer_of(3)->outcome, OUTCOME_DONE);
	assert_int_equal(answer_of(4)->outcome, OUTCOME_HALTED);
	assert_int_equal(end_of(0)->mp_state, MP_STATE_RUNNABLE);
	use("arch");
	run(text);
	assert_int_equal(answer_of(3)->outcome, OUTCOME_HALTED);
	assert_int_equal(end_of(0)->mp_state, MP_STATE_HALTED);
}

/* What makes KVM look for an interrupt again that it had forgotten. */
static void a_forgotten_interrupt_is_found_again(void **state)
{
	static const struct {
		const char *op;
		bool found;
	} between[] = {
		{ "observe", false },
		{ "interrupt_take vcpu=0", false },
		{ "lapic_write vcpu=0 by=guest reg=eoi value=0", false },
		{ "lapic_write vcpu=0 by=guest reg=tpr value=0", false },
		{ "apicbase_restore vcpu=0 value=0xfee00900", false },
		{ "msi address=0xfee00000 data=0x400", true },
		{ "msi address=0xfee00000 data=0x21", true },
		{ "lapic_write vcpu=0 by=host reg=eoi value=0", true },
		{ "x2apic_write vcpu=0 by=guest reg=tpr value=0", true },
		{ "mp_state_set vcpu=0 state=runnable", true },
		{ "save_restore", true },
	};

	(void)state;
	use("arch,+interrupt_forgotten");
	for (size_t i = 0; i < ARRAY_SIZE(between); i++) {
		run("vcpu_create vcpu_id=0\n"
		    "lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		    "msi address=0xfee00000 data=0x8e\n"
		    "apicbase_write vcpu=0 by=host value=0xfee00100\n"
		    "interrupt_take vcpu=0\n"
		    "apicbase_write vcpu=0 by=guest value=0xfee00900\n"
		    "%s\n"
		    "interrupt_take vcpu=0\n",
		    between[i].op);
		assert_int_equal(answer_of(4)->value, 0);
		if (answer_of(7)->value != (between[i].found ? 0x8e : 0))
			fail_msg("%s", between[i].op);
	}
}

/* One more op in front of op @at: nothing that is answered or shown changes. */
static void expect_the_same_with_restore_at(size_t at)
{
	static struct expectation restored;
	static struct scenario other;

	other = scenario;
	memmove(&other.ops[at + 1], &other.ops[at],
		(other.nr_ops - at) * sizeof(other.ops[0]));
	other.ops[at].kind = OP_save_restore;
	other.nr_ops++;
	model_run(&restored, &other, &setup);
	for (size_t i = 0; i < scenario.nr_ops; i++)
		assert_memory_equal(&restored.want.steps[i + (i >= at)].answer,
				    &expected.want.steps[i].answer,
				    sizeof(struct answer));
	assert_int_equal(restored.want.nr_states, expected.want.nr_states);
	assert_memory_equal(restored.want.states, expected.want.states,
			    expected.want.nr_states *
				    sizeof(struct vcpu_state));
	assert_memory_equal(restored.care.states, expected.care.states,
			    expected.care.nr_states *
				    sizeof(struct vcpu_state));
}

static void a_restored_vm_goes_on_as_it_was(void **state)
{
	(void)state;
	use("arch");
	run("config x2apic_api=use_32bit_ids\n"
	    "vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=0x123\n"
	    "lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "lapic_write vcpu=0 by=guest reg=tpr value=0x20\n"
	    "icr_write vcpu=0 by=guest dest=0 low=0x44045\n"
	    "interrupt_take vcpu=0\n"
	    "msi address=0xfee00000 data=0x91\n"
	    "halt vcpu=0\n"
	    "lapic_write vcpu=0 by=guest reg=eoi value=0\n"
	    "lapic_write vcpu=0 by=guest reg=eoi value=0\n"
	    "halt vcpu=0\n"
	    "apicbase_write vcpu=2 by=host value=0xfee00c00\n"
	    "mp_state_set vcpu=2 state=runnable\n"
	    "x2apic_write vcpu=2 by=guest reg=svr value=0x1ff\n"
	    "icr_write vcpu=2 by=guest dest=0 low=0x4051\n"
	    "lapic_read vcpu=0 by=guest reg=isr2\n");
	assert_int_equal(answer_of(18)->value, 1 << 17);
	for (size_t at = 3; at <= scenario.nr_ops; at++)
		expect_the_same_with_restore_at(at);
}

static void what_a_restore_cannot_carry_is_taken_first(void **state)
{
	(void)state;
	use("arch");
	run("vcpu_create vcpu_id=0\n"
	    "vcpu_create vcpu_id=1\n"
	    "lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
	    "msi address=0xfee01000 data=0x500\n"
	    "save_restore\n"
	    "mp_state_set vcpu=1 state=uninitialized\n");
	assert_int_equal(end_of(1)->apic[APIC_REG_svr], 0xff);
	assert_int_equal(end_of(1)->mp_state, MP_STATE_UNINITIALIZED);
	use("arch,+nmi_count_hidden");
	run("vcpu_create vcpu_id=0\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "msi address=0xfee00000 data=0x400\n"
	    "save_restore\n"
	    "lapic_read vcpu=0 by=guest reg=id\n");
	assert_int_equal(end_of(0)->nmi_pending, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_knows_what_it_waits_for),
		cmocka_unit_test(there_is_no_other_state),
		cmocka_unit_test(an_interrupt_ends_a_halt_by_its_class),
		cmocka_unit_test(what_waits_is_taken_by_a_halt_at_once),
		cmocka_unit_test(a_reserved_mode_ends_one_halt),
		cmocka_unit_test(a_forgotten_interrupt_is_found_again),
		cmocka_unit_test(a_restored_vm_goes_on_as_it_was),
		cmocka_unit_test(what_a_restore_cannot_carry_is_taken_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
