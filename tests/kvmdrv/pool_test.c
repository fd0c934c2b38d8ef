/*
 * A VM that is used again is as good as a new one: on the whole corpus and on
 * random scenarios, each run after others on the same VM, both give the same
 * observation. The arguments are the corpus. What KVM should answer is not
 * said here.
 */
#include "tests/test.h"

#include "fuzz/mutate.h"
#include "kvmdrv/kvmdrv.h"

enum { RANDOM_ROUNDS = 3000, OPS_AFTER = 12, RUNS = 4 };

static char **files;
static int nr_files;
static struct kvmdrv *drv;
static struct kvmdrv_reason reason;
static struct observation fresh, reused;
static struct scenario scenario, other;

static void open_or_skip(void)
{
	if (!drv && kvmdrv_open(&drv, &reason, KVMDRV_DEVICE) != 0)
		test_skip(reason.text);
}

static void read_scenario(struct scenario *out, const char *path)
{
	static char text[65536];
	FILE *in = fopen(path, "r");
	size_t len;

	assert_non_null(in);
	len = fread(text, 1, sizeof(text) - 1, in);
	text[len] = '\0';
	fclose(in);
	test_parse(out, text);
}

static void print_difference(const struct scenario *s, uint32_t step,
			     const char *what)
{
	printf("# step %u: %s\n", step, what);
	scenario_print(stdout, s);
	fflush(stdout);
}

static bool answers_are_equal(const struct scenario *s)
{
	for (uint32_t i = 0; i < fresh.nr_steps; i++) {
		if (!memcmp(&fresh.steps[i], &reused.steps[i],
			    sizeof(fresh.steps[i])))
			continue;
		print_difference(s, i, "another answer");
		return false;
	}
	return true;
}

static bool states_are_equal(const struct scenario *s)
{
	for (uint32_t i = 0; i < fresh.nr_states; i++)
		for (size_t o = 0; o < OBSERVABLES; o++) {
			if (observable_get(&observables[o], &fresh.states[i]) ==
			    observable_get(&observables[o], &reused.states[i]))
				continue;
			print_difference(s, i, observables[o].name);
			return false;
		}
	return true;
}

static void assert_reused_is_fresh(const struct scenario *s)
{
	kvmdrv_run(drv, &fresh, s, SCHEDULE_FRESH);
	kvmdrv_run(drv, &reused, s, SCHEDULE_FAST);
	assert_int_equal(fresh.nr_steps, reused.nr_steps);
	assert_int_equal(fresh.nr_states, reused.nr_states);
	assert_true(answers_are_equal(s));
	assert_true(states_are_equal(s));
}

static void the_corpus_shows_the_same(void **state)
{
	(void)state;
	open_or_skip();
	for (int round = 0; round < 3; round++)
		for (int i = 0; i < nr_files; i++) {
			read_scenario(&scenario, files[i]);
			assert_reused_is_fresh(&scenario);
		}
}

/* The vCPUs of @out are those that come first in @scenario. */
static void take_first_vcpus(struct scenario *out)
{
	out->config = scenario.config;
	out->nr_ops = 0;
	while (out->nr_ops < scenario.nr_ops &&
	       scenario.ops[out->nr_ops].kind == OP_vcpu_create) {
		out->ops[out->nr_ops] = scenario.ops[out->nr_ops];
		out->nr_ops++;
	}
}

/*
 * Random ops, mostly those that reach far, on the vCPUs of @scenario. A VM on
 * which they ran is then used for another such scenario.
 */
static void add_random_ops(struct scenario *s, uint64_t *random)
{
	static uint8_t bytes[SCENARIO_BYTES_MAX];
	size_t nr_vcpus = s->nr_ops, len;

	for (int i = 0; i < OPS_AFTER; i++) {
		len = scenario_encode(bytes, sizeof(bytes), s);
		len = mutate_bytes(bytes, sizeof(bytes), bytes, len,
				   test_random(random));
		scenario_decode(&other, bytes, len);
		for (size_t at = 0; at < other.nr_ops; at++)
			if (op_vcpu(&other.ops[at]) < (int)nr_vcpus &&
			    s->nr_ops < OPS_MAX &&
			    (other.ops[at].kind != OP_vcpu_create ||
			     test_random(random) % 16 == 0))
				s->ops[s->nr_ops++] = other.ops[at];
		if (s->nr_ops > 2 * OPS_AFTER)
			break;
	}
}

static void random_scenarios_show_the_same(void **state)
{
	uint64_t random = 21;

	(void)state;
	open_or_skip();
	for (int i = 0; i < RANDOM_ROUNDS; i++) {
		if (i % 8 == 0)
			read_scenario(&scenario, files[test_random(&random) %
						       (uint64_t)nr_files]);
		take_first_vcpus(&scenario);
		add_random_ops(&scenario, &random);
		assert_reused_is_fresh(&scenario);
	}
}

/* So that later runs are on VMs that ran others before. */
static void run_again_and_again(const char *const *texts, size_t nr)
{
	open_or_skip();
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < RUNS * nr; i++) {
			test_parse(&scenario, texts[i / RUNS]);
			assert_reused_is_fresh(&scenario);
		}
}

static void what_reuse_might_leave_is_not_there(void **state)
{
	static const char *const texts[] = {
		/* What was in service bears on what becomes of PPR. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=isr1 value=0x10\n",
		/* A page that a message has changed since it was read. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee00000 data=0x42\n"
		"lapic_write vcpu=0 by=host reg=tpr value=0x10\n",
		/* A vCPU that is not in the routing table yet. */
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n",
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"vcpu_create vcpu_id=2\n"
		"msi address=0xfee02000 data=0x400\n",
		/* A vCPU that was refused, so its page is not written. */
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=1 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee01000 data=0x400\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n",
		/* Pending events, and modes. */
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=0 by=host reg=tpr value=0\n"
		"msi address=0xfee01000 data=0x400\n"
		"msi address=0xfee00000 data=0x500\n"
		"apicbase_write vcpu=1 by=host value=0xfee00d00\n",
	};

	(void)state;
	run_again_and_again(texts, ARRAY_SIZE(texts));
}

static void nor_what_interrupt_controllers_have(void **state)
{
	static const char *const texts[] = {
		/* Routes, which KVM has a VM keep. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"irq_line gsi=7 level=1\n"
		"gsi_route gsi=7 address=0xfee00000 data=0x41\n"
		"irq_line gsi=7 level=1\n",
		/* What waits in a PIC, and gets to a vCPU that takes it. */
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"interrupt_take vcpu=0\n"
		"irq_line gsi=10 level=1\n"
		"irq_line gsi=3 level=1\n",
		/* The IOAPIC: entries, lines that are high, remote IRR. */
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"ioapic_read vcpu=0 by=host reg=0x30\n"
		"irq_line gsi=16 level=1\n"
		"ioapic_read vcpu=0 by=guest reg=0x32\n"
		"ioapic_write vcpu=0 by=guest reg=0x30 value=0x8041\n"
		"ioapic_write vcpu=0 by=guest reg=0x32 value=0x42\n"
		"irq_line gsi=17 level=1\n"
		"ioapic_write vcpu=0 by=guest reg=0 value=0x3000000\n",
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"ioapic_read vcpu=0 by=guest reg=0x32\n"
		"ioapic_write vcpu=0 by=guest reg=0x32 value=0x10041\n",
		/* What a vCPU knows of the IOAPIC since it last ran. */
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"apicbase_write vcpu=0 by=host value=0xfee00d00\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"ioapic_write vcpu=0 by=host reg=0x30 value=0x8041\n"
		"irq_line gsi=16 level=1\n"
		"irq_line gsi=16 level=0\n"
		"lapic_write vcpu=0 by=host reg=isr2 value=2\n"
		"x2apic_write vcpu=0 by=host reg=eoi value=0\n"
		"ioapic_read vcpu=0 by=host reg=0x30\n"
		"lapic_read vcpu=0 by=guest reg=tpr\n",
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"ioapic_write vcpu=0 by=host reg=0x20 value=0x41\n"
		"irq_line gsi=8 level=1\n"
		"gsi_route gsi=8 address=0xfee00000 data=0x43\n"
		"irq_line gsi=8 level=0\n"
		"ioapic_read vcpu=0 by=host reg=0\n",
	};

	(void)state;
	run_again_and_again(texts, ARRAY_SIZE(texts));
}

/* A started vCPU is not at its reset vector; KVM_SET_SREGS looks at that. */
static void a_started_vcpu_is_at_its_reset_vector_again(void **state)
{
	static const char start[] =
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"lapic_write vcpu=0 by=host reg=svr value=0\n"
		"msi address=0xfee01000 data=0x500\n"
		"observe\n"
		"msi address=0xfee01000 data=0x612\n";
	static const char restore[] =
		"vcpu_create vcpu_id=0\n"
		"vcpu_create vcpu_id=1\n"
		"apicbase_restore vcpu=1 value=0xfee00900\n";

	(void)state;
	open_or_skip();
	for (int round = 0; round < 3; round++) {
		test_parse(&scenario, start);
		assert_reused_is_fresh(&scenario);
		assert_int_equal(fresh.states[fresh.nr_states - 1].cs_selector,
				 0x1200);
		test_parse(&scenario, restore);
		assert_reused_is_fresh(&scenario);
	}
}

/* KVM does not show these, but in what the next scenario does. */
static void what_a_halt_leaves_is_not_there(void **state)
{
	static const char *const texts[] = {
		/* In the middle of its program, with interrupts enabled. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
		"halt vcpu=0\n",
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"mp_state_set vcpu=0 state=halted\n"
		"lapic_read vcpu=0 by=guest reg=id\n"
		"msi address=0xfee00000 data=0x45\n"
		"lapic_read vcpu=0 by=guest reg=id\n",
		/* What ends the next HLT. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee00000 data=0x345\n",
		/* So do NMIs, which are blocked here or not taken at all. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee00000 data=0x400\n",
		/* The vector of the last SIPI. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"msi address=0xfee00000 data=0x645\n",
		"vcpu_create vcpu_id=0\n"
		"mp_state_set vcpu=0 state=sipi_received\n",
		/* Another VM than the one that was taken from the pool. */
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=guest reg=svr value=0x1ff\n"
		"save_restore\n"
		"halt vcpu=0\n"
		"save_restore\n"
		"msi address=0xfee00000 data=0x45\n"
		"lapic_read vcpu=0 by=guest reg=isr2\n",
		/* What ends a HLT may come by the IOAPIC as well. */
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"ioapic_write vcpu=0 by=host reg=0x30 value=0x345\n"
		"irq_line gsi=16 level=1\n",
		"config irqchip=full\n"
		"vcpu_create vcpu_id=0\n"
		"lapic_write vcpu=0 by=host reg=svr value=0x1ff\n"
		"halt vcpu=0\n",
	};

	(void)state;
	open_or_skip();
	for (int round = 0; round < 3; round++)
		for (size_t a = 0; a < ARRAY_SIZE(texts); a++)
			for (size_t b = 0; b < ARRAY_SIZE(texts); b++) {
				test_parse(&scenario, texts[a]);
				assert_reused_is_fresh(&scenario);
				test_parse(&scenario, texts[b]);
				assert_reused_is_fresh(&scenario);
			}
}

static int close_driver(void **state)
{
	(void)state;
	if (drv)
		kvmdrv_close(drv);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_corpus_shows_the_same),
		cmocka_unit_test(what_reuse_might_leave_is_not_there),
		cmocka_unit_test(nor_what_interrupt_controllers_have),
		cmocka_unit_test(a_started_vcpu_is_at_its_reset_vector_again),
		cmocka_unit_test(what_a_halt_leaves_is_not_there),
		cmocka_unit_test(random_scenarios_show_the_same),
	};

	files = argv + 1;
	nr_files = argc - 1;
	return cmocka_run_group_tests(tests, NULL, close_driver);
}
